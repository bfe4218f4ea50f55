/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Dispatch: a program executes on each datagram of a packet, and neighbours that get
 * the same action become a batch.
 *
 * This is the only caller of programs, except VNP_PROG_RUN (prog/test_run.c).  A hook
 * calls vnp_dispatch_direct() for the most common packets, and vnp_dispatch() for all
 * others:
 *
 *	struct vnp_dispatch dispatch __vnp_uninitialized;
 *
 *	vnp_dispatch_init(&dispatch, link, sk, skb, prog, filtered);
 *	... fill in dispatch.dgram.exec.ctx, except data, data_end and len ...
 *	return vnp_dispatch(&dispatch);
 *
 * Context of all functions here: softirq, under RCU, unless stated otherwise.
 */
#ifndef _VNP_PATH_DISPATCH_H
#define _VNP_PATH_DISPATCH_H

#include "kmod/hold/hold.h"
#include "kmod/link/link.h"
#include "kmod/link/stats.h"
#include "kmod/path/action.h"
#include "kmod/path/batch.h"
#include "kmod/path/dgram.h"
#include "kmod/prog/exec.h"

/**
 * struct vnp_dispatch - the batches of a packet
 * @dgram:	the current datagram
 * @link:	the link
 * @sk:		its socket
 * @skb:	the packet
 * @filtered:	it has passed the socket's filters
 * @own:	the current batch's datagrams are in packets of their own
 * @size:	payload of each datagram except the last
 * @start:	position of the current batch
 * @action:	its action
 * @missed:	number of its datagrams that were counted by themselves, as faults or errors
 * @extra:	correction of the payload to be counted: programs changed lengths, or datagrams
 *		were @missed; modulo 2^32
 * @first:	its packets if it is @own, linked by skb->next
 * @last:	the last of them
 */
struct vnp_dispatch {
	struct vnp_dgram dgram;
	struct vnp_link *link;
	struct sock *sk;
	struct sk_buff *skb;
	bool filtered;
	bool own;
	u32 size;
	u32 start;
	enum vnp_action action;
	u32 missed;
	u32 extra;
	struct sk_buff *first;
	struct sk_buff *last;
};

/* vnp_dispatch_init() - begin with a packet that arrived at a link's hook */
static __always_inline void vnp_dispatch_init(struct vnp_dispatch *d,
					      struct vnp_link *link, struct sock *sk,
					      struct sk_buff *skb,
					      const struct vnp_prog *prog, bool filtered)
{
	d->link = link;
	d->sk = sk;
	d->skb = skb;
	d->filtered = filtered;
	d->dgram.skb = skb;
	d->dgram.prog = prog;
	d->dgram.ops = &link->hook->dgram;
	d->dgram.exec.fault = 0;
}

/* vnp_dispatch_plain(), vnp_dispatch_detour() - as vnp_dispatch(), by struct vnp_prog::detour */
int vnp_dispatch_plain(struct vnp_dispatch *d);
int vnp_dispatch_detour(struct vnp_dispatch *d);

/**
 * vnp_dispatch() - execute the link's program on a packet, and apply its verdicts
 * @d:		as initialized by vnp_dispatch_init() and the hook
 *
 * Return: 0: the packet was consumed; 1: it is passed to the socket, with skb->data at
 * its header.
 */
static __always_inline int vnp_dispatch(struct vnp_dispatch *d)
{
	const u32 head = d->link->hook->dgram.head;

	d->size = vnp_batch_size(d->skb, head);
	d->start = head;
	d->own = false;
	d->action = VNP_ACTION_PASS;
	return likely(!d->dgram.prog->detour) ? vnp_dispatch_plain(d) : vnp_dispatch_detour(d);
}

/**
 * vnp_dispatch_execute() - execute a program on bytes that are not a packet's datagram
 * @link:	the link
 * @dgram:	with all fields set that the program needs
 *
 * Nothing is counted, and no action is applied.
 *
 * Context: softirqs off, under RCU.
 * Return: as vnp_prog_exec(); if the user's account is empty the fault is
 * %VNP_FAULT_THROTTLED, and nothing was executed.
 */
u64 vnp_dispatch_execute(struct vnp_link *link, struct vnp_dgram *dgram);

/**
 * vnp_dispatch_result() - count one execution, and return the action for its datagram
 * @link:	the link
 * @prog:	its program
 * @exec:	how the execution ended
 * @ret:	what it returned
 *
 * Context: softirq, under RCU.
 * Return: not VNP_ACTION_NONE.
 */
static __always_inline enum vnp_action
vnp_dispatch_result(struct vnp_link *link, const struct vnp_prog *prog,
		    const struct vnp_exec *exec, u64 ret)
{
	const enum vnp_action action = vnp_action_of(ret);

	/* A constant index saves the fast path two instructions. */
	if (likely(action == VNP_ACTION_DROP)) {
		vnp_link_count(link, VNP_ACTION_DROP, 1, exec->ctx.len);
		return VNP_ACTION_DROP;
	}
	if (unlikely(action == VNP_ACTION_NONE))
		return vnp_link_fault(link, prog, exec);
	vnp_link_count(link, action, 1, exec->ctx.len);
	return action;
}

/**
 * vnp_dispatch_direct() - execute a direct program on one datagram in linear data
 * @link:	the link
 * @prog:	its program; the packet's length does not exceed its @direct_max, and the
 *		user's account was charged
 * @data:	the payload
 * @len:	its length
 *
 * Return: its action, which has been counted; not VNP_ACTION_NONE.
 */
static __always_inline enum vnp_action
vnp_dispatch_direct(struct vnp_link *link, const struct vnp_prog *prog, void *data, u32 len)
{
	struct vnp_exec exec __vnp_uninitialized;

	exec.ctx.len = len;
	exec.ctx.data = data;
	exec.ctx.data_end = data + len;
	exec.fault = 0;
	return vnp_dispatch_result(link, prog, &exec, vnp_prog_call(prog, &exec));
}

#endif /* _VNP_PATH_DISPATCH_H */
