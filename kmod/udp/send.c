// SPDX-License-Identifier: GPL-2.0
/*
 * What is sent to a peer begins with a datagram, and others are added if they can leave with it
 * as segments (UDP_SEGMENT): all have the same length, but the last may be shorter, and the
 * route allows it.
 *
 * Datagrams that are sent as they are: only their range of a block (block.h) is noted, and the
 * packet is made when it leaves.
 *
 * Others are added to a packet at once.  The program's own bytes, and short payload, are in the
 * packet's linear data, as long as there are no fragments yet: short datagrams are cheaper
 * copied than referenced if they would take two fragments each.  All other payload is
 * referenced.
 */
#include "kmod/udp/send.h"

#include <linux/mm.h>
#include <linux/skbuff.h>
#include <linux/udp.h>
#include <net/sock.h>

#include "kmod/core/compat.h"
#include "kmod/link/link.h"
#include "kmod/link/stats.h"
#include "kmod/map/peers.h"
#include "kmod/path/dispatch.h"
#include "kmod/path/send.h"
#include "kmod/udp/block.h"
#include "kmod/udp/enqueue.h"
#include "kmod/udp/output.h"

/* Space for the headers of all layers below */
#define VNP_UDP_SEND_HEADROOM	(LL_MAX_HEADER + sizeof(struct ipv6hdr) + sizeof(struct udphdr))

/* Linear data of a packet that further short datagrams are added to, at most */
#define VNP_UDP_SEND_LINEAR	3072

/* Such datagrams that it has space for */
#define VNP_UDP_SEND_EXPECTED	16

/* IP fragments that a datagram may be sent in, and a length that never needs more of them */
#define VNP_UDP_SEND_FRAGMENTS	64
#define VNP_UDP_SEND_EASY	(VNP_UDP_SEND_FRAGMENTS * 48)

int vnp_udp_send_dispatch(struct vnp_dispatch *dispatch)
{
	struct vnp_udp_sending sending __vnp_uninitialized;
	int ret;

	vnp_send_begin(&sending.sending);
	sending.hops = vnp_udp_out_hops(dispatch->skb);
	sending.more = skb_is_gso(dispatch->skb) || vnp_send_gathers();
	sending.skb = NULL;
	sending.block = NULL;
	ret = vnp_dispatch(dispatch);
	vnp_udp_block_forget(&sending);
	vnp_send_end(&sending.sending);
	return ret;
}

/*
 * ---- A packet -------------------------------------------------------------
 */

static struct sk_buff *vnp_udp_send_alloc(u32 room)
{
	const u32 size = SKB_DATA_ALIGN(VNP_UDP_SEND_HEADROOM + room) +
			 SKB_DATA_ALIGN(sizeof(struct skb_shared_info));
	struct sk_buff *skb;
	void *head;

	head = napi_alloc_frag(size);
	if (unlikely(!head))
		return NULL;
	skb = napi_build_skb(head, size);
	if (unlikely(!skb)) {
		skb_free_frag(head);
		return NULL;
	}
	skb_reserve(skb, VNP_UDP_SEND_HEADROOM);
	return skb;
}

/* The program's own bytes, after others of the packet in fragments */
static int vnp_udp_send_head(struct sk_buff *skb, const struct vnp_send_msg *msg)
{
	struct page_frag *space = vnp_udp_block_space(msg->head_len);

	if (!space)
		return -ENOMEM;
	memcpy(page_address(space->page) + space->offset, msg->head, msg->head_len);
	vnp_udp_block_add_to(skb, space->page, space->offset, msg->head_len);
	space->offset += msg->head_len;
	return 0;
}

static u32 vnp_udp_msg_len(const struct vnp_send_msg *msg)
{
	return msg->head_len + msg->len;
}

/* Is it cheaper to copy it?  Several fragments, or a copy, would be needed otherwise. */
static bool vnp_udp_send_copies(const struct vnp_dgram *dgram, const struct vnp_send_msg *msg)
{
	return vnp_udp_msg_len(msg) <= VNP_UDP_SEND_SHORT &&
	       (msg->head_len || !vnp_udp_block_is_direct(dgram));
}

