// SPDX-License-Identifier: GPL-2.0
/*
 * vnp_send() and vnp_send_group(): peers get what sendto() on the socket would have sent
 * them, and nothing is sent that sendto() would refuse.
 */
#include <arpa/inet.h>
#include <linux/udp.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include "forwarder.h"
#define LIGHT_LEAVES_OUT	"lo_ip4", "wire_ip6"
#include "harness.h"
#include "../progs/send.h"

/* Receivers in most tests */
#define PEERS		3

/* Members of a group: twice as many are more than the packets that are being made at once */
#define CROWD		700

/* Members of a group that is sent to twice: no more than an execution may send to */
#define LATE		400

/*
 * ---- Payload and headers --------------------------------------------------
 */

FIXTURE(send) {
	struct forwarder f;
	struct orders *orders;
};

FIXTURE_VARIANT(send) {
	enum flow_kind kind;
	enum net_path path;
};

FIXTURE_VARIANT_ADD(send, lo_ip4) { FLOW_IP4, LO_SINGLE };
FIXTURE_VARIANT_ADD(send, lo_ip6) { FLOW_IP6, LO_SINGLE };
FIXTURE_VARIANT_ADD(send, lo_mapped) { FLOW_MAPPED, LO_SINGLE };
FIXTURE_VARIANT_ADD(send, wire_ip4) { FLOW_IP4, WIRE_GSO };
FIXTURE_VARIANT_ADD(send, wire_ip6) { FLOW_IP6, WIRE_GSO };
FIXTURE_VARIANT_ADD(send, single_ip4) { FLOW_IP4, WIRE_SINGLE };

/* as_ordered() - what receiver @number gets of a datagram.  Return: its length */
static int as_ordered(const void *ctx, __u32 number, __u8 *to, const __u8 *from, int len)
{
	const struct orders *orders = ctx;
	const int head = orders->params ? orders->head_len : 0;
	int off = 0;

	if (orders->params) {
		off = orders->off;
		len = orders->len == VNP_SEND_REST ? len - off : (int)orders->len;
	}
	for (int i = 0; i < head; i++)
		to[i] = number + i;
	memcpy(to + head, from + off, len);
	return head + len;
}

FIXTURE_SETUP(send)
{
	ASSERT_EQ(0, forwarder_open(&self->f, "send", variant->path, variant->kind, PEERS));
	self->orders = object_globals(self->f.obj, ".bss");
	ASSERT_NE(NULL, self->orders);
	*self->orders = (struct orders) { .verdict = VNP_DROP, .peers = PEERS,
					  .len = VNP_SEND_REST };
	self->f.expect = as_ordered;
	self->f.ctx = self->orders;
}

FIXTURE_TEARDOWN(send)
{
	forwarder_close(&self->f);
}

/* ARRIVES() - send so many bytes: every receiver gets them, as ordered */
#define ARRIVES(len)	ASSERT_EQ(0, forwarder_arrives(f, len, PEERS))

TEST_F(send, lengths)
{
	struct forwarder *f = &self->f;
	static const int lens[] = {
		0, 1, 2, 64, 255, 256, 257, 1400, 1452, 1453, 1472, 1473, 4096, 8900, 65000, 65507,
	};
	size_t sum = 0;

	for (size_t i = 0; i < ARRAY_SIZE(lens); i++) {
		ARRIVES(lens[i]);
		sum += lens[i];
	}
	INFO(f, ARRAY_SIZE(lens));
	EXPECT_EQ(ARRAY_SIZE(lens), f->info.verdicts[VNP_DROP]);
	for (int i = 0; i < PEERS; i++)
		COUNTS(f, i, ARRAY_SIZE(lens), sum);
	EXPECT_TRUE(flow_empty(&f->flow));
}

TEST_F(send, ranges)
{
	struct forwarder *f = &self->f;
	static const int lens[] = { 1, 12, 64, 255, 256, 300, 1400, 4096, 60000 };
	static const int heads[] = { 0, 1, 4, 12, SEND_HEAD_MAX };

	self->orders->params = 1;
	for (size_t l = 0; l < ARRAY_SIZE(lens); l++)
		for (size_t h = 0; h < ARRAY_SIZE(heads); h++) {
			self->orders->head_len = heads[h];
			for (int off = 0; off <= lens[l]; off += lens[l] / 3 + 1) {
				self->orders->off = off;
				self->orders->len = VNP_SEND_REST;
				ARRIVES(lens[l]);
				self->orders->len = (lens[l] - off) / 2;
				ARRIVES(lens[l]);
			}
		}
}

