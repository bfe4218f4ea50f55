// SPDX-License-Identifier: GPL-2.0
#include "kmod/tcp/stream.h"

#include <linux/slab.h>

#include "kmod/core/memory.h"
#include "kmod/link/stats.h"
#include "kmod/path/dispatch.h"
#include "kmod/prog/account.h"
#include "kmod/tcp/message.h"
#include "kmod/tcp/queue.h"
#include "kmod/tcp/repack.h"
#include "kmod/tcp/window.h"

/*
 * What is done at once: executions, packets that are walked in each direction to find a message,
 * and packets that are removed.  A worker does what remains, so that softirqs are not kept off.
 */
#define VNP_STREAM_BATCH	64
#define VNP_STREAM_WALK		64
#define VNP_STREAM_DISCARD	1024

/* How long the worker waits at most when memory, or the user's account, did not suffice */
#define VNP_STREAM_DELAY	msecs_to_jiffies(250)

static struct workqueue_struct *vnp_stream_wq;

static void vnp_stream_work(struct work_struct *work);

int vnp_stream_subsys_create(void)
{
	vnp_stream_wq = alloc_workqueue("vnp_stream", WQ_UNBOUND, 0);
	return vnp_stream_wq ? 0 : -ENOMEM;
}

void vnp_stream_subsys_destroy(void)
{
	destroy_workqueue(vnp_stream_wq);
}

struct vnp_stream *vnp_stream_alloc(struct vnp_link *link)
{
	struct vnp_stream *stream = kzalloc(sizeof(*stream), VNP_GFP_USER);

	if (!stream)
		return NULL;
	stream->link = link;
	mutex_init(&stream->reader);
	INIT_DELAYED_WORK(&stream->work, vnp_stream_work);
	return stream;
}

void vnp_stream_free(struct vnp_stream *stream)
{
	if (stream)
		vnp_copy_free(&stream->copy);
	kfree(stream);
}

struct vnp_stream *vnp_stream_get(const struct sock *sk)
{
	struct vnp_stream *stream;

	rcu_read_lock();
	stream = vnp_stream_of(sk);
	if (stream && !vnp_obj_get_live(&stream->link->obj))
		stream = NULL;
	rcu_read_unlock();
	return stream;
}

/* There is more to do. */
static void vnp_stream_defer(struct vnp_stream *stream)
{
	if (!mod_delayed_work(vnp_stream_wq, &stream->work, 0))
		vnp_obj_get(&stream->link->obj);
}

/*
 * Something failed.  Who fails again meanwhile does not extend the delay: otherwise the worker
 * would not be executed as long as packets arrive.
 */
static void vnp_stream_retry(struct vnp_stream *stream)
{
	const unsigned long delay = max(stream->delay, 1UL);

	if (!queue_delayed_work(vnp_stream_wq, &stream->work, delay))
		return;
	vnp_obj_get(&stream->link->obj);
	stream->delay = min(2 * delay, VNP_STREAM_DELAY);
}

/* May the user's account be charged on this CPU? */
static bool vnp_stream_solvent(const struct vnp_stream *stream)
{
	bool solvent;

	local_bh_disable();
	solvent = vnp_account_draw(stream->link->user, 0);
	local_bh_enable();
	return solvent;
}

/* The user's programs pay for what is done because of them, since @start. */
static void vnp_stream_charge(const struct vnp_stream *stream, u64 start)
{
	vnp_account_charge(stream->link->user, ktime_get_ns() - start);
}

u32 vnp_stream_span(const struct vnp_stream *stream, const struct sock *sk)
{
	const struct tcp_sock *tp = tcp_sk(sk);
	const u32 seq = READ_ONCE(tp->copied_seq);
	const s32 span = READ_ONCE(stream->end) - seq;

	if (span <= 0)
		return 0;
	/* A read skips an urgent byte that comes first, and stops at others. */
	if (READ_ONCE(tp->urg_data) && tp->urg_seq == seq && !sock_flag(sk, SOCK_URGINLINE))
		return span - 1;
	return span;
}

