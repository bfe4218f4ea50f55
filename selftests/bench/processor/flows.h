/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * IPv4 in UDP: count packets and bytes of each flow in a hash table.
 */
#ifndef _VNP_BENCH_FLOWS_H
#define _VNP_BENCH_FLOWS_H

#include "processor.h"

#define FLOWS_MAX	256

struct flows_key {
	__u32 from;
	__u32 to;
	__u16 from_port;
	__u16 to_port;
	__u32 protocol;
};

struct flows_count {
	__u64 packets;
	__u64 bytes;
};

PROCESSOR_HASH(flows_table, struct flows_key, struct flows_count, FLOWS_MAX);

/* Ports of TCP and UDP; 0 if this is not the first fragment */
static __always_inline void flows_ports(struct flows_key *key, __u8 *data, __u8 *end)
{
	__u8 *body = data + 4 * (data[0] & 15);

	if ((key->protocol != 6 && key->protocol != 17) ||
	    get_be16(data + 6) & 0x1fff || body + 4 > end)
		return;
	key->from_port = get_be16(body);
	key->to_port = get_be16(body + 2);
}

/* Packets of this flow so far */
static __always_inline __u32 flows(void *ctx, __u8 *data, __u8 *end)
{
	struct flows_count first = { .packets = 1 }, *count;
	struct flows_key key = {};

	(void)ctx;
	if (data + 20 > end || data[0] >> 4 != 4 || (data[0] & 15) < 5)
		return 0;
	key.from = get_be32(data + 12);
	key.to = get_be32(data + 16);
	key.protocol = data[9];
	flows_ports(&key, data, end);

	first.bytes = get_be16(data + 2);
	count = hash_get(flows_table, &key);
	if (!count)
		return !hash_add(flows_table, &key, &first);
	count->packets++;
	count->bytes += first.bytes;
	return count->packets;
}

PROCESSOR(flows)

#endif /* _VNP_BENCH_FLOWS_H */