TEST_F(send, refused)
{
	struct forwarder *f = &self->f;
	const struct {
		struct orders orders;
		int want;
	} cases[] = {
		{ { .params = 1, .off = 11, .len = VNP_SEND_REST }, -ERANGE },
		{ { .params = 1, .off = 5, .len = 6 }, -ERANGE },
		{ { .params = 1, .off = ~1U, .len = 10 }, -ERANGE },
		{ { .params = 1, .off = 1, .len = ~1U }, -ERANGE },
		{ { .params = 1, .size = 8, .len = VNP_SEND_REST }, -EINVAL },
		{ { .params = 1, .size = 16, .len = VNP_SEND_REST, .head_len = 8 }, -EINVAL },
		{ { .params = 1, .flags = 2, .len = VNP_SEND_REST }, -EINVAL },
		{ { .params = 1, .flags = VNP_SEND_F_OTHERS, .len = VNP_SEND_REST }, -EINVAL },
		{ { .params = 1, .off = 10, .len = VNP_SEND_REST }, 0 },
	};
	__u32 key = 0;
	int sent = 0;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		*self->orders = cases[i].orders;
		self->orders->peers = 1;
		ASSERT_EQ(10, send(f->flow.tx, f->sent, 10, 0));
		INFO(f, i + 1);
		EXPECT_EQ(cases[i].want, self->orders->ret[0]) {
			TH_LOG("case %zu", i);
		}
		sent += !cases[i].want;
	}
	COUNTS(f, 0, sent, 0);
	ASSERT_EQ(0, vnp_map_delete(f->peers, &key));
	EXPECT_EQ(-ENOENT, vnp_map_delete(f->peers, &key));
	ASSERT_EQ(10, send(f->flow.tx, f->sent, 10, 0));
	INFO(f, ARRAY_SIZE(cases) + 1);
	EXPECT_EQ(-ENOENT, self->orders->ret[0]);
}

/* bursts() - many equal datagrams, with bytes of the program in front */
static void bursts(struct __test_metadata *_metadata, FIXTURE_DATA(send) *self,
		   enum net_path path, int head, int off)
{
	struct forwarder *f = &self->f;
	static struct burst sent;
	char orders[BURST_MAX + 1] = "";
	__u32 seq = 0;

	self->orders->params = head || off;
	self->orders->head_len = head;
	self->orders->off = off;
	for (int datagrams = 1; datagrams <= BURST_MAX; datagrams *= 4) {
		for (int len = 40; len < 1440; len += 680) {
			const int all = datagrams * len > 60000 ? 60000 / len : datagrams;

			memset(orders, 'R', all);
			orders[all] = 0;
			burst_fill_equal(&sent, &seq, orders, len);
			for (int k = 0; k < 2; k++)
				ASSERT_LT(0, forwarder_burst(f, &sent, path, false));
		}
	}
	for (int i = 0; i < PEERS; i++)
		COUNTS(f, i, f->datagrams[i], f->bytes[i]);
}

TEST_F(send, bursts)
{
	bursts(_metadata, self, variant->path, 0, 0);
}

TEST_F(send, bursts_rewritten)
{
	bursts(_metadata, self, variant->path, 12, 12);
}

TEST_F(send, bursts_longer)
{
	bursts(_metadata, self, variant->path, 12, 0);
}

TEST_F(send, bursts_shorter)
{
	bursts(_metadata, self, variant->path, 0, 12);
}

TEST_F(send, bursts_pulled)
{
	struct forwarder *f = &self->f;

	USE(f, "send_pulled");
	bursts(_metadata, self, variant->path, 12, 12);
}

TEST_F(send, bursts_pulled_between)
{
	struct forwarder *f = &self->f;

	USE(f, "send_pulled_between");
	bursts(_metadata, self, variant->path, 0, 0);
	for (int len = 1000; len < 65000; len *= 2)
		ARRIVES(len);
}

/* Peers get different ones of the datagrams that arrive together. */
TEST_F(send, bursts_halves)
{
	struct forwarder *f = &self->f;
	static struct burst sent, want;
	__u32 seq = 0;

	USE(f, "send_halves");
	for (int len = 40; len < 1440; len += 680) {
		burst_fill_equal(&sent, &seq, "RRRRRRRRRRRRRRRR", len);
		for (int j = 0; j < sent.cnt; j++)
			sent.data[j][0] = j / 3;
		ASSERT_EQ(0, burst_send(f->flow.tx, &sent, variant->path));
		for (int i = 0; i < PEERS; i++) {
			want.cnt = 0;
			for (int j = 0; j < sent.cnt; j++) {
				if (i < 2 && (sent.data[j][0] & 1) != i)
					continue;
				want.len[want.cnt] = sent.len[j];
				memcpy(want.data[want.cnt++], sent.data[j], sent.len[j]);
			}
			ASSERT_LT(0, burst_recv(f->rx[i], &want, false));
		}
	}
}

