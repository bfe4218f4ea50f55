/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * A group in etcd: a key for each member, /vnp/relay/GROUP/MEMBER, whose value is the member's
 * address.  By etcd's JSON gateway, so that neither gRPC nor a client library is needed.
 */
#ifndef _TREE_STORE_H
#define _TREE_STORE_H

#include <stdbool.h>
#include <curl/curl.h>
#include <json-c/json.h>

/**
 * struct store - a group, and where it is
 * @urls:	of the servers, up to a NULL
 * @key:	the keys' prefix, in base64
 * @end:	the first key after those with the prefix, in base64
 * @changed:	called with @addresses when they may have changed
 * @ctx:	passed to @changed
 * @addresses:	the members' addresses by their keys in base64
 * @revision:	of the store, when @addresses was read; 0: unknown
 * @url:	the server in use, index in @urls
 * @complained:	it has been said that no server answers
 * @parser:	of answers, which arrive in fragments
 * @pending:	bytes of an incomplete answer that @parser has
 * @answered:	handles an answer, and returns whether to expect more
 * @multi:	connections
 * @transfer:	the request
 * @headers:	of each request
 */
struct store {
	char *const *urls;
	char key[384];
	char end[384];
	void (*changed)(void *ctx, struct json_object *addresses);
	void *ctx;
	struct json_object *addresses;
	long long revision;
	int url;
	bool complained;
	struct json_tokener *parser;
	size_t pending;
	bool (*answered)(struct store *store, struct json_object *answer);
	CURLM *multi;
	CURL *transfer;
	struct curl_slist *headers;
};

/* store_init() - Return: 0, -EINVAL (not a name of a group) or -ENOMEM */
int store_init(struct store *store, const char *group, char *const *urls);

/*
 * store_follow() - call @changed with all members, and again whenever they have changed, until
 * there is a signal.  Without a server, what was known stays, until one answers again.
 */
void store_follow(struct store *store, int signals);

#endif /* _TREE_STORE_H */
