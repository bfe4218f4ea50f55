/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Shared by relay.c and its program. */
#ifndef _VNPCTL_RELAY_H
#define _VNPCTL_RELAY_H

#include <linux/types.h>

/* struct relay_key - key of a receiver; the only group is 0 */
struct relay_key {
	__u32 group;
	__u32 receiver;
};

#endif /* _VNPCTL_RELAY_H */
