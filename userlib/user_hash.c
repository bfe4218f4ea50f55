// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/* VNP_MAP_HASH and what is built on it: chains of entries that are allocated one by one. */
#include "user_map.h"
#include "crypto.h"
#include "vm/env.h"

#define BUCKETS_MAX	(1U << 16)

/* struct entry - the key, then the value at a multiple of 8 */
struct entry {
	struct entry *next;
	__u64 data[];
};

/**
 * struct hash - a hash map
 * @map:	what all types have
 * @buckets:	chains
 * @bucket_cnt:	a power of two
 * @entries:	number of entries
 * @deferred:	removed entries that a program may still use
 */
struct hash {
	struct vnp_user_map map;
	struct entry **buckets;
	__u32 bucket_cnt;
	__u32 entries;
	struct entry *deferred;
};

static struct hash *hash_of(struct vnp_user_map *map)
{
	return (struct hash *)map;
}

static int hash_create(struct vnp_user_map *map)
{
	struct hash *hash = hash_of(map);

	for (hash->bucket_cnt = 1; hash->bucket_cnt < map->def.max_entries &&
				   hash->bucket_cnt < BUCKETS_MAX;)
		hash->bucket_cnt *= 2;
	hash->buckets = calloc(hash->bucket_cnt, sizeof(*hash->buckets));
	return hash->buckets ? 0 : -ENOMEM;
}

static void entries_free(struct entry *entry)
{
	struct entry *next;

	for (; entry; entry = next) {
		next = entry->next;
		free(entry);
	}
}

static void hash_free_deferred(struct vnp_user_map *map)
{
	struct hash *hash = hash_of(map);

	entries_free(hash->deferred);
	hash->deferred = NULL;
}

static void hash_destroy(struct vnp_user_map *map)
{
	struct hash *hash = hash_of(map);
	__u32 i;

	for (i = 0; hash->buckets && i < hash->bucket_cnt; i++)
		entries_free(hash->buckets[i]);
	hash_free_deferred(map);
	free(hash->buckets);
}

static size_t value_offset(const struct hash *hash)
{
	return round_up((size_t)hash->map.def.key_size, 8);
}

static void *entry_value(const struct hash *hash, struct entry *entry)
{
	return (char *)entry->data + value_offset(hash);
}

/* FNV-1a */
static struct entry **bucket_of(const struct hash *hash, const void *key)
{
	const unsigned char *bytes = key;
	__u32 i, sum = 2166136261u;

	for (i = 0; i < hash->map.def.key_size; i++)
		sum = (sum ^ bytes[i]) * 16777619u;
	return &hash->buckets[(sum ^ sum >> 16) & (hash->bucket_cnt - 1)];
}

/* The pointer to the entry of @key, or the one to insert it at */
static struct entry **entry_find(const struct hash *hash, const void *key)
{
	struct entry **at = bucket_of(hash, key);

	while (*at && memcmp((*at)->data, key, hash->map.def.key_size))
		at = &(*at)->next;
	return at;
}

static void entry_unlink(struct hash *hash, struct entry **at)
{
	struct entry *entry = *at;

	*at = entry->next;
	entry->next = hash->deferred;
	hash->deferred = entry;
	hash->entries--;
}

static void *hash_find(struct vnp_user_map *map, const void *key)
{
	struct hash *hash = hash_of(map);
	struct entry *entry = *entry_find(hash, key);

	return entry ? entry_value(hash, entry) : NULL;
}

/* Do the flags allow setting the value, which exists or does not? */
static int hash_set_check(const struct hash *hash, bool exists, __u64 flags)
{
	if (flags > VNP_MAP_EXIST)
		return -EINVAL;
	if (flags == VNP_MAP_NOEXIST && exists)
		return -EEXIST;
	if (flags == VNP_MAP_EXIST && !exists)
		return -ENOENT;
	return !exists && hash->entries >= hash->map.def.max_entries ? -ENOSPC : 0;
}

static int hash_set(struct vnp_user_map *map, const void *key, const void *value,
		    __u64 flags)
{
	struct hash *hash = hash_of(map);
	struct entry **at = entry_find(hash, key), *entry;
	int err;

	err = hash_set_check(hash, *at, flags);
	if (err)
		return err;
	entry = calloc(1, sizeof(*entry) + value_offset(hash) + map->stride);
	if (!entry)
		return -ENOMEM;
	memcpy(entry->data, key, map->def.key_size);
	memcpy(entry_value(hash, entry), value, map->def.value_size);

	if (*at)
		entry_unlink(hash, at);
	entry->next = *at;
	*at = entry;
	hash->entries++;
	return 0;
}

static int hash_remove(struct vnp_user_map *map, const void *key)
{
	struct hash *hash = hash_of(map);
	struct entry **at = entry_find(hash, key);

	if (!*at)
		return -ENOENT;
	entry_unlink(hash, at);
	return 0;
}

static int hash_next_key(struct vnp_user_map *map, const void *key, void *next)
{
	struct hash *hash = hash_of(map);
	struct entry *entry = key ? *entry_find(hash, key) : NULL;
	struct entry **bucket;

	bucket = entry ? bucket_of(hash, key) + 1 : hash->buckets;
	entry = entry ? entry->next : NULL;
	for (; !entry && bucket < hash->buckets + hash->bucket_cnt; bucket++)
		entry = *bucket;
	if (!entry)
		return -ENOENT;
	memcpy(next, entry->data, map->def.key_size);
	return 0;
}

static __u32 hash_entries(const struct vnp_user_map *map)
{
	return ((const struct hash *)map)->entries;
}

/* Operations of hash maps, which maps of peers and sockets share */
#define HASH_OPS						\
	.obj_size	= sizeof(struct hash),			\
	.create		= hash_create,				\
	.destroy	= hash_destroy,				\
	.find		= hash_find,				\
	.set		= hash_set,				\
	.remove		= hash_remove,				\
	.next_key	= hash_next_key,			\
	.free_deferred	= hash_free_deferred,			\
	.entries	= hash_entries

const struct vnp_user_map_ops vnp_user_hash_ops = {
	HASH_OPS,
};

const struct vnp_user_map_ops vnp_user_peers_ops = {
	HASH_OPS,
	.write		= vnp_user_peer_write,
};

const struct vnp_user_map_ops vnp_user_sockets_ops = {
	HASH_OPS,
	.write		= vnp_user_connection_write,
};

/* VNP_MAP_KEYS: values are struct vnp_user_key, which also has the used nonces */
static int keys_create(struct vnp_user_map *map)
{
	map->stride = sizeof(struct vnp_user_key);
	return hash_create(map);
}

static int keys_write(struct vnp_user_map *map, const void *key, const void *value,
		      __u64 flags)
{
	struct vnp_key copy;
	int err;

	memcpy(&copy, value, sizeof(copy));
	err = vnp_user_key_load(&copy);
	if (!err)
		err = hash_set(map, key, &copy, flags);
	explicit_bzero(&copy, sizeof(copy));
	return err;
}

const struct vnp_user_map_ops vnp_user_keys_ops = {
	.obj_size	= sizeof(struct hash),
	.create		= keys_create,
	.destroy	= hash_destroy,
	.find		= hash_find,
	.set		= hash_set,
	.remove		= hash_remove,
	.next_key	= hash_next_key,
	.write		= keys_write,
	.free_deferred	= hash_free_deferred,
	.entries	= hash_entries,
};
