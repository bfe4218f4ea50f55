// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * kvcache: answer GETs over UDP in the kernel, in front of a running, unmodified memcached.
 *
 * The program logs the keys that it could not answer.  This process reads the log, asks
 * memcached like any client, and inserts the answers into the map.  The program compares
 * the key's generation before it uses an entry, so it does not matter how long this takes,
 * or whether this process still exists.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <linux/membarrier.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "../common.h"
#include "kvcache.h"

/* How long memcached may take to answer */
#define TIMEOUT_MS	1000

SAMPLE(kvcache_sample, kvcache)

static const char usage[] =
	"usage: kvcache PID PORT\n"
	"\n"
	"Answer GETs of single keys that memcached PID gets on UDP port PORT, in the\n"
	"kernel.  Values that expire, and keys and answers that are long, are left to\n"
	"memcached.  It ends at SIGINT or SIGTERM, and prints counters.\n"
	"\n"
	"You need to be the user that runs memcached, and in group vnp.\n";

/**
 * struct cache - state of this process
 * @prog:	the program
 * @entries:	its map
 * @state:	its global variables
 * @sock:	socket that is connected to memcached
 * @serial:	serial of the latest entry
 * @request:	number of the latest request
 * @victim:	where the search for an entry to be evicted continues
 */
struct cache {
	struct vnp_program *prog;
	struct vnp_map *entries;
	volatile struct kvcache_state *state;
	int sock;
	__u64 serial;
	__u16 request;
	struct kvcache_key victim;
};

static int complain(const char *failed, int err)
{
	const struct sample sample = kvcache_sample();

	return sample_complain(&sample, failed, err);
}

/*
 * ---- Filling it ------------------------------------------------------------
 */

/* memcached's answer to "mg KEY f t v"; its length, or less than 0 */
static int ask(struct cache *cache, const struct kvcache_key *key, char *text, size_t size)
{
	struct kvcache_frame frame = { .datagrams = htons(1) };
	struct pollfd readable = { .fd = cache->sock, .events = POLLIN };
	char data[2048];
	int len;

	frame.request = htons(++cache->request);
	memcpy(data, &frame, sizeof(frame));
	len = sizeof(frame) + sprintf(data + sizeof(frame), "mg %.*s f t v\r\n",
				      KVCACHE_KEY_MAX, key->text);
	if (send(cache->sock, data, len, 0) != len)
		return -errno;
	while (poll(&readable, 1, TIMEOUT_MS) == 1) {
		len = recv(cache->sock, data, sizeof(data), 0);
		if (len < (int)sizeof(frame))
			return len < 0 ? -errno : -EPROTO;
		/* Skip late answers to earlier requests. */
		if (memcmp(data, &frame.request, sizeof(frame.request)))
			continue;
		memcpy(&frame, data, sizeof(frame));
		len -= sizeof(frame);
		if (frame.datagrams != htons(1) || len >= (int)size)
			return -EMSGSIZE;
		memcpy(text, data + sizeof(frame), len);
		text[len] = 0;
		return len;
	}
	return -ETIMEDOUT;
}

/*
 * Convert "VA BYTES fFLAGS tTTL\r\n", the value, "\r\n" to memcached's answer to "get".
 * Return: false if there is no value, or one that is not cached
 */
static int make_text(struct kvcache_entry *entry, const struct kvcache_key *key,
		     const char *text, int len)
{
	unsigned int bytes, flags;
	int ttl, at = 0, head;

	if (sscanf(text, "VA %u f%u t%d%n", &bytes, &flags, &ttl, &at) != 3 || ttl != -1 ||
	    memcmp(text + at, "\r\n", 2) || at + 2 + bytes + 2 != (unsigned int)len)
		return 0;
	head = snprintf(entry->text, sizeof(entry->text), "VALUE %.*s %u %u\r\n",
			KVCACHE_KEY_MAX, key->text, flags, bytes);
	entry->len = head + bytes + strlen("\r\nEND\r\n");
	if (entry->len > sizeof(entry->text))
		return 0;
	memcpy(entry->text + head, text + at + 2, bytes);
	memcpy(entry->text + head + bytes, "\r\nEND\r\n", strlen("\r\nEND\r\n"));
	return 1;
}

/* Evict entries round-robin. */
static void remove_one(struct cache *cache)
{
	struct kvcache_key next;

	if (vnp_map_next_key(cache->entries, &cache->victim, &next) &&
	    vnp_map_next_key(cache->entries, NULL, &next))
		return;
	vnp_map_delete(cache->entries, &next);
	cache->victim = next;
}

/**
 * struct missing - a key that the program has missed
 * @key:	the key
 * @generation:	its generation, before memcached is asked
 */
struct missing {
	struct kvcache_key key;
	__u64 generation;
};

/* The same key may be logged repeatedly until it is cached. */
static int is_filled(const struct cache *cache, const struct missing *missing)
{
	struct kvcache_entry entry;

	return !vnp_map_lookup(cache->entries, &missing->key, &entry) &&
	       entry.generation == missing->generation;
}

static void fill(struct cache *cache, const struct missing *missing)
{
	const struct kvcache_key *key = &missing->key;
	const __u64 serial = ++cache->serial;
	struct kvcache_entry entry = {
		.serial = serial,
		.serial_end = serial,
		.generation = missing->generation,
		.key = *key,
	};
	char text[KVCACHE_TEXT_MAX + 1];
	int len;

	if (is_filled(cache, missing))
		return;
	len = ask(cache, key, text, sizeof(text));
	if (len < 0 || !make_text(&entry, key, text, len))
		return;
	if (vnp_map_update(cache->entries, key, &entry, VNP_MAP_ANY) != -ENOSPC)
		return;
	remove_one(cache);
	vnp_map_update(cache->entries, key, &entry, VNP_MAP_ANY);
}

