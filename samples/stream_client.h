/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Tests of samples for streams: a TCP connection to a server on this host */
#ifndef _VNP_SAMPLE_STREAM_CLIENT_H
#define _VNP_SAMPLE_STREAM_CLIENT_H

#include <stddef.h>

/*
 * stream_connect() - a connection, whose receive calls wait for @timeout_s seconds; it is retried
 * while the server starts.  Return: a socket, or -1
 */
int stream_connect(int port, int timeout_s);

/* stream_linked() - wait until this user has a link, while the server starts.  Return: 1, or 0 */
int stream_linked(void);

/* stream_put() - send it in segments of random lengths up to @most.  Return: 1, or 0 if that fails */
int stream_put(int sock, const void *data, size_t len, size_t most);

#endif /* _VNP_SAMPLE_STREAM_CLIENT_H */
