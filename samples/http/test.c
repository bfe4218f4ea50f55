// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * nginx, as Debian has it, with the sample and without: it answers whole requests byte for
 * byte, and sees no header that is not complete.  It logs each request of which it has read
 * anything, with status 400 if the connection ends in the header.  The sample is http, in the
 * directory of this program.  VNP_CONNECTIONS: how many attack (1000).
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "../stream_client.h"
#include "../test.h"

#define PORT		7018
#define PLAIN_PORT	7019
#define PLAIN_ATTACKERS	20
#define ROUNDS		3	/* in which each attacker sends a field */
#define SERVER		"/usr/sbin/nginx"
#define LOAD		"/usr/bin/ab"
#define LOAD_REQUESTS	1000
#define LONG		100000
#define SHORT		5000

static const char slow_start[] = "GET /short HTTP/1.1\r\nHost: slow\r\n";
static const char slow_field[] = "X-a: b\r\n";

/**
 * struct server - nginx and its directory
 * @dir:	with www/, which it serves
 * @port:	where
 * @pid:	its first process
 * @worker:	the one that serves
 * @files:	descriptors that the worker has without connections
 * @asked:	requests it was sent, whole
 */
struct server {
	char dir[32];
	int port;
	pid_t pid;
	pid_t worker;
	int files;
	int asked;
};

/* struct client - a connection to it, and what was received but not looked at */
struct client {
	int sock;
	size_t len;
	char got[2 * LONG];
};

static char contents[LONG];

/*
 * ---- Clients -------------------------------------------------------------
 */

static void client_open(struct client *c, const struct server *s)
{
	c->sock = stream_connect(s->port, 60);
	c->len = 0;
}

static int put_text(const struct client *c, const char *text, size_t most)
{
	return stream_put(c->sock, text, strlen(text), most);
}

/* Receive so many bytes, or more.  Return: false: there are fewer */
static int receive(struct client *c, size_t len)
{
	ssize_t n;

	while (c->len < len) {
		n = recv(c->sock, c->got + c->len, sizeof(c->got) - c->len, 0);
		if (n <= 0)
			return 0;
		c->len += n;
	}
	return 1;
}

/* Receive a header.  Return: its length, or 0 */
static size_t receive_header(struct client *c)
{
	const char *end;

	while (!(end = memmem(c->got, c->len, "\r\n\r\n", 4)))
		if (!receive(c, c->len + 1))
			return 0;
	return end + 4 - c->got;
}

/* Is the next answer this status, with these contents? @data NULL: it has none */
static int answered(struct client *c, int status, const void *data, size_t len)
{
	static const char name[] = "Content-Length: ";
	const size_t head = receive_header(c);
	const char *field = memmem(c->got, head, name, sizeof(name) - 1);
	const size_t body = field && data ? atoi(field + sizeof(name) - 1) : 0;
	int got = 0, ok;

	if (!head || !receive(c, head + body))
		return 0;
	ok = sscanf(c->got, "HTTP/1.1 %d", &got) == 1 && got == status &&
	     (!data || (body == len && !memcmp(c->got + head, data, len)));
	c->len -= head + body;
	memmove(c->got, c->got + head + body, c->len);
	return ok;
}

static int get(struct server *s, struct client *c, const char *path, size_t len, size_t most)
{
	char text[256];

	snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: test\r\n\r\n", path);
	s->asked++;
	return put_text(c, text, most) && answered(c, 200, contents, len);
}

/*
 * ---- The server ----------------------------------------------------------
 */

static int write_file(const struct server *s, const char *name, const void *data, size_t len)
{
	char path[80];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", s->dir, name);
	file = fopen(path, "w");
	if (!file || fwrite(data, 1, len, file) != len)
		return -1;
	return fclose(file);
}

