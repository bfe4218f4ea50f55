/* SPDX-License-Identifier: GPL-2.0 */
/*
 * UDP sockets: delivering packets to the socket.  Several datagrams in one packet (a super-packet,
 * path/batch.h) are segmented, unless the application has set UDP_GRO.
 *
 * Context of all functions here: softirq, under RCU.
 */
#ifndef _VNP_UDP_DELIVER_H
#define _VNP_UDP_DELIVER_H

#include <linux/percpu.h>
#include <linux/types.h>

struct sk_buff;
struct sock;
struct vnp_link;

/* The socket to which this CPU is delivering a passed packet */
DECLARE_PER_CPU(struct sock *, vnp_udp_delivering);

/*
 * vnp_udp_is_delivering() - has the program already seen the packet at this socket's
 * hook?
 */
static __always_inline bool vnp_udp_is_delivering(const struct sock *sk)
{
	return __this_cpu_read(vnp_udp_delivering) == sk;
}

/* vnp_udp_deliver() - struct vnp_hook_ops::deliver */
void vnp_udp_deliver(struct vnp_link *link, struct sock *sk, struct sk_buff *skb,
		     bool filtered);

/* vnp_udp_pass() - struct vnp_hook_ops::pass */
int vnp_udp_pass(struct vnp_link *link, struct sock *sk, struct sk_buff *skb,
		 bool filtered);

/**
 * vnp_udp_segment() - let the kernel segment a super-packet
 * @link:	the link
 * @sk:		its socket
 * @skb:	the packet; consumed.  The kernel calls the hook again for each datagram
 */
void vnp_udp_segment(struct vnp_link *link, struct sock *sk, struct sk_buff *skb);

/**
 * vnp_udp_segment_tunnel() - segment a super-packet of a tunnel
 * @link:	the link, whose user is charged for the time that this takes
 * @sk:		the socket
 * @skb:	the packet, with the tunnel's headers; consumed.  The kernel calls the hook again
 *		for each datagram
 */
void vnp_udp_segment_tunnel(struct vnp_link *link, struct sock *sk, struct sk_buff *skb);

#endif /* _VNP_UDP_DELIVER_H */
