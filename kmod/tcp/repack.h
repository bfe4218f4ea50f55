/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Repacking: packets of the receive queue are replaced by chunks, which take less memory for
 * the same bytes.  A chunk is a packet whose data fills a page.
 *
 * Context of all functions here: the socket's lock.
 */
#ifndef _VNP_TCP_REPACK_H
#define _VNP_TCP_REPACK_H

#include <linux/types.h>

struct sock;
struct vnp_ranges;

/* vnp_repack_capacity() - how many bytes surely fit, repacked, in so much memory */
u32 vnp_repack_capacity(u32 truesize);

/**
 * vnp_repack() - repack runs of packets that are not dense
 * @sk:		the socket
 * @all:	repack all, but for whole chunks at the head: no more memory is then taken
 *		than that for which vnp_repack_capacity() is the queue's length
 * @gfp:	how to allocate
 *
 * Return: 0, -ENOMEM: some runs are what they were.
 */
int vnp_repack(struct sock *sk, bool all, gfp_t gfp);

/**
 * vnp_repack_without() - remove ranges from the queue
 * @sk:		the socket
 * @ranges:	what to remove; all of it has arrived, and what was read of it does not matter.
 *		Emptied, if it succeeds
 * @gfp:	how to allocate
 *
 * The bytes before a range move up to its end, so their sequence numbers change: that of one
 * grows by the bytes of the ranges after it.
 *
 * Context: process.
 * Return: 0; -ENOMEM; -ENODATA: the bytes between are not in the queue.  If it fails nothing
 * was changed.
 */
int vnp_repack_without(struct sock *sk, struct vnp_ranges *ranges, gfp_t gfp);

#endif /* _VNP_TCP_REPACK_H */
