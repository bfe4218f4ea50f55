// SPDX-License-Identifier: GPL-2.0
/* proto_ops::accept() takes its arguments in a struct. */
#include <linux/net.h>
#include <net/sock.h>

int probe(struct socket *sock, struct socket *newsock, struct proto_accept_arg *arg);
int probe(struct socket *sock, struct socket *newsock, struct proto_accept_arg *arg)
{
	return sock->ops->accept(sock, newsock, arg);
}
