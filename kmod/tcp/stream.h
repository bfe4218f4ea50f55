/* SPDX-License-Identifier: GPL-2.0 */
/*
 * struct vnp_stream: the messages of a TCP socket that has a link.
 *
 * The data stays in TCP's receive queue.  The stream has sequence numbers in it:
 *
 *	copied_seq      ready          parse            wanted
 *	    |  readable   |  held, whole |  not whole yet  |
 *
 * and ranges that were dropped, all of them before @parse; with VNP_LINK_F_BOUNDARIES also the ends
 * of the messages that were not dropped.  The application reads up to @ready; a range is removed
 * from the queue when all bytes before it were read.
 *
 * A stream belongs to its link, is found through sk_user_data, and is freed with the link after a
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

/*
 * Bits of struct vnp_ctx::unanswered.  MAYBE: the application has sent something, but has not
 * waited for input since (VNP_LINK_F_REPLY_IDLE).  Only poll() and a read that waits change them
 * without the socket's lock.
 */
#define VNP_UNANSWERED		1
#define VNP_UNANSWERED_MAYBE	2

/**
 * struct vnp_stream - the messages of a socket
 * @link:	the link
 * @sk:		the socket; NULL: detached
 * @data_ready:	sk_data_ready before the link
 * @reader:	held while the application reads, and while the link is being detached.  Taken
 *		before the socket's lock, as that is released during TCP's recvmsg()
 * @work:	the worker, for what softirq could not do.  Holds a reference to the link while
 *		pending
 * @blocked:	@work did nothing, as a process owned the socket.  Under the socket's spinlock
 * @delay:	jiffies until @work tries again after the next failure; 0: it did not fail
 * @parse:	the first byte of the message that is incomplete, or that is parsed next
 * @ready:	the application may read up to here
 * @wanted:	a program is executed when all bytes before this have arrived: if the message's
 *		length is not known the program for streams, else the one for messages
 * @sized:	@wanted is the end of the message
 * @passing:	messages are not parsed any more: all bytes are ready
 * @deferred:	@work continues parsing, or removing what was dropped
 * @scattered:	the message at @parse is too many packets away for softirq: @work repacks first
 * @finished:	no more data can arrive, and all is ready or dropped
 * @error:	errno that the application gets after the last byte that is ready, or 0
 * @end:	how far one read of TCP may go: to @ready, or to the first of @drops or @ends if
 *		that is before @ready
 * @more:	bytes that are ready after @end
 * @woken:	the value of @ready when the application was last woken, so that it is woken once
 *		for it; copied_seq if it must be woken again
 * @urgent:	the urgent byte that the application was woken for
 * @lowat:	SO_RCVLOWAT of the application
 * @paced:	copied_seq when vnp_stream_pace() set sk_rcvlowat
 * @rcvbuf:	sk_rcvbuf at that time, or when @work was queued because it is smaller
 * @window:	state of keeping TCP's window open
 * @walked:	packets that were walked to find messages; for statistics
 * @apart:	length of the message at @parse, if @work executes the program on it; or 0
 * @copy:	of the message that a program is executed on.  While @apart is set only @work uses
 *		it
 * @drops:	ranges that were dropped
 * @ends:	ends of messages
 * @outlet:	the queue for answers (answer.h), or NULL
 * @denied:	@outlet is NULL, as the process may not send
 * @unanswered:	VNP_UNANSWERED, VNP_UNANSWERED_MAYBE
 * @sends:	number of messages because of which something was sent, since the application last
 *		began a read
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
	int rcvbuf;
	struct vnp_window window;
	u64 walked;
	u32 apart;
	struct vnp_copy copy;
	struct vnp_ranges drops;
	struct vnp_ends ends;
	struct vnp_outlet *outlet;
	bool denied;
	atomic_t unanswered;
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
 * When the link has ended, others (KCM) may set sk_user_data to an object that must not be taken
 * for a link.  So read it, then sk_data_ready, and then sk_user_data again.  If sk_data_ready is
 * ours and sk_user_data has not changed, it is a link: vnp_stream_start() sets sk_data_ready after
 * sk_user_data, and vnp_stream_stop() restores sk_data_ready before others can set sk_user_data.
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
 * vnp_stream_of_locked() - the same.  Context: the socket's lock, under which sk_data_ready and
 * sk_user_data are changed together
 */
