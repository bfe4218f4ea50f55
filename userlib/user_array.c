// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/*
 * VNP_MAP_ARRAY and VNP_MAP_PERCPU_ARRAY: entry by entry, the values of all CPUs of an
 * entry together.
 */
#include "user_map.h"

struct array {
	struct vnp_user_map map;
	char *values;
};

static struct array *array_of(struct vnp_user_map *map)
{
	return (struct array *)map;
}

static int percpu_create(struct vnp_user_map *map)
{
	struct array *array = array_of(map);

	array->values = calloc(map->def.max_entries, map->stride * map->cpus);
	return array->values ? 0 : -ENOMEM;
}

static int array_create(struct vnp_user_map *map)
{
	int err = percpu_create(map);

	map->value = array_of(map)->values;
	return err;
}

static void array_destroy(struct vnp_user_map *map)
{
	free(array_of(map)->values);
}

static void *array_find(struct vnp_user_map *map, const void *key)
{
	__u32 index;

	memcpy(&index, key, sizeof(index));
	if (index >= map->def.max_entries)
		return NULL;
	return array_of(map)->values + index * map->stride * map->cpus;
}

/* Find the value of @key to be set; all entries of an array exist */
static int array_find_set(struct vnp_user_map *map, const void *key, __u64 flags,
		       void **to)
{
	if (flags > VNP_MAP_EXIST)
		return -EINVAL;
	if (flags == VNP_MAP_NOEXIST)
		return -EEXIST;
	*to = array_find(map, key);
	return *to ? 0 : -ENOENT;
}

static int array_set(struct vnp_user_map *map, const void *key, const void *value,
		     __u64 flags)
{
	void *to;
	int err;

	err = array_find_set(map, key, flags, &to);
	if (!err)	/* the source may be the same map value */
		memmove(to, value, map->def.value_size);
	return err;
}

static int array_write(struct vnp_user_map *map, const void *key, const void *value,
		       __u64 flags)
{
	void *to;
	int err;

	err = array_find_set(map, key, flags, &to);
	if (!err)
		memcpy(to, value, map->user_size);
	return err;
}

static int array_remove(struct vnp_user_map *map, const void *key)
{
	(void)map, (void)key;
	return -EINVAL;
}

static int array_next_key(struct vnp_user_map *map, const void *key, void *next)
{
	__u32 index = 0;

	if (key) {
		memcpy(&index, key, sizeof(index));
		index = index < map->def.max_entries ? index + 1 : 0;
	}
	if (index >= map->def.max_entries)
		return -ENOENT;
	memcpy(next, &index, sizeof(index));
	return 0;
}

static __u32 array_entries(const struct vnp_user_map *map)
{
	return map->def.max_entries;
}

const struct vnp_user_map_ops vnp_user_array_ops = {
	.obj_size	= sizeof(struct array),
	.create		= array_create,
	.destroy	= array_destroy,
	.find		= array_find,
	.set		= array_set,
	.remove		= array_remove,
	.next_key	= array_next_key,
	.write		= array_write,
	.entries	= array_entries,
};

const struct vnp_user_map_ops vnp_user_percpu_ops = {
	.obj_size	= sizeof(struct array),
	.create		= percpu_create,
	.destroy	= array_destroy,
	.find		= array_find,
	.set		= array_set,
	.remove		= array_remove,
	.next_key	= array_next_key,
	.write		= array_write,
	.entries	= array_entries,
};
