/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The worker of a stream: continues what softirq could not complete (defer.h), and executes
 * programs on messages that are too long for softirq.
 */
#ifndef _VNP_TCP_WORKER_H
#define _VNP_TCP_WORKER_H

#include <linux/workqueue.h>

#include "kmod/tcp/defer.h"
#include "kmod/tcp/stream.h"

/* vnp_stream_work() - the worker's function.  Puts the reference to the link */
void vnp_stream_work(struct work_struct *work);

/*
 * vnp_stream_released() - the socket is being released.  Context: proto::release_cb()
 *
 * If the application has made its buffer smaller, what it cannot read yet may not fit any more, and
 * TCP may drop what arrives without calling sk_data_ready.
 */
static inline void vnp_stream_released(struct vnp_stream *stream, const struct sock *sk)
{
	const bool smaller = sk->sk_rcvbuf < stream->rcvbuf;

	if (likely(!stream->blocked && !smaller && !vnp_stream_outran(stream)))
		return;
	stream->blocked = false;
	stream->rcvbuf = sk->sk_rcvbuf;
	vnp_stream_defer(stream);
}

#endif /* _VNP_TCP_WORKER_H */
