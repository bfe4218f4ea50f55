/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sending to peers: when packets are sent, and how many may be.
 *
 * A program's vnp_send() adds a datagram to a packet that is being made for the peer, on
 * this CPU (udp/send.c).  That packet is sent
 *
 * - when nothing more fits it;
 * - when too many others are being made;
 * - after the packet that arrived was processed, if that was the first of a program that sends
 *   in this softirq, and there was no more than one in the softirq before;
 * - otherwise after the other packets of the softirq were processed: then the NAPI instance of
 *   this file is polled, which was scheduled like a device's.
 *
 * So a datagram that arrives alone is forwarded at once, unless those before it arrived in bursts,
 * and those that arrive together are sent together; none waits for others that may not arrive.
 *
 * A packet that is sent may be received at once, within the function that sends it (tc's mirred),
 * by another program that sends: so the state of an execution is on the stack (struct
 * vnp_sending).
 *
 * Limits.  An execution may send @send_fanout datagrams.  A user has, on each CPU, buckets of
 * datagrams and of bytes, which are refilled over time.  The time that sending takes is
 * measured, and drawn from the user's account (prog/account.h).  Packets that are sent within an
 * execution are part of its time, and limited: beyond that, a datagram is refused if another
 * packet would have to be sent first.  So is what is copied.
 *
 * Context of all functions here: softirq, under RCU, unless stated otherwise.
 */
#ifndef _VNP_PATH_SEND_H
#define _VNP_PATH_SEND_H

#include <linux/list.h>
#include <linux/percpu.h>
#include <linux/types.h>
#include "kmod/core/user.h"
#include "kmod/path/repeat.h"

struct vnp_feature;
struct vnp_sealing;
struct vnp_send_entry;

/**
 * struct vnp_send_ops - operations on a packet that is being made
 * @flush:	send it.  Return: approximate number of IP packets, including IP fragments
 * @get:	get references to what it needs, as RCU will be unlocked before it is sent.
 *		Return: false: its peer was deleted
 * @put:	put these references
 */
struct vnp_send_ops {
	u32 (*flush)(struct vnp_send_entry *entry);
	bool (*get)(struct vnp_send_entry *entry);
	void (*put)(struct vnp_send_entry *entry);
};

/**
 * struct vnp_send_entry - a packet that is being made
 * @next:	in the queue of its CPU
 * @ops:	how to send it
 * @queued:	it is in the queue
 * @held:	it has the references of @get
 * @user:	whose account is charged for sending it; with a reference if @held
 */
struct vnp_send_entry {
	struct vnp_send_entry *next;
	const struct vnp_send_ops *ops;
	bool queued;
	bool held;
	struct vnp_user *user;
};

/*
 * Packets that may be made on a CPU before the first of them is sent.  Those for a datagram that
 * arrived alone get no further datagrams, so only a few are made before the first is sent: it is
 * still in the caches then, and its memory can be reused for the next.
 */
#define VNP_SEND_ENTRIES_MAX	1024
#define VNP_SEND_ENTRIES_ALONE	16

/**
 * struct vnp_sending - a packet whose program sends
 * @outer:	if it was received while another one was being sent: that one, or NULL
 * @entries:	packets that may be made before one is sent
 * @left:	datagrams that the current execution may send
 * @flushed:	IP packets that were sent within this execution
 * @copied:	bytes that were copied to queues of TCP connections within this execution
 * @start:	ktime_get_ns() when the execution began
 * @many:	@repeat may be used: there are several datagrams in the packet
 * @repeat:	peers that the previous datagram was sent to
 */
struct vnp_sending {
	struct vnp_sending *outer;
	u32 entries;
	u32 left;
	u32 flushed;
	u32 copied;
	u64 start;
	bool many;
	struct vnp_repeat repeat;
};

/**
 * struct vnp_send_msg - what a program sends
 * @head:	bytes of its own
 * @head_len:	their number
 * @off:	first byte of the payload that follows @head
 * @len:	number of its bytes, all of which are in the payload
 * @tag:	bytes that sealing adds at the end
 * @sealing:	how all is sealed, or NULL: it is not
 */
struct vnp_send_msg {
	const void *head;
	u32 head_len;
	u32 off;
	u32 len;
	u32 tag;
	const struct vnp_sealing *sealing;
};

/* Context: process, at module init and exit: nothing is added any more */
int vnp_send_subsys_create(void);
void vnp_send_subsys_destroy(void);

/* vnp_send_limits() - the parameters reported by VNP_FEATURE.  Context: any */
void vnp_send_limits(struct vnp_feature *feature);

/* The packet that is being processed, if its program sends; the innermost one, or NULL */
DECLARE_PER_CPU(struct vnp_sending *, vnp_sending);

/* vnp_send_enter() - helpers called from here on send because of this packet */
static inline void vnp_send_enter(struct vnp_sending *sending)
{
	struct vnp_sending *outer = __this_cpu_read(vnp_sending);

	if (unlikely(outer))
		vnp_repeat_end(outer);
	sending->outer = outer;
	__this_cpu_write(vnp_sending, sending);
}

/*
 * vnp_send_begin() - the packet of a program that sends is about to be processed; @more: others
 * will probably be sent together with its datagrams; @many: it has several, which may be sent to
 * the same peers as those before (struct vnp_repeat)
 */
static inline void vnp_send_begin(struct vnp_sending *sending, bool more, bool many)
{
	sending->entries = more ? VNP_SEND_ENTRIES_MAX : VNP_SEND_ENTRIES_ALONE;
	sending->left = 0;
	sending->many = many;
	vnp_repeat_init(&sending->repeat);
	vnp_send_enter(sending);
}

/* vnp_send_end() - it was processed: send what was added, now or soon */
void vnp_send_end(struct vnp_sending *sending);

/* vnp_send_start() - an execution begins, at ktime_get_ns() @now */
void vnp_send_start(struct vnp_sending *sending, u64 now);

/* vnp_send_execute() - the same for the packet that is being processed, if its program sends */
void vnp_send_execute(u64 now);

/* vnp_send_is_crowded() - are more packets being made than caches hold the payload of? */
bool vnp_send_is_crowded(void);

/* vnp_send_gathers() - are datagrams sent together with those of other packets? */
bool vnp_send_gathers(void);

/* vnp_send_refill() - as vnp_send_draw(), when a bucket was found empty */
bool vnp_send_refill(struct vnp_bucket *bucket, u32 len);

/**
 * vnp_send_draw() - may another datagram be sent?
 * @sending:	the packet
 * @user:	the user whose program sends it
 * @len:	its payload
 *
 * Return: false: a limit is reached.
 */
static inline bool vnp_send_draw(struct vnp_sending *sending, struct vnp_user *user, u32 len)
{
	struct vnp_bucket *bucket = this_cpu_ptr(user->bucket);

	if (unlikely(!sending->left))
		return false;
	bucket->sends--;
	bucket->send_bytes -= len;
	if (unlikely((bucket->sends | bucket->send_bytes) < 0) && !vnp_send_refill(bucket, len))
		return false;
	sending->left--;
	return true;
}

/* vnp_send_draw_many() - may a datagram be sent to @cnt peers?  Return: false: maybe not to all */
static inline bool vnp_send_draw_many(struct vnp_sending *sending, struct vnp_user *user, u32 cnt,
				      u32 len)
{
	struct vnp_bucket *bucket = this_cpu_ptr(user->bucket);
	const s64 bytes = (u64)len * cnt;

	if (sending->left < cnt || bucket->sends < cnt || bucket->send_bytes < bytes)
		return false;
	bucket->sends -= cnt;
	bucket->send_bytes -= bytes;
	sending->left -= cnt;
	return true;
}

/* vnp_send_credit() - undo this for @cnt peers, in the same execution */
static inline void vnp_send_credit(struct vnp_sending *sending, struct vnp_user *user, u32 cnt,
				   u32 len)
{
	struct vnp_bucket *bucket = this_cpu_ptr(user->bucket);

	bucket->sends += cnt;
	bucket->send_bytes += (u64)len * cnt;
	sending->left += cnt;
}

/**
 * vnp_send_add() - queue a packet that is being made
 * @entry:	the packet
 * @user:	the user whose account is charged for sending it
 *
 * Its @flush is called once, after this, unless vnp_send_flush() sends it before.
 */
void vnp_send_add(struct vnp_send_entry *entry, struct vnp_user *user);

/**
 * vnp_send_reserve() - ensure that the queue has space for a packet, before it is made
 * @sending:	the packet whose program sends it
 * @entry:	the packet
 * @user:	the user whose program sends it
 *
 * Return: false: another one would have to be sent first, and this execution has sent too much.
 */
bool vnp_send_reserve(struct vnp_sending *sending, const struct vnp_send_entry *entry,
		      const struct vnp_user *user);

/**
 * vnp_send_flush() - send a packet now, as another one for the peer is to be made
 * @sending:	the packet whose program sends that
 * @entry:	the packet that is sent
 *
 * Return: false: it was not sent, as this execution has sent too much.
 */
bool vnp_send_flush(struct vnp_sending *sending, struct vnp_send_entry *entry);

/* vnp_send_copy() - may @len bytes be copied now?  Return: false: it has taken too long */
bool vnp_send_copy(struct vnp_sending *sending, u32 len);

#endif /* _VNP_PATH_SEND_H */
