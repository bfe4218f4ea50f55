// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "stream_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include <vnp/libvnp.h>

int stream_connect(int port, int timeout_s)
{
	const struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	const struct timeval timeout = { .tv_sec = timeout_s };
	const int on = 1;
	int sock, i;

	for (i = 0; i < 2000; i++) {
		sock = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (sock < 0)
			return -1;
		setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
		setsockopt(sock, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		if (!connect(sock, (const struct sockaddr *)&to, sizeof(to)))
			return sock;
		close(sock);
		usleep(10000);
	}
	return -1;
}

int stream_linked(void)
{
	__u32 id = 0;
	int i;

	for (i = 0; i < 2000 && vnp_id_next(VNP_OBJ_LINK, &id); i++)
		usleep(10000);
	return i < 2000;
}

int stream_put(int sock, const void *data, size_t len, size_t most)
{
	const char *from = data;
	size_t n;

	for (; len; from += n, len -= n) {
		n = 1 + rand() % most;
		n = n < len ? n : len;
		if (send(sock, from, n, MSG_NOSIGNAL) != (ssize_t)n)
			return 0;
	}
	return 1;
}
