// SPDX-License-Identifier: GPL-2.0
/*
 * Tunnels' packets forwarded by a machine that has a link: GRO parses them too, and finds
 * a socket bound to no address as their destination.  They must leave unchanged, and be
 * processed correctly by the tunnel's endpoint.
 */
#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/udp.h>
#include <sched.h>
#include <sys/socket.h>
#include "burst.h"
#include "harness.h"
#include "object.h"

#define LEN	300

FIXTURE(tunnel) {
	struct vnp_object *obj;
	struct wire wire;
	struct router router;
	__u32 seq;
	struct burst sent;
	struct burst want;
};

FIXTURE_VARIANT(tunnel) {
	enum net_path path;
};

FIXTURE_VARIANT_ADD(tunnel, vxlan) { WIRE_VXLAN };
FIXTURE_VARIANT_ADD(tunnel, geneve) { WIRE_GENEVE };
FIXTURE_VARIANT_ADD(tunnel, gre) { WIRE_GRE };
FIXTURE_VARIANT_ADD(tunnel, gre6) { WIRE_GRE6 };
FIXTURE_VARIANT_ADD(tunnel, ip) { WIRE_IP };
FIXTURE_VARIANT_ADD(tunnel, ip6) { WIRE_IP6 };

FIXTURE_SETUP(tunnel)
{
	pin(0);
	ASSERT_EQ(0, object_load("orders", &self->obj));
	ASSERT_EQ(0, wire_routed(&self->wire, &self->router));
	/* GRO parses tunnels of the same kind as a local one. */
	ASSERT_EQ(0, router_tunnel(&self->router, path_tunnel(variant->path)));
	ASSERT_EQ(0, wire_tunnel(&self->wire, path_tunnel(variant->path)));
}

FIXTURE_TEARDOWN(tunnel)
{
	close(self->router.from);
	close(self->router.to);
	vnp_object_close(self->obj);
}

/* linked_socket() - on the router, bound to a port and no address.  Return: the link */
static int linked_socket(FIXTURE_DATA(tunnel) *self, __u16 port)
{
	int sock;

	if (setns(self->router.netns, CLONE_NEWNET))
		return -errno;
	sock = udp_socket("::", port);
	if (sock < 0 || sock_set(sock, SOL_UDP, UDP_GRO, 1))
		return -errno;
	return object_link(self->obj, "read_only", sock, 0);
}

/* router_segments() - does the router's device require segmented packets? */
static int router_segments(FIXTURE_DATA(tunnel) *self, bool yes)
{
	int err = setns(self->router.netns, CLONE_NEWNET);

	if (!err)
		err = if_feature("tx0", "tx-udp-segmentation", !yes);
	return setns(self->wire.here, CLONE_NEWNET) ?: err;
}

/* A flow in the tunnel, on the router and at the endpoint, whole or in segments */
static void pass_on(struct __test_metadata *_metadata, FIXTURE_DATA(tunnel) *self,
		    enum flow_kind kind)
{
	struct counts counts = { 0 };
	struct vnp_link_info info;
	int tap, own, link;
	struct flow flow;

	ASSERT_EQ(0, wire_flow(&self->wire, &flow, kind));
	ASSERT_EQ(0, connect(flow.tx, (void *)&flow.rx_addr, sizeof(struct sockaddr_in6)));
	link = object_link(self->obj, "read_only", flow.rx, 0);
	ASSERT_OK(link);
	own = linked_socket(self, sock_port(flow.rx));
	ASSERT_OK(own);
	tap = sniffer_open(self->router.netns, ETH_P_ALL);
	ASSERT_OK(tap);
	for (int segments = 0; segments < 2; segments++) {
		int merged = 0;

		ASSERT_LE(0, router_segments(self, segments));
		/* Packets before and after a tick are not merged. */
		for (int tries = 0; merged < 2 && tries < 100; tries++) {
			burst_fill_equal(&self->sent, &self->seq,
					 "PPPPPPPPDDDDDDDDPDPDPDPD", LEN);
			burst_expect(&self->want, &self->sent, false, false, &counts);
			ASSERT_EQ(0, burst_send(flow.tx, &self->sent, WIRE_GSO));
			ASSERT_EQ(self->sent.cnt, router_carry(&self->router));
			ASSERT_EQ(self->want.cnt,
				  burst_recv(flow.rx, &self->want, false));
			merged = sniffer_widest(tap) / LEN;
		}
		EXPECT_LE(2, merged);
	}
	ASSERT_EQ(0, link_settle(link, counts.packets, &info));
	EXPECT_EQ(counts.drop, info.verdicts[VNP_DROP]);
	ASSERT_EQ(0, link_info(own, &info));
	EXPECT_EQ(0, info.packets);
	close(tap);
	close(own);
	close(link);
	flow_close(&flow);
}

