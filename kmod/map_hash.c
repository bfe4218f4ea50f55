// SPDX-License-Identifier: GPL-2.0
/*
 * VNP_MAP_HASH: chains in a table that never changes its size.
 *
 * Why not rhashtable: it gives every key a new place when it grows, so a walk by
 * VNP_MAP_NEXT_KEY would miss keys that were there all the time; and its growing is
 * started by insertions in softirq.  Here a key's place is fixed, a walk finds
 * every key that stays, and the limit of entries is exact under the lock.
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
 * Locking: chains change under one of @locks, chosen by hash, with softirqs off.
 * Readers need RCU only.
 */
#include "map.h"

#include <linux/err.h>
#include <linux/jhash.h>
#include <linux/log2.h>
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/random.h>
#include <linux/rculist.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "compat.h"

/* Locks for each CPU there can be */
#define VNP_HASH_LOCKS_PER_CPU	32

/* Chains a walk looks at before it lets others run */
#define VNP_HASH_WALK		1024

struct vnp_hash {
	struct vnp_map map;
	struct hlist_head *heads;
	u32 mask;
	u32 seed;
	u32 value_off;
	u32 elem_size;
	spinlock_t *locks;	/* chains */
	unsigned int lock_mask;
	atomic_t entries;
	atomic64_t bytes;
	struct mem_cgroup *memcg;
};

struct vnp_hash_elem {
	struct hlist_node node;
	struct rcu_head rcu;
	struct vnp_hash *owner;
	u32 hash;
	/* the key, and at a multiple of 8 the value */
	u8 key[] __aligned(8);
};

static struct vnp_hash *vnp_hash_of(struct vnp_map *map)
{
	return container_of(map, struct vnp_hash, map);
}

static void *vnp_hash_value(const struct vnp_hash *hash,
			    struct vnp_hash_elem *elem)
{
	return elem->key + hash->value_off;
}

static int vnp_hash_size(struct vnp_hash *hash,
			 const struct vnp_map_create *attr)
{
	u64 buckets, bytes;

	hash->value_off = round_up(attr->key_size, sizeof(u64));
	hash->elem_size = sizeof(struct vnp_hash_elem) + hash->value_off +
			  round_up(attr->value_size, sizeof(u64));

	bytes = (u64)attr->max_entries * hash->elem_size;
	if (bytes > VNP_MAP_BYTES_MAX)
		return -E2BIG;
	buckets = roundup_pow_of_two(attr->max_entries);
	bytes += buckets * sizeof(*hash->heads);
	if (bytes > VNP_MAP_BYTES_MAX)
		return -E2BIG;

	hash->mask = buckets - 1;
	atomic64_set(&hash->bytes, sizeof(*hash) +
				   buckets * sizeof(*hash->heads));
	return 0;
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

	ret = -ENOMEM;
	hash->heads = kvcalloc(hash->mask + 1, sizeof(*hash->heads),
			       GFP_KERNEL_ACCOUNT | __GFP_NOWARN |
			       __GFP_RETRY_MAYFAIL);
	if (!hash->heads)
		goto err_free;
	if (alloc_bucket_spinlocks(&hash->locks, &hash->lock_mask,
				   hash->mask + 1, VNP_HASH_LOCKS_PER_CPU,
				   GFP_KERNEL_ACCOUNT))
		goto err_free_heads;

	hash->seed = get_random_u32();
	hash->memcg = get_mem_cgroup_from_mm(current->mm);
	return &hash->map;

err_free_heads:
	kvfree(hash->heads);
err_free:
	kfree(hash);
	return ERR_PTR(ret);
}

