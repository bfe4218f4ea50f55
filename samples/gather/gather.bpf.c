// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Records that arrive in several datagrams are delivered when they are complete. */
#include <vnp/program.h>
#include "gather.h"

SEC("vnp/datagram")
int gather(struct vnp_ctx *ctx)
{
	const struct gather_header *header = ctx->data;
	struct vnp_held held;
	__u64 record;
	__u16 cnt;

	if ((const void *)(header + 1) > ctx->data_end)
		return VNP_DROP;
	record = (__u64)header->rank << 32 | header->record;
	cnt = vnp_ntohs(header->cnt);
	if (vnp_ntohs(header->index) >= cnt)
		return VNP_DROP;
	if (vnp_hold(ctx, record, vnp_ntohs(header->index), sizeof(*header)))
		return VNP_DROP;
	vnp_held(ctx, record, &held, sizeof(held));
	if (held.fragments == cnt)
		vnp_release(ctx, record);
	return VNP_HELD;
}
