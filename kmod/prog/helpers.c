// SPDX-License-Identifier: GPL-2.0
/*
 * The helpers' functions; vm/helper.c says what the verifier guarantees about their
 * arguments.  Memory arguments have the size given there, and arguments for maps and contexts
 * are valid; numbers can have any value.
 *
 * Context of all: softirq, or process context with softirqs off; under RCU.
 */
#include <linux/indirect_call_wrapper.h>
#include <linux/ktime.h>
#include <linux/random.h>
#include <linux/skbuff.h>

#include "kmod/core/compat.h"
#include "kmod/path/dgram.h"
#include "kmod/path/resize.h"
#include "kmod/map/map.h"
#include "kmod/prog/helpers.h"
#include "kmod/prog/prog.h"
#include "kmod/prog/log.h"
#include "vm/code.h"
#include "vm/isa/format.h"
#include "vm/helper.h"

static void *vnp_ptr(u64 reg)
{
	return (void *)(unsigned long)reg;
}

u64 vnp_helper_map_lookup(u64 map_reg, u64 key, u64 r3, u64 r4, u64 r5)
{
	struct vnp_map *map = vnp_ptr(map_reg);

	return (unsigned long)INDIRECT_CALL_3(map->ops->lookup,
					      vnp_hash_lookup, vnp_array_lookup,
					      vnp_percpu_lookup, map,
					      vnp_ptr(key));
}

u64 vnp_helper_map_update(u64 map_reg, u64 key, u64 value, u64 flags, u64 r5)
{
	struct vnp_map *map = vnp_ptr(map_reg);

	return map->ops->update(map, vnp_ptr(key), vnp_ptr(value), flags);
}

u64 vnp_helper_map_delete(u64 map_reg, u64 key, u64 r3, u64 r4, u64 r5)
{
	struct vnp_map *map = vnp_ptr(map_reg);

	return map->ops->delete(map, vnp_ptr(key));
}

bool vnp_dgram_has(const struct vnp_dgram *dgram, u32 off, u32 len)
{
	u32 payload = dgram->exec.ctx.len;

	if (off > payload || len > payload - off)
		return false;
	vnp_dgram_nospec(dgram);
	return true;
}

/* Copy from the payload; @to may overlap it, as with memmove() */
static int vnp_dgram_read(const struct vnp_dgram *dgram, u32 off, void *to, u32 len)
{
	const struct vnp_ctx *ctx = &dgram->exec.ctx;
	u32 direct = ctx->data_end - ctx->data;
	u32 n = off < direct ? min(len, direct - off) : 0;

	/* @to can only overlap direct bytes: programs have no pointers to others */
	memmove(to, ctx->data + off, n);
	if (likely(n == len))
		return 0;
	if (dgram->ops->load)
		return dgram->ops->load(dgram, off + n, to + n, len - n);
	return skb_copy_bits(dgram->skb, dgram->off + off + n, to + n, len - n);
}

u64 vnp_helper_load_bytes(u64 ctx, u64 off, u64 to, u64 len, u64 r5)
{
	struct vnp_dgram *dgram = vnp_dgram_of(ctx);

	if (vnp_dgram_has(dgram, off, len) &&
	    !vnp_dgram_read(dgram, off, vnp_ptr(to), len))
		return 0;

	memset(vnp_ptr(to), 0, (u32)len);
	return -ERANGE;
}

/*
 * Bytes in fragments may be shared: with clones, with the page cache if they were sent
 * with sendfile(), with the memory of a sender that uses MSG_ZEROCOPY.  So everything up
 * to the last byte written is first copied to the packet's private linear data.
 */
u64 vnp_helper_store_bytes(u64 ctx, u64 off, u64 from, u64 len, u64 r5)
{
	struct vnp_dgram *dgram = vnp_dgram_of(ctx);
	u32 start;
	int ret;

	if (!vnp_dgram_has(dgram, off, len))
		return -ERANGE;
	if (dgram->shared && vnp_dgram_split(dgram))
		return -ENOMEM;

	dgram->written = true;
	start = dgram->off + (u32)off;
	ret = skb_ensure_writable(dgram->skb, start + (u32)len);
	vnp_dgram_point(dgram);
	if (ret)
		return -ENOMEM;
	memcpy(dgram->skb->data + start, vnp_ptr(from), (u32)len);
	return 0;
}

