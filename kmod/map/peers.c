// SPDX-License-Identifier: GPL-2.0
/*
 * VNP_MAP_PEERS and VNP_MAP_GROUPS: a hash table of struct vnp_target, which only user space
 * changes.
 *
 * There are three tables.  A target is in a bucket of its key, in a map of groups also in one of
 * its group, and, once the map has a socket, in one of its address, by which it is found when
 * an ICMP error arrives.  Targets are inserted at the head of a bucket, and replaced in place.
 * So a reader that iterates over a group sees each member that exists throughout once, and none
 * twice: targets inserted meanwhile are before the reader's position.
 *
 * Locking: @lock for changes, and for what user space reads; the socket is checked under
 * it, so that a map that gets its socket has no unchecked targets.
 */
#include "kmod/map/peers.h"

#include <linux/file.h>
#include <linux/hash.h>
#include <linux/jhash.h>
#include <linux/lockdep.h>
#include <linux/log2.h>
#include <linux/random.h>
#include <net/ipv6.h>
#include <net/sock.h>

#include "kmod/core/compat.h"
#include "kmod/core/memory.h"
#include "kmod/core/socket.h"
#include "kmod/map/map.h"
#include "kmod/path/hook.h"

/* Bits of struct vnp_peer::flags */
#define VNP_PEER_F_KNOWN	VNP_PEER_F_TOS

/* Targets that an ICMP error is compared with, at most */
#define VNP_PEERS_UNREACHABLE_MAX	64

/**
 * struct vnp_peers - a map of peers
 * @map:	what all types have
 * @buckets:	targets by key, then as many by group, then as many by address
 * @bits:	log2 of the number of each
 * @seed:	secret
 * @lock:	see above
 * @cnt:	targets; written under @lock
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
	struct sock *sk;
	const struct vnp_hook_ops *hook;
};

static struct vnp_peers *vnp_peers_of(struct vnp_map *map)
{
	return container_of(map, struct vnp_peers, map);
}

/* Tables: a target is in one or more of them */
enum {
	VNP_PEERS_KEY,
	VNP_PEERS_GROUP,
	VNP_PEERS_ADDRESS,
	VNP_PEERS_TABLES
};

/* The bucket of a table; its index is the upper bits of @hash. */
static struct hlist_head *vnp_peers_at(const struct vnp_peers *peers, u32 table, u32 hash)
{
	return &peers->buckets[(table << peers->bits) + ((u64)hash >> (32 - peers->bits))];
}

/*
 * Hash of four bytes.  It may be predictable, as only user space inserts, and the length of a
 * bucket is limited.  Consecutive numbers do not collide.
 */
static u32 vnp_peers_hash(const void *key)
{
	return get_unaligned((const u32 *)key) * GOLDEN_RATIO_32;
}

static struct hlist_head *vnp_peers_bucket(const struct vnp_peers *peers, const void *key)
{
	const u32 size = peers->map.key_size;

	return vnp_peers_at(peers, VNP_PEERS_KEY,
			    size == sizeof(u32) ? vnp_peers_hash(key) :
						  jhash(key, size, peers->seed));
}

static struct hlist_head *vnp_peers_group_bucket(const struct vnp_peers *peers,
						 const void *key)
{
	return vnp_peers_at(peers, VNP_PEERS_GROUP, vnp_peers_hash(key));
}

/* An address of IPv4 is in the first word, and the others are zero. */
static struct hlist_head *vnp_peers_address_bucket(const struct vnp_peers *peers,
						   const struct in6_addr *addr, __be16 port)
{
	return vnp_peers_at(peers, VNP_PEERS_ADDRESS,
			    jhash2((const u32 *)addr, sizeof(*addr) / sizeof(u32),
				   peers->seed ^ (__force u16)port));
}

/*
 * ---- Targets --------------------------------------------------------------
 */

static void vnp_target_free(struct vnp_target *target)
{
	int cpu;

	for_each_possible_cpu(cpu)
		vnp_route_forget(&per_cpu_ptr(target->cpu, cpu)->route);
	free_percpu(target->cpu);
	if (target->sk)
		sock_put(target->sk);
	kfree(target);
}

static void vnp_target_free_rcu(struct rcu_head *rcu)
{
	vnp_target_free(container_of(rcu, struct vnp_target, rcu));
}

