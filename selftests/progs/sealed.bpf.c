// SPDX-License-Identifier: GPL-2.0
/* The messages of selftests/kmod/sealed.h: opened, and then the verdict that they ask for. */
#include <vnp/program.h>
#include "sealed.h"

#define MAC	32

struct {
	__uint(type, VNP_MAP_KEYS);
	__uint(max_entries, SEALED_KEYS);
	__type(key, __u32);
	__type(value, struct vnp_key);
} keys SEC(".maps");

SEC("vnp/stream")
int measure(struct vnp_ctx *ctx)
{
	__u8 len[4];

	if (vnp_load_bytes(ctx, 0, len, sizeof(len)))
		return 0;
	return len[0] == 'X' ? -1 : 4 + (len[1] << 16 | len[2] << 8 | len[3]);
}

static __always_inline long open(struct vnp_ctx *ctx, const struct sealed_header *header)
{
	struct vnp_crypt crypt = {
		.off = sizeof(*header),
		.len = VNP_CRYPT_END,
		.aad_len = sizeof(*header),
	};
	__u32 key = header->key, missing = SEALED_MISSING;

	if (key == SEALED_MAC) {
		crypt.tag_off = ctx->len - MAC;
		crypt.len = crypt.tag_off - sizeof(*header);
		return vnp_mac_verify(ctx, &keys, &key, &crypt, sizeof(crypt)) ?:
		       vnp_adjust_tail(ctx, -MAC);
	}
	__builtin_memcpy(crypt.nonce + 4, &header->number, sizeof(header->number));
	if (header->flags & SEALED_F_TRY) {
		crypt.flags = VNP_CRYPT_F_TRY;
		if (!vnp_open(ctx, &keys, &missing, &crypt, sizeof(crypt)))
			return -1;
		crypt.flags = 0;
	}
	return vnp_open(ctx, &keys, &key, &crypt, sizeof(crypt));
}

SEC("vnp/message")
int decide(struct vnp_ctx *ctx)
{
	struct sealed_header header;
	__u8 type, *text, *end;

	if (vnp_load_bytes(ctx, 0, &header, sizeof(header)) || open(ctx, &header))
		return VNP_PASS;	/* it must be dropped nevertheless */
	type = header.type;
	if (type == 'L' && vnp_load_bytes(ctx, ctx->len - 1, &type, 1))
		return VNP_DROP;
	text = ctx->data;
	end = ctx->data_end;
	if (header.flags & SEALED_F_WRITE && text + sizeof(header) + 8 <= end)
		__builtin_memcpy(text + sizeof(header), &header.number, 8);
	if (header.flags & SEALED_F_FAULT)
		return text[ctx->len];
	if (header.flags & SEALED_F_EMPTY)
		vnp_adjust_tail(ctx, sizeof(header) - ctx->len);
	if (!(header.flags & SEALED_F_KEEP))
		vnp_adjust_head(ctx, sizeof(header));
	return type == 'D' ? VNP_DROP : type == 'H' ? VNP_HELD : VNP_PASS;
}
