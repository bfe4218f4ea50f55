// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Checks that a client of Debian's memcached gets the same bytes with kvcache as without,
 * that no stale value is sent, and that memcached slept. kvcache is the sample, in the
 * directory of this program.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vnp/libvnp.h>
#include "../test.h"
#include "kvcache.h"

#define PORT		"7011"
#define MEMCACHED	"/usr/bin/memcached"
#define MEMCASLAP	"/usr/bin/memcaslap"

/* Number of requests until the answer comes from the kernel, at most */
#define TRIES	2000

static int sock;
static __u32 link_id;

/*
 * ---- A client --------------------------------------------------------------
 */

struct answer {
	int len;
	char text[16384];
};

/*
 * Send a request of @len bytes, and receive the answer with its frame headers; only the
 * first one, if there are several keys or requests in the datagram, whose answers are all
 * numbered as the only one.
 */
static void request(struct answer *answer, const char *text, int len)
{
	struct kvcache_frame frame = { .datagrams = htons(1) };
	static __u16 number;
	char data[8192];
	int n, cnt = 0;

	frame.request = htons(++number);
	memcpy(data, &frame, sizeof(frame));
	memcpy(data + sizeof(frame), text, len);
	answer->len = -1;
	if (send(sock, data, sizeof(frame) + len, 0) != (ssize_t)sizeof(frame) + len)
		return;
	answer->len = 0;
	do {
		do {
			n = recv(sock, data, sizeof(data), 0);
		} while (n >= (int)sizeof(frame) && memcmp(data, &frame.request, 2));
		if (n < (int)sizeof(frame)) {
			answer->len = -1;
			return;
		}
		/* Only the request's number may differ. */
		memcpy(answer->text + answer->len, data + 2, n - 2);
		answer->len += n - 2;
		memcpy(&frame, data, sizeof(frame));
	} while (++cnt < ntohs(frame.datagrams));
	answer->text[answer->len] = 0;
}

