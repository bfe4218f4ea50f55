// SPDX-License-Identifier: GPL-2.0
#include "kmod/tcp/repack.h"

#include <linux/skbuff.h>
#include <net/tcp.h>

#include "kmod/core/compat.h"
#include "kmod/tcp/queue.h"
#include "kmod/tcp/ranges.h"

/* Bytes of data of a full chunk, and its truesize */
#define VNP_CHUNK		((u32)SKB_MAX_ORDER(0, 0))
#define VNP_CHUNK_TRUESIZE	((u32)SKB_TRUESIZE(VNP_CHUNK))

/* Small heads may come from a cache of this size. */
#define VNP_CHUNK_SMALL		1024

/* A slice of a pass ends when it has copied or replaced this much. */
#define VNP_SLICE_BYTES		(16 * VNP_CHUNK)
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

static struct sk_buff *vnp_chunk_alloc(const struct sk_buff *first, u32 seq, u32 len, gfp_t gfp)
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

/* Append the bytes from @seq to before @stop, which fit.  Return: false: they cannot be read */
static bool vnp_chunk_append(struct sock *sk, struct sk_buff *chunk, struct sk_buff *skb,
			     u32 seq, u32 stop)
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
static void vnp_repack_replace(struct sock *sk, struct sk_buff *first, struct sk_buff *end,
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

/**
 * struct vnp_repack_run - neighbouring packets that are replaced together
 * @first:	the first of them
 * @end:	the one after the last
 * @cnt:	how many they are
 * @seq:	the first byte that is needed
 * @stop:	after the last one
 */
struct vnp_repack_run {
	struct sk_buff *first;
	struct sk_buff *end;
	u32 cnt;
	u32 seq;
	u32 stop;
};

/* Minimum of memory that chunks for @len bytes take */
static s64 vnp_repack_least(u32 len)
{
	const u32 left = len % VNP_CHUNK;

	return (s64)(len / VNP_CHUNK) * VNP_CHUNK_TRUESIZE + (left ? SKB_TRUESIZE(left) : 0);
}

/* Copy the bytes of @run to chunks.  Return: the memory that the chunks take, or -ENOMEM */
static s64 vnp_repack_copy(struct sock *sk, const struct vnp_repack_run *run,
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

/* Replace the packets of @run, if that saves memory.  Return: 1; 0: it does not; -ENOMEM */
static int vnp_repack_run(struct sock *sk, const struct vnp_repack_run *run,
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
	new = vnp_repack_copy(sk, run, &chunks, gfp);
	WRITE_ONCE(pass->copied, pass->copied + len);
	if (new >= 0 && new < old)
		vnp_repack_replace(sk, run->first, run->end, &chunks);
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
			    struct vnp_repack_run *run)
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
			       struct vnp_repack_run *run, bool replaced)
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

/* The first byte that TCP takes from a packet */
static u32 vnp_repack_from(const struct sock *sk, const struct sk_buff *skb)
{
	u32 seq = vnp_queue_start(skb);

	if (!vnp_queue_is_end(sk, skb->prev) && after(vnp_queue_stop(skb->prev), seq))
		seq = vnp_queue_stop(skb->prev);
	return before(seq, tcp_sk(sk)->copied_seq) ? tcp_sk(sk)->copied_seq : seq;
}

int vnp_repack(struct sock *sk, struct vnp_repack *pass, gfp_t gfp)
{
	const u64 copied = pass->copied + VNP_SLICE_BYTES;
	struct vnp_repack_run run;
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
		pass->seq = vnp_repack_from(sk, run.end);
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

/* Are the bytes of a packet before @stop linear, and not shared? */
static bool vnp_repack_is_own(const struct sk_buff *skb, u32 stop)
{
	if (after(stop, vnp_queue_stop(skb)))
		stop = vnp_queue_stop(skb);
	return !skb_cloned(skb) && stop - vnp_queue_start(skb) <= skb_headlen(skb);
}

int vnp_repack_own(struct sock *sk, struct sk_buff **first, u32 seq, u32 stop, gfp_t gfp)
{
	struct vnp_repack_run run = { .first = *first, .seq = vnp_repack_from(sk, *first) };
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
	if (vnp_repack_copy(sk, &run, &chunks, gfp) < 0) {
		__skb_queue_purge(&chunks);
		return -ENOMEM;
	}
	skb = skb_peek(&chunks);
	vnp_repack_replace(sk, run.first, run.end, &chunks);
	*first = vnp_queue_next(sk, skb, seq);
	return 1;
}

/* Get a chunk with space for the next bytes.  @left: number of all bytes to come, from @seq on */
static struct sk_buff *vnp_repack_room(struct sk_buff_head *chunks, struct sk_buff *from,
				       u32 seq, u32 left, gfp_t gfp)
{
	struct sk_buff *chunk = skb_peek_tail(chunks);

	if (chunk && chunk->len < VNP_CHUNK)
		return chunk;
	chunk = vnp_chunk_alloc(from, seq, min(left, VNP_CHUNK), gfp);
	if (chunk)
		__skb_queue_tail(chunks, chunk);
	return chunk;
}

/**
 * struct vnp_repack_move - moving a slice of bytes up in the queue
 * @chunks:	what they are copied to
 * @from:	a packet at or before the one with the next byte
 * @seq:	the next byte's new sequence number
 * @end:	after the last byte's new sequence number
 * @gfp:	how to allocate
 */
struct vnp_repack_move {
	struct sk_buff_head chunks;
	struct sk_buff *from;
	u32 seq;
	u32 end;
	gfp_t gfp;
};

/* Append the bytes from @start to before @stop.  Return: 0, -ENOMEM, -ENODATA */
static int vnp_repack_append(struct sock *sk, struct vnp_repack_move *move, u32 start, u32 stop)
{
	struct sk_buff *chunk;
	u32 len;

	for (; before(start, stop); start += len, move->seq += len) {
		move->from = vnp_queue_next(sk, move->from, start);
		if (!move->from)
			return -ENODATA;
		chunk = vnp_repack_room(&move->chunks, move->from, move->seq,
					move->end - move->seq, move->gfp);
		if (!chunk)
			return -ENOMEM;
		len = min(stop - start, VNP_CHUNK - chunk->len);
		if (!vnp_chunk_append(sk, chunk, move->from, start, start + len))
			return -ENODATA;
	}
	return 0;
}

/* Copy the bytes from @start to before @stop that are in no range.  Return: as above */
static int vnp_repack_gather(struct sock *sk, struct vnp_repack_move *move,
			     struct vnp_ranges *ranges, u32 start, u32 stop)
{
	const struct vnp_range *range;
	u32 i;
	int ret;

	for (i = ranges->first; i != ranges->last; i++) {
		range = vnp_ranges_at(ranges, i);
		if (!before(range->start, stop))
			break;
		if (!after(range->end, start))
			continue;
		ret = vnp_repack_append(sk, move, start, range->start);
		if (ret)
			return ret;
		start = range->end;
	}
	ret = vnp_repack_append(sk, move, start, stop);
	return ret ?: WARN_ON_ONCE(move->seq != move->end) ? -ENODATA : 0;
}

/* An urgent byte is removed with its range, or moves like other bytes. */
static void vnp_repack_move_urgent(struct tcp_sock *tp, struct vnp_ranges *ranges, u32 stop)
{
	const u32 seq = tp->urg_seq;

	if (!tp->urg_data || before(seq, tp->copied_seq) || !before(seq, stop))
		return;
	if (vnp_ranges_after(ranges, seq) == seq)
		tp->urg_seq += vnp_ranges_bytes(ranges, seq, stop);
	else
		WRITE_ONCE(tp->urg_data, 0);
}

/* Are all bytes from the first that was not read to before @stop in the queue, and readable? */
static bool vnp_repack_is_whole(struct sock *sk, u32 stop)
{
	u32 seq = tcp_sk(sk)->copied_seq;
	const struct sk_buff *skb;

	skb_queue_walk(&sk->sk_receive_queue, skb) {
		if (!before(seq, stop))
			break;
		if (before(seq, vnp_queue_start(skb)) || !vnp_skb_readable(skb))
			return false;
		if (before(seq, vnp_queue_stop(skb)))
			seq = vnp_queue_stop(skb);
	}
	return !before(seq, stop);
}

/**
 * struct vnp_repack_removal - removing ranges, from the end of the last one backwards
 * @ranges:	the ranges
 * @end:	the packet after those that were not moved yet
 * @stop:	after the last byte that was not moved yet
 * @to:		after that byte's new sequence number
 * @len:	bytes of @end before @stop
 */
struct vnp_repack_removal {
	struct vnp_ranges *ranges;
	struct sk_buff *end;
	u32 stop;
	u32 to;
	u32 len;
};

/* Find the first packet that stays, which may have bytes that are moved. */
static void vnp_repack_find_end(struct sock *sk, struct vnp_repack_removal *removal)
{
	struct sk_buff *skb = sk->sk_receive_queue.next;
	u32 seq;

	/* A packet with a FIN stays in the queue, even if none of its data is needed. */
	while (!vnp_queue_is_end(sk, skb) && !after(vnp_queue_stop(skb), removal->stop) &&
	       !(TCP_SKB_CB(skb)->tcp_flags & TCPHDR_FIN))
		skb = skb->next;
	removal->end = skb;
	if (vnp_queue_is_end(sk, skb))
		return;
	seq = vnp_repack_from(sk, skb);
	if (before(seq, removal->stop))
		removal->len = removal->stop - seq;
}

/* Move the bytes of some packets, and free these.  Return: 0, -ENOMEM, -ENODATA */
static int vnp_repack_remove(struct sock *sk, struct vnp_repack_removal *removal, gfp_t gfp)
{
	struct vnp_repack_move move = { .end = removal->to, .gfp = gfp };
	struct sk_buff *chunk, *first = removal->end;
	u32 start, to, len = removal->len;
	int ret;

	while (len < VNP_SLICE_BYTES && !vnp_queue_is_end(sk, first->prev)) {
		first = first->prev;
		len = removal->stop - vnp_repack_from(sk, first);
	}
	start = removal->stop - len;
	to = removal->to - len + vnp_ranges_bytes(removal->ranges, start, removal->stop);
	__skb_queue_head_init(&move.chunks);
	move.from = first;
	move.seq = to;
	ret = vnp_repack_gather(sk, &move, removal->ranges, start, removal->stop);
	if (ret) {
		__skb_queue_purge(&move.chunks);
		return ret;
	}
	chunk = skb_peek(&move.chunks);
	vnp_repack_replace(sk, first, removal->end, &move.chunks);
	if (chunk)
		removal->end = chunk;
	removal->stop = start;
	removal->to = to;
	removal->len = 0;
	return 0;
}

int vnp_repack_without(struct sock *sk, struct vnp_ranges *ranges, gfp_t gfp)
{
	struct vnp_repack_removal removal = { .ranges = ranges };
	struct tcp_sock *tp = tcp_sk(sk);
	u32 stop;
	int ret;

	if (vnp_ranges_empty(ranges))
		return 0;
	stop = vnp_ranges_at(ranges, ranges->last - 1)->end;
	if (!vnp_repack_is_whole(sk, stop))
		return -ENODATA;
	if (!gfpflags_allow_blocking(gfp))
		return -ENOMEM;
	removal.stop = stop;
	removal.to = stop;
	vnp_repack_find_end(sk, &removal);
	ret = vnp_repack_remove(sk, &removal, gfp);
	if (ret)
		return ret;
	/* Until all bytes have been moved, the queue has a gap: so this must not fail. */
	while (!vnp_queue_is_end(sk, removal.end->prev) && !WARN_ON_ONCE(ret)) {
		cond_resched();
		ret = vnp_repack_remove(sk, &removal, gfp | __GFP_NOFAIL);
	}
	vnp_repack_move_urgent(tp, ranges, stop);
	WRITE_ONCE(tp->copied_seq, removal.to);
	ranges->first = ranges->last;
	return 0;
}
