// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * redis: start a server of Redis's protocol, such as redis-server, that is woken for commands
 * that are whole; and with --cache only for those that cannot be answered in the kernel.
 */
#include <stdio.h>
#include <string.h>
#include "../serve.h"
#include "fill.h"

/* Size of a connection's queue for answers */
#define ANSWERS		(64 << 10)

SAMPLE(redis_sample, redis)
SAMPLE(cache_sample, cache)

static const char usage[] =
	"usage: redis [--cache] PORT COMMAND [ARGUMENT]...\n"
	"\n"
	"Start a server of Redis's protocol.  On connections that it accepts at TCP port\n"
	"PORT, it gets whole commands.\n"
	"\n"
	"  --cache  answer GETs of short values in the kernel.  The server must be a\n"
	"           redis-server that clients reach by this port only, without password;\n"
	"           see the README.  Counters are printed when it ends.\n";

static int serve_cached(int port, char **argv)
{
	struct sample sample = cache_sample();
	struct sample_server server = {
		.sample = &sample,
		.port = port,
		.argv = argv,
		.opts = {
			.sz = sizeof(server.opts),
			.flags = VNP_LINK_F_STREAM_PASS | VNP_LINK_F_REPLY_IDLE,
			.eof = VNP_EOF_DROP,
			.reply_bytes = ANSWERS,
		},
		.linked = fill_serve,
	};
	int err;

	sample.name = "redis";
	err = sample_load(&sample, &server.object);
	if (err)
		return err;
	err = fill_prepare(server.object);
	if (err)
		return sample_complain(&sample, "fill the list of commands", err);
	return sample_serve(&server);
}

int main(int argc, char **argv)
{
	const struct sample sample = redis_sample();
	int port;

	if (argc < 2 || strcmp(argv[1], "--cache"))
		return sample_serve_main(&sample, usage, argc, argv);
	port = argc < 4 ? 0 : sample_port(argv[2]);
	if (!port) {
		fputs(usage, stderr);
		return 2;
	}
	serve_cached(port, argv + 3);
	return 1;
}
