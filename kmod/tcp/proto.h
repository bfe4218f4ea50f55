/* SPDX-License-Identifier: GPL-2.0 */
/* The operations of TCP sockets: the kernel's, and copies for sockets that have a link. */
#ifndef _VNP_TCP_PROTO_H
#define _VNP_TCP_PROTO_H

#include <linux/net.h>
#include <net/sock.h>

/**
 * struct vnp_tcp_proto - the operations of an address family
 * @kernel:	of the kernel; NULL if it has none
 * @ours:	a copy, modified
 * @kernel_ops:	the same for struct socket
 * @ours_ops:	a copy, modified; but not @owner, which is put when the socket is released
 * @write_space: the kernel's sk_write_space
 * @listen_ops:	another copy, modified, for listening sockets that have a link; not freed if it was
 *		used (tcp/listen.h)
 */
struct vnp_tcp_proto {
	struct proto *kernel;
	struct proto ours;
	const struct proto_ops *kernel_ops;
	struct proto_ops ours_ops;	/* const once it is set up */
	struct proto_ops *listen_ops;	/* likewise const */
	void (*write_space)(struct sock *sk);
};

/* vnp_tcp_proto() - of an address family, vnp_tcp_proto_of() - of a socket */
struct vnp_tcp_proto *vnp_tcp_proto(int family);
struct vnp_tcp_proto *vnp_tcp_proto_of(const struct sock *sk);

/* vnp_tcp_proto_copy() - copy those of a family.  Return: them, or ERR_PTR */
struct vnp_tcp_proto *vnp_tcp_proto_copy(int family);

#endif /* _VNP_TCP_PROTO_H */
