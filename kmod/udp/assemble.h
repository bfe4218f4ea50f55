/* SPDX-License-Identifier: GPL-2.0 */
/*
 * UDP sockets: one datagram is made of the packets of a message.
 *
 * Either it refers to them (assemble.c), or their bytes are copied (assemble_copy.c), if they are
 * short: recvmsg() takes longer for each fragment of a packet than the copy does.
 *
 * Context: softirqs off, under RCU.
 */
#ifndef _VNP_UDP_ASSEMBLE_H
#define _VNP_UDP_ASSEMBLE_H

struct sk_buff;

/**
 * vnp_udp_assemble() - make a datagram of held packets
 * @list:	the packets, linked by skb->next; consumed
 * @whole:	out: the datagram, with skb->data at its payload; NULL after an error
 *
 * Return: 0, -ENOMEM; -EMSGSIZE: it would be longer than %VNP_MESSAGE_MAX.
 */
int vnp_udp_assemble(struct sk_buff *list, struct sk_buff **whole);

/*
 * vnp_udp_assemble_copy() - likewise, by copying; @list is not changed.  Return: the datagram, or
 * NULL if copying is not worthwhile, or if there is no memory
 */
struct sk_buff *vnp_udp_assemble_copy(struct sk_buff *list);

#endif /* _VNP_UDP_ASSEMBLE_H */
