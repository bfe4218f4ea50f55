// SPDX-License-Identifier: GPL-2.0
#include "kmod/tcp/outlet.h"

#include <linux/err.h>
#include <linux/hashtable.h>
#include <linux/log2.h>
#include <linux/module.h>
#include <linux/net.h>
#include <linux/slab.h>
#include <linux/sock_diag.h>
#include <net/sock.h>
#include <net/tcp.h>

#include "kmod/core/memory.h"
#include "kmod/core/user.h"
#include "kmod/link/stats.h"
#include "kmod/path/dgram.h"
#include "kmod/path/send.h"
#include "kmod/tcp/outlet_send.h"
#include "kmod/tcp/proto.h"
#include "kmod/tcp/sock.h"

static unsigned int sockets_user_max = 65536;
module_param(sockets_user_max, uint, 0644);
MODULE_PARM_DESC(sockets_user_max, "TCP sockets that the maps of one user may have");

static unsigned long sockets_user_bytes = 256UL << 20;
module_param(sockets_user_bytes, ulong, 0644);
MODULE_PARM_DESC(sockets_user_bytes, "bytes that the queues of these sockets may have");

void vnp_outlet_limits(struct vnp_feature *feature)
{
	feature->sockets_user_max = READ_ONCE(sockets_user_max);
	feature->sockets_user_bytes = READ_ONCE(sockets_user_bytes);
}

/* Maximum number of datagrams to drop to append one, as softirqs are off */
#define VNP_OUTLET_DROPS	64

/* Outlets by socket.  The lock protects changes, and vnp_outlet::entries. */
static DEFINE_HASHTABLE(vnp_outlets, 12);
static DEFINE_SPINLOCK(vnp_outlets_lock);

/*
 * ---- The table --------------------------------------------------------------
 */

/* Context: RCU, or the table's lock */
static struct vnp_outlet *vnp_outlet_find(const struct sock *sk)
{
	struct vnp_outlet *outlet;

	hash_for_each_possible_rcu(vnp_outlets, outlet, node, (unsigned long)sk,
				   lockdep_is_held(&vnp_outlets_lock))
		if (outlet->sk == sk)
			return outlet;
	return NULL;
}

/* Add an entry to the socket's outlet.  Return: NULL: it has none; ERR_PTR(-EBUSY) */
static struct vnp_outlet *vnp_outlet_join(const struct sock *sk, const struct vnp_user *user,
					  const struct vnp_connection *value)
{
	struct vnp_outlet *outlet;

	spin_lock(&vnp_outlets_lock);
	outlet = vnp_outlet_find(sk);
	if (outlet && (!outlet->entries || outlet->user != user ||
		       outlet->shown.policy != value->policy ||
		       outlet->shown.queue_bytes != value->queue_bytes)) {
		outlet = ERR_PTR(-EBUSY);
	} else if (outlet) {
		outlet->entries++;
		refcount_inc(&outlet->refs);
	}
	spin_unlock(&vnp_outlets_lock);
	return outlet;
}

/* Return: false: the socket has an outlet */
static bool vnp_outlet_insert(struct vnp_outlet *outlet)
{
	bool first;

	spin_lock(&vnp_outlets_lock);
	first = !vnp_outlet_find(outlet->sk);
	if (first)
		hash_add_rcu(vnp_outlets, &outlet->node, (unsigned long)outlet->sk);
	spin_unlock(&vnp_outlets_lock);
	return first;
}

/*
 * ---- The socket -------------------------------------------------------------
 */

/* sk_write_space of the sockets.  Context: the socket's lock, or its spinlock */
static void vnp_outlet_write_space(struct sock *sk)
{
	struct vnp_outlet *outlet;

	vnp_tcp_proto_of(sk)->write_space(sk);
	rcu_read_lock();
	outlet = vnp_outlet_find(sk);
	if (outlet && sk_stream_is_writeable(sk))
		vnp_outlet_wake(outlet);
	rcu_read_unlock();
}

