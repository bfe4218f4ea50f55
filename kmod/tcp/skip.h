/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What was dropped is removed from the queue when all bytes before it were read; and how far one
 * read of TCP may go until then.
 *
 * Context of all functions here: the socket's lock.
 */
#ifndef _VNP_TCP_SKIP_H
#define _VNP_TCP_SKIP_H

struct vnp_stream;

/*
 * vnp_stream_skip() - remove dropped ranges at the start of the queue.  Context: softirqs off.
 * Return: 0; -EAGAIN: there are too many packets, so let the worker continue
 */
int vnp_stream_skip(struct vnp_stream *stream);

/* vnp_stream_settle() - update how far a read may go */
void vnp_stream_settle(struct vnp_stream *stream);

#endif /* _VNP_TCP_SKIP_H */
