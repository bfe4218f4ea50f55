// SPDX-License-Identifier: GPL-2.0
#include "kmod/udp/reply.h"

#include <linux/bpf-cgroup.h>
#include <linux/if_vlan.h>
#include <linux/net.h>
#include <linux/skbuff.h>
#include <net/ip.h>
#include <net/ip6_checksum.h>
#include <net/ip6_route.h>
#include <net/ipv6.h>
#include <net/route.h>
#include <net/udp.h>

#include "kmod/core/compat.h"
#include "kmod/link/link.h"
#include "kmod/path/batch.h"
#include "kmod/path/dgram.h"
#include "kmod/udp/enqueue.h"
#include "kmod/udp/merge.h"

/**
 * struct vnp_udp_answer - a reply
 * @sk:		the socket
 * @skb:	the packet; NULL after it was passed to the stack
 * @dst:	its route; belongs to the packet once that is prepared
 * @fl:		its addresses
 * @size:	UDP header and payload of its longest datagram
 * @hops:	maximum of its TTL
 */
struct vnp_udp_answer {
	struct sock *sk;
	struct sk_buff *skb;
	struct dst_entry *dst;
	struct flowi fl;
	u32 size;
	u8 hops;
};

/*
 * BPF programs of the cgroup on sendmsg() require the socket's lock, so they cannot be
 * called; send() on a connected socket does not call them either.
 */
static bool vnp_udp_cgroup_denies(struct sock *sk, const struct sk_buff *skb)
{
#ifdef CONFIG_CGROUP_BPF
	if (sk->sk_state == TCP_ESTABLISHED)
		return false;
	if (skb->protocol == htons(ETH_P_IPV6))
		return cgroup_bpf_enabled(CGROUP_UDP6_SENDMSG) &&
		       cgroup_bpf_sock_enabled(sk, CGROUP_UDP6_SENDMSG);
	return cgroup_bpf_enabled(CGROUP_UDP4_SENDMSG) &&
	       cgroup_bpf_sock_enabled(sk, CGROUP_UDP4_SENDMSG);
#else
	return false;
#endif
}

/* IP options, and SO_DONTROUTE: not supported for replies. */
static bool vnp_udp_has_options(const struct sock *sk, const struct sk_buff *skb)
{
	if (skb->protocol == htons(ETH_P_IPV6))
		return rcu_access_pointer(inet6_sk(sk)->opt);
	return rcu_access_pointer(inet_sk(sk)->inet_opt) || sock_flag(sk, SOCK_LOCALROUTE);
}

static bool vnp_udp_is_denied(const struct vnp_link *link, struct sock *sk,
			      const struct sk_buff *skb)
{
	return !link->may_send || READ_ONCE(sk->sk_shutdown) & SEND_SHUTDOWN ||
	       vnp_udp_has_options(sk, skb) || vnp_udp_cgroup_denies(sk, skb);
}

/* Remove all metadata of the received packet. */
static void vnp_udp_scrub(struct sock *sk, struct sk_buff *skb)
{
	/* The stack returns the segments of a super-packet as a list. */
	skb_mark_not_on_list(skb);
	skb_orphan(skb);
	skb_scrub_packet(skb, true);
	skb_reset_redirect(skb);
	__vlan_hwaccel_clear_tag(skb);
	skb_clear_hash(skb);
	skb_set_queue_mapping(skb, 0);
	skb_init_secmark(skb);
#ifdef CONFIG_NET_SCHED
	skb->tc_index = 0;
#endif
	memset(skb->cb, 0, sizeof(skb->cb));
	skb->encapsulation = 0;
	skb->priority = READ_ONCE(sk->sk_priority);
	skb->mark = READ_ONCE(sk->sk_mark);
}

/*
 * Write the UDP header, and reserve space for the IP header.  Return: 0; -EMSGSIZE: it is
 * longer than @mtu, and may not be fragmented; -ENOMEM
 */
static int vnp_udp_prepare(struct vnp_udp_answer *answer, u32 ip_len, u32 mtu,
			   bool fragments)
{
	struct sk_buff *skb = answer->skb;
	struct udphdr *uh;

	vnp_udp_scrub(answer->sk, skb);
	/* From here on the route is freed with the packet. */
	skb_dst_set(skb, answer->dst);
	if (answer->size + ip_len > mtu && !fragments)
		return -EMSGSIZE;
	if (skb_cow_head(skb, LL_RESERVED_SPACE(answer->dst->dev) + ip_len) ||
	    (skb_is_gso(skb) && skb_unclone(skb, GFP_ATOMIC)))
		return -ENOMEM;
	if (skb_is_gso(skb))
		skb_shinfo(skb)->gso_type = SKB_GSO_UDP_L4;
	skb_reset_transport_header(skb);
	uh = udp_hdr(skb);
	swap(uh->source, uh->dest);
	uh->len = htons(skb->len);
	uh->check = 0;
	__skb_push(skb, ip_len);
	skb_reset_network_header(skb);
	skb_set_owner_w(skb, answer->sk);
	return 0;
}

