// SPDX-License-Identifier: GPL-2.0
/*
 * VNP_MAP_HASH: an rhashtable, which grows and shrinks with what is in it.
 *
 * The table says where a key is; the shards order them.  A key's shard is chosen by
 * a hash that stays the same, and lists its elements, the newest first.  Under the
 * lock of a shard its list and the table agree: so updates of a key come one after
 * the other, the limit of entries is exact, and no state of rhashtable between two
 * sizes is ever seen.  A walk by VNP_MAP_NEXT_KEY, which has only a key to go on
 * from, goes by the lists, for the order of the table changes when it is resized.
 * A key that was deleted and came back is in front of the others of its shard: the
 * walk then sees some of them again, but misses none.
 *
 * An element is never changed once it can be found (but for what programs write
 * into its value): an update puts another one in its place, so a reader has the
 * old value or the new one.  Elements are allocated when they are inserted.
 * Preallocated ones would be charged to the right cgroup by themselves, but a map
 * would take its full size at once, and a replaced element must rest for a grace
 * period, so updates of a full map would fail although nothing is added.  Instead
 * every element, also one that a program makes in softirq, is charged to the
 * cgroup of the map's maker, which the map remembers.  Elements at rest count for
 * the limit of 1 GiB, too: updating quickly does not make a map larger than that.
 *
 * rhashtable charges its buckets to nobody.  What bounds them is the elements: a
 * table doubles when it has less than 4/3 buckets for each of them, and shrinks
 * when it has more than 10/3; twice that if elements are deleted while it grows,
 * until the next deletion.  So at rest buckets take up to 54 bytes for an element,
 * which is charged with 64 at least; those of an empty map take less than 1 KiB,
 * and what is charged for it is about as much.  From the deletion of elements until
 * a kernel thread has moved the rest there may be more, but no more than there were
 * for the elements.  The 1 GiB is for elements and the largest table.
 *
 * Locking: a shard's lock is taken with softirqs off; rhashtable has its own below.
 * Look-ups need RCU only.
 */
#include "map.h"

#include <linux/err.h>
#include <linux/jhash.h>
#include <linux/list.h>
#include <linux/log2.h>
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/random.h>
#include <linux/rhashtable.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "compat.h"

/* Shards for each CPU there can be: so they seldom wait for one another */
#define VNP_HASH_SHARDS_PER_CPU	32

/* A table of so few buckets is not shrunk: small maps are never resized. */
#define VNP_HASH_BUCKETS_MIN	64

struct vnp_hash_shard {
	spinlock_t lock;	/* @elems, and them in the table */
	struct hlist_head elems;
};

struct vnp_hash {
	struct vnp_map map;
	struct rhashtable table;
	struct vnp_hash_shard *shards;
	u32 shard_mask;
	u32 seed;		/* of the hash that chooses the shard */
	u32 value_off;
	u32 elem_size;
	atomic_t entries;
	atomic64_t bytes;	/* without the buckets */
	u64 bytes_max;		/* what the largest table leaves */
	struct mem_cgroup *memcg;
};

struct vnp_hash_elem {
	struct rhash_head node;
	struct hlist_node link;	/* in the shard */
	struct rcu_head rcu;
	struct vnp_hash *owner;
	/* the key, and at a multiple of 8 the value */
	u8 key[] __aligned(8);
};

/* What is known when this is compiled; vnp_hash_table_init() adds the rest. */
static const struct rhashtable_params vnp_hash_params = {
	.head_offset		= offsetof(struct vnp_hash_elem, node),
	.key_offset		= offsetof(struct vnp_hash_elem, key),
	.hashfn			= jhash,
	.min_size		= VNP_HASH_BUCKETS_MIN,
	.automatic_shrinking	= true,
};

static struct vnp_hash *vnp_hash_of(struct vnp_map *map)
{
	return container_of(map, struct vnp_hash, map);
}

static struct vnp_hash_shard *vnp_hash_shard(const struct vnp_hash *hash,
					     const void *key)
{
	u32 hashed = jhash(key, hash->map.key_size, hash->seed);

	return &hash->shards[hashed & hash->shard_mask];
}

static void *vnp_hash_value(const struct vnp_hash *hash,
			    struct vnp_hash_elem *elem)
{
	return elem->key + hash->value_off;
}

