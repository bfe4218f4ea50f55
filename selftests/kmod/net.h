/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Networks of a test's own: namespaces that end with the test, and their devices.  An
 * ordinary user has them in a user namespace, where he is root but not /dev/vnp's.
 */
#ifndef _VNP_TEST_NET_H
#define _VNP_TEST_NET_H

#include "common.h"

/* netns_new() - be in a new network namespace, with lo up; as_root() lies after it */
int netns_new(void);

/* netns_another() - in one more, by one who has had that; netns_here() - what setns() wants */
int netns_another(void);
int netns_here(void);

/* ip_batch() - run commands of ip, a line each.  Return: 0 or negative */
int ip_batch(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* if_mtu() - set an interface's MTU */
int if_mtu(const char *name, int mtu);

/* if_checksum() - have the interface compute checksums, or the stack */
int if_checksum(const char *name, bool on);

/* if_feature() - set a feature by the name that ethtool -k gives it: "rx-gro" */
int if_feature(const char *name, const char *feature, bool on);

/* if_patience() - how long a device of @netns waits for what may merge; 0: not at all */
int if_patience(int netns, const char *name, long patience_ns);

/* sniffer_open() - a socket that gets what @netns' stack does, with network header on */
int sniffer_open(int netns, int protocol);

/* sniffer_widest() - take all that has come.  Return: bytes of the largest packet */
int sniffer_widest(int tap);

/* raw_udp() - a datagram from 127.0.0.1 with this checksum; 0: none */
int raw_udp(__u16 port, const void *data, size_t len, __u16 checksum);

#endif /* _VNP_TEST_NET_H */