/* The pseudo header's sum; the card, or the kernel for it, completes it. */
static void vnp_udp_checksum(struct sk_buff *skb, bool wanted, __sum16 pseudo)
{
	/* Segments of a packet have checksums, even if sendto() would omit them. */
	if (!wanted && !skb_is_gso(skb)) {
		skb->ip_summed = CHECKSUM_NONE;
		return;
	}
	skb->ip_summed = CHECKSUM_PARTIAL;
	skb->csum_start = skb_transport_header(skb) - skb->head;
	skb->csum_offset = offsetof(struct udphdr, check);
	udp_hdr(skb)->check = ~pseudo;
}

static int vnp_udp_send_ip4(struct vnp_udp_answer *answer)
{
	const struct flowi4 *fl4 = &answer->fl.u.ip4;
	const struct dst_entry *dst = answer->dst;
	struct sk_buff *skb = answer->skb;
	struct sock *sk = answer->sk;
	const struct inet_sock *inet = inet_sk(sk);
	const u32 mtu = ip_sk_use_pmtu(sk) ? dst_mtu(dst) : READ_ONCE(dst->dev->mtu);
	const u8 pmtudisc = inet->pmtudisc;
	const u32 len = skb->len;
	int ttl = READ_ONCE(inet->uc_ttl);
	struct iphdr *iph;
	int ret;

	if (ttl < 0)
		ttl = ip4_dst_hoplimit(dst);
	ret = vnp_udp_prepare(answer, sizeof(*iph), mtu, ip_sk_ignore_df(sk));
	if (ret)
		return ret;
	skb->protocol = htons(ETH_P_IP);
	vnp_udp_checksum(skb, !sk->sk_no_check_tx,
			 udp_v4_check(len, fl4->saddr, fl4->daddr, 0));

	iph = ip_hdr(skb);
	*(__be16 *)iph = htons(4 << 12 | 5 << 8 | READ_ONCE(inet->tos));
	iph->frag_off = 0;
	if (pmtudisc == IP_PMTUDISC_DO || pmtudisc == IP_PMTUDISC_PROBE ||
	    (answer->size + sizeof(*iph) <= mtu && ip_dont_fragment(sk, dst)))
		iph->frag_off = htons(IP_DF);
	iph->ttl = min_t(int, ttl, answer->hops);
	iph->protocol = IPPROTO_UDP;
	iph->saddr = fl4->saddr;
	iph->daddr = fl4->daddr;
	/* 0 where it is never fragmented (RFC 6864), so before ignore_df is set */
	ip_select_ident_segs(sock_net(sk), skb, sk, skb_shinfo(skb)->gso_segs ?: 1);
	skb->ignore_df = ip_sk_ignore_df(sk);
	answer->skb = NULL;
	return ip_local_out(sock_net(sk), sk, skb);
}

#if IS_ENABLED(CONFIG_IPV6)
static int vnp_udp_send_ip6(struct vnp_udp_answer *answer)
{
	struct flowi6 *fl6 = &answer->fl.u.ip6;
	struct dst_entry *dst = answer->dst;
	struct sk_buff *skb = answer->skb;
	struct sock *sk = answer->sk;
	struct ipv6_pinfo *np = inet6_sk(sk);
	struct net *net = sock_net(sk);
	const bool pmtu = np->pmtudisc < IPV6_PMTUDISC_PROBE;
	const u32 mtu = pmtu ? dst_mtu(dst) : READ_ONCE(dst->dev->mtu);
	const int hops = ip6_sk_dst_hoplimit(np, fl6, dst);
	const u32 len = skb->len;
	struct ipv6hdr *iph;
	int ret;

	ret = vnp_udp_prepare(answer, sizeof(*iph), mtu,
			      ip6_sk_ignore_df(sk) && !vnp_inet6_dontfrag(sk));
	if (ret)
		return ret;
	skb->protocol = htons(ETH_P_IPV6);
	vnp_udp_checksum(skb, !udp_get_no_check6_tx(sk),
			 udp_v6_check(len, &fl6->saddr, &fl6->daddr, 0));

	iph = ipv6_hdr(skb);
	ip6_flow_hdr(iph, READ_ONCE(np->tclass),
		     ip6_make_flowlabel(net, skb, 0, ip6_default_np_autolabel(net), fl6));
	iph->nexthdr = IPPROTO_UDP;
	iph->hop_limit = min_t(int, hops, answer->hops);
	iph->saddr = fl6->saddr;
	iph->daddr = fl6->daddr;
	skb->ignore_df = ip6_sk_ignore_df(sk);
	answer->skb = NULL;
	return ip6_local_out(net, sk, skb);
}
#endif

