// SPDX-License-Identifier: GPL-2.0
/* Creating and destroying what a link needs to hold messages. */
#include "kmod/hold/hold.h"

#include <linux/random.h>
#include <linux/slab.h>

#include "kmod/core/memory.h"
#include "kmod/hold/expiry.h"
#include "kmod/hold/table.h"

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

int vnp_hold_create(struct vnp_link *link)
{
	const u32 cnt = roundup_pow_of_two(link->hold_messages);
	struct vnp_hold *hold;

	if (READ_ONCE(link->hold))
		return 0;
	/* Not vnp_memory(), in whose pages kmemleak does not find the messages */
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
	/* Another caller may have set it meanwhile. */
	if (cmpxchg(&link->hold, NULL, hold))
		kvfree(hold);
	return 0;
}

void vnp_hold_destroy(struct vnp_link *link)
{
	if (!link->hold)
		return;
	cancel_delayed_work_sync(&link->hold->expiry);
	if (link->hold->spare)
		vnp_message_free(link->hold, link->hold->spare);
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

/* End some messages.  Context: the lock */
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
