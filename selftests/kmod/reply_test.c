// SPDX-License-Identifier: GPL-2.0
/*
 * VNP_REPLY: replies are the same as sendto() on the socket would have sent, and the
 * process sleeps.
 */
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/net_tstamp.h>
#include <linux/netlink.h>
#include <linux/udp.h>
#include <linux/xfrm.h>
#include <net/if.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include "burst.h"
#include "harness.h"
#include "object.h"

/* Datagrams sent before the receiver reads */
#define MANY		64

/*
 * ---- On lo and over veth --------------------------------------------------
 */

FIXTURE(reply) {
	struct vnp_object *obj;
	struct wire wire;
	struct flow flow;
	int link;
	struct vnp_link_info info;
	__u8 sent[65536];
	__u8 got[65536];
};

FIXTURE_VARIANT(reply) {
	enum flow_kind kind;
	enum net_path path;
	bool connected;
};

FIXTURE_VARIANT_ADD(reply, lo_ip4) { FLOW_IP4, LO_SINGLE };
FIXTURE_VARIANT_ADD(reply, lo_ip6) { FLOW_IP6, LO_SINGLE };
FIXTURE_VARIANT_ADD(reply, lo_mapped) { FLOW_MAPPED, LO_SINGLE };
FIXTURE_VARIANT_ADD(reply, lo_ip4_connected) { FLOW_IP4, LO_SINGLE, true };
FIXTURE_VARIANT_ADD(reply, lo_ip6_connected) { FLOW_IP6, LO_SINGLE, true };
FIXTURE_VARIANT_ADD(reply, wire_ip4) { FLOW_IP4, WIRE_GSO };
FIXTURE_VARIANT_ADD(reply, wire_ip6) { FLOW_IP6, WIRE_GSO };
FIXTURE_VARIANT_ADD(reply, wire_mapped) { FLOW_MAPPED, WIRE_GSO };
FIXTURE_VARIANT_ADD(reply, wire_ip4_connected) { FLOW_IP4, WIRE_GSO, true };
FIXTURE_VARIANT_ADD(reply, wire_ip6_connected) { FLOW_IP6, WIRE_GSO, true };
FIXTURE_VARIANT_ADD(reply, single_ip4) { FLOW_IP4, WIRE_SINGLE };
FIXTURE_VARIANT_ADD(reply, single_ip6) { FLOW_IP6, WIRE_SINGLE };

FIXTURE_SETUP(reply)
{
	pin(0);
	ASSERT_EQ(0, object_load("reply", &self->obj));
	ASSERT_EQ(0, path_setup(&self->wire, variant->path));
	ASSERT_EQ(0, path_flow(&self->flow, &self->wire, variant->path, variant->kind));
	ASSERT_EQ(0, sock_set(self->flow.tx, SOL_SOCKET, SO_RCVBUF, RCVBUF));
	if (variant->connected)
		ASSERT_EQ(0, connect(self->flow.rx, (void *)&self->flow.tx_addr,
				     sizeof(struct sockaddr_in6)));
	self->link = object_link(self->obj, "reply", self->flow.rx, 0);
	ASSERT_OK(self->link);
	fill_random(self->sent, sizeof(self->sent), 21);
}

FIXTURE_TEARDOWN(reply)
{
	vnp_object_close(self->obj);
	flow_close(&self->flow);
	close(self->link);
}

/* use() - link another program instead */
#define USE(prog)							\
	ASSERT_EQ(0, link_update(self->link, object_prog(self->obj, prog), -1))

/* INFO() - the counters, after so many datagrams have arrived */
#define INFO(cnt)	ASSERT_EQ(0, link_settle(self->link, cnt, &self->info))

/* The sender is connected: it only gets replies from the address it sent to. */
TEST_F(reply, lengths)
{
	static const int lens[] = {
		0, 1, 2, 3, 64, 255, 1400, 1452, 1453, 1472, 1473, 4096, 8900, 65000, 65507,
	};

	for (size_t i = 0; i < ARRAY_SIZE(lens); i++) {
		ASSERT_EQ(lens[i], send(self->flow.tx, self->sent, lens[i], 0));
		ASSERT_EQ(lens[i], recv(self->flow.tx, self->got, sizeof(self->got), 0)) {
			TH_LOG("%d bytes", lens[i]);
		}
		EXPECT_MEM(self->sent, self->got, lens[i]);
	}
	INFO(ARRAY_SIZE(lens));
	EXPECT_EQ(ARRAY_SIZE(lens), self->info.verdicts[VNP_REPLY]);
	for (int i = 0; i < VNP_ERROR_SLOTS; i++)
		EXPECT_EQ(0, self->info.errors[i]);
	EXPECT_TRUE(flow_empty(&self->flow));
}

