// SPDX-License-Identifier: GPL-2.0
#include "kmod/udp/release.h"

#include <linux/skbuff.h>
#include <linux/udp.h>
#include <net/sock.h>
#include <net/udp.h>

#include "kmod/core/compat.h"
#include "kmod/hold/hold.h"
#include "kmod/link/link.h"
#include "kmod/path/cursor.h"
#include "kmod/udp/enqueue.h"
#include "kmod/udp/gro.h"
#include "kmod/udp/merge.h"
#include "kmod/udp/packet.h"

/*
 * A message whose fragments have fewer bytes, on average, is copied to linear memory: recvmsg()
 * takes more for each fragment of a packet than the copy does, and a fragment holds the memory
 * of its packet.
 */
#define VNP_UDP_COPY_MAX	256

bool vnp_udp_keep(struct vnp_link *link, struct sock *sk, struct sk_buff *skb)
{
	/* What says that it is a super-packet is shared with clones. */
	if (skb_is_gso(skb) && skb_unclone(skb, GFP_ATOMIC)) {
		kfree_skb(skb);
		return false;
	}
	if (skb_is_gso(skb))
		skb_gso_reset(skb);
	else
		vnp_udp_merge_consumed(link, skb);
	skb_orphan(skb);
	vnp_udp_put_route(sk, skb);
	skb->dev = NULL;
	/* It was verified, and the program may have changed it. */
	skb->ip_summed = CHECKSUM_UNNECESSARY;
	return true;
}

/*
 * ---- The bytes of a message ----------------------------------------------
 */

/* Positions of the payload of a datagram that belongs to the message */
struct vnp_udp_range {
	u32 start;
	u32 end;
	u32 next;	/* where the next datagram begins */
};

static struct vnp_udp_range vnp_udp_range(const struct sk_buff *skb, u32 pos)
{
	const struct vnp_hold_cb *cb = vnp_hold_cb(skb);
	const u32 next = skb->len - pos > cb->size ? pos + cb->size : skb->len;

	return (struct vnp_udp_range){
		.start = min(pos + cb->from, next),
		.end = next,
		.next = next,
	};
}

static bool vnp_udp_is_single(const struct sk_buff *skb)
{
	return skb->len - sizeof(struct udphdr) <= vnp_hold_cb(skb)->size;
}

/* Is each memory of a packet exactly one datagram?  Only the last may be shorter. */
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

/* Can bytes of each datagram be removed where they are?  @skb is at its payload. */
static bool vnp_udp_strips(struct sk_buff *skb, u32 size, u32 from)
{
	struct sk_buff *part;
	u32 left = skb->len;

	if (skb_cloned(skb) || !vnp_udp_skb_fits(skb, size, from, &left))
		return false;
	skb_walk_frags(skb, part) {
		if (skb_shared(part) || skb_cloned(part) ||
		    !vnp_udp_skb_fits(part, size, from, &left))
			return false;
	}
	return !left;
}

/* Return: bytes removed from the packet itself */
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
	struct sk_buff *part;
	u32 removed;

	vnp_udp_strip_skb(skb, from);
	skb_walk_frags(skb, part) {
		removed = vnp_udp_strip_skb(part, from);
		skb->len -= removed;
		skb->data_len -= removed;
	}
}

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
 * skb_unclone() copies the head of a fragment list; what is in the list remains shared with
 * clones.  As __pskb_pull_tail() does it.
 */
static int vnp_udp_own_list(struct sk_buff *skb)
{
	struct sk_buff **at = &skb_shinfo(skb)->frag_list, *part, *own;

	for (; (part = *at); at = &own->next) {
		own = part;
		if (!skb_shared(part))
			continue;
		own = skb_clone(part, GFP_ATOMIC);
		if (!own)
			return -ENOMEM;
		own->next = part->next;
		*at = own;
		consume_skb(part);
	}
	return 0;
}

/* The first packet gets the others: its fragment list must not be shared. */
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

/* Add the bytes of a packet, which is consumed. */
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

/* A packet whose datagrams are not a fragment each: make a packet of each. */
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

