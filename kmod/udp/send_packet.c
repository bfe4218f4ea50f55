// SPDX-License-Identifier: GPL-2.0
#include "kmod/udp/send_packet.h"

#include <linux/mm.h>
#include <linux/skbuff.h>
#include <linux/udp.h>
#include <net/ipv6.h>

#include "kmod/crypto/seal.h"
#include "kmod/map/target.h"
#include "kmod/path/dgram.h"

/* Datagrams for which a fragment has space if it is not known how many will follow */
#define VNP_UDP_SEND_FOLLOWING	4

/* Space for the headers of all layers below */
#define VNP_UDP_SEND_HEADROOM	(LL_MAX_HEADER + sizeof(struct ipv6hdr) + sizeof(struct udphdr))

struct sk_buff *vnp_udp_send_alloc(u32 room)
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

/* Add the program's own bytes in a fragment, after other fragments of the packet. */
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

void vnp_udp_send_sync(struct vnp_pending *pending)
{
	struct sk_buff *skb = pending->skb;
	const u32 len = pending->len - skb->len, frags = skb_shinfo(skb)->nr_frags;

	if (!frags) {
		__skb_put(skb, len);
		return;
	}
	skb_frag_size_add(&skb_shinfo(skb)->frags[frags - 1], len);
	skb->len += len;
	skb->data_len += len;
}

/* How many datagrams will probably be added to a packet, this one included? */
static u32 vnp_udp_send_expected(const struct vnp_udp_sending *sending,
				 const struct vnp_dgram *dgram)
{
	if (!sending->more)
		return 1;
	if (!dgram->shared || !dgram->exec.ctx.len)
		return VNP_UDP_SEND_FOLLOWING;
	return DIV_ROUND_UP(dgram->skb->len - dgram->off, dgram->exec.ctx.len);
}

/*
 * Find space for a datagram of @len bytes, and for @cnt - 1 more that will probably follow, in
 * the linear data or in a new fragment.  The fragment is charged as a whole.  Return: 0; 1: there
 * are too many fragments; -ENOMEM
 */
static int vnp_udp_send_reserve(struct vnp_pending *pending, u32 len, u32 cnt)
{
	struct sk_buff *skb = pending->skb;
	const u32 frags = skb_shinfo(skb)->nr_frags;
	struct page_frag *space;
	u32 want;

	vnp_udp_send_sync(pending);
	if (!frags && skb_tailroom(skb) >= (int)len) {
		pending->to = skb_tail_pointer(skb);
		pending->space = skb_tailroom(skb);
		return 0;
	}
	if (frags == MAX_SKB_FRAGS)
		return 1;
	/* It is not the packet's first datagram: that has space in the linear data. */
	cnt = min_t(u32, cnt, pending->cnt_max - pending->cnt);
	want = min_t(u32, cnt * len, VNP_DATAGRAM_MAX - pending->len);
	/* Less is enough where a page ends. */
	space = vnp_udp_block_space(max(len, want / 4));
	if (!space || space->size - space->offset < len)
		return -ENOMEM;
	want = min(want, space->size - space->offset);
	get_page(space->page);
	skb_fill_page_desc(skb, frags, space->page, space->offset, 0);
	skb->truesize += want;
	pending->to = page_address(space->page) + space->offset;
	pending->space = want;
	space->offset += want;
	return 0;
}

/* Add a datagram by copying it.  Return: 1: there is no space; 0, -ENOMEM */
static int vnp_udp_send_copy(struct vnp_pending *pending, const struct vnp_udp_sending *sending,
			     const struct vnp_dgram *dgram, const struct vnp_send_msg *msg)
{
	const u32 len = vnp_udp_msg_len(msg);
	int ret;

	if (pending->space < len) {
		ret = vnp_udp_send_reserve(pending, len, vnp_udp_send_expected(sending, dgram));
		if (ret)
			return ret;
	}
	memcpy(pending->to, msg->head, msg->head_len);
	if (vnp_udp_payload_copy(pending->to + msg->head_len, dgram, msg->off, msg->len))
		return -ENOMEM;
	pending->to += len;
	pending->space -= len;
	pending->len += len;
	return 0;
}

