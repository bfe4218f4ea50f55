// SPDX-License-Identifier: GPL-2.0
/* Messages that begin with the length of what follows, of which the first byte is looked at */
#include <vnp/program.h>
#include "../stream.h"

SEC("vnp/stream")
int length(struct vnp_ctx *ctx)
{
	const __u8 *data = ctx->data;
	__u8 copy[PREFIX];

	/* It may lie in two packets. */
	if (data + PREFIX > (const __u8 *)ctx->data_end) {
		if (vnp_load_bytes(ctx, 0, copy, PREFIX))
			return 0;
		data = copy;
	}
	return PREFIX + ((__u32)data[0] << 24 | data[1] << 16 | data[2] << 8 | data[3]);
}

SEC("vnp/message")
int message(struct vnp_ctx *ctx)
{
	const __u8 *data = ctx->data;
	__u8 first;

	if (data + PREFIX + 1 <= (const __u8 *)ctx->data_end)
		return data[PREFIX] == 'W' ? VNP_PASS : VNP_DROP;
	if (vnp_load_bytes(ctx, PREFIX, &first, 1))
		return VNP_DROP;
	return first == 'W' ? VNP_PASS : VNP_DROP;
}

/* Answers with the message itself. */
SEC("vnp/message")
int answer(struct vnp_ctx *ctx)
{
	return vnp_reply(ctx, 0, NULL, 0) ? VNP_PASS : VNP_REPLY;
}

/* The same without a call, so that the program executes on the packets, not on a copy */
SEC("vnp/message")
int reply(struct vnp_ctx *ctx)
{
	return VNP_REPLY;
}

/* Finds no messages, so that a link that passes what follows has nothing to do. */
SEC("vnp/stream")
int nothing(struct vnp_ctx *ctx)
{
	return -1;
}
