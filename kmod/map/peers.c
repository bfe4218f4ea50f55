// SPDX-License-Identifier: GPL-2.0
/*
 * VNP_MAP_PEERS and VNP_MAP_GROUPS: creation, and operations for user space.
 *
 * Before datagrams can be sent to an address, it must be permitted for the socket.  A map has no
 * socket until a program that uses it is linked: then all its targets are checked.  Targets that
 * are set later are checked when they are set.  Both happen under struct vnp_peers::lock, so that a
 * map with a socket has no unchecked targets.  Checking can wait for the socket's lock, which the
 * application can hold for any time, and as in sendto() no signal ends that: but a fatal one ends
 * waiting for the map's lock meanwhile.
 *
 * Context: process.
 */
#include <linux/file.h>
#include <linux/lockdep.h>
#include <linux/log2.h>
#include <linux/random.h>
#include <net/ipv6.h>
#include <net/sock.h>

#include "kmod/core/memory.h"
#include "kmod/core/socket.h"
#include "kmod/map/bucket.h"
#include "kmod/map/map.h"
#include "kmod/map/peers_table.h"
#include "kmod/path/hook.h"

/* Bits of struct vnp_peer::flags */
#define VNP_PEER_F_KNOWN	VNP_PEER_F_TOS

/*
 * ---- The socket ---------------------------------------------------------
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

/* Set the socket, for which the target's address was permitted.  Context: the map's lock */
static void vnp_peers_set_socket(struct vnp_peers *peers, struct vnp_target *target,
				 struct sock *sk)
{
	sock_hold(sk);
	/* Pairs with vnp_udp_send_any(): @to is visible before @sk. */
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
		vnp_peers_set_socket(peers, target, peers->sk);
	return ret;
}

