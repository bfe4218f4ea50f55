// SPDX-License-Identifier: GPL-2.0
/* Whole messages, without the headers of their datagrams */
#include <vnp/program.h>
#include "../hold.h"

SEC("vnp/datagram")
int hold(struct vnp_ctx *ctx)
{
	const struct fragment_header *header = ctx->data;
	struct vnp_held held;
	__u64 message;
	__u16 cnt;

	if ((const void *)(header + 1) > ctx->data_end)
		return VNP_DROP;
	message = header->message;
	cnt = header->cnt;
	if (vnp_hold(ctx, message, header->order, sizeof(*header)))
		return VNP_DROP;
	if (!vnp_held(ctx, message, &held, sizeof(held)) && held.fragments == cnt)
		vnp_release(ctx, message);
	return VNP_HELD;
}
