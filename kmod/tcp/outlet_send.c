// SPDX-License-Identifier: GPL-2.0
/* The work of an outlet: sends the contents of the queue. */
#include "kmod/tcp/outlet_send.h"

#include <linux/ktime.h>
#include <linux/module.h>
#include <net/sock.h>
#include <net/tcp.h>

#include "kmod/core/user.h"
#include "kmod/prog/account.h"
#include "kmod/tcp/sock.h"

/* Bytes of one call of tcp_sendmsg_locked(), and after which an execution of the work ends */
#define VNP_OUTLET_BATCH	(32U << 10)
#define VNP_OUTLET_SLICE	(64U << 10)

/* Time after which an execution of the work ends, even if datagrams are short, in ns */
#define VNP_OUTLET_SLICE_NS	500000

/* Maximum delays, in jiffies, until sending, or resetting the connection, is tried again */
#define VNP_OUTLET_DELAY_MAX	(HZ / 4)

#define VNP_OUTLET_ABORT_MAX	(HZ * 4)

/* Connections of a user that are reset at the same time, as tcp_abort() can wait in lock_sock() */
#define VNP_OUTLET_ABORTS	4

static struct workqueue_struct *vnp_outlet_wq;
static struct workqueue_struct *vnp_outlet_abort_wq;

/*
 * ---- State ----------------------------------------------------------------
 */

static void vnp_outlet_queue(struct vnp_outlet *outlet, struct workqueue_struct *wq,
			     struct delayed_work *work, unsigned long delay)
{
	refcount_inc(&outlet->refs);
	/* If the work is pending, it is to try again later: with no @delay, have it try now. */
	if (delay ? !queue_delayed_work(wq, work, delay) : mod_delayed_work(wq, work, 0))
		vnp_outlet_put(outlet);
}

void vnp_outlet_push(struct vnp_outlet *outlet)
{
	if (outlet->state != VNP_OUTLET_IDLE && outlet->state != VNP_OUTLET_WAITS)
		return;
	outlet->state = VNP_OUTLET_PUSHED;
	vnp_outlet_queue(outlet, vnp_outlet_wq, &outlet->work, 0);
}

void vnp_outlet_wake(struct vnp_outlet *outlet)
{
	spin_lock_bh(&outlet->lock);
	if (outlet->state == VNP_OUTLET_WAITS)
		vnp_outlet_push(outlet);
	spin_unlock_bh(&outlet->lock);
}

void vnp_outlet_kick(struct vnp_outlet *outlet)
{
	spin_lock_bh(&outlet->lock);
	if (outlet->state == VNP_OUTLET_PUSHED)
		vnp_outlet_queue(outlet, vnp_outlet_wq, &outlet->work, 0);
	spin_unlock_bh(&outlet->lock);
}

/* Drop all.  While the work is sending, it drops what it has claimed (vnp_outlet_account()). */
static void vnp_outlet_discard(struct vnp_outlet *outlet)
{
	outlet->errors[VNP_ERROR_DISCARDED] += vnp_fifo_drop_all(&outlet->fifo);
	if (!outlet->sending)
		outlet->errors[VNP_ERROR_DISCARDED] += vnp_fifo_drop_claimed(&outlet->fifo);
}

void vnp_outlet_end(struct vnp_outlet *outlet, int error)
{
	if (outlet->state == VNP_OUTLET_ENDED)
		return;
	outlet->state = VNP_OUTLET_ENDED;
	outlet->error = -error;
	vnp_outlet_discard(outlet);
}

void vnp_outlet_stop(struct vnp_outlet *outlet)
{
	if (cancel_delayed_work_sync(&outlet->work))
		vnp_outlet_put(outlet);
}

int vnp_outlet_failure(const struct sock *sk)
{
	if (!(READ_ONCE(sk->sk_shutdown) & SEND_SHUTDOWN) &&
	    1 << inet_sk_state_load(sk) & (TCPF_ESTABLISHED | TCPF_CLOSE_WAIT))
		return 0;
	return -(READ_ONCE(sk->sk_err) ?: EPIPE);
}

/*
 * Is an error pending that the application must get, although the connection continues?  With
 * IP_RECVERR an ICMP error is one.  tcp_sendmsg_locked() would return it here.
 */
static bool vnp_outlet_has_error(const struct sock *sk)
{
	return READ_ONCE(sk->sk_err) && !vnp_outlet_failure(sk);
}

/*
 * ---- Sending --------------------------------------------------------------
 */

