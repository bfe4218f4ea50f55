// SPDX-License-Identifier: GPL-2.0
#include "kmod/tcp/worker.h"

#include "kmod/prog/account.h"
#include "kmod/tcp/defer.h"
#include "kmod/tcp/parse.h"
#include "kmod/tcp/queue.h"
#include "kmod/tcp/stream.h"
#include "kmod/tcp/verdict.h"

/*
 * Lock the socket, unless a process owns it.  That can hold the lock for any time, as sendmsg()
 * copies from user memory under it, and if many workers waited no other user's could be executed.
 */
static bool vnp_stream_trylock(struct vnp_stream *stream, struct sock *sk)
{
	bool owned;

	spin_lock_bh(&sk->sk_lock.slock);
	owned = sock_owned_by_user_nocheck(sk);
	if (owned) {
		stream->blocked = true;
	} else {
		/* as lock_sock() does */
		mutex_acquire(&sk->sk_lock.dep_map, 0, 1, _RET_IP_);
		sk->sk_lock.owned = 1;
	}
	spin_unlock_bh(&sk->sk_lock.slock);
	return !owned;
}

/* Is the message on which the worker executes the program still the one at @parse? */
static bool vnp_stream_is_apart(const struct vnp_stream *stream)
{
	return stream->apart && stream->sized && !stream->error && !stream->passing &&
	       stream->wanted - stream->parse == stream->apart &&
	       !before(vnp_queue_end(stream->sk), stream->wanted);
}

static struct sk_buff *vnp_stream_first(const struct vnp_stream *stream)
{
	u32 steps = U32_MAX;

	return vnp_queue_find(stream->sk, NULL, stream->parse, &steps);
}

/* The message is not in the queue, which is only possible after TCP_REPAIR, or cannot be read. */
static void vnp_stream_fail_apart(struct vnp_stream *stream)
{
	local_bh_disable();
	vnp_stream_fail(stream, EPROTO, VNP_ERROR_PROTOCOL);
	local_bh_enable();
}

/* Return: false: there is no copy to execute the program on */
static bool vnp_stream_fill_apart(struct vnp_stream *stream, u32 len)
{
	struct sk_buff *first;

	if (!stream->sk)
		return false;
	vnp_stream_follow(stream);
	if (!vnp_stream_is_apart(stream) || stream->apart != len)
		return false;
	first = vnp_stream_first(stream);
	if (first && !vnp_copy_fill(&stream->copy, stream->sk, first, stream->parse, len))
		return true;
	vnp_stream_fail_apart(stream);
	return false;
}

/*
 * Execute the program on a message that is too long for softirq, without the socket's lock.  On
 * failure vnp_stream_continue() has it tried again later.
 */
static void vnp_stream_execute_apart(struct vnp_stream *stream, struct sock *sk)
{
	/* pairs with vnp_stream_take_copy() */
	const u32 len = smp_load_acquire(&stream->apart);
	struct vnp_account_timer timer;
	struct vnp_prog *prog;
	bool filled;

	if (!len || stream->copy.executed || !vnp_account_is_solvent(stream->link->user) ||
	    vnp_copy_reserve_apart(&stream->copy, len, stream->link->user))
		return;
	if (!vnp_stream_trylock(stream, sk))
		return;
	timer = vnp_account_start();
	filled = vnp_stream_fill_apart(stream, len);
	vnp_account_stop(stream->link->user, &timer);
	release_sock(sk);
	if (!filled)
		return;
	migrate_disable();
	local_bh_disable();
	rcu_read_lock();
	prog = rcu_dereference(stream->link->message);
	/* Keep it until vnp_stream_decide() has counted the result. */
	if (prog && vnp_obj_get_live(&prog->obj)) {
		stream->copy.prog = prog;
		vnp_stream_execute(stream, sk, prog);
	}
	rcu_read_unlock();
	local_bh_enable();
	migrate_enable();
}

static void vnp_stream_end_apart(struct vnp_stream *stream, struct sk_buff *first, int ret)
{
	if (ret) {
		vnp_stream_fail_apart(stream);
		return;
	}
	local_bh_disable();
	vnp_stream_decide(stream);
	local_bh_enable();
	vnp_stream_publish(stream, first);
	vnp_stream_apply_copy(stream);
}

/* Apply the result of vnp_stream_execute_apart().  Return: false: try again */
static bool vnp_stream_apply_apart(struct vnp_stream *stream, gfp_t gfp)
{
	struct vnp_copy *copy = &stream->copy;
	struct sk_buff *first;
	bool done;
	int ret;

	vnp_stream_follow(stream);
	done = !vnp_stream_is_apart(stream);
	if (!done && copy->executed && copy->seq == stream->parse) {
		first = vnp_stream_first(stream);
		ret = first ? vnp_stream_own(stream, &first, gfp) : -ENODATA;
		if (ret == -ENOMEM)
			return false;
		vnp_stream_end_apart(stream, first, ret);
		done = true;
	}
	vnp_copy_free(copy);
	if (done) {
		/* pairs with vnp_stream_unread() */
		smp_store_release(&stream->apart, 0);
	}
	return done;
}

/* Do what softirq could not.  Repack first if there were too many packets for softirq to walk. */
static void vnp_stream_continue(struct vnp_stream *stream, gfp_t gfp)
{
	if (stream->apart && !vnp_stream_apply_apart(stream, gfp)) {
		vnp_stream_retry(stream);
		return;
	}
	if (stream->scattered && vnp_stream_repack(stream, gfp, vnp_window_pack) == -EAGAIN)
		return;
	stream->scattered = false;
	vnp_stream_advance(stream, true, gfp, false);
	vnp_stream_wake(stream);
}

void vnp_stream_work(struct work_struct *work)
{
	struct vnp_stream *stream = container_of(to_delayed_work(work), struct vnp_stream,
						 work);
	struct sock *sk = vnp_link_sock_get(stream->link);

	if (sk)
		vnp_stream_execute_apart(stream, sk);
	if (sk && vnp_stream_trylock(stream, sk)) {
		if (stream->sk)
			vnp_stream_continue(stream, sk->sk_allocation);
		else
			vnp_copy_free(&stream->copy);
		release_sock(sk);
	}
	if (sk)
		sock_put(sk);
	vnp_stream_put(stream);
}
