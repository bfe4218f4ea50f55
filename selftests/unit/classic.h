/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Classic BPF for tests: what it means, the slow and obvious way, and programs and
 * packets by chance.
 */
#ifndef _VNP_UNIT_CLASSIC_H
#define _VNP_UNIT_CLASSIC_H

#include <stdbool.h>
#include <linux/filter.h>
#include <linux/types.h>

#define CLASSIC_INSNS_MAX	160
#define CLASSIC_PACKET_MAX	512

/**
 * struct classic_packet - an IP packet as a classic program finds it
 * @frame:	from the link-layer header on
 * @link_len:	how long that is
 * @len:	bytes of the IP packet
 * @ifindex:	interface
 * @random:	what a load of a random number gives
 */
struct classic_packet {
	__u8 frame[14 + CLASSIC_PACKET_MAX];
	__u32 link_len;
	__u32 len;
	__u32 ifindex;
	__u32 random;
};

/**
 * classic_run() - what a classic program returns
 * @insns:	checked
 * @packet:	the packet
 * @whole:	out: it came to "ret", and no load or division ended it before; or NULL
 */
__u32 classic_run(const struct sock_filter *insns, const struct classic_packet *packet,
		  bool *whole);

/* classic_program() - for each seed another, that the kernel would take */
__u32 classic_program(__u64 seed, struct sock_filter *insns);

/* classic_packet() - likewise; UDP in IPv4 or IPv6, mostly, with options */
void classic_packet(__u64 seed, __u32 link_len, struct classic_packet *packet);

#endif /* _VNP_UNIT_CLASSIC_H */
