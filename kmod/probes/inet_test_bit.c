// SPDX-License-Identifier: GPL-2.0
/* Bit fields of struct inet_sock and struct ipv6_pinfo became atomic flags. */
#include <linux/ipv6.h>
#include <net/inet_sock.h>

bool probe(const struct sock *sk);
bool probe(const struct sock *sk)
{
	return inet_test_bit(RECVERR, sk) || inet6_test_bit(RECVERR6, sk);
}
