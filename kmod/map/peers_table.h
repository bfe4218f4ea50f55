/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A hash table of struct vnp_target, which only user space changes.
 *
 * There are three tables.  A target is in a bucket of its key, in a map of groups or sockets also
 * in one of its group, and, once the map has a socket, in one of its address, by which it is found
 * when an ICMP error arrives.  Targets are inserted at the head of a bucket, and replaced in place.
 * So a reader that iterates over a group sees each member that exists throughout once, and none
 * twice: targets inserted meanwhile are before the reader's position.
 *
 * Locking: changes, and what user space reads, take @lock (peers.c); programs read under RCU
 * (peers_lookup.c).
 */
#ifndef _VNP_MAP_PEERS_TABLE_H
#define _VNP_MAP_PEERS_TABLE_H

#include <linux/hash.h>
#include <linux/jhash.h>
#include <linux/mutex.h>
#include <linux/rculist.h>

#include "kmod/core/compat.h"
#include "kmod/map/bucket.h"
#include "kmod/map/map.h"
#include "kmod/map/target.h"

/**
 * struct vnp_peers - a map of peers
 * @map:	what all types have
 * @buckets:	targets by key, then as many by group, then as many by address
 * @bits:	log2 of the number of each
 * @seed:	secret
 * @lock:	see above
 * @cnt:	targets; written under @lock
 * @changes:	how often targets were inserted, replaced or deleted, or began to have a socket;
 *		likewise
 * @sk:		the sending socket, with a reference; set once
 * @hook:	its hook
 */
struct vnp_peers {
	struct vnp_map map;
	struct hlist_head *buckets;
	u32 bits;
	u32 seed;
	struct mutex lock;	/* changes */
	u32 cnt;
	u32 changes;
	struct sock *sk;
	const struct vnp_hook_ops *hook;
};

/* Are the first bytes of a key a group? */
static inline bool vnp_peers_has_groups(const struct vnp_peers *peers)
{
	return peers->map.type != VNP_MAP_PEERS;
}

static inline struct vnp_peers *vnp_peers_of(struct vnp_map *map)
{
	return container_of(map, struct vnp_peers, map);
}

/* The tables; each target is in one or more of them */
enum {
	VNP_PEERS_KEY,
	VNP_PEERS_GROUP,
	VNP_PEERS_ADDRESS,
	VNP_PEERS_TABLES
};

/* The bucket of a table; its index is the upper bits of @hash. */
static inline struct hlist_head *vnp_peers_at(const struct vnp_peers *peers, u32 table, u32 hash)
{
	return &peers->buckets[(table << peers->bits) + ((u64)hash >> (32 - peers->bits))];
}

/*
 * Hash of four bytes.  It may be predictable, as only user space inserts, and the length of a
 * bucket is limited.  Consecutive numbers seldom collide.
 */
static inline u32 vnp_peers_hash(const void *key)
{
	return get_unaligned((const u32 *)key) * GOLDEN_RATIO_32;
}

static inline struct hlist_head *vnp_peers_bucket(const struct vnp_peers *peers, const void *key)
{
	const u32 size = peers->map.key_size;

	return vnp_peers_at(peers, VNP_PEERS_KEY,
			    size == sizeof(u32) ? vnp_peers_hash(key) :
						  jhash(key, size, peers->seed));
}

static inline struct hlist_head *vnp_peers_group_bucket(const struct vnp_peers *peers,
							const void *key)
{
	return vnp_peers_at(peers, VNP_PEERS_GROUP, vnp_peers_hash(key));
}

/* An address of IPv4 is in the first word, and the others are zero. */
static inline struct hlist_head *vnp_peers_address_bucket(const struct vnp_peers *peers,
							  const struct in6_addr *addr,
							  __be16 port)
{
	return vnp_peers_at(peers, VNP_PEERS_ADDRESS,
			    jhash2((const u32 *)addr, sizeof(*addr) / sizeof(u32),
				   peers->seed ^ (__force u16)port));
}

/* The set of targets, or what can be sent to, has changed.  Context: the lock */
static inline void vnp_peers_changed(struct vnp_peers *peers)
{
	/* Pairs with vnp_peers_changes(). */
	smp_store_release(&peers->changes, peers->changes + 1);
}

/*
 * vnp_peers_changes() - a number that is different after each change.  Who reads it finds the
 * targets as they were after this change, or a later one.
 */
static inline u32 vnp_peers_changes(struct vnp_map *map)
{
	/* Pairs with vnp_peers_changed(). */
	return smp_load_acquire(&vnp_peers_of(map)->changes);
}

/* vnp_peers_lookup() - the target of a key, or NULL.  Context: RCU, or the lock */
static inline struct vnp_target *vnp_peers_lookup(struct vnp_peers *peers, const void *key)
{
	struct vnp_target *target;

	hlist_for_each_entry_rcu(target, vnp_peers_bucket(peers, key), node,
				 lockdep_is_held(&peers->lock))
		if (vnp_bucket_key_equal(target->key, key, peers->map.key_size))
			return target;
	return NULL;
}

/* Operations of struct vnp_map_ops, also of maps of sockets (sockets.c) */
u64 vnp_peers_size(struct vnp_map *map);
int vnp_peers_create(struct vnp_map *map);
void vnp_peers_destroy(struct vnp_map *map);
void *vnp_peers_no_value(struct vnp_map *map, const void *key);
long vnp_peers_delete(struct vnp_map *map, const void *key);
int vnp_peers_next_key(struct vnp_map *map, const void *key, void *next);
u32 vnp_peers_entries(struct vnp_map *map);

/*
 * vnp_peers_set() - insert a target, or replace the one of its key.  Context: process.  Return: 0,
 * or errno: the target is still the caller's
 */
int vnp_peers_set(struct vnp_peers *peers, struct vnp_target *target, u64 flags);

#endif /* _VNP_MAP_PEERS_TABLE_H */
