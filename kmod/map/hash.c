// SPDX-License-Identifier: GPL-2.0
/*
 * VNP_MAP_HASH: buckets, and elements that are all allocated when the map is created.
 *
 * Memory.  All memory of a map is allocated when it is created, in the context of its
 * creator: it is charged to the creator's memory cgroup, and if that is full the creation
 * fails, and no process is killed.  Elements allocated at insertion could be charged to the
 * same cgroup, but then senders of datagrams could fill it, and the OOM killer would kill the
 * application at its next page fault.
 *
 * Free elements form a queue.  The one freed first is reused first, and there are some
 * more than max_entries, for two reasons.  A value that is replaced or deleted while a
 * program uses it does not change until as many further changes are made as there are
 * spare elements.  And an update needs the new element and the old one at the same time:
 * with a spare one for each CPU the queue is never empty, as updates execute with
 * softirqs off.
 *
 * A lookup only needs RCU.  It may follow an element that moves to another bucket
 * meanwhile; the end of each chain identifies its bucket, and at a wrong end the lookup
 * starts again.  If the element at which a lookup is was removed, and reinserted into the same
 * bucket as a replacement, the lookup skips the elements in between: so replacements are counted,
 * and a lookup that finds nothing during one is repeated under the lock.  Elements are freed
 * with the map, so a pointer held by a program always points to an element of this map.
 *
 * VNP_MAP_NEXT_KEY, which only has a key to continue from, iterates bucket by bucket.  A
 * new element is inserted at the head of its bucket, and a replacement at the position of
 * the old one: an iteration may see a key twice that was deleted and inserted again, but
 * misses none that exists throughout.
 *
 * Locking: a bucket's lock, shared with other buckets, for changes, and for reads that
 * need a consistent bucket; the lock of the free elements, never together with it.  Both
 * are taken with softirqs off.
 */
#include "kmod/map/map.h"

#include <linux/errno.h>
#include <linux/jhash.h>
#include <linux/list_nulls.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/random.h>
#include <linux/rculist_nulls.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "kmod/core/compat.h"
#include "kmod/core/memory.h"
#include "kmod/map/value.h"

/* Locks for each possible CPU: enough that CPUs seldom contend */
#define VNP_HASH_LOCKS_PER_CPU	32

/* Bytes of spare elements, unless that is less than one per CPU */
#define VNP_HASH_SPARE_BYTES	SZ_16K

/* Buckets between calls of cond_resched() and checks for signals */
#define VNP_HASH_BUCKETS_LONG	4096

/**
 * struct vnp_hash_lock - the lock of some buckets
 * @lock:	for changes of their chains
 * @replaced:	number of replacements in them
 */
struct vnp_hash_lock {
	spinlock_t lock;	/* chains, and what is in them */
	u32 replaced;
};

/**
 * struct vnp_hash_elem - an entry, or a free element
 * @node:	in its bucket; lookups may follow it after it was removed
 * @free_next:	while it is free, the one that was freed next
 * @hashed:	hash of its key; stored last, so that key and value are visible before it
 * @key:	the key, and at struct vnp_hash::value_off the value
 */
struct vnp_hash_elem {
	struct hlist_nulls_node node;
	struct vnp_hash_elem *free_next;
	u32 hashed;
	u8 key[] __aligned(8);
};

/**
 * struct vnp_hash - a hash map
 * @map:	what all types have
 * @buckets:	chains; the end of each is its index
 * @bucket_mask: number of buckets minus 1
 * @seed:	secret, so that senders cannot choose keys of one bucket
 * @locks:	lock of bucket i: i modulo their number
 * @lock_mask:	number of locks minus 1
 * @elems:	all elements
 * @elem_size:	bytes of each
 * @elem_cnt:	their number
 * @value_off:	offset of the value in @key of an element
 * @entries:	elements in buckets, to be compared with max_entries
 * @free_lock:	lock of the free elements
 * @fresh:	elements from this one on were never used
 * @free_first:	the element that has been free longest; NULL: none but fresh ones
 * @free_last:	the element that was freed last
 */
