// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "suitable.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "cache.h"

#define POLL_US		1000	/* microseconds between attempts */

static void ignore(void *ctx, enum vnp_print_level level, const char *line)
{
	(void)ctx;
	(void)level;
	(void)line;
}

/*
 * ---- Connections --------------------------------------------------------------
 */

/* Return: how many have not ended yet, or a negative errno */
static int shut_unlinked(const struct sample_server *server, pid_t pid)
{
	const struct vnp_open_opts quiet = { .sz = sizeof(quiet), .print = ignore };
	struct vnp_socket *socks;
	size_t cnt, i;
	char spec[16];
	int err, left = 0;

	snprintf(spec, sizeof(spec), "tcp:%d", server->port);
	err = vnp_socket_find(pid, spec, &quiet, &socks, &cnt);
	if (err)
		return err;
	for (i = 0; i < cnt; i++) {
		struct vnp_link_info info;

		if (!socks[i].remote_port ||
		    (!sample_link_of(socks[i].fd, &info) && info.listener_id))
			continue;
		shutdown(socks[i].fd, SHUT_RDWR);
		left++;
	}
	vnp_socket_free(socks, cnt);
	return left;
}

/*
 * A connection that was accepted before the listening socket had its link has none, or one that may
 * begin in the middle of a command.  The server has answered this process on a connection that it
 * accepted after the link was created: so no accept() that began before is still in progress.
 */
static int close_unlinked(const struct sample_server *server, pid_t pid)
{
	int left;

	while ((left = shut_unlinked(server, pid)) > 0)
		usleep(POLL_US);
	return left;
}

/*
 * ---- What the server says -------------------------------------------------------
 */

/*
 * The answer to "CONFIG GET NAME" is an array: the name and the value.  Return: 1; 0: there is no
 * such parameter; or a negative errno
 */
static int get_config(struct client *client, const char *name, struct reply *value)
{
	const char *const words[] = { "CONFIG", "GET", name };
	struct reply reply;
	int err;

	client_ask(client, 3, words);
	err = client_get(client, &reply);
	if (err)
		return err;
	if (reply.type != '*')
		return -EPERM;
	if (reply.number != 2)
		return 0;
	return client_get(client, &reply) ?: client_get(client, value) ?: 1;
}

static int complain(const struct sample_server *server, const char *name, const char *value,
		    const char *why)
{
	fprintf(stderr, "%s: GETs are not answered: the server has %s %s: %s.\n",
		server->sample->name, name, value, why);
	return 0;
}

static int has_config(const struct sample_server *server, struct client *client)
{
	static const struct {
		const char *name;
		const char *value;
		const char *why;
	} wanted[] = {
		{ "unixsocket", "", "what arrives there is not seen" },
		{ "tls-port", "0", "what arrives there is not seen" },
		{ "replicaof", "", "what the master sends is not seen" },
		{ "cluster-enabled", "no", "keys may move to other servers" },
		{ "io-threads", "1", "one thread may execute a command while another has read an older one" },
		{ "maxmemory", "0", "it may evict values" },
		{ "timeout", "0", "it would close connections on which all is answered" },
	};
	struct reply value;
	int ret;

	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		ret = get_config(client, wanted[i].name, &value);
		if (ret < 0)
			return complain(server, "no answer to", "CONFIG GET",
					"its configuration must be known");
		if (ret && strcmp(value.text, wanted[i].value))
			return complain(server, wanted[i].name, value.text, wanted[i].why);
	}
	ret = get_config(client, "port", &value);
	if (ret <= 0 || atoi(value.text) != server->port)
		return complain(server, "port", value.text, "what arrives there is not seen");
	return 1;
}

static int has_no_modules(const struct sample_server *server, struct client *client)
{
	static const char *const words[] = { "MODULE", "LIST" };
	struct reply reply;

	client_ask(client, 2, words);
	if (!client_get(client, &reply) && reply.type == '*' && reply.number <= 0)
		return 1;
	return complain(server, "modules,", "or does not list them",
			"their commands may change values at any time");
}

/* May it be asked without a password?  The first time it may still load its data. */
static int is_open(const struct sample_server *server, struct client *client, int cnt,
		   const char *const *words)
{
	struct reply reply;
	int err;

	for (;;) {
		client_ask(client, cnt, words);
		err = client_get(client, &reply);
		if (err || strncmp(reply.text, "LOADING", strlen("LOADING")))
			break;
		usleep(POLL_US);
	}
	if (!err && reply.type != '-')
		return 1;
	return complain(server, "an error for", words[0], "everyone must be permitted to GET all keys");
}

/* Commands of the category "blocking" may be executed after commands that follow them. */
static int add_blocking(struct client *client, const struct vnp_map *commands)
{
	static const char *const words[] = { "ACL", "CAT", "blocking" };
	const __u32 class = CACHE_WAITS;
	struct reply list, name;
	struct cache_name key;
	int err;

	client_ask(client, 3, words);
	err = client_get(client, &list);
	if (list.type != '*')
		return err;
	for (long i = 0; i < list.number && !err; i++) {
		err = client_get(client, &name);
		if (err || name.number > CACHE_WORD_MAX)
			continue;
		key = (struct cache_name){};
		memcpy(key.word, name.text, name.number);
		vnp_map_update(commands, &key, &class, VNP_MAP_NOEXIST);
	}
	return err;
}

int suitable(const struct sample_server *server, pid_t pid, struct client *client,
	     const struct vnp_map *commands)
{
	static const char *const ping[] = { "PING" }, *const get[] = { "GET", "" };
	int err;

	/* It answers when it listens at all addresses, and again when no accept() is in progress. */
	if (!is_open(server, client, 1, ping))
		return 0;
	err = sample_link_more(server, pid);
	if (!err && !is_open(server, client, 1, ping))
		return 0;
	if (!err)
		err = close_unlinked(server, pid);
	if (!err)
		err = add_blocking(client, commands);
	if (err) {
		sample_complain(server->sample, "prepare the cache", err);
		return 0;
	}
	return is_open(server, client, 2, get) && has_config(server, client) &&
	       has_no_modules(server, client);
}
