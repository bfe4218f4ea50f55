// SPDX-License-Identifier: GPL-2.0
#include "kmod/path/repeat.h"

#include "kmod/map/target.h"
#include "kmod/path/send.h"

/* The current datagram was not sent to all peers: credit what it was charged for the others. */
static void vnp_repeat_credit(struct vnp_sending *sending)
{
	const struct vnp_repeat *repeat = &sending->repeat;
	const struct vnp_target_cpu *on;
	u32 cnt = 0;

	for (on = repeat->next; on; on = on->again)
		cnt++;
	vnp_send_credit(sending, repeat->user, cnt, repeat->size);
}

void vnp_repeat_end(struct vnp_sending *sending)
{
	struct vnp_repeat *repeat = &sending->repeat;
	u32 len = repeat->len, cnt = repeat->datagrams;
	struct vnp_target_cpu *on;

	if (!repeat->first)
		return;
	if (repeat->begun) {
		len += repeat->size;
		cnt++;
		vnp_repeat_credit(sending);
	}
	for (on = repeat->first; on; on = on->again) {
		if (on == repeat->next) {
			len -= repeat->size;
			cnt--;
		}
		on->pending.len += len;
		on->pending.cnt += cnt;
	}
	repeat->first = NULL;
	repeat->next = NULL;
}

void vnp_repeat_execute(struct vnp_sending *sending, bool records)
{
	struct vnp_repeat *repeat = &sending->repeat;

	if (repeat->next)
		vnp_repeat_end(sending);
	if (repeat->first && repeat->begun) {
		repeat->len += repeat->size;
		repeat->datagrams++;
		repeat->at += repeat->size;
		repeat->begun = false;
	}
	repeat->records = records && !repeat->first;
}
