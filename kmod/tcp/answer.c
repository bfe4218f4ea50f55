// SPDX-License-Identifier: GPL-2.0
#include "kmod/tcp/answer.h"

#include <linux/err.h>
#include <linux/ktime.h>
#include <net/sock.h>
#include <net/tcp.h>

#include "kmod/link/stats.h"
#include "kmod/path/send.h"
#include "kmod/prog/account.h"
#include "kmod/tcp/copy.h"
#include "kmod/tcp/outlet.h"
#include "kmod/tcp/queue.h"
#include "kmod/tcp/stream.h"
#include "kmod/udp/send.h"

/*
 * ---- The queue ----------------------------------------------------------------
 */

/*
 * May the link be created without a queue, if creating the queue failed with @error?  Connections
 * that are accepted must not fail because others have taken what the user may have.
 */
static bool vnp_answer_is_denied(const struct vnp_link *link, int error)
{
	if (link->listener_id && (error == -EDQUOT || error == -ENOMEM))
		return true;
	return error == -EACCES || error == -EPERM || error == -EPIPE || error == -EAGAIN ||
	       error == -ENOTCONN;
}

int vnp_answer_open(struct vnp_stream *stream, struct sock *sk)
{
	const struct vnp_link *link = stream->link;
	const struct vnp_connection value = {
		.policy = link->flags & VNP_LINK_F_REPLY_RESET ? VNP_SOCKET_DISCONNECT :
								 VNP_SOCKET_DROP_NEWEST,
		.queue_bytes = link->reply_bytes,
	};
	struct vnp_outlet *outlet;

	/* The error of a connection that was reset is the application's. */
	if (!link->reply_bytes || inet_sk_state_load(sk) == TCP_CLOSE || READ_ONCE(sk->sk_err))
		return 0;
	outlet = vnp_outlet_open(sk->sk_socket, link->user, &value);
	if (!IS_ERR(outlet)) {
		stream->outlet = outlet;
		return 0;
	}
	stream->denied = PTR_ERR(outlet) == -EACCES || PTR_ERR(outlet) == -EPERM;
	return vnp_answer_is_denied(link, PTR_ERR(outlet)) ? 0 : PTR_ERR(outlet);
}

void vnp_answer_flush(struct vnp_stream *stream)
{
	/* Not in the middle of what a call of the application writes */
	if (stream->outlet && !vnp_outlet_is_written(stream->outlet))
		vnp_outlet_drain(stream->outlet);
}

void vnp_answer_close(struct vnp_stream *stream)
{
	if (!stream->outlet)
		return;
	if (stream->sk)
		vnp_answer_flush(stream);
	vnp_outlet_leave(stream->outlet);
}

void vnp_answer_free(struct vnp_stream *stream)
{
	if (stream->outlet)
		vnp_outlet_put(stream->outlet);
}

/*
 * ---- A program sends ------------------------------------------------------------
 */

static struct vnp_copy *vnp_answer_copy(struct vnp_dgram *dgram)
{
	return container_of(dgram, struct vnp_copy, dispatch.dgram);
}

void vnp_answer_begin(struct vnp_copy *copy)
{
	struct vnp_udp_sending *sending = &copy->sending;

	sending->sending.entries = VNP_SEND_ENTRIES_MAX;
	sending->sending.many = false;
	vnp_repeat_init(&sending->sending.repeat);
	vnp_send_start(&sending->sending, ktime_get_ns());
	sending->hops = U8_MAX;
	sending->more = false;
	sending->head = false;
	sending->skb = NULL;
	sending->block = NULL;
	copy->sends = false;
	copy->flushes = false;
}

/* Count a message because of which something is sent.  Return: 0, -ELOOP: the limit is reached */
static int vnp_answer_draw(struct vnp_stream *stream)
{
	const u32 sends = READ_ONCE(stream->sends);

	if (sends >= VNP_STREAM_SENDS_MAX) {
		vnp_link_error(stream->link, VNP_ERROR_HOPS, 1);
		return -ELOOP;
	}
	WRITE_ONCE(stream->sends, sends + 1);
	return 0;
}