static int write_config(const struct server *s)
{
	static const char *const temp[] = { "client_body", "proxy", "fastcgi", "uwsgi", "scgi" };
	char text[2048];
	int len;

	len = snprintf(text, sizeof(text),
		       "daemon off; worker_processes 1; pid %s/pid; error_log %s/error info;\n"
		       "events { worker_connections 4096; }\n"
		       "http {\n"
		       "log_format l '$status $request_length';\n"
		       "access_log %s/access l;\n"
		       "client_header_timeout 600; keepalive_timeout 600;\n"
		       "server { listen 127.0.0.1:%d; root %s/www;\n"
		       "location /put/ { dav_methods PUT; } }\n", s->dir, s->dir, s->dir, s->port,
		       s->dir);
	for (size_t i = 0; i < sizeof(temp) / sizeof(temp[0]); i++)
		len += snprintf(text + len, sizeof(text) - len, "%s_temp_path %s/temp;\n",
				temp[i], s->dir);
	len += snprintf(text + len, sizeof(text) - len, "}\n");
	return write_file(s, "conf", text, len);
}

static int write_files(struct server *s)
{
	char path[64];

	strcpy(s->dir, "/dev/shm/http.XXXXXX");
	if (!mkdtemp(s->dir) || chmod(s->dir, 0755))
		return -1;
	snprintf(path, sizeof(path), "%s/www", s->dir);
	mkdir(path, 0755);
	snprintf(path, sizeof(path), "%s/www/put", s->dir);
	mkdir(path, 0777);
	return write_config(s) || write_file(s, "www/short", contents, SHORT) ||
	       write_file(s, "www/long", contents, LONG);
}

/* Return: the only child of a process, or 0 */
static pid_t child_of(pid_t pid)
{
	char path[64];
	pid_t child = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", pid, pid);
	file = fopen(path, "r");
	if (file && fscanf(file, "%d", &child) != 1)
		child = 0;
	if (file)
		fclose(file);
	return child;
}

static int files_of(pid_t pid)
{
	char path[64];
	int cnt = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	dir = opendir(path);
	while (dir && readdir(dir))
		cnt++;
	if (dir)
		closedir(dir);
	return cnt;
}

/* Wait until the worker has so many connections. */
static int wait_connections(const struct server *s, int cnt)
{
	return test_until(files_of(s->worker) == s->files + cnt);
}

static void server_exec(const struct server *s, const char *self, int linked)
{
	char port[16], conf[64];

	snprintf(port, sizeof(port), "%d", s->port);
	snprintf(conf, sizeof(conf), "%s/conf", s->dir);
	if (linked)
		execl(test_path(self, "http"), "http", port, SERVER, "-e", "stderr", "-c", conf, NULL);
	else
		execl(SERVER, "nginx", "-e", "stderr", "-c", conf, NULL);
	_exit(127);
}

static int server_start(struct server *s, const char *self, int linked)
{
	static struct client c;
	int ok;

	if (write_files(s))
		return -1;
	s->pid = fork();
	if (!s->pid)
		server_exec(s, self, linked);
	if (linked && !stream_linked())
		return -1;
	client_open(&c, s);
	ok = c.sock >= 0 && get(s, &c, "/short", SHORT, 1000);
	s->worker = child_of(s->pid);
	/* Once it has closed the file */
	sleeps_of(s->worker);
	s->files = files_of(s->worker) - 1;
	close(c.sock);
	return ok && s->worker ? 0 : -1;
}

/* How many lines its log has, and how many of these are of requests that were answered well */
static int logged(const struct server *s, int *good)
{
	char path[64], line[128];
	int cnt = 0, status;
	FILE *file;

	*good = 0;
	snprintf(path, sizeof(path), "%s/access", s->dir);
	file = fopen(path, "r");
	for (; file && fgets(line, sizeof(line), file); cnt++)
		*good += sscanf(line, "%d", &status) == 1 && status / 100 == 2;
	if (file)
		fclose(file);
	return cnt;
}

static void server_end(const struct server *s)
{
	char command[64];

	kill(s->pid, SIGTERM);
	waitpid(s->pid, NULL, 0);
	snprintf(command, sizeof(command), "rm -rf %s", s->dir);
	if (system(command))
		printf("# %s remains\n", s->dir);
}

/* One that is served while others are not */
static int is_served(struct server *s)
{
	static struct client c;
	int ok;

	client_open(&c, s);
	ok = get(s, &c, "/short", SHORT, 1000);
	close(c.sock);
	return ok;
}

/*
 * ---- Tests ---------------------------------------------------------------
 */

