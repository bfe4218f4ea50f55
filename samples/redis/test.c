// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * redis-server, as Debian has it, with the sample and without: does it answer the same, and how
 * often is it woken?  The sample is redis, in the directory of this program.
 */
#include "../stream_client.h"
#include "../test.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vnp/libvnp.h>
#include "../serve.h"
#include "test_server.h"

#define PORT		"7020"
#define PLAIN_PORT	"7021"
#define TWICE_PORT	"7026"
#define TWICE		"listen-twice"	/* as an argument: be a server with two sockets */
#define BENCHMARK	"/usr/bin/redis-benchmark"
#define LONG		300000
#define LONGEST		1500000	/* more than the program waits for */
#define SEGMENTS	400
#define STRINGS		1000
#define BATCHES		200	/* of commands to both servers */
#define KEYS		20

static char contents[LONGEST];

/* ---- Tests --------------------------------------------------------------- */

/* Store a value of this length, in segments of up to @most bytes, and read it. */
static int stored(const struct server *s, size_t len, size_t most)
{
	char head[64];
	int ok;

	snprintf(head, sizeof(head), "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$%zu\r\n", len);
	ok = put_text(s->sock, head, 5) && stream_put(s->sock, contents, len, most) &&
	     put_text(s->sock, "\r\n", 1) && gets_text(s->sock, "+OK\r\n");
	snprintf(head, sizeof(head), "$%zu\r\n", len);
	return ok && put_text(s->sock, "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n", 3) &&
	       gets_text(s->sock, head) && gets_bytes(s->sock, contents, len) &&
	       gets_text(s->sock, "\r\n");
}

/* A command of many strings, more than the program waits for */
static int pushed(const struct server *s, int cnt)
{
	static char text[STRINGS * 16];
	int len, i;

	len = snprintf(text, sizeof(text), "*%d\r\n$5\r\nRPUSH\r\n$4\r\nlist\r\n", cnt + 2);
	for (i = 0; i < cnt; i++)
		len += snprintf(text + len, sizeof(text) - len, "$3\r\n%03d\r\n", i % 1000);
	return stream_put(s->sock, text, len, 100) &&
	       put_text(s->sock, "*2\r\n$3\r\nDEL\r\n$4\r\nlist\r\n", 30) &&
	       (snprintf(text, sizeof(text), ":%d\r\n:1\r\n", cnt), gets_text(s->sock, text));
}

static void test_answers(const struct server *s)
{
	int ok;

	ok = stored(s, 0, 1) && stored(s, 10, 1) && stored(s, 5000, 20) && stored(s, LONG, 3000);
	report(ok, "values are stored, byte for byte");
	ok = put_text(s->sock, "PING\r\nset k 5\r\n*2\r\n$4\r\nINCR\r\n$1\r\nk\r\n*0\r\nget k\n", 7) &&
	     gets_text(s->sock, "+PONG\r\n+OK\r\n:6\r\n$1\r\n6\r\n");
	report(ok, "commands sent without waiting are answered in order");
	report(pushed(s, 190) && pushed(s, STRINGS), "and those of many strings");
}

/* Both servers are sent the same commands. */
static void test_same(const struct server *s, const struct server *plain)
{
	static const char *const names[] = {
		"GET", "get", "GET", "SET", "GET", "DEL", "APPEND", "GETDEL", "STRLEN", "GETSET",
	};
	const int cnt = sizeof(names) / sizeof(names[0]);
	static char text[1 << 16];
	int ok = 1, i, k, len;

	for (i = 0; i < BATCHES && ok; i++) {
		len = 0;
		for (k = rand() % 30; k >= 0; k--)
			len += random_command(text + len, names[rand() % cnt], KEYS,
					      contents + rand() % LONG, rand() % 500);
		ok = servers_agree(s, plain, text, len, i, 1000);
	}
	report(ok, "random commands have the same answers as without the program");
}

