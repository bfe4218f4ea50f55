/* SPDX-License-Identifier: GPL-2.0 */
/*
 * UDP sockets: datagrams are sent back to their sender, as sendto() on the socket would
 * send them.
 *
 * The packet that arrived is sent, as in forwarding: with new IP headers, and without any
 * metadata of the receive path.
 */
#ifndef _VNP_UDP_REPLY_H
#define _VNP_UDP_REPLY_H

#include <linux/types.h>

struct sk_buff;
struct sock;
struct vnp_link;

/**
 * vnp_udp_reply() - struct vnp_hook_ops::reply
 * @link:	the link
 * @sk:		its socket
 * @skb:	the packet, at its UDP header; consumed.  A super-packet leaves as one
 *
 * Context: softirq, under RCU.
 */
void vnp_udp_reply(struct vnp_link *link, struct sock *sk, struct sk_buff *skb);

#endif /* _VNP_UDP_REPLY_H */
