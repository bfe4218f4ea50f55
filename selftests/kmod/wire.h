/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Two ends and a wire between them.
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

#endif /* _VNP_TEST_WIRE_H */
