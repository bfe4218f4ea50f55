// SPDX-License-Identifier: GPL-2.0
/* Record every field of the context; pass every datagram. */
#include <vnp/program.h>
#include "ctx.h"

struct seen seen;

SEC("vnp/datagram")
int note(struct vnp_ctx *ctx)
{
	seen.len = ctx->len;
	seen.direct = ctx->data_end - ctx->data;
	seen.family = ctx->family;
	seen.remote_ip4 = ctx->remote_ip4;
	seen.local_ip4 = ctx->local_ip4;
	for (int i = 0; i < 4; i++) {
		seen.remote_ip6[i] = ctx->remote_ip6[i];
		seen.local_ip6[i] = ctx->local_ip6[i];
	}
	seen.remote_port = ctx->remote_port;
	seen.local_port = ctx->local_port;
	seen.ifindex = ctx->ifindex;
	seen.ttl = ctx->ttl;
	seen.tos = ctx->tos;
	seen.tstamp = ctx->tstamp;
	seen.time = vnp_time_ns();
	return VNP_PASS;
}
