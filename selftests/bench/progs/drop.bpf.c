// SPDX-License-Identifier: GPL-2.0
#include <vnp/program.h>

SEC("vnp/datagram")
int drop(struct vnp_ctx *ctx)
{
	const __u8 *data = ctx->data;

	if (data + 1 > (const __u8 *)ctx->data_end)
		return VNP_PASS;
	return *data == 'D' ? VNP_DROP : VNP_PASS;
}

/* The minimum cost of executing a program */
SEC("vnp/datagram")
int drop_all(struct vnp_ctx *ctx)
{
	return VNP_DROP;
}

/* Replies to everything. */
SEC("vnp/datagram")
int reply_all(struct vnp_ctx *ctx)
{
	return VNP_REPLY;
}
