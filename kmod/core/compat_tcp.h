/* SPDX-License-Identifier: GPL-2.0 */
/* Differences between kernels in TCP; see compat.h. */
#ifndef _VNP_CORE_COMPAT_TCP_H
#define _VNP_CORE_COMPAT_TCP_H

#include <linux/net.h>
#include <linux/skbuff.h>
#include <net/tcp.h>

#include "probed.h"

#ifdef HAVE_NET_RPS_H
#include <net/rps.h>
#endif

/*
 * VNP_PROTO_RECVMSG(fn) - define the global function fn_set(), which sets proto::recvmsg() to
 * fn(sk, msg, len, flags, addr_len).  Older kernels have the argument @addr_len, an output; for
 * others it is NULL
 */
#ifdef HAVE_PROTO_RECVMSG_ADDR_LEN
#define VNP_PROTO_RECVMSG(fn)						\
void fn##_set(struct proto *proto)					\
{									\
	proto->recvmsg = fn;						\
}
#else
#define VNP_PROTO_RECVMSG(fn)						\
static int fn##_short(struct sock *sk, struct msghdr *msg, size_t len,	\
		      int flags)					\
{									\
	return fn(sk, msg, len, flags, NULL);				\
}									\
									\
void fn##_set(struct proto *proto)					\
{									\
	proto->recvmsg = fn##_short;					\
}
#endif

static inline int vnp_proto_recvmsg(const struct proto *proto, struct sock *sk,
				    struct msghdr *msg, size_t len, int flags, int *addr_len)
{
#ifdef HAVE_PROTO_RECVMSG_ADDR_LEN
	return proto->recvmsg(sk, msg, len, flags, addr_len);
#else
	return proto->recvmsg(sk, msg, len, flags);
#endif
}

/* The type of the argument of proto::ioctl(), which is an output for SIOCINQ */
#ifdef HAVE_PROTO_IOCTL_KARG
#define VNP_IOCTL_ARG	int *
#else
#define VNP_IOCTL_ARG	unsigned long
#endif

static inline int vnp_ioctl_result(VNP_IOCTL_ARG arg, int result)
{
#ifdef HAVE_PROTO_IOCTL_KARG
	*arg = result;
	return 0;
#else
	return put_user(result, (int __user *)arg);
#endif
}

/* The type of the address argument of proto_ops::connect() */
#ifdef HAVE_PROTO_OPS_CONNECT_UNSIZED
#define VNP_CONNECT_ADDR	struct sockaddr_unsized
#else
#define VNP_CONNECT_ADDR	struct sockaddr
#endif

/* proto_ops::accept().  Older kernels pass its arguments one by one. */
#ifndef HAVE_PROTO_OPS_ACCEPT_ARG
struct proto_accept_arg {
	int flags;
	bool kern;
};
#endif

/*
 * VNP_OPS_ACCEPT(fn) - define the static function fn_set(), which sets proto_ops::accept() to
 * fn(sock, newsock, arg)
 */
#ifdef HAVE_PROTO_OPS_ACCEPT_ARG
#define VNP_OPS_ACCEPT(fn)						\
static void fn##_set(struct proto_ops *ops)				\
{									\
	ops->accept = fn;						\
}
#else
#define VNP_OPS_ACCEPT(fn)						\
static int fn##_args(struct socket *sock, struct socket *newsock,	\
		     int flags, bool kern)				\
{									\
	struct proto_accept_arg arg = { .flags = flags, .kern = kern };	\
									\
	return fn(sock, newsock, &arg);					\
}									\
									\
static void fn##_set(struct proto_ops *ops)				\
{									\
	ops->accept = fn##_args;					\
}
#endif

static inline int vnp_ops_accept(const struct proto_ops *ops, struct socket *sock,
				 struct socket *newsock, struct proto_accept_arg *arg)
{
#ifdef HAVE_PROTO_OPS_ACCEPT_ARG
	return ops->accept(sock, newsock, arg);
#else
	return ops->accept(sock, newsock, arg->flags, arg->kern);
#endif
}

/* Acknowledge what has arrived, now. */
static inline void vnp_tcp_send_ack(struct sock *sk)
{
#ifdef HAVE_TCP_SEND_ACK_FLAGS
	__tcp_send_ack(sk, tcp_sk(sk)->rcv_nxt, 0);
#else
	__tcp_send_ack(sk, tcp_sk(sk)->rcv_nxt);
#endif
}

#endif /* _VNP_CORE_COMPAT_TCP_H */
