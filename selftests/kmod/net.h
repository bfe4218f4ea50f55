/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Networks of a test's own: namespaces that end with the test.  An ordinary user
 * has them in a user namespace, where he is root but not /dev/vnp's.
 */
#ifndef _VNP_TEST_NET_H
#define _VNP_TEST_NET_H

#include "common.h"

/* netns_new() - be in a new network namespace, with lo up; as_root() lies after it */
int netns_new(void);

/* if_mtu() - set an interface's MTU */
int if_mtu(const char *name, int mtu);

/* if_checksum() - have the interface compute checksums, or the stack */
int if_checksum(const char *name, bool on);

/**
 * struct wire - two namespaces with a veth pair between them
 * @here:	where the process is after wire_new(): interface "tx0",
 *		addresses 10.9.0.2 and fd09::2
 * @there:	interface "rx0", addresses 10.9.0.1 and fd09::1
 */
struct wire {
	int here;
	int there;
};

int wire_new(struct wire *wire);

/* wire_flow() - a flow from here to there, IPv4 or IPv6 */
int wire_flow(const struct wire *wire, struct flow *flow, enum flow_kind kind);

/* raw_udp() - a datagram from 127.0.0.1 with this checksum; 0: none */
int raw_udp(__u16 port, const void *data, size_t len, __u16 checksum);

#endif /* _VNP_TEST_NET_H */