/*
 * Two programs that reply to each other must stop.  Multicast uses its TTL for other
 * purposes; it is detected by address, because it may come from this host, and unicast
 * may arrive in multicast frames.
 */
static u8 vnp_udp_hops(const struct sk_buff *skb)
{
	bool multicast;
	u8 ttl;

	if (skb->protocol == htons(ETH_P_IPV6)) {
		multicast = ipv6_addr_is_multicast(&ipv6_hdr(skb)->daddr);
		ttl = ipv6_hdr(skb)->hop_limit;
	} else {
		multicast = ipv4_is_multicast(ip_hdr(skb)->daddr);
		ttl = ip_hdr(skb)->ttl;
	}
	if (multicast)
		return U8_MAX;
	return ttl ? ttl - 1 : 0;
}

static enum vnp_error vnp_udp_error(int ret)
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

/*
 * Return: 0, or why it was not sent; answer->skb is set unless it was passed to the stack
 */
static int vnp_udp_send(struct vnp_udp_answer *answer, struct vnp_link *link)
{
	struct sk_buff *skb = answer->skb;
	struct sock *sk = answer->sk;

	if (vnp_udp_is_denied(link, sk, skb))
		return -EPERM;
	if (!answer->hops)
		return -ETIME;
	if (!udp_hdr(skb)->source)
		return -EHOSTUNREACH;
	/* As sendto(): a single packet may exceed the buffer. */
	if (sk_wmem_alloc_get(sk) >= READ_ONCE(sk->sk_sndbuf))
		return -ENOBUFS;
	answer->dst = vnp_route_back(&link->routes, sk, skb, &answer->fl);
	if (IS_ERR(answer->dst))
		return PTR_ERR(answer->dst);
#if IS_ENABLED(CONFIG_IPV6)
	if (skb->protocol == htons(ETH_P_IPV6))
		return vnp_udp_send_ip6(answer);
#endif
	return vnp_udp_send_ip4(answer);
}

void vnp_udp_reply(struct vnp_link *link, struct sock *sk, struct sk_buff *skb)
{
	const u32 size = vnp_batch_size(skb, sizeof(struct udphdr));
	const u32 cnt = skb_is_gso(skb) ?
			DIV_ROUND_UP(skb->len - sizeof(struct udphdr), size) : 1;
	typeof(vnp_udp_mib(sk, skb)) mib = vnp_udp_mib(sk, skb);
	struct vnp_udp_answer answer __vnp_uninitialized;
	int ret;

	answer.sk = sk;
	answer.skb = skb;
	answer.size = size + sizeof(struct udphdr);
	answer.hops = vnp_udp_hops(skb);
	/*
	 * It may be closed meanwhile: its memory remains, but it must not send any more.
	 */
	if (!refcount_inc_not_zero(&sk->sk_refcnt)) {
		kfree_skb(skb);
		return;
	}
	if (!skb_is_gso(skb))
		vnp_udp_merge_consumed(link, skb);
	ret = vnp_udp_send(&answer, link);
	if (ret > 0)
		ret = net_xmit_errno(ret);
	if (!ret)
		SNMP_INC_STATS(mib, UDP_MIB_OUTDATAGRAMS);
	else
		vnp_link_error(link, vnp_udp_error(ret), cnt);
	if (ret == -ENOBUFS)
		SNMP_INC_STATS(mib, UDP_MIB_SNDBUFERRORS);
	kfree_skb(answer.skb);
	sock_put(sk);
}

static int vnp_udp_probe(struct socket *sock)
{
	/* MSG_MORE: otherwise data that the application has corked would be sent. */
	struct msghdr msg = { .msg_flags = MSG_CONFIRM | MSG_PROBE | MSG_MORE };

	return sock_sendmsg(sock, &msg);
}

bool vnp_udp_may_send(struct socket *sock)
{
	struct socket *other = sock;
	int ret;

	if (!inet_sk(sock->sk)->inet_num) {
		ret = sock_create(sock->sk->sk_family, SOCK_DGRAM, IPPROTO_UDP, &other);
		if (ret)
			return false;
	}
	ret = vnp_udp_probe(other);
	if (other != sock)
		sock_release(other);
	return ret != -EACCES && ret != -EPERM;
}
