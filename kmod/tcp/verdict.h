/* SPDX-License-Identifier: GPL-2.0 */
/* Executing a stream's programs, and which actions follow for messages */
#ifndef _VNP_TCP_VERDICT_H
#define _VNP_TCP_VERDICT_H

#include <net/ipv6.h>
#include <net/sock.h>

#include "kmod/path/action.h"
#include "kmod/path/dgram.h"

struct vnp_stream;

/* Fields of the context for which a program does not need vnp_stream_init_ctx() */
#define VNP_STREAM_CTX_BASE	(VNP_CTX_BIT(data) | VNP_CTX_BIT(data_end) | VNP_CTX_BIT(len))

/* vnp_stream_family() - the context's address family */
static inline u32 vnp_stream_family(const struct sock *sk)
{
#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6 && !ipv6_addr_v4mapped(&sk->sk_v6_daddr))
		return AF_INET6;
#endif
	return AF_INET;
}

/*
 * vnp_stream_init_ctx() - fill in the context's fields about the connection and its link, also the
 * family, and clear the others
 */
void vnp_stream_init_ctx(const struct vnp_stream *stream, const struct sock *sk,
			 struct vnp_ctx *ctx);

/* vnp_stream_throttled() - was the program not executed, as the user's account is empty? */
static inline bool vnp_stream_throttled(const struct vnp_dgram *dgram)
{
	return dgram->exec.fault == VNP_EXEC_FAULT(VNP_FAULT_THROTTLED, 0);
}

/* vnp_stream_removes() - is a message removed from the stream? */
static inline bool vnp_stream_removes(enum vnp_action action)
{
	return action == VNP_ACTION_DROP || action == VNP_ACTION_REPLY;
}

/*
 * vnp_stream_action() - get the action for a message of @len bytes for which the program returned
 * @ret.  Counts it, and sends the answer of VNP_ACTION_REPLY.  Context: softirqs off
 */
enum vnp_action vnp_stream_action(struct vnp_stream *stream, struct vnp_dgram *dgram, u64 ret,
				  u32 len);

/* vnp_stream_decide() - the same for the copy, after vnp_stream_execute().  Context: likewise */
void vnp_stream_decide(struct vnp_stream *stream);

/**
 * vnp_stream_execute() - execute a program on the copy of a message
 * @stream:	the stream; its copy is filled
 * @sk:		the socket
 * @prog:	the program
 *
 * The result is in @stream->copy.  If that has @work, softirqs are on during encryption.
 *
 * Context: softirqs off, under RCU.
 * Return: 0; -ENOMEM: the user's account is empty.
 */
int vnp_stream_execute(struct vnp_stream *stream, const struct sock *sk,
		       const struct vnp_prog *prog);

/* vnp_stream_authenticates() - does the program for messages authenticate them?  Context: any */
bool vnp_stream_authenticates(const struct vnp_stream *stream);

#endif /* _VNP_TCP_VERDICT_H */
