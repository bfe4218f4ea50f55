/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What relays share: a UDP port whose program sends to receivers, which join and leave by a control
 * socket.
 */
#ifndef _RELAY_SERVE_H
#define _RELAY_SERVE_H

#include "../common.h"
#include "members.h"

/**
 * struct relay_sample - a relay
 * @sample:	its name, which is also that of its program, and its object
 * @ops:	what its receivers need
 * @max:	maximum number of receivers
 * @budget:	what an execution of its program may cost; 0: the default
 * @prepare:	its maps are there, and the program is not linked yet: set what it needs.  NULL:
 *		nothing.  Return: 0, or a negative errno after a message
 * @report:	print what the datagrams were that the link has received, which are @info.packets
 */
struct relay_sample {
	struct sample sample;
	const struct members_ops *ops;
	int max;
	__u32 budget;
	int (*prepare)(struct members *members);
	void (*report)(const struct members *members, const struct vnp_link_info *info);
};

/*
 * relay_open() - open the port, load the program and link it, without receivers.  Return: 0 or a
 * negative errno, after a message; the process ends then
 */
int relay_open(const struct relay_sample *relay, int port, struct members *members,
	       struct vnp_link **link);

/* relay_close() - end relaying, and print the counters */
void relay_close(const struct relay_sample *relay, struct members *members,
		 struct vnp_link *link);

/* relay_serve() - relay what arrives at a port until there is a signal.  Return: 0, or an errno */
int relay_serve(const struct relay_sample *relay, int port, const char *path);

/* relay_ask() - send a command to a relay, and print the answer.  Return: an exit status */
int relay_ask(const struct relay_sample *relay, const char *path, char **words);

#endif /* _RELAY_SERVE_H */
