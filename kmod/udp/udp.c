// SPDX-License-Identifier: GPL-2.0
/*
 * UDP sockets, through the kernel's hook for tunnels: encap_rcv().
 *
 * A socket has:	it becomes:
 *	encap_type		VNP_UDP_ENCAP: there is a hook
 *	encap_rcv		vnp_udp_rcv()
 *	encap_destroy		vnp_udp_close(): the application closed it
 *	sk_user_data		the link
 *	sk_prot			one that hides all this from the application (udp/opt.c)
 * and until it is freed, by udp/sock.c:
 *	encap_err_rcv		vnp_udp_err_rcv(), as other sockets with an encap_type get no ICMP
 *				errors
 *	gro_complete		vnp_udp_gro_complete()
 *	sk_destruct		the socket is freed
 * setup_udp_tunnel_sock() could set these, but it also disables multicast loopback
 * and enables checksum conversion, which the application would notice.  And it enables a
 * static key while there are such sockets, which patches kernel code on all CPUs:
 * ordinary users should not be able to cause that repeatedly.  So the key is enabled as
 * long as the module is loaded.
 *
 * A link ends when its socket is closed, at the latest when that is freed.  The kernel does not
 * call encap_destroy() if encap_type is 0, and that can happen: UDP_ENCAP is refused while there is
 * a link, but a setsockopt() that began before the link was created does not see that, as it has
 * already read sk_prot, and may sleep for any time while it reads the option's value; the kernel's
 * own lock, if it takes one, is taken later.  Then the hook gets no more datagrams: the next query
 * finds that, and detaches the link (vnp_link_refresh()).  Otherwise destroy() of sk_prot ends it
 * (udp/opt.c).  sk_destruct() is always called, when the socket cannot be found any more.
 * Detaching restores encap_type, encap_rcv and sk_prot only if they still have our values,
 * encap_destroy likewise, and clears sk_user_data.
 *
 * Locking: fields change under the socket's lock, sk_user_data also under
 * sk_callback_lock, as with all users of that field.  The hook takes no lock: it finds the
 * link through sk_user_data, or passes the packet.  So sk_user_data points to a link, or
 * is NULL, until a grace period after encap_rcv was restored.
 */
#include "kmod/udp/udp.h"

#include <linux/net.h>
#include <linux/udp.h>
#include <net/sock.h>
#include <net/udp_tunnel.h>

#include "kmod/hold/hold.h"
#include "kmod/link/attach.h"
#include "kmod/link/link.h"
#include "kmod/path/hook.h"
#include "kmod/udp/filter.h"
#include "kmod/udp/deliver.h"
#include "kmod/udp/enqueue.h"
#include "kmod/udp/gro.h"
#include "kmod/udp/merge.h"
#include "kmod/udp/opt.h"
#include "kmod/udp/packet.h"
#include "kmod/udp/permit.h"
#include "kmod/udp/rcv.h"
#include "kmod/udp/release.h"
#include "kmod/udp/reply.h"
#include "kmod/udp/block.h"
#include "kmod/udp/send.h"
#include "kmod/udp/sock.h"

/*
 * A socket of the module's own, by which the kernel's static key for encapsulation is enabled.
 * It is not bound, so it gets no packets.  One of IPv6 enables the keys of both.
 */
static struct socket *vnp_udp_enabler;

int vnp_udp_subsys_create(void)
{
	int ret;

	ret = sock_create_kern(&init_net, AF_INET6, SOCK_DGRAM, IPPROTO_UDP,
			       &vnp_udp_enabler);
	if (ret == -EAFNOSUPPORT)
		ret = sock_create_kern(&init_net, AF_INET, SOCK_DGRAM,
				       IPPROTO_UDP, &vnp_udp_enabler);
	if (ret)
		return ret;
	udp_tunnel_encap_enable(vnp_udp_enabler->sk);
	vnp_udp_opt_init(vnp_udp_enabler);
	vnp_udp_filter_init();
	return 0;
}

void vnp_udp_subsys_destroy(void)
{
	vnp_udp_socks_destroy();
	vnp_udp_opt_drain();
	vnp_udp_block_destroy();
	sock_release(vnp_udp_enabler);
}