/*
 * May the socket get an outlet: is it connected, and used by nothing in the kernel but a link?
 * sk_write_space can be ours although there is no outlet any more: KCM saves it, and restores it
 * when it releases the socket, which may be after the outlet has ended.  Context: the socket's
 * lock.  Return: 0; -EEXIST: it has an outlet; or another errno
 */
static int vnp_outlet_check(const struct sock *sk)
{
	const bool ours = sk->sk_write_space == vnp_outlet_write_space;
	bool exists;

	rcu_read_lock();
	exists = ours && vnp_outlet_find(sk);
	rcu_read_unlock();
	if (exists)
		return -EEXIST;
	if (sk->sk_state == TCP_LISTEN)
		return -EOPNOTSUPP;
	if (!(1 << sk->sk_state & (TCPF_ESTABLISHED | TCPF_CLOSE_WAIT)))
		return -ENOTCONN;
	if ((!ours && sk->sk_write_space != vnp_tcp_proto_of(sk)->write_space) ||
	    !vnp_tcp_is_free(sk))
		return -EBUSY;
	return vnp_outlet_failure(sk);
}

static void vnp_outlet_hook(struct sock *sk)
{
	vnp_tcp_keep_ulp(sk);
	write_lock_bh(&sk->sk_callback_lock);
	WRITE_ONCE(sk->sk_write_space, vnp_outlet_write_space);
	write_unlock_bh(&sk->sk_callback_lock);
}

/*
 * If another subsystem has replaced sk_write_space, it will restore ours some time: keep the
 * reference to the module then, so that it cannot be unloaded any more, unless the socket gets
 * another outlet afterwards.  Only KCM can do this, with a BPF program, and subsystems that only
 * root can use.
 */
static void vnp_outlet_unhook(struct sock *sk)
{
	bool ours;

	write_lock_bh(&sk->sk_callback_lock);
	ours = sk->sk_write_space == vnp_outlet_write_space;
	if (ours)
		WRITE_ONCE(sk->sk_write_space, vnp_tcp_proto_of(sk)->write_space);
	write_unlock_bh(&sk->sk_callback_lock);
	if (ours)
		module_put(THIS_MODULE);
}

/* Context: process.  Return: 0 or errno; -EEXIST: the socket has an outlet */
static int vnp_outlet_attach(struct vnp_outlet *outlet)
{
	struct sock *sk = outlet->sk;
	int ret;

	lock_sock(sk);
	ret = vnp_outlet_check(sk);
	if (!ret && !vnp_outlet_insert(outlet))
		ret = -EEXIST;
	if (!ret) {
		/* Safe, as the caller has a descriptor.  See vnp_outlet_unhook(). */
		if (sk->sk_write_space != vnp_outlet_write_space)
			__module_get(THIS_MODULE);
		vnp_outlet_hook(sk);
	}
	release_sock(sk);
	return ret;
}

/*
 * ---- Creation and destruction -------------------------------------------------
 */

/* Return: false: it would exceed the user's limits */
static bool vnp_outlet_charge(struct vnp_user *user, u32 bytes)
{
	const u32 cnt = atomic_inc_return(&user->outlets);
	const u64 sum = atomic64_add_return(bytes, &user->outlet_bytes);

	if (cnt <= READ_ONCE(sockets_user_max) && sum <= READ_ONCE(sockets_user_bytes))
		return true;
	vnp_outlet_uncharge(user, bytes);
	return false;
}

/* Set the constant fields of what user space reads. */
static void vnp_outlet_show(struct vnp_connection *shown, struct sock *sk)
{
	const struct inet_sock *inet = inet_sk(sk);
	u32 cookie[2];

	shown->fd = -1;
	shown->family = sk->sk_family;
	shown->local_port = ntohs(inet->inet_sport);
	shown->remote_port = ntohs(inet->inet_dport);
	sock_diag_save_cookie(sk, cookie);
	shown->cookie = cookie[0] | (u64)cookie[1] << 32;
	if (sk->sk_family == AF_INET) {
		shown->local_ip4 = inet->inet_saddr;
		shown->remote_ip4 = inet->inet_daddr;
		return;
	}
#if IS_ENABLED(CONFIG_IPV6)
	memcpy(shown->local_ip6, &sk->sk_v6_rcv_saddr, sizeof(shown->local_ip6));
	memcpy(shown->remote_ip6, &sk->sk_v6_daddr, sizeof(shown->remote_ip6));
#endif
}

