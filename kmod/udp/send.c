// SPDX-License-Identifier: GPL-2.0
/*
 * What is sent to a peer begins with a datagram, and others are added if they can leave with it
 * as segments (UDP_SEGMENT): all have the same length, but the last may be shorter, and the
 * route allows it.
 *
 * Datagrams that are sent as they are: only their range of a block (block.h) is noted, and the
 * packet is made when it leaves (send_out.c).  Others are added to a packet at once
 * (send_packet.h).
 */
#include "kmod/udp/send.h"

#include <linux/skbuff.h>
#include <net/sock.h>

#include "kmod/link/link.h"
#include "kmod/link/stats.h"
#include "kmod/map/target.h"
#include "kmod/path/outlet.h"
#include "kmod/path/send.h"
#include "kmod/udp/block.h"
#include "kmod/udp/output.h"
#include "kmod/udp/send_out.h"
#include "kmod/udp/send_packet.h"

/* Maximum linear data of a packet to which further short datagrams are added */
#define VNP_UDP_SEND_LINEAR	3072

/* Number of these for which a new packet has space */
#define VNP_UDP_SEND_EXPECTED	16

int vnp_udp_send_dispatch(struct vnp_dispatch *dispatch)
{
	struct vnp_udp_sending sending __vnp_uninitialized;
	const bool many = skb_is_gso(dispatch->skb);
	int ret;

	sending.hops = vnp_udp_out_hops(dispatch->skb);
	sending.more = many || vnp_send_gathers();
	/* Each call of a helper must know whether the datagram has failed authentication. */
	vnp_send_begin(&sending.sending, sending.more,
		       many && dispatch->dgram.prog->func != vnp_prog_authenticate);
	sending.head = false;
	sending.skb = NULL;
	sending.block = NULL;
	ret = vnp_dispatch(dispatch);
	vnp_udp_block_forget(&sending);
	vnp_send_end(&sending.sending);
	return ret;
}

/*
 * ---- A datagram ---------------------------------------------------------
 */

/* Can a datagram of @len bytes be added to the packet that is pending? */
static bool vnp_udp_send_fits(struct vnp_target_cpu *on, u8 hops, u32 len)
{
	struct vnp_pending *pending = &on->pending;

	if (!pending->skb || len > pending->size || !len || hops != pending->hops ||
	    pending->len + len > VNP_DATAGRAM_MAX)
		return false;
	if (!pending->cnt_max)
		pending->cnt_max = vnp_udp_send_cnt_max(on);
	return pending->cnt < pending->cnt_max;
}

/* The first datagram of a packet, or of a range of a block, becomes pending. */
static void vnp_udp_send_first(struct vnp_target_cpu *on,
			       const struct vnp_udp_sending *sending, struct vnp_user *user,
			       u32 size)
{
	on->pending.size = size;
	on->pending.cnt = 1;
	on->pending.cnt_max = 0;
	on->pending.hops = sending->hops;
	on->entry.ops = &vnp_udp_send_ops;
	vnp_send_add(&on->entry, user);
}

/* Begin a packet.  Return: 0, or an errno of vnp_udp_send_append() */
static int vnp_udp_send_own(struct vnp_target_cpu *on, struct vnp_udp_sending *sending,
			    const struct vnp_dgram *dgram, const struct vnp_send_msg *msg,
			    struct vnp_user *user)
{
	struct vnp_pending *pending = &on->pending;
	u32 room = msg->head_len;
	int ret;

	if (vnp_udp_send_copies(sending, dgram, msg)) {
		room = vnp_udp_msg_len(msg);
		if (room <= VNP_UDP_SEND_SHORT && sending->more)
			room = min_t(u32, room * VNP_UDP_SEND_EXPECTED, VNP_UDP_SEND_LINEAR);
	}
	pending->skb = vnp_udp_send_alloc(room);
	if (!pending->skb)
		return -ENOMEM;
	pending->space = 0;
	pending->len = 0;
	ret = vnp_udp_send_append(pending, sending, dgram, msg);
	if (ret) {
		kfree_skb(pending->skb);
		pending->skb = NULL;
		pending->space = 0;
		return ret < 0 ? ret : -ENOMEM;
	}
	vnp_udp_send_first(on, sending, user, pending->len);
	return 0;
}

