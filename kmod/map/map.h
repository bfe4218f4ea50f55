/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Maps: memory that programs share with user space and keep between executions.
 *
 * Programs call @lookup, @update and @delete of struct vnp_map_ops, in softirq and
 * under RCU; user space comes through the ioctls of map.c.  User space never sees a torn
 * word of 8 bytes that is aligned in the value.
 */
#ifndef _VNP_MAP_MAP_H
#define _VNP_MAP_MAP_H

#include <linux/rwsem.h>
#include "kmod/core/object.h"

struct socket;
struct vm_area_struct;
struct vnp_map;
struct vnp_map_desc;

/**
 * struct vnp_map_ops - how a type of map keeps its entries
 * @obj_size:	bytes of its struct, whose first member is a struct vnp_map
 * @size:	set the fields of its struct that follow from the sizes of @map, which are in range.
 *		Return: bytes that @create and, in maps of peers and sockets, later updates will
 *		allocate; more than %VNP_MAP_BYTES_MAX are refused
 * @create:	allocate what exists as long as the map.  Process context.
 *		Return: 0, -ENOMEM, -EINTR, with nothing allocated
 * @destroy:	free it; it is not in use.  Process context
 * @lookup:	the address of the value, or NULL.  RCU, softirqs off: the value
 *		is valid until rcu_read_unlock().  NULL: no helper that needs it takes
 *		such a map
 * @update:	set an entry.  Any context but hard interrupts if a helper may update this type
 *		(struct vnp_map_traits), else process context.  Return: 0, -EINVAL, -EEXIST,
 *		-ENOENT, -ENOSPC, -ENOMEM, -EINTR, or why a peer or socket is refused
 * @delete:	likewise.  Return: 0, -ENOENT, -EINVAL, -EINTR
 * @next_key:	the key after @key, the first one if that is NULL or not there.
 *		Process context.  Return: 0, -ENOENT, -EINTR (a fatal signal)
 * @read:	copy a value for user space; @value is aligned to 8.  Process context.
 *		Return: 0, -ENOENT, -EACCES, -EINTR (a fatal signal)
 * @write:	update by user space, if it differs from @update; else NULL.  Process context
 * @mmap:	file_operations::mmap, of maps with %VNP_MAP_F_MMAP, which the traits of
 *		the type allow.  Process context, @map->lock is held for reading
 * @entries:	number of entries
 * @bind:	set the socket that datagrams to its peers are sent from, unless it has one;
 *		NULL: the type has no peers.  Process context; the socket stays open.
 *		Return: 0 or errno
 *
 * Which sizes and flags are valid, and which helpers may use a map, is in struct
 * vnp_map_traits, which the library uses, too.
 */
struct vnp_map_ops {
	size_t obj_size;
	u64 (*size)(struct vnp_map *map);
	int (*create)(struct vnp_map *map);
	void (*destroy)(struct vnp_map *map);
	void *(*lookup)(struct vnp_map *map, const void *key);
	long (*update)(struct vnp_map *map, const void *key, const void *value,
		       u64 flags);
	long (*delete)(struct vnp_map *map, const void *key);
	int (*next_key)(struct vnp_map *map, const void *key, void *next);
	int (*read)(struct vnp_map *map, const void *key, void *value);
	long (*write)(struct vnp_map *map, const void *key, const void *value,
		      u64 flags);
	int (*mmap)(struct vnp_map *map, struct vm_area_struct *vma);
	u32 (*entries)(struct vnp_map *map);
	int (*bind)(struct vnp_map *map, struct socket *sock);
};

/*
 * Maximum number of entries in a bucket of a hash table.  Programs walk it in softirq, and a
 * user can choose keys that collide, as the seed can be derived from the order of
 * VNP_MAP_NEXT_KEY.  With other keys a bucket is full with a probability of 10^-15.
 */
#define VNP_MAP_CHAIN_MAX	16

