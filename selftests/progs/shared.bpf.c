// SPDX-License-Identifier: GPL-2.0
/* Two programs of one object that share a map and a global variable */
#include <vnp/program.h>

struct {
	__uint(type, VNP_MAP_HASH);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, __u64);
} shared SEC(".maps");

__u64 measured;

SEC("vnp/stream")
int measure(struct vnp_ctx *ctx)
{
	const __u32 key = 0;

	measured++;
	return vnp_map_lookup(&shared, &key) ? 2 : 1;
}

SEC("vnp/message")
int count(struct vnp_ctx *ctx)
{
	const __u32 key = 1;

	vnp_map_update(&shared, &key, &measured, VNP_MAP_ANY);
	return VNP_PASS;
}
