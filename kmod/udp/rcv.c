// SPDX-License-Identifier: GPL-2.0
/* encap_rcv(): receives the packets of a socket with a link. */
#include "kmod/udp/rcv.h"

#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/skbuff.h>
#include <linux/udp.h>
#include <net/dsfield.h>
#include <net/sock.h>

#include "kmod/core/compat.h"
#include "kmod/link/link.h"
#include "kmod/path/dispatch.h"
#include "kmod/prog/account.h"
#include "kmod/udp/deliver.h"
#include "kmod/udp/enqueue.h"
#include "kmod/udp/filter.h"
#include "kmod/udp/gro.h"
#include "kmod/udp/merge.h"
#include "kmod/udp/segments.h"
#include "kmod/udp/send.h"

/* Fields of the context that are always filled in */
#define VNP_UDP_CTX_BASE						\
	(VNP_CTX_BIT(data) | VNP_CTX_BIT(data_end) | VNP_CTX_BIT(len))

/* Fields that are read from the IP header */
#define VNP_UDP_CTX_IP							\
	(VNP_CTX_BIT(remote_ip4) | VNP_CTX_BIT(local_ip4) |		\
	 VNP_CTX_BIT(remote_ip6[0]) | VNP_CTX_BIT(remote_ip6[2]) |	\
	 VNP_CTX_BIT(local_ip6[0]) | VNP_CTX_BIT(local_ip6[2]) |	\
	 VNP_CTX_BIT(ttl) | VNP_CTX_BIT(tos))

static void vnp_udp_ctx_ip4(const struct sk_buff *skb, struct vnp_ctx *ctx)
{
	const struct iphdr *iph = ip_hdr(skb);

	ctx->remote_ip4 = iph->saddr;
	ctx->local_ip4 = iph->daddr;
	memset(ctx->remote_ip6, 0, sizeof(ctx->remote_ip6));
	memset(ctx->local_ip6, 0, sizeof(ctx->local_ip6));
	ctx->ttl = iph->ttl;
	ctx->tos = iph->tos;
}

static void vnp_udp_ctx_ip6(const struct sk_buff *skb, struct vnp_ctx *ctx)
{
	const struct ipv6hdr *iph = ipv6_hdr(skb);

	ctx->remote_ip4 = 0;
	ctx->local_ip4 = 0;
	memcpy(ctx->remote_ip6, &iph->saddr, sizeof(ctx->remote_ip6));
	memcpy(ctx->local_ip6, &iph->daddr, sizeof(ctx->local_ip6));
	ctx->ttl = iph->hop_limit;
	ctx->tos = ipv6_get_dsfield(iph);
}

static void vnp_udp_ctx_fill(struct vnp_dgram *dgram)
{
	struct vnp_ctx *ctx = &dgram->exec.ctx;
	const struct sk_buff *skb = dgram->skb;
	const struct udphdr *uh = udp_hdr(skb);

	ctx->remote_port = ntohs(uh->source);
	ctx->local_port = ntohs(uh->dest);
	ctx->ifindex = skb->skb_iif;
	ctx->tstamp = ktime_to_ns(skb->tstamp);
	if (!(dgram->prog->ctx_fields & VNP_UDP_CTX_IP))
		return;
	if (ctx->family == AF_INET)
		vnp_udp_ctx_ip4(skb, ctx);
	else
		vnp_udp_ctx_ip6(skb, ctx);
}

/* Not inlined, as many programs do not read these fields. */
static noinline int vnp_udp_dispatch_fill(struct vnp_dispatch *dispatch)
{
	vnp_udp_ctx_fill(&dispatch->dgram);
	if (dispatch->dgram.prog->ctx_fields & VNP_CTX_SENDS)
		return vnp_udp_send_dispatch(dispatch);
	return vnp_dispatch(dispatch);
}

/*
 * A super-packet of a tunnel whose other end is this socket's application: from a tunnel device on
 * this machine, or from the host of a virtual machine.  Each segment is a datagram of the socket.
 */
static noinline int vnp_udp_rcv_tunnel(struct vnp_link *link, struct sock *sk,
				       struct sk_buff *skb)
{
	vnp_udp_count_taken(sk, skb);
	vnp_udp_segment_tunnel(link, sk, skb);
	return 0;
}

