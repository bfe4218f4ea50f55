// SPDX-License-Identifier: GPL-2.0
/* The functions of the helpers that send; see helpers.c. */
#include "kmod/map/peers.h"
#include "kmod/map/peers_table.h"
#include "kmod/path/dgram.h"
#include "kmod/path/send.h"
#include "kmod/prog/helpers.h"
#include "vm/code.h"
#include "vm/helper.h"

/*
 * Copy the program's struct vnp_send, then check the copy: another CPU may write to @mem.
 * @msg->head still points there, as those bytes need no check.  Return: 0, -EINVAL, -ERANGE
 */
static __always_inline int vnp_send_read(const struct vnp_dgram *dgram, u64 mem, u32 size,
					 u32 head_max, u16 flags, struct vnp_send *send,
					 struct vnp_send_msg *msg)
{
	const void *from = (const void *)(unsigned long)mem;
	int ret;

	if (size < sizeof(*send) || size - sizeof(*send) > head_max)
		return -EINVAL;
	memcpy(send, from, sizeof(*send));
	barrier_data(send);
	if (send->size != sizeof(*send) || send->flags & ~flags)
		return -EINVAL;
	ret = vnp_send_range(dgram, send->off, send->len, msg);
	if (ret)
		return ret;
	msg->head = from + sizeof(*send);
	msg->head_len = size - sizeof(*send);
	msg->tag = 0;
	msg->sealing = NULL;
	/* Speculation barrier: from here on the checks above also hold on mispredicted paths. */
	vnp_dgram_nospec(dgram);
	return 0;
}

/* VNP_PROG_RUN has no link, and sends nothing. */
static __always_inline int vnp_send_to(struct vnp_dgram *dgram, struct vnp_target *target,
				       const struct vnp_send_msg *msg, bool again)
{
	if (unlikely(vnp_dgram_is_forged(dgram)))
		return -EBADMSG;
	if (unlikely(!dgram->ops->send))
		return 0;
	if (target->outlet)
		return dgram->ops->append(dgram, target->outlet, msg);
	return dgram->ops->send(dgram, target, msg, again);
}

/*
 * Send a datagram as it is to a peer, if that is the next one of those that the previous datagram
 * was sent to.  Return: false: nothing was sent
 */
static __always_inline bool vnp_send_again(const struct vnp_dgram *dgram,
					   const struct vnp_map *map, const void *key)
{
	struct vnp_sending *sending = __this_cpu_read(vnp_sending);
	const struct vnp_target_cpu *on;
	const struct vnp_target *target;

	/* VNP_PROG_RUN has none. */
	if (!sending || !sending->repeat.next || sending->repeat.end != dgram->exec.ctx.data_end)
		return false;
	on = sending->repeat.next;
	target = on->target;
	if (target->map != map || READ_ONCE(target->gone) ||
	    !vnp_bucket_key_equal(target->key, key, map->key_size))
		return false;
	sending->repeat.next = on->again;
	return true;
}

static noinline int vnp_send_changed(struct vnp_dgram *dgram, struct vnp_map *map,
				     const void *key, u64 mem, u32 size)
{
	struct vnp_send_msg msg __vnp_uninitialized;
	struct vnp_send send __vnp_uninitialized;
	struct vnp_target *target;
	int ret;

	ret = vnp_send_read(dgram, mem, size, VNP_SEND_HEAD_MAX, 0, &send, &msg);
	if (unlikely(ret))
		return ret;
	target = vnp_peers_lookup(vnp_peers_of(map), key);
	return target ? vnp_send_to(dgram, target, &msg, false) : -ENOENT;
}

u64 vnp_helper_send(u64 ctx, u64 map_reg, u64 key_reg, u64 mem, u64 size)
{
	const void *key = (const void *)(unsigned long)key_reg;
	struct vnp_map *map = (struct vnp_map *)(unsigned long)map_reg;
	struct vnp_dgram *dgram = vnp_dgram_of(ctx);
	struct vnp_target *target;

	if (size)
		return vnp_send_changed(dgram, map, key, mem, size);
	if (vnp_send_again(dgram, map, key))
		return 0;
	target = vnp_peers_lookup(vnp_peers_of(map), key);
	return target ? vnp_send_to(dgram, target, NULL, false) : -ENOENT;
}

/* Does an error concern only this member? */
static bool vnp_send_continues(int ret)
{
	return ret == -ENOENT || ret == -ENOBUFS || ret == -ENOTCONN;
}

