// SPDX-License-Identifier: GPL-2.0
#include "kmod/path/route.h"

#include <linux/security.h>
#include <linux/skbuff.h>
#include <net/inet_ecn.h>
#include <net/inet_sock.h>
#include <net/ip.h>
#include <net/ip6_route.h>
#include <net/ipv6.h>
#include <net/route.h>
#include <net/sock.h>
#include <net/udp.h>

#include "kmod/core/memory.h"

/*
 * A device without a queue transmits within the call; only the loopback device queues to the
 * backlog.  In a network namespace of its own, an unprivileged user can also add rules, and tunnels
 * with a queue: so there all routes are taken to be nested.
 */
static bool vnp_route_is_nested(const struct dst_entry *dst)
{
	const struct net_device *dev = dst->dev;

	return (dev->priv_flags & IFF_NO_QUEUE && !(dev->flags & IFF_LOOPBACK)) ||
	       dev_net(dev)->user_ns != &init_user_ns || dst->lwtstate || dst_xfrm(dst);
}

/*
 * Packets that refer to the old route without a reference (skb_dst_set_noref()) do so under RCU;
 * the last dst_release() frees it after a grace period.
 */
static void vnp_route_set(struct vnp_route *route, struct dst_entry *dst, u32 cookie)
{
	dst_release(route->dst);
	route->dst = dst;
	route->cookie = cookie;
	route->nested = dst && vnp_route_is_nested(dst);
}

void vnp_route_forget(struct vnp_route *route)
{
	vnp_route_set(route, NULL, 0);
}

int vnp_routes_init(struct vnp_routes *routes)
{
	routes->latest = alloc_percpu_gfp(struct vnp_route, VNP_GFP_USER);
	return routes->latest ? 0 : -ENOMEM;
}

void vnp_routes_destroy(struct vnp_routes *routes)
{
	int cpu;

	for_each_possible_cpu(cpu)
		vnp_route_forget(per_cpu_ptr(routes->latest, cpu));
	free_percpu(routes->latest);
}

/* Was the datagram sent to this host only? */
static bool vnp_came_by_unicast(const struct sk_buff *skb)
{
	const struct rtable *rt;

	if (skb->pkt_type != PACKET_HOST && skb->pkt_type != PACKET_LOOPBACK)
		return false;
	if (skb->protocol == htons(ETH_P_IPV6))
		return !ipv6_addr_is_multicast(&ipv6_hdr(skb)->daddr);
	rt = skb_rtable(skb);
	return !ipv4_is_multicast(ip_hdr(skb)->daddr) &&
	       !ipv4_is_lbcast(ip_hdr(skb)->daddr) &&
	       !(rt && rt->rt_flags & (RTCF_BROADCAST | RTCF_MULTICAST));
}

__be32 vnp_route_saddr_ip4(const struct sk_buff *skb)
{
	return vnp_came_by_unicast(skb) ? ip_hdr(skb)->daddr : 0;
}

/*
 * @ports of a key are in the order of the UDP header of the datagram that is replied to: first
 * its source port, which is the destination port of the reply.
 */
static __be16 vnp_route_dport(const struct vnp_route_key *key)
{
	return ((const __be16 *)&key->ports)[0];
}

static __be16 vnp_route_sport(const struct vnp_route_key *key)
{
	return ((const __be16 *)&key->ports)[1];
}

/* Look up the route of @route->key.  Return: 0, or an errno; @route->dst is NULL then */
static int vnp_route_look_up_ip4(struct vnp_route *route, struct sock *sk)
{
	const struct vnp_route_key *key = &route->key;
	const __be32 daddr = key->daddr.s6_addr32[0];
	struct flowi4 fl4;
	struct rtable *rt;

	vnp_route_forget(route);
	if (ipv4_is_zeronet(daddr) || ipv4_is_multicast(daddr) || ipv4_is_lbcast(daddr))
		return -EHOSTUNREACH;
	flowi4_init_output(&fl4, key->oif, key->mark, key->tos & ~INET_ECN_MASK,
			   RT_SCOPE_UNIVERSE, IPPROTO_UDP, inet_sk_flowi_flags(sk), daddr,
			   key->saddr.s6_addr32[0], vnp_route_dport(key),
			   vnp_route_sport(key), sock_net_uid(sock_net(sk), sk));
	security_sk_classify_flow(sk, flowi4_to_flowi_common(&fl4));
	rt = ip_route_output_flow(sock_net(sk), &fl4, sk);
	if (IS_ERR(rt))
		return PTR_ERR(rt);
	route->saddr.s6_addr32[0] = fl4.saddr;
	vnp_route_set(route, &rt->dst, 0);
	return 0;
}

int vnp_route_find_ip4(struct vnp_route *route, struct sock *sk, const struct sk_buff *skb)
{
	vnp_route_key_ip4(&route->key, sk, skb);
	return vnp_route_look_up_ip4(route, sk);
}

