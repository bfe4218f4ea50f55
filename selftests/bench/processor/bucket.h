/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * A token bucket for each client, which the first 4 bytes identify: allows a burst of
 * requests, and one per minute on average.
 */
#ifndef _VNP_BENCH_BUCKET_H
#define _VNP_BENCH_BUCKET_H

#include "processor.h"

#define BUCKET_BURST	5
#define BUCKET_NS	60000000000ULL	/* ns per token */
#define BUCKET_CLIENTS	64

struct bucket_state {
	__u64 tokens;
	__u64 filled;		/* time of the last update, in ns */
};

PROCESSOR_HASH(bucket_table, __u32, struct bucket_state, BUCKET_CLIENTS);

static __always_inline void bucket_refill(struct bucket_state *state, __u64 now)
{
	__u64 more = (now - state->filled) / BUCKET_NS;

	if (!more)
		return;
	state->tokens += more;
	if (state->tokens > BUCKET_BURST)
		state->tokens = BUCKET_BURST;
	state->filled += more * BUCKET_NS;
}

/* 1 + remaining tokens, or 0 if there was no token, or no space for another client */
static __always_inline __u32 bucket(void *ctx, __u8 *data, __u8 *end)
{
	struct bucket_state full = { .tokens = BUCKET_BURST - 1 }, *state;
	__u32 client;

	(void)ctx;
	if (data + 4 > end)
		return 0;
	client = get_be32(data);
	state = hash_get(bucket_table, &client);
	if (!state) {
		full.filled = time_ns();
		return hash_add(bucket_table, &client, &full) ? 0 : BUCKET_BURST;
	}
	bucket_refill(state, time_ns());
	return state->tokens ? 1 + --state->tokens : 0;
}

PROCESSOR(bucket)

#endif /* _VNP_BENCH_BUCKET_H */
