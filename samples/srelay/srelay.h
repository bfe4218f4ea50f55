/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Shared by the program and the process that manages the list of receivers. */
#ifndef _VNP_SAMPLE_SRELAY_H
#define _VNP_SAMPLE_SRELAY_H

#include "../relay/relay.h"
#include "../srtp/srtp.h"

#define SRELAY_MEMBERS	8	/* receivers at most */

/*
 * What an execution may cost: enough for packets of 2,500 bytes to all receivers.  An ordinary user
 * may have this only if hardening needs no barriers (VNP_PROG_LOAD).
 */
#define SRELAY_BUDGET	131072

/* Master keys: that of the sender is 0, others have the number of their receiver */
#define SRELAY_SENDER	0

/**
 * struct srelay_stream - the stream that a receiver gets
 * @added:	what is added to the sender's 48-bit numbers, and SRELAY_ADDED; 0: its first packet is
 *		still to come
 * @ssrc:	SSRC of the stream
 * @first:	number of its first packet, less than 2^15: receivers assume a rollover counter of 0
 * @rtcp:	number of its next packet of SRTCP, at most 2^31
 */
struct srelay_stream {
	__u64 added;
	__be32 ssrc;
	__u32 first;
	__u64 rtcp;
};

#define SRELAY_ADDED	(1ULL << 63)

/**
 * struct srelay_state - the program's global variables
 * @relay:	the receivers, and counters
 * @srtp:	of the packets that are opened
 * @source:	SSRC of the sender's stream: that of the first authentic packet.  0: none yet
 * @unused:	zero
 * @foreign:	authentic packets of other streams, which were not sent
 */
struct srelay_state {
	struct relay_state relay;
	struct srtp_state srtp;
	__be32 source;
	__u32 unused;
	__u64 foreign;
};

#endif /* _VNP_SAMPLE_SRELAY_H */
