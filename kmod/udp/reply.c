// SPDX-License-Identifier: GPL-2.0
#include "kmod/udp/reply.h"

#include <linux/skbuff.h>
#include <net/udp.h>

#include "kmod/link/link.h"
#include "kmod/link/stats.h"
#include "kmod/path/batch.h"
#include "kmod/path/dgram.h"
#include "kmod/path/route.h"
#include "kmod/prog/account.h"
#include "kmod/udp/block.h"
#include "kmod/udp/enqueue.h"
#include "kmod/udp/merge.h"
#include "kmod/udp/output.h"

/*
 * Approximate time that a reply takes: for a packet; for each further segment, as the stack may
 * have to make it; and how many bytes take 1 ns, as they may have to be fragmented.  Reading the
 * clock would take longer.
 */
#define VNP_UDP_REPLY_NS	1000
#define VNP_UDP_REPLY_MORE_NS	250
#define VNP_UDP_REPLY_BYTES	4

/* send() on a connected socket does not call BPF programs of the cgroup, either. */
static __always_inline bool vnp_udp_cgroup_denies(struct sock *sk, bool ip6)
{
	return vnp_udp_has_cgroup(sk, ip6) && sk->sk_state != TCP_ESTABLISHED;
}

static __always_inline bool vnp_udp_is_denied(const struct vnp_link *link,
					      struct sock *sk, bool ip6)
{
	return !link->may_send || READ_ONCE(sk->sk_shutdown) & SEND_SHUTDOWN ||
	       vnp_udp_has_options(sk, ip6) || vnp_udp_cgroup_denies(sk, ip6);
}

/* Return: 0, or why no reply may be sent */
static __always_inline int vnp_udp_check(const struct vnp_link *link, struct sock *sk,
					 const struct sk_buff *skb, bool ip6, u8 hops)
{
	if (vnp_udp_is_denied(link, sk, ip6))
		return -EPERM;
	if (!hops)
		return -ETIME;
	if (!udp_hdr(skb)->source)
		return -EHOSTUNREACH;
	/* As sendto(): a single packet may exceed the buffer. */
	if (sk_wmem_alloc_get(sk) >= READ_ONCE(sk->sk_sndbuf))
		return -ENOBUFS;
	return 0;
}

/*
 * Remove all metadata of the received packet: what skb_scrub_packet() removes, and
 * skb->headers, which becomes as in a new packet.
 */
static __always_inline void vnp_udp_scrub(const struct sock *sk, struct sk_buff *skb)
{
	const size_t half = sizeof(skb->headers) / 2;
	/* Newer kernels free the packet on this CPU after it was transmitted. */
	const u16 alloc_cpu = skb->alloc_cpu;

	/* If udp_queue_rcv_skb() has segmented a super-packet, its segments are a list. */
	skb_mark_not_on_list(skb);
	skb_dst_drop(skb);
	skb_ext_reset(skb);
	nf_reset_ct(skb);
	skb->tstamp = 0;
	/* In halves, as for these compilers emit stores of words instead of "rep stos". */
	memset(&skb->headers, 0, half);
	memset((void *)&skb->headers + half, 0, sizeof(skb->headers) - half);
	skb->alloc_cpu = alloc_cpu;
	skb_set_queue_mapping(skb, 0);
	skb_unset_mac_header(skb);
	/* IP expects zeroes; the struct of IPv6 is not larger. */
	BUILD_BUG_ON(sizeof(*IP6CB(skb)) > sizeof(*IPCB(skb)));
	memset(IPCB(skb), 0, sizeof(*IPCB(skb)));
	skb->priority = READ_ONCE(sk->sk_priority);
	skb->mark = READ_ONCE(sk->sk_mark);
}

/* The socket's filter may have trimmed a super-packet, which may have one datagram then. */
static void vnp_udp_reuse_segments(struct sk_buff *skb)
{
	struct skb_shared_info *shinfo = skb_shinfo(skb);
	const u32 len = skb->len - sizeof(struct udphdr);

	if (len <= shinfo->gso_size) {
		skb_gso_reset(skb);
		return;
	}
	shinfo->gso_segs = DIV_ROUND_UP(len, shinfo->gso_size);
	shinfo->gso_type = SKB_GSO_UDP_L4;
}

