/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory allocated on behalf of users: who is charged, and what happens on failure.
 */
#ifndef _VNP_CORE_MEMORY_H
#define _VNP_CORE_MEMORY_H

#include <linux/mm.h>
#include <linux/slab.h>

/*
 * For all allocations on behalf of a user.  They are charged to the memory cgroup of the
 * caller; if that, or the machine, has no room the allocation fails: without
 * __GFP_RETRY_MAYFAIL the OOM killer would be invoked.
 */
#define VNP_GFP_USER	(GFP_KERNEL_ACCOUNT | __GFP_NOWARN | __GFP_RETRY_MAYFAIL)

/**
 * vnp_memory_large() - zeroed memory of a size that a user has chosen
 * @bytes:	size; rounded up to pages
 *
 * On failure all pages were freed when this returns.  __vmalloc() and kvmalloc() of recent kernels
 * free them later: until then the cgroup is full, and the user's next page fault would invoke the
 * OOM killer.
 *
 * Context: process.
 * Return: memory for kvfree(), or NULL on failure or a fatal signal.
 */
void *vnp_memory_large(u64 bytes);

/* vnp_memory() - zeroed memory, likewise, of any size */
static inline void *vnp_memory(u64 bytes)
{
	if (bytes <= PAGE_SIZE << PAGE_ALLOC_COSTLY_ORDER)
		return kvzalloc(bytes, VNP_GFP_USER);
	return vnp_memory_large(bytes);
}

#endif /* _VNP_CORE_MEMORY_H */
