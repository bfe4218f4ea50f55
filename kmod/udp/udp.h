/* SPDX-License-Identifier: GPL-2.0 */
/* UDP sockets: the hook, and how it gets there and away again. */
#ifndef _VNP_UDP_UDP_H
#define _VNP_UDP_UDP_H

#include <linux/types.h>

struct sock;
struct vnp_link;
struct vnp_prog;

/* An encap_type that means nothing to others: a link's hook is there */
#define VNP_UDP_ENCAP	0xf7

/* Context: process, at module init and exit */
int vnp_udp_subsys_create(void);
void vnp_udp_subsys_destroy(void);

/**
 * vnp_udp_attach() - let a link's program run on a socket
 * @link:	fresh; gets a reference for the socket
 * @prog:	the program; gets a reference for the link
 * @sk:		the socket, which stays open during the call
 *
 * Context: process; takes the socket's lock.
 * Return: 0, -EOPNOTSUPP (not a UDP socket), -EBUSY (somebody has it), -EPERM
 * (SO_LOCK_FILTER: nobody may filter it in another way), -ENOMEM.
 */
int vnp_udp_attach(struct vnp_link *link, struct vnp_prog *prog,
		   struct sock *sk);

/**
 * vnp_udp_detach() - make the socket what it was
 * @link:	the link; the socket's reference to it goes
 * @sk:		the socket
 *
 * Context: process; takes the socket's lock, and waits until no program is running.
 * Return: false: somebody else has done it.
 */
bool vnp_udp_detach(struct vnp_link *link, struct sock *sk);

/**
 * vnp_udp_destruct() - a socket ends that has a link
 * @link:	the link; the socket's reference to it goes
 * @sk:		the socket, which nobody can find any more
 *
 * Context: any but hard interrupts.
 */
void vnp_udp_destruct(struct vnp_link *link, struct sock *sk);

#endif /* _VNP_UDP_UDP_H */
