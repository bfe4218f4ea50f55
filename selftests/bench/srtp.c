// SPDX-License-Identifier: GPL-2.0
/*
 * libsrtp, with AES-128-GCM and a tag of 16 bytes.  It refuses a packet that it has opened before,
 * so each round of a measurement has a session of its own, all made before the first round.
 */
#include <arpa/inet.h>
#include <srtp2/srtp.h>
#include <string.h>

#include "aead.h"
#include "bench.h"
#include "srtp.h"

#define ROUNDS		(WARM + BATCHES)
#define VERSION		0x80	/* the first byte of a packet of RTP */
#define SSRC		0x12345678

/* struct rtp - a header of RTP; instead of @first arrives what says whether it is forged */
struct rtp {
	__u8 first;
	__u8 type;
	__be16 seq;
	__be32 timestamp;
	__be32 ssrc;
};

static __u8 key[SRTP_AES_GCM_128_KEY_LEN_WSALT] = "a key and a salt, both known";
static srtp_t sealer, openers[ROUNDS];
static long opened;

static srtp_t session(void)
{
	srtp_policy_t policy = {
		.ssrc = { .type = ssrc_specific, .value = SSRC },
		.key = key,
	};
	srtp_t srtp;

	srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtp);
	srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtcp);
	if (srtp_create(&srtp, &policy))
		die("libsrtp does not accept the key.");
	return srtp;
}

void srtp_begin(void)
{
	int i;

	if (srtp_init())
		die("libsrtp cannot be used.");
	sealer = session();
	for (i = 0; i < ROUNDS; i++)
		openers[i] = session();
	opened = 0;
}

void srtp_end(void)
{
	int i;

	srtp_dealloc(sealer);
	for (i = 0; i < ROUNDS; i++)
		srtp_dealloc(openers[i]);
	srtp_shutdown();
}

void srtp_seal(__u8 *packet, int i, int text)
{
	const struct rtp rtp = {
		.first = VERSION,
		.type = 96,
		.seq = htons(i + 1),
		.timestamp = htonl(i),
		.ssrc = htonl(SSRC),
	};
	const __u8 first = packet[0];
	int len = sizeof(rtp) + text;

	memcpy(packet, &rtp, sizeof(rtp));
	if (srtp_protect(sealer, packet, &len) || len != (int)sizeof(rtp) + text + AEAD_TAG)
		die("libsrtp does not seal.");
	packet[0] = first;
}

int srtp_open(__u8 *packet, int len)
{
	const __u8 first = packet[0];
	srtp_t opener;
	int err;

	/* The last receive call returns nothing. */
	if (!len)
		return -1;
	opener = openers[opened++ / TRAFFIC_CNT];
	packet[0] = VERSION;
	err = srtp_unprotect(opener, packet, &len);
	packet[0] = first;
	return err ? -1 : len;
}
