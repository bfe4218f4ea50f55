/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What programs send because of messages: answers over the connection of the stream, and copies for
 * peers and other connections.
 *
 * Answers are queued in an outlet (outlet.h), which the link uses as an entry of a map does.  It is
 * drained before the application writes (write.h), and nothing is sent from it during the write: so
 * answers keep the order in which they were made, and are never inserted into what one call writes.
 *
 * An execution on a message can be interrupted by other executions on the CPU, as softirqs are on
 * while it encrypts (copy.h).  So vnp_sending points to that of the message only within a helper.
 */
#ifndef _VNP_TCP_ANSWER_H
#define _VNP_TCP_ANSWER_H

#include <linux/types.h>

struct sock;
struct vnp_copy;
struct vnp_dgram;
struct vnp_link;
struct vnp_outlet;
struct vnp_send_msg;
struct vnp_stream;
struct vnp_target;

/*
 * vnp_answer_open() - create the queue of a stream whose link has @reply_bytes.  Context: process,
 * the socket stays open.  Return: 0, also if nothing may be sent; or an errno of VNP_LINK_CREATE
 */
int vnp_answer_open(struct vnp_stream *stream, struct sock *sk);

/*
 * vnp_answer_flush() - send what is in the queue, unless a call of the application is writing.
 * Context: process, the socket's lock
 */
void vnp_answer_flush(struct vnp_stream *stream);

/*
 * vnp_answer_close() - send what is in the queue, and end it.  Context: process; the socket's lock,
 * unless the link was not attached
 */
void vnp_answer_close(struct vnp_stream *stream);

/* vnp_answer_free() - put the queue, after a grace period.  Context: process */
void vnp_answer_free(struct vnp_stream *stream);

/* vnp_answer_begin() - a program that may send is about to execute.  Context: softirqs off */
void vnp_answer_begin(struct vnp_copy *copy);

/* vnp_answer_end() - it has executed.  Context: likewise, under RCU */
void vnp_answer_end(struct vnp_copy *copy);

/*
 * vnp_answer_verdict() - the verdict is VNP_REPLY: send back all of a message, unless the program
 * has called vnp_reply().  Counts failures.  Context: softirqs off
 */
void vnp_answer_verdict(struct vnp_stream *stream, struct vnp_dgram *dgram);

/* Of struct vnp_dgram_ops, for a struct vnp_copy */
int vnp_answer_send(struct vnp_dgram *dgram, struct vnp_target *target,
		    const struct vnp_send_msg *msg, bool again);
int vnp_answer_append(struct vnp_dgram *dgram, struct vnp_outlet *outlet,
		      const struct vnp_send_msg *msg);
int vnp_answer_reply(struct vnp_dgram *dgram, const struct vnp_send_msg *msg);

/* The same for a struct vnp_queue_exec */
int vnp_answer_direct(struct vnp_dgram *dgram, const struct vnp_send_msg *msg);

#endif /* _VNP_TCP_ANSWER_H */
