// SPDX-License-Identifier: GPL-2.0
/* __tcp_send_ack() takes flags. */
#include <net/tcp.h>

void probe(struct sock *sk);
void probe(struct sock *sk)
{
	__tcp_send_ack(sk, 0, 0);
}
