/* SPDX-License-Identifier: GPL-2.0 */
/*
 * struct vnp_fifo: datagrams that wait to be sent over a TCP connection, in a ring of bytes.
 *
 *	begun            claimed            first                 last
 *	  |  being sent     |  (dropped)      |  may be dropped     |
 *
 * Whoever sends claims some datagrams, reads them from the ring without the lock, and says how many
 * bytes were sent.  Others can be dropped meanwhile, from @first on; their space is free when
 * those before them have been sent.
 *
 * A datagram has its length in front, in 4 bytes, and takes a multiple of 4.  Positions only
 * increase, modulo 2^32; the size is a power of two.
 *
 * Locking: the caller's.
 */
#ifndef _VNP_TCP_FIFO_H
#define _VNP_TCP_FIFO_H

#include <linux/types.h>
#include <linux/uio.h>

struct vnp_dgram;
struct vnp_send_msg;

/**
 * struct vnp_fifo - a queue
 * @data:	the ring
 * @size:	its size
 * @begun:	the datagram that is being sent
 * @off:	bytes of it that were sent
 * @claimed:	the end of those that are being sent
 * @first:	the first of the others
 * @last:	the end of them
 * @cnt:	datagrams from @first on
 * @bytes:	their bytes
 * @claimed_cnt: datagrams up to @claimed
 * @claimed_bytes: their bytes, those that were sent included
 */
struct vnp_fifo {
	u8 *data;
	u32 size;
	u32 begun;
	u32 off;
	u32 claimed;
	u32 first;
	u32 last;
	u32 cnt;
	u32 bytes;
	u32 claimed_cnt;
	u32 claimed_bytes;
};

/* struct vnp_fifo_sum - a number of datagrams, and their bytes */
struct vnp_fifo_sum {
	u32 cnt;
	u32 bytes;
};

/* Maximum number of ranges of memory that vnp_fifo_claim() returns; more than a datagram has */
#define VNP_FIFO_VECS	32

/* vnp_fifo_create() - Context: process.  Return: 0, -ENOMEM */
int vnp_fifo_create(struct vnp_fifo *fifo, u32 size);
void vnp_fifo_destroy(struct vnp_fifo *fifo);

/* vnp_fifo_suits() - would a datagram of so many bytes fit an empty queue? */
bool vnp_fifo_suits(const struct vnp_fifo *fifo, u32 len);

/* vnp_fifo_fits() - is there room for it now? */
bool vnp_fifo_fits(const struct vnp_fifo *fifo, u32 len);

/*
 * vnp_fifo_drop() - drop the oldest datagram, and free its space.  Return: false if the queue is
 * empty, or if claimed datagrams are before it, so that its space cannot be reused yet
 */
bool vnp_fifo_drop(struct vnp_fifo *fifo);

/* vnp_fifo_drop_all() - drop all that are not being sent.  Return: their number */
u32 vnp_fifo_drop_all(struct vnp_fifo *fifo);

/* vnp_fifo_drop_claimed() - likewise those that are; nobody sends.  Return: their number */
u32 vnp_fifo_drop_claimed(struct vnp_fifo *fifo);

/**
 * vnp_fifo_add() - append a datagram, for which there is room
 * @fifo:	the queue
 * @dgram:	where it is
 * @msg:	what of it
 *
 * Context: softirq.
 * Return: 0, -ENOMEM: its payload cannot be read.
 */
int vnp_fifo_add(struct vnp_fifo *fifo, const struct vnp_dgram *dgram,
		 const struct vnp_send_msg *msg);

/**
 * vnp_fifo_claim() - what is to be sent next
 * @fifo:	the queue
 * @vec:	out: VNP_FIFO_VECS ranges of memory, which stay as they are until vnp_fifo_sent()
 * @vecs:	out: their number
 * @max:	maximum number of bytes, except that there is always one datagram
 *
 * If some that were claimed were not sent, they come first.
 *
 * Return: the number of bytes; 0: there is nothing.
 */
u32 vnp_fifo_claim(struct vnp_fifo *fifo, struct kvec *vec, u32 *vecs, u32 max);

/* vnp_fifo_sent() - so many bytes were sent of these.  Return: datagrams that are complete */
struct vnp_fifo_sum vnp_fifo_sent(struct vnp_fifo *fifo, u32 len);

/* vnp_fifo_is_split() - was a datagram sent in part? */
static inline bool vnp_fifo_is_split(const struct vnp_fifo *fifo)
{
	return fifo->off;
}

#endif /* _VNP_TCP_FIFO_H */
