// SPDX-License-Identifier: GPL-2.0
/*
 * A packet for a peer begins with the first datagram for it, and others are added if they
 * can leave with it as segments (UDP_SEGMENT): all have the same length, but the last may be
 * shorter, and the route allows it.
 *
 * Where bytes are put.  The program's own bytes, and payload that must or should be copied,
 * are in the packet's linear data, as long as there are no fragments yet: short datagrams
 * are cheaper copied than referenced if they would take two fragments each.  All other
 * payload is referenced.
 *
 * Payload that is copied: it is in memory that has no reference count of its own
 * (kmalloc()), or the program may write to it later.  It is copied once for all peers;
 * in a program that writes, once for all peers of a call.
 */
#include "kmod/udp/send.h"

#include <linux/mm.h>
#include <linux/skbuff.h>
#include <linux/udp.h>
#include <net/sock.h>

#include "kmod/core/compat.h"
#include "kmod/link/link.h"
#include "kmod/map/peers.h"
#include "kmod/path/dispatch.h"
#include "kmod/path/send.h"
#include "kmod/udp/enqueue.h"
#include "kmod/udp/output.h"

/* Space for the headers of all layers below */
#define VNP_UDP_SEND_HEADROOM	(LL_MAX_HEADER + sizeof(struct ipv6hdr) + sizeof(struct udphdr))

/* A datagram that is not longer is copied, unless one reference does */
#define VNP_UDP_SEND_SHORT	256

/* Linear data of a packet that further short datagrams are added to, at most */
#define VNP_UDP_SEND_LINEAR	3072

/* Such datagrams that it has space for */
#define VNP_UDP_SEND_EXPECTED	16

/* The longest payload, and the most bytes and datagrams of a packet */
#define VNP_UDP_SEND_MAX	65507
#define VNP_UDP_SEND_SEGMENTS	64

/* IP fragments that a datagram may be sent in */
#define VNP_UDP_SEND_FRAGMENTS	64

/**
 * struct vnp_udp_part - contiguous bytes of a payload
 * @page:	where they are
 * @off:	offset in it
 * @len:	their number
 */
struct vnp_udp_part {
	struct page *page;
	u32 off;
	u32 len;
};

/**
 * struct vnp_udp_source - the payload being sent on a CPU
 * @hops:	maximum TTL of what is sent because of the current packet
 * @more:	others will probably leave with it
 * @skb:	the packet that @part is of; NULL: of none
 * @pos:	where the datagram is in it
 * @len:	its length
 * @end:	end of its direct bytes: another one after the packet was changed
 * @copied:	@part is a copy; a reference to each of its pages
 * @cnt:	number of parts
 * @part:	the payload
 * @space:	where copies are put
 */
struct vnp_udp_source {
	u8 hops;
	bool more;
	const struct sk_buff *skb;
	s32 pos;
	u32 len;
	const void *end;
	bool copied;
	u32 cnt;
	struct vnp_udp_part part[MAX_SKB_FRAGS];
	struct page_frag space;
};

static DEFINE_PER_CPU(struct vnp_udp_source, vnp_udp_source);

/*
 * ---- The payload ----------------------------------------------------------
 */

static void vnp_udp_source_forget(struct vnp_udp_source *source)
{
	u32 i;

	for (i = 0; source->copied && i < source->cnt; i++)
		put_page(source->part[i].page);
	source->skb = NULL;
	source->copied = false;
	source->cnt = 0;
}

void vnp_udp_send_begin(const struct sk_buff *skb)
{
	struct vnp_udp_source *source = this_cpu_ptr(&vnp_udp_source);

	source->hops = vnp_udp_out_hops(skb);
	source->more = skb_is_gso(skb) || vnp_send_gathers();
}

void vnp_udp_send_end(void)
{
	vnp_udp_source_forget(this_cpu_ptr(&vnp_udp_source));
	vnp_send_end();
}

void vnp_udp_send_destroy(void)
{
	struct page_frag *space;
	int cpu;

	for_each_possible_cpu(cpu) {
		space = &per_cpu_ptr(&vnp_udp_source, cpu)->space;
		if (space->page)
			put_page(space->page);
	}
}

static int vnp_udp_source_add(struct vnp_udp_source *source, struct page *page, u32 off,
			      u32 len)
{
	if (source->cnt == MAX_SKB_FRAGS)
		return -ENOMEM;
	source->part[source->cnt++] = (struct vnp_udp_part) { page, off, len };
	return 0;
}

