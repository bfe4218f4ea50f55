/* SPDX-License-Identifier: GPL-2.0 */
/*
 * UDP sockets: super-packets that GRO has not made.
 */
#ifndef _VNP_UDP_SEGMENTS_H
#define _VNP_UDP_SEGMENTS_H

#include <linux/types.h>

struct sk_buff;
struct sock;
struct vnp_link;

/**
 * vnp_udp_segments_join() - make one packet of the segments that the kernel delivers
 * @link:	the link
 * @sk:		its socket
 * @skb:	the packet that the hook was called with; others follow it (skb->next)
 *
 * Context: softirq, under RCU.
 * Return: true: @skb is consumed, and the kernel next calls the hook with the joined packet;
 * false: nothing was changed.
 */
bool vnp_udp_segments_join(struct vnp_link *link, struct sock *sk, struct sk_buff *skb);

#endif /* _VNP_UDP_SEGMENTS_H */