/*
 * Prepare the packet that arrived for being sent, with space for an IP header.  Return: 0,
 * -ENOMEM
 */
static __always_inline int vnp_udp_reuse(const struct sock *sk, struct sk_buff *skb,
					 struct dst_entry *dst, u32 ip_len, bool gso)
{
	struct udphdr *uh;

	vnp_udp_scrub(sk, skb);
	skb_dst_set_noref(skb, dst);
	if (skb_cow_head(skb, LL_RESERVED_SPACE(dst->dev) + ip_len) ||
	    (gso && skb_unclone(skb, GFP_ATOMIC)))
		return -ENOMEM;
	/*
	 * Datagrams that the program has sent refer to the head, and lower layers may write to it
	 * (IPsec).
	 */
	if (vnp_udp_block_has_head() && pskb_expand_head(skb, 0, 0, GFP_ATOMIC))
		return -ENOMEM;
	if (gso)
		vnp_udp_reuse_segments(skb);
	/*
	 * These flags are the sender's, if it is on this host: timestamps would be queued to this
	 * socket.  skb_shinfo() may be written, as the head is private now.
	 */
	skb_shinfo(skb)->tx_flags = 0;
	skb_reset_transport_header(skb);
	uh = (struct udphdr *)skb->data;
	swap(uh->source, uh->dest);
	return 0;
}

/* The time of a reply along a nested route is not known beforehand: it is measured. */
static __always_inline u64 vnp_udp_reply_start(const struct vnp_route *route)
{
	return unlikely(route->nested) ? ktime_get_ns() : 0;
}

/* VNP_UDP_REPLY_NS was charged before. */
static __always_inline void vnp_udp_reply_sent(const struct vnp_link *link, u64 start)
{
	if (unlikely(start))
		vnp_account_take(link->user, min_t(s64, ktime_get_ns() - start, NSEC_PER_SEC) -
					     VNP_UDP_REPLY_NS);
}

static __always_inline int vnp_udp_reply_ip4(struct vnp_link *link, struct sock *sk,
					     struct sk_buff *skb, u32 size, bool gso)
{
	struct vnp_udp_out out __vnp_uninitialized;
	const struct vnp_route *route;
	u64 start;
	int ret;

	out.sk = sk;
	out.skb = skb;
	out.size = size;
	out.mtu = 0;
	out.hops = vnp_udp_out_hops_ip4(skb);
	ret = vnp_udp_check(link, sk, skb, false, out.hops);
	if (ret)
		goto free;
	ret = vnp_route_back_ip4(&link->routes, sk, skb, &route);
	if (ret)
		goto free;
	out.dst = route->dst;
	start = vnp_udp_reply_start(route);
	ret = vnp_udp_reuse(sk, skb, out.dst, sizeof(struct iphdr), gso) ?:
	      vnp_udp_out_ip4(&out, route->saddr.s6_addr32[0], route->key.daddr.s6_addr32[0], -1,
			      READ_ONCE(inet_sk(sk)->tos));
	vnp_udp_reply_sent(link, start);
free:
	if (unlikely(out.skb))
		kfree_skb(out.skb);
	return ret;
}

#if IS_ENABLED(CONFIG_IPV6)
static __always_inline int vnp_udp_reply_ip6(struct vnp_link *link, struct sock *sk,
					     struct sk_buff *skb, u32 size, bool gso)
{
	struct vnp_udp_out out __vnp_uninitialized;
	const struct vnp_route *route;
	struct flowi6 fl6;
	u64 start;
	int ret;