void vnp_target_put(struct vnp_target *target)
{
	if (refcount_dec_and_test(&target->refs))
		call_rcu(&target->rcu, vnp_target_free_rcu);
}

/* The target was removed from all buckets: put the map's reference. */
static void vnp_target_end(struct vnp_target *target)
{
	WRITE_ONCE(target->gone, true);
	vnp_target_put(target);
}

static struct vnp_target *vnp_target_create(const struct vnp_peers *peers, const void *key,
					    const struct vnp_peer *peer)
{
	struct vnp_target_cpu *on;
	struct vnp_target *target;
	int cpu;

	target = kzalloc(sizeof(*target) + peers->map.key_size, VNP_GFP_USER);
	if (!target)
		return NULL;
	target->cpu = alloc_percpu_gfp(struct vnp_target_cpu, VNP_GFP_USER);
	if (!target->cpu) {
		kfree(target);
		return NULL;
	}
	for_each_possible_cpu(cpu) {
		on = per_cpu_ptr(target->cpu, cpu);
		on->target = target;
		u64_stats_init(&on->stats.syncp);
	}
	refcount_set(&target->refs, 1);
	target->peer = *peer;
	memcpy(target->key, key, peers->map.key_size);
	return target;
}

void vnp_target_error(struct vnp_target_cpu *cpu, enum vnp_error error, u32 cnt)
{
	u64_stats_update_begin(&cpu->stats.syncp);
	u64_stats_add(&cpu->stats.errors[error], cnt);
	u64_stats_update_end(&cpu->stats.syncp);
}

void vnp_target_sent(struct vnp_target_cpu *cpu, u32 cnt, u32 bytes)
{
	u64_stats_update_begin(&cpu->stats.syncp);
	u64_stats_add(&cpu->stats.sent, cnt);
	u64_stats_add(&cpu->stats.bytes, bytes);
	u64_stats_update_end(&cpu->stats.syncp);
}

static void vnp_target_stats_add(const struct vnp_target_stats *stats, struct vnp_peer *peer)
{
	u64 sent, bytes, errors[__VNP_ERROR_CNT];
	unsigned int start;
	int i;

	do {
		start = u64_stats_fetch_begin(&stats->syncp);
		sent = u64_stats_read(&stats->sent);
		bytes = u64_stats_read(&stats->bytes);
		for (i = 0; i < __VNP_ERROR_CNT; i++)
			errors[i] = u64_stats_read(&stats->errors[i]);
	} while (u64_stats_fetch_retry(&stats->syncp, start));

	peer->sent += sent;
	peer->bytes += bytes;
	for (i = 0; i < __VNP_ERROR_CNT; i++)
		peer->errors[i] += errors[i];
}

/*
 * ---- The socket -----------------------------------------------------------
 */

/* Copy and check a value, without counters; a mapped IPv4 address becomes AF_INET. */
static int vnp_peer_read(const void *value, struct vnp_peer *peer)
{
	memset(peer, 0, sizeof(*peer));
	memcpy(peer, value, offsetof(struct vnp_peer, sent));
	if (peer->flags & ~VNP_PEER_F_KNOWN || !peer->port ||
	    memchr_inv(peer->reserved, 0, sizeof(peer->reserved)) ||
	    (peer->tos && !(peer->flags & VNP_PEER_F_TOS)))
		return -EINVAL;
	switch (peer->family) {
	case AF_INET:
		return peer->scope_id || memchr_inv(peer->ip6, 0, sizeof(peer->ip6)) ?
		       -EINVAL : 0;
	case AF_INET6:
		if (peer->ip4)
			return -EINVAL;
		if (!ipv6_addr_v4mapped((const struct in6_addr *)peer->ip6))
			return 0;
		peer->family = AF_INET;
		peer->ip4 = peer->ip6[3];
		peer->scope_id = 0;
		memset(peer->ip6, 0, sizeof(peer->ip6));
		return 0;
	}
	return -EINVAL;
}

/* Set the socket, which has permitted the target's address.  Context: the map's lock */
static void vnp_peers_give(struct vnp_peers *peers, struct vnp_target *target, struct sock *sk)
{
	sock_hold(sk);
	/* Pairs with vnp_udp_send(): @to is visible before. */
	smp_store_release(&target->sk, sk);
	hlist_add_head_rcu(&target->address,
			   vnp_peers_address_bucket(peers, &target->to.addr, target->to.port));
}