/* Timestamps that the sender asks for are not those of the replies. */
TEST_F(reply, timestamps_of_the_sender)
{
	const int flags = SOF_TIMESTAMPING_TX_SCHED | SOF_TIMESTAMPING_TX_SOFTWARE |
			  SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_OPT_ID;
	char control[512];
	struct msghdr msg = { .msg_control = control, .msg_controllen = sizeof(control) };

	ASSERT_EQ(0, sock_set(self->flow.tx, SOL_SOCKET, SO_TIMESTAMPING, flags));
	for (int i = 0; i < 8; i++) {
		ASSERT_EQ(100, send(self->flow.tx, self->sent, 100, 0));
		ASSERT_EQ(100, recv(self->flow.tx, self->got, 100, 0));
	}
	INFO(8);
	EXPECT_EQ(-1, recvmsg(self->flow.rx, &msg, MSG_ERRQUEUE | MSG_DONTWAIT));
	EXPECT_EQ(0, sock_rmem(self->flow.rx));
	/* There were some. */
	EXPECT_LE(0, recvmsg(self->flow.tx, &msg, MSG_ERRQUEUE | MSG_DONTWAIT));
}

TEST_F(reply, rewritten)
{
	static const int lens[] = { 1, 2, 64, 1400, 8900, 65507 };

	USE("reply_signed");
	self->sent[0] = 'r';
	for (size_t i = 0; i < ARRAY_SIZE(lens); i++) {
		const int last = lens[i] - 1;

		ASSERT_EQ(lens[i], send(self->flow.tx, self->sent, lens[i], 0));
		ASSERT_EQ(lens[i], recv(self->flow.tx, self->got, sizeof(self->got), 0));
		EXPECT_EQ((__u8)~self->sent[0], self->got[0]);
		EXPECT_EQ((__u8)~self->sent[last], self->got[last]);
		if (lens[i] > 2)
			EXPECT_MEM(self->sent + 1, self->got + 1, lens[i] - 2);
	}
}

/* mixed() - a burst whose datagrams are dropped, passed and replied to */
static void mixed(struct __test_metadata *_metadata, FIXTURE_DATA(reply) *self,
		  enum net_path path, const char *prog, bool signs)
{
	static struct burst sent, back, through;
	static const char orders[] = "RRPPRDDRPRRRRRDPPPRR";
	__u32 seq = 0;

	USE(prog);
	ASSERT_EQ(0, sock_set(self->flow.rx, SOL_SOCKET, SO_RCVBUF, RCVBUF));
	for (int len = 40; len < 1452; len += 470) {
		burst_fill_equal(&sent, &seq, orders, len);
		back.cnt = 0;
		through.cnt = 0;
		for (int i = 0; i < sent.cnt; i++) {
			struct burst *to = orders[i] == 'P' ? &through : &back;

			sent.data[i][0] = orders[i];
			if (orders[i] == 'D')
				continue;
			memcpy(to->data[to->cnt], sent.data[i], len);
			if (signs && to == &back) {
				to->data[to->cnt][0] ^= 0xff;
				to->data[to->cnt][len - 1] ^= 0xff;
			}
			to->len[to->cnt++] = len;
		}
		for (int k = 0; k < 10; k++) {
			ASSERT_EQ(0, burst_send(self->flow.tx, &sent, path));
			EXPECT_LT(0, burst_recv(self->flow.tx, &back, false));
			EXPECT_LT(0, burst_recv(self->flow.rx, &through, false));
		}
	}
	ASSERT_EQ(0, link_info(self->link, &self->info));
	EXPECT_EQ(40 * 11, self->info.verdicts[VNP_REPLY]);
	EXPECT_EQ(40 * 6, self->info.verdicts[VNP_PASS]);
	EXPECT_EQ(40 * 3, self->info.verdicts[VNP_DROP]);
	for (int i = 0; i < VNP_ERROR_SLOTS; i++)
		EXPECT_EQ(0, self->info.errors[i]);
}

