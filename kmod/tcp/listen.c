// SPDX-License-Identifier: GPL-2.0
/*
 * A listening socket that gets a link
 * has:			it becomes:
 *	socket::ops		ones with an accept() that links
 *	sk_user_data		the link, so that sockmap and other users in the kernel refuse the
 *				socket
 *
 * Locking: both change under the socket's lock.  Which sockets have a link can be found by neither:
 * sockets can have our operations without a link (listen.h), and after the link others may set
 * sk_user_data.  So there is a table, vnp_listeners.
 *
 * A setsockopt() that began before the link can replace the operations afterwards (IPV6_ADDRFORM,
 * TCP_ULP), once the socket is connected instead of listening.  So a call that stops the listening
 * ends the link first; and the entry holds a reference to the socket, as release() might not be
 * ours then.
 *
 * Ownership: the socket's reference to the link is that of its entry.  A connection refers to the
 * link of its listener by its id only.
 */
#include "kmod/tcp/listen.h"

#include <linux/kmemleak.h>
#include <linux/module.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/wait.h>
#include <linux/xarray.h>
#include <net/sock.h>
#include <net/tcp.h>

#include "kmod/core/compat_tcp.h"
#include "kmod/core/memory.h"
#include "kmod/link/attach.h"
#include "kmod/link/link.h"
#include "kmod/path/hook.h"
#include "kmod/tcp/proto.h"
#include "kmod/tcp/recv.h"
#include "kmod/tcp/sock.h"
#include "kmod/tcp/tcp.h"

static DEFINE_XARRAY_FLAGS(vnp_listeners, XA_FLAGS_ACCOUNT);
static bool vnp_listen_used;

/* Unique, as sockets are larger than a cache line */
static unsigned long vnp_listen_index(const struct sock *sk)
{
	return (unsigned long)sk / L1_CACHE_BYTES;
}

/* The socket's link, or NULL.  Context: the socket's lock */
static struct vnp_link *vnp_listen_find(const struct sock *sk)
{
	return xa_load(&vnp_listeners, vnp_listen_index(sk));
}

/* Likewise, with a reference.  Context: process */
static struct vnp_link *vnp_listen_get(struct sock *sk)
{
	struct vnp_link *link;

	lock_sock(sk);
	link = vnp_listen_find(sk);
	if (link)
		vnp_obj_get(&link->obj);
	release_sock(sk);
	return link;
}

/* Context: the socket's lock */
static void vnp_listen_set_ops(struct sock *sk, const struct proto_ops *from,
			       const struct proto_ops *to)
{
	if (sk->sk_socket && sk->sk_socket->ops == from)
		WRITE_ONCE(sk->sk_socket->ops, to);
}

static void vnp_listen_wake(const struct sock *sk)
{
	struct socket_wq *wq;

	rcu_read_lock();
	wq = rcu_dereference(sk->sk_wq);
	if (skwq_has_sleeper(wq))
		wake_up_interruptible_all(&wq->wait);
	rcu_read_unlock();
}

/*
 * Wake all tasks that wait in inet_csk_accept(), as a signal does, and get references to the first
 * @max of them.  Not workers of io_uring, whose requests would fail with EINTR.  Return: number of
 * references
 */
static int vnp_listen_interrupt(const struct sock *sk, struct task_struct **tasks, int max)
{
	wait_queue_head_t *head = sk_sleep((struct sock *)sk);
	struct wait_queue_entry *entry;
	struct task_struct *task;
	int cnt = 0;

	spin_lock_irq(&head->lock);
	list_for_each_entry(entry, &head->head, entry) {
		task = entry->private;
		if (entry->func != autoremove_wake_function ||
		    task->flags & (PF_KTHREAD | PF_IO_WORKER))
			continue;
		set_tsk_thread_flag(task, TIF_NOTIFY_SIGNAL);
		wake_up_process(task);
		if (cnt < max)
			tasks[cnt++] = get_task_struct(task);
	}
	spin_unlock_irq(&head->lock);
	return cnt;
}

/* The flag is cleared before the task returns to user space, or exits. */
static void vnp_listen_await_restart(struct task_struct *task, unsigned long end)
{
	while (test_tsk_thread_flag(task, TIF_NOTIFY_SIGNAL) &&
	       !(READ_ONCE(task->flags) & PF_EXITING) && time_before(jiffies, end) &&
	       !fatal_signal_pending(current))
		schedule_timeout_killable(1);
}