static void ask(struct answer *answer, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void ask(struct answer *answer, const char *fmt, ...)
{
	char text[4096];
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	request(answer, text, len);
}

/* How long ask() waits for an answer, in ms */
static void sock_timeout(int ms)
{
	const struct timeval timeout = { ms / 1000, ms % 1000 * 1000 };

	setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
}

/* Is this the answer, in one datagram? */
static int says(const struct answer *answer, const char *text)
{
	return answer->len == (int)strlen(text) + 6 && !strcmp(answer->text + 6, text);
}

/* How many requests the program has answered */
static __u64 answered(void)
{
	struct vnp_link_info info = { .size = sizeof(info) };
	struct vnp_link *link;

	if (vnp_link_open(link_id, NULL, &link))
		return 0;
	vnp_link_get_info(link, &info);
	vnp_link_close(link);
	return info.verdicts[VNP_REPLY];
}

/* Ask until the answer comes from the kernel.  Return: did it? */
static int ask_cached(struct answer *answer, const char *key)
{
	for (int i = 0; i < TRIES; i++) {
		__u64 before = answered();

		ask(answer, "get %s\r\n", key);
		if (answered() > before)
			return 1;
	}
	return 0;
}

/*
 * ---- Answers of memcached alone ----------------------------------------------
 */

static const int sizes[] = { 0, 1, 2, 7, 64, 1000, 1300, 1340, 1360, 1400, 5000 };
#define SIZES	(sizeof(sizes) / sizeof(sizes[0]))

static const char *const oddities[] = {
	"get none\r\n", "get k1 k2\r\n", "get k1  k2\r\n", " get k1\r\n", "get  k1\r\n",
	"get k1 \r\n", "get k1\n", "get \r\n", "get\r\n", "gets k1 k2\r\n", "get k1\r\nget k2\r\n",
	"get 12345678901234567890123456789012345678901234567890123456789012345\r\n",
	"mg k1 v\r\n", "nonsense\r\n", "touch k1 0\r\n", "version\r\n", "GET k1\r\n",
};
#define ODDITIES	(sizeof(oddities) / sizeof(oddities[0]))

static struct answer without[SIZES + ODDITIES];

static int store_all(void)
{
	struct answer answer;
	char text[8192];
	size_t i;

	for (i = 0; i < SIZES; i++) {
		int len = sprintf(text, "set k%zu %zu 0 %d\r\n", i, i * 1000003, sizes[i]);

		for (int k = 0; k < sizes[i]; k++)
			text[len++] = 33 + (k * 7 + i) % 90;
		len += sprintf(text + len, "\r\n");
		request(&answer, text, len);
		if (!says(&answer, "STORED\r\n"))
			return 0;
		ask(&without[i], "get k%zu\r\n", i);
	}
	for (i = 0; i < ODDITIES; i++)
		ask(&without[SIZES + i], "%s", oddities[i]);
	return 1;
}

/* No answer within the time limit is a result as well. */
static int same(const struct answer *a, const struct answer *b)
{
	return a->len == b->len && (a->len < 0 || !memcmp(a->text, b->text, a->len));
}

/*
 * ---- With kvcache ----------------------------------------------------------
 */

static void test_same(void)
{
	struct answer answer;
	char key[16], what[64];
	int ok = 1;
	size_t i;

	for (i = 0; i < SIZES; i++) {
		snprintf(key, sizeof(key), "k%zu", i);
		snprintf(what, sizeof(what), "%d bytes: the same", sizes[i]);
		if (sizes[i] <= 1340)
			ok = ask_cached(&answer, key);
		else
			ask(&answer, "get %s\r\n", key);
		report(ok && same(&answer, &without[i]), what);
	}
	ask(&answer, "set \x10\xb0 0 0 1\r\nx\r\n");
	report(ask_cached(&answer, "\x10\xb0") &&
	       says(&answer, "VALUE \x10\xb0 0 1\r\nx\r\nEND\r\n"), "a key that is not text");
	for (i = 0, ok = 1; i < ODDITIES; i++) {
		ask(&answer, "%s", oddities[i]);
		ok &= same(&answer, &without[SIZES + i]);
		if (!same(&answer, &without[SIZES + i]))
			printf("# differs: %s", oddities[i]);
	}
	report(ok, "unusual requests: the same answers");
}

/*
 * After a set was acknowledged, only the new value is sent, even while the cache is being
 * filled.
 */
static void test_set(void)
{
	struct answer answer;
	char text[64];
	int ok = 1;

	for (int i = 0; i < 500 && ok; i++) {
		ask(&answer, "set n 0 0 6\r\n%06d\r\n", i);
		ok = says(&answer, "STORED\r\n");
		snprintf(text, sizeof(text), "VALUE n 0 6\r\n%06d\r\nEND\r\n", i);
		for (int k = 0; k < 1 + i % 4 && ok; k++) {
			ask(&answer, "get n\r\n");
			ok = says(&answer, text);
		}
		if (i % 50 == 0)
			ok &= ask_cached(&answer, "n") && says(&answer, text);
	}
	report(ok, "after a set only the new value is sent");
}

/* Each request that changes the value, once it is cached */
static void test_changes(void)
{
	static const struct {
		const char *request, *reply, *then;
	} changes[] = {
		{ "set n 3 0 1\r\n5\r\n", "STORED\r\n", "VALUE n 3 1\r\n5\r\nEND\r\n" },
		{ "incr n 2\r\n", "7\r\n", "VALUE n 3 1\r\n7\r\nEND\r\n" },
		{ "decr n 1\r\n", "6\r\n", "VALUE n 3 1\r\n6\r\nEND\r\n" },
		{ "append n 0 0 1\r\nx\r\n", "STORED\r\n", "VALUE n 3 2\r\n6x\r\nEND\r\n" },
		{ "replace n 0 0 1\r\ny\r\n", "STORED\r\n", "VALUE n 0 1\r\ny\r\nEND\r\n" },
		{ "ms n 2\r\nab\r\n", "HD\r\n", "VALUE n 0 2\r\nab\r\nEND\r\n" },
		{ "set n 1 0 2 \r\nzz\r\n", "STORED\r\n", "VALUE n 1 2\r\nzz\r\nEND\r\n" },
		{ "set n 1 0 1\nq\r\n", "STORED\r\n", "VALUE n 1 1\r\nq\r\nEND\r\n" },
		{ "delete n\r\n", "DELETED\r\n", "END\r\n" },
		{ "add n 0 0 1\r\na\r\n", "STORED\r\n", "VALUE n 0 1\r\na\r\nEND\r\n" },
		{ "md n\r\n", "HD\r\n", "END\r\n" },
		{ "set n 0 0 1\r\nb\r\n", "STORED\r\n", "VALUE n 0 1\r\nb\r\nEND\r\n" },
		{ "flush_all\r\n", "OK\r\n", "END\r\n" },
	};
	struct answer answer;
	char what[64];

	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		ask(&answer, "get n\r\n");
		if (!says(&answer, "END\r\n"))
			ask_cached(&answer, "n");
		ask(&answer, "%s", changes[i].request);
		snprintf(what, sizeof(what), "changed by: %.*s",
			 (int)strcspn(changes[i].request, "\r\n"), changes[i].request);
		if (!says(&answer, changes[i].reply)) {
			printf("# memcached's answer: %s\n", answer.text + 6);
			report(0, what);
			continue;
		}
		ask(&answer, "get n\r\n");
		report(says(&answer, changes[i].then), what);
	}
}

