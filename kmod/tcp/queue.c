// SPDX-License-Identifier: GPL-2.0
#include "kmod/tcp/queue.h"

struct sk_buff *vnp_queue_find(struct sock *sk, struct sk_buff *from, u32 seq, u32 *steps)
{
	struct sk_buff *front = from ?: skb_peek(&sk->sk_receive_queue);
	struct sk_buff *back = skb_peek_tail(&sk->sk_receive_queue);

	if (!front || !after(vnp_queue_stop(back), seq))
		return NULL;
	/* The packet is not before @front, and not after @back, so these do not cross. */
	while (!after(vnp_queue_stop(front), seq)) {
		if (!after(vnp_queue_stop(back->prev), seq)) {
			front = back;
			break;
		}
		if (!*steps)
			return ERR_PTR(-EAGAIN);
		--*steps;
		front = front->next;
		back = back->prev;
	}
	return before(seq, vnp_queue_start(front)) ? NULL : front;
}

struct sk_buff *vnp_queue_next(struct sock *sk, struct sk_buff *skb, u32 seq)
{
	while (!vnp_queue_is_end(sk, skb)) {
		if (after(vnp_queue_stop(skb), seq))
			return before(seq, vnp_queue_start(skb)) ? NULL : skb;
		skb = skb->next;
	}
	return NULL;
}

u32 vnp_queue_from(const struct sock *sk, const struct sk_buff *skb)
{
	u32 seq = vnp_queue_start(skb);

	if (!vnp_queue_is_end(sk, skb->prev) && after(vnp_queue_stop(skb->prev), seq))
		seq = vnp_queue_stop(skb->prev);
	return before(seq, tcp_sk(sk)->copied_seq) ? tcp_sk(sk)->copied_seq : seq;
}

/* As vnp_queue_next(), from the packet of the last load, in either direction */
static struct sk_buff *vnp_queue_near(struct vnp_queue_exec *exec, u32 seq)
{
	struct sk_buff *skb = exec->last;
	struct sock *sk = skb->sk;

	for (; exec->steps && !vnp_queue_is_end(sk, skb); exec->steps--) {
		if (!after(vnp_queue_stop(skb), seq))
			skb = skb->next;
		else if (!vnp_queue_is_end(sk, skb->prev) &&
			 after(vnp_queue_stop(skb->prev), seq))
			skb = skb->prev;
		else
			return before(seq, vnp_queue_start(skb)) ? NULL : skb;
	}
	return NULL;
}

int vnp_queue_load(const struct vnp_dgram *dgram, u32 off, void *to, u32 len)
{
	struct vnp_queue_exec *exec = container_of((struct vnp_dgram *)dgram,
						   struct vnp_queue_exec, dgram);
	u32 seq = vnp_queue_start(dgram->skb) + dgram->off + off;
	struct sk_buff *skb;
	u32 n;

	for (; len; len -= n) {
		skb = vnp_queue_near(exec, seq);
		if (!skb)
			return -ERANGE;
		exec->last = skb;
		n = min(len, vnp_queue_stop(skb) - seq);
		if (skb_copy_bits(skb, seq - vnp_queue_start(skb), to, n))
			return -ERANGE;
		seq += n;
		to += n;
	}
	return 0;
}

void vnp_queue_seek(struct vnp_queue_exec *exec, u32 seq)
{
	struct vnp_dgram *dgram = &exec->dgram;
	struct vnp_cursor *cursor = &exec->cursor;
	const u32 off = seq - vnp_queue_start(dgram->skb);

	dgram->off = off;
	if (exec->at != dgram->skb) {
		vnp_cursor_first(cursor, dgram->skb);
		vnp_cursor_skip(cursor, dgram->skb, off);
		exec->at = dgram->skb;
	}
	vnp_cursor_find(cursor, dgram->skb, off);
	exec->room = cursor->base ? cursor->end - off : 0;
	dgram->exec.ctx.data = cursor->base ? cursor->base + off : dgram->skb->data;
}

static int vnp_queue_actor(read_descriptor_t *desc, struct sk_buff *skb,
			   unsigned int off, size_t len)
{
	u32 *steps = desc->arg.data;

	if (!*steps)
		return 0;
	--*steps;
	len = min(len, desc->count);
	desc->count -= len;
	return len;
}

void vnp_queue_discard(struct sock *sk, u32 len, u32 *steps)
{
	read_descriptor_t desc = { .arg.data = steps, .count = len };
	struct tcp_sock *tp = tcp_sk(sk);

	tcp_read_sock(sk, &desc, vnp_queue_actor);
	/* It stops at an urgent byte, which must be discarded like the others. */
	if (desc.count && *steps && tp->urg_data) {
		WRITE_ONCE(tp->urg_data, 0);
		tcp_read_sock(sk, &desc, vnp_queue_actor);
	}
}
