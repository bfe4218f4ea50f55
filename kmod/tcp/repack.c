// SPDX-License-Identifier: GPL-2.0
#include "kmod/tcp/repack.h"

#include <linux/skbuff.h>
#include <net/tcp.h>

#include "kmod/core/compat.h"
#include "kmod/tcp/chunk.h"
#include "kmod/tcp/queue.h"

/* Small heads may come from a cache of this size. */
#define VNP_CHUNK_SMALL		1024

/* A slice of a pass also ends when it has seen so many packets. */
#define VNP_SLICE_PACKETS	1024

u32 vnp_repack_capacity(u32 truesize)
{
	const u32 head = SKB_DATA_ALIGN(sizeof(struct sk_buff));
	const u32 tail = SKB_DATA_ALIGN(sizeof(struct skb_shared_info));
	const u32 left = truesize % VNP_CHUNK_TRUESIZE;
	u32 bytes = truesize / VNP_CHUNK_TRUESIZE * VNP_CHUNK;

	if (left >= head + VNP_CHUNK_SMALL)
		bytes += rounddown_pow_of_two(left - head) - tail;
	return bytes;
}

u32 vnp_repack_growth(const struct sock *sk, const struct sk_buff *skb, u32 seq)
{
	const u32 read = tcp_sk(sk)->copied_seq, start = vnp_queue_start(skb);
	/* The first bytes of a retransmission that also has new ones may have been read already. */
	const u32 from = before(start, read) ? read : start;
	const u64 old = before(from, seq) ? seq - from : 0;
	const u64 chunks = old * VNP_CHUNK_TRUESIZE / VNP_CHUNK;

	return skb->truesize > chunks ? skb->truesize - chunks : 0;
}

/* Number of bytes of a packet from @seq on; those before were read */
static u32 vnp_repack_left(const struct sk_buff *skb, u32 seq)
{
	const u32 start = vnp_queue_start(skb);

	return vnp_queue_stop(skb) - (after(seq, start) ? seq : start);
}

static bool vnp_repack_is_dense(const struct sk_buff *skb, u32 seq)
{
	const u32 len = vnp_repack_left(skb, seq);

	return skb->truesize <= len + len / 4;
}

/* @seq: bytes before it are not needed, such as those of a chunk that were read */
static bool vnp_repack_is_chunk(const struct sk_buff *skb, u32 seq)
{
	return vnp_repack_left(skb, seq) >= VNP_CHUNK &&
	       !skb->data_len && skb->truesize <= VNP_CHUNK_TRUESIZE;
}

/* Packets with SYN or FIN are not repacked: TCP expects these at a packet's start and end. */
static bool vnp_repack_suits(const struct sk_buff *skb)
{
	return !(TCP_SKB_CB(skb)->tcp_flags & (TCPHDR_SYN | TCPHDR_FIN)) &&
	       vnp_skb_readable(skb);
}

/* Minimum of memory that chunks for @len bytes take */
static s64 vnp_repack_least(u32 len)
{
	const u32 left = len % VNP_CHUNK;

	return (s64)(len / VNP_CHUNK) * VNP_CHUNK_TRUESIZE + (left ? SKB_TRUESIZE(left) : 0);
}

/* Replace the packets of @run, if that saves memory.  Return: 1; 0: it does not; -ENOMEM */
static int vnp_repack_run(struct sock *sk, const struct vnp_chunk_run *run,
			  struct vnp_repack *pass, gfp_t gfp)
{
	const u32 len = run->stop - run->seq;
	struct sk_buff_head chunks;
	struct sk_buff *skb;
	s64 old = 0, new;

	for (skb = run->first; skb != run->end; skb = skb->next)
		old += skb->truesize;
	if (old <= vnp_repack_least(len))
		return 0;
	__skb_queue_head_init(&chunks);
	new = vnp_chunk_copy(sk, run, &chunks, gfp);
	WRITE_ONCE(pass->copied, pass->copied + len);
	if (new >= 0 && new < old)
		vnp_chunk_replace(sk, run->first, run->end, &chunks);
	__skb_queue_purge(&chunks);
	return new < 0 ? new : new < old;
}