/*
 * Calls of accept() that wait in TCP would not link the next connection: have them restarted, and
 * wait until all are, but at most a second, as a task may be stopped.  Not with SO_RCVTIMEO: then
 * they would fail with EINTR instead of being restarted.
 *
 * Context: process, without the socket's lock, which these calls need to return.
 */
static void vnp_listen_restart_waiting(const struct sock *sk)
{
	const unsigned long end = jiffies + HZ;
	struct task_struct *tasks[16];
	int cnt;

	if (READ_ONCE(sk->sk_rcvtimeo) != MAX_SCHEDULE_TIMEOUT)
		return;
	do {
		cnt = vnp_listen_interrupt(sk, tasks, ARRAY_SIZE(tasks));
		for (int i = 0; i < cnt; i++) {
			vnp_listen_await_restart(tasks[i], end);
			put_task_struct(tasks[i]);
		}
	} while (cnt && time_before(jiffies, end) && !fatal_signal_pending(current));
}

/*
 * ---- Attaching -------------------------------------------------------------
 */

static bool vnp_listen_suits(const struct sock *sk)
{
	return vnp_tcp_suits(sk) && inet_sk_state_load(sk) == TCP_LISTEN;
}

/* Context: the socket's lock.  Return: as @attach */
static int vnp_listen_check(struct sock *sk)
{
	if (sock_flag(sk, SOCK_FILTER_LOCKED))
		return -EPERM;
	vnp_listen_refresh(sk);
	if (sk->sk_state != TCP_LISTEN)
		return -ENOTCONN;
	return vnp_tcp_check(sk);
}

/* Context: likewise.  Return: as @attach */
static int vnp_listen_set_hook(struct vnp_link *link, struct vnp_prog *prog,
			       struct vnp_prog *message, struct sock *sk)
{
	const struct vnp_tcp_proto *proto = vnp_tcp_proto_of(sk);
	int ret = xa_err(xa_store(&vnp_listeners, vnp_listen_index(sk), link, VNP_GFP_USER));

	if (ret)
		return ret;
	sock_hold(sk);
	vnp_link_bind(link, prog, message, sk);
	vnp_tcp_set_user_data(sk, link);
	WRITE_ONCE(vnp_listen_used, true);
	vnp_listen_set_ops(sk, proto->kernel_ops, proto->listen_ops);
	return 0;
}

static int vnp_listen_attach(struct vnp_link *link, struct vnp_prog *prog,
			     struct vnp_prog *message, struct sock *sk)
{
	int ret;

	lock_sock(sk);
	ret = vnp_listen_check(sk) ?: vnp_listen_set_hook(link, prog, message, sk);
	release_sock(sk);
	if (!ret)
		vnp_listen_restart_waiting(sk);
	return ret;
}

/* Context: the socket's lock; the caller has a reference.  Return: false: already done */
static bool vnp_listen_end(struct vnp_link *link, struct sock *sk)
{
	const struct vnp_tcp_proto *proto = vnp_tcp_proto_of(sk);

	if (!vnp_link_claim(link))
		return false;
	xa_erase(&vnp_listeners, vnp_listen_index(sk));
	vnp_listen_set_ops(sk, proto->listen_ops, proto->kernel_ops);
	if (rcu_access_pointer(__sk_user_data(sk)) ==
	    (void *)((unsigned long)link | SK_USER_DATA_NOCOPY))
		vnp_tcp_set_user_data(sk, NULL);
	/* Calls in vnp_listen_wait() restart, and then wait in TCP. */
	vnp_listen_wake(sk);
	vnp_link_put(link);
	sock_put(sk);
	return true;
}

static int vnp_listen_detach(struct vnp_link *link, struct sock *sk)
{
	bool detached;

	lock_sock(sk);
	detached = vnp_listen_end(link, sk);
	release_sock(sk);
	return detached ? 0 : -ENOLINK;
}

void vnp_listen_refresh(struct sock *sk)
{
	const struct vnp_tcp_proto *proto = vnp_tcp_proto_of(sk);
	struct vnp_link *link = vnp_listen_find(sk);

	if (!link)
		vnp_listen_set_ops(sk, proto->listen_ops, proto->kernel_ops);
	else if (sk->sk_state != TCP_LISTEN)
		vnp_listen_end(link, sk);
}

static bool vnp_listen_is_attached(struct sock *sk)
{
	return inet_sk_state_load(sk) == TCP_LISTEN;
}

/*
 * ---- Operations --------------------------------------------------------------
 */

