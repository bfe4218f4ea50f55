// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * redis-server, as Debian has it, with --cache and alone: are the answers the same, and is no value
 * ever read that was replaced before?
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <linux/membarrier.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vnp/libvnp.h>
#include "../stream_client.h"
#include "../test.h"
#include "cache.h"
#include "test_server.h"

#define PORT		"7023"
#define PLAIN_PORT	"7024"
#define BENCHMARK	"/usr/bin/redis-benchmark"
#define TIMEOUT_S	20	/* to wait for an answer */
#define TRIES		20000	/* until a value is cached */
#define ROUNDS		5000	/* of writing and reading */
#define WRITES		1000	/* of another process */
#define RACES		10
#define BATCHES		100	/* of commands to both servers */
#define KEYS		8
#define HOT		2000	/* GETs of a value that is cached */
#define LONGEST		20000
#define CLIENT_PORT	7025
#define STRINGS		600	/* of a command, more than are waited for */

static char contents[LONGEST];
static volatile struct cache_state *state;

/*
 * ---- Commands --------------------------------------------------------------
 */

/* A command of words that are separated by spaces.  Return: bytes */
static int make(char *to, const char *words)
{
	const char *word = words;
	int cnt = 1, len;

	for (const char *c = words; *c; c++)
		cnt += *c == ' ';
	len = sprintf(to, "*%d\r\n", cnt);
	while (cnt--) {
		const int n = strcspn(word, " ");

		len += put_string(to + len, word, n);
		word += n + 1;
	}
	return len;
}

static int put(int sock, const char *words)
{
	char text[4096];

	return stream_put(sock, text, make(text, words), sizeof(text));
}

/* Is this the answer to the command? */
static int says(int sock, const char *words, const char *answer)
{
	return put(sock, words) && gets_text(sock, answer);
}

static int put_get(int sock, const char *key, int len)
{
	char text[256];
	int head = sprintf(text, "*2\r\n$3\r\nGET\r\n");

	return stream_put(sock, text, head + put_string(text + head, key, len), sizeof(text));
}

/* Store @len bytes from @contents.  @answer: to a GET; its length is returned, or 0 */
static int store(int sock, const char *key, int key_len, int len, char *answer)
{
	static char text[LONGEST + 256];
	int n = sprintf(text, "*3\r\n$3\r\nSET\r\n");

	n += put_string(text + n, key, key_len);
	n += put_string(text + n, contents, len);
	if (!stream_put(sock, text, n, sizeof(text)) || !gets_text(sock, "+OK\r\n"))
		return 0;
	return put_string(answer, contents, len);
}

/* GET until the answer comes from the kernel.  Return: does it, and was each answer this one? */
static int hit_bytes(int sock, const char *key, int key_len, const char *answer, int len)
{
	for (int i = 0; i < TRIES; i++) {
		const __u64 before = state->answered;

		if (!put_get(sock, key, key_len) || !gets_bytes(sock, answer, len))
			return 0;
		if (state->answered > before)
			return 1;
		/* Let the process find a moment in which all that was sent has been read. */
		usleep(100);
	}
	return 0;
}

static int hit(int sock, const char *key, const char *value)
{
	char answer[4096];

	return hit_bytes(sock, key, strlen(key), answer, put_string(answer, value, strlen(value)));
}

/* The same many times, but the answers come from the server */
static int missed(int sock, const char *key, int key_len, const char *answer, int len)
{
	const __u64 before = state->answered;

	for (int i = 0; i < 50; i++)
		if (!put_get(sock, key, key_len) || !gets_bytes(sock, answer, len))
			return 0;
	return state->answered == before;
}

static int get(int sock, const char *key, const char *value)
{
	char answer[4096];

	return put_get(sock, key, strlen(key)) &&
	       gets_bytes(sock, answer, put_string(answer, value, strlen(value)));
}

static int open_other(const struct server *s)
{
	return stream_connect(atoi(s->port), TIMEOUT_S);
}

/*
 * ---- The same answers ------------------------------------------------------------
 */

