// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * telemetry: decrypt records for a process that reads plaintext.  Records that are not authentic
 * do not reach it.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../common.h"
#include "telemetry.h"

SAMPLE(telemetry_sample, telemetry)

static const char usage[] =
	"usage: telemetry PID PORT [end]\n"
	"\n"
	"Open records that process PID receives on its TCP connections at local port PORT.\n"
	"One that is forged is removed; with \"end\" the process gets EBADMSG instead, and\n"
	"nothing after it.\n"
	"\n"
	"The first line of standard input is the key, as 64 hex digits.  At its end the program\n"
	"is removed from the sockets that it was linked to.\n"
	"\n"
	"You need to be the user that runs the process, and in group vnp.\n";

/**
 * struct telemetry - what this process has
 * @sample:	the sample
 * @obj:	the programs and their maps
 * @opts:	of the links
 * @links:	one for each socket of the process; connections that are accepted later have their own
 * @cnt:	number of @links
 */
struct telemetry {
	struct sample sample;
	struct vnp_object *obj;
	struct vnp_link_opts opts;
	struct vnp_link **links;
	size_t cnt;
};

static int set_key(struct telemetry *t)
{
	struct vnp_key key = { .alg = VNP_KEY_CHACHA20_POLY1305, .key_len = 32 };
	const __u32 zero = 0;
	char line[80];
	int err = -ENOKEY;

	if (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = 0;
		err = sample_hex(line, key.key, key.key_len);
	}
	if (!err)
		err = vnp_map_update(vnp_object_find_map(t->obj, "keys"), &zero, &key, VNP_MAP_ANY);
	explicit_bzero(line, sizeof(line));
	explicit_bzero(&key, sizeof(key));
	return err ? sample_complain(&t->sample, "set the key", err) : 0;
}

/* The sockets are as before; connections that were accepted since stay linked. */
static void detach(struct telemetry *t)
{
	size_t i;

	for (i = 0; i < t->cnt; i++) {
		vnp_link_detach(t->links[i]);
		vnp_link_close(t->links[i]);
	}
	free(t->links);
}

static int attach(struct telemetry *t, pid_t pid, int port)
{
	struct vnp_socket *socks;
	size_t cnt, i;
	char spec[32];
	int err;

	snprintf(spec, sizeof(spec), "tcp:%d", port);
	err = vnp_socket_find(pid, spec, NULL, &socks, &cnt);
	if (err)
		return sample_complain(&t->sample, "find the sockets", err);
	t->links = calloc(cnt, sizeof(*t->links));
	if (!t->links)
		err = -ENOMEM;
	for (i = 0; i < cnt && !err; i++) {
		err = vnp_link_attach_object(t->obj, socks[i].fd, &t->opts, &t->links[t->cnt]);
		t->cnt += !err;
		/* The connection has ended. */
		if (err == -ENOTCONN)
			err = 0;
	}
	vnp_socket_free(socks, cnt);
	return err ? sample_complain(&t->sample, "link a socket", err) : 0;
}

static void report(const struct telemetry *t)
{
	struct vnp_link_info info;
	struct telemetry_stats stats = { 0 };
	__u64 forged = 0;
	const __u32 zero = 0;
	size_t i;

	for (i = 0; i < t->cnt; i++) {
		info = (struct vnp_link_info){ .size = sizeof(info) };
		if (!vnp_link_get_info(t->links[i], &info))
			forged += info.errors[VNP_ERROR_AUTH];
	}
	vnp_map_lookup(vnp_object_find_map(t->obj, ".bss"), &zero, &stats);
	printf("%llu opened, %llu forged, %llu replayed\n", stats.opened, forged,
	       stats.replayed);
}

static int watch(struct telemetry *t, pid_t pid, int port)
{
	int err = sample_load(&t->sample, &t->obj), c;

	if (!err)
		err = set_key(t);
	if (!err)
		err = attach(t, pid, port);
	if (err) {
		detach(t);
		return err;
	}
	printf("%zu linked\n", t->cnt);
	fflush(stdout);
	do {
		c = getchar();
	} while (c != EOF);
	report(t);
	detach(t);
	vnp_object_close(t->obj);
	return 0;
}

int main(int argc, char **argv)
{
	struct telemetry t = {
		.sample = telemetry_sample(),
		.opts = { .sz = sizeof(t.opts), .eof = VNP_EOF_DROP },
	};
	const int pid = argc > 2 ? sample_number(argv[1], INT_MAX) : 0;
	const int port = argc > 2 ? sample_port(argv[2]) : 0;

	if (argc == 4 && !strcmp(argv[3], "end"))
		t.opts.flags = VNP_LINK_F_FORGED_END;
	if (!pid || !port || argc > 4 || (argc == 4 && !t.opts.flags)) {
		fputs(usage, stderr);
		return 2;
	}
	/* Unbuffered, so that no copy of the key stays in memory of the C library */
	setvbuf(stdin, NULL, _IONBF, 0);
	return watch(&t, pid, port) ? 1 : 0;
}
