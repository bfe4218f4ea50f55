// SPDX-License-Identifier: GPL-2.0
#include "kmod/tcp/write.h"

#include <net/sock.h>
#include <net/tcp.h>

#include "kmod/tcp/answer.h"
#include "kmod/tcp/outlet.h"
#include "kmod/tcp/proto.h"
#include "kmod/tcp/sock.h"
#include "kmod/tcp/stream.h"

/**
 * struct vnp_write - a call of the application that writes
 * @stream:	the stream, with a reference to its link, if that has a queue for answers; or NULL
 * @held:	of vnp_tcp_enter()
 */
struct vnp_write {
	struct vnp_stream *stream;
	bool held;
};

/* As vnp_stream_get(), if the stream has a queue */
static struct vnp_stream *vnp_write_stream(const struct sock *sk)
{
	struct vnp_stream *stream;

	rcu_read_lock();
	stream = vnp_stream_of(sk);
	if (stream && (!stream->outlet || !vnp_obj_get_live(&stream->link->obj)))
		stream = NULL;
	rcu_read_unlock();
	return stream;
}

/*
 * Send the answers that are queued.  They may exceed the send buffer, but must not add to it with
 * each call: so first wait until it has room, as TCP does for what the application writes.  If it
 * has, but there was no memory, sk_stream_wait_memory() waits for a short time.  Context: the
 * socket's lock.  Return: 0: done; 1: call again; or an errno of sendmsg()
 */
static int vnp_write_precede(struct vnp_stream *stream, struct sock *sk, long *timeo)
{
	int ret;

	/* The kernel's sendmsg() finds what has happened to the connection. */
	if (sk->sk_write_pending || !vnp_outlet_queued(stream->outlet) ||
	    sk->sk_err || vnp_outlet_failure(sk))
		return 0;
	if (sk_stream_memory_free(sk) && !vnp_outlet_drain(stream->outlet))
		return 0;
	if (!*timeo) {
		set_bit(SOCK_NOSPACE, &sk->sk_socket->flags);
		return -EAGAIN;
	}
	ret = sk_stream_wait_memory(sk, timeo);
	return ret == -EPIPE ? 0 : ret ?: 1;
}

/*
 * epoll_wait() only calls the poll function of sockets that were reported since its last call.  So
 * report this one, for vnp_recv_poll() to be called when the application waits for input next;
 * without a key, which io_uring would take for the events that have occurred.
 */
static void vnp_write_probe(struct sock *sk)
{
	struct socket_wq *wq;

	rcu_read_lock();
	wq = rcu_dereference(sk->sk_wq);
	if (skwq_has_sleeper(wq))
		wake_up_interruptible(&wq->wait);
	rcu_read_unlock();
}

/*
 * All was written: nothing is unanswered if the application has read all messages, too.  Context:
 * the socket's lock, since before the call: the peer may send its next message as soon as it has
 * what was written.
 */
static void vnp_write_settle(struct vnp_stream *stream, struct sock *sk)
{
	if (!stream->sk || before(tcp_sk(sk)->copied_seq, stream->parse))
		return;
	if (!(stream->link->flags & VNP_LINK_F_REPLY_IDLE))
		atomic_set(&stream->unanswered, 0);
	/*
	 * If VNP_UNANSWERED_MAYBE is set already, these bytes may still belong to answers to
	 * earlier messages.
	 */
	else if (atomic_cmpxchg(&stream->unanswered, VNP_UNANSWERED, VNP_UNANSWERED_MAYBE) ==
		 VNP_UNANSWERED)
		vnp_write_probe(sk);
}

/*
 * Context: process.  Return: 0, or an errno for the application.  If there is a stream the socket
 * is locked, so that nothing changes before the write
 */
