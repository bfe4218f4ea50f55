/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What relay.c and its program share. */
#ifndef _VNPCTL_RELAY_H
#define _VNPCTL_RELAY_H

#include <linux/types.h>

/* struct relay_key - of a receiver: there is one group, 0 */
struct relay_key {
	__u32 group;
	__u32 receiver;
};

#endif /* _VNPCTL_RELAY_H */
