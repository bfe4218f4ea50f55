/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the types have in common whose keys are indices: __u32 below max_entries, all of
 * which are always there.
 */
#ifndef _VNP_MAP_INDEX_H
#define _VNP_MAP_INDEX_H

#include "kmod/map/map.h"

/*
 * vnp_index_get() - the index that a key is; false: out of range
 *
 * The key comes from a program or from user space: afterwards it is in range, also
 * speculatively.
 */
bool vnp_index_get(const struct vnp_map *map, const void *key, u32 *index);

/* vnp_index_check() - the flags of an update.  Return: 0, -EINVAL, -EEXIST */
int vnp_index_check(const struct vnp_map *map, u64 flags);

/* Operations of struct vnp_map_ops */
long vnp_index_delete(struct vnp_map *map, const void *key);
int vnp_index_next_key(struct vnp_map *map, const void *key, void *next);
u32 vnp_index_entries(struct vnp_map *map);

#endif /* _VNP_MAP_INDEX_H */
