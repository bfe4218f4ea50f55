// SPDX-License-Identifier: GPL-2.0
/*
 * VNP_MAP_SOCKETS: a table of targets, as in maps of peers.  Each is for a connected socket: for
 * one of TCP it has an outlet, for one of UDP the address that the socket is connected to.
 *
 * Context: process.
 */
#include <linux/err.h>
#include <linux/log2.h>
#include <linux/net.h>
#include <linux/sock_diag.h>
#include <net/inet_sock.h>

#include "kmod/core/user.h"
#include "kmod/map/map.h"
#include "kmod/map/peers_table.h"
#include "kmod/path/hook.h"
#include "kmod/tcp/outlet.h"

/* Copy a value without the outputs, and check what does not depend on the socket. */
static int vnp_connection_read(const void *from, struct vnp_connection *value)
{
	memset(value, 0, sizeof(*value));
	memcpy(value, from, offsetof(struct vnp_connection, error));
	return value->flags || value->reserved[0] || value->reserved[1] ? -EINVAL : 0;
}

/*
 * ---- TCP ----------------------------------------------------------------
 */

static int vnp_sockets_check_queue(struct vnp_connection *value)
{
	value->queue_bytes = value->queue_bytes ?: VNP_SOCKET_QUEUE;
	if (value->policy > VNP_SOCKET_DISCONNECT ||
	    value->queue_bytes < VNP_SOCKET_QUEUE_MIN ||
	    value->queue_bytes > VNP_SOCKET_QUEUE_MAX)
		return -EINVAL;
	value->queue_bytes = roundup_pow_of_two(value->queue_bytes);
	return 0;
}

static int vnp_sockets_open_tcp(struct vnp_target *target, struct socket *sock,
				struct vnp_connection *value)
{
	struct vnp_outlet *outlet;
	struct vnp_user *user;
	int ret = vnp_sockets_check_queue(value);

	if (ret)
		return ret;
	user = vnp_user_get();
	if (IS_ERR(user))
		return PTR_ERR(user);
	outlet = vnp_outlet_open(sock, user, value);
	vnp_user_put(user);
	if (IS_ERR(outlet))
		return PTR_ERR(outlet);
	target->outlet = outlet;
	return 0;
}

/*
 * ---- UDP ----------------------------------------------------------------
 */

static int vnp_sockets_open_udp(struct vnp_target *target, struct socket *sock,
				const struct vnp_hook_ops *hook,
				const struct vnp_connection *value)
{
	int ret;

	if (value->policy || value->queue_bytes)
		return -EINVAL;
	ret = hook->permit_connected(sock, &target->peer, &target->to);
	if (!ret)
		ret = vnp_target_alloc_cpus(target);
	if (ret)
		return ret;
	sock_hold(sock->sk);
	target->sk = sock->sk;
	return 0;
}

/* Why is nothing sent?  Return: an errno, or 0 */
static int vnp_sockets_udp_error(const struct vnp_target *target)
{
	const struct sock *sk = target->sk;

	if (sock_flag(sk, SOCK_DEAD) || READ_ONCE(sk->sk_shutdown) & SEND_SHUTDOWN)
		return -EPIPE;
	return vnp_target_is_connected(target) ? 0 : -ENOTCONN;
}

static void vnp_sockets_read_udp(const struct vnp_target *target, struct vnp_connection *value)
{
	struct sock *sk = target->sk;
	struct vnp_peer peer;
	u32 cookie[2];

	vnp_target_read(target, &peer);
	memset(value, 0, sizeof(*value));
	value->fd = -1;
	value->error = -vnp_sockets_udp_error(target);
	value->family = peer.family;
	value->local_port = ntohs(inet_sk(sk)->inet_sport);
	value->remote_port = peer.port;
	value->remote_ip4 = peer.ip4;
	memcpy(value->remote_ip6, peer.ip6, sizeof(value->remote_ip6));
	if (peer.family == AF_INET)
		value->local_ip4 = inet_sk(sk)->inet_saddr;
#if IS_ENABLED(CONFIG_IPV6)
	else
		memcpy(value->local_ip6, &sk->sk_v6_rcv_saddr, sizeof(value->local_ip6));
#endif
	sock_diag_save_cookie(sk, cookie);
	value->cookie = cookie[0] | (u64)cookie[1] << 32;
	value->sent = peer.sent;
	value->bytes = peer.bytes;
	memcpy(value->errors, peer.errors, sizeof(value->errors));
}

/*
 * ---- Operations ---------------------------------------------------------
 */

/* Make a target of the caller's descriptor.  Return: 0 or errno */
static int vnp_sockets_open(struct vnp_target *target, struct vnp_connection *value)
{
	const struct vnp_hook_ops *hook;
	struct socket *sock;
	int ret;

	sock = sockfd_lookup(value->fd, &ret);
	if (!sock)
		return ret;
	hook = vnp_hook_find(sock->sk);
	if (hook && hook->permit_connected)
		ret = vnp_sockets_open_udp(target, sock, hook, value);
	else
		ret = vnp_sockets_open_tcp(target, sock, value);
	sockfd_put(sock);
	return ret;
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
	ret = vnp_peers_set(peers, target, flags);
	if (ret)
		vnp_target_end(target);
	return ret;
}

static int vnp_sockets_read(struct vnp_map *map, const void *key, void *to)
{
	struct vnp_peers *peers = vnp_peers_of(map);
	struct vnp_target *target;

	if (mutex_lock_killable(&peers->lock))
		return -EINTR;
	target = vnp_peers_lookup(peers, key);
	if (target && target->outlet)
		vnp_outlet_read(target->outlet, to);
	else if (target)
		vnp_sockets_read_udp(target, to);
	mutex_unlock(&peers->lock);
	return target ? 0 : -ENOENT;
}

const struct vnp_map_ops vnp_sockets_ops = {
	.obj_size	= sizeof(struct vnp_peers),
	.size		= vnp_peers_size,
	.create		= vnp_peers_create,
	.destroy	= vnp_peers_destroy,
	.lookup		= vnp_peers_no_value,
	.update		= vnp_sockets_update,
	.delete		= vnp_peers_delete,
	.next_key	= vnp_peers_next_key,
	.read		= vnp_sockets_read,
	.entries	= vnp_peers_entries,
};