TEST_F(send, bursts_written)
{
	struct forwarder *f = &self->f;
	static struct burst sent;
	__u32 seq = 0;

	USE(f, "send_written");
	for (int k = 0; k < 8; k++) {
		burst_fill_equal(&sent, &seq, "RRRRRRRRRRRRRRRR", k % 2 ? 1400 : 64);
		ASSERT_EQ(0, burst_send(f->flow.tx, &sent, variant->path));
		for (int j = 0; j < sent.cnt; j++)
			sent.data[j][0] = 'W';
		for (int i = 0; i < PEERS; i++)
			ASSERT_LT(0, burst_recv(f->rx[i], &sent, false));
	}
}

/* What is sent can still be passed and replied to. */
TEST_F(send, passed_and_replied)
{
	struct forwarder *f = &self->f;
	static const __u32 verdicts[] = { VNP_PASS, VNP_REPLY, VNP_DROP };

	for (size_t v = 0; v < ARRAY_SIZE(verdicts); v++)
		for (int len = 0; len < 3000; len += 299) {
			self->orders->verdict = verdicts[v];
			ARRIVES(len);
			if (verdicts[v] == VNP_PASS)
				ASSERT_EQ(len, flow_recv(&f->flow, f->got, sizeof(f->got)));
			if (verdicts[v] == VNP_REPLY)
				ASSERT_EQ(len, recv(f->flow.tx, f->got, sizeof(f->got), 0));
			if (verdicts[v] != VNP_DROP)
				EXPECT_MEM(f->sent, f->got, len);
		}
	EXPECT_TRUE(flow_empty(&f->flow));
}

/* TTL: that of the socket or peer, but at most one less than that of the datagram that arrived */
TEST_F(send, ttl_and_tos)
{
	struct forwarder *f = &self->f;
	static const struct {
		int sender, socket, peer, want;
	} cases[] = {
		{ 64, -1, 0, 63 }, { 40, -1, 0, 39 }, { 64, 20, 0, 20 }, { 64, 20, 30, 30 },
		{ 64, -1, 5, 5 }, { 10, -1, 30, 9 }, { 2, -1, 0, 1 }, { 1, -1, 0, 0 },
	};
	const bool ip6 = variant->kind == FLOW_IP6;
	const int level = ip_level(variant->kind), name = ip6 ? IPV6_UNICAST_HOPS : IP_TTL;
	struct vnp_peer peer = peer_of(f->rx[0]), count;
	const __u32 key = 0;
	int val;

	self->orders->peers = 1;
	ASSERT_EQ(0, sock_set(f->rx[0], level, ip6 ? IPV6_RECVHOPLIMIT : IP_RECVTTL, 1));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		peer.ttl = cases[i].peer;
		ASSERT_EQ(0, sock_set(f->flow.tx, level, name, cases[i].sender));
		ASSERT_EQ(0, sock_set(f->flow.rx, level, name, cases[i].socket));
		ASSERT_EQ(0, vnp_map_update(f->peers, &key, &peer, VNP_MAP_EXIST));
		ASSERT_EQ(1, send(f->flow.tx, "t", 1, 0));
		INFO(f, i + 1);
		if (!cases[i].want)
			continue;
		ASSERT_LE(0, sock_cmsg(f->rx[0], level, ip6 ? IPV6_HOPLIMIT : IP_TTL, &val,
				       sizeof(val)));
		EXPECT_EQ(cases[i].want, val);
	}
	ASSERT_EQ(0, vnp_map_lookup(f->peers, &key, &count));
	EXPECT_EQ(0, count.sent);
	EXPECT_EQ(1, count.errors[VNP_ERROR_HOPS]);

	ASSERT_EQ(0, sock_set(f->flow.tx, level, name, 64));
	ASSERT_EQ(0, sock_set(f->rx[0], level, ip6 ? IPV6_RECVHOPLIMIT : IP_RECVTTL, 0));
	ASSERT_EQ(0, sock_set(f->rx[0], level, ip6 ? IPV6_RECVTCLASS : IP_RECVTOS, 1));
	for (int i = 0; i < 2; i++) {
		__u8 byte;

		peer.tos = i ? 0xb8 : 0;
		peer.flags = i ? VNP_PEER_F_TOS : 0;
		ASSERT_EQ(0, sock_set(f->flow.rx, level, ip6 ? IPV6_TCLASS : IP_TOS, 0x20));
		ASSERT_EQ(0, vnp_map_update(f->peers, &key, &peer, VNP_MAP_EXIST));
		ASSERT_EQ(1, send(f->flow.tx, "t", 1, 0));
		if (ip6) {
			ASSERT_LE(0, sock_cmsg(f->rx[0], level, IPV6_TCLASS, &val, sizeof(val)));
		} else {
			ASSERT_LE(0, sock_cmsg(f->rx[0], level, IP_TOS, &byte, sizeof(byte)));
			val = byte;
		}
		EXPECT_EQ(i ? 0xb8 : 0x20, val);
	}
}

