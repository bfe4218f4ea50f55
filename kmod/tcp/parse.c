// SPDX-License-Identifier: GPL-2.0
#include "kmod/tcp/parse.h"

#include "kmod/link/stats.h"
#include "kmod/path/dispatch.h"
#include "kmod/prog/account.h"
#include "kmod/tcp/queue.h"
#include "kmod/tcp/repack.h"
#include "kmod/tcp/stream.h"
#include "kmod/tcp/verdict.h"

/*
 * Limits of one call: messages, and packets that are walked in each direction to find them.  The
 * worker continues, so that softirqs are not off for long.
 */
#define VNP_STREAM_BATCH	64
#define VNP_STREAM_WALK		64

/*
 * What is drawn from the account at once, in ns.  The first time that one call draws, the clock is
 * not read: this much is enough for the few messages that most packets have, and short compared
 * with the time that TCP takes for a packet.
 */
#define VNP_STREAM_DRAW		1024

void vnp_stream_fail(struct vnp_stream *stream, int error, enum vnp_error counter)
{
	vnp_link_error(stream->link, counter, 1);
	WRITE_ONCE(stream->ready, stream->parse);
	if (error == EPROTO && stream->link->flags & VNP_LINK_F_STREAM_PASS &&
	    !vnp_stream_authenticates(stream))
		stream->passing = true;
	else
		WRITE_ONCE(stream->error, error);
}

/* Charge the time that executions since @exec->start took, instead of what was drawn for it. */
static void vnp_stream_pay(const struct vnp_stream *stream, struct vnp_queue_exec *exec)
{
	if (!exec->drawn)
		return;
	vnp_account_settle(stream->link->user, exec->drawn, exec->start);
	exec->drawn = 0;
	exec->left = 0;
}

/* The last execution has ended. */
static void vnp_stream_pay_all(const struct vnp_stream *stream, struct vnp_queue_exec *exec)
{
	if (exec->drawn)
		vnp_stream_pay(stream, exec);
	else if (exec->left)
		vnp_account_take(stream->link->user, -(s64)exec->left);
}

/*
 * Draw at least @ns: if possible as much at once as several executions need.  Return: false: the
 * account has less
 */
static noinline bool vnp_stream_draw(const struct vnp_stream *stream, struct vnp_queue_exec *exec,
				     u32 ns)
{
	u32 more = max_t(u32, ns, VNP_STREAM_DRAW);

	if (exec->flat && !exec->drawn)
		exec->start = ktime_get_ns();
	if (!vnp_account_draw(stream->link->user, more)) {
		more = ns;
		if (!vnp_account_draw(stream->link->user, more))
			return false;
	}
	exec->left += more - ns;
	if (exec->flat)
		exec->drawn += more;
	exec->flat = true;
	return true;
}

/* Execute a program that is timed, or for which nothing is left of what was drawn. */
static u64 vnp_stream_exec_drawing(struct vnp_stream *stream, struct vnp_queue_exec *exec,
				   const struct vnp_prog *prog)
{
	struct vnp_exec *e = &exec->dgram.exec;

	if (!prog->light_ns) {
		vnp_stream_pay(stream, exec);
		return vnp_account_timed(stream->link->user, prog, e);
	}
	if (vnp_stream_draw(stream, exec, prog->light_ns))
		return vnp_prog_exec(prog, e);
	e->fault = VNP_EXEC_FAULT(VNP_FAULT_THROTTLED, 0);
	return e->fault;
}

/*
 * Charge the time for finding the packets from which an execution has loaded bytes: @cnt packets of
 * the queue were walked.  What was drawn for the execution only includes the loads themselves.
 */
static noinline void vnp_stream_pay_walk(const struct vnp_stream *stream,
					 struct vnp_queue_exec *exec, u32 cnt)
{
	if (exec->drawn)
		vnp_stream_pay(stream, exec);
	else if (exec->dgram.prog->light_ns)
		vnp_account_take(stream->link->user, (u64)cnt * VNP_QUEUE_STEP_NS);
}

/*
 * Execute @prog on the bytes from @stream->parse, at which @exec is, to before @end.  Return: as
 * the program
 */
