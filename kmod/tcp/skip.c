// SPDX-License-Identifier: GPL-2.0
#include "kmod/tcp/skip.h"

#include "kmod/prog/account.h"
#include "kmod/tcp/parse.h"
#include "kmod/tcp/queue.h"
#include "kmod/tcp/repack.h"
#include "kmod/tcp/stream.h"

/* Maximum number of packets to remove in one call.  The worker continues, as in parse.c. */
#define VNP_STREAM_DISCARD	1024

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

int vnp_stream_skip(struct vnp_stream *stream)
{
	const struct tcp_sock *tp = tcp_sk(stream->sk);
	struct vnp_range *drop = vnp_ranges_first(&stream->drops);
	const bool discards = drop && !before(tp->copied_seq, drop->start);
	struct vnp_account_timer timer;
	u32 steps = VNP_STREAM_DISCARD;

	if (discards)
		timer = vnp_account_start();
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
	if (discards)
		vnp_account_stop(stream->link->user, &timer);
	if (before(stream->ready, tp->copied_seq))
		WRITE_ONCE(stream->ready, tp->copied_seq);
	vnp_ends_follow(&stream->ends, tp->copied_seq);
	return steps ? 0 : -EAGAIN;
}

void vnp_stream_settle(struct vnp_stream *stream)
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
