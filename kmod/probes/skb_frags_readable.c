// SPDX-License-Identifier: GPL-2.0
/* The CPU may not be able to read a packet's data. */
#include <linux/skbuff.h>

bool probe(const struct sk_buff *skb);
bool probe(const struct sk_buff *skb)
{
	return skb_frags_readable(skb);
}