/*
 * Send what is pending.  A packet that is received because of that may add to it again.  Return:
 * 0, -EDQUOT: it may not be sent now
 */
static int vnp_udp_send_clear(struct vnp_target_cpu *on, struct vnp_udp_sending *sending)
{
	while (on->pending.cnt)
		if (!vnp_send_flush(&sending->sending, &on->entry))
			return -EDQUOT;
	return 0;
}

/* Does the datagram that was found last directly follow the pending range in its block? */
static bool vnp_udp_send_follows(const struct vnp_pending *pending,
				 const struct vnp_udp_sending *sending)
{
	return pending->block && pending->block == sending->block && pending->len &&
	       pending->off + pending->len == sending->at;
}

/* Could a datagram be sent in one packet with what is pending, if the route allows it? */
static bool vnp_udp_send_joins(const struct vnp_target_cpu *on,
			       const struct vnp_udp_sending *sending, u32 len)
{
	const struct vnp_pending *pending = &on->pending;

	return len && len <= pending->size && pending->len == pending->cnt * pending->size &&
	       pending->len + len <= VNP_DATAGRAM_MAX && pending->cnt < VNP_UDP_SEND_SEGMENTS &&
	       sending->hops == pending->hops;
}

/*
 * Make a packet of the pending range of a block, if datagrams can be added to it: the next one
 * does not follow in the block.
 */
static void vnp_udp_send_convert(struct vnp_target_cpu *on)
{
	struct vnp_pending *pending = &on->pending;
	struct sk_buff *skb;

	pending->cnt_max = vnp_udp_send_cnt_max(on);
	/* A shorter datagram is the last one. */
	if (pending->len < pending->cnt * pending->size)
		pending->cnt_max = pending->cnt;
	skb = pending->cnt < pending->cnt_max ? vnp_udp_send_alloc(0) : NULL;
	if (!skb)
		return;
	vnp_udp_block_put_in(pending->block, skb, 0, pending->off, pending->len);
	vnp_udp_block_put(pending->block);
	pending->block = NULL;
	pending->skb = skb;
	pending->space = 0;
}

/* Add a datagram to a packet, or begin one.  Return: 0, -EDQUOT, or an errno of sealing it */
static int vnp_udp_send_add(struct vnp_target_cpu *on, struct vnp_udp_sending *sending,
			    const struct vnp_dgram *dgram, const struct vnp_send_msg *msg,
			    struct vnp_user *user)
{
	struct vnp_pending *pending = &on->pending;
	const u32 len = vnp_udp_msg_len(msg);
	int ret;

	if (pending->block)
		vnp_udp_send_convert(on);
	if (vnp_udp_send_fits(on, sending->hops, len)) {
		ret = vnp_udp_send_append(pending, sending, dgram, msg);
		if (!ret) {
			pending->cnt++;
			/* A shorter datagram is the last one. */
			if (len < pending->size)
				pending->cnt_max = pending->cnt;
		}
		if (ret <= 0)
			return ret;
	}
	ret = vnp_udp_send_clear(on, sending);
	if (ret)
		return ret;
	return vnp_udp_send_own(on, sending, dgram, msg, user);
}

/* Send a datagram as it is: @whole is all of it.  Return: 0, -ENOMEM, -EDQUOT */
static int vnp_udp_send_whole(struct vnp_target_cpu *on, struct vnp_udp_sending *sending,
			      const struct vnp_dgram *dgram, const struct vnp_send_msg *whole,
			      struct vnp_user *user)
{
	struct vnp_pending *pending = &on->pending;

	if (!vnp_udp_block_has(sending, dgram) &&
	    vnp_udp_block_find(sending, dgram, 0, whole->len))
		return -ENOMEM;
	if (vnp_udp_send_follows(pending, sending)) {
		pending->len += whole->len;
		pending->cnt++;
		return 0;
	}
	/*
	 * The datagram is in another block, or after others in this one that the peer did not get.
	 */
	if (pending->cnt && vnp_udp_send_joins(on, sending, whole->len))
		return vnp_udp_send_add(on, sending, dgram, whole, user);
	if (vnp_udp_send_clear(on, sending))
		return -EDQUOT;
	pending->block = sending->block;
	pending->block->refs++;
	pending->off = sending->at;
	pending->len = whole->len;
	vnp_udp_send_first(on, sending, user, whole->len);
	return 0;
}

