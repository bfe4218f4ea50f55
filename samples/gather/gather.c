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
#include <vnp/libvnp.h>
#include "gather.h"

/* For eight records of 60 kB at once, in packets whose truesize is up to twice their payload */
#define RCVBUF		(2 << 20)

/* gather.bpf.o, which is linked into this program */
extern const char _binary_gather_bpf_o_start[];
extern const char _binary_gather_bpf_o_end[];

static const char usage[] =
	"usage: gather PORT\n"
	"\n"
	"Receive records at UDP port PORT, and acknowledge each with its length and sum.\n"
	"A record is complete when all its datagrams have arrived, in any order; those\n"
	"that are not complete within two seconds are discarded.  It ends at SIGINT or\n"
	"SIGTERM, and prints its counters.\n";

static volatile sig_atomic_t stop;

static void end(int sig)
{
	(void)sig;
	stop = 1;
}

static int complain(const char *failed, int err)
{
	fprintf(stderr, "gather: cannot %s: %s\n", failed, strerror(-err));
	return err;
}

/* Return: a socket for IPv6 and IPv4, or a negative errno */
static int open_port(int port)
{
	const struct sockaddr_in6 addr = {
		.sin6_family = AF_INET6,
		.sin6_port = htons(port),
	};
	const int off = 0, size = RCVBUF;
	int sock = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (sock < 0)
		return -errno;
	/* As much as net.core.rmem_max permits */
	setsockopt(sock, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (!setsockopt(sock, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) &&
	    !bind(sock, (const struct sockaddr *)&addr, sizeof(addr)))
		return sock;
	close(sock);
	return -errno;
}

static int attach(int sock, struct vnp_link **link)
{
	static const struct vnp_open_opts opts = {
		.sz = sizeof(opts),
		.name = "gather",
	};
	static const struct vnp_link_opts limits = {
		.sz = sizeof(limits),
		.hold_age_ms = 2000,
	};
	struct vnp_object *obj;
	int err;

	err = vnp_object_open_mem(_binary_gather_bpf_o_start,
				  _binary_gather_bpf_o_end - _binary_gather_bpf_o_start,
				  &opts, &obj);
	if (err)
		return complain("read the program", err);
	err = vnp_object_load(obj, NULL);
	if (err)
		complain("load the program", err);
	else
		err = vnp_link_attach(vnp_object_find_program(obj, "gather"), sock, &limits,
				      link);
	vnp_object_close(obj);
	return err;
}

/* Return: number of records */
static unsigned long serve(int sock)
{
	static __u8 data[65536];
	unsigned long records = 0;

	while (!stop) {
		struct gather_receipt receipt;
		struct sockaddr_in6 from;
		socklen_t from_len = sizeof(from);
		const ssize_t len = recvfrom(sock, data, sizeof(data), 0, (void *)&from,
					     &from_len);

		if (len < 0)
			continue;
		records++;
		receipt.bytes = htonl(len);
		receipt.sum = htonl(gather_sum(data, len));
		sendto(sock, &receipt, sizeof(receipt), 0, (void *)&from, from_len);
	}
	return records;
}

static void report(const struct vnp_link *link, unsigned long records)
{
	struct vnp_link_info info = { .size = sizeof(info) };

	if (vnp_link_get_info(link, &info))
		return;
	printf("%lu records in %llu datagrams; %llu datagrams of incomplete records\n", records,
	       info.released_fragments, info.errors[VNP_ERROR_EXPIRED] +
	       info.errors[VNP_ERROR_EVICTED]);
}

int main(int argc, char **argv)
{
	const struct sigaction action = { .sa_handler = end };
	struct vnp_link *link;
	int sock;

	if (argc != 2 || atoi(argv[1]) <= 0 || atoi(argv[1]) > 65535) {
		fputs(usage, stderr);
		return 2;
	}
	/* Without SA_RESTART, so that recvfrom() returns. */
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sock = open_port(atoi(argv[1]));
	if (sock < 0) {
		complain("open the port", sock);
		return 1;
	}
	if (attach(sock, &link))
		return 1;
	printf("UDP port %s receives records\n", argv[1]);
	fflush(stdout);
	report(link, serve(sock));
	vnp_link_close(link);
	close(sock);
	return 0;
}
