// SPDX-License-Identifier: GPL-2.0
/* encap_err_rcv() has the error as an argument, instead of only an offset. */
#include <linux/udp.h>

void probe(struct udp_sock *up,
	   void (*fn)(struct sock *sk, struct sk_buff *skb, int err,
		      __be16 port, u32 info, u8 *payload));
void probe(struct udp_sock *up,
	   void (*fn)(struct sock *sk, struct sk_buff *skb, int err,
		      __be16 port, u32 info, u8 *payload))
{
	up->encap_err_rcv = fn;
}
