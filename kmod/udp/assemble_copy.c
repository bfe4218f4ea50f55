// SPDX-License-Identifier: GPL-2.0
#include "kmod/udp/assemble.h"

#include <linux/skbuff.h>
#include <linux/udp.h>

#include "kmod/path/cursor.h"
#include "kmod/udp/held.h"
#include "kmod/udp/packet.h"

/*
 * A message whose fragments have at most this many bytes, on average, is copied to linear memory:
 * recvmsg() takes longer for each fragment of a packet than the copy does, and a fragment keeps the
 * memory of its packet.
 */
#define VNP_UDP_COPY_MAX	256

/* Return: bytes of space for a copy; 0: not worthwhile, or it would not fit the linear data */
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

/* Copy a range of a packet.  Return: the end of the copy; NULL: not all could be read */
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

/* Likewise, the bytes of all datagrams of a packet.  Most often each is one fragment. */
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

struct sk_buff *vnp_udp_assemble_copy(struct sk_buff *list)
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
