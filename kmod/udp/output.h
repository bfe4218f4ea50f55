/* SPDX-License-Identifier: GPL-2.0 */
/*
 * UDP sockets: datagrams that are sent without the application, as sendto() on the socket
 * would send them.  Replies (udp/reply.c) and copies for peers (udp/send.c) have the same
 * headers; the functions are inlined into both, where some arguments are constants.
 *
 * Context of all that is here: softirq, under RCU.
 */
#ifndef _VNP_UDP_OUTPUT_H
#define _VNP_UDP_OUTPUT_H

#include <linux/bpf-cgroup.h>
#include <linux/skbuff.h>
#include <net/ip.h>
#include <net/ip6_checksum.h>
#include <net/ip6_route.h>
#include <net/ipv6.h>
#include <net/udp.h>

#include "kmod/core/compat.h"

/**
 * struct vnp_udp_out - a packet to be sent
 * @sk:		the socket
 * @skb:	the packet; NULL after it was passed to the stack
 * @dst:	its route; the packet has it, too
 * @fl6:	its flow, for IPv6
 * @size:	UDP header and payload of its longest datagram
 * @mtu:	of the path, as dst_mtu(); 0: not known yet
 * @hops:	maximum of its TTL
 */
struct vnp_udp_out {
	struct sock *sk;
	struct sk_buff *skb;
	struct dst_entry *dst;
	struct flowi6 *fl6;
	u32 size;
	u32 mtu;
	u8 hops;
};

/* vnp_udp_out_mtu() - dst_mtu() of the route, once */
static inline u32 vnp_udp_out_mtu(struct vnp_udp_out *out)
{
	if (!out->mtu)
		out->mtu = dst_mtu(out->dst);
	return out->mtu;
}

/*
 * vnp_udp_has_cgroup() - are there BPF programs of the cgroup on sendmsg()?  They require the
 * socket's lock, so they cannot be called here
 */
static inline bool vnp_udp_has_cgroup(struct sock *sk, bool ip6)
{
#ifdef CONFIG_CGROUP_BPF
	if (ip6)
		return cgroup_bpf_enabled(CGROUP_UDP6_SENDMSG) &&
		       cgroup_bpf_sock_enabled(sk, CGROUP_UDP6_SENDMSG);
	return cgroup_bpf_enabled(CGROUP_UDP4_SENDMSG) &&
	       cgroup_bpf_sock_enabled(sk, CGROUP_UDP4_SENDMSG);
#else
	return false;
#endif
}

/*
 * vnp_udp_has_options() - does the socket have IP options, or for IPv4 SO_DONTROUTE?  They are not
 * supported here.  Context: RCU
 */
static inline bool vnp_udp_has_options(const struct sock *sk, bool ip6)
{
	const struct ip_options_rcu *opt;

	if (ip6)
		return rcu_access_pointer(inet6_sk(sk)->opt);
	/* Removing options leaves a struct with length 0. */
	opt = rcu_dereference(inet_sk(sk)->inet_opt);
	return (opt && opt->opt.optlen) || sock_flag(sk, SOCK_LOCALROUTE);
}

/*
 * As skb_set_owner_w(), but fails if the socket was closed, and only RCU keeps its memory from
 * being freed.
 */
static inline int vnp_udp_out_own(struct sk_buff *skb, struct sock *sk)
{
	if (unlikely(!refcount_add_not_zero(skb->truesize, &sk->sk_wmem_alloc)))
		return -EPERM;
	skb->sk = sk;
	skb->destructor = sock_wfree;
	skb_set_hash_from_sk(skb, sk);
	return 0;
}

/* IP fragments of a packet at most: they are made at once, with softirqs off */
#define VNP_UDP_OUT_FRAGMENTS	64

/* Would a packet that is longer than @mtu be sent in too many fragments? */
static __always_inline bool vnp_udp_out_is_long(const struct vnp_udp_out *out, u32 ip_len, u32 mtu)
{
	const u32 head = ip_len == sizeof(struct iphdr) ? ip_len :
							  ip_len + sizeof(struct frag_hdr);
	const u32 room = (max_t(u32, mtu, IPV4_MIN_MTU) - head) & ~7U;

	/* Of all datagrams of the packet together; gso_segs may be 0. */
	return out->skb->len > VNP_UDP_OUT_FRAGMENTS * room;
}

