/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What the program and the process share */
#ifndef _TURN_H
#define _TURN_H

#include <linux/types.h>

/*
 * Allocations whose channels are relayed in the kernel.  Each has a socket of its own, and so
 * a map of peers, of which a program has 64 at most.
 */
#define TURN_ALLOCATIONS	48

/* Channels of all of them */
#define TURN_CHANNELS		4096

/* Values of TOS that datagrams of a channel are relayed with in the kernel */
#define TURN_TOS_MAX		4

/* Peers of an allocation: as many as its channels, each with several values of TOS */
#define TURN_PEERS		256

/**
 * struct turn_key - a channel of a client
 * @client:	its address, network byte order
 * @port:	its port, host byte order
 * @channel:	the number, host byte order
 */
struct turn_key {
	__be32 client;
	__u16 port;
	__u16 channel;
};

/**
 * struct turn_binding - where its datagrams go
 * @until:	ns of CLOCK_MONOTONIC
 * @allocation:	the allocation, and so the map of peers
 * @tos_cnt:	values of TOS that there are peers for
 */
struct turn_binding {
	__u64 until;
	__u32 allocation;
	__u32 tos_cnt;
};

/**
 * struct turn_peer_key - a peer in the map of an allocation
 * @key:	the channel that is bound to it
 * @tos:	of the datagrams
 */
struct turn_peer_key {
	struct turn_key key;
	__u32 tos;
};

/**
 * struct turn_origin - what a datagram comes from that arrives at an allocation
 * @relay:	the allocation's address, network byte order
 * @peer:	the sender's address, network byte order
 * @relay_port:	of the allocation, host byte order
 * @peer_port:	of the sender, host byte order
 */
struct turn_origin {
	__be32 relay;
	__be32 peer;
	__u16 relay_port;
	__u16 peer_port;
};

/**
 * struct turn_channel - the channel that it belongs to
 * @until:	ns of CLOCK_MONOTONIC
 * @channel:	the number, host byte order
 */
struct turn_channel {
	__u64 until;
	__u32 channel;
	__u32 :32;
};

/*
 * Lines of the program's log: what the client at ADDRESS (as a number) and PORT does.
 *
 *	bind ADDRESS PORT WORD...
 *			it asks for a channel to be bound to a peer, by a STUN message with
 *			these attributes: TURN_WORDS words of 8 bytes
 *	change ADDRESS PORT
 *			it asks for another change of its allocation
 *	tos ADDRESS PORT CHANNEL TOS
 *			there is no peer for this TOS yet
 */
#define TURN_WORDS		8

#endif /* _TURN_H */
