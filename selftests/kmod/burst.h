/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Bursts of datagrams that contain the action to be taken (../progs/orders.bpf.c), what
 * should arrive, and what does.
 */
#ifndef _VNP_TEST_BURST_H
#define _VNP_TEST_BURST_H

#include <pthread.h>
#include <stdatomic.h>
#include "wire.h"

#ifndef SOL_UDP
#define SOL_UDP		17
#endif

#define BURST_MAX	64
#define PAYLOAD_MAX	1452	/* in an MTU of 1500, of IPv6 */
#define RCVBUF		(8 << 20)

/* How long the receiving device delays datagrams for merging, if it does */
#define PATIENCE_NS	2000000L

/* The datagrams sent or, in the same form, expected */
struct burst {
	int cnt;
	int len[BURST_MAX];
	__u8 data[BURST_MAX][PAYLOAD_MAX];
};

/* Expected increase of a link's counters */
struct counts {
	__u64 packets, bytes, pass, drop, fault, verdict;
};

/* The path of the datagrams */
enum net_path {
	WIRE_GSO,	/* segmented by the stack, merged by veth: pages */
	WIRE_SINGLE,	/* sent one by one, veth merges: a fragment list */
	WIRE_MIXED,	/* the same, of different sizes */
	WIRE_WHOLE,	/* UDP_SEGMENT, not segmented by veth */
	WIRE_VXLAN,	/* as WIRE_GSO, in a tunnel, whose endpoint merges */
	WIRE_GENEVE,
	WIRE_GRE,
	WIRE_GRE6,	/* in IPv6 */
	WIRE_IP,	/* IPv4 in IPv4 */
	WIRE_IP6,	/* both in IPv6 */
	LO_GSO,
	LO_SINGLE,
};

/* path_tunnel() - the tunnel of the path, or NULL */
const struct tunnel *path_tunnel(enum net_path path);

/* path_carries() - can there be a flow of this kind on the path? */
bool path_carries(enum net_path path, enum flow_kind kind);

/*
 * path_setup() - set up the path, and enter the sender's namespace, which is new unless
 * path_prepare() made it
 */
int path_setup(struct wire *wire, enum net_path path);

/*
 * path_prepare() - before all tests, make namespaces for paths without tunnels.  To end one
 * takes the debug kernel longer than most tests
 */
void path_prepare(void);

/* path_flow() - a flow on the path, the sender connected */
int path_flow(struct flow *flow, const struct wire *wire, enum net_path path,
	      enum flow_kind kind);

/* burst_fill() - random length and orders; all of one size except the last, or not */
void burst_fill(struct burst *burst, unsigned int *seed, __u32 *seq,
		const char *orders, bool mixed);

/* burst_fill_equal() - a datagram of this length for each order */
void burst_fill_equal(struct burst *burst, __u32 *seq, const char *orders, int len);

/* burst_send() - send it on this path */
int burst_send(int sock, const struct burst *burst, enum net_path path);

/**
 * struct burst_sender - a thread that sends bursts of equal datagrams, from CPU 0
 * @sock:	what it sends on
 * @path:	the path from there
 * @orders:	of each burst
 * @len:	of each datagram
 * @thread:	the thread
 * @stop:	it ends
 */
struct burst_sender {
	int sock;
	enum net_path path;
	const char *orders;
	int len;
	pthread_t thread;
	atomic_bool stop;
};

int burst_sender_start(struct burst_sender *sender);
void burst_sender_stop(struct burst_sender *sender);

/* burst_expect() - the datagrams of @sent that should arrive, and the counters */
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
 * burst_recv() - receive exactly the expected datagrams, in super-packets only if @gro.
 * Return: the number of packets; negative: an errno, or what is wrong
 */
int burst_recv(int sock, const struct burst *want, bool gro);

#endif /* _VNP_TEST_BURST_H */
