// SPDX-License-Identifier: GPL-2.0
/*
 * What programs call: datagrams are added to messages, and messages are released.
 *
 * Both have an effect at once, but only on the table: packets are handled by commit.c and
 * finish.c after the execution.
 */
#include "kmod/hold/hold.h"

#include "kmod/hold/table.h"
#include "kmod/hold/work.h"

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
	message->only = false;
	message->born = jiffies;
	if (hold->messages >= hold->link->hold_messages)
		vnp_hold_end(h, vnp_hold_oldest(hold), VNP_MESSAGE_EVICTED);
	if (!hold->messages && !delayed_work_pending(&hold->expiry))
		vnp_hold_queue(hold, vnp_hold_age(hold));
	if (hold->latest)
		vnp_hold_insert(hold, hold->latest);
	hold->latest = message;
	WRITE_ONCE(hold->messages, hold->messages + 1);
	return message;
}

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
	/* This cannot fail for a new message, which has memory for its first fragment. */
	return vnp_message_insert(hold, message, order, from);
}

static void vnp_message_info(const struct vnp_message *message, struct vnp_held *info)
{
	const u32 first = message->first->first, last = message->last->last, cnt = message->cnt;

	*info = (struct vnp_held) {
		.bytes = message->bytes,
		.fragments = cnt,
		.first = first,
		.last = last,
		.contiguous = last - first == cnt - 1,
	};
}

int vnp_hold_add(struct vnp_holding *h, u64 key, u32 order, u32 from, u32 bytes)
{
	struct vnp_fragment *fragment;
	struct vnp_message *message;

	if (!h->link)
		return vnp_held_one_hold(&h->one, key, order, bytes);
	if (h->now)
		return -EBUSY;
	spin_lock(&h->link->hold->lock);
	fragment = vnp_hold_place(h, key, order, from);
	if (!IS_ERR(fragment)) {
		message = fragment->message;
		fragment->bytes += bytes;
		message->bytes += bytes;
		message->cnt++;
		h->now = fragment;
		h->bytes = bytes;
		h->known = true;
		h->key = key;
		vnp_message_info(message, &h->info);
	}
	spin_unlock(&h->link->hold->lock);
	return PTR_ERR_OR_ZERO(fragment);
}

int vnp_hold_find_info(struct vnp_holding *h, u64 key, struct vnp_held *info)
{
	const struct vnp_message *message;

	if (!h->link)
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

/*
 * Is the datagram of this execution all that a message has?  Then no other CPU has a fragment of
 * it, and nothing of it was charged.  Context: the lock
 */
static bool vnp_hold_is_only(const struct vnp_holding *h, const struct vnp_message *message)
{
	return h->now == &message->own && message->cnt == 1 && message->pending == 1 &&
	       !message->charge;
}

/* The program ends the message with this key.  Return: 0, -ENOENT, -EMSGSIZE */
static int vnp_hold_end_key(struct vnp_holding *h, u64 key, enum vnp_message_end end)
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
	h->known = false;
	if (!ret && end == VNP_MESSAGE_RELEASED)
		message->only = vnp_hold_is_only(h, message);
	spin_unlock(&h->link->hold->lock);
	return ret;
}

int vnp_hold_release(struct vnp_holding *h, u64 key)
{
	return vnp_hold_end_key(h, key, VNP_MESSAGE_RELEASED);
}

int vnp_hold_release_each(struct vnp_holding *h, u64 key)
{
	return vnp_hold_end_key(h, key, VNP_MESSAGE_RELEASED_EACH);
}

int vnp_hold_discard(struct vnp_holding *h, u64 key)
{
	return vnp_hold_end_key(h, key, VNP_MESSAGE_DISCARDED);
}

/*
 * ---- After the execution ------------------------------------------------
 */

/* Context: the lock */
static void vnp_hold_remove_now(struct vnp_holding *h)
{
	struct vnp_fragment *fragment = h->now;
	struct vnp_message *message = fragment->message;

	message->only = false;
	fragment->bytes -= h->bytes;
	message->bytes -= h->bytes;
	message->cnt--;
	vnp_hold_incomplete(h, message);
	if (fragment == h->batch) {
		fragment->last--;
		return;
	}
	vnp_message_erase(message, fragment);
	vnp_fragment_free(h->link->hold, fragment);
	vnp_hold_settled(h, message);
}

void vnp_hold_undo(struct vnp_holding *h)
{
	spin_lock(&h->link->hold->lock);
	vnp_hold_remove_now(h);
	spin_unlock(&h->link->hold->lock);
	h->now = NULL;
}
