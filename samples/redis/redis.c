// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * redis: start a server of Redis's protocol, such as redis-server, that is woken for commands
 * that are whole.
 */
#include <stdio.h>
#include "../serve.h"

SAMPLE(redis_sample, redis)

static const char usage[] =
	"usage: redis PORT COMMAND [ARGUMENT]...\n"
	"\n"
	"Start a server of Redis's protocol.  On connections that it accepts at TCP port\n"
	"PORT, it gets whole commands.\n";

int main(int argc, char **argv)
{
	const struct sample sample = redis_sample();
	const struct vnp_link_opts opts = {
		.sz = sizeof(opts),
		.flags = VNP_LINK_F_FAULT_PASS | VNP_LINK_F_STREAM_PASS,
		.eof = VNP_EOF_DROP,
	};

	if (argc < 3 || !sample_port(argv[1])) {
		fputs(usage, stderr);
		return 2;
	}
	sample_serve(&sample, sample_port(argv[1]), &opts, argv + 2);
	return 1;
}
