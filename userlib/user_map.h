/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * Maps in this process's memory, for programs that the reference interpreter executes.
 * They behave as the kernel's; a program sees CPU 0 of a per-CPU map.
 *
 * Ownership: as a program may hold a pointer to the value of a removed entry, entries
 * that are deleted or replaced are freed by vnp_user_map_free_deferred().
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
 * @set:	update by a program, of CPU 0
 * @remove:	delete by a program or user space
 * @next_key:	the key after @key, the first one if that is NULL or not there
 * @write:	update by user space.  NULL: the same as @set
 * @free_deferred: free removed entries; no program may hold a value.  NULL: there are none
 * @entries:	number of entries
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
	void (*free_deferred)(struct vnp_user_map *map);
	__u32 (*entries)(const struct vnp_user_map *map);
};

/**
 * struct vnp_user_map - what all types have; first member of their structs
 * @ops:	the type
 * @def:	as created
 * @frozen:	user space may not write
 * @stride:	bytes from one value to that of the next entry or CPU
 * @cpus:	values of an entry, which are contiguous
 * @user_size:	bytes of them in user space: padded only if there are several
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
extern const struct vnp_user_map_ops vnp_user_peers_ops;

/* vnp_user_peer_write() - struct vnp_user_map_ops::write of these */
int vnp_user_peer_write(struct vnp_user_map *map, const void *key, const void *value,
			__u64 flags);
extern const struct vnp_user_map_ops vnp_user_sockets_ops;

/* vnp_user_connection_write() - likewise */
int vnp_user_connection_write(struct vnp_user_map *map, const void *key, const void *value,
			      __u64 flags);
extern const struct vnp_user_map_ops vnp_user_keys_ops;

/* vnp_user_map_create() - fails like VNP_MAP_CREATE, with -EINVAL, -E2BIG and -ENOMEM */
int vnp_user_map_create(const struct vnp_map_create *def,
			struct vnp_user_map **map);
void vnp_user_map_free(struct vnp_user_map *map);

/* vnp_user_map_freeze() - make vnp_user_map_write() and _erase() fail with -EPERM */
void vnp_user_map_freeze(struct vnp_user_map *map);

int vnp_user_map_info(const struct vnp_user_map *map, const char *name,
		      struct vnp_map_info *info);

/* vnp_user_map_desc() - its description for vm/ */
void vnp_user_map_desc(struct vnp_user_map *map, struct vnp_map_desc *desc);

/* vnp_user_map_free_deferred() - free removed entries; no program may hold a value */
void vnp_user_map_free_deferred(struct vnp_user_map *map);

/* For programs: the values of one CPU, in place */
void *vnp_user_map_find(struct vnp_user_map *map, const void *key);
int vnp_user_map_set(struct vnp_user_map *map, const void *key, const void *value,
		     __u64 flags);
int vnp_user_map_remove(struct vnp_user_map *map, const void *key);

/* For user space: the values of all CPUs, copied */
int vnp_user_map_read(struct vnp_user_map *map, const void *key, void *value);
int vnp_user_map_write(struct vnp_user_map *map, const void *key,
		       const void *value, __u64 flags);
int vnp_user_map_erase(struct vnp_user_map *map, const void *key);
int vnp_user_map_next_key(struct vnp_user_map *map, const void *key, void *next);

#endif /* _VNP_USERLIB_USER_MAP_H */
