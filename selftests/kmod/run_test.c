// SPDX-License-Identifier: GPL-2.0
/*
 * Batches: a burst is sent over a veth pair whose receiving end merges, through a tunnel
 * or not, or over lo; each datagram contains the action to be taken.  What arrives must
 * be what a socket without a link would have received, without the dropped datagrams:
 * byte for byte, in order, and in super-packets only if the application asked for them.
 */
#include <arpa/inet.h>
#include <linux/udp.h>
#include <string.h>
#include <sys/socket.h>
#include "burst.h"
#define LIGHT_LEAVES_OUT	"geneve", "gre", "gre6", "ip"
#include "harness.h"
#include "object.h"
#include "../progs/orders.h"

FIXTURE(run) {
	struct vnp_object *obj;
	struct tally *tally;
	struct wire wire;
	struct flow flow;
	int link;
	bool gro;
	struct counts counts;
	unsigned int seed;
	__u32 seq;
	struct vnp_link_info info;
	struct burst sent;
	struct burst want;
};

FIXTURE_VARIANT(run) {
	enum net_path path;
	__u32 flags;
};

FIXTURE_VARIANT_ADD(run, pages) { WIRE_GSO };
FIXTURE_VARIANT_ADD(run, list) { WIRE_SINGLE };
FIXTURE_VARIANT_ADD(run, mixed) { WIRE_MIXED };
FIXTURE_VARIANT_ADD(run, whole) { WIRE_WHOLE };
FIXTURE_VARIANT_ADD(run, vxlan) { WIRE_VXLAN };
FIXTURE_VARIANT_ADD(run, geneve) { WIRE_GENEVE };
FIXTURE_VARIANT_ADD(run, gre) { WIRE_GRE };
FIXTURE_VARIANT_ADD(run, gre6) { WIRE_GRE6 };
FIXTURE_VARIANT_ADD(run, ip) { WIRE_IP };
FIXTURE_VARIANT_ADD(run, ip6) { WIRE_IP6 };
FIXTURE_VARIANT_ADD(run, lo) { LO_GSO };
FIXTURE_VARIANT_ADD(run, lo_single) { LO_SINGLE };
FIXTURE_VARIANT_ADD(run, pages_faults_pass) { WIRE_GSO, VNP_LINK_F_FAULT_PASS };
FIXTURE_VARIANT_ADD(run, list_faults_pass) { WIRE_SINGLE, VNP_LINK_F_FAULT_PASS };
FIXTURE_VARIANT_ADD(run, pages_no_merge) { WIRE_GSO, VNP_LINK_F_NO_MERGE };

/* All are sent on the same path: to which address, and with UDP_GRO or not */
static const struct {
	enum flow_kind kind;
	bool gro;
} flows[] = {
	{ FLOW_IP4 }, { FLOW_IP4, true },
	{ FLOW_IP6 }, { FLOW_IP6, true },
	{ FLOW_MAPPED }, { FLOW_MAPPED, true },
};

/*
 * Are all datagrams of a burst merged? Those sent one by one are, if this machine is fast
 * enough.
 */
static bool merges(enum net_path path, __u32 flags)
{
	return (path == WIRE_GSO || path_tunnel(path)) &&
	       !(flags & VNP_LINK_F_NO_MERGE);
}

static void tally_expect(struct tally *tally, const struct flow *flow)
{
	const struct sockaddr_in6 *rx6 = (void *)&flow->rx_addr;
	const struct sockaddr_in6 *tx6 = (void *)&flow->tx_addr;
	const struct sockaddr_in *rx4 = (void *)&flow->rx_addr;
	const struct sockaddr_in *tx4 = (void *)&flow->tx_addr;

	tally->family = flow->rx_addr.ss_family;
	tally->remote_port = ntohs(tx4->sin_port);
	tally->local_port = ntohs(rx4->sin_port);
	if (tally->family == AF_INET) {
		tally->remote_ip4 = tx4->sin_addr.s_addr;
		tally->local_ip4 = rx4->sin_addr.s_addr;
	} else {
		memcpy(tally->remote_ip6, &tx6->sin6_addr, 16);
		memcpy(tally->local_ip6, &rx6->sin6_addr, 16);
	}
}

FIXTURE_SETUP(run)
{
	pin(0);
	self->seed = 4711;
	ASSERT_EQ(0, object_load("orders", &self->obj));
	self->tally = object_globals(self->obj, ".bss");
	ASSERT_NE(NULL, self->tally);
	ASSERT_EQ(0, path_setup(&self->wire, variant->path));
}

FIXTURE_TEARDOWN(run)
{
	vnp_object_close(self->obj);
}

/* begin() - a flow with this program on its socket */
static int begin(FIXTURE_DATA(run) *self, enum net_path path, size_t i,
		 const char *prog, __u32 flags)
{
	int err = path_flow(&self->flow, &self->wire, path, flows[i].kind);

	if (err)
		return err;
	self->gro = flows[i].gro;
	self->seq = 0;
	memset(&self->counts, 0, sizeof(self->counts));
	memset(self->tally, 0, sizeof(*self->tally));
	tally_expect(self->tally, &self->flow);
	err = sock_set(self->flow.rx, SOL_SOCKET, SO_RCVBUFFORCE, RCVBUF);
	if (!err)
		err = sock_set(self->flow.tx, SOL_SOCKET, SO_SNDBUFFORCE, RCVBUF);
	if (!err)
		err = sock_set(self->flow.rx, SOL_UDP, UDP_GRO, self->gro);
	if (err)
		return err;
	self->link = object_link(self->obj, prog, self->flow.rx, flags);
	return self->link < 0 ? self->link : 0;
}

