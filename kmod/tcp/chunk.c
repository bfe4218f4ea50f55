// SPDX-License-Identifier: GPL-2.0
#include "kmod/tcp/chunk.h"

#include <net/tcp.h>

#include "kmod/tcp/queue.h"

struct sk_buff *vnp_chunk_alloc(const struct sk_buff *first, u32 seq, u32 len, gfp_t gfp)
{
	struct sk_buff *chunk = alloc_skb(len, gfp | __GFP_NOWARN);

	if (!chunk)
		return NULL;
	memcpy(chunk->cb, first->cb, sizeof(chunk->cb));
	TCP_SKB_CB(chunk)->seq = seq;
	TCP_SKB_CB(chunk)->end_seq = seq;
	TCP_SKB_CB(chunk)->tcp_flags &= ~(TCPHDR_SYN | TCPHDR_FIN);
	return chunk;
}

bool vnp_chunk_append(struct sock *sk, struct sk_buff *chunk, struct sk_buff *skb, u32 seq,
		      u32 stop)
{
	struct tcp_skb_cb *cb = TCP_SKB_CB(chunk);
	u32 len;

	for (; before(seq, stop); seq += len) {
		skb = vnp_queue_next(sk, skb, seq);
		if (!skb)
			return false;
		len = min(stop - seq, vnp_queue_stop(skb) - seq);
		if (skb_copy_bits(skb, seq - vnp_queue_start(skb), skb_put(chunk, len), len))
			return false;
		cb->end_seq += len;
		cb->tcp_flags |= TCP_SKB_CB(skb)->tcp_flags & ~(TCPHDR_SYN | TCPHDR_FIN);
		cb->ack_seq = TCP_SKB_CB(skb)->ack_seq;
		if (!TCP_SKB_CB(skb)->has_rxtstamp)
			continue;
		cb->has_rxtstamp = true;
		chunk->tstamp = skb->tstamp;
		*skb_hwtstamps(chunk) = *skb_hwtstamps(skb);
	}
	return true;
}

/* Charge the new packets before the old ones are freed, as tcp_collapse() does. */
void vnp_chunk_replace(struct sock *sk, struct sk_buff *first, struct sk_buff *end,
		       struct sk_buff_head *chunks)
{
	struct sk_buff *skb, *next;

	while ((skb = __skb_dequeue(chunks))) {
		__skb_queue_before(&sk->sk_receive_queue, first, skb);
		skb_set_owner_r(skb, sk);
	}
	for (skb = first; skb != end; skb = next) {
		next = skb->next;
		__skb_unlink(skb, &sk->sk_receive_queue);
		__kfree_skb(skb);
	}
}

s64 vnp_chunk_copy(struct sock *sk, const struct vnp_chunk_run *run,
		   struct sk_buff_head *chunks, gfp_t gfp)
{
	struct sk_buff *chunk, *from = run->first;
	s64 size = 0;
	u32 seq, len;

	for (seq = run->seq; before(seq, run->stop); seq += len) {
		len = min(VNP_CHUNK, run->stop - seq);
		from = vnp_queue_next(sk, from, seq);
		chunk = from ? vnp_chunk_alloc(from, seq, len, gfp) : NULL;
		if (!chunk)
			return -ENOMEM;
		__skb_queue_tail(chunks, chunk);
		size += chunk->truesize;
		if (!vnp_chunk_append(sk, chunk, from, seq, seq + len))
			return -ENOMEM;
	}
	return size;
}
