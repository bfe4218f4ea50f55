/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Chunks: packets whose data fills a page, by which packets of the receive queue are replaced.
 *
 * Context of all functions here: the socket's lock.
 */
#ifndef _VNP_TCP_CHUNK_H
#define _VNP_TCP_CHUNK_H

#include <linux/skbuff.h>

struct sock;

/* Bytes of data of a full chunk, and its truesize */
#define VNP_CHUNK		((u32)SKB_MAX_ORDER(0, 0))
#define VNP_CHUNK_TRUESIZE	((u32)SKB_TRUESIZE(VNP_CHUNK))

/* What is copied at once ends when it has so many bytes. */
#define VNP_SLICE_BYTES		(16 * VNP_CHUNK)

/**
 * struct vnp_chunk_run - neighbouring packets that are replaced together
 * @first:	the first of them
 * @end:	the one after the last
 * @cnt:	how many they are
 * @seq:	the first byte that is needed
 * @stop:	after the last one
 */
struct vnp_chunk_run {
	struct sk_buff *first;
	struct sk_buff *end;
	u32 cnt;
	u32 seq;
	u32 stop;
};

/*
 * vnp_chunk_alloc() - an empty chunk for @len bytes from @seq on, of which the first is in @first.
 * Return: NULL: out of memory
 */
struct sk_buff *vnp_chunk_alloc(const struct sk_buff *first, u32 seq, u32 len, gfp_t gfp);

/*
 * vnp_chunk_append() - append the bytes from @seq to before @stop, which fit, from @skb on.
 * Return: false: they cannot be read
 */
bool vnp_chunk_append(struct sock *sk, struct sk_buff *chunk, struct sk_buff *skb, u32 seq,
		      u32 stop);

/* vnp_chunk_copy() - copy the bytes of @run.  Return: memory that the chunks take, or -ENOMEM */
s64 vnp_chunk_copy(struct sock *sk, const struct vnp_chunk_run *run,
		   struct sk_buff_head *chunks, gfp_t gfp);

/* vnp_chunk_replace() - replace the packets from @first to before @end by @chunks */
void vnp_chunk_replace(struct sock *sk, struct sk_buff *first, struct sk_buff *end,
		       struct sk_buff_head *chunks);

#endif /* _VNP_TCP_CHUNK_H */
