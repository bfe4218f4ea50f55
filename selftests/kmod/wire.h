/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Two ends and the network between them: a wire, a tunnel, a router.
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

/* wire_flow() - a flow from here to there; for FLOW_MAPPED, @tx_addr is not mapped */
int wire_flow(const struct wire *wire, struct flow *flow, enum flow_kind kind);

/*
 * wire_merge() - merge datagrams that arrive within @patience_ns at the receiving end; 0:
 * those that arrive at the same time
 */
int wire_merge(const struct wire *wire, long patience_ns);

/*
 * tap_new() - a TAP device of this namespace, down, with address TAP_MAC.
 * Return: the descriptor for its frames, opened with @flags
 */
int tap_new(const char *name, int flags);

#define TAP_MAC		"02:00:00:00:09:00"

/**
 * struct tunnel - one from end to end, "tun0" on both
 * @type:	arguments of "ip link add type", with "%d" for the numbers of the other end and
 *		of this one in their addresses: 10.8.0.%d and fd08::%d
 * @frames:	it carries Ethernet frames
 */
struct tunnel {
	const char *type;
	bool frames;
};

/* wire_tunnel() - route the addresses above through a tunnel */
int wire_tunnel(const struct wire *wire, const struct tunnel *tunnel);

/**
 * struct router - a router on the wire, which knows the addresses of tunnels
 * @netns:	its namespace: device "rx0" to one end, "tx0" to the other
 * @from:	receives the frames of the sending end, complete as on a wire
 * @to:		takes them to the router, whose device delays them for merging
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