/*
 * ---- A map begins and ends ------------------------------------------------
 */

/* The most buckets: as many as entries, so that chains are short */
static u64 vnp_hash_buckets_max(const struct vnp_map_create *attr)
{
	return max_t(u64, roundup_pow_of_two((u64)attr->max_entries),
		     VNP_HASH_BUCKETS_MIN);
}

static int vnp_hash_size(struct vnp_hash *hash,
			 const struct vnp_map_create *attr)
{
	u64 buckets, elems;

	hash->value_off = round_up(attr->key_size, sizeof(u64));
	hash->elem_size = sizeof(struct vnp_hash_elem) + hash->value_off +
			  round_up(attr->value_size, sizeof(u64));

	elems = (u64)attr->max_entries * hash->elem_size;
	buckets = vnp_hash_buckets_max(attr) * sizeof(void *);
	if (elems + buckets > VNP_MAP_BYTES_MAX)
		return -E2BIG;

	hash->bytes_max = VNP_MAP_BYTES_MAX - buckets;
	return 0;
}

static int vnp_hash_shards_create(struct vnp_hash *hash,
				  const struct vnp_map_create *attr)
{
	u32 i, shards;

	shards = min(attr->max_entries,
		     VNP_HASH_SHARDS_PER_CPU * num_possible_cpus());
	shards = roundup_pow_of_two(shards);
	hash->shards = kvcalloc(shards, sizeof(*hash->shards),
				GFP_KERNEL_ACCOUNT);
	if (!hash->shards)
		return -ENOMEM;

	for (i = 0; i < shards; i++)
		spin_lock_init(&hash->shards[i].lock);
	hash->shard_mask = shards - 1;
	atomic64_set(&hash->bytes,
		     sizeof(*hash) + shards * sizeof(*hash->shards));
	return 0;
}

static int vnp_hash_table_init(struct vnp_hash *hash,
			       const struct vnp_map_create *attr)
{
	struct rhashtable_params params = vnp_hash_params;

	params.key_len = attr->key_size;
	params.max_size = vnp_hash_buckets_max(attr);
	return rhashtable_init(&hash->table, &params);
}

static struct vnp_map *vnp_hash_create(const struct vnp_map_create *attr)
{
	struct vnp_hash *hash;
	int ret;

	hash = kzalloc(sizeof(*hash), GFP_KERNEL_ACCOUNT);
	if (!hash)
		return ERR_PTR(-ENOMEM);
	ret = vnp_hash_size(hash, attr);
	if (ret)
		goto err_free;
	ret = vnp_hash_shards_create(hash, attr);
	if (ret)
		goto err_free;
	ret = vnp_hash_table_init(hash, attr);
	if (ret)
		goto err_free_shards;

	hash->seed = get_random_u32();
	hash->memcg = get_mem_cgroup_from_mm(current->mm);
	return &hash->map;

err_free_shards:
	kvfree(hash->shards);
err_free:
	kfree(hash);
	return ERR_PTR(ret);
}

static struct vnp_hash_elem *vnp_hash_elem_create(struct vnp_hash *hash,
						  const void *key,
						  const void *value, gfp_t gfp)
{
	struct vnp_hash_elem *elem;
	struct mem_cgroup *old;

	if (atomic64_add_return(hash->elem_size, &hash->bytes) >
	    hash->bytes_max)
		goto err_uncount;
	old = set_active_memcg(hash->memcg);
	/* A full cgroup fails the update: nobody is killed for it. */
	elem = kmalloc(hash->elem_size, gfp | __GFP_ACCOUNT | __GFP_NOWARN |
					__GFP_RETRY_MAYFAIL);
	set_active_memcg(old);
	if (!elem)
		goto err_uncount;

	elem->owner = hash;
	memcpy(elem->key, key, hash->map.key_size);
	memcpy(vnp_hash_value(hash, elem), value, hash->map.value_size);
	return elem;

err_uncount:
	atomic64_sub(hash->elem_size, &hash->bytes);
	return NULL;
}

static void vnp_hash_elem_destroy(struct vnp_hash_elem *elem)
{
	atomic64_sub(elem->owner->elem_size, &elem->owner->bytes);
	kfree(elem);
}

static void vnp_hash_elem_rcu(struct rcu_head *rcu)
{
	vnp_hash_elem_destroy(container_of(rcu, struct vnp_hash_elem, rcu));
}