/**
 * struct vnp_map - what all types have; first member of their structs
 * @obj:	the object; first member
 * @ops:	the type
 * @type:	enum vnp_map_type
 * @flags:	VNP_MAP_F_*
 * @key_size:	bytes
 * @value_size:	bytes
 * @stride:	@value_size rounded up to 8
 * @user_size:	bytes of a value in user space: @value_size, or a @stride for each
 *		possible CPU
 * @max_entries: maximum number of entries
 * @secret:	copies of values are cleared before they are freed
 * @bytes:	what struct vnp_map_ops::size returned
 * @value:	VNP_MAP_ARRAY: the first value; page-aligned
 * @lock:	held for reading while user space changes the map, for writing to freeze it
 * @frozen:	user space may only read.  Under @lock
 * @writable:	number of writable mappings.  Increased from 0 under @lock only
 */
struct vnp_map {
	struct vnp_obj obj;
	const struct vnp_map_ops *ops;
	u32 type;
	u32 flags;
	u32 key_size;
	u32 value_size;
	u32 stride;
	u32 user_size;
	u32 max_entries;
	bool secret;
	u64 bytes;
	void *value;

	struct rw_semaphore lock;
	bool frozen;
	atomic_t writable;
};

extern const struct vnp_obj_ops vnp_map_obj_ops;
extern const struct vnp_map_ops vnp_array_ops;
extern const struct vnp_map_ops vnp_hash_ops;
extern const struct vnp_map_ops vnp_percpu_ops;
extern const struct vnp_map_ops vnp_peers_ops;
extern const struct vnp_map_ops vnp_sockets_ops;
extern const struct vnp_map_ops vnp_keys_ops;

/* The most frequent lookups of programs, to be called directly */
void *vnp_array_lookup(struct vnp_map *map, const void *key);
void *vnp_hash_lookup(struct vnp_map *map, const void *key);
void *vnp_percpu_lookup(struct vnp_map *map, const void *key);

/* struct vnp_hash_held - the lock of a bucket that vnp_hash_hold() has taken */
struct vnp_hash_held {
	spinlock_t *lock;	/* of the bucket */
};

/**
 * vnp_hash_hold() - find a value for a change that must not concern another key
 * @map:	a hash map
 * @key:	if another CPU changes it meanwhile, the value is that of either key, or none
 * @held:	for vnp_hash_release(), which must follow
 *
 * The value of vnp_hash_lookup() can be deleted, or replaced, and then be that of another key,
 * while its caller uses it.  Here it stays, under the lock of the bucket.
 *
 * Context: softirqs off, until vnp_hash_release().
 * Return: the value, or NULL.
 */
void *vnp_hash_hold(struct vnp_map *map, const void *key, struct vnp_hash_held *held);
void vnp_hash_release(struct vnp_hash_held *held);

/* vnp_map_create() - VNP_MAP_CREATE.  Context: process.  Return: descriptor or errno */
long vnp_map_create(const struct vnp_map_create *attr);

/* vnp_map_from_fd() - as vnp_obj_from_fd().  Context: process */
struct vnp_map *vnp_map_from_fd(int fd);

/*
 * vnp_map_bind() - a program that uses the map is linked to a socket.  Context: process; the
 * socket stays open.  Return: 0 or errno
 */
int vnp_map_bind(struct vnp_map *map, struct socket *sock);

/**
 * vnp_map_flags_check() - may an update insert, or replace, an entry?
 * @flags:	VNP_MAP_ANY, _NOEXIST or _EXIST
 * @exists:	there is an entry with this key
 *
 * Return: 0, -EEXIST, -ENOENT.
 */
static inline int vnp_map_flags_check(u64 flags, bool exists)
{
	if (flags == VNP_MAP_NOEXIST && exists)
		return -EEXIST;
	return flags == VNP_MAP_EXIST && !exists ? -ENOENT : 0;
}

/* vnp_map_put() - put a reference.  Context: any but hard interrupts */
static inline void vnp_map_put(struct vnp_map *map)
{
	vnp_obj_put(&map->obj);
}

/*
 * vnp_map_describe() - fill in the description for vm/.  The caller keeps its reference
 */
void vnp_map_describe(struct vnp_map *map, struct vnp_map_desc *desc);

/* vnp_map_types() - bit n: enum vnp_map_type n is known */
u64 vnp_map_types(void);

#endif /* _VNP_MAP_MAP_H */
