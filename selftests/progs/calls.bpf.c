// SPDX-License-Identifier: GPL-2.0
/*
 * Programs that consist of several functions: stack frames, pointers into the caller's
 * frame, callee-saved registers, loops, and faults in a callee.
 */
#include <vnp/program.h>

#define noinline __attribute__((noinline))

__u64 answers[8];

struct reader {
	const __u8 *at;
	const __u8 *end;
	__u32 sum;
};

struct {
	__uint(type, VNP_MAP_HASH);
	__uint(max_entries, 16);
	__type(key, __u8);
	__type(value, __u32);
} counts SEC(".maps");

static noinline int next(struct reader *r)
{
	if (r->at + 1 > r->end)
		return -1;
	r->sum += *r->at;
	return *r->at++;
}

/* a global function that other functions of the program call */
noinline __u32 *count_of(__u8 key)
{
	__u32 one = 1, *count = vnp_map_lookup(&counts, &key);

	if (!count)
		vnp_map_update(&counts, &key, &one, 0);
	return count;
}

static noinline __u64 mix(__u64 a, __u64 b, __u64 c, __u64 d, __u64 e)
{
	return (a * 31 + b) * 31 + (c ^ d >> 3) + e;
}

static noinline __u64 spread(__u64 seed, __u32 len)
{
	__u64 kept[4] = { seed, len, seed ^ len, 7 };

	for (int i = 0; i < 8; i++)
		kept[i & 3] = mix(kept[0], kept[1], kept[2], kept[3], i);
	return kept[0] ^ kept[1] ^ kept[2] ^ kept[3];
}

SEC("vnp/datagram")
int bytes(struct vnp_ctx *ctx)
{
	struct reader r = { ctx->data, ctx->data_end, 0 };
	__u64 all = 0;
	int c;

	for (int i = 0; i < 64; i++) {
		c = next(&r);
		if (c < 0)
			break;
		all = mix(all, c, i, r.sum, 1);
	}
	answers[0] = all;
	answers[1] = spread(all, ctx->len);
	answers[2] = spread(answers[1], r.sum);
	return all & 1;
}

SEC("vnp/datagram")
int counted(struct vnp_ctx *ctx)
{
	struct reader r = { ctx->data, ctx->data_end, 0 };
	__u32 *count;

	for (int i = 0; i < 8; i++) {
		count = count_of(next(&r));
		if (count)
			answers[3] += ++*count;
	}
	return answers[3] & 1;
}

static noinline __u32 unchecked(const __u8 *p, __u32 off)
{
	return p[off & 0xff] + 1;
}

/* faults if the payload is shorter than the offset in its first byte */
SEC("vnp/datagram")
int faulty(struct vnp_ctx *ctx)
{
	const __u8 *p = ctx->data;

	answers[4] = unchecked(p, 0);
	answers[5] = unchecked(p, answers[4]);
	return answers[5] & 1;
}
