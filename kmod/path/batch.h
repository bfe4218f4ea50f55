/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Batches: neighbouring datagrams of a packet that get the same action.
 *
 * Datagrams arrive in packets.  A packet holds one of them, or up to 64 that GRO has
 * merged (a super-packet): one header, then the payloads, each skb_shinfo()->gso_size
 * bytes long except the last, which may be shorter.
 *
 * A batch is a range of such a packet.  If it is the whole packet, the action gets the
 * packet that arrived.  Otherwise the hook makes a packet of the batch, which shares the
 * payload with the one that arrived.
 *
 * Context of all functions here: softirqs off.
 */
#ifndef _VNP_PATH_BATCH_H
#define _VNP_PATH_BATCH_H

#include <linux/skbuff.h>

/**
 * vnp_batch_size() - payload of each datagram in a packet except the last
 * @skb:	the packet
 * @off:	position of the payload
 */
static __always_inline u32 vnp_batch_size(const struct sk_buff *skb, u32 off)
{
	const struct skb_shared_info *shinfo = skb_shinfo(skb);

	if (shinfo->gso_size && shinfo->gso_type & SKB_GSO_UDP_L4)
		return shinfo->gso_size;
	return skb->len - off;
}

/**
 * vnp_batch_cnt() - number of datagrams in a payload
 * @len:	bytes of the payload; if there are none, it is one datagram
 * @size:	payload of each datagram except the last
 */
static __always_inline u32 vnp_batch_cnt(u32 len, u32 size)
{
	return size < len ? DIV_ROUND_UP(len, size) : 1;
}

/* vnp_batch_headers() - offset of the outermost header kept, MAC or IP: less than 0 */
static inline int vnp_batch_headers(const struct sk_buff *skb)
{
	return skb_mac_header_was_set(skb) ? skb_mac_offset(skb) :
					     skb_network_offset(skb);
}

/* vnp_batch_drop() - free a packet that is dropped entirely */
void vnp_batch_drop(struct sk_buff *skb);

/* vnp_batch_consume() - free a packet after packets were made of its batches */
void vnp_batch_consume(struct sk_buff *skb);

#endif /* _VNP_PATH_BATCH_H */
