// SPDX-License-Identifier: GPL-2.0
/* Everything is sent to the first peers, as it came or with other bytes in front. */
#include <vnp/program.h>

#define REWRITTEN	12

struct {
	__uint(type, VNP_MAP_PEERS);
	__uint(max_entries, 256);
	__type(key, __u32);
	__type(value, struct vnp_peer);
} peers SEC(".maps");

struct member {
	__u32 group;
	__u32 number;
};

struct {
	__uint(type, VNP_MAP_GROUPS);
	__uint(max_entries, 256);
	__type(key, struct member);
	__type(value, struct vnp_peer);
} members SEC(".maps");

/* Set by the bench */
__u32 fanout;

SEC("vnp/datagram")
int relay(struct vnp_ctx *ctx)
{
	__u32 i;

	for (i = 0; i < 256 && i < fanout; i++)
		vnp_send(ctx, &peers, &i, NULL, 0);
	return VNP_DROP;
}

SEC("vnp/datagram")
int relay_group(struct vnp_ctx *ctx)
{
	const struct member all = {};

	vnp_send_group(ctx, &members, &all, NULL, 0);
	return VNP_DROP;
}

struct rewritten {
	struct vnp_send send;
	__u32 front[REWRITTEN / 4];
};

SEC("vnp/datagram")
int relay_rewritten(struct vnp_ctx *ctx)
{
	struct rewritten own = {
		.send = { sizeof(own.send), 0, REWRITTEN, VNP_SEND_REST },
	};
	__u32 i;

	if (vnp_load_bytes(ctx, 0, own.front, sizeof(own.front)))
		return VNP_DROP;
	for (i = 0; i < 256 && i < fanout; i++) {
		own.front[2] = i;
		vnp_send(ctx, &peers, &i, &own, sizeof(own));
	}
	return VNP_DROP;
}