static int vnp_answer_permit(struct vnp_copy *copy)
{
	int ret;

	if (copy->sends)
		return 0;
	ret = vnp_answer_draw(container_of(copy, struct vnp_stream, copy));
	copy->sends = !ret;
	return ret;
}

static void vnp_answer_enter(struct vnp_copy *copy)
{
	vnp_send_enter(&copy->sending.sending);
}

int vnp_answer_send(struct vnp_dgram *dgram, struct vnp_target *target,
		    const struct vnp_send_msg *msg, bool again)
{
	struct vnp_copy *copy = vnp_answer_copy(dgram);
	int ret = vnp_answer_permit(copy);

	if (ret)
		return ret;
	vnp_answer_enter(copy);
	copy->flushes = true;
	ret = vnp_udp_send(dgram, target, msg, again);
	__this_cpu_write(vnp_sending, copy->sending.sending.outer);
	return ret;
}

void vnp_answer_end(struct vnp_copy *copy)
{
	if (!copy->flushes)
		return;
	vnp_answer_enter(copy);
	vnp_udp_block_forget(&copy->sending);
	vnp_send_end(&copy->sending.sending);
}

int vnp_answer_append(struct vnp_dgram *dgram, struct vnp_outlet *outlet,
		      const struct vnp_send_msg *msg)
{
	struct vnp_copy *copy = vnp_answer_copy(dgram);

	return vnp_answer_permit(copy) ?:
	       vnp_outlet_append(outlet, copy->dispatch.link, &copy->sending.sending, dgram, msg);
}

/*
 * ---- Answers --------------------------------------------------------------------
 */

static void vnp_answer_count(struct vnp_stream *stream, int ret)
{
	switch (ret) {
	case -ENOBUFS:
		vnp_link_error(stream->link, VNP_ERROR_SNDBUF, 1);
		break;
	case -ENOMEM:
		vnp_link_error(stream->link, VNP_ERROR_MEMORY, 1);
		break;
	case -EACCES:
	case -ENOTCONN:
		vnp_link_error(stream->link, VNP_ERROR_DENIED, 1);
		break;
	}
}

/* Return: as vnp_reply(); counted */
static int vnp_answer_queue(struct vnp_stream *stream, struct vnp_sending *sending,
			    const struct vnp_dgram *dgram, const struct vnp_send_msg *msg)
{
	int ret = stream->denied ? -EACCES : -ENOTCONN;

	if (stream->outlet)
		ret = vnp_outlet_append(stream->outlet, stream->link, sending, dgram, msg);
	vnp_answer_count(stream, ret);
	return ret;
}

int vnp_answer_reply(struct vnp_dgram *dgram, const struct vnp_send_msg *msg)
{
	struct vnp_copy *copy = vnp_answer_copy(dgram);
	int ret = vnp_answer_permit(copy);

	if (!ret)
		ret = vnp_answer_queue(container_of(copy, struct vnp_stream, copy),
				       &copy->sending.sending, dgram, msg);
	return ret;
}

int vnp_answer_direct(struct vnp_dgram *dgram, const struct vnp_send_msg *msg)
{
	struct vnp_queue_exec *exec = container_of(dgram, struct vnp_queue_exec, dgram);
	int ret = 0;

	if (!exec->sends) {
		vnp_send_start(&exec->sending, ktime_get_ns());
		ret = vnp_answer_draw(exec->stream);
		exec->sends = !ret;
	}
	return ret ?: vnp_answer_queue(exec->stream, &exec->sending, dgram, msg);
}

void vnp_answer_verdict(struct vnp_stream *stream, struct vnp_dgram *dgram)
{
	struct vnp_account_timer timer;

	if (dgram->answered)
		return;
	timer = vnp_account_start();
	/* If the worker has executed the program, the time for sending begins again now. */
	if (dgram->ops == &vnp_copy_dgram_ops)
		vnp_send_start(&vnp_answer_copy(dgram)->sending.sending, timer.start);
	dgram->ops->answer(dgram, NULL);
	/* The time of the execution, which was charged, does not include this. */
	vnp_account_stop(stream->link->user, &timer);
}
