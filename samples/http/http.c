// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * http: start a web server, such as nginx, that is woken for requests whose header is
 * complete.
 */
#include <stdio.h>
#include "../serve.h"

SAMPLE(http_sample, http)

static const char usage[] =
	"usage: http PORT COMMAND [ARGUMENT]...\n"
	"\n"
	"Start a web server.  On connections that it accepts at TCP port PORT, it gets\n"
	"requests whose header is complete.\n";

int main(int argc, char **argv)
{
	const struct sample sample = http_sample();

	return sample_serve_main(&sample, usage, argc, argv);
}
