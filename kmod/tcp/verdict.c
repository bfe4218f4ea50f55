// SPDX-License-Identifier: GPL-2.0
#include "kmod/tcp/verdict.h"

#include <net/inet_sock.h>

#include "kmod/link/stats.h"
#include "kmod/path/dispatch.h"
#include "kmod/tcp/answer.h"
#include "kmod/tcp/stream.h"
#include "vm/helper.h"

void vnp_stream_init_ctx(const struct vnp_stream *stream, const struct sock *sk,
			 struct vnp_ctx *ctx)
{
	const struct inet_sock *inet = inet_sk(sk);

	memset(ctx, 0, sizeof(*ctx));
	ctx->link_id = stream->link->obj.id;
	ctx->family = vnp_stream_family(sk);
	ctx->remote_port = ntohs(inet->inet_dport);
	ctx->local_port = ntohs(inet->inet_sport);
	ctx->ifindex = READ_ONCE(sk->sk_rx_dst_ifindex);
#if IS_ENABLED(CONFIG_IPV6)
	if (ctx->family == AF_INET6) {
		memcpy(ctx->remote_ip6, &sk->sk_v6_daddr, sizeof(ctx->remote_ip6));
		memcpy(ctx->local_ip6, &sk->sk_v6_rcv_saddr, sizeof(ctx->local_ip6));
		return;
	}
#endif
	ctx->remote_ip4 = inet->inet_daddr;
	ctx->local_ip4 = inet->inet_rcv_saddr;
}

enum vnp_action vnp_stream_action(struct vnp_stream *stream, struct vnp_dgram *dgram, u64 ret,
				  u32 len)
{
	enum vnp_action action = ret == VNP_HELD ? VNP_ACTION_HOLD : vnp_action_of(ret);

	if (action == VNP_ACTION_REPLY && !stream->link->reply_bytes)
		action = VNP_ACTION_NONE;
	if (action == VNP_ACTION_NONE)
		return vnp_link_fault(stream->link, dgram->prog, &dgram->exec);
	vnp_link_count(stream->link, action, 1, len);
	if (action == VNP_ACTION_REPLY)
		vnp_answer_verdict(stream, dgram);
	return action;
}

int vnp_stream_execute(struct vnp_stream *stream, const struct sock *sk,
		       const struct vnp_prog *prog)
{
	struct vnp_copy *copy = &stream->copy;
	struct vnp_dgram *dgram = &copy->dispatch.dgram;

	vnp_stream_init_ctx(stream, sk, &dgram->exec.ctx);
	dgram->exec.ctx.unanswered = vnp_stream_unanswered(stream);
	copy->dispatch.link = stream->link;
	copy->dispatch.skb = NULL;
	dgram->exec.ctx.len = copy->len;
	dgram->skb = &copy->skb;
	dgram->off = 0;
	dgram->shared = false;
	dgram->written = false;
	dgram->unauthentic = false;
	dgram->answered = false;
	dgram->prog = prog;
	dgram->ops = &vnp_copy_dgram_ops;
	dgram->holding = NULL;
	dgram->work = copy->work;
	dgram->crypt_left = vnp_crypt_limit(copy->len);
	vnp_dgram_point(dgram);
	vnp_answer_begin(copy);
	copy->ret = vnp_dispatch_execute(stream->link, dgram);
	vnp_answer_end(copy);
	copy->executed = !vnp_stream_throttled(dgram);
	return copy->executed ? 0 : -ENOMEM;
}

void vnp_stream_decide(struct vnp_stream *stream)
{
	struct vnp_copy *copy = &stream->copy;
	struct vnp_dgram *dgram = &copy->dispatch.dgram;
	const struct vnp_prog *prog = dgram->prog;

	copy->action = vnp_stream_action(stream, dgram, copy->ret, dgram->exec.ctx.len);
	copy->forged = dgram->exec.fault == VNP_EXEC_UNAUTHENTIC;
	/*
	 * Also if the program has only authenticated it: on lo the sender shares the pages of the
	 * packets, and could change them afterwards.
	 */
	copy->replaces = prog->writes_packet || prog->func == vnp_prog_authenticate;
}

bool vnp_stream_authenticates(const struct vnp_stream *stream)
{
	const struct vnp_prog *prog;
	bool authenticates;

	rcu_read_lock();
	prog = rcu_dereference(stream->link->message);
	authenticates = prog && prog->func == vnp_prog_authenticate;
	rcu_read_unlock();
	return authenticates;
}
