// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * relay: datagrams that arrive at a UDP port are sent to receivers that join and leave, in
 * the kernel.  This process only changes the list of receivers, and sleeps while media
 * flow.
 */
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include <vnp/libvnp.h>
#include "control.h"

/* relay.bpf.o, which is linked into this program */
extern const char _binary_relay_bpf_o_start[];
extern const char _binary_relay_bpf_o_end[];

static const char usage[] =
	"usage: relay PORT SOCKET\n"
	"       relay SOCKET join HOST:PORT\n"
	"       relay SOCKET leave HOST:PORT\n"
	"       relay SOCKET list\n"
	"\n"
	"Send what arrives at UDP port PORT to all receivers, in the kernel.  In RTP each\n"
	"gets an SSRC and sequence numbers of its own; other datagrams are not changed.\n"
	"Receivers join and leave by lines that are written to the Unix socket SOCKET,\n"
	"which is what the other commands do.  It ends at SIGINT or SIGTERM, and prints its\n"
	"counters.\n";

static int complain(const char *failed, int err)
{
	fprintf(stderr, "relay: cannot %s: %s\n", failed, strerror(-err));
	return err;
}

/*
 * All datagrams being sent are charged to one send buffer, which is made as large as the
 * user may.
 *
 * Return: a socket for IPv6 and IPv4, or a negative errno
 */
static int open_port(int port)
{
	const struct sockaddr_in6 addr = {
		.sin6_family = AF_INET6,
		.sin6_port = htons(port),
	};
	const int off = 0, size = 1 << 24;
	int sock = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int err;

	if (sock < 0)
		return -errno;
	setsockopt(sock, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	if (!setsockopt(sock, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) &&
	    !bind(sock, (const struct sockaddr *)&addr, sizeof(addr)))
		return sock;
	err = -errno;
	close(sock);
	return err;
}

/* The object must stay open, as it owns the maps of receivers.  Return: the program, or NULL */
static struct vnp_program *load(struct members *members)
{
	static const struct vnp_open_opts opts = {
		.sz = sizeof(opts),
		.name = "relay",
	};
	struct vnp_object *obj;
	size_t len;
	void *addr;
	int err;

	err = vnp_object_open_mem(_binary_relay_bpf_o_start,
				  _binary_relay_bpf_o_end - _binary_relay_bpf_o_start,
				  &opts, &obj);
	if (err) {
		complain("read the program", err);
		return NULL;
	}
	err = vnp_object_load(obj, NULL);
	if (err) {
		complain("load the program", err);
		return NULL;
	}
	members->peers = vnp_object_find_map(obj, "receivers");
	members->streams = vnp_object_find_map(obj, "streams");
	err = vnp_map_mmap(vnp_object_find_map(obj, ".bss"), true, &addr, &len);
	if (err) {
		complain("share the program's variables", err);
		return NULL;
	}
	members->state = addr;
	return vnp_object_find_program(obj, "relay");
}

static int attach(struct members *members, int sock, struct vnp_link **link)
{
	struct vnp_program *prog = load(members);
	int err;

	if (!prog)
		return -EINVAL;
	err = vnp_link_attach(prog, sock, NULL, link);
	return err ? complain("link the program to the port", err) : 0;
}

static void report(struct members *members, const struct vnp_link *link)
{
	const volatile struct relay_state *state = members->state;
	struct vnp_link_info info = { .size = sizeof(info) };

	members_end(members, stdout);
	if (vnp_link_get_info(link, &info))
		return;
	printf("%llu datagrams (%llu bytes) received: %llu of RTP, %llu others, %llu of RTCP\n",
	       info.packets, info.bytes, state->rtp, state->raw, state->rtcp);
	printf("%llu sent to %llu receivers, %llu not sent or not delivered\n", members->sent,
	       members->joins, members->failed);
}

static int serve(int port, const char *path)
{
	static struct members members;
	int sock, control, err;
	struct vnp_link *link;
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigprocmask(SIG_BLOCK, &signals, NULL);

	sock = open_port(port);
	if (sock < 0)
		return complain("open the port", sock);
	control = control_open(path);
	if (control < 0)
		return complain("open the control socket", control);
	err = attach(&members, sock, &link);
	if (!err) {
		printf("UDP port %d is relayed\n", port);
		fflush(stdout);
		err = control_serve(control, signalfd(-1, &signals, SFD_CLOEXEC), &members);
		vnp_link_detach(link);
		report(&members, link);
	}
	unlink(path);
	return err;
}

int main(int argc, char **argv)
{
	const int port = argc == 3 ? atoi(argv[1]) : 0;
	int err;

	if (port > 0 && port <= 65535)
		return serve(port, argv[2]) ? 1 : 0;
	if (argc < 3 || port) {
		fputs(usage, stderr);
		return 2;
	}
	err = control_ask(argv[1], argv + 2);
	if (err < 0)
		complain("ask the relay", err);
	return err ? 1 : 0;
}