static inline struct vnp_stream *vnp_stream_of_locked(const struct sock *sk)
{
	const uintptr_t data = (uintptr_t)rcu_access_pointer(__sk_user_data(sk));
	const struct vnp_link *link = (const void *)(data & SK_USER_DATA_PTRMASK);

	return link && sk->sk_data_ready == vnp_stream_data_ready ? link->stream : NULL;
}

/*
 * vnp_stream_full() - is there no space for more dropped ranges, or ends of messages, until the
 * application reads?  Context: any
 */
static inline bool vnp_stream_full(const struct vnp_stream *stream)
{
	return vnp_ranges_full(&stream->drops) || vnp_ends_full(&stream->ends);
}

/*
 * vnp_stream_limit() - how many bytes may be kept from the application.  Context: the socket's lock
 */
static inline u32 vnp_stream_limit(const struct vnp_stream *stream)
{
	return stream->window.limit;
}

/* vnp_stream_unanswered() - of struct vnp_ctx.  Context: any */
static inline u32 vnp_stream_unanswered(const struct vnp_stream *stream)
{
	return atomic_read(&stream->unanswered);
}

/*
 * vnp_stream_app_waits() - the application waits for input, so it has sent all of its answers.
 * Context: any
 */
static inline void vnp_stream_app_waits(struct vnp_stream *stream)
{
	if (atomic_read(&stream->unanswered) & VNP_UNANSWERED_MAYBE)
		atomic_andnot(VNP_UNANSWERED_MAYBE, &stream->unanswered);
}

/* vnp_stream_get() - as vnp_stream_of(), with a reference to its link, for vnp_stream_put() */
struct vnp_stream *vnp_stream_get(const struct sock *sk);

static inline void vnp_stream_put(struct vnp_stream *stream)
{
	vnp_link_put(stream->link);
}

/*
 * vnp_stream_start() - begin parsing at the first byte that was not read.  Context: process, the
 * socket's lock
 */
void vnp_stream_start(struct vnp_stream *stream, struct sock *sk);

/*
 * vnp_stream_stop() - end the stream.  With @keep, which requires @reader, what was dropped is
 * removed from TCP's queue, so that the application does not read it afterwards.  Context: likewise
 */
void vnp_stream_stop(struct vnp_stream *stream, bool keep);

/*
 * vnp_stream_outran() - has a call that began before the link read bytes since vnp_stream_pace()
 * set sk_rcvlowat?  Context: the socket's spinlock
 */
static inline bool vnp_stream_outran(const struct vnp_stream *stream)
{
	const struct sock *sk = stream->sk;

	return sk && sk->sk_rcvlowat > 1 && tcp_sk(sk)->copied_seq != stream->paced;
}

/*
 * vnp_stream_ignore_urgent() - ignore the urgent pointer if messages are authenticated: it is not,
 * and otherwise an urgent byte would be delivered before its message, and anyone on the path could
 * remove a byte from a message.  Context: the socket's lock
 */
void vnp_stream_ignore_urgent(struct vnp_stream *stream);

/*
 * vnp_stream_forget_woken() - the application waits for what it was woken for, as that is less than
 * SO_RCVLOWAT: wake it again when it is enough.  Context: the socket's lock
 */
void vnp_stream_forget_woken(struct vnp_stream *stream);

/* vnp_stream_read() - the application has read.  Context: process, the socket's lock */
void vnp_stream_read(struct vnp_stream *stream);

/* vnp_stream_closed() - can no more data arrive?  Context: any */
static inline bool vnp_stream_closed(const struct sock *sk)
{
	return sock_flag(sk, SOCK_DONE) || inet_sk_state_load(sk) == TCP_CLOSE;
}