bool vnp_stream_enough(const struct vnp_stream *stream, const struct sock *sk)
{
	const u32 span = vnp_stream_span(stream, sk);

	if (!span || span >= READ_ONCE(stream->lowat))
		return span;
	return span + READ_ONCE(stream->more) >= READ_ONCE(stream->lowat) ||
	       vnp_ranges_full(&stream->drops) ||
	       READ_ONCE(stream->wanted) - tcp_sk(sk)->copied_seq > vnp_window_limit(sk);
}

void vnp_stream_info(const struct vnp_stream *stream, struct vnp_link_info *info)
{
	info->walked = READ_ONCE(stream->walked);
	info->repacked = READ_ONCE(stream->window.pass.copied);
}

/* Can nothing arrive any more? */
static bool vnp_stream_closed(const struct sock *sk)
{
	return sock_flag(sk, SOCK_DONE) || inet_sk_state_load(sk) == TCP_CLOSE;
}

bool vnp_stream_ended(const struct vnp_stream *stream, const struct sock *sk)
{
	if (READ_ONCE(stream->error) || READ_ONCE(sk->sk_err))
		return true;
	if (vnp_stream_closed(sk))
		return !READ_ONCE(stream->deferred);
	return READ_ONCE(sk->sk_shutdown) & RCV_SHUTDOWN;
}

/*
 * ---- Messages ------------------------------------------------------------
 */

/* The application gets no more messages, but an error; or with the link's option all bytes. */
static void vnp_stream_fail(struct vnp_stream *stream, int error, enum vnp_error counter)
{
	vnp_link_error(stream->link, counter, 1);
	WRITE_ONCE(stream->ready, stream->parse);
	if (error == EPROTO && stream->link->flags & VNP_LINK_F_STREAM_PASS &&
	    !vnp_message_authenticates(stream))
		stream->passing = true;
	else
		WRITE_ONCE(stream->error, error);
}

/* Execute @prog on the bytes from @stream->parse to before @end.  Return: as the program */
static u64 vnp_stream_exec(struct vnp_stream *stream, struct vnp_dgram *dgram,
			   const struct vnp_prog *prog, u32 end)
{
	struct vnp_queue_exec *exec = container_of(dgram, struct vnp_queue_exec, dgram);
	u64 ret;

	dgram->prog = prog;
	dgram->off = stream->parse - vnp_queue_start(dgram->skb);
	dgram->exec.ctx.len = min(end - stream->parse, prog->len_max);
	vnp_queue_begin(exec);
	ret = vnp_dispatch_execute(stream->link, dgram);
	/* A program that is not timed has paid for a load, but not for finding its packet. */
	if (prog->light_ns && exec->steps < VNP_QUEUE_STEPS)
		vnp_account_charge(stream->link->user,
				   (VNP_QUEUE_STEPS - exec->steps) * VNP_QUEUE_STEP_NS);
	return ret;
}

/* Ask the program how long the message is.  Return: 0; -ENOMEM: it could not be executed */
static int vnp_stream_measure(struct vnp_stream *stream, struct vnp_dgram *dgram, u32 end)
{
	const struct vnp_prog *prog = rcu_dereference(stream->link->prog);
	s32 len = vnp_stream_exec(stream, dgram, prog, end);

	if (vnp_message_throttled(dgram))
		return -ENOMEM;
	if (dgram->exec.fault) {
		vnp_link_fault(stream->link, prog, &dgram->exec);
		len = -1;
	}
	if (len < 0) {
		vnp_stream_fail(stream, EPROTO, VNP_ERROR_PROTOCOL);
		return 0;
	}
	stream->sized = len;
	WRITE_ONCE(stream->wanted, len ? stream->parse + len : end + 1);
	return 0;
}

