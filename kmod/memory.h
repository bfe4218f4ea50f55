/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory that users ask for: who pays for it, and what happens when there is none.
 */
#ifndef _VNP_MEMORY_H
#define _VNP_MEMORY_H

#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

/*
 * For all that is allocated because a user asked for something.  The memory cgroup of
 * the caller pays; where that, or the machine, has no room the allocation fails, for
 * without __GFP_RETRY_MAYFAIL the OOM killer would make room.
 */
#define VNP_GFP_USER	(GFP_KERNEL_ACCOUNT | __GFP_NOWARN | __GFP_RETRY_MAYFAIL)

/**
 * vnp_map_memory() - zeroed memory for what a map holds
 * @bytes:	any number
 *
 * Large areas are not worth looking for contiguous pages.
 *
 * Context: process.
 * Return: memory for kvfree(), or NULL.
 */
static inline void *vnp_map_memory(u64 bytes)
{
	const gfp_t gfp = VNP_GFP_USER | __GFP_ZERO;

	if (bytes <= PAGE_SIZE << PAGE_ALLOC_COSTLY_ORDER)
		return kvmalloc(bytes, gfp);
	return __vmalloc(bytes, gfp);
}

#endif /* _VNP_MEMORY_H */
