// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "control.h"

#define CLIENTS		16

/**
 * struct client - a connection
 * @fd:		-1: none
 * @len:	bytes of @line
 * @line:	the incomplete line that was received
 */
struct client {
	int fd;
	size_t len;
	char line[512];
};

static void client_close(struct client *client)
{
	close(client->fd);
	client->fd = -1;
	client->len = 0;
}

static void command(struct members *members, char *line, FILE *out)
{
	char *word = strtok(line, " \t\r"), *address = strtok(NULL, " \t\r");
	char *key = address ? strtok(NULL, " \t\r") : NULL;
	const int more = key && strtok(NULL, " \t\r");

	if (word && address && !more && !strcmp(word, "join"))
		members_join(members, address, key, out);
	else if (word && address && !key && !strcmp(word, "leave"))
		members_leave(members, address, out);
	else if (word && !address && !strcmp(word, "list"))
		members_list(members, out);
	else
		fprintf(out, "error: write join HOST:PORT, leave HOST:PORT, or list\n");
}

/* A client that does not read its answers is disconnected.  Return: 0, -1 */
static int answer(struct client *client, struct members *members, char *line)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	ssize_t sent = -1;

	if (out) {
		command(members, line, out);
		if (!fclose(out))
			sent = send(client->fd, text, len, MSG_NOSIGNAL | MSG_DONTWAIT);
	}
	free(text);
	return sent == (ssize_t)len ? 0 : -1;
}

/* Answer all complete lines.  Return: 0, or -1 if the connection must be closed */
static int answer_lines(struct client *client, struct members *members)
{
	char *line = client->line, *end;

	client->line[client->len] = 0;
	while ((end = strchr(line, '\n'))) {
		*end = 0;
		if (answer(client, members, line))
			return -1;
		line = end + 1;
	}
	client->len -= line - client->line;
	memmove(client->line, line, client->len);
	return client->len == sizeof(client->line) - 1 ? -1 : 0;
}

static void client_read(struct client *client, struct members *members)
{
	ssize_t len = recv(client->fd, client->line + client->len,
			   sizeof(client->line) - 1 - client->len, MSG_DONTWAIT);

	if (len < 0 && errno == EAGAIN)
		return;
	if (len > 0)
		client->len += len;
	if (len <= 0 || answer_lines(client, members))
		client_close(client);
}

static void client_accept(struct client *clients, int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC), i;

	if (fd < 0)
		return;
	for (i = 0; i < CLIENTS; i++)
		if (clients[i].fd < 0) {
			clients[i].fd = fd;
			return;
		}
	close(fd);
}

static int address(const char *path, struct sockaddr_un *addr)
{
	memset(addr, 0, sizeof(*addr));
	addr->sun_family = AF_UNIX;
	if (strlen(path) >= sizeof(addr->sun_path))
		return -ENAMETOOLONG;
	strcpy(addr->sun_path, path);
	return 0;
}

/* Return: a connection, or a negative errno */
static int connect_to(const char *path)
{
	struct sockaddr_un addr;
	int sock, err;

	err = address(path, &addr);
	if (err)
		return err;
	sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (sock < 0)
		return -errno;
	if (!connect(sock, (const struct sockaddr *)&addr, sizeof(addr)))
		return sock;
	err = -errno;
	close(sock);
	return err;
}

int control_open(const char *path)
{
	struct sockaddr_un addr;
	int sock, err;

	err = address(path, &addr);
	if (err)
		return err;
	/* Remove a socket on which no process listens any more. */
	sock = connect_to(path);
	if (sock == -ECONNREFUSED)
		unlink(path);
	else if (sock >= 0)
		close(sock);
	sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (sock < 0)
		return -errno;
	if (!bind(sock, (const struct sockaddr *)&addr, sizeof(addr)) && !listen(sock, 16))
		return sock;
	err = -errno;
	close(sock);
	return err;
}

int control_ask(const char *path, char **words)
{
	int sock = connect_to(path), failed = 0;
	char line[4096];
	FILE *file;

	if (sock < 0)
		return sock;
	file = fdopen(sock, "r+");
	if (!file) {
		close(sock);
		return -ENOMEM;
	}
	while (*words)
		fprintf(file, "%s ", *words++);
	fputc('\n', file);
	if (!fflush(file))
		shutdown(sock, SHUT_WR);
	while (fgets(line, sizeof(line), file)) {
		failed |= !strncmp(line, "error:", 6);
		fputs(line, stdout);
	}
	fclose(file);
	return failed;
}

int control_serve(int listener, int signals, struct members *members)
{
	static struct client clients[CLIENTS];
	struct pollfd fds[CLIENTS + 2] = {
		[CLIENTS] = { .fd = listener, .events = POLLIN },
		[CLIENTS + 1] = { .fd = signals, .events = POLLIN },
	};
	int i;

	for (i = 0; i < CLIENTS; i++)
		clients[i].fd = -1;
	while (!fds[CLIENTS + 1].revents) {
		for (i = 0; i < CLIENTS; i++)
			fds[i] = (struct pollfd){ .fd = clients[i].fd, .events = POLLIN };
		if (poll(fds, CLIENTS + 2, -1) < 0)
			return -errno;
		for (i = 0; i < CLIENTS; i++)
			if (fds[i].revents)
				client_read(&clients[i], members);
		if (fds[CLIENTS].revents)
			client_accept(clients, listener);
	}
	return 0;
}
