// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * dnsguard: drop unwanted queries to a running, unmodified DNS server.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include "../common.h"
#include "question.h"

SAMPLE(dnsguard_sample, dnsguard)

static const char usage[] =
	"usage: dnsguard PID PORT NAME:TYPE...\n"
	"\n"
	"Pass only queries for these names and types to UDP port PORT of the DNS server\n"
	"PID, such as www.example.org:AAAA or example.org:TYPE65.  All other datagrams\n"
	"are dropped in the kernel.  dnsguard then ends; the filter stays until it is\n"
	"detached (vnpctl link detach ID) or the server ends.\n"
	"\n"
	"Call it as the user who runs the server, in group vnp.\n";

static int complain(const char *failed, const char *what, int err)
{
	const struct sample sample = dnsguard_sample();
	char text[512];

	snprintf(text, sizeof(text), "%s %s", failed, what);
	return sample_complain(&sample, text, err);
}

/* Insert the questions into the map. */
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
			return -EINVAL;
		}
		err = vnp_map_update(allowed, &q, &passed, VNP_MAP_ANY);
		if (err)
			return complain("allow", *texts, err);
	}
	return 0;
}

static int guard_server(const struct vnp_program *prog, pid_t pid,
			const char *port)
{
	const struct sample sample = dnsguard_sample();
	struct vnp_socket *socks;
	char spec[32];
	size_t cnt;
	int err;

	snprintf(spec, sizeof(spec), "udp:%s", port);
	err = vnp_socket_find(pid, spec, NULL, &socks, &cnt);
	if (err)
		return complain("duplicate the server's socket", spec, err);
	err = sample_link_all(&sample, prog, socks, cnt, NULL, "guards");
	vnp_socket_free(socks, cnt);
	return err;
}

int main(int argc, char **argv)
{
	const int pid = argc < 4 ? 0 : sample_number(argv[1], INT_MAX);
	const struct sample sample = dnsguard_sample();
	struct vnp_object *obj;
	int err;

	if (argc == 2 && !strcmp(argv[1], "-h")) {
		fputs(usage, stdout);
		return 0;
	}
	if (!pid || !sample_port(argv[2])) {
		fputs(usage, stderr);
		return 2;
	}

	if (sample_load(&sample, &obj))
		return 1;
	err = allow(vnp_object_find_map(obj, "allowed"), argv + 3);
	if (!err)
		err = guard_server(vnp_object_find_program(obj, "dnsguard"), pid, argv[2]);
	vnp_object_close(obj);
	return err ? 1 : 0;
}
