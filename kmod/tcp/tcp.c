// SPDX-License-Identifier: GPL-2.0
/*
 * TCP sockets.  A socket that gets a link
 * has:			it becomes:
 *	sk_data_ready		vnp_stream_data_ready()
 *	sk_user_data		the link; clones of the socket get NULL
 *	sk_prot			a copy that only reads what is ready (tcp/recv.c), and ends the link
 *				when the socket is closed
 *	socket::ops		likewise a copy
 *	icsk_ulp_ops		ones that do nothing, so that no others can be set.  They stay set
 *	sk_rcvlowat		what TCP waits for; the application's is in struct vnp_stream
 *
 * For listening sockets see kmod/tcp/listen.c.
 *
 * A socket must have TCP's own operations: those of MPTCP, kTLS, sockmap and KCM are refused.
 *
 * Locking: all this changes under the socket's lock, under which TCP also calls sk_data_ready: so
 * that is not being called when the link is detached.  System calls read sk_prot and ops before
 * they lock the socket, so ours can be called after the link: then they find no stream.
 */
#include "kmod/tcp/tcp.h"

#include <net/sock.h>
#include <net/tcp.h>

#include "kmod/core/compat_tcp.h"
#include "kmod/link/attach.h"
#include "kmod/link/link.h"
#include "kmod/path/hook.h"
#include "kmod/tcp/answer.h"
#include "kmod/tcp/defer.h"
#include "kmod/tcp/listen.h"
#include "kmod/tcp/opt.h"
#include "kmod/tcp/proto.h"
#include "kmod/tcp/queue.h"
#include "kmod/tcp/recv.h"
#include "kmod/tcp/sock.h"
#include "kmod/tcp/stream.h"
#include "kmod/tcp/worker.h"
#include "kmod/tcp/write.h"

/* Context: the socket's lock */
static void vnp_tcp_set_hook(struct vnp_link *link, struct sock *sk)
{
	struct vnp_tcp_proto *proto = vnp_tcp_proto_of(sk);

	vnp_tcp_set_user_data(sk, link);
	vnp_tcp_keep_ulp(sk);
	WRITE_ONCE(sk->sk_prot, &proto->ours);
	WRITE_ONCE(sk->sk_socket->ops, &proto->ours_ops);
	vnp_stream_start(link->stream, sk);
}

/* Context: likewise.  The socket may have been orphaned. */
static void vnp_tcp_clear_hook(struct vnp_link *link, struct sock *sk, bool keep)
{
	struct vnp_tcp_proto *proto = vnp_tcp_proto_of(sk);

	if (sk->sk_prot == &proto->ours)
		WRITE_ONCE(sk->sk_prot, proto->kernel);
	if (sk->sk_socket && sk->sk_socket->ops == &proto->ours_ops)
		WRITE_ONCE(sk->sk_socket->ops, proto->kernel_ops);
	vnp_answer_close(link->stream);
	vnp_stream_stop(link->stream, keep);
	/* After this others may set sk_user_data. */
	vnp_tcp_set_user_data(sk, NULL);
}

/* Context: process, the socket's lock.  Return: false: already done */
static bool vnp_tcp_end(struct vnp_link *link, struct sock *sk, bool keep)
{
	if (!vnp_link_claim(link))
		return false;
	vnp_tcp_clear_hook(link, sk, keep);
	vnp_link_put(link);
	return true;
}

/* @reader keeps others from reading while what was dropped is removed from the queue. */
static int vnp_tcp_detach(struct vnp_link *link, struct sock *sk)
{
	int ret;

	/* A reader can hold the mutex for any time. */
	if (mutex_lock_killable(&link->stream->reader))
		return -EINTR;
	lock_sock(sk);
	ret = vnp_tcp_end(link, sk, true) ? 0 : -ENOLINK;
	release_sock(sk);
	mutex_unlock(&link->stream->reader);
	/* Wait for the worker's execution, which is without the socket's lock, but under RCU. */
	if (READ_ONCE(link->stream->apart))
		synchronize_rcu();
	return ret;
}

/* The socket is being closed, or disconnected.  Context: process, the socket's lock */
static void vnp_tcp_finish(struct sock *sk)
{
	struct vnp_stream *stream = vnp_stream_get(sk);

	if (!stream)
		return;
	vnp_tcp_end(stream->link, sk, false);
	vnp_stream_put(stream);
}

static void vnp_tcp_close(struct sock *sk, long timeout)
{
	const bool held = vnp_tcp_enter();

	lock_sock(sk);
	vnp_tcp_finish(sk);
	release_sock(sk);
	vnp_tcp_proto_of(sk)->kernel->close(sk, timeout);
	vnp_tcp_leave(held);
}

/* connect() of AF_UNSPEC.  Context: process, the socket's lock */
static int vnp_tcp_disconnect(struct sock *sk, int flags)
{
	const bool held = vnp_tcp_enter();
	int ret;

	vnp_tcp_finish(sk);
	ret = vnp_tcp_proto_of(sk)->kernel->disconnect(sk, flags);
	vnp_tcp_leave(held);
	return ret;
}

/* Context: the socket's lock, and its spinlock */
static void vnp_tcp_release_cb(struct sock *sk)
{
	struct vnp_stream *stream = vnp_stream_of_locked(sk);

	if (stream)
		vnp_stream_released(stream, sk);
	vnp_tcp_proto_of(sk)->kernel->release_cb(sk);
}

