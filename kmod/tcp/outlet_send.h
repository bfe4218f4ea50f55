/* SPDX-License-Identifier: GPL-2.0 */
/* What outlet.c and outlet_send.c share: see outlet.h. */
#ifndef _VNP_TCP_OUTLET_SEND_H
#define _VNP_TCP_OUTLET_SEND_H

#include "kmod/tcp/outlet.h"

/* vnp_outlet_init_work() - initialize the work of an outlet */
void vnp_outlet_init_work(struct vnp_outlet *outlet);

/* vnp_outlet_push() - there is something to send.  Context: the outlet's lock */
void vnp_outlet_push(struct vnp_outlet *outlet);

/* vnp_outlet_wake() - there is room in the send buffer.  Context: softirq, or process */
void vnp_outlet_wake(struct vnp_outlet *outlet);

/*
 * vnp_outlet_end() - send nothing any more, because of the errno @error; what is in the queue is
 * dropped.  Context: the outlet's lock
 */
void vnp_outlet_end(struct vnp_outlet *outlet, int error);

/* vnp_outlet_stop() - cancel the work of an outlet that has ended, and wait for it */
void vnp_outlet_stop(struct vnp_outlet *outlet);

/* vnp_outlet_abort() - reset the connection, soon.  Context: the outlet's lock */
void vnp_outlet_abort(struct vnp_outlet *outlet);

/* vnp_outlet_uncharge() - undo the charge for a queue of @bytes */
void vnp_outlet_uncharge(struct vnp_user *user, u32 bytes);

/* vnp_outlet_free() - free an outlet that is in no table */
void vnp_outlet_free(struct vnp_outlet *outlet);

#endif /* _VNP_TCP_OUTLET_SEND_H */
