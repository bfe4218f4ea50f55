// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <openssl/hmac.h>
#include <string.h>
#include <sys/socket.h>
#include "client.h"

#define DATAGRAM_MAX	65507

size_t wgate_seal(struct wgate_client *client, const void *data, size_t len, void *to)
{
	struct wgate_header header = {
		.client = htonl(client->id),
		.number = htobe64(++client->number),
	};
	const size_t size = sizeof(header) + len;
	__u8 *bytes = to, tag[32];

	memcpy(bytes, &header, sizeof(header));
	memcpy(bytes + sizeof(header), data, len);
	HMAC(EVP_sha256(), client->key, WGATE_KEY, bytes + WGATE_TAG, size - WGATE_TAG, tag,
	     NULL);
	memcpy(bytes, tag, WGATE_TAG);
	return size;
}

ssize_t wgate_send(struct wgate_client *client, int sock, const void *data, size_t len)
{
	__u8 datagram[DATAGRAM_MAX];
	ssize_t sent;

	if (len > sizeof(datagram) - sizeof(struct wgate_header)) {
		errno = EMSGSIZE;
		return -1;
	}
	sent = send(sock, datagram, wgate_seal(client, data, len, datagram), 0);
	return sent < 0 ? sent : (ssize_t)len;
}