static void vnp_hash_elem_free(void *elem, void *arg)
{
	vnp_hash_elem_destroy(elem);
}

static void vnp_hash_destroy(struct vnp_map *map)
{
	struct vnp_hash *hash = vnp_hash_of(map);

	/* Elements that are on their way out look at the map. */
	rcu_barrier();

	/* Waits for a resizing, too, which calls this module's jhash(). */
	rhashtable_free_and_destroy(&hash->table, vnp_hash_elem_free, NULL);
	mem_cgroup_put(hash->memcg);
	kvfree(hash->shards);
	kfree(hash);
}

/*
 * ---- Elements come and go -------------------------------------------------
 */

void *vnp_hash_lookup(struct vnp_map *map, const void *key)
{
	struct vnp_hash *hash = vnp_hash_of(map);
	struct vnp_hash_elem *elem;

	elem = rhashtable_lookup(&hash->table, key, vnp_hash_params);
	return elem ? vnp_hash_value(hash, elem) : NULL;
}

/* Context: the shard's lock, so that the element stays; RCU if @key may change */
static struct vnp_hash_elem *vnp_hash_find(struct vnp_hash *hash,
					   const void *key)
{
	return rhashtable_lookup_fast(&hash->table, key, vnp_hash_params);
}

/*
 * Context: the shard's lock; the key is not there.  Return: 0, -ENOMEM, -EBUSY
 *
 * EBUSY: the table was full while it was being resized, but elements were deleted
 * before it could grow once more.  So there is room, and the next try finds it.
 * That a bucket has too many elements would be EBUSY as well; but every table has
 * a secret seed of its own, so nobody can bring that about.
 */
static int vnp_hash_table_insert(struct vnp_hash *hash,
				 struct vnp_hash_elem *elem)
{
	int ret;

	ret = rhashtable_insert_fast(&hash->table, &elem->node,
				     vnp_hash_params);
	if (unlikely(ret == -EBUSY))
		ret = rhashtable_insert_fast(&hash->table, &elem->node,
					     vnp_hash_params);
	return ret;
}

/* Context: the shard's lock; the key is not there */
static int vnp_hash_insert(struct vnp_hash *hash, struct vnp_hash_shard *shard,
			   struct vnp_hash_elem *elem)
{
	int ret;

	if (!atomic_add_unless(&hash->entries, 1, hash->map.max_entries))
		return -ENOSPC;
	ret = vnp_hash_table_insert(hash, elem);
	if (ret)
		goto err_uncount;
	hlist_add_head(&elem->link, &shard->elems);
	return 0;

err_uncount:
	atomic_dec(&hash->entries);
	return ret;
}

/* Context: the shard's lock */
static int vnp_hash_replace(struct vnp_hash *hash, struct vnp_hash_elem *old,
			    struct vnp_hash_elem *elem)
{
	int ret;

	ret = rhashtable_replace_fast(&hash->table, &old->node, &elem->node,
				      vnp_hash_params);
	if (ret)
		return ret;
	hlist_add_behind(&elem->link, &old->link);
	hlist_del(&old->link);
	return 0;
}

/* Context: the shard's lock.  Return: 0 with @old, if any, replaced, or errno */
static int vnp_hash_link(struct vnp_hash *hash, struct vnp_hash_shard *shard,
			 struct vnp_hash_elem *elem, struct vnp_hash_elem *old,
			 u64 flags)
{
	if (old && flags == VNP_MAP_NOEXIST)
		return -EEXIST;
	if (!old && flags == VNP_MAP_EXIST)
		return -ENOENT;
	return old ? vnp_hash_replace(hash, old, elem) :
		     vnp_hash_insert(hash, shard, elem);
}

static long vnp_hash_update(struct vnp_map *map, const void *key,
			    const void *value, u64 flags, gfp_t gfp)
{
	struct vnp_hash *hash = vnp_hash_of(map);
	struct vnp_hash_elem *elem, *old;
	struct vnp_hash_shard *shard;
	int ret;

	if (flags > VNP_MAP_EXIST)
		return -EINVAL;
	elem = vnp_hash_elem_create(hash, key, value, gfp);
	if (!elem)
		return -ENOMEM;
	/* From here on the copy: another CPU may write to where @key is. */
	shard = vnp_hash_shard(hash, elem->key);

	spin_lock_bh(&shard->lock);
	old = vnp_hash_find(hash, elem->key);
	ret = vnp_hash_link(hash, shard, elem, old, flags);
	spin_unlock_bh(&shard->lock);

	if (ret)
		vnp_hash_elem_destroy(elem);
	else if (old)
		call_rcu(&old->rcu, vnp_hash_elem_rcu);
	return ret;
}

