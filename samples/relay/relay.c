// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * relay: datagrams that arrive at a UDP port are sent to receivers that join and leave, in
 * the kernel.  This process only changes the list of receivers, and sleeps while media
 * flow.
 */
#include <stdio.h>
#include <stdlib.h>
#include "streams.h"

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

int main(int argc, char **argv)
{
	const struct relay_sample sample = streams_sample();
	const int port = argc == 3 ? sample_port(argv[1]) : 0;

	if (port)
		return relay_serve(&sample, port, argv[2]) ? 1 : 0;
	if (argc < 3) {
		fputs(usage, stderr);
		return 2;
	}
	return relay_ask(&sample, argv[1], argv + 2);
}
