// SPDX-License-Identifier: GPL-2.0
/*
 * Packets are added to pending fragments, whose memory is charged to the socket.
 *
 * Packets are added to a pending fragment without the lock: it belongs to the packet that is being
 * processed (struct vnp_holding::batch), and nothing else uses its list until it is committed.
 */
#include "kmod/hold/hold.h"

#include "kmod/hold/table.h"
#include "kmod/link/stats.h"
#include "kmod/path/batch.h"
#include "kmod/path/hook.h"

/* Do @size bytes fit both the socket's receive buffer and the link's own limit? */
static bool vnp_hold_has_room(const struct vnp_holding *h, u32 size)
{
	const u32 max = h->link->hold_bytes ?: U32_MAX, held = READ_ONCE(h->link->hold->bytes);

	return held <= max && size <= max - held && vnp_hold_fits(h->sk, size, 0);
}

/*
 * Deliver the packet of a message that was released by the execution that held it.  It is only
 * charged when it is queued to the socket.  Nothing else uses the message, so no lock is needed.
 * Return: false if that is not possible: then it can be kept
 */
static bool vnp_hold_deliver_only(struct vnp_holding *h, struct sk_buff *skb)
{
	struct vnp_message *message = h->batch->message;
	const u32 size = skb->truesize + sizeof(*message);
	struct vnp_hold *hold = h->link->hold;

	if (READ_ONCE(hold->waiting) || !vnp_hold_has_room(h, size))
		return false;
	/* As in vnp_message_deliver() */
	atomic64_inc(&hold->released);
	atomic64_inc(&hold->fragments);
	if (unlikely(!h->link->hook->release_only(h->sk, skb, h->batch->from, size))) {
		atomic64_dec(&hold->released);
		atomic64_dec(&hold->fragments);
		return false;
	}
	vnp_message_free_unlocked(hold, message);
	h->batch = NULL;
	return true;
}

/* Add a packet to the fragment of the current batch. */
static void vnp_hold_keep(struct vnp_holding *h, struct sk_buff *skb)
{
	const u32 head = h->link->hook->dgram.head, size = vnp_batch_size(skb, head);
	const u32 cnt = vnp_batch_cnt(skb->len - head, size);
	struct vnp_fragment *fragment = h->batch;

	skb_mark_not_on_list(skb);
	if (!h->link->hook->keep(h->link, h->sk, skb)) {
		vnp_link_error(h->link, VNP_ERROR_MEMORY, cnt);
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

void vnp_hold_packet(struct vnp_holding *h, struct sk_buff *skb)
{
	if (!h->batch->message->only || !vnp_hold_deliver_only(h, skb))
		vnp_hold_keep(h, skb);
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

/*
 * Charge memory to the socket.  If there is no room, some of the oldest messages are freed.
 * Return: false: there is no room even then
 */
static bool vnp_hold_charge(struct vnp_holding *h, struct vnp_message *message, u32 size)
{
	struct vnp_hold *hold = h->link->hold;
	struct vnp_message *oldest;
	u32 done = 0;

	/* More than the link may hold, even if all other messages are freed */
	if (hold->link->hold_bytes && size > hold->link->hold_bytes)
		return false;
	while (!vnp_hold_has_room(h, size) ||
	       !h->link->hook->charge(h->sk, size)) {
		oldest = vnp_hold_oldest(hold);
		/* If the socket's queue alone is too long, freeing messages does not help. */
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

/* Remove a fragment that is not charged.  Return: its packets.  Context: the lock */
static struct sk_buff *vnp_fragment_detach(struct vnp_holding *h, struct vnp_fragment *fragment)
{
	struct sk_buff *list = fragment->skb;

	vnp_message_erase(fragment->message, fragment);
	vnp_fragment_free(h->link->hold, fragment);
	return list;
}

/*
 * Remove a fragment with a datagram for which there was no memory.  Return: its packets, to be
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
	vnp_hold_incomplete(h, message);
	vnp_hold_settled(h, message);
	return list;
}

/*
 * Charge a fragment whose execution has ended.  While it was pending the message may have ended:
 * then all of it must be charged before it is delivered.  Return: NULL: charged; else the
 * fragment's packets, which the caller frees, as there is no memory, or the message was dropped.
 * Context: the lock
 */
static struct sk_buff *vnp_fragment_commit(struct vnp_holding *h, struct vnp_fragment *fragment)
{
	struct vnp_message *message = fragment->message;
	u32 size = vnp_fragment_truesize(fragment);
	struct sk_buff *list = NULL;

	if (!message->charge)
		size += sizeof(*message);
	if (!vnp_message_is_dropped(message->end) && !vnp_hold_charge(h, message, size))
		vnp_hold_end(h, message, VNP_MESSAGE_EVICTED);
	/*
	 * It may have been evicted to make room for this fragment, or have ended before.  Its
	 * number of datagrams stays the same: all are counted when it is freed.
	 */
	if (vnp_message_is_dropped(message->end))
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
