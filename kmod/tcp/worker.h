/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The worker of a stream: continues what softirq could not complete (defer.h), and executes
 * programs on messages that are too long for softirq.
 */
#ifndef _VNP_TCP_WORKER_H
#define _VNP_TCP_WORKER_H

#include <linux/workqueue.h>

struct sock;
struct vnp_stream;

/* vnp_stream_work() - the worker's function.  Puts the reference to the link */
void vnp_stream_work(struct work_struct *work);

/* vnp_stream_released() - the socket is being released.  Context: proto::release_cb() */
void vnp_stream_released(struct vnp_stream *stream, const struct sock *sk);

#endif /* _VNP_TCP_WORKER_H */
