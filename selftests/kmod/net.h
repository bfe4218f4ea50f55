/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Private networks of a test: namespaces that end with the test, and their devices.  For
 * an ordinary user they are in a user namespace, where the user is root, but not for
 * /dev/vnp.
 */
#ifndef _VNP_TEST_NET_H
#define _VNP_TEST_NET_H

#include "common.h"

/*
 * netns_new() - enter a new network namespace, with lo up; as_root() is not valid
 * afterwards
 */
int netns_new(void);

/* netns_another() - enter another one after netns_new(); netns_here() - a descriptor for
 * setns() */
int netns_another(void);
int netns_here(void);

/* netns_received() - datagrams that applications of this namespace have received, or -1 */
long netns_received(bool ip6);

/*
 * backlog_drops() - packets that the CPUs have dropped, as too many waited for one; on lo these are
 * lost
 */
long backlog_drops(void);

/* ip_batch() - execute commands of ip, a line each.  Return: 0 or negative */
int ip_batch(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * tun_open() - a new device of this namespace, down: IFF_TUN or IFF_TAP, with other flags of
 * TUNSETIFF.  Return: the descriptor for its packets, opened with @flags
 */
int tun_open(const char *name, int type, int flags);

/* if_mtu() - set an interface's MTU */
int if_mtu(const char *name, int mtu);

/* if_checksum() - have the interface compute checksums, or the stack */
int if_checksum(const char *name, bool on);

/* if_feature() - set a feature by its name in ethtool -k: "rx-gro" */
int if_feature(const char *name, const char *feature, bool on);

/*
 * if_patience() - set how long a device of @netns delays datagrams for merging; 0: no
 * delay
 */
int if_patience(int netns, const char *name, long patience_ns);

/*
 * sniffer_open() - a socket that gets all packets @netns' stack gets, from the network
 * header
 */
int sniffer_open(int netns, int protocol);

/* sniffer_widest() - receive all packets.  Return: bytes of the largest one */
int sniffer_widest(int tap);

/*
 * sum16() - the Internet checksum of bytes, added to @sum, not folded; fold16() - folds it, not
 * inverted, in network byte order
 */
__u32 sum16(const void *data, size_t len, __u32 sum);
__u16 fold16(__u32 sum);

/* raw_udp() - a datagram from 127.0.0.1 with this checksum; 0: none */
int raw_udp(__u16 port, const void *data, size_t len, __u16 checksum);

#endif /* _VNP_TEST_NET_H */
