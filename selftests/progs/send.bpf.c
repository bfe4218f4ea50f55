// SPDX-License-Identifier: GPL-2.0
/* Sends to peers and groups, as the test orders. */
#include <vnp/program.h>
#include "send.h"

struct {
	__uint(type, VNP_MAP_PEERS);
	__uint(max_entries, SEND_PEERS_MAX);
	__type(key, __u32);
	__type(value, struct vnp_peer);
} peers SEC(".maps");

struct {
	__uint(type, VNP_MAP_GROUPS);
	__uint(max_entries, 256);
	__type(key, struct member);
	__type(value, struct vnp_peer);
} groups SEC(".maps");

struct {
	__uint(type, VNP_MAP_GROUPS);
	__uint(max_entries, 2048);
	__type(key, struct member);
	__type(value, struct vnp_peer);
} crowds SEC(".maps");

struct orders orders;

/* Fill in what is sent: the bytes in front are the receiver's number, its square, ... */
struct params {
	struct vnp_send send;
	__u8 head[SEND_HEAD_MAX];
};

static __always_inline __u32 params_set(struct params *params, __u32 number)
{
	__u32 i;

	__builtin_memset(params, 0, sizeof(*params));
	if (!orders.params)
		return 0;
	params->send.size = orders.size ?: sizeof(params->send);
	params->send.flags = orders.flags;
	params->send.off = orders.off;
	params->send.len = orders.len;
	for (i = 0; i < SEND_HEAD_MAX; i++)
		params->head[i] = number + i;
	return sizeof(params->send) + (orders.head_len <= SEND_HEAD_MAX ? orders.head_len : 0);
}

static __always_inline void to_peers(struct vnp_ctx *ctx)
{
	struct params params;
	__u32 i, size;

	for (i = 0; i < SEND_PEERS_MAX && i < orders.peers; i++) {
		size = params_set(&params, i);
		orders.ret[i] = vnp_send(ctx, &peers, &i, &params, size);
	}
}

SEC("vnp/datagram")
int send(struct vnp_ctx *ctx)
{
	to_peers(ctx);
	return orders.verdict;
}

/* Writes before and after sending: peers must only get the former. */
SEC("vnp/datagram")
int send_written(struct vnp_ctx *ctx)
{
	__u8 byte = 'W';

	vnp_store_bytes(ctx, 0, &byte, 1);
	to_peers(ctx);
	byte = 'X';
	vnp_store_bytes(ctx, 0, &byte, 1);
	return orders.verdict;
}

/* Sends from a packet of its own, a copy, which is freed afterwards. */
SEC("vnp/datagram")
int send_pulled(struct vnp_ctx *ctx)
{
	vnp_pull(ctx, 0);
	to_peers(ctx);
	return orders.verdict;
}

/* The payload is moved in memory between two calls of the helper. */
SEC("vnp/datagram")
int send_pulled_between(struct vnp_ctx *ctx)
{
	__u32 i = 0;

	orders.ret[0] = vnp_send(ctx, &peers, &i, NULL, 0);
	vnp_pull(ctx, 0);
	for (i = 1; i < SEND_PEERS_MAX && i < orders.peers; i++)
		orders.ret[i] = vnp_send(ctx, &peers, &i, NULL, 0);
	return orders.verdict;
}

SEC("vnp/datagram")
int send_group(struct vnp_ctx *ctx)
{
	struct member member = orders.member;
	struct params params;
	__u32 size = params_set(&params, 0);

	orders.ret[0] = vnp_send_group(ctx, &groups, &member, &params, size);
	return orders.verdict;
}

/* Each datagram says who gets it, and in which order */
SEC("vnp/datagram")
int send_listed(struct vnp_ctx *ctx)
{
	struct {
		struct vnp_send send;
		__u8 mark;
	} front = { { sizeof(front.send), 0, 0, VNP_SEND_REST }, SEND_MARK };
	struct member member = orders.member;
	__u8 list[SEND_LIST];
	__u32 i;

	if (vnp_load_bytes(ctx, 0, list, sizeof(list)))
		return orders.verdict;
	for (i = 0; i < SEND_LIST; i++) {
		member.member = list[i] % SEND_FRONT;
		if (list[i] < SEND_FRONT)
			vnp_send(ctx, &groups, &member, NULL, 0);
		else if (list[i] < SEND_ALL)
			vnp_send(ctx, &groups, &member, &front, sizeof(front.send) + 1);
		else if (list[i] == SEND_ALL)
			vnp_send_group(ctx, &groups, &member, NULL, 0);
	}
	return orders.verdict;
}

/* A member of a group by its key */
SEC("vnp/datagram")
int send_member(struct vnp_ctx *ctx)
{
	struct member member = orders.member;

	orders.ret[0] = vnp_send(ctx, &groups, &member, NULL, 0);
	return orders.verdict;
}

/* Each datagram to another group */
SEC("vnp/datagram")
int send_crowd(struct vnp_ctx *ctx)
{
	struct member member = orders.member;

	orders.member.group++;
	orders.ret[member.group & 1] = vnp_send_group(ctx, &crowds, &member, NULL, 0);
	return orders.verdict;
}

/* Each datagram to the same group, twice */
SEC("vnp/datagram")
int send_crowd_twice(struct vnp_ctx *ctx)
{
	struct member member = orders.member;

	orders.ret[0] = vnp_send_group(ctx, &crowds, &member, NULL, 0);
	orders.ret[1] = vnp_send_group(ctx, &crowds, &member, NULL, 0);
	return orders.verdict;
}

/* Peer 0 gets datagrams with an even first byte, peer 1 the others, peer 2 all. */
SEC("vnp/datagram")
int send_halves(struct vnp_ctx *ctx)
{
	__u8 byte;
	__u32 i;

	if (vnp_load_bytes(ctx, 0, &byte, 1))
		return orders.verdict;
	for (i = 0; i < 2; i++)
		if ((byte & 1) == i)
			orders.ret[i] = vnp_send(ctx, &peers, &i, NULL, 0);
	i = 2;
	orders.ret[2] = vnp_send(ctx, &peers, &i, NULL, 0);
	return orders.verdict;
}
