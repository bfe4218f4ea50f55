/* SPDX-License-Identifier: GPL-2.0 */
/* VNP_MAP_KEYS: keys that programs use, and nobody reads. */
#ifndef _VNP_MAP_KEYS_H
#define _VNP_MAP_KEYS_H

struct vnp_map;
struct vnp_secret;

/**
 * vnp_keys_find() - find a key
 * @map:	of the type
 * @key:	its key in the map
 *
 * Context: under RCU, and the secret stays until it ends.
 * Return: the secret, or NULL.
 */
struct vnp_secret *vnp_keys_find(struct vnp_map *map, const void *key);

#endif /* _VNP_MAP_KEYS_H */
