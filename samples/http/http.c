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
