/* SPDX-License-Identifier: GPL-2.0 */
/*
 * UDP sockets that have or had a link: what the module keeps for each until it is freed.
 */
#ifndef _VNP_UDP_SOCK_H
#define _VNP_UDP_SOCK_H

#include <linux/udp.h>
#include <net/sock.h>

struct vnp_link;

/**
 * struct vnp_udp_sock - saved state of a socket
 * @sk_destruct: what the socket had before its first link; called by ours
 * @encap_rcv:	what it had before the current link
 * @sk:		the socket; NULL: its pointers were restored, at module exit
 * @link:	its link, or NULL; under the socket's lock
 * @done:	called if the socket is freed while it has @link: detach that, and put the
 *		socket's reference to it.  The socket cannot be found any more.  Context: any
 *		but hard interrupts
 */
struct vnp_udp_sock {
	typeof_member(struct sock, sk_destruct) sk_destruct;
	typeof_member(struct udp_sock, encap_rcv) encap_rcv;
	struct sock *sk;
	struct vnp_link *link;
	void (*done)(struct vnp_link *link, struct sock *sk);
};

/**
 * vnp_udp_sock_make() - add a socket to the table, until it is freed
 * @sk:		the socket; no change if it is already in the table
 *
 * Context: process, the socket's lock.
 * Return: 0, -ENOMEM, -EBUSY (its pointers are used by another subsystem).
 */
int vnp_udp_sock_make(struct sock *sk);

/* vnp_udp_sock_of() - the saved state of a socket that was linked.  Context: any */
struct vnp_udp_sock *vnp_udp_sock_of(const struct sock *sk);

/*
 * vnp_udp_socks_destroy() - restore the pointers of all sockets.  There are no links.
 * Context: process, at module exit.
 */
void vnp_udp_socks_destroy(void);

#endif /* _VNP_UDP_SOCK_H */