/* Wait as inet_csk_accept() does, but not after the link has ended. */
static int vnp_listen_wait(const struct vnp_link *link, struct socket *sock,
			   struct socket *newsock, struct proto_accept_arg *arg, long timeo)
{
	const struct proto_ops *kernel = vnp_tcp_proto_of(sock->sk)->kernel_ops;
	DEFINE_WAIT_FUNC(wait, woken_wake_function);
	int ret;

	add_wait_queue_exclusive(sk_sleep(sock->sk), &wait);
	for (;;) {
		ret = vnp_ops_accept(kernel, sock, newsock, arg);
		if (ret != -EAGAIN || !timeo)
			break;
		ret = READ_ONCE(link->sk) ? 0 : vnp_recv_restart();
		if (!ret && signal_pending(current))
			ret = sock_intr_errno(timeo);
		if (ret)
			break;
		timeo = wait_woken(&wait, TASK_INTERRUPTIBLE, timeo);
	}
	remove_wait_queue(sk_sleep(sock->sk), &wait);
	return ret;
}

static int vnp_listen_take(const struct vnp_link *link, struct socket *sock,
			   struct socket *newsock, struct proto_accept_arg *arg)
{
	const long timeo = sock_rcvtimeo(sock->sk, arg->flags & O_NONBLOCK);
	const int flags = arg->flags;
	int ret;

	arg->flags |= O_NONBLOCK;
	ret = vnp_ops_accept(vnp_tcp_proto_of(sock->sk)->kernel_ops, sock, newsock, arg);
	if (ret == -EAGAIN && timeo)
		ret = vnp_listen_wait(link, sock, newsock, arg, timeo);
	arg->flags = flags;
	return ret;
}

/*
 * Link a connection.  If that fails the caller closes it: the application gets ENOMEM, or
 * ECONNABORTED as for a connection that was aborted.
 */
static int vnp_listen_adopt(struct vnp_link *link, const struct socket *newsock)
{
	const int ret = vnp_link_inherit(link, newsock->sk);

	/* The link was detached: as if accepted after that */
	if (ret == -ENOLINK)
		return 0;
	atomic64_inc(ret ? &link->refused : &link->accepted);
	return !ret || ret == -ENOMEM ? ret : -ECONNABORTED;
}

/*
 * There is no link any more, but its operations were called: have a call that can wait restarted
 * with TCP's.  Others are not restarted, as io_uring would fail with EINTR.
 */
static int vnp_listen_retry(struct socket *sock, struct socket *newsock,
			    struct proto_accept_arg *arg)
{
	lock_sock(sock->sk);
	vnp_listen_refresh(sock->sk);
	release_sock(sock->sk);
	if (!(arg->flags & O_NONBLOCK))
		return vnp_recv_restart();
	return vnp_ops_accept(vnp_tcp_proto_of(sock->sk)->kernel_ops, sock, newsock, arg);
}

static int vnp_listen_accept(struct socket *sock, struct socket *newsock,
			     struct proto_accept_arg *arg)
{
	struct vnp_link *link;
	bool held;
	int ret;

	/* kernel_accept() would have the connection use the operations of @sock afterwards. */
	if (arg->kern)
		return -EOPNOTSUPP;
	/* do_accept() has set it to the operations of @sock, which are ours. */
	newsock->ops = vnp_tcp_proto_of(sock->sk)->kernel_ops;
	held = vnp_tcp_enter();
	link = vnp_listen_get(sock->sk);
	if (link) {
		ret = vnp_listen_take(link, sock, newsock, arg) ?:
		      vnp_listen_adopt(link, newsock);
		vnp_link_put(link);
	} else {
		ret = vnp_listen_retry(sock, newsock, arg);
	}
	vnp_tcp_leave(held);
	return ret;
}

VNP_OPS_ACCEPT(vnp_listen_accept)

/* End the link, as the socket is about to stop listening. */
static void vnp_listen_leave(struct sock *sk)
{
	struct vnp_link *link;

	lock_sock(sk);
	link = vnp_listen_find(sk);
	if (link)
		vnp_listen_end(link, sk);
	release_sock(sk);
}

static int vnp_listen_shutdown(struct socket *sock, int how)
{
	const bool held = vnp_tcp_enter();
	int ret;

	if (how == SHUT_RD || how == SHUT_RDWR)
		vnp_listen_leave(sock->sk);
	ret = vnp_tcp_proto_of(sock->sk)->kernel_ops->shutdown(sock, how);
	vnp_tcp_leave(held);
	return ret;
}

