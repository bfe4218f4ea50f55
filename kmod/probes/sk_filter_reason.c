// SPDX-License-Identifier: GPL-2.0
/* sk_filter_trim_cap() returns the reason for a drop instead of an errno. */
#include <linux/filter.h>

static enum skb_drop_reason (*probe)(struct sock *sk, struct sk_buff *skb,
				     unsigned int cap) __used = sk_filter_trim_cap;
