// SPDX-License-Identifier: GPL-2.0
/*
 * TCP_ULP and TCP_ZEROCOPY_RECEIVE are refused, as they read from the receive queue themselves.
 * getsockopt() reports TCP_ULP as not set.  SO_RCVLOWAT sets the stream's value: sk_rcvlowat
 * controls when TCP calls the stream (vnp_stream_pace()).  SO_PEEK_OFF waits for calls that read.
 */
#include "kmod/tcp/opt.h"

#include <net/tcp.h>

#include "kmod/tcp/proto.h"
#include "kmod/tcp/sock.h"
#include "kmod/tcp/stream.h"
#include "kmod/tcp/window.h"

/* Does the socket have a link?  Not always, as a call can begin before it, and end after it. */
static bool vnp_tcp_is_linked(struct sock *sk)
{
	bool linked;

	lock_sock(sk);
	linked = vnp_stream_of(sk);
	release_sock(sk);
	return linked;
}

int vnp_tcp_setsockopt(struct sock *sk, int level, int optname, sockptr_t optval,
		       unsigned int optlen)
{
	const bool held = vnp_tcp_enter();
	int ret = -EBUSY;

	if (level != SOL_TCP || optname != TCP_ULP || !vnp_tcp_is_linked(sk))
		ret = vnp_tcp_proto_of(sk)->kernel->setsockopt(sk, level, optname, optval,
							       optlen);
	vnp_tcp_leave(held);
	return ret;
}

int vnp_tcp_getsockopt(struct sock *sk, int level, int optname, char __user *optval,
		       int __user *optlen)
{
	const bool refused = level == SOL_TCP && optname == TCP_ZEROCOPY_RECEIVE;
	const bool ulp = level == SOL_TCP && optname == TCP_ULP;
	const bool held = vnp_tcp_enter();
	int ret;

	if ((refused || ulp) && vnp_tcp_is_linked(sk))
		ret = ulp ? put_user(0, optlen) : -EOPNOTSUPP;
	else
		ret = vnp_tcp_proto_of(sk)->kernel->getsockopt(sk, level, optname, optval,
							       optlen);
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
	/* As TCP, wake it also for what it knows of. */
	vnp_stream_forget_woken(stream);
	vnp_stream_data_ready(sk);
	return 0;
}

/*
 * The offset must not change during a read: vnp_recv_wait() uses it, and TCP afterwards.  This is
 * called without the socket's lock, since Linux 6.9, the first where TCP has this option.
 */
int vnp_tcp_set_peek_off(struct sock *sk, int val)
{
	const bool held = vnp_tcp_enter();
	struct vnp_stream *stream = vnp_stream_get(sk);
	int ret = -EINTR;

	if (!stream) {
		ret = vnp_tcp_proto_of(sk)->kernel_ops->set_peek_off(sk, val);
	} else if (!mutex_lock_killable(&stream->reader)) {
		ret = vnp_tcp_proto_of(sk)->kernel_ops->set_peek_off(sk, val);
		mutex_unlock(&stream->reader);
	}
	if (stream)
		vnp_stream_put(stream);
	vnp_tcp_leave(held);
	return ret;
}
