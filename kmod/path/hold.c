// SPDX-License-Identifier: GPL-2.0
#include "kmod/path/hold.h"

#include <linux/hashtable.h>
#include <linux/list.h>
#include <linux/random.h>
#include <linux/rbtree.h>
#include <linux/siphash.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include <net/sock.h>

#include "kmod/core/memory.h"
#include "kmod/link/link.h"
#include "kmod/link/stats.h"
#include "kmod/path/batch.h"
#include "kmod/prog/account.h"

/* Datagrams that are freed or delivered without enabling softirqs in between, roughly */
#define VNP_HOLD_AT_ONCE	64

/* Datagrams that are freed to make room for one packet: those of the largest message, or more */
#define VNP_HOLD_EVICT_MAX	VNP_MESSAGE_FRAGMENTS_MAX

/*
 * What it takes to free or deliver a datagram, in ns.  What a user's account does not have is
 * done by a work item, so messages that end do not keep softirqs off for longer than executions.
 */
#define VNP_HOLD_END_NS		500
#define VNP_HOLD_ADD_NS		100	/* as one of a message that is delivered whole */

/* Messages and fragments for which a link always has memory: it is charged to its user */
#define VNP_HOLD_MESSAGES_OWN	8
#define VNP_HOLD_FRAGMENTS_OWN	64

/* Room for a datagram that is delivered by itself, beyond what its packet is charged */
#define VNP_HOLD_EACH_SIZE	1024

/* How a message ended */
enum vnp_message_end {
	VNP_MESSAGE_HELD,	/* not yet */
	VNP_MESSAGE_RELEASED,
	VNP_MESSAGE_RELEASED_EACH,
	VNP_MESSAGE_EVICTED,
	VNP_MESSAGE_EXPIRED,
	VNP_MESSAGE_DISCARDED,
};

/**
 * struct vnp_fragment - a datagram of a message, or neighbours with consecutive orders
 * @node:	in struct vnp_message::fragments
 * @spare:	instead, the next one that is free (struct vnp_hold::fragments_free)
 * @message:	its message
 * @first:	order of its first datagram
 * @last:	and of its last one
 * @from:	first byte of each payload that belongs to the message
 * @bytes:	in all of them from there on, as their lengths were at vnp_hold()
 * @kept:	datagrams in its packets
 * @skb:	the packets, linked by skb->next; if pending, the owner's
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
 * @list:	in the list by age, while it is held
 * @fragments:	by order
 * @first:	the first of them
 * @last:	the last of them
 * @key:	chosen by the program
 * @bytes:	of its fragments
 * @cnt:	datagrams
 * @charge:	memory charged to the socket
 * @pending:	fragments that are
 * @end:	enum vnp_message_end
 * @late:	released because of its age
 * @uncharged:	it is being freed, and @charge was put back
 * @taken:	@own is one of @fragments
 * @born:	jiffies when it was created
 * @next:	in struct vnp_holding::ended, or struct vnp_hold::messages_free
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
	unsigned long born;
	struct vnp_message *next;
	struct vnp_fragment own;
};

/**
 * struct vnp_hold - the messages held with a link
 * @link:	the link
 * @lock:	all below but the counters; softirqs are off while it is held
 * @closed:	nothing is held any more
 * @bytes:	memory charged for messages in the table
 * @messages:	their number
 * @oldest:	a list of them, by age
 * @deferred:	messages that were released, to be delivered by @expiry, by @next
 * @tail:	where the next of them is added
 * @waiting:	some of these, or that @expiry took, are not delivered yet
 * @to_free:	messages that ended otherwise, to be freed by @expiry, by @next
 * @latest:	the one begun last, which is not in @table: most messages are complete before
 *		the next one begins, and need no hash; or NULL
 * @expiry:	ends those that are too old
 * @released:	messages released
 * @fragments:	datagrams of these
 * @late:	messages released because of their age
 * @messages_free: those of @messages_own
 * @fragments_free: those of @fragments_own
 * @messages_own: see VNP_HOLD_MESSAGES_OWN
 * @fragments_own: likewise
 * @key:	of the hash function: programs take keys from datagrams
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
	atomic64_t released;
	atomic64_t fragments;
	atomic64_t late;
	struct vnp_message *messages_free;
	struct vnp_fragment *fragments_free;
	struct vnp_message messages_own[VNP_HOLD_MESSAGES_OWN];
	struct vnp_fragment fragments_own[VNP_HOLD_FRAGMENTS_OWN];
	hsiphash_key_t key;
	u32 mask;
	struct hlist_head table[];
};

/*
 * ---- Memory of messages and fragments.  Context: the lock ----------------
 */

static struct vnp_message *vnp_message_alloc(struct vnp_hold *hold)
{
	struct vnp_message *message = hold->messages_free;

