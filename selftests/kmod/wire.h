/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Two ends and what is between them: a wire, a tunnel, a router.
 */
#ifndef _VNP_TEST_WIRE_H
#define _VNP_TEST_WIRE_H

#include "net.h"

/**
 * struct wire - two namespaces with a veth pair between them
 * @here:	where the process is after wire_new(): interface "tx0",
 *		addresses 10.9.0.2 and fd09::2
 * @there:	interface "rx0", addresses 10.9.0.1 and fd09::1
 */
struct wire {
	int here;
	int there;
};

int wire_new(struct wire *wire);

/* wire_flow() - a flow from here to there; of FLOW_MAPPED, @tx_addr is not mapped */
int wire_flow(const struct wire *wire, struct flow *flow, enum flow_kind kind);

/*
 * wire_merge() - have the receiving end merge datagrams that arrive within
 * @patience_ns of each other; 0: those that arrive at the same time
 */
int wire_merge(const struct wire *wire, long patience_ns);

/*
 * tap_new() - a TAP device of this namespace, down, with address TAP_MAC.
 * Return: what carries its frames, opened with @flags
 */
int tap_new(const char *name, int flags);

#define TAP_MAC		"02:00:00:00:09:00"

/**
 * struct tunnel - one from end to end, "tun0" on both
 * @type:	as "ip link add type" wants it, with "%d" for the number that addresses of
 *		the other end have, and for this one's: 10.8.0.%d and fd08::%d
 * @frames:	it carries Ethernet frames
 */
struct tunnel {
	const char *type;
	bool frames;
};

/* wire_tunnel() - what is sent to the addresses above goes through it from now on */
int wire_tunnel(const struct wire *wire, const struct tunnel *tunnel);

/**
 * struct router - on the wire, between its ends; knows the addresses of a tunnel's
 * @netns:	where it is: device "rx0" to the one end, "tx0" to the other
 * @from:	gets the frames that the sending end sends, complete as on a wire
 * @to:		takes them for the router, whose device has them wait for others to merge
 */
struct router {
	int netns;
	int from;
	int to;
};

int wire_routed(struct wire *wire, struct router *router);

/* router_carry() - carry all frames that were sent to the router.  Return: how many */
int router_carry(const struct router *router);

/* router_tunnel() - have it at one end of such a tunnel itself, which leads nowhere */
int router_tunnel(const struct router *router, const struct tunnel *tunnel);

#endif /* _VNP_TEST_WIRE_H */
