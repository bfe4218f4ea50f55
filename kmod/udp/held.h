/* SPDX-License-Identifier: GPL-2.0 */
/*
 * UDP sockets: the datagrams of a held packet.
 *
 * skb->data is at the UDP header, and struct vnp_hold_cb says how long the datagrams are.  The
 * packet belongs to the caller.
 */
#ifndef _VNP_UDP_HELD_H
#define _VNP_UDP_HELD_H

#include <linux/minmax.h>
#include <linux/skbuff.h>
#include <linux/udp.h>
#include "kmod/hold/hold.h"

/* Where the bytes of a datagram that belong to the message are, as positions in its packet */
struct vnp_udp_range {
	u32 start;
	u32 end;
	u32 next;	/* where the next datagram begins */
};

/* The datagram at a position */
static inline struct vnp_udp_range vnp_udp_range(const struct sk_buff *skb, u32 pos)
{
	const struct vnp_hold_cb *cb = vnp_hold_cb(skb);
	const u32 next = skb->len - pos > cb->size ? pos + cb->size : skb->len;

	return (struct vnp_udp_range){
		.start = min(pos + cb->from, next),
		.end = next,
		.next = next,
	};
}

/* Does the packet have only one datagram? */
static inline bool vnp_udp_is_single(const struct sk_buff *skb)
{
	return skb->len - sizeof(struct udphdr) <= vnp_hold_cb(skb)->size;
}

#endif /* _VNP_UDP_HELD_H */