/* Copy a range of the payload, all of which is there.  Return: 0, -EFAULT */
static int vnp_udp_payload_copy(void *to, const struct vnp_dgram *dgram, u32 off, u32 len)
{
	const struct vnp_ctx *ctx = &dgram->exec.ctx;

	if (unlikely(off + len > ctx->data_end - ctx->data))
		return skb_copy_bits(dgram->skb, dgram->off + off, to, len);
	memcpy(to, ctx->data + off, len);
	return 0;
}

/* Add a datagram by copying it.  Return: 1: there is no space; 0, -ENOMEM */
static int vnp_udp_send_copy(struct sk_buff *skb, const struct vnp_dgram *dgram,
			     const struct vnp_send_msg *msg)
{
	const u32 len = skb->len;

	if (skb_is_nonlinear(skb) || skb_tailroom(skb) < vnp_udp_msg_len(msg))
		return 1;
	if (msg->head_len)
		skb_put_data(skb, msg->head, msg->head_len);
	if (vnp_udp_payload_copy(skb_put(skb, msg->len), dgram, msg->off, msg->len)) {
		skb_trim(skb, len);
		return -ENOMEM;
	}
	return 0;
}

/* Fragments that a payload may take */
static u32 vnp_udp_send_parts(const struct vnp_udp_sending *sending,
			      const struct vnp_send_msg *msg)
{
	return sending->block->part_cnt - sending->part + !!msg->head_len;
}

/* Add a datagram by referencing its payload.  Return: as above */
static int vnp_udp_send_refer(struct sk_buff *skb, struct vnp_udp_sending *sending,
			      const struct vnp_dgram *dgram, const struct vnp_send_msg *msg)
{
	int ret;

	if (!vnp_udp_block_covers(sending, dgram, msg->off, msg->len)) {
		ret = vnp_udp_block_find(sending, dgram, msg->off, msg->len);
		if (ret)
			return ret;
	}
	if (skb->len && skb_shinfo(skb)->nr_frags + vnp_udp_send_parts(sending, msg) >
			MAX_SKB_FRAGS)
		return 1;
	if (msg->head_len) {
		if (!skb_is_nonlinear(skb) && skb_tailroom(skb) >= msg->head_len)
			skb_put_data(skb, msg->head, msg->head_len);
		else if (vnp_udp_send_head(skb, msg))
			return -ENOMEM;
	}
	vnp_udp_block_put_in(sending->block, skb, sending->part,
			     sending->at - sending->part_at + dgram->off + msg->off - sending->off,
			     msg->len);
	return 0;
}

static int vnp_udp_send_append(struct sk_buff *skb, struct vnp_udp_sending *sending,
			       const struct vnp_dgram *dgram, const struct vnp_send_msg *msg)
{
	if (vnp_udp_send_copies(dgram, msg))
		return vnp_udp_send_copy(skb, dgram, msg);
	return vnp_udp_send_refer(skb, sending, dgram, msg);
}

/*
 * ---- The route, and the end of a packet -----------------------------------
 */

#if IS_ENABLED(CONFIG_IPV6)
/* As udpv6_sendmsg(): other addresses are of no interface. */
static u32 vnp_udp_send_scope(const struct vnp_target *target)
{
	return __ipv6_addr_needs_scope_id(ipv6_addr_type(&target->to.addr)) ?
	       target->to.scope_id : 0;
}

static void vnp_udp_send_key_ip6(const struct vnp_target *target, struct vnp_route_key *key)
{
	const struct ipv6_pinfo *np = inet6_sk(target->sk);

	if (ipv6_addr_any(&key->saddr))
		key->saddr = np->saddr;
	if (!key->oif)
		key->oif = vnp_udp_send_scope(target) ?: READ_ONCE(np->ucast_oif);
	if (!(target->peer.flags & VNP_PEER_F_TOS))
		key->tos = READ_ONCE(np->tclass);
}
#endif

static void vnp_udp_send_key_ip4(const struct vnp_target *target, struct vnp_route_key *key)
{
	const struct inet_sock *inet = inet_sk(target->sk);

	if (!key->saddr.s6_addr32[0])
		key->saddr.s6_addr32[0] = inet->inet_saddr;
	if (!key->oif)
		key->oif = READ_ONCE(inet->uc_index);
	if (!(target->peer.flags & VNP_PEER_F_TOS))
		key->tos = READ_ONCE(inet->tos);
}

