/* SPDX-License-Identifier: GPL-2.0 */
/*
 * UDP sockets: what programs send to peers.
 *
 * Each copy has headers of its own, and nothing of the packet that arrived but its
 * payload: that is not copied where references to its pages do.
 */
#ifndef _VNP_UDP_SEND_H
#define _VNP_UDP_SEND_H

#include <linux/types.h>

struct sk_buff;
struct vnp_dgram;
struct vnp_send_msg;
struct vnp_target;

/* vnp_udp_send_begin() - a packet of a program that sends has arrived.  Context: the hook */
void vnp_udp_send_begin(const struct sk_buff *skb);

/* vnp_udp_send_end() - its end */
void vnp_udp_send_end(void);

/**
 * vnp_udp_send() - struct vnp_hook_ops::send
 * @dgram:	the datagram on which a program executes
 * @target:	the peer
 * @msg:	what is sent
 *
 * Context: the hook, under RCU.
 * Return: 0, -EDQUOT, -ENOMEM, -ENOENT, -EMSGSIZE.
 */
int vnp_udp_send(struct vnp_dgram *dgram, struct vnp_target *target,
		 const struct vnp_send_msg *msg);

/* vnp_udp_send_destroy() - Context: process, at module exit */
void vnp_udp_send_destroy(void);

#endif /* _VNP_UDP_SEND_H */
