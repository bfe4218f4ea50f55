// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel reads two function pointers of a UDP socket twice, to test and to call them:
 * gro_complete and encap_err_rcv.  If one was cleared in between, it would call NULL.  A
 * grace period before the pointer is cleared does not help, as other readers begin
 * meanwhile; one after that comes too late.  So once they are set on a socket they stay, with or
 * without a link; without one they do what the kernel does if they are not set.
 *
 * They are only cleared, or not used any more, in these cases:
 *
 * The socket is freed.  sk_destruct() is called when the socket cannot be found any more;
 * ours removes it from the table and calls the original one.
 *
 * The module is removed.  Sockets that had a link do not pin it.  All other CPUs are stopped while
 * the pointers are restored, so that none is between the two reads: these are in softirq, or with
 * softirqs off, which stop_machine() does not interrupt.  That takes milliseconds on all CPUs, so
 * it is only acceptable for root removing the module, not for users detaching links.  Functions
 * called in process context may have been read by a task that was preempted before the
 * call: synchronize_rcu_tasks() waits for those.
 *
 * Another subsystem has set its sk_destruct, which calls ours (L2TP on 6.1, if it is
 * given the socket).  It cannot be notified, so the module waits until it has called
 * ours.
 *
 * With PREEMPT_RT softirqs are preempted, and stop_machine() does not help: there, a socket that
 * had a link does pin the module.
 *
 * Locking: the table has its own lock, as sockets are freed in softirq.  An entry is only
 * used by the owner of the socket: under the socket's lock, or in sk_destruct().
 */
#include "kmod/udp/sock.h"

#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/stop_machine.h>
#include <linux/wait.h>
#include <linux/xarray.h>

#include "kmod/core/memory.h"
#include "kmod/udp/udp.h"
#include "kmod/udp/err.h"
#include "kmod/udp/gro.h"

/* All entries, by address of the socket */
static DEFINE_XARRAY_FLAGS(vnp_udp_socks, XA_FLAGS_LOCK_BH | XA_FLAGS_ACCOUNT);

/* Module exit waits here for sockets whose sk_destruct() others have replaced. */
static DECLARE_WAIT_QUEUE_HEAD(vnp_udp_socks_wait);

/* Sockets are at least a cache line apart. */
static unsigned long vnp_udp_sock_key(const struct sock *sk)
{
	return (unsigned long)sk / L1_CACHE_BYTES;
}

struct vnp_udp_sock *vnp_udp_sock_of(const struct sock *sk)
{
	return xa_load(&vnp_udp_socks, vnp_udp_sock_key(sk));
}

/* sk_destruct(): the socket is unreferenced.  Context: any but hard interrupts */
static void vnp_udp_sock_destruct(struct sock *sk)
{
	struct vnp_udp_sock *usock = xa_erase_bh(&vnp_udp_socks,
						 vnp_udp_sock_key(sk));
	typeof(sk->sk_destruct) destruct = usock->sk_destruct;

	sk->sk_destruct = destruct;
	if (usock->link)
		usock->done(usock->link, sk);
	kfree(usock);
	wake_up(&vnp_udp_socks_wait);
	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		module_put(THIS_MODULE);
	destruct(sk);
}

static int vnp_udp_sock_insert(struct sock *sk)
{
	struct vnp_udp_sock *usock;
	int ret;

	usock = kzalloc(sizeof(*usock), VNP_GFP_USER);
	if (!usock)
		return -ENOMEM;
	usock->sk = sk;
	usock->sk_destruct = sk->sk_destruct;
	ret = xa_insert_bh(&vnp_udp_socks, vnp_udp_sock_key(sk), usock,
			   VNP_GFP_USER);
	if (ret) {
		kfree(usock);
		return ret;
	}

	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		__module_get(THIS_MODULE);
	sk->sk_destruct = vnp_udp_sock_destruct;
	return 0;
}

int vnp_udp_sock_make(struct sock *sk)
{
	struct udp_sock *up = udp_sk(sk);
	int ret;

	if ((up->gro_complete && up->gro_complete != vnp_udp_gro_complete) ||
	    (up->encap_err_rcv && up->encap_err_rcv != vnp_udp_err_rcv))
		return -EBUSY;
	if (!vnp_udp_sock_of(sk)) {
		ret = vnp_udp_sock_insert(sk);
		if (ret)
			return ret;
	}
	up->encap_err_rcv = vnp_udp_err_rcv;
	up->gro_complete = vnp_udp_gro_complete;
	return 0;
}

/* Restore the pointers of all sockets.  Context: all other CPUs are stopped */
static int vnp_udp_socks_restore(void *unused)
{
	struct vnp_udp_sock *usock;
	struct udp_sock *up;
	unsigned long key;

	xa_for_each(&vnp_udp_socks, key, usock) {
		up = udp_sk(usock->sk);
		if (up->gro_complete == vnp_udp_gro_complete)
			up->gro_complete = NULL;
		if (up->encap_err_rcv == vnp_udp_err_rcv)
			up->encap_err_rcv = NULL;
		if (usock->sk->sk_destruct != vnp_udp_sock_destruct)
			continue;
		usock->sk->sk_destruct = usock->sk_destruct;
		usock->sk = NULL;
	}
	return 0;
}

void vnp_udp_socks_destroy(void)
{
	struct vnp_udp_sock *usock;
	unsigned long key;

	stop_machine(vnp_udp_socks_restore, NULL, NULL);
	/*
	 * Wait for tasks that were preempted while they entered or left the module: one that is
	 * about to call vnp_udp_sock_destruct(); one that has closed a socket, and with its link
	 * put a reference to the module whose code it still executes; and one that has read
	 * setsockopt() from our struct proto before the link was detached, and will return when
	 * it gets no reference to the module (udp/opt.c).
	 */
	synchronize_rcu_tasks();
	xa_for_each(&vnp_udp_socks, key, usock) {
		if (usock->sk)
			continue;
		xa_erase_bh(&vnp_udp_socks, key);
		kfree(usock);
	}
	if (xa_empty(&vnp_udp_socks))
		return;
	wait_event_idle(vnp_udp_socks_wait, xa_empty(&vnp_udp_socks));
	synchronize_rcu_tasks();
}