/*
 * Is the route the one that the same lookup found?  What of its key belongs to the peer cannot
 * change.
 */
static bool vnp_udp_send_route_is(const struct vnp_target_cpu *on)
{
	const struct vnp_route *route = &on->route;
	const struct vnp_target *target = on->target;
	const struct sock *sk = target->sk;
	const struct inet_sock *inet = inet_sk(sk);
	const __be32 saddr = target->to.saddr.s6_addr32[0] ?: inet->inet_saddr;
	const int oif = READ_ONCE(sk->sk_bound_dev_if) ?: READ_ONCE(inet->uc_index);
	const u32 tos = target->peer.flags & VNP_PEER_F_TOS ? target->peer.tos :
							      READ_ONCE(inet->tos);

	return target->to.family == AF_INET && route->dst &&
	       route->key.saddr.s6_addr32[0] == saddr && route->key.oif == oif &&
	       route->key.tos == tos && route->key.mark == READ_ONCE(sk->sk_mark) &&
	       ((const __be16 *)&route->key.ports)[1] == inet->inet_sport &&
	       dst_check(route->dst, route->cookie) && vnp_route_is_permitted(route, sk);
}

/* Find @on->route.  Return: 0 or an error */
static noinline int vnp_udp_send_look_up(struct vnp_target_cpu *on, struct flowi *fl)
{
	const struct vnp_target *target = on->target;
	struct sock *sk = target->sk;
	struct vnp_route_key key = {
		.saddr = target->to.saddr,
		.daddr = target->to.addr,
		.oif = READ_ONCE(sk->sk_bound_dev_if),
		.mark = READ_ONCE(sk->sk_mark),
		.tos = target->peer.tos,
		.family = target->to.family,
	};

	((__be16 *)&key.ports)[0] = target->to.port;
	((__be16 *)&key.ports)[1] = inet_sk(sk)->inet_sport;
#if IS_ENABLED(CONFIG_IPV6)
	if (key.family == AF_INET6)
		vnp_udp_send_key_ip6(target, &key);
	else
#endif
		vnp_udp_send_key_ip4(target, &key);
	return vnp_route_to(&on->route, &key, sk, fl);
}

static int vnp_udp_send_route(struct vnp_target_cpu *on, struct flowi *fl)
{
	if (unlikely(!vnp_udp_send_route_is(on)))
		return vnp_udp_send_look_up(on, fl);
	fl->u.ip4.saddr = on->route.saddr.s6_addr32[0];
	fl->u.ip4.daddr = on->target->to.addr.s6_addr32[0];
	return 0;
}

/* As udp_sendmsg() decides about UDP_SEGMENT: may datagrams leave together, by @on->route? */
static bool vnp_udp_send_segments(const struct vnp_target_cpu *on, u32 size)
{
	const bool ip6 = on->target->to.family == AF_INET6;
	const u32 ip_len = ip6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr);
	const struct dst_entry *dst = on->route.dst;
	struct sock *sk = on->target->sk;

	return !dst_xfrm(dst) && !sk->sk_no_check_tx && !(ip6 && udp_get_no_check6_tx(sk)) &&
	       size + sizeof(struct udphdr) + ip_len <= min(dst_mtu(dst), dst->dev->mtu);
}

static u32 vnp_udp_send_cnt_max(struct vnp_target_cpu *on)
{
	struct flowi fl __vnp_uninitialized;

	return !vnp_udp_send_route(on, &fl) && vnp_udp_send_segments(on, on->pending.size) ?
	       VNP_UDP_SEND_SEGMENTS : 1;
}

/* Can a datagram of so many bytes leave with those that are in a packet? */
static bool vnp_udp_send_fits(struct vnp_target_cpu *on, u8 hops, u32 len)
{
	struct vnp_pending *pending = &on->pending;

	if (!pending->skb || len > pending->size || !len || hops != pending->hops ||
	    pending->skb->len != pending->cnt * pending->size ||
	    pending->skb->len + len > VNP_UDP_SEND_MAX)
		return false;
	if (!pending->cnt_max)
		pending->cnt_max = vnp_udp_send_cnt_max(on);
	return pending->cnt < pending->cnt_max;
}

