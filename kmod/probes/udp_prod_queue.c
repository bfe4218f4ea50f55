// SPDX-License-Identifier: GPL-2.0
/*
 * There is a queue for each node before the socket's receive queue.  Since it was added, no
 * datagram is accepted beyond the size of the receive buffer, unless the buffer is empty.
 */
#include <linux/udp.h>

void *probe(struct sock *sk);
void *probe(struct sock *sk)
{
	return udp_sk(sk)->udp_prod_queue;
}