/* Maximum number of fragments that a datagram takes */
static u32 vnp_udp_send_frags(const struct vnp_udp_sending *sending,
			      const struct vnp_send_msg *msg)
{
	return sending->block->frag_cnt - sending->frag + !!msg->head_len;
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
	if (skb->len && skb_shinfo(skb)->nr_frags + vnp_udp_send_frags(sending, msg) >
			MAX_SKB_FRAGS)
		return 1;
	if (msg->head_len) {
		if (!skb_is_nonlinear(skb) && skb_tailroom(skb) >= msg->head_len)
			skb_put_data(skb, msg->head, msg->head_len);
		else if (vnp_udp_send_head(skb, msg))
			return -ENOMEM;
	}
	vnp_udp_block_put_in(sending->block, skb, sending->frag,
			     sending->at - sending->frag_at + dgram->off + msg->off - sending->off,
			     msg->len);
	return 0;
}

/* Copy a datagram to private memory, and seal it there.  Return: 0, or an errno */
static int vnp_udp_send_seal_to(void *to, const struct vnp_dgram *dgram,
				const struct vnp_send_msg *msg)
{
	memcpy(to, msg->head, msg->head_len);
	if (vnp_udp_payload_copy(to + msg->head_len, dgram, msg->off, msg->len))
		return -ENOMEM;
	return vnp_sealing_apply(msg->sealing, to, msg->head_len + msg->len);
}

/* Add a sealed datagram to the linear data, which has space for it.  Return: 0, or an errno */
static int vnp_udp_send_seal_linear(struct sk_buff *skb, const struct vnp_dgram *dgram,
				    const struct vnp_send_msg *msg)
{
	const u32 len = skb->len;
	int ret;

	ret = vnp_udp_send_seal_to(skb_put(skb, vnp_udp_msg_len(msg)), dgram, msg);
	if (ret)
		skb_trim(skb, len);
	return ret;
}

/* Add a sealed datagram that is longer than a page, as a fragment.  Return: 0, or an errno */
static int vnp_udp_send_seal_pages(struct sk_buff *skb, const struct vnp_dgram *dgram,
				   const struct vnp_send_msg *msg)
{
	const u32 len = vnp_udp_msg_len(msg), order = get_order(len);
	struct page *page = alloc_pages(GFP_ATOMIC | __GFP_COMP | __GFP_NOWARN, order);
	int ret;

	if (!page)
		return -ENOMEM;
	ret = vnp_udp_send_seal_to(page_address(page), dgram, msg);
	if (!ret) {
		vnp_udp_block_add_to(skb, page, 0, len);
		skb->truesize += (PAGE_SIZE << order) - len;
	}
	put_page(page);
	return ret;
}

/* Add a sealed datagram.  Return: 0; 1: the packet has no space for it; or an errno */
static int vnp_udp_send_sealed(struct sk_buff *skb, const struct vnp_dgram *dgram,
			       const struct vnp_send_msg *msg)
{
	const u32 len = vnp_udp_msg_len(msg);
	struct page_frag *space;
	int ret;

	if (len <= VNP_UDP_SEND_SHORT && !skb_is_nonlinear(skb) && skb_tailroom(skb) >= len)
		return vnp_udp_send_seal_linear(skb, dgram, msg);
	if (skb_shinfo(skb)->nr_frags == MAX_SKB_FRAGS)
		return 1;
	if (len > PAGE_SIZE)
		return vnp_udp_send_seal_pages(skb, dgram, msg);
	space = vnp_udp_block_space(len);
	if (!space)
		return -ENOMEM;
	ret = vnp_udp_send_seal_to(page_address(space->page) + space->offset, dgram, msg);
	if (ret)
		return ret;
	vnp_udp_block_add_to(skb, space->page, space->offset, len);
	space->offset += len;
	return 0;
}

int vnp_udp_send_append(struct vnp_pending *pending, struct vnp_udp_sending *sending,
			const struct vnp_dgram *dgram, const struct vnp_send_msg *msg)
{
	int ret;

	if (!msg->sealing && vnp_udp_send_copies(sending, dgram, msg))
		return vnp_udp_send_copy(pending, sending, dgram, msg);
	vnp_udp_send_sync(pending);
	pending->space = 0;
	if (msg->sealing)
		ret = vnp_udp_send_sealed(pending->skb, dgram, msg);
	else
		ret = vnp_udp_send_refer(pending->skb, sending, dgram, msg);
	pending->len = pending->skb->len;
	return ret;
}
