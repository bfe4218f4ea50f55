/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What programs for SRTP and the processes that load them share. */
#ifndef _VNP_SAMPLE_SRTP_H
#define _VNP_SAMPLE_SRTP_H

#include <linux/types.h>

#define SRTP_MKI_LEN	4	/* bytes of a master key's identifier in a packet, if any */
#define SRTP_WINDOW	1024	/* numbers that a stream remembers */
#define SRTP_STREAMS	256
#define SRTP_MASTERS	16	/* master keys at a time */

/* enum srtp_use - what a session key is for */
enum srtp_use {
	SRTP_RTP_CIPHER,
	SRTP_RTP_MAC,		/* of AES-CM and HMAC-SHA1 */
	SRTP_RTCP_CIPHER,
	SRTP_RTCP_MAC,
	SRTP_USES
};

/**
 * struct srtp_key_id - key in the map of session keys
 * @mki:	identifier of the master key, as it is in packets; without one 0
 * @use:	enum srtp_use
 */
struct srtp_key_id {
	__be32 mki;
	__u32 use;
};

/**
 * struct srtp_stream - key in the map of replay windows
 * @ssrc:	of the stream
 * @is_rtcp:	RTCP counts for itself
 */
struct srtp_stream {
	__be32 ssrc;
	__u32 is_rtcp;
};

/**
 * struct srtp_state - the program's global variables
 * @has_macs:	AES-CM and HMAC-SHA1-80 instead of AES-GCM
 * @mki_len:	0 or %SRTP_MKI_LEN
 * @opened:	packets that were passed, of RTP and RTCP
 * @replayed:	packets whose number was accepted before, or is too old
 */
struct srtp_state {
	__u32 has_macs;
	__u32 mki_len;
	__u64 opened;
	__u64 replayed;
};

#endif /* _VNP_SAMPLE_SRTP_H */
