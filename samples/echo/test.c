// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Checks that replies are what was sent, and that the server slept. The server is the
 * sample echo, in the directory of this program.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "../test.h"

#define PORT	"7007"

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
	static const char *const args[] = { "echo", PORT, NULL };
	char line[128] = "";
	FILE *out = NULL;
	long slept;
	pid_t pid;

	(void)argc;
	test_plan(14);
	pid = test_start(argv[0], args, NULL, &out);
	if (pid < 0)
		return test_bail_out("The server does not start.");
	slept = sleeps_of(pid);
	test_family(AF_INET);
	test_family(AF_INET6);
	report(slept > 0 && sleeps_of(pid) == slept, "the server has slept");
	kill(pid, SIGTERM);
	report(fgets(line, sizeof(line), out) &&
	       !strcmp(line, "12 datagrams (151944 bytes) received, 0 could not be answered\n"),
	       "it prints the counters");
	waitpid(pid, NULL, 0);
	return test_status();
}