/* The verdict on the message at @parse, which is whole */
static void vnp_stream_apply(struct vnp_stream *stream, enum vnp_action action)
{
	if (action == VNP_ACTION_DROP)
		vnp_ranges_add(&stream->drops, stream->parse, stream->wanted);
	if (action == VNP_ACTION_PASS)
		WRITE_ONCE(stream->ready, stream->wanted);
	stream->parse = stream->wanted;
	WRITE_ONCE(stream->wanted, stream->parse + 1);
	stream->sized = false;
}

/* Likewise; the result was published. */
static void vnp_stream_apply_copy(struct vnp_stream *stream)
{
	const struct vnp_copy *copy = &stream->copy;
	const u32 start = stream->parse + vnp_copy_lead(copy), end = start + copy->skb.len;

	if (copy->forged && stream->link->flags & VNP_LINK_F_FORGED_END) {
		WRITE_ONCE(stream->ready, stream->parse);
		WRITE_ONCE(stream->error, EBADMSG);
	}
	if (copy->replaces && copy->action != VNP_ACTION_DROP) {
		if (start != stream->parse)
			vnp_ranges_add(&stream->drops, stream->parse, start);
		if (end != stream->wanted)
			vnp_ranges_add(&stream->drops, end, stream->wanted);
	}
	vnp_stream_apply(stream, copy->action);
}

/* Make the packets of the message at @parse private.  Return: 0, -ENOMEM, -ENODATA */
static int vnp_stream_own(struct vnp_stream *stream, struct sk_buff **first, gfp_t gfp)
{
	const u32 stop = stream->wanted;
	int ret = vnp_repack_own(stream->sk, first, stream->parse, stop, gfp);

	/* It is as if they had arrived now: those that a pass left may have taken less memory. */
	if (ret > 0 && after(stream->window.end, vnp_queue_start(*first)))
		stream->window.end = vnp_queue_start(*first);
	return min(ret, 0);
}

/* Copy the message at @parse, which begins in *@first.  Return: as above */
static int vnp_stream_copy(struct vnp_stream *stream, struct sk_buff **first, u32 len)
{
	const u64 start = ktime_get_ns();
	int ret = vnp_copy_reserve(&stream->copy, len);

	/* Now, as after the execution nothing may fail */
	if (!ret)
		ret = vnp_stream_own(stream, first, GFP_ATOMIC);
	if (!ret)
		ret = vnp_copy_fill(&stream->copy, stream->sk, *first, stream->parse, len);
	vnp_stream_charge(stream, start);
	return ret;
}

/* The message at @parse, whose packets are private, gets what the program made of it. */
static void vnp_stream_publish(struct vnp_stream *stream, struct sk_buff *first)
{
	struct vnp_copy *copy = &stream->copy;
	const u64 start = ktime_get_ns();

	if (copy->replaces && copy->action != VNP_ACTION_DROP)
		vnp_copy_publish(copy, stream->sk, first);
	vnp_stream_charge(stream, start);
}

/* Return: 0; -ENOMEM: the program could not be executed; -EAGAIN: the worker executes it */
static int vnp_stream_take_copy(struct vnp_stream *stream, struct vnp_dgram *dgram,
				const struct vnp_prog *prog)
{
	const u32 len = stream->wanted - stream->parse;
	int ret = -ENOMEM;

	if (len <= VNP_COPY_DIRECT)
		ret = vnp_stream_copy(stream, &dgram->skb, len);
	if (ret == -ENODATA) {
		vnp_stream_fail(stream, EPROTO, VNP_ERROR_PROTOCOL);
		return 0;
	}
	if (ret) {
		WRITE_ONCE(stream->apart, len);
		return -EAGAIN;
	}
	ret = vnp_message_execute(stream, stream->sk, prog);
	if (ret)
		return ret;
	vnp_message_decide(stream);
	vnp_stream_publish(stream, dgram->skb);
	vnp_stream_apply_copy(stream);
	return 0;
}

