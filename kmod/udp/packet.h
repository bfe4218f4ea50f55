/* SPDX-License-Identifier: GPL-2.0 */
/*
 * UDP packets that the module makes, of batches and of single datagrams.
 *
 * Each has the headers of its original packet, at the same offsets, with lengths and
 * checksums of its own.  skb->data is at the UDP header.
 *
 * Context of all functions here: softirqs off.
 */
#ifndef _VNP_UDP_PACKET_H
#define _VNP_UDP_PACKET_H

#include <linux/types.h>

struct sk_buff;

/**
 * vnp_udp_packet_head() - make a packet with the headers of another one
 * @skb:	the other one; not changed
 * @room:	bytes of linear space for payload
 *
 * Return: the packet, without payload; or NULL if there is no memory.
 */
struct sk_buff *vnp_udp_packet_head(const struct sk_buff *skb, u32 room);

/**
 * vnp_udp_packet_cut() - make a packet of a batch
 * @skb:	the packet the batch is in; not changed
 * @start:	position of the batch's payload
 * @end:	position after it
 * @size:	payload of each datagram except the last
 *
 * Return: the packet, or NULL if there is no memory.
 */
struct sk_buff *vnp_udp_packet_cut(struct sk_buff *skb, u32 start, u32 end, u32 size);

/**
 * vnp_udp_packet_copy() - make a packet of a datagram, with a payload of its own
 * @skb:	the packet the datagram is in; not changed
 * @start:	position of the payload
 * @len:	its length; it will be linear
 *
 * Return: the packet, or NULL if there is no memory.
 */
struct sk_buff *vnp_udp_packet_copy(struct sk_buff *skb, u32 start, u32 len);

/**
 * vnp_udp_packet_join() - join packets of one datagram each to a super-packet
 * @list:	the packets, linked by skb->next
 * @size:	payload of each except the last, which may have less
 *
 * Return: the packet.
 */
struct sk_buff *vnp_udp_packet_join(struct sk_buff *list, u32 size);

/* vnp_udp_packet_max() - maximum payload with these headers, whose length fields have 16 bits */
u32 vnp_udp_packet_max(const struct sk_buff *skb);

/**
 * vnp_udp_packet_seal() - set lengths and checksums
 * @skb:	a packet whose payload is complete; its header is private
 * @size:	payload of each datagram except the last
 *
 * The checksum is not verified again: it was verified when the datagram arrived, and a program may
 * have changed the payload since.
 */
void vnp_udp_packet_seal(struct sk_buff *skb, u32 size);

#endif /* _VNP_UDP_PACKET_H */
