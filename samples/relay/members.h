/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The receivers: in the program's maps, and listed by address in this process. */
#ifndef _RELAY_MEMBERS_H
#define _RELAY_MEMBERS_H

#include <stdbool.h>
#include <stdio.h>
#include <vnp/libvnp.h>
#include "relay.h"

struct member {
	__u32 id;		/* 0: none */
	__be32 ssrc;
	char address[VNP_PEER_TEXT_LEN];
};

struct members;

/**
 * struct members_ops - what receivers need besides an address
 * @wants_key:	they join with a key
 * @start:	choose @ssrc of a receiver, and set its entries in the program's maps, except that of
 *		its address.  Overwrites @key, which is NULL if none is wanted.  Return: 0, or a
 *		negative errno
 * @stop:	remove these entries; nothing is sent with them when it returns
 */
struct members_ops {
	bool wants_key;
	int (*start)(struct members *members, struct member *member, char *key);
	void (*stop)(struct members *members, const struct member *member);
};

/**
 * struct members - all receivers
 * @ops:	the sample's
 * @max:	their maximum number
 * @peers:	map of their addresses
 * @streams:	map of their streams
 * @keys:	map of their keys, if they have any
 * @state:	the program's variables
 * @last_id:	key of the receiver that joined last
 * @joins:	receivers that have joined so far
 * @sent:	datagrams that were sent to receivers that have left
 * @failed:	datagrams that were not sent to them, or not delivered
 * @list:	their addresses, at the same index as their keys in @state
 */
struct members {
	const struct members_ops *ops;
	int max;
	struct vnp_map *peers;
	struct vnp_map *streams;
	struct vnp_map *keys;
	volatile struct relay_state *state;
	__u32 last_id;
	__u64 joins;
	__u64 sent;
	__u64 failed;
	struct member list[RELAY_MEMBERS];
};

/* Each command writes one or more lines to @out.  @key: NULL if not given; it is overwritten */
void members_join(struct members *members, const char *address, char *key, FILE *out);
void members_leave(struct members *members, const char *address, FILE *out);
void members_list(const struct members *members, FILE *out);

/* members_has() - Return: is there one with this address, as vnp_peer_print() writes it? */
bool members_has(struct members *members, const char *address);

/* members_end() - all leave */
void members_end(struct members *members, FILE *out);

#endif /* _RELAY_MEMBERS_H */