/*
 * ---- The same peers again -------------------------------------------------
 */

/*
 * Record a peer that a datagram was sent to as it is, if the datagram that follows it can be sent
 * by extending the range that is pending.  If not, it must not be in the list any more.
 */
static void vnp_udp_repeat_add(struct vnp_udp_sending *sending, struct vnp_target_cpu *on)
{
	const struct vnp_pending *pending = &on->pending;
	struct vnp_repeat *repeat = &sending->sending.repeat;
	const u32 end = sending->at + sending->len;

	if (!pending->block || pending->block != sending->block ||
	    pending->off + pending->len != end ||
	    (repeat->first && (repeat->block != sending->block || repeat->at != end))) {
		vnp_repeat_end(&sending->sending);
		return;
	}
	on->again = NULL;
	if (repeat->first) {
		repeat->last->again = on;
		repeat->last = on;
		repeat->cnt++;
		repeat->group = false;
		return;
	}
	repeat->first = on;
	repeat->last = on;
	repeat->block = sending->block;
	repeat->at = end;
	repeat->cnt = 1;
	repeat->len = 0;
	repeat->datagrams = 0;
	repeat->begun = false;
	repeat->group = false;
}

/* Send a datagram as it is to the same peers as the previous one.  Return: false: it cannot be */
static bool vnp_udp_repeat_begin(struct vnp_udp_sending *sending, struct vnp_dgram *dgram)
{
	const struct vnp_dispatch *dispatch = container_of(dgram, struct vnp_dispatch, dgram);
	struct vnp_repeat *repeat = &sending->sending.repeat;
	const u32 len = dgram->exec.ctx.len;

	if (repeat->begun || !vnp_udp_block_lasts(dgram))
		return false;
	if (!vnp_udp_block_has(sending, dgram) && vnp_udp_block_find(sending, dgram, 0, len))
		return false;
	if (sending->block != repeat->block || sending->at != repeat->at ||
	    !vnp_send_draw_many(&sending->sending, dispatch->link->user, repeat->cnt, len))
		return false;
	repeat->user = dispatch->link->user;
	repeat->size = len;
	repeat->end = dgram->exec.ctx.data_end;
	repeat->begun = true;
	return true;
}

bool vnp_udp_repeat(struct vnp_dgram *dgram)
{
	struct vnp_udp_sending *sending = vnp_udp_sending();

	return !sending->sending.repeat.records && vnp_udp_repeat_begin(sending, dgram);
}

/*
 * ---- All datagrams --------------------------------------------------------
 */

/* A limit is reached: count the datagram that is not sent. */
static noinline int vnp_udp_send_refuse(struct vnp_link *link, struct vnp_target_cpu *on)
{
	vnp_link_error(link, VNP_ERROR_RATE, 1);
	vnp_target_error(on, VNP_ERROR_RATE, 1);
	return -EDQUOT;
}

/* Return: as vnp_udp_send() */
static noinline int vnp_udp_send_any(struct vnp_udp_sending *sending, struct vnp_dgram *dgram,
				     struct vnp_target *target, const struct vnp_send_msg *msg,
				     bool again)
{
	const struct vnp_dispatch *dispatch = container_of(dgram, struct vnp_dispatch, dgram);
	const struct vnp_send_msg whole = { .len = dgram->exec.ctx.len };
	struct vnp_target_cpu *on = this_cpu_ptr(target->cpu);
	struct vnp_user *user = dispatch->link->user;
	const bool lasts = vnp_udp_block_lasts(dgram);
	const u32 len = vnp_udp_msg_len(msg ?: &whole);
	int ret;

	/* As long as peers are recorded, all of them get the datagram as it is. */
	if (msg || !lasts || !sending->sending.repeat.records)
		vnp_repeat_end(&sending->sending);
	if (!lasts && !again)
		vnp_udp_block_forget(sending);
	/* Pairs with vnp_peers_set_socket(). */
	if (unlikely(!smp_load_acquire(&target->sk)))
		return -ENOENT;
	if (unlikely(len > VNP_DATAGRAM_MAX)) {
		vnp_target_error(on, VNP_ERROR_LENGTH, 1);
		return -EMSGSIZE;
	}
	if (unlikely(!vnp_send_reserve(&sending->sending, &on->entry, user) ||
		     !vnp_send_draw(&sending->sending, user, len)))
		return vnp_udp_send_refuse(dispatch->link, on);
	if (lasts && !msg)
		ret = vnp_udp_send_whole(on, sending, dgram, &whole, user);
	else
		ret = vnp_udp_send_add(on, sending, dgram, msg ?: &whole, user);
	if (unlikely(ret == -EDQUOT))
		return vnp_udp_send_refuse(dispatch->link, on);
	if (unlikely(ret) && ret != -EKEYREJECTED)
		vnp_target_error(on, VNP_ERROR_MEMORY, 1);
	if (!ret && !msg && sending->sending.repeat.records)
		vnp_udp_repeat_add(sending, on);
	return ret;
}