	if (unlikely(!message))
		return kmalloc(sizeof(*message), GFP_ATOMIC | __GFP_NOWARN);
	hold->messages_free = message->next;
	return message;
}

static void vnp_message_free(struct vnp_hold *hold, struct vnp_message *message)
{
	if (unlikely(message < hold->messages_own ||
		     message >= hold->messages_own + VNP_HOLD_MESSAGES_OWN)) {
		kfree(message);
		return;
	}
	message->next = hold->messages_free;
	hold->messages_free = message;
}

static struct vnp_fragment *vnp_fragment_alloc(struct vnp_hold *hold,
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

static void vnp_fragment_free(struct vnp_hold *hold, struct vnp_fragment *fragment)
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

static void vnp_hold_init_memory(struct vnp_hold *hold)
{
	u32 i;

	for (i = 0; i < VNP_HOLD_MESSAGES_OWN; i++)
		vnp_message_free(hold, &hold->messages_own[i]);
	for (i = 0; i < VNP_HOLD_FRAGMENTS_OWN; i++) {
		hold->fragments_own[i].spare = hold->fragments_free;
		hold->fragments_free = &hold->fragments_own[i];
	}
}

/*
 * ---- Fragments of a message.  Context: the lock --------------------------
 */

static struct vnp_fragment *vnp_fragment_of(const struct rb_node *node)
{
	return rb_entry_safe(node, struct vnp_fragment, node);
}

/* Where a fragment of this order would be inserted.  Return: NULL: there is one */
static struct rb_node **vnp_message_slot(struct vnp_message *message, u32 order,
					 struct rb_node **parent)
{
	struct rb_node **slot = &message->fragments.rb_node;
	struct vnp_fragment *fragment;

	*parent = NULL;
	/* They mostly arrive in order. */
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

static struct vnp_fragment *vnp_message_insert(struct vnp_hold *hold,
					       struct vnp_message *message, u32 order,
					       u32 from)
{
	struct vnp_fragment *fragment;
	struct rb_node *parent, **slot = vnp_message_slot(message, order, &parent);

	if (!slot)
		return ERR_PTR(-EEXIST);
	fragment = vnp_fragment_alloc(hold, message);
	if (!fragment)
		return ERR_PTR(-ENOMEM);
	fragment->message = message;
	fragment->first = order;
	fragment->last = order;
	fragment->from = from;
	fragment->bytes = 0;
	fragment->kept = 0;
	fragment->skb = NULL;
	rb_link_node(&fragment->node, parent, slot);
	rb_insert_color(&fragment->node, &message->fragments);
	if (!message->last || order > message->last->last)
		message->last = fragment;
	if (!message->first || order < message->first->first)
		message->first = fragment;
	message->pending++;
	return fragment;
}

static void vnp_message_erase(struct vnp_message *message, struct vnp_fragment *fragment)
{
	rb_erase(&fragment->node, &message->fragments);
	if (message->last == fragment)
		message->last = vnp_fragment_of(rb_last(&message->fragments));
	if (message->first == fragment)
		message->first = vnp_fragment_of(rb_first(&message->fragments));
}

/*
 * The order after those of the current batch, for the same message: the fragment grows.
 * Return: 0; -EEXIST: there is one of this order; -E2BIG: the message has too many; -ENOENT:
 * it needs a fragment of its own
 */
static int vnp_fragment_extend(struct vnp_fragment *fragment, u64 key, u32 order, u32 from)
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

/*
 * ---- Messages of a link.  Context: the lock ------------------------------
 */

static struct hlist_head *vnp_hold_bucket(struct vnp_hold *hold, u64 key)
{
	return &hold->table[hsiphash_2u32(key, key >> 32, &hold->key) & hold->mask];
}

static struct vnp_message *vnp_hold_find(struct vnp_hold *hold, u64 key)
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

static struct vnp_message *vnp_hold_oldest(struct vnp_hold *hold)
{
	return list_first_entry_or_null(&hold->oldest, struct vnp_message, list);
}

static unsigned long vnp_hold_age(const struct vnp_hold *hold)
{
	return msecs_to_jiffies(hold->link->hold_age_ms);
}

static void vnp_hold_remove(struct vnp_hold *hold, struct vnp_message *message)
{
	if (hold->latest == message)
		hold->latest = NULL;
	else
		hlist_del(&message->node);
	list_del(&message->list);
	WRITE_ONCE(hold->messages, hold->messages - 1);
	WRITE_ONCE(hold->bytes, hold->bytes - message->charge);
}

/* It has ended; it is delivered or freed as soon as nothing of it is pending. */
static void vnp_hold_ended(struct vnp_holding *h, struct vnp_message *message)
{
	if (message->pending)
		return;
	message->next = NULL;
	*h->tail = message;
	h->tail = &message->next;
}

static void vnp_hold_end(struct vnp_holding *h, struct vnp_message *message,
			 enum vnp_message_end end)
{
	if (message->end == VNP_MESSAGE_HELD)
		vnp_hold_remove(h->link->hold, message);
	message->end = end;
	/* What is freed makes room at once. */
	if (end >= VNP_MESSAGE_EVICTED && message->charge && !message->uncharged) {
		h->link->hook->uncharge(h->sk, message->charge);
		message->uncharged = true;
	}
	vnp_hold_ended(h, message);
}

static struct vnp_message *vnp_hold_begin(struct vnp_holding *h, u64 key)
{
	struct vnp_hold *hold = h->link->hold;
	struct vnp_message *message;

	message = vnp_message_alloc(hold);
	if (!message)
		return NULL;
	message->fragments = RB_ROOT;
	message->first = NULL;
	message->last = NULL;
	message->key = key;
	message->bytes = 0;
	message->cnt = 0;
	message->charge = 0;
	message->pending = 0;
	message->end = VNP_MESSAGE_HELD;
	message->late = false;
	message->uncharged = false;
	message->taken = false;
	message->born = jiffies;
	if (hold->messages >= hold->link->hold_messages)
		vnp_hold_end(h, vnp_hold_oldest(hold), VNP_MESSAGE_EVICTED);
	if (list_empty(&hold->oldest))
		schedule_delayed_work(&hold->expiry, vnp_hold_age(hold));
	if (hold->latest)
		hlist_add_head(&hold->latest->node,
			       vnp_hold_bucket(hold, hold->latest->key));
	hold->latest = message;
	list_add_tail(&message->list, &hold->oldest);
	WRITE_ONCE(hold->messages, hold->messages + 1);
	return message;
}

/* The last fragment of a message was removed before anything of it was kept. */
static void vnp_hold_remove_empty(struct vnp_holding *h, struct vnp_message *message)
{
	if (message->cnt)
		return;
	vnp_hold_remove(h->link->hold, message);
	vnp_message_free(h->link->hold, message);
}

/*
 * A datagram is removed from a message, which must not be delivered without it if it was
 * released as a whole.  A fragment is still pending.
 */
static void vnp_hold_spoil(struct vnp_holding *h, struct vnp_message *message)
{
	if (message->end == VNP_MESSAGE_RELEASED && !message->late)
		vnp_hold_end(h, message, VNP_MESSAGE_DISCARDED);
}

/* A fragment is not pending any more. */
static void vnp_hold_settled(struct vnp_holding *h, struct vnp_message *message)
{
	message->pending--;
	if (message->end != VNP_MESSAGE_HELD)
		vnp_hold_ended(h, message);
	else
		vnp_hold_remove_empty(h, message);
}

/* Is there room in the socket's receive buffer, or would there be without @held? */
static bool vnp_hold_fits(const struct sock *sk, u32 size, u32 held)
{
	const s64 rmem = atomic_read(&sk->sk_rmem_alloc);

	return rmem - held + size <= READ_ONCE(sk->sk_rcvbuf);
}

/* Is there, and within the link's own limit? */
static bool vnp_hold_has_room(const struct vnp_holding *h, u32 size)
{
	const u32 max = h->link->hold_bytes ?: U32_MAX, held = h->link->hold->bytes;

	return held <= max && size <= max - held && vnp_hold_fits(h->sk, size, 0);
}

/* Charge memory to the socket.  The oldest messages are freed until there is room: some. */
static bool vnp_hold_charge(struct vnp_holding *h, struct vnp_message *message, u32 size)
{
	struct vnp_hold *hold = h->link->hold;
	struct vnp_message *oldest;
	u32 done = 0;

	/* It would not fit if nothing else were held. */
	if (hold->link->hold_bytes && size > hold->link->hold_bytes)
		return false;
	while (!vnp_hold_has_room(h, size) ||
	       !h->link->hook->charge(h->sk, size)) {
		oldest = vnp_hold_oldest(hold);
		/* If the queue is full, it is of no use to free them. */
		if (!oldest || done >= VNP_HOLD_EVICT_MAX ||
		    !vnp_hold_fits(h->sk, size, hold->bytes))
			return false;
		done += oldest->cnt;
		vnp_hold_end(h, oldest, VNP_MESSAGE_EVICTED);
		if (oldest == message)
			return true;
	}
	message->charge += size;
	if (message->end == VNP_MESSAGE_HELD)
		WRITE_ONCE(hold->bytes, hold->bytes + size);
	return true;
}

/*
 * ---- What programs call --------------------------------------------------
 */

static struct vnp_fragment *vnp_hold_place(struct vnp_holding *h, u64 key, u32 order,
					   u32 from)
{
	struct vnp_hold *hold = h->link->hold;
	struct vnp_message *message;
	int ret = -ENOENT;

	if (hold->closed)
		return ERR_PTR(-ENOLINK);
	if (h->batch)
		ret = vnp_fragment_extend(h->batch, key, order, from);
	if (likely(!ret))
		return h->batch;
	if (ret != -ENOENT)
		return ERR_PTR(ret);

	message = vnp_hold_find(hold, key) ?: vnp_hold_begin(h, key);
	if (!message)
		return ERR_PTR(-ENOMEM);
	if (message->cnt >= VNP_MESSAGE_FRAGMENTS_MAX)
		return ERR_PTR(-E2BIG);
	/* A new one has memory for its first fragment. */
	return vnp_message_insert(hold, message, order, from);
}

int vnp_hold_add(struct vnp_holding *h, u64 key, u32 order, u32 from, u32 bytes)
{
	struct vnp_fragment *fragment;

	if (!h->link)
		return vnp_held_one_hold(&h->one, key, order, bytes);
	if (h->now)
		return -EBUSY;
	spin_lock(&h->link->hold->lock);
	fragment = vnp_hold_place(h, key, order, from);
	if (!IS_ERR(fragment)) {
		fragment->bytes += bytes;
		fragment->message->bytes += bytes;
		fragment->message->cnt++;
		h->now = fragment;
		h->bytes = bytes;
	}
	spin_unlock(&h->link->hold->lock);
	return PTR_ERR_OR_ZERO(fragment);
}

static void vnp_message_info(const struct vnp_message *message, struct vnp_held *info)
{
	info->bytes = message->bytes;
	info->fragments = message->cnt;
	info->first = message->first->first;
	info->last = message->last->last;
	info->contiguous = info->last - info->first == message->cnt - 1;
	info->reserved = 0;
}

int vnp_hold_query(struct vnp_holding *h, u64 key, struct vnp_held *info)
{
	const struct vnp_message *message;

	if (unlikely(!h->link))
		return vnp_held_one_query(&h->one, key, info);
	spin_lock(&h->link->hold->lock);
	message = vnp_hold_find(h->link->hold, key);
	if (message)
		vnp_message_info(message, info);
	spin_unlock(&h->link->hold->lock);
	if (message)
		return 0;
	memset(info, 0, sizeof(*info));
	return -ENOENT;
}

static int vnp_hold_ask(struct vnp_holding *h, u64 key, enum vnp_message_end end)
{
	struct vnp_message *message;
	int ret = 0;

	if (!h->link)
		return vnp_held_one_end(&h->one, key);
	spin_lock(&h->link->hold->lock);
	message = vnp_hold_find(h->link->hold, key);
	if (!message)
		ret = -ENOENT;
	else if (end == VNP_MESSAGE_RELEASED && message->bytes > VNP_MESSAGE_MAX)
		ret = -EMSGSIZE;
	else
		vnp_hold_end(h, message, end);
	spin_unlock(&h->link->hold->lock);
	return ret;
}

int vnp_hold_release(struct vnp_holding *h, u64 key)
{
	return vnp_hold_ask(h, key, VNP_MESSAGE_RELEASED);
}

int vnp_hold_release_each(struct vnp_holding *h, u64 key)
{
	return vnp_hold_ask(h, key, VNP_MESSAGE_RELEASED_EACH);
}

int vnp_hold_discard(struct vnp_holding *h, u64 key)
{
	return vnp_hold_ask(h, key, VNP_MESSAGE_DISCARDED);
}

/*
 * ---- What the path does after the program --------------------------------
 */

/* The datagram of this execution leaves its fragment.  Context: the lock */
static void vnp_hold_undo(struct vnp_holding *h)
{
	struct vnp_fragment *fragment = h->now;
	struct vnp_message *message = fragment->message;

	fragment->bytes -= h->bytes;
	message->bytes -= h->bytes;
	message->cnt--;
	vnp_hold_spoil(h, message);
	if (fragment == h->batch) {
		fragment->last--;
		return;
	}
	vnp_message_erase(message, fragment);
	vnp_fragment_free(h->link->hold, fragment);
	vnp_hold_settled(h, message);
}

bool vnp_hold_settle(struct vnp_holding *h, bool held)
{
	if (!h->now || held)
		return h->now;
	spin_lock(&h->link->hold->lock);
	vnp_hold_undo(h);
	spin_unlock(&h->link->hold->lock);
	h->now = NULL;
	return false;
}

void vnp_hold_packet(struct vnp_link *link, struct sock *sk, struct sk_buff *skb)
{
	struct vnp_fragment *fragment = vnp_hold_cb(skb)->fragment;
	const u32 size = vnp_batch_size(skb, link->hook->head);
	const u32 len = skb->len - link->hook->head;
	const u32 cnt = size < len ? DIV_ROUND_UP(len, size) : 1;

	skb_mark_not_on_list(skb);
	if (!link->hook->keep(link, sk, skb)) {
		vnp_link_error(link, VNP_ERROR_MEMORY, cnt);
		return;
	}
	vnp_hold_cb(skb)->size = size;
	vnp_hold_cb(skb)->from = fragment->from;
	fragment->kept += cnt;
	if (fragment->skb)
		fragment->tail->next = skb;
	else
		fragment->skb = skb;
	fragment->tail = skb;
}

static u32 vnp_fragment_truesize(const struct vnp_fragment *fragment)
{
	const struct sk_buff *skb;
	u32 size = 0;

	if (fragment != &fragment->message->own)
		size = sizeof(*fragment);
	for (skb = fragment->skb; skb; skb = skb->next)
		size += skb->truesize;
	return size;
}

/* Remove a fragment that is not charged.  Return: its packets.  Context: the lock */
static struct sk_buff *vnp_fragment_detach(struct vnp_holding *h, struct vnp_fragment *fragment)
{
	struct sk_buff *list = fragment->skb;

	vnp_message_erase(fragment->message, fragment);
	vnp_fragment_free(h->link->hold, fragment);
	return list;
}

/*
 * Not all of its datagrams have a packet: there was no memory for one.  Return: packets to be
 * freed.  Context: the lock
 */
static struct sk_buff *vnp_fragment_fail(struct vnp_holding *h, struct vnp_fragment *fragment)
{
	struct vnp_message *message = fragment->message;
	struct sk_buff *list;

	vnp_link_error(h->link, VNP_ERROR_MEMORY, fragment->kept);
	message->cnt -= fragment->last - fragment->first + 1;
	message->bytes -= fragment->bytes;
	list = vnp_fragment_detach(h, fragment);
	vnp_hold_spoil(h, message);
	vnp_hold_settled(h, message);
	return list;
}

/*
 * Return: packets to be freed: the message's end may be deferred, and what is deferred must be
 * charged.  Context: the lock
 */
static struct sk_buff *vnp_fragment_commit(struct vnp_holding *h, struct vnp_fragment *fragment)
{
	struct vnp_message *message = fragment->message;
	u32 size = vnp_fragment_truesize(fragment);
	struct sk_buff *list = NULL;

	if (!message->charge)
		size += sizeof(*message);
	if (message->end < VNP_MESSAGE_EVICTED && !vnp_hold_charge(h, message, size))
		vnp_hold_end(h, message, VNP_MESSAGE_EVICTED);
	/* It may also have been evicted for its own fragment, or before.  Its count stays. */
	if (message->end >= VNP_MESSAGE_EVICTED)
		list = vnp_fragment_detach(h, fragment);
	vnp_hold_settled(h, message);
	return list;
}

void vnp_hold_commit(struct vnp_holding *h)
{
	struct vnp_fragment *fragment = h->batch;
	struct sk_buff *list;

	h->batch = NULL;
	spin_lock(&h->link->hold->lock);
	if (fragment->kept == fragment->last - fragment->first + 1)
		list = vnp_fragment_commit(h, fragment);
	else
		list = vnp_fragment_fail(h, fragment);
	spin_unlock(&h->link->hold->lock);
	kfree_skb_list(list);
	vnp_hold_finish(h);
}

/* Return: one that is to be freed, or NULL.  Context: the lock */
static struct vnp_message *vnp_hold_take_to_free(struct vnp_hold *hold)
{
	struct vnp_message *message = hold->to_free;

	if (message)
		WRITE_ONCE(hold->to_free, message->next);
	return message;
}

/*
 * Free some of the messages that wait for it, until the socket has room.  Return: datagrams.
 * Context: the lock
 */
static u32 vnp_hold_reclaim(struct vnp_holding *h, u32 size)
{
	struct vnp_message *message;
	u32 done = 0;

	while (done < VNP_HOLD_EVICT_MAX && !vnp_hold_fits(h->sk, size, 0) &&
	       (message = vnp_hold_take_to_free(h->link->hold))) {
		done += message->cnt;
		vnp_hold_end(h, message, message->end);
	}
	return done;
}

/* End messages until the socket has room for a packet of @size. */
static void vnp_hold_make_room(struct vnp_holding *h, u32 size)
{
	struct vnp_hold *hold = h->link->hold;
	struct vnp_message *oldest;
	u32 done;

	if ((!READ_ONCE(hold->messages) && !READ_ONCE(hold->to_free)) ||
	    vnp_hold_fits(h->sk, size, 0))
		return;
	spin_lock(&hold->lock);
	done = vnp_hold_reclaim(h, size);
	/* Without what is held the kernel would take one datagram more than fits. */
	while (hold->messages && done < VNP_HOLD_EVICT_MAX &&
	       !vnp_hold_fits(h->sk, size, 0) && vnp_hold_fits(h->sk, 0, hold->bytes)) {
		oldest = vnp_hold_oldest(hold);
		done += oldest->cnt;
		vnp_hold_end(h, oldest, VNP_MESSAGE_EVICTED);
	}
	spin_unlock(&hold->lock);
}

void vnp_hold_yield(struct vnp_holding *h, u32 size)
{
	vnp_hold_make_room(h, size);
	/* There is room when they are freed, so not later. */
	h->all = true;
	if (h->ended)
		vnp_hold_finish(h);
	h->all = false;
}

/*
 * ---- Messages that ended, without the lock -------------------------------
 */

/* Return: its packets, linked by skb->next in their order */
static struct sk_buff *vnp_message_take(struct vnp_message *message)
{
	struct vnp_fragment *fragment, *next;

	for (fragment = message->first; fragment != message->last; fragment = next) {
		next = vnp_fragment_of(rb_next(&fragment->node));
		fragment->tail->next = next->skb;
	}
	return message->first ? message->first->skb : NULL;
}

static void vnp_hold_free(struct vnp_hold *hold, struct vnp_message *message)
{
	struct vnp_fragment *fragment, *next;

	spin_lock(&hold->lock);
	if (message->first != message->last || message->first != &message->own)
		rbtree_postorder_for_each_entry_safe(fragment, next, &message->fragments,
						     node)
			vnp_fragment_free(hold, fragment);
	vnp_message_free(hold, message);
	spin_unlock(&hold->lock);
}

static void vnp_message_drop(struct vnp_holding *h, struct vnp_message *message)
{
	static const enum vnp_error errors[] = {
		[VNP_MESSAGE_EVICTED] = VNP_ERROR_EVICTED,
		[VNP_MESSAGE_EXPIRED] = VNP_ERROR_EXPIRED,
		[VNP_MESSAGE_DISCARDED] = VNP_ERROR_DISCARDED,
	};

	vnp_link_error(h->link, errors[message->end], message->cnt);
	kfree_skb_list(vnp_message_take(message));
	if (message->charge && !message->uncharged)
		h->link->hook->uncharge(h->sk, message->charge);
}

/* Return: number of datagrams that could not be delivered, and why in @error */
static u32 vnp_message_release(struct vnp_holding *h, struct vnp_message *message,
			       enum vnp_error *error)
{
	const struct vnp_hook_ops *hook = h->link->hook;
	struct sk_buff *list = vnp_message_take(message), *skb;
	int ret;

	*error = VNP_ERROR_MEMORY;
	if (message->late && h->link->hold_mark)
		for (skb = list; skb; skb = skb->next)
			skb->mark = h->link->hold_mark;
	if (message->end == VNP_MESSAGE_RELEASED_EACH) {
		vnp_hold_make_room(h, message->cnt * VNP_HOLD_EACH_SIZE);
		return hook->release_each(h->link, h->sk, list, message->charge);
	}
	ret = hook->release(h->sk, list, message->charge);
	if (ret == -EMSGSIZE)
		*error = VNP_ERROR_LENGTH;
	return ret ? message->cnt : 0;
}

static void vnp_message_deliver(struct vnp_holding *h, struct vnp_message *message)
{
	struct vnp_hold *hold = h->link->hold;
	enum vnp_error error;
	u32 failed;

	/* Before the delivery: the receiver may read them. */
	atomic64_inc(&hold->released);
	atomic64_add(message->cnt, &hold->fragments);
	if (message->late)
		atomic64_inc(&hold->late);
	failed = vnp_message_release(h, message, &error);
	if (likely(!failed))
		return;
	atomic64_sub(failed, &hold->fragments);
	vnp_link_error(h->link, error, failed);
}

/*
 * What was uncharged, to make room at once, is charged again while it waits to be freed: at most
 * as much as the receive buffer has room for without what is held.  Return: is all of the
 * message charged?  Context: the lock
 */
static bool vnp_hold_recharge(struct vnp_holding *h, struct vnp_message *message)
{
	if (message->uncharged)
		message->uncharged = !vnp_hold_fits(h->sk, message->charge,
						    h->link->hold->bytes) ||
				     !h->link->hook->charge(h->sk, message->charge);
	return message->charge && !message->uncharged;
}

/*
 * The work item is to begin now.  It is queued by one function only, so on one work queue, where
 * it is never executed twice at once; that does not change when it is due.  Context: the lock
 */
static void vnp_hold_kick(struct vnp_hold *hold)
{
	cancel_delayed_work(&hold->expiry);
	schedule_delayed_work(&hold->expiry, 0);
}

/* Context: the lock */
static void vnp_hold_append(struct vnp_hold *hold, struct vnp_message *message)
{
	if (!hold->deferred && !hold->to_free)
		vnp_hold_kick(hold);
	if (message->end >= VNP_MESSAGE_EVICTED) {
		message->next = hold->to_free;
		WRITE_ONCE(hold->to_free, message);
		return;
	}
	WRITE_ONCE(hold->waiting, true);
	message->next = NULL;
	*hold->tail = message;
	hold->tail = &message->next;
}

/*
 * Leave a message to the work item.  Return: false: finish it now, as it is not charged, or the
 * link ends
 */
static bool vnp_hold_defer(struct vnp_holding *h, struct vnp_message *message)
{
	struct vnp_hold *hold = h->link->hold;
	bool deferred;

	spin_lock(&hold->lock);
	deferred = !hold->closed && vnp_hold_recharge(h, message);
	if (deferred)
		vnp_hold_append(hold, message);
	spin_unlock(&hold->lock);
	return deferred;
}

/* Can softirqs wait for this message?  If some are to be delivered, it is after them. */
static bool vnp_hold_is_now(const struct vnp_holding *h, const struct vnp_message *message,
			    bool first)
{
	const bool delivers = message->end < VNP_MESSAGE_EVICTED;
	u32 ns = message->cnt * VNP_HOLD_END_NS;

	if (h->all || !message->cnt)
		return true;
	if (unlikely(delivers && READ_ONCE(h->link->hold->waiting)))
		return false;
	if (message->end == VNP_MESSAGE_RELEASED)
		ns = VNP_HOLD_END_NS + (message->cnt - 1) * VNP_HOLD_ADD_NS;
	/* vnp_hold() has cost as much as to deliver the datagram of one message. */
	if (first && message->end == VNP_MESSAGE_RELEASED)
		ns -= VNP_HOLD_END_NS;
	return !ns || vnp_account_draw(h->link->user, ns);
}

static void vnp_message_finish(struct vnp_holding *h, struct vnp_message *message)
{
	if (message->end >= VNP_MESSAGE_EVICTED)
		vnp_message_drop(h, message);
	else if (message->cnt)
		vnp_message_deliver(h, message);
	vnp_hold_free(h->link->hold, message);
}

void vnp_hold_finish(struct vnp_holding *h)
{
	struct vnp_message *message;
	bool first = true;

	/* A delivery may end others, to make room. */
	while ((message = h->ended)) {
		h->ended = message->next;
		if (!h->ended)
			h->tail = &h->ended;
		if (likely(vnp_hold_is_now(h, message, first)) || !vnp_hold_defer(h, message))
			vnp_message_finish(h, message);
		first = false;
	}
}

/*
 * ---- Age -----------------------------------------------------------------
 */

/* Return: the next one to be delivered, or NULL.  Context: the lock */
static struct vnp_message *vnp_hold_take_deferred(struct vnp_hold *hold)
{
	struct vnp_message *message = hold->deferred;

	if (!message)
		return NULL;
	hold->deferred = message->next;
	if (!hold->deferred)
		hold->tail = &hold->deferred;
	return message;
}

/*
 * Go on with some that were deferred.  What was taken before is delivered: if there is no more,
 * nothing is waiting.  Context: the lock
 */
static void vnp_hold_resume(struct vnp_holding *h)
{
	struct vnp_hold *hold = h->link->hold;
	struct vnp_message *message;
	u32 done = 0;

	WRITE_ONCE(hold->waiting, hold->deferred);
	while (done < VNP_HOLD_AT_ONCE && (message = vnp_hold_take_deferred(hold))) {
		done += message->cnt;
		vnp_hold_ended(h, message);
	}
	done = 0;
	while (done < VNP_HOLD_AT_ONCE && (message = vnp_hold_take_to_free(hold))) {
		done += message->cnt;
		vnp_hold_ended(h, message);
	}
}

/* How a message ends that is too old */
static enum vnp_message_end vnp_hold_late_end(const struct vnp_link *link,
					      const struct vnp_message *message)
{
	if (!(link->flags & VNP_LINK_F_HOLD_LATE))
		return VNP_MESSAGE_EXPIRED;
	return link->flags & VNP_LINK_F_HOLD_EACH || message->bytes > VNP_MESSAGE_MAX ?
	       VNP_MESSAGE_RELEASED_EACH : VNP_MESSAGE_RELEASED;
}

/* Some messages that are too old end.  Context: the lock */
static void vnp_hold_expire(struct vnp_holding *h)
{
	struct vnp_hold *hold = h->link->hold;
	const unsigned long age = vnp_hold_age(hold);
	struct vnp_message *message;
	u32 done;

	for (done = 0; done < VNP_HOLD_AT_ONCE; done += message->cnt + 1) {
		message = vnp_hold_oldest(hold);
		if (!message || time_before(jiffies, message->born + age))
			return;
		message->late = h->link->flags & VNP_LINK_F_HOLD_LATE;
		if (message->late)
			WRITE_ONCE(hold->waiting, true);
		vnp_hold_end(h, message, vnp_hold_late_end(h->link, message));
	}
}

static void vnp_hold_again(struct vnp_hold *hold)
{
	const struct vnp_message *oldest = vnp_hold_oldest(hold);
	const unsigned long due = oldest ? oldest->born + vnp_hold_age(hold) : 0;

	if (oldest)
		schedule_delayed_work(&hold->expiry,
				      time_after(due, jiffies) ? due - jiffies : 0);
}

static void vnp_hold_expire_some(struct vnp_holding *h)
{
	struct vnp_hold *hold = h->link->hold;
	bool more;

	do {
		local_bh_disable();
		rcu_read_lock();
		spin_lock(&hold->lock);
		/* Both: under a flood either may always have something to do. */
		vnp_hold_resume(h);
		vnp_hold_expire(h);
		more = h->ended;
		if (!more)
			vnp_hold_again(hold);
		spin_unlock(&hold->lock);
		vnp_hold_finish(h);
		rcu_read_unlock();
		local_bh_enable();
		cond_resched();
	} while (more);
}

static void vnp_hold_expiry(struct work_struct *work)
{
	struct vnp_hold *hold = container_of(to_delayed_work(work), struct vnp_hold, expiry);
	struct vnp_holding h;
	struct sock *sk = vnp_link_sock_get(hold->link);

	/* If it is going, all is freed by whoever ends the link. */
	if (!sk)
		return;
	vnp_holding_init(&h, hold->link, sk);
	h.all = true;
	vnp_hold_expire_some(&h);
	sock_put(sk);
}

/*
 * ---- Of a link -----------------------------------------------------------
 */

int vnp_hold_create(struct vnp_link *link)
{
	const u32 cnt = roundup_pow_of_two(link->hold_messages);
	struct vnp_hold *hold;

	if (READ_ONCE(link->hold))
		return 0;
	hold = kvzalloc(struct_size(hold, table, cnt), VNP_GFP_USER);
	if (!hold)
		return -ENOMEM;
	hold->link = link;
	spin_lock_init(&hold->lock);
	INIT_LIST_HEAD(&hold->oldest);
	hold->tail = &hold->deferred;
	vnp_hold_init_memory(hold);
	INIT_DELAYED_WORK(&hold->expiry, vnp_hold_expiry);
	get_random_bytes(&hold->key, sizeof(hold->key));
	hold->mask = cnt - 1;
	/* Another caller may have been faster. */
	if (cmpxchg(&link->hold, NULL, hold))
		kvfree(hold);
	return 0;
}

void vnp_hold_destroy(struct vnp_link *link)
{
	if (!link->hold)
		return;
	cancel_delayed_work_sync(&link->hold->expiry);
	kvfree(link->hold);
}

void vnp_hold_permit(struct vnp_link *link, bool permitted)
{
	struct vnp_hold *hold = READ_ONCE(link->hold);

	if (!hold)
		return;
	spin_lock(&hold->lock);
	hold->closed = !permitted;
	spin_unlock(&hold->lock);
}

/* Context: the lock */
static void vnp_hold_discard_some(struct vnp_holding *h)
{
	struct vnp_message *message;
	u32 done;

	for (done = 0; done < VNP_HOLD_AT_ONCE; done += message->cnt + 1) {
		message = vnp_hold_oldest(h->link->hold);
		if (!message)
			return;
		vnp_hold_end(h, message, VNP_MESSAGE_DISCARDED);
	}
}

void vnp_hold_clear(struct vnp_link *link, struct sock *sk)
{
	struct vnp_hold *hold = READ_ONCE(link->hold);
	struct vnp_holding h;
	bool more;

	if (!hold)
		return;
	vnp_holding_init(&h, link, sk);
	h.all = true;
	do {
		local_bh_disable();
		rcu_read_lock();
		spin_lock(&hold->lock);
		vnp_hold_resume(&h);
		vnp_hold_discard_some(&h);
		more = h.ended || hold->messages;
		spin_unlock(&hold->lock);
		vnp_hold_finish(&h);
		rcu_read_unlock();
		local_bh_enable();
	} while (more);
}

void vnp_hold_info(const struct vnp_link *link, struct vnp_link_info *info)
{
	struct vnp_hold *hold = READ_ONCE(link->hold);

	info->hold_bytes = link->hold_bytes;
	info->hold_messages = link->hold_messages;
	info->hold_age_ms = link->hold_age_ms;
	info->hold_mark = link->hold_mark;
	if (!hold)
		return;
	info->held_bytes = READ_ONCE(hold->bytes);
	info->held_messages = READ_ONCE(hold->messages);
	info->released = atomic64_read(&hold->released);
	info->released_fragments = atomic64_read(&hold->fragments);
	info->late = atomic64_read(&hold->late);
}
