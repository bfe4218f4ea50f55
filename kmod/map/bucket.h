/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Buckets of the hash tables that only user space changes: keys and peers.
 */
#ifndef _VNP_MAP_BUCKET_H
#define _VNP_MAP_BUCKET_H

#include <linux/list.h>
#include <linux/string.h>
#include "kmod/core/compat.h"

/* vnp_bucket_key_equal() - are two keys equal?  Most keys are numbers of 32 bits */
static inline bool vnp_bucket_key_equal(const void *a, const void *b, u32 size)
{
	if (size == sizeof(u32))
		return get_unaligned((const u32 *)a) == get_unaligned((const u32 *)b);
	return !memcmp(a, b, size);
}

/* vnp_bucket_len() - number of entries.  Context: the lock for changes */
static inline u32 vnp_bucket_len(const struct hlist_head *bucket)
{
	const struct hlist_node *node;
	u32 cnt = 0;

	hlist_for_each(node, bucket)
		cnt++;
	return cnt;
}

#endif /* _VNP_MAP_BUCKET_H */