static int vnp_route_to_ip4(struct vnp_route *route, const struct vnp_route_key *key,
			    struct sock *sk)
{
	int ret;

	if (unlikely(!vnp_route_matches_ip4(key, &route->key) || !vnp_route_is_valid(route))) {
		route->key = *key;
		ret = vnp_route_look_up_ip4(route, sk);
		if (ret)
			return ret;
	}
	return vnp_route_is_permitted(route, sk) ? 0 : -EACCES;
}

#if IS_ENABLED(CONFIG_IPV6)
static void vnp_route_key_ip6(struct vnp_route_key *key, const struct sock *sk,
			      const struct sk_buff *skb)
{
	const struct ipv6_pinfo *np = inet6_sk(sk);
	const struct ipv6hdr *iph = ipv6_hdr(skb);

	*key = (struct vnp_route_key) {
		.saddr = np->saddr,
		.daddr = iph->saddr,
		.ports = *(const u32 *)udp_hdr(skb),
		.oif = READ_ONCE(sk->sk_bound_dev_if),
		.mark = READ_ONCE(sk->sk_mark),
		.tos = READ_ONCE(np->tclass),
		.family = AF_INET6,
		.policy = vnp_route_policy(sk),
	};
	if (ipv6_addr_any(&key->saddr) && vnp_came_by_unicast(skb))
		key->saddr = iph->daddr;
	if (!key->oif && __ipv6_addr_needs_scope_id(ipv6_addr_type(&key->daddr)))
		key->oif = inet6_iif(skb);
	if (!key->oif)
		key->oif = np->sticky_pktinfo.ipi6_ifindex;
	if (!key->oif)
		key->oif = READ_ONCE(np->ucast_oif);
}

/* Sets all fields, as flow labels also depend on addresses and ports. */
static void vnp_route_flow_ip6(const struct vnp_route_key *key, struct sock *sk,
			       struct flowi6 *fl6)
{
	*fl6 = (struct flowi6) {
		.flowi6_oif = key->oif,
		.flowi6_mark = key->mark,
		.flowi6_proto = IPPROTO_UDP,
		.flowi6_uid = sock_net_uid(sock_net(sk), sk),
		.saddr = key->saddr,
		.daddr = key->daddr,
		.flowlabel = ip6_make_flowinfo(key->tos, 0),
		.fl6_dport = vnp_route_dport(key),
		.fl6_sport = vnp_route_sport(key),
	};
}

static bool vnp_route_matches_ip6(const struct vnp_route_key *a,
				  const struct vnp_route_key *b)
{
	return ipv6_addr_equal(&a->daddr, &b->daddr) && ipv6_addr_equal(&a->saddr, &b->saddr) &&
	       a->ports == b->ports && a->oif == b->oif && a->mark == b->mark && a->tos == b->tos &&
	       a->family == b->family && a->policy == b->policy;
}

static int vnp_route_find_ip6(struct vnp_route *route, const struct vnp_route_key *key,
			      struct sock *sk, struct flowi6 *fl6)
{
	struct dst_entry *dst;

	vnp_route_forget(route);
	if (ipv6_addr_any(&key->daddr) || ipv6_addr_is_multicast(&key->daddr))
		return -EHOSTUNREACH;
	security_sk_classify_flow(sk, flowi6_to_flowi_common(fl6));
	dst = ip6_dst_lookup_flow(sock_net(sk), sk, fl6, NULL);
	if (IS_ERR(dst))
		return PTR_ERR(dst);
	route->key = *key;
	route->saddr = fl6->saddr;
	vnp_route_set(route, dst, rt6_get_cookie((struct rt6_info *)dst));
	return 0;
}

static int vnp_route_to_ip6(struct vnp_route *route, const struct vnp_route_key *key,
			    struct sock *sk, struct flowi6 *fl6)
{
	vnp_route_flow_ip6(key, sk, fl6);
	if (unlikely(!vnp_route_matches_ip6(key, &route->key) || !vnp_route_is_valid(route)))
		return vnp_route_find_ip6(route, key, sk, fl6);
	fl6->saddr = route->saddr;
	return 0;
}

int vnp_route_back_ip6(struct vnp_routes *routes, struct sock *sk,
		       const struct sk_buff *skb, const struct vnp_route **routep,
		       struct flowi6 *fl6)
{
	struct vnp_route *route = this_cpu_ptr(routes->latest);
	struct vnp_route_key key;

	*routep = route;
	vnp_route_key_ip6(&key, sk, skb);
	return vnp_route_to_ip6(route, &key, sk, fl6);
}
#endif

int vnp_route_to(struct vnp_route *route, const struct vnp_route_key *key, struct sock *sk,
		 struct flowi6 *fl6)
{
#if IS_ENABLED(CONFIG_IPV6)
	if (key->family == AF_INET6)
		return vnp_route_to_ip6(route, key, sk, fl6);
#endif
	return vnp_route_to_ip4(route, key, sk);
}