static struct vnp_hash_elem *vnp_hash_elem_create(struct vnp_hash *hash,
						  u32 hashed, const void *key,
						  const void *value, gfp_t gfp)
{
	struct vnp_hash_elem *elem;
	struct mem_cgroup *old;

	if (atomic64_add_return(hash->elem_size, &hash->bytes) >
	    VNP_MAP_BYTES_MAX)
		goto err_uncount;
	old = set_active_memcg(hash->memcg);
	elem = kmalloc(hash->elem_size, gfp | __GFP_ACCOUNT | __GFP_NOWARN);
	set_active_memcg(old);
	if (!elem)
		goto err_uncount;

	elem->owner = hash;
	elem->hash = hashed;
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

static void vnp_hash_destroy(struct vnp_map *map)
{
	struct vnp_hash *hash = vnp_hash_of(map);
	struct vnp_hash_elem *elem;
	struct hlist_node *next;
	u32 i;

	/* Elements that are on their way out look at the map. */
	rcu_barrier();

	for (i = 0; i <= hash->mask; i++) {
		hlist_for_each_entry_safe(elem, next, &hash->heads[i], node)
			vnp_hash_elem_destroy(elem);
		if (!(i % VNP_HASH_WALK))
			cond_resched();
	}
	mem_cgroup_put(hash->memcg);
	free_bucket_spinlocks(hash->locks);
	kvfree(hash->heads);
	kfree(hash);
}

/* Context: RCU, or the lock of @head */
static struct vnp_hash_elem *vnp_hash_find(const struct vnp_hash *hash,
					   struct hlist_head *head, u32 hashed,
					   const void *key)
{
	struct vnp_hash_elem *elem;

	hlist_for_each_entry_rcu(elem, head, node,
				 lockdep_is_held(&hash->locks[hashed &
							      hash->lock_mask]))
		if (elem->hash == hashed &&
		    !memcmp(elem->key, key, hash->map.key_size))
			return elem;
	return NULL;
}

static u32 vnp_hash_key(const struct vnp_hash *hash, const void *key)
{
	return jhash(key, hash->map.key_size, hash->seed);
}

void *vnp_hash_lookup(struct vnp_map *map, const void *key)
{
	struct vnp_hash *hash = vnp_hash_of(map);
	u32 hashed = vnp_hash_key(hash, key);
	struct vnp_hash_elem *elem;

	elem = vnp_hash_find(hash, &hash->heads[hashed & hash->mask], hashed,
			     key);
	return elem ? vnp_hash_value(hash, elem) : NULL;
}

/* Context: the lock of @head.  Return: 0 with @old replaced, or errno */
static int vnp_hash_link(struct vnp_hash *hash, struct hlist_head *head,
			 struct vnp_hash_elem *elem, struct vnp_hash_elem *old,
			 u64 flags)
{
	if (old) {
		if (flags == VNP_MAP_NOEXIST)
			return -EEXIST;
		hlist_replace_rcu(&old->node, &elem->node);
		return 0;
	}
	if (flags == VNP_MAP_EXIST)
		return -ENOENT;
	if (!atomic_add_unless(&hash->entries, 1, hash->map.max_entries))
		return -ENOSPC;
	hlist_add_head_rcu(&elem->node, head);
	return 0;
}

static long vnp_hash_update(struct vnp_map *map, const void *key,
			    const void *value, u64 flags, gfp_t gfp)
{
	struct vnp_hash *hash = vnp_hash_of(map);
	u32 hashed = vnp_hash_key(hash, key);
	struct hlist_head *head = &hash->heads[hashed & hash->mask];
	spinlock_t *lock = &hash->locks[hashed & hash->lock_mask];
	struct vnp_hash_elem *elem, *old;
	int ret;

	if (flags > VNP_MAP_EXIST)
		return -EINVAL;
	elem = vnp_hash_elem_create(hash, hashed, key, value, gfp);
	if (!elem)
		return -ENOMEM;

	spin_lock_bh(lock);
	old = vnp_hash_find(hash, head, hashed, key);
	ret = vnp_hash_link(hash, head, elem, old, flags);
	spin_unlock_bh(lock);

	if (ret)
		vnp_hash_elem_destroy(elem);
	else if (old)
		call_rcu(&old->rcu, vnp_hash_elem_rcu);
	return ret;
}

static long vnp_hash_delete(struct vnp_map *map, const void *key)
{
	struct vnp_hash *hash = vnp_hash_of(map);
	u32 hashed = vnp_hash_key(hash, key);
	spinlock_t *lock = &hash->locks[hashed & hash->lock_mask];
	struct vnp_hash_elem *elem;

	spin_lock_bh(lock);
	elem = vnp_hash_find(hash, &hash->heads[hashed & hash->mask], hashed,
			     key);
	if (elem) {
		hlist_del_rcu(&elem->node);
		atomic_dec(&hash->entries);
	}
	spin_unlock_bh(lock);

	if (!elem)
		return -ENOENT;
	call_rcu(&elem->rcu, vnp_hash_elem_rcu);
	return 0;
}

static struct vnp_hash_elem *vnp_hash_first(struct hlist_head *head)
{
	return hlist_entry_safe(rcu_dereference(hlist_first_rcu(head)),
				struct vnp_hash_elem, node);
}

/* The key behind @key in its chain.  Context: RCU.  Return: the chain to go on at */
static u32 vnp_hash_after(struct vnp_hash *hash, const void *key,
			  struct vnp_hash_elem **next)
{
	u32 hashed = vnp_hash_key(hash, key);
	struct vnp_hash_elem *elem;

	*next = NULL;
	elem = vnp_hash_find(hash, &hash->heads[hashed & hash->mask], hashed,
			     key);
	if (!elem)
		return 0;
	*next = hlist_entry_safe(rcu_dereference(hlist_next_rcu(&elem->node)),
				 struct vnp_hash_elem, node);
	return (hashed & hash->mask) + 1;
}

static int vnp_hash_next_key(struct vnp_map *map, const void *key, void *next)
{
	struct vnp_hash *hash = vnp_hash_of(map);
	struct vnp_hash_elem *elem = NULL;
	u32 i = 0;

	rcu_read_lock();
	if (key)
		i = vnp_hash_after(hash, key, &elem);
	while (!elem && i <= hash->mask) {
		elem = vnp_hash_first(&hash->heads[i++]);
		if (elem || i % VNP_HASH_WALK)
			continue;
		rcu_read_unlock();
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
		rcu_read_lock();
	}
	if (elem)
		memcpy(next, elem->key, map->key_size);
	rcu_read_unlock();

	return elem ? 0 : -ENOENT;
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
	return atomic64_read(&vnp_hash_of(map)->bytes);
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
