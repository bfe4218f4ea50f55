// SPDX-License-Identifier: GPL-2.0
/* Sends sealed copies to peers, as the test orders. */
#include <vnp/program.h>
#include "seal.h"

struct {
	__uint(type, VNP_MAP_PEERS);
	__uint(max_entries, SEAL_PEERS);
	__type(key, __u32);
	__type(value, struct vnp_peer);
} peers SEC(".maps");

struct {
	__uint(type, VNP_MAP_GROUPS);
	__uint(max_entries, SEAL_PEERS);
	__type(key, __u64);
	__type(value, struct vnp_peer);
} groups SEC(".maps");

struct {
	__uint(type, VNP_MAP_KEYS);
	__uint(max_entries, 128);
	__type(key, struct seal_key);
	__type(value, struct vnp_key);
} keys SEC(".maps");

struct seal_orders orders;

static __always_inline void to_peers(struct vnp_ctx *ctx)
{
	struct vnp_seal seal;
	__u32 i, number = 0;

	if (ctx->len >= sizeof(number))
		vnp_load_bytes(ctx, 0, &number, sizeof(number));
	for (i = 0; i < SEAL_PEERS && i < orders.peers; i++) {
		seal_own(&orders, &seal, i, number);
		orders.ret[i] = vnp_send_sealed(ctx, &peers, &i, &keys, &seal);
	}
}

SEC("vnp/datagram")
int seal(struct vnp_ctx *ctx)
{
	to_peers(ctx);
	return orders.verdict;
}

/* Opens first, and sends even if that has failed. */
SEC("vnp/datagram")
int seal_opened(struct vnp_ctx *ctx)
{
	const struct seal_key sender = { .peer = SEAL_SENDER };
	struct vnp_crypt crypt = {
		.off = SEAL_HEADER,
		.len = VNP_CRYPT_END,
		.aad_len = SEAL_HEADER,
	};

	vnp_load_bytes(ctx, 0, crypt.nonce, SEAL_HEADER);
	orders.opened = vnp_open(ctx, &keys, &sender, &crypt, sizeof(crypt));
	to_peers(ctx);
	return orders.verdict;
}

/* The argument is in memory that others write to meanwhile. */
SEC("vnp/datagram")
int seal_shared(struct vnp_ctx *ctx)
{
	__u32 peer = 0;

	orders.ret[0] = vnp_send_sealed(ctx, &peers, &peer, &keys, &orders.seal);
	return orders.verdict;
}

/* A member of a group, with bytes of the payload as the argument */
SEC("vnp/datagram")
int seal_member(struct vnp_ctx *ctx)
{
	const __u64 member = 1;
	struct vnp_seal *seal = ctx->data;

	if ((void *)(seal + 1) > ctx->data_end)
		return VNP_DROP;
	orders.ret[0] = vnp_send_sealed(ctx, &groups, &member, &keys, seal);
	return orders.verdict;
}
