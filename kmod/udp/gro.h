/* SPDX-License-Identifier: GPL-2.0 */
/*
 * UDP sockets: merging their datagrams (GRO), which only applications with UDP_GRO notice.
 */
#ifndef _VNP_UDP_GRO_H
#define _VNP_UDP_GRO_H

#include <linux/skbuff.h>
#include <linux/types.h>

struct sock;
struct vnp_link;

/* vnp_udp_gro_complete() - as in struct udp_sock.  Context: softirq, under RCU */
int vnp_udp_gro_complete(struct sock *sk, struct sk_buff *skb, int off);

/*
 * vnp_udp_gro_start() - let merging begin when it saves more than it costs (merge.h).  Context:
 * the socket's lock
 */
void vnp_udp_gro_start(struct vnp_link *link, struct sock *sk);

/**
 * vnp_udp_gro_merge() - begin to merge a socket's datagrams
 * @link:	the link
 *
 * Only the first call has an effect, and none if the application has set UDP_GRO, or the
 * link is being detached.
 *
 * Context: any but hard interrupts.
 */
void vnp_udp_gro_merge(struct vnp_link *link);

/**
 * vnp_udp_gro_stop() - restore the application's setting
 * @link:	the link
 * @sk:		its socket
 *
 * Packets already merged, or being merged, may arrive until a grace period is over; the
 * hook must stay until then.
 *
 * Context: the socket's lock.
 */
void vnp_udp_gro_stop(struct vnp_link *link, struct sock *sk);

/* vnp_udp_gro_is_merged() - is it a super-packet that GRO has merged for the hook? */
bool vnp_udp_gro_is_merged(const struct sk_buff *skb);

/*
 * vnp_udp_gro_is_tunnel() - is it a super-packet of a tunnel, each of whose segments is a packet in
 * a datagram of this socket?
 */
static __always_inline bool vnp_udp_gro_is_tunnel(const struct sk_buff *skb)
{
	/* vnp_udp_gro_complete() clears skb->encapsulation of what is merged for the hook. */
	return unlikely(skb->encapsulation) && skb_is_gso(skb);
}

/* vnp_udp_gro_wanted() - did the application ask for super-packets?  Context: any */
bool vnp_udp_gro_wanted(const struct vnp_link *link, const struct sock *sk);

#endif /* _VNP_UDP_GRO_H */
