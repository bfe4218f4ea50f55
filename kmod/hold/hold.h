/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Messages that are held with a link until a program releases them.
 *
 * A message has a key, chosen by the program, and fragments in order.  A fragment is one
 * datagram, or neighbouring datagrams of a packet with consecutive orders: these are one batch, so
 * one packet is made of them, and charged.
 *
 * vnp_hold() inserts a fragment at once.  So if two CPUs process the last two datagrams of a
 * message, one of them finds it complete.  But the packet is added to the fragment only after
 * the execution, when the batch ends: until then the fragment is pending.  A message that is
 * released or freed is removed from the table at once.  It is delivered, or its memory freed,
 * when it has no pending fragments: by the CPU that has the last of them, after the execution,
 * or by the function that removed it.
 *
 * So a program can be ended at any point: a fragment whose datagram does not get the verdict
 * VNP_HELD is removed again.
 *
 * Memory: the packets and these structures are charged to the socket's receive buffer when
 * they are no longer pending.  The charge passes to the datagram that is made of a message, so
 * there always is space for it in the socket's queue.
 *
 * Locking: struct vnp_hold::lock, with softirqs off; the lock of the socket's receive queue is
 * taken under it.  No packet is freed or delivered under it.
 */
#ifndef _VNP_HOLD_HOLD_H
#define _VNP_HOLD_HOLD_H

#include <linux/skbuff.h>
#include "vm/held.h"

struct sock;
struct vnp_fragment;
struct vnp_link;
struct vnp_link_info;
struct vnp_message;

/**
 * struct vnp_holding - state of holding while a packet is processed, or for a test run
 * @link:	the link; NULL: a test run
 * @sk:		its socket
 * @batch:	the pending fragment of the current batch, or NULL
 * @now:	the pending fragment with the datagram of this execution, or NULL
 * @bytes:	the datagram's bytes in @now
 * @known:	valid if @now: vnp_hold() has stored the state of @now's message in @info, and the
 *		program has not released or discarded a message since
 * @key:	if @known: key of that message
 * @info:	if @known: its state, for vnp_held()
 * @all:	finish all ended messages now, even if the user's account is empty
 * @ended:	messages that ended and have no pending fragments: to be delivered or freed
 * @tail:	where the next of them is added
 * @one:	the only message of a test run
 */
struct vnp_holding {
	struct vnp_link *link;
	struct sock *sk;
	struct vnp_fragment *batch;
	struct vnp_fragment *now;
	u32 bytes;
	bool known;
	u64 key;
	struct vnp_held info;
	bool all;
	struct vnp_message *ended;
	struct vnp_message **tail;
	struct vnp_held_one one;
};

/**
 * struct vnp_hold_cb - skb->cb of a packet with datagrams that are held
 * @inet:	what the socket will need: parameters of IP and UDP
 * @holding:	before it is added to a fragment: state of the packet that is being processed
 * @size:	afterwards: payload of each of its datagrams except the last
 * @from:	likewise: first byte of each payload that belongs to the message
 *
 * The last bytes of skb->cb are not available: the socket's queue stores the number of dropped
 * datagrams there (SOCK_SKB_CB).
 */
struct vnp_hold_cb {
	u8 inet[32];
	union {
		struct vnp_holding *holding;
		struct {
			u32 size;
			u32 from;
		};
	};
};

/* vnp_hold_cb() - Context: any; the packet is the caller's */
static inline struct vnp_hold_cb *vnp_hold_cb(const struct sk_buff *skb)
{
	return (struct vnp_hold_cb *)skb->cb;
}

/*
 * ---- Of a link.  Context: process, unless stated otherwise ---------------
 */

/**
 * vnp_hold_create() - allocate what a link needs to hold, unless it has it
 * @link:	the link, which has no program that holds yet
 *
 * Return: 0, -ENOMEM.
 */
int vnp_hold_create(struct vnp_link *link);

/* vnp_hold_destroy() - free it, when nothing is held, and no program is executed any more */
void vnp_hold_destroy(struct vnp_link *link);