static int vnp_listen_connect(struct socket *sock, VNP_CONNECT_ADDR *addr, int len, int flags)
{
	const bool held = vnp_tcp_enter();
	int ret;

	/* With other addresses connect() fails, and the socket keeps listening. */
	if (len >= (int)sizeof(addr->sa_family) && addr->sa_family == AF_UNSPEC)
		vnp_listen_leave(sock->sk);
	ret = vnp_tcp_proto_of(sock->sk)->kernel_ops->connect(sock, addr, len, flags);
	vnp_tcp_leave(held);
	return ret;
}

static int vnp_listen_release(struct socket *sock)
{
	struct sock *sk = sock->sk;
	bool held;
	int ret;

	/* a new socket for which accept() has failed */
	if (!sk)
		return 0;
	held = vnp_tcp_enter();
	vnp_listen_leave(sk);
	ret = vnp_tcp_proto_of(sk)->kernel_ops->release(sock);
	vnp_tcp_leave(held);
	return ret;
}

/* While there is a link, no ULP may replace the operations. */
static int vnp_listen_setsockopt(struct socket *sock, int level, int optname, sockptr_t optval,
				 unsigned int optlen)
{
	const bool held = vnp_tcp_enter();
	struct sock *sk = sock->sk;
	bool linked;
	int ret;

	lock_sock(sk);
	vnp_listen_refresh(sk);
	linked = vnp_listen_find(sk);
	release_sock(sk);
	if (linked && level == SOL_TCP && optname == TCP_ULP)
		ret = -EBUSY;
	else
		ret = vnp_tcp_proto_of(sk)->kernel_ops->setsockopt(sock, level, optname, optval,
								   optlen);
	vnp_tcp_leave(held);
	return ret;
}

/*
 * ---- Module init and exit ----------------------------------------------------
 */

static int vnp_listen_ops_create(struct vnp_tcp_proto *proto)
{
	struct proto_ops *ops;	/* const once it is set up */

	/* a kernel without IPv6 */
	if (!proto->kernel)
		return 0;
	ops = kmemdup(proto->kernel_ops, sizeof(*ops), GFP_KERNEL);
	if (!ops)
		return -ENOMEM;
	vnp_listen_accept_set(ops);
	ops->release = vnp_listen_release;
	ops->shutdown = vnp_listen_shutdown;
	ops->connect = vnp_listen_connect;
	ops->setsockopt = vnp_listen_setsockopt;
	proto->listen_ops = ops;
	return 0;
}

/* Connections that were accepted while a link ended may still use these operations. */
static void vnp_listen_ops_stop(const struct vnp_tcp_proto *proto)
{
	const struct proto_ops *kernel = proto->kernel_ops;

	if (!proto->listen_ops)
		return;
	WRITE_ONCE(proto->listen_ops->accept, kernel->accept);
	WRITE_ONCE(proto->listen_ops->release, kernel->release);
	WRITE_ONCE(proto->listen_ops->shutdown, kernel->shutdown);
	WRITE_ONCE(proto->listen_ops->connect, kernel->connect);
	WRITE_ONCE(proto->listen_ops->setsockopt, kernel->setsockopt);
}

static void vnp_listen_ops_destroy(struct vnp_tcp_proto *proto)
{
	if (vnp_listen_used)
		kmemleak_not_leak(proto->listen_ops);
	else
		kfree(proto->listen_ops);
	proto->listen_ops = NULL;
}

int vnp_listen_subsys_create(void)
{
	int ret = vnp_listen_ops_create(vnp_tcp_proto(AF_INET)) ?:
		  vnp_listen_ops_create(vnp_tcp_proto(AF_INET6));

	if (ret)
		vnp_listen_subsys_destroy();
	return ret;
}

void vnp_listen_stop(void)
{
	vnp_listen_ops_stop(vnp_tcp_proto(AF_INET));
	vnp_listen_ops_stop(vnp_tcp_proto(AF_INET6));
}

void vnp_listen_subsys_destroy(void)
{
	vnp_listen_ops_destroy(vnp_tcp_proto(AF_INET));
	vnp_listen_ops_destroy(vnp_tcp_proto(AF_INET6));
	xa_destroy(&vnp_listeners);
}

const struct vnp_hook_ops vnp_listen_hook = {
	.prog_types	= BIT(VNP_PROG_STREAM) | BIT(VNP_PROG_MESSAGE),
	.link_flags	= VNP_TCP_LINK_FLAGS,
	.inherit	= &vnp_tcp_hook,
	.suits		= vnp_listen_suits,
	.attach		= vnp_listen_attach,
	.detach		= vnp_listen_detach,
	.is_attached	= vnp_listen_is_attached,
};
