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

	return sample_serve_main(&sample, usage, argc, argv);
}
