// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* What arrives as SRTP and SRTCP is received as RTP and RTCP. */
#include "open.h"

struct srtp_state state;

SEC("vnp/datagram")
int srtp(struct vnp_ctx *ctx)
{
	struct srtp_packet packet = {};

	packet.state = &state;
	return srtp_open(ctx, &packet) ? VNP_DROP : VNP_PASS;
}
