// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Records of ChaCha20-Poly1305, as libsodium's crypto_aead_chacha20poly1305_ietf_encrypt() makes
 * them.  The nonce is four bytes of zero, and the record's number.
 */
#include <vnp/program.h>
#include "telemetry.h"

struct {
	__uint(type, VNP_MAP_KEYS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct vnp_key);
} keys SEC(".maps");

struct window {
	__u64 next;
	__u64 seen[TELEMETRY_WINDOW / 64 + 1];
};

struct {
	__uint(type, VNP_MAP_REPLAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct window);
} windows SEC(".maps");

struct telemetry_stats stats;

SEC("vnp/stream")
int measure(struct vnp_ctx *ctx)
{
	__u8 len[4];
	__u32 rest;

	if (vnp_load_bytes(ctx, 0, len, sizeof(len)))
		return 0;
	rest = (__u32)len[0] << 24 | len[1] << 16 | len[2] << 8 | len[3];
	if (rest < TELEMETRY_TAG || rest > TELEMETRY_TEXT_MAX + TELEMETRY_TAG)
		return -1;
	return sizeof(struct telemetry_header) + rest;
}

SEC("vnp/message")
int open(struct vnp_ctx *ctx)
{
	struct vnp_crypt crypt = {
		.off = sizeof(struct telemetry_header),
		.len = VNP_CRYPT_END,
		.aad_len = sizeof(struct telemetry_header),
	};
	struct telemetry_header header;
	const __u32 key = 0;
	__u64 number;

	if (vnp_load_bytes(ctx, 0, &header, sizeof(header)))
		return VNP_DROP;
	__builtin_memcpy(crypt.nonce + 4, header.number, sizeof(header.number));
	if (vnp_open(ctx, &keys, &key, &crypt, sizeof(crypt)))
		return VNP_DROP;
	__builtin_memcpy(&number, header.number, sizeof(number));
	if (vnp_replay_commit(&windows, &key, number)) {
		__sync_fetch_and_add(&stats.replayed, 1);
		return VNP_DROP;
	}
	__sync_fetch_and_add(&stats.opened, 1);
	return vnp_adjust_head(ctx, sizeof(header)) ? VNP_DROP : VNP_PASS;
}
