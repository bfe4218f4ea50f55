// SPDX-License-Identifier: GPL-2.0
/* The drops of a socket may be counted outside struct sock. */
#include <net/sock.h>

void probe(struct sock *sk);
void probe(struct sock *sk)
{
	sk_drops_inc(sk);
}