TEST_F(reply, burst_mixed)
{
	mixed(_metadata, self, variant->path, "reply_others", false);
}

TEST_F(reply, burst_mixed_rewritten)
{
	mixed(_metadata, self, variant->path, "reply_signed", true);
}

/* As many as a packet holds, and as many bytes */
TEST_F(reply, bursts)
{
	static struct burst sent;
	char orders[BURST_MAX + 1] = "";
	__u32 seq = 0;

	for (int cnt = 1; cnt <= BURST_MAX; cnt *= 2) {
		const int len = 65000 / cnt < 1452 ? 65000 / cnt : 1452;

		memset(orders, 'R', cnt);
		/* Some arrive before merging begins, some after. */
		for (int k = 0; k < 4; k++) {
			burst_fill_equal(&sent, &seq, orders, len);
			ASSERT_EQ(0, burst_send(self->flow.tx, &sent, variant->path));
			ASSERT_LT(0, burst_recv(self->flow.tx, &sent, false));
		}
	}
	ASSERT_EQ(0, link_info(self->link, &self->info));
	for (int i = 0; i < VNP_ERROR_SLOTS; i++)
		EXPECT_EQ(0, self->info.errors[i]);
}

/* Super-packets reply as super-packets, from both kinds of packet. */
TEST_F(reply, merged)
{
	static struct burst drops, sent;
	char orders[45] = "";
	__u32 seq = 0;

	USE("reply_others");
	memset(orders, 'D', 44);
	burst_fill_equal(&drops, &seq, orders, 1400);
	for (int i = 0; i < drops.cnt; i++)
		drops.data[i][0] = 'D';
	for (int k = 1; k <= 2; k++) {
		ASSERT_EQ(0, burst_send(self->flow.tx, &drops, variant->path));
		INFO(44 * k);
	}
	memset(orders, 'R', 44);
	for (int k = 0; k < 8; k++) {
		burst_fill_equal(&sent, &seq, orders, 1400);
		for (int i = 0; i < sent.cnt; i++)
			sent.data[i][0] = 'R';
		ASSERT_EQ(0, burst_send(self->flow.tx, &sent, variant->path));
		ASSERT_LT(0, burst_recv(self->flow.tx, &sent, false));
	}
	INFO(44 * 10);
	EXPECT_EQ(44 * 8, self->info.verdicts[VNP_REPLY]);
	EXPECT_EQ(0, self->info.errors[VNP_ERROR_SNDBUF]);
}

/*
 * ---- Options of the socket for sending -----------------------------------
 */

static int set_ttl(int sock, enum flow_kind kind, int ttl)
{
	return sock_set(sock, ip_level(kind),
			kind == FLOW_IP6 ? IPV6_UNICAST_HOPS : IP_TTL, ttl);
}

/* recv_ttl() - TTL of the next datagram, or negative */
static int recv_ttl(int sock, enum flow_kind kind)
{
	const bool ip6 = kind == FLOW_IP6;
	int ttl, ret = sock_cmsg(sock, ip_level(kind), ip6 ? IPV6_HOPLIMIT : IP_TTL, &ttl,
				 sizeof(ttl));

	return ret < 0 ? ret : ttl;
}

TEST_F(reply, ttl)
{
	const enum flow_kind kind = variant->kind;

	ASSERT_EQ(0, sock_set(self->flow.tx, ip_level(kind), kind == FLOW_IP6 ?
			      IPV6_RECVHOPLIMIT : IP_RECVTTL, 1));
	ASSERT_EQ(0, set_ttl(self->flow.tx, kind, 40));
	ASSERT_EQ(2, send(self->flow.tx, "40", 2, 0));
	EXPECT_EQ(39, recv_ttl(self->flow.tx, kind));
	ASSERT_EQ(0, set_ttl(self->flow.rx, kind, 20));
	ASSERT_EQ(2, send(self->flow.tx, "20", 2, 0));
	EXPECT_EQ(20, recv_ttl(self->flow.tx, kind));
	ASSERT_EQ(0, set_ttl(self->flow.tx, kind, 2));
	ASSERT_EQ(1, send(self->flow.tx, "2", 1, 0));
	EXPECT_EQ(1, recv_ttl(self->flow.tx, kind));
	ASSERT_EQ(0, set_ttl(self->flow.tx, kind, 1));
	ASSERT_EQ(1, send(self->flow.tx, "1", 1, 0));
	INFO(4);
	EXPECT_EQ(1, self->info.errors[VNP_ERROR_HOPS]);
	EXPECT_EQ(4, self->info.verdicts[VNP_REPLY]);
	EXPECT_EQ(-1, recv(self->flow.tx, self->got, 1, MSG_DONTWAIT));
}

