// SPDX-License-Identifier: GPL-2.0
#include "kmod/tcp/copy.h"

#include <linux/slab.h>
#include <net/tcp.h>

#include "kmod/core/memory.h"
#include "kmod/core/user.h"
#include "kmod/crypto/work.h"
#include "kmod/path/resize.h"
#include "kmod/tcp/answer.h"
#include "kmod/tcp/queue.h"

/* Bytes that the copies of a user's streams may take in workers */
#define VNP_COPY_USER_MAX	(64U << 20)

/* The message's length, for vnp_copy_max() */
struct vnp_copy_cb {
	u32 len;
};

static u32 vnp_copy_max(const struct sk_buff *skb)
{
	return ((const struct vnp_copy_cb *)skb->cb)->len;
}

/* A message has no headers to update. */
static void vnp_copy_seal(struct sk_buff *skb, u32 len)
{
}

const struct vnp_dgram_ops vnp_copy_dgram_ops = {
	.len_max	= vnp_copy_max,
	.seal		= vnp_copy_seal,
	.send		= vnp_answer_send,
	.append		= vnp_answer_append,
	.answer		= vnp_answer_reply,
};

static void vnp_copy_free_work(struct vnp_copy *copy)
{
	if (copy->work)
		kvfree(copy->work->sg);
	/* Implementations leave nonces and keystream in requests. */
	kfree_sensitive(copy->work);
	copy->work = NULL;
}

void vnp_copy_free(struct vnp_copy *copy)
{
	vnp_copy_free_work(copy);
	if (copy->prog)
		vnp_prog_put(copy->prog);
	copy->prog = NULL;
	kvfree(copy->buf);
	copy->buf = NULL;
	copy->size = 0;
	copy->executed = false;
	if (copy->charged)
		atomic64_sub(copy->charged, &copy->user->copies);
	copy->charged = 0;
}

/* Return: false: out of memory */
static bool vnp_copy_alloc_work(struct vnp_copy *copy, u32 len, gfp_t gfp)
{
	struct vnp_work *work = kzalloc(sizeof(*work), gfp);

	copy->work = work;
	if (!work)
		return false;
	work->sg_cnt = VNP_WORK_SG(len);
	work->sg = kvmalloc_array(work->sg_cnt, sizeof(*work->sg), gfp);
	return work->sg;
}

/* Bytes of a buffer; what is removed at its front may be added at its end later (path/resize.c). */
static u32 vnp_copy_bytes(u32 len)
{
	return SKB_DATA_ALIGN(len + VNP_RESIZE_HEADROOM);
}

/* Bytes to be allocated for a message of @len bytes */
static size_t vnp_copy_size(u32 len)
{
	return vnp_copy_bytes(len) + SKB_DATA_ALIGN(sizeof(struct skb_shared_info));
}

int vnp_copy_reserve(struct vnp_copy *copy, u32 len)
{
	if (copy->size >= len)
		return 0;
	kvfree(copy->buf);
	copy->buf = kmalloc(vnp_copy_size(len), GFP_ATOMIC | __GFP_NOWARN);
	copy->size = copy->buf ? len : 0;
	return copy->buf ? 0 : -ENOMEM;
}

/* Return: false: the user's copies would exceed VNP_COPY_USER_MAX */
static bool vnp_copy_charge(struct vnp_copy *copy, struct vnp_user *user, u32 bytes)
{
	if (atomic64_add_return(bytes, &user->copies) > VNP_COPY_USER_MAX) {
		atomic64_sub(bytes, &user->copies);
		return false;
	}
	copy->user = user;
	copy->charged = bytes;
	return true;
}

int vnp_copy_reserve_apart(struct vnp_copy *copy, u32 len, struct vnp_user *user)
{
	const size_t size = vnp_copy_size(len) + VNP_WORK_SG(len) * sizeof(*copy->work->sg);

	vnp_copy_free(copy);
	if (!vnp_copy_charge(copy, user, size))
		return -ENOMEM;
	copy->buf = kvmalloc(vnp_copy_size(len), VNP_GFP_USER);
	copy->size = copy->buf ? len : 0;
	if (copy->buf && vnp_copy_alloc_work(copy, len, VNP_GFP_USER))
		return 0;
	vnp_copy_free(copy);
	return -ENOMEM;
}

/* Initialize the packet that the program sees: empty, with the buffer as its memory. */
static void vnp_copy_begin(struct vnp_copy *copy, u32 seq, u32 len)
{
	struct sk_buff *skb = &copy->skb;

	memset(skb, 0, sizeof(*skb));
	skb->head = copy->buf;
	skb->data = copy->buf;
	skb_reset_tail_pointer(skb);
	skb_set_end_offset(skb, vnp_copy_bytes(len));
	skb_reset_network_header(skb);
	skb->mac_header = (typeof(skb->mac_header))~0U;
	refcount_set(&skb->users, 1);
	memset(skb_shinfo(skb), 0, sizeof(struct skb_shared_info));
	atomic_set(&skb_shinfo(skb)->dataref, 1);
	((struct vnp_copy_cb *)skb->cb)->len = len;
	copy->seq = seq;
	copy->len = len;
	copy->executed = false;
}

int vnp_copy_fill(struct vnp_copy *copy, struct sock *sk, struct sk_buff *first, u32 seq,
		  u32 len)
{
	struct sk_buff *from = first;
	const u32 stop = seq + len;
	u32 n;

	vnp_copy_begin(copy, seq, len);
	for (; before(seq, stop); seq += n) {
		from = vnp_queue_next(sk, from, seq);
		if (!from)
			return -ENODATA;
		n = min(stop - seq, vnp_queue_stop(from) - seq);
		if (skb_copy_bits(from, seq - vnp_queue_start(from), skb_put(&copy->skb, n), n))
			return -ENODATA;
	}
	return 0;
}

u32 vnp_copy_lead(const struct vnp_copy *copy)
{
	return min_t(u32, skb_headroom(&copy->skb), copy->len - copy->skb.len);
}

/* Return: the whole message: the result, and zeroes where bytes were removed */
static const u8 *vnp_copy_result(struct vnp_copy *copy)
{
	const u32 lead = vnp_copy_lead(copy);
	struct sk_buff *skb = &copy->skb;

	memset(skb->data - lead, 0, lead);
	memset(skb_tail_pointer(skb), 0, copy->len - lead - skb->len);
	return skb->data - lead;
}

/* TCP would skip an urgent byte of the result. */
static void vnp_copy_clear_urgent(struct tcp_sock *tp, u32 start, u32 stop)
{
	if (tp->urg_data && !before(tp->urg_seq, start) && before(tp->urg_seq, stop))
		WRITE_ONCE(tp->urg_data, 0);
}

void vnp_copy_publish(struct vnp_copy *copy, struct sock *sk, struct sk_buff *first)
{
	const u32 stop = copy->seq + copy->len;
	const u8 *from = vnp_copy_result(copy);
	struct sk_buff *to = first;
	u32 seq, n;

	for (seq = copy->seq; before(seq, stop); seq += n, from += n) {
		to = vnp_queue_next(sk, to, seq);
		/* vnp_repack_own() has found all packets. */
		if (WARN_ON_ONCE(!to))
			return;
		n = min(stop - seq, vnp_queue_stop(to) - seq);
		memcpy(to->data + (seq - vnp_queue_start(to)), from, n);
	}
	vnp_copy_clear_urgent(tcp_sk(sk), copy->seq, stop);
}
