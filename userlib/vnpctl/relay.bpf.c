// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* vnpctl relay: each datagram is sent to all receivers as it is. */
#include <vnp/program.h>
#include "relay.h"

struct {
	__uint(type, VNP_MAP_GROUPS);
	__uint(max_entries, 1);
	__type(key, struct relay_key);
	__type(value, struct vnp_peer);
} receivers SEC(".maps");

SEC("vnp/datagram")
int relay(struct vnp_ctx *ctx)
{
	const struct relay_key all = {};

	vnp_send_group(ctx, &receivers, &all, NULL, 0);
	return VNP_DROP;
}
