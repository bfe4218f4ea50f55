// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "client.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int open_files(struct client *client, int sock)
{
	const int copy = dup(sock);

	client->in = fdopen(sock, "r");
	client->out = copy < 0 ? NULL : fdopen(copy, "w");
	if (client->in && client->out)
		return 0;
	if (!client->in)
		close(sock);
	if (!client->out && copy >= 0)
		close(copy);
	client_close(client);
	return -ENOMEM;
}

/* An address of 0 is that of this host. */
int client_open(struct client *client, int listener)
{
	struct sockaddr_storage addr;
	socklen_t len = sizeof(addr);
	const int on = 1;
	int sock, err;

	if (getsockname(listener, (struct sockaddr *)&addr, &len))
		return -errno;
	sock = socket(addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (sock < 0)
		return -errno;
	setsockopt(sock, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connect(sock, (const struct sockaddr *)&addr, len)) {
		err = -errno;
		close(sock);
		return err;
	}
	return open_files(client, sock);
}

void client_close(struct client *client)
{
	if (client->in)
		fclose(client->in);
	if (client->out)
		fclose(client->out);
	*client = (struct client){};
}

void client_begin(struct client *client, int cnt)
{
	fprintf(client->out, "*%d\r\n", cnt);
}

void client_add(struct client *client, const void *word, size_t len)
{
	fprintf(client->out, "$%zu\r\n", len);
	fwrite(word, 1, len, client->out);
	fputs("\r\n", client->out);
}

void client_ask(struct client *client, int cnt, const char *const *words)
{
	client_begin(client, cnt);
	for (int i = 0; i < cnt; i++)
		client_add(client, words[i], strlen(words[i]));
}

/* The bytes of a string, and "\r\n" */
static int get_bytes(struct client *client, struct reply *reply)
{
	long i;
	int c;

	for (i = 0; i < reply->number + 2; i++) {
		c = getc(client->in);
		if (c == EOF)
			return -ECONNRESET;
		if (i < reply->number && i < (long)sizeof(reply->text) - 1)
			reply->text[i] = c;
	}
	reply->text[i - 2 < (long)sizeof(reply->text) ? i - 2 : (long)sizeof(reply->text) - 1] = 0;
	return 0;
}

int client_get(struct client *client, struct reply *reply)
{
	char line[256];

	if (fflush(client->out))
		return -errno;
	if (!fgets(line, sizeof(line), client->in))
		return -ECONNRESET;
	*reply = (struct reply){ .type = line[0], .number = atol(line + 1) };
	if (reply->type == '$' && reply->number >= 0)
		return get_bytes(client, reply);
	strncpy(reply->text, line + 1, sizeof(line));
	return 0;
}
