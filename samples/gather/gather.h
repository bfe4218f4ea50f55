/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Shared by senders, the program and the receiver. */
#ifndef _VNP_SAMPLE_GATHER_H
#define _VNP_SAMPLE_GATHER_H

#include <linux/types.h>

/* A datagram's payload fits into one Ethernet frame. */
#define GATHER_DATAGRAM_MAX	1400

/* struct gather_header - header of a datagram, in network byte order */
struct gather_header {
	__be32 rank;		/* of the sender */
	__be32 record;		/* number of the record */
	__be16 index;		/* of this fragment */
	__be16 cnt;		/* fragments of the record */
};

#define GATHER_BYTES_MAX	(GATHER_DATAGRAM_MAX - sizeof(struct gather_header))

/* struct gather_receipt - what is sent back for a record */
struct gather_receipt {
	__be32 bytes;
	__be32 sum;		/* gather_sum() */
};

/* gather_sum() - checksum of a record (FNV-1a) */
static inline __u32 gather_sum(const __u8 *data, __u32 len)
{
	__u32 sum = 2166136261u, i;

	for (i = 0; i < len; i++)
		sum = (sum ^ data[i]) * 16777619u;
	return sum;
}

#endif /* _VNP_SAMPLE_GATHER_H */
