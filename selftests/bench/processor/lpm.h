/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * IPv4 in UDP: the route with the longest matching prefix of the destination, in a binary
 * trie whose nodes are in an array.
 */
#ifndef _VNP_BENCH_LPM_H
#define _VNP_BENCH_LPM_H

#include "processor.h"

#define LPM_NODES	256

/* Children are indices, 0 for none, as the root is no child.  Route 0 is none */
struct lpm_node {
	__u16 child[2];
	__u16 route;
};

struct lpm_trie {
	struct lpm_node node[LPM_NODES];
};

PROCESSOR_ARRAY(lpm_map, struct lpm_trie, 1);

/* The route's number */
static __always_inline __u32 lpm(void *ctx, __u8 *data, __u8 *end)
{
	__u32 address, depth, at = 0, route = 0;
	struct lpm_trie *trie;

	(void)ctx;
	if (data + 20 > end || data[0] >> 4 != 4)
		return 0;
	trie = array_get(lpm_map, 0);
	if (!trie)
		return 0;
	address = get_be32(data + 16);
	for (depth = 0; depth <= 32 && at < LPM_NODES; depth++) {
		struct lpm_node *node = &trie->node[at];

		if (node->route)
			route = node->route;
		at = node->child[address >> 31];
		if (!at)
			break;
		address <<= 1;
	}
	return route;
}

PROCESSOR(lpm)

#ifndef __bpf__
/* @nodes: number of nodes in use, including the root */
static inline void lpm_add(struct lpm_trie *trie, __u32 *nodes, __u32 address,
			   __u32 bits, __u16 route)
{
	__u32 at = 0;

	for (; bits; bits--, address <<= 1) {
		__u16 *child = &trie->node[at].child[address >> 31];

		if (!*child)
			*child = (*nodes)++;
		at = *child;
	}
	trie->node[at].route = route;
}

static inline void lpm_fill(struct lpm_trie *trie)
{
	__u32 nodes = 1;

	memset(trie, 0, sizeof(*trie));
	lpm_add(trie, &nodes, 0, 0, 1);			/* default */
	lpm_add(trie, &nodes, 0x0a000000, 8, 2);	/* 10.0.0.0/8 */
	lpm_add(trie, &nodes, 0x0a010000, 16, 3);
	lpm_add(trie, &nodes, 0x0a010200, 24, 4);
	lpm_add(trie, &nodes, 0x0a010203, 32, 5);
	lpm_add(trie, &nodes, 0xc0a80000, 16, 6);	/* 192.168.0.0/16 */
}
#endif

#endif /* _VNP_BENCH_LPM_H */