/* A command in many segments.  Return: how often it was woken before the last, or -1 */
static long trickle(const struct server *s)
{
	long before, after;
	int ok = put_text(s->sock, "*2\r\n$4\r\nECHO\r\n$400\r\n", 1);

	server_switches(s, &before);
	for (int i = 0; i < SEGMENTS; i++) {
		ok &= stream_put(s->sock, contents + i, 1, 1);
		/* It sleeps before the next one is sent. */
		server_switches(s, &after);
	}
	ok &= put_text(s->sock, "\r\n", 2) && gets_text(s->sock, "$400\r\n") &&
	      gets_bytes(s->sock, contents, SEGMENTS) && gets_text(s->sock, "\r\n");
	return ok ? after - before : -1;
}

/* redis-benchmark.  Return: switches of the server for 1000 commands, or -1 */
static long load(const struct server *s, int len, int cnt)
{
	long before, after, waited;
	char command[256];

	before = server_switches(s, &waited);
	snprintf(command, sizeof(command),
		 BENCHMARK " -p %s -P 16 -c 4 -n %d -t set -d %d --csv >/dev/null", s->port, cnt, len);
	if (system(command))
		return -1;
	after = server_switches(s, &waited);
	return (after - before) * 1000 / cnt;
}

static void test_load(const struct server *s, const struct server *plain, int len, int cnt)
{
	const long without = load(plain, len, cnt), with = load(s, len, cnt);

	report(with >= 0 && without >= 0, "redis-benchmark -P 16");
	printf("# values of %d bytes, for 1000 commands: %ld switches, without the program %ld\n",
	       len, with, without);
}

/*
 * ---- Several sockets --------------------------------------------------------------
 */

static int links(void)
{
	const __u32 port = atoi(TWICE_PORT);
	struct vnp_link_info info;
	__u32 id = 0;
	int cnt = 0;

	while (!vnp_id_next(VNP_OBJ_LINK, &id))
		cnt += !sample_link_info(id, &info) && info.local_port == port;
	return cnt;
}

static int await_links(int cnt)
{
	for (int i = 0; i < 20000 && links() < cnt; i++)
		usleep(1000);
	return links() == cnt;
}

static void listen_at(in_addr_t addr)
{
	const struct sockaddr_in at = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(addr),
		.sin_port = htons(atoi(TWICE_PORT)),
	};
	const int sock = socket(AF_INET, SOCK_STREAM, 0);

	if (bind(sock, (const struct sockaddr *)&at, sizeof(at)) || listen(sock, 1))
		_exit(1);
}

/* The server: the second socket comes when the first is linked. */
static int listen_twice(void)
{
	listen_at(INADDR_LOOPBACK);
	await_links(1);
	listen_at(INADDR_LOOPBACK + 1);
	pause();
	return 0;
}

static void test_twice(const char *self)
{
	const pid_t pid = fork();

	if (!pid) {
		execl(test_path(self, "redis"), "redis", TWICE_PORT, self, TWICE, NULL);
		_exit(127);
	}
	report(await_links(2), "all sockets at the port are linked");
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
}

int main(int argc, char **argv)
{
	struct server s = { .port = PORT, .how = LINKED }, plain = { .port = PLAIN_PORT };
	long with, without;

	if (argc == 2 && !strcmp(argv[1], TWICE))
		return listen_twice();
	test_plan(9);
	for (size_t i = 0; i < sizeof(contents); i++)
		contents[i] = rand();
	if (server_start(&s, argv[0]) || server_start(&plain, argv[0]))
		return test_bail_out("redis-server does not start.");
	test_answers(&s);
	test_same(&s, &plain);
	with = trickle(&s);
	without = trickle(&plain);
	report(with >= 0 && with < SEGMENTS / 10 && without > SEGMENTS / 2,
	       "it sleeps until a command is whole");
	printf("# %d segments: woken %ld times, without the program %ld\n", SEGMENTS, with, without);
	test_load(&s, &plain, 64, 8000);
	test_load(&s, &plain, 50000, 200);
	report(stored(&s, LONGEST, 100000) && stored(&s, 100, 10),
	       "longer values than can be waited for");
	server_end(&s);
	server_end(&plain);
	test_twice(argv[0]);
	return test_status();
}
