/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The workqueue of links that hold.  It is unbound: a work item may have much to do, and on the
 * kernel's workqueues, which are bound to CPUs, it would keep others from being executed.
 */
#ifndef _VNP_HOLD_WORK_H
#define _VNP_HOLD_WORK_H

struct vnp_hold;

/* vnp_hold_subsys_create(), _destroy() - Context: module init and exit */
int vnp_hold_subsys_create(void);
void vnp_hold_subsys_destroy(void);

/*
 * vnp_hold_queue() - queue struct vnp_hold::expiry for after @delay jiffies, unless it is queued
 * already.  Context: any
 */
void vnp_hold_queue(struct vnp_hold *hold, unsigned long delay);

/*
 * vnp_hold_queue_again() - likewise, or earlier than it was queued: the first message that is held
 * while it executes queues it for when that message will be too old.  Context: process
 */
void vnp_hold_queue_again(struct vnp_hold *hold, unsigned long delay);

#endif /* _VNP_HOLD_WORK_H */
