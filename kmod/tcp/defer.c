// SPDX-License-Identifier: GPL-2.0
#include "kmod/tcp/defer.h"

#include "kmod/tcp/stream.h"

/* Maximum delay of the worker after a failure: out of memory, or the user's account was empty */
#define VNP_STREAM_DELAY	msecs_to_jiffies(250)

static struct workqueue_struct *vnp_stream_wq;

int vnp_stream_subsys_create(void)
{
	vnp_stream_wq = alloc_workqueue("vnp_stream", WQ_UNBOUND, 0);
	return vnp_stream_wq ? 0 : -ENOMEM;
}

void vnp_stream_subsys_destroy(void)
{
	destroy_workqueue(vnp_stream_wq);
}

void vnp_stream_defer(struct vnp_stream *stream)
{
	/* Before queueing, as the worker puts it */
	vnp_obj_get(&stream->link->obj);
	/* It was pending already, with a reference of its own. */
	if (mod_delayed_work(vnp_stream_wq, &stream->work, 0))
		vnp_stream_put(stream);
}

void vnp_stream_retry(struct vnp_stream *stream)
{
	const unsigned long delay = max(stream->delay, 1UL);

	vnp_obj_get(&stream->link->obj);
	if (queue_delayed_work(vnp_stream_wq, &stream->work, delay))
		stream->delay = min(2 * delay, VNP_STREAM_DELAY);
	else
		vnp_stream_put(stream);
}

void vnp_stream_set_deferred(struct vnp_stream *stream, int ret)
{
	WRITE_ONCE(stream->deferred, ret);
	if (ret == -EAGAIN)
		vnp_stream_defer(stream);
	else if (ret)
		vnp_stream_retry(stream);
}
