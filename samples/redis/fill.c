// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The program logs the keys that it could not answer.  This process reads the log, asks the server
 * like any client, and inserts the answers into the map.  The program compares the key's generation
 * before it uses an entry, so it does not matter how long this takes, or whether this process still
 * exists.
 */
#include "fill.h"

#include <errno.h>
#include <linux/membarrier.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "cache.h"
#include "client.h"
#include "commands.h"
#include "suitable.h"

/* Attempts, and microseconds between them, to find that the server has read what has arrived */
#define ATTEMPTS	100
#define POLL_US		100

/**
 * struct missing - a key that the program has missed
 * @key:	the key
 * @generation:	its generation, before the server is asked
 */
struct missing {
	struct cache_key key;
	__u64 generation;
};

/**
 * struct cache - state of this process
 * @server:	the server
 * @prog:	the program
 * @entries:	its map of values
 * @connections: its map of connections
 * @known:	struct cache_state::connections, when those that have ended were removed
 * @state:	its global variables
 * @listener:	the server's socket
 * @client:	a connection to the server
 * @filled:	entries that were inserted, @kept: that are in the map
 * @victim:	where the search for an entry to be evicted continues
 * @missing:	keys that the server is asked for, @cnt of them
 */
struct cache {
	const struct sample_server *server;
	struct vnp_program *prog;
	struct vnp_map *entries;
	struct vnp_map *connections;
	__u64 known;
	volatile struct cache_state *state;
	int listener;
	struct client client;
	unsigned long filled;
	unsigned int kept;
	struct cache_key victim;
	struct missing missing[CACHE_BATCH];
	size_t cnt;
};

static int complain(const struct cache *cache, const char *failed, int err)
{
	return sample_complain(cache->server->sample, failed, err);
}

/*
 * ---- What is missing ---------------------------------------------------------
 */

/* Parse a line of the program's log.  Return: 1: it is a key */
static int read_key(const char *line, struct cache_key *key)
{
	unsigned long long words[8];
	size_t i;

	if (sscanf(line, "%llx %llx %llx %llx %llx %llx %llx %llx", &words[0], &words[1],
		   &words[2], &words[3], &words[4], &words[5], &words[6], &words[7]) != 8)
		return 0;
	for (i = 0; i < 8; i++)
		key->words[i] = words[i];
	return key->len > 0 && key->len <= CACHE_KEY_MAX;
}

/* The same key may be logged repeatedly until it is cached. */
static int is_filled(const struct cache *cache, const struct missing *missing)
{
	struct cache_entry entry;

	for (size_t i = 0; i < cache->cnt; i++)
		if (!memcmp(&cache->missing[i].key, &missing->key, sizeof(missing->key)))
			return 1;
	return !vnp_map_lookup(cache->entries, &missing->key, &entry) &&
	       entry.generation == missing->generation;
}

static void add_missing(struct cache *cache, const char *line)
{
	struct missing *missing = &cache->missing[cache->cnt], own;

	if (!read_key(line, &own.key))
		return;
	own.generation = cache_generation(cache->state, &own.key);
	if (is_filled(cache, &own))
		return;
	*missing = own;
	cache->cnt++;
}

/* Keys beyond CACHE_BATCH are skipped: the program logs them again. */
static int read_missing(struct cache *cache)
{
	static char text[1 << 15];
	char *line, *next_line = text;
	ssize_t len = read(vnp_program_fd(cache->prog), text, sizeof(text) - 1);

	if (len < 0)
		return -errno;
	text[len] = 0;
	cache->cnt = 0;
	while (cache->cnt < CACHE_BATCH && (line = strsep(&next_line, "\n")))
		add_missing(cache, line);
	return 0;
}

/*
 * ---- The server has executed what was passed before ------------------------------
 */

/* All softirqs that have begun end before it returns. */
static int grace_period(void)
{
	return syscall(__NR_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) ? -errno : 0;
}

