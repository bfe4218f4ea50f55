/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Shared by the program and the process that manages the list of receivers. */
#ifndef _RELAY_H
#define _RELAY_H

#include <linux/types.h>

#define RELAY_MEMBERS	64

/* The RTP header, RFC 3550 */
struct relay_rtp {
	__u8 first;
	__u8 type;
	__be16 sequence;
	__be32 timestamp;
	__be32 ssrc;
};

/**
 * struct relay_key - of a receiver, in the group and in the map of streams
 * @group:	always 0
 * @member:	no receiver that joins later gets the same
 */
struct relay_key {
	__u32 group;
	__u32 member;
};

/**
 * struct relay_stream - the stream that a receiver gets
 * @position:	from the most significant bits: SSRC of the source, 32 bits; the constant
 *		that is added to its sequence numbers, 16 bits; the receiver's next sequence
 *		number, 16 bits
 * @ssrc:	SSRC of the stream
 * @unused:	zero
 *
 * With a new source, the sequence numbers continue.
 */
struct relay_stream {
	__u64 position;
	__be32 ssrc;
	__u32 unused;
};

/**
 * struct relay_state - the program's global variables
 * @slots:	entries of @members that are in use, or more
 * @members:	the keys of receivers, 0: no receiver
 * @rtp:	RTP datagrams
 * @raw:	other datagrams, which were sent unchanged
 * @rtcp:	RTCP datagrams, which were not sent
 */
struct relay_state {
	__u32 slots;
	__u32 members[RELAY_MEMBERS];
	__u64 rtp;
	__u64 raw;
	__u64 rtcp;
};

#endif /* _RELAY_H */
