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

int vnp_routes_init(struct vnp_routes *routes)
{
	int ret = dst_cache_init(&routes->cache, VNP_GFP_USER);

	if (ret)
		return ret;
	routes->key = alloc_percpu_gfp(struct vnp_route_key, VNP_GFP_USER);
	if (routes->key)
		return 0;
	dst_cache_destroy(&routes->cache);
	return -ENOMEM;
}

void vnp_routes_destroy(struct vnp_routes *routes)
{
	free_percpu(routes->key);
	dst_cache_destroy(&routes->cache);
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

static bool vnp_route_key_matches(const struct vnp_route_key *a,
				  const struct vnp_route_key *b)
{
	return ipv6_addr_equal(&a->daddr, &b->daddr) && ipv6_addr_equal(&a->saddr, &b->saddr) &&
	       a->ports == b->ports && a->oif == b->oif && a->mark == b->mark && a->tos == b->tos &&
	       a->family == b->family;
}

static void vnp_route_key_ip4(struct vnp_route_key *key, const struct sock *sk,
			      const struct sk_buff *skb)
{
	const struct inet_sock *inet = inet_sk(sk);
	__be32 saddr = inet->inet_saddr;

	if (!saddr && vnp_came_by_unicast(skb))
		saddr = ip_hdr(skb)->daddr;
	*key = (struct vnp_route_key) {
		.saddr.s6_addr32[0] = saddr,
		.daddr.s6_addr32[0] = ip_hdr(skb)->saddr,
		.ports = *(const u32 *)udp_hdr(skb),
		.oif = READ_ONCE(sk->sk_bound_dev_if) ?: READ_ONCE(inet->uc_index),
		.mark = READ_ONCE(sk->sk_mark),
		.tos = READ_ONCE(inet->tos),
		.family = AF_INET,
	};
}

static struct dst_entry *vnp_route_find_ip4(const struct vnp_route_key *key,
					    struct sock *sk, const struct sk_buff *skb,
					    struct flowi4 *fl4)
{
	const struct udphdr *uh = udp_hdr(skb);
	const __be32 daddr = key->daddr.s6_addr32[0];
	struct rtable *rt;

	if (ipv4_is_zeronet(daddr) || ipv4_is_multicast(daddr) || ipv4_is_lbcast(daddr))
		return ERR_PTR(-EHOSTUNREACH);
	flowi4_init_output(fl4, key->oif, key->mark, key->tos & ~INET_ECN_MASK,
			   RT_SCOPE_UNIVERSE, IPPROTO_UDP, inet_sk_flowi_flags(sk), daddr,
			   key->saddr.s6_addr32[0], uh->source, uh->dest,
			   sock_net_uid(sock_net(sk), sk));
	security_sk_classify_flow(sk, flowi4_to_flowi_common(fl4));
	rt = ip_route_output_flow(sock_net(sk), fl4, sk);
	if (IS_ERR(rt))
		return ERR_CAST(rt);
	return &rt->dst;
}

/* The application may have cleared SO_BROADCAST since a route was cached. */
static struct dst_entry *vnp_route_permit(struct sock *sk, struct dst_entry *dst)
{
	struct rtable *rt = (struct rtable *)dst;

	if (likely(!(rt->rt_flags & RTCF_BROADCAST) || sock_flag(sk, SOCK_BROADCAST)))
		return dst;
	ip_rt_put(rt);
	return ERR_PTR(-EACCES);
}

static struct dst_entry *vnp_route_back_ip4(struct vnp_routes *routes, struct sock *sk,
					    const struct sk_buff *skb, struct flowi4 *fl4)
{
	struct vnp_route_key *cached = this_cpu_ptr(routes->key), key;
	struct dst_entry *dst;
	struct rtable *rt;

	vnp_route_key_ip4(&key, sk, skb);
	if (likely(vnp_route_key_matches(&key, cached))) {
		rt = dst_cache_get_ip4(&routes->cache, &fl4->saddr);
		if (likely(rt)) {
			fl4->daddr = key.daddr.s6_addr32[0];
			return vnp_route_permit(sk, &rt->dst);
		}
	}
	dst = vnp_route_find_ip4(&key, sk, skb, fl4);
	if (!IS_ERR(dst)) {
		*cached = key;
		dst_cache_set_ip4(&routes->cache, dst, fl4->saddr);
		dst = vnp_route_permit(sk, dst);
	}
	return dst;
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
	};
	if (ipv6_addr_any(&key->saddr) && vnp_came_by_unicast(skb))
		key->saddr = iph->daddr;
	if (!key->oif && __ipv6_addr_needs_scope_id(ipv6_addr_type(&key->daddr)))
		key->oif = inet6_iif(skb);
	if (!key->oif)
		key->oif = READ_ONCE(np->ucast_oif);
}

/* All of it: flow labels also depend on a flow's addresses and ports. */
static void vnp_route_flow_ip6(const struct vnp_route_key *key, struct sock *sk,
			       const struct sk_buff *skb, struct flowi6 *fl6)
{
	const struct udphdr *uh = udp_hdr(skb);

	*fl6 = (struct flowi6) {
		.flowi6_oif = key->oif,
		.flowi6_mark = key->mark,
		.flowi6_proto = IPPROTO_UDP,
		.flowi6_uid = sock_net_uid(sock_net(sk), sk),
		.saddr = key->saddr,
		.daddr = key->daddr,
		.flowlabel = ip6_make_flowinfo(key->tos, 0),
		.fl6_dport = uh->source,
		.fl6_sport = uh->dest,
	};
}

static struct dst_entry *vnp_route_find_ip6(const struct vnp_route_key *key,
					    struct sock *sk, const struct sk_buff *skb,
					    struct flowi6 *fl6)
{
	if (ipv6_addr_any(&key->daddr) || ipv6_addr_is_multicast(&key->daddr))
		return ERR_PTR(-EHOSTUNREACH);
	vnp_route_flow_ip6(key, sk, skb, fl6);
	security_sk_classify_flow(sk, flowi6_to_flowi_common(fl6));
	return ip6_dst_lookup_flow(sock_net(sk), sk, fl6, NULL);
}

static struct dst_entry *vnp_route_back_ip6(struct vnp_routes *routes, struct sock *sk,
					    const struct sk_buff *skb, struct flowi6 *fl6)
{
	struct vnp_route_key *cached = this_cpu_ptr(routes->key), key;
	struct dst_entry *dst;
	struct in6_addr saddr;

	vnp_route_key_ip6(&key, sk, skb);
	if (likely(vnp_route_key_matches(&key, cached))) {
		dst = dst_cache_get_ip6(&routes->cache, &saddr);
		if (likely(dst)) {
			vnp_route_flow_ip6(&key, sk, skb, fl6);
			fl6->saddr = saddr;
			return dst;
		}
	}
	dst = vnp_route_find_ip6(&key, sk, skb, fl6);
	if (!IS_ERR(dst)) {
		*cached = key;
		dst_cache_set_ip6(&routes->cache, dst, &fl6->saddr);
	}
	return dst;
}
#endif

struct dst_entry *vnp_route_back(struct vnp_routes *routes, struct sock *sk,
				 const struct sk_buff *skb, struct flowi *fl)
{
#if IS_ENABLED(CONFIG_IPV6)
	if (skb->protocol == htons(ETH_P_IPV6))
		return vnp_route_back_ip6(routes, sk, skb, &fl->u.ip6);
#endif
	return vnp_route_back_ip4(routes, sk, skb, &fl->u.ip4);
}
