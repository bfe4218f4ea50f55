/* SPDX-License-Identifier: GPL-2.0 */
/* UDP sockets: the hook, and how it gets there and away again. */
#ifndef _VNP_UDP_UDP_H
#define _VNP_UDP_UDP_H

#include <linux/types.h>

struct sock;
struct vnp_hook_ops;
struct vnp_link;

/* An encap_type that means nothing to others: a link's hook is there */
#define VNP_UDP_ENCAP	0xf7

/* Context: process, at module init and exit */
int vnp_udp_subsys_create(void);
void vnp_udp_subsys_destroy(void);

/* UDP sockets as a hook */
extern const struct vnp_hook_ops vnp_udp_hook;

/**
 * vnp_udp_destruct() - a socket ends that has a link
 * @link:	the link; the socket's reference to it goes
 * @sk:		the socket, which nobody can find any more
 *
 * Context: any but hard interrupts.
 */
void vnp_udp_destruct(struct vnp_link *link, struct sock *sk);

#endif /* _VNP_UDP_UDP_H */
