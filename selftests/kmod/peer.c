// SPDX-License-Identifier: GPL-2.0
#include "peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/time.h>
#include "burst.h"
#include "common.h"

struct vnp_peer peer_at(const struct sockaddr_storage *addr)
{
	const struct sockaddr_in6 *in6 = (const void *)addr;
	const struct sockaddr_in *in = (const void *)addr;
	struct vnp_peer peer = { .family = addr->ss_family };

	if (addr->ss_family == AF_INET) {
		peer.port = ntohs(in->sin_port);
		peer.ip4 = in->sin_addr.s_addr;
	} else {
		peer.port = ntohs(in6->sin6_port);
		memcpy(peer.ip6, &in6->sin6_addr, sizeof(peer.ip6));
	}
	return peer;
}

struct vnp_peer peer_of(int sock)
{
	struct sockaddr_storage addr;

	sock_addr(sock, &addr);
	return peer_at(&addr);
}

struct vnp_peer peer_ip4(const char *address, __u16 port)
{
	return (struct vnp_peer) {
		.family = AF_INET,
		.port = port,
		.ip4 = inet_addr(address),
	};
}

__u64 peer_errors(const struct vnp_peer *peer)
{
	__u64 cnt = 0;

	for (int i = 0; i < VNP_ERROR_SLOTS; i++)
		cnt += peer->errors[i];
	return cnt;
}

int peer_receiver(const struct flow *flow)
{
	const struct sockaddr_in6 *in6 = (const void *)&flow->tx_addr;
	const struct timeval second = { .tv_sec = 1 };
	char text[INET6_ADDRSTRLEN];
	int sock;

	if (flow->tx_addr.ss_family == AF_INET)
		inet_ntop(AF_INET, &((const struct sockaddr_in *)in6)->sin_addr, text,
			  sizeof(text));
	else
		inet_ntop(AF_INET6, &in6->sin6_addr, text, sizeof(text));
	sock = udp_socket(strncmp(text, "::ffff:", 7) ? text : text + 7, 0);
	if (sock >= 0 && (setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &second, sizeof(second)) ||
			  sock_set(sock, SOL_SOCKET, SO_RCVBUF, RCVBUF)))
		return -errno;
	return sock;
}