static void test_values(const struct server *s)
{
	static const int cached[] = { 0, 1, 2, 9, 10, 99, 100, 999, 1000, CACHE_VALUE_MAX };
	static const char key[100] = "\0\r\n$1\r\n*\xff key";
	/* With one, two and three digits, and up to what is cached */
	static const int key_lens[] = { 1, 9, 10, CACHE_KEY_MAX, CACHE_KEY_MAX + 1, 99, 100 };
	static char answer[LONGEST + 16];
	int ok = 1, len;

	for (size_t i = 0; i < sizeof(cached) / sizeof(cached[0]); i++) {
		len = store(s->sock, "value", 5, cached[i], answer);
		ok &= len && hit_bytes(s->sock, "value", 5, answer, len);
	}
	report(ok, "values that are cached");
	len = store(s->sock, "long", 4, CACHE_VALUE_MAX + 1, answer);
	ok = len && missed(s->sock, "long", 4, answer, len);
	len = store(s->sock, "long", 4, LONGEST, answer);
	ok &= len && missed(s->sock, "long", 4, answer, len);
	report(ok && missed(s->sock, "none", 4, "$-1\r\n", 5), "values that are not, and none");
	ok = missed(s->sock, "", 0, "$-1\r\n", 5);
	for (size_t i = 0; i < sizeof(key_lens) / sizeof(key_lens[0]); i++) {
		len = store(s->sock, key, key_lens[i], 20 + i, answer);
		ok &= len && (key_lens[i] > CACHE_KEY_MAX ?
			      missed(s->sock, key, key_lens[i], answer, len) :
			      hit_bytes(s->sock, key, key_lens[i], answer, len));
	}
	report(ok, "keys of any bytes");
}

/* Both servers are sent the same commands, many without waiting for an answer. */
static void test_same(const struct server *s, const struct server *plain)
{
	static const char *const names[] = {
		"GET", "GET", "get", "GET", "Get", "GET", "GET", "GET", "GET", "GET", "GET", "GET",
		"GET", "GET", "SET", "INCR", "APPEND", "DEL", "STRLEN", "GETSET", "GETDEL", "MGET",
	};
	const int cnt = sizeof(names) / sizeof(names[0]);
	static char text[1 << 16];
	const __u64 before = state->answered;
	int ok = 1, i, k, len;

	for (i = 0; i < BATCHES && ok; i++) {
		len = make(text, "GET key:0");
		/* The first one is answered by the program, at least now and then. */
		if (i % 10 == 0)
			ok = says(s->sock, "SET key:0 5", "+OK\r\n") &&
			     says(plain->sock, "SET key:0 5", "+OK\r\n") &&
			     hit(s->sock, "key:0", "5");
		for (k = rand() % 20; k >= 0; k--)
			len += random_command(text + len, names[rand() % cnt], KEYS,
					      contents + rand() % 1000, rand() % 100);
		ok = servers_agree(s, plain, text, len, i, 2000);
	}
	report(ok && state->answered > before, "random commands");
	printf("# %llu answered\n", (unsigned long long)(state->answered - before));
}

/* The server needs several calls to send what is longer than 64 kB. */
static void test_order(const struct server *s)
{
	static char answer[LONGEST + 16];
	int ok = 1, len = store(s->sock, "big", 3, LONGEST, answer), i, k;

	ok &= len && says(s->sock, "SET hot 5", "+OK\r\n") && hit(s->sock, "hot", "5");
	for (i = 0; i < 20 && ok; i++) {
		for (k = 0; k < 20; k++)
			ok &= put(s->sock, "GET big");
		for (k = 0; k < 50; k++)
			ok &= put(s->sock, "GET hot");
		for (k = 0; k < 20; k++)
			ok &= gets_bytes(s->sock, answer, len);
		for (k = 0; k < 50; k++)
			ok &= gets_text(s->sock, "$1\r\n5\r\n");
	}
	report(ok && hit(s->sock, "hot", "5"), "answers stay in order");
}