/* vnp_hold_permit() - allow or forbid holding from now on.  Context: the link's lock */
void vnp_hold_permit(struct vnp_link *link, bool permitted);

/**
 * vnp_hold_clear() - free what is held
 * @link:	the link; there may be executions in progress
 * @sk:		its socket
 *
 * Context: any but hard interrupts.
 */
void vnp_hold_clear(struct vnp_link *link, struct sock *sk);

/* vnp_hold_info() - fill in the fields of @info about held messages */
void vnp_hold_info(const struct vnp_link *link, struct vnp_link_info *info);

/*
 * ---- Of a packet.  Context: softirq, under RCU ---------------------------
 */

/* vnp_holding_init() - begin with a packet; @link: NULL for a test run */
static inline void vnp_holding_init(struct vnp_holding *h, struct vnp_link *link,
				    struct sock *sk)
{
	h->link = link;
	h->sk = sk;
	h->batch = NULL;
	h->now = NULL;
	/* Not uninitialized: vnp_held() can copy it on a mispredicted path. */
	memset(&h->info, 0, sizeof(h->info));
	h->all = false;
	h->ended = NULL;
	h->tail = &h->ended;
	if (!link)
		memset(&h->one, 0, sizeof(h->one));
}

/* vnp_hold_undo() - the datagram of this execution is not held: remove it from h->now */
void vnp_hold_undo(struct vnp_holding *h);

/**
 * vnp_hold_settle() - an execution has ended
 * @h:		the packet
 * @held:	its verdict is VNP_HELD
 *
 * Return: is the datagram held? It then is in the fragment h->now.
 */
static inline bool vnp_hold_settle(struct vnp_holding *h, bool held)
{
	if (h->now && unlikely(!held))
		vnp_hold_undo(h);
	return h->now;
}

/* vnp_hold_commit() - h->batch has all its packets, and so is not pending any more */
void vnp_hold_commit(struct vnp_holding *h);

/*
 * vnp_hold_finish() - deliver or free h->ended; or let a work item do it, if the account of the
 * link's user does not have enough time for it
 */
void vnp_hold_finish(struct vnp_holding *h);

/* vnp_hold_make_room_for() - free messages until the socket has room for a packet of @size */
void vnp_hold_make_room_for(struct vnp_holding *h, u32 size);

/*
 * vnp_hold_packet() - the action: add a packet to @h->batch.  A message that has no other packet,
 * and was released, is delivered at once: then @h->batch is NULL afterwards.  @skb is consumed
 */
void vnp_hold_packet(struct vnp_holding *h, struct sk_buff *skb);

/*
 * ---- What programs call.  Context: the same, or a test run ---------------
 */

/* vnp_hold_add() - vnp_hold() with @from and @bytes of the datagram's payload */
int vnp_hold_add(struct vnp_holding *h, u64 key, u32 order, u32 from, u32 bytes);

/* vnp_hold_find_info() - vnp_hold_query() of a message that must be looked up */
int vnp_hold_find_info(struct vnp_holding *h, u64 key, struct vnp_held *info);

/* vnp_hold_query() - vnp_held(); @info is zero if there is no such message */
static inline int vnp_hold_query(struct vnp_holding *h, u64 key, struct vnp_held *info)
{
	/*
	 * The lock is not needed: the result is that of a call directly after vnp_hold().  If two
	 * CPUs have the last two datagrams of a message, the second that calls vnp_hold() finds it
	 * complete.
	 */
	if (h->now && h->known && h->key == key) {
		*info = h->info;
		return 0;
	}
	return vnp_hold_find_info(h, key, info);
}

/* vnp_hold_release(), _each(), vnp_hold_discard() - the helpers of these names */
int vnp_hold_release(struct vnp_holding *h, u64 key);
int vnp_hold_release_each(struct vnp_holding *h, u64 key);
int vnp_hold_discard(struct vnp_holding *h, u64 key);

#endif /* _VNP_HOLD_HOLD_H */
