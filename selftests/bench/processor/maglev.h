/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Consistent hashing by table (Maglev, NSDI 2016): which of the servers gets this flow?
 */
#ifndef _VNP_BENCH_MAGLEV_H
#define _VNP_BENCH_MAGLEV_H

#include "processor.h"

#define MAGLEV_SIZE	251	/* a prime */
#define MAGLEV_SERVERS	7

struct maglev_table {
	__u8 server[MAGLEV_SIZE];
};

PROCESSOR_ARRAY(maglev_map, struct maglev_table, 1);

/* 1 + the server's number, from the addresses and ports of IPv4 in UDP */
static __always_inline __u32 maglev(void *ctx, __u8 *data, __u8 *end)
{
	__u32 hash = HASH_SEED, head, i;
	struct maglev_table *table;

	(void)ctx;
	if (data + 20 > end || data[0] >> 4 != 4)
		return 0;
	head = 4 * (data[0] & 15);
	if (head < 20 || data + head + 4 > end)
		return 0;
	for (i = 12; i < 20; i++)
		hash = hash_byte(hash, data[i]);
	for (i = 0; i < 4; i++)
		hash = hash_byte(hash, data[head + i]);
	table = array_get(maglev_map, 0);
	if (!table)
		return 0;
	return 1 + table->server[hash % MAGLEV_SIZE];
}

PROCESSOR(maglev)

#ifndef __bpf__
/* In turn, each server gets the next free entry in the order of its own permutation */
static inline void maglev_fill(struct maglev_table *table)
{
	__u32 next[MAGLEV_SERVERS] = { 0 }, left = MAGLEV_SIZE, i, at;

	memset(table, 0xff, sizeof(*table));
	for (i = 0; left; i = (i + 1) % MAGLEV_SERVERS) {
		do
			at = (37 * i + next[i]++ * (11 * i + 1)) % MAGLEV_SIZE;
		while (table->server[at] != 0xff);
		table->server[at] = i;
		left--;
	}
}
#endif

#endif /* _VNP_BENCH_MAGLEV_H */
