// SPDX-License-Identifier: GPL-2.0
/* connect() of a kind of socket has an address of any size. */
#include <linux/net.h>
#include <net/sock.h>

int probe(struct socket *sock, struct sockaddr_unsized *addr, int len, int flags);
int probe(struct socket *sock, struct sockaddr_unsized *addr, int len, int flags)
{
	return sock->ops->connect(sock, addr, len, flags);
}