static int vnp_udp_source_copy(struct vnp_udp_source *source, const struct sk_buff *skb,
			       u32 pos, u32 len)
{
	struct page_frag *space = &source->space;
	u32 part;

	source->copied = true;
	for (; len; len -= part, pos += part) {
		if (!skb_page_frag_refill(min_t(u32, len, PAGE_SIZE), space, GFP_ATOMIC))
			return -ENOMEM;
		part = min(len, space->size - space->offset);
		if (skb_copy_bits(skb, pos, page_address(space->page) + space->offset, part) ||
		    vnp_udp_source_add(source, space->page, space->offset, part))
			return -ENOMEM;
		get_page(space->page);
		space->offset += part;
	}
	return 0;
}

/* Reference a range of a packet.  Return: -EINVAL: it cannot be */
static int vnp_udp_source_share(struct vnp_udp_source *source, const struct sk_buff *skb,
				u32 pos, u32 end)
{
	const struct skb_shared_info *shinfo = skb_shinfo(skb);
	u32 at = skb_headlen(skb), next, i;
	const skb_frag_t *frag;
	int ret = 0;

	if (pos < at || shinfo->frag_list)
		return -EINVAL;
	for (i = 0; i < shinfo->nr_frags && at < end && !ret; i++, at = next) {
		frag = &shinfo->frags[i];
		next = at + skb_frag_size(frag);
		if (pos >= next)
			continue;
		if (!skb_frag_page(frag))
			return -EINVAL;
		ret = vnp_udp_source_add(source, skb_frag_page(frag),
					 skb_frag_off(frag) + max(pos, at) - at,
					 min(end, next) - max(pos, at));
	}
	return ret;
}

/*
 * Is it contiguous in memory, of which references can be taken?  Those of a clone's head are not:
 * another receiver, who does not see them, may write to it when the clone is gone.
 */
static bool vnp_udp_source_direct(const struct vnp_dgram *dgram)
{
	const struct vnp_ctx *ctx = &dgram->exec.ctx;
	const struct sk_buff *skb = dgram->skb;
	const unsigned char *data = ctx->data;

	if (ctx->data_end - ctx->data != ctx->len || dgram->prog->writes_packet)
		return false;
	if (data >= skb->head && data < skb_end_pointer(skb))
		return skb->head_frag && !skb_cloned(skb);
	return !skb_has_frag_list(skb);
}

/* Find the whole payload of a datagram, or copy it.  Return: 0, -ENOMEM */
static int vnp_udp_source_find(struct vnp_udp_source *source, const struct vnp_dgram *dgram)
{
	const struct vnp_ctx *ctx = &dgram->exec.ctx;
	struct page *page;

	vnp_udp_source_forget(source);
	if (!ctx->len)
		return 0;
	if (vnp_udp_source_direct(dgram)) {
		page = virt_to_head_page(ctx->data);
		return vnp_udp_source_add(source, page, ctx->data - page_address(page),
					  ctx->len);
	}
	if (!dgram->prog->writes_packet &&
	    !vnp_udp_source_share(source, dgram->skb, dgram->off, dgram->off + ctx->len))
		return 0;
	source->cnt = 0;
	return vnp_udp_source_copy(source, dgram->skb, dgram->off, ctx->len);
}

/*
 * Can the payload that was found be used by other calls of the helpers?  The program may write
 * to it; a packet of its own may be freed before this one ends, and the memory reused.
 */
static bool vnp_udp_source_lasts(const struct vnp_dgram *dgram)
{
	const struct vnp_dispatch *dispatch = container_of(dgram, struct vnp_dispatch, dgram);

	return !dgram->prog->writes_packet && dgram->skb == dispatch->skb;
}

/* Was it found for another peer before? */
static bool vnp_udp_source_is(const struct vnp_udp_source *source,
			      const struct vnp_dgram *dgram)
{
	return source->skb == dgram->skb && source->pos == dgram->off &&
	       source->len == dgram->exec.ctx.len && source->end == dgram->exec.ctx.data_end;
}