TEST_F(reply, shutdown)
{
	if (!variant->connected)
		ASSERT_EQ(0, connect(self->flow.rx, (void *)&self->flow.tx_addr,
				     sizeof(struct sockaddr_in6)));
	ASSERT_EQ(0, shutdown(self->flow.rx, SHUT_WR));
	ASSERT_EQ(1, send(self->flow.tx, "x", 1, 0));
	INFO(1);
	EXPECT_EQ(1, self->info.errors[VNP_ERROR_DENIED]);
	EXPECT_EQ(-1, recv(self->flow.tx, self->got, 1, MSG_DONTWAIT));
}

/* A reply that may not be fragmented is refused, and its memory freed. */
TEST_F(reply, may_not_be_fragmented)
{
	const bool ip6 = variant->kind == FLOW_IP6;
	const bool lo = variant->path == LO_SINGLE;
	const int len = lo ? 65507 : 1473;

	ASSERT_EQ(0, sock_set(self->flow.rx, ip_level(variant->kind),
			      ip6 ? IPV6_MTU_DISCOVER : IP_MTU_DISCOVER,
			      IP_PMTUDISC_DO));
	if (lo) {
		/* The datagram arrives whole; then the MTU is reduced. */
		ASSERT_EQ(0, if_mtu("lo", 1500));
	}
	for (int i = 1; i <= 10; i++) {
		ASSERT_EQ(len, send(self->flow.tx, self->sent, len, 0));
		INFO(i);
		EXPECT_EQ(i, self->info.errors[VNP_ERROR_LENGTH]);
	}
	ASSERT_EQ(1000, send(self->flow.tx, self->sent, 1000, 0));
	ASSERT_EQ(1000, recv(self->flow.tx, self->got, sizeof(self->got), 0));
	EXPECT_MEM(self->sent, self->got, 1000);
	if (ip6) {
		ASSERT_EQ(0, sock_set(self->flow.rx, IPPROTO_IPV6, IPV6_MTU_DISCOVER,
				      IPV6_PMTUDISC_WANT));
		ASSERT_EQ(0, sock_set(self->flow.rx, IPPROTO_IPV6, IPV6_DONTFRAG, 1));
		ASSERT_EQ(len, send(self->flow.tx, self->sent, len, 0));
		INFO(12);
		EXPECT_EQ(11, self->info.errors[VNP_ERROR_LENGTH]);
	}
}

/* The smallest send buffer: each is replied to or counted, and the memory is freed. */
TEST_F(reply, send_buffer)
{
	const int tx = self->flow.tx;

	ASSERT_EQ(0, sock_set(self->flow.rx, SOL_SOCKET, SO_SNDBUF, 1));
	for (int i = 0; i < MANY; i++)
		ASSERT_EQ(1400, send(tx, self->sent, 1400, 0));
	INFO(MANY);
	ASSERT_GE(MANY, self->info.errors[VNP_ERROR_SNDBUF]);
	for (__u64 i = self->info.errors[VNP_ERROR_SNDBUF]; i < MANY; i++)
		ASSERT_EQ(1400, recv(tx, self->got, sizeof(self->got), 0));
	ASSERT_EQ(8900, send(tx, self->sent, 8900, 0));
	EXPECT_EQ(8900, recv(tx, self->got, sizeof(self->got), 0));
}

/* Data corked with MSG_MORE stays corked when a link is created. */
TEST_F(reply, gathered_datagram)
{
	ASSERT_EQ(0, link_detach(self->link));
	close(self->link);
	ASSERT_EQ(1, send(self->flow.tx, "a", 1, MSG_MORE));
	self->link = object_link(self->obj, "reply", self->flow.tx, 0);
	ASSERT_OK(self->link);
	ASSERT_EQ(1, send(self->flow.tx, "b", 1, 0));
	EXPECT_EQ(1, flow_next_is(&self->flow, "ab"));
}

