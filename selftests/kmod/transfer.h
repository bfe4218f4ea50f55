/* SPDX-License-Identifier: GPL-2.0 */
/* Messages that are sent on a TCP connection, and the bytes that must be read of them */
#ifndef _VNP_TEST_TRANSFER_H
#define _VNP_TEST_TRANSFER_H

#include <pthread.h>
#include "stream.h"

/**
 * struct transfer - a connection, what is sent on it, and what is read
 * @conn:	the connection
 * @size:	bytes of each buffer
 * @sent:	messages; the first @len bytes are still to be sent
 * @len:	see @sent
 * @total:	bytes that have been sent
 * @want:	what must be read next
 * @want_len:	bytes at @want
 * @got:	what was read
 * @thread:	transfer_start()
 */
struct transfer {
	struct conn conn;
	size_t size;
	__u8 *sent;
	size_t len;
	__u64 total;
	__u8 *want;
	size_t want_len;
	__u8 *got;
	pthread_t thread;
};

/* transfer_open() - over lo, with buffers of @size bytes; the connection has no link yet */
int transfer_open(struct transfer *t, enum flow_kind kind, size_t size);
void transfer_close(struct transfer *t);

/* transfer_reopen() - another connection instead; nothing has been sent on it */
int transfer_reopen(struct transfer *t, enum flow_kind kind);

/* transfer_want() - these bytes must be read after those at @want */
void transfer_want(struct transfer *t, const void *data, size_t len);

/* transfer_is_read() - is a message of this type read, sooner or later? */
bool transfer_is_read(char type);

/* transfer_add() - a message after those at @sent; at @want, too, if it is read */
void transfer_add(struct transfer *t, char type, size_t len);

/*
 * transfer_send() - send what is at @sent, and wait until it has arrived; transfer_segments() - in
 * calls of @size bytes
 */
int transfer_send(struct transfer *t);
int transfer_segments(struct transfer *t, size_t size);

/* transfer_put() - a message alone: add it, and send it */
int transfer_put(struct transfer *t, char type, size_t len);

/*
 * transfer_start() - have a thread send what is at @sent: more than fits into the socket's buffers
 * unless it is read.  transfer_finish() - wait until it is sent; 0 or negative
 */
int transfer_start(struct transfer *t);
int transfer_finish(struct transfer *t);

/* transfer_quiet() - is there nothing to read? stream_quiet() */
int transfer_quiet(struct transfer *t);

/*
 * transfer_ready() - read with one call.  Return: 1: exactly the wanted bytes were ready, 0: other
 * bytes; negative: another number
 */
int transfer_ready(struct transfer *t);

/* transfer_read() - wait for what is wanted.  Is it this, and nothing else? 1, 0 */
int transfer_read(struct transfer *t);

#endif /* _VNP_TEST_TRANSFER_H */
