// SPDX-License-Identifier: GPL-2.0
/* proto::ioctl() takes its argument in kernel memory. */
#include <net/sock.h>

static_assert(__same_type(((struct proto *)NULL)->ioctl,
			  (int (*)(struct sock *, int, int *))NULL));
