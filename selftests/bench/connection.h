/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A TCP connection whose peer is the card: its segments have numbers that are known, as the
 * socket is made by TCP_REPAIR, and what the socket sends (ACKs) is not looked at.  The peer does
 * not wait for them: it sends as a peer would whose window is never full.  What the application
 * sends is acknowledged where that is known beforehand.
 */
#ifndef _VNP_BENCH_CONNECTION_H
#define _VNP_BENCH_CONNECTION_H

#include <stddef.h>
#include <linux/types.h>

#define SEGMENT_LEN	1448	/* bytes of a segment, as on Ethernet with timestamps */

/**
 * struct connection - a connection
 * @sock:	the socket
 * @port:	the peer's
 * @seq:	of the next byte that the peer sends
 * @ack:	what the next segments acknowledge
 * @frames:	the segments of the stream that was loaded last
 */
struct connection {
	int sock;
	__u16 port;
	__u32 seq;
	__u32 ack;
	int frames;
};

/* connection_open() - an established connection, on which nothing was sent */
void connection_open(struct connection *conn);

/* connection_close() - without a FIN; the socket may be used by others until it is closed */
void connection_close(struct connection *conn);

/* connection_load() - have the card send these bytes next; rig_play() makes them arrive */
void connection_load(struct connection *conn, const void *data, size_t len);

/*
 * The same, step by step, from conn->frames = 0 on: connection_add() - segments of these bytes;
 * connection_add_ack() - one without bytes; connection_commit() - have the card send them
 */
void connection_add(struct connection *conn, const void *data, size_t len);
void connection_add_ack(struct connection *conn);
void connection_commit(const struct connection *conn);

#endif /* _VNP_BENCH_CONNECTION_H */
