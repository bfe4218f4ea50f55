// SPDX-License-Identifier: GPL-2.0
#include "kmod/udp/packet.h"

#include <linux/ip.h>
#include <linux/ipv6.h>
#include <net/ip.h>
#include <net/ip6_checksum.h>
#include <net/udp.h>

#include "kmod/core/compat.h"
#include "kmod/path/batch.h"

struct sk_buff *vnp_udp_packet_head(const struct sk_buff *skb, u32 room)
{
	const u32 headroom = skb_headroom(skb);
	const int first = vnp_batch_headers(skb);
	struct sk_buff *new;

	new = alloc_skb(headroom + sizeof(struct udphdr) + room, GFP_ATOMIC);
	if (!new)
		return NULL;
	skb_reserve(new, headroom);
	skb_put(new, sizeof(struct udphdr));
	skb_copy_header(new, skb);
	new->mac_len = skb->mac_len;
	skb_shinfo(new)->hwtstamps = skb_shinfo(skb)->hwtstamps;
	skb_shinfo(new)->tx_flags |= skb_shinfo(skb)->tx_flags & SKBTX_HW_TSTAMP_NETDEV;
	memcpy(new->data + first, skb->data + first,
	       sizeof(struct udphdr) - first);
	return new;
}

u32 vnp_udp_packet_max(const struct sk_buff *skb)
{
	u32 headers = skb_network_header_len(skb) + sizeof(struct udphdr);

	/* IPv6 does not count its own header. */
	if (skb->protocol == htons(ETH_P_IPV6))
		headers -= sizeof(struct ipv6hdr);
	return U16_MAX - headers;
}

void vnp_udp_packet_seal(struct sk_buff *skb, u32 size)
{
	struct skb_shared_info *shinfo = skb_shinfo(skb);
	const u32 len = skb->len - sizeof(struct udphdr);
	struct udphdr *uh = udp_hdr(skb);

	shinfo->gso_size = len > size ? size : 0;
	shinfo->gso_segs = len > size ? DIV_ROUND_UP(len, size) : 0;
	shinfo->gso_type = len > size ? SKB_GSO_UDP_L4 : 0;

	skb->csum_valid = 1;
	skb->ip_summed = CHECKSUM_PARTIAL;
	skb->csum_start = skb_transport_header(skb) - skb->head;
	skb->csum_offset = offsetof(struct udphdr, check);
	uh->len = htons(skb->len);
	if (skb->protocol == htons(ETH_P_IPV6)) {
		struct ipv6hdr *iph = ipv6_hdr(skb);

		iph->payload_len = htons(skb->len - skb_network_offset(skb) -
					 sizeof(*iph));
		uh->check = ~udp_v6_check(skb->len, &iph->saddr, &iph->daddr, 0);
	} else {
		struct iphdr *iph = ip_hdr(skb);

		iph->tot_len = htons(skb->len - skb_network_offset(skb));
		ip_send_check(iph);
		uh->check = ~udp_v4_check(skb->len, iph->saddr, iph->daddr, 0);
	}
}

/* Bytes of linear data between two positions */
static u32 vnp_udp_linear(const struct sk_buff *skb, u32 start, u32 end)
{
	const u32 headlen = skb_headlen(skb);

	return start < headlen ? min(end, headlen) - start : 0;
}

/* Share a range of a page fragment of @from with @to. */
static void vnp_udp_share_frag(struct sk_buff *to, const skb_frag_t *from,
			       u32 start, u32 end)
{
	struct skb_shared_info *shinfo = skb_shinfo(to);
	skb_frag_t *frag = &shinfo->frags[shinfo->nr_frags++];

	*frag = *from;
	__skb_frag_ref(frag);
	skb_frag_off_add(frag, start);
	skb_frag_size_set(frag, end - start);
	to->len += end - start;
	to->data_len += end - start;
	to->truesize += end - start;
}

