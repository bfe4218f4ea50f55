// SPDX-License-Identifier: GPL-2.0
/* There is UDP-Lite, and UDP sockets take options at its level for their own. */
#include <net/udplite.h>

struct proto *probe(void);
struct proto *probe(void)
{
	return &udplite_prot;
}
