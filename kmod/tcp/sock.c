// SPDX-License-Identifier: GPL-2.0
#include "kmod/tcp/sock.h"

#include <linux/kmemleak.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/wait.h>
#include <net/sock.h>
#include <net/tcp.h>

#include "kmod/core/compat_tcp.h"
#include "kmod/link/link.h"
#include "kmod/tcp/proto.h"

/* Calls that have no reference to the module */
static atomic_t vnp_tcp_calls = ATOMIC_INIT(0);
static DECLARE_WAIT_QUEUE_HEAD(vnp_tcp_calls_wait);

/*
 * A setsockopt(TCP_ULP) may be waiting for the socket's lock when the link is attached.  kTLS would
 * then derive its operations for all sockets from our sk_prot.  With these set, TCP refuses that.
 *
 * getsockopt(TCP_ULP) takes no lock: it checks icsk_ulp_ops, copies the length to the caller, which
 * can sleep, and reads icsk_ulp_ops again.  So it stays set when the link is detached, until the
 * socket is freed, which may be after the module was removed: so this is not freed if it was used.
 */
static const char vnp_tcp_ulp_name[] = "vnp";
static struct tcp_ulp_ops *vnp_tcp_ulp;
static bool vnp_tcp_ulp_used;

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

void vnp_tcp_calls_drain(void)
{
	wait_event_idle(vnp_tcp_calls_wait, !atomic_read(&vnp_tcp_calls));
}

bool vnp_tcp_suits(const struct sock *sk)
{
	return (sk->sk_family == AF_INET || sk->sk_family == AF_INET6) &&
	       sk->sk_type == SOCK_STREAM && sk->sk_protocol == IPPROTO_TCP;
}

/* Does the socket have a ULP, other than vnp_tcp_ulp?  That one stays set when a link has ended. */
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

int vnp_tcp_ulp_create(void)
{
	vnp_tcp_ulp = kzalloc(sizeof(*vnp_tcp_ulp), GFP_KERNEL);
	if (!vnp_tcp_ulp)
		return -ENOMEM;
	strscpy(vnp_tcp_ulp->name, vnp_tcp_ulp_name, sizeof(vnp_tcp_ulp->name));
	return 0;
}

void vnp_tcp_ulp_destroy(void)
{
	if (vnp_tcp_ulp_used)
		kmemleak_not_leak(vnp_tcp_ulp);
	else
		kfree(vnp_tcp_ulp);
}