/* PEER_ERROR() - the first peer has counted one error, and only of this kind */
#define PEER_ERROR(error, cnt) ({							\
	struct vnp_peer ___peer;							\
	__u32 ___key = 0;								\
											\
	ASSERT_EQ(0, vnp_map_lookup(f->peers, &___key, &___peer));			\
	for (int ___i = 0; ___i < VNP_ERROR_SLOTS; ___i++)				\
		EXPECT_EQ(___i == (error) ? (__u64)(cnt) : 0, ___peer.errors[___i]);	\
})

TEST_F(send, too_long)
{
	struct forwarder *f = &self->f;
	const bool ip6 = variant->kind == FLOW_IP6;

	self->orders->peers = 1;
	self->orders->params = 1;
	self->orders->head_len = SEND_HEAD_MAX;
	ASSERT_EQ(65507, send(f->flow.tx, f->sent, 65507, 0));
	INFO(f, 1);
	EXPECT_EQ(-EMSGSIZE, self->orders->ret[0]);
	PEER_ERROR(VNP_ERROR_LENGTH, 1);

	ASSERT_EQ(0, sock_set(f->flow.rx, ip_level(variant->kind),
			      ip6 ? IPV6_MTU_DISCOVER : IP_MTU_DISCOVER, IP_PMTUDISC_DO));
	if (variant->path == LO_SINGLE) {
		ASSERT_EQ(0, if_mtu("lo", 1500));
	}
	ASSERT_EQ(1440, send(f->flow.tx, f->sent, 1440, 0));
	INFO(f, 2);
	PEER_ERROR(VNP_ERROR_LENGTH, 2);
}

TEST_F(send, shutdown_and_closed)
{
	struct forwarder *f = &self->f;

	self->orders->peers = 1;
	ASSERT_EQ(0, connect(f->flow.rx, (void *)&f->flow.tx_addr,
			     sizeof(struct sockaddr_in6)));
	ASSERT_EQ(0, shutdown(f->flow.rx, SHUT_WR));
	ASSERT_EQ(1, send(f->flow.tx, "x", 1, 0));
	INFO(f, 1);
	PEER_ERROR(VNP_ERROR_DENIED, 1);
}

/* The smallest send buffer: each is sent or counted, and the memory is freed. */
TEST_F(send, send_buffer)
{
	struct forwarder *f = &self->f;
	struct vnp_peer peer = {};
	__u32 key = 0;

	self->orders->peers = 1;
	ASSERT_EQ(0, sock_set(f->flow.rx, SOL_SOCKET, SO_SNDBUF, 1));
	for (int i = 0; i < 64; i++)
		ASSERT_EQ(1400, send(f->flow.tx, f->sent, 1400, 0));
	INFO(f, 64);
	/* Datagrams that were gathered may be sent after the link has counted the last one. */
	for (int i = 0; i < 10000 && peer.sent + peer.errors[VNP_ERROR_SNDBUF] < 64; i++) {
		sched_yield();
		ASSERT_EQ(0, vnp_map_lookup(f->peers, &key, &peer));
	}
	EXPECT_EQ(64, peer.sent + peer.errors[VNP_ERROR_SNDBUF]);
	for (__u32 got = 0; got < peer.sent; got++)
		ASSERT_EQ(1400, recv(f->rx[0], f->got, sizeof(f->got), 0));
	ASSERT_EQ(8900, send(f->flow.tx, f->sent, 8900, 0));
	EXPECT_EQ(8900, recv(f->rx[0], f->got, sizeof(f->got), 0));
}

TEST_F(send, unreachable)
{
	struct forwarder *f = &self->f;
	struct vnp_peer peer;
	__u32 key = 0;

	self->orders->peers = 1;
	close(f->rx[0]);
	for (int i = 1; i <= 3; i++) {
		ASSERT_EQ(1, send(f->flow.tx, "u", 1, 0));
		INFO(f, i);
	}
	ASSERT_EQ(0, vnp_map_lookup(f->peers, &key, &peer));
	EXPECT_EQ(3, peer.sent);
	EXPECT_LE(1, peer.unreachable);
	EXPECT_GE(3, peer.unreachable);
	f->rx[0] = peer_receiver(&f->flow);
}

/* Nothing is sent of the packet that arrived except its payload */
TEST_F(send, metadata)
{
	struct forwarder *f = &self->f;
	int one = 1, mark = 7;
	__u32 got = 0;

	self->orders->peers = 1;
	ASSERT_EQ(0, setsockopt(f->flow.tx, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)));
	ASSERT_EQ(0, setsockopt(f->rx[0], SOL_SOCKET, SO_RCVMARK, &one, sizeof(one)));
	for (int i = 0; i < 4; i++) {
		ASSERT_EQ(4, send(f->flow.tx, "mark", 4, 0));
		ASSERT_LE(0, sock_cmsg(f->rx[0], SOL_SOCKET, SO_MARK, &got, sizeof(got)));
		EXPECT_EQ(0, got);
	}
}