static void end(FIXTURE_DATA(run) *self)
{
	flow_close(&self->flow);
	close(self->link);
}

static bool counted(const struct vnp_link_info *info, const struct counts *counts)
{
	return info->packets == counts->packets && info->bytes == counts->bytes &&
	       info->verdicts[VNP_PASS] == counts->pass && info->verdicts[VNP_DROP] == counts->drop &&
	       info->faults[VNP_FAULT_PACKET] == counts->fault &&
	       info->faults[VNP_FAULT_VERDICT] == counts->verdict &&
	       link_faults(info) == counts->fault + counts->verdict &&
	       !info->errors[VNP_ERROR_MEMORY];
}

/*
 * ---- The tests ----------------------------------------------------------
 */

/*
 * Programs, and the orders in their bursts: groups of datagrams with the orders of each
 * of these mixes.  Setting up a network takes longer than a test, so each test uses all
 * of them.
 */
static const struct {
	const char *name;
	bool scribbles;
	bool headers;		/* headers are payload to it */
	const char *mixes[9];
} progs[] = {
	{ "apply", false, false,
	  { "P", "D", "PD", "PDFV", "PDL", "PDS", "PPPPDFVLS", "S", "L" } },
	{ "write_direct", true, false, { "I", "PI", "PDIS", "PPPPPPDFVLIS" } },
	{ "read_only", false, false, { "PD", "PPDL" } },	/* never writes */
	{ "read_headers", false, true, { "PPPD" } },
};

#define BURST(scribbles)						\
	({								\
		const bool fault_pass = variant->flags & VNP_LINK_F_FAULT_PASS; \
									\
		burst_expect(&self->want, &self->sent, scribbles, fault_pass, &self->counts); \
		ASSERT_EQ(0, burst_send(self->flow.tx, &self->sent,	\
					variant->path));		\
		n = burst_recv(self->flow.rx, &self->want, self->gro); \
		ASSERT_OK(n);						\
		ASSERT_EQ(0, link_settle(self->link, self->counts.packets, &self->info)); \
		ASSERT_EQ(0, link_info(self->link, &self->info));	\
		ASSERT_TRUE(counted(&self->info, &self->counts));		\
		n;							\
	})

/* Mapped addresses do not depend on a tunnel. */
static bool is_tried(enum net_path path, size_t flow)
{
	return path_carries(path, flows[flow].kind) &&
	       !(path_tunnel(path) && flows[flow].kind == FLOW_MAPPED);
}

/* Each program is tried with each mix on each path, but on half of its flows. */
TEST_F(run, random)
{
	const bool mixed = variant->path == WIRE_MIXED ||
			   variant->path == LO_SINGLE;
	int n;

	for (size_t i = 0; i < ARRAY_SIZE(flows) * ARRAY_SIZE(progs); i++) {
		const size_t flow = i % ARRAY_SIZE(flows);
		const typeof(progs[0]) *prog = &progs[i / ARRAY_SIZE(flows)];
		const size_t half = flow + flow / 2 + i / ARRAY_SIZE(flows);

		if (!is_tried(variant->path, flow))
			continue;
		ASSERT_EQ(0, begin(self, variant->path, flow, prog->name,
				   variant->flags));
		for (size_t j = half % 2; j < ARRAY_SIZE(prog->mixes) && prog->mixes[j]; j += 2) {
			burst_fill(&self->sent, &self->seed, &self->seq,
				   prog->mixes[j], mixed);
			if (prog->headers)
				self->counts.bytes += self->sent.cnt *
					(flows[flow].kind == FLOW_IP6 ? 48 : 28);
			BURST(prog->scribbles);
		}
		EXPECT_EQ(self->counts.packets, self->tally->seen);
		EXPECT_EQ(0, self->tally->wrong);
		end(self);
	}
}

/* If merging is allowed, one packet arrives per batch. */
TEST_F(run, arrive_as_runs)
{
	static const struct {
		const char *orders;
		int runs;
	} cases[] = {
		{ "PPPPPPPPPPPPPPPP", 1 },
		{ "PPPPDDDDPPPPPPPP", 2 },
		{ "DPDPPDPPPDPPPPDD", 4 },
		{ "DPPPPPPPPPPPPPPD", 1 },
		{ "PLLPPPPLPDPPPLPP", 2 },
	};
	const bool merged = merges(variant->path, variant->flags);
	int n;

	for (size_t i = 0; i < ARRAY_SIZE(flows); i++) {
		if (!is_tried(variant->path, i))
			continue;
		ASSERT_EQ(0, begin(self, variant->path, i, "read_only", variant->flags));
		for (size_t j = 0; j < ARRAY_SIZE(cases); j++) {
			burst_fill_equal(&self->sent, &self->seq, cases[j].orders,
					 100);
			BURST(false);
			EXPECT_LE(cases[j].runs, n);
			if (merged && self->gro)
				EXPECT_EQ(cases[j].runs, n);
			if (!self->gro)
				EXPECT_EQ(self->want.cnt, n);
		}
		EXPECT_EQ(0, self->tally->wrong);
		EXPECT_EQ(0, self->tally->unread);
		/* Changed datagrams arrive as one packet too. */
		ASSERT_EQ(0, link_update(self->link,
					 object_prog(self->obj, "write_direct"), -1));
		burst_fill_equal(&self->sent, &self->seq, "IIIIIIIIIIIIIIIIIIIIIIII",
				 300);
		BURST(true);
		if (merged && self->gro)
			EXPECT_EQ(1, n);
		end(self);
	}
}

static void __attribute__((constructor)) prepare(void)
{
	path_prepare();
	object_prepare("orders");
}

TEST_HARNESS_MAIN
