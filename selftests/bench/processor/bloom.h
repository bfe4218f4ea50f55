/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * A Bloom filter (Bloom, 1970; all hashes are derived from two: Kirsch and Mitzenmacher,
 * 2006): did a payload with the same first 64 bytes arrive before?
 */
#ifndef _VNP_BENCH_BLOOM_H
#define _VNP_BENCH_BLOOM_H

#include "processor.h"

#define BLOOM_BITS	65536
#define BLOOM_HASHES	4
#define BLOOM_BYTES	64

struct bloom_filter {
	__u64 word[BLOOM_BITS / 64];
};

PROCESSOR_ARRAY(bloom_map, struct bloom_filter, 1);

/* 1: it did not; 2: it did, or others have set all its bits */
static __always_inline __u32 bloom(void *ctx, __u8 *data, __u8 *end)
{
	__u32 a = HASH_SEED, b = ~HASH_SEED, i, seen = 1;
	struct bloom_filter *filter;

	(void)ctx;
	if (data == end)
		return 0;
	for (i = 0; i < BLOOM_BYTES && data + i < end; i++) {
		a = hash_byte(a, data[i]);
		b = b * 31 + data[i];
	}
	filter = array_get(bloom_map, 0);
	if (!filter)
		return 0;
	b |= 1;
	for (i = 0; i < BLOOM_HASHES; i++) {
		__u32 bit = (a + i * b) % BLOOM_BITS;

		if (!(filter->word[bit / 64] >> bit % 64 & 1))
			seen = 0;
		filter->word[bit / 64] |= 1ULL << bit % 64;
	}
	return 1 + seen;
}

PROCESSOR(bloom)

#endif /* _VNP_BENCH_BLOOM_H */
