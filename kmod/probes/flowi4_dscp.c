// SPDX-License-Identifier: GPL-2.0
/* Routes are looked up by DSCP instead of TOS. */
#include <net/flow.h>

dscp_t probe(const struct flowi4 *fl4);
dscp_t probe(const struct flowi4 *fl4)
{
	return fl4->flowi4_dscp;
}
