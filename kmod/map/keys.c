// SPDX-License-Identifier: GPL-2.0
/*
 * VNP_MAP_KEYS: a hash table of secrets.
 *
 * Only user space changes it, under a mutex.  VNP_MAP_NEXT_KEY can hold that for long, so a fatal
 * signal ends waiting for it.  An entry is allocated when it is set, and so charged to the caller,
 * and freed after a grace period: update and delete wait until no program uses the old key.
 */
#include "kmod/map/keys.h"

#include <linux/errno.h>
#include <linux/jhash.h>
#include <linux/log2.h>
#include <linux/mutex.h>
#include <linux/random.h>
#include <linux/rculist.h>
#include <linux/slab.h>

#include "kmod/core/compat.h"
#include "kmod/core/memory.h"
#include "kmod/crypto/secret.h"
#include "kmod/map/bucket.h"
#include "kmod/map/map.h"

/**
 * struct vnp_keys_entry - an entry
 * @node:	in its bucket
 * @secret:	the value
 * @key:	its key in the map
 */
struct vnp_keys_entry {
	struct hlist_node node;
	struct vnp_secret secret;
	u8 key[];
};

/**
 * struct vnp_keys - a map of keys
 * @map:	what all types have
 * @buckets:	entries; read under RCU
 * @mask:	number of buckets minus 1
 * @seed:	for hashes
 * @lock:	for changes
 * @entries:	their number.  Written under @lock
 */
struct vnp_keys {
	struct vnp_map map;
	struct hlist_head *buckets;
	u32 mask;
	u32 seed;
	struct mutex lock;	/* buckets, entries */
	u32 entries;
};

static struct vnp_keys *vnp_keys_of(struct vnp_map *map)
{
	return container_of(map, struct vnp_keys, map);
}

/* Most keys are numbers of 32 bits, for which there are shorter functions. */
static bool vnp_keys_are_words(const struct vnp_keys *keys)
{
	return keys->map.key_size == sizeof(u32);
}

static u32 vnp_keys_bucket(const struct vnp_keys *keys, const void *key)
{
	if (vnp_keys_are_words(keys))
		return jhash_1word(get_unaligned((const u32 *)key), keys->seed) &
		       keys->mask;
	return jhash(key, keys->map.key_size, keys->seed) & keys->mask;
}

static u64 vnp_keys_size(struct vnp_map *map)
{
	struct vnp_keys *keys = vnp_keys_of(map);
	const u64 cnt = BIT_ULL(order_base_2(map->max_entries));

	keys->mask = cnt - 1;
	return cnt * sizeof(*keys->buckets);
}

static int vnp_keys_create(struct vnp_map *map)
{
	struct vnp_keys *keys = vnp_keys_of(map);

	keys->buckets = vnp_memory(map->bytes);
	if (!keys->buckets)
		return -ENOMEM;
	keys->seed = get_random_u32();
	mutex_init(&keys->lock);
	return 0;
}

static void vnp_keys_entry_free(struct vnp_keys_entry *entry)
{
	vnp_secret_destroy(&entry->secret);
	kfree(entry);
}

static void vnp_keys_destroy(struct vnp_map *map)
{
	struct vnp_keys *keys = vnp_keys_of(map);
	struct vnp_keys_entry *entry;
	struct hlist_node *next;
	u32 i;

	for (i = 0; keys->entries && i <= keys->mask; i++) {
		hlist_for_each_entry_safe(entry, next, &keys->buckets[i], node) {
			vnp_keys_entry_free(entry);
			keys->entries--;
			cond_resched();
		}
	}
	kvfree(keys->buckets);
}

/* Context: under RCU, or the map's lock */
static struct vnp_keys_entry *vnp_keys_lookup(struct vnp_keys *keys, const void *key)
{
	struct vnp_keys_entry *entry;

	hlist_for_each_entry_rcu(entry, &keys->buckets[vnp_keys_bucket(keys, key)], node,
				 lockdep_is_held(&keys->lock))
		if (vnp_bucket_key_equal(entry->key, key, keys->map.key_size))
			return entry;
	return NULL;
}

struct vnp_secret *vnp_keys_find(struct vnp_map *map, const void *key)
{
	struct vnp_keys_entry *entry = vnp_keys_lookup(vnp_keys_of(map), key);

	return entry ? &entry->secret : NULL;
}

/* Return: ERR_PTR on errors */
static struct vnp_keys_entry *vnp_keys_entry_create(const struct vnp_keys *keys,
						    const void *key, const void *value)
{
	struct vnp_keys_entry *entry;
	struct vnp_key copy;
	int ret;

	entry = kzalloc(struct_size(entry, key, keys->map.key_size), VNP_GFP_USER);
	if (!entry)
		return ERR_PTR(-ENOMEM);
	memcpy(entry->key, key, keys->map.key_size);
	memcpy(&copy, value, sizeof(copy));
	ret = vnp_secret_init(&entry->secret, &copy);
	memzero_explicit(&copy, sizeof(copy));
	if (ret) {
		kfree(entry);
		return ERR_PTR(ret);
	}
	return entry;
}