/* The message at @parse is whole.  Return: as above */
static int vnp_stream_take(struct vnp_stream *stream, struct vnp_dgram *dgram)
{
	const struct vnp_prog *prog = rcu_dereference(stream->link->message);
	const u32 len = stream->wanted - stream->parse;
	u64 ret = VNP_PASS;

	if (prog && prog->linear)
		return vnp_stream_take_copy(stream, dgram, prog);
	if (prog) {
		ret = vnp_stream_exec(stream, dgram, prog, stream->wanted);
		if (vnp_message_throttled(dgram))
			return -ENOMEM;
	}
	vnp_stream_apply(stream, vnp_message_action(stream, dgram, ret, len));
	return 0;
}

static bool vnp_stream_too_long(const struct vnp_stream *stream)
{
	return stream->sized && stream->wanted - stream->parse > vnp_window_limit(stream->sk);
}

/* May the program be executed on what has arrived up to @end? */
static bool vnp_stream_can_parse(const struct vnp_stream *stream, u32 end)
{
	return !stream->error && !stream->passing && !before(end, stream->wanted) &&
	       !vnp_ranges_full(&stream->drops) && !vnp_stream_too_long(stream);
}

/*
 * Follow copied_seq: TCP has removed an urgent byte, or a call that began before the link read.  No
 * number that is kept may become 2^31 old.
 */
static void vnp_stream_follow(struct vnp_stream *stream)
{
	const u32 seq = tcp_sk(stream->sk)->copied_seq;

	vnp_window_follow(stream->sk, &stream->window);
	if (before(stream->woken, seq))
		stream->woken = seq;
	if (before(stream->urgent, seq - 1))
		stream->urgent = seq - 1;
	if (!before(stream->parse, seq))
		return;
	stream->parse = seq;
	if (after(stream->wanted, seq))
		return;
	WRITE_ONCE(stream->wanted, seq + 1);
	stream->sized = false;
}

/* The packet where the message at @parse begins, not before @from.  As vnp_queue_find() */
static struct sk_buff *vnp_stream_seek(struct vnp_stream *stream, struct sk_buff *from,
				       u32 *steps)
{
	struct sk_buff *skb = from ?: skb_peek(&stream->sk->sk_receive_queue);
	const u32 old = *steps;
	u64 start;

	if (skb && after(vnp_queue_stop(skb), stream->parse))
		return before(stream->parse, vnp_queue_start(skb)) ? NULL : skb;
	start = ktime_get_ns();
	skb = vnp_queue_find(stream->sk, from, stream->parse, steps);
	WRITE_ONCE(stream->walked, stream->walked + old - *steps);
	vnp_stream_charge(stream, start);
	return skb;
}

/*
 * Find the message at @parse, from @dgram->skb on.  Return: 0; -EAGAIN: @steps were not enough;
 * -ENODATA: it is not there
 */
static int vnp_stream_find(struct vnp_stream *stream, struct vnp_dgram *dgram, u32 *steps)
{
	struct sk_buff *skb = vnp_stream_seek(stream, dgram->skb, steps);

	if (IS_ERR(skb)) {
		stream->scattered = true;
		return -EAGAIN;
	}
	dgram->skb = skb;
	return skb ? 0 : -ENODATA;
}

/* Context: softirqs off, under RCU.  Return: as vnp_stream_parse_some(), and vnp_stream_find() */
static int vnp_stream_parse_batch(struct vnp_stream *stream, struct vnp_dgram *dgram, u32 end)
{
	u32 cnt = VNP_STREAM_BATCH, steps = VNP_STREAM_WALK;
	int ret;

	for (; vnp_stream_can_parse(stream, end); cnt--) {
		if (!cnt)
			return -EAGAIN;
		ret = vnp_stream_find(stream, dgram, &steps);
		if (ret)
			return ret;
		ret = stream->sized ? vnp_stream_take(stream, dgram) :
				      vnp_stream_measure(stream, dgram, end);
		if (ret)
			return ret;
	}
	return 0;
}

