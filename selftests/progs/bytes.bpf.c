// SPDX-License-Identifier: GPL-2.0
/* Access to payload bytes in the linear area and in fragments: load, store, pull, direct. */
#include <vnp/program.h>
#include "bytes.h"

struct bytes_op op;

/* record_direct() - note which bytes can be accessed directly */
static __always_inline void record_direct(struct vnp_ctx *ctx)
{
	__u8 *p = ctx->data, *end = ctx->data_end;
	__u64 sum = 0;

	op.direct = end - p;
	op.total = ctx->len;
	for (__u32 i = 0; i < 65536 && p + i + 1 <= end; i++)
		sum = sum * 31 + p[i];
	op.sum = sum;
}

SEC("vnp/datagram")
int load(struct vnp_ctx *ctx)
{
	__u8 chunk[CHUNK];
	__u32 len = op.len;

	__builtin_memset(chunk, 0x55, sizeof(chunk));
	if (!len || len > CHUNK)
		return VNP_DROP;
	op.ret = vnp_load_bytes(ctx, op.off, chunk, len);
	__builtin_memcpy(op.chunk, chunk, CHUNK);
	record_direct(ctx);
	return VNP_PASS;
}

/* The destination buffer is itself in the payload. */
SEC("vnp/datagram")
int load_over(struct vnp_ctx *ctx)
{
	__u8 *p = ctx->data, *end = ctx->data_end;

	if (p + 3 + CHUNK > end)
		return VNP_DROP;
	op.ret = vnp_load_bytes(ctx, op.off, p + 3, CHUNK);
	return VNP_PASS;
}

SEC("vnp/datagram")
int store(struct vnp_ctx *ctx)
{
	__u32 len = op.len;

	if (!len || len > CHUNK)
		return VNP_DROP;
	op.ret = vnp_store_bytes(ctx, op.off, op.chunk, len);
	record_direct(ctx);
	return VNP_PASS;
}

SEC("vnp/datagram")
int pull(struct vnp_ctx *ctx)
{
	op.ret = vnp_pull(ctx, op.len);
	record_direct(ctx);
	return VNP_PASS;
}

/* Pull the whole payload, then invert it by direct access. */
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

/* Without a pull: inverts only the bytes that are direct already. */
SEC("vnp/datagram")
int invert_direct(struct vnp_ctx *ctx)
{
	__u8 *p = ctx->data, *end = ctx->data_end;

	for (__u32 i = 0; i < 65536 && p + i + 1 <= end; i++)
		p[i] = ~p[i];
	return VNP_PASS;
}