static void test_connections(const struct server *s)
{
	int a = open_other(s), b = open_other(s), c = open_other(s), d = open_other(s), ok;

	ok = says(s->sock, "SET hot 5", "+OK\r\n") && hit(s->sock, "hot", "5") && hit(d, "hot", "5");
	report(ok && says(a, "MULTI", "+OK\r\n") && says(a, "GET hot", "+QUEUED\r\n") &&
	       says(a, "INCR hot", "+QUEUED\r\n") && says(a, "EXEC", "*2\r\n$1\r\n5\r\n:6\r\n") &&
	       get(s->sock, "hot", "6") && get(a, "hot", "6"), "MULTI and EXEC");
	ok = hit(s->sock, "hot", "6");
	report(ok && says(b, "SELECT 1", "+OK\r\n") && says(b, "GET hot", "$-1\r\n") &&
	       says(b, "SET hot one", "+OK\r\n") && get(b, "hot", "one") && get(s->sock, "hot", "6"),
	       "SELECT");
	ok = hit(s->sock, "hot", "6");
	ok &= says(c, "SUBSCRIBE x", "*3\r\n$9\r\nsubscribe\r\n$1\r\nx\r\n:1\r\n") && put(c, "GET hot") &&
	      gets_text(c, "-ERR Can't execute 'get'");
	ok &= says(s->sock, "PUBLISH x 1", ":1\r\n") && hit(s->sock, "hot", "6");
	report(ok && says(d, "HELLO 2 SETNAME x", "*14\r\n"), "SUBSCRIBE");
	close(a);
	close(b);
	close(c);
	close(d);
}

/*
 * ---- Changes -----------------------------------------------------------------
 */

/* Each command that changes the value, once it is cached */
static void test_changes(const struct server *s)
{
	static const struct {
		const char *command, *answer, *then;
	} changes[] = {
		{ "SET n 5", "+OK\r\n", "5" }, { "set n 6 KEEPTTL", "+OK\r\n", "6" },
		{ "INCR n", ":7\r\n", "7" }, { "DECRBY n 2", ":5\r\n", "5" },
		{ "APPEND n x", ":2\r\n", "5x" }, { "SETRANGE n 1 yz", ":3\r\n", "5yz" },
		{ "GETSET n 1", "$3\r\n5yz\r\n", "1" }, { "SETBIT n 6 1", ":0\r\n", "3" },
		{ "MSET m 1 n 8", "+OK\r\n", "8" }, { "DEL n", ":1\r\n", NULL },
		{ "SETNX n 1", ":1\r\n", "1" }, { "DEL m n", ":2\r\n", NULL },
		{ "SET n 1", "+OK\r\n", "1" }, { "RENAME n m", "+OK\r\n", NULL },
		{ "RENAME m n", "+OK\r\n", "1" }, { "UNLINK n", ":1\r\n", NULL },
		{ "RPUSH n x", ":1\r\n", NULL }, { "SET n 2", "+OK\r\n", "2" },
		{ "EVAL return(redis.call('SET','n',4)) 0", "+OK\r\n", "4" },
		{ "GETDEL n", "$1\r\n4\r\n", NULL }, { "SET n 3", "+OK\r\n", "3" },
		{ "BITOP NOT n none", ":0\r\n", NULL }, { "SET n 3", "+OK\r\n", "3" },
		{ "FLUSHALL", "+OK\r\n", NULL }, { "SETEX n 1000 7", "+OK\r\n", "7" },
		{ "SET n 1", "+OK\r\n", "1" }, { "EXPIRE n 0", ":1\r\n", NULL },
	};
	const int other = open_other(s);
	const char *now = NULL;
	int all = 1, ok;

	says(s->sock, "DEL n m", ":0\r\n");
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		ok = !now || !strcmp(now, "7") || hit(s->sock, "n", now);
		now = changes[i].then;
		ok &= says(other, changes[i].command, changes[i].answer);
		if (now)
			ok &= get(s->sock, "n", now);
		else if (!strcmp(changes[i].command, "RPUSH n x"))
			ok &= put(s->sock, "GET n") && gets_text(s->sock, "-WRONGTYPE Operation against "
								"a key holding the wrong kind of value\r\n");
		else
			ok &= says(s->sock, "GET n", "$-1\r\n");
		if (!ok)
			printf("# after: %s\n", changes[i].command);
		all &= ok;
	}
	report(all, "after each command that changes the value");
	ok = says(s->sock, "SET n 1", "+OK\r\n") && hit(s->sock, "n", "1") &&
	     put_text(other, "set n 2\r\n", 20) && gets_text(other, "+OK\r\n") && get(s->sock, "n", "2") &&
	     hit(s->sock, "n", "2");
	report(ok && !state->off, "after one that is a line");
	close(other);
}