/*
 * The first message is searched for in all of the queue if @far, which the worker does, with
 * softirqs on.  Return: 0: all that can be parsed was; -EAGAIN: it takes too long; -ENOMEM: the
 * user's account is empty
 */
static int vnp_stream_parse_some(struct vnp_stream *stream, u32 end, bool far)
{
	u32 steps = far ? U32_MAX : VNP_STREAM_WALK;
	struct vnp_queue_exec exec __vnp_uninitialized;
	int ret;

	if (!vnp_stream_can_parse(stream, end))
		return 0;
	if (stream->scattered)
		return -EAGAIN;
	if (stream->apart || !vnp_stream_solvent(stream))
		return -ENOMEM;

	exec.dgram.hook = stream->link->hook;
	exec.dgram.shared = true;
	exec.dgram.written = false;
	exec.dgram.unauthentic = false;
	exec.dgram.holding = NULL;
	vnp_message_init_ctx(stream->sk, &exec.dgram.exec.ctx);
	exec.dgram.skb = NULL;
	ret = vnp_stream_find(stream, &exec.dgram, &steps);
	local_bh_disable();
	rcu_read_lock();
	if (!ret)
		ret = vnp_stream_parse_batch(stream, &exec.dgram, end);
	/* only after TCP_REPAIR */
	if (ret == -ENODATA) {
		vnp_stream_fail(stream, EPROTO, VNP_ERROR_PROTOCOL);
		ret = 0;
	}
	rcu_read_unlock();
	local_bh_enable();
	return ret;
}

/*
 * A read skips an urgent byte that comes first, but TCP is not called to read only that: remove it
 * before a range that could not be reached otherwise.  MSG_OOB still reads it.
 */
static void vnp_stream_skip_urgent(struct vnp_stream *stream, const struct vnp_range *drop,
				   u32 *steps)
{
	struct sock *sk = stream->sk;
	struct tcp_sock *tp = tcp_sk(sk);
	const u16 urg_data = tp->urg_data;

	if (!urg_data || tp->urg_seq != tp->copied_seq || drop->start != tp->copied_seq + 1 ||
	    before(stream->ready, drop->start) || sock_flag(sk, SOCK_URGINLINE))
		return;
	WRITE_ONCE(tp->urg_data, 0);
	vnp_queue_discard(sk, 1, steps);
	WRITE_ONCE(tp->urg_data, urg_data);
}

/*
 * Remove from the queue what was dropped, up to the first byte that was not.  Return: 0; -EAGAIN:
 * it takes too long
 */
static int vnp_stream_skip(struct vnp_stream *stream)
{
	const struct tcp_sock *tp = tcp_sk(stream->sk);
	struct vnp_range *drop = vnp_ranges_first(&stream->drops);
	const u64 start = drop && !before(tp->copied_seq, drop->start) ? ktime_get_ns() : 0;
	u32 steps = VNP_STREAM_DISCARD;

	if (drop)
		vnp_stream_skip_urgent(stream, drop, &steps);
	while ((drop = vnp_ranges_first(&stream->drops)) &&
	       !before(tp->copied_seq, drop->start)) {
		if (before(tp->copied_seq, drop->end))
			vnp_queue_discard(stream->sk, drop->end - tp->copied_seq, &steps);
		if (before(tp->copied_seq, drop->end))
			break;
		vnp_ranges_pop(&stream->drops);
	}
	if (start)
		vnp_stream_charge(stream, start);
	if (before(stream->ready, tp->copied_seq))
		WRITE_ONCE(stream->ready, tp->copied_seq);
	return steps ? 0 : -EAGAIN;
}

/*
 * No more may be kept from the application than its buffer has room for: otherwise it gets
 * what is held, or is told that the message is too long.
 */
