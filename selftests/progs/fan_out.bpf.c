// SPDX-License-Identifier: GPL-2.0
/* Sends each message of a stream to the peers, without the four bytes that are its length. */
#include <vnp/program.h>

struct {
	__uint(type, VNP_MAP_PEERS);
	__uint(max_entries, 8);
	__type(key, __u32);
	__type(value, struct vnp_peer);
} peers SEC(".maps");

SEC("vnp/stream")
int measure(struct vnp_ctx *ctx)
{
	__be32 len;

	if (vnp_load_bytes(ctx, 0, &len, sizeof(len)))
		return 0;
	return vnp_ntohl(len) > 1400 ? -1 : 4 + (int)vnp_ntohl(len);
}

SEC("vnp/message")
int fan_out(struct vnp_ctx *ctx)
{
	struct vnp_send send = { sizeof(send), 0, 4, VNP_SEND_REST };
	__u32 i;

	for (i = 0; i < 8; i++)
		vnp_send(ctx, &peers, &i, &send, sizeof(send));
	return VNP_DROP;
}
