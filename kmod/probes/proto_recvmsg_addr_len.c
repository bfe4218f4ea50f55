// SPDX-License-Identifier: GPL-2.0
/* proto::recvmsg() has an argument for the length of the address. */
#include <net/sock.h>

int probe(struct sock *sk, struct msghdr *msg);
int probe(struct sock *sk, struct msghdr *msg)
{
	return sk->sk_prot->recvmsg(sk, msg, 0, 0, NULL);
}
