/* SPDX-License-Identifier: GPL-2.0 */
/*
 * struct vnp_dgram_ops: what helpers may do with the datagram on which a program executes.
 *
 * Each hook that receives packets has one (path/hook.h); so have copies of messages (tcp/copy.c)
 * and test executions (prog/test_run.c), which have no hook.
 */
#ifndef _VNP_PATH_DGRAM_OPS_H
#define _VNP_PATH_DGRAM_OPS_H

#include <linux/types.h>

struct sk_buff;
struct vnp_dgram;
struct vnp_outlet;
struct vnp_send_msg;
struct vnp_target;

/**
 * struct vnp_dgram_ops - operations on a datagram
 * @head:	bytes of header at skb->data, before the payload; linear
 * @copy:	make a packet of a datagram.  NULL: datagrams are never shared
 * @len_max:	maximum payload of a packet with these headers.  NULL: it cannot be resized
 * @seal:	set lengths and checksums in the headers after the payload's length has changed.
 *		The packet is private, and has one datagram of @len bytes.  NULL: likewise
 * @load:	copy bytes of a payload that may span several packets.  Return: 0, -ERANGE.
 *		NULL: a payload is always in one packet
 * @send:	send a datagram to a peer; @again: the same helper call has sent it to another peer
 *		before.  Return: 0, or an errno of vnp_send().  NULL: it is not sent
 * @repeat:	send a datagram as it is to all peers that the previous one was sent to.  Return:
 *		false: nothing was sent.  NULL: likewise
 * @append:	queue a datagram for a TCP connection.  Return: 0, or an errno of vnp_send().  NULL:
 *		likewise
 * @answer:	send bytes back to where it came from.  Return: 0, or an errno of vnp_reply().
 *		NULL: nothing is sent
 *
 * Context: softirqs off, under RCU.
 */
struct vnp_dgram_ops {
	u32 head;
	struct sk_buff *(*copy)(struct sk_buff *skb, u32 start, u32 len);
	u32 (*len_max)(const struct sk_buff *skb);
	void (*seal)(struct sk_buff *skb, u32 len);
	int (*load)(const struct vnp_dgram *dgram, u32 off, void *to, u32 len);
	int (*send)(struct vnp_dgram *dgram, struct vnp_target *target,
		    const struct vnp_send_msg *msg, bool again);
	bool (*repeat)(struct vnp_dgram *dgram);
	int (*append)(struct vnp_dgram *dgram, struct vnp_outlet *outlet,
		      const struct vnp_send_msg *msg);
	int (*answer)(struct vnp_dgram *dgram, const struct vnp_send_msg *msg);
};

#endif /* _VNP_PATH_DGRAM_OPS_H */
