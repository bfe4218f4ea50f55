/* SPDX-License-Identifier: GPL-2.0 */
/*
 * TCP connections with a link.  Each message contains the verdict on it: it begins with a header of
 * four bytes, the verdict and the length of what follows, big-endian.
 */
#ifndef _VNP_TEST_STREAM_H
#define _VNP_TEST_STREAM_H

#include "common.h"

#define STREAM_HEADER	4

/* First bytes of a message */
enum {
	MSG_PASS = 'P',
	MSG_HOLD = 'H',
	MSG_DROP = 'D',
	MSG_LAST = 'L',		/* the verdict is in its last byte */
	MSG_NONE = 'X',		/* where there is no message */
	MSG_ENDLESS = 'E',	/* its length is never known */
};

/**
 * struct conn - a connection
 * @rx:		the end that is linked; reading it has a timeout
 * @tx:		the other
 * @link:	descriptor, or -1
 */
struct conn {
	int rx;
	int tx;
	int link;
};

/* conn_open() - over lo; @rcvbuf: SO_RCVBUF of @rx before it connects, or 0 */
int conn_open(struct conn *conn, enum flow_kind kind, int rcvbuf);
void conn_close(struct conn *conn);

/*
 * stream_listen() - a socket that listens on lo; @rcvbuf: SO_RCVBUF, or 0.  conn_begin() - a
 * connection to it, with @conn->tx only.  conn_accept() - accept it
 */
int stream_listen(enum flow_kind kind, int rcvbuf);
int conn_begin(struct conn *conn, int listener);
int conn_accept(struct conn *conn, int listener);

/* stream_link() - a socket, with VNP_LINK_F_MESSAGE, @flags and @eof.  Return: descriptor */
int stream_link(int sock, __u32 flags, __u32 eof);

/* stream_link_with() - likewise, with these arguments; @size is filled in */
int stream_link_with(int dev, struct vnp_link_create attr);

/* conn_link() - likewise @rx.  Return: 0 or negative */
int conn_link(struct conn *conn, __u32 flags, __u32 eof);

/* conn_link_to() - the same, to programs of these descriptors */
int conn_link_to(struct conn *conn, int dev, int stream, int message, __u32 flags, __u32 eof);

/* link_of_socket() - a descriptor of the socket's link, found by the list; or negative */
int link_of_socket(int dev, int sock, struct vnp_link_info *info);

/* conn_put() - send it all; 0 or negative */
int conn_put(struct conn *conn, const void *data, size_t len);

/* conn_arrived() - wait until so many bytes have arrived since the connection began */
int conn_arrived(struct conn *conn, __u64 bytes);

/* stream_quiet() - is there nothing to read, as FIONREAD, poll() and recv() report it? 1, 0 */
int stream_quiet(int sock);

/* stream_progs() - the programs of types VNP_PROG_STREAM and VNP_PROG_MESSAGE */
int stream_progs(int dev, int *stream, int *message);

/* stream_verdict() - a program of type VNP_PROG_MESSAGE that always returns this verdict */
int stream_verdict(int dev, int verdict);

/* message_make() - a whole message of @len bytes; returns @len */
size_t message_make(void *to, char type, size_t len, unsigned int seed);

#endif /* _VNP_TEST_STREAM_H */
