/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Clients by TCP.  The connections of those who subscribe are in the program's map, once for each
 * topic; those of publishers have links.
 */
#ifndef _FEED_CLIENTS_H
#define _FEED_CLIENTS_H

#include <poll.h>
#include <stdbool.h>
#include <vnp/libvnp.h>
#include "feed.h"

/* Descriptors that are polled: of the clients, and the one that listens */
#define CLIENTS_FDS	(1 + FEED_CLIENTS)

/**
 * struct client - one of them
 * @address:	of the other end, as text
 * @filter:	its topics, once it has subscribed
 * @publishes:	it publishes
 * @line:	what it has sent before
 * @have:	bytes of that
 */
struct client {
	char address[VNP_PEER_TEXT_LEN];
	__u64 filter[FEED_WORDS];
	bool publishes;
	char line[1100];
	size_t have;
};

/**
 * struct clients - all of them
 * @map:	the program's map
 * @stream:	the program that finds messages
 * @message:	the program that sends them to subscribers
 * @listener:	where they connect
 * @sent:	datagrams that were sent to clients that are gone
 * @failed:	datagrams that were not
 * @list:	by slot
 */
struct clients {
	struct vnp_map *map;
	struct vnp_program *stream;
	struct vnp_program *message;
	int listener;
	unsigned long long sent;
	unsigned long long failed;
	struct client list[FEED_CLIENTS];
};

/* clients_fds() - what is polled before there are any */
void clients_fds(const struct clients *clients, struct pollfd *fds);

/* clients_serve() - deal with what was reported; what happens is printed */
void clients_serve(struct clients *clients, struct pollfd *fds);

/* clients_count() - those that are there: @sent and @failed are complete */
void clients_count(struct clients *clients);

#endif /* _FEED_CLIENTS_H */
