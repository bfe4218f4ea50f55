// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Everything that an object can contain, for object_test.c. */
#include <vnp/program.h>

struct key {
	__u32 a;
	__u16 b;
};

struct {
	__uint(type, VNP_MAP_HASH);
	__uint(max_entries, 7);
	__type(key, struct key);
	__type(value, __u64);
} table SEC(".maps");

struct {
	__uint(type, VNP_MAP_ARRAY);
	__uint(max_entries, 3);
	__uint(key_size, 4);
	__uint(value_size, 5000);
	__uint(map_flags, VNP_MAP_F_MMAP);
} large SEC(".maps");

struct {
	__uint(type, VNP_MAP_PERCPU_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u32);
} a_name_that_is_longer_than_the_kernels SEC(".maps");

const volatile __u32 constant = 41;
volatile __u32 zeroed;
volatile __u32 initialized = 5;
volatile __u64 hot SEC(".data.hot") = 7;
const volatile __u8 squares[] SEC(".rodata.squares") = { 0, 1, 4, 9, 16 };

/* Two programs in a section: the second begins in the middle of it */
SEC("vnp/datagram")
int globals(struct vnp_ctx *ctx)
{
	(void)ctx;
	zeroed += constant;
	initialized += 1;
	hot += squares[3];
	return zeroed + initialized;
}

SEC("vnp/datagram")
int count(struct vnp_ctx *ctx)
{
	struct key key = { .a = ctx->len, .b = 2 };
	__u64 one = 1, *seen;

	seen = vnp_map_lookup(&table, &key);
	if (seen)
		return ++*seen;
	vnp_map_update(&table, &key, &one, VNP_MAP_ANY);
	return 1;
}

SEC("vnp/datagram")
int others(struct vnp_ctx *ctx)
{
	__u32 i = 1;
	__u32 *mine = vnp_map_lookup(&a_name_that_is_longer_than_the_kernels, &i);
	__u32 *theirs = vnp_map_lookup(&large, &i);

	if (!mine || !theirs)
		return -1;
	*mine += 1;
	vnp_printk(ctx, "%d of %u", *mine, *theirs);
	return *theirs;
}
