// SPDX-License-Identifier: GPL-2.0
#include "kmod/path/resize.h"

#include <linux/skbuff.h>

#include "kmod/core/compat.h"
#include "kmod/path/batch.h"
#include "kmod/path/dgram.h"
#include "vm/code.h"

/* Add bytes at the end.  The program chooses how many, so a failure must not warn. */
static int vnp_resize_append(struct sk_buff *skb, u32 len)
{
	const u32 tailroom = skb_tailroom(skb);

	if (len > tailroom &&
	    pskb_expand_head(skb, 0, len - tailroom, GFP_ATOMIC | __GFP_NOWARN))
		return -ENOMEM;
	skb_put(skb, len);
	return 0;
}

/*
 * Move the headers by @delta bytes, and skb->data with them.  The innermost header, of @head
 * bytes, begins at skb->data.
 */
static void vnp_resize_move_headers(struct sk_buff *skb, u32 head, s32 delta)
{
	const int first = vnp_batch_headers(skb);

	skb_metadata_clear(skb);
	memmove(skb->data + first + delta, skb->data + first, head - first);
	skb_headers_offset_update(skb, delta);
	if (delta < 0)
		__skb_push(skb, -delta);
	else
		__skb_pull(skb, delta);
}

/*
 * Remove bytes at the front: move the headers, unless the headroom would exceed the maximum.
 * Each segment of a super-packet gets as much headroom, and offsets of headers have 16 bits.
 */
static void vnp_resize_remove(struct sk_buff *skb, u32 head, u32 len)
{
	u8 *payload = skb->data + head;

	if (skb_headroom(skb) + len <= VNP_RESIZE_HEADROOM) {
		vnp_resize_move_headers(skb, head, len);
		return;
	}
	memmove(payload, payload + len, skb->len - head - len);
	skb_trim(skb, skb->len - len);
}

/* Add bytes at the front: move the headers if there is headroom, else the payload. */
static int vnp_resize_prepend(struct sk_buff *skb, u32 head, u32 len)
{
	const u32 payload = skb->len - head;

	if ((int)skb_headroom(skb) + vnp_batch_headers(skb) >= (int)len) {
		vnp_resize_move_headers(skb, head, -len);
	} else {
		if (vnp_resize_append(skb, len))
			return -ENOMEM;
		memmove(skb->data + head + len, skb->data + head, payload);
	}
	memset(skb->data + head, 0, len);
	return 0;
}

int vnp_resize_own(struct vnp_dgram *dgram)
{
	int ret;

	if (dgram->shared && vnp_dgram_split(dgram))
		return -ENOMEM;
	dgram->written = true;
	ret = skb_linearize_cow(dgram->skb);
	vnp_dgram_point(dgram);
	return ret;
}

/*
 * Check the new length @len, and make the datagram linear and private, in a packet of its own.
 * Return: 0, -EINVAL, -EMSGSIZE, -ENOMEM
 */
static int vnp_resize_begin(struct vnp_dgram *dgram, s64 len)
{
	if (len < 0)
		return -EINVAL;
	if (len > dgram->ops->len_max(dgram->skb))
		return -EMSGSIZE;
	/* Speculation barrier: from here on the checks above also hold on mispredicted paths. */
	vnp_dgram_nospec(dgram);
	return vnp_resize_own(dgram);
}

/* The length has changed: update the context and the headers. */
static void vnp_resize_end(struct vnp_dgram *dgram)
{
	const u32 len = dgram->skb->len - dgram->off;

	dgram->exec.ctx.len = len;
	dgram->ops->seal(dgram->skb, len);
	vnp_dgram_point(dgram);
}

int vnp_resize_head(struct vnp_dgram *dgram, s32 delta)
{
	int ret = vnp_resize_begin(dgram, (s64)dgram->exec.ctx.len - delta);

	if (ret)
		return ret;
	if (delta >= 0)
		vnp_resize_remove(dgram->skb, dgram->off, delta);
	else if (vnp_resize_prepend(dgram->skb, dgram->off, -delta))
		return -ENOMEM;
	vnp_resize_end(dgram);
	return 0;
}

int vnp_resize_tail(struct vnp_dgram *dgram, s32 delta)
{
	int ret = vnp_resize_begin(dgram, (s64)dgram->exec.ctx.len + delta);
	struct sk_buff *skb = dgram->skb;

	if (ret)
		return ret;
	if (delta < 0) {
		skb_trim(skb, skb->len + delta);
	} else {
		if (vnp_resize_append(skb, delta))
			return -ENOMEM;
		memset(skb_tail_pointer(skb) - delta, 0, delta);
	}
	vnp_resize_end(dgram);
	return 0;
}

void vnp_resize_trim(struct vnp_dgram *dgram, u32 len)
{
	skb_trim(dgram->skb, dgram->skb->len - len);
	vnp_resize_end(dgram);
}