/* Context: process, under the lock */
static int vnp_peers_permit(struct vnp_peers *peers, struct vnp_target *target)
{
	struct socket *sock;
	struct file *file;
	int ret;

	if (!peers->sk)
		return 0;
	file = vnp_socket_get(peers->sk, &sock);
	if (!file)
		return -ENOTCONN;
	ret = peers->hook->permit(sock, &target->peer, &target->to);
	fput(file);
	if (!ret)
		vnp_peers_give(peers, target, peers->sk);
	return ret;
}

/* The map gets a socket: set it for all targets, if all are permitted.  Return: 0 or errno */
static int vnp_peers_permit_all(struct vnp_peers *peers, struct socket *sock)
{
	struct vnp_target *target;
	u32 i;
	int ret;

	for (i = 0; i < BIT(peers->bits); i++)
		hlist_for_each_entry(target, &peers->buckets[i], node) {
			ret = peers->hook->permit(sock, &target->peer, &target->to);
			if (ret)
				return ret;
			if (fatal_signal_pending(current))
				return -EINTR;
			cond_resched();
		}
	for (i = 0; i < BIT(peers->bits); i++)
		hlist_for_each_entry(target, &peers->buckets[i], node)
			vnp_peers_give(peers, target, sock->sk);
	return 0;
}

static int vnp_peers_bind(struct vnp_map *map, struct socket *sock)
{
	struct vnp_peers *peers = vnp_peers_of(map);
	int ret = 0;

	mutex_lock(&peers->lock);
	if (peers->sk)
		goto unlock;
	peers->hook = vnp_hook_find(sock->sk);
	if (!peers->hook || !peers->hook->permit)
		ret = -EOPNOTSUPP;
	else
		ret = vnp_peers_permit_all(peers, sock);
	if (ret)
		goto unlock;
	sock_hold(sock->sk);
	peers->sk = sock->sk;
unlock:
	mutex_unlock(&peers->lock);
	return ret;
}

/*
 * ---- Creation and destruction ---------------------------------------------
 */

/* Includes max_entries targets, although these are allocated when they are set. */
static u64 vnp_peers_size(struct vnp_map *map)
{
	struct vnp_peers *peers = vnp_peers_of(map);
	const u64 each = sizeof(struct vnp_target) + map->key_size +
			 num_possible_cpus() * sizeof(struct vnp_target_cpu);

	peers->bits = order_base_2(map->max_entries);
	return ((u64)VNP_PEERS_TABLES << peers->bits) * sizeof(*peers->buckets) +
	       map->max_entries * each;
}

/*
 * The class of struct vnp_map::lock of maps of peers, for lockdep: it is taken before sockets'
 * locks.  In other maps it is taken after the mmap lock, by mmap(), and that after sockets'
 * locks, by setsockopt().
 */
static struct lock_class_key vnp_peers_map_lock_key;

static int vnp_peers_create(struct vnp_map *map)
{
	struct vnp_peers *peers = vnp_peers_of(map);

	lockdep_set_class(&map->lock, &vnp_peers_map_lock_key);
	peers->buckets = vnp_memory(((u64)VNP_PEERS_TABLES << peers->bits) *
				    sizeof(*peers->buckets));
	if (!peers->buckets)
		return -ENOMEM;
	peers->seed = get_random_u32();
	mutex_init(&peers->lock);
	return 0;
}

static void vnp_peers_destroy(struct vnp_map *map)
{
	struct vnp_peers *peers = vnp_peers_of(map);
	struct vnp_target *target;
	struct hlist_node *next;
	u32 i;

	for (i = 0; i < BIT(peers->bits); i++) {
		hlist_for_each_entry_safe(target, next, &peers->buckets[i], node)
			vnp_target_end(target);
		cond_resched();
	}
	if (peers->sk)
		sock_put(peers->sk);
	mutex_destroy(&peers->lock);
	kvfree(peers->buckets);
}

/*
 * ---- Lookups by programs --------------------------------------------------
 */

