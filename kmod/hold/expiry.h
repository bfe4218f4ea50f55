/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The work item of a link that holds: it ends messages that are too old, and finishes those that
 * were deferred.
 */
#ifndef _VNP_HOLD_EXPIRY_H
#define _VNP_HOLD_EXPIRY_H

struct vnp_holding;
struct work_struct;

/* vnp_hold_expiry() - the function of struct vnp_hold::expiry */
void vnp_hold_expiry(struct work_struct *work);

/*
 * vnp_hold_resume() - move some messages that were deferred to @h->ended.  The caller has finished
 * those that the call before has moved.  Context: the lock
 */
void vnp_hold_resume(struct vnp_holding *h);

#endif /* _VNP_HOLD_EXPIRY_H */
