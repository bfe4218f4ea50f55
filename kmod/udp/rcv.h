/* SPDX-License-Identifier: GPL-2.0 */
/* UDP sockets: what happens to the datagrams that arrive. */
#ifndef _VNP_UDP_RCV_H
#define _VNP_UDP_RCV_H

struct sk_buff;
struct sock;

/**
 * vnp_udp_rcv() - encap_rcv() of a socket with a link
 * @sk:		the socket
 * @skb:	a packet, its checksum verified; skb->data is at the UDP header, which
 *		is linear
 *
 * It is called before SO_ATTACH_FILTER, after IPsec policies.
 *
 * Context: softirq, under RCU.
 * Return: 0: consumed; 1: passed to the socket, with skb->data at its UDP header.
 */
int vnp_udp_rcv(struct sock *sk, struct sk_buff *skb);

#endif /* _VNP_UDP_RCV_H */
