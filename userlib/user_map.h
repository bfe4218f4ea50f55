/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * Maps in this process's memory, for programs that the reference interpreter executes.
 * They do what the kernel's do; a program sees CPU 0 of a per-CPU map.
 *
 * Ownership: as a program may hold a pointer to the value of an entry that is gone,
 * entries that are deleted or replaced wait for vnp_user_map_settle().
 */
#ifndef _VNP_USERLIB_USER_MAP_H
#define _VNP_USERLIB_USER_MAP_H

#include "internal.h"

struct vnp_map_desc;
struct vnp_user_map;

/**
 * struct vnp_user_map_ops - how a type of map keeps its entries
 * @obj_size:	bytes of its struct, whose first member is a struct vnp_user_map
 * @create:	allocates what it needs.  Return: 0, -ENOMEM
 * @destroy:	undoes it, also what @create left when it failed
 * @find:	the value of CPU 0, with those of the others after it, or NULL
 * @set:	a program's update, of CPU 0
 * @remove:	a program's delete, and user space's
 * @next_key:	the key after @key, the first one if that is NULL or not there
 * @write:	user space's update.  NULL: it is @set
 * @settle:	no program holds a value: free what is gone.  NULL: nothing ever is
 * @entries:	how many there are
 */
struct vnp_user_map_ops {
	size_t obj_size;
	int (*create)(struct vnp_user_map *map);
	void (*destroy)(struct vnp_user_map *map);
	void *(*find)(struct vnp_user_map *map, const void *key);
	int (*set)(struct vnp_user_map *map, const void *key, const void *value,
		   __u64 flags);
	int (*remove)(struct vnp_user_map *map, const void *key);
	int (*next_key)(struct vnp_user_map *map, const void *key, void *next);
	int (*write)(struct vnp_user_map *map, const void *key, const void *value,
		     __u64 flags);
	void (*settle)(struct vnp_user_map *map);
	__u32 (*entries)(const struct vnp_user_map *map);
};

/**
 * struct vnp_user_map - what all types have; first member of their structs
 * @ops:	the type
 * @def:	as created
 * @frozen:	user space may not write
 * @stride:	bytes from value to value, of the next entry or CPU
 * @cpus:	values an entry has, side by side
 * @user_size:	bytes of them as user space has them: padded only where each CPU has one
 * @value:	VNP_MAP_ARRAY: the first value
 */
struct vnp_user_map {
	const struct vnp_user_map_ops *ops;
	struct vnp_map_create def;
	bool frozen;
	size_t stride;
	size_t cpus;
	size_t user_size;
	char *value;
};

extern const struct vnp_user_map_ops vnp_user_array_ops;
extern const struct vnp_user_map_ops vnp_user_hash_ops;
extern const struct vnp_user_map_ops vnp_user_percpu_ops;

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
