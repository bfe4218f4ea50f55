// SPDX-License-Identifier: GPL-2.0
/*
 * For each kind of guard, a program that needs it and one that does not.  Lines that can
 * fault are marked FAULT: the test searches for this comment.
 */
#include <vnp/program.h>
#include "faults.h"

struct {
	__uint(type, VNP_MAP_HASH);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u64);
} table SEC(".maps");

struct traces traces;
volatile __u32 go_on = 1;

/* order_of() - the struct order in the payload, or NULL if that is too short */
static __always_inline struct order *order_of(struct vnp_ctx *ctx)
{
	struct order *order = ctx->data;

	return (void *)(order + 1) > ctx->data_end ? NULL : order;
}

SEC("vnp/datagram")
int packet_unchecked(struct vnp_ctx *ctx)
{
	struct order *order = order_of(ctx);
	__u8 *data = ctx->data;

	if (!order)
		return VNP_DROP;
	return data[order->index] ? VNP_PASS : VNP_DROP; /* FAULT */
}

SEC("vnp/datagram")
int packet_checked(struct vnp_ctx *ctx)
{
	struct order *order = order_of(ctx);
	__u8 *data = ctx->data;

	if (!order)
		return VNP_DROP;
	data += order->index;
	if (data + 1 > (__u8 *)ctx->data_end)
		return VNP_DROP;
	return *data ? VNP_PASS : VNP_DROP;
}

/* Out-of-bounds write: the byte after the payload must not change. */
SEC("vnp/datagram")
int packet_written(struct vnp_ctx *ctx)
{
	struct order *order = order_of(ctx);
	__u8 *data = ctx->data;

	if (!order)
		return VNP_DROP;
	data[order->index] = 0xee; /* FAULT */
	return VNP_PASS;
}

/* An offset below data is as invalid as one beyond data_end. */
SEC("vnp/datagram")
int packet_before(struct vnp_ctx *ctx)
{
	struct order *order = order_of(ctx);
	__u8 *data = ctx->data;

	if (!order)
		return VNP_DROP;
	data += 16 - (long)order->index;
	return *data ? VNP_PASS : VNP_DROP; /* FAULT */
}

SEC("vnp/datagram")
int lookup_untested(struct vnp_ctx *ctx)
{
	struct order *order = order_of(ctx);
	__u64 *value;
	__u32 key;

	if (!order)
		return VNP_DROP;
	key = order->index;
	value = vnp_map_lookup(&table, &key);
	*value += 1; /* FAULT */
	return VNP_PASS;
}

SEC("vnp/datagram")
int lookup_tested(struct vnp_ctx *ctx)
{
	struct order *order = order_of(ctx);
	__u64 *value;
	__u32 key;

	if (!order)
		return VNP_DROP;
	key = order->index;
	value = vnp_map_lookup(&table, &key);
	if (!value)
		return VNP_DROP;
	*value += 1;
	return VNP_PASS;
}

SEC("vnp/datagram")
int map_unbounded(struct vnp_ctx *ctx)
{
	struct order *order = order_of(ctx);

	if (!order)
		return VNP_DROP;
	traces.bytes[order->index] = 1; /* FAULT */
	return VNP_PASS;
}

SEC("vnp/datagram")
int map_bounded(struct vnp_ctx *ctx)
{
	struct order *order = order_of(ctx);

	if (!order)
		return VNP_DROP;
	traces.bytes[order->index % INDEXED_LEN] = 1;
	return VNP_PASS;
}

SEC("vnp/datagram")
int stack_unbounded(struct vnp_ctx *ctx)
{
	struct order *order = order_of(ctx);
	volatile __u8 here[INDEXED_LEN] = { 0 };

	if (!order)
		return VNP_DROP;
	here[order->index] = 1; /* FAULT */
	return here[0] + here[1] ? VNP_PASS : VNP_DROP;
}

SEC("vnp/datagram")
int stack_bounded(struct vnp_ctx *ctx)
{
	struct order *order = order_of(ctx);
	volatile __u8 here[INDEXED_LEN] = { 0 };

	if (!order)
		return VNP_DROP;
	here[order->index % INDEXED_LEN] = 1;
	return here[0] + here[1] ? VNP_PASS : VNP_DROP;
}

SEC("vnp/datagram")
int context_unbounded(struct vnp_ctx *ctx)
{
	struct order *order = order_of(ctx);

	if (!order)
		return VNP_DROP;
	return ctx->remote_ip6[order->index] ? VNP_DROP : VNP_PASS; /* FAULT */
}

SEC("vnp/datagram")
int context_bounded(struct vnp_ctx *ctx)
{
	struct order *order = order_of(ctx);

	if (!order)
		return VNP_DROP;
	return ctx->remote_ip6[order->index % 4] ? VNP_DROP : VNP_PASS;
}

SEC("vnp/datagram")
int loop_for_ever(struct vnp_ctx *ctx)
{
	while (go_on) /* FAULT */
		traces.iterations++; /* FAULT */
	return VNP_PASS;
}

/* Without an exit from the loop */
SEC("vnp/datagram")
int loop_bare(struct vnp_ctx *ctx)
{
	for (;;) /* FAULT */
		; /* FAULT */
}

/* A loop that ends: the budget is enough. */
SEC("vnp/datagram")
int loop_ends(struct vnp_ctx *ctx)
{
	struct order *order = order_of(ctx);
	__u32 cnt;

	if (!order)
		return VNP_DROP;
	cnt = order->index;
#pragma clang loop unroll(disable)
	for (__u32 i = 0; i < cnt; i++)
		traces.iterations++;
	return VNP_PASS;
}

SEC("vnp/datagram")
int no_loop(struct vnp_ctx *ctx)
{
	traces.iterations++;
	return VNP_PASS;
}

SEC("vnp/datagram")
int verdict_given(struct vnp_ctx *ctx)
{
	struct order *order = order_of(ctx);

	return order ? order->verdict : VNP_DROP;
}