static u64 vnp_stream_exec(struct vnp_stream *stream, struct vnp_queue_exec *exec,
			   const struct vnp_prog *prog, u32 end)
{
	struct vnp_dgram *dgram = &exec->dgram;
	u64 ret;

	if (prog->ctx_fields & ~VNP_STREAM_CTX_BASE && !exec->filled) {
		vnp_stream_init_ctx(stream, stream->sk, &dgram->exec.ctx);
		vnp_queue_seek(exec, stream->parse);
		exec->filled = true;
	}
	exec->sends = false;
	dgram->answered = false;
	dgram->prog = prog;
	dgram->exec.fault = 0;
	dgram->exec.ctx.unanswered = vnp_stream_unanswered(stream);
	vnp_queue_begin(exec, min(end - stream->parse, prog->len_max));
	if (likely(prog->light_ns && prog->light_ns <= exec->left)) {
		exec->left -= prog->light_ns;
		ret = vnp_prog_exec(prog, &dgram->exec);
	} else {
		ret = vnp_stream_exec_drawing(stream, exec, prog);
	}
	if (unlikely(exec->steps != VNP_QUEUE_STEPS))
		vnp_stream_pay_walk(stream, exec, VNP_QUEUE_STEPS - exec->steps);
	return ret;
}

/* Find the message's length, by the program.  Return: 0; -ENOMEM: it could not be executed */
static int vnp_stream_measure(struct vnp_stream *stream, struct vnp_queue_exec *exec, u32 end)
{
	const struct vnp_prog *prog = rcu_dereference(stream->link->prog);
	struct vnp_dgram *dgram = &exec->dgram;
	s32 len;

	vnp_queue_seek(exec, stream->parse);
	len = vnp_stream_exec(stream, exec, prog, end);

	if (vnp_stream_throttled(dgram))
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

/* The verdict on the message at @parse was applied: go on to the next message. */
static void vnp_stream_proceed(struct vnp_stream *stream, enum vnp_action action)
{
	if (!vnp_stream_removes(action))
		atomic_or(VNP_UNANSWERED, &stream->unanswered);
	if (action == VNP_ACTION_PASS)
		WRITE_ONCE(stream->ready, stream->wanted);
	WRITE_ONCE(stream->parse, stream->wanted);
	WRITE_ONCE(stream->wanted, stream->parse + 1);
	stream->sized = false;
}

/* Apply @action to the message at @parse, unchanged. */
static void vnp_stream_apply(struct vnp_stream *stream, enum vnp_action action)
{
	if (vnp_stream_removes(action))
		vnp_ranges_add(&stream->drops, stream->parse, stream->wanted);
	else
		vnp_ends_add(&stream->ends, stream->wanted);
	vnp_stream_proceed(stream, action);
}

/*
 * Apply the verdict to the message at @parse, as the program has changed it.  If it has no bytes
 * any more, the application gets no boundary for it.
 */
static void vnp_stream_apply_result(struct vnp_stream *stream)
{
	const struct vnp_copy *copy = &stream->copy;
	const u32 start = stream->parse + vnp_copy_lead(copy), end = start + copy->skb.len;

	if (start != stream->parse)
		vnp_ranges_add(&stream->drops, stream->parse, start);
	if (end != stream->wanted)
		vnp_ranges_add(&stream->drops, end, stream->wanted);
	if (end != start)
		vnp_ends_add(&stream->ends, end);
	vnp_stream_proceed(stream, copy->action);
}

void vnp_stream_apply_copy(struct vnp_stream *stream)
{
	const struct vnp_copy *copy = &stream->copy;

	if (copy->forged && stream->link->flags & VNP_LINK_F_FORGED_END) {
		WRITE_ONCE(stream->ready, stream->parse);
		WRITE_ONCE(stream->error, EBADMSG);
	}
	if (copy->replaces && !vnp_stream_removes(copy->action))
		vnp_stream_apply_result(stream);
	else
		vnp_stream_apply(stream, copy->action);
}

int vnp_stream_own(struct vnp_stream *stream, struct sk_buff **first, gfp_t gfp)
{
	const u32 stop = stream->wanted;
	int ret = vnp_repack_own(stream->sk, first, stream->parse, stop, gfp);

	/* The next pass repacks the new packets, too, as they may be less dense than the old. */
	if (ret > 0 && after(stream->window.end, vnp_queue_start(*first)))
		stream->window.end = vnp_queue_start(*first);
	return min(ret, 0);
}

/* Copy the message at @parse, which begins in *@first.  Return: as above */
static int vnp_stream_copy(struct vnp_stream *stream, struct sk_buff **first, u32 len)
{
	const struct vnp_account_timer timer = vnp_account_start();
	int ret = vnp_copy_reserve(&stream->copy, len);

	/* Before the execution, as nothing may fail after it */
	if (!ret)
		ret = vnp_stream_own(stream, first, GFP_ATOMIC);
	if (!ret)
		ret = vnp_copy_fill(&stream->copy, stream->sk, *first, stream->parse, len);
	vnp_account_stop(stream->link->user, &timer);
	return ret;
}

void vnp_stream_publish(struct vnp_stream *stream, struct sk_buff *first)
{
	struct vnp_copy *copy = &stream->copy;
	const struct vnp_account_timer timer = vnp_account_start();

	if (copy->replaces && !vnp_stream_removes(copy->action))
		vnp_copy_publish(copy, stream->sk, first);
	vnp_account_stop(stream->link->user, &timer);
}

/* Return: 0; -ENOMEM: the program could not be executed; -EAGAIN: the worker executes it */
static int vnp_stream_take_copy(struct vnp_stream *stream, struct vnp_queue_exec *exec,
				const struct vnp_prog *prog)
{
	const u32 len = stream->wanted - stream->parse;
	struct vnp_dgram *dgram = &exec->dgram;
	int ret = -ENOMEM;

	/* Copying may replace the packet of the cursor, and is timed and charged below. */
	exec->at = NULL;
	vnp_stream_pay(stream, exec);

	if (len <= VNP_COPY_DIRECT)
		ret = vnp_stream_copy(stream, &dgram->skb, len);
	if (ret == -ENODATA) {
		vnp_stream_fail(stream, EPROTO, VNP_ERROR_PROTOCOL);
		return 0;
	}
	if (ret) {
		/* The copy of the previous message may still be marked as executed. */
		vnp_copy_free(&stream->copy);
		/* pairs with vnp_stream_execute_apart(), which does not have the socket's lock */
		smp_store_release(&stream->apart, len);
		return -EAGAIN;
	}
	ret = vnp_stream_execute(stream, stream->sk, prog);
	if (ret)
		return ret;
	vnp_stream_decide(stream);
	vnp_stream_publish(stream, dgram->skb);
	vnp_stream_apply_copy(stream);
	return 0;
}

/*
 * The message at @parse is whole.  @measured: @exec is there already, as its length was just found.
 * Return: as above
 */
static int vnp_stream_take(struct vnp_stream *stream, struct vnp_queue_exec *exec, bool measured)
{
	const struct vnp_prog *prog = rcu_dereference(stream->link->message);
	const u32 len = stream->wanted - stream->parse;
	struct vnp_dgram *dgram = &exec->dgram;
	u64 ret = VNP_PASS;

	if (prog && prog->linear)
		return vnp_stream_take_copy(stream, exec, prog);
	if (prog) {
		if (!measured)
			vnp_queue_seek(exec, stream->parse);
		ret = vnp_stream_exec(stream, exec, prog, stream->wanted);
		if (vnp_stream_throttled(dgram))
			return -ENOMEM;
	}
	/* Sending the answer is timed and charged by vnp_answer_verdict(). */
	if (ret == VNP_REPLY)
		vnp_stream_pay(stream, exec);
	vnp_stream_apply(stream, vnp_stream_action(stream, dgram, ret, len));
	return 0;
}

void vnp_stream_follow(struct vnp_stream *stream)
{
	const u32 seq = tcp_sk(stream->sk)->copied_seq;

	vnp_window_follow(stream->sk, &stream->window);
	/* There may be room for more. */
	vnp_ends_follow(&stream->ends, seq);
	if (before(stream->woken, seq))
		stream->woken = seq;
	if (before(stream->urgent, seq - 1))
		stream->urgent = seq - 1;
	if (!before(stream->parse, seq))
		return;
	WRITE_ONCE(stream->parse, seq);
	if (after(stream->wanted, seq))
		return;
	WRITE_ONCE(stream->wanted, seq + 1);
	stream->sized = false;
}

/*
 * Find the packet in which the message at @parse begins, after @from.  Not inlined: mostly it
 * begins in @from, which the caller tests.
 */
static noinline struct sk_buff *vnp_stream_seek(struct vnp_stream *stream,
						struct vnp_queue_exec *exec,
						struct sk_buff *from, u32 *steps)
{
	const u32 old = *steps;
	struct sk_buff *skb;
	u32 walked;

	skb = vnp_queue_find(stream->sk, from, stream->parse, steps);
	walked = old - *steps;
	WRITE_ONCE(stream->walked, stream->walked + walked);
	/* Otherwise this time is charged with all other since @exec->start (vnp_stream_pay()). */
	if (walked && !exec->drawn)
		vnp_account_charge(stream->link->user, (u64)walked * VNP_QUEUE_STEP_NS);
	return skb;
}

/*
 * Find the message at @parse, from the packet of @exec on.  Return: 0; -EAGAIN: @steps were not
 * enough; -ENODATA: it is not in the queue
 */
static int vnp_stream_find(struct vnp_stream *stream, struct vnp_queue_exec *exec, u32 *steps)
{
	struct sk_buff *skb = exec->dgram.skb ?: skb_peek(&stream->sk->sk_receive_queue);

	if (skb && !after(vnp_queue_stop(skb), stream->parse)) {
		skb = vnp_stream_seek(stream, exec, skb, steps);
		if (IS_ERR(skb)) {
			stream->scattered = true;
			return -EAGAIN;
		}
	}
	exec->dgram.skb = skb;
	return skb && !before(stream->parse, vnp_queue_start(skb)) ? 0 : -ENODATA;
}

/*
 * Parse the message at @parse, which begins in the packet of @exec.  @limit: vnp_stream_limit().
 * As vnp_stream_take()
 */
static int vnp_stream_parse_one(struct vnp_stream *stream, struct vnp_queue_exec *exec, u32 end,
				u32 limit)
{
	const bool measured = !stream->sized;
	int ret;

	if (!stream->sized) {
		ret = vnp_stream_measure(stream, exec, end);
		if (ret || !stream->sized || before(end, stream->wanted) ||
		    stream->wanted - stream->parse > limit)
			return ret;
	}
	return vnp_stream_take(stream, exec, measured);
}

/*
 * @exec has the packet of the first message.  Context: softirqs off, under RCU.  Return: as
 * vnp_stream_parse_some(), and vnp_stream_find()
 */
static int vnp_stream_parse_batch(struct vnp_stream *stream, struct vnp_queue_exec *exec,
				  u32 end)
{
	const u32 limit = vnp_stream_limit(stream);
	u32 cnt = VNP_STREAM_BATCH, steps = VNP_STREAM_WALK;
	int ret = 0;

	for (; vnp_stream_can_parse(stream, end); cnt--) {
		if (!cnt)
			return -EAGAIN;
		/* Mostly the next message begins in the same packet. */
		if (!after(vnp_queue_stop(exec->dgram.skb), stream->parse))
			ret = vnp_stream_find(stream, exec, &steps);
		if (ret)
			return ret;
		ret = vnp_stream_parse_one(stream, exec, end, limit);
		if (ret)
			return ret;
	}
	return 0;
}

int vnp_stream_parse_some(struct vnp_stream *stream, u32 end, bool far)
{
	u32 steps = far ? U32_MAX : VNP_STREAM_WALK;
	struct vnp_queue_exec exec __vnp_uninitialized;
	int ret;

	if (stream->scattered)
		return -EAGAIN;
	if (stream->apart || (far && !vnp_account_is_solvent(stream->link->user)))
		return -ENOMEM;

	exec.dgram.ops = &stream->link->hook->dgram;
	exec.dgram.shared = true;
	exec.dgram.written = false;
	exec.dgram.unauthentic = false;
	exec.dgram.holding = NULL;
	exec.dgram.exec.ctx.family = vnp_stream_family(stream->sk);
	exec.dgram.skb = NULL;
	exec.stream = stream;
	exec.at = NULL;
	exec.filled = false;
	exec.flat = false;
	exec.left = 0;
	exec.drawn = 0;
	ret = vnp_stream_find(stream, &exec, &steps);
	local_bh_disable();
	rcu_read_lock();
	if (!ret && !vnp_account_draw(stream->link->user, 0))
		ret = -ENOMEM;
	if (!ret)
		ret = vnp_stream_parse_batch(stream, &exec, end);
	vnp_stream_pay_all(stream, &exec);
	/* This is only possible after TCP_REPAIR. */
	if (ret == -ENODATA) {
		vnp_stream_fail(stream, EPROTO, VNP_ERROR_PROTOCOL);
		ret = 0;
	}
	rcu_read_unlock();
	local_bh_enable();
	return ret;
}