static int vnp_udp_claim_sock(struct sock *sk, struct vnp_link *link)
{
	int ret = -EBUSY;

	write_lock_bh(&sk->sk_callback_lock);
	if (!rcu_access_pointer(__sk_user_data(sk))) {
		rcu_assign_sk_user_data(sk, link);
		ret = 0;
	}
	write_unlock_bh(&sk->sk_callback_lock);
	return ret;
}

static void vnp_udp_unclaim_sock(struct sock *sk)
{
	vnp_udp_sock_of(sk)->link = NULL;
	write_lock_bh(&sk->sk_callback_lock);
	rcu_assign_sk_user_data(sk, NULL);
	write_unlock_bh(&sk->sk_callback_lock);
}

/* The link of a socket, with a reference, or NULL.  Context: any */
static struct vnp_link *vnp_udp_link_get(struct sock *sk)
{
	struct vnp_link *link;

	rcu_read_lock();
	link = rcu_dereference_sk_user_data(sk);
	if (link && !vnp_obj_get_live(&link->obj))
		link = NULL;
	rcu_read_unlock();
	return link;
}

static void vnp_udp_close(struct sock *sk);

/* Context: the socket's lock */
static void vnp_udp_clear_hook(struct sock *sk)
{
	struct udp_sock *up = udp_sk(sk);

	if (up->encap_type == VNP_UDP_ENCAP)
		WRITE_ONCE(up->encap_type, 0);
	if (up->encap_rcv == vnp_udp_rcv)
		WRITE_ONCE(up->encap_rcv, vnp_udp_sock_of(sk)->encap_rcv);
	if (up->encap_destroy == vnp_udp_close)
		WRITE_ONCE(up->encap_destroy, NULL);
	vnp_udp_opt_stop(sk);
}

/*
 * End the link, and restore the socket.  If that continues to exist (@alive), two grace periods
 * are needed: packets that GRO has merged for the hook must still find it, and a hook that is
 * executing must not find the sk_user_data of another user.
 *
 * Return: false: already done.
 */
static bool vnp_udp_end(struct vnp_link *link, struct sock *sk, bool alive)
{
	/* First of all, as lock_sock() may wait for any time: no program is executed any more. */
	if (!vnp_link_claim(link))
		return false;
	/* No more fragments are added; those that are pending are freed by their CPUs. */
	vnp_hold_clear(link, sk);
	lock_sock(sk);
	vnp_udp_gro_stop(link, sk);
	release_sock(sk);

	if (alive)
		synchronize_net();
	lock_sock(sk);
	vnp_udp_clear_hook(sk);
	release_sock(sk);

	if (alive)
		synchronize_net();
	lock_sock(sk);
	vnp_udp_unclaim_sock(sk);
	release_sock(sk);
	vnp_link_put(link);
	return true;
}

static bool vnp_udp_is_hooked(struct sock *sk)
{
	const struct udp_sock *up = udp_sk(sk);
	bool hooked;

	/*
	 * While a link is being created the socket is owned, and its fields are not set yet.  A
	 * call of the application can own it for any time: do not wait for that, as the result can
	 * be outdated at any moment anyway.
	 */
	local_bh_disable();
	bh_lock_sock(sk);
	hooked = sock_owned_by_user(sk) || (READ_ONCE(up->encap_type) == VNP_UDP_ENCAP &&
					    READ_ONCE(up->encap_rcv) == vnp_udp_rcv);
	bh_unlock_sock(sk);
	local_bh_enable();
	return hooked;
}

/* encap_destroy(): the socket is being closed.  Context: process */
static void vnp_udp_close(struct sock *sk)
{
	struct vnp_link *link = vnp_udp_link_get(sk);

	if (!link)
		return;
	vnp_udp_end(link, sk, false);
	vnp_link_put(link);
}

/* struct vnp_udp_sock::done: the socket is being freed */
static void vnp_udp_done(struct vnp_link *link, struct sock *sk)
{
	vnp_udp_gro_stop(link, sk);
	vnp_udp_opt_stop(sk);
	sk->sk_user_data = NULL;
	if (!vnp_link_claim(link))
		return;
	vnp_hold_clear(link, sk);
	vnp_link_put(link);
}

