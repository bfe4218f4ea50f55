// SPDX-License-Identifier: GPL-2.0
/*
 * TCP sockets.  A socket that gets a link
 * has:			it becomes:
 *	sk_data_ready		vnp_stream_data_ready()
 *	sk_user_data		the link, which is not for copies of the socket
 *	sk_prot			one that reads what is ready (tcp/recv.c), and notices its end
 *	socket::ops		likewise
 *	icsk_ulp_ops		ones that do nothing, so that no others can be set.  They stay
 *	sk_rcvlowat		1; the application's is in struct vnp_stream
 *
 * What becomes of listening sockets: kmod/tcp/listen.c.
 *
 * Only a socket is taken whose operations are TCP's own: not one of MPTCP, kTLS, sockmap, KCM.
 *
 * Locking: all this changes under the socket's lock, under which TCP calls sk_data_ready, too:
 * so none is being called when the link is detached.  Calls of the application read sk_prot and
 * ops before, and can begin afterwards: they find no stream.
 */
#include "kmod/tcp/tcp.h"

#include <linux/kmemleak.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/wait.h>
#include <net/sock.h>
#include <net/tcp.h>

#include "kmod/core/compat_tcp.h"
#include "kmod/link/attach.h"
#include "kmod/link/link.h"
#include "kmod/path/hook.h"
#include "kmod/tcp/listen.h"
#include "kmod/tcp/opt.h"
#include "kmod/tcp/proto.h"
#include "kmod/tcp/queue.h"
#include "kmod/tcp/recv.h"
#include "kmod/tcp/stream.h"

/* Calls that have no reference to the module */
static atomic_t vnp_tcp_calls = ATOMIC_INIT(0);
static DECLARE_WAIT_QUEUE_HEAD(vnp_tcp_calls_wait);

/*
 * setsockopt() of TCP_ULP can wait for the socket's lock when the link is attached, and would make
 * the copy of sk_prot known to kTLS, for all sockets.  These operations keep it from that.
 *
 * getsockopt() of TCP_ULP takes no lock: it finds operations, stores the length, which can sleep,
 * and reads the operations again.  So they stay when the link is detached, until the socket is
 * freed, which may be after the module; then they are not freed.
 */
static const char vnp_tcp_ulp_name[] = "vnp";
static struct tcp_ulp_ops *vnp_tcp_ulp;
static bool vnp_tcp_ulp_used;

void vnp_tcp_set_user_data(struct sock *sk, struct vnp_link *link)
{
	write_lock_bh(&sk->sk_callback_lock);
	__rcu_assign_sk_user_data_with_flags(sk, link, link ? SK_USER_DATA_NOCOPY : 0);
	write_unlock_bh(&sk->sk_callback_lock);
}

void vnp_tcp_keep_ulp(struct sock *sk)
{
	WRITE_ONCE(vnp_tcp_ulp_used, true);
	if (!inet_csk(sk)->icsk_ulp_ops)
		WRITE_ONCE(inet_csk(sk)->icsk_ulp_ops, vnp_tcp_ulp);
}

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
	vnp_stream_stop(link->stream, keep);
	/* After this others may set it. */
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

/* Nobody reads when what was dropped is taken out of the queue. */
static int vnp_tcp_detach(struct vnp_link *link, struct sock *sk)
{
	int ret;

	/* A reader can keep it for any time. */
	if (mutex_lock_killable(&link->stream->reader))
		return -EINTR;
	lock_sock(sk);
	ret = vnp_tcp_end(link, sk, true) ? 0 : -ENOLINK;
	release_sock(sk);
	mutex_unlock(&link->stream->reader);
	/* The worker executes without the socket's lock. */
	if (READ_ONCE(link->stream->apart))
		synchronize_rcu();
	return ret;
}

/* The socket ends, or its connection.  Context: process, the socket's lock */
static void vnp_tcp_finish(struct sock *sk)
{
	struct vnp_stream *stream = vnp_stream_get(sk);

	if (!stream)
		return;
	vnp_tcp_end(stream->link, sk, false);
	vnp_stream_put(stream);
}

bool vnp_tcp_enter(void)
{
	const bool held = try_module_get(THIS_MODULE);

	if (!held)
		atomic_inc(&vnp_tcp_calls);
	return held;
}

void vnp_tcp_leave(bool held)
{
	if (held)
		module_put(THIS_MODULE);
	else if (atomic_dec_and_test(&vnp_tcp_calls))
		wake_up(&vnp_tcp_calls_wait);
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
	struct vnp_stream *stream = vnp_stream_of(sk);

	if (stream)
		vnp_stream_released(stream);
	vnp_tcp_proto_of(sk)->kernel->release_cb(sk);
}

