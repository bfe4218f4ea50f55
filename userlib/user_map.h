/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * Maps in this process's memory, for programs that the reference interpreter runs.
 * They do what the kernel's do; a program sees CPU 0 of a per-CPU map.
 *
 * Ownership: as a program may hold a pointer to the value of an entry that is gone,
 * entries that are deleted or replaced wait for vnp_user_map_settle().
 */
#ifndef _VNP_USERLIB_USER_MAP_H
#define _VNP_USERLIB_USER_MAP_H

#include "internal.h"

struct vnp_map_desc;

/* vnp_user_map_create() - -EINVAL, -E2BIG and -ENOMEM as VNP_MAP_CREATE has them */
int vnp_user_map_create(const struct vnp_map_create *def,
			struct vnp_user_map **map);
void vnp_user_map_free(struct vnp_user_map *map);

/* vnp_user_map_freeze() - vnp_user_map_write() and _erase() are -EPERM from now on */
void vnp_user_map_freeze(struct vnp_user_map *map);

int vnp_user_map_info(const struct vnp_user_map *map, const char *name,
		      struct vnp_map_info *info);

/* vnp_user_map_desc() - what vm/ must know of it */
void vnp_user_map_desc(struct vnp_user_map *map, struct vnp_map_desc *desc);

/* vnp_user_map_settle() - no program holds a value: free what is gone */
void vnp_user_map_settle(struct vnp_user_map *map);

/* What programs do: the values of one CPU, in place */
void *vnp_user_map_find(struct vnp_user_map *map, const void *key);
int vnp_user_map_set(struct vnp_user_map *map, const void *key, const void *value,
		     __u64 flags);
int vnp_user_map_remove(struct vnp_user_map *map, const void *key);

/* What user space does: the values of all CPUs, copied */
int vnp_user_map_read(struct vnp_user_map *map, const void *key, void *value);
int vnp_user_map_write(struct vnp_user_map *map, const void *key,
		       const void *value, __u64 flags);
int vnp_user_map_erase(struct vnp_user_map *map, const void *key);
int vnp_user_map_next_key(struct vnp_user_map *map, const void *key, void *next);

#endif /* _VNP_USERLIB_USER_MAP_H */
