/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Finding messages in TCP's queue: the program for streams says how long each is, that for messages
 * what becomes of it.
 *
 * Context of all: the socket's lock.
 */
#ifndef _VNP_TCP_PARSE_H
#define _VNP_TCP_PARSE_H

#include <linux/skbuff.h>

#include "uapi/linux/vnp.h"

struct vnp_stream;

/**
 * vnp_stream_parse_some() - parse what has arrived up to @end
 * @stream:	the stream
 * @end:	sequence number
 * @far:	the first message is searched for in all of the queue, which the worker does, with
 *		softirqs on
 *
 * Return: 0: all that can be parsed was; -EAGAIN: it takes too long; -ENOMEM: the user's account is
 * empty.
 */
int vnp_stream_parse_some(struct vnp_stream *stream, u32 end, bool far);

/* vnp_stream_can_parse() - may a program be executed on what has arrived up to @end? */
bool vnp_stream_can_parse(const struct vnp_stream *stream, u32 end);

/* vnp_stream_too_long() - is the message at @stream->parse longer than can be held? */
bool vnp_stream_too_long(const struct vnp_stream *stream);

/*
 * vnp_stream_follow() - follow copied_seq: TCP has removed an urgent byte, or a call that began
 * before the link read.  No number that is kept may become 2^31 old.
 */
void vnp_stream_follow(struct vnp_stream *stream);

/*
 * vnp_stream_fail() - the application gets no more messages, but @error; or with the link's option
 * all bytes.  Context: softirqs off
 */
void vnp_stream_fail(struct vnp_stream *stream, int error, enum vnp_error counter);

/*
 * A program was executed on a copy of the message at @stream->parse.  First its packets, from
 * *@first on, are made private, as after the execution nothing may fail; then they get what the
 * program made of it, and the verdict is applied.
 */

/* vnp_stream_own() - make the packets private.  Return: 0, -ENOMEM; -ENODATA: they are not there */
int vnp_stream_own(struct vnp_stream *stream, struct sk_buff **first, gfp_t gfp);

/* vnp_stream_publish() - write the result into the packets */
void vnp_stream_publish(struct vnp_stream *stream, struct sk_buff *first);

/* vnp_stream_apply_copy() - the verdict on it */
void vnp_stream_apply_copy(struct vnp_stream *stream);

#endif /* _VNP_TCP_PARSE_H */
