// SPDX-License-Identifier: GPL-2.0
#include "kmod/udp/send_out.h"

#include <linux/if_ether.h>
#include <linux/skbuff.h>
#include <linux/udp.h>
#include <net/sock.h>

#include "kmod/core/compat.h"
#include "kmod/map/target.h"
#include "kmod/path/route.h"
#include "kmod/udp/block.h"
#include "kmod/udp/enqueue.h"
#include "kmod/udp/output.h"
#include "kmod/udp/send_packet.h"

/*
 * ---- The route ----------------------------------------------------------
 */

#if IS_ENABLED(CONFIG_IPV6)
/* As in udpv6_sendmsg(): other addresses have no scope. */
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
		key->oif = vnp_udp_send_scope(target) ?: np->sticky_pktinfo.ipi6_ifindex ?:
			   READ_ONCE(np->ucast_oif);
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
 * Does the cached route have the key that a lookup would have now?  Fields of the key that come
 * from the peer cannot change.
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
	       route->key.policy == vnp_route_policy(sk) &&
	       ((const __be16 *)&route->key.ports)[1] == inet->inet_sport &&
	       dst_check(route->dst, route->cookie) && vnp_route_is_permitted(route, sk);
}

static noinline int vnp_udp_send_look_up(struct vnp_target_cpu *on, struct flowi6 *fl6)
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
		.policy = vnp_route_policy(sk),
	};

	((__be16 *)&key.ports)[0] = target->to.port;
	((__be16 *)&key.ports)[1] = inet_sk(sk)->inet_sport;
#if IS_ENABLED(CONFIG_IPV6)
	if (key.family == AF_INET6)
		vnp_udp_send_key_ip6(target, &key);
	else
#endif
		vnp_udp_send_key_ip4(target, &key);
	return vnp_route_to(&on->route, &key, sk, fl6);
}

/* Find @on->route, and for IPv6 the flow.  Return: 0 or an error */
static int vnp_udp_send_route(struct vnp_target_cpu *on, struct flowi6 *fl6)
{
	if (unlikely(!vnp_udp_send_route_is(on)))
		return vnp_udp_send_look_up(on, fl6);
	return 0;
}

/*
 * May one packet have several segments on @on->route, whose MTU is @mtu?  As udp_sendmsg() decides
 * for UDP_SEGMENT.
 */
static bool vnp_udp_send_segments(const struct vnp_target_cpu *on, u32 size, u32 mtu)
{
	const bool ip6 = on->target->to.family == AF_INET6;
	const u32 ip_len = ip6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr);
	const struct dst_entry *dst = on->route.dst;
	struct sock *sk = on->target->sk;

	return !dst_xfrm(dst) && !sk->sk_no_check_tx && !(ip6 && udp_get_no_check6_tx(sk)) &&
	       size + sizeof(struct udphdr) + ip_len <= min(mtu, dst->dev->mtu);
}

u32 vnp_udp_send_cnt_max(struct vnp_target_cpu *on)
{
	struct flowi6 fl6 __vnp_uninitialized;

	return !vnp_udp_send_route(on, &fl6) &&
	       vnp_udp_send_segments(on, on->pending.size, dst_mtu(on->route.dst)) ?
	       VNP_UDP_SEND_SEGMENTS : 1;
}

/*
 * ---- Sending ------------------------------------------------------------
 */

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

/* May the socket send to the peer now?  Return: 0 and @on->route, or an errno */
static int vnp_udp_send_begin(struct vnp_target_cpu *on, struct vnp_udp_out *out,
			      struct flowi6 *fl6)
{
	const struct vnp_target *target = on->target;
	int ret;

	if (vnp_udp_send_is_denied(target))
		return -EPERM;
	if (!out->hops)
		return -ETIME;
	if (!inet_sk(target->sk)->inet_sport ||
	    (target->to.connected && !vnp_target_is_connected(target)))
		return -EHOSTUNREACH;
	ret = vnp_udp_send_route(on, fl6);
	out->fl6 = fl6;
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
	skb_dst_set_noref(out->skb, out->dst);
	vnp_udp_send_seal(on, out->skb, out->size - sizeof(struct udphdr), cnt);
#if IS_ENABLED(CONFIG_IPV6)
	if (target->to.family == AF_INET6)
		return vnp_udp_out_ip6(out, ttl, on->route.key.tos);
#endif
	return vnp_udp_out_ip4(out, on->route.saddr.s6_addr32[0], target->to.addr.s6_addr32[0],
			       ttl, on->route.key.tos);
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

/* Make packets of a range of a block: one, or one for each datagram if that is not allowed. */
static void vnp_udp_send_block(struct vnp_target_cpu *on, struct vnp_udp_out *out,
			       const struct vnp_pending *pending)
{
	const bool together = pending->cnt == 1 ||
			      vnp_udp_send_segments(on, pending->size, vnp_udp_out_mtu(out));
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
 * Approximate number of IP packets that a datagram becomes.  Where a nested route leads is not
 * known: assume the usual MTU.  With the smallest one, ordinary datagrams to veth or a bridge would
 * count as many packets, and exceed what an execution may send.
 */
static u32 vnp_udp_send_fragments(const struct vnp_route *route, u32 size, u32 mtu)
{
	if (route->nested)
		mtu = min_t(u32, mtu, ETH_DATA_LEN);
	return likely(size < mtu) ? 1 : 1 + size / max_t(u32, mtu, IPV4_MIN_MTU);
}

/*
 * Send what was pending.  Return: approximate number of IP packets: each segment is one
 */
static u32 vnp_udp_send_pending(struct vnp_target_cpu *on, const struct vnp_pending *pending)
{
	struct vnp_udp_out out __vnp_uninitialized;
	struct flowi6 fl6 __vnp_uninitialized;
	u32 each;
	int ret;

	out.sk = on->target->sk;
	out.size = pending->size + sizeof(struct udphdr);
	out.mtu = 0;
	out.hops = pending->hops;
	ret = vnp_udp_send_begin(on, &out, &fl6);
	if (unlikely(ret)) {
		vnp_udp_send_count(on, ret, pending->cnt, 0);
		kfree_skb(pending->skb);
		return pending->cnt;
	}
	each = vnp_udp_send_fragments(&on->route, out.size, vnp_udp_out_mtu(&out));
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
	struct vnp_pending pending = on->pending;
	u32 cnt = 0;

	if (unlikely(!pending.cnt))
		return 0;
	on->pending.cnt = 0;
	on->pending.skb = NULL;
	on->pending.space = 0;
	on->pending.block = NULL;
	if (pending.skb)
		vnp_udp_send_sync(&pending);
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

const struct vnp_send_ops vnp_udp_send_ops = {
	.flush	= vnp_udp_send_flush,
	.get	= vnp_udp_send_get,
	.put	= vnp_udp_send_put,
};