/* Context: the map's lock */
static bool vnp_keys_has_space(const struct vnp_keys *keys, const struct hlist_head *bucket)
{
	return keys->entries < keys->map.max_entries &&
	       vnp_bucket_len(bucket) < VNP_MAP_CHAIN_MAX;
}

/* Context: the map's lock.  Return: 0 with @old, if any, replaced, or errno */
static int vnp_keys_link(struct vnp_keys *keys, struct vnp_keys_entry *entry,
			 struct vnp_keys_entry *old, u64 flags)
{
	struct hlist_head *bucket = &keys->buckets[vnp_keys_bucket(keys, entry->key)];
	int ret = vnp_map_flags_check(flags, old);

	if (ret)
		return ret;
	if (old) {
		hlist_replace_rcu(&old->node, &entry->node);
		return 0;
	}
	if (!vnp_keys_has_space(keys, bucket))
		return -ENOSPC;
	hlist_add_head_rcu(&entry->node, bucket);
	WRITE_ONCE(keys->entries, keys->entries + 1);
	return 0;
}

static long vnp_keys_update(struct vnp_map *map, const void *key, const void *value,
			    u64 flags)
{
	struct vnp_keys *keys = vnp_keys_of(map);
	struct vnp_keys_entry *entry, *old;
	int ret;

	if (flags > VNP_MAP_EXIST)
		return -EINVAL;
	entry = vnp_keys_entry_create(keys, key, value);
	if (IS_ERR(entry))
		return PTR_ERR(entry);

	if (mutex_lock_killable(&keys->lock)) {
		vnp_keys_entry_free(entry);
		return -EINTR;
	}
	old = vnp_keys_lookup(keys, key);
	ret = vnp_keys_link(keys, entry, old, flags);
	mutex_unlock(&keys->lock);

	if (ret) {
		vnp_keys_entry_free(entry);
	} else if (old) {
		synchronize_rcu();
		vnp_keys_entry_free(old);
	}
	return ret;
}

static long vnp_keys_delete(struct vnp_map *map, const void *key)
{
	struct vnp_keys *keys = vnp_keys_of(map);
	struct vnp_keys_entry *entry;

	if (mutex_lock_killable(&keys->lock))
		return -EINTR;
	entry = vnp_keys_lookup(keys, key);
	if (entry) {
		hlist_del_rcu(&entry->node);
		WRITE_ONCE(keys->entries, keys->entries - 1);
	}
	mutex_unlock(&keys->lock);

	if (!entry)
		return -ENOENT;
	synchronize_rcu();
	vnp_keys_entry_free(entry);
	return 0;
}

/*
 * Find the first entry in this bucket or the ones after it.  Return: the entry, NULL, or
 * ERR_PTR(-EINTR).  Context: the map's lock
 */
static struct hlist_node *vnp_keys_first(const struct vnp_keys *keys, u64 bucket)
{
	for (; bucket <= keys->mask; bucket++) {
		if (!hlist_empty(&keys->buckets[bucket]))
			return keys->buckets[bucket].first;
		if (fatal_signal_pending(current))
			return ERR_PTR(-EINTR);
		cond_resched();
	}
	return NULL;
}

static int vnp_keys_next_key(struct vnp_map *map, const void *key, void *next)
{
	struct vnp_keys *keys = vnp_keys_of(map);
	struct vnp_keys_entry *entry;
	struct hlist_node *node;

	if (mutex_lock_killable(&keys->lock))
		return -EINTR;
	entry = key ? vnp_keys_lookup(keys, key) : NULL;
	if (entry)
		node = entry->node.next ?:
		       vnp_keys_first(keys, vnp_keys_bucket(keys, key) + 1ULL);
	else
		node = vnp_keys_first(keys, 0);
	if (!IS_ERR_OR_NULL(node))
		memcpy(next, hlist_entry(node, struct vnp_keys_entry, node)->key,
		       map->key_size);
	mutex_unlock(&keys->lock);
	return node ? PTR_ERR_OR_ZERO(node) : -ENOENT;
}

static int vnp_keys_read(struct vnp_map *map, const void *key, void *value)
{
	return -EACCES;
}

static u32 vnp_keys_entries(struct vnp_map *map)
{
	return READ_ONCE(vnp_keys_of(map)->entries);
}

const struct vnp_map_ops vnp_keys_ops = {
	.obj_size	= sizeof(struct vnp_keys),
	.size		= vnp_keys_size,
	.create		= vnp_keys_create,
	.destroy	= vnp_keys_destroy,
	.update		= vnp_keys_update,
	.delete		= vnp_keys_delete,
	.next_key	= vnp_keys_next_key,
	.read		= vnp_keys_read,
	.entries	= vnp_keys_entries,
};
