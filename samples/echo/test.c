// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Checks that replies are what was sent, and that the server slept. The server is the
 * sample echo, in the directory of this program.
 */
#include <arpa/inet.h>
#include <libgen.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define PORT	"7007"

static int tests, failed;

static void report(int ok, const char *what)
{
	printf("%sok %d %s\n", ok ? "" : "not ", ++tests, what);
	failed += !ok;
}

/* Return: the server's pid, after it has printed that it answers */
static pid_t start(const char *self, FILE **out)
{
	char path[4096], line[128];
	int pipes[2];
	pid_t pid;

	snprintf(path, sizeof(path), "%s", self);
	snprintf(line, sizeof(line), "%s/echo", dirname(path));
	if (pipe(pipes) || (pid = fork()) < 0)
		return -1;
	if (!pid) {
		dup2(pipes[1], STDOUT_FILENO);
		close(pipes[0]);
		close(pipes[1]);
		execl(line, "echo", PORT, NULL);
		_exit(127);
	}
	close(pipes[1]);
	*out = fdopen(pipes[0], "r");
	return fgets(line, sizeof(line), *out) ? pid : -1;
}

/* Number of voluntary context switches of a process; waits until it sleeps */
static long switches(pid_t pid)
{
	char path[64], line[128], state = 0;
	long cnt = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	while (state != 'S') {
		file = fopen(path, "r");
		if (!file)
			return -1;
		while (fgets(line, sizeof(line), file)) {
			sscanf(line, "State: %c", &state);
			sscanf(line, "voluntary_ctxt_switches: %ld", &cnt);
		}
		fclose(file);
	}
	return cnt;
}

static int comes_back(int sock, const struct sockaddr *to, socklen_t to_len, size_t len)
{
	static unsigned char sent[65507], got[sizeof(sent) + 1];
	size_t i;

	for (i = 0; i < len; i++)
		sent[i] = i * 7 + len;
	return sendto(sock, sent, len, 0, to, to_len) == (ssize_t)len &&
	       recv(sock, got, sizeof(got), 0) == (ssize_t)len && !memcmp(sent, got, len);
}

static void test_family(int family)
{
	static const size_t sizes[] = { 0, 1, 64, 1400, 9000, 65507 };
	const struct sockaddr_in ip4 = {
		.sin_family = AF_INET, .sin_port = htons(atoi(PORT)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	const struct sockaddr_in6 ip6 = {
		.sin6_family = AF_INET6, .sin6_port = htons(atoi(PORT)),
		.sin6_addr = IN6ADDR_LOOPBACK_INIT,
	};
	const struct timeval timeout = { .tv_sec = 10 };
	int sock = socket(family, SOCK_DGRAM, 0);
	char what[64];
	size_t i;

	setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		snprintf(what, sizeof(what), "%s: %zu bytes are sent back",
			 family == AF_INET ? "IPv4" : "IPv6", sizes[i]);
		report(comes_back(sock, family == AF_INET ? (const void *)&ip4 : &ip6,
				  family == AF_INET ? sizeof(ip4) : sizeof(ip6), sizes[i]),
		       what);
	}
	close(sock);
}

int main(int argc, char **argv)
{
	char line[128] = "";
	FILE *out = NULL;
	long slept;
	pid_t pid;

	(void)argc;
	printf("TAP version 13\n1..14\n");
	pid = start(argv[0], &out);
	if (pid < 0) {
		printf("Bail out! The server does not start.\n");
		return 1;
	}
	slept = switches(pid);
	test_family(AF_INET);
	test_family(AF_INET6);
	report(slept > 0 && switches(pid) == slept, "the server has slept");
	kill(pid, SIGTERM);
	report(fgets(line, sizeof(line), out) &&
	       !strcmp(line, "12 datagrams (151944 bytes) received, 0 could not be answered\n"),
	       "it prints the counters");
	waitpid(pid, NULL, 0);
	return failed ? 1 : 0;
}
