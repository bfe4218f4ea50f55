// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
#include <bpf/libbpf.h>

#include "user_map.h"
#include "vm/code.h"

#define KEY_MAX		512
#define VALUE_MAX	(1U << 20)
#define PERCPU_VALUE_MAX (32U << 10)
#define MAP_MAX		(1ULL << 30)
#define BUCKETS_MAX	(1U << 16)

/* struct entry - of a hash map: the key, then the value at a multiple of 8 */
struct entry {
	struct entry *next;
	__u64 data[];
};

/**
 * struct vnp_user_map - a map in memory
 * @def:	as created
 * @frozen:	user space may not write
 * @stride:	bytes from value to value, of the next entry or CPU
 * @cpus:	values an entry has
 * @values:	of an array, entry by entry, the CPUs' values of each together
 * @buckets:	of a hash map
 * @bucket_cnt:	a power of two
 * @entries:	of a hash map, how many there are
 * @gone:	entries that a program may still look at
 */
struct vnp_user_map {
	struct vnp_map_create def;
	bool frozen;
	size_t stride;
	size_t cpus;
	char *values;
	struct entry **buckets;
	__u32 bucket_cnt;
	__u32 entries;
	struct entry *gone;
};

static int def_check(const struct vnp_map_create *def, size_t cpus)
{
	bool hash = def->type == VNP_MAP_HASH;
	bool percpu = def->type == VNP_MAP_PERCPU_ARRAY;
	__u32 flags = VNP_MAP_F_RDONLY_PROG;

	if (def->type == VNP_MAP_ARRAY)
		flags |= VNP_MAP_F_MMAP;
	else if (!hash && !percpu)
		return -EINVAL;
	if (def->flags & ~flags || !def->max_entries || !def->value_size ||
	    def->value_size > (percpu ? PERCPU_VALUE_MAX : VALUE_MAX))
		return -EINVAL;
	if (hash ? !def->key_size || def->key_size > KEY_MAX :
		   def->key_size != sizeof(__u32))
		return -EINVAL;
	if ((__u64)round_up(def->value_size, 8u) * def->max_entries > MAP_MAX / cpus)
		return -E2BIG;
	return 0;
}

int vnp_user_map_create(const struct vnp_map_create *def,
			struct vnp_user_map **to)
{
	bool hash = def->type == VNP_MAP_HASH;
	struct vnp_user_map *map;
	size_t cpus = 1;
	int err;

	if (def->type == VNP_MAP_PERCPU_ARRAY)
		cpus = libbpf_num_possible_cpus();
	err = def_check(def, cpus);
	if (err)
		return err;

	map = calloc(1, sizeof(*map));
	if (!map)
		return -ENOMEM;
	map->def = *def;
	map->cpus = cpus;
	map->stride = round_up((size_t)def->value_size, 8);
	for (map->bucket_cnt = 1; map->bucket_cnt < def->max_entries &&
				  map->bucket_cnt < BUCKETS_MAX;)
		map->bucket_cnt *= 2;
	if (hash)
		map->buckets = calloc(map->bucket_cnt, sizeof(*map->buckets));
	else
		map->values = calloc(def->max_entries, map->stride * cpus);
	if (!map->buckets && !map->values) {
		free(map);
		return -ENOMEM;
	}
	*to = map;
	return 0;
}

static void entries_free(struct entry *entry)
{
	struct entry *next;

	for (; entry; entry = next) {
		next = entry->next;
		free(entry);
	}
}

void vnp_user_map_free(struct vnp_user_map *map)
{
	__u32 i;

	if (!map)
		return;
	for (i = 0; map->buckets && i < map->bucket_cnt; i++)
		entries_free(map->buckets[i]);
	entries_free(map->gone);
	free(map->buckets);
	free(map->values);
	free(map);
}

void vnp_user_map_settle(struct vnp_user_map *map)
{
	entries_free(map->gone);
	map->gone = NULL;
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
		.entries = map->buckets ? map->entries : map->def.max_entries,
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
		.value = map->def.type == VNP_MAP_ARRAY ? map->values : NULL,
		.constant = map->def.flags & VNP_MAP_F_RDONLY_PROG && map->frozen,
	};
}

static size_t value_offset(const struct vnp_user_map *map)
{
	return round_up((size_t)map->def.key_size, 8);
}

static void *entry_value(const struct vnp_user_map *map, struct entry *entry)
{
	return (char *)entry->data + value_offset(map);
}

/* FNV-1a */
static struct entry **bucket_of(const struct vnp_user_map *map, const void *key)
{
	const unsigned char *bytes = key;
	__u32 i, hash = 2166136261u;