static void test_expiry(const struct server *s)
{
	static const char answer[] = "$1\r\n1\r\n";
	int ok = says(s->sock, "SET e 1 EX 1000", "+OK\r\n") && missed(s->sock, "e", 1, answer, 7), i;
	char got[7];

	ok &= says(s->sock, "PERSIST e", ":1\r\n") && hit(s->sock, "e", "1") &&
	      says(s->sock, "PEXPIRE e 50", ":1\r\n");
	for (i = 0; i < TRIES && ok; i++) {
		ok = put(s->sock, "GET e") && recv(s->sock, got, 5, MSG_WAITALL) == 5;
		if (!ok || !memcmp(got, "$-1\r\n", 5))
			break;
		ok = recv(s->sock, got, 2, MSG_WAITALL) == 2;
	}
	report(ok && i < TRIES && says(s->sock, "GET e", "$-1\r\n"), "values that expire");
}

/*
 * ---- Connections that have ended ------------------------------------------------
 */

/* Connect from this port, or the next one that is free.  close() sends a reset. */
static int open_from(const struct server *s, int port)
{
	const struct linger at_once = { .l_onoff = 1 };
	const struct timeval timeout = { .tv_sec = TIMEOUT_S };
	struct sockaddr_in addr = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons(port),
	};
	const int sock = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	setsockopt(sock, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	setsockopt(sock, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	if (!bind(sock, (struct sockaddr *)&addr, sizeof(addr))) {
		addr.sin_port = htons(atoi(s->port));
		if (!connect(sock, (struct sockaddr *)&addr, sizeof(addr)))
			return sock;
	}
	close(sock);
	return -1;
}

/* A connection from the same port has nothing in common with an earlier one. */
static void test_ports(const struct server *s)
{
	static char text[1 << 13];
	int len = sprintf(text, "*%d\r\n$4\r\nMSET\r\n", STRINGS), sock, ok;
	const __u64 passed = state->passed;

	for (int i = 0; i < STRINGS / 2; i++)
		len += put_string(text + len, "x", 1);
	sock = open_from(s, CLIENT_PORT);
	ok = stream_put(sock, text, len, len);
	for (int i = 0; i < TRIES && state->passed == passed; i++)
		usleep(100);
	close(sock);

	sock = open_from(s, CLIENT_PORT);
	ok &= put_text(sock, "$5\r\nMULTI\r\n", 20) && gets_text(sock, "-ERR unknown command '$5', "
								 "with args beginning with: \r\n+OK\r\n");
	ok &= says(s->sock, "SET hot 5", "+OK\r\n") && hit(s->sock, "hot", "5") &&
	      says(sock, "GET hot", "+QUEUED\r\n");
	close(sock);

	sock = open_from(s, CLIENT_PORT);
	report(ok && !state->off && hit(sock, "hot", "5"), "another connection from the same port");
	close(sock);
}

static __u32 connections(void)
{
	struct vnp_map_info info = { .size = sizeof(info) };
	struct vnp_map *map;
	__u32 id = 0, cnt = -1;

	while (!vnp_id_next(VNP_OBJ_MAP, &id)) {
		if (vnp_map_open(id, NULL, &map))
			continue;
		if (!strcmp(vnp_map_name(map), "connections") && !vnp_map_get_info(map, &info))
			cnt = info.entries;
		vnp_map_close(map);
	}
	return cnt;
}

/* More than one time in CACHE_NEW new ones, those that have ended are removed. */
static void test_ended(const struct server *s)
{
	int ok = 1, sock;

	for (int i = 0; i < 2 * CACHE_NEW && ok; i++) {
		sock = open_other(s);
		ok = says(sock, "SELECT 1", "+OK\r\n");
		close(sock);
	}
	for (int i = 0; i < TRIES && connections() > CACHE_NEW; i++)
		usleep(1000);
	report(ok && connections() <= CACHE_NEW, "nothing is kept of connections that have ended");
}

/*
 * ---- Races -----------------------------------------------------------------
 */

/* got_number() - the number in the next answer, or -1.  get_number() - the value of "n" */
static long got_number(int sock)
{
	char text[64];
	int len;

	/* "$N\r\n" with one digit, the number, "\r\n" */
	if (recv(sock, text, 4, MSG_WAITALL) != 4 || text[0] != '$' || text[2] != '\r')
		return -1;
	len = text[1] - '0' + 2;
	if (recv(sock, text, len, MSG_WAITALL) != len)
		return -1;
	return atol(text);
}

static long get_number(int sock)
{
	return put(sock, "GET n") ? got_number(sock) : -1;
}

/* The same command for some keys, without waiting; "%d" is the number of the key */
static int put_each(int sock, const char *command, int value)
{
	char text[2048], words[64];
	int len = 0;

	for (int key = 0; key < KEYS; key++) {
		snprintf(words, sizeof(words), command, key, value);
		len += make(text + len, words);
	}
	return stream_put(sock, text, len, len);
}

/*
 * What was acknowledged on one connection is seen on the other, whether values are being cached at
 * this moment or not.
 */
static void test_acknowledged(const struct server *s)
{
	const __u64 before = state->answered;
	const int other = open_other(s);
	char value[16], all[KEYS * 32];
	int ok = 1, i, k, n, len;

	for (i = 0; i < ROUNDS / KEYS && ok; i++) {
		ok = put_each(other, "SET r%d %d", i);
		for (k = 0; k < KEYS && ok; k++)
			ok = gets_text(other, "+OK\r\n");
		n = sprintf(value, "%d", i);
		for (k = 0, len = 0; k < KEYS; k++)
			len += put_string(all + len, value, n);
		for (k = i % 8 ? 0 : 3; k >= 0 && ok; k--)
			ok = put_each(s->sock, "GET r%d", 0) && gets_bytes(s->sock, all, len);
		if (i % 64 == 0)
			ok &= hit(s->sock, "r0", value);
	}
	report(ok && i == ROUNDS / KEYS && state->answered > before,
	       "after a SET was acknowledged no older value is read");
	printf("# %d rounds, %llu answered\n", i * KEYS,
	       (unsigned long long)(state->answered - before));
	close(other);
}

/*
 * The server reads up to 32 kB, then from other connections: so if it has been stopped, it answers
 * GETs before it reads the last SET.  As long as it is stopped, the value must not be asked for;
 * the process would only wait for a grace period.
 */
static int race(const struct server *s, int other, int round)
{
	static char text[1 << 16];	/* fits the window */
	int len = 0, pads, ok;
	char number[16];

	for (pads = 0; pads < 5; pads++) {
		len += sprintf(text + len, "*3\r\n$3\r\nSET\r\n$3\r\npad\r\n");
		len += put_string(text + len, contents, 10000);
	}
	len += sprintf(text + len, "*3\r\n$3\r\nSET\r\n$1\r\nn\r\n");
	len += put_string(text + len, number, sprintf(number, "%d", round));
	kill(s->pid, SIGSTOP);
	ok = stream_put(other, text, len, len) && put(s->sock, "GET n");
	for (int i = 0; i < 3; i++)
		syscall(__NR_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
	kill(s->pid, SIGCONT);
	ok = ok && got_number(s->sock) >= round - 1;
	for (; pads >= 0 && ok; pads--)
		ok = gets_text(other, "+OK\r\n");
	return ok && get_number(s->sock) == round && get_number(s->sock) == round;
}

static void test_race(const struct server *s)
{
	const int other = open_other(s);
	char number[16];
	int ok = says(s->sock, "SET n 0", "+OK\r\n"), i;

	for (i = 1; i <= RACES && ok; i++) {
		sprintf(number, "%d", i);
		ok = race(s, other, i) && hit(s->sock, "n", number);
	}
	report(ok, "a value is not cached while a SET has not been read");
	close(other);
}

static void write_numbers(const struct server *s)
{
	const int sock = open_other(s);
	char text[32];

	for (int i = 1; i <= WRITES; i++) {
		sprintf(text, "SET n %d", i);
		if (!says(sock, text, "+OK\r\n"))
			_exit(1);
		/* Sometimes nothing for a while, so that the value becomes cached */
		if (i % 64 == 0)
			usleep(1000);
	}
	_exit(0);
}

/* Another process writes all the time; this one never sees the values go back. */
static void test_writer(const struct server *s)
{
	const __u64 before = state->answered;
	long last = 0, number = 0;
	int ok = says(s->sock, "SET n 0", "+OK\r\n"), status = 1;
	const pid_t pid = fork();

	if (!pid)
		write_numbers(s);
	while (ok && number < WRITES) {
		number = get_number(s->sock);
		ok = number >= last;
		last = number;
	}
	waitpid(pid, &status, 0);
	sprintf(contents, "%d", WRITES);
	report(ok && !status && hit(s->sock, "n", contents) && state->answered > before,
	       "while another process writes");
	printf("# %llu answered\n", (unsigned long long)(state->answered - before));
}

/*
 * ---- The server sleeps -----------------------------------------------------------
 */

static void test_sleeps(const struct server *s)
{
	long before, after, waited;
	int ok = says(s->sock, "SET hot 5", "+OK\r\n") && hit(s->sock, "hot", "5");

	before = server_switches(s, &waited);
	for (int i = 0; i < HOT && ok; i++)
		ok = get(s->sock, "hot", "5");
	after = server_switches(s, &waited);
	report(ok && before >= 0 && after - before < HOT / 50,
	       "the server sleeps while GETs are answered");
	printf("# %ld switches for %d GETs\n", after - before, HOT);
}

/* redis-benchmark.  Return: switches of the server for 1000 commands, or -1 */
static long load(const struct server *s, const char *options)
{
	const int cnt = 2000;
	char command[256];
	long before, waited;

	before = server_switches(s, &waited);
	snprintf(command, sizeof(command),
		 BENCHMARK " -p %s -c 4 -n %d -t get --csv %s >/dev/null", s->port, cnt, options);
	if (system(command))
		return -1;
	return (server_switches(s, &waited) - before) * 1000 / cnt;
}

static void test_load(const struct server *s, const struct server *plain, const char *options)
{
	long with, without;
	int ok = says(s->sock, "SET key:__rand_int__ xxx", "+OK\r\n") &&
		 says(plain->sock, "SET key:__rand_int__ xxx", "+OK\r\n") &&
		 hit(s->sock, "key:__rand_int__", "xxx");

	without = load(plain, options);
	with = load(s, options);
	report(ok && with >= 0 && with * 2 < without, "redis-benchmark: half of the switches or less");
	printf("# %s: for 1000 GETs %ld switches, without the program %ld\n", options, with, without);
}

/*
 * ---- What ends it ----------------------------------------------------------------
 */

/* A command can be read long before it is executed. */
static void test_blocking(const struct server *s)
{
	const int other = open_other(s), third = open_other(s);
	int ok = says(s->sock, "SET n 1", "+OK\r\n") && hit(s->sock, "n", "1");

	ok &= put(other, "BLPOP q 0") && says(s->sock, "RPUSH q x", ":1\r\n") &&
	      gets_text(other, "*2\r\n$1\r\nq\r\n$1\r\nx\r\n") && says(other, "SET n 2", "+OK\r\n") &&
	      get(s->sock, "n", "2") && hit(s->sock, "n", "2") && hit(other, "n", "2");
	report(ok && !state->off, "after a command that waited");
	ok = put(other, "BLPOP q 0") && put(other, "GET n") && put(other, "SET n 3");
	/* It has read all when it answers this. */
	ok &= says(third, "PING", "+PONG\r\n");
	for (int i = 0; i < 100 && ok; i++)
		ok = get(s->sock, "n", "2");
	ok &= says(s->sock, "RPUSH q x", ":1\r\n") &&
	      gets_text(other, "*2\r\n$1\r\nq\r\n$1\r\nx\r\n$1\r\n2\r\n+OK\r\n");
	for (int i = 0; i < 100 && ok; i++)
		ok = get(s->sock, "n", "3");
	report(ok && state->off == CACHE_OFF_ORDER, "commands that are read, but not executed");
	close(other);
	close(third);
}

static void test_refused(const struct server *s)
{
	int ok = says(s->sock, "SET n 1", "+OK\r\n") && missed(s->sock, "n", 1, "$1\r\n1\r\n", 7);

	report(ok && state->off == CACHE_OFF_SERVER, "a server that is not suitable");
}

/*
 * ---- The servers -----------------------------------------------------------------
 */

/* The program's variables, as its process shares them */
static int map_state(void)
{
	struct vnp_map_info info;
	struct vnp_map *map;
	void *addr;
	__u32 id = 0;
	size_t len;

	/* That of an earlier server may not be freed yet. */
	state = NULL;
	while (!vnp_id_next(VNP_OBJ_MAP, &id)) {
		if (vnp_map_open(id, NULL, &map))
			continue;
		info = (struct vnp_map_info){ .size = sizeof(info) };
		if (!vnp_map_get_info(map, &info) && info.type == VNP_MAP_ARRAY &&
		    info.value_size == sizeof(struct cache_state) &&
		    !vnp_map_mmap(map, false, &addr, &len))
			state = addr;
		vnp_map_close(map);
	}
	return state ? 0 : -1;
}

static int cached_start(struct server *s, const char *self)
{
	if (server_start(s, self) || map_state())
		return -1;
	for (int i = 0; i < TRIES && !state->ready && !state->off; i++)
		usleep(1000);
	if (!state->ready && !state->off)
		return -1;
	/* A connection from before the server's socket had the link was closed. */
	close(s->sock);
	s->sock = open_other(s);
	return s->sock < 0 ? -1 : 0;
}

static int prints(const struct server *s, const char *what)
{
	char line[256] = "";

	return fgets(line, sizeof(line), s->output) && strstr(line, what);
}

int main(int argc, char **argv)
{
	struct server s = { .port = PORT, .how = CACHED };
	struct server plain = { .port = PLAIN_PORT, .how = ALONE };

	(void)argc;
	test_plan(23);
	for (size_t i = 0; i < sizeof(contents); i++)
		contents[i] = rand();
	if (cached_start(&s, argv[0]) || server_start(&plain, argv[0]))
		return test_bail_out("redis-server does not start.");
	test_values(&s);
	test_same(&s, &plain);
	test_order(&s);
	test_connections(&s);
	test_ports(&s);
	test_ended(&s);
	test_changes(&s);
	test_expiry(&s);
	test_race(&s);
	test_acknowledged(&s);
	test_writer(&s);
	test_sleeps(&s);
	test_load(&s, &plain, "-P 1");
	test_load(&s, &plain, "-P 16");
	test_blocking(&s);
	server_end(&s);
	report(prints(&s, "GETs were answered") && prints(&s, "switched off"), "it prints counters");
	/* The sample's process has the listening socket until it ends. */
	while (fgetc(s.output) != EOF)
		;
	fclose(s.output);
	s.option[0] = "--maxmemory";
	s.option[1] = "100mb";
	if (cached_start(&s, argv[0]))
		return test_bail_out("redis-server does not start again.");
	test_refused(&s);
	server_end(&s);
	server_end(&plain);
	return test_status();
}
