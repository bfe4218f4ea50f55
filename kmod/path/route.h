/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Routes of what a link's socket sends, cached for each CPU.
 *
 * Whoever receives many datagrams of one sender answers to the same address again and
 * again: each CPU keeps the latest route, and what it was asked for.  The kernel says
 * when it is no longer valid (dst_cache).
 *
 * Context: softirq, under RCU, unless stated otherwise.
 */
#ifndef _VNP_PATH_ROUTE_H
#define _VNP_PATH_ROUTE_H

#include <linux/in6.h>
#include <linux/percpu.h>
#include <linux/types.h>
#include <net/dst_cache.h>
#include <net/flow.h>

struct sk_buff;
struct sock;

/**
 * struct vnp_route_key - what a route was asked for
 * @saddr:	from; 0: the route was to choose
 * @daddr:	to
 * @ports:	of the datagram: policies and rules may ask for them
 * @oif:	by this interface; 0: any
 * @mark:	as sk_mark
 * @tos:	as the socket's
 * @family:	AF_INET or AF_INET6
 */
struct vnp_route_key {
	struct in6_addr saddr;
	struct in6_addr daddr;
	u32 ports;
	int oif;
	u32 mark;
	u16 tos;
	u16 family;
};

/**
 * struct vnp_routes - the routes of a link
 * @cache:	a route for each CPU, with the source address that it has
 * @key:	what that was asked for
 */
struct vnp_routes {
	struct dst_cache cache;
	struct vnp_route_key __percpu *key;
};

/* vnp_routes_init(), vnp_routes_destroy() - Context: process */
int vnp_routes_init(struct vnp_routes *routes);
void vnp_routes_destroy(struct vnp_routes *routes);

/**
 * vnp_route_back() - the route to where a datagram came from
 * @routes:	the link's
 * @sk:		its socket
 * @skb:	the datagram, at its UDP header
 * @fl:		out: the addresses to be sent from and to
 *
 * Return: the route, with a reference, or ERR_PTR(): -EHOSTUNREACH and others from the
 * look-up, -EACCES (broadcast, without SO_BROADCAST).
 */
struct dst_entry *vnp_route_back(struct vnp_routes *routes, struct sock *sk,
				 const struct sk_buff *skb, struct flowi *fl);

#endif /* _VNP_PATH_ROUTE_H */
