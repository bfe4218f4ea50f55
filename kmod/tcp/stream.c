// SPDX-License-Identifier: GPL-2.0
#include "kmod/tcp/stream.h"

#include <linux/slab.h>

#include "kmod/core/memory.h"
#include "kmod/tcp/outlet.h"
#include "kmod/tcp/worker.h"

struct vnp_stream *vnp_stream_alloc(struct vnp_link *link)
{
	struct vnp_stream *stream = kzalloc(sizeof(*stream), VNP_GFP_USER);

	if (!stream)
		return NULL;
	if (link->flags & VNP_LINK_F_BOUNDARIES && vnp_ends_create(&stream->ends)) {
		kfree(stream);
		return NULL;
	}
	stream->link = link;
	mutex_init(&stream->reader);
	INIT_DELAYED_WORK(&stream->work, vnp_stream_work);
	return stream;
}

void vnp_stream_free(struct vnp_stream *stream)
{
	if (!stream)
		return;
	vnp_copy_free(&stream->copy);
	vnp_ends_destroy(&stream->ends);
	kfree(stream);
}

struct vnp_stream *vnp_stream_get(const struct sock *sk)
{
	struct vnp_stream *stream;

	rcu_read_lock();
	stream = vnp_stream_of(sk);
	if (stream && !vnp_obj_get_live(&stream->link->obj))
		stream = NULL;
	rcu_read_unlock();
	return stream;
}

/*
 * Without the socket's lock, which a call of the application can hold for any time.  In softirq, a
 * program is executed and @parse is set in one RCU critical section, for which membarrier() waits.
 * The worker sets @apart before it executes a program, and clears it after it has set @parse.
 */
static u32 vnp_stream_unread(const struct vnp_stream *stream, const struct sock *sk)
{
	/* pairs with vnp_stream_take_copy() and vnp_stream_apply_apart() */
	const u32 apart = smp_load_acquire(&stream->apart);
	const u32 end = READ_ONCE(stream->parse) + apart;
	const u32 seq = READ_ONCE(tcp_sk(sk)->copied_seq);

	return before(seq, end) ? end - seq : 0;
}

void vnp_stream_info(const struct vnp_stream *stream, const struct sock *sk,
		     struct vnp_link_info *info)
{
	info->walked = READ_ONCE(stream->walked);
	info->repacked = READ_ONCE(stream->window.pass.copied);
	if (stream->outlet)
		info->reply_queued = vnp_outlet_queued(stream->outlet);
	/* pairs with vnp_stream_start() */
	if (!sk || !smp_load_acquire(&stream->sk))
		return;
	info->ready_messages = vnp_ends_cnt(&stream->ends);
	info->unread = vnp_stream_unread(stream, sk);
	info->unanswered = vnp_stream_unanswered(stream);
}

void vnp_stream_start(struct vnp_stream *stream, struct sock *sk)
{
	stream->lowat = sk->sk_rcvlowat;
	/* What was read before the link may be unanswered, unless the link was inherited. */
	atomic_set(&stream->unanswered, stream->link->listener_id ? 0 : VNP_UNANSWERED);
	stream->data_ready = sk->sk_data_ready;
	stream->parse = tcp_sk(sk)->copied_seq;
	WRITE_ONCE(stream->ready, stream->parse);
	stream->end = stream->parse;
	stream->woken = stream->parse;
	stream->urgent = stream->parse - 1;
	stream->wanted = stream->parse + 1;
	stream->window.end = stream->parse;
	stream->window.pass.seq = stream->parse;
	WRITE_ONCE(sk->sk_rcvlowat, 1);
	/* pairs with vnp_stream_info() */
	smp_store_release(&stream->sk, sk);
	/* pairs with vnp_stream_of() */
	smp_store_release(&sk->sk_data_ready, vnp_stream_data_ready);
	vnp_stream_data_ready(sk);
}

void vnp_stream_stop(struct vnp_stream *stream, bool keep)
{
	struct sock *sk = stream->sk;

	WRITE_ONCE(sk->sk_data_ready, stream->data_ready);
	WRITE_ONCE(sk->sk_rcvlowat, stream->lowat);
	if (cancel_delayed_work(&stream->work))
		vnp_stream_put(stream);
	if (keep)
		vnp_stream_flatten(stream, GFP_KERNEL | __GFP_NOFAIL);
	stream->sk = NULL;
	sk->sk_data_ready(sk);
}
