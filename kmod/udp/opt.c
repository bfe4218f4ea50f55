// SPDX-License-Identifier: GPL-2.0
/*
 * Options of a socket that has a link: setsockopt() and getsockopt() of its struct proto
 * are replaced, and the application reads back what it has set.
 *
 *	UDP_GRO		may be set because of the link (udp/gro.c)
 *	UDP_ENCAP	is 0, and cannot be changed: encap_rcv() is the link's.  If the
 *			application replaced it, the program would no longer see
 *			datagrams, and those it drops would be delivered
 *
 * destroy(), which is called when the socket is closed, is replaced, too: it ends the link even if
 * a setsockopt() of UDP_ENCAP that began before the link was created has set encap_type to 0, for
 * which the kernel does not call encap_destroy().  Otherwise the socket could be kept by its own
 * link: through the program and a map of peers, which has a reference to the socket it sends from.
 *
 * Calls may sleep, and outlast the link: so they take a reference to the module.  That
 * fails only while the module is being removed, when there are no links, for a task that
 * read sk_prot before and was preempted.  vnp_udp_socks_destroy() waits for tasks in these
 * functions that do not have the reference yet, or not any more.
 */
#include "kmod/udp/opt.h"

#include <linux/module.h>
#include <linux/udp.h>
#include <linux/wait.h>
#include <net/sock.h>
#include <net/udp.h>

#include "kmod/core/compat.h"
#include "kmod/link/link.h"
#include "kmod/udp/udp.h"
#include "kmod/udp/gro.h"
#include "kmod/udp/sock.h"

/**
 * struct vnp_udp_proto - a struct proto of the kernel and our modified copy
 * @kernel:	the kernel's; NULL: there is no IPv6
 * @ours:	the same except setsockopt(), getsockopt() and destroy()
 */
struct vnp_udp_proto {
	struct proto *kernel;
	struct proto ours;
};

static struct vnp_udp_proto vnp_udp_proto4;
static struct vnp_udp_proto vnp_udp_proto6;

static struct vnp_udp_proto *vnp_udp_proto_of(const struct sock *sk)
{
	return sk->sk_family == AF_INET6 ? &vnp_udp_proto6 : &vnp_udp_proto4;
}

bool vnp_udp_opt_suits(const struct sock *sk)
{
	return sk->sk_prot == vnp_udp_proto_of(sk)->kernel;
}

void vnp_udp_opt_start(struct sock *sk)
{
	if (vnp_udp_opt_suits(sk))
		WRITE_ONCE(sk->sk_prot, &vnp_udp_proto_of(sk)->ours);
}

void vnp_udp_opt_stop(struct sock *sk)
{
	struct vnp_udp_proto *proto = vnp_udp_proto_of(sk);

	if (sk->sk_prot == &proto->ours)
		WRITE_ONCE(sk->sk_prot, proto->kernel);
}

/* The link of a socket, or NULL.  Context: the socket's lock */
static struct vnp_link *vnp_udp_opt_link(struct sock *sk)
{
	struct vnp_udp_sock *usock = vnp_udp_sock_of(sk);

	return usock ? usock->link : NULL;
}

static bool vnp_udp_opt_is(int level, int optname, int wanted)
{
	return vnp_is_udp_level(level) && optname == wanted;
}

/*
 * UDP_ENCAP: setting it to 0 changes nothing.  Return: as setsockopt(); 1: there is no
 * link
 */
static int vnp_udp_set_encap(struct sock *sk, sockptr_t optval,
			     unsigned int optlen)
{
	bool linked;
	int val;

	if (optlen < sizeof(val))
		return -EINVAL;
	if (copy_from_sockptr(&val, optval, sizeof(val)))
		return -EFAULT;
	lock_sock(sk);
	linked = vnp_udp_opt_link(sk);
	release_sock(sk);
	if (!linked)
		return 1;
	return val ? -EBUSY : 0;
}

/*
 * UDP_GRO is about to be set: afterwards the application's setting counts.  Return: id of the link,
 * or 0
 */
static u32 vnp_udp_gro_prepare(struct sock *sk)
{
	struct vnp_link *link;
	u32 id = 0;

	lock_sock(sk);
	link = vnp_udp_opt_link(sk);
	if (link) {
		vnp_udp_gro_merge(link);
		id = link->obj.id;
	}
	release_sock(sk);
	return id;
}

/*
 * UDP_GRO was set: its value is now the application's.  @id: of the link before.  Return: false: it
 * must be set again, as that link was detached, or is being detached, which may have changed it
 */
static bool vnp_udp_gro_set(struct sock *sk, u32 id)
{
	struct vnp_link *link;
	bool valid;

	lock_sock(sk);
	link = vnp_udp_opt_link(sk);
	if (link && link->obj.id == id) {
		/* @sk is NULL before vnp_udp_gro_stop(), which then depends on @gro_forced. */
		valid = READ_ONCE(link->sk) || !link->gro_forced;
		WRITE_ONCE(link->gro_forced, false);
	} else {
		valid = !link && !id;
	}
	release_sock(sk);
	return valid;
}

