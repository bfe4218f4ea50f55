// SPDX-License-Identifier: GPL-2.0
#include "kmod/udp/reply.h"

#include <linux/if_vlan.h>
#include <linux/net.h>
#include <linux/skbuff.h>
#include <net/udp.h>

#include "kmod/link/link.h"
#include "kmod/path/batch.h"
#include "kmod/path/dgram.h"
#include "kmod/udp/enqueue.h"
#include "kmod/udp/merge.h"
#include "kmod/udp/output.h"

/* send() on a connected socket does not call BPF programs of the cgroup, either. */
static bool vnp_udp_cgroup_denies(struct sock *sk, bool ip6)
{
	return sk->sk_state != TCP_ESTABLISHED && vnp_udp_has_cgroup(sk, ip6);
}

static bool vnp_udp_is_denied(const struct vnp_link *link, struct sock *sk,
			      const struct sk_buff *skb)
{
	const bool ip6 = skb->protocol == htons(ETH_P_IPV6);

	return !link->may_send || READ_ONCE(sk->sk_shutdown) & SEND_SHUTDOWN ||
	       vnp_udp_has_options(sk, ip6) || vnp_udp_cgroup_denies(sk, ip6);
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

/* Make the packet that arrived one to be sent, with room for headers.  Return: 0, -ENOMEM */
static int vnp_udp_turn(struct vnp_udp_out *out, u32 ip_len)
{
	struct sk_buff *skb = out->skb;
	struct udphdr *uh;

	vnp_udp_scrub(out->sk, skb);
	/* From here on the route is freed with the packet. */
	skb_dst_set(skb, out->dst);
	if (skb_cow_head(skb, LL_RESERVED_SPACE(out->dst->dev) + ip_len) ||
	    (skb_is_gso(skb) && skb_unclone(skb, GFP_ATOMIC)))
		return -ENOMEM;
	if (skb_is_gso(skb))
		skb_shinfo(skb)->gso_type = SKB_GSO_UDP_L4;
	skb_reset_transport_header(skb);
	uh = udp_hdr(skb);
	swap(uh->source, uh->dest);
	return 0;
}

static int vnp_udp_send_ip4(struct vnp_udp_out *out)
{
	int ret = vnp_udp_turn(out, sizeof(struct iphdr));

	return ret ?: vnp_udp_out_ip4(out, -1, READ_ONCE(inet_sk(out->sk)->tos));
}

#if IS_ENABLED(CONFIG_IPV6)
static int vnp_udp_send_ip6(struct vnp_udp_out *out)
{
	int ret = vnp_udp_turn(out, sizeof(struct ipv6hdr));

	return ret ?: vnp_udp_out_ip6(out, -1, READ_ONCE(inet6_sk(out->sk)->tclass));
}
#endif

/*
 * Return: 0, or why it was not sent; out->skb is set unless it was passed to the stack
 */
static int vnp_udp_send(struct vnp_udp_out *out, struct vnp_link *link)
{
	struct sk_buff *skb = out->skb;
	struct sock *sk = out->sk;

	if (vnp_udp_is_denied(link, sk, skb))
		return -EPERM;
	if (!out->hops)
		return -ETIME;
	if (!udp_hdr(skb)->source)
		return -EHOSTUNREACH;
	/* As sendto(): a single packet may exceed the buffer. */
	if (sk_wmem_alloc_get(sk) >= READ_ONCE(sk->sk_sndbuf))
		return -ENOBUFS;
	out->dst = vnp_route_back(&link->routes, sk, skb, &out->fl);
	if (IS_ERR(out->dst))
		return PTR_ERR(out->dst);
#if IS_ENABLED(CONFIG_IPV6)
	if (skb->protocol == htons(ETH_P_IPV6))
		return vnp_udp_send_ip6(out);
#endif
	return vnp_udp_send_ip4(out);
}

void vnp_udp_reply(struct vnp_link *link, struct sock *sk, struct sk_buff *skb)
{
	const u32 size = vnp_batch_size(skb, sizeof(struct udphdr));
	const u32 cnt = skb_is_gso(skb) ?
			DIV_ROUND_UP(skb->len - sizeof(struct udphdr), size) : 1;
	typeof(vnp_udp_mib(sk, skb)) mib = vnp_udp_mib(sk, skb);
	struct vnp_udp_out out __vnp_uninitialized;
	int ret;

	out.sk = sk;
	out.skb = skb;
	out.size = size + sizeof(struct udphdr);
	out.hops = vnp_udp_out_hops(skb);
	/*
	 * It may be closed meanwhile: its memory remains, but it must not send any more.
	 */
	if (!refcount_inc_not_zero(&sk->sk_refcnt)) {
		kfree_skb(skb);
		return;
	}
	if (!skb_is_gso(skb))
		vnp_udp_merge_consumed(link, skb);
	ret = vnp_udp_send(&out, link);
	if (ret > 0)
		ret = net_xmit_errno(ret);
	if (!ret)
		SNMP_INC_STATS(mib, UDP_MIB_OUTDATAGRAMS);
	else
		vnp_link_error(link, vnp_udp_out_error(ret), cnt);
	if (ret == -ENOBUFS)
		SNMP_INC_STATS(mib, UDP_MIB_SNDBUFERRORS);
	kfree_skb(out.skb);
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
