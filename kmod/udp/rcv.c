// SPDX-License-Identifier: GPL-2.0
/*
 * The hook: packets come, and are taken apart into runs of datagrams with one fate.
 *
 * A packet that is one run goes as it came: on to the socket, or away.  Else a
 * packet is made of each run that the program passed, and what remains is freed
 * once.  Runs are passed on in the order in which they are found.
 */
#include "kmod/udp/rcv.h"

#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/skbuff.h>
#include <linux/udp.h>
#include <net/dsfield.h>
#include <net/sock.h>

#include "kmod/core/compat.h"
#include "kmod/path/dgram.h"
#include "kmod/link/link.h"
#include "kmod/path/batch.h"
#include "kmod/udp/filter.h"
#include "kmod/udp/gro.h"
#include "kmod/udp/merge.h"

/* Fields of the context that are always there */
#define VNP_UDP_CTX_BASE						\
	(VNP_CTX_BIT(data) | VNP_CTX_BIT(data_end) | VNP_CTX_BIT(len))

/* Fields for which the IP header must be looked at */
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

/* Not inlined: many programs do without, and the path for them stays short. */
static noinline void vnp_udp_ctx_rest(struct vnp_dgram *dgram)
{
	struct vnp_ctx *ctx = &dgram->run.ctx;
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

/* What all datagrams of a packet have in common */
static __always_inline void vnp_udp_ctx(struct vnp_dgram *dgram)
{
	struct vnp_ctx *ctx = &dgram->run.ctx;

	ctx->family = dgram->skb->protocol == htons(ETH_P_IPV6) ? AF_INET6 :
								   AF_INET;
	if (dgram->prog->ctx_fields & ~VNP_UDP_CTX_BASE)
		vnp_udp_ctx_rest(dgram);
}

/* A packet with one datagram, as far as it is linear.  Return: enum vnp_verdict */
static u32 vnp_udp_judge_linear(struct vnp_link *link, struct vnp_dgram *dgram)
{
	struct sk_buff *skb = dgram->skb;

	if (dgram->prog->writes_packet) {
		if (unlikely(vnp_dgram_own(skb))) {
			vnp_link_lose(link, 1);
			return VNP_DROP;
		}
		/* It was verified, and will not be right any more. */
		skb->ip_summed = CHECKSUM_UNNECESSARY;
	}
	vnp_dgram_point(dgram);
	return vnp_link_run(link, dgram->prog, &dgram->run);
}

/* What becomes of a run: a verdict, or more */
enum vnp_udp_fate {
	VNP_UDP_DROP = VNP_DROP,
	VNP_UDP_PASS = VNP_PASS,
	VNP_UDP_PARTED,	/* passed; each datagram is in a packet of its own */
	VNP_UDP_NONE,	/* there is none yet */
};

/**
 * struct vnp_udp_walk - the runs of a packet
 * @dgram:	the datagram it is at
 * @link:	the link
 * @sk:		its socket
 * @skb:	the packet
 * @size:	payload of each datagram but the last
 * @start:	where the present run begins
 * @fate:	what will become of it
 * @filtered:	the packet has passed the socket's filters
 * @missed:	its datagrams that are counted as something else than its fate
 * @extra:	payload to be counted with it; wraps below 0
 * @parted:	its packets, linked by skb->next
 * @last:	the last of them
 */
struct vnp_udp_walk {
	struct vnp_dgram dgram;
	struct vnp_link *link;
	struct sock *sk;
	struct sk_buff *skb;
	u32 size;
	u32 start;
	enum vnp_udp_fate fate;
	bool filtered;
	u32 missed;
	u32 extra;
	struct sk_buff *parted;
	struct sk_buff *last;
};

/*
 * The present run ends at @end.  Before it is passed on: who gets it may look at the
 * counters.
 */
static void vnp_udp_count(struct vnp_udp_walk *walk, u32 end)
{
	const u32 len = end - walk->start;
	const u32 cnt = DIV_ROUND_UP(len, walk->size) - walk->missed;

	if (cnt)
		vnp_link_count(walk->link,
			       walk->fate == VNP_UDP_DROP ? VNP_DROP : VNP_PASS,
			       cnt, len + walk->extra);
	walk->missed = 0;
	walk->extra = 0;
}

/* Pass a packet that was made of the one that came. */
static void vnp_udp_pass_made(struct vnp_udp_walk *walk, struct sk_buff *skb)
{
	if (!walk->filtered || !vnp_udp_enqueue(walk->sk, skb))
		vnp_udp_pass(walk->link, walk->sk, skb);
}

static void vnp_udp_pass_cut(struct vnp_udp_walk *walk, u32 end)
{
	struct sk_buff *skb = vnp_run_cut(walk->skb, walk->start, end, walk->size);

	if (skb)
		vnp_udp_pass_made(walk, skb);
	else
		vnp_link_lose(walk->link,
			      DIV_ROUND_UP(end - walk->start, walk->size));
}

static void vnp_udp_pass_parted(struct vnp_udp_walk *walk)
{
	struct sk_buff *skb = walk->parted, *next;

	walk->parted = NULL;
	if (vnp_udp_gro_wanted(walk->link, walk->sk)) {
		skb = vnp_run_join(skb, walk->size);
		vnp_udp_pass_made(walk, skb);
		return;
	}
	skb_list_walk_safe(skb, skb, next) {
		skb_mark_not_on_list(skb);
		vnp_udp_pass_made(walk, skb);
	}
}

/* What is to be passed of the present run, which does not take the packet along */
static void vnp_udp_pass_run(struct vnp_udp_walk *walk, u32 end)
{
	if (walk->fate == VNP_UDP_PASS)
		vnp_udp_pass_cut(walk, end);
	else if (walk->fate == VNP_UDP_PARTED)
		vnp_udp_pass_parted(walk);
}

/* The packet ends; its last run is counted.  Return: as the hook */
static int vnp_udp_walk_end(struct vnp_udp_walk *walk)
{
	struct sk_buff *skb = walk->skb;
	const bool whole = walk->start == sizeof(struct udphdr);

	if (whole && walk->fate == VNP_UDP_DROP) {
		vnp_run_drop(skb);
		return 0;
	}
	if (!whole || walk->fate != VNP_UDP_PASS) {
		vnp_udp_pass_run(walk, skb->len);
		vnp_run_consume(skb);
		return 0;
	}
	if (!skb_is_gso(skb) || vnp_udp_gro_wanted(walk->link, walk->sk))
		return !walk->filtered || !vnp_udp_enqueue(walk->sk, skb);
	vnp_udp_pass(walk->link, walk->sk, skb);
	return 0;
}

/* Let the context point at what a piece has of the datagram that begins there. */
static __always_inline void vnp_udp_point(struct vnp_dgram *dgram,
					  const struct vnp_run_piece *piece,
					  u32 pos, u32 end)
{
	struct vnp_ctx *ctx = &dgram->run.ctx;

	if (unlikely(!piece->base)) {
		ctx->data = dgram->skb->data;
		ctx->data_end = ctx->data;
		return;
	}
	ctx->data = piece->base + pos;
	ctx->data_end = piece->base + min(end, piece->end);
}

/*
 * What is written to must be private; who sees headers must see those of one
 * datagram.  Return: 0, -ENOMEM
 */
static int vnp_udp_own_shared(struct vnp_dgram *dgram,
			      const struct vnp_run_piece *piece)
{
	const struct vnp_prog *prog = dgram->prog;

	if (!prog->sees_packet && vnp_run_piece_writable(piece, dgram->skb))
		return 0;
	if (vnp_dgram_part(dgram))
		return -ENOMEM;
	dgram->written = prog->writes_packet;
	vnp_dgram_point(dgram);
	return 0;
}

/* A datagram joins the present run, or begins another. */
static __always_inline void vnp_udp_join(struct vnp_udp_walk *walk, u32 pos,
					 enum vnp_udp_fate fate)
{
	if (fate == walk->fate)
		return;
	vnp_udp_count(walk, pos);
	vnp_udp_pass_run(walk, pos);
	walk->start = pos;
	walk->fate = fate;
}

/*
 * A datagram of several in a packet meets what its program returned.  It is counted with
 * its run, unless that is no verdict.
 */
static __always_inline void vnp_udp_take(struct vnp_udp_walk *walk, u32 pos,
					 u32 len, u64 ret, bool plain)
{
	struct vnp_dgram *dgram = &walk->dgram;
	const bool missed = ret > VNP_PASS;
	enum vnp_udp_fate fate = ret;

	if (unlikely(missed))
		fate = vnp_link_fault(walk->link, dgram->prog, &dgram->run);
	if (!plain && fate == VNP_UDP_PASS && dgram->written)
		fate = VNP_UDP_PARTED;
	vnp_udp_join(walk, pos, fate);

	if (unlikely(missed)) {
		walk->missed++;
		walk->extra -= len;
		dgram->run.fault = 0;
	} else if (!plain) {
		walk->extra += dgram->run.ctx.len - len;
	}
}

/* One that meets another fate than the one before.  Not inlined: few do. */
static noinline void vnp_udp_take_other(struct vnp_udp_walk *walk, u32 pos, u64 ret)
{
	vnp_udp_take(walk, pos, walk->size, ret, true);
}

/*
 * The shortest way, for datagrams that have a piece each: cards deliver them so, and GRO
 * puts them together.  The program is plain, and the present run has begun.
 * Return: where those begin that are not like that
 */
static noinline u32 vnp_udp_walk_whole(struct vnp_udp_walk *walk,
				       struct vnp_run_piece *at)
{
	const struct vnp_prog *prog = walk->dgram.prog;
	struct vnp_exec *run = &walk->dgram.run;
	const struct sk_buff *skb = walk->skb;
	struct vnp_run_piece piece = *at;
	const u32 size = walk->size;
	void *data;
	u64 ret;

	run->ctx.len = size;
	while (vnp_run_piece_whole(&piece, skb, size, &data)) {
		run->ctx.data = data;
		run->ctx.data_end = data + size;
		ret = vnp_prog_call(prog, run);
		if (unlikely(ret != walk->fate))
			vnp_udp_take_other(walk, piece.end - size, ret);
	}
	*at = piece;
	return piece.end;
}

/* There was no memory for a datagram of several in a packet. */
static void vnp_udp_lose_shared(struct vnp_udp_walk *walk, u32 pos, u32 len)
{
	vnp_link_lose(walk->link, 1);
	vnp_udp_join(walk, pos, VNP_UDP_DROP);
	walk->missed++;
	walk->extra -= len;
}

/* A packet that was made for a datagram: of use only if that was written to. */
static void vnp_udp_keep(struct vnp_udp_walk *walk, struct sk_buff *skb)
{
	if (walk->fate != VNP_UDP_PARTED) {
		consume_skb(skb);
		return;
	}
	if (walk->parted)
		walk->last->next = skb;
	else
		walk->parted = skb;
	walk->last = skb;
}

/* Compiled twice: most of it is of no use to a plain program. */
static __always_inline int vnp_udp_walk(struct vnp_udp_walk *walk, bool plain)
{
	struct vnp_dgram *dgram = &walk->dgram;
	const struct vnp_prog *prog = dgram->prog;
	struct sk_buff *skb = walk->skb;
	const u32 end = skb->len, size = walk->size;
	struct vnp_run_piece piece;
	u32 pos, next;

	vnp_run_piece_first(&piece, skb);
	for (pos = walk->start; pos < end; pos = next) {
		next = min(pos + size, end);
		dgram->run.ctx.len = next - pos;
		vnp_run_piece_find(&piece, skb, pos);
		vnp_udp_point(dgram, &piece, pos, next);
		if (plain) {
			vnp_udp_take(walk, pos, next - pos,
				     vnp_prog_call(prog, &dgram->run), true);
			if (next == piece.end && next < end)
				next = vnp_udp_walk_whole(walk, &piece);
			continue;
		}

		dgram->off = pos;
		dgram->shared = true;
		dgram->written = false;
		if ((prog->writes_packet || prog->sees_packet) &&
		    vnp_udp_own_shared(dgram, &piece)) {
			vnp_udp_lose_shared(walk, pos, next - pos);
			continue;
		}
		vnp_udp_take(walk, pos, next - pos,
			     vnp_link_exec(walk->link, prog, &dgram->run), false);
		if (!dgram->shared) {
			vnp_udp_keep(walk, dgram->skb);
			dgram->skb = skb;
		}
	}
	vnp_udp_count(walk, end);
	return vnp_udp_walk_end(walk);
}

/* One datagram in pieces.  Who only reads can do so where they lie. */
static u32 vnp_udp_judge_alone(struct vnp_link *link, struct vnp_dgram *dgram)
{
	struct vnp_run_piece piece;

	dgram->off = vnp_dgram_off(dgram->prog, dgram->skb);
	dgram->shared = false;
	dgram->run.ctx.len = dgram->skb->len - dgram->off;
	/* A jumbogram of IPv6 */
	if (unlikely(dgram->run.ctx.len > dgram->prog->len_max)) {
		vnp_link_lose(link, 1);
		return VNP_DROP;
	}
	if (dgram->prog->writes_packet || (s32)skb_headlen(dgram->skb) > dgram->off)
		return vnp_udp_judge_linear(link, dgram);

	vnp_run_piece_first(&piece, dgram->skb);
	vnp_run_piece_find(&piece, dgram->skb, dgram->off);
	vnp_udp_point(dgram, &piece, dgram->off, dgram->skb->len);
	return vnp_link_run(link, dgram->prog, &dgram->run);
}

/* Any packet.  Return: as the hook */
static noinline int vnp_udp_rcv_packet(struct vnp_link *link, struct sock *sk,
				       struct sk_buff *skb,
				       const struct vnp_prog *prog, bool filtered)
{
	struct vnp_udp_walk walk __vnp_uninitialized;
	u32 len, cnt;

	walk.link = link;
	walk.sk = sk;
	walk.skb = skb;
	walk.size = vnp_run_size(skb);
	walk.start = sizeof(struct udphdr);
	walk.fate = VNP_UDP_PASS;
	walk.filtered = filtered;
	if (prog == &vnp_prog_none)
		return vnp_udp_walk_end(&walk);
	len = skb->len - sizeof(struct udphdr);
	cnt = walk.size < len ? DIV_ROUND_UP(len, walk.size) : 1;
	if (!vnp_account_draw(link->user, cnt * prog->light_ns)) {
		walk.fate = (enum vnp_udp_fate)vnp_link_throttle(link, prog, cnt, len);
		return vnp_udp_walk_end(&walk);
	}

	walk.dgram.prog = prog;
	walk.dgram.skb = skb;
	walk.dgram.run.fault = 0;
	vnp_udp_ctx(&walk.dgram);
	if (cnt > 1) {
		walk.fate = VNP_UDP_NONE;
		walk.missed = 0;
		walk.extra = 0;
		walk.parted = NULL;
		return prog->plain_max ? vnp_udp_walk(&walk, true) :
					 vnp_udp_walk(&walk, false);
	}
	walk.fate = (enum vnp_udp_fate)vnp_udp_judge_alone(link, &walk.dgram);
	if (walk.fate == VNP_UDP_DROP)
		vnp_udp_merge_dropped(link, skb);
	return vnp_udp_walk_end(&walk);
}

/*
 * A packet to a socket with filters.  They see datagrams one by one, unless the
 * application wants super-packets.  Return: as the hook
 */
static noinline int vnp_udp_rcv_filtered(struct vnp_link *link, struct sock *sk,
					 struct sk_buff *skb)
{
	const struct vnp_prog *prog = rcu_dereference(link->prog);

	if (prog == &vnp_prog_none)
		return vnp_udp_rcv_packet(link, sk, skb, prog, false);
	if (vnp_udp_gro_held(skb) && !vnp_udp_gro_wanted(link, sk)) {
		vnp_udp_segment(link, sk, skb);
		return 0;
	}
	if (!vnp_udp_filter(sk, skb))
		return 0;
	return vnp_udp_rcv_packet(link, sk, skb, prog, true);
}

/*
 * Many programs are plain, and most packets one datagram in one piece: for them what
 * vnp_udp_rcv_packet() does comes down to this.  Nothing here writes to the stack by
 * index, so it does without a canary.
 */
__no_stack_protector int vnp_udp_rcv(struct sock *sk, struct sk_buff *skb)
{
	/* Ours, so none of the flags that sk_user_data can carry is set. */
	struct vnp_link *link = rcu_dereference(__sk_user_data(sk));
	struct vnp_exec run __vnp_uninitialized;
	const struct vnp_prog *prog;
	u32 len;

	if (unlikely(!link) || __this_cpu_read(vnp_udp_passing) == sk)
		return 1;
	if (unlikely(vnp_udp_is_filtered(sk, skb)))
		return vnp_udp_rcv_filtered(link, sk, skb);
	prog = rcu_dereference(link->prog);
	if (skb->len > prog->plain_max || skb->data_len ||
	    !vnp_account_draw(link->user, prog->light_ns))
		return vnp_udp_rcv_packet(link, sk, skb, prog, false);

	len = skb->len - sizeof(struct udphdr);
	run.ctx.len = len;
	run.ctx.data = skb->data + sizeof(struct udphdr);
	run.ctx.data_end = run.ctx.data + len;
	run.fault = 0;
	if (vnp_link_judge(link, prog, &run, vnp_prog_call(prog, &run)) == VNP_PASS)
		return 1;
	vnp_udp_merge_dropped(link, skb);
	kfree_skb_reason(skb, SKB_DROP_REASON_SOCKET_FILTER);
	return 0;
}