static int vnp_udp_set_gro(struct sock *sk, int level, sockptr_t optval, unsigned int optlen)
{
	u32 id;
	int ret;

	do {
		id = vnp_udp_gro_prepare(sk);
		ret = vnp_udp_proto_of(sk)->kernel->setsockopt(sk, level, UDP_GRO, optval, optlen);
	} while (!ret && !vnp_udp_gro_set(sk, id));
	return ret;
}

/* IPV6_ADDRFORM: the socket has become one of IPv4, with the kernel's struct proto. */
static void vnp_udp_opt_restart(struct sock *sk)
{
	lock_sock(sk);
	if (vnp_udp_opt_link(sk))
		vnp_udp_opt_start(sk);
	release_sock(sk);
}

static int vnp_udp_setsockopt_pinned(struct sock *sk, int level, int optname,
				     sockptr_t optval, unsigned int optlen)
{
	int ret;

	if (vnp_udp_opt_is(level, optname, UDP_ENCAP)) {
		ret = vnp_udp_set_encap(sk, optval, optlen);
		if (ret <= 0)
			return ret;
	}
	if (vnp_udp_opt_is(level, optname, UDP_GRO))
		return vnp_udp_set_gro(sk, level, optval, optlen);
	ret = vnp_udp_proto_of(sk)->kernel->setsockopt(sk, level, optname,
						       optval, optlen);
	if (!ret && level == SOL_IPV6 && optname == IPV6_ADDRFORM)
		vnp_udp_opt_restart(sk);
	return ret;
}

static int vnp_udp_setsockopt(struct sock *sk, int level, int optname,
			      sockptr_t optval, unsigned int optlen)
{
	int ret;

	if (!try_module_get(THIS_MODULE))
		return -EAGAIN;
	ret = vnp_udp_setsockopt_pinned(sk, level, optname, optval, optlen);
	module_put(THIS_MODULE);
	return ret;
}

/* Has the link set an option that the application has not set, and so must read as 0? */
static bool vnp_udp_opt_is_hidden(struct sock *sk, int level, int optname)
{
	const bool encap = vnp_udp_opt_is(level, optname, UDP_ENCAP);
	struct vnp_link *link;
	bool hidden;

	if (!encap && !vnp_udp_opt_is(level, optname, UDP_GRO))
		return false;
	lock_sock(sk);
	link = vnp_udp_opt_link(sk);
	if (encap)
		hidden = READ_ONCE(udp_sk(sk)->encap_type) == VNP_UDP_ENCAP;
	else
		hidden = link && link->gro_forced;
	release_sock(sk);
	return hidden;
}

/* As udp_lib_getsockopt() returns a 0 */
static int vnp_udp_getsockopt_zero(char __user *optval, int __user *optlen)
{
	int len;

	if (get_user(len, optlen))
		return -EFAULT;
	if (len < 0)
		return -EINVAL;
	len = min_t(int, len, sizeof(int));
	if (put_user(len, optlen) || clear_user(optval, len))
		return -EFAULT;
	return 0;
}

static int vnp_udp_getsockopt(struct sock *sk, int level, int optname,
			      char __user *optval, int __user *optlen)
{
	int ret;

	if (!try_module_get(THIS_MODULE))
		return -EAGAIN;
	if (vnp_udp_opt_is_hidden(sk, level, optname))
		ret = vnp_udp_getsockopt_zero(optval, optlen);
	else
		ret = vnp_udp_proto_of(sk)->kernel->getsockopt(sk, level, optname,
							       optval, optlen);
	module_put(THIS_MODULE);
	return ret;
}

/* Number of calls of vnp_udp_destroy() in progress, for which module exit waits */
static atomic_t vnp_udp_closing = ATOMIC_INIT(0);
static DECLARE_WAIT_QUEUE_HEAD(vnp_udp_closed);

static void vnp_udp_destroy(struct sock *sk)
{
	void (*destroy)(struct sock *sk) = READ_ONCE(udp_sk(sk)->encap_destroy);

	atomic_inc(&vnp_udp_closing);
	if (destroy && vnp_udp_sock_of(sk) && vnp_udp_sock_of(sk)->link)
		destroy(sk);
	vnp_udp_proto_of(sk)->kernel->destroy(sk);
	if (atomic_dec_and_test(&vnp_udp_closing))
		wake_up(&vnp_udp_closed);
}

/* Wait for calls that are counted, then for tasks between the decrement and their return. */
void vnp_udp_opt_drain(void)
{
	wait_event_idle(vnp_udp_closed, !atomic_read(&vnp_udp_closing));
	synchronize_rcu_tasks();
}

static void vnp_udp_proto_init(struct vnp_udp_proto *proto, struct proto *kernel)
{
	proto->kernel = kernel;
	proto->ours = *kernel;
	proto->ours.setsockopt = vnp_udp_setsockopt;
	proto->ours.getsockopt = vnp_udp_getsockopt;
	proto->ours.destroy = vnp_udp_destroy;
}

void vnp_udp_opt_init(const struct socket *example)
{
	vnp_udp_proto_init(&vnp_udp_proto4, &udp_prot);
	if (example->sk->sk_family == AF_INET6)
		vnp_udp_proto_init(&vnp_udp_proto6, example->sk->sk_prot);
}
