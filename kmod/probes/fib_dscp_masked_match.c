// SPDX-License-Identifier: GPL-2.0
/* Route lookups mask the TOS; in older kernels their callers do. */
#include <net/ip_fib.h>

bool probe(dscp_t dscp, const struct flowi4 *fl4);
bool probe(dscp_t dscp, const struct flowi4 *fl4)
{
	return fib_dscp_masked_match(dscp, fl4);
}