u32 vnp_repack_waste(const struct sock *sk)
{
	const struct sk_buff *skb = skb_peek(&sk->sk_receive_queue);
	const u32 seq = tcp_sk(sk)->copied_seq;
	s64 waste;

	if (!skb || !vnp_repack_suits(skb) || !after(seq, vnp_queue_start(skb)) ||
	    vnp_repack_is_dense(skb, seq))
		return 0;
	waste = skb->truesize - vnp_repack_least(vnp_repack_left(skb, seq));
	return max_t(s64, waste, 0);
}

static bool vnp_repack_wants(const struct sock *sk, const struct sk_buff *skb, bool all)
{
	return vnp_repack_suits(skb) &&
	       (all || !vnp_repack_is_dense(skb, tcp_sk(sk)->copied_seq));
}

/*
 * Find the next packets to replace together, from @run->end and @pass->seq on: at least two unless
 * no other follows, as the first can be an incomplete chunk (vnp_repack_advance()).  Return: false:
 * there are no more
 */
static bool vnp_repack_next(struct sock *sk, const struct vnp_repack *pass,
			    struct vnp_chunk_run *run)
{
	struct sk_buff *skb = run->end;

	run->seq = pass->seq;
	for (; !vnp_queue_is_end(sk, skb); skb = skb->next) {
		if (vnp_repack_wants(sk, skb, pass->all) && !vnp_repack_is_chunk(skb, run->seq))
			break;
		run->seq = vnp_queue_stop(skb);
	}
	if (vnp_queue_is_end(sk, skb))
		return false;
	if (after(vnp_queue_start(skb), run->seq))
		run->seq = vnp_queue_start(skb);
	run->first = skb;
	for (run->cnt = 0; !vnp_queue_is_end(sk, skb); run->cnt++, skb = skb->next) {
		if (!vnp_repack_wants(sk, skb, pass->all) || run->cnt >= VNP_SLICE_PACKETS ||
		    (run->cnt >= 2 && vnp_queue_stop(skb) - run->seq > VNP_SLICE_BYTES))
			break;
		run->stop = vnp_queue_stop(skb);
	}
	run->end = skb;
	return true;
}

/* Continue after @run, which was @replaced or not. */
static void vnp_repack_advance(struct sock *sk, struct vnp_repack *pass,
			       struct vnp_chunk_run *run, bool replaced)
{
	const u32 incomplete = (run->stop - run->seq) % VNP_CHUNK;

	pass->seq = run->stop;
	/* If packets to replace follow, replace the incomplete last chunk with them, to fill it. */
	if (replaced && incomplete && !vnp_queue_is_end(sk, run->end) &&
	    vnp_repack_wants(sk, run->end, pass->all)) {
		pass->seq -= incomplete;
		run->end = run->end->prev;
	}
}

int vnp_repack(struct sock *sk, struct vnp_repack *pass, gfp_t gfp)
{
	const u64 copied = pass->copied + VNP_SLICE_BYTES;
	struct vnp_chunk_run run;
	u32 cnt = 0;
	int ret;

	if (skb_queue_empty(&sk->sk_receive_queue))
		return 0;
	if (before(pass->seq, tcp_sk(sk)->copied_seq))
		pass->seq = tcp_sk(sk)->copied_seq;
	run.end = skb_peek(&sk->sk_receive_queue);
	while (!vnp_queue_is_end(sk, run.end) && !after(vnp_queue_stop(run.end), pass->seq))
		run.end = run.end->next;
	/* The socket was unlocked: packets may have been merged, by TCP or vnp_repack_own(). */
	if (!vnp_queue_is_end(sk, run.end))
		pass->seq = vnp_queue_from(sk, run.end);
	while (vnp_repack_next(sk, pass, &run)) {
		ret = vnp_repack_run(sk, &run, pass, gfp);
		if (ret < 0)
			return ret;
		vnp_repack_advance(sk, pass, &run, ret);
		cnt += run.cnt;
		if (pass->copied >= copied || cnt >= VNP_SLICE_PACKETS)
			return -EAGAIN;
	}
	return 0;
}
