// SPDX-License-Identifier: GPL-2.0
/*
 * Executing a program on each datagram of a packet.
 *
 * vnp_dispatch_all() is compiled twice: for programs that hold (vnp_dispatch_holding()), and for
 * others.  What it calls (all names begin with vnp_dispatch):
 *
 * The only datagram of a packet:
 *	_only_datagram(): point the context to its bytes (_only_linear(): to linear, private ones),
 *	then _exec_only(): execute, and count
 * Several datagrams: _many(), a loop over them that is compiled three times:
 *	direct program: execute; _fragments() is a tight loop while each datagram is a fragment
 *	holding program: _exec_one(); _held_fragments(): likewise, while all join the current batch
 *	other programs: _exec_one(), by _exec_one_call(): make the datagram private if necessary,
 *	and execute
 *	Each ends in _add_counted(), and so in vnp_dispatch_add(): the datagram joins the current
 *	batch, or ends it and begins another (dispatch_batch.h).
 *
 * vnp_dispatch_end() applies the last action.
 */
#include "kmod/path/dispatch.h"

#include "kmod/path/batch.h"
#include "kmod/path/cursor.h"
#include "kmod/path/dispatch_batch.h"
#include "kmod/prog/account.h"

/* Memory, beyond its payload, that a datagram takes if it is delivered in its own packet */
#define VNP_SPLIT_SIZE		1024

/* Packets in the fragment list of a datagram at most: common MTUs make 45 of the longest one */
#define VNP_DISPATCH_LIST_MAX	64

/* What making a private copy of a datagram takes, in ns: a constant, and 1 ns for some bytes */
#define VNP_DISPATCH_COPY_NS	500
#define VNP_DISPATCH_COPY_BYTES	4

/* Charge a copy, which is made because the program may write, or sees headers. */
static void vnp_dispatch_charge_copy(const struct vnp_dispatch *d, u32 len)
{
	vnp_account_take(d->link->user, VNP_DISPATCH_COPY_NS + len / VNP_DISPATCH_COPY_BYTES);
}

/* Point the context to the bytes of a datagram in the fragment in which it begins. */
static __always_inline void vnp_dispatch_point(struct vnp_dgram *dgram,
					       const struct vnp_cursor *cursor, u32 pos,
					       u32 end)
{
	struct vnp_ctx *ctx = &dgram->exec.ctx;

	if (unlikely(!cursor->base)) {
		ctx->data = dgram->skb->data;
		ctx->data_end = ctx->data;
		return;
	}
	ctx->data = cursor->base + pos;
	ctx->data_end = cursor->base + min(end, cursor->end);
}

/*
 * Is a datagram longer, with the headers that the program sees, than the verifier assumed?  Those
 * of a jumbogram of IPv6 can be.
 */
static bool vnp_dispatch_is_long(const struct vnp_dgram *dgram)
{
	const u32 head = dgram->ops->head;
	const s32 off = vnp_dgram_off(dgram->prog, dgram->skb, head);

	return dgram->exec.ctx.len + head - off > dgram->prog->len_max;
}

/*
 * A datagram that is written to must be private, and a program that sees headers must see
 * those of one datagram.  Return: 0, -ENOMEM, -EMSGSIZE
 */
static int vnp_dispatch_own_shared(struct vnp_dispatch *d, const struct vnp_cursor *cursor)
{
	struct vnp_dgram *dgram = &d->dgram;
	const struct vnp_prog *prog = dgram->prog;

	if (!prog->sees_packet && vnp_cursor_writable(cursor, dgram->skb))
		return 0;
	if (vnp_dispatch_is_long(dgram))
		return -EMSGSIZE;
	vnp_dispatch_charge_copy(d, dgram->exec.ctx.len);
	if (vnp_dgram_split(dgram))
		return -ENOMEM;
	dgram->written = prog->writes_packet;
	vnp_dgram_point(dgram);
	return 0;
}

/*
 * Add one of several datagrams in a packet to a batch, by the action for it.  It is counted with
 * its batch, unless the action is %VNP_ACTION_NONE.
 */