/* Two requests in one datagram, of which the first one seems to change only its own key */
static void test_two_in_one(void)
{
	static const char *const firsts[] = {
		"get m\r\n", "gets m\r\n", "set m 0 0 1\r\nx\r\n", "delete m\r\n",
		"set m  0 25 1\r\nx\r\n",
	};
	/* memcached refuses the line, and parses what seems to be its value as a request. */
	static const char *const refused[] = {
		"set m x 0 %d\r\n%s\r\n", "set m 0 x %d\r\n%s\r\n",
		"set m 0\n 0 %d\r\n%s\r\n", "set m 0 0 %d noreply x\r\n%s\r\n",
	};
	struct answer answer;
	char text[64];
	int ok = 1;

	for (int i = 0; i < (int)(sizeof(firsts) / sizeof(firsts[0])); i++) {
		ask(&answer, "set n 0 0 1\r\n-\r\n");
		ok &= ask_cached(&answer, "n");
		ask(&answer, "%sset n 0 0 1\r\n%d\r\n", firsts[i], i);
		ask(&answer, "mg n v\r\n");
		snprintf(text, sizeof(text), "VA 1\r\n%d\r\n", i);
		if (!says(&answer, text)) {
			printf("# memcached was not changed by: %s", firsts[i]);
			continue;
		}
		ask(&answer, "get n\r\n");
		snprintf(text, sizeof(text), "VALUE n 0 1\r\n%d\r\nEND\r\n", i);
		ok &= says(&answer, text);
	}
	report(ok, "two requests in a datagram");

	ok = 1;
	for (int i = 0; i < (int)(sizeof(refused) / sizeof(refused[0])); i++) {
		ask(&answer, "set n 0 0 1\r\n-\r\n");
		ok &= ask_cached(&answer, "n");
		snprintf(text, sizeof(text), "set n 0 0 1\r\n%d\r\n", i);
		ask(&answer, refused[i], (int)strlen(text), text);
		snprintf(text, sizeof(text), "VALUE n 0 1\r\n%d\r\nEND\r\n", i);
		ask(&answer, "get n\r\n");
		if (!says(&answer, text)) {
			printf("# stale value after: %.*s\n", (int)strcspn(refused[i], "\r\n"),
			       refused[i]);
			ok = 0;
		}
	}
	report(ok, "a request in what seems to be a value of another request");
}

/* The port from which kvcache asks memcached, or 0 */
static __u16 filler_port(void)
{
	unsigned int from, to, from_port, to_port, port = 0;
	struct sockaddr_in own;
	socklen_t len = sizeof(own);
	char line[256];
	FILE *file = fopen("/proc/net/udp", "r");

	getsockname(sock, (struct sockaddr *)&own, &len);
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, " %*d: %x:%x %x:%x", &from, &from_port, &to, &to_port) == 4 &&
		    to_port == (unsigned int)atoi(PORT) && from_port != ntohs(own.sin_port))
			port = from_port;
	if (file)
		fclose(file);
	return port;
}

