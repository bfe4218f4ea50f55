// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
#include <bpf/libbpf.h>

#include "user_map.h"
#include "vm/code.h"
#include "vm/map_traits.h"

static const struct vnp_user_map_ops *const type_ops[] = {
	[VNP_MAP_HASH]		= &vnp_user_hash_ops,
	[VNP_MAP_ARRAY]		= &vnp_user_array_ops,
	[VNP_MAP_PERCPU_ARRAY]	= &vnp_user_percpu_ops,
	[VNP_MAP_PEERS]		= &vnp_user_peers_ops,
	[VNP_MAP_GROUPS]	= &vnp_user_peers_ops,
	[VNP_MAP_SOCKETS]	= &vnp_user_sockets_ops,
	[VNP_MAP_KEYS]		= &vnp_user_keys_ops,
	[VNP_MAP_REPLAY]	= &vnp_user_hash_ops,
};

static void map_init(struct vnp_user_map *map, const struct vnp_user_map_ops *ops,
		     const struct vnp_map_create *def, bool percpu, size_t cpus)
{
	map->ops = ops;
	map->def = *def;
	map->stride = round_up((size_t)def->value_size, 8);
	map->cpus = cpus;
	map->user_size = percpu ? map->stride * cpus : def->value_size;
}

int vnp_user_map_create(const struct vnp_map_create *def,
			struct vnp_user_map **to)
{
	const struct vnp_map_traits *traits = vnp_map_traits_get(def->type);
	const struct vnp_user_map_ops *ops;
	struct vnp_user_map *map;
	int cpus, err;

	ops = def->type < ARRAY_SIZE(type_ops) ? type_ops[def->type] : NULL;
	if (!ops || !traits || vnp_map_traits_check(traits, def))
		return -EINVAL;
	cpus = traits->percpu ? libbpf_num_possible_cpus() : 1;
	if (cpus < 0)
		return cpus;
	if ((__u64)round_up(def->value_size, 8u) * def->max_entries >
	    VNP_MAP_BYTES_MAX / cpus)
		return -E2BIG;

	map = calloc(1, ops->obj_size);
	if (!map)
		return -ENOMEM;
	map_init(map, ops, def, traits->percpu, cpus);
	err = ops->create(map);
	if (err) {
		vnp_user_map_free(map);
		return err;
	}
	*to = map;
	return 0;
}

void vnp_user_map_free(struct vnp_user_map *map)
{
	if (!map)
		return;
	map->ops->destroy(map);
	free(map);
}

void vnp_user_map_free_deferred(struct vnp_user_map *map)
{
	if (map->ops->free_deferred)
		map->ops->free_deferred(map);
}

void vnp_user_map_freeze(struct vnp_user_map *map)
{
	map->frozen = true;
}

int vnp_user_map_info(const struct vnp_user_map *map, const char *name,
		      struct vnp_map_info *info)
{
	struct vnp_map_info full = {
		.type = map->def.type,
		.flags = map->def.flags,
		.key_size = map->def.key_size,
		.value_size = map->def.value_size,
		.max_entries = map->def.max_entries,
		.entries = map->ops->entries(map),
		.frozen = map->frozen,
	};

	vnp_name_set(full.name, "", name);
	return vnp_info_copy(info, &full, sizeof(full));
}

void vnp_user_map_desc(struct vnp_user_map *map, struct vnp_map_desc *desc)
{
	*desc = (struct vnp_map_desc){
		.type = map->def.type,
		.flags = map->def.flags,
		.key_size = map->def.key_size,
		.value_size = map->def.value_size,
		.max_entries = map->def.max_entries,
		.handle = map,
		.value = map->value,
		.constant = map->def.flags & VNP_MAP_F_RDONLY_PROG && map->frozen,
	};
}

void *vnp_user_map_find(struct vnp_user_map *map, const void *key)
{
	return map->ops->find(map, key);
}

int vnp_user_map_set(struct vnp_user_map *map, const void *key, const void *value,
		     __u64 flags)
{
	return map->ops->set(map, key, value, flags);
}

int vnp_user_map_remove(struct vnp_user_map *map, const void *key)
{
	return map->ops->remove(map, key);
}

int vnp_user_map_read(struct vnp_user_map *map, const void *key, void *value)
{
	const void *from;

	if (vnp_map_traits_get(map->def.type)->secret)
		return -EACCES;
	from = map->ops->find(map, key);
	if (!from)
		return -ENOENT;
	memcpy(value, from, map->user_size);
	return 0;
}

int vnp_user_map_write(struct vnp_user_map *map, const void *key,
		       const void *value, __u64 flags)
{
	int err;

	if (map->frozen)
		return -EPERM;
	if (map->ops->write)
		err = map->ops->write(map, key, value, flags);
	else
		err = map->ops->set(map, key, value, flags);
	vnp_user_map_free_deferred(map);
	return err;
}

int vnp_user_map_erase(struct vnp_user_map *map, const void *key)
{
	int err = map->frozen ? -EPERM : map->ops->remove(map, key);

	vnp_user_map_free_deferred(map);
	return err;
}

int vnp_user_map_next_key(struct vnp_user_map *map, const void *key, void *next)
{
	return map->ops->next_key(map, key, next);
}
