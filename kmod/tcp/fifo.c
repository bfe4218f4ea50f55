// SPDX-License-Identifier: GPL-2.0
#include "kmod/tcp/fifo.h"

#include <linux/skbuff.h>

#include "kmod/core/memory.h"
#include "kmod/path/dgram.h"
#include "kmod/path/send.h"

/* Size of the length in front of a datagram, and alignment of both */
#define VNP_FIFO_HEAD	sizeof(u32)

int vnp_fifo_create(struct vnp_fifo *fifo, u32 size)
{
	fifo->data = vnp_memory(size);
	fifo->size = size;
	return fifo->data ? 0 : -ENOMEM;
}

void vnp_fifo_destroy(struct vnp_fifo *fifo)
{
	kvfree(fifo->data);
}

/* Return: the byte at a position.  Limits @len to the bytes up to the end of the ring */
static u8 *vnp_fifo_at(const struct vnp_fifo *fifo, u32 pos, u32 *len)
{
	const u32 at = pos & (fifo->size - 1);

	*len = min(*len, fifo->size - at);
	return fifo->data + at;
}

static u32 *vnp_fifo_head(const struct vnp_fifo *fifo, u32 pos)
{
	return (u32 *)(fifo->data + (pos & (fifo->size - 1)));
}

/* Bytes of the ring that a datagram of @len bytes takes */
static u32 vnp_fifo_takes(u32 len)
{
	return VNP_FIFO_HEAD + round_up(len, (u32)VNP_FIFO_HEAD);
}

/* The position after a datagram */
static u32 vnp_fifo_after(const struct vnp_fifo *fifo, u32 pos)
{
	return pos + vnp_fifo_takes(*vnp_fifo_head(fifo, pos));
}

bool vnp_fifo_suits(const struct vnp_fifo *fifo, u32 len)
{
	return vnp_fifo_takes(len) <= fifo->size;
}

bool vnp_fifo_fits(const struct vnp_fifo *fifo, u32 len)
{
	return vnp_fifo_takes(len) <= fifo->size - (fifo->last - fifo->begun);
}

/* If nothing is claimed, free the space of what was dropped. */
static void vnp_fifo_settle(struct vnp_fifo *fifo)
{
	if (fifo->begun != fifo->claimed)
		return;
	fifo->begun = fifo->first;
	fifo->claimed = fifo->first;
}

bool vnp_fifo_drop(struct vnp_fifo *fifo)
{
	if (!fifo->cnt || fifo->begun != fifo->claimed)
		return false;
	fifo->cnt--;
	fifo->bytes -= *vnp_fifo_head(fifo, fifo->first);
	fifo->first = vnp_fifo_after(fifo, fifo->first);
	vnp_fifo_settle(fifo);
	return true;
}

u32 vnp_fifo_drop_all(struct vnp_fifo *fifo)
{
	const u32 cnt = fifo->cnt;

	fifo->first = fifo->last;
	fifo->cnt = 0;
	fifo->bytes = 0;
	vnp_fifo_settle(fifo);
	return cnt;
}

u32 vnp_fifo_drop_claimed(struct vnp_fifo *fifo)
{
	const u32 cnt = fifo->claimed_cnt;

	fifo->begun = fifo->claimed;
	fifo->off = 0;
	fifo->claimed_cnt = 0;
	fifo->claimed_bytes = 0;
	vnp_fifo_settle(fifo);
	return cnt;
}

static void vnp_fifo_write(struct vnp_fifo *fifo, u32 pos, const u8 *from, u32 len)
{
	u32 part = len;
	u8 *to = vnp_fifo_at(fifo, pos, &part);

	memcpy(to, from, part);
	if (unlikely(part != len))
		memcpy(fifo->data, from + part, len - part);
}

/* Return: 0, or an errno: it cannot be read */
static int vnp_fifo_load(const struct vnp_dgram *dgram, u32 off, u8 *to, u32 len)
{
	if (dgram->ops->load)
		return dgram->ops->load(dgram, off, to, len);
	return skb_copy_bits(dgram->skb, dgram->off + (int)off, to, len);
}