/*
 * Parse a line of the program's log.  Return: true if it is a key that memcached can be
 * asked for
 */
static int read_key(const char *line, struct kvcache_key *key)
{
	unsigned long long words[8];
	size_t i, len;

	if (sscanf(line, "%llx %llx %llx %llx %llx %llx %llx %llx", &words[0], &words[1],
		   &words[2], &words[3], &words[4], &words[5], &words[6], &words[7]) != 8)
		return 0;
	for (i = 0; i < 8; i++)
		key->words[i] = words[i];
	len = strnlen(key->text, sizeof(key->text));
	for (i = 0; i < sizeof(key->text); i++)
		if (i < len ? strchr(" \r\n", key->text[i]) != NULL : key->text[i])
			return 0;
	return len > 0;
}

/*
 * A request changes the generation of its key in softirq, and is added to the socket's
 * queue somewhat later.  Wait until all requests that were counted are queued: an RCU grace
 * period ends after all softirqs that had begun.
 */
static int settle(void)
{
	return syscall(__NR_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) ? -errno : 0;
}

static int fill_all(struct cache *cache)
{
	static struct missing missing[1024];
	static char text[1 << 14];
	size_t cnt = 0, i;
	char *line, *rest = text;
	ssize_t len = read(vnp_program_fd(cache->prog), text, sizeof(text) - 1);
	int err;

	if (len < 0)
		return complain("read what is missing", -errno);
	text[len] = 0;
	while ((line = strsep(&rest, "\n")) && cnt < sizeof(missing) / sizeof(missing[0])) {
		if (!read_key(line, &missing[cnt].key))
			continue;
		missing[cnt].generation = kvcache_generation(cache->state,
							     &missing[cnt].key);
		cnt++;
	}
	err = settle();
	if (err)
		return complain("wait for a grace period", err);
	for (i = 0; i < cnt; i++)
		fill(cache, &missing[i]);
	return 0;
}

/* Fill the cache until a signal arrives */
static int serve(struct cache *cache, int signals)
{
	struct pollfd fds[] = {
		{ .fd = signals, .events = POLLIN },
		{ .fd = vnp_program_fd(cache->prog), .events = POLLIN },
	};
	int err = 0;

	while (!err && poll(fds, 2, -1) > 0 && !fds[0].revents)
		err = fill_all(cache);
	return err;
}

/*
 * ---- Setting it up ---------------------------------------------------------
 */

/* A socket for our own requests, which the program recognizes by its port */
static int connect_to(struct cache *cache, const struct vnp_socket *sock)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_port = htons(sock->port),
	};
	socklen_t len = sizeof(addr);

	if (inet_pton(AF_INET, sock->address, &addr.sin_addr) != 1)
		return -EAFNOSUPPORT;
	cache->sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (cache->sock < 0 ||
	    connect(cache->sock, (const struct sockaddr *)&addr, sizeof(addr)) ||
	    getsockname(cache->sock, (struct sockaddr *)&addr, &len))
		return -errno;
	cache->state->filler_ip4 = addr.sin_addr.s_addr;
	cache->state->filler_port = ntohs(addr.sin_port);
	return 0;
}

static int load(struct cache *cache)
{
	const struct sample sample = kvcache_sample();
	struct vnp_object *obj;
	int err = sample_load(&sample, &obj);

	if (err)
		return err;
	cache->prog = vnp_object_find_program(obj, "kvcache");
	cache->entries = vnp_object_find_map(obj, "entries");
	cache->state = sample_variables(&sample, obj);
	return cache->state ? 0 : -ENOMEM;
}

static int attach(struct cache *cache, pid_t pid, const char *port, struct vnp_link **link)
{
	struct vnp_socket *socks;
	char spec[32];
	size_t cnt;
	int err;

	snprintf(spec, sizeof(spec), "udp:%s", port);
	err = vnp_socket_find(pid, spec, NULL, &socks, &cnt);
	if (err)
		return complain("duplicate memcached's socket", err);
	err = cnt == 1 ? connect_to(cache, socks) : -EAFNOSUPPORT;
	if (err)
		complain("use memcached's sockets: it must have exactly one, for IPv4", err);
	else
		err = vnp_link_attach(cache->prog, socks->fd, NULL, link);
	vnp_socket_free(socks, cnt);
	return err;
}

static void report(const struct vnp_link *link)
{
	struct vnp_link_info info = { .size = sizeof(info) };

	if (!vnp_link_get_info(link, &info))
		printf("%llu requests arrived, %llu were answered\n", info.packets,
		       info.verdicts[VNP_REPLY]);
}

int main(int argc, char **argv)
{
	const int pid = argc == 3 ? sample_number(argv[1], INT_MAX) : 0;
	struct cache cache = {};
	struct vnp_link *link;
	sigset_t signals;
	int err;

	if (!pid || !sample_port(argv[2])) {
		fputs(usage, stderr);
		return 2;
	}
	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigprocmask(SIG_BLOCK, &signals, NULL);

	if (load(&cache) || attach(&cache, pid, argv[2], &link))
		return 1;
	printf("UDP port %s answers\n", argv[2]);
	fflush(stdout);
	err = serve(&cache, signalfd(-1, &signals, SFD_CLOEXEC));
	report(link);
	vnp_link_detach(link);
	vnp_link_close(link);
	return err ? 1 : 0;
}
