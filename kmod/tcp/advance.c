// SPDX-License-Identifier: GPL-2.0
/*
 * What follows when data has arrived, or was read: it is parsed, the window stays open, TCP is told
 * when to call next, and the application wakes up.
 */
#include "kmod/link/stats.h"
#include "kmod/prog/account.h"
#include "kmod/tcp/defer.h"
#include "kmod/tcp/parse.h"
#include "kmod/tcp/queue.h"
#include "kmod/tcp/skip.h"
#include "kmod/tcp/stream.h"
#include "kmod/tcp/verdict.h"
#include "kmod/tcp/window.h"

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

int vnp_stream_repack(struct vnp_stream *stream, gfp_t gfp,
		      int (*func)(struct sock *sk, struct vnp_window *window, gfp_t gfp))
{
	struct vnp_account_timer timer;
	int ret = -ENOMEM;

	if (vnp_account_is_solvent(stream->link->user)) {
		timer = vnp_account_start();
		ret = func(stream->sk, &stream->window, gfp);
		vnp_account_stop(stream->link->user, &timer);
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