/*
 * Neither the program nor the application can read the payload; packets made of it for replies and
 * batches would refer to pages that do not exist.
 */
static noinline int vnp_udp_rcv_unreadable(struct vnp_link *link, struct sk_buff *skb)
{
	const u32 head = sizeof(struct udphdr);

	vnp_link_error(link, VNP_ERROR_MEMORY,
		       vnp_batch_cnt(skb->len - head, vnp_batch_size(skb, head)));
	kfree_skb(skb);
	return 0;
}

/* Any packet, and any program.  Return: as vnp_udp_rcv() */
static noinline int vnp_udp_rcv_packet(struct vnp_link *link, struct sock *sk,
				       struct sk_buff *skb,
				       const struct vnp_prog *prog, bool filtered)
{
	struct vnp_dispatch dispatch __vnp_uninitialized;

	if (vnp_udp_gro_is_tunnel(skb))
		return vnp_udp_rcv_tunnel(link, sk, skb);
	if (unlikely(!vnp_skb_readable(skb)))
		return vnp_udp_rcv_unreadable(link, skb);
	vnp_dispatch_init(&dispatch, link, sk, skb, prog, filtered);
	dispatch.dgram.exec.ctx.family = skb->protocol == htons(ETH_P_IPV6) ? AF_INET6 :
									      AF_INET;
	if (prog->ctx_fields & ~VNP_UDP_CTX_BASE)
		return vnp_udp_dispatch_fill(&dispatch);
	return vnp_dispatch(&dispatch);
}

/*
 * A packet to a socket with filters.  They see datagrams one by one, unless the
 * application accepts super-packets.  Return: as vnp_udp_rcv()
 */
static noinline int vnp_udp_rcv_filtered(struct vnp_link *link, struct sock *sk,
					 struct sk_buff *skb)
{
	const struct vnp_prog *prog = rcu_dereference(link->prog);

	if (prog == &vnp_prog_none)
		return vnp_udp_rcv_packet(link, sk, skb, prog, false);
	if (vnp_udp_gro_is_tunnel(skb))
		return vnp_udp_rcv_tunnel(link, sk, skb);
	vnp_udp_count_taken(sk, skb);
	if (vnp_udp_gro_is_merged(skb) && !vnp_udp_gro_wanted(link, sk)) {
		vnp_udp_segment(link, sk, skb);
		return 0;
	}
	if (vnp_udp_filter(sk, skb))
		vnp_udp_rcv_packet(link, sk, skb, prog, true);
	return 0;
}

/*
 * Many programs are direct, and most packets are one datagram in linear data: for these this is
 * all that vnp_dispatch() would do.  prog->direct_max of other programs is 0.  A super-packet can
 * be linear, too: tc and XDP programs, and netfilter's helpers can make it so.  Nothing here
 * writes to the stack by index, so no stack canary is needed.
 */
__no_stack_protector int vnp_udp_rcv(struct sock *sk, struct sk_buff *skb)
{
	/* The link: the pointer has none of the flags that sk_user_data can have. */
	struct vnp_link *link = rcu_dereference(__sk_user_data(sk));
	const struct vnp_prog *prog;
	enum vnp_action action;

	if (unlikely(!link) || vnp_udp_is_delivering(sk))
		return 1;
	if (unlikely(skb->next) && vnp_udp_segments_join(link, sk, skb))
		return 0;
	if (unlikely(vnp_udp_is_filtered(sk, skb)))
		return vnp_udp_rcv_filtered(link, sk, skb);
	prog = rcu_dereference(link->prog);
	if (skb->len > prog->direct_max || skb->data_len || skb_is_gso(skb) ||
	    !vnp_account_draw(link->user, prog->light_ns))
		return vnp_udp_rcv_packet(link, sk, skb, prog, false);

	action = vnp_dispatch_direct(link, prog, skb->data + sizeof(struct udphdr),
				     skb->len - sizeof(struct udphdr));
	if (action == VNP_ACTION_PASS)
		return 1;
	if (unlikely(action != VNP_ACTION_DROP))
		return vnp_action_do_whole(action, link, sk, skb, false);
	vnp_udp_merge_consumed(link, skb);
	kfree_skb_reason(skb, SKB_DROP_REASON_SOCKET_FILTER);
	return 0;
}