/*
 * Complete the UDP header, and reserve space for the IP header.  Return: 0; -EMSGSIZE: it
 * is longer than @mtu, and may not be fragmented, or would be in too many; -EPERM: the socket is
 * closed
 */
static __always_inline int vnp_udp_out_begin(struct vnp_udp_out *out, u32 ip_len, u32 mtu,
					     bool fragments)
{
	struct sk_buff *skb = out->skb;
	struct udphdr *uh = (struct udphdr *)skb->data;

	if (unlikely(out->size + ip_len > mtu) &&
	    (!fragments || vnp_udp_out_is_long(out, ip_len, mtu)))
		return -EMSGSIZE;
	uh->len = htons(skb->len);
	__skb_push(skb, ip_len);
	skb_reset_network_header(skb);
	return vnp_udp_out_own(skb, out->sk);
}

/* Store the sum of the pseudo header; the device, or the kernel in its place, completes it. */
static __always_inline void vnp_udp_out_checksum(struct sk_buff *skb, u32 ip_len,
						 bool wanted, __sum16 pseudo)
{
	struct udphdr *uh = (struct udphdr *)(skb->data + ip_len);

	/* Segments of a packet have checksums, even if sendto() would omit them. */
	if (!wanted && !skb_is_gso(skb)) {
		skb->ip_summed = CHECKSUM_NONE;
		uh->check = 0;
		return;
	}
	skb->ip_summed = CHECKSUM_PARTIAL;
	skb->csum_start = skb->transport_header;
	skb->csum_offset = offsetof(struct udphdr, check);
	uh->check = ~pseudo;
}

/* ip4_dst_hoplimit() would lock RCU again. */
static inline int vnp_udp_out_ttl(const struct inet_sock *inet, const struct dst_entry *dst)
{
	int ttl = READ_ONCE(inet->uc_ttl);

	if (ttl < 0)
		ttl = dst_metric_raw(dst, RTAX_HOPLIMIT);
	return ttl ?: READ_ONCE(sock_net(&inet->sk)->ipv4.sysctl_ip_default_ttl);
}

/**
 * vnp_udp_out_ip4() - write the headers, and pass the packet to the stack
 * @out:	the packet, at its UDP header, whose ports are set
 * @saddr:	its source address
 * @daddr:	its destination address
 * @ttl:	its TTL; less than 0: the socket's
 * @tos:	its TOS
 *
 * Return: as ip_local_out(), or an errno of vnp_udp_out_begin().
 */
static __always_inline int vnp_udp_out_ip4(struct vnp_udp_out *out, __be32 saddr, __be32 daddr,
					   int ttl, u8 tos)
{
	const struct dst_entry *dst = out->dst;
	struct sk_buff *skb = out->skb;
	struct sock *sk = out->sk;
	const struct inet_sock *inet = inet_sk(sk);
	const u8 pmtudisc = READ_ONCE(inet->pmtudisc);
	/* ip_sk_use_pmtu(), ip_sk_ignore_df() and ip_dont_fragment(), but pmtudisc is read once */
	const u32 mtu = pmtudisc < IP_PMTUDISC_PROBE ? vnp_udp_out_mtu(out) :
						       READ_ONCE(dst->dev->mtu);
	const bool ignore_df = pmtudisc < IP_PMTUDISC_DO || pmtudisc == IP_PMTUDISC_OMIT;
	const u32 len = skb->len;
	struct iphdr *iph;
	int ret;

	if (ttl < 0)
		ttl = vnp_udp_out_ttl(inet, dst);
	ret = vnp_udp_out_begin(out, sizeof(*iph), mtu, ignore_df);
	if (ret)
		return ret;
	skb->protocol = htons(ETH_P_IP);
	vnp_udp_out_checksum(skb, sizeof(*iph), !sk->sk_no_check_tx,
			     udp_v4_check(len, saddr, daddr, 0));

	iph = (struct iphdr *)skb->data;
	*(__be16 *)iph = htons(4 << 12 | 5 << 8 | tos);
	iph->frag_off = 0;
	if (pmtudisc == IP_PMTUDISC_DO || pmtudisc == IP_PMTUDISC_PROBE ||
	    (pmtudisc == IP_PMTUDISC_WANT && out->size + sizeof(*iph) <= mtu &&
	     !ip_mtu_locked(dst)))
		iph->frag_off = htons(IP_DF);
	iph->ttl = min_t(int, ttl, out->hops);
	iph->protocol = IPPROTO_UDP;
	iph->saddr = saddr;
	iph->daddr = daddr;
	/*
	 * The ident is 0 if the packet is never fragmented (RFC 6864): so set it before ignore_df.
	 */
	ip_select_ident_segs(sock_net(sk), skb, sk, skb_shinfo(skb)->gso_segs ?: 1);
	skb->ignore_df = ignore_df;
	out->skb = NULL;
	return ip_local_out(sock_net(sk), sk, skb);
}

