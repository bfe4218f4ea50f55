// SPDX-License-Identifier: GPL-2.0
/*
 * Workload kvcache: GETs of memcached's UDP protocol that find a value, with memcached
 * alone, and with samples/kvcache in front of it.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "../kmod/common.h"
#include "../kmod/object.h"

#define MEMCACHED	"/usr/bin/memcached"
#define KEYS		TRAFFIC_CNT

/* Frame, "get ", a key of 32 bytes, "\r\n" */
#define REQUEST_LEN	(8 + 4 + 32 + 2)

static pid_t memcached, kvcache;
static int value_len;

/* Write request number @i in one datagram: memcached's frame header, and the text */
static int request_write(__u8 *to, int i, const char *text)
{
	const __be16 frame[] = { htons(i), 0, htons(1), 0 };

	memcpy(to, frame, sizeof(frame));
	memcpy(to + sizeof(frame), text, strlen(text));
	return sizeof(frame) + strlen(text);
}

static void write_get(__u8 *payload, int i)
{
	char text[64];

	snprintf(text, sizeof(text), "get key-%028d\r\n", i);
	request_write(payload, i, text);
}

/* The worker thread that has the UDP socket */
static pid_t find_worker(pid_t pid)
{
	char path[300], name[32] = "";
	struct dirent *entry;
	pid_t tid = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	while (dir && !tid && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), "/proc/%d/task/%s/comm", pid, entry->d_name);
		if (read_text(path, name, sizeof(name)) > 0 && !strncmp(name, "mc-worker", 9))
			tid = atoi(entry->d_name);
	}
	closedir(dir);
	return tid;
}

/* Send a request from this host, and check the answer; memcached may not be ready yet */
static void ask(int sock, int i, const char *text, const char *expected)
{
	char answer[128] = "";
	__u8 request[2048];
	int len = request_write(request, i, text), tries;

	for (tries = 0; tries < 1000; tries++) {
		/* ECONNREFUSED until memcached has bound its socket */
		if (send(sock, request, len, 0) < 0 ||
		    recv(sock, answer, sizeof(answer), 0) < 8) {
			usleep(10000);
			continue;
		}
		if (memcmp(answer, request, 2))
			continue;
		if (strncmp(answer + 8, expected, strlen(expected)))
			break;
		return;
	}
	die("memcached does not answer request %d.", i);
}

static void store_values(void)
{
	const struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_port = htons(atoi(RIG_PORT)),
		.sin_addr.s_addr = inet_addr(RIG_ADDRESS),
	};
	const struct timeval timeout = { .tv_usec = 100000 };
	int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), i;
	char text[2048];

	setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	if (connect(sock, (const void *)&addr, sizeof(addr)))
		die("Cannot connect to memcached: %s.", strerror(errno));
	ask(sock, 1, "version\r\n", "VERSION");
	for (i = 0; i < KEYS; i++) {
		snprintf(text, sizeof(text), "set key-%028d 0 0 %d\r\n%0*d\r\n", i, value_len,
			 value_len, i);
		ask(sock, i + 2, text, "STORED");
	}
	close(sock);
}

static pid_t serve_memcached(void)
{
	pid_t tid;

	memcached = fork();
	if (!memcached) {
		execl(MEMCACHED, "memcached", "-u", "root", "-U", RIG_PORT, "-p", "0",
		      "-l", RIG_ADDRESS, "-t", "1", "-m", "16", NULL);
		_exit(127);
	}
	store_values();
	tid = find_worker(memcached);
	if (!tid)
		die("memcached has no thread for its socket.");
	return tid;
}

static pid_t serve_kvcache(void)
{
	const pid_t tid = serve_memcached();
	char number[16], byte;
	int pipes[2];

	snprintf(number, sizeof(number), "%d", memcached);
	if (pipe(pipes))
		die("Cannot create a pipe: %s.", strerror(errno));
	kvcache = fork();
	if (!kvcache) {
		dup2(pipes[1], STDOUT_FILENO);
		close(pipes[0]);
		close(pipes[1]);
		execl(object_path("../../samples/kvcache/kvcache"), "kvcache", number, RIG_PORT,
		      NULL);
		_exit(127);
	}
	close(pipes[1]);
	if (read(pipes[0], &byte, 1) != 1)
		die("kvcache does not start.");
	return tid;
}

static void end(pid_t *pid)
{
	if (*pid <= 0)
		return;
	kill(*pid, SIGTERM);
	waitpid(*pid, NULL, 0);
	*pid = 0;
}

static void end_both(void)
{
	end(&kvcache);
	end(&memcached);
}

static const struct system systems[] = {
	{ "memcached", .serve = serve_memcached, .detach = end_both },
	{ "vnp", .serve = serve_kvcache, .detach = end_both },
};

/*
 * The size in the table is that of the value.  Only single datagrams: memcached does not
 * answer all of a burst.
 */
void bench_kvcache(void)
{
	static const int sizes[] = { 64, 1300 };
	const struct traffic traffic = { ALONE, .size = REQUEST_LEN, .fill = write_get };
	struct row row = { .workload = "kvcache" };
	size_t i, k;

	rows_begin("GETs over UDP, %s", traffic_name(&traffic));
	for (i = 0; i < ARRAY_SIZE(systems); i++)
		for (k = 0; k < ARRAY_SIZE(sizes); k++) {
			value_len = sizes[k];
			rig_measure(&systems[i], &traffic, &row);
			row.size = value_len;
			row_add(&row);
		}
}