static void vnp_stream_bound(struct vnp_stream *stream)
{
	const u32 from = vnp_ranges_after(&stream->drops, stream->ready);
	const bool full = vnp_ranges_full(&stream->drops);

	if (stream->error || stream->passing)
		return;
	if (!full && stream->wanted - from <= vnp_window_limit(stream->sk))
		return;
	if (before(from, stream->parse)) {
		vnp_link_error(stream->link, VNP_ERROR_EVICTED, 1);
		WRITE_ONCE(stream->ready, stream->parse);
	} else if (!full) {
		vnp_stream_fail(stream, EMSGSIZE, VNP_ERROR_OVERSIZE);
	}
}

/* How far a read may go now */
static void vnp_stream_settle(struct vnp_stream *stream)
{
	const struct vnp_range *drop = vnp_ranges_first(&stream->drops);
	u32 end = stream->ready;

	u32 more = 0;

	if (drop && before(drop->start, end)) {
		end = drop->start;
		more = stream->ready - end -
		       vnp_ranges_bytes(&stream->drops, end, stream->ready);
	}
	WRITE_ONCE(stream->end, end);
	WRITE_ONCE(stream->more, more);
}

/* As @ret of vnp_stream_parse_some() says, the worker does what remains, now or after a while. */
static void vnp_stream_set_deferred(struct vnp_stream *stream, int ret)
{
	WRITE_ONCE(stream->deferred, ret);
	if (ret == -EAGAIN)
		vnp_stream_defer(stream);
	else if (ret)
		vnp_stream_retry(stream);
}

static void vnp_stream_parse(struct vnp_stream *stream, bool far)
{
	const u32 end = vnp_queue_end(stream->sk);
	int ret, skip;

	vnp_stream_follow(stream);
	ret = vnp_stream_parse_some(stream, end, far);
	local_bh_disable();
	/* The worker uses the copy without the socket's lock. */
	if (!stream->apart)
		vnp_copy_free(&stream->copy);
	skip = vnp_stream_skip(stream);
	/* There is room again for what is dropped. */
	if (!ret && vnp_stream_can_parse(stream, end))
		ret = -EAGAIN;
	vnp_stream_bound(stream);
	local_bh_enable();
	if (stream->passing && after(end, stream->parse)) {
		stream->parse = end;
		WRITE_ONCE(stream->ready, end);
		WRITE_ONCE(stream->wanted, end + 1);
	}
	vnp_stream_set_deferred(stream, ret ?: skip);
	vnp_stream_settle(stream);
}

/* The message at @parse will never be whole: of it the bytes up to @end have arrived. */
static void vnp_stream_truncate(struct vnp_stream *stream, u32 end)
{
	const u32 eof = stream->link->eof;

	/* It is not authentic yet. */
	if (eof == VNP_EOF_DELIVER && !vnp_message_authenticates(stream)) {
		WRITE_ONCE(stream->ready, end);
	} else {
		vnp_ranges_add(&stream->drops, stream->parse, end);
		vnp_link_error(stream->link, VNP_ERROR_TRUNCATED, 1);
	}
	if (eof == VNP_EOF_ABORT)
		WRITE_ONCE(stream->error, ECONNABORTED);
	stream->parse = end;
}

void vnp_stream_finish(struct vnp_stream *stream)
{
	const u32 end = vnp_queue_end(stream->sk);

	if (stream->finished || stream->deferred || !vnp_stream_closed(stream->sk) ||
	    vnp_stream_can_parse(stream, end) || vnp_ranges_full(&stream->drops))
		return;
	stream->finished = true;
	if (stream->error)
		return;
	local_bh_disable();
	WRITE_ONCE(stream->ready, stream->parse);
	if (vnp_stream_too_long(stream))
		vnp_stream_fail(stream, EMSGSIZE, VNP_ERROR_OVERSIZE);
	else if (before(stream->parse, end))
		vnp_stream_truncate(stream, end);
	vnp_stream_set_deferred(stream, vnp_stream_skip(stream));
	local_bh_enable();
	vnp_stream_settle(stream);
}

