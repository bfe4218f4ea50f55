/* SPDX-License-Identifier: GPL-2.0 */
/*
 * UDP sockets: payload that is sent to peers.
 *
 * A block is the payload of a datagram or, if they could leave as segments of one packet
 * (UDP_SEGMENT), of several that arrived one after another: all have the same length, but the last
 * may be shorter.  Peers' packets refer to its memory: it is not copied for each.
 *
 * It is copied once, into memory of the block, if it is in memory that has no reference count of
 * its own (kmalloc()), if the program may write to it later, or if it is short and others will
 * follow it, so that all of them are contiguous.  If a long payload must be copied, only the range
 * that is sent is copied.
 *
 * Context of all that is here: softirq, under RCU.  A block belongs to a CPU.
 */
#ifndef _VNP_UDP_BLOCK_H
#define _VNP_UDP_BLOCK_H

#include <linux/skbuff.h>
#include <linux/types.h>

#include "kmod/path/dispatch.h"
#include "kmod/path/send.h"

struct vnp_udp_blocks;

/* The most datagrams of a packet; its longest payload is VNP_DATAGRAM_MAX */
#define VNP_UDP_SEND_SEGMENTS	64

/* Datagrams up to this length are copied, unless one reference is enough */
#define VNP_UDP_SEND_SHORT	256

/**
 * struct vnp_udp_block_frag - contiguous bytes of a payload, with a reference to their memory
 * @page:	where they are
 * @off:	offset in it
 * @len:	their number
 */
struct vnp_udp_block_frag {
	struct page *page;
	u32 off;
	u32 len;
};

/**
 * struct vnp_udp_block - payload
 * @blocks:	those of its CPU
 * @refs:	one of each peer that it will be sent to, and of struct vnp_udp_sending
 * @hops:	maximum TTL of the packets that send it
 * @reserve:	some of its memory is from the reserve for freeing memory (skb->pfmemalloc)
 * @cnt:	its datagrams
 * @size:	length of the first
 * @len:	of all
 * @frag_cnt:	number of fragments
 * @frag:	where they are
 */
struct vnp_udp_block {
	struct vnp_udp_blocks *blocks;
	u32 refs;
	u8 hops;
	bool reserve;
	u8 cnt;
	u32 size;
	u32 len;
	u32 frag_cnt;
	struct vnp_udp_block_frag frag[MAX_SKB_FRAGS];
};

/**
 * struct vnp_udp_sending - a packet whose program sends
 * @sending:	what all hooks have
 * @hops:	maximum TTL of what is sent because of it
 * @more:	what is sent will probably leave with other datagrams
 * @head:	a block refers to the packet's head: it may not be written to any more
 * @skb:	the packet of the datagram that vnp_udp_block_find() found last; NULL: none
 * @off:	position in it of the range that was found: the datagram, or some of its bytes
 * @len:	length of that range
 * @end:	@data_end of the datagram then; it differs if the packet was changed since
 * @block:	the block that has the range, with a reference, or NULL
 * @at:		where the range begins in the block
 * @frag:	the fragment that the range begins in
 * @frag_at:	where that begins in the block
 */
struct vnp_udp_sending {
	struct vnp_sending sending;
	u8 hops;
	bool more;
	bool head;
	const struct sk_buff *skb;
	s32 off;
	u32 len;
	const void *end;
	struct vnp_udp_block *block;
	u32 at;
	u32 frag;
	u32 frag_at;
};

static inline struct vnp_udp_sending *vnp_udp_sending(void)
{
	return container_of(__this_cpu_read(vnp_sending), struct vnp_udp_sending, sending);
}

/* vnp_udp_block_put() - put a reference */
void vnp_udp_block_put(struct vnp_udp_block *block);

/* vnp_udp_block_forget() - put the block that was found last: not needed, or outdated */
static inline void vnp_udp_block_forget(struct vnp_udp_sending *sending)
{
	if (sending->block)
		vnp_udp_block_put(sending->block);
	sending->block = NULL;
	sending->skb = NULL;
}

/* vnp_udp_block_has_head() - does one refer to the head of the packet that is being processed? */
static inline bool vnp_udp_block_has_head(void)
{
	return unlikely(__this_cpu_read(vnp_sending)) && vnp_udp_sending()->head;
}

/* vnp_udp_block_is_direct() - is the payload contiguous, and in memory that can be referenced? */
bool vnp_udp_block_is_direct(const struct vnp_dgram *dgram);

/*
 * vnp_udp_block_lasts() - does the payload stay the same until the packet was processed?  Not if
 * the program may write to it, or if the datagram has a packet of its own, which may be freed, and
 * its memory reused, before that.
 */
static inline bool vnp_udp_block_lasts(const struct vnp_dgram *dgram)
{
	const struct vnp_dispatch *dispatch = container_of(dgram, struct vnp_dispatch, dgram);

	return !dgram->prog->writes_packet && dgram->skb == dispatch->skb;
}

/**
 * vnp_udp_block_find() - find a datagram's payload, or copy it, to a block
 * @sending:	out: where it is
 * @dgram:	the datagram
 * @off:	first byte of the payload that is needed
 * @len:	number of bytes; others need not be in the block
 *
 * Return: 0, -ENOMEM.
 */
int vnp_udp_block_find(struct vnp_udp_sending *sending, const struct vnp_dgram *dgram, u32 off,
		       u32 len);

/* vnp_udp_block_has() - is the range that was found last exactly this datagram? */
static inline bool vnp_udp_block_has(const struct vnp_udp_sending *sending,
				     const struct vnp_dgram *dgram)
{
	return sending->skb == dgram->skb && sending->off == dgram->off &&
	       sending->len == dgram->exec.ctx.len && sending->end == dgram->exec.ctx.data_end;
}

/* vnp_udp_block_covers() - is a range of the payload in the one that was found last? */
static inline bool vnp_udp_block_covers(const struct vnp_udp_sending *sending,
					const struct vnp_dgram *dgram, u32 off, u32 len)
{
	const u32 begin = dgram->off + off - sending->off;

	return sending->skb == dgram->skb && sending->end == dgram->exec.ctx.data_end &&
	       begin <= sending->len && len <= sending->len - begin;
}

/* vnp_udp_payload_copy() - copy a range that is in the payload.  Return: 0, -EFAULT */
static inline int vnp_udp_payload_copy(void *to, const struct vnp_dgram *dgram, u32 off, u32 len)
{
	const struct vnp_ctx *ctx = &dgram->exec.ctx;

	if (unlikely(off + len > ctx->data_end - ctx->data))
		return skb_copy_bits(dgram->skb, dgram->off + off, to, len);
	memcpy(to, ctx->data + off, len);
	return 0;
}

/* vnp_udp_block_space() - a page fragment of this CPU with free space, or NULL: no memory */
struct page_frag *vnp_udp_block_space(u32 len);

/* vnp_udp_block_add_to() - add bytes of a page to a packet, with a reference */
void vnp_udp_block_add_to(struct sk_buff *skb, struct page *page, u32 off, u32 len);

/**
 * vnp_udp_block_put_in() - add a range of a block to a packet
 * @block:	the block
 * @skb:	the packet, which has space for it
 * @frag:	index of a fragment
 * @off:	beginning of the range, from that of the fragment
 * @len:	its length
 */
void vnp_udp_block_put_in(const struct vnp_udp_block *block, struct sk_buff *skb, u32 frag,
			  u32 off, u32 len);

/* vnp_udp_block_destroy() - Context: process, at module exit */
void vnp_udp_block_destroy(void);

#endif /* _VNP_UDP_BLOCK_H */
