// SPDX-License-Identifier: GPL-2.0
/*
 * Datagrams wait in a queue for each node before they get into the socket's, and since
 * then none is taken beyond the receive buffer's size.
 */
#include <linux/udp.h>

void *probe(struct sock *sk);
void *probe(struct sock *sk)
{
	return udp_sk(sk)->udp_prod_queue;
}