/* A slice of the work for the window, by @func, if the account allows that.  Return: as @func */
static int vnp_stream_repack(struct vnp_stream *stream, gfp_t gfp,
			     int (*func)(struct sock *sk, struct vnp_window *window, gfp_t gfp))
{
	u64 start;
	int ret = -ENOMEM;

	if (vnp_stream_solvent(stream)) {
		start = ktime_get_ns();
		ret = func(stream->sk, &stream->window, gfp);
		vnp_stream_charge(stream, start);
	}
	if (ret == -EAGAIN)
		vnp_stream_defer(stream);
	else if (ret)
		vnp_stream_retry(stream);
	return ret;
}

/*
 * If the application can read nothing, it is up to the link that the window stays open: no read
 * will open it.
 */
static void vnp_stream_relieve(struct vnp_stream *stream, gfp_t gfp, bool read)
{
	struct sock *sk = stream->sk;

	if (stream->deferred || vnp_stream_ended(stream, sk) || vnp_stream_enough(stream, sk))
		return;
	/* Softirq does not do what the worker is about to continue, or to retry. */
	if (vnp_window_is_crowded(sk) &&
	    (gfp != GFP_ATOMIC || !delayed_work_pending(&stream->work)))
		vnp_stream_repack(stream, gfp, vnp_window_open);
	vnp_window_tell(sk, read);
}

/* Do what there is to do, after data has arrived or was read. */
static void vnp_stream_advance(struct vnp_stream *stream, bool far, gfp_t gfp, bool read)
{
	vnp_stream_parse(stream, far);
	vnp_stream_finish(stream);
	vnp_stream_relieve(stream, gfp, read);
	if (!delayed_work_pending(&stream->work))
		stream->delay = 0;
}

/* Wake the application, once for what has become ready. */
static void vnp_stream_wake(struct vnp_stream *stream)
{
	struct sock *sk = stream->sk;

	if (!vnp_stream_ended(stream, sk) &&
	    (stream->woken == stream->ready || !vnp_stream_enough(stream, sk)))
		return;
	stream->woken = stream->ready;
	stream->data_ready(sk);
}

/* TCP calls sk_data_ready for an urgent byte when it has arrived, ready or not. */
static void vnp_stream_wake_urgent(struct vnp_stream *stream)
{
	const struct tcp_sock *tp = tcp_sk(stream->sk);

	if (!(tp->urg_data & TCP_URG_VALID) || tp->urg_seq == stream->urgent)
		return;
	stream->urgent = tp->urg_seq;
	stream->data_ready(stream->sk);
}

void vnp_stream_data_ready(struct sock *sk)
{
	struct vnp_stream *stream = vnp_stream_of(sk);

	if (!stream)
		return;
	vnp_stream_advance(stream, false, GFP_ATOMIC, false);
	vnp_stream_wake(stream);
	vnp_stream_wake_urgent(stream);
}

void vnp_stream_read(struct vnp_stream *stream)
{
	const u32 ready = stream->ready;

	vnp_stream_advance(stream, false, stream->sk->sk_allocation, true);
	/* Others may wait for what has become ready. */
	if (stream->ready != ready)
		vnp_stream_wake(stream);
}

/*
 * ---- The worker --------------------------------------------------------
 */

/*
 * Lock the socket, unless a process has.  It can keep the lock for any time, as it copies from its
 * memory meanwhile, and workers that wait would keep those of all other users from being executed.
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

/* Is the message that the worker executes on still the one at @parse? */
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

/* The message is not in the queue, which is only so after TCP_REPAIR, or cannot be read. */
static void vnp_stream_fail_apart(struct vnp_stream *stream)
{
	local_bh_disable();
	vnp_stream_fail(stream, EPROTO, VNP_ERROR_PROTOCOL);
	local_bh_enable();
}

/* Return: false: the copy cannot be executed on */
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
 * Execute the program on a message that is too long for softirq, without the socket's lock. What
 * fails is tried again later.
 */
