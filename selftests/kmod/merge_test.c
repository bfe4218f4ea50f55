// SPDX-License-Identifier: GPL-2.0
/*
 * Datagrams are not merged before that pays.  A packet socket shows how GRO merged a
 * burst.
 */
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/udp.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <arpa/inet.h>
#include "burst.h"
#include "harness.h"
#include "object.h"

#define REST_LEN	200

/* burst_merged() - send a burst.  Return: the number of merged datagrams */
static int burst_merged(int tx, int link, int tap, struct burst *burst,
			const char *orders)
{
	static __u32 seq;
	struct vnp_link_info info;
	int err = link_info(link, &info);

	burst_fill_equal(burst, &seq, orders, REST_LEN);
	if (!err)
		err = burst_send(tx, burst, WIRE_GSO);
	if (!err)
		err = link_settle(link, info.packets + burst->cnt, &info);
	return err ? err : sniffer_widest(tap) / REST_LEN;
}

#define MERGED(orders)							\
	burst_merged(self->flow.tx, self->link, self->tap, &self->sent, orders)

FIXTURE(merge) {
	struct vnp_object *obj;
	struct wire wire;
	struct flow flow;
	int link;
	int tap;
	struct burst sent;
};

FIXTURE_VARIANT(merge) {
	enum flow_kind kind;
	int protocol;
};

FIXTURE_VARIANT_ADD(merge, ip4) { FLOW_IP4, ETH_P_IP };
FIXTURE_VARIANT_ADD(merge, ip6) { FLOW_IP6, ETH_P_IPV6 };

FIXTURE_SETUP(merge)
{
	pin(0);
	ASSERT_EQ(0, object_load("orders", &self->obj));
	ASSERT_EQ(0, path_setup(&self->wire, WIRE_GSO));
	ASSERT_EQ(0, path_flow(&self->flow, &self->wire, WIRE_GSO, variant->kind));
	self->tap = sniffer_open(self->wire.there, variant->protocol);
	ASSERT_OK(self->tap);
	self->link = object_link(self->obj, "read_only", self->flow.rx, 0);
	ASSERT_OK(self->link);
}

FIXTURE_TEARDOWN(merge)
{
	vnp_object_close(self->obj);
	flow_close(&self->flow);
	close(self->link);
	close(self->tap);
}

TEST_F(merge, not_alone)
{
	for (int i = 0; i < 20; i++)
		EXPECT_EQ(1, MERGED("D"));
	/* These could have been merged, so the next are. */
	EXPECT_EQ(1, MERGED("DDDD"));
	EXPECT_EQ(4, MERGED("DDDD"));
	for (int i = 0; i < 20; i++)
		EXPECT_EQ(1, MERGED("D"));
	EXPECT_EQ(4, MERGED("PPPP"));
}

TEST_F(merge, not_if_passed)
{
	for (int i = 0; i < 5; i++)
		EXPECT_EQ(1, MERGED("PPPPPPDP"));
	EXPECT_EQ(1, MERGED("PDPPPPPD"));
	EXPECT_EQ(8, MERGED("PPPPPPPP"));
}

/* The device delays datagrams for merging. */
TEST_F(merge, one_by_one)
{
	ASSERT_EQ(0, wire_merge(&self->wire, 100000000));
	EXPECT_EQ(1, MERGED("D"));
	EXPECT_EQ(1, MERGED("D"));
	burst_fill_equal(&self->sent, &(__u32){ 0 }, "DDDDDDDD", REST_LEN);
	ASSERT_EQ(0, burst_send(self->flow.tx, &self->sent, WIRE_SINGLE));
	ASSERT_EQ(0, link_settle(self->link, 10, &(struct vnp_link_info){ 0 }));
	EXPECT_LT(1, sniffer_widest(self->tap) / REST_LEN);
}

/* The application asks for super-packets, or tries to. */
TEST_F(merge, gro_asked)
{
	EXPECT_EQ(1, MERGED("D"));
	EXPECT_EQ(0, sock_int(self->flow.rx, SOL_UDP, UDP_GRO));
	EXPECT_EQ(0, sock_set(self->flow.rx, SOL_UDP, UDP_GRO, 1));
	EXPECT_EQ(4, MERGED("PPPP"));
	EXPECT_EQ(1, burst_recv(self->flow.rx, &self->sent, true));
}

TEST_F(merge, gro_refused)
{
	EXPECT_EQ(0, sock_set(self->flow.rx, SOL_UDP, UDP_GRO, 0));
	EXPECT_EQ(1, MERGED("DDDD"));
	EXPECT_EQ(1, MERGED("DDDD"));
	EXPECT_EQ(0, sock_int(self->flow.rx, SOL_UDP, UDP_GRO));
}

TEST_F(merge, gro_asked_wrongly)
{
	EXPECT_EQ(-1, setsockopt(self->flow.rx, SOL_UDP, UDP_GRO, NULL, 4));
	EXPECT_EQ(0, sock_int(self->flow.rx, SOL_UDP, UDP_GRO));
	EXPECT_EQ(4, MERGED("PPPP"));
	EXPECT_EQ(4, burst_recv(self->flow.rx, &self->sent, false));
}

TEST_F(merge, detached)
{
	EXPECT_EQ(1, MERGED("DDDD"));
	EXPECT_EQ(4, MERGED("DDDD"));
	EXPECT_EQ(0, link_detach(self->link));
	close(self->link);
	self->link = object_link(self->obj, "read_only", self->flow.rx, 0);
	ASSERT_OK(self->link);
	EXPECT_EQ(1, MERGED("DDDD"));
	EXPECT_EQ(4, MERGED("DDDD"));
}

TEST_HARNESS_MAIN