/*
 * The state of a connection that inherits its link is not checked: it may have been reset, or be
 * one of TCP fast open that is not established yet.  Context: the socket's lock.  Return: 0, or as
 * @attach
 */
static int vnp_tcp_check_connection(const struct vnp_link *link, struct sock *sk)
{
	const int connected = TCPF_ESTABLISHED | TCPF_FIN_WAIT1 | TCPF_FIN_WAIT2 |
			      TCPF_CLOSE_WAIT | TCPF_CLOSING | TCPF_LAST_ACK;

	vnp_listen_refresh(sk);
	if (link->listener_id)
		return vnp_tcp_check(sk);
	if (sock_flag(sk, SOCK_FILTER_LOCKED))
		return -EPERM;
	return 1 << sk->sk_state & connected ? vnp_tcp_check(sk) : -ENOTCONN;
}

static int vnp_tcp_attach(struct vnp_link *link, struct vnp_prog *prog,
			  struct vnp_prog *message, struct sock *sk)
{
	struct vnp_stream *stream = vnp_stream_alloc(link);
	int ret;

	if (!stream)
		return -ENOMEM;
	ret = vnp_answer_open(stream, sk);
	/* pairs with vnp_tcp_info(), as the link can already be found by its id */
	smp_store_release(&link->stream, stream);
	if (ret)
		return ret;
	lock_sock(sk);
	ret = vnp_tcp_check_connection(link, sk);
	if (!ret) {
		vnp_link_bind(link, prog, message, sk);
		vnp_tcp_set_hook(link, sk);
	}
	release_sock(sk);
	if (ret)
		vnp_answer_close(stream);
	return ret;
}

static bool vnp_tcp_is_attached(struct sock *sk)
{
	bool attached;

	/* Without the lock, which a call of the application can hold for any time */
	if (vnp_stream_of(sk))
		return true;
	/* A link that is just being created holds the lock. */
	lock_sock(sk);
	attached = vnp_stream_of(sk);
	release_sock(sk);
	return attached;
}

static void vnp_tcp_free(struct vnp_link *link)
{
	if (link->stream)
		vnp_answer_free(link->stream);
	vnp_stream_free(link->stream);
}

static void vnp_tcp_info(const struct vnp_link *link, const struct sock *sk,
			 struct vnp_link_info *info)
{
	/* pairs with vnp_tcp_attach() */
	const struct vnp_stream *stream = READ_ONCE(link->stream);

	if (stream)
		vnp_stream_info(stream, sk, info);
}

static int vnp_tcp_proto_create(int family)
{
	struct vnp_tcp_proto *proto = vnp_tcp_proto_copy(family);

	if (IS_ERR(proto))
		return PTR_ERR(proto);
	vnp_recv_msg_set(&proto->ours);
	vnp_write_set(&proto->ours);
	proto->ours.ioctl = vnp_recv_ioctl;
	proto->ours.close = vnp_tcp_close;
	proto->ours.disconnect = vnp_tcp_disconnect;
	proto->ours.release_cb = vnp_tcp_release_cb;
	proto->ours.setsockopt = vnp_tcp_setsockopt;
	proto->ours.getsockopt = vnp_tcp_getsockopt;
	proto->ours_ops.poll = vnp_recv_poll;
	proto->ours_ops.splice_read = vnp_recv_splice;
	proto->ours_ops.shutdown = vnp_write_shutdown;
	proto->ours_ops.set_rcvlowat = vnp_tcp_set_rcvlowat;
	if (proto->kernel_ops->set_peek_off)
		proto->ours_ops.set_peek_off = vnp_tcp_set_peek_off;
	return 0;
}

int vnp_tcp_subsys_create(void)
{
	int ret = vnp_tcp_proto_create(AF_INET);

	if (!ret)
		ret = vnp_tcp_proto_create(AF_INET6);
	/* The kernel may have no IPv6. */
	if (ret && ret != -EAFNOSUPPORT)
		return ret;
	ret = vnp_tcp_ulp_create();
	if (ret)
		return ret;
	ret = vnp_listen_subsys_create();
	if (ret)
		goto err_ulp;
	ret = vnp_stream_subsys_create();
	if (ret)
		goto err_listen;
	return 0;

err_listen:
	vnp_listen_subsys_destroy();
err_ulp:
	vnp_tcp_ulp_destroy();
	return ret;
}

/* Waits for calls that are about to enter the module, are in it, and are about to leave it. */
void vnp_tcp_subsys_destroy(void)
{
	vnp_listen_stop();
	synchronize_rcu_tasks();
	vnp_tcp_calls_drain();
	synchronize_rcu_tasks();
	vnp_stream_subsys_destroy();
	vnp_listen_subsys_destroy();
	vnp_tcp_ulp_destroy();
}

const struct vnp_hook_ops vnp_tcp_hook = {
	.prog_types	= BIT(VNP_PROG_STREAM) | BIT(VNP_PROG_MESSAGE),
	.link_flags	= VNP_TCP_LINK_FLAGS,
	.suits		= vnp_tcp_suits,
	.attach		= vnp_tcp_attach,
	.detach		= vnp_tcp_detach,
	.is_attached	= vnp_tcp_is_attached,
	.dgram.load	= vnp_queue_load,
	.dgram.answer	= vnp_answer_direct,
	.free		= vnp_tcp_free,
	.info		= vnp_tcp_info,
};
