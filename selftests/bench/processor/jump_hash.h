/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Consistent hashing without a table (Lamping and Veach, 2014): selects a server for the
 * session that the first 8 bytes identify.
 */
#ifndef _VNP_BENCH_JUMP_HASH_H
#define _VNP_BENCH_JUMP_HASH_H

#include "processor.h"

#define JUMP_HASH_SERVERS	1000

/* 1 + the server's number */
static __always_inline __u32 jump_hash(void *ctx, __u8 *data, __u8 *end)
{
	__u64 key, jump = 0;
	__u32 server = 0;

	(void)ctx;
	if (data + 8 > end)
		return 0;
	key = (__u64)get_be32(data) << 32 | get_be32(data + 4);
	while (jump < JUMP_HASH_SERVERS) {
		server = jump;
		key = key * 2862933555777941757ULL + 1;
		jump = ((jump + 1) << 31) / ((key >> 33) + 1);
	}
	return 1 + server;
}

PROCESSOR(jump_hash)

#endif /* _VNP_BENCH_JUMP_HASH_H */