/* Make the first @len bytes of the payload directly readable.  Return: 0, -ENOMEM */
static int vnp_dgram_pull(struct vnp_dgram *dgram, u32 len)
{
	int want, ret = 0;

	if (dgram->shared) {
		if (vnp_dgram_split(dgram))
			return -ENOMEM;
		dgram->written = dgram->prog->writes_packet;
	}

	want = dgram->off + (int)len;
	if ((want > 0 && !pskb_may_pull(dgram->skb, want)) ||
	    (dgram->prog->writes_packet && vnp_dgram_own(dgram->skb)))
		ret = -ENOMEM;
	vnp_dgram_point(dgram);
	return ret;
}

u64 vnp_helper_pull(u64 ctx, u64 len_reg, u64 r3, u64 r4, u64 r5)
{
	struct vnp_dgram *dgram = vnp_dgram_of(ctx);
	u32 len = (u32)len_reg ?: dgram->exec.ctx.len;

	if (!vnp_dgram_has(dgram, 0, len))
		return -ERANGE;
	return vnp_dgram_pull(dgram, len);
}

u64 vnp_helper_adjust_head(u64 ctx, u64 delta, u64 r3, u64 r4, u64 r5)
{
	return vnp_resize_head(vnp_dgram_of(ctx), delta);
}

u64 vnp_helper_adjust_tail(u64 ctx, u64 delta, u64 r3, u64 r4, u64 r5)
{
	return vnp_resize_tail(vnp_dgram_of(ctx), delta);
}

u64 vnp_helper_time_ns(u64 r1, u64 r2, u64 r3, u64 r4, u64 r5)
{
	return ktime_get_ns();
}

u64 vnp_helper_random_u32(u64 r1, u64 r2, u64 r3, u64 r4, u64 r5)
{
	return get_random_u32();
}

/* The sum of 32 bit words, with carries not folded in */
static u64 vnp_csum_words(const void *data, u32 len, u32 invert)
{
	u64 sum = 0;
	u32 i;

	for (i = 0; i < len / sizeof(u32); i++)
		sum += get_unaligned((const u32 *)data + i) ^ invert;
	return sum;
}

/*
 * Not csum_partial(), whose handling of carries differs between architectures: the
 * reference interpreter must compute the same number.
 */
u64 vnp_helper_csum_diff(u64 from, u64 from_len, u64 to, u64 to_len, u64 seed)
{
	u32 from_cnt = from_len, to_cnt = to_len;
	u64 sum = (u32)seed;

	if (from_cnt % sizeof(u32) || from_cnt > VNP_CSUM_DIFF_MAX ||
	    to_cnt % sizeof(u32) || to_cnt > VNP_CSUM_DIFF_MAX)
		return -EINVAL;
	/*
	 * Speculation barrier: on mispredicted paths, too, no more is read.  There is no context
	 * that would tell whether the program is trusted.
	 */
	barrier_nospec();
	sum += vnp_csum_words(vnp_ptr(from), from_cnt, U32_MAX);
	sum += vnp_csum_words(vnp_ptr(to), to_cnt, 0);
	sum = (sum & U32_MAX) + (sum >> 32);
	return (sum & U32_MAX) + (sum >> 32);
}

u64 vnp_helper_log(u64 ctx, u64 fmt, u64 fmt_len, u64 args, u64 args_len)
{
	struct vnp_dgram *dgram = vnp_dgram_of(ctx);
	u64 arg[VNP_FORMAT_ARGS_MAX];
	char format[VNP_FORMAT_MAX];

	if (vnp_format_fits(fmt_len, args_len)) {
		vnp_dgram_nospec(dgram);
		/* Another CPU may write to them. */
		memcpy(format, vnp_ptr(fmt), (u32)fmt_len);
		memcpy(arg, vnp_ptr(args), (u32)args_len);
	}
	return vnp_prog_log_write(dgram->prog->log, format, fmt_len, arg, args_len);
}
