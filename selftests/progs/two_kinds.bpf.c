// SPDX-License-Identifier: GPL-2.0
/*
 * Instructions that use pointers of different kinds, because compilers join the paths
 * before the use. unit/split_test.c checks the result of each program.
 */
#include <vnp/program.h>

#define noinline __attribute__((noinline))

struct name {
	__u8 text[16];
};

struct {
	__uint(type, VNP_MAP_HASH);
	__uint(max_entries, 8);
	__type(key, __u32);
	__type(value, __u8);
} numbers SEC(".maps");

struct {
	__uint(type, VNP_MAP_HASH);
	__uint(max_entries, 8);
	__type(key, struct name);
	__type(value, __u8);
} names SEC(".maps");

struct {
	__uint(type, VNP_MAP_HASH);
	__uint(max_entries, 8);
	__type(key, __u32);
	__type(value, __u32);
} slots SEC(".maps");

struct {
	__uint(type, VNP_MAP_ARRAY);
	__uint(max_entries, 8);
	__type(key, __u32);
	__type(value, __u64);
} counts SEC(".maps");

/* one in .bss, the others in .data */
__u64 many, few = 5;
__u8 fallback[8] = { 1, 1, 1, 1, 1, 1, 1, 1 };

/* Two global variables of different sections */
SEC("vnp/datagram")
int count_by_length(struct vnp_ctx *ctx)
{
	if (ctx->len > 100)
		many++;
	else
		few++;
	return VNP_PASS;
}

/* One of two maps, selected by the length: PASS if the payload is in it */
SEC("vnp/datagram")
int is_listed(struct vnp_ctx *ctx)
{
	struct name name;
	__u32 number;

	if (ctx->len < sizeof(name)) {
		if (vnp_load_bytes(ctx, 0, &number, sizeof(number)))
			return VNP_DROP;
		return vnp_map_lookup(&numbers, &number) ? VNP_PASS : VNP_DROP;
	}
	if (vnp_load_bytes(ctx, 0, &name, sizeof(name)))
		return VNP_DROP;
	return vnp_map_lookup(&names, &name) ? VNP_PASS : VNP_DROP;
}

/* The result of a lookup, or a variable on the stack: lengths without a slot count in slot 7 */
SEC("vnp/datagram")
int count_in_slot(struct vnp_ctx *ctx)
{
	__u32 key = ctx->len, fresh = 7, *slot;
	__u64 *count;

	slot = vnp_map_lookup(&slots, &key);
	if (!slot) {
		vnp_map_update(&slots, &key, &fresh, VNP_MAP_ANY);
		slot = &fresh;
	}
	count = vnp_map_lookup(&counts, slot);
	if (count)
		++*count;
	return VNP_PASS;
}

/* The payload if enough of it is direct, or a copy of it on the stack */
SEC("vnp/datagram")
int is_odd(struct vnp_ctx *ctx)
{
	__u8 copy[12], *header = ctx->data;

	if (header + sizeof(copy) > (__u8 *)ctx->data_end) {
		if (vnp_load_bytes(ctx, 0, copy, sizeof(copy)))
			return VNP_DROP;
		header = copy;
	}
	return header[11] & 1 ? VNP_PASS : VNP_DROP;
}

/* The payload or a global variable, read in a loop: PASS if the sum of eight bytes exceeds 8 */
SEC("vnp/datagram")
int adds_up(struct vnp_ctx *ctx)
{
	const __u8 *bytes = ctx->data;
	__u32 sum = 0;

	if (bytes + sizeof(fallback) > (const __u8 *)ctx->data_end)
		bytes = fallback;
#pragma clang loop unroll(disable)
	for (__u32 i = 0; i < sizeof(fallback); i++)
		sum += bytes[i];
	return sum > 8 ? VNP_PASS : VNP_DROP;
}

static noinline __u64 take(__u64 *count)
{
	return ++*count;
}

/* Pointers of two kinds passed to a function: PASS if the new count is even */
SEC("vnp/datagram")
int take_one(struct vnp_ctx *ctx)
{
	__u64 local = ctx->len;
	__u64 *count = &local;
	__u32 key = 1;

	if (ctx->len < 4)
		count = vnp_map_lookup(&counts, &key);
	if (!count)
		return VNP_DROP;
	return take(count) & 1 ? VNP_DROP : VNP_PASS;
}
