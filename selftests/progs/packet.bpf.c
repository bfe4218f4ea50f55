// SPDX-License-Identifier: GPL-2.0
/* What a program of type packet sees: start, length and last bytes of the IP packet. */
#include <vnp/program.h>
#include "packet.h"

struct packet_view view;

SEC("vnp/packet")
int view_packet(struct vnp_ctx *ctx)
{
	__u8 *p, *end;

	view.pulled = view.pull_len ? vnp_pull(ctx, view.pull_len) : 0;
	p = ctx->data;
	end = ctx->data_end;
	view.direct = end - p;
	view.total = ctx->len;
	view.family = ctx->family;
	view.local_port = ctx->local_port;
	if (p + sizeof(view.header) <= end)
		__builtin_memcpy(view.header, p, sizeof(view.header));
	if (end > p)
		view.direct_end = end[-1];
	if (vnp_load_bytes(ctx, ctx->len - 4, view.end, 4))
		return VNP_DROP;
	return VNP_PASS;
}