/* memcpy() of the program's own bytes, in few instructions for the length of most headers */
static __always_inline void vnp_udp_send_copy_head(u8 *to, const struct vnp_send_msg *msg)
{
	const u32 len = msg->head_len, last = len - sizeof(u64);
	u64 first, second;

	if (last > sizeof(u64)) {
		memcpy(to, msg->head, len);
		return;
	}
	/* 8 to 16 bytes, of which some may be written twice */
	memcpy(&first, msg->head, sizeof(first));
	memcpy(&second, msg->head + last, sizeof(second));
	memcpy(to, &first, sizeof(first));
	memcpy(to + last, &second, sizeof(second));
}

/*
 * Fast path: copy a datagram with bytes of the program's own to the space of the packet that is
 * pending, if those in it have the same length.  Return: false, without changes, if that is not
 * possible
 */
static __always_inline bool vnp_udp_send_equal(struct vnp_udp_sending *sending,
					       const struct vnp_dgram *dgram,
					       struct vnp_pending *pending,
					       const struct vnp_send_msg *msg)
{
	const struct vnp_dispatch *dispatch = container_of(dgram, struct vnp_dispatch, dgram);
	const struct vnp_ctx *ctx = &dgram->exec.ctx;
	const u32 len = msg->head_len + msg->len;
	u8 *to = pending->to;

	if (!len || pending->space < len || len != pending->size ||
	    sending->block || msg->sealing ||
	    pending->cnt >= pending->cnt_max || pending->hops != sending->hops ||
	    msg->off + msg->len > ctx->data_end - ctx->data ||
	    !vnp_send_draw(&sending->sending, dispatch->link->user, len))
		return false;
	vnp_udp_send_copy_head(to, msg);
	memcpy(to + msg->head_len, ctx->data + msg->off, msg->len);
	pending->to = to + len;
	pending->space -= len;
	pending->len += len;
	pending->cnt++;
	return true;
}

/*
 * The most frequent cases first: the above; and a whole datagram that was found for another peer
 * before, and directly follows what is pending for this peer in the same block.
 */
int vnp_udp_send(struct vnp_dgram *dgram, struct vnp_target *target,
		 const struct vnp_send_msg *msg, bool again)
{
	const struct vnp_dispatch *dispatch = container_of(dgram, struct vnp_dispatch, dgram);
	struct vnp_udp_sending *sending = vnp_udp_sending();
	struct vnp_repeat *repeat = &sending->sending.repeat;
	struct vnp_target_cpu *on = this_cpu_ptr(target->cpu);
	struct vnp_pending *pending = &on->pending;
	const u32 len = dgram->exec.ctx.len;

	if (msg) {
		if (vnp_udp_send_equal(sending, dgram, pending, msg))
			return 0;
	} else if (repeat->first) {
		if (on == repeat->first && !repeat->records &&
		    vnp_udp_repeat_begin(sending, dgram)) {
			repeat->next = on->again;
			return 0;
		}
	} else if (vnp_udp_send_follows(pending, sending) && vnp_udp_block_has(sending, dgram) &&
		   vnp_send_draw(&sending->sending, dispatch->link->user, len)) {
		pending->len += len;
		pending->cnt++;
		return 0;
	}
	return vnp_udp_send_any(sending, dgram, target, msg, again);
}

int vnp_udp_append(struct vnp_dgram *dgram, struct vnp_outlet *outlet,
		   const struct vnp_send_msg *msg)
{
	const struct vnp_dispatch *dispatch = container_of(dgram, struct vnp_dispatch, dgram);

	return vnp_outlet_append(outlet, dispatch->link, __this_cpu_read(vnp_sending), dgram, msg);
}