bool vnp_tcp_suits(const struct sock *sk)
{
	return (sk->sk_family == AF_INET || sk->sk_family == AF_INET6) &&
	       sk->sk_type == SOCK_STREAM && sk->sk_protocol == IPPROTO_TCP;
}

/* Are there other operations than those of a link that was detached? */
static bool vnp_tcp_has_ulp(const struct sock *sk)
{
	const struct tcp_ulp_ops *ulp = inet_csk(sk)->icsk_ulp_ops;

	return ulp && strcmp(ulp->name, vnp_tcp_ulp_name);
}

bool vnp_tcp_is_plain(const struct sock *sk)
{
	const struct vnp_tcp_proto *proto = vnp_tcp_proto_of(sk);

	return sk->sk_prot == proto->kernel || sk->sk_prot == &proto->ours;
}

bool vnp_tcp_is_free(const struct sock *sk)
{
	return vnp_tcp_is_plain(sk) && !vnp_tcp_has_ulp(sk) && !tcp_sk(sk)->repair;
}

int vnp_tcp_check(const struct sock *sk)
{
	const struct vnp_tcp_proto *proto = vnp_tcp_proto_of(sk);

	if (sk->sk_prot != proto->kernel || sk->sk_socket->ops != proto->kernel_ops ||
	    rcu_access_pointer(__sk_user_data(sk)) || vnp_tcp_has_ulp(sk) ||
	    tcp_sk(sk)->repair)
		return -EBUSY;
	return 0;
}

/*
 * A connection that inherits its link may have been reset, or be one of TCP fast open that is not
 * established yet.  Context: the socket's lock.  Return: 0, or as @attach
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
	int ret;

	link->stream = vnp_stream_alloc(link);
	if (!link->stream)
		return -ENOMEM;
	lock_sock(sk);
	ret = vnp_tcp_check_connection(link, sk);
	if (!ret) {
		vnp_link_bind(link, prog, message, sk);
		vnp_tcp_set_hook(link, sk);
	}
	release_sock(sk);
	return ret;
}

static bool vnp_tcp_is_attached(struct sock *sk)
{
	bool attached;

	lock_sock(sk);
	attached = vnp_stream_of(sk);
	release_sock(sk);
	return attached;
}

static void vnp_tcp_free(struct vnp_link *link)
{
	vnp_stream_free(link->stream);
}

static void vnp_tcp_info(const struct vnp_link *link, struct vnp_link_info *info)
{
	if (link->stream)
		vnp_stream_info(link->stream, info);
}

static int vnp_tcp_proto_create(int family)
{
	struct vnp_tcp_proto *proto = vnp_tcp_proto_copy(family);

	if (IS_ERR(proto))
		return PTR_ERR(proto);
	vnp_proto_set_recvmsg(&proto->ours);
	proto->ours.ioctl = vnp_recv_ioctl;
	proto->ours.close = vnp_tcp_close;
	proto->ours.disconnect = vnp_tcp_disconnect;
	proto->ours.release_cb = vnp_tcp_release_cb;
	proto->ours.setsockopt = vnp_tcp_setsockopt;
	proto->ours.getsockopt = vnp_tcp_getsockopt;
	proto->ours_ops.poll = vnp_recv_poll;
	proto->ours_ops.splice_read = vnp_recv_splice;
	proto->ours_ops.set_rcvlowat = vnp_tcp_set_rcvlowat;
	return 0;
}

static int vnp_tcp_ulp_create(void)
{
	vnp_tcp_ulp = kzalloc(sizeof(*vnp_tcp_ulp), GFP_KERNEL);
	if (!vnp_tcp_ulp)
		return -ENOMEM;
	strscpy(vnp_tcp_ulp->name, vnp_tcp_ulp_name, sizeof(vnp_tcp_ulp->name));
	return 0;
}

static void vnp_tcp_ulp_destroy(void)
{
	if (vnp_tcp_ulp_used)
		kmemleak_not_leak(vnp_tcp_ulp);
	else
		kfree(vnp_tcp_ulp);
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

/* Waits for calls that are being entered, that are in here, and that are being left. */
void vnp_tcp_subsys_destroy(void)
{
	vnp_listen_stop();
	synchronize_rcu_tasks();
	wait_event_idle(vnp_tcp_calls_wait, !atomic_read(&vnp_tcp_calls));
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
	.load		= vnp_queue_load,
	.free		= vnp_tcp_free,
	.info		= vnp_tcp_info,
};
