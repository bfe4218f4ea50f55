/* SPDX-License-Identifier: GPL-2.0 */
/*
 * struct vnp_cursor: the bytes of a packet, fragment by fragment.
 *
 * They are in the linear data, in page fragments, and in the packets of the fragment
 * list, which have linear data and page fragments of their own.  Positions are relative
 * to skb->data.
 *
 * Context of all functions here: softirqs off.
 */
#ifndef _VNP_PATH_CURSOR_H
#define _VNP_PATH_CURSOR_H

#include <linux/mm.h>
#include <linux/skbuff.h>

/**
 * struct vnp_cursor - a fragment of a packet; moves forwards only
 * @skb:	the packet, or one in its fragment list; NULL after the last fragment
 * @frag:	the next page fragment of @skb
 * @frag_end:	the end of its array of page fragments
 * @base:	the address of position 0 if all bytes before were contiguous with this
 *		fragment; NULL if it is not in the kernel's address space
 * @end:	position after the fragment
 */
struct vnp_cursor {
	struct sk_buff *skb;
	const skb_frag_t *frag;
	const skb_frag_t *frag_end;
	void *base;
	u32 end;
};

/* vnp_frag_mapped() - is a page fragment in the kernel's address space? */
static __always_inline bool vnp_frag_mapped(const skb_frag_t *frag)
{
	const struct page *page = skb_frag_page(frag);

	return page && !PageHighMem(page);
}

/* vnp_frag_address() - of a page fragment that is mapped */
static __always_inline void *vnp_frag_address(const skb_frag_t *frag)
{
	return page_address(skb_frag_page(frag)) + skb_frag_off(frag);
}

/* vnp_cursor_linear() - move to the linear data of @from */
static __always_inline void vnp_cursor_linear(struct vnp_cursor *cursor,
					      struct sk_buff *from)
{
	cursor->skb = from;
	cursor->frag = skb_shinfo(from)->frags;
	cursor->frag_end = cursor->frag + skb_shinfo(from)->nr_frags;
	cursor->base = from->data - cursor->end;
	cursor->end += skb_headlen(from);
}

/* vnp_cursor_first() - place the cursor on the first fragment of @skb */
static __always_inline void vnp_cursor_first(struct vnp_cursor *cursor,
					     struct sk_buff *skb)
{
	cursor->end = 0;
	vnp_cursor_linear(cursor, skb);
}

/* vnp_skb_next() - the packet that follows @from in @skb and its fragment list */
static __always_inline struct sk_buff *vnp_skb_next(const struct sk_buff *from,
						    const struct sk_buff *skb)
{
	return from == skb ? skb_shinfo(skb)->frag_list : from->next;
}

/* vnp_cursor_next_skb() - move from the end of a packet to the next in @skb's fragment list */
static __always_inline void vnp_cursor_next_skb(struct vnp_cursor *cursor,
						const struct sk_buff *skb)
{
	struct sk_buff *from = vnp_skb_next(cursor->skb, skb);

	if (from) {
		vnp_cursor_linear(cursor, from);
		return;
	}
	cursor->skb = NULL;
	cursor->base = NULL;
	cursor->end = U32_MAX;
}

/* vnp_cursor_next() - move to the next fragment of @skb */
static __always_inline void vnp_cursor_next(struct vnp_cursor *cursor,
					    const struct sk_buff *skb)
{
	const skb_frag_t *frag = cursor->frag;

	if (unlikely(frag == cursor->frag_end)) {
		vnp_cursor_next_skb(cursor, skb);
		return;
	}
	cursor->base = likely(vnp_frag_mapped(frag)) ?
		      vnp_frag_address(frag) - cursor->end : NULL;
	cursor->end += skb_frag_size(frag);
	cursor->frag++;
}

/**
 * vnp_cursor_whole() - move to the next fragment if it is exactly one datagram
 * @cursor:	at the end of a datagram and of a fragment; its @base is not updated
 * @skb:	the packet
 * @size:	payload of the datagram
 * @data:	out: address of the payload
 *
 * Return: false, without changes, if it is not, or is not mapped.
 */
static __always_inline bool vnp_cursor_whole(struct vnp_cursor *cursor,
					     const struct sk_buff *skb, u32 size,
						void **data)
{
	const skb_frag_t *frag = cursor->frag;
	struct sk_buff *from;

	if (likely(frag != cursor->frag_end)) {
		if (unlikely(skb_frag_size(frag) != size || !vnp_frag_mapped(frag)))
			return false;
		*data = vnp_frag_address(frag);
		cursor->frag++;
		cursor->end += size;
		return true;
	}
	from = vnp_skb_next(cursor->skb, skb);
	if (!from || skb_headlen(from) != size)
		return false;
	vnp_cursor_linear(cursor, from);
	*data = from->data;
	return true;
}

/*
 * vnp_cursor_skip() - skip page fragments before position @pos, without their addresses: then
 * vnp_cursor_find() has few to move over.  The cursor is on the linear data of @skb
 */
static __always_inline void vnp_cursor_skip(struct vnp_cursor *cursor,
					    const struct sk_buff *skb, u32 pos)
{
	const skb_frag_t *frag = cursor->frag;
	u32 end = cursor->end;

	if (pos > skb->len / 2 && !skb_has_frag_list(skb)) {
		/* From the last one backwards: TCP appends to packets. */
		end = skb->len;
		frag = cursor->frag_end;
		while (frag != cursor->frag && end > pos)
			end -= skb_frag_size(--frag);
	} else {
		for (; frag != cursor->frag_end && pos >= end + skb_frag_size(frag); frag++)
			end += skb_frag_size(frag);
	}
	cursor->frag = frag;
	cursor->end = end;
}

/* vnp_cursor_find() - move to the fragment that holds position @pos of @skb */
static __always_inline void vnp_cursor_find(struct vnp_cursor *cursor,
					    const struct sk_buff *skb, u32 pos)
{
	if (pos < cursor->end)
		return;
	do {
		vnp_cursor_next(cursor, skb);
	} while (unlikely(pos >= cursor->end));
}

/* vnp_cursor_writable() - does nobody else reference the fragment's bytes? */
static inline bool vnp_cursor_writable(const struct vnp_cursor *cursor,
				       const struct sk_buff *skb)
{
	const bool linear = cursor->skb &&
			    cursor->frag == skb_shinfo(cursor->skb)->frags;

	/* Clones of @skb share the packets of its fragment list. */
	return linear && !skb_cloned(cursor->skb) && !skb_cloned(skb) &&
	       (cursor->skb == skb || !skb_shared(cursor->skb));
}

#endif /* _VNP_PATH_CURSOR_H */