/* Checksums are computed by the stack, and verified by the receiver. */
TEST_F(reply, checksum)
{
	if (variant->path == LO_SINGLE)
		return;
	ASSERT_OK(if_checksum("tx0", false));
	ASSERT_EQ(0, setns(self->wire.there, CLONE_NEWNET));
	ASSERT_OK(if_checksum("rx0", false));
	ASSERT_EQ(0, setns(self->wire.here, CLONE_NEWNET));
	for (int len = 0; len < 3000; len += 111) {
		ASSERT_EQ(len, send(self->flow.tx, self->sent, len, 0));
		ASSERT_EQ(len, recv(self->flow.tx, self->got, sizeof(self->got), 0));
		EXPECT_MEM(self->sent, self->got, len);
	}
}

/* A thread that nothing should wake */
struct sleeper {
	pthread_t thread;
	_Atomic pid_t tid;
	int sock;
	char byte;
};

static void *wait_in_recv(void *arg)
{
	struct sleeper *s = arg;

	s->tid = syscall(SYS_gettid);
	recv(s->sock, &s->byte, 1, 0);
	return NULL;
}

TEST_F(reply, process_sleeps)
{
	struct sleeper s = { .sock = self->flow.rx };
	long before;

	USE("reply_others");
	ASSERT_EQ(0, pthread_create(&s.thread, NULL, wait_in_recv, &s));
	while (!s.tid)
		sched_yield();
	ASSERT_EQ(0, thread_sleeps(s.tid));
	before = voluntary_switches(s.tid);
	for (int i = 0; i < 200; i++) {
		ASSERT_EQ(4, send(self->flow.tx, "ping", 4, 0));
		ASSERT_EQ(4, recv(self->flow.tx, self->got, 5, 0));
	}
	ASSERT_EQ(0, thread_sleeps(s.tid));
	EXPECT_EQ(before, voluntary_switches(s.tid));
	ASSERT_EQ(1, send(self->flow.tx, "P", 1, 0));
	pthread_join(s.thread, NULL);
	EXPECT_EQ('P', s.byte);
}

/* A reply comes from the address that the datagram was sent to. */
TEST_F(reply, wildcard)
{
	const bool ip6 = variant->kind == FLOW_IP6;
	struct sockaddr_storage from;
	socklen_t len = sizeof(from);
	struct flow all = { 0 };

	if (variant->path != LO_SINGLE || variant->connected || ip6)
		return;
	all.rx = udp_socket(variant->kind == FLOW_MAPPED ? "::" : "0.0.0.0", 0);
	all.tx = udp_socket("0.0.0.0", 0);
	ASSERT_OK(all.rx);
	ASSERT_OK(all.tx);
	close(self->link);
	self->link = object_link(self->obj, "reply", all.rx, 0);
	ASSERT_OK(self->link);
	for (int i = 1; i < 20; i++) {
		struct sockaddr_in to = {
			.sin_family = AF_INET,
			.sin_port = htons(sock_port(all.rx)),
			.sin_addr.s_addr = htonl(0x7f000000 + i % 7 + 1),
		};

		ASSERT_EQ(1, sendto(all.tx, "x", 1, 0, (void *)&to, sizeof(to)));
		ASSERT_EQ(1, recvfrom(all.tx, self->got, 2, 0, (void *)&from, &len));
		EXPECT_MEM(&to, &from, 8);
	}
	flow_close(&all);
}

/* ipsec_set() - set the socket's own policy for what it sends.  Return: 0 or negative */
static int ipsec_set(int sock, int action)
{
	const struct xfrm_userpolicy_info policy = {
		.sel.family = AF_INET,
		.lft = {
			.soft_byte_limit = XFRM_INF, .hard_byte_limit = XFRM_INF,
			.soft_packet_limit = XFRM_INF, .hard_packet_limit = XFRM_INF,
		},
		.dir = XFRM_POLICY_OUT,
		.action = action,
	};

	return setsockopt(sock, IPPROTO_IP, IP_XFRM_POLICY, &policy, sizeof(policy)) ?
	       -errno : 0;
}

/*
 * A policy of the socket that forbids sending takes effect at once.  Its memory can be that of an
 * earlier one, which is freed after a grace period: so wait for a few grace periods.
 */
