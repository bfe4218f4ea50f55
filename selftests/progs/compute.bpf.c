// SPDX-License-Identifier: GPL-2.0
/*
 * Typical programs, whose results in the kernel are compared with those of the reference
 * interpreter: the resulting payload and global variables depend on every byte.
 */
#include <vnp/program.h>

__u64 sums[8];
__u32 histogram[16];

struct {
	__uint(type, VNP_MAP_HASH);
	__uint(max_entries, 16);
	__type(key, __u16);
	__type(value, __u32);
} pairs SEC(".maps");

/* Internet checksum over the payload, RFC 1071. */
SEC("vnp/datagram")
int checksum(struct vnp_ctx *ctx)
{
	__u8 *p = ctx->data, *end = ctx->data_end;
	__u64 sum = 0;

	for (; p + 2 <= end; p += 2)
		sum += (__u32)p[0] << 8 | p[1];
	if (p + 1 <= end)
		sum += (__u32)p[0] << 8;
	sum = (sum >> 16) + (sum & 0xffff);
	sum += sum >> 16;
	sums[0] = ~sum & 0xffff;
	return sums[0] & 1;
}

/* FNV-1a with 64 bits, and CRC-32 bit by bit: multiplication, shifts, xor. */
SEC("vnp/datagram")
int hashes(struct vnp_ctx *ctx)
{
	__u8 *p = ctx->data, *end = ctx->data_end;
	__u64 fnv = 0xcbf29ce484222325;
	__u32 crc = ~0U;

	for (; p + 1 <= end; p++) {
		fnv = (fnv ^ *p) * 0x100000001b3;
		crc ^= *p;
#pragma clang loop unroll(disable)
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
	}
	sums[1] = fnv;
	sums[2] = ~crc;
	return crc >> 31;
}

/* Division and modulo by operands from the payload, including zero. */
SEC("vnp/datagram")
int divide(struct vnp_ctx *ctx)
{
	struct { __u64 a, b; __u32 c, d; } n = { 0 };

	vnp_load_bytes(ctx, 0, &n, sizeof(n));
	sums[0] = n.b ? n.a / n.b : 1;
	sums[1] = n.b ? n.a % n.b : 2;
	sums[2] = n.d ? n.c / n.d : 3;
	sums[3] = n.d ? n.c % n.d : 4;
	sums[4] = n.a / ((n.b & 0xff) + 1);
	sums[5] = n.c % ((n.d & 0xff) + 1);
	return VNP_PASS;
}

/* Shifts by counts from the payload: logical and arithmetic, 32 and 64 bits. */
SEC("vnp/datagram")
int shift(struct vnp_ctx *ctx)
{
	struct { __u64 a; __u32 b; __u8 n; } v = { 0 };
	__u32 by32, by64;

	vnp_load_bytes(ctx, 0, &v, 13);
	by32 = v.n & 31;
	by64 = v.n & 63;
	sums[0] = v.a << by64;
	sums[1] = v.a >> by64;
	sums[2] = (__s64)v.a >> by64;
	sums[3] = v.b << by32;
	sums[4] = v.b >> by32;
	sums[5] = (__s32)v.b >> by32;
	sums[6] = (__s8)v.n;
	sums[7] = (__s64)(__s16)v.b;
	return (__s8)v.n < 0;
}

/* Comparisons of all kinds. */
SEC("vnp/datagram")
int compare(struct vnp_ctx *ctx)
{
	struct { __u64 a, b; } v = { 0 };
	__s64 sa, sb;
	__u64 bits = 0;

	vnp_load_bytes(ctx, 0, &v, sizeof(v));
	sa = v.a;
	sb = v.b;
	bits = v.a > v.b;
	bits = bits << 1 | (v.a >= v.b);
	bits = bits << 1 | (sa > sb);
	bits = bits << 1 | (sa <= sb);
	bits = bits << 1 | ((__u32)v.a < (__u32)v.b);
	bits = bits << 1 | ((__s32)v.a < (__s32)v.b);
	bits = bits << 1 | (v.a == v.b);
	bits = bits << 1 | !(v.a & v.b);
	bits = bits << 1 | (sa < -100);
	bits = bits << 1 | ((__s32)v.b > -7);
	sums[0] = bits;
	return bits & 1;
}

