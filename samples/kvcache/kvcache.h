/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What the program and the process that fills its cache share.
 *
 * A key has a generation, which changes before memcached gets to see a request that may
 * change the key's value.  An entry has the generation that its key had before memcached
 * was asked for the value, and counts only as long as that is the present one.
 */
#ifndef _KVCACHE_H
#define _KVCACHE_H

#include <linux/types.h>

/* Longer keys, and answers that are longer than a datagram of memcached's, are not cached. */
#define KVCACHE_KEY_MAX		64
#define KVCACHE_TEXT_MAX	1392

#define KVCACHE_ENTRIES		4096
#define KVCACHE_BUCKET_BITS	12

/* The header of each datagram of memcached's, both ways; see its doc/protocol.txt */
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
 * @serial:	no other entry ever has the same
 * @generation:	of the key, when it was asked for
 * @key:	the key
 * @len:	bytes of @text
 * @text:	all of the answer but the frame
 * @serial_end:	@serial once more
 *
 * The map uses the memory of an entry that was replaced for another, which is written from
 * front to end.  So who reads @serial_end first and @serial last, and finds the same, has
 * read one entry.
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
 * @flushes:	requests after which no entry counts any more
 * @changes:	requests that may have changed a key of this bucket
 * @filler_ip4:	where the requests come from by which entries are filled in
 * @filler_port: likewise
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

/* Either only grows, so the sum is the same only if both are. */
static inline __u64 kvcache_generation(const volatile struct kvcache_state *state,
				       const struct kvcache_key *key)
{
	return state->flushes + state->changes[kvcache_bucket(key)];
}

#endif /* _KVCACHE_H */