struct vnp_hash {
	struct vnp_map map;
	struct hlist_nulls_head *buckets;
	u32 bucket_mask;
	u32 seed;
	struct vnp_hash_lock *locks;
	u32 lock_mask;
	u32 elem_size;
	void *elems;
	u32 elem_cnt;
	u32 value_off;
	atomic_t entries;

	spinlock_t free_lock;	/* what follows */
	u32 fresh;
	struct vnp_hash_elem *free_first;
	struct vnp_hash_elem *free_last;
};

static struct vnp_hash *vnp_hash_of(struct vnp_map *map)
{
	return container_of(map, struct vnp_hash, map);
}

static void *vnp_hash_value(const struct vnp_hash *hash, struct vnp_hash_elem *elem)
{
	return elem->key + hash->value_off;
}

static u32 vnp_hash_key(const struct vnp_hash *hash, const void *key)
{
	return jhash(key, hash->map.key_size, hash->seed);
}

static struct vnp_hash_lock *vnp_hash_lock(const struct vnp_hash *hash, u32 hashed)
{
	return &hash->locks[hashed & hash->lock_mask];
}

/*
 * ---- Creation and destruction ---------------------------------------------
 */

static u32 vnp_hash_locks_max(const struct vnp_map *map)
{
	return roundup_pow_of_two(min(map->max_entries,
				      VNP_HASH_LOCKS_PER_CPU * num_possible_cpus()));
}

static u64 vnp_hash_size(struct vnp_map *map)
{
	struct vnp_hash *hash = vnp_hash_of(map);
	u64 buckets = roundup_pow_of_two((u64)map->max_entries);
	u32 locks = vnp_hash_locks_max(map);
	u64 elems;

	hash->value_off = round_up(map->key_size, sizeof(u64));
	hash->elem_size = sizeof(struct vnp_hash_elem) + hash->value_off + map->stride;
	elems = (u64)map->max_entries +
		max(num_possible_cpus(), VNP_HASH_SPARE_BYTES / hash->elem_size);

	/* A number that does not fit 32 bits makes the map too large: it is refused. */
	hash->lock_mask = locks - 1;
	hash->bucket_mask = buckets - 1;
	hash->elem_cnt = elems;
	return locks * sizeof(*hash->locks) + buckets * sizeof(*hash->buckets) +
	       elems * hash->elem_size;
}

static void vnp_hash_destroy(struct vnp_map *map)
{
	struct vnp_hash *hash = vnp_hash_of(map);

	kvfree(hash->elems);
	kvfree(hash->buckets);
	kvfree(hash->locks);
}

/*
 * Creation of a very large map can be interrupted by a fatal signal.  Return: 0, -EINTR
 */
