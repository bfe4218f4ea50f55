// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/* VNP_MAP_PEERS and VNP_MAP_GROUPS: checks values, which user_hash.c stores. */
#include <sys/socket.h>

#include "user_map.h"

static bool is_zero(const void *bytes, size_t len)
{
	const char *b = bytes;

	return !len || (!*b && !memcmp(b, b + 1, len - 1));
}

/* The same checks as in the kernel, except for permission to send, as nothing is sent */
static bool peer_is_valid(const struct vnp_peer *peer)
{
	if (peer->flags & ~VNP_PEER_F_TOS || !peer->port ||
	    (peer->tos && !(peer->flags & VNP_PEER_F_TOS)) ||
	    !is_zero(peer->reserved, sizeof(peer->reserved)))
		return false;
	if (peer->family == AF_INET)
		return !peer->scope_id && is_zero(peer->ip6, sizeof(peer->ip6));
	return peer->family == AF_INET6 && !peer->ip4;
}

int vnp_user_peer_write(struct vnp_user_map *map, const void *key, const void *value,
			__u64 flags)
{
	struct vnp_peer peer = {};

	memcpy(&peer, value, offsetof(struct vnp_peer, sent));
	if (!peer_is_valid(&peer))
		return -EINVAL;
	return map->ops->set(map, key, &peer, flags);
}