/* Add a range of @from, as far as it is not in a fragment list, to a new @to. */
static void vnp_udp_share(struct sk_buff *to, const struct sk_buff *from,
			  u32 start, u32 end)
{
	const struct skb_shared_info *shinfo = skb_shinfo(from);
	u32 pos = skb_headlen(from), linear, next, i;

	linear = vnp_udp_linear(from, start, end);
	skb_put_data(to, from->data + start, linear);
	to->pfmemalloc |= from->pfmemalloc;
	skb_shinfo(to)->flags |= shinfo->flags & SKBFL_SHARED_FRAG;

	for (i = 0; i < shinfo->nr_frags && pos < end; i++, pos = next) {
		next = pos + skb_frag_size(&shinfo->frags[i]);
		if (start < next)
			vnp_udp_share_frag(to, &shinfo->frags[i],
					   max(start, pos) - pos,
					   min(end, next) - pos);
	}
}

/* Share a range of @from, a packet in a fragment list, with a new packet for another list. */
static struct sk_buff *vnp_udp_share_skb(struct sk_buff *from, u32 start, u32 end)
{
	struct sk_buff *new;

	if (!start && end == from->len)
		return skb_clone(from, GFP_ATOMIC);
	new = alloc_skb(vnp_udp_linear(from, start, end), GFP_ATOMIC);
	if (new)
		vnp_udp_share(new, from, start, end);
	return new;
}

/* Append @other to @skb's fragment list, after @last. */
static void vnp_udp_append(struct sk_buff *skb, struct sk_buff *last,
			   struct sk_buff *other)
{
	if (last)
		last->next = other;
	else
		skb_shinfo(skb)->frag_list = other;
	skb->len += other->len;
	skb->data_len += other->len;
	skb->truesize += other->truesize;
}

struct sk_buff *vnp_udp_packet_cut(struct sk_buff *skb, u32 start, u32 end, u32 size)
{
	struct sk_buff *new, *other, *shared, *last = NULL;
	u32 pos = skb_pagelen(skb), next;

	new = vnp_udp_packet_head(skb, vnp_udp_linear(skb, start, end));
	if (!new)
		return NULL;
	vnp_udp_share(new, skb, start, end);

	skb_walk_frags(skb, other) {
		next = pos + other->len;
		if (pos < end && start < next) {
			shared = vnp_udp_share_skb(other, max(start, pos) - pos,
						   min(end, next) - pos);
			if (!shared) {
				kfree_skb(new);
				return NULL;
			}
			vnp_udp_append(new, last, shared);
			last = shared;
		}
		pos = next;
	}
	vnp_udp_packet_seal(new, size);
	return new;
}

struct sk_buff *vnp_udp_packet_copy(struct sk_buff *skb, u32 start, u32 len)
{
	struct sk_buff *new = vnp_udp_packet_head(skb, len);

	if (!new)
		return NULL;
	if (skb_copy_bits(skb, start, skb_put(new, len), len)) {
		kfree_skb(new);
		return NULL;
	}
	vnp_udp_packet_seal(new, len);
	return new;
}

/*
 * Add a datagram to @skb, whose last packet in the fragment list is @last.  Data in pages is
 * coalesced with the packet before, since each packet is charged to the socket.  A packet in
 * the list has linear data of one datagram at most: skb_segment() relies on it.
 *
 * Return: the last packet
 */
static struct sk_buff *vnp_udp_add(struct sk_buff *skb, struct sk_buff *last,
				   struct sk_buff *other)
{
	struct sk_buff *to = last ?: skb;
	const u32 len = other->len;
	bool stolen;
	int delta;

	if (skb_headlen(other) || !skb_is_nonlinear(to) ||
	    !skb_try_coalesce(to, other, &stolen, &delta)) {
		vnp_udp_append(skb, last, other);
		return other;
	}
	kfree_skb_partial(other, stolen);
	if (last) {
		skb->len += len;
		skb->data_len += len;
		skb->truesize += delta;
	}
	return last;
}

struct sk_buff *vnp_udp_packet_join(struct sk_buff *list, u32 size)
{
	struct sk_buff *skb = list, *last = NULL, *other, *next;

	other = skb->next;
	skb_mark_not_on_list(skb);
	for (; other; other = next) {
		next = other->next;
		skb_mark_not_on_list(other);
		__skb_pull(other, sizeof(struct udphdr));
		/* Only the payload is needed, maybe for long: put all other references. */
		skb_dst_drop(other);
		nf_reset_ct(other);
		skb_ext_reset(other);
		last = vnp_udp_add(skb, last, other);
	}
	vnp_udp_packet_seal(skb, size);
	return skb;
}
