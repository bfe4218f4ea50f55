// SPDX-License-Identifier: GPL-2.0
#include "kmod/hold/work.h"

#include <linux/workqueue.h>

#include "kmod/hold/table.h"

static struct workqueue_struct *vnp_hold_wq;

int vnp_hold_subsys_create(void)
{
	vnp_hold_wq = alloc_workqueue("vnp_hold", WQ_UNBOUND, 0);
	return vnp_hold_wq ? 0 : -ENOMEM;
}

void vnp_hold_subsys_destroy(void)
{
	destroy_workqueue(vnp_hold_wq);
}

void vnp_hold_queue(struct vnp_hold *hold, unsigned long delay)
{
	queue_delayed_work(vnp_hold_wq, &hold->expiry, delay);
}

void vnp_hold_queue_again(struct vnp_hold *hold, unsigned long delay)
{
	mod_delayed_work(vnp_hold_wq, &hold->expiry, delay);
}
