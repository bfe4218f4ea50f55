// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * srelay: SRTP and SRTCP that arrive at a UDP port are opened, and sealed for receivers that join
 * and leave, in the kernel.  This process only changes the list of receivers, and sleeps while
 * media flow.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <vnp/libvnp.h>
#include "../relay/serve.h"
#include "../srtp/session.h"
#include "srelay.h"

SAMPLE(srelay_sample, srelay)

static const char usage[] =
	"usage: srelay PORT SOCKET PROFILE\n"
	"       srelay SOCKET join HOST:PORT\n"
	"       srelay SOCKET leave HOST:PORT\n"
	"       srelay SOCKET list\n"
	"\n"
	"Open what arrives at UDP port PORT as SRTP and SRTCP, and send it to all receivers,\n"
	"sealed for each with its own key, SSRC and numbers.  PROFILE is aes-128-gcm,\n"
	"aes-256-gcm or aes-128-cm-hmac-sha1-80.\n"
	"\n"
	"The first line of standard input is a master key and its salt as hex digits: with\n"
	"PORT the sender's, with join the receiver's, which must not have been used before.\n"
	"The commands are also taken as lines that are written to the Unix socket SOCKET;\n"
	"there the key follows the address.  It ends at SIGINT or SIGTERM, and prints its\n"
	"counters.\n";

/* How packets are protected, and the sender's key */
static const struct srtp_profile *profile;
static char sender_key[256];

static struct srelay_state volatile *state_of(const struct members *members)
{
	return (struct srelay_state volatile *)members->state;
}

static int read_key(char *line, size_t size)
{
	/* The key is not to be in a buffer of the library's. */
	setvbuf(stdin, NULL, _IONBF, 0);
	if (!fgets(line, size, stdin))
		return -ENOKEY;
	line[strcspn(line, "\n")] = 0;
	return 0;
}

static int start(struct members *members, struct member *member, char *key)
{
	const struct relay_key id = { .member = member->id };
	struct srelay_stream stream = {};
	__u16 first;
	int err;

	if (getrandom(&member->ssrc, sizeof(member->ssrc), 0) < 0 ||
	    getrandom(&first, sizeof(first), 0) < 0)
		return -errno;
	stream.ssrc = member->ssrc;
	stream.first = first & 0x7fff;
	err = srtp_session_set(members->keys, profile, member->id, true, key);
	if (!err)
		err = vnp_map_update(members->streams, &id, &stream, VNP_MAP_NOEXIST);
	if (err)
		srtp_session_unset(members->keys, member->id);
	return err;
}

/* The key first: with it, nothing is sealed as a packet of another stream. */
static void stop(struct members *members, const struct member *member)
{
	const struct relay_key id = { .member = member->id };

	srtp_session_unset(members->keys, member->id);
	vnp_map_delete(members->streams, &id);
}

static const struct members_ops ops = { .wants_key = true, .start = start, .stop = stop };

static int prepare(struct members *members)
{
	int err;

	state_of(members)->srtp.has_macs = profile->mac != 0;
	err = srtp_session_set(members->keys, profile, SRELAY_SENDER, false, sender_key);
	if (err)
		fprintf(stderr, "srelay: cannot set the sender's key: %s\n", strerror(-err));
	return err;
}

static void report(const struct members *members, const struct vnp_link_info *info)
{
	const struct srelay_state volatile *state = state_of(members);

	printf("%llu of RTP and %llu of RTCP relayed, %llu not authentic, %llu replayed, %llu of other streams\n",
	       state->relay.rtp, state->relay.rtcp, info->errors[VNP_ERROR_AUTH],
	       state->srtp.replayed, state->foreign);
}

static int join(const struct relay_sample *relay, char **argv)
{
	char key[256], *words[] = { argv[2], argv[3], key, NULL };
	int status;

	if (read_key(key, sizeof(key)))
		return sample_complain(&relay->sample, "read the key", -ENOKEY), 1;
	status = relay_ask(relay, argv[1], words);
	explicit_bzero(key, sizeof(key));
	return status;
}

int main(int argc, char **argv)
{
	const int port = argc == 4 ? sample_port(argv[1]) : 0;
	const struct relay_sample relay = {
		.sample = srelay_sample(),
		.ops = &ops,
		.max = SRELAY_MEMBERS,
		.budget = SRELAY_BUDGET,
		.prepare = prepare,
		.report = report,
	};

	if (port)
		profile = srtp_profile_find(argv[3]);
	if (argc < 3 || !port != !profile) {
		fputs(usage, stderr);
		return 2;
	}
	if (!profile)
		return argc == 4 && !strcmp(argv[2], "join") ? join(&relay, argv) :
							       relay_ask(&relay, argv[1], argv + 2);
	if (read_key(sender_key, sizeof(sender_key)))
		return sample_complain(&relay.sample, "read the key", -ENOKEY), 1;
	return relay_serve(&relay, port, argv[2]) ? 1 : 0;
}
