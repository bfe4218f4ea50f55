// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * echo: the service of RFC 862 on UDP.  This process only holds the socket, and sleeps
 * until it is terminated.
 */
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "../common.h"

SAMPLE(echo_sample, echo)

static const char usage[] =
	"usage: echo PORT\n"
	"\n"
	"Send each datagram that arrives at UDP port PORT back to its sender, in the\n"
	"kernel (RFC 862).  It ends at SIGINT or SIGTERM, and prints its counters.\n";

static void report(const struct vnp_link *link)
{
	struct vnp_link_info info = { .size = sizeof(info) };
	__u64 errors = 0;
	int i;

	if (vnp_link_get_info(link, &info))
		return;
	for (i = 0; i < VNP_ERROR_SLOTS; i++)
		errors += info.errors[i];
	printf("%llu datagrams (%llu bytes) received, %llu could not be answered\n",
	       info.packets, info.bytes, errors);
}

int main(int argc, char **argv)
{
	const struct sample sample = echo_sample();
	struct vnp_link *link;
	sigset_t signals;
	int sock, sig;

	if (argc != 2 || !sample_port(argv[1])) {
		fputs(usage, stderr);
		return 2;
	}
	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigprocmask(SIG_BLOCK, &signals, NULL);

	sock = sample_socket(&sample, 0);
	if (sock < 0 || sample_attach(&sample, sock, NULL, &link) ||
	    sample_bind(&sample, sock, sample_port(argv[1])))
		return 1;
	printf("UDP port %s answers\n", argv[1]);
	fflush(stdout);
	sigwait(&signals, &sig);
	report(link);
	vnp_link_close(link);
	close(sock);
	return 0;
}