/* Context: the socket's lock */
static void vnp_udp_set_hook(struct vnp_link *link, struct sock *sk)
{
	struct vnp_udp_sock *usock = vnp_udp_sock_of(sk);
	struct udp_sock *up = udp_sk(sk);

	usock->link = link;
	usock->done = vnp_udp_done;
	usock->encap_rcv = up->encap_rcv;
	WRITE_ONCE(up->encap_destroy, vnp_udp_close);
	WRITE_ONCE(up->encap_rcv, vnp_udp_rcv);
	WRITE_ONCE(up->encap_type, VNP_UDP_ENCAP);
	vnp_udp_opt_start(sk);
	if (!(link->flags & VNP_LINK_F_NO_MERGE))
		vnp_udp_gro_start(link, sk);
}

static bool vnp_udp_suits(const struct sock *sk)
{
	return (sk->sk_family == AF_INET || sk->sk_family == AF_INET6) &&
	       sk->sk_type == SOCK_DGRAM && sk->sk_protocol == IPPROTO_UDP;
}

static int vnp_udp_attach(struct vnp_link *link, struct vnp_prog *prog,
			  struct vnp_prog *message, struct sock *sk)
{
	int ret = -EBUSY;

	link->may_send = vnp_udp_may_send(sk->sk_socket);

	lock_sock(sk);
	if (sock_flag(sk, SOCK_FILTER_LOCKED)) {
		ret = -EPERM;
		goto unlock;
	}
	if (udp_sk(sk)->encap_type || udp_sk(sk)->encap_destroy ||
	    !vnp_udp_opt_suits(sk))
		goto unlock;
	ret = vnp_udp_sock_make(sk);
	if (ret)
		goto unlock;
	ret = vnp_udp_claim_sock(sk, link);
	if (ret)
		goto unlock;

	link->net = get_net(sock_net(sk));
	vnp_link_bind(link, prog, message, sk);
	vnp_udp_set_hook(link, sk);
unlock:
	release_sock(sk);
	return ret;
}

static int vnp_udp_detach(struct vnp_link *link, struct sock *sk)
{
	return vnp_udp_end(link, sk, true) ? 0 : -ENOLINK;
}

static void vnp_udp_drop(struct vnp_link *link, const struct sk_buff *skb)
{
	if (!skb_is_gso(skb))
		vnp_udp_merge_consumed(link, skb);
}

const struct vnp_hook_ops vnp_udp_hook = {
	.dgram		= {
		.head		= sizeof(struct udphdr),
		.copy		= vnp_udp_packet_copy,
		.len_max	= vnp_udp_packet_max,
		.seal		= vnp_udp_packet_seal,
		.send		= vnp_udp_send,
		.repeat		= vnp_udp_repeat,
		.append		= vnp_udp_append,
	},
	.prog_types	= BIT(VNP_PROG_DATAGRAM) | BIT(VNP_PROG_PACKET),
	.link_flags	= VNP_LINK_F_FAULT_PASS | VNP_LINK_F_NO_MERGE | VNP_LINK_F_HOLD_LATE,
	.suits		= vnp_udp_suits,
	.attach		= vnp_udp_attach,
	.detach		= vnp_udp_detach,
	.is_attached	= vnp_udp_is_hooked,
	.wants_batches	= vnp_udp_gro_wanted,
	.pass		= vnp_udp_pass,
	.drop		= vnp_udp_drop,
	.deliver	= vnp_udp_deliver,
	.reply		= vnp_udp_reply,
	.permit		= vnp_udp_permit,
	.permit_connected = vnp_udp_permit_connected,
	.keep		= vnp_udp_keep,
	.charge		= vnp_udp_charge,
	.uncharge	= vnp_udp_uncharge,
	.release	= vnp_udp_release,
	.release_only	= vnp_udp_release_only,
	.release_each	= vnp_udp_release_each,
	.cut		= vnp_udp_packet_cut,
	.join		= vnp_udp_packet_join,
};
