// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include <errno.h>
#include <openssl/evp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vnp/libvnp.h>
#include "store.h"

/* Bytes of an answer, and of a value in base64, at most */
#define ANSWER_MAX	(1 << 20)
#define VALUE_MAX	512

/* Between attempts to reach a server */
#define RETRY_MS	1000

/* How long a server may take to answer, except for changes */
#define TIMEOUT_SECONDS 10

/* Then a server's host that is silent is looked for */
#define KEEPALIVE_SECONDS 10

#define HOUR_MS		(3600 * 1000)

static struct json_object *member_of(struct json_object *object, const char *name)
{
	struct json_object *member = NULL;

	json_object_object_get_ex(object, name, &member);
	return member;
}

/*
 * ---- Requests ------------------------------------------------------------------
 */

/* For libcurl: anything but @len ends the request. */
static size_t receive(char *data, size_t unused, size_t len, void *arg)
{
	struct store *store = arg;
	struct json_object *answer;
	size_t used = 0;
	bool more = true;

	while (more && used < len) {
		answer = json_tokener_parse_ex(store->parser, data + used, len - used);
		used += json_tokener_get_parse_end(store->parser);
		switch (json_tokener_get_error(store->parser)) {
		case json_tokener_continue:
			store->pending += len;
			return store->pending > ANSWER_MAX ? 0 : len;
		case json_tokener_success:
			store->pending = 0;
			more = store->answered(store, answer);
			json_object_put(answer);
			break;
		default:
			return 0;
		}
	}
	return more ? len : 0;
}

/* Return: CURLE_ABORTED_BY_CALLBACK if there was a signal, or how it ended */
static CURLcode perform(struct store *store, int signals)
{
	struct curl_waitfd signal = { .fd = signals, .events = CURL_WAIT_POLLIN };
	CURLcode result = CURLE_FAILED_INIT;
	int running = 0, left;
	CURLMsg *msg;

	curl_multi_add_handle(store->multi, store->transfer);
	do {
		if (curl_multi_perform(store->multi, &running) ||
		    (running && curl_multi_poll(store->multi, &signal, 1, HOUR_MS, NULL)))
			break;
	} while (running && !signal.revents);
	msg = curl_multi_info_read(store->multi, &left);
	if (msg)
		result = msg->data.result;
	else if (signal.revents)
		result = CURLE_ABORTED_BY_CALLBACK;
	curl_multi_remove_handle(store->multi, store->transfer);
	return result;
}

/* @body is put.  @seconds: limit, 0: none */
static CURLcode request(struct store *store, const char *path, struct json_object *body,
			long seconds, int signals)
{
	char url[1024];
	CURLcode result;

	json_tokener_reset(store->parser);
	store->pending = 0;
	snprintf(url, sizeof(url), "%s%s", store->urls[store->url], path);
	curl_easy_setopt(store->transfer, CURLOPT_URL, url);
	curl_easy_setopt(store->transfer, CURLOPT_TIMEOUT, seconds);
	curl_easy_setopt(store->transfer, CURLOPT_POSTFIELDS, json_object_to_json_string(body));
	result = perform(store, signals);
	json_object_put(body);
	return result;
}

