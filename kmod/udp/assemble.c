// SPDX-License-Identifier: GPL-2.0
/*
 * The datagram is the first packet, which has all others in its fragment list.  Bytes that do not
 * belong to the message are removed in place if the packet is not shared; otherwise packets that
 * leave them out are made of it.
 */
#include "kmod/udp/assemble.h"

#include <linux/skbuff.h>
#include <linux/udp.h>

#include "kmod/udp/held.h"
#include "kmod/udp/packet.h"

/*
 * ---- Bytes that do not belong to the message ----------------------------
 */

/* Is each buffer of a packet, linear or fragment, one datagram?  Only the last may be shorter. */
static bool vnp_udp_skb_fits(const struct sk_buff *skb, u32 size, u32 from, u32 *left)
{
	const struct skb_shared_info *shinfo = skb_shinfo(skb);
	u32 len = skb_headlen(skb), i;

	if (len && (len != min(size, *left) || len <= from))
		return false;
	*left -= len;
	for (i = 0; i < shinfo->nr_frags; i++) {
		len = skb_frag_size(&shinfo->frags[i]);
		if (len != min(size, *left) || len <= from)
			return false;
		*left -= len;
	}
	return true;
}

/* Can bytes of each datagram be removed in place?  @skb is at its payload. */
static bool vnp_udp_strips(struct sk_buff *skb, u32 size, u32 from)
{
	struct sk_buff *iter;
	u32 left = skb->len;

	if (skb_cloned(skb) || !vnp_udp_skb_fits(skb, size, from, &left))
		return false;
	skb_walk_frags(skb, iter) {
		if (skb_shared(iter) || skb_cloned(iter) ||
		    !vnp_udp_skb_fits(iter, size, from, &left))
			return false;
	}
	return !left;
}

/* Remove them from a packet, but not from its fragment list.  Return: how many */
static u32 vnp_udp_strip_skb(struct sk_buff *skb, u32 from)
{
	struct skb_shared_info *shinfo = skb_shinfo(skb);
	const u32 len = skb->len;
	u32 i;

	if (skb_headlen(skb))
		__skb_pull(skb, from);
	for (i = 0; i < shinfo->nr_frags; i++) {
		skb_frag_off_add(&shinfo->frags[i], from);
		skb_frag_size_sub(&shinfo->frags[i], from);
		skb->len -= from;
		skb->data_len -= from;
	}
	return len - skb->len;
}

static void vnp_udp_strip(struct sk_buff *skb, u32 from)
{
	struct sk_buff *iter;
	u32 removed;

	vnp_udp_strip_skb(skb, from);
	skb_walk_frags(skb, iter) {
		removed = vnp_udp_strip_skb(iter, from);
		skb->len -= removed;
		skb->data_len -= removed;
	}
}

/*
 * ---- The datagram -------------------------------------------------------
 */

/**
 * struct vnp_udp_message - a datagram being made of packets
 * @skb:	its first packet, which has all others in its fragment list
 * @last:	the last of those
 */
struct vnp_udp_message {
	struct sk_buff *skb;
	struct sk_buff *last;
};

/*
 * skb_unclone() copies the pointer to a fragment list; the packets in the list remain shared with
 * clones.  Replace shared ones by clones, as __pskb_pull_tail() does.
 */
static int vnp_udp_own_list(struct sk_buff *skb)
{
	struct sk_buff **at = &skb_shinfo(skb)->frag_list, *iter, *own;

	for (; (iter = *at); at = &own->next) {
		own = iter;
		if (!skb_shared(iter))
			continue;
		own = skb_clone(iter, GFP_ATOMIC);
		if (!own)
			return -ENOMEM;
		own->next = iter->next;
		*at = own;
		consume_skb(iter);
	}
	return 0;
}

/* The others are added to the first packet's fragment list, which must not be shared. */
static int vnp_udp_message_begin(struct vnp_udp_message *message, struct sk_buff *skb)
{
	if (skb_unclone(skb, GFP_ATOMIC) || vnp_udp_own_list(skb)) {
		kfree_skb(skb);
		return -ENOMEM;
	}
	message->skb = skb;
	message->last = skb_shinfo(skb)->frag_list;
	while (message->last && message->last->next)
		message->last = message->last->next;
	return 0;
}

/* Add a packet.  It is consumed. */
static int vnp_udp_message_add(struct vnp_udp_message *message, struct sk_buff *skb)
{
	struct sk_buff *whole = message->skb;

	if (!whole)
		return vnp_udp_message_begin(message, skb);
	if (!skb->len) {
		consume_skb(skb);
		return 0;
	}
	skb_ext_reset(skb);
	if (message->last)
		message->last->next = skb;
	else
		skb_shinfo(whole)->frag_list = skb;
	message->last = skb;
	whole->len += skb->len;
	whole->data_len += skb->len;
	whole->truesize += skb->truesize;
	return 0;
}

static int vnp_udp_message_add_single(struct vnp_udp_message *message, struct sk_buff *skb)
{
	const struct vnp_udp_range range = vnp_udp_range(skb, sizeof(struct udphdr));

	if (!pskb_pull(skb, range.start)) {
		kfree_skb(skb);
		return -ENOMEM;
	}
	return vnp_udp_message_add(message, skb);
}

/* Cut a packet whose datagrams are not one fragment each into a packet for each, and add these. */
static int vnp_udp_message_add_cuts(struct vnp_udp_message *message, struct sk_buff *skb)
{
	struct vnp_udp_range range;
	struct sk_buff *cut;
	int ret = 0;
	u32 pos;

	for (pos = sizeof(struct udphdr); pos < skb->len && !ret; pos = range.next) {
		range = vnp_udp_range(skb, pos);
		cut = vnp_udp_packet_cut(skb, range.start, range.end,
					 range.end - range.start);
		if (!cut) {
			ret = -ENOMEM;
			break;
		}
		__skb_pull(cut, sizeof(struct udphdr));
		ret = vnp_udp_message_add(message, cut);
	}
	consume_skb(skb);
	return ret;
}

static int vnp_udp_message_add_batch(struct vnp_udp_message *message, struct sk_buff *skb)
{
	const struct vnp_hold_cb *cb = vnp_hold_cb(skb);

	__skb_pull(skb, sizeof(struct udphdr));
	if (cb->from) {
		if (!vnp_udp_strips(skb, cb->size, cb->from)) {
			__skb_push(skb, sizeof(struct udphdr));
			return vnp_udp_message_add_cuts(message, skb);
		}
		vnp_udp_strip(skb, cb->from);
	}
	return vnp_udp_message_add(message, skb);
}

static int vnp_udp_message_add_all(struct vnp_udp_message *message, struct sk_buff *list)
{
	struct sk_buff *skb, *next;
	int ret = 0;

	for (skb = list; skb && !ret; skb = next) {
		next = skb->next;
		skb_mark_not_on_list(skb);
		ret = vnp_udp_is_single(skb) ? vnp_udp_message_add_single(message, skb) :
					       vnp_udp_message_add_batch(message, skb);
	}
	if (!ret && message->skb->len > VNP_MESSAGE_MAX)
		ret = -EMSGSIZE;
	if (ret)
		kfree_skb_list(skb);
	return ret;
}

int vnp_udp_assemble(struct sk_buff *list, struct sk_buff **whole)
{
	struct vnp_udp_message message = {};
	int ret = vnp_udp_message_add_all(&message, list);

	*whole = message.skb;
	if (ret) {
		kfree_skb(message.skb);
		*whole = NULL;
	}
	return ret;
}