static int vnp_fifo_write_payload(struct vnp_fifo *fifo, u32 pos, const struct vnp_dgram *dgram,
				  u32 off, u32 len)
{
	u32 part = len;
	u8 *to = vnp_fifo_at(fifo, pos, &part);

	if (vnp_fifo_load(dgram, off, to, part) ||
	    vnp_fifo_load(dgram, off + part, fifo->data, len - part))
		return -ENOMEM;
	return 0;
}

int vnp_fifo_add(struct vnp_fifo *fifo, const struct vnp_dgram *dgram,
		 const struct vnp_send_msg *msg)
{
	const u32 pos = fifo->last + VNP_FIFO_HEAD, len = msg->head_len + msg->len;
	int ret = 0;

	if (msg->head_len)
		vnp_fifo_write(fifo, pos, msg->head, msg->head_len);
	if (msg->len)
		ret = vnp_fifo_write_payload(fifo, pos + msg->head_len, dgram, msg->off, msg->len);
	if (ret)
		return ret;
	*vnp_fifo_head(fifo, fifo->last) = len;
	fifo->last += vnp_fifo_takes(len);
	fifo->cnt++;
	fifo->bytes += len;
	return 0;
}

/* Add a datagram's bytes from @off on to @vec, which has space for two.  Return: how many bytes */
static u32 vnp_fifo_point(const struct vnp_fifo *fifo, u32 pos, u32 off, struct kvec *vec,
			  u32 *vecs)
{
	const u32 len = *vnp_fifo_head(fifo, pos) - off;
	u32 part = len;

	vec += *vecs;
	vec->iov_base = vnp_fifo_at(fifo, pos + VNP_FIFO_HEAD + off, &part);
	vec->iov_len = part;
	*vecs += 1;
	if (part == len)
		return len;
	vec[1].iov_base = fifo->data;
	vec[1].iov_len = len - part;
	*vecs += 1;
	return len;
}

/* May the next datagram be claimed, too? */
static bool vnp_fifo_takes_more(const struct vnp_fifo *fifo, u32 len, u32 vecs, u32 max)
{
	return fifo->cnt && vecs + 2 <= VNP_FIFO_VECS &&
	       (!vecs || len + *vnp_fifo_head(fifo, fifo->first) <= max);
}

u32 vnp_fifo_claim(struct vnp_fifo *fifo, struct kvec *vec, u32 *vecs, u32 max)
{
	u32 pos, len = 0, size;

	*vecs = 0;
	for (pos = fifo->begun; pos != fifo->claimed; pos = vnp_fifo_after(fifo, pos))
		len += vnp_fifo_point(fifo, pos, pos == fifo->begun ? fifo->off : 0, vec, vecs);
	if (len)
		return len;
	while (vnp_fifo_takes_more(fifo, len, *vecs, max)) {
		size = vnp_fifo_point(fifo, fifo->first, 0, vec, vecs);
		len += size;
		fifo->cnt--;
		fifo->bytes -= size;
		fifo->claimed_cnt++;
		fifo->claimed_bytes += size;
		fifo->first = vnp_fifo_after(fifo, fifo->first);
		fifo->claimed = fifo->first;
	}
	return len;
}

struct vnp_fifo_sum vnp_fifo_sent(struct vnp_fifo *fifo, u32 len)
{
	struct vnp_fifo_sum sum = {};
	u32 size;

	fifo->off += len;
	while (fifo->begun != fifo->claimed) {
		size = *vnp_fifo_head(fifo, fifo->begun);
		if (fifo->off < size)
			break;
		fifo->off -= size;
		fifo->begun = vnp_fifo_after(fifo, fifo->begun);
		sum.cnt++;
		sum.bytes += size;
	}
	fifo->claimed_cnt -= sum.cnt;
	fifo->claimed_bytes -= sum.bytes;
	vnp_fifo_settle(fifo);
	return sum;
}