/* Peers of a map with a socket of its own are sent to from that. */
TEST_F(send, other_socket)
{
	struct forwarder *f = &self->f;
	struct sockaddr_in6 from = {};
	socklen_t len = sizeof(from);
	struct vnp_map_create attr = {
		.size = sizeof(attr),
		.flags = VNP_MAP_F_SOCKET,
		.type = VNP_MAP_PEERS,
		.key_size = 4,
		.value_size = sizeof(struct vnp_peer),
		.max_entries = 4,
	};
	struct vnp_peer peer = peer_of(f->rx[0]);
	int other, map, dev = device_open();
	struct vnp_object *obj;
	__u32 key = 0;

	if (variant->path != LO_SINGLE)
		ASSERT_EQ(0, setns(f->wire.there, CLONE_NEWNET));
	other = socket(variant->kind == FLOW_IP4 ? AF_INET : AF_INET6, SOCK_DGRAM, 0);
	ASSERT_OK(other);
	if (variant->path != LO_SINGLE)
		ASSERT_EQ(0, setns(f->wire.here, CLONE_NEWNET));
	attr.sock_fd = other;
	map = do_ioctl(dev, VNP_MAP_CREATE, &attr);
	ASSERT_OK(map);
	ASSERT_EQ(0, object_open("send", &obj));
	ASSERT_EQ(0, vnp_map_reuse_fd(vnp_object_find_map(obj, "peers"), map));
	ASSERT_EQ(0, vnp_object_load(obj, NULL));
	*(struct orders *)object_globals(obj, ".bss") = *self->orders;
	ASSERT_EQ(0, vnp_map_update(vnp_object_find_map(obj, "peers"), &key, &peer, 0));
	ASSERT_EQ(0, link_update(f->link, object_prog(obj, "send"), -1));
	ASSERT_EQ(2, send(f->flow.tx, "ab", 2, 0));
	ASSERT_EQ(2, recvfrom(f->rx[0], f->got, sizeof(f->got), 0, (void *)&from, &len));
	EXPECT_EQ(sock_port(other), ntohs(from.sin6_port));
	EXPECT_NE(sock_port(f->flow.rx), ntohs(from.sin6_port));

	/* Nothing is sent after it was closed. */
	close(other);
	ASSERT_EQ(2, send(f->flow.tx, "cd", 2, 0));
	INFO(f, 2);
	EXPECT_EQ(-1, recv(f->rx[0], f->got, sizeof(f->got), MSG_DONTWAIT));
	EXPECT_EQ(-ENOTCONN, vnp_map_update(vnp_object_find_map(obj, "peers"), &key, &peer, 0));
	close(map);
	close(dev);
	vnp_object_close(obj);
}

/*
 * ---- Groups ---------------------------------------------------------------
 */

/* members() - set the members of group @group: bit n of @set for receiver n */
static void members(struct __test_metadata *_metadata, FIXTURE_DATA(send) *self, __u32 group,
		    unsigned int set)
{
	struct forwarder *f = &self->f;
	struct vnp_map *groups = vnp_object_find_map(f->obj, "groups");

	for (__u32 i = 0; i < PEERS; i++) {
		struct member key = { group, i };
		struct vnp_peer peer = peer_of(f->rx[i]);

		if (!(set >> i & 1)) {
			vnp_map_delete(groups, &key);
			continue;
		}
		ASSERT_EQ(0, vnp_map_update(groups, &key, &peer, VNP_MAP_ANY));
	}
}

/* members_get() - send a datagram: exactly these members must get it */
static void members_get(struct __test_metadata *_metadata, FIXTURE_DATA(send) *self,
			unsigned int set)
{
	struct forwarder *f = &self->f;
	static __u64 number;

	number++;
	ASSERT_EQ(8, send(f->flow.tx, &number, 8, 0));
	INFO(f, f->info.packets + 1);
	for (int i = 0; i < PEERS; i++) {
		__u64 got = 0;

		if (set >> i & 1) {
			ASSERT_EQ(8, recv(f->rx[i], &got, 8, 0));
			EXPECT_EQ(number, got);
		}
		EXPECT_EQ(-1, recv(f->rx[i], &got, 8, MSG_DONTWAIT));
	}
	EXPECT_EQ(__builtin_popcount(set), self->orders->ret[0]);
}

