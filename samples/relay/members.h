/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The receivers: in the program's maps, and in this process to be found by address. */
#ifndef _RELAY_MEMBERS_H
#define _RELAY_MEMBERS_H

#include <stdio.h>
#include <vnp/libvnp.h>
#include "relay.h"

struct member {
	__u32 id;		/* 0: none */
	__be32 ssrc;
	char address[VNP_PEER_TEXT_LEN];
};

/**
 * struct members - all receivers
 * @peers:	where they are
 * @streams:	what they get
 * @state:	the program's variables
 * @last_id:	of the receiver that joined last
 * @joins:	receivers that have joined so far
 * @sent:	datagrams that were sent to receivers that have left
 * @failed:	datagrams that were not, or did not arrive
 * @list:	where they are in @state, too
 */
struct members {
	struct vnp_map *peers;
	struct vnp_map *streams;
	volatile struct relay_state *state;
	__u32 last_id;
	__u64 joins;
	__u64 sent;
	__u64 failed;
	struct member list[RELAY_MEMBERS];
};

/* Each writes what there is to say to @out, a line at least. */
void members_join(struct members *members, const char *address, FILE *out);
void members_leave(struct members *members, const char *address, FILE *out);
void members_list(const struct members *members, FILE *out);

/* members_end() - all leave */
void members_end(struct members *members, FILE *out);

#endif /* _RELAY_MEMBERS_H */
