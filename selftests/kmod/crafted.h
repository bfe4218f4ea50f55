/* SPDX-License-Identifier: GPL-2.0 */
/* A TCP peer whose segments are made by the test: any length, in any order. */
#ifndef _VNP_TEST_CRAFTED_H
#define _VNP_TEST_CRAFTED_H

#include "stream.h"

/**
 * struct crafted - a connection to such a peer
 * @conn:	the end that is linked; without @tx
 * @tun:	the interface that the peer's packets come from
 * @port:	the port of @conn
 * @first:	sequence number of the first byte
 * @ack:	what the peer acknowledges
 */
struct crafted {
	struct conn conn;
	int tun;
	__u16 port;
	__u32 first;
	__u32 ack;
};

/*
 * crafted_enter() - enter a network namespace that has the peer.  crafted_connect() - a connection
 * from the peer; @rcvbuf: SO_RCVBUF, or 0
 */
int crafted_enter(struct crafted *peer);
int crafted_connect(struct crafted *peer, int rcvbuf);

/*
 * crafted_open() - both.  @rcvbuf: likewise, or negative: tcp_rmem is set to that.
 * Return: 0; -ENODEV: there is no tun; or another errno
 */
int crafted_open(struct crafted *peer, int rcvbuf);
void crafted_close(struct crafted *peer);

/* crafted_send() - a segment with bytes of the stream from @at on.  Return: 0 or negative */
int crafted_send(struct crafted *peer, __u32 at, const void *data, size_t len);

/*
 * crafted_unreachable() - send an ICMP error (host unreachable) about the segment of @conn that
 * begins at @ack.  Return: likewise
 */
int crafted_unreachable(struct crafted *peer);

#endif /* _VNP_TEST_CRAFTED_H */
