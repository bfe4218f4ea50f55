/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shared by the types whose keys are indices, that is __u32 below max_entries: all entries
 * always exist.
 */
#ifndef _VNP_MAP_INDEX_H
#define _VNP_MAP_INDEX_H

#include "kmod/map/map.h"

/*
 * vnp_index_get() - read the index from a key.  Return: false: out of range
 *
 * The key may have been chosen by a program or by user space; @index is in range on
 * mispredicted paths, too.
 */
bool vnp_index_get(const struct vnp_map *map, const void *key, u32 *index);

/* vnp_index_check() - the flags of an update.  Return: 0, -EINVAL, -EEXIST */
int vnp_index_check(const struct vnp_map *map, u64 flags);

/* Operations of struct vnp_map_ops */
long vnp_index_delete(struct vnp_map *map, const void *key);
int vnp_index_next_key(struct vnp_map *map, const void *key, void *next);
u32 vnp_index_entries(struct vnp_map *map);

#endif /* _VNP_MAP_INDEX_H */
