// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Values of maps of sockets: TCP connections, and connected UDP sockets. */
#include <limits.h>

#include "ctl.h"

static const char *const policies[] = {
	[VNP_SOCKET_DROP_NEWEST] = "newest",
	[VNP_SOCKET_DROP_OLDEST] = "oldest",
	[VNP_SOCKET_DISCONNECT] = "disconnect",
};

static const char *policy_name(__u32 policy)
{
	return policy < ARRAY_SIZE(policies) ? policies[policy] : "unknown";
}

static int fd_parse(struct args *args, struct vnp_connection *conn)
{
	const bool other = args_take(args, "pid");
	__u64 pid = 0, fd;
	int ret;

	if (other && args_number(args, "The process", 1, INT_MAX, &pid))
		return -EINVAL;
	if (!args_take(args, "fd"))
		return error("Specify the socket: fd FD, or pid PID fd FD.");
	if (args_number(args, "The descriptor", 0, INT_MAX, &fd))
		return -EINVAL;
	conn->fd = fd;
	if (!other)
		return 0;
	/* It stays open until this process ends. */
	ret = vnp_socket_take(pid, fd, &open_opts);
	if (ret < 0)
		return failed(ret, "Cannot take the socket");
	conn->fd = ret;
	return 0;
}

int connection_parse(struct args *args, struct vnp_connection *conn)
{
	__u32 i;
	int err;

	memset(conn, 0, sizeof(*conn));
	err = fd_parse(args, conn);
	if (!err && args_take(args, "queue"))
		err = args_u32(args, "The size of the queue", &conn->queue_bytes);
	for (i = 0; !err && i < ARRAY_SIZE(policies); i++)
		if (args_take(args, policies[i]))
			conn->policy = i;
	return err;
}

/* The address of one end */
static const char *end_text(const struct vnp_connection *conn, bool remote,
			    char text[VNP_PEER_TEXT_LEN])
{
	struct vnp_peer peer = {
		.family = conn->family,
		.port = remote ? conn->remote_port : conn->local_port,
		.ip4 = remote ? conn->remote_ip4 : conn->local_ip4,
	};

	memcpy(peer.ip6, remote ? conn->remote_ip6 : conn->local_ip6, sizeof(peer.ip6));
	return vnp_peer_print(&peer, text);
}

void connection_print(const struct vnp_connection *conn)
{
	char local[VNP_PEER_TEXT_LEN], remote[VNP_PEER_TEXT_LEN];

	printf("%s to %s", end_text(conn, false, local), end_text(conn, true, remote));
	if (conn->queue_bytes)
		printf(" queue %u %s", conn->queue_bytes, policy_name(conn->policy));
	else
		printf(" (UDP)");
	if (conn->error)
		printf("\n  ended: %s", strerror(conn->error));
	printf("\n  sent: %llu datagrams, %llu bytes", conn->sent, conn->bytes);
	if (conn->queue_bytes)
		printf("\n  queued: %llu datagrams, %llu bytes", conn->queued,
		       conn->queued_bytes);
	errors_print(conn->errors, "\n  not sent", "");
}

struct json_object *connection_json(const struct vnp_connection *conn)
{
	struct json_object *obj = json_object_new_object();
	char text[VNP_PEER_TEXT_LEN];

	add_str(obj, "local", end_text(conn, false, text));
	add_str(obj, "remote", end_text(conn, true, text));
	add_u64(obj, "cookie", conn->cookie);
	add_u64(obj, "queue_bytes_max", conn->queue_bytes);
	add_str(obj, "policy", policy_name(conn->policy));
	if (conn->error)
		add_str(obj, "ended", strerror(conn->error));
	add_u64(obj, "sent", conn->sent);
	add_u64(obj, "bytes", conn->bytes);
	add_u64(obj, "queued", conn->queued);
	add_u64(obj, "queued_bytes", conn->queued_bytes);
	json_object_object_add(obj, "errors", errors_json(conn->errors, false));
	return obj;
}