static bool vnp_udp_send_is_denied(const struct vnp_target *target)
{
	const bool ip6 = target->to.family == AF_INET6;
	struct sock *sk = target->sk;

	return sock_flag(sk, SOCK_DEAD) || READ_ONCE(sk->sk_shutdown) & SEND_SHUTDOWN ||
	       vnp_udp_has_options(sk, ip6) ||
	       (!target->to.cgroup && vnp_udp_has_cgroup(sk, ip6));
}

/* UDP header and segments */
static void vnp_udp_send_seal(struct vnp_target_cpu *on, struct sk_buff *skb, u32 size,
			      u32 cnt)
{
	struct skb_shared_info *shinfo = skb_shinfo(skb);
	struct sock *sk = on->target->sk;
	struct udphdr *uh;

	if (cnt > 1) {
		shinfo->gso_size = size;
		shinfo->gso_segs = cnt;
		shinfo->gso_type = SKB_GSO_UDP_L4;
	}
	shinfo->flags |= SKBFL_SHARED_FRAG;
	uh = __skb_push(skb, sizeof(*uh));
	skb_reset_transport_header(skb);
	uh->source = inet_sk(sk)->inet_sport;
	uh->dest = on->target->to.port;
	skb->mark = READ_ONCE(sk->sk_mark);
	skb->priority = on->target->peer.flags & VNP_PEER_F_TOS ?
			rt_tos2priority(on->target->peer.tos) : READ_ONCE(sk->sk_priority);
}

/* Would it be sent in too many fragments? */
static bool vnp_udp_send_is_long(const struct vnp_udp_out *out, u16 family)
{
	const u32 head = family == AF_INET6 ? sizeof(struct ipv6hdr) + sizeof(struct frag_hdr) :
					      sizeof(struct iphdr);
	u32 mtu;

	if (likely(out->size <= VNP_UDP_SEND_EASY))
		return false;
	mtu = max_t(u32, dst_mtu(out->dst), IPV4_MIN_MTU);
	return out->size > VNP_UDP_SEND_FRAGMENTS * ((mtu - head) & ~7U);
}

/* May the socket send to the peer now?  Return: 0 and @on->route, or an errno */
static int vnp_udp_send_begin(struct vnp_target_cpu *on, struct vnp_udp_out *out)
{
	const struct vnp_target *target = on->target;
	int ret;

	if (vnp_udp_send_is_denied(target))
		return -EPERM;
	if (!out->hops)
		return -ETIME;
	if (!inet_sk(target->sk)->inet_sport)
		return -EHOSTUNREACH;
	ret = vnp_udp_send_route(on, &out->fl);
	out->dst = on->route.dst;
	return ret;
}

/* Return: as ip_local_out(), or an errno; out->skb is set unless it was passed to the stack */
static int vnp_udp_send_out(struct vnp_target_cpu *on, struct vnp_udp_out *out, u32 cnt)
{
	const struct vnp_target *target = on->target;
	const int ttl = target->peer.ttl ?: -1;
	struct sock *sk = target->sk;

	if (sk_wmem_alloc_get(sk) >= READ_ONCE(sk->sk_sndbuf))
		return -ENOBUFS;
	if (vnp_udp_send_is_long(out, target->to.family))
		return -EMSGSIZE;
	skb_dst_set_noref(out->skb, out->dst);
	vnp_udp_send_seal(on, out->skb, out->size - sizeof(struct udphdr), cnt);
#if IS_ENABLED(CONFIG_IPV6)
	if (target->to.family == AF_INET6)
		return vnp_udp_out_ip6(out, ttl, on->route.key.tos);
#endif
	return vnp_udp_out_ip4(out, ttl, on->route.key.tos);
}