/* Return: an outlet, with a reference to @user, who was charged for it; or ERR_PTR */
static struct vnp_outlet *vnp_outlet_alloc(struct sock *sk, struct vnp_user *user,
					   const struct vnp_connection *value)
{
	struct vnp_outlet *outlet = kzalloc(sizeof(*outlet), VNP_GFP_USER);

	if (!outlet)
		return ERR_PTR(-ENOMEM);
	if (vnp_fifo_create(&outlet->fifo, value->queue_bytes)) {
		kfree(outlet);
		return ERR_PTR(-ENOMEM);
	}
	outlet->entries = 1;
	refcount_set(&outlet->refs, 1);
	sock_hold(sk);
	outlet->sk = sk;
	vnp_user_hold(user);
	outlet->user = user;
	outlet->write_space = vnp_outlet_write_space;
	outlet->shown = *value;
	vnp_outlet_show(&outlet->shown, sk);
	spin_lock_init(&outlet->lock);
	vnp_outlet_init_work(outlet);
	return outlet;
}

/* Return: as vnp_outlet_open(); -EEXIST: the socket has an outlet */
static struct vnp_outlet *vnp_outlet_create(struct sock *sk, struct vnp_user *user,
					    const struct vnp_connection *value)
{
	struct vnp_outlet *outlet;
	int ret;

	if (!vnp_outlet_charge(user, value->queue_bytes))
		return ERR_PTR(-EDQUOT);
	outlet = vnp_outlet_alloc(sk, user, value);
	if (IS_ERR(outlet)) {
		vnp_outlet_uncharge(user, value->queue_bytes);
		return outlet;
	}
	ret = vnp_outlet_attach(outlet);
	if (!ret)
		return outlet;
	vnp_outlet_free(outlet);
	return ERR_PTR(ret);
}

/* Refuse what send() refuses, by calling it without data.  Return: 0 or errno */
static int vnp_outlet_permit(struct socket *sock)
{
	struct msghdr msg = { .msg_flags = MSG_DONTWAIT | MSG_NOSIGNAL };
	const int state = inet_sk_state_load(sock->sk);

	if (!vnp_tcp_suits(sock->sk) || state == TCP_LISTEN)
		return -EOPNOTSUPP;
	if (state == TCP_CLOSE && !READ_ONCE(sock->sk->sk_err))
		return -ENOTCONN;
	return sock_sendmsg(sock, &msg);
}

struct vnp_outlet *vnp_outlet_open(struct socket *sock, struct vnp_user *user,
				   const struct vnp_connection *value)
{
	struct vnp_outlet *outlet;
	int ret;

	ret = vnp_outlet_permit(sock);
	if (ret)
		return ERR_PTR(ret);
	do {
		outlet = vnp_outlet_join(sock->sk, user, value);
		if (!outlet)
			outlet = vnp_outlet_create(sock->sk, user, value);
	} while (outlet == ERR_PTR(-EEXIST) && !fatal_signal_pending(current));
	return outlet;
}

/*
 * The last entry was removed.  If TCP got only the first bytes of a datagram, the receiver would
 * take what the application writes next for the others: so reset the connection.
 */
static void vnp_outlet_close(struct vnp_outlet *outlet)
{
	spin_lock_bh(&outlet->lock);
	vnp_outlet_end(outlet, -ENOENT);
	spin_unlock_bh(&outlet->lock);
	vnp_outlet_stop(outlet);
	spin_lock_bh(&outlet->lock);
	if (outlet->split)
		vnp_outlet_abort(outlet);
	spin_unlock_bh(&outlet->lock);
	vnp_outlet_unhook(outlet->sk);
	spin_lock(&vnp_outlets_lock);
	hash_del_rcu(&outlet->node);
	spin_unlock(&vnp_outlets_lock);
}

