// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * A client sends one line, and is not read any more than is needed to see that it has gone.  All
 * entries of a subscriber share one queue, with its counters.  Of a publisher the process only reads
 * the few messages that the program passes, so that the kernel permits it to send more.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "clients.h"
#include "subscribers.h"

/* Bytes that wait for a client at most, besides its send buffer */
#define QUEUE	(1 << 16)

static bool has(const struct client *client, __u32 topic)
{
	return client->filter[topic / 64] >> topic % 64 & 1;
}

static __u32 slot_of(const struct clients *clients, const struct client *client)
{
	return client - clients->list;
}

/* Its first topic, or FEED_TOPICS */
static __u32 first_topic(const struct client *client)
{
	__u32 topic = 0;

	while (topic < FEED_TOPICS && !has(client, topic))
		topic++;
	return topic;
}

static void count(struct clients *clients, const struct client *client)
{
	const struct feed_member key = { first_topic(client), slot_of(clients, client) };
	struct vnp_connection conn;
	int i;

	if (key.topic == FEED_TOPICS || vnp_map_lookup(clients->map, &key, &conn))
		return;
	clients->sent += conn.sent;
	clients->failed += conn.queued;
	for (i = 0; i < VNP_ERROR_SLOTS; i++)
		clients->failed += conn.errors[i];
}

static void leave(struct clients *clients, struct client *client)
{
	struct feed_member key = { 0, slot_of(clients, client) };

	for (; key.topic < FEED_TOPICS; key.topic++)
		if (has(client, key.topic))
			vnp_map_delete(clients->map, &key);
}

static void end(struct clients *clients, struct client *client, struct pollfd *fd)
{
	count(clients, client);
	leave(clients, client);
	close(fd->fd);
	fd->fd = -1;
	printf("%s tcp %s\n", client->publishes ? "published" : "unsubscribed", client->address);
	memset(client, 0, sizeof(*client));
}

static int policy_parse(const char *word, __u32 *policy)
{
	static const char *const words[] = {
		[VNP_SOCKET_DROP_NEWEST] = "newest",
		[VNP_SOCKET_DROP_OLDEST] = "oldest",
		[VNP_SOCKET_DISCONNECT] = "disconnect",
	};

	*policy = VNP_SOCKET_DROP_OLDEST;
	if (!word)
		return 0;
	for (*policy = 0; *policy < 3; ++*policy)
		if (!strcmp(word, words[*policy]))
			return 0;
	return -EINVAL;
}

/* The answer says from when on its messages are published.  Return: 0 or a negative errno */
static int become_publisher(struct clients *clients, struct client *client, int fd)
{
	static const char answer[] = "publishing\n";
	const struct vnp_link_opts opts = {
		.sz = sizeof(opts),
		.message = clients->message,
		.eof = VNP_EOF_DROP,
	};
	int err = vnp_link_attach(clients->stream, fd, &opts, NULL);

	if (err)
		return err;
	client->publishes = true;
	printf("publishing tcp %s\n", client->address);
	return send(fd, answer, strlen(answer), MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}

/* A whole line.  Return: 0 or a negative errno */
static int subscribe(struct clients *clients, struct client *client, int fd)
{
	const char *topics = strtok(client->line, " \t\r"), *word = strtok(NULL, " \t\r");
	struct feed_member key = { 0, slot_of(clients, client) };
	__u32 policy;
	int err;

	if (topics && !strcmp(topics, "publish"))
		return become_publisher(clients, client, fd);
	if (!topics || !topics_parse(topics, client->filter) || policy_parse(word, &policy)) {
		memset(client->filter, 0, sizeof(client->filter));
		return -EINVAL;
	}
	for (; key.topic < FEED_TOPICS; key.topic++) {
		if (!has(client, key.topic))
			continue;
		err = vnp_map_update_socket(clients->map, &key, fd, policy, QUEUE,
					    VNP_MAP_NOEXIST);
		if (err)
			return err;
	}
	printf("subscribed tcp %s\n", client->address);
	return 0;
}

/* Return: false: it has gone, or sends what it should not */
static bool client_read(struct clients *clients, struct client *client, int fd)
{
	const size_t room = sizeof(client->line) - 1 - client->have;
	ssize_t len = recv(fd, client->line + client->have, room, MSG_DONTWAIT);
	char *newline;
	int err;

	if (len <= 0)
		return len < 0 && errno == EAGAIN;
	if (client->publishes)
		return true;
	client->have += len;
	client->line[client->have] = 0;
	newline = strchr(client->line, '\n');
	if (!newline)
		return client->have < sizeof(client->line) - 1;
	if (newline[1] || first_topic(client) < FEED_TOPICS)
		return false;
	*newline = 0;
	client->have = 0;
	err = subscribe(clients, client, fd);
	if (err)
		printf("error: tcp %s: %s\n", client->address, strerror(-err));
	return !err;
}

static void client_name(struct client *client, const struct sockaddr_in6 *addr)
{
	struct vnp_peer peer = { .family = AF_INET6, .port = ntohs(addr->sin6_port) };

	memcpy(peer.ip6, &addr->sin6_addr, sizeof(peer.ip6));
	if (IN6_IS_ADDR_V4MAPPED(&addr->sin6_addr)) {
		peer.family = AF_INET;
		peer.ip4 = peer.ip6[3];
	}
	vnp_peer_print(&peer, client->address);
}

/* A free slot, or that of a client that has not subscribed yet.  Return: FEED_CLIENTS: none */
static int take_slot(struct clients *clients, struct pollfd *fds)
{
	int i;

	for (i = 0; i < FEED_CLIENTS; i++)
		if (fds[1 + i].fd < 0)
			return i;
	for (i = 0; i < FEED_CLIENTS; i++)
		if (first_topic(&clients->list[i]) == FEED_TOPICS &&
		    !clients->list[i].publishes) {
			end(clients, &clients->list[i], &fds[1 + i]);
			break;
		}
	return i;
}

static void accept_one(struct clients *clients, struct pollfd *fds)
{
	struct sockaddr_in6 addr;
	socklen_t len = sizeof(addr);
	int fd = accept4(clients->listener, (struct sockaddr *)&addr, &len, SOCK_CLOEXEC), i;
	struct client *client;

	if (fd < 0)
		return;
	i = take_slot(clients, fds);
	if (i == FEED_CLIENTS) {
		printf("error: there are %d clients already\n", FEED_CLIENTS);
		close(fd);
		return;
	}
	client = &clients->list[i];
	memset(client, 0, sizeof(*client));
	client_name(client, &addr);
	fds[1 + i] = (struct pollfd) { .fd = fd, .events = POLLIN };
}

void clients_fds(const struct clients *clients, struct pollfd *fds)
{
	int i;

	fds[0] = (struct pollfd) { .fd = clients->listener, .events = POLLIN };
	for (i = 0; i < FEED_CLIENTS; i++)
		fds[1 + i].fd = -1;
}

void clients_serve(struct clients *clients, struct pollfd *fds)
{
	int i;

	for (i = 0; i < FEED_CLIENTS; i++)
		if (fds[1 + i].fd >= 0 && fds[1 + i].revents &&
		    !client_read(clients, &clients->list[i], fds[1 + i].fd))
			end(clients, &clients->list[i], &fds[1 + i]);
	if (fds[0].revents)
		accept_one(clients, fds);
}

void clients_count(struct clients *clients)
{
	int i;

	for (i = 0; i < FEED_CLIENTS; i++)
		count(clients, &clients->list[i]);
}
