// SPDX-License-Identifier: GPL-2.0
/* The end of a stream: what becomes of a message that is not whole. */
#include "kmod/link/stats.h"
#include "kmod/tcp/defer.h"
#include "kmod/tcp/parse.h"
#include "kmod/tcp/queue.h"
#include "kmod/tcp/skip.h"
#include "kmod/tcp/stream.h"
#include "kmod/tcp/verdict.h"

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
