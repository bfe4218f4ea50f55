/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A copy of a message, for a program that changes it, or needs it contiguous and private.
 *
 * Packets that arrived are never written to: on lo and veth they share their data with
 * the sender's retransmission queue, and packet taps have clones.  So the message's packets are
 * replaced by chunks (repack.h), and the program executes on a copy.  If the message is passed or
 * held, the result is written to the chunks, at the same sequence numbers; sequence numbers of
 * removed bytes become dropped ranges.
 *
 * The worker's copies stay allocated as long as a process keeps the socket locked, and are not
 * charged to a cgroup: so those of one user take at most VNP_COPY_USER_MAX, and programs on further
 * messages are executed later.
 *
 * The worker copies messages of more than VNP_COPY_DIRECT bytes, and those for which softirq got no
 * memory.
 */
#ifndef _VNP_TCP_COPY_H
#define _VNP_TCP_COPY_H

#include <linux/skbuff.h>
#include <net/sock.h>

#include "kmod/path/action.h"
#include "kmod/path/dispatch.h"
#include "kmod/udp/block.h"

/* Limits an execution to 1 ms: each byte can be encrypted or authenticated 4 times, at 16 ns */
#define VNP_COPY_DIRECT	16384

/**
 * struct vnp_copy - a copy of a message
 * @skb:	the copy as the program sees it: linear, and never freed by kfree_skb()
 * @buf:	its memory, or NULL
 * @user:	who is charged for it, if @charged is not 0
 * @charged:	bytes
 * @size:	bytes of the longest message that @buf has space for
 * @seq:	where the message begins
 * @len:	its length in the stream
 * @work:	for encryption with softirqs on, or NULL
 * @dispatch:	what the program sees, and the link
 * @sending:	what the execution sends
 * @sends:	it sent, or tried to
 * @flushes:	it sent to peers
 * @prog:	a reference to it, or NULL
 * @executed:	the program was executed on it
 * @ret:	what it returned
 * @replaces:	the result replaces the message if it is passed
 * @forged:	the message failed authentication
 * @action:	the action for it
 */
struct vnp_copy {
	struct sk_buff skb;
	u8 *buf;
	struct vnp_user *user;
	u32 charged;
	u32 size;
	u32 seq;
	u32 len;
	struct vnp_work *work;
	struct vnp_dispatch dispatch;
	struct vnp_udp_sending sending;
	bool sends;
	bool flushes;
	struct vnp_prog *prog;
	bool executed;
	u64 ret;
	bool replaces;
	bool forged;
	enum vnp_action action;
};

/* vnp_copy_dgram_ops - of the datagram that the program sees: it cannot get longer than it was */
extern const struct vnp_dgram_ops vnp_copy_dgram_ops;

/* vnp_copy_free() - free what it has allocated; it can be used again.  Context: any */
void vnp_copy_free(struct vnp_copy *copy);

/* vnp_copy_reserve() - allocate for a message of @len bytes, in softirq.  Return: 0, -ENOMEM */
int vnp_copy_reserve(struct vnp_copy *copy, u32 len);

/*
 * vnp_copy_reserve_apart() - likewise in the worker, with memory for encryption with softirqs on.
 * @user must exist until vnp_copy_free().  Return: 0; -ENOMEM, also if the user's copies would
 * exceed VNP_COPY_USER_MAX
 */
int vnp_copy_reserve_apart(struct vnp_copy *copy, u32 len, struct vnp_user *user);

/**
 * vnp_copy_fill() - copy a message from the queue
 * @copy:	with memory for it
 * @sk:		the socket
 * @first:	the packet with its first byte
 * @seq:	its first byte
 * @len:	its length
 *
 * Context: the socket's lock.
 * Return: 0; -ENODATA: it is not in the queue, or cannot be read.
 */
int vnp_copy_fill(struct vnp_copy *copy, struct sock *sk, struct sk_buff *first, u32 seq,
		  u32 len);

/* vnp_copy_lead() - how many bytes of the message are dropped before the result */
u32 vnp_copy_lead(const struct vnp_copy *copy);

/**
 * vnp_copy_publish() - write the result to the queue
 * @copy:	after the execution
 * @sk:		the socket
 * @first:	the packet with the message's first byte; vnp_repack_own() has made the message's
 *		packets private, under the same hold of the socket's lock
 *
 * An urgent byte of the message becomes an ordinary one.
 *
 * Context: the socket's lock.
 */
void vnp_copy_publish(struct vnp_copy *copy, struct sock *sk, struct sk_buff *first);

#endif /* _VNP_TCP_COPY_H */
