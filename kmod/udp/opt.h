/* SPDX-License-Identifier: GPL-2.0 */
/* UDP sockets: what the application sets and asks for, while there is a link. */
#ifndef _VNP_UDP_OPT_H
#define _VNP_UDP_OPT_H

#include <linux/types.h>

struct sock;
struct socket;

/**
 * vnp_udp_opt_init() - learn what sockets are like
 * @example:	a UDP socket, IPv6 where there is IPv6
 *
 * Context: process, at module init.
 */
void vnp_udp_opt_init(const struct socket *example);

/* vnp_udp_opt_suits() - is the socket's struct proto the kernel's?  Context: the socket's lock */
bool vnp_udp_opt_suits(const struct sock *sk);

/*
 * vnp_udp_opt_start() - hide from the application what a link has set
 * vnp_udp_opt_stop() - give the socket its struct proto back
 * Context: the socket's lock.
 */
void vnp_udp_opt_start(struct sock *sk);
void vnp_udp_opt_stop(struct sock *sk);

#endif /* _VNP_UDP_OPT_H */
