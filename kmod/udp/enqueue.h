/* SPDX-License-Identifier: GPL-2.0 */
/*
 * UDP sockets: putting datagrams into the socket's receive queue, and counting them.
 */
#ifndef _VNP_UDP_ENQUEUE_H
#define _VNP_UDP_ENQUEUE_H

#include <linux/if_ether.h>
#include <linux/skbuff.h>
#include <net/net_namespace.h>
#include <net/snmp.h>
#include <net/sock.h>

#include "kmod/core/compat.h"

/* The counters of a protocol */
static __always_inline typeof(((struct net *)NULL)->mib.udp_statistics)
vnp_udp_mib_of(const struct sock *sk, bool ip6)
{
#if IS_ENABLED(CONFIG_IPV6)
	if (ip6)
		return sock_net(sk)->mib.udp_stats_in6;
#endif
	return sock_net(sk)->mib.udp_statistics;
}

/* The counters of the protocol of a packet */
static __always_inline typeof(((struct net *)NULL)->mib.udp_statistics)
vnp_udp_mib(const struct sock *sk, const struct sk_buff *skb)
{
	return vnp_udp_mib_of(sk, skb->protocol == htons(ETH_P_IPV6));
}

/**
 * vnp_udp_count_taken() - undo what the kernel counts when the hook consumes a packet
 * @sk:		the socket
 * @skb:	the packet
 *
 * The kernel counts a packet for which the hook returns 0 as received, by a tunnel.  To be called
 * if its datagrams are passed on all the same: recvmsg() counts those that the application
 * receives.
 */
static __always_inline void vnp_udp_count_taken(const struct sock *sk,
						const struct sk_buff *skb)
{
	SNMP_DEC_STATS(vnp_udp_mib(sk, skb), UDP_MIB_INDATAGRAMS);
}

/**
 * vnp_udp_count_drops() - count datagrams that do not reach a socket
 * @sk:		the socket
 * @skb:	the packet in which they arrived
 * @cnt:	number of datagrams
 */
static __always_inline void vnp_udp_count_drops(struct sock *sk,
						const struct sk_buff *skb, u32 cnt)
{
	vnp_sk_drops_add(sk, cnt);
	SNMP_ADD_STATS(vnp_udp_mib(sk, skb), UDP_MIB_INERRORS, cnt);
}

/**
 * vnp_udp_enqueue() - put a filtered packet into the socket's queue
 * @sk:		the socket
 * @skb:	the packet, at its UDP header, its checksum verified; consumed
 *
 * Does what the kernel does after its filters: IP_PKTINFO, the marks of busy polling and
 * receive flow steering, memory, counters.  A packet for which there is no space is dropped.
 *
 * Context: softirqs off, under RCU.
 */
void vnp_udp_enqueue(struct sock *sk, struct sk_buff *skb);

/*
 * ---- Steps of vnp_udp_enqueue(), for held packets.  Context: softirqs off, under RCU ----
 */

/* vnp_udp_put_route() - store what IP_PKTINFO needs of the device and route; put the route */
void vnp_udp_put_route(struct sock *sk, struct sk_buff *skb);

/*
 * vnp_udp_enqueue_prepared() - the steps after vnp_udp_put_route(); skb->data is at the payload.
 * Return: is it in the queue?
 */
bool vnp_udp_enqueue_prepared(struct sock *sk, struct sk_buff *skb);

/* vnp_udp_enqueue_charged() - likewise, if its truesize was charged to the socket before */
void vnp_udp_enqueue_charged(struct sock *sk, struct sk_buff *skb);

/*
 * vnp_udp_enqueue_only() - vnp_udp_put_route() and the steps after it, charging @size for the
 * packet.  Return: false if that is not possible: then it still has its route, and its truesize
 */
bool vnp_udp_enqueue_only(struct sock *sk, struct sk_buff *skb, u32 size);

/* vnp_udp_charge(), vnp_udp_uncharge() - as in struct vnp_hook_ops */
bool vnp_udp_charge(struct sock *sk, u32 size);
void vnp_udp_uncharge(struct sock *sk, u32 size);

#endif /* _VNP_UDP_ENQUEUE_H */
