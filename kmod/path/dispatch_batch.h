/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Dispatch: which datagrams of a packet are a batch, and what is done when it ends.
 *
 * If a packet is one batch, the action gets the packet itself.  Otherwise a packet is
 * made of each batch that needs one, and the original is freed at the end.  Actions are
 * applied in the order of the datagrams.
 *
 * This is for the files of dispatch only; struct vnp_dispatch is on the stack of vnp_dispatch()'s
 * caller.  Context of all functions here: softirq, under RCU.
 */
#ifndef _VNP_PATH_DISPATCH_BATCH_H
#define _VNP_PATH_DISPATCH_BATCH_H

#include "kmod/link/stats.h"
#include "kmod/path/action.h"
#include "kmod/path/dispatch.h"

/*
 * The current batch ends at @end.  It is counted before its action, as the receiver may
 * read the counters.
 */
static inline void vnp_dispatch_count(struct vnp_dispatch *d, u32 end)
{
	const u32 len = end - d->start;
	const u32 cnt = DIV_ROUND_UP(len, d->size) - d->missed;

	if (cnt)
		vnp_link_count(d->link, d->action, cnt, len + d->extra);
	d->missed = 0;
	d->extra = 0;
}

/* vnp_dispatch_apply() - the current batch, for an action that needs packets, ends at @end */
void vnp_dispatch_apply(struct vnp_dispatch *d, u32 end);

/* The current batch ends at @end, but is not the whole packet. */
static inline void vnp_dispatch_batch(struct vnp_dispatch *d, u32 end)
{
	if (vnp_action_wants_packet(d->action))
		vnp_dispatch_apply(d, end);
}

/*
 * vnp_dispatch_end() - the end of the packet; its last batch is counted.  Return: as vnp_dispatch()
 */
int vnp_dispatch_end(struct vnp_dispatch *d);

/* The datagram at @pos joins the current batch, or begins another. */
static __always_inline void vnp_dispatch_add(struct vnp_dispatch *d, u32 pos,
					     enum vnp_action action, bool own)
{
	if (action == d->action && own == d->own)
		return;
	if (pos != d->start) {
		vnp_dispatch_count(d, pos);
		vnp_dispatch_batch(d, pos);
	}
	d->start = pos;
	d->action = action;
	d->own = own;
}

/* The current batch ends at @pos, whatever follows. */
static inline void vnp_dispatch_close(struct vnp_dispatch *d, u32 pos)
{
	if (pos != d->start) {
		vnp_dispatch_count(d, pos);
		vnp_dispatch_batch(d, pos);
	}
	d->start = pos;
	d->action = VNP_ACTION_NONE;
	d->own = false;
}

/* A packet that was made for a datagram: only needed if it was written to. */
static inline void vnp_dispatch_keep(struct vnp_dispatch *d, struct vnp_dgram *dgram)
{
	struct sk_buff *skb = dgram->skb;

	if (!d->own) {
		consume_skb(skb);
		return;
	}
	if (d->first)
		d->last->next = skb;
	else
		d->first = skb;
	d->last = skb;
}

#endif /* _VNP_PATH_DISPATCH_BATCH_H */