/* Find it, unless it was found before.  Return: 0, -ENOMEM */
static int vnp_udp_source_get(struct vnp_udp_source *source, const struct vnp_dgram *dgram)
{
	int ret;

	if (vnp_udp_source_is(source, dgram))
		return 0;
	ret = vnp_udp_source_find(source, dgram);
	if (ret)
		return ret;
	source->skb = dgram->skb;
	source->pos = dgram->off;
	source->len = dgram->exec.ctx.len;
	source->end = dgram->exec.ctx.data_end;
	return 0;
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

static void vnp_udp_send_frag(struct sk_buff *skb, struct page *page, u32 off, u32 len)
{
	struct skb_shared_info *shinfo = skb_shinfo(skb);
	const int last = shinfo->nr_frags;

	if (skb_can_coalesce(skb, last, page, off)) {
		skb_frag_size_add(&shinfo->frags[last - 1], len);
	} else {
		get_page(page);
		skb_fill_page_desc(skb, last, page, off, len);
	}
	skb->len += len;
	skb->data_len += len;
	skb->truesize += len;
}

/* The program's own bytes, after others of the packet in fragments */
static int vnp_udp_send_head(struct vnp_udp_source *source, struct sk_buff *skb,
			     const struct vnp_send_msg *msg)
{
	struct page_frag *space = &source->space;

	if (!skb_page_frag_refill(msg->head_len, space, GFP_ATOMIC))
		return -ENOMEM;
	memcpy(page_address(space->page) + space->offset, msg->head, msg->head_len);
	vnp_udp_send_frag(skb, space->page, space->offset, msg->head_len);
	space->offset += msg->head_len;
	return 0;
}

static void vnp_udp_send_parts(const struct vnp_udp_source *source, struct sk_buff *skb,
			       const struct vnp_send_msg *msg)
{
	u32 off = msg->off, left = msg->len, len;
	const struct vnp_udp_part *part;

	for (part = source->part; left; part++) {
		if (off >= part->len) {
			off -= part->len;
			continue;
		}
		len = min(left, part->len - off);
		vnp_udp_send_frag(skb, part->page, part->off + off, len);
		left -= len;
		off = 0;
	}
}

static u32 vnp_udp_msg_len(const struct vnp_send_msg *msg)
{
	return msg->head_len + msg->len;
}

/* Is it cheaper to copy it?  Several fragments, or a copy, would be needed otherwise. */
static bool vnp_udp_send_copies(const struct vnp_dgram *dgram, const struct vnp_send_msg *msg)
{
	return vnp_udp_msg_len(msg) <= VNP_UDP_SEND_SHORT &&
	       (msg->head_len || !vnp_udp_source_direct(dgram));
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

/* Add a datagram by referencing its payload.  Return: as above */
static int vnp_udp_send_refer(struct sk_buff *skb, const struct vnp_dgram *dgram,
			      const struct vnp_send_msg *msg)
{
	struct vnp_udp_source *source = this_cpu_ptr(&vnp_udp_source);
	int ret = vnp_udp_source_get(source, dgram);

	if (ret)
		return ret;
	if (skb_shinfo(skb)->nr_frags + source->cnt + !!msg->head_len > MAX_SKB_FRAGS &&
	    skb->len)
		return 1;
	if (msg->head_len) {
		if (!skb_is_nonlinear(skb) && skb_tailroom(skb) >= msg->head_len)
			skb_put_data(skb, msg->head, msg->head_len);
		else if (vnp_udp_send_head(source, skb, msg))
			return -ENOMEM;
	}
	vnp_udp_send_parts(source, skb, msg);
	return 0;
}

static int vnp_udp_send_append(struct sk_buff *skb, const struct vnp_dgram *dgram,
			       const struct vnp_send_msg *msg)
{
	if (vnp_udp_send_copies(dgram, msg))
		return vnp_udp_send_copy(skb, dgram, msg);
	return vnp_udp_send_refer(skb, dgram, msg);
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

/* Find @on->route.  Return: 0 or an error */
static int vnp_udp_send_route(struct vnp_target_cpu *on, struct flowi *fl)
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

/* As udp_sendmsg() decides about UDP_SEGMENT: how many datagrams may leave together? */
static u32 vnp_udp_send_cnt_max(struct vnp_target_cpu *on)
{
	const bool ip6 = on->target->to.family == AF_INET6;
	const u32 ip_len = ip6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr);
	struct sock *sk = on->target->sk;
	struct flowi fl __vnp_uninitialized;
	const struct dst_entry *dst;

	if (vnp_udp_send_route(on, &fl))
		return 1;
	dst = on->route.dst;
	if (dst_xfrm(dst) || sk->sk_no_check_tx || (ip6 && udp_get_no_check6_tx(sk)) ||
	    on->size + sizeof(struct udphdr) + ip_len > min(dst_mtu(dst), dst->dev->mtu))
		return 1;
	return VNP_UDP_SEND_SEGMENTS;
}

/* Can a datagram of so many bytes leave with those that are there? */
static bool vnp_udp_send_fits(struct vnp_target_cpu *on, u8 hops, u32 len)
{
	if (len > on->size || !len || on->skb->len != on->cnt * on->size ||
	    hops != on->hops || on->skb->len + len > VNP_UDP_SEND_MAX)
		return false;
	if (!on->cnt_max)
		on->cnt_max = vnp_udp_send_cnt_max(on);
	return on->cnt < on->cnt_max;
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
static void vnp_udp_send_seal(struct vnp_target_cpu *on, struct sk_buff *skb)
{
	struct skb_shared_info *shinfo = skb_shinfo(skb);
	struct sock *sk = on->target->sk;
	struct udphdr *uh;

	if (on->cnt > 1) {
		shinfo->gso_size = on->size;
		shinfo->gso_segs = on->cnt;
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

/* Would it be sent in too many fragments?  The time for that is charged to nobody. */
static bool vnp_udp_send_is_long(const struct vnp_udp_out *out, u16 family)
{
	const u32 head = family == AF_INET6 ? sizeof(struct ipv6hdr) + sizeof(struct frag_hdr) :
					      sizeof(struct iphdr);
	const u32 mtu = max_t(u32, dst_mtu(out->dst), IPV4_MIN_MTU);

	return out->size > VNP_UDP_SEND_FRAGMENTS * ((mtu - head) & ~7U);
}

/* Return: as ip_local_out(), or an errno; out->skb is set unless it was passed to the stack */
static int vnp_udp_send_out(struct vnp_target_cpu *on, struct vnp_udp_out *out)
{
	const struct vnp_target *target = on->target;
	struct sock *sk = target->sk;
	const int ttl = target->peer.ttl ?: -1;
	int ret;

	if (vnp_udp_send_is_denied(target))
		return -EPERM;
	if (!out->hops)
		return -ETIME;
	if (!inet_sk(sk)->inet_sport)
		return -EHOSTUNREACH;
	if (sk_wmem_alloc_get(sk) >= READ_ONCE(sk->sk_sndbuf))
		return -ENOBUFS;
	ret = vnp_udp_send_route(on, &out->fl);
	if (ret)
		return ret;
	out->dst = on->route.dst;
	if (vnp_udp_send_is_long(out, target->to.family))
		return -EMSGSIZE;
	skb_dst_set_noref(out->skb, out->dst);
	vnp_udp_send_seal(on, out->skb);
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

/* struct vnp_send_entry::flush.  The peer may have been replaced in between. */
static void vnp_udp_send_flush(struct vnp_send_entry *entry)
{
	struct vnp_target_cpu *on = container_of(entry, struct vnp_target_cpu, entry);
	struct vnp_target *target = on->target;
	const u32 cnt = on->cnt, bytes = on->skb->len;
	struct vnp_udp_out out __vnp_uninitialized;

	out.sk = target->sk;
	out.skb = on->skb;
	out.size = on->size + sizeof(struct udphdr);
	out.hops = on->hops;
	on->skb = NULL;
	if (likely(!READ_ONCE(target->gone)))
		vnp_udp_send_count(on, vnp_udp_send_out(on, &out), cnt, bytes);
	kfree_skb(out.skb);
	vnp_target_put(target);
}

/*
 * ---- A datagram -----------------------------------------------------------
 */

/* Begin a packet with it.  Return: 0, -ENOMEM, -ENOENT, -EDQUOT */
static int vnp_udp_send_first(struct vnp_target_cpu *on, const struct vnp_dgram *dgram,
			      const struct vnp_send_msg *msg, struct vnp_user *user)
{
	u32 room = msg->head_len;
	struct sk_buff *skb;
	int ret;

	if (vnp_send_is_full())
		return -EDQUOT;
	if (vnp_udp_send_copies(dgram, msg)) {
		room = vnp_udp_msg_len(msg);
		if (__this_cpu_read(vnp_udp_source.more))
			room = min_t(u32, room * VNP_UDP_SEND_EXPECTED, VNP_UDP_SEND_LINEAR);
	}
	skb = vnp_udp_send_alloc(room);
	if (!skb)
		return -ENOMEM;
	ret = vnp_udp_send_append(skb, dgram, msg);
	if (!ret && !vnp_target_get_live(on->target))
		ret = -ENOENT;
	if (ret) {
		kfree_skb(skb);
		return ret;
	}
	on->skb = skb;
	on->size = skb->len;
	on->cnt = 1;
	on->cnt_max = 0;
	on->hops = __this_cpu_read(vnp_udp_source.hops);
	on->entry.flush = vnp_udp_send_flush;
	vnp_send_add(&on->entry, user);
	return 0;
}

/*
 * The most frequent case, in few instructions: a datagram that was found for another peer
 * before, in contiguous memory, is added to a packet as it is.  Return: false: it is not
 */
static bool vnp_udp_send_quick(struct vnp_target_cpu *on, const struct vnp_dgram *dgram,
			       const struct vnp_send_msg *msg)
{
	struct vnp_udp_source *source = this_cpu_ptr(&vnp_udp_source);
	const struct vnp_udp_part *part = source->part;
	struct sk_buff *skb = on->skb;

	if (!skb || msg->head_len || source->cnt != 1 || !vnp_udp_source_is(source, dgram) ||
	    skb_shinfo(skb)->nr_frags == MAX_SKB_FRAGS ||
	    !vnp_udp_send_fits(on, source->hops, msg->len))
		return false;
	vnp_udp_send_frag(skb, part->page, part->off + msg->off, msg->len);
	on->cnt++;
	return true;
}

/* Return: likewise */
static int vnp_udp_send_any(struct vnp_target_cpu *on, const struct vnp_dgram *dgram,
			    const struct vnp_send_msg *msg, struct vnp_user *user)
{
	int ret;

	if (!on->skb)
		return vnp_udp_send_first(on, dgram, msg, user);
	if (vnp_udp_send_fits(on, __this_cpu_read(vnp_udp_source.hops),
			      vnp_udp_msg_len(msg))) {
		ret = vnp_udp_send_append(on->skb, dgram, msg);
		if (!ret)
			on->cnt++;
		if (ret <= 0)
			return ret;
	}
	vnp_send_flush(&on->entry);
	return vnp_udp_send_first(on, dgram, msg, user);
}

/* A limit is reached. */
static int vnp_udp_send_refuse(struct vnp_link *link, struct vnp_target_cpu *on)
{
	vnp_link_error(link, VNP_ERROR_RATE, 1);
	vnp_target_error(on, VNP_ERROR_RATE, 1);
	return -EDQUOT;
}

int vnp_udp_send(struct vnp_dgram *dgram, struct vnp_target *target,
		 const struct vnp_send_msg *msg)
{
	const struct vnp_dispatch *dispatch = container_of(dgram, struct vnp_dispatch, dgram);
	struct vnp_target_cpu *on = this_cpu_ptr(target->cpu);
	struct vnp_link *link = dispatch->link;
	int ret;

	if (!msg->again && !vnp_udp_source_lasts(dgram))
		vnp_udp_source_forget(this_cpu_ptr(&vnp_udp_source));
	/* Pairs with vnp_peers_give(). */
	if (unlikely(!smp_load_acquire(&target->sk)))
		return -ENOENT;
	if (vnp_udp_msg_len(msg) > VNP_UDP_SEND_MAX) {
		vnp_target_error(on, VNP_ERROR_LENGTH, 1);
		return -EMSGSIZE;
	}
	if (unlikely(!vnp_send_draw(link->user, vnp_udp_msg_len(msg))))
		return vnp_udp_send_refuse(link, on);
	if (likely(vnp_udp_send_quick(on, dgram, msg)))
		return 0;
	ret = vnp_udp_send_any(on, dgram, msg, link->user);
	if (unlikely(ret == -ENOMEM))
		vnp_target_error(on, VNP_ERROR_MEMORY, 1);
	else if (unlikely(ret == -EDQUOT))
		vnp_udp_send_refuse(link, on);
	return ret;
}
