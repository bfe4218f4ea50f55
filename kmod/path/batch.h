/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Runs: neighbouring datagrams of one flow that share a fate.
 *
 * Datagrams come in packets.  A packet holds one of them, or up to 64 that GRO has
 * merged (a super-packet): one header, then the payloads one behind the other, each
 * skb_shinfo()->gso_size bytes long but for the last, which may be shorter.  The
 * bytes lie in pieces: the linear part, pages, and packets in a fragment list with
 * linear parts and pages of their own.
 *
 * A run is a range of such a packet.  As long as it is the whole packet nothing is
 * done to it: the packet goes where the run goes.  Else vnp_run_cut() makes a packet
 * of the run, which shares the payload with the one it came from.
 *
 * Positions count from skb->data, which is at the UDP header.  Context of all that
 * is here: softirqs off.
 */
#ifndef _VNP_PATH_BATCH_H
#define _VNP_PATH_BATCH_H

#include <linux/mm.h>
#include <linux/skbuff.h>
#include <linux/udp.h>

/* vnp_run_size() - payload of each datagram in a packet but the last */
static __always_inline u32 vnp_run_size(const struct sk_buff *skb)
{
	const struct skb_shared_info *shinfo = skb_shinfo(skb);

	if (shinfo->gso_size && shinfo->gso_type & SKB_GSO_UDP_L4)
		return shinfo->gso_size;
	return skb->len - sizeof(struct udphdr);
}

/**
 * struct vnp_run_piece - a walk through the pieces of a packet, forwards only
 * @part:	the packet, or one in its fragment list; NULL behind the last piece
 * @frag:	the page fragment of @part that comes next
 * @frag_end:	behind the last of them
 * @base:	where position 0 would be if all were in one piece with this one; NULL if
 *		it is not in the kernel's memory
 * @end:	position behind the piece
 */
struct vnp_run_piece {
	struct sk_buff *part;
	const skb_frag_t *frag;
	const skb_frag_t *frag_end;
	void *base;
	u32 end;
};

/* vnp_run_frag_mapped() - is it in the kernel's memory? */
static __always_inline bool vnp_run_frag_mapped(const skb_frag_t *frag)
{
	const struct page *page = skb_frag_page(frag);

	return page && !PageHighMem(page);
}

/* vnp_run_frag_address() - of one that is */
static __always_inline void *vnp_run_frag_address(const skb_frag_t *frag)
{
	return page_address(skb_frag_page(frag)) + skb_frag_off(frag);
}

/* vnp_run_piece_linear() - go to the linear part of @part */
static __always_inline void vnp_run_piece_linear(struct vnp_run_piece *piece,
						 struct sk_buff *part)
{
	piece->part = part;
	piece->frag = skb_shinfo(part)->frags;
	piece->frag_end = piece->frag + skb_shinfo(part)->nr_frags;
	piece->base = part->data - piece->end;
	piece->end += skb_headlen(part);
}

/* vnp_run_piece_first() - begin */
static __always_inline void vnp_run_piece_first(struct vnp_run_piece *piece,
						struct sk_buff *skb)
{
	piece->end = 0;
	vnp_run_piece_linear(piece, skb);
}

/* vnp_run_part_next() - the packet behind @part in @skb and its fragment list */
static __always_inline struct sk_buff *vnp_run_part_next(const struct sk_buff *part,
							 const struct sk_buff *skb)
{
	return part == skb ? skb_shinfo(skb)->frag_list : part->next;
}

/* vnp_run_piece_part() - go from the end of a packet to the next in @skb's list */
static __always_inline void vnp_run_piece_part(struct vnp_run_piece *piece,
					       const struct sk_buff *skb)
{
	struct sk_buff *part = vnp_run_part_next(piece->part, skb);

	if (part) {
		vnp_run_piece_linear(piece, part);
		return;
	}
	piece->part = NULL;
	piece->base = NULL;
	piece->end = U32_MAX;
}

