// SPDX-License-Identifier: GPL-2.0
/* <asm/unaligned.h> has moved. */
#include <linux/unaligned.h>

u64 probe(const void *p);
u64 probe(const void *p)
{
	return get_unaligned((const u64 *)p);
}
