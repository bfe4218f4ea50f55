// SPDX-License-Identifier: GPL-2.0
#include "kmod/map/replay.h"

#include <linux/errno.h>
#include <linux/vnp.h>

#include "kmod/map/map.h"
#include "vm/replay.h"

long vnp_replay_check(struct vnp_map *map, const void *key, u64 number)
{
	struct vnp_hash_held held;
	struct vnp_replay *replay;
	long ret;

	replay = vnp_hash_hold(map, key, &held);
	if (replay)
		ret = vnp_replay_look(replay, vnp_replay_window(map->value_size), number);
	else
		ret = number == U64_MAX ? -ERANGE : 0;
	vnp_hash_release(&held);
	return ret;
}

/* Add a window, unless another CPU has done so meanwhile.  Return: 0 or errno */
static long vnp_replay_add(struct vnp_map *map, const void *key)
{
	static const u64 empty[VNP_REPLAY_SIZE(8192) / sizeof(u64)];
	const long ret = map->ops->update(map, key, empty, VNP_MAP_NOEXIST);

	return ret == -EEXIST ? 0 : ret;
}

/* As vnp_replay_commit(), if there is a window; otherwise -ENOENT */
static long vnp_replay_mark_held(struct vnp_map *map, const void *key, u64 number)
{
	struct vnp_hash_held held;
	struct vnp_replay *replay;
	long ret = -ENOENT;

	replay = vnp_hash_hold(map, key, &held);
	if (replay)
		ret = vnp_replay_mark(replay, vnp_replay_window(map->value_size), number);
	vnp_hash_release(&held);
	return ret;
}

long vnp_replay_commit(struct vnp_map *map, const void *key, u64 number)
{
	long ret;

	if (number == U64_MAX)
		return -ERANGE;
	ret = vnp_replay_mark_held(map, key, number);
	if (ret != -ENOENT)
		return ret;
	return vnp_replay_add(map, key) ?: vnp_replay_mark_held(map, key, number);
}
