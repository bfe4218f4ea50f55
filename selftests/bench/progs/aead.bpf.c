// SPDX-License-Identifier: GPL-2.0
#include <vnp/program.h>
#include "../aead.h"

struct {
	__uint(type, VNP_MAP_KEYS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct vnp_key);
} keys SEC(".maps");

SEC("vnp/datagram")
int open_or_drop(struct vnp_ctx *ctx)
{
	struct vnp_crypt crypt = {
		.off = AEAD_HEADER,
		.len = VNP_CRYPT_END,
		.aad_len = AEAD_HEADER,
	};
	__u32 key = 0;

	if (vnp_load_bytes(ctx, AEAD_HEADER - 8, crypt.nonce + 4, 8))
		return VNP_DROP;
	return vnp_open(ctx, &keys, &key, &crypt, sizeof(crypt)) ? VNP_DROP : VNP_PASS;
}

/* What precedes opening, to compare with */
static __always_inline int look(struct vnp_ctx *ctx, int verdict)
{
	__u64 nonce;

	return vnp_load_bytes(ctx, AEAD_HEADER - 8, &nonce, 8) ? VNP_DROP : verdict;
}

SEC("vnp/datagram")
int look_and_pass(struct vnp_ctx *ctx)
{
	return look(ctx, VNP_PASS);
}

SEC("vnp/datagram")
int look_and_drop(struct vnp_ctx *ctx)
{
	return look(ctx, VNP_DROP);
}