static long vnp_hash_delete(struct vnp_map *map, const void *key)
{
	struct vnp_hash *hash = vnp_hash_of(map);
	struct vnp_hash_shard *shard = vnp_hash_shard(hash, key);
	struct vnp_hash_elem *elem;

	spin_lock_bh(&shard->lock);
	elem = vnp_hash_find(hash, key);
	/* Is it not this shard's?  Then another CPU wrote to where @key is. */
	if (elem && vnp_hash_shard(hash, elem->key) != shard)
		elem = NULL;
	if (elem) {
		rhashtable_remove_fast(&hash->table, &elem->node,
				       vnp_hash_params);
		hlist_del(&elem->link);
		atomic_dec(&hash->entries);
	}
	spin_unlock_bh(&shard->lock);

	if (!elem)
		return -ENOENT;
	call_rcu(&elem->rcu, vnp_hash_elem_rcu);
	return 0;
}

/*
 * ---- What user space asks for ---------------------------------------------
 */

/* Context: the shard's lock.  Return: was there an element? */
static bool vnp_hash_key_copy(const struct vnp_hash *hash,
			      const struct hlist_node *link, void *key)
{
	if (!link)
		return false;
	memcpy(key, hlist_entry(link, struct vnp_hash_elem, link)->key,
	       hash->map.key_size);
	return true;
}

/* The key behind @key in its shard.  Return: the shard to go on at if not *@found */
static u32 vnp_hash_after(struct vnp_hash *hash, const void *key, void *next,
			  bool *found)
{
	struct vnp_hash_shard *shard = vnp_hash_shard(hash, key);
	struct vnp_hash_elem *elem;

	spin_lock_bh(&shard->lock);
	elem = vnp_hash_find(hash, key);
	if (elem)
		*found = vnp_hash_key_copy(hash, elem->link.next, next);
	spin_unlock_bh(&shard->lock);

	return elem ? shard - hash->shards + 1 : 0;
}

static int vnp_hash_next_key(struct vnp_map *map, const void *key, void *next)
{
	struct vnp_hash *hash = vnp_hash_of(map);
	struct vnp_hash_shard *shard;
	bool found = false;
	u32 i = 0;

	if (key)
		i = vnp_hash_after(hash, key, next, &found);
	for (; !found && i <= hash->shard_mask; i++) {
		shard = &hash->shards[i];
		spin_lock_bh(&shard->lock);
		found = vnp_hash_key_copy(hash, shard->elems.first, next);
		spin_unlock_bh(&shard->lock);
	}
	return found ? 0 : -ENOENT;
}

static int vnp_hash_read(struct vnp_map *map, const void *key, void *value)
{
	const void *from;

	rcu_read_lock();
	from = vnp_hash_lookup(map, key);
	if (from)
		vnp_value_load(value, from, map->value_size);
	rcu_read_unlock();

	return from ? 0 : -ENOENT;
}

static u32 vnp_hash_entries(struct vnp_map *map)
{
	return atomic_read(&vnp_hash_of(map)->entries);
}

static u64 vnp_hash_bytes(struct vnp_map *map)
{
	struct vnp_hash *hash = vnp_hash_of(map);
	u64 buckets;

	rcu_read_lock();
	buckets = rht_dereference_rcu(hash->table.tbl, &hash->table)->size;
	rcu_read_unlock();

	return atomic64_read(&hash->bytes) + buckets * sizeof(void *);
}

const struct vnp_map_ops vnp_hash_ops = {
	.create		= vnp_hash_create,
	.destroy	= vnp_hash_destroy,
	.lookup		= vnp_hash_lookup,
	.update		= vnp_hash_update,
	.delete		= vnp_hash_delete,
	.next_key	= vnp_hash_next_key,
	.read		= vnp_hash_read,
	.entries	= vnp_hash_entries,
	.bytes		= vnp_hash_bytes,
};
