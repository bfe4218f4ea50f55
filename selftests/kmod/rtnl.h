/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Interfaces of this network namespace, by rtnetlink: in a guest, executing ip(8) takes
 * longer than most tests.
 */
#ifndef _VNP_TEST_RTNL_H
#define _VNP_TEST_RTNL_H

struct rtnl_link_stats64;

/* rtnl_veth() - a veth pair with equal addresses; the other end is in another namespace */
int rtnl_veth(const char *name, const char *peer, int peer_netns, const char *mac);

/*
 * rtnl_up_silent() - set an interface up that sends nothing by itself: no ARP, no
 * neighbour discovery, no address of its own in IPv6
 */
int rtnl_up_silent(const char *name);

/* rtnl_addr() - give it an address, IPv4 or IPv6, at once (without detecting duplicates) */
int rtnl_addr(const char *name, const char *address, int prefix_len);

/* rtnl_stats() - the counters of an interface; those that the kernel does not have are 0 */
int rtnl_stats(const char *name, struct rtnl_link_stats64 *stats);

#endif /* _VNP_TEST_RTNL_H */
