// SPDX-License-Identifier: GPL-2.0
#include "kmod/map/replay.h"

#include <linux/cache.h>
#include <linux/errno.h>
#include <linux/hash.h>
#include <linux/spinlock.h>
#include <linux/vnp.h>

#include "kmod/map/map.h"
#include "vm/replay.h"

#define VNP_REPLAY_LOCK_BITS	6

/*
 * Locks of windows, which are chosen by a hash of their addresses: they cannot be in the values,
 * as user space writes those.  Context: softirqs off.
 */
static struct {
	spinlock_t lock;	/* windows */
} ____cacheline_aligned_in_smp vnp_replay_locks[1 << VNP_REPLAY_LOCK_BITS] = {
	[0 ... (1 << VNP_REPLAY_LOCK_BITS) - 1] = {
		.lock = __SPIN_LOCK_UNLOCKED(vnp_replay_locks.lock),
	},
};

static spinlock_t *vnp_replay_lock(const struct vnp_replay *replay)
{
	return &vnp_replay_locks[hash_ptr(replay, VNP_REPLAY_LOCK_BITS)].lock;
}

long vnp_replay_check(struct vnp_map *map, const void *key, u64 number)
{
	struct vnp_replay *replay = vnp_hash_lookup(map, key);
	long ret;

	if (!replay)
		return number == U64_MAX ? -ERANGE : 0;
	spin_lock(vnp_replay_lock(replay));
	ret = vnp_replay_look(replay, vnp_replay_window(map->value_size), number);
	spin_unlock(vnp_replay_lock(replay));
	return ret;
}

/* Add a window, unless another CPU has done so meanwhile, and return it. */
static struct vnp_replay *vnp_replay_add(struct vnp_map *map, const void *key, long *ret)
{
	static const u64 empty[VNP_REPLAY_SIZE(8192) / sizeof(u64)];

	*ret = map->ops->update(map, key, empty, VNP_MAP_NOEXIST);
	if (*ret && *ret != -EEXIST)
		return NULL;
	*ret = -ENOENT;
	return vnp_hash_lookup(map, key);
}

long vnp_replay_commit(struct vnp_map *map, const void *key, u64 number)
{
	struct vnp_replay *replay = vnp_hash_lookup(map, key);
	long ret;

	if (number == U64_MAX)
		return -ERANGE;
	if (!replay)
		replay = vnp_replay_add(map, key, &ret);
	if (!replay)
		return ret;
	spin_lock(vnp_replay_lock(replay));
	ret = vnp_replay_mark(replay, vnp_replay_window(map->value_size), number);
	spin_unlock(vnp_replay_lock(replay));
	return ret;
}
