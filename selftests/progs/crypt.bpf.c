// SPDX-License-Identifier: GPL-2.0
/* Cryptography: each helper as ordered by the test, and all as a protocol uses them. */
#include <vnp/program.h>
#include "crypt.h"

struct {
	__uint(type, VNP_MAP_KEYS);
	__uint(max_entries, CRYPT_KEYS);
	__type(key, __u32);
	__type(value, struct vnp_key);
} keys SEC(".maps");

struct window {
	__u64 next;
	__u64 seen[CRYPT_WINDOW / 64 + 1];
};

struct {
	__uint(type, VNP_MAP_REPLAY);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, struct window);
} windows SEC(".maps");

struct order order;

static __always_inline int done(struct vnp_ctx *ctx, long ret)
{
	order.ret = ret;
	order.len = ctx->len;
	order.direct = (char *)ctx->data_end - (char *)ctx->data;
	return order.verdict;
}

#define BY_ORDER(name)							\
SEC("vnp/datagram")							\
int name(struct vnp_ctx *ctx)						\
{									\
	__u32 len = order.crypt_len;					\
									\
	if (!len || len > sizeof(order.crypt) + sizeof(order.more))	\
		return VNP_DROP;					\
	return done(ctx, vnp_##name(ctx, &keys, &order.key, &order.crypt, len)); \
}

BY_ORDER(open)
BY_ORDER(seal)
BY_ORDER(mac_verify)
BY_ORDER(mac)

/* A program whose second struct is longer than any kernel accepts */
SEC("vnp/datagram")
int open_longer(struct vnp_ctx *ctx)
{
	order.then = vnp_open(ctx, &keys, &order.key, &order.crypt, sizeof(order.crypt));
	return done(ctx, vnp_open(ctx, &keys, &order.key, &order.crypt,
				  sizeof(order.crypt) + sizeof(order.more)));
}

/* A program that reads the payload after failed authentication, and returns VNP_PASS */
SEC("vnp/datagram")
int fault_after_open(struct vnp_ctx *ctx)
{
	order.ret = vnp_open(ctx, &keys, &order.key, &order.crypt, sizeof(order.crypt));
	return ((volatile __u8 *)ctx->data)[60000];
}

/* A program that reads the payload before it opens it */
SEC("vnp/datagram")
int fault_before_open(struct vnp_ctx *ctx)
{
	order.then = ((volatile __u8 *)ctx->data)[60000];
	order.ret = vnp_open(ctx, &keys, &order.key, &order.crypt, sizeof(order.crypt));
	return VNP_PASS;
}

SEC("vnp/datagram")
int replay(struct vnp_ctx *ctx __attribute__((unused)))
{
	order.ret = vnp_replay_check(&windows, &order.stream, order.number);
	order.then = vnp_replay_commit(&windows, &order.stream, order.number);
	return VNP_PASS;
}

/* As in a protocol: check for replay, open, commit the number, remove the header. */
SEC("vnp/datagram")
int open_header(struct vnp_ctx *ctx)
{
	struct vnp_crypt crypt = {
		.off = CRYPT_HEADER,
		.len = VNP_CRYPT_END,
		.aad_len = CRYPT_HEADER,
	};
	struct header header;

	if (vnp_load_bytes(ctx, 0, &header, sizeof(header)))
		return VNP_DROP;
	if (vnp_replay_check(&windows, &header.key, header.number))
		return VNP_DROP;
	__builtin_memcpy(crypt.nonce + 4, &header.number, sizeof(header.number));
	if (vnp_open(ctx, &keys, &header.key, &crypt, sizeof(crypt)))
		return VNP_PASS;	/* it must be dropped nevertheless */
	if (vnp_replay_commit(&windows, &header.key, header.number))
		return VNP_DROP;
	return vnp_adjust_head(ctx, CRYPT_HEADER) ? VNP_DROP : VNP_PASS;
}

/* The same without a replay window, for tests that replace keys */
SEC("vnp/datagram")
int open_only(struct vnp_ctx *ctx)
{
	struct vnp_crypt crypt = {
		.off = CRYPT_HEADER,
		.len = VNP_CRYPT_END,
		.aad_len = CRYPT_HEADER,
	};
	struct header header;

	if (vnp_load_bytes(ctx, 0, &header, sizeof(header)))
		return VNP_DROP;
	__builtin_memcpy(crypt.nonce + 4, &header.number, sizeof(header.number));
	vnp_open(ctx, &keys, &header.key, &crypt, sizeof(crypt));
	return VNP_PASS;
}

SEC("vnp/datagram")
int commit_only(struct vnp_ctx *ctx)
{
	__u64 number;

	if (vnp_load_bytes(ctx, 0, &number, sizeof(number)))
		return VNP_DROP;
	return vnp_replay_commit(&windows, &order.stream, number) ? VNP_DROP : VNP_PASS;
}