static __always_inline void vnp_dispatch_add_counted(struct vnp_dispatch *d, u32 pos, u32 len,
						     enum vnp_action action, bool direct)
{
	struct vnp_dgram *dgram = &d->dgram;
	const bool missed = action == VNP_ACTION_NONE;

	if (unlikely(missed))
		action = vnp_link_fault(d->link, dgram->prog, &dgram->exec);
	vnp_dispatch_add(d, pos, action,
			 !direct && dgram->written && vnp_action_wants_packet(action));

	if (unlikely(missed)) {
		d->missed++;
		d->extra -= len;
		dgram->exec.fault = 0;
	} else if (!direct) {
		d->extra += dgram->exec.ctx.len - len;
	}
}

/* A datagram whose action differs from that of the previous one.  Not inlined, as it is rare. */
static noinline void vnp_dispatch_add_other(struct vnp_dispatch *d, u32 pos, u64 ret)
{
	vnp_dispatch_add_counted(d, pos, d->size, vnp_action_of(ret), true);
}

/*
 * The fastest loop, for datagrams of one fragment each, as network cards deliver and GRO merges
 * them.  The program is direct, and the current batch has begun.  Return: the position of the first
 * datagram for which this does not hold
 */
static noinline u32 vnp_dispatch_fragments(struct vnp_dispatch *d, struct vnp_cursor *at)
{
	const struct vnp_prog *prog = d->dgram.prog;
	struct vnp_exec *exec = &d->dgram.exec;
	const struct sk_buff *skb = d->skb;
	struct vnp_cursor cursor = *at;
	const u32 size = d->size;
	void *data;
	u32 ret;

	exec->ctx.len = size;
	while (vnp_cursor_whole(&cursor, skb, size, &data)) {
		exec->ctx.data = data;
		exec->ctx.data_end = data + size;
		ret = vnp_prog_call(prog, exec);
		if (unlikely(ret != vnp_action_verdict(d->action)))
			vnp_dispatch_add_other(d, cursor.end - size, ret);
	}
	*at = cursor;
	return cursor.end;
}

/* No execution on one of several datagrams in a packet.  @ret: -ENOMEM, -EMSGSIZE */
static void vnp_dispatch_fail(struct vnp_dispatch *d, u32 pos, u32 len, int ret)
{
	vnp_link_error(d->link, ret == -EMSGSIZE ? VNP_ERROR_LENGTH : VNP_ERROR_MEMORY, 1);
	vnp_dispatch_add(d, pos, VNP_ACTION_DROP, false);
	d->missed++;
	d->extra -= len;
}

/* Datagrams that are passed must not be dropped because of those that are held: make room. */
static void vnp_dispatch_make_room(struct vnp_dispatch *d, enum vnp_action action)
{
	const bool passes = action == VNP_ACTION_PASS ||
			    (action == VNP_ACTION_NONE &&
			     vnp_link_passes_faults(d->link, d->dgram.prog));
	u32 size = d->skb->truesize;

	if (!passes)
		return;
	if (d->size)
		size += DIV_ROUND_UP(d->skb->len - d->start, d->size) * VNP_SPLIT_SIZE;
	vnp_hold_make_room_for(d->dgram.holding, size);
}

/*
 * A program that holds was executed on the datagram at @pos.  Messages that it released are
 * delivered after the datagrams before this one.  Return: the action for the datagram
 */
static __always_inline enum vnp_action vnp_dispatch_settle(struct vnp_dispatch *d, u32 pos,
							   u64 ret)
{
	struct vnp_holding *h = d->dgram.holding;
	const bool held = vnp_hold_settle(h, ret == VNP_HELD);
	const enum vnp_action action = held ? VNP_ACTION_HOLD : vnp_action_of(ret);

	if (h->ended || (h->batch && h->batch != h->now)) {
		vnp_dispatch_close(d, pos);
		/* Unless it was delivered already */
		if (h->batch && h->batch != h->now)
			vnp_hold_commit(h);
		vnp_hold_finish(h);
	}
	/*
	 * The action finds @h in the cb of the batch's packet, which is copied from that of the
	 * packet that arrived, or from that of the datagram's own packet.
	 */
	if (held) {
		vnp_hold_cb(d->skb)->holding = h;
		vnp_hold_cb(d->dgram.skb)->holding = h;
	}
	h->batch = h->now;
	h->now = NULL;
	if (!held)
		vnp_dispatch_make_room(d, action);
	return action;
}

