// SPDX-License-Identifier: GPL-2.0
/*
 * Bytes up to the first one that is not ready are copied from TCP's queue, and tcp_read_done() is
 * called; or, if that is not all that the call needs, TCP's recvmsg() for so many bytes.  As the
 * latter takes the socket's lock itself, struct vnp_stream::reader prevents concurrent reads, which
 * together could read further.
 *
 * A call that began before the link, or under an earlier link, may be in TCP without this mutex,
 * and read bytes that are not ready, or were dropped.  So whenever the socket was unlocked,
 * copied_seq may have passed any of the stream's sequence numbers.
 *
 * A call may outlast the link, but then does not wait here: it is restarted, and calls the kernel's
 * function.  It only sleeps while it has a reference to the link, which has one to the module; and
 * vnp_tcp_subsys_destroy() waits for calls that are about to get it, or have put it.  For a call
 * that cannot be restarted the removal of the module waits (vnp_tcp_enter()).
 */
#include "kmod/tcp/recv.h"

#include <asm/ioctls.h>
#include <linux/sched/signal.h>
#include <linux/splice.h>

#include "kmod/core/compat.h"
#include "kmod/tcp/proto.h"
#include "kmod/tcp/queue.h"
#include "kmod/tcp/stream.h"
#include "kmod/tcp/sock.h"

/**
 * struct vnp_recv - a call
 * @stream:	with a reference to its link
 * @sk:		the socket
 * @len:	bytes wanted
 * @target:	minimum of bytes to wait for
 * @done:	bytes read
 * @timeo:	how long to wait, in jiffies
 * @peek:	MSG_PEEK is set
 * @bounded:	the end of the first message is known: @end
 * @ended:	that message was read up to its end
 * @end:	sequence number after that message; only set if @bounded
 * @locked:	@stream->reader and the socket are locked
 */
struct vnp_recv {
	struct vnp_stream *stream;
	struct sock *sk;
	size_t len;
	size_t target;
	size_t done;
	long timeo;
	bool peek;
	bool bounded;
	bool ended;
	u32 end;
	bool locked;
};

/* Another reader can hold the mutex for any time.  Return: 0; -EINTR: a fatal signal */
static int vnp_recv_lock(struct vnp_recv *recv)
{
	if (mutex_lock_killable(&recv->stream->reader))
		return -EINTR;
	lock_sock(recv->sk);
	recv->locked = true;
	return 0;
}

static void vnp_recv_unlock(struct vnp_recv *recv)
{
	if (!recv->locked)
		return;
	recv->locked = false;
	release_sock(recv->sk);
	mutex_unlock(&recv->stream->reader);
}

/* Is there nothing to read, and no reason to return?  Context: any */
static bool vnp_recv_is_idle(const struct vnp_recv *recv)
{
	const struct vnp_stream *stream = recv->stream;

	return READ_ONCE(stream->sk) && !vnp_stream_span(stream, recv->sk, 0) &&
	       !READ_ONCE(stream->more) && !vnp_stream_ended(stream, recv->sk);
}

/*
 * Sleep, and lock again.  If nothing is locked, only sleep if the call is idle once it is woken by
 * what makes it ready.  Return: as vnp_recv_lock()
 */
static int vnp_recv_sleep(struct vnp_recv *recv)
{
	DEFINE_WAIT_FUNC(wait, woken_wake_function);
	const bool locked = recv->locked;
	struct sock *sk = recv->sk;
	int ret;

	vnp_stream_app_waits(recv->stream);
	add_wait_queue(sk_sleep(sk), &wait);
	sk_set_bit(SOCKWQ_ASYNC_WAITDATA, sk);
	vnp_recv_unlock(recv);
	/* pairs with wq_has_sleeper(): either this call sees the change, or it is woken */
	smp_mb();
	if (locked || vnp_recv_is_idle(recv))
		recv->timeo = wait_woken(&wait, TASK_INTERRUPTIBLE, recv->timeo);
	ret = vnp_recv_lock(recv);
	sk_clear_bit(SOCKWQ_ASYNC_WAITDATA, sk);
	remove_wait_queue(sk_sleep(sk), &wait);
	return ret;
}

/*
 * Not restart_syscall(), as io_uring does not handle -ERESTARTNOINTR.  Its workers restart nothing,
 * and not all of its requests turn -ERESTARTSYS into -EINTR.
 */
