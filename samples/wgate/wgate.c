// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * wgate: pass only authenticated datagrams to a running UDP server, which need not know of it.
 * All others are dropped without waking it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../common.h"
#include "wgate.h"

SAMPLE(wgate_sample, wgate)

static const char usage[] =
	"usage: wgate PID PORT\n"
	"\n"
	"Let process PID receive on UDP port PORT only datagrams with a header that proves\n"
	"who sends them, and take it off.  Lines of standard input are a client's number and\n"
	"its key, 64 hex digits, or \"-\" to remove it.  At the end of input the gate is\n"
	"removed from the socket.\n"
	"\n"
	"You need to be the user that runs the server, and in group vnp.\n";

static int complain(const char *failed, int err)
{
	const struct sample sample = wgate_sample();

	return sample_complain(&sample, failed, err);
}

static int attach(struct vnp_object *obj, pid_t pid, const char *port, struct vnp_link **link)
{
	struct vnp_socket *socks;
	char spec[32];
	size_t cnt;
	int err;

	snprintf(spec, sizeof(spec), "udp:%s", port);
	err = vnp_socket_find(pid, spec, NULL, &socks, &cnt);
	if (err)
		return complain("take the server's socket", err);
	err = cnt == 1 ? vnp_link_attach(vnp_object_find_program(obj, "wgate"), socks->fd, NULL,
					 link) : -EEXIST;
	if (err)
		complain("link the server's socket; the server must have only one at this port", err);
	vnp_socket_free(socks, cnt);
	return err;
}

/* "CLIENT HEX" or "CLIENT -" */
static int set_client(struct vnp_map *keys, char *line)
{
	struct vnp_key key = {
		.alg = VNP_KEY_HMAC_SHA256,
		.key_len = WGATE_KEY,
		.tag_len = WGATE_TAG,
	};
	const char *hex;
	__be32 client;
	char *at;
	int err;

	line[strcspn(line, "\n")] = 0;
	client = htonl(strtoul(line, &at, 0));
	hex = at + strspn(at, " ");
	if (at == line)
		err = -EINVAL;
	else if (!strcmp(hex, "-"))
		err = vnp_map_delete(keys, &client);
	else
		err = sample_hex(hex, key.key, WGATE_KEY) ?:
		      vnp_map_update(keys, &client, &key, VNP_MAP_ANY);
	explicit_bzero(&key, sizeof(key));
	explicit_bzero(line, strlen(line));
	return err ? complain("set the key", err) : 0;
}

static void serve(struct vnp_object *obj)
{
	struct vnp_map *keys = vnp_object_find_map(obj, "keys");
	char line[256];

	while (fgets(line, sizeof(line), stdin)) {
		if (!set_client(keys, line))
			printf("set\n");
		fflush(stdout);
	}
}

static void report(const struct vnp_link *link)
{
	struct vnp_link_info info = { .size = sizeof(info) };

	if (!vnp_link_get_info(link, &info))
		printf("%llu passed, %llu dropped: %llu not authentic\n",
		       info.verdicts[VNP_PASS], info.verdicts[VNP_DROP],
		       info.errors[VNP_ERROR_AUTH]);
}

int main(int argc, char **argv)
{
	const int pid = argc == 3 ? sample_number(argv[1], INT_MAX) : 0;
	const struct sample sample = wgate_sample();
	struct vnp_object *obj;
	struct vnp_link *link;

	if (!pid || !sample_port(argv[2])) {
		fputs(usage, stderr);
		return 2;
	}
	/* Unbuffered, so that no copy of a key stays in memory of the C library */
	setvbuf(stdin, NULL, _IONBF, 0);
	if (sample_load(&sample, &obj) || attach(obj, pid, argv[2], &link))
		return 1;
	printf("UDP port %s is gated\n", argv[2]);
	fflush(stdout);
	serve(obj);
	report(link);
	vnp_link_detach(link);
	vnp_link_close(link);
	vnp_object_close(obj);
	return 0;
}
