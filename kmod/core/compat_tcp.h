/* SPDX-License-Identifier: GPL-2.0 */
/* Differences between kernels in TCP; see compat.h. */
#ifndef _VNP_CORE_COMPAT_TCP_H
#define _VNP_CORE_COMPAT_TCP_H

#include <linux/net.h>
#include <linux/skbuff.h>
#include <net/tcp.h>

#include "probed.h"

/* proto::recvmsg().  Older kernels have the argument @addr_len, an output. */
int vnp_recv_msg(struct sock *sk, struct msghdr *msg, size_t len, int flags, int *addr_len);

#ifdef HAVE_PROTO_RECVMSG_ADDR_LEN
static inline void vnp_proto_set_recvmsg(struct proto *proto)
{
	proto->recvmsg = vnp_recv_msg;
}
#else
static inline int vnp_recv_msg_short(struct sock *sk, struct msghdr *msg, size_t len,
				     int flags)
{
	return vnp_recv_msg(sk, msg, len, flags, NULL);
}

static inline void vnp_proto_set_recvmsg(struct proto *proto)
{
	proto->recvmsg = vnp_recv_msg_short;
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

int vnp_listen_accept(struct socket *sock, struct socket *newsock,
		      struct proto_accept_arg *arg);

#ifdef HAVE_PROTO_OPS_ACCEPT_ARG
#define vnp_ops_accept_linked	vnp_listen_accept
#else
static inline int vnp_ops_accept_linked(struct socket *sock, struct socket *newsock, int flags,
					bool kern)
{
	struct proto_accept_arg arg = { .flags = flags, .kern = kern };

	return vnp_listen_accept(sock, newsock, &arg);
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

static inline bool vnp_skb_readable(const struct sk_buff *skb)
{
#ifdef HAVE_SKB_FRAGS_READABLE
	return skb_frags_readable(skb);
#else
	return true;
#endif
}

#endif /* _VNP_CORE_COMPAT_TCP_H */
