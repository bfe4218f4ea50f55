/* SPDX-License-Identifier: GPL-2.0 */
/* VNP_MAP_KEYS: keys that programs use, and that cannot be read. */
#ifndef _VNP_MAP_KEYS_H
#define _VNP_MAP_KEYS_H

struct vnp_map;
struct vnp_secret;

/**
 * vnp_keys_find() - find a key
 * @map:	a map of this type
 * @key:	key of the entry in the map
 *
 * Context: under RCU; the secret is valid until rcu_read_unlock().
 * Return: the secret, or NULL.
 */
struct vnp_secret *vnp_keys_find(struct vnp_map *map, const void *key);

#endif /* _VNP_MAP_KEYS_H */
