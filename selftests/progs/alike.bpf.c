// SPDX-License-Identifier: GPL-2.0
/* Two maps whose names are equal in the kernel, which keeps 15 characters */
#include <vnp/program.h>

struct {
	__uint(type, VNP_MAP_HASH);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, __u64);
} subscribers_by_port SEC(".maps"), subscribers_by_topic SEC(".maps");

SEC("vnp/datagram")
int find_both(struct vnp_ctx *ctx)
{
	const __u32 key = ctx->remote_port;

	return vnp_map_lookup(&subscribers_by_port, &key) ||
	       vnp_map_lookup(&subscribers_by_topic, &key) ? VNP_DROP : VNP_PASS;
}
