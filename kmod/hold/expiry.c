// SPDX-License-Identifier: GPL-2.0
#include "kmod/hold/expiry.h"

#include "kmod/hold/hold.h"
#include "kmod/hold/table.h"
#include "kmod/hold/work.h"
#include "kmod/prog/account.h"

/* After this many iterations the work item is queued again, so that others are executed, too. */
#define VNP_HOLD_ITERATIONS	64

/* How many jiffies ahead an iteration can be reserved */
#define VNP_HOLD_SLOTS_MAX	(100UL * HZ)

/* Return: the next message that was released and deferred, or NULL.  Context: the lock */
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

void vnp_hold_resume(struct vnp_holding *h)
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

/* How a message that is too old ends */
static enum vnp_message_end vnp_hold_late_end(const struct vnp_link *link,
					      const struct vnp_message *message)
{
	if (!(link->flags & VNP_LINK_F_HOLD_LATE))
		return VNP_MESSAGE_EXPIRED;
	return link->flags & VNP_LINK_F_HOLD_EACH || message->bytes > VNP_MESSAGE_MAX ?
	       VNP_MESSAGE_RELEASED_EACH : VNP_MESSAGE_RELEASED;
}

/* End some messages that are too old.  Context: the lock */
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

/* Queue the work item for when the oldest message will be too old.  Context: the lock */
static void vnp_hold_again(struct vnp_hold *hold)
{
	const struct vnp_message *oldest = vnp_hold_oldest(hold);
	const unsigned long due = oldest ? oldest->born + vnp_hold_age(hold) : 0;

	if (oldest)
		vnp_hold_queue(hold, time_after(due, jiffies) ? due - jiffies : 0);
}

/* One iteration; its time is charged to the user.  Return: is there more to do? */
static bool vnp_hold_expire_some(struct vnp_holding *h)
{
	struct vnp_hold *hold = h->link->hold;
	struct vnp_account_timer timer;
	bool more;

	local_bh_disable();
	rcu_read_lock();
	timer = vnp_account_start();
	spin_lock(&hold->lock);
	/* Each iteration does both, as under load either alone may never come to an end. */
	vnp_hold_resume(h);
	vnp_hold_expire(h);
	more = h->ended;
	if (!more)
		vnp_hold_again(hold);
	spin_unlock(&hold->lock);
	vnp_hold_finish(h);
	vnp_account_stop(h->link->user, &timer);
	rcu_read_unlock();
	local_bh_enable();
	return more;
}

/*
 * While the account is empty, held messages still have to end, as they stay charged to sockets: but
 * all links of a user together have one iteration per jiffy.  Each link reserves a jiffy for its
 * next iteration.  Return: the jiffy
 */
static unsigned long vnp_hold_reserve(struct vnp_user *user)
{
	unsigned long last = READ_ONCE(user->hold_slot), next;

	do {
		const unsigned long now = jiffies;

		next = last + 1 - now <= VNP_HOLD_SLOTS_MAX ? last + 1 : now;
	} while (!try_cmpxchg(&user->hold_slot, &last, next));
	return next;
}

/* Has the reserved jiffy begun? */
static bool vnp_hold_use_slot(struct vnp_hold *hold)
{
	if (!hold->reserved || time_before(jiffies, hold->slot))
		return false;
	hold->reserved = false;
	return true;
}

/*
 * Jiffies until the reserved one, reserving it first if necessary; at most a second, as the account
 * may have been credited by then
 */
static unsigned long vnp_hold_pause(struct vnp_hold *hold)
{
	const unsigned long now = jiffies;

	if (!hold->reserved) {
		hold->slot = vnp_hold_reserve(hold->link->user);
		hold->reserved = true;
	}
	return time_after(hold->slot, now) ? min_t(unsigned long, hold->slot - now, HZ) : 0;
}

void vnp_hold_expiry(struct work_struct *work)
{
	struct vnp_hold *hold = container_of(to_delayed_work(work), struct vnp_hold, expiry);
	struct sock *sk = vnp_link_sock_get(hold->link);
	u32 left = VNP_HOLD_ITERATIONS;
	bool more = true, solvent;
	struct vnp_holding h;

	/* If the socket is being freed, vnp_hold_clear() frees all messages. */
	if (!sk)
		return;
	vnp_holding_init(&h, hold->link, sk);
	h.all = true;
	do {
		solvent = vnp_account_is_solvent(hold->link->user);
		if (!solvent && !vnp_hold_use_slot(hold))
			break;
		more = vnp_hold_expire_some(&h);
		cond_resched();
	} while (more && solvent && --left);
	if (more)
		vnp_hold_queue_again(hold, solvent ? 0 : vnp_hold_pause(hold));
	sock_put(sk);
}