/* Set the map's socket for all targets, if all of them are permitted.  Return: 0 or errno */
static int vnp_peers_permit_all(struct vnp_peers *peers, struct socket *sock)
{
	struct vnp_target *target;
	u32 i;
	int ret;

	for (i = 0; i < BIT(peers->bits); i++) {
		hlist_for_each_entry(target, &peers->buckets[i], node) {
			ret = peers->hook->permit(sock, &target->peer, &target->to);
			if (ret)
				return ret;
			cond_resched();
		}
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	for (i = 0; i < BIT(peers->bits); i++) {
		hlist_for_each_entry(target, &peers->buckets[i], node)
			vnp_peers_set_socket(peers, target, sock->sk);
		cond_resched();
	}
	return 0;
}

static int vnp_peers_bind(struct vnp_map *map, struct socket *sock)
{
	struct vnp_peers *peers = vnp_peers_of(map);
	int ret = 0;

	if (mutex_lock_killable(&peers->lock))
		return -EINTR;
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
	vnp_peers_changed(peers);
unlock:
	mutex_unlock(&peers->lock);
	return ret;
}

/*
 * ---- Creation and destruction -------------------------------------------
 */

/*
 * Includes max_entries targets, which are allocated when they are set, but not the queues of
 * connections.
 */
u64 vnp_peers_size(struct vnp_map *map)
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
 * locks.  In other maps it is taken after the mmap lock, by mmap(), and the mmap lock after
 * sockets' locks, by page faults in setsockopt().
 */
static struct lock_class_key vnp_peers_map_lock_key;

int vnp_peers_create(struct vnp_map *map)
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

void vnp_peers_destroy(struct vnp_map *map)
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
 * ---- Operations ---------------------------------------------------------
 */

void *vnp_peers_no_value(struct vnp_map *map, const void *key)
{
	return NULL;
}

/*
 * Is there space for another target?  Programs walk its buckets, in softirq: what is inserted
 * meanwhile is at the head, so they see no more targets than this.  Context: the lock
 */
static bool vnp_peers_has_space(const struct vnp_peers *peers, const void *key)
{
	return peers->cnt < peers->map.max_entries &&
	       vnp_bucket_len(vnp_peers_bucket(peers, key)) < VNP_MAP_CHAIN_MAX &&
	       (!vnp_peers_has_groups(peers) ||
		vnp_bucket_len(vnp_peers_group_bucket(peers, key)) < VNP_GROUP_MEMBERS_MAX);
}

static void vnp_peers_insert(struct vnp_peers *peers, struct vnp_target *target)
{
	hlist_add_head_rcu(&target->node, vnp_peers_bucket(peers, target->key));
	if (vnp_peers_has_groups(peers))
		hlist_add_head_rcu(&target->member,
				   vnp_peers_group_bucket(peers, target->key));
	WRITE_ONCE(peers->cnt, peers->cnt + 1);
}

static void vnp_peers_replace(struct vnp_peers *peers, struct vnp_target *old,
			      struct vnp_target *target)
{
	hlist_replace_rcu(&old->node, &target->node);
	if (vnp_peers_has_groups(peers))
		hlist_replace_rcu(&old->member, &target->member);
	if (!hlist_unhashed(&old->address))
		hlist_del_rcu(&old->address);
	vnp_target_end(old);
}

/* Insert a target, or replace the one of its key.  Context: the lock.  Return: 0 or errno */
static int vnp_peers_set_locked(struct vnp_peers *peers, struct vnp_target *target, u64 flags)
{
	struct vnp_target *old = vnp_peers_lookup(peers, target->key);
	int ret = vnp_map_flags_check(flags, old);

	if (ret)
		return ret;
	if (!old && !vnp_peers_has_space(peers, target->key))
		return -ENOSPC;
	ret = vnp_peers_permit(peers, target);
	if (ret)
		return ret;
	target->map = &peers->map;
	if (old)
		vnp_peers_replace(peers, old, target);
	else
		vnp_peers_insert(peers, target);
	vnp_peers_changed(peers);
	return 0;
}

int vnp_peers_set(struct vnp_peers *peers, struct vnp_target *target, u64 flags)
{
	int ret;

	if (mutex_lock_killable(&peers->lock))
		return -EINTR;
	ret = vnp_peers_set_locked(peers, target, flags);
	mutex_unlock(&peers->lock);
	return ret;
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
	target = vnp_target_create(key, map->key_size, &peer);
	if (!target)
		return -ENOMEM;
	ret = vnp_peers_set(peers, target, flags);
	if (ret)
		vnp_target_free(target);
	return ret;
}

long vnp_peers_delete(struct vnp_map *map, const void *key)
{
	struct vnp_peers *peers = vnp_peers_of(map);
	struct vnp_target *target;

	if (mutex_lock_killable(&peers->lock))
		return -EINTR;
	target = vnp_peers_lookup(peers, key);
	if (target) {
		hlist_del_rcu(&target->node);
		if (vnp_peers_has_groups(peers))
			hlist_del_rcu(&target->member);
		if (!hlist_unhashed(&target->address))
			hlist_del_rcu(&target->address);
		WRITE_ONCE(peers->cnt, peers->cnt - 1);
		vnp_peers_changed(peers);
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

	if (mutex_lock_killable(&peers->lock))
		return -EINTR;
	target = vnp_peers_lookup(peers, key);
	if (target)
		vnp_target_read(target, &peer);
	mutex_unlock(&peers->lock);
	if (!target)
		return -ENOENT;
	memcpy(value, &peer, map->value_size);
	return 0;
}

/*
 * Find the first target in this bucket or the ones after it.  Return: the target, NULL, or
 * ERR_PTR(-EINTR).  Context: the lock
 */
static struct vnp_target *vnp_peers_first(struct vnp_peers *peers, struct hlist_head *bucket)
{
	for (; bucket < peers->buckets + BIT(peers->bits); bucket++) {
		if (!hlist_empty(bucket))
			return hlist_entry(bucket->first, struct vnp_target, node);
		if (fatal_signal_pending(current))
			return ERR_PTR(-EINTR);
		cond_resched();
	}
	return NULL;
}

int vnp_peers_next_key(struct vnp_map *map, const void *key, void *next)
{
	struct vnp_peers *peers = vnp_peers_of(map);
	struct vnp_target *target;

	if (mutex_lock_killable(&peers->lock))
		return -EINTR;
	target = key ? vnp_peers_lookup(peers, key) : NULL;
	if (!target)
		target = vnp_peers_first(peers, peers->buckets);
	else if (target->node.next)
		target = hlist_entry(target->node.next, struct vnp_target, node);
	else
		target = vnp_peers_first(peers, vnp_peers_bucket(peers, key) + 1);
	if (!IS_ERR_OR_NULL(target))
		memcpy(next, target->key, map->key_size);
	mutex_unlock(&peers->lock);
	return target ? PTR_ERR_OR_ZERO(target) : -ENOENT;
}

u32 vnp_peers_entries(struct vnp_map *map)
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