static void vnp_udp_send_count(struct vnp_target_cpu *on, int ret, u32 cnt, u32 bytes)
{
	typeof(vnp_udp_mib_of(NULL, false)) mib =
		vnp_udp_mib_of(on->target->sk, on->target->to.family == AF_INET6);

	if (ret > 0)
		ret = net_xmit_errno(ret);
	if (ret)
		vnp_target_error(on, vnp_udp_out_error(ret), cnt);
	else
		vnp_target_sent(on, cnt, bytes);
	if (!ret)
		SNMP_INC_STATS(mib, UDP_MIB_OUTDATAGRAMS);
	else if (ret == -ENOBUFS)
		SNMP_INC_STATS(mib, UDP_MIB_SNDBUFERRORS);
}

static void vnp_udp_send_packet(struct vnp_target_cpu *on, struct vnp_udp_out *out, u32 cnt)
{
	const u32 bytes = out->skb->len;

	vnp_udp_send_count(on, vnp_udp_send_out(on, out, cnt), cnt, bytes);
	if (unlikely(out->skb))
		kfree_skb(out->skb);
}

/* Make packets of a range of a block: one, or if they may not leave together, one for each. */
static void vnp_udp_send_block(struct vnp_target_cpu *on, struct vnp_udp_out *out,
			       const struct vnp_pending *pending)
{
	const bool together = pending->cnt == 1 || vnp_udp_send_segments(on, pending->size);
	u32 left = pending->cnt, off = pending->off, end = off + pending->len, cnt, len;

	for (; left; left -= cnt, off += len) {
		cnt = together ? left : 1;
		len = cnt == left ? end - off : pending->size;
		out->skb = vnp_udp_send_alloc(0);
		if (unlikely(!out->skb)) {
			vnp_target_error(on, VNP_ERROR_MEMORY, left);
			return;
		}
		vnp_udp_block_put_in(pending->block, out->skb, 0, off, len);
		vnp_udp_send_packet(on, out, cnt);
	}
}

/*
 * What is pending may be added to again while this is sent.  Return: IP packets, about: each
 * segment is one
 */
static u32 vnp_udp_send_pending(struct vnp_target_cpu *on, const struct vnp_pending *pending)
{
	struct vnp_udp_out out __vnp_uninitialized;
	u32 each;
	int ret;

	out.sk = on->target->sk;
	out.size = pending->size + sizeof(struct udphdr);
	out.hops = pending->hops;
	ret = vnp_udp_send_begin(on, &out);
	if (unlikely(ret)) {
		vnp_udp_send_count(on, ret, pending->cnt, 0);
		kfree_skb(pending->skb);
		return pending->cnt;
	}
	each = 1 + out.size / max_t(u32, dst_mtu(out.dst), IPV4_MIN_MTU);
	if (pending->skb) {
		out.skb = pending->skb;
		vnp_udp_send_packet(on, &out, pending->cnt);
	} else {
		vnp_udp_send_block(on, &out, pending);
	}
	return pending->cnt * each;
}

/* struct vnp_send_ops::flush.  The peer may have been replaced in between. */
static u32 vnp_udp_send_flush(struct vnp_send_entry *entry)
{
	struct vnp_target_cpu *on = container_of(entry, struct vnp_target_cpu, entry);
	const struct vnp_pending pending = on->pending;
	u32 cnt = 0;

	if (unlikely(!pending.cnt))
		return 0;
	on->pending.cnt = 0;
	on->pending.skb = NULL;
	on->pending.block = NULL;
	if (likely(!READ_ONCE(on->target->gone)))
		cnt = vnp_udp_send_pending(on, &pending);
	else
		kfree_skb(pending.skb);
	if (pending.block)
		vnp_udp_block_put(pending.block);
	return cnt;
}

static bool vnp_udp_send_get(struct vnp_send_entry *entry)
{
	return vnp_target_get_live(container_of(entry, struct vnp_target_cpu, entry)->target);
}

static void vnp_udp_send_put(struct vnp_send_entry *entry)
{
	vnp_target_put(container_of(entry, struct vnp_target_cpu, entry)->target);
}

static const struct vnp_send_ops vnp_udp_send_ops = {
	.flush	= vnp_udp_send_flush,
	.get	= vnp_udp_send_get,
	.put	= vnp_udp_send_put,
};

/*
 * ---- A datagram -----------------------------------------------------------
 */

