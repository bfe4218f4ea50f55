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

/* if_feature() - set a feature by the name that ethtool -k gives it: "rx-gro" */
int if_feature(const char *name, const char *feature, bool on);

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

/* wire_flow() - a flow from here to there; of FLOW_MAPPED, @tx_addr is not mapped */
int wire_flow(const struct wire *wire, struct flow *flow, enum flow_kind kind);

/*
 * wire_merge() - have the receiving end merge datagrams that arrive within
 * @patience_ns of each other; 0: those that arrive at the same time
 */
int wire_merge(const struct wire *wire, long patience_ns);

/* raw_udp() - a datagram from 127.0.0.1 with this checksum; 0: none */
int raw_udp(__u16 port, const void *data, size_t len, __u16 checksum);

#endif /* _VNP_TEST_NET_H */
