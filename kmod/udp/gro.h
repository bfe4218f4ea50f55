/* SPDX-License-Identifier: GPL-2.0 */
/*
 * UDP sockets: having their datagrams merged, and passing them on to the socket
 * as the application wants them, merged or not.
 */
#ifndef _VNP_UDP_GRO_H
#define _VNP_UDP_GRO_H

#include <linux/types.h>

struct sk_buff;
struct sock;
struct vnp_link;

/* vnp_udp_gro_complete() - as in struct udp_sock.  Context: softirq, under RCU */
int vnp_udp_gro_complete(struct sock *sk, struct sk_buff *skb, int off);

/* vnp_udp_gro_start() - let datagrams be merged once that pays.  Context: the socket's lock */
void vnp_udp_gro_start(struct vnp_link *link, struct sock *sk);

/**
 * vnp_udp_gro_merge() - have a socket's datagrams merged from now on
 * @link:	the link
 *
 * Only the first call does anything, and none once the application has set UDP_GRO, or
 * the link goes.
 *
 * Context: any but hard interrupts.
 */
void vnp_udp_gro_merge(struct vnp_link *link);

/**
 * vnp_udp_gro_stop() - give the socket the setting that the application gave it
 * @link:	the link
 * @sk:		its socket
 *
 * What is merged already, or being merged, may come until a grace period is over;
 * meanwhile the hook has to be there.
 *
 * Context: the socket's lock.
 */
void vnp_udp_gro_stop(struct vnp_link *link, struct sock *sk);

/* vnp_udp_gro_held() - is it a super-packet that GRO has made for the hook? */
bool vnp_udp_gro_held(const struct sk_buff *skb);

/* vnp_udp_gro_wanted() - did the application ask for super-packets?  Context: any */
bool vnp_udp_gro_wanted(const struct vnp_link *link, const struct sock *sk);

#endif /* _VNP_UDP_GRO_H */
