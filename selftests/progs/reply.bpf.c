// SPDX-License-Identifier: GPL-2.0
/* Reply unchanged, rewritten, or depending on the first byte. */
#include <vnp/program.h>

SEC("vnp/datagram")
int reply(struct vnp_ctx *ctx)
{
	return VNP_REPLY;
}

/* 'D' is dropped, 'P' passed, and anything else replied to. */
SEC("vnp/datagram")
int reply_others(struct vnp_ctx *ctx)
{
	__u8 byte = 0;

	vnp_load_bytes(ctx, 0, &byte, sizeof(byte));
	if (byte == 'D')
		return VNP_DROP;
	return byte == 'P' ? VNP_PASS : VNP_REPLY;
}

/* The same, and the reply has its first and last byte inverted. */
SEC("vnp/datagram")
int reply_signed(struct vnp_ctx *ctx)
{
	__u8 first = 0, last = 0;

	vnp_load_bytes(ctx, 0, &first, 1);
	if (first == 'D')
		return VNP_DROP;
	if (first == 'P')
		return VNP_PASS;
	vnp_load_bytes(ctx, ctx->len - 1, &last, 1);
	first = ~first;
	last = ~last;
	vnp_store_bytes(ctx, 0, &first, 1);
	if (ctx->len > 1)
		vnp_store_bytes(ctx, ctx->len - 1, &last, 1);
	return VNP_REPLY;
}