/* Execute a program that is not direct on the datagram at @pos. */
static __always_inline enum vnp_action vnp_dispatch_exec(struct vnp_dispatch *d, u32 pos,
							 bool holds)
{
	u64 ret = vnp_account_exec(d->link->user, d->dgram.prog, &d->dgram.exec);

	return holds ? vnp_dispatch_settle(d, pos, ret) : vnp_action_of(ret);
}

/* One of several datagrams in a packet, after the execution of a program that is not direct */
static __always_inline void vnp_dispatch_add_executed(struct vnp_dispatch *d, u32 pos, u32 len,
						      enum vnp_action action)
{
	struct vnp_dgram *dgram = &d->dgram;

	vnp_dispatch_add_counted(d, pos, len, action, false);
	if (!dgram->shared) {
		vnp_dispatch_keep(d, dgram);
		dgram->skb = d->skb;
	}
}

/* One of several datagrams in a packet, and a program that is not direct.  Compiled twice */
static __always_inline void vnp_dispatch_exec_one(struct vnp_dispatch *d,
						  const struct vnp_cursor *cursor, u32 pos,
						  u32 next, bool holds)
{
	struct vnp_dgram *dgram = &d->dgram;
	const struct vnp_prog *prog = dgram->prog;
	int ret = 0;

	dgram->off = pos;
	dgram->shared = true;
	dgram->written = false;
	if (prog->writes_packet || prog->sees_packet)
		ret = vnp_dispatch_own_shared(d, cursor);
	if (unlikely(ret)) {
		vnp_dispatch_fail(d, pos, next - pos, ret);
		return;
	}
	vnp_dispatch_add_executed(d, pos, next - pos, vnp_dispatch_exec(d, pos, holds));
}

/*
 * Most datagrams of a super-packet that a program holds: each is a fragment of the packet, and
 * belongs to the current batch.  That has begun, the program does not write, and datagrams are
 * not in packets of their own.  Return: the position of the first datagram for which this does not
 * hold
 */
static noinline u32 vnp_dispatch_held_fragments(struct vnp_dispatch *d, struct vnp_cursor *at)
{
	struct vnp_dgram *dgram = &d->dgram;
	struct vnp_holding *h = dgram->holding;
	struct vnp_exec *exec = &dgram->exec;
	struct vnp_cursor cursor = *at;
	const u32 size = d->size;
	void *data;
	u64 ret;

	exec->ctx.len = size;
	dgram->shared = true;
	dgram->written = false;
	while (vnp_cursor_whole(&cursor, d->skb, size, &data)) {
		exec->ctx.data = data;
		exec->ctx.data_end = data + size;
		dgram->off = cursor.end - size;
		ret = vnp_account_exec(d->link->user, dgram->prog, exec);
		if (unlikely(ret != VNP_HELD || h->now != h->batch || h->ended ||
			     !dgram->shared)) {
			vnp_dispatch_add_executed(d, cursor.end - size, size,
						  vnp_dispatch_settle(d, cursor.end - size, ret));
			break;
		}
		h->now = NULL;
	}
	*at = cursor;
	return cursor.end;
}

/* Does the fast loop take the next datagrams? */
static bool vnp_dispatch_is_held_fragment(const struct vnp_dispatch *d)
{
	const struct vnp_prog *prog = d->dgram.prog;

	return d->dgram.holding->batch && d->action == VNP_ACTION_HOLD && !d->own &&
	       !prog->writes_packet && !prog->sees_packet;
}

static noinline void vnp_dispatch_exec_one_call(struct vnp_dispatch *d,
						const struct vnp_cursor *cursor,
						u32 pos, u32 next)
{
	vnp_dispatch_exec_one(d, cursor, pos, next, false);
}

