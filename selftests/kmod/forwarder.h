/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A link whose program sends what arrives to peers, their sockets, and what they must receive.  The
 * macros are for tests that include harness.h.
 */
#ifndef _VNP_TEST_FORWARDER_H
#define _VNP_TEST_FORWARDER_H

#include "burst.h"
#include "object.h"
#include "peer.h"

#define FORWARDER_PEERS		8
#define FORWARDER_LEN_MAX	65536	/* longer than the longest datagram */

/**
 * struct forwarder - a link, and its peers
 * @obj:	the object with the program
 * @peers:	its map of peers
 * @wire:	the network
 * @flow:	from the sender to the link
 * @link:	the link
 * @cnt:	number of peers
 * @rx:		their sockets
 * @info:	the link's counters
 * @expect:	compute what a peer must receive of a datagram at @from.  Return: its length
 * @ctx:	for @expect
 * @datagrams:	that each peer has received by forwarder_burst()
 * @bytes:	likewise
 * @sent:	what forwarder_arrives() sends
 * @want:	what a peer must receive
 * @got:	what it has received
 */
struct forwarder {
	struct vnp_object *obj;
	struct vnp_map *peers;
	struct wire wire;
	struct flow flow;
	int link;
	int cnt;
	int rx[FORWARDER_PEERS];
	struct vnp_link_info info;
	int (*expect)(const void *ctx, __u32 peer, __u8 *to, const __u8 *from, int len);
	const void *ctx;
	__u64 datagrams[FORWARDER_PEERS];
	__u64 bytes[FORWARDER_PEERS];
	__u8 sent[FORWARDER_LEN_MAX];
	__u8 want[FORWARDER_LEN_MAX];
	__u8 got[FORWARDER_LEN_MAX];
};

/*
 * forwarder_open() - link the program of NAME.bpf.o that has the same name, with @cnt peers in its
 * map "peers", at keys from 0 on
 */
int forwarder_open(struct forwarder *f, const char *name, enum net_path path, enum flow_kind kind,
		   int cnt);
void forwarder_close(struct forwarder *f);

/* forwarder_peer() - what a peer has counted; all bits are set if there is no such peer */
struct vnp_peer forwarder_peer(const struct forwarder *f, __u32 key);

/*
 * forwarder_arrives() - send @len bytes: the first @cnt peers must receive what is expected, from
 * the link's port.  Return: 0; negative: it has printed what a peer received
 */
int forwarder_arrives(struct forwarder *f, int len, int cnt);

/*
 * forwarder_burst() - send a burst: all peers must receive what is expected, in super-packets only
 * if @gro.  Return: the number of packets, of all peers; negative: it has printed what is wrong
 */
int forwarder_burst(struct forwarder *f, const struct burst *sent, enum net_path path, bool gro);

/* USE() - link another program of the object instead */
#define USE(f, prog)									\
	ASSERT_EQ(0, link_update((f)->link, object_prog((f)->obj, prog), -1))

/* INFO() - the link's counters, after so many datagrams have arrived */
#define INFO(f, cnt)	ASSERT_EQ(0, link_settle((f)->link, cnt, &(f)->info))

/* COUNTS() - what a peer has counted: all that was sent */
#define COUNTS(f, key, datagrams, payload) ({						\
	const struct vnp_peer ___peer = forwarder_peer(f, key);				\
											\
	EXPECT_EQ((__u64)(datagrams), ___peer.sent);					\
	EXPECT_EQ((__u64)(payload), ___peer.bytes);					\
	for (int ___i = 0; ___i < VNP_ERROR_SLOTS; ___i++)				\
		EXPECT_EQ(0, ___peer.errors[___i]);					\
})

#endif /* _VNP_TEST_FORWARDER_H */