int vnp_recv_restart(void)
{
	if (current->flags & PF_IO_WORKER)
		return -EINTR;
	set_tsk_thread_flag(current, TIF_SIGPENDING);
	return -ERESTARTSYS;
}

/*
 * The link has ended.  Return: -ENOLINK: the call does not wait, so TCP can be called: io_uring
 * would fail with EINTR; or what a call returns that must be restarted
 */
static int vnp_recv_unlinked(bool nonblock)
{
	return nonblock ? -ENOLINK : vnp_recv_restart();
}

/*
 * Puts the reference to the link, which keeps the module: so the caller must not sleep after it.
 */
static void vnp_recv_end(struct vnp_recv *recv)
{
	vnp_recv_unlock(recv);
	vnp_stream_put(recv->stream);
}

/* Begin a call.  Return: 0, what the call returns, or -ENOLINK: see above */
static int vnp_recv_begin(struct vnp_recv *recv, struct sock *sk, size_t len, bool all,
			  bool nonblock)
{
	int ret;

	recv->stream = vnp_stream_get(sk);
	if (!recv->stream)
		return vnp_recv_unlinked(nonblock);
	WRITE_ONCE(recv->stream->sends, 0);
	recv->sk = sk;
	recv->len = len;
	recv->target = all ? len : min_t(size_t, READ_ONCE(recv->stream->lowat), len);
	recv->done = 0;
	recv->timeo = sock_rcvtimeo(sk, nonblock);
	recv->peek = false;
	recv->bounded = false;
	recv->ended = false;
	recv->locked = false;
	/* Mostly the call has to wait: then it locks only once. */
	ret = recv->timeo && vnp_recv_is_idle(recv) ? vnp_recv_sleep(recv) : vnp_recv_lock(recv);
	if (ret)
		vnp_recv_end(recv);
	return ret;
}

/* What a read returns if nothing can be read any more, in the order of tcp_recvmsg() */
static int vnp_recv_error(const struct vnp_recv *recv)
{
	struct sock *sk = recv->sk;

	if (recv->stream->error)
		return -recv->stream->error;
	if (sock_flag(sk, SOCK_DONE))
		return 0;
	if (sk->sk_err)
		return sock_error(sk);
	if (sk->sk_shutdown & RCV_SHUTDOWN)
		return 0;
	return -ENOTCONN;
}

/* How many bytes TCP can read now; a peek begins at the offset of SO_PEEK_OFF. */
static u32 vnp_recv_span(const struct vnp_recv *recv)
{
	const int off = recv->peek ? sk_peek_offset(recv->sk, MSG_PEEK) : 0;

	return vnp_stream_span(recv->stream, recv->sk, max(off, 0));
}

/* Does a call return bytes of one message at most? */
static bool vnp_recv_is_bounded(const struct vnp_recv *recv)
{
	return recv->stream->link->flags & VNP_LINK_F_BOUNDARIES;
}

/* Make all that is peeked at contiguous.  Return: false: that failed */
static bool vnp_recv_gather(struct vnp_recv *recv)
{
	return vnp_recv_is_bounded(recv) || vnp_recv_span(recv) >= recv->len ||
	       !vnp_stream_flatten(recv->stream, recv->sk->sk_allocation);
}

/*
 * How many bytes can be read now?  If a call that began before the link has read all up to @end of
 * the stream, this must be updated before the next bytes are found.
 */
static u32 vnp_recv_find(struct vnp_recv *recv)
{
	u32 span = vnp_recv_span(recv);

	if (unlikely(!span && recv->stream->more)) {
		vnp_stream_read(recv->stream);
		span = vnp_recv_span(recv);
	}
	return span;
}

/*
 * Wait for bytes.  Return: how many can be read now; 0: no more for this call, or, if nothing
 * was read, an errno or the end; -ENOLINK: see above
 */
static int vnp_recv_wait(struct vnp_recv *recv)
{
	struct vnp_stream *stream = recv->stream;
	u32 span, wanted = recv->peek && !vnp_recv_is_bounded(recv) ? recv->target : 1;
	bool ended;
	int ret;

	for (;;) {
		if (!stream->sk)
			return vnp_recv_unlinked(!recv->timeo);
		vnp_stream_finish(stream);
		if (recv->peek && !vnp_recv_gather(recv))
			wanted = 1;
		span = vnp_recv_find(recv);
		ended = span < wanted && vnp_stream_ended(stream, recv->sk);
		if (span >= wanted || (span && (ended || !recv->timeo || signal_pending(current))))
			return min_t(size_t, span, INT_MAX);
		if (recv->done && recv->done >= recv->target)
			return 0;
		if (ended)
			return recv->done ? 0 : vnp_recv_error(recv);
		if (!recv->timeo)
			return -EAGAIN;
		if (signal_pending(current))
			return sock_intr_errno(recv->timeo);
		ret = vnp_recv_sleep(recv);
		if (ret)
			return ret;
	}
}