/* Return: false: out of memory */
static bool make_transfer(struct store *store)
{
	/* A server that has no quorum ends a watch, and does not pretend that all is well. */
	store->headers = curl_slist_append(NULL, "Grpc-Metadata-Hasleader: true");
	store->multi = curl_multi_init();
	store->transfer = curl_easy_init();
	if (!store->headers || !store->multi || !store->transfer)
		return false;
	curl_easy_setopt(store->transfer, CURLOPT_HTTPHEADER, store->headers);
	curl_easy_setopt(store->transfer, CURLOPT_WRITEFUNCTION, receive);
	curl_easy_setopt(store->transfer, CURLOPT_WRITEDATA, store);
	curl_easy_setopt(store->transfer, CURLOPT_FAILONERROR, 1L);
	curl_easy_setopt(store->transfer, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(store->transfer, CURLOPT_PROXY, "");
	curl_easy_setopt(store->transfer, CURLOPT_CONNECTTIMEOUT, (long)TIMEOUT_SECONDS);
	curl_easy_setopt(store->transfer, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(store->transfer, CURLOPT_TCP_KEEPIDLE, (long)KEEPALIVE_SECONDS);
	curl_easy_setopt(store->transfer, CURLOPT_TCP_KEEPINTVL, 1L);
	return true;
}

/*
 * ---- Members -------------------------------------------------------------------
 */

static void print_error(void *ctx, enum vnp_print_level level, const char *line)
{
	if (level == VNP_PRINT_ERROR)
		fprintf(stderr, "tree: %s\n", line);
}

/* Return: the address in base64 @value as vnp_peer_print() writes it, or NULL */
static struct json_object *read_address(const char *value)
{
	const struct vnp_open_opts opts = { .sz = sizeof(opts), .print = print_error };
	unsigned char address[VALUE_MAX] = {};
	char text[VNP_PEER_TEXT_LEN];
	struct vnp_peer peer;

	if (strlen(value) >= VALUE_MAX ||
	    EVP_DecodeBlock(address, (const unsigned char *)value, strlen(value)) < 0)
		return NULL;
	if (vnp_peer_parse((const char *)address, &opts, &peer))
		return NULL;
	return json_object_new_string(vnp_peer_print(&peer, text));
}

/* Ignore members whose value is not an address. */
static void set_member(struct store *store, struct json_object *kv, bool exists)
{
	const char *key = json_object_get_string(member_of(kv, "key"));
	const char *value = json_object_get_string(member_of(kv, "value"));
	struct json_object *address = NULL;

	if (!key)
		return;
	if (exists && value)
		address = read_address(value);
	if (address)
		json_object_object_add(store->addresses, key, address);
	else
		json_object_object_del(store->addresses, key);
}

static bool read_all(struct store *store, struct json_object *answer)
{
	struct json_object *kvs = member_of(answer, "kvs");
	size_t i, cnt = kvs ? json_object_array_length(kvs) : 0;

	store->revision = json_object_get_int64(member_of(member_of(answer, "header"), "revision"));
	json_object_put(store->addresses);
	store->addresses = json_object_new_object();
	for (i = 0; i < cnt; i++)
		set_member(store, json_object_array_get_idx(kvs, i), true);
	return true;
}

static bool read_changes(struct store *store, struct json_object *answer)
{
	struct json_object *result = member_of(answer, "result"), *event;
	struct json_object *events = member_of(result, "events");
	size_t i, cnt = events ? json_object_array_length(events) : 0;
	const char *type;

	/* An error, or what follows the revision has been compacted: all has to be read. */
	if (!result || json_object_get_boolean(member_of(result, "canceled")))
		return false;
	for (i = 0; i < cnt; i++) {
		event = json_object_array_get_idx(events, i);
		type = json_object_get_string(member_of(event, "type"));
		set_member(store, member_of(event, "kv"), !type || strcmp(type, "DELETE"));
	}
	if (cnt) {
		store->changed(store->ctx, store->addresses);
	} else if (member_of(result, "created")) {
		printf("group watched from revision %lld on\n", store->revision + 1);
		fflush(stdout);
	}
	return true;
}

/*
 * ---- Following the group ---------------------------------------------------------
 */

static struct json_object *make_range(const struct store *store)
{
	struct json_object *range = json_object_new_object();

	json_object_object_add(range, "key", json_object_new_string(store->key));
	json_object_object_add(range, "range_end", json_object_new_string(store->end));
	return range;
}

/* Return: how it ended */
static CURLcode read_group(struct store *store, int signals)
{
	CURLcode result;

	store->answered = read_all;
	store->revision = 0;
	result = request(store, "/v3/kv/range", make_range(store), TIMEOUT_SECONDS, signals);
	if (result)
		return result;
	if (!store->revision)
		return CURLE_GOT_NOTHING;
	store->complained = false;
	store->changed(store->ctx, store->addresses);
	return CURLE_OK;
}

static CURLcode watch_group(struct store *store, int signals)
{
	struct json_object *create = make_range(store), *body = json_object_new_object();

	store->answered = read_changes;
	json_object_object_add(create, "start_revision",
			       json_object_new_int64(store->revision + 1));
	json_object_object_add(body, "create_request", create);
	return request(store, "/v3/watch", body, 0, signals);
}

/* Once, not for each attempt */
static void complain(struct store *store, CURLcode result)
{
	const char *reason = curl_easy_strerror(result);

	if (!result || result == CURLE_WRITE_ERROR)
		reason = "the answer has ended, or is not of etcd";
	if (!store->complained)
		fprintf(stderr, "tree: %s: %s; the receivers stay\n", store->urls[store->url],
			reason);
	store->complained = true;
}

void store_follow(struct store *store, int signals)
{
	struct pollfd signal = { .fd = signals, .events = POLLIN };
	CURLcode result;

	do {
		result = read_group(store, signals);
		/* Whatever changes from now on follows the revision that was read. */
		if (!result)
			result = watch_group(store, signals);
		if (result == CURLE_ABORTED_BY_CALLBACK)
			break;
		complain(store, result);
		store->url++;
		if (!store->urls[store->url])
			store->url = 0;
	} while (!poll(&signal, 1, RETRY_MS));
}

int store_init(struct store *store, const char *group, char *const *urls)
{
	char prefix[256];
	int len;

	len = snprintf(prefix, sizeof(prefix), "/vnp/relay/%s/", group);
	if (!*group || strchr(group, '/') || len >= (int)sizeof(prefix))
		return -EINVAL;
	EVP_EncodeBlock((unsigned char *)store->key, (const unsigned char *)prefix, len);
	prefix[len - 1]++;
	EVP_EncodeBlock((unsigned char *)store->end, (const unsigned char *)prefix, len);
	store->urls = urls;
	store->addresses = json_object_new_object();
	store->parser = json_tokener_new();
	return store->addresses && store->parser && make_transfer(store) ? 0 : -ENOMEM;
}
