/* SPDX-License-Identifier: GPL-2.0 */
/* Values of maps of peers */
#ifndef _VNP_TEST_PEER_H
#define _VNP_TEST_PEER_H

#include <sys/socket.h>
#include <linux/vnp.h>

struct flow;

/* peer_at() - the peer with this address */
struct vnp_peer peer_at(const struct sockaddr_storage *addr);

/* peer_of() - the peer that a socket is bound to */
struct vnp_peer peer_of(int sock);

/* peer_ip4() - the peer at an IPv4 address, which is given as text */
struct vnp_peer peer_ip4(const char *address, __u16 port);

/*
 * peer_receiver() - a socket in the network of the flow's sender; recv() on it has a timeout.  Return:
 * it, or a negative errno
 */
int peer_receiver(const struct flow *flow);

/* peer_errors() - datagrams that were not sent, for any reason */
__u64 peer_errors(const struct vnp_peer *peer);

#endif /* _VNP_TEST_PEER_H */