TEST_F(send, groups)
{
	struct forwarder *f = &self->f;

	USE(f, "send_group");
	for (unsigned int set = 0; set < 1 << PEERS; set++) {
		members(_metadata, self, 1, set);
		members(_metadata, self, 2, ~set);
		self->orders->member = (struct member) { 1, 0 };
		members_get(_metadata, self, set);
		self->orders->member.group = 2;
		members_get(_metadata, self, ~set & ((1 << PEERS) - 1));
		self->orders->member.group = 3;
		members_get(_metadata, self, 0);

		self->orders->params = 1;
		self->orders->flags = VNP_SEND_F_OTHERS;
		self->orders->member.group = 1;
		for (__u32 i = 0; i <= PEERS; i++) {
			self->orders->member.member = i;
			members_get(_metadata, self, set & ~(1U << i));
		}
		self->orders->params = 0;
	}
	USE(f, "send_member");
	members(_metadata, self, 1, 2);
	self->orders->member = (struct member) { 1, 1 };
	ASSERT_EQ(2, send(f->flow.tx, "me", 2, 0));
	EXPECT_EQ(2, recv(f->rx[1], f->got, sizeof(f->got), 0));
	self->orders->member.member = 0;
	ASSERT_EQ(2, send(f->flow.tx, "me", 2, 0));
	INFO(f, f->info.packets + 2);
	EXPECT_EQ(-1, recv(f->rx[0], f->got, sizeof(f->got), MSG_DONTWAIT));
	EXPECT_EQ(-ENOENT, self->orders->ret[0]);
}

/* list() - who gets a datagram: as before three times out of four, and often some of them */
static void list(unsigned int *seed, __u8 *to)
{
	static const __u8 kinds[] = {
		SEND_TO, SEND_TO, SEND_TO, SEND_TO, SEND_FRONT, SEND_ALL, SEND_NOBODY,
	};

	if (rand_r(seed) % 4)
		return;
	for (int i = 0; i < SEND_LIST; i++) {
		to[i] = kinds[rand_r(seed) % ARRAY_SIZE(kinds)];
		if (to[i] < SEND_ALL)
			to[i] += rand_r(seed) % PEERS;
	}
}

/* listed() - what a member gets of a burst */
static void listed(struct burst *want, const struct burst *sent, int member)
{
	want->cnt = 0;
	for (int j = 0; j < sent->cnt; j++)
		for (int i = 0; i < SEND_LIST; i++) {
			const __u8 to = sent->data[j][i];
			const int front = to == SEND_FRONT + member;

			if (!front && to != SEND_TO + member && to != SEND_ALL)
				continue;
			want->data[want->cnt][0] = SEND_MARK;
			memcpy(want->data[want->cnt] + front, sent->data[j], sent->len[j]);
			want->len[want->cnt++] = sent->len[j] + front;
		}
}

/* Datagrams that arrive together are sent to the same members or others, in any order. */
TEST_F(send, bursts_listed)
{
	static const int lens[] = { 40, 250, 700, 1400 };
	struct forwarder *f = &self->f;
	static struct burst sent, want;
	__u64 cnt[PEERS] = {}, bytes[PEERS] = {};
	__u8 to[SEND_LIST] = { 0, 1, 2, SEND_NOBODY, SEND_NOBODY, SEND_NOBODY };
	unsigned int seed = 1;
	__u32 seq = 0;

	USE(f, "send_listed");
	members(_metadata, self, 1, (1 << PEERS) - 1);
	self->orders->member = (struct member) { 1, 0 };
	for (int k = 0; k < 60; k++) {
		burst_fill_equal(&sent, &seq, "RRRRRRRRRR", lens[k % ARRAY_SIZE(lens)]);
		/* The last one may be shorter. */
		sent.len[sent.cnt - 1] -= rand_r(&seed) % 2 * 7;
		for (int j = 0; j < sent.cnt; j++) {
			list(&seed, to);
			memcpy(sent.data[j], to, sizeof(to));
		}
		ASSERT_EQ(0, burst_send(f->flow.tx, &sent, variant->path));
		for (int i = 0; i < PEERS; i++) {
			listed(&want, &sent, i);
			ASSERT_LE(!!want.cnt, burst_recv(f->rx[i], &want, false)) {
				TH_LOG("burst %d, member %d", k, i);
			}
			for (int j = 0; j < want.cnt; j++)
				bytes[i] += want.len[j];
			cnt[i] += want.cnt;
		}
	}
	for (int i = 0; i < PEERS; i++) {
		const struct member key = { 1, i };
		struct vnp_peer peer;

		ASSERT_EQ(0, vnp_map_lookup(vnp_object_find_map(f->obj, "groups"), &key, &peer));
		EXPECT_EQ(cnt[i], peer.sent);
		EXPECT_EQ(bytes[i], peer.bytes);
	}
}

