// SPDX-License-Identifier: GPL-2.0
/* Making packets of the queue private. */
#include <linux/skbuff.h>
#include <net/tcp.h>

#include "kmod/core/compat.h"
#include "kmod/tcp/chunk.h"
#include "kmod/tcp/queue.h"
#include "kmod/tcp/repack.h"

/* Are the bytes of a packet before @stop linear, and not shared? */
static bool vnp_repack_is_own(const struct sk_buff *skb, u32 stop)
{
	if (after(stop, vnp_queue_stop(skb)))
		stop = vnp_queue_stop(skb);
	return !skb_cloned(skb) && stop - vnp_queue_start(skb) <= skb_headlen(skb);
}

int vnp_repack_own(struct sock *sk, struct sk_buff **first, u32 seq, u32 stop, gfp_t gfp)
{
	struct vnp_chunk_run run = { .first = *first, .seq = vnp_queue_from(sk, *first) };
	struct sk_buff_head chunks;
	struct sk_buff *skb;
	bool own = true;

	for (skb = *first; !vnp_queue_is_end(sk, skb); skb = skb->next) {
		if (!vnp_skb_readable(skb))
			return -ENODATA;
		own &= vnp_repack_is_own(skb, stop);
		if (!before(vnp_queue_stop(skb), stop))
			break;
	}
	if (vnp_queue_is_end(sk, skb))
		return -ENODATA;
	if (own)
		return 0;
	run.stop = vnp_queue_stop(skb);
	/* A packet with a FIN stays in the queue, although chunks have all of its data. */
	run.end = TCP_SKB_CB(skb)->tcp_flags & TCPHDR_FIN ? skb : skb->next;
	__skb_queue_head_init(&chunks);
	if (vnp_chunk_copy(sk, &run, &chunks, gfp) < 0) {
		__skb_queue_purge(&chunks);
		return -ENOMEM;
	}
	skb = skb_peek(&chunks);
	vnp_chunk_replace(sk, run.first, run.end, &chunks);
	*first = vnp_queue_next(sk, skb, seq);
	return 1;
}
