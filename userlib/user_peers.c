// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/* Maps of peers, groups and sockets: checks values, which user_hash.c stores. */
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

/* Nothing is done with the descriptor. */
int vnp_user_connection_write(struct vnp_user_map *map, const void *key, const void *value,
			      __u64 flags)
{
	struct vnp_connection conn = {};

	memcpy(&conn, value, offsetof(struct vnp_connection, error));
	if (conn.fd < 0)
		return -EBADF;
	conn.queue_bytes = conn.queue_bytes ?: VNP_SOCKET_QUEUE;
	if (conn.flags || conn.policy > VNP_SOCKET_DISCONNECT ||
	    conn.queue_bytes < VNP_SOCKET_QUEUE_MIN || conn.queue_bytes > VNP_SOCKET_QUEUE_MAX ||
	    !is_zero(conn.reserved, sizeof(conn.reserved)))
		return -EINVAL;
	conn.fd = -1;
	return map->ops->set(map, key, &conn, flags);
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
