/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* A client of Redis's protocol */
#ifndef _REDIS_CLIENT_H
#define _REDIS_CLIENT_H

#include <stddef.h>
#include <stdio.h>

/**
 * struct client - a connection
 * @out:	what is sent
 * @in:		answers
 */
struct client {
	FILE *out;
	FILE *in;
};

/**
 * struct reply - an answer
 * @type:	its first byte; an array's members follow as answers of their own
 * @number:	the number, the bytes of @text, or the members of the array; -1: null
 * @text:	the string, truncated, or the line
 */
struct reply {
	char type;
	long number;
	char text[2048];
};

/* client_open() - connect to where the socket @listener listens.  Return: 0 or a negative errno */
int client_open(struct client *client, int listener);

/* client_close() - close it; one that is zero is allowed */
void client_close(struct client *client);

/* client_ask() - send a command of @cnt words, with the next call of client_get() */
void client_ask(struct client *client, int cnt, const char *const *words);

/*
 * client_begin(), client_add() - the same, when the words are not text: the command has @cnt, which
 * are added one by one
 */
void client_begin(struct client *client, int cnt);
void client_add(struct client *client, const void *word, size_t len);

/* client_get() - the next answer.  Return: 0 or a negative errno */
int client_get(struct client *client, struct reply *reply);

#endif /* _REDIS_CLIENT_H */
