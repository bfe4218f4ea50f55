/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What relays share: a UDP port whose program sends to receivers, which join and leave by a control
 * socket.
 */
#ifndef _RELAY_SERVE_H
#define _RELAY_SERVE_H

#include "members.h"

/**
 * struct relay_sample - a relay
 * @name:	of it, of its program, and in messages
 * @elf:	its object file
 * @elf_len:	bytes of that
 * @ops:	what its receivers need
 * @max:	maximum number of receivers
 * @budget:	what an execution of its program may cost; 0: the default
 * @prepare:	its maps are there, and the program is not linked yet: set what it needs.  NULL:
 *		nothing.  Return: 0, or a negative errno after a message
 * @report:	print what the datagrams were that the link has received, which are @info.packets
 */
struct relay_sample {
	const char *name;
	const void *elf;
	size_t elf_len;
	const struct members_ops *ops;
	int max;
	__u32 budget;
	int (*prepare)(struct members *members);
	void (*report)(const struct members *members, const struct vnp_link_info *info);
};

/* relay_complain() - "NAME: cannot FAILED: errno".  Return: @err */
int relay_complain(const struct relay_sample *sample, const char *failed, int err);

/*
 * relay_open() - open the port, load the program and link it, without receivers.  Return: 0 or a
 * negative errno, after a message; the process ends then
 */
int relay_open(const struct relay_sample *sample, int port, struct members *members,
	       struct vnp_link **link);

/* relay_close() - end relaying, and print the counters */
void relay_close(const struct relay_sample *sample, struct members *members,
		 struct vnp_link *link);

/* relay_serve() - relay what arrives at a port until there is a signal.  Return: 0, or an errno */
int relay_serve(const struct relay_sample *sample, int port, const char *path);

/* relay_ask() - send a command to a relay, and print the answer.  Return: an exit status */
int relay_ask(const struct relay_sample *sample, const char *path, char **words);

#endif /* _RELAY_SERVE_H */
