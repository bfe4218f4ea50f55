// SPDX-License-Identifier: GPL-2.0
/* The IP packet: where it begins, how long it is, and its last bytes. */
#include <vnp/program.h>
#include "packet.h"

struct sight sight;

SEC("vnp/packet")
int see(struct vnp_ctx *ctx)
{
	__u8 *p, *end;

	sight.pulled = sight.want ? vnp_pull(ctx, sight.want) : 0;
	p = ctx->data;
	end = ctx->data_end;
	sight.direct = end - p;
	sight.total = ctx->len;
	sight.family = ctx->family;
	sight.local_port = ctx->local_port;
	if (p + sizeof(sight.header) <= end)
		__builtin_memcpy(sight.header, p, sizeof(sight.header));
	if (end > p)
		sight.direct_end = end[-1];
	if (vnp_load_bytes(ctx, ctx->len - 4, sight.end, 4))
		return VNP_DROP;
	return VNP_PASS;
}
