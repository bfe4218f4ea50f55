/* SPDX-License-Identifier: GPL-2.0 */
/*
 * UDP sockets: what programs send to peers.
 *
 * Each copy has its own headers and no metadata of the packet that arrived.  Its payload refers
 * to the pages of that packet; only where that is not possible, bytes are copied.
 */
#ifndef _VNP_UDP_SEND_H
#define _VNP_UDP_SEND_H

#include <linux/types.h>

struct vnp_dgram;
struct vnp_dispatch;
struct vnp_outlet;
struct vnp_send_msg;
struct vnp_target;

/*
 * vnp_udp_send_dispatch() - vnp_dispatch() of a packet whose program sends.  Context: softirq,
 * under RCU
 */
int vnp_udp_send_dispatch(struct vnp_dispatch *dispatch);

/**
 * vnp_udp_send() - struct vnp_dgram_ops::send
 * @dgram:	the datagram on which a program executes
 * @target:	the peer
 * @msg:	what is sent; NULL: the datagram as it is
 * @again:	this call of a helper has sent it to another peer before
 *
 * Context: softirq, under RCU.
 * Return: 0, -EDQUOT, -ENOMEM, -ENOENT, -EMSGSIZE, -EKEYREJECTED (its nonce was used).
 */
int vnp_udp_send(struct vnp_dgram *dgram, struct vnp_target *target,
		 const struct vnp_send_msg *msg, bool again);

/* vnp_udp_repeat() - struct vnp_dgram_ops::repeat */
bool vnp_udp_repeat(struct vnp_dgram *dgram);

/* vnp_udp_append() - struct vnp_dgram_ops::append */
int vnp_udp_append(struct vnp_dgram *dgram, struct vnp_outlet *outlet,
		   const struct vnp_send_msg *msg);

#endif /* _VNP_UDP_SEND_H */
