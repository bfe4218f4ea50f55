/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Classic BPF for tests: a simple interpreter, and random programs and packets.
 */
#ifndef _VNP_UNIT_CLASSIC_H
#define _VNP_UNIT_CLASSIC_H

#include <stdbool.h>
#include <linux/filter.h>
#include <linux/types.h>

#define CLASSIC_INSNS_MAX	160
#define CLASSIC_PACKET_MAX	512

/**
 * struct classic_packet - an IP packet as a classic program sees it
 * @frame:	the frame, beginning with the link-layer header
 * @link_len:	length of that header
 * @len:	bytes of the IP packet
 * @ifindex:	interface
 * @random:	result of a load of a random number
 */
struct classic_packet {
	__u8 frame[14 + CLASSIC_PACKET_MAX];
	__u32 link_len;
	__u32 len;
	__u32 ifindex;
	__u32 random;
};

/**
 * classic_run() - the return value of a classic program
 * @insns:	a valid program
 * @packet:	the packet
 * @whole:	out: it was executed up to a "ret", and not ended by a load or division; or
 *		NULL
 */
__u32 classic_run(const struct sock_filter *insns, const struct classic_packet *packet,
		  bool *whole);

/* classic_program() - a valid program, determined by the seed */
__u32 classic_program(__u64 seed, struct sock_filter *insns);

/*
 * classic_packet() - a packet, determined by the seed; mostly UDP over IPv4 or IPv6, with
 * options
 */
void classic_packet(__u64 seed, __u32 link_len, struct classic_packet *packet);

#endif /* _VNP_UNIT_CLASSIC_H */
