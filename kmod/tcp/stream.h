/* SPDX-License-Identifier: GPL-2.0 */
/*
 * struct vnp_stream: the messages of a TCP socket that has a link.
 *
 * The data stays in TCP's receive queue.  What is known about it are sequence numbers:
 *
 *	copied_seq      ready          parse            wanted
 *	    |  readable   |  held, whole |  not whole yet  |
 *
 * and ranges that were dropped, all of them before @parse; with VNP_LINK_F_BOUNDARIES also where
 * the messages end that were not.  The application reads up to
 * @ready, and the ranges are removed from the queue when it gets there.
 *
 * It belongs to its link, is reached through sk_user_data, and freed with the link after a
 * grace period.  Locking: the socket's lock; poll() reads some members without it.
 */
#ifndef _VNP_TCP_STREAM_H
#define _VNP_TCP_STREAM_H

#include <linux/mutex.h>
#include <linux/workqueue.h>
#include <net/sock.h>
#include <net/tcp.h>

#include "kmod/link/link.h"
#include "kmod/tcp/copy.h"
#include "kmod/tcp/ends.h"
#include "kmod/tcp/ranges.h"
#include "kmod/tcp/window.h"

struct vnp_outlet;

/**
 * struct vnp_stream - the messages of a socket
 * @link:	the link
 * @sk:		the socket; NULL: detached
 * @data_ready:	sk_data_ready before the link
 * @reader:	held while the application reads, and while the link is detached.  Taken before the
 *		socket's lock, which is released for TCP, as that takes it itself
 * @work:	what softirq left to do.  Pending, it has a reference to the link
 * @blocked:	it was not done, as a process had locked the socket.  Under the socket's spinlock
 * @delay:	how long it waits if that failed, in jiffies; 0: it did not fail
 * @parse:	where the message begins that is not whole yet, or not parsed
 * @ready:	the application may read up to here
 * @wanted:	a program is executed when the bytes before here have arrived: on a message whose
 *		length is not known that for streams, else that for messages
 * @sized:	@wanted is the end of the message
 * @passing:	there are no messages any more: all is ready
 * @deferred:	@work continues to parse
 * @scattered:	the message at @parse is too far to be found by softirq: @work repacks first
 * @finished:	no more data comes, and all is ready or dropped
 * @error:	what the application gets after the last byte that is ready, or 0
 * @end:	how far one read of TCP may go: to @ready, or to the first of @drops or @ends if
 *		that is before it
 * @more:	bytes that are ready after @end
 * @woken:	@ready when the application was woken
 * @urgent:	the urgent byte that the application was woken for
 * @lowat:	SO_RCVLOWAT of the application
 * @paced:	copied_seq when sk_rcvlowat was set (vnp_stream_pace())
 * @window:	how TCP's window is kept open
 * @walked:	packets that were walked to find messages; for statistics
 * @apart:	length of the message at @parse, if @work executes the program on it; or 0
 * @copy:	of the message that a program is executed on.  While @apart is set only @work uses
 *		it
 * @drops:	ranges that were dropped
 * @ends:	where messages end
 * @outlet:	the queue for answers (answer.h), or NULL
 * @denied:	there is none, as the process may not send
 * @owed:	the application has not read all, or not sent what follows
 * @sends:	messages because of which something was sent since the application read, or tried to
 */
struct vnp_stream {
	struct vnp_link *link;
	struct sock *sk;
	void (*data_ready)(struct sock *sk);
	struct mutex reader;	/* reading the socket */
	struct delayed_work work;
	bool blocked;
	unsigned long delay;
	u32 parse;
	u32 ready;
	u32 wanted;
	bool sized;
	bool passing;
	bool deferred;
	bool scattered;
	bool finished;
	int error;
	u32 end;
	u32 more;
	u32 woken;
	u32 urgent;
	int lowat;
	u32 paced;
	struct vnp_window window;
	u64 walked;
	u32 apart;
	struct vnp_copy copy;
	struct vnp_ranges drops;
	struct vnp_ends ends;
	struct vnp_outlet *outlet;
	bool denied;
	bool owed;
	u32 sends;
};

/* vnp_stream_alloc() - of a link.  Context: process.  Return: NULL: out of memory */
struct vnp_stream *vnp_stream_alloc(struct vnp_link *link);

/* vnp_stream_free() - free it; NULL is allowed */
void vnp_stream_free(struct vnp_stream *stream);

/* vnp_stream_data_ready() - sk_data_ready of sockets that have a link */
void vnp_stream_data_ready(struct sock *sk);

