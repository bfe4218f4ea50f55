// SPDX-License-Identifier: GPL-2.0
/* ioctl() of a protocol has its argument in the kernel's memory. */
#include <net/sock.h>

static_assert(__same_type(((struct proto *)NULL)->ioctl,
			  (int (*)(struct sock *, int, int *))NULL));