/* Is there no more to read for this call, without waiting? */
static bool vnp_recv_done(const struct vnp_recv *recv)
{
	return recv->ended || recv->done == recv->len ||
	       (recv->done >= recv->target && !vnp_recv_span(recv));
}

/* Before a read, find where the first message ends. */
static void vnp_recv_bound(struct vnp_recv *recv)
{
	const u32 *end = vnp_ends_first(&recv->stream->ends);

	recv->bounded = end;
	if (end)
		recv->end = *end;
}

/*
 * After a read, during which the socket may have been unlocked, count what was read.  @span: bytes
 * that were ready before
 */
static void vnp_recv_count(struct vnp_recv *recv, ssize_t ret, u32 span)
{
	if (ret <= 0)
		return;
	recv->done += ret;
	if (!recv->stream->sk)
		return;
	if (!recv->peek)
		vnp_stream_read(recv->stream);
	recv->ended = recv->bounded &&
		      (recv->peek ? ret >= span :
				    !before(tcp_sk(recv->sk)->copied_seq, recv->end));
}

/*
 * Does vnp_recv_copy() do all that TCP's recvmsg() would do for this call?  It neither peeks nor
 * reads urgent data, adds no timestamps, and does not move SO_PEEK_OFF.
 */
static bool vnp_recv_is_plain(const struct vnp_recv *recv, int flags)
{
	const struct sock *sk = recv->sk;
	const struct tcp_sock *tp = tcp_sk(sk);

	return !(flags & ~(MSG_DONTWAIT | MSG_NOSIGNAL | MSG_CMSG_CLOEXEC)) &&
	       !tp->urg_data && !tp->repair && READ_ONCE(sk->sk_peek_off) < 0 &&
	       !sock_flag(sk, SOCK_RCVTSTAMP) && !sk->sk_tsflags;
}

/* Copy @len bytes, which are ready, to the caller.  Return: as recvmsg() */
static int vnp_recv_copy(struct sock *sk, struct msghdr *msg, size_t len)
{
	const u32 start = tcp_sk(sk)->copied_seq, stop = start + len;
	struct sk_buff *skb = sk->sk_receive_queue.next;
	u32 seq = start, cnt;
	int ret = -EAGAIN;

	for (; before(seq, stop); seq += cnt) {
		skb = vnp_queue_next(sk, skb, seq);
		/* This is only possible after TCP_REPAIR. */
		if (!skb)
			break;
		cnt = min(stop - seq, vnp_queue_stop(skb) - seq);
		ret = skb_copy_datagram_msg(skb, seq - vnp_queue_start(skb), msg, cnt);
		if (ret)
			break;
	}
	if (seq == start)
		return ret;
	tcp_read_done(sk, seq - start);
	return seq - start;
}

/* Read @len bytes, which are ready.  Return: as recvmsg() */
static int vnp_recv_read(struct vnp_recv *recv, struct msghdr *msg, size_t len, int flags,
			 int *addr_len)
{
	struct sock *sk = recv->sk;
	struct tcp_sock *tp = tcp_sk(sk);
	bool inq;
	int ret;

	if (likely(vnp_recv_is_plain(recv, flags)))
		return vnp_recv_copy(sk, msg, len);
	/* TCP would also count bytes that are not ready: vnp_recv_tell_inq() counts instead. */
	inq = tp->recvmsg_inq;
	tp->recvmsg_inq = 0;
	release_sock(sk);
	ret = vnp_proto_recvmsg(vnp_tcp_proto_of(sk)->kernel, sk, msg, len, flags, addr_len);
	lock_sock(sk);
	tp->recvmsg_inq = inq;
	return ret;
}

