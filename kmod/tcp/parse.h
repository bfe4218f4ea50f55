/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Finding messages in TCP's queue: the program for streams returns the length of each, the program
 * for messages the verdict on it.
 *
 * Context of all: the socket's lock.
 */
#ifndef _VNP_TCP_PARSE_H
#define _VNP_TCP_PARSE_H

#include <linux/skbuff.h>

#include "kmod/tcp/stream.h"
#include "uapi/linux/vnp.h"

/**
 * vnp_stream_parse_some() - parse what has arrived up to @end
 * @stream:	the stream; vnp_stream_can_parse()
 * @end:	sequence number after the last byte
 * @far:	search for the first message however many packets there are.  Only by the worker,
 *		which has softirqs on meanwhile
 *
 * Return: 0: all that can be parsed was; -EAGAIN: let the worker continue now; -ENOMEM: let it
 * continue after a delay, as the user's account is empty, or it executes the program on a message.
 */
int vnp_stream_parse_some(struct vnp_stream *stream, u32 end, bool far);

/* vnp_stream_too_long() - is the message at @stream->parse longer than can be held? */
static inline bool vnp_stream_too_long(struct vnp_stream *stream)
{
	return stream->sized && stream->wanted - stream->parse > vnp_stream_limit(stream);
}

/* vnp_stream_can_parse() - may a program be executed on what has arrived up to @end? */
static inline bool vnp_stream_can_parse(struct vnp_stream *stream, u32 end)
{
	return !before(end, stream->wanted) && !stream->error && !stream->passing &&
	       !vnp_stream_full(stream) && !vnp_stream_too_long(stream);
}

/*
 * vnp_stream_follow() - update what depends on copied_seq, which also grows when TCP removes an
 * urgent byte, or a call from before the link reads.  Sequence numbers that are kept must stay
 * within 2^31 of it.
 */
void vnp_stream_follow(struct vnp_stream *stream);

/*
 * vnp_stream_fail() - no more messages are found: after the last one the application gets @error;
 * or, for EPROTO with VNP_LINK_F_STREAM_PASS, all following bytes.  Context: softirqs off
 */
void vnp_stream_fail(struct vnp_stream *stream, int error, enum vnp_error counter);

/*
 * A program was executed on a copy of the message at @stream->parse.  The message's packets, from
 * *@first on, are made private before the result is applied, as nothing may fail after that; then
 * the result is written to them, and the verdict is applied.
 */

/* vnp_stream_own() - make the packets private.  Return: 0, -ENOMEM; -ENODATA: they are not there */
int vnp_stream_own(struct vnp_stream *stream, struct sk_buff **first, gfp_t gfp);

/* vnp_stream_publish() - write the result to the packets */
void vnp_stream_publish(struct vnp_stream *stream, struct sk_buff *first);

/* vnp_stream_apply_copy() - apply the verdict */
void vnp_stream_apply_copy(struct vnp_stream *stream);

#endif /* _VNP_TCP_PARSE_H */
