// SPDX-License-Identifier: GPL-2.0
#include "kmod/map/index.h"

#include <linux/nospec.h>

#include "kmod/core/compat.h"

bool vnp_index_get(const struct vnp_map *map, const void *key, u32 *index)
{
	u32 i = get_unaligned((const u32 *)key);

	if (unlikely(i >= map->max_entries))
		return false;
	*index = array_index_nospec(i, map->max_entries);
	return true;
}

int vnp_index_check(const struct vnp_map *map, u64 flags)
{
	if (flags > VNP_MAP_EXIST)
		return -EINVAL;
	return vnp_map_flags_check(flags, true);
}

long vnp_index_delete(struct vnp_map *map, const void *key)
{
	return -EINVAL;
}

int vnp_index_next_key(struct vnp_map *map, const void *key, void *next)
{
	u32 i = key ? *(const u32 *)key : U32_MAX;

	if (i == map->max_entries - 1)
		return -ENOENT;
	*(u32 *)next = i < map->max_entries ? i + 1 : 0;
	return 0;
}

u32 vnp_index_entries(struct vnp_map *map)
{
	return map->max_entries;
}