static int vnp_recv_stream(struct vnp_recv *recv, struct msghdr *msg, int flags,
			   int *addr_len)
{
	int ret, span;

	flags = (flags & ~MSG_WAITALL) | MSG_DONTWAIT;
	do {
		ret = vnp_recv_wait(recv);
		if (ret <= 0 || !recv->len)
			break;
		span = ret;
		ret = min_t(size_t, span, recv->len - recv->done);
		vnp_recv_bound(recv);
		ret = vnp_recv_read(recv, msg, ret, flags, addr_len);
		vnp_recv_count(recv, ret, span);
		/* Each call of TCP's recvmsg() adds control messages. */
		if (recv->peek || (recv->done >= recv->target && msg->msg_controllen &&
				   !vnp_recv_is_plain(recv, flags)))
			break;
	} while (ret > 0 && !vnp_recv_done(recv));
	return recv->done ?: min(ret, 0);
}

/* How many bytes can be read without waiting */
static int vnp_recv_bytes(const struct vnp_stream *stream, const struct sock *sk)
{
	return min_t(u32, vnp_stream_span(stream, sk, 0) + stream->more, INT_MAX);
}

/* As tcp_inq_hint(), which is not 0 at the end of the stream, either: so the caller reads that. */
static int vnp_recv_inq(const struct vnp_recv *recv)
{
	return vnp_recv_bytes(recv->stream, recv->sk) ?:
	       vnp_stream_ended(recv->stream, recv->sk);
}

/* TCP_INQ, and the same for io_uring, which would otherwise expect more data than it gets */
static void vnp_recv_tell_inq(const struct vnp_recv *recv, struct msghdr *msg, int inq)
{
	msg->msg_inq = inq;
	if (tcp_sk(recv->sk)->recvmsg_inq)
		put_cmsg(msg, SOL_TCP, TCP_CM_INQ, sizeof(inq), &inq);
}

/* Tell recvmsg() that a message ended, and how many are ready. */
static void vnp_recv_tell(const struct vnp_recv *recv, struct msghdr *msg, u32 ready)
{
	if (recv->ended)
		msg->msg_flags |= MSG_EOR;
	if (tcp_sk(recv->sk)->recvmsg_inq && msg->msg_controllen)
		put_cmsg(msg, IPPROTO_TCP, VNP_CM_MESSAGES, sizeof(ready), &ready);
}

/* The urgent byte may have arrived before the program was replaced by one that authenticates. */
static void vnp_recv_check_urgent(struct sock *sk)
{
	struct vnp_stream *stream;

	lock_sock(sk);
	stream = vnp_stream_of(sk);
	if (stream)
		vnp_stream_ignore_urgent(stream);
	release_sock(sk);
}

/* Read without waiting */
static int vnp_recv_by_tcp(struct sock *sk, struct msghdr *msg, size_t len, int flags,
			   int *addr_len)
{
	const bool held = vnp_tcp_enter();
	int ret;

	if (flags & MSG_OOB)
		vnp_recv_check_urgent(sk);
	ret = vnp_proto_recvmsg(vnp_tcp_proto_of(sk)->kernel, sk, msg, len, flags | MSG_DONTWAIT,
				addr_len);
	vnp_tcp_leave(held);
	return ret;
}

/* Return: as recvmsg(), or -ENOLINK: see above */
static int vnp_recv_ready(struct sock *sk, struct msghdr *msg, size_t len, int flags,
			  int *addr_len)
{
	struct vnp_recv recv __vnp_uninitialized;
	bool bounded;
	u32 ready;
	int ret, inq;

	ret = vnp_recv_begin(&recv, sk, len, flags & MSG_WAITALL, flags & MSG_DONTWAIT);
	if (ret)
		return ret;
	recv.peek = flags & MSG_PEEK;
	ret = vnp_recv_stream(&recv, msg, flags, addr_len);
	bounded = vnp_recv_is_bounded(&recv);
	ready = bounded ? vnp_ends_cnt(&recv.stream->ends) : 0;
	inq = vnp_recv_inq(&recv);
	vnp_recv_unlock(&recv);
	/* After unlocking, as these write to user memory, which can take any time */
	if (ret >= 0)
		vnp_recv_tell_inq(&recv, msg, inq);
	if (bounded && ret >= 0)
		vnp_recv_tell(&recv, msg, ready);
	vnp_recv_end(&recv);
	return ret;
}

/* The error queue and urgent bytes are read by TCP alone, which does not wait for them. */
static int vnp_recv_msg(struct sock *sk, struct msghdr *msg, size_t len, int flags, int *addr_len)
{
	int ret = -ENOLINK;

	if (!(flags & (MSG_ERRQUEUE | MSG_OOB)))
		ret = vnp_recv_ready(sk, msg, len, flags, addr_len);
	return ret == -ENOLINK ? vnp_recv_by_tcp(sk, msg, len, flags, addr_len) : ret;
}