TEST_F(reply, ipsec_policy)
{
	int err;

	if (variant->path != LO_SINGLE || variant->kind != FLOW_IP4)
		return;
	/* Opening this socket loads the kernel's module. */
	close(socket(AF_NETLINK, SOCK_RAW, NETLINK_XFRM));
	err = ipsec_set(self->flow.rx, XFRM_POLICY_ALLOW);
	if (err == -ENOPROTOOPT || err == -EINVAL)
		SKIP(return, "no IPsec");
	ASSERT_EQ(0, err);
	for (int i = 0; i < 40; i++) {
		ASSERT_EQ(0, ipsec_set(self->flow.rx, XFRM_POLICY_ALLOW));
		ASSERT_EQ(1, send(self->flow.tx, "x", 1, 0));
		ASSERT_EQ(1, recv(self->flow.tx, self->got, 2, 0));
		ASSERT_EQ(0, ipsec_set(self->flow.rx, XFRM_POLICY_BLOCK));
		poll(NULL, 0, 10);
		ASSERT_EQ(0, ipsec_set(self->flow.rx, XFRM_POLICY_BLOCK));
		ASSERT_EQ(1, send(self->flow.tx, "y", 1, 0));
		INFO(2 * (i + 1));
		EXPECT_EQ(i + 1, self->info.errors[VNP_ERROR_DENIED]);
	}
	EXPECT_EQ(-1, recv(self->flow.tx, self->got, 1, MSG_DONTWAIT));
}

/* Two sockets that reply to each other stop, and then work as before. */
TEST_F(reply, two_stop)
{
	struct vnp_link_info info;
	int other;

	if (variant->kind == FLOW_MAPPED)
		return;
	other = object_link(self->obj, "reply", self->flow.tx, 0);
	ASSERT_OK(other);
	ASSERT_EQ(0, set_ttl(self->flow.tx, variant->kind, 40));
	ASSERT_EQ(1, send(self->flow.tx, "x", 1, 0));
	/* 40, 38, ... 2 arrive here, and 39, 37, ... 1 there. */
	ASSERT_EQ(0, link_settle(self->link, 20, &self->info));
	ASSERT_EQ(0, link_settle(other, 20, &info));
	EXPECT_EQ(20, self->info.packets);
	EXPECT_EQ(20, info.packets);
	EXPECT_EQ(1, info.errors[VNP_ERROR_HOPS]);
	EXPECT_EQ(0, self->info.errors[VNP_ERROR_HOPS]);
	ASSERT_EQ(0, link_detach(other));
	close(other);
	ASSERT_EQ(1, send(self->flow.tx, "y", 1, 0));
	EXPECT_EQ(1, recv(self->flow.tx, self->got, 2, 0));
	EXPECT_EQ('y', self->got[0]);
}

/*
 * ---- While it is closed ---------------------------------------------------
 */

static atomic_bool stop;

static void *send_and_read(void *arg)
{
	const struct flow *flow = arg;
	char data[200];

	pin(1);
	while (!stop) {
		send(flow->tx, data, sizeof(data), MSG_DONTWAIT);
		recv(flow->tx, data, sizeof(data), MSG_DONTWAIT);
	}
	return NULL;
}

TEST_F_SMP(reply, closed_meanwhile)
{
	const int port = sock_port(self->flow.rx);
	char address[INET6_ADDRSTRLEN] = "::";
	pthread_t sender;

	if (self->flow.rx_addr.ss_family == AF_INET && variant->kind == FLOW_IP4)
		inet_ntop(AF_INET, (char *)&self->flow.rx_addr + 4, address, sizeof(address));
	ASSERT_EQ(0, pthread_create(&sender, NULL, send_and_read, &self->flow));
	for (int i = 0; i < 20; i++) {
		INFO(50);
		close(self->flow.rx);
		close(self->link);
		if (variant->path != LO_SINGLE)
			ASSERT_EQ(0, setns(self->wire.there, CLONE_NEWNET));
		self->flow.rx = udp_socket(address, port);
		if (variant->path != LO_SINGLE)
			ASSERT_EQ(0, setns(self->wire.here, CLONE_NEWNET));
		ASSERT_OK(self->flow.rx);
		self->link = object_link(self->obj, "reply", self->flow.rx, 0);
		ASSERT_OK(self->link);
	}
	stop = true;
	pthread_join(sender, NULL);
}

static void __attribute__((constructor)) prepare(void)
{
	path_prepare();
	object_prepare("reply");
}

TEST_HARNESS_MAIN
