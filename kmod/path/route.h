/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Routes of a link's replies, cached per CPU.
 *
 * A socket that receives many datagrams from one sender replies to the same address
 * repeatedly: each CPU caches the latest route and its key.  The kernel knows when it is
 * no longer valid (dst_cache).
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
 * struct vnp_route_key - the key of a route lookup
 * @saddr:	source address; 0: chosen by the route
 * @daddr:	destination address
 * @ports:	of the datagram: policies and rules may match them
 * @oif:	output interface; 0: any
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
 * @cache:	a route for each CPU, with its source address
 * @key:	its key
 */
struct vnp_routes {
	struct dst_cache cache;
	struct vnp_route_key __percpu *key;
};

/* vnp_routes_init(), vnp_routes_destroy() - Context: process */
int vnp_routes_init(struct vnp_routes *routes);
void vnp_routes_destroy(struct vnp_routes *routes);

/**
 * vnp_route_back() - the route to the sender of a datagram
 * @routes:	the link's
 * @sk:		its socket
 * @skb:	the datagram, at its UDP header
 * @fl:		out: source and destination address of the reply
 *
 * Return: the route, with a reference, or ERR_PTR(): -EHOSTUNREACH and others from the
 * lookup, -EACCES (broadcast, without SO_BROADCAST).
 */
struct dst_entry *vnp_route_back(struct vnp_routes *routes, struct sock *sk,
				 const struct sk_buff *skb, struct flowi *fl);

#endif /* _VNP_PATH_ROUTE_H */