/* Compiled three times: a direct program needs little of it, and few programs hold. */
static __always_inline int vnp_dispatch_many(struct vnp_dispatch *d, bool direct, bool holds)
{
	struct vnp_dgram *dgram = &d->dgram;
	struct sk_buff *skb = d->skb;
	const u32 end = skb->len, size = d->size;
	struct vnp_cursor cursor;
	u32 pos, next;

	d->action = VNP_ACTION_NONE;
	d->missed = 0;
	d->extra = 0;
	d->first = NULL;
	vnp_cursor_first(&cursor, skb);
	for (pos = d->start; pos < end; pos = next) {
		next = min(pos + size, end);
		dgram->exec.ctx.len = next - pos;
		vnp_cursor_find(&cursor, skb, pos);
		vnp_dispatch_point(dgram, &cursor, pos, next);
		if (holds) {
			vnp_dispatch_exec_one(d, &cursor, pos, next, true);
			if (next == cursor.end && next < end &&
			    vnp_dispatch_is_held_fragment(d))
				next = vnp_dispatch_held_fragments(d, &cursor);
			continue;
		}
		if (!direct) {
			vnp_dispatch_exec_one_call(d, &cursor, pos, next);
			continue;
		}
		vnp_dispatch_add_counted(d, pos, next - pos,
					 vnp_action_of(vnp_prog_call(dgram->prog, &dgram->exec)),
					 true);
		if (next == cursor.end && next < end)
			next = vnp_dispatch_fragments(d, &cursor);
	}
	vnp_dispatch_count(d, end);
	/* The most frequent case, without the calls through the table of actions */
	if (d->action == VNP_ACTION_DROP && d->start == d->link->hook->dgram.head) {
		vnp_batch_drop(skb);
		return 0;
	}
	return vnp_dispatch_end(d);
}

/* Execute the program on the only datagram of a packet, and count it. */
static __always_inline enum vnp_action vnp_dispatch_exec_only(struct vnp_dispatch *d, bool holds)
{
	const struct vnp_prog *prog = d->dgram.prog;
	struct vnp_exec *exec = &d->dgram.exec;
	enum vnp_action action;

	if (!holds)
		return vnp_dispatch_result(d->link, prog, exec,
					   vnp_account_exec(d->link->user, prog, exec));
	action = vnp_dispatch_exec(d, d->start, true);
	if (action == VNP_ACTION_NONE)
		return vnp_link_fault(d->link, prog, exec);
	vnp_link_count(d->link, action, 1, exec->ctx.len);
	return action;
}

/* The only datagram of a packet: execute the program on its linear bytes */
static __always_inline enum vnp_action vnp_dispatch_only_linear(struct vnp_dispatch *d, bool holds)
{
	struct vnp_dgram *dgram = &d->dgram;

	if (dgram->prog->writes_packet) {
		if (skb_cloned(dgram->skb))
			vnp_dispatch_charge_copy(d, skb_headlen(dgram->skb));
		if (unlikely(vnp_dgram_own(dgram->skb))) {
			vnp_link_error(d->link, VNP_ERROR_MEMORY, 1);
			return VNP_ACTION_DROP;
		}
		/* The checksum was verified; writes make it invalid. */
		dgram->skb->ip_summed = CHECKSUM_UNNECESSARY;
	}
	vnp_dgram_point(dgram);
	return vnp_dispatch_exec_only(d, holds);
}

/*
 * Each load walks a datagram's fragment list from its beginning, as does each copy that is sent.
 * IP reassembles datagrams of thousands of fragments: make these linear before the execution.  As
 * this depends on their number, the time that it takes is charged.  Return: 0, -ENOMEM
 */
static noinline int vnp_dispatch_shorten(const struct vnp_dispatch *d, struct sk_buff *skb)
{
	const u64 start = ktime_get_ns();
	const struct sk_buff *iter;
	int ret = 0;
	u32 cnt = 0;

	skb_walk_frags(skb, iter) {
		if (++cnt > VNP_DISPATCH_LIST_MAX) {
			ret = skb_linearize(skb);
			break;
		}
	}
	vnp_account_take(d->link->user, ktime_get_ns() - start);
	return ret;
}