/* A set from that port, but from another of this host's addresses */
static void test_other_address(void)
{
	const struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons(atoi(PORT)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	}, from = {
		.sin_family = AF_INET,
		.sin_port = htons(filler_port()),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1),
	};
	const int own = sock, other = socket(AF_INET, SOCK_DGRAM, 0);
	struct answer answer;
	int ok;

	ask(&answer, "set n 0 0 1\r\n1\r\n");
	ok = ask_cached(&answer, "n") && from.sin_port &&
	     !bind(other, (const struct sockaddr *)&from, sizeof(from)) &&
	     !connect(other, (const struct sockaddr *)&to, sizeof(to));
	sock = other;
	ask(&answer, "set n 0 0 1\r\n2\r\n");
	ok &= says(&answer, "STORED\r\n");
	sock = own;
	close(other);
	ask(&answer, "get n\r\n");
	report(ok && says(&answer, "VALUE n 0 1\r\n2\r\nEND\r\n"),
	       "a set from kvcache's port at another address");
}

/* kvcache's map of entries, the only hash */
static struct vnp_map *open_entries(void)
{
	struct vnp_map_info info;
	struct vnp_map *map;
	__u32 id = 0;

	while (!vnp_id_next(VNP_OBJ_MAP, &id)) {
		if (vnp_map_open(id, NULL, &map))
			continue;
		info = (struct vnp_map_info){ .size = sizeof(info) };
		if (!vnp_map_get_info(map, &info) && info.type == VNP_MAP_HASH)
			return map;
		vnp_map_close(map);
	}
	return NULL;
}

/*
 * Put entries into the map as the program may see them while their memory is being reused.
 */
static void test_replaced_entry(void)
{
	struct vnp_map *entries = open_entries();
	struct kvcache_key key = { .text = "n" };
	struct kvcache_entry entry, changed;
	struct answer answer;
	__u64 before;
	int ok;

	ask(&answer, "set n 0 0 1\r\n1\r\n");
	ok = entries && ask_cached(&answer, "n") && !vnp_map_lookup(entries, &key, &entry);
	if (!ok) {
		report(0, "another key's entry is not answered");
		report(0, "half of an entry is not answered");
		return;
	}
	changed = entry;
	changed.key.text[0] = 'm';
	vnp_map_update(entries, &key, &changed, VNP_MAP_ANY);
	before = answered();
	ask(&answer, "get n\r\n");
	report(answered() == before && says(&answer, "VALUE n 0 1\r\n1\r\nEND\r\n"),
	       "another key's entry is not answered");

	changed = entry;
	changed.serial++;
	vnp_map_update(entries, &key, &changed, VNP_MAP_ANY);
	before = answered();
	sock_timeout(200);
	ask(&answer, "get n\r\n");
	sock_timeout(5000);
	report(answered() == before && answer.len < 0, "half of an entry is not answered");
	vnp_map_delete(entries, &key);
	vnp_map_close(entries);
}

/* Values that expire are not cached. */
static void test_expiry(void)
{
	struct answer answer;
	__u64 before;
	int ok = 1;

	ask(&answer, "set n 0 1000 1\r\nx\r\n");
	before = answered();
	for (int i = 0; i < 100; i++) {
		ask(&answer, "get n\r\n");
		ok &= says(&answer, "VALUE n 0 1\r\nx\r\nEND\r\n");
	}
	report(ok && answered() == before, "values that expire are not cached");
}

/* memcached's clock timer wakes it once a second. */
static void test_sleeps(pid_t memcached)
{
	struct answer answer;
	long slept;
	int ok = 1;

	ask(&answer, "set n 0 0 1\r\nx\r\n");
	ok &= ask_cached(&answer, "n");
	slept = sleeps_of_threads(memcached);
	for (int i = 0; i < 5000; i++) {
		ask(&answer, "get n\r\n");
		ok &= says(&answer, "VALUE n 0 1\r\nx\r\nEND\r\n");
	}
	report(ok && slept > 0 && sleeps_of_threads(memcached) - slept < 500,
	       "memcached has slept while 5000 requests were answered");
}