/*
 * Has the server read all that the connection of this link was passed before?  Or it is closed.
 * Not known after another error.
 */
static int has_read(const struct cache *cache, __u32 id)
{
	struct vnp_link_info info;
	int err;

	for (int i = 0; i < ATTEMPTS; i++) {
		err = sample_link_info(id, &info);
		if (err)
			return err == -ENOENT;
		if (info.local_port != (__u32)cache->server->port || !info.unread)
			return 1;
		usleep(POLL_US);
	}
	return 0;
}

/*
 * A command changes the generation of its key when it is passed, and the server executes it later,
 * perhaps after the GETRANGE of this process, although that is sent later: on another connection.
 * It executes what it has read before it reads something else.  So wait until all commands that
 * have changed generations by now are read, by links that show what is not.  That is complete after
 * a grace period (struct vnp_link_info::unread).  Return: 0: it takes too long, or is not known
 */
static int wait_until_read(const struct cache *cache)
{
	__u32 id = 0;
	int err;

	if (grace_period())
		return 0;
	while (!(err = vnp_id_next(VNP_OBJ_LINK, &id)))
		if (!has_read(cache, id))
			return 0;
	return err == -ENOENT;
}

/*
 * ---- Connections that have ended -------------------------------------------------
 *
 * The program is executed for a link that has ended no more, and no later one has the same id.
 */

static void remove_ended(struct cache *cache)
{
	const __u64 cnt = cache->state->connections;
	struct vnp_link_info info;
	__u32 id, next;
	int err;

	if (cnt - cache->known < CACHE_NEW)
		return;
	cache->known = cnt;
	err = vnp_map_next_key(cache->connections, NULL, &next);
	while (!err) {
		id = next;
		err = vnp_map_next_key(cache->connections, &id, &next);
		if (sample_link_info(id, &info) == -ENOENT)
			vnp_map_delete(cache->connections, &id);
	}
}

/*
 * ---- Filling it ------------------------------------------------------------------
 */

/* Ask for one byte more than is cached, and for the time to live. */
static void ask(struct cache *cache, const struct cache_key *key)
{
	char end[16];

	client_begin(&cache->client, 4);
	client_add(&cache->client, "GETRANGE", 8);
	client_add(&cache->client, key->text, key->len);
	client_add(&cache->client, "0", 1);
	client_add(&cache->client, end, sprintf(end, "%d", CACHE_VALUE_MAX));
	client_begin(&cache->client, 2);
	client_add(&cache->client, "PTTL", 4);
	client_add(&cache->client, key->text, key->len);
}

/*
 * A value that expires between the two answers has none when the second is given; all else that
 * changes it also changes the generation.
 */
static int get_entry(struct cache *cache, struct cache_entry *entry)
{
	struct reply value, ttl;
	int err, head;

	err = client_get(&cache->client, &value) ?: client_get(&cache->client, &ttl);
	if (err || value.type != '$' || value.number > CACHE_VALUE_MAX || ttl.type != ':' ||
	    ttl.number != -1)
		return err;
	head = sprintf(entry->text, "$%ld\r\n", value.number);
	memcpy(entry->text + head, value.text, value.number);
	memcpy(entry->text + head + value.number, "\r\n", 2);
	entry->len = head + value.number + 2;
	return 0;
}

/* Evict entries round-robin. */
static void remove_one(struct cache *cache)
{
	struct cache_key next;

	if (vnp_map_next_key(cache->entries, &cache->victim, &next) &&
	    vnp_map_next_key(cache->entries, NULL, &next))
		return;
	if (!vnp_map_delete(cache->entries, &next))
		cache->kept--;
	cache->victim = next;
}

static void insert(struct cache *cache, const struct missing *missing,
		   const struct cache_entry *entry)
{
	if (!vnp_map_update(cache->entries, &missing->key, entry, VNP_MAP_EXIST)) {
		cache->filled++;
		return;
	}
	if (cache->kept == CACHE_ENTRIES)
		remove_one(cache);
	if (vnp_map_update(cache->entries, &missing->key, entry, VNP_MAP_NOEXIST))
		return;
	cache->filled++;
	cache->kept++;
}

