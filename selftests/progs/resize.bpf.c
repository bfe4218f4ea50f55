// SPDX-License-Identifier: GPL-2.0
/* Programs that adjust the head and the tail of the payload. */
#include <vnp/program.h>
#include "resize.h"

struct change change;		/* in .bss */

SEC("vnp/datagram")
int resize(struct vnp_ctx *ctx)
{
	change.head_ret = vnp_adjust_head(ctx, change.head);
	change.tail_ret = vnp_adjust_tail(ctx, change.tail);
	change.len = ctx->len;
	change.direct = (char *)ctx->data_end - (char *)ctx->data;
	return change.verdict;
}

SEC("vnp/datagram")
int by_order(struct vnp_ctx *ctx)
{
	__u8 order = ORDER_AS_IT_IS;
	long err = 0;

	vnp_load_bytes(ctx, 0, &order, sizeof(order));
	switch (order) {
	case ORDER_FRONT_MORE:
		err = vnp_adjust_head(ctx, -ORDER_BYTES);
		break;
	case ORDER_FRONT_LESS:
		err = vnp_adjust_head(ctx, ORDER_BYTES);
		break;
	case ORDER_BACK_MORE:
		err = vnp_adjust_tail(ctx, ORDER_BYTES);
		break;
	case ORDER_BACK_LESS:
		err = vnp_adjust_tail(ctx, -ORDER_BYTES);
		break;
	case ORDER_NOTHING_LEFT:
		err = vnp_adjust_tail(ctx, -(__s32)ctx->len);
		break;
	case ORDER_REPLY:
		return vnp_adjust_head(ctx, -ORDER_BYTES) ? VNP_DROP : VNP_REPLY;
	case ORDER_DROPPED:
		vnp_adjust_tail(ctx, ORDER_BYTES);
		return VNP_DROP;
	}
	return err ? VNP_DROP : change.verdict;
}

/*
 * Remove all bytes at the head and append as many, until 16-bit offsets of the skb would
 * overflow
 */
SEC("vnp/datagram")
int rotate(struct vnp_ctx *ctx)
{
	int i;

	for (i = 0; i < 64; i++)
		if (vnp_adjust_head(ctx, ROTATE_LEN) || vnp_adjust_tail(ctx, ROTATE_LEN))
			return VNP_DROP;
	return VNP_REPLY;
}

/* TURN ChannelData (RFC 8656): channel and length, data, and optional padding */
struct channel_data {
	__be16 channel;
	__be16 len;
};

/* Pass the data without header and padding. */
SEC("vnp/datagram")
int unwrap(struct vnp_ctx *ctx)
{
	struct channel_data header;
	__u32 len;

	if (vnp_load_bytes(ctx, 0, &header, sizeof(header)))
		return VNP_DROP;
	len = vnp_ntohs(header.len);
	if (vnp_ntohs(header.channel) >> 14 != 1 || len > ctx->len - sizeof(header))
		return VNP_DROP;
	if (vnp_adjust_head(ctx, sizeof(header)) || vnp_adjust_tail(ctx, len - ctx->len))
		return VNP_DROP;
	return VNP_PASS;
}

/* Reply with the payload as data of channel 0x4001. */
SEC("vnp/datagram")
int wrap(struct vnp_ctx *ctx)
{
	struct channel_data *header;
	__u32 len = ctx->len;

	if (vnp_adjust_head(ctx, -(int)sizeof(*header)))
		return VNP_DROP;
	header = ctx->data;
	if ((void *)(header + 1) > ctx->data_end)
		return VNP_DROP;
	header->channel = vnp_htons(0x4001);
	header->len = vnp_htons(len);
	return VNP_REPLY;
}
