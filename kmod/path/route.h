/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Routes of replies and of datagrams to peers, cached per CPU.
 *
 * A socket that receives many datagrams from one sender replies to the same address
 * repeatedly: each CPU caches the latest route of a link, and its key.  dst_check() tells
 * whether it is still valid.  For peers, each has a cached route on each CPU.
 *
 * Context: softirq, under RCU, unless stated otherwise.
 */
#ifndef _VNP_PATH_ROUTE_H
#define _VNP_PATH_ROUTE_H

#include <linux/percpu.h>
#include <linux/udp.h>
#include <net/inet_sock.h>
#include <net/ip.h>
#include <net/route.h>
#include <net/xfrm.h>

#include "kmod/path/dgram.h"

/**
 * struct vnp_route_key - the key of a route lookup
 * @saddr:	source address; 0: chosen by the route
 * @daddr:	destination address
 * @ports:	of the datagram: policies and rules may match them
 * @oif:	output interface; 0: any
 * @mark:	as sk_mark
 * @tos:	as the socket's
 * @family:	AF_INET or AF_INET6
 * @policy:	index of the socket's own IPsec policy, or 0
 */
struct vnp_route_key {
	struct in6_addr saddr;
	struct in6_addr daddr;
	u32 ports;
	int oif;
	u32 mark;
	u32 tos;
	u32 family;
	u32 policy;
};

/**
 * struct vnp_route - a cached route
 * @dst:	the route, or NULL
 * @cookie:	for dst_check()
 * @nested:	packets by this route may be sent again within the same call, as a tunnel does: by
 *		another route, which is not known here, possibly in many fragments
 * @saddr:	source address of what is sent
 * @key:	its key
 */
struct vnp_route {
	struct dst_entry *dst;
	u32 cookie;
	bool nested;
	struct in6_addr saddr;
	struct vnp_route_key key;
};

/**
 * struct vnp_routes - the routes of a link
 * @latest:	the latest route on each CPU
 */
struct vnp_routes {
	struct vnp_route __percpu *latest;
};

/* vnp_routes_init(), vnp_routes_destroy() - Context: process */
int vnp_routes_init(struct vnp_routes *routes);
void vnp_routes_destroy(struct vnp_routes *routes);

static inline bool vnp_route_is_valid(const struct vnp_route *route)
{
	return route->dst && dst_check(route->dst, route->cookie);
}

/* The application may have cleared SO_BROADCAST since a route of IPv4 was cached. */
static inline bool vnp_route_is_permitted(const struct vnp_route *route,
					  const struct sock *sk)
{
	return !(((struct rtable *)route->dst)->rt_flags & RTCF_BROADCAST) ||
	       sock_flag(sk, SOCK_BROADCAST);
}

/* vnp_route_forget() - put a route that is not in use.  Context: any but hard interrupts */
void vnp_route_forget(struct vnp_route *route);

/* The destination address of a datagram if it is unicast: the source address of replies; or 0 */
__be32 vnp_route_saddr_ip4(const struct sk_buff *skb);

/*
 * The key includes the index of the socket's own IPsec policy, as dst_check() does not detect that
 * one was set.  Not the address of the policy, which another one can have later.
 */
static __always_inline u32 vnp_route_policy(const struct sock *sk)
{
#ifdef CONFIG_XFRM
	const struct xfrm_policy *policy = rcu_dereference(sk->sk_policy[XFRM_POLICY_OUT]);

	return unlikely(policy) ? policy->index : 0;
#else
	return 0;
#endif
}

static __always_inline void vnp_route_key_ip4(struct vnp_route_key *key,
					      const struct sock *sk,
					      const struct sk_buff *skb)
{
	const struct inet_sock *inet = inet_sk(sk);

	key->saddr.s6_addr32[0] = inet->inet_saddr ?: vnp_route_saddr_ip4(skb);
	key->daddr.s6_addr32[0] = ip_hdr(skb)->saddr;
	key->ports = *(const u32 *)udp_hdr(skb);
	key->oif = READ_ONCE(sk->sk_bound_dev_if) ?: READ_ONCE(inet->uc_index);
	key->mark = READ_ONCE(sk->sk_mark);
	key->tos = READ_ONCE(inet->tos);
	key->family = AF_INET;
	key->policy = vnp_route_policy(sk);
}

/*
 * Not in the order of the members: compilers would combine the comparisons of adjacent members into
 * one load, for which a key that is in registers would have to be stored.
 */
static __always_inline bool vnp_route_matches_ip4(const struct vnp_route_key *a,
						  const struct vnp_route_key *b)
{
	return a->daddr.s6_addr32[0] == b->daddr.s6_addr32[0] &&
	       a->saddr.s6_addr32[0] == b->saddr.s6_addr32[0] &&
	       a->ports == b->ports && a->mark == b->mark && a->family == b->family &&
	       a->oif == b->oif && a->tos == b->tos && a->policy == b->policy;
}

/* vnp_route_find_ip4() - look up a route that is not cached.  Return: 0 or an errno */
int vnp_route_find_ip4(struct vnp_route *route, struct sock *sk,
		       const struct sk_buff *skb);

/**
 * vnp_route_back_ip4() - the route to the sender of a datagram
 * @routes:	the link's
 * @sk:		its socket
 * @skb:	the datagram, at its UDP header
 * @routep:	out: the route.  It is valid until the next call on this CPU; its @dst, of
 *		which the caller gets no reference, until RCU is unlocked.
 *
 * Return: 0, -EHOSTUNREACH and others from the lookup, or -EACCES (broadcast, without
 * SO_BROADCAST).
 */
static __always_inline int vnp_route_back_ip4(struct vnp_routes *routes, struct sock *sk,
					      const struct sk_buff *skb,
					      const struct vnp_route **routep)
{
	struct vnp_route *route = this_cpu_ptr(routes->latest);
	struct vnp_route_key key __vnp_uninitialized;
	int ret;

	*routep = route;
	vnp_route_key_ip4(&key, sk, skb);
	if (unlikely(!vnp_route_matches_ip4(&key, &route->key) ||
		     !vnp_route_is_valid(route))) {
		ret = vnp_route_find_ip4(route, sk, skb);
		if (ret)
			return ret;
	}
	return likely(vnp_route_is_permitted(route, sk)) ? 0 : -EACCES;
}

#if IS_ENABLED(CONFIG_IPV6)
/**
 * vnp_route_back_ip6() - likewise
 * @fl6:	out: the flow of the reply
 */
int vnp_route_back_ip6(struct vnp_routes *routes, struct sock *sk,
		       const struct sk_buff *skb, const struct vnp_route **routep,
		       struct flowi6 *fl6);
#endif

/**
 * vnp_route_to() - the route to an address
 * @route:	this CPU's
 * @key:	the address, and all else that the route depends on
 * @sk:		the socket
 * @fl6:	out: the flow, for IPv6
 *
 * @route->dst is valid until RCU is unlocked, or another route is looked up in @route.
 *
 * Return: as vnp_route_back_ip4().
 */
int vnp_route_to(struct vnp_route *route, const struct vnp_route_key *key, struct sock *sk,
		 struct flowi6 *fl6);

#endif /* _VNP_PATH_ROUTE_H */