/*
 * vnp_stream_ended() - does a read return at once although there are no bytes to read: 0 at the
 * end of the stream, or an error?  Context: any
 */
static inline bool vnp_stream_ended(const struct vnp_stream *stream, const struct sock *sk)
{
	if (READ_ONCE(stream->error))
		return true;
	/* Also after a reset, messages come first that have arrived whole before it. */
	if (vnp_stream_closed(sk))
		return !READ_ONCE(stream->deferred);
	return READ_ONCE(sk->sk_err) || READ_ONCE(sk->sk_shutdown) & RCV_SHUTDOWN;
}

/* vnp_stream_finish_closed() - as vnp_stream_finish(), once no more data can arrive */
void vnp_stream_finish_closed(struct vnp_stream *stream);

/*
 * vnp_stream_finish() - if no more data can arrive, decide on an incomplete message (VNP_EOF_*).
 * Context: likewise
 */
static inline void vnp_stream_finish(struct vnp_stream *stream)
{
	if (unlikely(vnp_stream_closed(stream->sk)))
		vnp_stream_finish_closed(stream);
}

/*
 * vnp_stream_flatten() - remove all that was dropped from TCP's queue, so that one read of TCP can
 * go up to @ready.  Context: likewise.  Return: as vnp_repack_without()
 */
int vnp_stream_flatten(struct vnp_stream *stream, gfp_t gfp);

/*
 * vnp_stream_span() - how many bytes one read of TCP may take now, if it begins @off bytes after
 * the first that was not read.  Context: any
 */
static inline u32 vnp_stream_span(const struct vnp_stream *stream, const struct sock *sk,
				  u32 off)
{
	const struct tcp_sock *tp = tcp_sk(sk);
	const u32 seq = READ_ONCE(tp->copied_seq);
	const s32 span = READ_ONCE(stream->end) - seq;

	if (span <= 0 || off >= span)
		return 0;
	/* A read skips an urgent byte that comes first, and stops at others. */
	if (READ_ONCE(tp->urg_data) && tp->urg_seq == seq + off && !sock_flag(sk, SOCK_URGINLINE))
		return span - off - 1;
	return span - off;
}

/* vnp_stream_enough_more() - likewise, if it depends on more than the first bytes that are ready */
bool vnp_stream_enough_more(const struct vnp_stream *stream, const struct sock *sk);

/*
 * vnp_stream_enough() - are as many bytes ready as the application waits for (SO_RCVLOWAT)?  One
 * byte is enough if no more can become ready before it reads, as the buffer, @drops or @ends is
 * full.  Context: any
 */
static inline bool vnp_stream_enough(const struct vnp_stream *stream, const struct sock *sk)
{
	const struct tcp_sock *tp = tcp_sk(sk);
	const s32 span = READ_ONCE(stream->end) - READ_ONCE(tp->copied_seq);

	return (!READ_ONCE(tp->urg_data) && span >= READ_ONCE(stream->lowat)) ||
	       vnp_stream_enough_more(stream, sk);
}

/* vnp_stream_info() - fill in the stream's counters; @sk: NULL: detached.  Context: process */
void vnp_stream_info(const struct vnp_stream *stream, const struct sock *sk,
		     struct vnp_link_info *info);

/* For the worker.  Context: the socket's lock */

/*
 * vnp_stream_advance() - parse, and update what depends on it, after data has arrived or was @read.
 * @far: as for vnp_stream_parse_some()
 */
void vnp_stream_advance(struct vnp_stream *stream, bool far, gfp_t gfp, bool read);

/* vnp_stream_wake() - wake the application, once for what has become ready */
void vnp_stream_wake(struct vnp_stream *stream);

/*
 * vnp_stream_repack() - call @func, vnp_window_open() or vnp_window_pack(), unless the user's
 * account is overdrawn.  Queues the worker if there is more to do.  Return: as @func; -ENOMEM
 */
int vnp_stream_repack(struct vnp_stream *stream, gfp_t gfp,
		      int (*func)(struct sock *sk, struct vnp_window *window, gfp_t gfp));

#endif /* _VNP_TCP_STREAM_H */