#if IS_ENABLED(CONFIG_IPV6)
/* vnp_udp_out_ip6() - likewise */
static __always_inline int vnp_udp_out_ip6(struct vnp_udp_out *out, int hops, u8 tclass)
{
	struct flowi6 *fl6 = out->fl6;
	struct dst_entry *dst = out->dst;
	struct sk_buff *skb = out->skb;
	struct sock *sk = out->sk;
	struct ipv6_pinfo *np = inet6_sk(sk);
	struct net *net = sock_net(sk);
	const bool pmtu = np->pmtudisc < IPV6_PMTUDISC_PROBE;
	const u32 mtu = pmtu ? vnp_udp_out_mtu(out) : READ_ONCE(dst->dev->mtu);
	const u32 len = skb->len;
	struct ipv6hdr *iph;
	int ret;

	if (hops < 0)
		hops = ip6_sk_dst_hoplimit(np, fl6, dst);
	ret = vnp_udp_out_begin(out, sizeof(*iph), mtu,
				ip6_sk_ignore_df(sk) && !vnp_inet6_dontfrag(sk));
	if (ret)
		return ret;
	skb->protocol = htons(ETH_P_IPV6);
	vnp_udp_out_checksum(skb, sizeof(*iph), !udp_get_no_check6_tx(sk),
			     udp_v6_check(len, &fl6->saddr, &fl6->daddr, 0));

	iph = (struct ipv6hdr *)skb->data;
	ip6_flow_hdr(iph, tclass,
		     ip6_make_flowlabel(net, skb, 0, ip6_default_np_autolabel(net), fl6));
	iph->nexthdr = IPPROTO_UDP;
	iph->hop_limit = min_t(int, hops, out->hops);
	iph->saddr = fl6->saddr;
	iph->daddr = fl6->daddr;
	skb->ignore_df = ip6_sk_ignore_df(sk);
	out->skb = NULL;
	return ip6_local_out(net, sk, skb);
}
#endif

/*
 * vnp_udp_out_hops() - maximum TTL of what is sent because of a packet
 *
 * It is one less than the packet's, so that two programs do not send to each other forever.
 * Multicast uses its TTL for other purposes; it is detected by address, not by skb->pkt_type,
 * as the packet may have been sent by this host, and unicast may arrive in multicast frames.
 */
static inline u8 vnp_udp_out_hops_ip4(const struct sk_buff *skb)
{
	const struct iphdr *iph = ip_hdr(skb);

	if (ipv4_is_multicast(iph->daddr))
		return U8_MAX;
	return iph->ttl ? iph->ttl - 1 : 0;
}

static inline u8 vnp_udp_out_hops_ip6(const struct sk_buff *skb)
{
	const struct ipv6hdr *iph = ipv6_hdr(skb);

	if (ipv6_addr_is_multicast(&iph->daddr))
		return U8_MAX;
	return iph->hop_limit ? iph->hop_limit - 1 : 0;
}

static inline u8 vnp_udp_out_hops(const struct sk_buff *skb)
{
	if (skb->protocol == htons(ETH_P_IPV6))
		return vnp_udp_out_hops_ip6(skb);
	return vnp_udp_out_hops_ip4(skb);
}

/* vnp_udp_out_error() - why a packet was not sent: an errno of the functions above */
static inline enum vnp_error vnp_udp_out_error(int ret)
{
	switch (ret) {
	case -ENOMEM:
		return VNP_ERROR_MEMORY;
	case -EMSGSIZE:
		return VNP_ERROR_LENGTH;
	case -EPERM:
	case -EACCES:
		return VNP_ERROR_DENIED;
	case -ENOBUFS:
	case -EAGAIN:
		return VNP_ERROR_SNDBUF;
	case -ETIME:
		return VNP_ERROR_HOPS;
	}
	return VNP_ERROR_ROUTE;
}

#endif /* _VNP_UDP_OUTPUT_H */