void vnp_outlet_leave(struct vnp_outlet *outlet)
{
	bool last;

	spin_lock(&vnp_outlets_lock);
	last = !--outlet->entries;
	spin_unlock(&vnp_outlets_lock);
	if (last)
		vnp_outlet_close(outlet);
}

/*
 * ---- The queue ----------------------------------------------------------------
 */

/* By the policy.  Return: false: there is no room, which was counted */
static bool vnp_outlet_make_room(struct vnp_outlet *outlet, u32 len)
{
	const u32 policy = outlet->shown.policy;
	u32 left = VNP_OUTLET_DROPS;

	while (!vnp_fifo_fits(&outlet->fifo, len)) {
		if (policy != VNP_SOCKET_DROP_OLDEST || !left-- ||
		    !vnp_fifo_drop(&outlet->fifo)) {
			outlet->errors[VNP_ERROR_SNDBUF]++;
			if (policy == VNP_SOCKET_DISCONNECT) {
				vnp_outlet_end(outlet, -ECONNABORTED);
				vnp_outlet_abort(outlet);
			}
			return false;
		}
		outlet->errors[VNP_ERROR_SNDBUF]++;
	}
	return true;
}

/* Context: the lock.  Return: as vnp_outlet_append() */
static int vnp_outlet_add(struct vnp_outlet *outlet, const struct vnp_dgram *dgram,
			  const struct vnp_send_msg *msg)
{
	const u32 len = msg->head_len + msg->len;
	const int error = vnp_outlet_failure(outlet->sk);

	if (unlikely(error))
		vnp_outlet_end(outlet, error);
	if (unlikely(outlet->state == VNP_OUTLET_ENDED)) {
		outlet->errors[VNP_ERROR_DISCARDED]++;
		return -ENOTCONN;
	}
	if (unlikely(!vnp_fifo_suits(&outlet->fifo, len))) {
		outlet->errors[VNP_ERROR_LENGTH]++;
		return -ENOBUFS;
	}
	if (unlikely(!vnp_outlet_make_room(outlet, len)))
		return -ENOBUFS;
	/* A datagram without bytes adds nothing to the stream. */
	if (!len) {
		outlet->sent++;
		return 0;
	}
	if (unlikely(vnp_fifo_add(&outlet->fifo, dgram, msg))) {
		outlet->errors[VNP_ERROR_MEMORY]++;
		return -ENOMEM;
	}
	if (outlet->state == VNP_OUTLET_IDLE)
		vnp_outlet_push(outlet);
	return 0;
}

int vnp_outlet_append(struct vnp_outlet *outlet, struct vnp_link *link,
		      struct vnp_sending *sending, const struct vnp_dgram *dgram,
		      const struct vnp_send_msg *msg)
{
	const struct vnp_send_msg whole = { .len = dgram->exec.ctx.len };
	int ret = -EDQUOT;
	u32 len;

	msg = msg ?: &whole;
	len = msg->head_len + msg->len;
	spin_lock(&outlet->lock);
	if (likely(vnp_send_draw(sending, link->user, len) && vnp_send_copy(sending, len))) {
		ret = vnp_outlet_add(outlet, dgram, msg);
	} else {
		outlet->errors[VNP_ERROR_RATE]++;
		vnp_link_error(link, VNP_ERROR_RATE, 1);
	}
	spin_unlock(&outlet->lock);
	return ret;
}

void vnp_outlet_read(struct vnp_outlet *outlet, struct vnp_connection *value)
{
	int error, i;

	*value = outlet->shown;
	spin_lock_bh(&outlet->lock);
	error = vnp_outlet_failure(outlet->sk);
	if (error)
		vnp_outlet_end(outlet, error);
	value->error = outlet->error;
	value->sent = outlet->sent;
	value->bytes = outlet->bytes;
	value->queued = outlet->fifo.cnt + outlet->fifo.claimed_cnt;
	value->queued_bytes = outlet->fifo.bytes + outlet->fifo.claimed_bytes;
	for (i = 0; i < __VNP_ERROR_CNT; i++)
		value->errors[i] = outlet->errors[i];
	spin_unlock_bh(&outlet->lock);
}
