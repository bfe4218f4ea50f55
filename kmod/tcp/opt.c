// SPDX-License-Identifier: GPL-2.0
/*
 * TCP_ULP and TCP_ZEROCOPY_RECEIVE are refused, as they read from the receive queue themselves.
 * getsockopt() reports TCP_ULP as not set.  SO_RCVLOWAT sets the stream's value: sk_rcvlowat
 * controls when TCP calls the stream (vnp_stream_pace()).
 */
#include "kmod/tcp/opt.h"

#include <linux/err.h>
#include <net/tcp.h>

#include "kmod/tcp/proto.h"
#include "kmod/tcp/sock.h"
#include "kmod/tcp/stream.h"
#include "kmod/tcp/window.h"

/* Does the socket have a link?  It may have ended after the call had read sk_prot. */
static bool vnp_tcp_is_linked(struct sock *sk)
{
	bool linked;

	lock_sock(sk);
	linked = vnp_stream_of(sk);
	release_sock(sk);
	return linked;
}

/*
 * A read uses SO_PEEK_OFF and TCP_INQ before and after it unlocks the socket (kmod/tcp/recv.c): so
 * wait until no read is in progress.  Return: the stream, for vnp_tcp_end_option(); NULL: the
 * socket has no link; ERR_PTR(-EINTR)
 */
static struct vnp_stream *vnp_tcp_begin_option(struct sock *sk)
{
	struct vnp_stream *stream = vnp_stream_get(sk);

	if (!stream || !mutex_lock_killable(&stream->reader))
		return stream;
	vnp_stream_put(stream);
	return ERR_PTR(-EINTR);
}

static void vnp_tcp_end_option(struct vnp_stream *stream)
{
	if (!stream)
		return;
	mutex_unlock(&stream->reader);
	vnp_stream_put(stream);
}

static int vnp_tcp_set(struct sock *sk, int level, int optname, sockptr_t optval,
		       unsigned int optlen)
{
	const struct proto *kernel = vnp_tcp_proto_of(sk)->kernel;
	struct vnp_stream *stream = NULL;
	int ret;

	if (level == SOL_TCP && optname == TCP_ULP && vnp_tcp_is_linked(sk))
		return -EBUSY;
	if (level == SOL_TCP && optname == TCP_INQ)
		stream = vnp_tcp_begin_option(sk);
	if (IS_ERR(stream))
		return PTR_ERR(stream);
	ret = kernel->setsockopt(sk, level, optname, optval, optlen);
	vnp_tcp_end_option(stream);
	return ret;
}

int vnp_tcp_setsockopt(struct sock *sk, int level, int optname, sockptr_t optval,
		       unsigned int optlen)
{
	const bool held = vnp_tcp_enter();
	const int ret = vnp_tcp_set(sk, level, optname, optval, optlen);

	vnp_tcp_leave(held);
	return ret;
}

static int vnp_tcp_get(struct sock *sk, int level, int optname, char __user *optval,
		       int __user *optlen)
{
	const struct proto *kernel = vnp_tcp_proto_of(sk)->kernel;
	struct vnp_stream *stream = NULL;
	int ret;

	if (level == SOL_TCP && optname == TCP_ZEROCOPY_RECEIVE && vnp_tcp_is_linked(sk))
		return -EOPNOTSUPP;
	if (level == SOL_TCP && optname == TCP_ULP && vnp_tcp_is_linked(sk))
		return put_user(0, optlen);
	if (level == SOL_TCP && optname == TCP_INQ)
		stream = vnp_tcp_begin_option(sk);
	if (IS_ERR(stream))
		return PTR_ERR(stream);
	ret = kernel->getsockopt(sk, level, optname, optval, optlen);
	vnp_tcp_end_option(stream);
	return ret;
}

int vnp_tcp_getsockopt(struct sock *sk, int level, int optname, char __user *optval,
		       int __user *optlen)
{
	const bool held = vnp_tcp_enter();
	const int ret = vnp_tcp_get(sk, level, optname, optval, optlen);

	vnp_tcp_leave(held);
	return ret;
}

/* Context: process, the socket's lock */
int vnp_tcp_set_rcvlowat(struct sock *sk, int val)
{
	struct vnp_stream *stream = vnp_stream_of(sk);

	if (!stream)
		return vnp_tcp_proto_of(sk)->kernel_ops->set_rcvlowat(sk, val);
	/* SO_RCVBUF may have changed since the last packet. */
	vnp_window_follow(sk, &stream->window);
	WRITE_ONCE(stream->lowat, clamp_t(u32, val, 1, vnp_stream_limit(stream)));
	/* As tcp_set_rcvlowat(), wake the application again for what it was woken for before. */
	vnp_stream_forget_woken(stream);
	vnp_stream_data_ready(sk);
	return 0;
}

/* Without the socket's lock, since Linux 6.9, the first where TCP has this option */
int vnp_tcp_set_peek_off(struct sock *sk, int val)
{
	const bool held = vnp_tcp_enter();
	struct vnp_stream *stream = vnp_tcp_begin_option(sk);
	int ret;

	if (IS_ERR(stream)) {
		ret = PTR_ERR(stream);
	} else {
		ret = vnp_tcp_proto_of(sk)->kernel_ops->set_peek_off(sk, val);
		vnp_tcp_end_option(stream);
	}
	vnp_tcp_leave(held);
	return ret;
}
