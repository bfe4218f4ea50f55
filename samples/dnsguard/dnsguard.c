// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * dnsguard: keep unwanted queries away from a DNS server that runs already and
 * knows nothing of it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vnp/libvnp.h>
#include "question.h"

/* dnsguard.bpf.o, which the linker has put into this program */
extern const char _binary_dnsguard_bpf_o_start[];
extern const char _binary_dnsguard_bpf_o_end[];

static const char usage[] =
	"usage: dnsguard PID PORT NAME:TYPE...\n"
	"\n"
	"Let the DNS server PID hear on UDP port PORT only of queries for these names\n"
	"and types, such as www.example.org:AAAA or example.org:TYPE65.  All others, and\n"
	"whatever is no query, are dropped in the kernel.  dnsguard ends; the guard\n"
	"stays until it is detached (vnpctl link detach ID) or the server ends.\n"
	"\n"
	"You need to be the user that runs the server, and in group vnp.\n";

static int complain(const char *what, int err)
{
	fprintf(stderr, "dnsguard: %s: %s\n", what, strerror(-err));
	return err;
}

/* Put the questions into the map. */
static int allow(const struct vnp_map *allowed, char **texts)
{
	struct question q;
	const char *wrong;
	__u64 passed = 0;
	int err;

	for (; *texts; texts++) {
		wrong = question_parse(&q, *texts);
		if (wrong) {
			fprintf(stderr, "dnsguard: %s: %s\n", *texts, wrong);
			return -1;
		}
		err = vnp_map_update(allowed, &q, &passed, VNP_MAP_ANY);
		if (err)
			return complain(*texts, err);
	}
	return 0;
}

/* Let the program run on one socket of the server. */
static int guard_socket(const struct vnp_program *prog,
			const struct vnp_socket *sock, struct vnp_link **link)
{
	struct vnp_link_info info = { .size = sizeof(info) };
	int err;

	err = vnp_link_attach(prog, sock->fd, NULL, link);
	if (err)
		return complain(sock->address, err);
	if (!vnp_link_get_info(*link, &info))
		printf("link %u guards %s, UDP port %u\n", info.id,
		       sock->address, sock->port);
	return 0;
}

/* Let it run on all of them, or on none. */
static int guard(const struct vnp_program *prog, const char *pid,
		 const char *port)
{
	struct vnp_link **links;
	struct vnp_socket *socks;
	char udp_port[32];
	size_t cnt, n;
	int err;

	snprintf(udp_port, sizeof(udp_port), "udp:%s", port);
	err = vnp_socket_find(atoi(pid), udp_port, NULL, &socks, &cnt);
	if (err)
		return complain("no such socket", err);

	links = calloc(cnt, sizeof(*links));
	err = links ? 0 : -ENOMEM;
	for (n = 0; n < cnt && !err; n++)
		err = guard_socket(prog, &socks[n], &links[n]);
	while (n--) {
		if (err && links[n])
			vnp_link_detach(links[n]);
		vnp_link_close(links[n]);	/* the link lives with the socket */
	}
	free(links);
	vnp_socket_free(socks, cnt);
	return err;
}

int main(int argc, char **argv)
{
	struct vnp_object *obj;
	int err;

	if (argc == 2 && !strcmp(argv[1], "-h")) {
		fputs(usage, stdout);
		return 0;
	}
	if (argc < 4) {
		fputs(usage, stderr);
		return 2;
	}

	err = vnp_object_open_mem(_binary_dnsguard_bpf_o_start,
				  _binary_dnsguard_bpf_o_end -
				  _binary_dnsguard_bpf_o_start, NULL, &obj);
	if (err) {
		complain("cannot read the program", err);
		return 1;
	}
	err = vnp_object_load(obj, NULL);
	if (err)
		complain("cannot load the program", err);
	if (!err)
		err = allow(vnp_object_find_map(obj, "allowed"), argv + 3);
	if (!err)
		err = guard(vnp_object_find_program(obj, "dnsguard"), argv[1],
			    argv[2]);
	vnp_object_close(obj);
	return err ? 1 : 0;
}