static int vnp_hash_buckets_init(struct vnp_hash *hash)
{
	u32 i;

	for (i = 0; i <= hash->bucket_mask; i++) {
		INIT_HLIST_NULLS_HEAD(&hash->buckets[i], i);
		if (i % VNP_HASH_BUCKETS_LONG)
			continue;
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return 0;
}

static int vnp_hash_init(struct vnp_hash *hash)
{
	u32 i;

	hash->locks = vnp_memory((hash->lock_mask + 1) * sizeof(*hash->locks));
	hash->buckets = vnp_memory((hash->bucket_mask + 1ULL) *
				   sizeof(*hash->buckets));
	hash->elems = vnp_memory((u64)hash->elem_cnt * hash->elem_size);
	if (!hash->locks || !hash->buckets || !hash->elems)
		return -ENOMEM;

	for (i = 0; i <= hash->lock_mask; i++)
		spin_lock_init(&hash->locks[i].lock);
	spin_lock_init(&hash->free_lock);
	hash->seed = get_random_u32();
	return vnp_hash_buckets_init(hash);
}

static int vnp_hash_create(struct vnp_map *map)
{
	int ret = vnp_hash_init(vnp_hash_of(map));

	if (ret)
		vnp_hash_destroy(map);
	return ret;
}

/*
 * ---- Free elements --------------------------------------------------------
 */

/* Take a free element, or return NULL.  Context: softirqs off */
static struct vnp_hash_elem *vnp_hash_elem_alloc(struct vnp_hash *hash)
{
	struct vnp_hash_elem *elem;

	spin_lock(&hash->free_lock);
	if (hash->fresh < hash->elem_cnt) {
		elem = hash->elems + (u64)hash->fresh++ * hash->elem_size;
	} else {
		elem = hash->free_first;
		if (elem)
			hash->free_first = elem->free_next;
	}
	spin_unlock(&hash->free_lock);
	return elem;
}

/* Free an element that is in no bucket.  Context: softirqs off */
static void vnp_hash_elem_free(struct vnp_hash *hash, struct vnp_hash_elem *elem)
{
	elem->free_next = NULL;
	spin_lock(&hash->free_lock);
	if (hash->free_first)
		hash->free_last->free_next = elem;
	else
		hash->free_first = elem;
	hash->free_last = elem;
	spin_unlock(&hash->free_lock);
}

/*
 * ---- Insertion and removal ------------------------------------------------
 */

/* Context: RCU, or the bucket's lock, under which the element stays */
static struct vnp_hash_elem *vnp_hash_find(const struct vnp_hash *hash, u32 hashed,
					   const void *key)
{
	const u32 bucket = hashed & hash->bucket_mask;
	struct hlist_nulls_node *node;
	struct vnp_hash_elem *elem;

	do {
		hlist_nulls_for_each_entry_rcu(elem, node, &hash->buckets[bucket], node)
			/* Pairs with vnp_hash_set(). */
			if (smp_load_acquire(&elem->hashed) == hashed &&
			    !memcmp(elem->key, key, hash->map.key_size))
				return elem;
	} while (unlikely(get_nulls_value(node) != bucket));
	return NULL;
}

/* Not inlined: it is rare.  Context: softirqs off */
static noinline struct vnp_hash_elem *vnp_hash_find_locked(struct vnp_hash *hash,
							   u32 hashed, const void *key)
{
	struct vnp_hash_lock *lock = vnp_hash_lock(hash, hashed);
	struct vnp_hash_elem *elem;

	spin_lock(&lock->lock);
	elem = vnp_hash_find(hash, hashed, key);
	spin_unlock(&lock->lock);
	return elem;
}

void *vnp_hash_lookup(struct vnp_map *map, const void *key)
{
	struct vnp_hash *hash = vnp_hash_of(map);
	u32 hashed = vnp_hash_key(hash, key), replaced;
	const struct vnp_hash_lock *lock = vnp_hash_lock(hash, hashed);
	struct vnp_hash_elem *elem;

	/* Pairs with vnp_hash_replace(), as the one below. */
	replaced = smp_load_acquire(&lock->replaced);
	elem = vnp_hash_find(hash, hashed, key);
	if (!elem) {
		/* The count changes before the chain does. */
		smp_rmb();
		if (unlikely(READ_ONCE(lock->replaced) != replaced))
			elem = vnp_hash_find_locked(hash, hashed, key);
	}
	return elem ? vnp_hash_value(hash, elem) : NULL;
}

void *vnp_hash_hold(struct vnp_map *map, const void *key, struct vnp_hash_held *held)
	__acquires(held->lock)
{
	struct vnp_hash *hash = vnp_hash_of(map);
	const u32 hashed = vnp_hash_key(hash, key);
	struct vnp_hash_elem *elem;

	held->lock = &vnp_hash_lock(hash, hashed)->lock;
	spin_lock(held->lock);
	elem = vnp_hash_find(hash, hashed, key);
	return elem ? vnp_hash_value(hash, elem) : NULL;
}

void vnp_hash_release(struct vnp_hash_held *held)
	__releases(held->lock)
{
	spin_unlock(held->lock);
}

/* Context: the bucket's lock */
static bool vnp_hash_has_space(const struct hlist_nulls_head *bucket)
{
	const struct hlist_nulls_node *node = bucket->first;
	u32 cnt;

	for (cnt = 0; !is_a_nulls(node); node = node->next)
		cnt++;
	return cnt < VNP_MAP_CHAIN_MAX;
}

/* Context: the bucket's lock; the key is not there */
static int vnp_hash_insert(struct vnp_hash *hash, struct vnp_hash_elem *elem)
{
	struct hlist_nulls_head *bucket = &hash->buckets[elem->hashed & hash->bucket_mask];

	if (!vnp_hash_has_space(bucket) ||
	    !atomic_add_unless(&hash->entries, 1, hash->map.max_entries))
		return -ENOSPC;
	hlist_nulls_add_head_rcu(&elem->node, bucket);
	return 0;
}

/* Replace @old by @elem, atomically for lookups.  Context: the bucket's lock */
static void vnp_hash_replace(struct vnp_hash_lock *lock, struct vnp_hash_elem *old,
			     struct vnp_hash_elem *elem)
{
	struct hlist_nulls_node *next = old->node.next;

	WRITE_ONCE(lock->replaced, lock->replaced + 1);
	/* Pairs with vnp_hash_lookup(), which may be at @elem. */
	smp_wmb();
	/* A lookup at @elem since it was in another chain continues here. */
	WRITE_ONCE(elem->node.next, next);
	elem->node.pprev = old->node.pprev;
	if (!is_a_nulls(next))
		WRITE_ONCE(next->pprev, &elem->node.next);
	/* Pairs with vnp_hash_find(): key and value are visible before. */
	smp_store_release(elem->node.pprev, &elem->node);
}

/* Context: the bucket's lock.  Return: 0 with @old, if any, replaced, or errno */
static int vnp_hash_link(struct vnp_hash *hash, struct vnp_hash_elem *elem,
			 struct vnp_hash_elem *old, u64 flags)
{
	int ret = vnp_map_flags_check(flags, old);

	if (ret)
		return ret;
	if (!old)
		return vnp_hash_insert(hash, elem);
	vnp_hash_replace(vnp_hash_lock(hash, elem->hashed), old, elem);
	return 0;
}

/* Context: softirqs off */
static int vnp_hash_set(struct vnp_hash *hash, const void *key, const void *value,
			u64 flags)
{
	struct vnp_hash_elem *elem, *old;
	struct vnp_hash_lock *lock;
	int ret;

	elem = vnp_hash_elem_alloc(hash);
	if (!elem)
		return -ENOMEM;
	memcpy(elem->key, key, hash->map.key_size);
	memcpy(vnp_hash_value(hash, elem), value, hash->map.value_size);
	/*
	 * Use the copy from here on: another CPU may write to @key.  vnp_hash_find() sees
	 * this key and value once it sees the hash.
	 */
	smp_store_release(&elem->hashed, vnp_hash_key(hash, elem->key));
	lock = vnp_hash_lock(hash, elem->hashed);

	spin_lock(&lock->lock);
	old = vnp_hash_find(hash, elem->hashed, elem->key);
	ret = vnp_hash_link(hash, elem, old, flags);
	spin_unlock(&lock->lock);

	if (ret || old)
		vnp_hash_elem_free(hash, ret ? elem : old);
	return ret;
}

static long vnp_hash_update(struct vnp_map *map, const void *key,
			    const void *value, u64 flags)
{
	long ret;

	if (flags > VNP_MAP_EXIST)
		return -EINVAL;
	local_bh_disable();
	ret = vnp_hash_set(vnp_hash_of(map), key, value, flags);
	local_bh_enable();
	return ret;
}

static long vnp_hash_delete(struct vnp_map *map, const void *key)
{
	struct vnp_hash *hash = vnp_hash_of(map);
	u32 hashed = vnp_hash_key(hash, key);
	struct vnp_hash_lock *lock = vnp_hash_lock(hash, hashed);
	struct vnp_hash_elem *elem;

	local_bh_disable();
	spin_lock(&lock->lock);
	elem = vnp_hash_find(hash, hashed, key);
	if (elem) {
		hlist_nulls_del_rcu(&elem->node);
		atomic_dec(&hash->entries);
	}
	spin_unlock(&lock->lock);
	if (elem)
		vnp_hash_elem_free(hash, elem);
	local_bh_enable();

	return elem ? 0 : -ENOENT;
}

/*
 * ---- Operations for user space --------------------------------------------
 */

/* The key of @node, unless that is the end.  Context: the bucket's lock */
static bool vnp_hash_key_copy(const struct vnp_hash *hash,
			      const struct hlist_nulls_node *node, void *key)
{
	if (is_a_nulls(node))
		return false;
	memcpy(key, hlist_nulls_entry(node, struct vnp_hash_elem, node)->key,
	       hash->map.key_size);
	return true;
}

/* The key after @key in its bucket.  Return: the bucket to continue at if not *@found */
static u64 vnp_hash_after(struct vnp_hash *hash, const void *key, void *next,
			  bool *found)
{
	u32 hashed = vnp_hash_key(hash, key);
	struct vnp_hash_lock *lock = vnp_hash_lock(hash, hashed);
	struct vnp_hash_elem *elem;

	spin_lock_bh(&lock->lock);
	elem = vnp_hash_find(hash, hashed, key);
	if (elem)
		*found = vnp_hash_key_copy(hash, elem->node.next, next);
	spin_unlock_bh(&lock->lock);

	return elem ? (hashed & hash->bucket_mask) + 1ULL : 0;
}

static bool vnp_hash_first(struct vnp_hash *hash, u32 bucket, void *key)
{
	struct hlist_nulls_head *head = &hash->buckets[bucket];
	struct vnp_hash_lock *lock = vnp_hash_lock(hash, bucket);
	bool found;

	if (is_a_nulls(READ_ONCE(head->first)))
		return false;
	spin_lock_bh(&lock->lock);
	found = vnp_hash_key_copy(hash, head->first, key);
	spin_unlock_bh(&lock->lock);
	return found;
}

static int vnp_hash_next_key(struct vnp_map *map, const void *key, void *next)
{
	struct vnp_hash *hash = vnp_hash_of(map);
	bool found = false;
	u64 i = 0;

	if (key)
		i = vnp_hash_after(hash, key, next, &found);
	for (; !found && i <= hash->bucket_mask; i++) {
		found = vnp_hash_first(hash, i, next);
		if (i % VNP_HASH_BUCKETS_LONG)
			continue;
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return found ? 0 : -ENOENT;
}

/* Under the lock: otherwise the element could be reused meanwhile */
static int vnp_hash_read(struct vnp_map *map, const void *key, void *value)
{
	struct vnp_hash *hash = vnp_hash_of(map);
	u32 hashed = vnp_hash_key(hash, key);
	struct vnp_hash_lock *lock = vnp_hash_lock(hash, hashed);
	struct vnp_hash_elem *elem;

	spin_lock_bh(&lock->lock);
	elem = vnp_hash_find(hash, hashed, key);
	if (elem)
		vnp_value_load(value, vnp_hash_value(hash, elem), map->value_size);
	spin_unlock_bh(&lock->lock);

	return elem ? 0 : -ENOENT;
}

static u32 vnp_hash_entries(struct vnp_map *map)
{
	return atomic_read(&vnp_hash_of(map)->entries);
}

const struct vnp_map_ops vnp_hash_ops = {
	.obj_size	= sizeof(struct vnp_hash),
	.size		= vnp_hash_size,
	.create		= vnp_hash_create,
	.destroy	= vnp_hash_destroy,
	.lookup		= vnp_hash_lookup,
	.update		= vnp_hash_update,
	.delete		= vnp_hash_delete,
	.next_key	= vnp_hash_next_key,
	.read		= vnp_hash_read,
	.entries	= vnp_hash_entries,
};
