// SPDX-License-Identifier: GPL-2.0
/* A device that only has NAPI instances is allocated, not embedded. */
#include <linux/netdevice.h>

struct net_device *probe(void);
struct net_device *probe(void)
{
	return alloc_netdev_dummy(0);
}
