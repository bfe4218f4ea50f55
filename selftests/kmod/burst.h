/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Bursts of datagrams that say what shall become of them (../progs/runs.bpf.c), what
 * should arrive of them, and what does.
 */
#ifndef _VNP_TEST_BURST_H
#define _VNP_TEST_BURST_H

#include "wire.h"

#ifndef SOL_UDP
#define SOL_UDP		17
#endif

#define BURST_MAX	64
#define PAYLOAD_MAX	1452	/* in an MTU of 1500, of IPv6 */
#define RCVBUF		(8 << 20)

/* How long the receiving end waits for the next datagram to merge, if it waits */
#define PATIENCE_NS	2000000L

/* What is sent, and in the same form what is expected */
struct burst {
	int cnt;
	int len[BURST_MAX];
	__u8 data[BURST_MAX][PAYLOAD_MAX];
};

/* What the counters of a link should have moved by */
struct counts {
	__u64 packets, bytes, pass, drop, fault, verdict;
};

/* Where datagrams come from */
enum road {
	WIRE_GSO,	/* the stack segments, veth merges: pages */
	WIRE_SINGLE,	/* sent one by one, veth merges: a fragment list */
	WIRE_MIXED,	/* the same, of different sizes */
	WIRE_WHOLE,	/* veth takes what UDP_SEGMENT made as it is */
	WIRE_VXLAN,	/* as WIRE_GSO, in a tunnel, whose end merges */
	WIRE_GENEVE,
	WIRE_GRE,
	WIRE_GRE6,	/* in IPv6 */
	WIRE_IP,	/* IPv4 in IPv4 */
	WIRE_IP6,	/* both in IPv6 */
	LO_GSO,
	LO_SINGLE,
};

/* road_tunnel() - it goes through one, or NULL */
const struct tunnel *road_tunnel(enum road road);

/* road_carries() - can there be a flow of this kind along it? */
bool road_carries(enum road road, enum flow_kind kind);

/* road_new() - be at its beginning, in namespaces of its own */
int road_new(struct wire *wire, enum road road);

/* road_flow() - a flow along it, the sender connected */
int road_flow(struct flow *flow, const struct wire *wire, enum road road,
	      enum flow_kind kind);

/* burst_fill() - random length and orders; all of a size but the last, or not */
void burst_fill(struct burst *burst, unsigned int *seed, __u32 *seq,
		const char *orders, bool mixed);

/* burst_fill_equal() - a datagram of this length for each order */
void burst_fill_equal(struct burst *burst, __u32 *seq, const char *orders, int len);

/* burst_send() - the way that this road takes */
int burst_send(int sock, const struct burst *burst, enum road road);

/* burst_expect() - what arrives of @sent, and what is added to the counters */
void burst_expect(struct burst *want, const struct burst *sent, bool scribbles,
		  bool fault_pass, struct counts *counts);

/* A packet that was received */
struct arrival {
	int len;
	int size;	/* of UDP_GRO's control message; 0: there was none */
	__u8 data[65536];
};

int burst_recv_one(int sock, struct arrival *arrival);

/*
 * burst_recv() - all of it and nothing else, in super-packets only if @gro.
 * Return: in how many packets it came; negative: an errno, or what is wrong
 */
int burst_recv(int sock, const struct burst *want, bool gro);

#endif /* _VNP_TEST_BURST_H */
