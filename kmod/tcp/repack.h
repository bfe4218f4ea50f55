/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Repacking: packets of the receive queue are replaced by chunks, which take less memory for
 * the same bytes.  A chunk is a packet whose data fills a page.
 *
 * A pass goes over the whole queue in slices, so that none takes long: a slice ends when it has
 * copied 16 chunks, or seen 1024 packets.  (Packets are copied completely, however large they are.)
 *
 * Context of all functions here: the socket's lock.
 */
#ifndef _VNP_TCP_REPACK_H
#define _VNP_TCP_REPACK_H

#include <linux/types.h>

struct sk_buff;
struct sock;
struct vnp_ranges;

/* vnp_repack_capacity() - how many bytes, repacked, take at most @truesize of memory */
u32 vnp_repack_capacity(u32 truesize);

/*
 * vnp_repack_growth() - memory that a packet takes, minus that of chunks for its unread bytes
 * before @seq
 */
u32 vnp_repack_growth(const struct sock *sk, const struct sk_buff *skb, u32 seq);

/*
 * vnp_repack_waste() - memory that a pass saves in the queue's first packet, as bytes of it were
 * read; or 0
 */
u32 vnp_repack_waste(const struct sock *sk);

/**
 * struct vnp_repack - a pass
 * @all:	repack all packets, not only those that are not dense.  If the queue has
 *		vnp_repack_capacity(n) bytes, it then takes at most n * 17/16 of memory
 * @seq:	where the next slice begins.  To start: the first byte that was not read
 * @copied:	bytes that were copied; for statistics
 */
struct vnp_repack {
	bool all;
	u32 seq;
	u64 copied;
};

/**
 * vnp_repack() - a slice of a pass
 * @sk:		the socket
 * @pass:	the pass; advanced
 * @gfp:	how to allocate
 *
 * Return: 0: the pass has ended; -EAGAIN: call again for the next slice; -ENOMEM: likewise, after
 * a delay.
 */
int vnp_repack(struct sock *sk, struct vnp_repack *pass, gfp_t gfp);

/**
 * vnp_repack_own() - make packets private, so that bytes of the queue can be written to
 * @sk:		the socket
 * @first:	the packet from which TCP takes the first byte; it may be replaced
 * @seq:	the first byte
 * @stop:	after the last one
 * @gfp:	how to allocate
 *
 * They stay private until the socket is unlocked, and the bytes are linear.
 *
 * Return: 0: they were private; 1: packets were replaced; -ENOMEM: nothing was changed; -ENODATA:
 * the bytes are not in the queue, or cannot be read.
 */
int vnp_repack_own(struct sock *sk, struct sk_buff **first, u32 seq, u32 stop, gfp_t gfp);

/**
 * vnp_repack_without() - remove ranges from the queue
 * @sk:		the socket
 * @ranges:	what to remove; all of it has arrived, and some of it may have been read.  Emptied
 *		on success
 * @gfp:	how to allocate
 *
 * The bytes before a range move up to its end: their sequence numbers, and copied_seq, grow by the
 * length of all ranges after them.  This goes from the last range backwards in slices, so that the
 * copy of one slice is all that is allocated before what it replaces is freed.
 *
 * Context: process.
 * Return: 0; -ENOMEM; -ENODATA: bytes up to the end of the last range are not in the queue, or
 * cannot be read.  On failure nothing was changed.
 */
int vnp_repack_without(struct sock *sk, struct vnp_ranges *ranges, gfp_t gfp);

#endif /* _VNP_TCP_REPACK_H */