TEST_F(send, bursts_group)
{
	struct forwarder *f = &self->f;
	static struct burst sent;
	__u32 seq = 0;

	USE(f, "send_group");
	self->orders->member = (struct member) { 1, 0 };
	for (unsigned int set = 1; set < 1 << PEERS; set++) {
		members(_metadata, self, 1, set);
		for (int len = 40; len < 1440; len += 680) {
			burst_fill_equal(&sent, &seq, "RRRRRRRRRRRRRRRR", len);
			ASSERT_EQ(0, burst_send(f->flow.tx, &sent, variant->path));
			for (int i = 0; i < PEERS; i++) {
				if (set >> i & 1)
					ASSERT_LT(0, burst_recv(f->rx[i], &sent, false));
			}
			EXPECT_EQ(__builtin_popcount(set), self->orders->ret[0]);
		}
	}
	for (int i = 0; i < PEERS; i++)
		EXPECT_EQ(-1, recv(f->rx[i], f->got, sizeof(f->got), MSG_DONTWAIT));
}

/* crowd() - create a group of @cnt members, all with the address of the first receiver */
static void crowd(struct __test_metadata *_metadata, FIXTURE_DATA(send) *self, __u32 group,
		  __u32 cnt)
{
	struct forwarder *f = &self->f;
	struct vnp_map *crowds = vnp_object_find_map(f->obj, "crowds");
	const struct vnp_peer peer = peer_of(f->rx[0]);

	for (__u32 i = 0; i < cnt; i++) {
		struct member key = { group, i };

		ASSERT_EQ(0, vnp_map_update(crowds, &key, &peer, VNP_MAP_NOEXIST));
	}
}

/* More packets than a CPU has space for: the oldest are sent, and none is refused. */
TEST_F(send, crowds)
{
	struct forwarder *f = &self->f;
	static struct burst sent;
	__u32 seq = 0;

	crowd(_metadata, self, 0, CROWD);
	crowd(_metadata, self, 1, CROWD);
	self->orders->member = (struct member) { 0, 0 };
	USE(f, "send_crowd");
	burst_fill_equal(&sent, &seq, "RR", 40);
	ASSERT_EQ(0, burst_send(f->flow.tx, &sent, variant->path));
	INFO(f, 2);
	EXPECT_EQ(CROWD, self->orders->ret[0]);
	EXPECT_EQ(CROWD, self->orders->ret[1]);
	EXPECT_EQ(0, f->info.errors[VNP_ERROR_RATE]);
}

/*
 * The second datagram for each peer makes the first be sent, in some 40 fragments: an execution
 * may not send that many.  Loopback takes them from the send buffer at once.
 */
TEST_F(send, crowds_late)
{
	struct forwarder *f = &self->f;

	if (variant->path != LO_SINGLE)
		return;
	ASSERT_EQ(0, if_mtu("lo", 1500));
	crowd(_metadata, self, 0, LATE);
	self->orders->member = (struct member) { 0, 0 };
	USE(f, "send_crowd_twice");
	ASSERT_EQ(60000, send(f->flow.tx, f->sent, 60000, 0));
	INFO(f, 1);
	EXPECT_EQ(LATE, self->orders->ret[0]);
	EXPECT_EQ(-EDQUOT, self->orders->ret[1]);
	EXPECT_EQ(1, f->info.errors[VNP_ERROR_RATE]);
}

/* Sends until told to stop; @together: several datagrams at once (UDP_SEGMENT) */
struct traffic {
	pthread_t thread;
	_Atomic bool stop;
	int sock;
	int together;
};

#define TOGETHER_MAX	16

static void *traffic_send(void *arg)
{
	struct traffic *traffic = arg;
	const int cnt = traffic->together ?: 1;
	__u64 numbers[TOGETHER_MAX] = {}, number = 0;

	if (traffic->together)
		sock_set(traffic->sock, SOL_UDP, UDP_SEGMENT, sizeof(number));
	while (!traffic->stop) {
		for (int i = 0; i < cnt; i++)
			numbers[i] = ++number;
		send(traffic->sock, numbers, cnt * sizeof(number), 0);
	}
	return NULL;
}

/*
 * The first receiver stays a member, and gets each datagram once and in order.  The group is
 * updated until the other thread has sent enough, as otherwise it might not have begun.
 */