/* Return: the number of members it was sent to, or an errno.  @all: out: no others were found */
static int vnp_send_members(struct vnp_dgram *dgram, struct vnp_map *map, const void *key,
			    const struct vnp_target *except, const struct vnp_send_msg *msg,
			    bool *all)
{
	struct vnp_target *target;
	bool again = false;
	u32 cnt = 0;
	int ret;

	*all = true;
	for (target = vnp_peers_next(map, key, NULL); target;
	     target = vnp_peers_next(map, key, target)) {
		if (target == except)
			continue;
		ret = vnp_send_to(dgram, target, msg, again);
		/* UDP packets share the payload of the first one; TCP queues have copies. */
		again |= !target->outlet;
		if (ret && !vnp_send_continues(ret))
			return ret;
		cnt += !ret;
		*all &= !ret;
	}
	return cnt;
}

/*
 * Send a datagram as it is to all members of a group, if the previous one was sent to the same, and
 * the group has not changed since.  Return: their number, or 0: nothing was sent
 */
static int vnp_send_group_again(struct vnp_dgram *dgram, struct vnp_map *map, const void *key)
{
	const struct vnp_sending *sending = __this_cpu_read(vnp_sending);
	const struct vnp_repeat *repeat;
	const struct vnp_target *target;

	if (!sending || !sending->repeat.first || !dgram->ops->repeat)
		return 0;
	repeat = &sending->repeat;
	target = repeat->first->target;
	if (!repeat->group || target->map != map || repeat->changes != vnp_peers_changes(map) ||
	    memcmp(target->key, key, sizeof(u32)) || !dgram->ops->repeat(dgram))
		return 0;
	return repeat->cnt;
}

/* Send a datagram as it is to all members of a group.  Return: as vnp_send_members() */
static int vnp_send_group_whole(struct vnp_dgram *dgram, struct vnp_map *map, const void *key)
{
	struct vnp_sending *sending = __this_cpu_read(vnp_sending);
	const u32 changes = vnp_peers_changes(map);
	int ret = vnp_send_group_again(dgram, map, key);
	struct vnp_repeat *repeat;
	bool all;

	if (ret)
		return ret;
	ret = vnp_send_members(dgram, map, key, NULL, NULL, &all);
	if (!all || !sending || !sending->repeat.first)
		return ret;
	/* The latest peers are recorded: if there are as many, they are the members. */
	repeat = &sending->repeat;
	repeat->group = repeat->records && repeat->cnt == ret;
	repeat->changes = changes;
	return ret;
}

u64 vnp_helper_send_group(u64 ctx, u64 map_reg, u64 key_reg, u64 mem, u64 size)
{
	const void *key = (const void *)(unsigned long)key_reg;
	struct vnp_map *map = (struct vnp_map *)(unsigned long)map_reg;
	struct vnp_dgram *dgram = vnp_dgram_of(ctx);
	const struct vnp_target *except = NULL;
	struct vnp_send_msg msg __vnp_uninitialized;
	struct vnp_send send __vnp_uninitialized;
	bool all;
	int ret;

	if (!size)
		return vnp_send_group_whole(dgram, map, key);
	ret = vnp_send_read(dgram, mem, size, VNP_SEND_HEAD_MAX, VNP_SEND_F_OTHERS, &send, &msg);
	if (ret)
		return ret;
	if (send.flags & VNP_SEND_F_OTHERS)
		except = vnp_peers_find(map, key);
	return vnp_send_members(dgram, map, key, except, &msg, &all);
}

u64 vnp_helper_reply(u64 ctx, u64 flags, u64 mem, u64 size, u64 r5)
{
	struct vnp_dgram *dgram = vnp_dgram_of(ctx);
	struct vnp_send_msg msg;
	struct vnp_send send;
	int ret;

	/* If this fails, the verdict VNP_REPLY must not send the message in place of the answer. */
	dgram->answered = true;
	if ((u32)flags)
		return -EINVAL;
	if (size) {
		ret = vnp_send_read(dgram, mem, size, VNP_REPLY_HEAD_MAX, 0, &send, &msg);
		if (ret)
			return ret;
	}
	if (unlikely(vnp_dgram_is_forged(dgram)))
		return -EBADMSG;
	if (!dgram->ops->answer)
		return 0;
	return dgram->ops->answer(dgram, size ? &msg : NULL);
}
