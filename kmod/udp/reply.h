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
struct socket;
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

/**
 * vnp_udp_may_send() - would security modules permit the caller to send on a socket?
 * @sock:	the socket; if it is not bound, a similar one is used, as sending would
 * bind it
 *
 * Security modules decide about sendmsg() in the caller's context, which is not available
 * when a program replies: so they are consulted once, when the link is created.
 *
 * Context: process.
 */
bool vnp_udp_may_send(struct socket *sock);

#endif /* _VNP_UDP_REPLY_H */