TEST_F_SMP(send, membership_under_traffic)
{
	struct forwarder *f = &self->f;
	struct vnp_map *groups = vnp_object_find_map(f->obj, "groups");
	struct traffic traffic = {
		.sock = f->flow.tx,
		.together = variant->path == WIRE_GSO ? TOGETHER_MAX : 0,
	};
	struct member key = { 1, 1 };
	struct vnp_peer peer = peer_of(f->rx[1]), stays = peer_of(f->rx[0]);
	struct member stayer = { 1, 0 };
	__u64 got, last = 0, cnt = 0;

	/* One variant is enough: others have the same races. */
	if (variant->kind == FLOW_MAPPED || variant->path == WIRE_SINGLE)
		return;
	USE(f, "send_group");
	self->orders->member = key;
	members(_metadata, self, 1, 1);
	ASSERT_EQ(0, pthread_create(&traffic.thread, NULL, traffic_send, &traffic));
	for (int i = 0; i < 1000 || !cnt; i++) {
		ASSERT_EQ(0, vnp_map_update(groups, &key, &peer, VNP_MAP_NOEXIST));
		if (!(i % 16))
			ASSERT_EQ(0, vnp_map_update(groups, &stayer, &stays, VNP_MAP_EXIST));
		ASSERT_EQ(0, vnp_map_delete(groups, &key));
		while (recv(f->rx[0], &got, sizeof(got), MSG_DONTWAIT) == sizeof(got)) {
			if (got <= last)
				TH_LOG("%llu after %llu", got, last);
			ASSERT_LT(last, got);
			last = got;
			cnt++;
		}
		while (recv(f->rx[1], &got, sizeof(got), MSG_DONTWAIT) == sizeof(got))
			;
	}
	traffic.stop = true;
	pthread_join(traffic.thread, NULL);
	ASSERT_EQ(0, link_info(f->link, &f->info));
	EXPECT_EQ(0, link_faults(&f->info));
}

/* Sockets, links and maps are closed in any order while datagrams are being sent. */
TEST_F_SMP(send, ends_under_traffic)
{
	struct forwarder *f = &self->f;
	struct traffic traffic = { .sock = f->flow.tx };

	/* One variant is enough: others have the same races. */
	if (variant->kind == FLOW_MAPPED || variant->path == WIRE_SINGLE)
		return;
	ASSERT_EQ(0, pthread_create(&traffic.thread, NULL, traffic_send, &traffic));
	for (int i = 0; i < 9; i++) {
		struct vnp_object *obj;
		struct vnp_map *peers;
		int sock, link;

		ASSERT_EQ(0, object_load("send", &obj));
		peers = vnp_object_find_map(obj, "peers");
		sock = udp_socket("0.0.0.0", 0);
		link = object_link(obj, "send", sock, 0);
		ASSERT_OK(link);
		ASSERT_EQ(0, link_update(f->link, object_prog(obj, "send"), -1));
		for (__u32 k = 0; k < PEERS; k++) {
			struct vnp_peer peer = peer_ip4("127.0.0.1", 9);

			ASSERT_EQ(0, vnp_map_update(peers, &k, &peer, 0));
		}
		((struct orders *)object_globals(obj, ".bss"))->peers = PEERS;
		if (i % 3 == 0)
			close(sock);
		vnp_object_close(obj);
		if (i % 3 == 1)
			close(sock);
		close(link);
		USE(f, "send");
		if (i % 3 == 2)
			close(sock);
	}
	traffic.stop = true;
	pthread_join(traffic.thread, NULL);
}

/*
 * ---- Loops ----------------------------------------------------------------
 */

/* Two relays that send to each other, and each twice to itself */
TEST(loops_end)
{
	struct vnp_object *obj[2];
	struct vnp_link_info info[2];
	__u64 before = 0, after = 1;
	int sock[2], link[2], tx;

	ASSERT_EQ(0, netns_new());
	pin(0);
	tx = udp_socket("127.0.0.1", 0);
	for (int i = 0; i < 2; i++) {
		sock[i] = udp_socket("127.0.0.1", 7001 + i);
		ASSERT_OK(sock[i]);
		ASSERT_EQ(0, object_load("send", &obj[i]));
		link[i] = object_link(obj[i], "send", sock[i], 0);
		ASSERT_OK(link[i]);
	}
	for (__u32 i = 0; i < 2; i++) {
		struct vnp_peer peer = peer_ip4("127.0.0.1", 7002 - i);
		__u32 key = 0;

		ASSERT_EQ(0, vnp_map_update(vnp_object_find_map(obj[i], "peers"), &key, &peer, 0));
		((struct orders *)object_globals(obj[i], ".bss"))->peers = 1;
	}
	struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons(7001),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	ASSERT_EQ(1, sendto(tx, "l", 1, 0, (void *)&to, sizeof(to)));
	/* Longer, if hops are missing: the datagram may wait for a softirq. */
	for (int quiet = 0; quiet < (after < 64 ? 100000 : 100);) {
		for (int i = 0; i < 2; i++)
			ASSERT_EQ(0, link_info(link[i], &info[i]));
		after = info[0].packets + info[1].packets;
		quiet = after == before ? quiet + 1 : 0;
		before = after;
		sched_yield();
	}
	EXPECT_EQ(64, after);
	for (int i = 0; i < 2; i++)
		vnp_object_close(obj[i]);
}

static void __attribute__((constructor)) prepare(void)
{
	path_prepare();
}

TEST_HARNESS_MAIN