	for (i = 0; i < map->def.key_size; i++)
		hash = (hash ^ bytes[i]) * 16777619u;
	return &map->buckets[(hash ^ hash >> 16) & (map->bucket_cnt - 1)];
}

/* Where the entry of @key hangs, or where one would be hung up */
static struct entry **hash_find(const struct vnp_user_map *map, const void *key)
{
	struct entry **at = bucket_of(map, key);

	while (*at && memcmp((*at)->data, key, map->def.key_size))
		at = &(*at)->next;
	return at;
}

static int hash_remove(struct vnp_user_map *map, struct entry **at)
{
	struct entry *entry = *at;

	if (!entry)
		return -ENOENT;
	*at = entry->next;
	entry->next = map->gone;
	map->gone = entry;
	map->entries--;
	return 0;
}

static int hash_set(struct vnp_user_map *map, const void *key, const void *value)
{
	struct entry **at = hash_find(map, key), *entry;

	if (!*at && map->entries >= map->def.max_entries)
		return -ENOSPC;
	entry = calloc(1, sizeof(*entry) + value_offset(map) + map->stride);
	if (!entry)
		return -ENOMEM;
	memcpy(entry->data, key, map->def.key_size);
	memcpy(entry_value(map, entry), value, map->def.value_size);

	if (*at)
		hash_remove(map, at);
	entry->next = *at;
	*at = entry;
	map->entries++;
	return 0;
}

/* All CPUs' values of an array's entry */
static void *array_find(const struct vnp_user_map *map, const void *key)
{
	__u32 index;

	memcpy(&index, key, sizeof(index));
	if (index >= map->def.max_entries)
		return NULL;
	return map->values + index * map->stride * map->cpus;
}

void *vnp_user_map_find(struct vnp_user_map *map, const void *key)
{
	struct entry *entry;

	if (map->values)
		return array_find(map, key);
	entry = *hash_find(map, key);
	return entry ? entry_value(map, entry) : NULL;
}

/* May a value be set that exists, or does not */
static int set_check(const struct vnp_user_map *map, bool exists, __u64 flags)
{
	if (flags > VNP_MAP_EXIST)
		return -EINVAL;
	if (flags == VNP_MAP_NOEXIST && (exists || map->values))
		return -EEXIST;
	if (!exists && (flags == VNP_MAP_EXIST || map->values))
		return -ENOENT;
	return 0;
}

int vnp_user_map_set(struct vnp_user_map *map, const void *key, const void *value,
		     __u64 flags)
{
	void *old = vnp_user_map_find(map, key);
	int err;

	err = set_check(map, old, flags);
	if (err)
		return err;
	if (map->buckets)
		return hash_set(map, key, value);
	memmove(old, value, map->def.value_size);
	return 0;
}

int vnp_user_map_remove(struct vnp_user_map *map, const void *key)
{
	return map->values ? -EINVAL : hash_remove(map, hash_find(map, key));
}

/* A value as user space has it: padded only where there are several */
static size_t user_value_len(const struct vnp_user_map *map)
{
	return map->def.type == VNP_MAP_PERCPU_ARRAY ? map->stride * map->cpus :
						       map->def.value_size;
}

int vnp_user_map_read(struct vnp_user_map *map, const void *key, void *value)
{
	const void *from = vnp_user_map_find(map, key);

	if (!from)
		return -ENOENT;
	memcpy(value, from, user_value_len(map));
	return 0;
}

int vnp_user_map_write(struct vnp_user_map *map, const void *key,
		       const void *value, __u64 flags)
{
	void *old = vnp_user_map_find(map, key);
	int err;

	if (map->frozen)
		return -EPERM;
	err = set_check(map, old, flags);
	if (err)
		return err;
	if (map->buckets) {
		err = hash_set(map, key, value);
		vnp_user_map_settle(map);
		return err;
	}
	memcpy(old, value, user_value_len(map));
	return 0;
}

int vnp_user_map_erase(struct vnp_user_map *map, const void *key)
{
	int err = map->frozen ? -EPERM : vnp_user_map_remove(map, key);

	vnp_user_map_settle(map);
	return err;
}

static int array_next_key(const struct vnp_user_map *map, const void *key, void *next)
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

int vnp_user_map_next_key(struct vnp_user_map *map, const void *key, void *next)
{
	struct entry *entry = key && map->buckets ? *hash_find(map, key) : NULL;
	struct entry **bucket;

	if (map->values)
		return array_next_key(map, key, next);

	bucket = entry ? bucket_of(map, key) + 1 : map->buckets;
	entry = entry ? entry->next : NULL;
	for (; !entry && bucket < map->buckets + map->bucket_cnt; bucket++)
		entry = *bucket;
	if (!entry)
		return -ENOENT;
	memcpy(next, entry->data, map->def.key_size);
	return 0;
}
