// SPDX-License-Identifier: GPL-2.0
/* sk_filter_trim_cap() says why, where it returned an errno. */
#include <linux/filter.h>

typedef enum skb_drop_reason (*probe_fn)(struct sock *sk, struct sk_buff *skb,
					 unsigned int cap);

probe_fn probe(void);
probe_fn probe(void)
{
	return sk_filter_trim_cap;
}
