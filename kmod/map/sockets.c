// SPDX-License-Identifier: GPL-2.0
/*
 * VNP_MAP_SOCKETS: a table of targets, as in maps of peers, that are TCP connections.
 *
 * Context: process.
 */
#include <linux/err.h>
#include <linux/log2.h>
#include <linux/net.h>

#include "kmod/core/user.h"
#include "kmod/map/map.h"
#include "kmod/map/peers_table.h"
#include "kmod/tcp/outlet.h"

/* Includes max_entries targets, but not the queues. */
static u64 vnp_sockets_size(struct vnp_map *map)
{
	struct vnp_peers *peers = vnp_peers_of(map);

	peers->bits = order_base_2(map->max_entries);
	return ((u64)VNP_PEERS_TABLES << peers->bits) * sizeof(*peers->buckets) +
	       map->max_entries * (u64)(sizeof(struct vnp_target) + map->key_size);
}

/* Copy and check a value, without the outputs. */
static int vnp_connection_read(const void *from, struct vnp_connection *value)
{
	memset(value, 0, sizeof(*value));
	memcpy(value, from, offsetof(struct vnp_connection, error));
	value->queue_bytes = value->queue_bytes ?: VNP_SOCKET_QUEUE;
	if (value->flags || value->reserved[0] || value->reserved[1] ||
	    value->policy > VNP_SOCKET_DISCONNECT ||
	    value->queue_bytes < VNP_SOCKET_QUEUE_MIN ||
	    value->queue_bytes > VNP_SOCKET_QUEUE_MAX)
		return -EINVAL;
	value->queue_bytes = roundup_pow_of_two(value->queue_bytes);
	return 0;
}

/* Open the outlet of the socket that the value names.  Return: 0 or errno */
static int vnp_sockets_open(struct vnp_target *target, const struct vnp_connection *value)
{
	struct vnp_outlet *outlet;
	struct vnp_user *user;
	struct socket *sock;
	int ret;

	user = vnp_user_get();
	if (IS_ERR(user))
		return PTR_ERR(user);
	sock = sockfd_lookup(value->fd, &ret);
	if (!sock) {
		vnp_user_put(user);
		return ret;
	}
	outlet = vnp_outlet_open(sock, user, value);
	sockfd_put(sock);
	vnp_user_put(user);
	if (IS_ERR(outlet))
		return PTR_ERR(outlet);
	target->outlet = outlet;
	return 0;
}

static long vnp_sockets_update(struct vnp_map *map, const void *key, const void *from, u64 flags)
{
	struct vnp_peers *peers = vnp_peers_of(map);
	struct vnp_target *target;
	struct vnp_connection value;
	int ret;

	if (flags > VNP_MAP_EXIST || vnp_connection_read(from, &value))
		return -EINVAL;
	target = vnp_target_alloc(key, map->key_size);
	if (!target)
		return -ENOMEM;
	/* This may wait for the socket's lock, so it is done before the map is locked. */
	ret = vnp_sockets_open(target, &value);
	if (ret) {
		vnp_target_free(target);
		return ret;
	}
	mutex_lock(&peers->lock);
	ret = vnp_peers_set(peers, target, flags);
	mutex_unlock(&peers->lock);
	if (ret)
		vnp_target_end(target);
	return ret;
}

static int vnp_sockets_read(struct vnp_map *map, const void *key, void *to)
{
	struct vnp_peers *peers = vnp_peers_of(map);
	struct vnp_target *target;

	mutex_lock(&peers->lock);
	target = vnp_peers_lookup(peers, key);
	if (target)
		vnp_outlet_read(target->outlet, to);
	mutex_unlock(&peers->lock);
	return target ? 0 : -ENOENT;
}

const struct vnp_map_ops vnp_sockets_ops = {
	.obj_size	= sizeof(struct vnp_peers),
	.size		= vnp_sockets_size,
	.create		= vnp_peers_create,
	.destroy	= vnp_peers_destroy,
	.lookup		= vnp_peers_no_value,
	.update		= vnp_sockets_update,
	.delete		= vnp_peers_delete,
	.next_key	= vnp_peers_next_key,
	.read		= vnp_sockets_read,
	.entries	= vnp_peers_entries,
};
