// SPDX-License-Identifier: GPL-2.0
/* Drops of a socket may be counted elsewhere than in it. */
#include <net/sock.h>

void probe(struct sock *sk);
void probe(struct sock *sk)
{
	sk_drops_inc(sk);
}
