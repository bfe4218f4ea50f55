// SPDX-License-Identifier: GPL-2.0
#include "kmod/tcp/stream.h"

#include <linux/slab.h>

#include "kmod/core/memory.h"
#include "kmod/link/stats.h"
#include "kmod/tcp/defer.h"
#include "kmod/tcp/outlet.h"
#include "kmod/tcp/parse.h"
#include "kmod/tcp/queue.h"
#include "kmod/tcp/repack.h"
#include "kmod/tcp/verdict.h"
#include "kmod/tcp/window.h"
#include "kmod/tcp/worker.h"

/* Maximum number of packets to remove in one call.  The worker continues, as in parse.c. */
#define VNP_STREAM_DISCARD	1024

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

bool vnp_stream_enough_more(const struct vnp_stream *stream, const struct sock *sk)
{
	const u32 span = vnp_stream_span(stream, sk, 0);

	/* A call that began before the link may have read further than @end. */
	if (!span)
		return READ_ONCE(stream->more) &&
		       before(READ_ONCE(tcp_sk(sk)->copied_seq), READ_ONCE(stream->ready));
	return span + READ_ONCE(stream->more) >= READ_ONCE(stream->lowat) ||
	       vnp_stream_full(stream) ||
	       READ_ONCE(stream->wanted) - tcp_sk(sk)->copied_seq > vnp_window_limit_any(sk);
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

/* Does a range that was dropped begin at @seq, or a message that is ready end there? */
static bool vnp_stream_stops(struct vnp_stream *stream, u32 seq)
{
	const struct vnp_range *drop = vnp_ranges_first(&stream->drops);
	const u32 *end = vnp_ends_first(&stream->ends);

	return (drop && drop->start == seq) || (end && *end == seq);
}

/*
 * TCP skips an urgent byte when it reads the bytes after it.  If none of these are ready, as a
 * dropped range follows, or the end of a message, TCP is not called: so remove the byte here.
 * MSG_OOB can still read it.
 */
static void vnp_stream_skip_urgent(struct vnp_stream *stream, u32 *steps)
{
	struct sock *sk = stream->sk;
	struct tcp_sock *tp = tcp_sk(sk);
	const u16 urg_data = tp->urg_data;

	if (!urg_data || tp->urg_seq != tp->copied_seq || sock_flag(sk, SOCK_URGINLINE) ||
	    before(stream->ready, tp->copied_seq + 1) ||
	    !vnp_stream_stops(stream, tp->copied_seq + 1))
		return;
	WRITE_ONCE(tp->urg_data, 0);
	vnp_queue_discard(sk, 1, steps);
	WRITE_ONCE(tp->urg_data, urg_data);
}

/*
 * Remove dropped ranges at the start of the queue.  Return: 0; -EAGAIN: there are too many packets,
 * so let the worker continue
 */
static int vnp_stream_skip(struct vnp_stream *stream)
{
	const struct tcp_sock *tp = tcp_sk(stream->sk);
	struct vnp_range *drop = vnp_ranges_first(&stream->drops);
	const u64 start = drop && !before(tp->copied_seq, drop->start) ? ktime_get_ns() : 0;
	u32 steps = VNP_STREAM_DISCARD;

	vnp_ends_settle(&stream->ends, stream->ready);
	if (unlikely(tp->urg_data))
		vnp_stream_skip_urgent(stream, &steps);
	while ((drop = vnp_ranges_first(&stream->drops)) &&
	       !before(tp->copied_seq, drop->start)) {
		if (before(tp->copied_seq, drop->end))
			vnp_queue_discard(stream->sk, drop->end - tp->copied_seq, &steps);
		if (before(tp->copied_seq, drop->end))
			break;
		vnp_ranges_pop(&stream->drops);
	}
	if (start)
		vnp_stream_charge(stream, start);
	if (before(stream->ready, tp->copied_seq))
		WRITE_ONCE(stream->ready, tp->copied_seq);
	vnp_ends_follow(&stream->ends, tp->copied_seq);
	return steps ? 0 : -EAGAIN;
}

/*
 * What is kept from the application must fit its buffer.  If it does not, deliver what is held; if
 * nothing is held, the message is too long.
 */
static void vnp_stream_bound(struct vnp_stream *stream)
{
	const u32 from = vnp_ranges_after(&stream->drops, stream->ready);
	const bool full = vnp_stream_full(stream);

	if (stream->error || stream->passing)
		return;
	if (!full && stream->wanted - from <= vnp_stream_limit(stream))
		return;
	if (before(from, stream->parse)) {
		vnp_link_error(stream->link, VNP_ERROR_EVICTED, 1);
		WRITE_ONCE(stream->ready, stream->parse);
	} else if (!full) {
		vnp_stream_fail(stream, EMSGSIZE, VNP_ERROR_OVERSIZE);
	}
}

/* Update how far a read may go. */
static void vnp_stream_settle(struct vnp_stream *stream)
{
	const struct vnp_range *drop = vnp_ranges_first(&stream->drops);
	u32 end = stream->ready, more = 0;
	const u32 *first;

	vnp_ends_settle(&stream->ends, end);
	first = vnp_ends_first(&stream->ends);
	if (first)
		end = *first;
	if (drop && before(drop->start, end))
		end = drop->start;
	if (end != stream->ready)
		more = stream->ready - end -
		       vnp_ranges_bytes(&stream->drops, end, stream->ready);
	WRITE_ONCE(stream->end, end);
	WRITE_ONCE(stream->more, more);
}

/* Let the worker do what remains, by @ret: now (-EAGAIN), or after a delay (-ENOMEM). */
static void vnp_stream_set_deferred(struct vnp_stream *stream, int ret)
{
	WRITE_ONCE(stream->deferred, ret);
	if (ret == -EAGAIN)
		vnp_stream_defer(stream);
	else if (ret)
		vnp_stream_retry(stream);
}

/* Make all ready up to @end, unless the program was replaced by one that authenticates messages. */
static void vnp_stream_pass_on(struct vnp_stream *stream, u32 end)
{
	if (vnp_stream_authenticates(stream)) {
		stream->passing = false;
		local_bh_disable();
		vnp_stream_fail(stream, EPROTO, VNP_ERROR_PROTOCOL);
		local_bh_enable();
	} else if (after(end, stream->parse)) {
		WRITE_ONCE(stream->parse, end);
		WRITE_ONCE(stream->ready, end);
		WRITE_ONCE(stream->wanted, end + 1);
	}
}

/*
 * Is there nothing to parse in what has arrived up to @end, to remove, or to deliver as it does not
 * fit?  This is so after most reads, and after parsing if nothing was dropped.
 */
static bool vnp_stream_is_parsed(struct vnp_stream *stream, u32 end)
{
	const struct tcp_sock *tp = tcp_sk(stream->sk);

	return before(end, stream->wanted) && !stream->deferred && !stream->passing &&
	       vnp_ranges_empty(&stream->drops) && !stream->ends.end && !stream->copy.buf &&
	       !tp->urg_data && !before(stream->ready, tp->copied_seq) &&
	       stream->wanted - stream->ready <= vnp_stream_limit(stream);
}

/* All that is ready is contiguous, so one read may go up to its end. */
static void vnp_stream_settle_simple(struct vnp_stream *stream)
{
	WRITE_ONCE(stream->end, stream->ready);
	WRITE_ONCE(stream->more, 0);
}

static void vnp_stream_parse(struct vnp_stream *stream, bool far)
{
	const u32 end = vnp_queue_end(stream->sk);
	int ret = 0, skip;

	vnp_stream_follow(stream);
	if (vnp_stream_can_parse(stream, end))
		ret = vnp_stream_parse_some(stream, end, far);
	if (!ret && vnp_stream_is_parsed(stream, end)) {
		vnp_stream_settle_simple(stream);
		return;
	}
	local_bh_disable();
	/* The worker uses the copy without the socket's lock. */
	if (!stream->apart && stream->copy.buf)
		vnp_copy_free(&stream->copy);
	skip = vnp_stream_skip(stream);
	/* There may be space for dropped ranges again. */
	if (!ret && vnp_stream_can_parse(stream, end))
		ret = -EAGAIN;
	vnp_stream_bound(stream);
	/* An urgent byte may be the first one that vnp_stream_bound() made ready. */
	if (unlikely(tcp_sk(stream->sk)->urg_data))
		skip = vnp_stream_skip(stream) ?: skip;
	local_bh_enable();
	if (stream->passing)
		vnp_stream_pass_on(stream, end);
	vnp_stream_set_deferred(stream, ret ?: skip);
	vnp_stream_settle(stream);
}

/* No more will arrive of the message at @parse than its bytes up to @end. */
static void vnp_stream_truncate(struct vnp_stream *stream, u32 end)
{
	const u32 eof = stream->link->eof;

	/* It cannot be authenticated: so never deliver it if the program does that. */
	if (eof == VNP_EOF_DELIVER && !vnp_stream_authenticates(stream)) {
		WRITE_ONCE(stream->ready, end);
	} else {
		vnp_ranges_add(&stream->drops, stream->parse, end);
		vnp_link_error(stream->link, VNP_ERROR_TRUNCATED, 1);
	}
	if (eof == VNP_EOF_ABORT)
		WRITE_ONCE(stream->error, ECONNABORTED);
	WRITE_ONCE(stream->parse, end);
}

void vnp_stream_finish_closed(struct vnp_stream *stream)
{
	const u32 end = vnp_queue_end(stream->sk);

	if (stream->finished || stream->deferred || vnp_stream_can_parse(stream, end) ||
	    vnp_stream_full(stream))
		return;
	stream->finished = true;
	if (stream->error)
		return;
	local_bh_disable();
	WRITE_ONCE(stream->ready, stream->parse);
	if (vnp_stream_too_long(stream))
		vnp_stream_fail(stream, EMSGSIZE, VNP_ERROR_OVERSIZE);
	else if (before(stream->parse, end))
		vnp_stream_truncate(stream, end);
	vnp_stream_set_deferred(stream, vnp_stream_skip(stream));
	local_bh_enable();
	vnp_stream_settle(stream);
}

int vnp_stream_repack(struct vnp_stream *stream, gfp_t gfp,
		      int (*func)(struct sock *sk, struct vnp_window *window, gfp_t gfp))
{
	u64 start;
	int ret = -ENOMEM;

	if (vnp_stream_solvent(stream)) {
		start = ktime_get_ns();
		ret = func(stream->sk, &stream->window, gfp);
		vnp_stream_charge(stream, start);
	}
	if (ret == -EAGAIN)
		vnp_stream_defer(stream);
	else if (ret)
		vnp_stream_retry(stream);
	return ret;
}

/*
 * If the application has nothing to read, no read will open the window, so the link must keep it
 * open.
 */
static void vnp_stream_relieve(struct vnp_stream *stream, gfp_t gfp, bool read)
{
	struct sock *sk = stream->sk;

	if (stream->deferred || vnp_stream_enough(stream, sk) || vnp_stream_ended(stream, sk))
		return;
	/* Softirq leaves it to the worker if that is queued. */
	if (vnp_window_is_crowded(sk) &&
	    (gfp != GFP_ATOMIC || !delayed_work_pending(&stream->work)))
		vnp_stream_repack(stream, gfp, vnp_window_open);
	vnp_window_tell(sk, read);
}

/* Is there nothing to read, and nothing to do until the message at @parse is complete? */
static bool vnp_stream_waits(struct vnp_stream *stream)
{
	const struct sock *sk = stream->sk;

	return stream->ready == tcp_sk(sk)->copied_seq && stream->sized && !stream->deferred &&
	       !stream->apart && !stream->error && !stream->passing && !tcp_sk(sk)->urg_data &&
	       !vnp_stream_closed(sk) && vnp_ranges_empty(&stream->drops);
}

/*
 * Set sk_rcvlowat, so that TCP does not call vnp_stream_data_ready() for each segment of a long
 * message, but when this many bytes can be read; and when the queue takes 7/8 of sk_rcvbuf, the
 * window is not larger than a segment, TCP is short of memory, an urgent byte has arrived, or the
 * stream ends.  Meanwhile TCP acknowledges what arrives without waiting for a read.
 *
 * It is 1 while there is something to read, as TCP would acknowledge twice; if the next segment can
 * complete the message; and while there is an urgent byte, as TCP may skip that, and would then
 * wait for one byte more.  A call from before the link may read what is not ready:
 * vnp_stream_released() detects that.
 */
static void vnp_stream_pace(struct vnp_stream *stream)
{
	struct sock *sk = stream->sk;
	const u32 seq = tcp_sk(sk)->copied_seq, there = vnp_queue_end(sk) - seq;
	const s32 lacks = stream->wanted - seq - there;
	u32 lowat = 1;

	if (lacks > tcp_sk(sk)->advmss && vnp_stream_waits(stream))
		lowat = min(stream->wanted - seq, there + vnp_window_room(sk));
	stream->paced = seq;
	stream->rcvbuf = sk->sk_rcvbuf;
	WRITE_ONCE(sk->sk_rcvlowat, lowat > there ? lowat : 1);
}

void vnp_stream_advance(struct vnp_stream *stream, bool far, gfp_t gfp, bool read)
{
	vnp_stream_parse(stream, far);
	vnp_stream_finish(stream);
	vnp_stream_relieve(stream, gfp, read);
	vnp_stream_pace(stream);
	if (!delayed_work_pending(&stream->work))
		stream->delay = 0;
}

void vnp_stream_wake(struct vnp_stream *stream)
{
	struct sock *sk = stream->sk;

	if ((stream->woken == stream->ready || !vnp_stream_enough(stream, sk)) &&
	    !vnp_stream_ended(stream, sk))
		return;
	stream->woken = stream->ready;
	stream->data_ready(sk);
}

/* As TCP, wake the application for an urgent byte as soon as it has arrived, ready or not. */
static void vnp_stream_wake_urgent(struct vnp_stream *stream)
{
	const struct tcp_sock *tp = tcp_sk(stream->sk);

	if (!(tp->urg_data & TCP_URG_VALID) || tp->urg_seq == stream->urgent)
		return;
	stream->urgent = tp->urg_seq;
	stream->data_ready(stream->sk);
}

void vnp_stream_ignore_urgent(struct vnp_stream *stream)
{
	struct tcp_sock *tp = tcp_sk(stream->sk);

	if (unlikely(tp->urg_data) && vnp_stream_authenticates(stream))
		WRITE_ONCE(tp->urg_data, 0);
}

void vnp_stream_data_ready(struct sock *sk)
{
	struct vnp_stream *stream = vnp_stream_of_locked(sk);

	if (!stream)
		return;
	vnp_stream_ignore_urgent(stream);
	vnp_stream_advance(stream, false, GFP_ATOMIC, false);
	vnp_stream_wake(stream);
	vnp_stream_wake_urgent(stream);
}

void vnp_stream_forget_woken(struct vnp_stream *stream)
{
	stream->woken = tcp_sk(stream->sk)->copied_seq;
}

/*
 * The usual case of vnp_stream_read(): all that has arrived was parsed before the read, and at most
 * the peer is to be told of the window.  Return: false: it is not
 */
static bool vnp_stream_read_simple(struct vnp_stream *stream)
{
	struct sock *sk = stream->sk;

	if (!vnp_stream_is_parsed(stream, vnp_queue_end(sk)) || stream->end != stream->ready ||
	    stream->lowat > 1 || vnp_stream_ended(stream, sk) || vnp_stream_closed(sk) ||
	    vnp_window_is_crowded(sk))
		return false;
	if (stream->ready == tcp_sk(sk)->copied_seq)
		vnp_window_tell(sk, true);
	vnp_stream_pace(stream);
	return true;
}

void vnp_stream_read(struct vnp_stream *stream)
{
	const u32 ready = stream->ready;

	if (likely(vnp_stream_read_simple(stream)))
		return;
	vnp_stream_advance(stream, false, stream->sk->sk_allocation, true);
	if (unlikely(stream->lowat > 1) && !vnp_stream_enough(stream, stream->sk))
		vnp_stream_forget_woken(stream);
	/* Other threads may be waiting for what has become ready. */
	if (stream->ready != ready)
		vnp_stream_wake(stream);
}

/* Account for what calls from before the link have read, which do not stop at @ready. */
static void vnp_stream_catch_up(struct vnp_stream *stream)
{
	int ret;

	vnp_stream_follow(stream);
	do {
		local_bh_disable();
		ret = vnp_stream_skip(stream);
		local_bh_enable();
		cond_resched();
	} while (ret);
	vnp_stream_settle(stream);
}

int vnp_stream_flatten(struct vnp_stream *stream, gfp_t gfp)
{
	u32 shift;
	int ret;

	vnp_stream_catch_up(stream);
	shift = vnp_ranges_bytes(&stream->drops, stream->ready, stream->parse);
	ret = vnp_repack_without(stream->sk, &stream->drops, gfp);
	if (ret)
		return ret;
	if (stream->woken == stream->ready)
		stream->woken += shift;
	WRITE_ONCE(stream->ready, stream->ready + shift);
	vnp_stream_settle(stream);
	return 0;
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