TEST_F(tunnel, passes_on)
{
	pass_on(_metadata, self, FLOW_IP4);
	if (path_carries(variant->path, FLOW_IP6))
		pass_on(_metadata, self, FLOW_IP6);
}

/*
 * ---- A tunnel that ends at a linked socket ------------------------------------
 */

#define VXLAN_HLEN	8
#define INNER_HLEN	(14 + 20 + 8)
#define OUTER_LEN	(VXLAN_HLEN + INNER_HLEN + LEN)
#define CNT		5

FIXTURE(reader) {
	struct wire wire;
	struct flow flow;
	int dev;
	int tx;
};

FIXTURE_VARIANT(reader) {
	int verdict;	/* less than 0: no link */
	bool filter;
};

FIXTURE_VARIANT_ADD(reader, not_linked) { -1, false };
FIXTURE_VARIANT_ADD(reader, pass) { VNP_PASS, false };
FIXTURE_VARIANT_ADD(reader, drop) { VNP_DROP, false };
FIXTURE_VARIANT_ADD(reader, filtered) { VNP_PASS, true };

/* The kernel's VXLAN here, to a socket there: the pair of devices takes unsegmented packets. */
FIXTURE_SETUP(reader)
{
	pin(0);
	self->dev = device_open();
	ASSERT_OK(self->dev);
	ASSERT_EQ(0, wire_new(&self->wire));
	ASSERT_EQ(0, wire_flow(&self->wire, &self->flow, FLOW_IP4));
	ASSERT_EQ(0, ip_batch("link add v0 type vxlan id 7 local 10.9.0.2 remote 10.9.0.1 dstport %d\n",
			      sock_port(self->flow.rx)));
	ASSERT_OK(write_text("/proc/sys/net/ipv6/conf/v0/disable_ipv6", "1"));
	ASSERT_EQ(0, ip_batch("link set v0 up\n"
			      "addr add 10.7.0.2/24 dev v0\n"
			      "neigh add 10.7.0.1 lladdr 02:00:00:00:07:01 dev v0\n"));
	self->tx = udp_socket("10.7.0.2", 0);
	ASSERT_OK(self->tx);
	ASSERT_EQ(0, sock_set(self->tx, SOL_UDP, UDP_SEGMENT, LEN));
}

FIXTURE_TEARDOWN(reader)
{
	close(self->tx);
	flow_close(&self->flow);
	close(self->dev);
}

/* A filter of the socket that accepts all datagrams */
static int accept_all(int sock)
{
	struct sock_filter accept = BPF_STMT(BPF_RET | BPF_K, 0xffff);
	const struct sock_fprog filter = { 1, &accept };

	return setsockopt(sock, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter));
}

/* Linked or not, the socket gets one datagram for each packet in the tunnel. */
TEST_F(reader, gets_datagrams)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = inet_addr("10.7.0.1"),
	};
	const bool linked = variant->verdict >= 0;
	__u8 sent[CNT * LEN], got[2 * sizeof(sent)];
	struct vnp_link_info info;
	int link = -1;

	fill_random(sent, sizeof(sent), 7);
	if (variant->filter)
		ASSERT_EQ(0, accept_all(self->flow.rx));
	if (linked)
		link = link_create(self->dev, prog_verdict(self->dev, variant->verdict),
				   self->flow.rx, 0);
	ASSERT_EQ(linked, link >= 0);
	ASSERT_EQ(sizeof(sent), sendto(self->tx, sent, sizeof(sent), 0, (void *)&to, sizeof(to)));
	for (int i = 0; i < CNT && variant->verdict != VNP_DROP; i++) {
		ASSERT_EQ(OUTER_LEN, flow_recv(&self->flow, got, sizeof(got)));
		EXPECT_MEM(sent + i * LEN, got + VXLAN_HLEN + INNER_HLEN, LEN);
	}
	if (linked) {
		ASSERT_OK(link_settle(link, CNT, &info));
		EXPECT_EQ(CNT, info.verdicts[variant->verdict]);
		EXPECT_EQ(CNT * OUTER_LEN, info.bytes);
		close(link);
	}
	EXPECT_TRUE(flow_empty(&self->flow));
}

TEST_HARNESS_MAIN
