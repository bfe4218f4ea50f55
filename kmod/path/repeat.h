/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sending to the same peers again.
 *
 * The datagrams of a packet are usually sent to the same peers, in the same order.  So the peers
 * that one of them was sent to, as it is, are recorded in a list.  While the next ones are sent to
 * the same peers in the same order, and follow it in its block (udp/block.h), they are only
 * counted here: that takes one comparison for each peer, or one for all members of a group.  What
 * is pending for the peers (struct vnp_pending) is updated by vnp_repeat_end(): before anything
 * else is sent because of the packet, before a packet leaves, and before another packet is
 * processed within the processing of this one.  So nothing else sees what is out of date.
 *
 * Limits are checked, and accounts charged, for all peers when a datagram is sent to the first of
 * them; what was charged for those that it is not sent to is credited again.
 *
 * Peers in the list cannot be freed, as RCU is locked for as long as the packet is processed.  One
 * that was deleted or replaced is recognized by @gone of struct vnp_target, or, if the list is a
 * group, by a counter of changes of the map.
 *
 * Context of all that is here: softirq, under RCU.
 */
#ifndef _VNP_PATH_REPEAT_H
#define _VNP_PATH_REPEAT_H

#include <linux/types.h>

struct vnp_sending;
struct vnp_target_cpu;
struct vnp_udp_block;
struct vnp_user;

/**
 * struct vnp_repeat - the peers that the previous datagram of a packet was sent to
 * @first:	list by struct vnp_target_cpu::again; NULL: none, and only @next and @records are
 *		valid
 * @last:	its end
 * @next:	the peer that the current datagram is to be sent to next; NULL: it was sent to all
 *		of them, or not to the first one yet
 * @end:	@data_end of the current datagram
 * @block:	the block that what is pending for each of them refers to
 * @user:	who was charged for the current datagram
 * @at:		the position in @block at which the next datagram must be
 * @cnt:	number of peers
 * @len:	payload that was sent to all of them, but is not pending yet
 * @datagrams:	its datagrams
 * @size:	payload of the current datagram
 * @changes:	if @group: vnp_peers_changes() of the map
 * @records:	the execution may add peers to the list
 * @begun:	the current datagram was sent to the first peer
 * @group:	they are all members of a group
 */
struct vnp_repeat {
	struct vnp_target_cpu *first;
	struct vnp_target_cpu *last;
	struct vnp_target_cpu *next;
	const void *end;
	const struct vnp_udp_block *block;
	struct vnp_user *user;
	u32 at;
	u32 cnt;
	u32 len;
	u32 datagrams;
	u32 size;
	u32 changes;
	bool records;
	bool begun;
	bool group;
};

static inline void vnp_repeat_init(struct vnp_repeat *repeat)
{
	repeat->first = NULL;
	repeat->next = NULL;
	repeat->records = false;
}

/* vnp_repeat_end() - update what is pending, and forget the list */
void vnp_repeat_end(struct vnp_sending *sending);

/* vnp_repeat_execute() - another execution begins; @records: it may record peers */
void vnp_repeat_execute(struct vnp_sending *sending, bool records);

#endif /* _VNP_PATH_REPEAT_H */
