/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What coturn says about its allocations, by its command line (telnet) */
#ifndef _TURN_SERVER_H
#define _TURN_SERVER_H

#include <netinet/in.h>
#include <stdbool.h>

/* Peers of an allocation that channels are bound to, and allocations, at most */
#define SERVER_PEERS	64
#define SERVER_SESSIONS	256

/**
 * struct endpoint - an IPv4 address and a port
 * @ip4:	network byte order
 * @port:	host byte order
 */
struct endpoint {
	in_addr_t ip4;
	in_port_t port;
};

static inline bool endpoint_is(struct endpoint a, struct endpoint b)
{
	return a.ip4 == b.ip4 && a.port == b.port;
}

/**
 * struct session - an allocation of coturn
 * @client:	who has it
 * @server:	where the client sends to
 * @relay:	where peers send to
 * @seconds:	until it expires
 * @udp:	both sides are UDP
 * @peer_cnt:	number of @peers
 * @peers:	those that a channel is bound to
 */
struct session {
	struct endpoint client;
	struct endpoint server;
	struct endpoint relay;
	unsigned int seconds;
	bool udp;
	unsigned int peer_cnt;
	struct endpoint peers[SERVER_PEERS];
};

/* server_connect() - log in.  Return: a socket, or a negative errno */
int server_connect(int port, const char *password);

/**
 * server_ask() - list the allocations
 * @sock:	of server_connect()
 * @sessions:	out: SERVER_SESSIONS of them
 *
 * Return: their number, or a negative errno
 */
int server_ask(int sock, struct session *sessions);

#endif /* _TURN_SERVER_H */