static bool vnp_peers_equal(const struct vnp_peers *peers, const void *a, const void *b)
{
	if (peers->map.key_size == sizeof(u32))
		return get_unaligned((const u32 *)a) == get_unaligned((const u32 *)b);
	return !memcmp(a, b, peers->map.key_size);
}

static struct vnp_target *vnp_peers_lookup(struct vnp_peers *peers, const void *key)
{
	struct vnp_target *target;

	hlist_for_each_entry_rcu(target, vnp_peers_bucket(peers, key), node,
				 lockdep_is_held(&peers->lock))
		if (vnp_peers_equal(peers, target->key, key))
			return target;
	return NULL;
}

struct vnp_target *vnp_peers_find(struct vnp_map *map, const void *key)
{
	return vnp_peers_lookup(vnp_peers_of(map), key);
}

struct vnp_target *vnp_peers_next(struct vnp_map *map, const void *key,
				  const struct vnp_target *target)
{
	struct hlist_node *node;
	struct vnp_target *next;

	if (target)
		node = rcu_dereference(hlist_next_rcu(&target->member));
	else
		node = rcu_dereference(hlist_first_rcu(vnp_peers_group_bucket(vnp_peers_of(map),
									      key)));
	for (; node; node = rcu_dereference(hlist_next_rcu(node))) {
		next = hlist_entry(node, struct vnp_target, member);
		if (!memcmp(next->key, key, sizeof(u32)))
			return next;
	}
	return NULL;
}

void vnp_peers_unreachable(struct vnp_map *map, const struct sock *sk, u16 family,
			   const struct in6_addr *addr, __be16 port)
{
	struct vnp_peers *peers = vnp_peers_of(map);
	u32 left = VNP_PEERS_UNREACHABLE_MAX;
	struct vnp_target *target;

	if (map->ops != &vnp_peers_ops)
		return;
	hlist_for_each_entry_rcu(target, vnp_peers_address_bucket(peers, addr, port),
				 address) {
		if (!left--)
			return;
		if (target->sk == sk && target->to.port == port &&
		    target->to.family == family && ipv6_addr_equal(&target->to.addr, addr))
			atomic64_inc(&target->unreachable);
	}
}

static void *vnp_peers_no_value(struct vnp_map *map, const void *key)
{
	return NULL;
}

/*
 * ---- Operations for user space --------------------------------------------
 */

static u32 vnp_peers_chain(const struct hlist_head *bucket)
{
	const struct hlist_node *node;
	u32 cnt = 0;

	for (node = bucket->first; node; node = node->next)
		cnt++;
	return cnt;
}

/*
 * Is there space for another target?  Programs walk its buckets, in softirq: what is inserted
 * meanwhile is at the head, so they see no more targets than this.  Context: the lock
 */
static bool vnp_peers_has_space(const struct vnp_peers *peers, const void *key)
{
	return peers->cnt < peers->map.max_entries &&
	       vnp_peers_chain(vnp_peers_bucket(peers, key)) < VNP_MAP_CHAIN_MAX &&
	       (peers->map.type != VNP_MAP_GROUPS ||
		vnp_peers_chain(vnp_peers_group_bucket(peers, key)) < VNP_GROUP_MEMBERS_MAX);
}

static void vnp_peers_insert(struct vnp_peers *peers, struct vnp_target *target)
{
	hlist_add_head_rcu(&target->node, vnp_peers_bucket(peers, target->key));
	if (peers->map.type == VNP_MAP_GROUPS)
		hlist_add_head_rcu(&target->member,
				   vnp_peers_group_bucket(peers, target->key));
	WRITE_ONCE(peers->cnt, peers->cnt + 1);
}

static void vnp_peers_replace(struct vnp_peers *peers, struct vnp_target *old,
			      struct vnp_target *target)
{
	hlist_replace_rcu(&old->node, &target->node);
	if (peers->map.type == VNP_MAP_GROUPS)
		hlist_replace_rcu(&old->member, &target->member);
	if (old->sk)
		hlist_del_rcu(&old->address);
	vnp_target_end(old);
}

