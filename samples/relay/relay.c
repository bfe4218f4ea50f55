// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * relay: datagrams that arrive at a UDP port are sent to receivers that join and leave, in
 * the kernel.  This process only changes the list of receivers, and sleeps while media
 * flow.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <vnp/libvnp.h>
#include "serve.h"

/* relay.bpf.o, which is linked into this program */
extern const char _binary_relay_bpf_o_start[];
extern const char _binary_relay_bpf_o_end[];

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

/* The stream begins with any sequence number. */
static int start(struct members *members, struct member *member, char *key)
{
	const struct relay_key id = { .member = member->id };
	struct relay_stream stream = {};
	__u16 first;

	(void)key;
	if (getrandom(&member->ssrc, sizeof(member->ssrc), 0) < 0 ||
	    getrandom(&first, sizeof(first), 0) < 0)
		return -errno;
	stream.ssrc = member->ssrc;
	stream.position = first;
	return vnp_map_update(members->streams, &id, &stream, VNP_MAP_NOEXIST);
}

static void stop(struct members *members, const struct member *member)
{
	const struct relay_key id = { .member = member->id };

	vnp_map_delete(members->streams, &id);
}

static const struct members_ops ops = { .start = start, .stop = stop };

static void report(const struct members *members, const struct vnp_link_info *info)
{
	const volatile struct relay_state *state = members->state;

	(void)info;
	printf("%llu of RTP, %llu others, %llu of RTCP\n", state->rtp, state->raw, state->rtcp);
}

int main(int argc, char **argv)
{
	const struct relay_sample sample = {
		.name = "relay",
		.elf = _binary_relay_bpf_o_start,
		.elf_len = _binary_relay_bpf_o_end - _binary_relay_bpf_o_start,
		.ops = &ops,
		.max = RELAY_MEMBERS,
		.report = report,
	};
	const int port = argc == 3 ? atoi(argv[1]) : 0;

	if (port > 0 && port <= 65535)
		return relay_serve(&sample, port, argv[2]) ? 1 : 0;
	if (argc < 3 || port) {
		fputs(usage, stderr);
		return 2;
	}
	return relay_ask(&sample, argv[1], argv + 2);
}
