/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The receive queue of a TCP socket, by sequence number.
 *
 * Packets in it can overlap, as TCP does not trim a retransmission with other boundaries, and a
 * peer can send other bytes the second time.  So a byte is always taken from where TCP takes it:
 * from the first packet in the queue that ends after it.  The ends of packets ascend.
 *
 * No pointer to a packet is kept while the socket's lock is not held, as TCP merges packets.
 *
 * Context of all functions here: the socket's lock.
 */
#ifndef _VNP_TCP_QUEUE_H
#define _VNP_TCP_QUEUE_H

#include <linux/tcp.h>
#include <net/tcp.h>

#include "kmod/path/cursor.h"
#include "kmod/path/dgram.h"
#include "kmod/path/send.h"

struct vnp_stream;

/* Packets that the loads of one execution may walk: 0.4 ms, if each is a cache miss */
#define VNP_QUEUE_STEPS	4096

/* What is charged for each packet that is walked outside of an execution, in ns */
#define VNP_QUEUE_STEP_NS	100

/**
 * struct vnp_queue_exec - an execution on bytes of the queue
 * @dgram:	what the program sees
 * @last:	the packet of the last load
 * @steps:	how many more packets may be walked
 * @cursor:	position in packet @at
 * @at:		the packet of @cursor, not changed since; or NULL
 * @room:	how many bytes from @dgram.off on are directly readable
 * @filled:	the context's fields about the connection are filled in
 * @left:	ns that were drawn from the account, but not used yet
 * @flat:	the first ns were drawn, for which the clock is not read
 * @drawn:	ns that were drawn since @start, for vnp_account_settle(); or 0
 * @start:	of ktime_get_ns()
 * @stream:	the stream whose queue it is
 * @sends:	the execution has sent an answer, or tried to
 * @sending:	what it may still send; valid if @sends
 */
struct vnp_queue_exec {
	struct vnp_dgram dgram;
	struct sk_buff *last;
	u32 steps;
	struct vnp_cursor cursor;
	const struct sk_buff *at;
	u32 room;
	bool filled;
	bool flat;
	u32 left;
	u32 drawn;
	u64 start;
	struct vnp_stream *stream;
	bool sends;
	struct vnp_sending sending;
};

/* vnp_queue_start() - the first byte of a packet's data */
static inline u32 vnp_queue_start(const struct sk_buff *skb)
{
	const struct tcp_skb_cb *cb = TCP_SKB_CB(skb);

	return cb->seq + !!(cb->tcp_flags & TCPHDR_SYN);
}

/* vnp_queue_stop() - after the last byte of a packet's data */
static inline u32 vnp_queue_stop(const struct sk_buff *skb)
{
	return vnp_queue_start(skb) + skb->len;
}

/* vnp_queue_is_end() - is @skb not a packet, but the head of the queue? */
static inline bool vnp_queue_is_end(const struct sock *sk, const struct sk_buff *skb)
{
	return skb == (const struct sk_buff *)&sk->sk_receive_queue;
}

/* vnp_queue_end() - after the last byte that has arrived, without a FIN (SOCK_DONE) */
static inline u32 vnp_queue_end(const struct sock *sk)
{
	return tcp_sk(sk)->rcv_nxt - sock_flag(sk, SOCK_DONE);
}

/**
 * vnp_queue_find() - the packet from which TCP takes a byte that was not read
 * @sk:		the socket
 * @from:	a packet; the byte is not taken from an earlier one.  Or NULL
 * @seq:	the byte
 * @steps:	how many packets may be walked in each direction; decreased by those that were
 *
 * Walks from @from forwards and from the tail of the queue backwards, alternately.
 *
 * Return: the packet; NULL: the byte is not in the queue; ERR_PTR(-EAGAIN): @steps were not
 * enough.
 */
struct sk_buff *vnp_queue_find(struct sock *sk, struct sk_buff *from, u32 seq, u32 *steps);

/* vnp_queue_next() - likewise from @skb forwards, without limit.  Return: the packet, or NULL */
struct sk_buff *vnp_queue_next(struct sock *sk, struct sk_buff *skb, u32 seq);

/* vnp_queue_from() - the first byte that TCP takes from a packet */
u32 vnp_queue_from(const struct sock *sk, const struct sk_buff *skb);

/* vnp_queue_load() - struct vnp_dgram_ops::load, for the @dgram of a struct vnp_queue_exec */
int vnp_queue_load(const struct vnp_dgram *dgram, u32 off, void *to, u32 len);

/*
 * vnp_queue_seek() - the next executions are on bytes from @seq on, which are in the packet of
 * @exec.  In one packet, these must ascend
 */
void vnp_queue_seek(struct vnp_queue_exec *exec, u32 seq);

/* vnp_queue_begin() - an execution on @len bytes begins: let the program see them */
static inline void vnp_queue_begin(struct vnp_queue_exec *exec, u32 len)
{
	struct vnp_ctx *ctx = &exec->dgram.exec.ctx;

	exec->last = exec->dgram.skb;
	exec->steps = VNP_QUEUE_STEPS;
	ctx->len = len;
	ctx->data_end = ctx->data + min(len, exec->room);
}

/*
 * vnp_queue_discard() - remove @len bytes at the head of the queue, of at most *@steps packets,
 * which is decreased.  copied_seq is increased by what was removed
 */
void vnp_queue_discard(struct sock *sk, u32 len, u32 *steps);

#endif /* _VNP_TCP_QUEUE_H */
