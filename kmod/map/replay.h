/* SPDX-License-Identifier: GPL-2.0 */
/*
 * VNP_MAP_REPLAY: sliding windows of sequence numbers (vm/replay.h).  The map is a hash map
 * (hash.c) whose values are struct vnp_replay.
 */
#ifndef _VNP_MAP_REPLAY_H
#define _VNP_MAP_REPLAY_H

#include <linux/types.h>

struct vnp_map;

/**
 * vnp_replay_check(), vnp_replay_commit() - the helpers
 * @map:	of the type
 * @key:	key of the window
 * @number:	a sequence number
 *
 * Context: softirqs off, under RCU.
 * Return: as vnp_replay_look(); vnp_replay_commit() also -ENOSPC, -ENOMEM, and -ENOENT: the
 * window was deleted meanwhile.
 */
long vnp_replay_check(struct vnp_map *map, const void *key, u64 number);
long vnp_replay_commit(struct vnp_map *map, const void *key, u64 number);

#endif /* _VNP_MAP_REPLAY_H */
