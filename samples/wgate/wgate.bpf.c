// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Only datagrams of those who have a key reach the server, each once. */
#include <vnp/program.h>
#include "wgate.h"

struct {
	__uint(type, VNP_MAP_KEYS);
	__uint(max_entries, WGATE_CLIENTS);
	__type(key, __be32);
	__type(value, struct vnp_key);
} keys SEC(".maps");

struct {
	__uint(type, VNP_MAP_REPLAY);
	__uint(max_entries, WGATE_CLIENTS);
	__type(key, __be32);
	__type(value, __u8[VNP_REPLAY_SIZE(WGATE_WINDOW)]);
} windows SEC(".maps");

SEC("vnp/datagram")
int wgate(struct vnp_ctx *ctx)
{
	struct vnp_crypt crypt = {
		.off = WGATE_TAG,
		.len = VNP_CRYPT_END,
	};
	struct wgate_header header;
	__u64 number;

	if (vnp_load_bytes(ctx, 0, &header, sizeof(header)) || header.reserved)
		return VNP_DROP;
	number = vnp_be64_to_cpu(header.number);
	if (vnp_replay_check(&windows, &header.client, number))
		return VNP_DROP;
	if (vnp_mac_verify(ctx, &keys, &header.client, &crypt, sizeof(crypt)))
		return VNP_DROP;
	if (vnp_replay_commit(&windows, &header.client, number))
		return VNP_DROP;
	return vnp_adjust_head(ctx, sizeof(header)) ? VNP_DROP : VNP_PASS;
}
