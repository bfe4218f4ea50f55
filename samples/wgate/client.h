/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* For clients: a datagram with the header that wgate expects. */
#ifndef _VNP_SAMPLE_WGATE_CLIENT_H
#define _VNP_SAMPLE_WGATE_CLIENT_H

#include <stddef.h>
#include <sys/types.h>
#include "wgate.h"

/**
 * struct wgate_client - a client
 * @id:		its number, host byte order
 * @number:	of its last datagram; it never goes back as long as the server runs
 * @key:	its key
 */
struct wgate_client {
	__u32 id;
	__u64 number;
	__u8 key[WGATE_KEY];
};

/**
 * wgate_seal() - make a datagram for a server with wgate
 * @client:	who sends it
 * @data:	its payload
 * @len:	its bytes
 * @to:		where to make it; room for @len + sizeof(struct wgate_header)
 *
 * Return: bytes to be sent.
 */
size_t wgate_seal(struct wgate_client *client, const void *data, size_t len, void *to);

/* wgate_send() - the same, on a connected socket.  Return: as send(), or -1 with errno */
ssize_t wgate_send(struct wgate_client *client, int sock, const void *data, size_t len);

#endif /* _VNP_SAMPLE_WGATE_CLIENT_H */
