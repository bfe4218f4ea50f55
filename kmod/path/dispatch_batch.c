// SPDX-License-Identifier: GPL-2.0
#include "kmod/path/dispatch_batch.h"

#include "kmod/path/batch.h"
#include "kmod/path/hook.h"

static void vnp_dispatch_cut(struct vnp_dispatch *d, u32 end)
{
	struct sk_buff *skb = d->link->hook->cut(d->skb, d->start, end, d->size);

	if (skb)
		vnp_action_do(d->action, d->link, d->sk, skb, d->filtered);
	else
		vnp_link_error(d->link, VNP_ERROR_MEMORY,
			       DIV_ROUND_UP(end - d->start, d->size));
}

/* Payload of a packet that has one datagram */
static u32 vnp_dispatch_len(const struct vnp_dispatch *d, const struct sk_buff *skb)
{
	return skb->len - d->link->hook->dgram.head;
}

/*
 * Take from the list the packets that can be joined to one: payloads of equal length, but for the
 * last, which may be shorter, and together no longer than a packet's maximum.  Return: the joined
 * packet
 */
static struct sk_buff *vnp_dispatch_join(struct vnp_dispatch *d)
{
	const struct vnp_hook_ops *hook = d->link->hook;
	struct sk_buff *list = d->first, *last = list, *next;
	const u32 size = vnp_dispatch_len(d, list);
	u32 left = hook->dgram.len_max(list) - size, len = size;

	while ((next = last->next) && len == size) {
		len = vnp_dispatch_len(d, next);
		if (!len || len > size || len > left)
			break;
		left -= len;
		last = next;
	}
	last->next = NULL;
	d->first = next;
	return hook->join(list, size);
}

static void vnp_dispatch_own(struct vnp_dispatch *d)
{
	const bool joins = vnp_action_joins(d->action, d->link, d->sk);
	struct sk_buff *skb;

	while (d->first) {
		if (joins) {
			skb = vnp_dispatch_join(d);
		} else {
			skb = d->first;
			d->first = skb->next;
			skb_mark_not_on_list(skb);
		}
		vnp_action_do(d->action, d->link, d->sk, skb, d->filtered);
	}
}

void vnp_dispatch_apply(struct vnp_dispatch *d, u32 end)
{
	if (d->own)
		vnp_dispatch_own(d);
	else
		vnp_dispatch_cut(d, end);
}

int vnp_dispatch_end(struct vnp_dispatch *d)
{
	struct sk_buff *skb = d->skb;

	if (d->start == d->link->hook->dgram.head && !d->own)
		return vnp_action_do_whole(d->action, d->link, d->sk, skb, d->filtered);
	vnp_dispatch_batch(d, skb->len);
	vnp_batch_consume(skb);
	return 0;
}
