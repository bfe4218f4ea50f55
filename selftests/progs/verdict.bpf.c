// SPDX-License-Identifier: GPL-2.0
/* Verdicts that depend on the first byte of the datagram. */
#include <vnp/program.h>

/* first_byte() - of the payload, or 0 */
static __always_inline __u8 first_byte(struct vnp_ctx *ctx)
{
	__u8 byte = 0;

	vnp_load_bytes(ctx, 0, &byte, sizeof(byte));
	return byte;
}

SEC("vnp/datagram")
int pass(struct vnp_ctx *ctx)
{
	return VNP_PASS;
}

SEC("vnp/datagram")
int drop(struct vnp_ctx *ctx)
{
	return VNP_DROP;
}

/* 'D' is dropped, 'F' faults, anything else passes. */
SEC("vnp/datagram")
int by_first_byte(struct vnp_ctx *ctx)
{
	switch (first_byte(ctx)) {
	case 'D':
		return VNP_DROP;
	case 'F':
		return 77;
	default:
		return VNP_PASS;
	}
}

/* sign() - write the program's name to the first and last byte; drop 'D' */
static __always_inline int sign(struct vnp_ctx *ctx, __u8 name)
{
	__u8 both[2] = { name, name };

	if (first_byte(ctx) == 'D')
		return VNP_DROP;
	vnp_store_bytes(ctx, 0, &both[0], 1);
	vnp_store_bytes(ctx, ctx->len - 1, &both[1], 1);
	return VNP_PASS;
}

SEC("vnp/datagram")
int sign_a(struct vnp_ctx *ctx)
{
	return sign(ctx, 'A');
}

SEC("vnp/datagram")
int sign_b(struct vnp_ctx *ctx)
{
	return sign(ctx, 'B');
}
