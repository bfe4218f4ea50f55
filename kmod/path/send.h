/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What programs send to peers: when it leaves, and how much of it may.
 *
 * A program's vnp_send() adds a datagram to a packet that is being made for the peer, on
 * this CPU (udp/send.c).  That packet leaves when nothing more fits it; when the packet that
 * arrived ends, if it was the first in this softirq, and the softirq before had no more
 * than one; else when the softirq's other packets have been dealt with: then this file's NAPI
 * instance is polled, which was scheduled like a device's.  So a datagram that arrives alone
 * leaves at once, unless those before it came in bursts, and those that arrive together
 * leave together; nothing waits for what may not come.
 *
 * Limits.  An execution may send @send_fanout datagrams.  A user has, on each CPU, buckets of
 * datagrams and of bytes, which are refilled with the time.  The time that sending takes is
 * drawn from his account (prog/account.h).
 *
 * Context of all functions here: softirq, under RCU, unless stated otherwise.
 */
#ifndef _VNP_PATH_SEND_H
#define _VNP_PATH_SEND_H

#include <linux/list.h>
#include <linux/percpu.h>
#include <linux/types.h>
#include "kmod/core/user.h"

struct vnp_feature;

/**
 * struct vnp_send_entry - a packet that is being made
 * @node:	in the queue of its CPU
 * @flush:	sends it
 */
struct vnp_send_entry {
	struct list_head node;
	void (*flush)(struct vnp_send_entry *entry);
};

/**
 * struct vnp_send_msg - what a program sends
 * @head:	bytes of its own
 * @head_len:	their number
 * @off:	what follows: first byte of the payload
 * @len:	number of bytes; all are there
 * @again:	this call of a helper has sent it to another peer before
 */
struct vnp_send_msg {
	const void *head;
	u32 head_len;
	u32 off;
	u32 len;
	bool again;
};

/* Context: process, at module init and exit: nothing is added any more */
int vnp_send_subsys_create(void);
void vnp_send_subsys_destroy(void);

/* vnp_send_limits() - the parameters reported by VNP_FEATURE.  Context: any */
void vnp_send_limits(struct vnp_feature *feature);

/* vnp_send_begin() - an execution begins */
void vnp_send_begin(void);

/* vnp_send_end() - its end; what was added leaves now or soon */
void vnp_send_end(void);

/* vnp_send_gathers() - will the current packet's datagrams wait for those of others? */
bool vnp_send_gathers(void);

/* Datagrams that the current execution may send */
DECLARE_PER_CPU(u32, vnp_send_left);

/* vnp_send_refill() - as vnp_send_draw(), when a bucket was found empty */
bool vnp_send_refill(struct vnp_bucket *bucket, u32 len);

/**
 * vnp_send_draw() - may another datagram be sent?
 * @user:	the user whose program sends it
 * @len:	its payload
 *
 * Return: false: a limit is reached.
 */
static inline bool vnp_send_draw(struct vnp_user *user, u32 len)
{
	struct vnp_bucket *bucket = this_cpu_ptr(user->bucket);

	if (unlikely(!__this_cpu_read(vnp_send_left)))
		return false;
	bucket->sends--;
	bucket->send_bytes -= len;
	if (unlikely((bucket->sends | bucket->send_bytes) < 0) && !vnp_send_refill(bucket, len))
		return false;
	__this_cpu_dec(vnp_send_left);
	return true;
}

/* vnp_send_is_full() - are there as many packets on this CPU as there may be? */
bool vnp_send_is_full(void);

/**
 * vnp_send_add() - a packet was begun
 * @entry:	the packet; it is not in a queue
 * @user:	the user whose account is charged for sending it
 *
 * Its @flush is called once, by vnp_send_flush() or later.
 */
void vnp_send_add(struct vnp_send_entry *entry, struct vnp_user *user);

/* vnp_send_flush() - send a packet now; this CPU's */
void vnp_send_flush(struct vnp_send_entry *entry);

#endif /* _VNP_PATH_SEND_H */
