// SPDX-License-Identifier: GPL-2.0
/* Removing ranges from the queue. */
#include <linux/skbuff.h>
#include <net/tcp.h>

#include "kmod/core/compat.h"
#include "kmod/tcp/chunk.h"
#include "kmod/tcp/queue.h"
#include "kmod/tcp/ranges.h"
#include "kmod/tcp/repack.h"

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
	seq = vnp_queue_from(sk, skb);
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
		len = removal->stop - vnp_queue_from(sk, first);
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
	vnp_chunk_replace(sk, first, removal->end, &move.chunks);
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
