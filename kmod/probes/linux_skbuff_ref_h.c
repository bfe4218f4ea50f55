// SPDX-License-Identifier: GPL-2.0
/* Functions for references to pages of packets are in a header of their own. */
#include <linux/skbuff_ref.h>

void probe(skb_frag_t *frag);
void probe(skb_frag_t *frag)
{
	__skb_frag_ref(frag);
}