/*
 * The size of the send buffer with which TCP takes @len more bytes without waiting.  Not INT_MAX:
 * half of it is also how much may arrive in the backlog (tcp_add_backlog()) while the socket is
 * owned, as it is in vnp_outlet_drain().
 */
static int vnp_outlet_sndbuf(const struct sock *sk, u32 len)
{
	const u32 mss = max_t(u32, tcp_sk(sk)->mss_cache, TCP_MIN_SND_MSS);
	/* Twice, as TCP may split each packet when it sends it (tcp_fragment()) */
	const u64 packets = 2 * (len / mss + 2);
	/* Twice, as the memory of its head (tcp_stream_alloc_skb()) is a power of two */
	const u64 most = (u64)READ_ONCE(sk->sk_wmem_queued) + len +
			 packets * 2 * SKB_TRUESIZE(MAX_TCP_HEADER);

	return clamp_t(u64, most + 1, sk->sk_sndbuf, INT_MAX);
}

/*
 * Send @len bytes by tcp_sendmsg_locked().  It must not wait under the socket's spinlock, and a
 * datagram should not be split: so the send buffer is made large enough for the call, as the caller
 * has checked that it has room for the first byte, and allocations do not sleep.  Return: bytes
 * that were sent, or a negative errno
 */
static int vnp_outlet_sendmsg(struct sock *sk, struct kvec *vec, u32 vecs, u32 len)
{
	struct msghdr msg = { .msg_flags = MSG_DONTWAIT | MSG_NOSIGNAL };
	const u32 lowat = tcp_sk(sk)->notsent_lowat;
	const gfp_t allocation = sk->sk_allocation;
	const int sndbuf = sk->sk_sndbuf;
	int ret;

	iov_iter_kvec(&msg.msg_iter, ITER_SOURCE, vec, vecs, len);
	/* Not GFP_ATOMIC, which would be charged even to a full cgroup */
	sk->sk_allocation = GFP_NOWAIT | __GFP_NOWARN;
	WRITE_ONCE(sk->sk_sndbuf, vnp_outlet_sndbuf(sk, len));
	WRITE_ONCE(tcp_sk(sk)->notsent_lowat, U32_MAX);
	ret = tcp_sendmsg_locked(sk, &msg, len);
	WRITE_ONCE(tcp_sk(sk)->notsent_lowat, lowat);
	/* TCP makes the send buffer smaller if it is out of memory. */
	WRITE_ONCE(sk->sk_sndbuf, min(sndbuf, sk->sk_sndbuf));
	sk->sk_allocation = allocation;
	return ret;
}

/* Does the socket still have the ports and the peer that it had when the outlet was created? */
static bool vnp_outlet_is_connected(const struct vnp_outlet *outlet)
{
	const struct vnp_connection *shown = &outlet->shown;
	const struct sock *sk = outlet->sk;
	const struct inet_sock *inet = inet_sk(sk);

	if (ntohs(inet->inet_dport) != shown->remote_port ||
	    ntohs(inet->inet_sport) != shown->local_port)
		return false;
#if IS_ENABLED(CONFIG_IPV6)
	/* sk_family may have changed since (IPV6_ADDRFORM). */
	if (shown->family == AF_INET6)
		return !memcmp(&sk->sk_v6_daddr, shown->remote_ip6, sizeof(shown->remote_ip6));
#endif
	return inet->inet_daddr == shown->remote_ip4;
}

/* Has something else taken the socket, or was it connected again?  Return: 0 or errno */
static int vnp_outlet_changed(const struct vnp_outlet *outlet)
{
	const struct sock *sk = outlet->sk;

	if (!vnp_tcp_is_plain(sk) || tcp_sk(sk)->repair ||
	    READ_ONCE(sk->sk_write_space) != outlet->write_space)
		return -EBUSY;
	return vnp_outlet_is_connected(outlet) ? 0 : -ENOTCONN;
}

/*
 * Claim as much as the send buffer has room for, but at least one datagram.  Return: number of
 * bytes; 0: there is nothing to do
 */
