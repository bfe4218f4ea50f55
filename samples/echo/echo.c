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
#include <vnp/libvnp.h>

/* echo.bpf.o, which is linked into this program */
extern const char _binary_echo_bpf_o_start[];
extern const char _binary_echo_bpf_o_end[];

static const char usage[] =
	"usage: echo PORT\n"
	"\n"
	"Send each datagram that arrives at UDP port PORT back to its sender, in the\n"
	"kernel (RFC 862).  It ends at SIGINT or SIGTERM, and prints its counters.\n";

static int complain(const char *failed, int err)
{
	fprintf(stderr, "echo: cannot %s: %s\n", failed, strerror(-err));
	return err;
}

/* Return: a socket for IPv6 and IPv4, or a negative errno */
static int open_port(int port)
{
	const struct sockaddr_in6 addr = {
		.sin6_family = AF_INET6,
		.sin6_port = htons(port),
	};
	const int off = 0;
	int sock = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (sock < 0)
		return -errno;
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
		.name = "echo",
	};
	struct vnp_object *obj;
	int err;

	err = vnp_object_open_mem(_binary_echo_bpf_o_start,
				  _binary_echo_bpf_o_end - _binary_echo_bpf_o_start,
				  &opts, &obj);
	if (err)
		return complain("read the program", err);
	err = vnp_object_load(obj, NULL);
	if (err)
		complain("load the program", err);
	else
		err = vnp_link_attach(vnp_object_find_program(obj, "echo"), sock, NULL, link);
	vnp_object_close(obj);
	return err;
}

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
	struct vnp_link *link;
	sigset_t signals;
	int sock, sig;

	if (argc != 2 || atoi(argv[1]) <= 0 || atoi(argv[1]) > 65535) {
		fputs(usage, stderr);
		return 2;
	}
	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigprocmask(SIG_BLOCK, &signals, NULL);

	sock = open_port(atoi(argv[1]));
	if (sock < 0) {
		complain("open the port", sock);
		return 1;
	}
	if (attach(sock, &link))
		return 1;
	printf("UDP port %s answers\n", argv[1]);
	fflush(stdout);
	sigwait(&signals, &sig);
	report(link);
	vnp_link_close(link);
	close(sock);
	return 0;
}
