// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#define _GNU_SOURCE
#include "test_server.h"

#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "../stream_client.h"
#include "../test.h"

#define SERVER	"/usr/bin/redis-server"

static void server_exec(const struct server *s, const char *self)
{
	char *args[] = { "redis", "--cache", (char *)s->port, SERVER, "--port", (char *)s->port,
			 "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--hz", "1",
			 "--logfile", "/dev/null", (char *)s->option[0], (char *)s->option[1], NULL };
	char **from = args;

	if (s->how == ALONE)
		execv(SERVER, args + 3);
	if (s->how == LINKED)
		*++from = "redis";
	execv(test_path(self, "redis"), from);
	_exit(127);
}

/* Return: its standard output, or NULL */
static FILE *server_fork(struct server *s, const char *self)
{
	int ends[2];

	if (pipe(ends))
		return NULL;
	s->pid = fork();
	if (!s->pid) {
		dup2(ends[1], STDOUT_FILENO);
		close(ends[0]);
		close(ends[1]);
		server_exec(s, self);
	}
	close(ends[1]);
	return fdopen(ends[0], "r");
}

int server_start(struct server *s, const char *self)
{
	s->output = server_fork(s, self);
	if (!s->output || (s->how != ALONE && !stream_linked()))
		return -1;
	s->sock = stream_connect(atoi(s->port), 20);
	return s->sock < 0 || !put_text(s->sock, "*1\r\n$4\r\nPING\r\n", 10) ||
	       !gets_text(s->sock, "+PONG\r\n") ? -1 : 0;
}

void server_end(struct server *s)
{
	close(s->sock);
	kill(s->pid, SIGTERM);
	waitpid(s->pid, NULL, 0);
}

long server_switches(const struct server *s, long *waited)
{
	char path[64], line[128], state = 0;
	long involuntary = -1;
	FILE *file;
	int i;

	*waited = -1;
	snprintf(path, sizeof(path), "/proc/%d/status", s->pid);
	for (i = 0; i < 100000 && state != 'S'; i++) {
		sched_yield();
		file = fopen(path, "r");
		while (file && fgets(line, sizeof(line), file)) {
			sscanf(line, "State: %c", &state);
			sscanf(line, "voluntary_ctxt_switches: %ld", waited);
			sscanf(line, "nonvoluntary_ctxt_switches: %ld", &involuntary);
		}
		if (file)
			fclose(file);
	}
	return *waited + involuntary;
}

int put_text(int sock, const char *text, size_t most)
{
	return stream_put(sock, text, strlen(text), most);
}

int gets_bytes(int sock, const void *data, size_t len)
{
	char *got = malloc(len + 1);
	int same = recv(sock, got, len, MSG_WAITALL) == (ssize_t)len && !memcmp(got, data, len);

	free(got);
	return same;
}

int gets_text(int sock, const char *text)
{
	return gets_bytes(sock, text, strlen(text));
}

int put_string(char *to, const void *data, int len)
{
	const int head = sprintf(to, "$%d\r\n", len);

	memcpy(to + head, data, len);
	memcpy(to + head + len, "\r\n", 2);
	return head + len + 2;
}

int random_command(char *to, const char *name, int keys, const char *value, int value_len)
{
	const int has_value = !strcmp(name, "SET") || !strcmp(name, "APPEND") ||
			      !strcmp(name, "GETSET");
	char key[16];
	int len = sprintf(to, "*%d\r\n", 2 + has_value);

	len += put_string(to + len, name, strlen(name));
	len += put_string(to + len, key, sprintf(key, "key:%d", rand() % keys));
	if (has_value)
		len += put_string(to + len, value, value_len);
	return len;
}

/* Send it, and the answers are in @answer, up to one that ends with @end.  Return: bytes, or -1 */
static int asked(const struct server *s, const char *text, size_t len, size_t most, char *answer,
		 size_t size, const char *end)
{
	const size_t end_len = strlen(end);
	size_t got = 0;
	ssize_t n;

	if (!stream_put(s->sock, text, len, 1 + rand() % most))
		return -1;
	while (got < end_len || memcmp(answer + got - end_len, end, end_len)) {
		n = recv(s->sock, answer + got, size - got, 0);
		if (n <= 0)
			return -1;
		got += n;
	}
	return got;
}

int servers_agree(const struct server *a, const struct server *b, char *text, size_t len, int number,
		  size_t most)
{
	static char answer[2][1 << 20];
	char end[16];
	int got;

	len += sprintf(text + len, "*2\r\n$4\r\nECHO\r\n");
	len += put_string(text + len, end, sprintf(end, "end-%06d", number));
	got = asked(a, text, len, most, answer[0], sizeof(answer[0]), strcat(end, "\r\n"));
	return got > 0 && got == asked(b, text, len, most, answer[1], sizeof(answer[1]), end) &&
	       !memcmp(answer[0], answer[1], got);
}
