// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Typical uses of the addresses in the context, for levels_test: where compilers do not
 * unroll loops, they are read at variable offsets, by incremented pointers, or both.
 */
#include <vnp/program.h>

__u32 remote[4], local[4], sum, bits;

SEC("vnp/datagram")
int copies(struct vnp_ctx *ctx)
{
	for (int i = 0; i < 4; i++) {
		remote[i] = ctx->remote_ip6[i];
		local[i] = ctx->local_ip6[i];
	}
	return VNP_PASS;
}

SEC("vnp/datagram")
int hashes(struct vnp_ctx *ctx)
{
	const __u8 *byte = (const __u8 *)ctx->remote_ip6;
	__u32 hash = 0;

	for (int i = 3; i >= 0; i--)
		hash = hash * 31 + ctx->local_ip6[i];
	for (int i = 0; i < 16; i++)
		hash = hash * 31 + byte[i];
	sum = hash;
	return VNP_PASS;
}

SEC("vnp/datagram")
int selects(struct vnp_ctx *ctx)
{
	const __be32 *ip = ctx->len & 1 ? ctx->remote_ip6 : ctx->local_ip6;
	__u32 hash = ctx->remote_ip6[ctx->len & 3];

	for (int i = 0; i < 4; i++)
		hash ^= ip[i];
	if (ctx->ifindex < 4)
		hash += ctx->local_ip6[ctx->ifindex];
	sum = hash;
	return VNP_PASS;
}

SEC("vnp/datagram")
int compares(struct vnp_ctx *ctx)
{
	for (int i = 0; i < 4; i++)
		if (ctx->remote_ip6[i] != ctx->local_ip6[i])
			return VNP_DROP;
	return VNP_PASS;
}

/* Compare a prefix whose length is a variable */
SEC("vnp/datagram")
int compares_prefix(struct vnp_ctx *ctx)
{
	__u32 len = bits, i;

	if (len > 128)
		len = 128;
	for (i = 0; i < len / 32; i++)
		if (ctx->remote_ip6[i] != remote[i])
			return VNP_DROP;
	if (len % 32 && i < 4 && (ctx->remote_ip6[i] ^ remote[i]) >> (32 - len % 32))
		return VNP_DROP;
	return VNP_PASS;
}

static __attribute__((noinline)) __u32 fold(const __be32 *ip, __u32 n)
{
	__u32 hash = 0;

	for (__u32 i = 0; i < n; i++)
		hash = hash * 3 + ip[i];
	return hash;
}

SEC("vnp/datagram")
int calls(struct vnp_ctx *ctx)
{
	sum = fold(ctx->remote_ip6, 4) + fold(ctx->local_ip6, 4);
	return VNP_PASS;
}

SEC("vnp/datagram")
int walks(struct vnp_ctx *ctx)
{
	const __be32 *p = ctx->remote_ip6, *end = p + 4;
	__u32 hash = 0;

	while (p < end)
		hash = hash * 31 + *p++;
	sum = hash;
	return VNP_PASS;
}
