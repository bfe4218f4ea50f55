/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The messages of a link: a table by key, and a list by age.
 *
 * This is for the files of kmod/hold/ only; all others use hold.h, which describes ownership and
 * locking.  Context of all functions here, unless stated otherwise: the lock.
 */
#ifndef _VNP_HOLD_TABLE_H
#define _VNP_HOLD_TABLE_H

#include <linux/hashtable.h>
#include <linux/list.h>
#include <linux/siphash.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include <net/sock.h>

#include "kmod/hold/hold.h"
#include "kmod/hold/message.h"
#include "kmod/link/link.h"

/* About how many datagrams are freed or delivered before softirqs are enabled again */
#define VNP_HOLD_AT_ONCE	64

/* Datagrams that may be freed to make room for one packet: as many as a message can have */
#define VNP_HOLD_EVICT_MAX	VNP_MESSAGE_FRAGMENTS_MAX

/* Messages and fragments that are allocated with the link, and so charged to its user */
#define VNP_HOLD_MESSAGES_OWN	8
#define VNP_HOLD_FRAGMENTS_OWN	64

/**
 * struct vnp_hold - the messages held with a link
 * @link:	the link
 * @lock:	for all below but the counters; softirqs are off while it is held
 * @closed:	holding is forbidden: the link ends, or its program does not hold
 * @bytes:	memory charged for held messages
 * @messages:	number of held messages
 * @oldest:	list of these messages, the oldest first, without @latest
 * @deferred:	messages that were released, to be delivered by @expiry; linked by @next
 * @tail:	where the next of them is added
 * @waiting:	some of these, or of those that @expiry took, are not delivered yet
 * @to_free:	messages that ended otherwise, to be freed by @expiry; linked by @next
 * @latest:	the message that was begun last, or NULL.  It is neither in @table nor in @oldest:
 *		most messages are complete before the next one begins
 * @expiry:	work item: ends messages that are too old, finishes @deferred and @to_free
 * @reserved:	there is a @slot.  Both are used by @expiry only
 * @slot:	from this jiffy on, @expiry may do one iteration although the user's account is
 *		empty
 * @released:	messages released
 * @fragments:	datagrams of the messages released
 * @late:	messages released because of their age
 * @spare:	an unused message, or NULL; exchanged without the lock
 * @messages_free: unused messages of @messages_own
 * @fragments_free: unused fragments of @fragments_own
 * @messages_own: see VNP_HOLD_MESSAGES_OWN
 * @fragments_own: likewise
 * @key:	of the hash function, secret: keys of messages come from datagrams
 * @mask:	number of @table's entries - 1
 * @table:	messages by key
 */
struct vnp_hold {
	struct vnp_link *link;
	spinlock_t lock;	/* messages and their fragments */
	bool closed;
	u32 bytes;
	u32 messages;
	struct list_head oldest;
	struct vnp_message *deferred;
	struct vnp_message **tail;
	bool waiting;
	struct vnp_message *to_free;
	struct vnp_message *latest;
	struct delayed_work expiry;
	bool reserved;
	unsigned long slot;
	atomic64_t released;
	atomic64_t fragments;
	atomic64_t late;
	struct vnp_message *spare;
	struct vnp_message *messages_free;
	struct vnp_fragment *fragments_free;
	struct vnp_message messages_own[VNP_HOLD_MESSAGES_OWN];
	struct vnp_fragment fragments_own[VNP_HOLD_FRAGMENTS_OWN];
	hsiphash_key_t key;
	u32 mask;
	struct hlist_head table[];
};

/*
 * ---- Memory of messages and fragments -----------------------------------
 */

static inline struct vnp_message *vnp_message_alloc(struct vnp_hold *hold)
{
	struct vnp_message *message = READ_ONCE(hold->spare) ? xchg(&hold->spare, NULL) : NULL;

	if (message)
		return message;
	message = hold->messages_free;
	if (unlikely(!message))
		return kmalloc(sizeof(*message), GFP_ATOMIC | __GFP_NOWARN);
	hold->messages_free = message->next;
	return message;
}

static inline void vnp_message_free(struct vnp_hold *hold, struct vnp_message *message)
{
	if (unlikely(message < hold->messages_own ||
		     message >= hold->messages_own + VNP_HOLD_MESSAGES_OWN)) {
		kfree(message);
		return;
	}
	message->next = hold->messages_free;
	hold->messages_free = message;
}

/* vnp_message_free_unlocked() - as vnp_message_free(), but the caller does not hold the lock */
static inline void vnp_message_free_unlocked(struct vnp_hold *hold, struct vnp_message *message)
{
	message = xchg(&hold->spare, message);
	if (likely(!message))
		return;
	spin_lock(&hold->lock);
	vnp_message_free(hold, message);
	spin_unlock(&hold->lock);
}

static inline struct vnp_fragment *vnp_fragment_alloc(struct vnp_hold *hold,
						      struct vnp_message *message)
{
	struct vnp_fragment *fragment = hold->fragments_free;

