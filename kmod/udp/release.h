/* SPDX-License-Identifier: GPL-2.0 */
/*
 * UDP sockets: packets that are held, and datagrams made of them.
 *
 * A held packet is as it arrived, with skb->data at its UDP header.  struct vnp_hold_cb has the
 * first byte of each datagram that belongs to the message; bytes before it are removed when the
 * message is released.
 *
 * Context of all functions here: softirqs off, under RCU.
 */
#ifndef _VNP_UDP_RELEASE_H
#define _VNP_UDP_RELEASE_H

#include <linux/types.h>

struct sk_buff;
struct sock;
struct vnp_link;

/* vnp_udp_keep() - struct vnp_hook_ops::keep */
bool vnp_udp_keep(struct vnp_link *link, struct sock *sk, struct sk_buff *skb);

/* vnp_udp_release() - struct vnp_hook_ops::release */
int vnp_udp_release(struct sock *sk, struct sk_buff *list, u32 charge);

/* vnp_udp_release_only() - struct vnp_hook_ops::release_only */
bool vnp_udp_release_only(struct sock *sk, struct sk_buff *skb, u32 from, u32 charge);

/* vnp_udp_release_each() - struct vnp_hook_ops::release_each */
u32 vnp_udp_release_each(struct vnp_link *link, struct sock *sk, struct sk_buff *list,
			 u32 charge);

#endif /* _VNP_UDP_RELEASE_H */