/* The only datagram of a packet, maybe in fragments.  A program that only reads needs no copy. */
static __always_inline enum vnp_action vnp_dispatch_only_datagram(struct vnp_dispatch *d,
								  bool holds)
{
	struct vnp_dgram *dgram = &d->dgram;
	const struct vnp_prog *prog = dgram->prog;
	struct vnp_cursor cursor __vnp_uninitialized;

	dgram->off = vnp_dgram_off(prog, dgram->skb, dgram->ops->head);
	dgram->shared = false;
	dgram->exec.ctx.len = dgram->skb->len - dgram->off;
	/* A jumbogram of IPv6 */
	if (unlikely(dgram->exec.ctx.len > prog->len_max)) {
		vnp_link_error(d->link, VNP_ERROR_LENGTH, 1);
		return VNP_ACTION_DROP;
	}
	if (unlikely(dgram->skb->data_len) && skb_has_frag_list(dgram->skb) &&
	    vnp_dispatch_shorten(d, dgram->skb)) {
		vnp_link_error(d->link, VNP_ERROR_MEMORY, 1);
		return VNP_ACTION_DROP;
	}
	if (prog->writes_packet || (s32)skb_headlen(dgram->skb) > dgram->off)
		return vnp_dispatch_only_linear(d, holds);

	vnp_cursor_first(&cursor, dgram->skb);
	vnp_cursor_find(&cursor, dgram->skb, dgram->off);
	vnp_dispatch_point(dgram, &cursor, dgram->off, dgram->skb->len);
	return vnp_dispatch_exec_only(d, holds);
}

/* All datagrams of a packet */
static __always_inline int vnp_dispatch_all(struct vnp_dispatch *d, bool holds)
{
	const u32 len = d->skb->len - d->start;
	const struct vnp_prog *prog = d->dgram.prog;
	const u32 cnt = vnp_batch_cnt(len, d->size);

	if (!vnp_account_draw(d->link->user, cnt * prog->light_ns)) {
		if (holds)
			vnp_dispatch_make_room(d, VNP_ACTION_NONE);
		d->action = vnp_link_throttle(d->link, prog, cnt, len);
		return vnp_dispatch_end(d);
	}
	if (cnt > 1)
		return holds ? vnp_dispatch_many(d, false, true) :
		       prog->direct_max ? vnp_dispatch_many(d, true, false) :
					 vnp_dispatch_many(d, false, false);
	d->action = vnp_dispatch_only_datagram(d, holds);
	/* As in vnp_dispatch_end(), without the calls through the table of actions */
	if (holds && d->action == VNP_ACTION_HOLD) {
		vnp_hold_packet(d->dgram.holding, d->skb);
		return 0;
	}
	return vnp_dispatch_end(d);
}

int vnp_dispatch_plain(struct vnp_dispatch *d)
{
	return vnp_dispatch_all(d, false);
}

static int vnp_dispatch_holding(struct vnp_dispatch *d)
{
	struct vnp_holding holding __vnp_uninitialized;
	int ret;

	/* Pairs with vnp_hold_create(): link->hold was set before link->prog, which was read. */
	smp_rmb();
	vnp_holding_init(&holding, d->link, d->sk);
	d->dgram.holding = &holding;
	ret = vnp_dispatch_all(d, true);
	if (holding.batch)
		vnp_hold_commit(&holding);
	return ret;
}

int vnp_dispatch_detour(struct vnp_dispatch *d)
{
	return d->dgram.prog->holds ? vnp_dispatch_holding(d) : vnp_dispatch_end(d);
}

u64 vnp_dispatch_execute(struct vnp_link *link, struct vnp_dgram *dgram)
{
	const struct vnp_prog *prog = dgram->prog;

	dgram->exec.fault = 0;
	if (vnp_account_draw(link->user, prog->light_ns))
		return vnp_account_exec(link->user, prog, &dgram->exec);
	dgram->exec.fault = VNP_EXEC_FAULT(VNP_FAULT_THROTTLED, 0);
	return dgram->exec.fault;
}
