/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A message: fragments in the order of numbers that the program chose.
 *
 * Ownership and locking: kmod/hold/hold.h.  Context of all functions here: the lock.
 */
#ifndef _VNP_HOLD_MESSAGE_H
#define _VNP_HOLD_MESSAGE_H

#include <linux/err.h>
#include <linux/list.h>
#include <linux/rbtree.h>
#include <linux/types.h>
#include <linux/vnp.h>

struct sk_buff;
struct vnp_message;

/* How a message ended: it is dropped if this is VNP_MESSAGE_EVICTED or greater */
enum vnp_message_end {
	VNP_MESSAGE_HELD,	/* not yet */
	VNP_MESSAGE_RELEASED,
	VNP_MESSAGE_RELEASED_EACH,
	VNP_MESSAGE_EVICTED,
	VNP_MESSAGE_EXPIRED,
	VNP_MESSAGE_DISCARDED,
};

static inline bool vnp_message_is_dropped(enum vnp_message_end end)
{
	return end >= VNP_MESSAGE_EVICTED;
}

/**
 * struct vnp_fragment - a datagram of a message, or neighbours with consecutive orders
 * @node:	in struct vnp_message::fragments
 * @spare:	instead, the next one that is free (struct vnp_hold::fragments_free)
 * @message:	its message
 * @first:	order of its first datagram
 * @last:	and of its last one
 * @from:	first byte of each payload that belongs to the message
 * @bytes:	of all payloads from @from on, as their lengths were when vnp_hold() was called
 * @kept:	datagrams in @skb; while it is pending, maybe not all from @first to @last
 * @skb:	the packets, linked by skb->next; while it is pending, only used by the CPU that
 *		adds them
 * @tail:	the last of them
 */
struct vnp_fragment {
	union {
		struct rb_node node;
		struct vnp_fragment *spare;
	};
	struct vnp_message *message;
	u32 first;
	u32 last;
	u32 from;
	u32 bytes;
	u32 kept;
	struct sk_buff *skb;
	struct sk_buff *tail;
};

/**
 * struct vnp_message - a message
 * @node:	in the table by @key, while it is held, unless it is struct vnp_hold::latest
 * @list:	in struct vnp_hold::oldest, likewise
 * @fragments:	by order
 * @first:	the first of them
 * @last:	the last of them
 * @key:	chosen by the program
 * @bytes:	of its fragments
 * @cnt:	datagrams
 * @charge:	memory charged to the socket
 * @pending:	number of pending fragments
 * @end:	enum vnp_message_end
 * @late:	it was released because of its age
 * @uncharged:	it will be freed, and @charge was uncharged already
 * @taken:	@own is in use, as one of @fragments
 * @only:	it was released by the execution on its only datagram, which is pending in @own:
 *		nothing else uses it any more
 * @born:	jiffies when it was created
 * @next:	in struct vnp_holding::ended, or @deferred, @to_free or @messages_free of struct
 *		vnp_hold
 * @own:	memory for a fragment: many messages have just one
 */
struct vnp_message {
	struct hlist_node node;
	struct list_head list;
	struct rb_root fragments;
	struct vnp_fragment *first;
	struct vnp_fragment *last;
	u64 key;
	u32 bytes;
	u32 cnt;
	u32 charge;
	u32 pending;
	u8 end;
	bool late;
	bool uncharged;
	bool taken;
	bool only;
	unsigned long born;
	struct vnp_message *next;
	struct vnp_fragment own;
};

static inline struct vnp_fragment *vnp_fragment_of(const struct rb_node *node)
{
	return rb_entry_safe(node, struct vnp_fragment, node);
}

/* Find where to insert a fragment of this order.  Return: NULL: there is one already */
static inline struct rb_node **vnp_message_slot(struct vnp_message *message, u32 order,
						struct rb_node **parent)
{
	struct rb_node **slot = &message->fragments.rb_node;
	struct vnp_fragment *fragment;

	*parent = NULL;
	/* Datagrams mostly arrive in order. */
	if (message->last && order > message->last->last) {
		*parent = &message->last->node;
		return &message->last->node.rb_right;
	}
	while (*slot) {
		fragment = vnp_fragment_of(*slot);
		*parent = *slot;
		if (order < fragment->first)
			slot = &fragment->node.rb_left;
		else if (order > fragment->last)
			slot = &fragment->node.rb_right;
		else
			return NULL;
	}
	return slot;
}

static inline void vnp_message_erase(struct vnp_message *message,
				     struct vnp_fragment *fragment)
{
	rb_erase(&fragment->node, &message->fragments);
	if (message->last == fragment)
		message->last = vnp_fragment_of(rb_last(&message->fragments));
	if (message->first == fragment)
		message->first = vnp_fragment_of(rb_first(&message->fragments));
}

/*
 * Add a datagram to the fragment of the current batch, if it is for the same message, and its
 * order is the next one.  Return: 0; -EEXIST: another fragment has this order; -E2BIG: the message
 * has too many datagrams; -ENOENT: the datagram needs a fragment of its own
 */
static inline int vnp_fragment_extend(struct vnp_fragment *fragment, u64 key, u32 order,
				      u32 from)
{
	const struct vnp_message *message = fragment->message;
	const struct vnp_fragment *next;

	if (message->end != VNP_MESSAGE_HELD || message->key != key ||
	    fragment->from != from || !order || fragment->last != order - 1)
		return -ENOENT;
	next = message->last == fragment ? NULL : vnp_fragment_of(rb_next(&fragment->node));
	if (next && next->first == order)
		return -EEXIST;
	if (message->cnt >= VNP_MESSAGE_FRAGMENTS_MAX)
		return -E2BIG;
	fragment->last = order;
	return 0;
}

#endif /* _VNP_HOLD_MESSAGE_H */
