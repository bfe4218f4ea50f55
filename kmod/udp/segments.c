// SPDX-License-Identifier: GPL-2.0
/*
 * A socket with encap_rcv() gets a super-packet only if that is marked as a tunnel's, which
 * GRO's are (udp/gro.c).  One that a sender on this host has made (UDP_SEGMENT), and that
 * arrives over lo, for example, is not: the kernel segments it in udp_queue_rcv_skb(), and
 * delivers the segments one by one.  An application that has set UDP_GRO gets such a packet
 * as a whole without a link, and so must get it as a whole with one.
 *
 * The kernel walks its list of segments as follows:
 *
 *	skb_list_walk_safe(segs, skb, next)
 *		udp_queue_rcv_one_skb(sk, skb);
 *
 * While the hook has the first segment, the kernel has the address of the second; it finds all
 * others later, by skb->next of the second.  So the second skb is made the whole packet (by
 * skb_morph(), as in IP's reassembly), with nothing after it, and the first is consumed.  The
 * kernel then calls the hook with this packet.
 *
 * No state is kept between the two calls.  If the kernel drops the packet, or the link is
 * detached before the second call, the result is as without a link: the application has set
 * UDP_GRO, and accepts the packet.  If the link is detached before the first call, the socket
 * gets the segments.
 */
#include "kmod/udp/segments.h"

#include <linux/skbuff.h>
#include <linux/udp.h>

#include "kmod/link/link.h"
#include "kmod/udp/enqueue.h"
#include "kmod/udp/gro.h"
#include "kmod/udp/packet.h"

/* Payload of a segment, whose skb->data can be at any header; meaningless without UDP header */
static u32 vnp_udp_segment_len(const struct sk_buff *skb)
{
	return skb->len - skb_transport_offset(skb) - sizeof(struct udphdr);
}

/*
 * Is this the first of a list of segments?  Then its skb->prev is the last one.  skb->prev of
 * other packets may be stale, so it is only compared.  All segments but the last must have the
 * same size, as UDP_GRO requires.
 */
static bool vnp_udp_segments_fit(const struct sk_buff *first)
{
	const u32 size = vnp_udp_segment_len(first);
	const struct sk_buff *skb;

	if (!first->prev || skb_is_gso(first) || skb_cloned(first))
		return false;
	for (skb = first->next; skb->next; skb = skb->next) {
		if (vnp_udp_segment_len(skb) != size)
			return false;
	}
	return skb == first->prev && vnp_udp_segment_len(skb) <= size;
}

bool vnp_udp_segments_join(struct vnp_link *link, struct sock *sk, struct sk_buff *skb)
{
	const u32 size = vnp_udp_segment_len(skb);
	struct sk_buff *whole = skb->next, *second, *segment;

	if (link->flags & VNP_LINK_F_NO_MERGE || !vnp_udp_gro_wanted(link, sk) ||
	    !vnp_udp_segments_fit(skb))
		return false;
	second = skb_clone(whole, GFP_ATOMIC);
	if (!second)
		return false;

	second->next = whole->next;
	skb_morph(whole, skb);
	whole->next = second;
	vnp_udp_count_taken(sk, skb);
	consume_skb(skb);

	/* So far the kernel has only moved skb->data of the first one to the UDP header. */
	for (segment = second; segment; segment = segment->next)
		__skb_pull(segment, skb_transport_offset(segment));
	vnp_udp_packet_join(whole, size);
	return true;
}