static u32 vnp_outlet_claim(struct vnp_outlet *outlet, struct kvec *vec, u32 *vecs)
{
	struct sock *sk = outlet->sk;
	u32 len = 0;
	int error;

	spin_lock(&outlet->lock);
	error = vnp_outlet_failure(sk) ?: vnp_outlet_changed(outlet);
	if (error)
		vnp_outlet_end(outlet, error);
	if (outlet->state == VNP_OUTLET_ENDED)
		goto unlock;
	if (!sk_stream_memory_free(sk)) {
		set_bit(SOCK_NOSPACE, &sk->sk_socket->flags);
		outlet->state = VNP_OUTLET_WAITS;
		goto unlock;
	}
	len = vnp_fifo_claim(&outlet->fifo, vec, vecs,
			     min_t(u32, sk_stream_wspace(sk), VNP_OUTLET_BATCH));
	outlet->sending = len;
	if (!len)
		outlet->state = VNP_OUTLET_IDLE;
unlock:
	spin_unlock(&outlet->lock);
	return len;
}

/* @ret: of vnp_outlet_sendmsg() */
static void vnp_outlet_account(struct vnp_outlet *outlet, int ret)
{
	struct vnp_fifo_sum sum;

	spin_lock_bh(&outlet->lock);
	outlet->sending = false;
	sum = vnp_fifo_sent(&outlet->fifo, max(ret, 0));
	outlet->sent += sum.cnt;
	outlet->bytes += sum.bytes;
	outlet->split = vnp_fifo_is_split(&outlet->fifo);
	/* It may have ended while the lock was not held. */
	if (outlet->state == VNP_OUTLET_ENDED)
		vnp_outlet_discard(outlet);
	spin_unlock_bh(&outlet->lock);
}

/*
 * Context: softirqs off, the socket's spinlock.  Return: 0: there is nothing more to do; -EAGAIN:
 * there may be; -ENOMEM
 */
static int vnp_outlet_send_some(struct vnp_outlet *outlet)
{
	const u64 end = ktime_get_ns() + VNP_OUTLET_SLICE_NS;
	struct kvec vec[VNP_FIFO_VECS];
	u32 len, vecs, sum = 0;
	int ret;

	while (sum < VNP_OUTLET_SLICE && ktime_get_ns() < end) {
		len = vnp_outlet_claim(outlet, vec, &vecs);
		if (!len)
			return 0;
		ret = vnp_outlet_sendmsg(outlet->sk, vec, vecs, len);
		vnp_outlet_account(outlet, ret);
		if (ret < (int)len)
			return -ENOMEM;
		sum += len;
	}
	return -EAGAIN;
}

bool vnp_outlet_is_written(const struct vnp_outlet *outlet)
{
	/* Calls that began before the link are no @writers, but TCP counts those that wait. */
	return atomic_read(&outlet->writers) || READ_ONCE(outlet->sk->sk_write_pending);
}

/*
 * Return: likewise, or -EBUSY: a call of the application owns the socket, or must get an error, or
 * the user has taken too much of this CPU
 */
static int vnp_outlet_send(struct vnp_outlet *outlet)
{
	struct sock *sk = outlet->sk;
	struct vnp_account_timer timer;
	int ret = -EBUSY;

	local_bh_disable();
	bh_lock_sock(sk);
	timer = vnp_account_start();
	if (!sock_owned_by_user(sk) && !vnp_outlet_is_written(outlet) &&
	    !vnp_outlet_has_error(sk) && vnp_account_draw(outlet->user, 0))
		ret = vnp_outlet_send_some(outlet);
	bh_unlock_sock(sk);
	vnp_account_stop(outlet->user, &timer);
	local_bh_enable();
	return ret;
}

/* As vnp_outlet_claim(), but even if the send buffer has no room, and without changing @state */
static u32 vnp_outlet_claim_all(struct vnp_outlet *outlet, struct kvec *vec, u32 *vecs)
{
	u32 len = 0;

	spin_lock_bh(&outlet->lock);
	if (outlet->state != VNP_OUTLET_ENDED && !outlet->sk->sk_err &&
	    !vnp_outlet_failure(outlet->sk) && !vnp_outlet_changed(outlet))
		len = vnp_fifo_claim(&outlet->fifo, vec, vecs, VNP_OUTLET_BATCH);
	outlet->sending = len;
	spin_unlock_bh(&outlet->lock);
	return len;
}

u32 vnp_outlet_queued(struct vnp_outlet *outlet)
{
	u32 bytes;

	spin_lock_bh(&outlet->lock);
	bytes = outlet->fifo.bytes + outlet->fifo.claimed_bytes;
	spin_unlock_bh(&outlet->lock);
	return bytes;
}

/*
 * @state stays as it is: the work, when it is executed, finds an empty queue and updates it.  Only
 * what was queued before is sent: programs on other sockets may append meanwhile, without end.
 */
