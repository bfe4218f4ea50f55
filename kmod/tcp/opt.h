/* SPDX-License-Identifier: GPL-2.0 */
/* Options of a TCP socket that has a link */
#ifndef _VNP_TCP_OPT_H
#define _VNP_TCP_OPT_H

#include <linux/sockptr.h>
#include <net/sock.h>

/* As in struct proto and struct proto_ops */
int vnp_tcp_setsockopt(struct sock *sk, int level, int optname, sockptr_t optval,
		       unsigned int optlen);
int vnp_tcp_getsockopt(struct sock *sk, int level, int optname, char __user *optval,
		       int __user *optlen);
int vnp_tcp_set_rcvlowat(struct sock *sk, int val);
int vnp_tcp_set_peek_off(struct sock *sk, int val);

#endif /* _VNP_TCP_OPT_H */
