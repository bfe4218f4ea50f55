/* SPDX-License-Identifier: GPL-2.0 */
/* Deferring work from softirq to a worker */
#ifndef _VNP_TCP_DEFER_H
#define _VNP_TCP_DEFER_H

#include <linux/types.h>

struct vnp_stream;

int vnp_stream_subsys_create(void);
void vnp_stream_subsys_destroy(void);

/* vnp_stream_defer() - queue the worker for now.  Context: the socket's lock */
void vnp_stream_defer(struct vnp_stream *stream);

/*
 * vnp_stream_retry() - queue the worker for after a delay, as something failed.  Further failures
 * while it is queued do not extend the delay: otherwise it would not be executed as long as packets
 * arrive.  Context: likewise
 */
void vnp_stream_retry(struct vnp_stream *stream);

/*
 * vnp_stream_set_deferred() - let the worker do what remains, by @ret: now (-EAGAIN), after a delay
 * (-ENOMEM), or nothing (0).  Context: likewise
 */
void vnp_stream_set_deferred(struct vnp_stream *stream, int ret);

#endif /* _VNP_TCP_DEFER_H */