VNP_PROTO_RECVMSG(vnp_recv_msg)

/**
 * struct vnp_recv_pipe - where data is spliced to
 * @pipe:	the pipe
 * @flags:	of splice()
 */
struct vnp_recv_pipe {
	struct pipe_inode_info *pipe;
	unsigned int flags;
};

static int vnp_recv_splice_actor(read_descriptor_t *desc, struct sk_buff *skb,
				 unsigned int off, size_t len)
{
	const struct vnp_recv_pipe *to = desc->arg.data;
	int ret = skb_splice_bits(skb, skb->sk, off, to->pipe, min(desc->count, len), to->flags);

	if (ret > 0)
		desc->count -= ret;
	return ret;
}

/*
 * As tcp_splice_read(), which is not called, as it takes the socket's lock itself: if a call from
 * before the link had just read what was ready, it would wait for more while we hold @reader.
 */
ssize_t vnp_recv_splice(struct socket *sock, loff_t *pos, struct pipe_inode_info *pipe,
			size_t len, unsigned int flags)
{
	struct vnp_recv_pipe to = { .pipe = pipe, .flags = flags };
	read_descriptor_t desc = { .arg.data = &to };
	struct vnp_recv recv __vnp_uninitialized;
	ssize_t ret;

	sock_rps_record_flow(sock->sk);
	/* SPLICE_F_NONBLOCK is about the pipe. */
	ret = vnp_recv_begin(&recv, sock->sk, len, false, sock->file->f_flags & O_NONBLOCK);
	if (ret)
		return ret == -ENOLINK ? vnp_recv_restart() : ret;
	ret = vnp_recv_wait(&recv);
	if (ret > 0) {
		desc.count = min_t(size_t, ret, len);
		vnp_recv_bound(&recv);
		ret = tcp_read_sock(sock->sk, &desc, vnp_recv_splice_actor);
		vnp_recv_count(&recv, ret, 0);
		/* The first byte may be urgent, at which TCP stops; 0 would be the end. */
		if (!ret && !recv.timeo)
			ret = -EAGAIN;
	}
	vnp_recv_end(&recv);
	return ret == -ENOLINK ? vnp_recv_restart() : ret;
}

/* EPOLLIN is for what is ready; the other events are those of TCP. */
static __poll_t vnp_recv_mask(const struct vnp_stream *stream, const struct sock *sk,
			      __poll_t mask)
{
	const __poll_t in = EPOLLIN | EPOLLRDNORM;

	if (vnp_stream_enough(stream, sk) || READ_ONCE(stream->error))
		return mask | in;
	return vnp_stream_ended(stream, sk) ? mask : mask & ~in;
}

__poll_t vnp_recv_poll(struct file *file, struct socket *sock, poll_table *wait)
{
	const struct proto_ops *kernel = vnp_tcp_proto_of(sock->sk)->kernel_ops;
	const bool held = vnp_tcp_enter();
	const __poll_t events = poll_requested_events(wait);
	struct vnp_stream *stream;
	__poll_t mask;

	mask = kernel->poll(file, sock, wait);
	rcu_read_lock();
	stream = vnp_stream_of(sock->sk);
	if (stream && events & (EPOLLIN | EPOLLRDNORM) && !(events & (EPOLLOUT | EPOLLWRNORM)))
		vnp_stream_app_waits(stream);
	if (stream)
		mask = vnp_recv_mask(stream, sock->sk, mask);
	rcu_read_unlock();
	vnp_tcp_leave(held);
	return mask;
}

static int vnp_recv_ioctl_held(struct sock *sk, int cmd, VNP_IOCTL_ARG arg)
{
	struct vnp_stream *stream;
	u32 bytes = 0;

	if (cmd != SIOCINQ)
		return vnp_tcp_proto_of(sk)->kernel->ioctl(sk, cmd, arg);
	lock_sock(sk);
	stream = vnp_stream_of(sk);
	if (stream)
		bytes = vnp_recv_bytes(stream, sk);
	release_sock(sk);
	if (!stream)
		return vnp_tcp_proto_of(sk)->kernel->ioctl(sk, cmd, arg);
	return vnp_ioctl_result(arg, bytes);
}

int vnp_recv_ioctl(struct sock *sk, int cmd, VNP_IOCTL_ARG arg)
{
	const bool held = vnp_tcp_enter();
	int ret = vnp_recv_ioctl_held(sk, cmd, arg);

	vnp_tcp_leave(held);
	return ret;
}