static int vnp_write_begin(struct vnp_write *write, struct sock *sk, size_t len, bool nonblock)
{
	long timeo = sock_sndtimeo(sk, nonblock);
	int ret;

	write->held = vnp_tcp_enter();
	/* A call that writes nothing does not wait. */
	write->stream = len ? vnp_write_stream(sk) : NULL;
	if (!write->stream)
		return 0;
	lock_sock(sk);
	/* Another call may have written half of its data. */
	if (atomic_inc_return(&write->stream->outlet->writers) > 1)
		return 0;
	do {
		ret = vnp_write_precede(write->stream, sk, &timeo);
	} while (ret > 0);
	return ret;
}

/* @all: all bytes were written, and the application has called for no more */
static void vnp_write_end(const struct vnp_write *write, struct sock *sk, bool all)
{
	struct vnp_stream *stream = write->stream;

	if (stream) {
		if (all)
			vnp_write_settle(stream, sk);
		release_sock(sk);
		atomic_dec(&stream->outlet->writers);
		vnp_outlet_kick(stream->outlet);
		vnp_stream_put(stream);
	}
	vnp_tcp_leave(write->held);
}

static int vnp_write_msg(struct sock *sk, struct msghdr *msg, size_t len)
{
	/* sendfile(), splice() and sendmmsg() make several calls. */
	const bool last = !(msg->msg_flags & (MSG_MORE | MSG_BATCH));
	struct vnp_write write;
	int ret = vnp_write_begin(&write, sk, len, msg->msg_flags & MSG_DONTWAIT);

	if (!ret)
		ret = write.stream ? tcp_sendmsg_locked(sk, msg, len) :
				     vnp_tcp_proto_of(sk)->kernel->sendmsg(sk, msg, len);
	vnp_write_end(&write, sk, last && ret > 0 && ret == len);
	return ret;
}

/* Kernels with MSG_SPLICE_PAGES have no proto::sendpage(). */
#ifndef MSG_SPLICE_PAGES
static int vnp_write_page(struct sock *sk, struct page *page, int off, size_t len, int flags)
{
	const bool last = !(flags & (MSG_MORE | MSG_SENDPAGE_NOTLAST));
	struct vnp_write write;
	int ret = vnp_write_begin(&write, sk, len, flags & MSG_DONTWAIT);

	if (!ret)
		ret = write.stream ? tcp_sendpage_locked(sk, page, off, len, flags) :
				     vnp_tcp_proto_of(sk)->kernel->sendpage(sk, page, off, len,
									    flags);
	vnp_write_end(&write, sk, last && ret > 0 && ret == len);
	return ret;
}
#endif

/*
 * Send the answers that are queued, and then FIN, as inet_shutdown() does, without unlocking the
 * socket: an answer to a message that is received in between would be dropped.  Return: was FIN
 * sent?
 */
static bool vnp_write_finish(struct sock *sk)
{
	const int sends = TCPF_ESTABLISHED | TCPF_CLOSE_WAIT;
	struct vnp_stream *stream;
	bool finish;

	lock_sock(sk);
	stream = vnp_stream_of_locked(sk);
	finish = stream && stream->outlet && 1 << sk->sk_state & sends;
	if (finish) {
		vnp_answer_flush(stream);
		WRITE_ONCE(sk->sk_shutdown, sk->sk_shutdown | SEND_SHUTDOWN);
		vnp_tcp_proto_of(sk)->kernel->shutdown(sk, SEND_SHUTDOWN);
	}
	release_sock(sk);
	return finish;
}

int vnp_write_shutdown(struct socket *sock, int how)
{
	const bool held = vnp_tcp_enter();
	bool finished = false;
	int ret;

	if (how == SHUT_WR || how == SHUT_RDWR)
		finished = vnp_write_finish(sock->sk);
	ret = vnp_tcp_proto_of(sock->sk)->kernel_ops->shutdown(sock, how);
	/* The peer may have acknowledged FIN meanwhile, and so closed the connection. */
	if (ret == -ENOTCONN && finished)
		ret = 0;
	vnp_tcp_leave(held);
	return ret;
}

void vnp_write_set(struct proto *proto)
{
	proto->sendmsg = vnp_write_msg;
#ifndef MSG_SPLICE_PAGES
	proto->sendpage = vnp_write_page;
#endif
}