	if (!message->taken) {
		message->taken = true;
		return &message->own;
	}
	if (unlikely(!fragment))
		return kmalloc(sizeof(*fragment), GFP_ATOMIC | __GFP_NOWARN);
	hold->fragments_free = fragment->spare;
	return fragment;
}

static inline void vnp_fragment_free(struct vnp_hold *hold, struct vnp_fragment *fragment)
{
	if (fragment == &fragment->message->own) {
		fragment->message->taken = false;
	} else if (likely(fragment >= hold->fragments_own &&
			  fragment < hold->fragments_own + VNP_HOLD_FRAGMENTS_OWN)) {
		fragment->spare = hold->fragments_free;
		hold->fragments_free = fragment;
	} else {
		kfree(fragment);
	}
}

/*
 * ---- Messages -----------------------------------------------------------
 */

static inline struct hlist_head *vnp_hold_bucket(struct vnp_hold *hold, u64 key)
{
	return &hold->table[hsiphash_2u32(key, key >> 32, &hold->key) & hold->mask];
}

static inline struct vnp_message *vnp_hold_find(struct vnp_hold *hold, u64 key)
{
	struct vnp_message *message = hold->latest;

	if (likely(message && message->key == key))
		return message;
	if (hold->messages == !!message)
		return NULL;
	hlist_for_each_entry(message, vnp_hold_bucket(hold, key), node)
		if (message->key == key)
			return message;
	return NULL;
}

static inline struct vnp_message *vnp_hold_oldest(struct vnp_hold *hold)
{
	return list_first_entry_or_null(&hold->oldest, struct vnp_message, list) ?: hold->latest;
}

static inline unsigned long vnp_hold_age(const struct vnp_hold *hold)
{
	return msecs_to_jiffies(hold->link->hold_age_ms);
}

static inline void vnp_hold_insert(struct vnp_hold *hold, struct vnp_message *message)
{
	hlist_add_head(&message->node, vnp_hold_bucket(hold, message->key));
	list_add_tail(&message->list, &hold->oldest);
}

static inline void vnp_hold_remove(struct vnp_hold *hold, struct vnp_message *message)
{
	if (hold->latest == message) {
		hold->latest = NULL;
	} else {
		hlist_del(&message->node);
		list_del(&message->list);
	}
	WRITE_ONCE(hold->messages, hold->messages - 1);
	WRITE_ONCE(hold->bytes, hold->bytes - message->charge);
}

/* A message has ended: if none of its fragments is pending, it can be finished. */
static inline void vnp_hold_ended(struct vnp_holding *h, struct vnp_message *message)
{
	if (message->pending)
		return;
	message->next = NULL;
	*h->tail = message;
	h->tail = &message->next;
}

static inline void vnp_hold_end(struct vnp_holding *h, struct vnp_message *message,
				enum vnp_message_end end)
{
	if (message->end == VNP_MESSAGE_HELD)
		vnp_hold_remove(h->link->hold, message);
	message->end = end;
	/* Uncharge what will be freed now, not when it is freed: others may need the room. */
	if (vnp_message_is_dropped(end) && message->charge && !message->uncharged) {
		h->link->hook->uncharge(h->sk, message->charge);
		message->uncharged = true;
	}
	vnp_hold_ended(h, message);
}

/* Remove a message that has no datagrams any more. */
static inline void vnp_hold_remove_empty(struct vnp_holding *h, struct vnp_message *message)
{
	if (message->cnt)
		return;
	vnp_hold_remove(h->link->hold, message);
	vnp_message_free(h->link->hold, message);
}

/*
 * A datagram was removed from a message, one of whose fragments is still pending.  If the message
 * was released as one datagram, it must not be delivered without this one, and is discarded, unless
 * it was released because of its age, and so is incomplete anyway.
 */
static inline void vnp_hold_incomplete(struct vnp_holding *h, struct vnp_message *message)
{
	if (message->end == VNP_MESSAGE_RELEASED && !message->late)
		vnp_hold_end(h, message, VNP_MESSAGE_DISCARDED);
}

/* A fragment is not pending any more. */
static inline void vnp_hold_settled(struct vnp_holding *h, struct vnp_message *message)
{
	message->pending--;
	if (message->end != VNP_MESSAGE_HELD)
		vnp_hold_ended(h, message);
	else
		vnp_hold_remove_empty(h, message);
}

/* Return: a message that the work item was to free, or NULL.  Context: the lock */
static inline struct vnp_message *vnp_hold_take_to_free(struct vnp_hold *hold)
{
	struct vnp_message *message = hold->to_free;

	if (message)
		WRITE_ONCE(hold->to_free, message->next);
	return message;
}

/*
 * ---- Room ---------------------------------------------------------------
 */

/* Do @size bytes fit the socket's receive buffer, if @held bytes in it are not counted? */
static inline bool vnp_hold_fits(const struct sock *sk, u32 size, u32 held)
{
	const s64 rmem = atomic_read(&sk->sk_rmem_alloc);

	return rmem - held + size <= READ_ONCE(sk->sk_rcvbuf);
}

#endif /* _VNP_HOLD_TABLE_H */
