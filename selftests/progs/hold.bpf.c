// SPDX-License-Identifier: GPL-2.0
/* Holds datagrams and ends messages, as the datagrams order (hold.h). */
#include <vnp/program.h>
#include "hold.h"

struct hold_seen seen;

/* A fault that the verifier does not foresee */
__u32 no_verdict = 100;

static __always_inline long hold_this(struct vnp_ctx *ctx, const struct fragment *fragment)
{
	long err = vnp_hold(ctx, fragment->message, fragment->index,
			    fragment->strip ? sizeof(*fragment) : 0);

	seen.hold = err;
	return err;
}

/* Release the message if all its fragments are held. */
static __always_inline void hold_complete(struct vnp_ctx *ctx,
					  const struct fragment *fragment, int each)
{
	struct vnp_held held = {};

	seen.held = vnp_held(ctx, fragment->message, &held, sizeof(held));
	seen.bytes = held.bytes;
	seen.fragments = held.fragments;
	seen.first = held.first;
	seen.last = held.last;
	seen.contiguous = held.contiguous;
	if (held.fragments != fragment->cnt)
		return;
	seen.end = each ? vnp_release_each(ctx, fragment->message) :
			  vnp_release(ctx, fragment->message);
}

static __always_inline int hold_only(struct vnp_ctx *ctx, const struct fragment *fragment)
{
	if (hold_this(ctx, fragment))
		return VNP_DROP;
	if (fragment->order == HOLD_TWICE)
		seen.again = vnp_hold(ctx, fragment->message, fragment->index + 1, 0);
	else if (fragment->order == HOLD_THEN_DISCARD)
		seen.end = vnp_discard(ctx, fragment->message);
	else if (fragment->order == HOLD_THEN_PASS)
		return VNP_PASS;
	else if (fragment->order == HOLD_THEN_FAULT)
		return no_verdict;
	else if (fragment->order != HOLD_ONLY)
		hold_complete(ctx, fragment, fragment->order == HOLD_EACH);
	return fragment->order == HOLD_HOLD_THEN_PASS ? VNP_PASS : VNP_HELD;
}

static __always_inline int hold_by_order(struct vnp_ctx *ctx, const struct fragment *fragment)
{
	switch (fragment->order) {
	case HOLD_PASS:
		return VNP_PASS;
	case HOLD_DROP:
		return VNP_DROP;
	case HOLD_NOT:
		return VNP_HELD;
	case HOLD_RELEASE:
		seen.end = vnp_release(ctx, fragment->message);
		return VNP_DROP;
	case HOLD_RELEASE_FAULT:
		seen.end = vnp_release(ctx, fragment->message);
		return no_verdict;
	case HOLD_RELEASE_EACH:
		seen.end = vnp_release_each(ctx, fragment->message);
		return VNP_DROP;
	case HOLD_DISCARD:
		seen.end = vnp_discard(ctx, fragment->message);
		return VNP_DROP;
	default:
		return hold_only(ctx, fragment);
	}
}

SEC("vnp/datagram")
int hold(struct vnp_ctx *ctx)
{
	struct fragment fragment;

	if (vnp_load_bytes(ctx, 0, &fragment, sizeof(fragment)))
		return VNP_PASS;
	return hold_by_order(ctx, &fragment);
}

/* Writes to the payload, so that datagrams of a super-packet are copied first */
SEC("vnp/datagram")
int hold_writes(struct vnp_ctx *ctx)
{
	struct fragment fragment;
	__u8 last;

	if (vnp_load_bytes(ctx, 0, &fragment, sizeof(fragment)))
		return VNP_PASS;
	if (fragment.order == HOLD_WRITE && ctx->len > sizeof(fragment) &&
	    !vnp_load_bytes(ctx, ctx->len - 1, &last, 1)) {
		last = ~last;
		vnp_store_bytes(ctx, ctx->len - 1, &last, 1);
	}
	return hold_by_order(ctx, &fragment);
}

/* A program that holds nothing */
SEC("vnp/datagram")
int passes(struct vnp_ctx *ctx)
{
	return VNP_PASS;
}
