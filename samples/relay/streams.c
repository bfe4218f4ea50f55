// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include <errno.h>
#include <stdio.h>
#include <sys/random.h>
#include <vnp/libvnp.h>
#include "streams.h"

SAMPLE(relay_sample, relay)

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

struct relay_sample streams_sample(void)
{
	return (struct relay_sample){
		.sample = relay_sample(),
		.ops = &ops,
		.max = RELAY_MEMBERS,
		.report = report,
	};
}