/* vnp_run_piece_next() - go to the next piece of @skb */
static __always_inline void vnp_run_piece_next(struct vnp_run_piece *piece,
					       const struct sk_buff *skb)
{
	const skb_frag_t *frag = piece->frag;

	if (unlikely(frag == piece->frag_end)) {
		vnp_run_piece_part(piece, skb);
		return;
	}
	piece->base = likely(vnp_run_frag_mapped(frag)) ?
		      vnp_run_frag_address(frag) - piece->end : NULL;
	piece->end += skb_frag_size(frag);
	piece->frag++;
}

/**
 * vnp_run_piece_whole() - go to the next piece if it is a whole datagram
 * @piece:	the walk, at the end of a datagram and of a piece; @base is not kept
 * @skb:	the packet
 * @size:	payload of the datagram
 * @data:	where the payload's address is put
 *
 * Return: false, with nothing changed, if it is none or not in the kernel's memory.
 */
static __always_inline bool vnp_run_piece_whole(struct vnp_run_piece *piece,
						const struct sk_buff *skb, u32 size,
						void **data)
{
	const skb_frag_t *frag = piece->frag;
	struct sk_buff *part;

	if (likely(frag != piece->frag_end)) {
		if (unlikely(skb_frag_size(frag) != size || !vnp_run_frag_mapped(frag)))
			return false;
		*data = vnp_run_frag_address(frag);
		piece->frag++;
		piece->end += size;
		return true;
	}
	part = vnp_run_part_next(piece->part, skb);
	if (!part || skb_headlen(part) != size)
		return false;
	vnp_run_piece_linear(piece, part);
	*data = part->data;
	return true;
}

/* vnp_run_piece_find() - go to the piece that holds position @pos of @skb */
static __always_inline void vnp_run_piece_find(struct vnp_run_piece *piece,
					       const struct sk_buff *skb, u32 pos)
{
	if (pos < piece->end)
		return;
	do {
		vnp_run_piece_next(piece, skb);
	} while (unlikely(pos >= piece->end));
}

/* vnp_run_piece_writable() - is nobody else looking at the piece? */
static inline bool vnp_run_piece_writable(const struct vnp_run_piece *piece,
					  const struct sk_buff *skb)
{
	const bool linear = piece->part &&
			    piece->frag == skb_shinfo(piece->part)->frags;

	return linear && !skb_cloned(piece->part) && !skb_cloned(skb);
}

/**
 * vnp_run_cut() - make a packet of a run
 * @skb:	the packet the run is in, which stays as it is
 * @start:	position of the run's payload
 * @end:	position behind it
 * @size:	payload of each datagram but the last
 *
 * Return: the packet, or NULL for want of memory.
 */
struct sk_buff *vnp_run_cut(struct sk_buff *skb, u32 start, u32 end, u32 size);

/**
 * vnp_run_copy() - make a packet of a datagram, with a payload of its own
 * @skb:	the packet the datagram is in, which stays as it is
 * @start:	position of the payload
 * @len:	its length; it will be linear
 *
 * Return: the packet, or NULL for want of memory.
 */
struct sk_buff *vnp_run_copy(struct sk_buff *skb, u32 start, u32 len);

/**
 * vnp_run_drop() - free a packet of which nothing is wanted
 * @skb:	the packet
 */
void vnp_run_drop(struct sk_buff *skb);

/**
 * vnp_run_consume() - free a packet from which runs were cut
 * @skb:	the packet
 */
void vnp_run_consume(struct sk_buff *skb);

/**
 * vnp_run_join() - make a packet of a run whose datagrams are packets
 * @list:	the packets, linked by skb->next; linear
 * @size:	payload of each but the last
 *
 * Return: the packet.
 */
struct sk_buff *vnp_run_join(struct sk_buff *list, u32 size);

#endif /* _VNP_PATH_BATCH_H */
