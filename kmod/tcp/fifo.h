/* SPDX-License-Identifier: GPL-2.0 */
/*
 * struct vnp_fifo: datagrams that wait to be sent over a TCP connection, in a ring of bytes.
 *
 *	begun            claimed            first                 last
 *	  |  being sent     |  (dropped)      |  may be dropped     |
 *
 * The sender claims some datagrams, reads them from the ring without the lock, and then reports how
 * many bytes were sent.  vnp_fifo_drop_all() can drop those from @first on meanwhile; their space
 * becomes free when those before them have been sent.
 *
 * In the ring, a datagram follows its length, of 4 bytes, and is padded to a multiple of 4.
 * Positions only increase, modulo 2^32; the size is a power of two.
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
 * @last:	the end of the others
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

/* Maximum number of ranges of memory that vnp_fifo_claim() returns; a datagram has at most 2 */
#define VNP_FIFO_VECS	32

/* vnp_fifo_create() - Context: process.  Return: 0, -ENOMEM */
int vnp_fifo_create(struct vnp_fifo *fifo, u32 size);
void vnp_fifo_destroy(struct vnp_fifo *fifo);

/* vnp_fifo_suits() - would a datagram of @len bytes fit an empty queue? */
bool vnp_fifo_suits(const struct vnp_fifo *fifo, u32 len);

/* vnp_fifo_fits() - is there room for a datagram of @len bytes now? */
bool vnp_fifo_fits(const struct vnp_fifo *fifo, u32 len);

/*
 * vnp_fifo_drop() - drop the oldest datagram, and free its space.  Return: false: the queue is
 * empty, or there are claimed datagrams before it, so that its space cannot be reused yet
 */
bool vnp_fifo_drop(struct vnp_fifo *fifo);

/* vnp_fifo_drop_all() - drop all datagrams that are not claimed.  Return: their number */
u32 vnp_fifo_drop_all(struct vnp_fifo *fifo);

/* vnp_fifo_drop_claimed() - drop those that are, if none is being sent.  Return: their number */
u32 vnp_fifo_drop_claimed(struct vnp_fifo *fifo);

/**
 * vnp_fifo_add() - append a datagram, for which there is room
 * @fifo:	the queue
 * @dgram:	the datagram
 * @msg:	which range of it to append, after which bytes
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
 * Datagrams that were claimed before, and not sent completely, are returned again, alone.
 *
 * Return: the number of bytes; 0: there is nothing.
 */
u32 vnp_fifo_claim(struct vnp_fifo *fifo, struct kvec *vec, u32 *vecs, u32 max);

/* vnp_fifo_sent() - @len claimed bytes were sent.  Return: datagrams that were sent completely */
struct vnp_fifo_sum vnp_fifo_sent(struct vnp_fifo *fifo, u32 len);

/* vnp_fifo_is_split() - were some, but not all, bytes of a datagram sent? */
static inline bool vnp_fifo_is_split(const struct vnp_fifo *fifo)
{
	return fifo->off;
}

#endif /* _VNP_TCP_FIFO_H */