static void vnp_stream_execute_apart(struct vnp_stream *stream, struct sock *sk)
{
	const u32 len = READ_ONCE(stream->apart);
	struct vnp_prog *prog;
	bool filled;

	if (!len || stream->copy.executed || !vnp_stream_solvent(stream) ||
	    vnp_copy_reserve_apart(&stream->copy, len, stream->link->user))
		return;
	if (!vnp_stream_trylock(stream, sk))
		return;
	filled = vnp_stream_fill_apart(stream, len);
	release_sock(sk);
	if (!filled)
		return;
	migrate_disable();
	local_bh_disable();
	rcu_read_lock();
	prog = rcu_dereference(stream->link->message);
	/* A reference, until it is counted */
	if (prog && vnp_obj_get_live(&prog->obj)) {
		stream->copy.prog = prog;
		vnp_message_execute(stream, sk, prog);
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
	vnp_message_decide(stream);
	local_bh_enable();
	vnp_stream_publish(stream, first);
	vnp_stream_apply_copy(stream);
}

/* Apply what vnp_stream_execute_apart() has found.  Return: false: it is to be done again */
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
	if (done)
		WRITE_ONCE(stream->apart, 0);
	return done;
}

/* What softirq could not do.  First few packets are made of many, of which it can walk more. */
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

void vnp_stream_released(struct vnp_stream *stream)
{
	if (!stream->blocked)
		return;
	stream->blocked = false;
	vnp_stream_defer(stream);
}

static void vnp_stream_work(struct work_struct *work)
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

/* Calls that began before the link do not stop at what is ready: see where they have read to. */
static void vnp_stream_catch_up(struct vnp_stream *stream)
{
	int ret;

	vnp_stream_follow(stream);
	do {
		local_bh_disable();
		ret = vnp_stream_skip(stream);
		local_bh_enable();
	} while (ret);
	vnp_stream_settle(stream);
}

int vnp_stream_flatten(struct vnp_stream *stream, gfp_t gfp)
{
	u32 shift;
	int ret;

	vnp_stream_catch_up(stream);
	shift = vnp_ranges_bytes(&stream->drops, stream->ready, stream->parse);
	ret = vnp_repack_without(stream->sk, &stream->drops, gfp);
	if (ret)
		return ret;
	if (stream->woken == stream->ready)
		stream->woken += shift;
	WRITE_ONCE(stream->ready, stream->ready + shift);
	vnp_stream_settle(stream);
	return 0;
}

void vnp_stream_start(struct vnp_stream *stream, struct sock *sk)
{
	stream->sk = sk;
	stream->lowat = sk->sk_rcvlowat;
	stream->data_ready = sk->sk_data_ready;
	stream->parse = tcp_sk(sk)->copied_seq;
	WRITE_ONCE(stream->ready, stream->parse);
	stream->end = stream->parse;
	stream->woken = stream->parse;
	stream->urgent = stream->parse - 1;
	stream->wanted = stream->parse + 1;
	stream->window.end = stream->parse;
	stream->window.pass.seq = stream->parse;
	WRITE_ONCE(sk->sk_rcvlowat, 1);
	/* for vnp_stream_of() */
	smp_store_release(&sk->sk_data_ready, vnp_stream_data_ready);
	vnp_stream_data_ready(sk);
}

void vnp_stream_stop(struct vnp_stream *stream, bool keep)
{
	struct sock *sk = stream->sk;

	WRITE_ONCE(sk->sk_data_ready, stream->data_ready);
	WRITE_ONCE(sk->sk_rcvlowat, stream->lowat);
	if (cancel_delayed_work(&stream->work))
		vnp_stream_put(stream);
	if (keep)
		vnp_stream_flatten(stream, GFP_KERNEL | __GFP_NOFAIL);
	stream->sk = NULL;
	sk->sk_data_ready(sk);
}