/* Context: the lock */
static int vnp_peers_set(struct vnp_peers *peers, struct vnp_target *target, u64 flags)
{
	struct vnp_target *old = vnp_peers_lookup(peers, target->key);
	int ret;

	if (old && flags == VNP_MAP_NOEXIST)
		return -EEXIST;
	if (!old && flags == VNP_MAP_EXIST)
		return -ENOENT;
	if (!old && !vnp_peers_has_space(peers, target->key))
		return -ENOSPC;
	ret = vnp_peers_permit(peers, target);
	if (ret)
		return ret;
	if (old)
		vnp_peers_replace(peers, old, target);
	else
		vnp_peers_insert(peers, target);
	return 0;
}

static long vnp_peers_update(struct vnp_map *map, const void *key, const void *value,
			     u64 flags)
{
	struct vnp_peers *peers = vnp_peers_of(map);
	struct vnp_target *target;
	struct vnp_peer peer;
	int ret;

	if (flags > VNP_MAP_EXIST || vnp_peer_read(value, &peer))
		return -EINVAL;
	target = vnp_target_create(peers, key, &peer);
	if (!target)
		return -ENOMEM;
	mutex_lock(&peers->lock);
	ret = vnp_peers_set(peers, target, flags);
	mutex_unlock(&peers->lock);
	if (ret)
		vnp_target_free(target);
	return ret;
}

static long vnp_peers_delete(struct vnp_map *map, const void *key)
{
	struct vnp_peers *peers = vnp_peers_of(map);
	struct vnp_target *target;

	mutex_lock(&peers->lock);
	target = vnp_peers_lookup(peers, key);
	if (target) {
		hlist_del_rcu(&target->node);
		if (map->type == VNP_MAP_GROUPS)
			hlist_del_rcu(&target->member);
		if (target->sk)
			hlist_del_rcu(&target->address);
		WRITE_ONCE(peers->cnt, peers->cnt - 1);
		vnp_target_end(target);
	}
	mutex_unlock(&peers->lock);
	return target ? 0 : -ENOENT;
}

static int vnp_peers_read(struct vnp_map *map, const void *key, void *value)
{
	struct vnp_peers *peers = vnp_peers_of(map);
	struct vnp_target *target;
	struct vnp_peer peer;
	int cpu;

	mutex_lock(&peers->lock);
	target = vnp_peers_lookup(peers, key);
	if (target) {
		peer = target->peer;
		peer.unreachable = atomic64_read(&target->unreachable);
		for_each_possible_cpu(cpu)
			vnp_target_stats_add(&per_cpu_ptr(target->cpu, cpu)->stats, &peer);
	}
	mutex_unlock(&peers->lock);
	if (!target)
		return -ENOENT;
	memcpy(value, &peer, map->value_size);
	return 0;
}

/* The first target of a bucket or of those after it, or NULL */
static struct vnp_target *vnp_peers_first(struct vnp_peers *peers, struct hlist_head *bucket)
{
	for (; bucket < peers->buckets + BIT(peers->bits); bucket++)
		if (!hlist_empty(bucket))
			return hlist_entry(bucket->first, struct vnp_target, node);
	return NULL;
}

static int vnp_peers_next_key(struct vnp_map *map, const void *key, void *next)
{
	struct vnp_peers *peers = vnp_peers_of(map);
	struct vnp_target *target;

	mutex_lock(&peers->lock);
	target = key ? vnp_peers_lookup(peers, key) : NULL;
	if (!target)
		target = vnp_peers_first(peers, peers->buckets);
	else if (target->node.next)
		target = hlist_entry(target->node.next, struct vnp_target, node);
	else
		target = vnp_peers_first(peers, vnp_peers_bucket(peers, key) + 1);
	if (target)
		memcpy(next, target->key, map->key_size);
	mutex_unlock(&peers->lock);
	return target ? 0 : -ENOENT;
}

static u32 vnp_peers_entries(struct vnp_map *map)
{
	return READ_ONCE(vnp_peers_of(map)->cnt);
}

const struct vnp_map_ops vnp_peers_ops = {
	.obj_size	= sizeof(struct vnp_peers),
	.size		= vnp_peers_size,
	.create		= vnp_peers_create,
	.destroy	= vnp_peers_destroy,
	.lookup		= vnp_peers_no_value,
	.update		= vnp_peers_update,
	.delete		= vnp_peers_delete,
	.next_key	= vnp_peers_next_key,
	.read		= vnp_peers_read,
	.entries	= vnp_peers_entries,
	.bind		= vnp_peers_bind,
};
