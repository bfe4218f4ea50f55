// SPDX-License-Identifier: GPL-2.0
/*
 * Messages that ended: they are delivered or freed, without the lock, now or by the work item.
 *
 * A message in struct vnp_holding::ended is in neither the table nor the list, and has no pending
 * fragments: it belongs to the caller, which processes the packet of struct vnp_holding.
 */
#include "kmod/hold/hold.h"

#include "kmod/hold/table.h"
#include "kmod/hold/work.h"
#include "kmod/link/stats.h"
#include "kmod/path/hook.h"
#include "kmod/prog/account.h"

/*
 * Time to free or deliver a datagram, in ns.  If a user's account (prog/account.h) has less time
 * left, a work item does it: so softirqs are not off for longer than executions alone may take.
 */
#define VNP_HOLD_END_NS		500
#define VNP_HOLD_ADD_NS		100	/* for each further datagram of one message */

/* Room for a datagram that is delivered in its own packet, beyond what was charged for it */
#define VNP_HOLD_EACH_SIZE	1024

/*
 * Free some messages that were left to the work item here, until the socket has room.  Return:
 * number of their datagrams.  Context: the lock
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
	/*
	 * If the queue exceeds the buffer even without what is held, freeing messages does not
	 * help.
	 */
	while (hold->messages && done < VNP_HOLD_EVICT_MAX &&
	       !vnp_hold_fits(h->sk, size, 0) && vnp_hold_fits(h->sk, 0, hold->bytes)) {
		oldest = vnp_hold_oldest(hold);
		done += oldest->cnt;
		vnp_hold_end(h, oldest, VNP_MESSAGE_EVICTED);
	}
	spin_unlock(&hold->lock);
}

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

	/* Count before the delivery, as the receiver may read the counters. */
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
 * ---- Leaving them to the work item --------------------------------------
 */

/*
 * A message that was uncharged, to make room at once, is charged again if the work item is to
 * free it: so what waits to be freed is limited by the receive buffer, not counting held
 * messages.  Return: is the message charged?  Context: the lock
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
 * Queue the work item without delay.  It may be queued for when a message will be too old, and then
 * vnp_hold_queue() would do nothing: so cancel that.  Context: the lock
 */
static void vnp_hold_kick(struct vnp_hold *hold)
{
	cancel_delayed_work(&hold->expiry);
	vnp_hold_queue(hold, 0);
}

/* Context: the lock */
static void vnp_hold_append(struct vnp_hold *hold, struct vnp_message *message)
{
	if (!hold->deferred && !hold->to_free)
		vnp_hold_kick(hold);
	if (vnp_message_is_dropped(message->end)) {
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
 * Leave a message to the work item.  Return: false: it must be finished now, as it is not charged,
 * or as holding is forbidden
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

/*
 * Is a message to be finished now, in softirq?  Not if the user's account does not have the time
 * for it, or if the message is to be delivered after others that were deferred.
 */
static bool vnp_hold_is_now(const struct vnp_holding *h, const struct vnp_message *message,
			    bool first)
{
	const bool delivers = !vnp_message_is_dropped(message->end);
	u32 ns = message->cnt * VNP_HOLD_END_NS;

	if (h->all || !message->cnt)
		return true;
	if (unlikely(delivers && READ_ONCE(h->link->hold->waiting)))
		return false;
	if (message->end == VNP_MESSAGE_RELEASED)
		ns = VNP_HOLD_END_NS + (message->cnt - 1) * VNP_HOLD_ADD_NS;
	/* The cost of vnp_hold() includes the delivery of one datagram. */
	if (first && message->end == VNP_MESSAGE_RELEASED)
		ns -= VNP_HOLD_END_NS;
	return !ns || vnp_account_draw(h->link->user, ns);
}

static void vnp_message_finish(struct vnp_holding *h, struct vnp_message *message)
{
	if (vnp_message_is_dropped(message->end))
		vnp_message_drop(h, message);
	else if (message->cnt)
		vnp_message_deliver(h, message);
	vnp_hold_free(h->link->hold, message);
}

void vnp_hold_finish(struct vnp_holding *h)
{
	struct vnp_message *message;
	bool first = true;

	/* A delivery may end other messages, to make room. */
	while ((message = h->ended)) {
		h->ended = message->next;
		if (!h->ended)
			h->tail = &h->ended;
		if (likely(vnp_hold_is_now(h, message, first)) || !vnp_hold_defer(h, message))
			vnp_message_finish(h, message);
		first = false;
	}
}

void vnp_hold_make_room_for(struct vnp_holding *h, u32 size)
{
	vnp_hold_make_room(h, size);
	/* The caller needs the memory now, so free all of them before returning. */
	h->all = true;
	if (h->ended)
		vnp_hold_finish(h);
	h->all = false;
}