/* Sort up to 32 bytes of the payload on the stack and write them back. */
SEC("vnp/datagram")
int sort(struct vnp_ctx *ctx)
{
	__u32 len = ctx->len < 32 ? ctx->len : 32;
	__u8 v[32] = { 0 };

	if (!len || vnp_load_bytes(ctx, 0, v, len))
		return VNP_DROP;
	for (__u32 i = 1; i < len; i++) {
		__u8 x = v[i & 31];
		__u32 j = i;

		for (; j > 0 && v[(j - 1) & 31] > x; j--)
			v[j & 31] = v[(j - 1) & 31];
		v[j & 31] = x;
	}
	return vnp_store_bytes(ctx, 0, v, len) ? VNP_DROP : VNP_PASS;
}

/* Parse type-length-value options; a length may point beyond the payload. */
SEC("vnp/datagram")
int options(struct vnp_ctx *ctx)
{
	__u8 *p = ctx->data, *end = ctx->data_end;
	__u32 cnt = 0, bytes = 0;

	while (p + 2 <= end) {
		__u8 type = p[0], len = p[1] & 15;

		p += 2;
		if (p + len > end)
			break;
		histogram[type & 15] += len;
		if (len >= 4)
			sums[3] ^= *(__u32 *)p;
		bytes += len;
		cnt++;
		p += len;
	}
	sums[4] = (__u64)cnt << 32 | bytes;
	return cnt & 1;
}

/* The same without bounds checks: a guard ends it at the end of the payload. */
SEC("vnp/datagram")
int options_careless(struct vnp_ctx *ctx)
{
	__u8 *p = ctx->data;
	__u32 cnt = 0;

	do {
		__u8 len = p[1] & 15;

		histogram[p[0] & 15]++;
		p += 2 + len;
		cnt++;
	} while (p[0] != 0xff);
	return cnt & 1;
}

/* Count pairs of bytes in a hash table that is too small for all of them. */
SEC("vnp/datagram")
int count_pairs(struct vnp_ctx *ctx)
{
	__u8 *p = ctx->data, *end = ctx->data_end;
	__u32 full = 0;

	for (; p + 2 <= end; p++) {
		__u16 key = (p[0] & 7) << 3 | (p[1] & 7);
		__u32 *cnt = vnp_map_lookup(&pairs, &key), one = 1;

		if (cnt)
			*cnt += 1;
		else if (vnp_map_update(&pairs, &key, &one, VNP_MAP_NOEXIST))
			full++;
		if (p[0] == 0)
			vnp_map_delete(&pairs, &key);
	}
	sums[5] += full;
	return full & 1;
}

/* Rewrite by table: ROT13 for letters, digits to their values, '.' for others. */
SEC("vnp/datagram")
int translate(struct vnp_ctx *ctx)
{
	__u8 *p = ctx->data, *end = ctx->data_end;

	for (; p + 1 <= end; p++) {
		switch (*p) {
		case 'a' ... 'm':
		case 'A' ... 'M':
			*p += 13;
			break;
		case 'n' ... 'z':
		case 'N' ... 'Z':
			*p -= 13;
			break;
		case '0' ... '9':
			*p -= '0';
			break;
		case 0x80 ... 0xff:
			*p = __builtin_bswap16(*p) >> 9;
			break;
		default:
			*p = '.';
		}
	}
	return VNP_PASS;
}

/* Atomics, on a global and on the stack. */
SEC("vnp/datagram")
int atomics(struct vnp_ctx *ctx)
{
	__u64 here = ctx->len;
	__u32 byte = 0;

	vnp_load_bytes(ctx, 0, &byte, 1);
	__sync_fetch_and_add(&sums[6], byte);
	__sync_fetch_and_add(&here, byte);
#if TEST_CPU >= 3
	sums[7] += __sync_fetch_and_or(&sums[6], 0x100);
	sums[7] ^= __sync_fetch_and_xor(&sums[5], here);
	sums[7] += __sync_val_compare_and_swap(&sums[4], 0, here);
	sums[7] += __sync_lock_test_and_set(&sums[3], byte);
	sums[7] += __sync_fetch_and_and(&sums[2], ~here);
#endif
	return here & 1;
}

/* Conversion to network byte order, and back. */
SEC("vnp/datagram")
int byte_order(struct vnp_ctx *ctx)
{
	struct { __u16 a; __u16 b; __u32 c; __u64 d; } v = { 0 };

	vnp_load_bytes(ctx, 0, &v, sizeof(v));
	v.a = vnp_htons(v.a);
	v.b = vnp_htons(v.b) + 1;
	v.c = vnp_ntohl(v.c) * 3;
	v.d = vnp_cpu_to_be64(v.d + 5);
	vnp_store_bytes(ctx, 0, &v, sizeof(v));
	sums[0] = v.d;
	return v.a & 1;
}
