/* SPDX-License-Identifier: GPL-2.0 */
/*
 * UDP sockets that have a link, or have had one: what stays on them until they end.
 */
#ifndef _VNP_UDP_SOCK_H
#define _VNP_UDP_SOCK_H

#include <linux/udp.h>
#include <net/sock.h>

struct vnp_link;

/**
 * struct vnp_udp_sock - what is remembered of a socket
 * @sk_destruct: what it had as such
 * @encap_rcv:	the same, before the present link
 * @sk:		the socket; NULL: nothing of ours is on it any more
 * @link:	its link, or NULL; under the socket's lock
 * @done:	the socket ends that has @link, whose reference goes; nobody can find the
 *		socket any more.  Context: any but hard interrupts
 */
struct vnp_udp_sock {
	typeof_member(struct sock, sk_destruct) sk_destruct;
	typeof_member(struct udp_sock, encap_rcv) encap_rcv;
	struct sock *sk;
	struct vnp_link *link;
	void (*done)(struct vnp_link *link, struct sock *sk);
};

/**
 * vnp_udp_sock_make() - remember a socket, from now to its end
 * @sk:		the socket; nothing happens to it if it is remembered already
 *
 * Context: process, the socket's lock.
 * Return: 0, -ENOMEM, -EBUSY (somebody else has what would stay on it).
 */
int vnp_udp_sock_make(struct sock *sk);

/* vnp_udp_sock_of() - what is remembered of a socket that was linked.  Context: any */
struct vnp_udp_sock *vnp_udp_sock_of(const struct sock *sk);

/*
 * vnp_udp_socks_destroy() - take what is ours from all sockets.  There are no links.
 * Context: process, at module exit.
 */
void vnp_udp_socks_destroy(void);

#endif /* _VNP_UDP_SOCK_H */
