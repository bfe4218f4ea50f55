// SPDX-License-Identifier: GPL-2.0
/* proto_ops::connect() takes an address of type struct sockaddr_unsized. */
#include <linux/net.h>
#include <net/sock.h>

int probe(struct socket *sock, struct sockaddr_unsized *addr, int len, int flags);
int probe(struct socket *sock, struct sockaddr_unsized *addr, int len, int flags)
{
	return sock->ops->connect(sock, addr, len, flags);
}