static int fill(struct cache *cache)
{
	struct cache_entry entry;
	int err = read_missing(cache);

	remove_ended(cache);
	if (err || !cache->cnt || cache->state->off || !wait_until_read(cache))
		return err;
	for (size_t i = 0; i < cache->cnt; i++)
		ask(cache, &cache->missing[i].key);
	for (size_t i = 0; i < cache->cnt && !err; i++) {
		entry = (struct cache_entry){
			.generation = cache->missing[i].generation,
			.send = { .size = sizeof(entry.send) },
		};
		err = get_entry(cache, &entry);
		if (!err)
			insert(cache, &cache->missing[i], &entry);
	}
	return err;
}

/*
 * ---- Begin and end ---------------------------------------------------------------
 */

static void report(const struct cache *cache)
{
	static const char *const why[] = {
		[CACHE_OFF_COMMAND] = "a command that can delay others or change settings",
		[CACHE_OFF_ORDER] = "a command that changes values, sent after one that waits",
		[CACHE_OFF_FRAMING] = "a command of more than 1 MiB, or bytes that are not RESP",
		[CACHE_OFF_CONNECTIONS] = "too many connections with commands of other kinds",
		[CACHE_OFF_SERVER] = "see above",
	};
	const __u32 off = cache->state->off;

	printf("%llu GETs were answered, %llu commands were passed; %lu values were stored\n",
	       cache->state->answered, cache->state->passed, cache->filled);
	if (off)
		printf("it was switched off: %s\n", why[off]);
	fflush(stdout);
}

/* Fill the map until the server ends */
static void serve(struct cache *cache, int server)
{
	struct pollfd fds[] = {
		{ .fd = server, .events = POLLIN },
		{ .fd = vnp_program_fd(cache->prog), .events = POLLIN },
	};
	while (poll(fds, 2, -1) > 0 && !fds[0].revents) {
		if (!fill(cache))
			continue;
		/* The connection has ended. */
		client_close(&cache->client);
		if (client_open(&cache->client, cache->listener))
			fds[1].fd = -1;
	}
}

int fill_prepare(const struct vnp_object *obj)
{
	const struct vnp_map *map = vnp_object_find_map(obj, "commands");
	struct cache_name name;
	int err = 0;

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]) && !err; i++) {
		memcpy(name.word, commands[i].word, sizeof(name.word));
		memcpy(name.first, commands[i].first, sizeof(name.first));
		err = vnp_map_update(map, &name, &commands[i].class, VNP_MAP_NOEXIST);
	}
	return err;
}

int fill_serve(const struct sample_server *server, pid_t pid, const struct vnp_socket *listener)
{
	const struct vnp_object *obj = server->object;
	struct cache cache = {
		.server = server,
		.listener = listener->fd,
		.prog = vnp_object_find_program(obj, "cache_answer"),
		.entries = vnp_object_find_map(obj, "entries"),
		.connections = vnp_object_find_map(obj, "connections"),
	};
	const int pidfd = syscall(SYS_pidfd_open, pid, 0);
	int err;

	/* Signals of the terminal are for the server, after which this process ends. */
	signal(SIGINT, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	if (pidfd < 0)
		return complain(&cache, "observe the server", -errno);
	err = grace_period();
	if (err)
		return complain(&cache, "wait for a grace period", err);
	cache.state = sample_variables(server->sample, obj);
	if (!cache.state)
		return -ENOMEM;
	err = client_open(&cache.client, listener->fd);
	if (err)
		return complain(&cache, "connect to the server", err);
	if (suitable(server, pid, &cache.client, vnp_object_find_map(obj, "commands")))
		cache.state->ready = 1;
	else
		cache.state->off = CACHE_OFF_SERVER;
	serve(&cache, pidfd);
	report(&cache);
	client_close(&cache.client);
	return 0;
}
