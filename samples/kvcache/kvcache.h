/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Shared by the program and the process that fills its cache.
 *
 * A key has a generation, which changes before memcached receives a request that may change
 * the key's value.  An entry has the generation that its key had before memcached was asked
 * for the value, and is valid only as long as the key has the same generation.
 */
#ifndef _KVCACHE_H
#define _KVCACHE_H

#include <linux/types.h>

/* Keys longer than this, and answers longer than one datagram of memcached, are not cached. */
#define KVCACHE_KEY_MAX		64
#define KVCACHE_TEXT_MAX	1392

#define KVCACHE_ENTRIES		4096
#define KVCACHE_BUCKET_BITS	12

/* The frame header of memcached's datagrams in both directions; see its doc/protocol.txt */
struct kvcache_frame {
	__be16 request;
	__be16 sequence;
	__be16 datagrams;
	__be16 reserved;
};

/* A key, padded with zeroes */
struct kvcache_key {
	union {
		char text[KVCACHE_KEY_MAX];
		__u64 words[KVCACHE_KEY_MAX / sizeof(__u64)];
	};
};

/**
 * struct kvcache_entry - an answer
 * @serial:	a number that no other entry ever has
 * @generation:	generation of the key before memcached was asked
 * @key:	the key
 * @len:	bytes of @text
 * @text:	the answer without the frame header
 * @serial_end:	copy of @serial
 *
 * The map reuses the memory of replaced entries for other keys, and writes entries from
 * front to end.  So a reader that reads @serial_end first and @serial last, and finds both
 * equal, has read a consistent entry.
 */
struct kvcache_entry {
	__u64 serial;
	__u64 generation;
	struct kvcache_key key;
	__u32 len;
	__u32 unused;
	char text[KVCACHE_TEXT_MAX];
	__u64 serial_end;
};

/**
 * struct kvcache_state - the program's global variables
 * @flushes:	number of requests that made all entries invalid
 * @changes:	by bucket: number of requests that may have changed one of its keys
 * @filler_ip4:	address of kvcache's own requests
 * @filler_port: port of kvcache's own requests
 */
struct kvcache_state {
	__u64 flushes;
	__u64 changes[1 << KVCACHE_BUCKET_BITS];
	__be32 filler_ip4;
	__u32 filler_port;
};

static inline __u32 kvcache_bucket(const struct kvcache_key *key)
{
	__u64 hash = 0;
	int i;

	for (i = 0; i < KVCACHE_KEY_MAX / (int)sizeof(__u64); i++)
		hash = (hash ^ key->words[i]) * 0x9e3779b97f4a7c15ULL;
	return hash >> (64 - KVCACHE_BUCKET_BITS);
}

/* Both counters only grow, so the sum is the same only if both are. */
static inline __u64 kvcache_generation(const volatile struct kvcache_state *state,
				       const struct kvcache_key *key)
{
	return state->flushes + state->changes[kvcache_bucket(key)];
}

#endif /* _KVCACHE_H */