/* A packet, or a range of a block, begins with a datagram. */
static void vnp_udp_send_first(struct vnp_target_cpu *on,
			       const struct vnp_udp_sending *sending, struct vnp_user *user,
			       u32 size)
{
	on->pending.size = size;
	on->pending.cnt = 1;
	on->pending.cnt_max = 0;
	on->pending.hops = sending->hops;
	on->entry.ops = &vnp_udp_send_ops;
	vnp_send_add(&on->entry, user);
}

/* Begin a packet.  Return: 0, -ENOMEM */
static int vnp_udp_send_own(struct vnp_target_cpu *on, struct vnp_udp_sending *sending,
			    const struct vnp_dgram *dgram, const struct vnp_send_msg *msg,
			    struct vnp_user *user)
{
	u32 room = msg->head_len;
	struct sk_buff *skb;

	if (vnp_udp_send_copies(dgram, msg)) {
		room = vnp_udp_msg_len(msg);
		if (sending->more)
			room = min_t(u32, room * VNP_UDP_SEND_EXPECTED, VNP_UDP_SEND_LINEAR);
	}
	skb = vnp_udp_send_alloc(room);
	if (!skb)
		return -ENOMEM;
	if (vnp_udp_send_append(skb, sending, dgram, msg)) {
		kfree_skb(skb);
		return -ENOMEM;
	}
	on->pending.skb = skb;
	vnp_udp_send_first(on, sending, user, skb->len);
	return 0;
}

/*
 * What is pending leaves, and what is received because of that may add to it.  Return: 0,
 * -EDQUOT: it may not leave now
 */
static int vnp_udp_send_clear(struct vnp_target_cpu *on, struct vnp_udp_sending *sending)
{
	while (on->pending.cnt)
		if (!vnp_send_flush(&sending->sending, &on->entry))
			return -EDQUOT;
	return 0;
}

/* Is the datagram that was found last next to what is pending? */
static bool vnp_udp_send_follows(const struct vnp_pending *pending,
				 const struct vnp_udp_sending *sending)
{
	return pending->block && pending->block == sending->block && pending->len &&
	       pending->off + pending->len == sending->at;
}

/* Could a datagram that is found leave with what is pending? */
static bool vnp_udp_send_joins(const struct vnp_target_cpu *on,
			       const struct vnp_udp_sending *sending, u32 len)
{
	const struct vnp_pending *pending = &on->pending;
	const u32 before = pending->skb ? pending->skb->len : pending->len;

	return len && len <= pending->size && before == pending->cnt * pending->size &&
	       before + len <= VNP_UDP_SEND_MAX && pending->cnt < VNP_UDP_SEND_SEGMENTS &&
	       sending->hops == pending->hops;
}

/*
 * The range of a block that is pending becomes a packet, if that can be added to: what follows
 * is elsewhere.
 */
static void vnp_udp_send_convert(struct vnp_target_cpu *on)
{
	struct vnp_pending *pending = &on->pending;
	struct sk_buff *skb;

	pending->cnt_max = vnp_udp_send_cnt_max(on);
	skb = pending->cnt < pending->cnt_max ? vnp_udp_send_alloc(0) : NULL;
	if (!skb)
		return;
	vnp_udp_block_put_in(pending->block, skb, 0, pending->off, pending->len);
	vnp_udp_block_put(pending->block);
	pending->block = NULL;
	pending->skb = skb;
}

/* Add a datagram to a packet, or begin one.  Return: 0, -ENOMEM, -EDQUOT */
static int vnp_udp_send_add(struct vnp_target_cpu *on, struct vnp_udp_sending *sending,
			    const struct vnp_dgram *dgram, const struct vnp_send_msg *msg,
			    struct vnp_user *user)
{
	int ret;

	if (on->pending.block)
		vnp_udp_send_convert(on);
	if (vnp_udp_send_fits(on, sending->hops, vnp_udp_msg_len(msg))) {
		ret = vnp_udp_send_append(on->pending.skb, sending, dgram, msg);
		if (!ret)
			on->pending.cnt++;
		if (ret <= 0)
			return ret;
	}
	ret = vnp_udp_send_clear(on, sending);
	if (ret)
		return ret;
	return vnp_udp_send_own(on, sending, dgram, msg, user);
}

