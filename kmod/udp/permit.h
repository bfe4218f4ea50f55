/* SPDX-License-Identifier: GPL-2.0 */
/* UDP sockets: may the caller send, and to which address? */
#ifndef _VNP_UDP_PERMIT_H
#define _VNP_UDP_PERMIT_H

#include <linux/types.h>

struct socket;
struct vnp_peer;
struct vnp_target_addr;

/**
 * vnp_udp_permit() - struct vnp_hook_ops::permit
 * @sock:	the socket
 * @peer:	the address
 * @to:		out: where datagrams are to be sent
 *
 * Does what sendto() does before it makes a datagram: so the result is that of sendto() in the
 * caller's context, which is not available when a program sends.
 *
 * Context: process.
 * Return: 0, or an errno of struct vnp_peer.
 */
int vnp_udp_permit(struct socket *sock, const struct vnp_peer *peer,
		   struct vnp_target_addr *to);

/**
 * vnp_udp_permit_connected() - struct vnp_hook_ops::permit_connected
 * @sock:	a socket
 * @peer:	out: the address that it is connected to
 * @to:		out: the same
 *
 * Does what send() does before it makes a datagram.
 *
 * Context: process.
 * Return: 0, -ENOTCONN, -EOPNOTSUPP (an address that programs cannot send to), or an errno of
 * send().
 */
int vnp_udp_permit_connected(struct socket *sock, struct vnp_peer *peer,
			     struct vnp_target_addr *to);

/**
 * vnp_udp_may_send() - would security modules permit the caller to send on a socket?
 * @sock:	the socket; if it is not bound, a similar one is used, as sending would
 * bind it
 *
 * Security modules decide about sendmsg() in the caller's context, which is not available
 * when a program replies: so they are consulted once, when the link is created.
 *
 * Context: process.
 */
bool vnp_udp_may_send(struct socket *sock);

#endif /* _VNP_UDP_PERMIT_H */
