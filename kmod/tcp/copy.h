/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A copy of a message, for a program that changes it, or needs it contiguous and private.
 *
 * Packets that arrived are never written to: on lo and veth they share their data with
 * the sender's retransmission queue, and packet taps have clones.  So the message's packets are
 * replaced by chunks (repack.h), and the program executes on a copy.  If it passes the message, the
 * result is written to the chunks, for the same sequence numbers; those of bytes that were removed
 * are to be dropped.
 *
 * Copies of the worker exist while a process keeps the socket locked, and are not charged to a
 * cgroup: those of a user take VNP_COPY_USER_MAX at most, and others are executed later.
 *
 * A message of more than VNP_COPY_DIRECT bytes is not copied in softirq, nor one for which memory
 * is short there.
 */
#ifndef _VNP_TCP_COPY_H
#define _VNP_TCP_COPY_H

#include <linux/skbuff.h>
#include <net/sock.h>

#include "kmod/path/action.h"
#include "kmod/path/dispatch.h"
#include "kmod/udp/block.h"

/* Each byte can be encrypted or authenticated 4 times, at 16 ns: 1 ms */
#define VNP_COPY_DIRECT	16384

/**
 * struct vnp_copy - a copy of a message
 * @skb:	the copy as the program sees it: linear, and not freed as others are
 * @buf:	its memory, or NULL
 * @user:	who is charged for it, if @charged is not 0
 * @charged:	bytes
 * @size:	bytes of the longest message for which that suffices
 * @seq:	where the message begins
 * @len:	its length in the stream
 * @work:	for encryption with softirqs on, or NULL
 * @dispatch:	what the program sees, and the link
 * @sending:	what the execution sends
 * @sends:	it sent, or tried to
 * @flushes:	it sent to peers
 * @answered:	it called vnp_reply()
 * @prog:	a reference to it, or NULL
 * @executed:	the program was executed on it
 * @ret:	what it returned
 * @replaces:	the result replaces the message if it is passed
 * @forged:	the message failed authentication
 * @action:	what happens to it
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
	bool answered;
	struct vnp_prog *prog;
	bool executed;
	u64 ret;
	bool replaces;
	bool forged;
	enum vnp_action action;
};

/* vnp_copy_hook - of the datagram that the program sees: it does not get longer than it was */
extern const struct vnp_hook_ops vnp_copy_hook;

/* vnp_copy_free() - free what it has allocated; it can be used again.  Context: any */
void vnp_copy_free(struct vnp_copy *copy);

/* vnp_copy_reserve() - memory for a message of @len bytes, in softirq.  Return: 0, -ENOMEM */
int vnp_copy_reserve(struct vnp_copy *copy, u32 len);

/*
 * vnp_copy_reserve_apart() - likewise for the worker, and memory for encryption with softirqs on.
 * @user must exist until vnp_copy_free().  Return: 0; -ENOMEM, also if the user's copies are too
 * many
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

/* vnp_copy_lead() - how many bytes before the result are to be dropped */
u32 vnp_copy_lead(const struct vnp_copy *copy);

/**
 * vnp_copy_publish() - write the result to the queue
 * @copy:	after the execution
 * @sk:		the socket
 * @first:	the packet with the message's first byte; vnp_repack_own() has made it and those
 *		that follow private, since the socket was locked
 *
 * An urgent byte of the message becomes an ordinary one.
 *
 * Context: the socket's lock.
 */
void vnp_copy_publish(struct vnp_copy *copy, struct sock *sk, struct sk_buff *first);

#endif /* _VNP_TCP_COPY_H */
