/* SPDX-License-Identifier: GPL-2.0 */
/*
 * UDP sockets: the payload of packets for peers.
 *
 * A packet begins with a datagram, and others are added if they can leave with it as segments
 * (UDP_SEGMENT).  The program's own bytes, and short payload, are in the packet's linear data, as
 * long as there are no fragments yet: copying short datagrams is cheaper than referencing them if
 * they would take two fragments each.
 *
 * If a datagram begins with bytes of the program's own, and others will probably follow it, it is
 * also copied if it is longer, up to the usual MTU: to a fragment with space for those that
 * follow.  By reference each would take two fragments, and a packet would have space for eight.
 * References are counted for each fragment, which takes about as long as copying, and there would
 * be twice as many packets.
 *
 * All other payload is referenced, in a block (block.h), unless it is sealed: then it is copied to
 * a fragment of its own, and sealed there.
 */
#ifndef _VNP_UDP_SEND_PACKET_H
#define _VNP_UDP_SEND_PACKET_H

#include "kmod/path/dgram.h"
#include "kmod/path/send.h"
#include "kmod/udp/block.h"

struct sk_buff;
struct vnp_pending;

/* Datagrams up to this length are copied if they begin with bytes of the program's own */
#define VNP_UDP_SEND_COPIED	2048

/* vnp_udp_msg_len() - payload of the datagram that is sent */
static inline u32 vnp_udp_msg_len(const struct vnp_send_msg *msg)
{
	return msg->head_len + msg->len + msg->tag;
}

/*
 * vnp_udp_send_copies() - is it cheaper to copy the payload?  Otherwise several fragments or a
 * copy would be needed, or few bytes of a long datagram would keep all its memory.  To many peers,
 * long payload is not copied, as the copies would take much memory.
 */
static inline bool vnp_udp_send_copies(const struct vnp_udp_sending *sending,
				       const struct vnp_dgram *dgram,
				       const struct vnp_send_msg *msg)
{
	const u32 len = vnp_udp_msg_len(msg);

	if (len > VNP_UDP_SEND_SHORT)
		return msg->head_len && !msg->sealing && sending->more &&
		       len <= VNP_UDP_SEND_COPIED && !vnp_send_is_crowded();
	return msg->head_len || msg->len < dgram->exec.ctx.len || msg->sealing ||
	       !vnp_udp_block_is_direct(dgram);
}

/* vnp_udp_send_alloc() - a packet with space for headers, and @room bytes; NULL: no memory */
struct sk_buff *vnp_udp_send_alloc(u32 room);

/* vnp_udp_send_sync() - update the fields of the pending packet, after bytes were appended */
void vnp_udp_send_sync(struct vnp_pending *pending);

/**
 * vnp_udp_send_append() - add a datagram to the packet that is pending
 * @pending:	the packet; its counters of datagrams are updated by the caller
 * @sending:	where the payload is
 * @dgram:	the datagram on which the program executes
 * @msg:	what is sent of it
 *
 * Return: 0; 1: the packet has no space for it; -ENOMEM, or an errno of vnp_sealing_apply().
 */
int vnp_udp_send_append(struct vnp_pending *pending, struct vnp_udp_sending *sending,
			const struct vnp_dgram *dgram, const struct vnp_send_msg *msg);

#endif /* _VNP_UDP_SEND_PACKET_H */