	out.sk = sk;
	out.skb = skb;
	out.fl6 = &fl6;
	out.size = size;
	out.mtu = 0;
	out.hops = vnp_udp_out_hops_ip6(skb);
	ret = vnp_udp_check(link, sk, skb, true, out.hops);
	if (ret)
		goto free;
	ret = vnp_route_back_ip6(&link->routes, sk, skb, &route, &fl6);
	if (ret)
		goto free;
	out.dst = route->dst;
	start = vnp_udp_reply_start(route);
	ret = vnp_udp_reuse(sk, skb, out.dst, sizeof(struct ipv6hdr), gso) ?:
	      vnp_udp_out_ip6(&out, -1, READ_ONCE(inet6_sk(sk)->tclass));
	vnp_udp_reply_sent(link, start);
free:
	kfree_skb(out.skb);
	return ret;
}
#endif

/* Return: 0, or why it was not sent; consumes @skb */
static __always_inline int vnp_udp_reply_send(struct vnp_link *link, struct sock *sk,
					      struct sk_buff *skb, u32 size, bool ip6, bool gso)
{
#if IS_ENABLED(CONFIG_IPV6)
	if (ip6)
		return vnp_udp_reply_ip6(link, sk, skb, size, gso);
#endif
	return vnp_udp_reply_ip4(link, sk, skb, size, gso);
}

/* A reply is sent even if the account is empty: then later executions are throttled. */
static __always_inline void vnp_udp_reply_charge(const struct vnp_link *link, u32 len, u32 more)
{
	vnp_account_take(link->user, VNP_UDP_REPLY_NS + more * VNP_UDP_REPLY_MORE_NS +
				     len / VNP_UDP_REPLY_BYTES);
}

static noinline void vnp_udp_reply_failed(struct vnp_link *link, struct sock *sk, bool ip6,
					  int ret, u32 cnt)
{
	vnp_link_error(link, vnp_udp_out_error(ret), cnt);
	if (ret == -ENOBUFS)
		SNMP_INC_STATS(vnp_udp_mib_of(sk, ip6), UDP_MIB_SNDBUFERRORS);
}

/* Compiled for each family and kind of packet, as all differences are constants then. */
static __always_inline void vnp_udp_reply_packet(struct vnp_link *link, struct sock *sk,
						 struct sk_buff *skb, bool ip6, bool gso)
{
	u32 size = skb->len - sizeof(struct udphdr), cnt = 1;
	int ret;

	if (gso) {
		cnt = vnp_batch_cnt(size, vnp_batch_size(skb, sizeof(struct udphdr)));
		size = min(size, vnp_batch_size(skb, sizeof(struct udphdr)));
	} else {
		vnp_udp_merge_consumed(link, skb);
	}
	vnp_udp_reply_charge(link, skb->len, cnt - 1);
	ret = vnp_udp_reply_send(link, sk, skb, size + sizeof(struct udphdr), ip6, gso);
	if (ret > 0)
		ret = net_xmit_errno(ret);
	if (unlikely(ret))
		vnp_udp_reply_failed(link, sk, ip6, ret, cnt);
	else
		SNMP_INC_STATS(vnp_udp_mib_of(sk, ip6), UDP_MIB_OUTDATAGRAMS);
}

static noinline void vnp_udp_reply_gso(struct vnp_link *link, struct sock *sk,
				       struct sk_buff *skb)
{
	vnp_udp_reply_packet(link, sk, skb, false, true);
}

static noinline void vnp_udp_reply_v6(struct vnp_link *link, struct sock *sk,
				      struct sk_buff *skb)
{
	if (skb_is_gso(skb))
		vnp_udp_reply_packet(link, sk, skb, true, true);
	else
		vnp_udp_reply_packet(link, sk, skb, true, false);
}

void vnp_udp_reply(struct vnp_link *link, struct sock *sk, struct sk_buff *skb)
{
	/* First, so that no value must be kept across this call. */
	skb_orphan(skb);
	if (unlikely(skb->protocol == htons(ETH_P_IPV6)))
		vnp_udp_reply_v6(link, sk, skb);
	else if (unlikely(skb_is_gso(skb)))
		vnp_udp_reply_gso(link, sk, skb);
	else
		vnp_udp_reply_packet(link, sk, skb, false, false);
}
