/* SPDX-License-Identifier: GPL-2.0 */
/* UDP sockets: socket options while there is a link. */
#ifndef _VNP_UDP_OPT_H
#define _VNP_UDP_OPT_H

#include <linux/types.h>

struct sock;
struct socket;

/**
 * vnp_udp_opt_init() - copy the kernel's struct proto
 * @example:	a UDP socket, IPv6 where there is IPv6
 *
 * Context: process, at module init.
 */
void vnp_udp_opt_init(const struct socket *example);

/* vnp_udp_opt_suits() - is the socket's struct proto the kernel's?  Context: the socket's lock */
bool vnp_udp_opt_suits(const struct sock *sk);

/*
 * vnp_udp_opt_start() - hide the link's settings from the application
 * vnp_udp_opt_stop() - restore the socket's struct proto
 * Context: the socket's lock.
 */
void vnp_udp_opt_start(struct sock *sk);
void vnp_udp_opt_stop(struct sock *sk);

/*
 * vnp_udp_opt_drain() - wait until no task that closes a socket is in our destroy().  No new calls
 * begin: there are no links, and synchronize_rcu_tasks() was called since.  Context: process, at
 * module exit
 */
void vnp_udp_opt_drain(void);

#endif /* _VNP_UDP_OPT_H */
