/* SPDX-License-Identifier: GPL-2.0 */
/*
 * VNP_MAP_PEERS and VNP_MAP_GROUPS, addresses that programs send to: functions that are called
 * while packets are processed.  User space sets them through struct vnp_map_ops (peers.c).
 */
#ifndef _VNP_MAP_PEERS_H
#define _VNP_MAP_PEERS_H

#include "kmod/map/target.h"

struct vnp_map;

/* vnp_peers_find() - the peer of a key, or NULL.  Context: RCU */
struct vnp_target *vnp_peers_find(struct vnp_map *map, const void *key);

/**
 * vnp_peers_next() - iterate over the members of a group
 * @map:	a map of groups
 * @key:	a key that begins with the group
 * @target:	the previous member; NULL: return the first
 *
 * Context: RCU, from the first to the last.
 * Return: the member, or NULL after the last.
 */
struct vnp_target *vnp_peers_next(struct vnp_map *map, const void *key,
				  const struct vnp_target *target);

/**
 * vnp_peers_unreachable() - count an ICMP error at the peer it concerns
 * @map:	any map
 * @sk:		the socket that has sent the datagram
 * @family:	of the address
 * @addr:	where it was sent to, as in struct vnp_target_addr
 * @port:	likewise
 * @left:	how many more peers the error may be compared with, in all maps of a program
 *
 * Context: softirq, under RCU.
 */
void vnp_peers_unreachable(struct vnp_map *map, const struct sock *sk, u16 family,
			   const struct in6_addr *addr, __be16 port, u32 *left);

#endif /* _VNP_MAP_PEERS_H */