/*
 * Packets that had to be made of others take more memory than was charged.  The message may
 * have as much as the kernel would grant it now.
 */
static int vnp_udp_recharge(struct sock *sk, struct sk_buff *skb, u32 charge)
{
	const unsigned int rmem = atomic_read(&sk->sk_rmem_alloc) - charge;

	if (skb->truesize <= charge) {
		skb->truesize = charge;
		return 0;
	}
	if (!vnp_udp_rcvbuf_takes(rmem, skb->truesize, READ_ONCE(sk->sk_rcvbuf)) ||
	    !vnp_udp_charge(sk, skb->truesize - charge))
		return -ENOMEM;
	return 0;
}

/* Return: bytes for which a copy needs space; 0: it is not worth it, or does not fit a page */
static u32 vnp_udp_copy_room(const struct sk_buff *list)
{
	const u32 head = skb_headroom(list) + sizeof(struct udphdr);
	const struct sk_buff *skb;
	u32 room = 0, cnt = 0, len, max;

	if ((!list->next && vnp_udp_is_single(list)) || head >= SKB_MAX_HEAD(0))
		return 0;
	max = min_t(u32, SKB_MAX_HEAD(head), VNP_MESSAGE_MAX);
	for (skb = list; skb; skb = skb->next) {
		len = skb->len - sizeof(struct udphdr);
		room += len;
		cnt += vnp_udp_is_single(skb) ? 1 : len / vnp_hold_cb(skb)->size;
		if (room > max)
			return 0;
	}
	return room <= cnt * VNP_UDP_COPY_MAX ? room : 0;
}

/* Return: where the next bytes go; NULL: there are bytes that cannot be read */
static u8 *vnp_udp_copy_range(u8 *to, struct sk_buff *skb, struct vnp_cursor *cursor,
			      u32 start, u32 end)
{
	u32 len;

	for (; start < end; start += len, to += len) {
		vnp_cursor_find(cursor, skb, start);
		len = min(end, cursor->end) - start;
		if (likely(cursor->base))
			memcpy(to, cursor->base + start, len);
		else if (skb_copy_bits(skb, start, to, len))
			return NULL;
	}
	return to;
}

/* Likewise, of a packet.  Mostly each fragment of it is a datagram. */
static u8 *vnp_udp_copy_packet(u8 *to, struct sk_buff *skb)
{
	const u32 size = vnp_hold_cb(skb)->size, from = vnp_hold_cb(skb)->from;
	struct vnp_udp_range range;
	struct vnp_cursor cursor;
	u32 pos;
	void *data;

	vnp_cursor_first(&cursor, skb);
	for (pos = sizeof(struct udphdr); pos < skb->len; pos = range.next) {
		range = vnp_udp_range(skb, pos);
		to = vnp_udp_copy_range(to, skb, &cursor, range.start, range.end);
		if (unlikely(!to))
			return NULL;
		if (range.next != cursor.end || from > size)
			continue;
		while (vnp_cursor_whole(&cursor, skb, size, &data)) {
			memcpy(to, data + from, size - from);
			to += size - from;
		}
		range.next = cursor.end;
	}
	return to;
}

/* Return: a copy of a message, as one datagram; or NULL, if it is better not copied */
static struct sk_buff *vnp_udp_copy(struct sk_buff *list)
{
	const u32 room = vnp_udp_copy_room(list);
	struct sk_buff *new, *skb;
	u8 *to;

	new = room ? vnp_udp_packet_head(list, room) : NULL;
	if (!new)
		return NULL;
	__skb_pull(new, sizeof(struct udphdr));
	to = new->data;
	for (skb = list; skb && to; skb = skb->next)
		to = vnp_udp_copy_packet(to, skb);
	if (unlikely(!to)) {
		kfree_skb(new);
		return NULL;
	}
	skb_put(new, to - new->data);
	return new;
}

