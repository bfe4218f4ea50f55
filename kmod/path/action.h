/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Actions: what happens to a batch.
 *
 * A program returns a verdict (enum vnp_verdict, the ABI); a link's counters and the path
 * use actions.  Only vnp_action_of() converts the first to the second.
 *
 * To add an action: Documentation/hacking.rst.
 */
#ifndef _VNP_PATH_ACTION_H
#define _VNP_PATH_ACTION_H

#include <linux/build_bug.h>
#include <linux/nospec.h>
#include <linux/types.h>
#include <linux/vnp.h>

struct sk_buff;
struct sock;
struct vnp_link;

/**
 * enum vnp_action - what happens to a batch
 * @VNP_ACTION_DROP:	it is freed
 * @VNP_ACTION_PASS:	it is delivered to the socket
 * @VNP_ACTION_REPLY:	it is sent back to its sender
 * @VNP_ACTION_HOLD:	it is held: vnp_hold() has added its datagrams to a message
 * @VNP_ACTION_NONE:	there is no verdict: the program faulted or was not executed
 */
enum vnp_action {
	VNP_ACTION_DROP,
	VNP_ACTION_PASS,
	VNP_ACTION_REPLY,
	VNP_ACTION_HOLD,
	VNP_ACTION_NONE,
};

/**
 * vnp_action_of() - convert the return value of a program to an action
 * @ret:	R0, or a fault's number, which is above all verdicts
 *
 * Actions are indices of arrays, one of them of functions to be called: so an action is in range on
 * mispredicted paths, too.
 *
 * Return: the action, or VNP_ACTION_NONE if the value is not a verdict.
 */
static __always_inline enum vnp_action vnp_action_of(u64 ret)
{
	static_assert((int)VNP_ACTION_DROP == (int)VNP_DROP);
	static_assert((int)VNP_ACTION_PASS == (int)VNP_PASS);
	static_assert((int)VNP_ACTION_REPLY == (int)VNP_REPLY);
	static_assert((int)VNP_ACTION_HOLD == (int)VNP_HELD);
	static_assert((int)VNP_ACTION_NONE == (int)__VNP_VERDICT_CNT);

	/* First the verdict that must be fastest */
	if (likely(ret == VNP_DROP))
		return VNP_ACTION_DROP;
	/* VNP_HELD is only a verdict where holding is possible: the caller tests it before. */
	if (unlikely(ret >= __VNP_VERDICT_CNT || ret == VNP_HELD))
		return VNP_ACTION_NONE;
	return (enum vnp_action)array_index_nospec(ret, __VNP_VERDICT_CNT);
}

/* vnp_action_verdict() - the reverse of vnp_action_of(), for loops that compare results */
static __always_inline u64 vnp_action_verdict(enum vnp_action action)
{
	return action;
}

/* vnp_action_wants_packet() - does the action need a packet of the batch? */
static __always_inline bool vnp_action_wants_packet(enum vnp_action action)
{
	return action != VNP_ACTION_DROP && action != VNP_ACTION_NONE;
}

/* vnp_action_joins() - are a batch's datagrams joined if each has a packet of its own? */
bool vnp_action_joins(enum vnp_action action, const struct vnp_link *link,
		      const struct sock *sk);

/**
 * vnp_action_do() - apply an action to a packet made of a batch
 * @action:	one that needs a packet
 * @link:	the link
 * @sk:		its socket
 * @skb:	the packet; consumed
 * @filtered:	it has passed the socket's filters
 *
 * Context: softirq, under RCU.
 */
void vnp_action_do(enum vnp_action action, struct vnp_link *link, struct sock *sk,
		   struct sk_buff *skb, bool filtered);

/*
 * vnp_action_do_whole() - apply an action to the packet that arrived.  Return: as @pass of
 * struct vnp_hook_ops
 */
int vnp_action_do_whole(enum vnp_action action, struct vnp_link *link, struct sock *sk,
			struct sk_buff *skb, bool filtered);

#endif /* _VNP_PATH_ACTION_H */