/* A datagram as it is: @whole is all of it.  Return: 0, -ENOMEM, -EDQUOT */
static int vnp_udp_send_whole(struct vnp_target_cpu *on, struct vnp_udp_sending *sending,
			      const struct vnp_dgram *dgram, const struct vnp_send_msg *whole,
			      struct vnp_user *user)
{
	struct vnp_pending *pending = &on->pending;

	if (!vnp_udp_block_has(sending, dgram) &&
	    vnp_udp_block_find(sending, dgram, 0, whole->len))
		return -ENOMEM;
	if (vnp_udp_send_follows(pending, sending)) {
		pending->len += whole->len;
		pending->cnt++;
		return 0;
	}
	/* Another one than before, or with others in between that this peer did not get */
	if (pending->cnt && vnp_udp_send_joins(on, sending, whole->len))
		return vnp_udp_send_add(on, sending, dgram, whole, user);
	if (vnp_udp_send_clear(on, sending))
		return -EDQUOT;
	pending->block = sending->block;
	pending->block->refs++;
	pending->off = sending->at;
	pending->len = whole->len;
	vnp_udp_send_first(on, sending, user, whole->len);
	return 0;
}

/* A limit is reached. */
static noinline int vnp_udp_send_refuse(struct vnp_link *link, struct vnp_target_cpu *on)
{
	vnp_link_error(link, VNP_ERROR_RATE, 1);
	vnp_target_error(on, VNP_ERROR_RATE, 1);
	return -EDQUOT;
}

/* Return: as vnp_udp_send() */
static noinline int vnp_udp_send_any(struct vnp_udp_sending *sending, struct vnp_dgram *dgram,
				     struct vnp_target *target, const struct vnp_send_msg *msg,
				     bool again)
{
	const struct vnp_dispatch *dispatch = container_of(dgram, struct vnp_dispatch, dgram);
	const struct vnp_send_msg whole = { .len = dgram->exec.ctx.len };
	struct vnp_target_cpu *on = this_cpu_ptr(target->cpu);
	struct vnp_user *user = dispatch->link->user;
	const bool lasts = vnp_udp_block_lasts(dgram);
	const u32 len = vnp_udp_msg_len(msg ?: &whole);
	int ret;

	if (!lasts && !again)
		vnp_udp_block_forget(sending);
	/* Pairs with vnp_peers_give(). */
	if (unlikely(!smp_load_acquire(&target->sk)))
		return -ENOENT;
	if (unlikely(len > VNP_UDP_SEND_MAX)) {
		vnp_target_error(on, VNP_ERROR_LENGTH, 1);
		return -EMSGSIZE;
	}
	if (unlikely(!vnp_send_draw(&sending->sending, user, len) ||
		     !vnp_send_reserve(&sending->sending, &on->entry)))
		return vnp_udp_send_refuse(dispatch->link, on);
	if (lasts && !msg)
		ret = vnp_udp_send_whole(on, sending, dgram, &whole, user);
	else
		ret = vnp_udp_send_add(on, sending, dgram, msg ?: &whole, user);
	if (unlikely(ret == -EDQUOT))
		return vnp_udp_send_refuse(dispatch->link, on);
	if (unlikely(ret))
		vnp_target_error(on, VNP_ERROR_MEMORY, 1);
	return ret;
}

/*
 * First the most frequent case, in few instructions: a datagram as it is, found for another
 * peer before, follows one that the peer got.
 */
int vnp_udp_send(struct vnp_dgram *dgram, struct vnp_target *target,
		 const struct vnp_send_msg *msg, bool again)
{
	const struct vnp_dispatch *dispatch = container_of(dgram, struct vnp_dispatch, dgram);
	struct vnp_udp_sending *sending = vnp_udp_sending();
	struct vnp_pending *pending = &this_cpu_ptr(target->cpu)->pending;
	const u32 len = dgram->exec.ctx.len;

	if (msg || !vnp_udp_send_follows(pending, sending) ||
	    !vnp_udp_block_has(sending, dgram) ||
	    !vnp_send_draw(&sending->sending, dispatch->link->user, len))
		return vnp_udp_send_any(sending, dgram, target, msg, again);
	pending->len += len;
	pending->cnt++;
	return 0;
}