/* Deliver a copy of a message.  Return: false, without changes, if that is not possible */
static bool vnp_udp_release_copy(struct sock *sk, struct sk_buff *list, u32 charge)
{
	struct sk_buff *new = vnp_udp_copy(list), *skb, *next;

	if (!new)
		return false;
	if (new->truesize >= charge && vnp_udp_recharge(sk, new, charge)) {
		kfree_skb(new);
		return false;
	}
	for (skb = list; skb; skb = next) {
		next = skb->next;
		skb_mark_not_on_list(skb);
		consume_skb(skb);
	}
	if (new->truesize < charge)
		vnp_udp_uncharge(sk, charge - new->truesize);
	vnp_udp_enqueue_charged(sk, new);
	return true;
}

int vnp_udp_release(struct sock *sk, struct sk_buff *list, u32 charge)
{
	struct vnp_udp_message message = {};
	struct sk_buff *skb;
	int ret;

	if (vnp_udp_release_copy(sk, list, charge))
		return 0;
	ret = vnp_udp_message_add_all(&message, list);
	skb = message.skb;
	if (!ret)
		ret = vnp_udp_recharge(sk, skb, charge);
	if (ret) {
		kfree_skb(skb);
		vnp_udp_uncharge(sk, charge);
		return ret;
	}
	skb->ip_summed = CHECKSUM_UNNECESSARY;
	vnp_udp_enqueue_charged(sk, skb);
	return 0;
}

/*
 * ---- Each datagram -------------------------------------------------------
 */

/* An application that asked for super-packets gets one if nothing is removed from it. */
static bool vnp_udp_stays_batch(const struct vnp_link *link, const struct sock *sk,
				const struct sk_buff *skb)
{
	return !vnp_hold_cb(skb)->from && vnp_udp_gro_wanted(link, sk);
}

/* Return: number of datagrams for which there is no memory, as below */
static u32 vnp_udp_release_batch(struct sock *sk, struct sk_buff *skb)
{
	const u32 size = vnp_hold_cb(skb)->size;
	const u32 cnt = DIV_ROUND_UP(skb->len - sizeof(struct udphdr), size);

	skb_shinfo(skb)->gso_size = size;
	skb_shinfo(skb)->gso_segs = cnt;
	skb_shinfo(skb)->gso_type = SKB_GSO_UDP_L4;
	__skb_pull(skb, sizeof(struct udphdr));
	return vnp_udp_enqueue_prepared(sk, skb) ? 0 : cnt;
}

static u32 vnp_udp_release_cuts(struct sock *sk, struct sk_buff *skb)
{
	struct vnp_udp_range range;
	struct sk_buff *cut;
	u32 pos, failed = 0;

	for (pos = sizeof(struct udphdr); pos < skb->len; pos = range.next) {
		range = vnp_udp_range(skb, pos);
		cut = vnp_udp_packet_cut(skb, range.start, range.end,
					 range.end - range.start);
		if (!cut) {
			failed++;
			continue;
		}
		__skb_pull(cut, sizeof(struct udphdr));
		failed += !vnp_udp_enqueue_prepared(sk, cut);
	}
	consume_skb(skb);
	return failed;
}

static u32 vnp_udp_release_single(struct sock *sk, struct sk_buff *skb)
{
	const struct vnp_udp_range range = vnp_udp_range(skb, sizeof(struct udphdr));

	if (!pskb_pull(skb, range.start)) {
		kfree_skb(skb);
		return 1;
	}
	return !vnp_udp_enqueue_prepared(sk, skb);
}

u32 vnp_udp_release_each(struct vnp_link *link, struct sock *sk, struct sk_buff *list,
			 u32 charge)
{
	struct sk_buff *skb, *next;
	u32 failed = 0;

	vnp_udp_uncharge(sk, charge);
	for (skb = list; skb; skb = next) {
		next = skb->next;
		skb_mark_not_on_list(skb);
		if (vnp_udp_is_single(skb))
			failed += vnp_udp_release_single(sk, skb);
		else if (vnp_udp_stays_batch(link, sk, skb))
			failed += vnp_udp_release_batch(sk, skb);
		else
			failed += vnp_udp_release_cuts(sk, skb);
	}
	return failed;
}
