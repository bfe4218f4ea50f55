/* SPDX-License-Identifier: GPL-2.0 */
/*
 * UDP sockets: datagrams go back to where they came from, as sendto() on the socket
 * would send them.
 *
 * The packet that came is what is sent, as in forwarding: with fresh IP headers, and
 * without anything that the stack noted on it while it was received.
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
 * vnp_udp_may_send() - would a security module let the caller send on a socket?
 * @sock:	the socket; if it is not bound, one like it is asked about, for sending
 *		binds
 *
 * Security modules decide about sendmsg() in the caller's context, of which nothing is
 * left when a program replies: so they are asked once, when the link is made.
 *
 * Context: process.
 */
bool vnp_udp_may_send(struct socket *sock);

#endif /* _VNP_UDP_REPLY_H */
