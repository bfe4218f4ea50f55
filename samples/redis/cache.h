/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Shared by the program that answers GETs, and the process that fills its map of values.
 *
 * A key has a generation, which changes before the server receives a command that may change the
 * key's value.  An entry has the generation that its key had before the server was asked for the
 * value, and is valid only as long as the key has the same generation.
 */
#ifndef _REDIS_CACHE_H
#define _REDIS_CACHE_H

#include <linux/types.h>
#include <linux/vnp.h>

/* Keys and values that are longer are left to the server. */
#define CACHE_KEY_MAX		60
#define CACHE_VALUE_MAX		1024

/* "$1024\r\n", the value, "\r\n"; a multiple of 8 */
#define CACHE_TEXT_MAX		1040

/*
 * Entries that are kept, and keys that are asked for together.  Free elements of a map are reused
 * in the order in which they became free.  So the program, if it finds an entry, can use it:
 * between two grace periods, fewer elements are taken than the map has free ones.
 */
#define CACHE_ENTRIES		2048
#define CACHE_BATCH		128
#define CACHE_MAP_ENTRIES	(CACHE_ENTRIES + 2 * CACHE_BATCH)

#define CACHE_BUCKET_BITS	12

/*
 * Connections on which commands of other kinds were sent; after so many new ones, those that have
 * ended are removed
 */
#define CACHE_CONNECTIONS	16384
#define CACHE_NEW		256

/* A key, padded with zeroes */
struct cache_key {
	union {
		struct {
			__u32 len;
			char text[CACHE_KEY_MAX];
		};
		__u64 words[(sizeof(__u32) + CACHE_KEY_MAX) / sizeof(__u64)];
	};
};

/**
 * struct cache_entry - an answer
 * @generation:	generation of the key before the server was asked
 * @len:	bytes of @text; 0: the server has to answer: there is no such string, or it is too
 *		long or expires
 * @send:	what vnp_reply() takes, with @text
 * @text:	the answer
 */
struct cache_entry {
	__u64 generation;
	__u32 len;
	struct vnp_send send;
	char text[CACHE_TEXT_MAX];
};

/**
 * enum cache_class - what a command does
 * @CACHE_GET:	it is GET
 * @CACHE_READ:	it changes no string that exists, and nothing about the connection
 * @CACHE_KEY:	it may change the value of its first key only
 * @CACHE_KEYS:	as @CACHE_KEY if it has one argument, else as @CACHE_ALL; all its arguments are
 *		keys
 * @CACHE_ALL:	it may change any value
 * @CACHE_STATE: as @CACHE_ALL, and it may change what later commands on its connection mean.  Also
 *		those that are not in the map of commands
 * @CACHE_PUSH:	as @CACHE_STATE, and the server may send what is not the answer to a command
 * @CACHE_ONE:	as @CACHE_READ with at most one argument, else as @CACHE_STATE
 * @CACHE_WAITS: as @CACHE_READ, but the server may read later commands before it executes it
 * @CACHE_SUB:	the second word says what it does
 * @CACHE_OFF:	the program cannot know what it changes, and when
 * @CACHE_UNKNOWN: as @CACHE_PUSH and @CACHE_WAITS
 *
 * All but @CACHE_WAITS and @CACHE_UNKNOWN are executed as soon as the server has read them, if
 * those before on the connection were.
 */
enum cache_class {
	CACHE_GET,
	CACHE_READ,
	CACHE_KEY,
	CACHE_KEYS,
	CACHE_ALL,
	CACHE_STATE,
	CACHE_PUSH,
	CACHE_ONE,
	CACHE_WAITS,
	CACHE_SUB,
	CACHE_OFF,
	CACHE_UNKNOWN,
};

#define CACHE_WORD_MAX		14

/**
 * struct cache_name - key of the map of commands
 * @word:	the first word, or after one of %CACHE_SUB the second; in lower case, padded with
 *		zeroes
 * @first:	for a second word the beginning of the first, else zero
 */
struct cache_name {
	char word[CACHE_WORD_MAX];
	char first[2];
};

/**
 * enum cache_off - why nothing is answered any more
 * @CACHE_IS_ON:	GETs are answered
 * @CACHE_OFF_COMMAND:	a command of @CACHE_OFF
 * @CACHE_OFF_ORDER:	a command that changes values followed one that waits
 * @CACHE_OFF_FRAMING:	bytes that are not RESP, or a command that is too long
 * @CACHE_OFF_CONNECTIONS: there are too many connections that change state
 * @CACHE_OFF_SERVER:	the server is not suitable; reported by the process
 */
enum cache_off {
	CACHE_IS_ON,
	CACHE_OFF_COMMAND,
	CACHE_OFF_ORDER,
	CACHE_OFF_FRAMING,
	CACHE_OFF_CONNECTIONS,
	CACHE_OFF_SERVER,
};

/**
 * struct cache_state - the program's global variables
 * @flushes:	number of commands that made all entries invalid
 * @changes:	by bucket: number of commands that may have changed one of its keys
 * @ready:	the process has found that the server is suitable
 * @off:	enum cache_off
 * @answered:	GETs that were answered
 * @passed:	commands that were passed
 * @connections: number of connections that something was to be known of
 */
struct cache_state {
	__u64 flushes;
	__u64 changes[1 << CACHE_BUCKET_BITS];
	__u32 ready;
	__u32 off;
	__u64 answered;
	__u64 passed;
	__u64 connections;
};

static inline __u32 cache_bucket(const struct cache_key *key)
{
	__u64 hash = 0;
	int i;

	for (i = 0; i < (int)(sizeof(key->words) / sizeof(__u64)); i++)
		hash = (hash ^ key->words[i]) * 0x9e3779b97f4a7c15ULL;
	return hash >> (64 - CACHE_BUCKET_BITS);
}

/* Both counters only grow, so the sum is the same only if both are. */
static inline __u64 cache_generation(const volatile struct cache_state *state,
				     const struct cache_key *key)
{
	return state->flushes + state->changes[cache_bucket(key)];
}

#endif /* _REDIS_CACHE_H */
