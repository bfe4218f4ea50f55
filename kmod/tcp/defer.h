/* SPDX-License-Identifier: GPL-2.0 */
/* What softirq leaves to a worker, and who pays for what is done there and here. */
#ifndef _VNP_TCP_DEFER_H
#define _VNP_TCP_DEFER_H

#include <linux/types.h>

struct vnp_stream;

int vnp_stream_subsys_create(void);
void vnp_stream_subsys_destroy(void);

/* vnp_stream_defer() - execute the worker now.  Context: the socket's lock */
void vnp_stream_defer(struct vnp_stream *stream);

/*
 * vnp_stream_retry() - execute the worker after a while, as something failed.  Who fails again
 * meanwhile does not extend the delay: otherwise the worker would not be executed as long as
 * packets arrive.  Context: likewise
 */
void vnp_stream_retry(struct vnp_stream *stream);

/* vnp_stream_solvent() - may the user's account be charged on this CPU?  Context: any */
bool vnp_stream_solvent(const struct vnp_stream *stream);

/*
 * vnp_stream_charge() - the user's programs pay for what is done because of them, since @start, of
 * ktime_get_ns().  Context: any
 */
void vnp_stream_charge(const struct vnp_stream *stream, u64 start);

#endif /* _VNP_TCP_DEFER_H */
