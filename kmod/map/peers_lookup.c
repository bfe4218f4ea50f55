// SPDX-License-Identifier: GPL-2.0
/* Maps of peers: lookups for programs and for ICMP errors, in softirq, under RCU. */
#include "kmod/map/peers.h"

#include <net/ipv6.h>

#include "kmod/map/peers_table.h"

struct vnp_target *vnp_peers_find(struct vnp_map *map, const void *key)
{
	return vnp_peers_lookup(vnp_peers_of(map), key);
}

struct vnp_target *vnp_peers_next(struct vnp_map *map, const void *key,
				  const struct vnp_target *target)
{
	struct hlist_node *node;
	struct vnp_target *next;

	if (target)
		node = rcu_dereference(hlist_next_rcu(&target->member));
	else
		node = rcu_dereference(hlist_first_rcu(vnp_peers_group_bucket(vnp_peers_of(map),
									      key)));
	for (; node; node = rcu_dereference(hlist_next_rcu(node))) {
		next = hlist_entry(node, struct vnp_target, member);
		if (!memcmp(next->key, key, sizeof(u32)))
			return next;
	}
	return NULL;
}

void vnp_peers_unreachable(struct vnp_map *map, const struct sock *sk, u16 family,
			   const struct in6_addr *addr, __be16 port, u32 *left)
{
	struct vnp_peers *peers = vnp_peers_of(map);
	struct vnp_target *target;

	if (map->ops != &vnp_peers_ops)
		return;
	hlist_for_each_entry_rcu(target, vnp_peers_address_bucket(peers, addr, port),
				 address) {
		if (!*left)
			return;
		--*left;
		if (target->sk == sk && target->to.port == port &&
		    target->to.family == family && ipv6_addr_equal(&target->to.addr, addr))
			atomic64_inc(&target->unreachable);
	}
}
