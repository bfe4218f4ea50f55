// SPDX-License-Identifier: GPL-2.0
/*
 * Common C idioms that compilers turn into code which is hard to verify. unit/idiom_test.c
 * checks what each program returns.
 */
#include <vnp/program.h>

#define noinline __attribute__((noinline))

/* PASS if five bytes remain after skipping 1 + p[0]; the difference is truncated to 32 bits */
SEC("vnp/datagram")
int five_left(struct vnp_ctx *ctx)
{
	char *p = ctx->data, *end = ctx->data_end;
	__u32 left;

	if (p + 3 > end)
		return VNP_DROP;
	p += 1 + p[0];
	left = end - p;
	return left == 5 ? VNP_PASS : VNP_DROP;
}

/*
 * Compare a 64-bit length with the remaining bytes and skip it; returns bit 0 of the next
 * byte
 */
SEC("vnp/datagram")
int skip_length(struct vnp_ctx *ctx)
{
	__u8 *p = ctx->data, *end = ctx->data_end;
	__u64 len;

	if (p + sizeof(len) > end)
		return VNP_DROP;
	len = *(__u64 *)p;
	p += sizeof(len);
	if (len > (__u64)(end - p))
		return VNP_DROP;
	p += len;
	if (p + 1 > end)
		return VNP_DROP;
	return *p & 1;
}

#ifndef TEST_O1	/* at -O1 clang copies an uninitialized register, which is refused */
static __always_inline __u32 name_end(const __u8 *data, __u32 len, __u32 off)
{
	for (int i = 0; i < 128; i++) {
		__u8 label;

		if (off >= len)
			return 0;
		label = data[off];
		if (!label)
			return off + 1;
		off += label + 1;
	}
	return 0;
}

/* PASS if the payload begins with a DNS name */
SEC("vnp/datagram")
int is_name(struct vnp_ctx *ctx)
{
	const __u8 *data = ctx->data;
	__u32 len = (const __u8 *)ctx->data_end - data;

	return name_end(data, len, 0) ? VNP_PASS : VNP_DROP;
}
#endif

static noinline int second_is_one(const __u8 *p)
{
	return p[1] == 1;
}

/* A switch that may become a jump table, and one that may become a lookup table */
SEC("vnp/datagram")
int choose(struct vnp_ctx *ctx)
{
	__u8 *p = ctx->data;
	__u32 x = 0;

	if (p + 4 > (__u8 *)ctx->data_end)
		return VNP_DROP;
	switch (p[0]) {
	case 0: return VNP_PASS;
	case 1: return second_is_one(p);
	case 2: x = p[1] + 1; break;
	case 3: x = p[1] * 3; break;
	case 4: x = p[1] ^ p[2]; break;
	case 5: x = p[1] << 2; break;
	case 6: x = p[1] / 7; break;
	case 7: x = p[2] % 5; break;
	case 8: x = p[2] + p[3]; break;
	case 9: x = p[3] - p[1]; break;
	case 10: p[1] = p[2]; break;
	case 11: p[2] = 9; x = 2; break;
	case 12: vnp_store_bytes(ctx, 0, "ab", 2); x = 1; break;
	case 13: x = ctx->len; break;
	default: return VNP_DROP;
	}
	switch (x & 15) {
	case 0: case 2: case 3: case 6: case 8: case 10:
		return VNP_PASS;
	default:
		return VNP_DROP;
	}
}
