// SPDX-License-Identifier: GPL-2.0
/* Bytes of the payload, wherever they lie: load, store, pull, and in place. */
#include <vnp/program.h>
#include "bytes.h"

struct wish wish;

/* look() - note what can be read directly */
static __always_inline void look(struct vnp_ctx *ctx)
{
	__u8 *p = ctx->data, *end = ctx->data_end;
	__u64 sum = 0;

	wish.direct = end - p;
	wish.total = ctx->len;
	for (__u32 i = 0; i < 65536 && p + i + 1 <= end; i++)
		sum = sum * 31 + p[i];
	wish.sum = sum;
}

SEC("vnp/datagram")
int load(struct vnp_ctx *ctx)
{
	__u8 chunk[CHUNK];
	__u32 len = wish.len;

	__builtin_memset(chunk, 0x55, sizeof(chunk));
	if (!len || len > CHUNK)
		return VNP_DROP;
	wish.ret = vnp_load_bytes(ctx, wish.off, chunk, len);
	__builtin_memcpy(wish.chunk, chunk, CHUNK);
	look(ctx);
	return VNP_PASS;
}

/* From the payload to the payload */
SEC("vnp/datagram")
int load_over(struct vnp_ctx *ctx)
{
	__u8 *p = ctx->data, *end = ctx->data_end;

	if (p + 3 + CHUNK > end)
		return VNP_DROP;
	wish.ret = vnp_load_bytes(ctx, wish.off, p + 3, CHUNK);
	return VNP_PASS;
}

SEC("vnp/datagram")
int store(struct vnp_ctx *ctx)
{
	__u32 len = wish.len;

	if (!len || len > CHUNK)
		return VNP_DROP;
	wish.ret = vnp_store_bytes(ctx, wish.off, wish.chunk, len);
	look(ctx);
	return VNP_PASS;
}

SEC("vnp/datagram")
int pull(struct vnp_ctx *ctx)
{
	wish.ret = vnp_pull(ctx, wish.len);
	look(ctx);
	return VNP_PASS;
}

/* All bytes, read and written directly. */
SEC("vnp/datagram")
int invert(struct vnp_ctx *ctx)
{
	__u8 *p, *end;

	if (vnp_pull(ctx, 0))
		return VNP_DROP;
	p = ctx->data;
	end = ctx->data_end;
	for (__u32 i = 0; i < 65536 && p + i + 1 <= end; i++)
		p[i] = ~p[i];
	return VNP_PASS;
}

/* Only what is there: the front. */
SEC("vnp/datagram")
int invert_direct(struct vnp_ctx *ctx)
{
	__u8 *p = ctx->data, *end = ctx->data_end;

	for (__u32 i = 0; i < 65536 && p + i + 1 <= end; i++)
		p[i] = ~p[i];
	return VNP_PASS;
}
