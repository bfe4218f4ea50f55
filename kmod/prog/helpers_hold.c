// SPDX-License-Identifier: GPL-2.0
/*
 * The helpers for messages that are held; see helpers.c and hold/hold.h.
 *
 * Context of all: softirq, or process context with softirqs off; under RCU.
 */
#include "kmod/hold/hold.h"
#include "kmod/path/dgram.h"
#include "kmod/prog/prog.h"
#include "vm/code.h"
#include "vm/helper.h"

u64 vnp_helper_hold(u64 ctx, u64 message, u64 order, u64 from, u64 r5)
{
	const struct vnp_dgram *dgram = vnp_dgram_of(ctx);
	const u32 len = dgram->exec.ctx.len;

	if (unlikely(vnp_dgram_is_forged(dgram)))
		return -EBADMSG;
	if ((u32)from > len)
		return -EINVAL;
	/* Speculation barrier: from here on the checks above also hold on mispredicted paths. */
	vnp_dgram_nospec(dgram);
	return vnp_hold_add(dgram->holding, message, order, from, len - (u32)from);
}

/* @to is not aligned, or @len is not the size of struct vnp_held */
static noinline int vnp_held_bytes(const struct vnp_dgram *dgram, u64 message, u64 to, u32 len)
{
	const u32 cnt = vnp_held_cnt(len);
	struct vnp_held info;
	int ret = vnp_hold_query(dgram->holding, message, &info);

	/* Speculation barrier: as in vnp_helper_held() */
	vnp_dgram_nospec(dgram);
	vnp_held_copy((void *)(unsigned long)to, len, cnt, &info);
	return ret;
}

u64 vnp_helper_held(u64 ctx, u64 message, u64 to, u64 len, u64 r5)
{
	const struct vnp_dgram *dgram = vnp_dgram_of(ctx);
	struct vnp_held *info = (void *)(unsigned long)to;

	if (unlikely(len != sizeof(*info) || !IS_ALIGNED(to, __alignof__(*info))))
		return vnp_held_bytes(dgram, message, to, len);
	/* Speculation barrier: on mispredicted paths, too, at most @len bytes are written. */
	vnp_dgram_nospec(dgram);
	return vnp_hold_query(dgram->holding, message, info);
}

u64 vnp_helper_release(u64 ctx, u64 message, u64 r3, u64 r4, u64 r5)
{
	return vnp_hold_release(vnp_dgram_of(ctx)->holding, message);
}

u64 vnp_helper_release_each(u64 ctx, u64 message, u64 r3, u64 r4, u64 r5)
{
	return vnp_hold_release_each(vnp_dgram_of(ctx)->holding, message);
}

u64 vnp_helper_discard(u64 ctx, u64 message, u64 r3, u64 r4, u64 r5)
{
	return vnp_hold_discard(vnp_dgram_of(ctx)->holding, message);
}
