// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * srtp: decrypt SRTP for a process that only knows RTP.  Packets that are not authentic do not
 * reach it.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../common.h"
#include "session.h"

SAMPLE(srtp_sample, srtp)

static const char usage[] =
	"usage: srtp PID PORT PROFILE [mki]\n"
	"\n"
	"Open what process PID receives on UDP port PORT as SRTP and SRTCP.  PROFILE is\n"
	"aes-128-gcm, aes-256-gcm or aes-128-cm-hmac-sha1-80.\n"
	"\n"
	"Lines of standard input set keys: master key and salt as hex digits, with \"mki\"\n"
	"after a number that packets have as identifier, of four bytes.  A key with the same\n"
	"number is replaced.  At the end of input the program is removed from the socket.\n"
	"\n"
	"You need to be the user that runs the process, and in group vnp.\n";

static int complain(const char *failed, int err)
{
	const struct sample sample = srtp_sample();

	return sample_complain(&sample, failed, err);
}

/**
 * struct srtp - what this process has
 * @profile:	how packets are protected
 * @has_mki:	packets say which master key
 * @obj:	the program and its maps
 * @state:	its global variables
 * @link:	the program's link to the socket
 */
struct srtp {
	const struct srtp_profile *profile;
	int has_mki;
	struct vnp_object *obj;
	volatile struct srtp_state *state;
	struct vnp_link *link;
};

static int load(struct srtp *srtp)
{
	const struct sample sample = srtp_sample();
	int err = sample_load(&sample, &srtp->obj);

	if (err)
		return err;
	srtp->state = sample_variables(&sample, srtp->obj);
	if (!srtp->state)
		return -ENOMEM;
	srtp->state->has_macs = srtp->profile->mac != 0;
	srtp->state->mki_len = srtp->has_mki ? SRTP_MKI_LEN : 0;
	return 0;
}

static int attach(struct srtp *srtp, pid_t pid, const char *port)
{
	struct vnp_socket *socks;
	char spec[32];
	size_t cnt;
	int err;

	snprintf(spec, sizeof(spec), "udp:%s", port);
	err = vnp_socket_find(pid, spec, NULL, &socks, &cnt);
	if (err)
		return complain("take the socket", err);
	if (cnt == 1)
		err = vnp_link_attach(vnp_object_find_program(srtp->obj, "srtp"), socks->fd,
				      NULL, &srtp->link);
	else
		err = -EEXIST;
	if (err)
		complain("link the socket; the process must have only one at this port", err);
	vnp_socket_free(socks, cnt);
	return err;
}

/* "[NUMBER ]HEX" */
static int set_key(struct srtp *srtp, char *line)
{
	unsigned long mki = 0;
	char *at = line;
	int err;

	line[strcspn(line, "\n")] = 0;
	if (srtp->has_mki) {
		mki = strtoul(line, &at, 0);
		at += strspn(at, " ");
	}
	err = srtp_session_set(vnp_object_find_map(srtp->obj, "keys"), srtp->profile, mki,
			       false, at);
	return err ? complain("set the key", err) : 0;
}

static void report(const struct srtp *srtp)
{
	struct vnp_link_info info = { .size = sizeof(info) };

	if (vnp_link_get_info(srtp->link, &info))
		return;
	printf("%llu opened, %llu dropped: %llu not authentic, %llu replayed\n",
	       srtp->state->opened, info.verdicts[VNP_DROP], info.errors[VNP_ERROR_AUTH],
	       srtp->state->replayed);
}

int main(int argc, char **argv)
{
	const int pid = argc < 4 ? 0 : sample_number(argv[1], INT_MAX);
	struct srtp srtp = { 0 };
	char line[256];

	if (argc > 3)
		srtp.profile = srtp_profile_find(argv[3]);
	srtp.has_mki = argc == 5 && !strcmp(argv[4], "mki");
	if (!pid || argc != 4 + srtp.has_mki || !srtp.profile || !sample_port(argv[2])) {
		fputs(usage, stderr);
		return 2;
	}
	/* Unbuffered, so that no copy of the key stays in memory of the C library */
	setvbuf(stdin, NULL, _IONBF, 0);
	if (load(&srtp))
		return 1;
	/* Keys first, so that no packet reaches the process before it can be decrypted */
	while (fgets(line, sizeof(line), stdin)) {
		if (set_key(&srtp, line))
			continue;
		if (!srtp.link && attach(&srtp, pid, argv[2]))
			return 1;
		printf("key set\n");
		fflush(stdout);
	}
	if (!srtp.link)
		return complain("start", -ENOKEY), 1;
	report(&srtp);
	vnp_link_detach(srtp.link);
	vnp_link_close(srtp.link);
	vnp_object_close(srtp.obj);
	return 0;
}