/*
 * vnp_stream_of() - of a socket, or NULL.  Context: the socket's lock, or RCU
 *
 * After the link others may set sk_user_data (KCM), whose objects are not to be touched.  It is a
 * link, if sk_data_ready is ours afterwards, and it is still the same then: vnp_stream_start() sets
 * sk_data_ready after it, and vnp_stream_stop() restores it before others can set it.
 */
static inline struct vnp_stream *vnp_stream_of(const struct sock *sk)
{
	const struct vnp_link *link;
	struct vnp_stream *stream = NULL;

	rcu_read_lock();
	link = rcu_dereference_sk_user_data(sk);
	smp_rmb();	/* pairs with smp_store_release() of vnp_stream_start() */
	if (link && READ_ONCE(sk->sk_data_ready) == vnp_stream_data_ready) {
		smp_rmb();	/* likewise, and with the lock of vnp_tcp_set_user_data() */
		if (rcu_dereference_sk_user_data(sk) == link)
			stream = link->stream;
	}
	rcu_read_unlock();
	return stream;
}

/*
 * vnp_stream_full() - can no more be remembered, of what was dropped, or where messages end, until
 * the application reads?  Context: any
 */
static inline bool vnp_stream_full(const struct vnp_stream *stream)
{
	return vnp_ranges_full(&stream->drops) || vnp_ends_full(&stream->ends);
}

/* vnp_stream_get() - the same, with a reference to its link, for vnp_stream_put() */
struct vnp_stream *vnp_stream_get(const struct sock *sk);

static inline void vnp_stream_put(struct vnp_stream *stream)
{
	vnp_link_put(stream->link);
}

/*
 * vnp_stream_start() - begin with the first byte that was not read.  Context: process, the socket's
 * lock
 */
void vnp_stream_start(struct vnp_stream *stream, struct sock *sk);

/*
 * vnp_stream_stop() - end; no program is executed any more.  With @keep, which requires @reader,
 * what was dropped is removed from TCP's queue, so that the application does not read it
 * afterwards.  Context: likewise
 */
void vnp_stream_stop(struct vnp_stream *stream, bool keep);

/*
 * vnp_stream_outran() - has a call from before the link read since vnp_stream_pace()?  Context: the
 * socket's spinlock
 */
bool vnp_stream_outran(const struct vnp_stream *stream);

/* vnp_stream_read() - the application has read.  Context: process, the socket's lock */
void vnp_stream_read(struct vnp_stream *stream);

/* vnp_stream_finish() - if no more data comes, decide on what is there.  Context: likewise */
void vnp_stream_finish(struct vnp_stream *stream);

/*
 * vnp_stream_flatten() - remove all that was dropped from TCP's queue, so that one read of TCP can
 * go up to @ready.  Context: likewise.  Return: as vnp_repack_without(); if that fails nothing was
 * changed
 */
int vnp_stream_flatten(struct vnp_stream *stream, gfp_t gfp);

/* vnp_stream_span() - how many bytes one read of TCP may take now.  Context: any */
u32 vnp_stream_span(const struct vnp_stream *stream, const struct sock *sk);

/*
 * vnp_stream_enough() - are as many bytes ready as the application waits for (SO_RCVLOWAT)?  Or any
 * at all, if no more can become ready before it reads, as the buffer, @drops or @ends is full.
 * Context: any
 */
bool vnp_stream_enough(const struct vnp_stream *stream, const struct sock *sk);

/* vnp_stream_info() - fill in what it has counted.  Context: any */
void vnp_stream_info(const struct vnp_stream *stream, struct vnp_link_info *info);

/* vnp_stream_ended() - does a read not wait, even if there is nothing to read? Context: any */
bool vnp_stream_ended(const struct vnp_stream *stream, const struct sock *sk);

/* For the worker.  Context: the socket's lock */

/*
 * vnp_stream_advance() - do what there is to do, after data has arrived or was @read.  @far: as of
 * vnp_stream_parse_some()
 */
void vnp_stream_advance(struct vnp_stream *stream, bool far, gfp_t gfp, bool read);

/* vnp_stream_wake() - wake the application, once for what has become ready */
void vnp_stream_wake(struct vnp_stream *stream);

/*
 * vnp_stream_repack() - a slice of the work for the window, by @func, if the account allows that.
 * Return: as @func
 */
int vnp_stream_repack(struct vnp_stream *stream, gfp_t gfp,
		      int (*func)(struct sock *sk, struct vnp_window *window, gfp_t gfp));

#endif /* _VNP_TCP_STREAM_H */
