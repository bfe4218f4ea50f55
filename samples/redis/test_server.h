/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Tests: redis-server, as Debian has it, and a connection to it */
#ifndef _REDIS_TEST_SERVER_H
#define _REDIS_TEST_SERVER_H

#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>

/* How it is started: alone, or by the sample, which is redis in the directory of the test */
enum how {
	ALONE,
	LINKED,
	CACHED,
};

/**
 * struct server - redis-server
 * @port:	its TCP port, as text
 * @how:	how it is started
 * @option:	another of its options, and its value, or NULL
 * @pid:	its process
 * @sock:	a connection to it
 * @output:	with %CACHED: what the sample prints
 */
struct server {
	const char *port;
	enum how how;
	const char *option[2];
	pid_t pid;
	int sock;
	FILE *output;
};

/* server_start() - start it, connect, and exchange a PING.  Return: 0, or negative */
int server_start(struct server *s, const char *self);
void server_end(struct server *s);

/*
 * server_switches() - how often it was taken from the processor; @waited: how often because it
 * waited
 */
long server_switches(const struct server *s, long *waited);

/* put_text() - send it, in segments of up to @most bytes.  Return: 1, or 0 if that fails */
int put_text(int sock, const char *text, size_t most);

/* gets_bytes(), gets_text() - are these the next bytes? */
int gets_bytes(int sock, const void *data, size_t len);
int gets_text(int sock, const char *text);

/* put_string() - append a string of a command.  Return: bytes */
int put_string(char *to, const void *data, int len);

/*
 * random_command() - append @name with one of @keys keys; and with @value, if the command takes one.
 * Return: bytes
 */
int random_command(char *to, const char *name, int keys, const char *value, int value_len);

/*
 * servers_agree() - do two servers give the same answers to the commands at @text? An ECHO of
 * @number is appended, to find their end.  @most: as put_text()
 */
int servers_agree(const struct server *a, const struct server *b, char *text, size_t len, int number,
		  size_t most);

#endif /* _REDIS_TEST_SERVER_H */