int vnp_outlet_drain(struct vnp_outlet *outlet)
{
	u32 left = vnp_outlet_queued(outlet);
	struct vnp_account_timer timer;
	struct kvec vec[VNP_FIFO_VECS];
	u32 len, vecs;
	int ret = 0;

	while (left && !ret) {
		timer = vnp_account_start();
		len = vnp_outlet_claim_all(outlet, vec, &vecs);
		if (len) {
			ret = vnp_outlet_sendmsg(outlet->sk, vec, vecs, len);
			vnp_outlet_account(outlet, ret);
			ret = ret < (int)len ? -ENOMEM : 0;
		}
		left = len ? left - min(left, len) : 0;
		vnp_account_stop(outlet->user, &timer);
		cond_resched();
	}
	return ret;
}

static void vnp_outlet_work(struct work_struct *work)
{
	struct vnp_outlet *outlet = container_of(to_delayed_work(work), struct vnp_outlet, work);
	const int ret = vnp_outlet_send(outlet);

	if (!ret || ret == -EAGAIN)
		outlet->delay = 0;
	else
		outlet->delay = clamp_t(unsigned long, outlet->delay * 2, 1,
					VNP_OUTLET_DELAY_MAX);
	if (ret) {
		spin_lock_bh(&outlet->lock);
		if (outlet->state == VNP_OUTLET_PUSHED)
			vnp_outlet_queue(outlet, vnp_outlet_wq, &outlet->work, outlet->delay);
		spin_unlock_bh(&outlet->lock);
	}
	vnp_outlet_put(outlet);
}

/*
 * ---- Resetting the connection ------------------------------------------------
 */

void vnp_outlet_abort(struct vnp_outlet *outlet)
{
	if (outlet->aborting)
		return;
	outlet->aborting = true;
	/* Safe, as the outlet has a reference to the module */
	__module_get(THIS_MODULE);
	vnp_outlet_queue(outlet, vnp_outlet_abort_wq, &outlet->abort, 0);
}

/*
 * tcp_abort() calls lock_sock(), and no other function for this is exported.  So it is only called
 * while nobody owns the socket, but may still have to wait.  Return: false: try again
 */
static bool vnp_outlet_try_abort(struct vnp_outlet *outlet)
{
	struct sock *sk = outlet->sk;
	const bool may = atomic_inc_return(&outlet->user->aborts) <= VNP_OUTLET_ABORTS &&
			 !sock_owned_by_user_nocheck(sk);

	/* Not another connection, if the application has made one meanwhile */
	if (may && vnp_outlet_is_connected(outlet))
		tcp_abort(sk, ECONNABORTED);
	atomic_dec(&outlet->user->aborts);
	return may;
}

static void vnp_outlet_abort_work(struct work_struct *work)
{
	struct vnp_outlet *outlet = container_of(to_delayed_work(work), struct vnp_outlet, abort);

	if (!vnp_outlet_try_abort(outlet)) {
		outlet->abort_delay = clamp_t(unsigned long, outlet->abort_delay * 2, 1,
					      VNP_OUTLET_ABORT_MAX);
		queue_delayed_work(vnp_outlet_abort_wq, &outlet->abort, outlet->abort_delay);
		return;
	}
	vnp_outlet_put(outlet);
	/* vnp_outlet_subsys_destroy() waits until this function has returned. */
	module_put(THIS_MODULE);
}

void vnp_outlet_init_work(struct vnp_outlet *outlet)
{
	INIT_DELAYED_WORK(&outlet->work, vnp_outlet_work);
	INIT_DELAYED_WORK(&outlet->abort, vnp_outlet_abort_work);
}

int vnp_outlet_subsys_create(void)
{
	vnp_outlet_wq = alloc_workqueue("vnp_outlet", WQ_UNBOUND, 0);
	if (!vnp_outlet_wq)
		return -ENOMEM;
	vnp_outlet_abort_wq = alloc_workqueue("vnp_outlet_abort", WQ_UNBOUND, 0);
	if (vnp_outlet_abort_wq)
		return 0;
	destroy_workqueue(vnp_outlet_wq);
	return -ENOMEM;
}

/* All maps were freed.  RCU callbacks may still put references of their targets. */
void vnp_outlet_subsys_destroy(void)
{
	destroy_workqueue(vnp_outlet_abort_wq);
	destroy_workqueue(vnp_outlet_wq);
}
