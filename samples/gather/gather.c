// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * gather: receive records of up to 65,507 bytes from many senders at once, each with one
 * recvfrom(), and acknowledge them.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "../common.h"
#include "gather.h"

/* For eight records of 60 kB at once, in packets whose truesize is up to twice their payload */
#define RCVBUF		(2 << 20)

SAMPLE(gather_sample, gather)

static const char usage[] =
	"usage: gather PORT\n"
	"\n"
	"Receive records at UDP port PORT, and acknowledge each with its length and sum.\n"
	"A record is complete when all its datagrams have arrived, in any order; those\n"
	"that are not complete within two seconds are discarded.  It ends at SIGINT or\n"
	"SIGTERM, and prints its counters.\n";

/* Records, and the system calls for them */
static unsigned long records, calls;

static void serve(const struct sample *sample, int sock)
{
	static __u8 data[65536];

	while (!sample_ended) {
		struct gather_receipt receipt;
		struct sockaddr_in6 from;
		socklen_t from_len = sizeof(from);
		const ssize_t len = recvfrom(sock, data, sizeof(data), 0, (void *)&from,
					     &from_len);

		calls++;
		if (len < 0 && errno != EINTR) {
			sample_complain(sample, "receive", -errno);
			break;
		}
		if (len < 0 || sample_ended)
			continue;
		records++;
		receipt.bytes = htonl(len);
		receipt.sum = htonl(gather_sum(data, len));
		sendto(sock, &receipt, sizeof(receipt), 0, (void *)&from, from_len);
		calls++;
	}
}

static void report(const struct vnp_link *link)
{
	struct vnp_link_info info = { .size = sizeof(info) };

	if (vnp_link_get_info(link, &info))
		return;
	printf("%lu records in %llu datagrams; %llu datagrams of incomplete records\n", records,
	       info.released_fragments, info.errors[VNP_ERROR_EXPIRED] +
	       info.errors[VNP_ERROR_EVICTED]);
	printf("%lu system calls\n", calls);
}

int main(int argc, char **argv)
{
	static const struct vnp_link_opts limits = {
		.sz = sizeof(limits),
		.hold_age_ms = 2000,
	};
	const struct sample sample = gather_sample();
	struct vnp_link *link;
	int sock;

	if (argc != 2 || !sample_port(argv[1])) {
		fputs(usage, stderr);
		return 2;
	}
	sock = sample_socket(&sample, RCVBUF);
	if (sock < 0 || sample_attach(&sample, sock, &limits, &link) ||
	    sample_bind(&sample, sock, sample_port(argv[1])))
		return 1;
	sample_end_by_signal(sock);
	printf("UDP port %s receives records\n", argv[1]);
	fflush(stdout);
	serve(&sample, sock);
	report(link);
	vnp_link_close(link);
	close(sock);
	return 0;
}
