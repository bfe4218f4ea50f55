// SPDX-License-Identifier: GPL-2.0
/* Sends to TCP connections, as the test orders. */
#include <vnp/program.h>
#include "sockets.h"

struct {
	__uint(type, VNP_MAP_SOCKETS);
	__uint(max_entries, SOCKETS_MAX);
	__type(key, __u32);
	__type(value, struct vnp_connection);
} sockets SEC(".maps");

struct {
	__uint(type, VNP_MAP_SOCKETS);
	__uint(max_entries, SOCKETS_MAX);
	__type(key, struct socket_member);
	__type(value, struct vnp_connection);
} members SEC(".maps");

struct socket_orders orders;

struct params {
	struct vnp_send send;
	__be32 len;
};

static __always_inline __u32 params_set(struct params *params, struct vnp_ctx *ctx)
{
	params->send.size = sizeof(params->send);
	params->send.flags = 0;
	params->send.off = orders.skip;
	params->send.len = VNP_SEND_REST;
	params->len = vnp_htonl(ctx->len - orders.skip);
	return orders.framed ? sizeof(*params) : orders.skip ? sizeof(params->send) : 0;
}

SEC("vnp/datagram")
int to_sockets(struct vnp_ctx *ctx)
{
	struct params params;
	__u32 i, size = params_set(&params, ctx);

	for (i = 0; i < SOCKETS_MAX && i < orders.sockets; i++)
		orders.ret[i] = vnp_send(ctx, &sockets, &i, &params, size);
	return VNP_DROP;
}

/* The group is the first byte. */
SEC("vnp/datagram")
int to_group(struct vnp_ctx *ctx)
{
	struct socket_member key = {};
	struct params params;
	__u32 size = params_set(&params, ctx);
	__u8 group;

	if (vnp_load_bytes(ctx, 0, &group, 1))
		return VNP_DROP;
	key.group = group;
	orders.ret[0] = vnp_send_group(ctx, &members, &key, &params, size);
	return VNP_DROP;
}