/* A header, byte by byte: woken once, and perhaps once more for writing the answer */
static void test_header(struct server *s)
{
	static const char text[] = "GET /short HTTP/1.1\r\nHost: test\r\nUser-Agent: me\r\n\r\n";
	static struct client c;
	long before, after;
	int ok;

	client_open(&c, s);
	ok = wait_connections(s, 1);
	before = sleeps_of(s->worker);
	ok &= stream_put(c.sock, text, sizeof(text) - 2, 1);
	after = sleeps_of(s->worker);
	report(ok && before == after && before >= 0, "it sleeps until a header is complete");
	printf("# %zu segments, woken %ld times\n", sizeof(text) - 2, after - before);
	s->asked++;
	report(stream_put(c.sock, "\n", 1, 1) && answered(&c, 200, contents, SHORT),
	       "and is woken when it is");
	close(c.sock);
}

static void test_answers(struct server *s)
{
	static const size_t most[] = { 1, 3, 20, 1000 };
	static struct client c;
	size_t i;
	int ok = 1;

	client_open(&c, s);
	for (i = 0; i < sizeof(most) / sizeof(most[0]); i++)
		ok &= get(s, &c, "/short", SHORT, most[i]) && get(s, &c, "/long", LONG, most[i]);
	report(ok, "answers are the files, byte for byte");
	s->asked += 4;
	ok = put_text(&c, "\r\nGET /long HTTP/1.1\nhost: a\n\nHEAD /short HTTP/1.1\r\nHost: a\r\n"
		      "Accept: */*\r\n\r\nGET /short HTTP/1.1\r\nHost: a\r\n\r\n"
		      "GET /short HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 50);
	ok &= answered(&c, 200, contents, LONG) && answered(&c, 200, NULL, 0) &&
	      answered(&c, 200, contents, SHORT) && answered(&c, 200, contents, SHORT);
	report(ok, "and in order, if requests were sent without waiting");
	close(c.sock);
}

/* Store contents in this way, and read them. */
static int stored(struct server *s, const char *how, size_t len, int chunked)
{
	static struct client c;
	static int first = 1;
	char text[256], frame[32];
	int ok;

	client_open(&c, s);
	snprintf(text, sizeof(text), "PUT /put/x HTTP/1.1\r\nHost: test\r\n%s\r\n\r\n", how);
	ok = put_text(&c, text, 10);
	if (strstr(how, "100-continue"))
		ok &= answered(&c, 100, NULL, 0);
	if (chunked) {
		snprintf(frame, sizeof(frame), "%zx\r\n", len);
		ok &= put_text(&c, frame, 1);
	}
	ok &= stream_put(c.sock, contents, len, 700);
	if (chunked)
		ok &= put_text(&c, "\r\n0\r\n\r\n", 1);
	s->asked++;
	ok &= answered(&c, first ? 201 : 204, NULL, 0);
	first = 0;
	ok &= get(s, &c, "/put/x", len, 5);
	close(c.sock);
	return ok;
}

static void test_bodies(struct server *s)
{
	int ok;

	ok = stored(s, "Content-Length: 5000", 5000, 0) &&
	     stored(s, "content-length:16384", 16384, 0) &&
	     stored(s, "Content-Length: 0", 0, 0);
	report(ok, "it receives bodies");
	ok = stored(s, "CONTENT-LENGTH:   16385", 16385, 0) &&
	     stored(s, "Content-Length: 100000", LONG, 0);
	report(ok, "and long ones");
	ok = stored(s, "Transfer-Encoding: chunked", 30000, 1) &&
	     stored(s, "Content-Length: 400\r\nExpect: 100-continue", 400, 0);
	report(ok, "and those whose length is not known, or that wait for permission");
}

/* All of them begin a request, and send one field after the other. */
static int attack(const struct server *s, int *socks, int cnt)
{
	long before = 0, after;
	int i, round;

	for (i = 0; i < cnt; i++) {
		socks[i] = stream_connect(s->port, 60);
		if (socks[i] < 0 || send(socks[i], slow_start, sizeof(slow_start) - 1, 0) < 0)
			return -1;
		/* Not more at once than the listener's queue takes */
		if (i % 100 == 99)
			sleeps_of(s->worker);
	}
	if (!wait_connections(s, cnt))
		return -1;
	before = sleeps_of(s->worker);
	for (round = 0; round < ROUNDS; round++)
		for (i = 0; i < cnt; i++)
			if (send(socks[i], slow_field, sizeof(slow_field) - 1, 0) < 0)
				return -1;
	after = sleeps_of(s->worker);
	printf("# %d connections sent %d fields: woken %ld times\n", cnt, cnt * ROUNDS,
	       after - before);
	return after - before;
}

static int end_attack(const struct server *s, const int *socks, int cnt)
{
	for (int i = 0; i < cnt; i++)
		close(socks[i]);
	return wait_connections(s, 0);
}

/* As many as the tests may have descriptors */
static int attackers(void)
{
	const char *wanted = getenv("VNP_CONNECTIONS");
	struct rlimit limit;
	int cnt = wanted ? atoi(wanted) : 1000;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return 0;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	/* Both here and in the server */
	return cnt < (int)limit.rlim_cur - 24 ? cnt : (int)limit.rlim_cur - 24;
}

static void test_attack(struct server *s, int cnt)
{
	static int socks[1 << 16];
	int ok, good, lines;

	report(attack(s, socks, cnt) == 0, "slowloris does not wake it");
	report(is_served(s), "others are served in the meantime");
	ok = end_attack(s, socks, cnt) && is_served(s) && wait_connections(s, 0);
	lines = logged(s, &good);
	report(ok && lines == s->asked && good == s->asked,
	       "it has received no header that is not complete");
	printf("# %d requests were sent whole, %d logged, %d of these answered\n", s->asked, lines,
	       good);
}

/* The number after this name in the output of ab; 0: it is not there */
static int load_result(const char *output, const char *name)
{
	const char *line = strstr(output, name);

	return line ? atoi(line + strlen(name)) : 0;
}

/* ab, with this option and @cnt connections at once: are all requests answered, and right? */
static int loaded(struct server *s, const char *option, int cnt)
{
	char command[256], output[8192];
	size_t len;
	FILE *file;
	int ok;

	snprintf(command, sizeof(command), LOAD " -q -n %d -c %d %s http://127.0.0.1:%d/short 2>&1",
		 LOAD_REQUESTS, cnt, option, s->port);
	file = popen(command, "r");
	if (!file)
		return 0;
	len = fread(output, 1, sizeof(output) - 1, file);
	output[len] = 0;
	ok = !pclose(file) && strstr(output, "Failed requests: ") &&
	     load_result(output, "Complete requests: ") == LOAD_REQUESTS &&
	     !load_result(output, "Failed requests: ") && !load_result(output, "Non-2xx responses: ");
	if (!ok)
		printf("# %s\n%s\n", command, output);
	s->asked += LOAD_REQUESTS;
	return ok;
}

static void test_load(struct server *s)
{
	int ok, good, lines;

	ok = loaded(s, "-k", 20) && loaded(s, "", 20);
	/* Once it has written its log */
	sleeps_of(s->worker);
	lines = logged(s, &good);
	report(ok && lines == s->asked && good == s->asked,
	       "ab: it answers as many requests as it is sent");
}

/* What is no request is refused at once. */
static void test_no_request(struct server *s)
{
	static struct client c;

	client_open(&c, s);
	report(put_text(&c, "\026\003\001\002", 1000) && answered(&c, 400, NULL, 0),
	       "what is no request is refused at once");
	close(c.sock);
}

/* The same without the sample: would the tests above notice? */
static void test_plain(const char *self)
{
	struct server s = { .port = PLAIN_PORT };
	int socks[PLAIN_ATTACKERS], ok, good;

	ok = !server_start(&s, self, 0) && attack(&s, socks, PLAIN_ATTACKERS) > 0 &&
	     end_attack(&s, socks, PLAIN_ATTACKERS);
	report(ok && logged(&s, &good) == PLAIN_ATTACKERS + s.asked && good == s.asked,
	       "without the program it receives such headers, and logs them");
	server_end(&s);
}

int main(int argc, char **argv)
{
	struct server s = { .port = PORT };
	int cnt = attackers();

	(void)argc;
	test_plan(13);
	for (size_t i = 0; i < sizeof(contents); i++)
		contents[i] = rand();
	test_plain(argv[0]);
	if (server_start(&s, argv[0], 1)) {
		server_end(&s);
		return test_bail_out("The server does not start.");
	}
	test_header(&s);
	test_answers(&s);
	test_bodies(&s);
	test_load(&s);
	test_attack(&s, cnt);
	test_no_request(&s);
	server_end(&s);
	return test_status();
}