/* Without a configuration, memcaslap writes one to the user's home directory. */
static FILE *start_memcaslap(void)
{
	static const char config[] = "key\n64 64 1\nvalue\n64 64 1\ncmd\n0 0.1\n1 0.9\n";
	char path[] = "/tmp/memcaslap.XXXXXX", command[256];
	int fd = mkstemp(path);

	if (fd < 0)
		return NULL;
	if (write(fd, config, sizeof(config) - 1) < 0)
		perror(path);
	close(fd);
	snprintf(command, sizeof(command), "timeout 100 " MEMCASLAP " -s 127.0.0.1:" PORT
		 " -F %s -U -T 1 -c 8 -x 10000 -X 64 -v 1.0 2>&1; rm %s", path, path);
	return popen(command, "r");
}

/* memcaslap: one in ten requests is a set, and answers are verified */
static void test_memcaslap(void)
{
	const char *const what = "memcaslap finds no errors";
	long gets = 0, failures = -1;
	__u64 before = answered();
	char line[256];
	FILE *file;

	if (access(MEMCASLAP, X_OK) || geteuid()) {
		report_skip(what, "no " MEMCASLAP ", or not root");
		return;
	}
	file = start_memcaslap();
	while (file && fgets(line, sizeof(line), file)) {
		printf("# %s", line);
		sscanf(line, "cmd_get: %ld", &gets);
		sscanf(line, "verify_failed: %ld", &failures);
	}
	if (file)
		pclose(file);
	printf("# %ld gets, %llu of all requests answered in the kernel\n", gets,
	       answered() - before);
	report(gets > 0 && !failures && answered() > before, what);
}

/*
 * ---- The servers -----------------------------------------------------------
 */

/* memcaslap only connects if lo has a second address. */
static int own_network(void)
{
	return unshare(CLONE_NEWNET) ||
	       system("ip link set lo up && ip addr add 192.0.2.1/32 dev lo");
}

static pid_t start_memcached(void)
{
	const char *const user = geteuid() ? NULL : "-u";
	struct answer answer;
	pid_t pid = fork();

	if (!pid) {
		execl(MEMCACHED, "memcached", "-U", PORT, "-p", "0", "-l", "127.0.0.1",
		      "-t", "1", "-m", "16", user, "root", NULL);
		_exit(127);
	}
	return test_until((ask(&answer, "version\r\n"), answer.len > 0)) ? pid : -1;
}

/* Return: kvcache's pid, after it has printed that it answers */
static pid_t start_kvcache(const char *self, pid_t memcached, FILE **out)
{
	char number[16];
	const char *const args[] = { "kvcache", number, PORT, NULL };
	pid_t pid;

	snprintf(number, sizeof(number), "%d", memcached);
	pid = test_start(self, args, NULL, out);
	/* The only link */
	if (pid > 0)
		vnp_id_next(VNP_OBJ_LINK, &link_id);
	return pid;
}

static int open_client(void)
{
	const struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_port = htons(atoi(PORT)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	sock = socket(AF_INET, SOCK_DGRAM, 0);
	sock_timeout(5000);
	return connect(sock, (const struct sockaddr *)&addr, sizeof(addr));
}

int main(int argc, char **argv)
{
	char line[128] = "";
	pid_t memcached, kvcache;
	FILE *out = NULL;

	(void)argc;
	if (access(MEMCACHED, X_OK) || access(VNP_DEVICE, F_OK))
		return test_skip_all("no " MEMCACHED ", or no " VNP_DEVICE);
	test_plan(SIZES + 25);
	if (!geteuid() && own_network())
		printf("# Cannot create a network namespace.\n");
	memcached = open_client() ? -1 : start_memcached();
	if (memcached < 0 || !store_all())
		return test_bail_out("memcached does not start.");
	kvcache = start_kvcache(argv[0], memcached, &out);
	if (kvcache < 0) {
		kill(memcached, SIGTERM);
		return test_bail_out("kvcache does not start.");
	}
	test_same();
	test_set();
	test_changes();
	test_two_in_one();
	test_other_address();
	test_replaced_entry();
	test_expiry();
	test_sleeps(memcached);
	test_memcaslap();
	kill(kvcache, SIGTERM);
	report(fgets(line, sizeof(line), out) && strstr(line, "were answered"),
	       "it prints the counters");
	kill(memcached, SIGTERM);
	while (wait(NULL) > 0)
		;
	return test_status();
}
