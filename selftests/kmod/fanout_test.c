// SPDX-License-Identifier: GPL-2.0
/*
 * Peers over all kinds of devices get every byte, in order; peers that cannot be reached do
 * not affect others; and each limit that is reached is counted.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/securebits.h>
#include <linux/udp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include "burst.h"
#include "harness.h"
#include "object.h"
#include "peer.h"
#include "../progs/send.h"

#define PORT		7100

/* Datagrams of a super-packet */
#define DATAGRAMS	16

/* Bytes that the program puts in front of each, in place of as many */
#define HEAD		12

/**
 * struct fan - a relay in a network namespace of its own, which gets datagrams by lo
 * @here:	that namespace
 * @there:	another one, with the receivers
 * @obj:	the program
 * @peers:	its map
 * @orders:	what it does
 * @relay:	the socket that it is linked to
 * @tx:		connected to that
 * @link:	the link
 * @sent:	datagrams that were sent to @relay
 */
struct fan {
	int here;
	int there;
	struct vnp_object *obj;
	struct vnp_map *peers;
	struct orders *orders;
	int relay;
	int tx;
	int link;
	__u64 sent;
};

static int fan_open(struct fan *fan)
{
	struct sockaddr_in6 to = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };

	pin(0);
	if (object_load("send", &fan->obj) || netns_new())
		return -EINVAL;
	fan->here = netns_here();
	if (netns_another())
		return -EINVAL;
	fan->there = netns_here();
	if (setns(fan->here, CLONE_NEWNET))
		return -errno;
	fan->peers = vnp_object_find_map(fan->obj, "peers");
	fan->orders = object_globals(fan->obj, ".bss");
	fan->relay = udp_socket("::", 0);
	fan->tx = udp_socket("::1", 0);
	to.sin6_port = htons(sock_port(fan->relay));
	if (connect(fan->tx, (void *)&to, sizeof(to)))
		return -errno;
	fan->link = object_link(fan->obj, "send", fan->relay, 0);
	*fan->orders = (struct orders) { .verdict = VNP_DROP, .peers = 1 };
	return fan->link < 0 ? fan->link : 0;
}

static void fan_close(struct fan *fan)
{
	close(fan->link);
	close(fan->relay);
	close(fan->tx);
	vnp_object_close(fan->obj);
	close(fan->here);
	close(fan->there);
}

/* fan_receiver() - a socket in @there; recv() on it has a timeout */
static int fan_receiver(const struct fan *fan, const char *address)
{
	const struct timeval patience = { .tv_sec = 5 };
	int sock;

	if (setns(fan->there, CLONE_NEWNET))
		return -errno;
	sock = udp_socket(address, PORT);
	if (setns(fan->here, CLONE_NEWNET))
		return -errno;
	if (sock >= 0)
		setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	return sock;
}

/* fan_set() - peer @key.  Return: 0 or a negative errno */
static int fan_set(const struct fan *fan, __u32 key, const char *address)
{
	struct vnp_peer peer = peer_ip4(address, PORT);

	if (strchr(address, ':')) {
		peer = (struct vnp_peer) { .family = AF_INET6, .port = PORT };
		inet_pton(AF_INET6, address, peer.ip6);
	}
	return vnp_map_update(fan->peers, &key, &peer, VNP_MAP_ANY);
}

/* fan_peer() - the counters of peer @key */
static struct vnp_peer fan_peer(const struct fan *fan, __u32 key)
{
	struct vnp_peer peer = {};

	vnp_map_lookup(fan->peers, &key, &peer);
	return peer;
}

/* fan_settled() - wait until peer @key was sent @cnt datagrams, or they were refused */
static bool fan_settled(const struct fan *fan, __u32 key, __u64 cnt)
{
	struct vnp_peer peer;

	for (int i = 0; i < 100000; i++) {
		peer = fan_peer(fan, key);
		if (peer.sent + peer_errors(&peer) >= cnt)
			return peer.sent + peer_errors(&peer) == cnt;
		sched_yield();
	}
	return false;
}

static int fan_send(struct fan *fan, const void *data, int len)
{
	struct vnp_link_info info;

	if (send(fan->tx, data, len, 0) != len)
		return -errno;
	return link_settle(fan->link, ++fan->sent, &info);
}

/*
 * ---- Devices ----------------------------------------------------------------
 */

FIXTURE(device) {
	struct fan fan;
	int rx;
	__u8 data[DATAGRAMS * 1400];
};

FIXTURE_VARIANT(device) {
	const char *commands;	/* after a veth pair v0, here, and w0 */
	const char *here;	/* the device with an address */
	const char *there;
	const char *address;
	bool offloads;
};

#define BRIDGE	"link add br0 type bridge mcast_snooping 0\nlink set v0 master br0\n"
#define VLAN	"link add link v0 name v0.7 type vlan id 7\n"

#define DEVICE(name, commands, here, there)						\
FIXTURE_VARIANT_ADD(device, name##_ip4) { commands, here, there, "10.7.0.2", true };	\
FIXTURE_VARIANT_ADD(device, name##_ip6) { commands, here, there, "fd07::2", true };	\
FIXTURE_VARIANT_ADD(device, name##_ip4_plain) { commands, here, there, "10.7.0.2", false }; \
FIXTURE_VARIANT_ADD(device, name##_ip6_plain) { commands, here, there, "fd07::2", false };

DEVICE(veth, "", "v0", "w0")
DEVICE(bridge, BRIDGE, "br0", "w0")
DEVICE(vlan, VLAN, "v0.7", "w0.7")

/* plain() - disable segmentation, checksums and scatter/gather of a device */
static int plain(const char *name)
{
	static const char *const features[] = {
		"tx-udp-segmentation", "tx-generic-segmentation", "tx-scatter-gather",
	};
	int err = if_checksum(name, false);

	for (size_t i = 0; i < ARRAY_SIZE(features) && !err; i++)
		err = if_feature(name, features[i], false);
	return err;
}

/* is_reached() - wait until sendto() reaches the receiver: devices take time to come up */
static bool is_reached(FIXTURE_DATA(device) *self)
{
	struct pollfd readable = { .fd = self->rx, .events = POLLIN };
	struct sockaddr_storage to;
	char data[8];
	int got = 0;

	sock_addr(self->rx, &to);
	if (to.ss_family == AF_INET) {
		const struct sockaddr_in ip4 = *(struct sockaddr_in *)&to;
		struct sockaddr_in6 *ip6 = (void *)&to;

		*ip6 = (struct sockaddr_in6) { .sin6_family = AF_INET6,
					       .sin6_port = ip4.sin_port };
		ip6->sin6_addr.s6_addr16[5] = 0xffff;
		ip6->sin6_addr.s6_addr32[3] = ip4.sin_addr.s_addr;
	}
	for (int i = 0; i < 100 && !got; i++) {
		sendto(self->fan.relay, "?", 1, 0, (void *)&to, sizeof(struct sockaddr_in6));
		got = poll(&readable, 1, 100) == 1;
	}
	while (poll(&readable, 1, 300) == 1)
		recv(self->rx, data, sizeof(data), 0);
	return got;
}

FIXTURE_SETUP(device)
{
	ASSERT_EQ(0, fan_open(&self->fan));
	ASSERT_EQ(0, setns(self->fan.there, CLONE_NEWNET));
	ASSERT_EQ(0, ip_batch("link add w0 type veth peer name v0 netns /proc/%d/fd/%d\n",
			      getpid(), self->fan.here));
	if (strcmp(variant->there, "w0"))
		ASSERT_EQ(0, ip_batch("link add link w0 name w0.7 type vlan id 7\n"));
	ASSERT_EQ(0, ip_batch("link set w0 up\nlink set %s up\naddr add 10.7.0.2/24 dev %s\naddr add fd07::2/64 dev %s nodad\n",
			      variant->there, variant->there, variant->there));
	ASSERT_EQ(0, setns(self->fan.here, CLONE_NEWNET));
	ASSERT_EQ(0, ip_batch("%slink set v0 up\nlink set %s up\naddr add 10.7.0.1/24 dev %s\naddr add fd07::1/64 dev %s nodad\n",
			      variant->commands, variant->here, variant->here, variant->here));
	if (!variant->offloads)
		ASSERT_EQ(0, plain("v0"));
	self->rx = fan_receiver(&self->fan, variant->address);
	ASSERT_OK(self->rx);
	ASSERT_EQ(0, sock_set(self->rx, SOL_SOCKET, SO_RCVBUF, RCVBUF));
	ASSERT_TRUE(is_reached(self));
	fill_random(self->data, sizeof(self->data), 7);
}

FIXTURE_TEARDOWN(device)
{
	close(self->rx);
	fan_close(&self->fan);
}

/* Send DATAGRAMS datagrams of @len bytes, in one packet or one by one */
static int send_all(FIXTURE_DATA(device) *self, int len, bool super)
{
	const int all = DATAGRAMS * len;

	if (sock_set(self->fan.tx, SOL_UDP, UDP_SEGMENT, super ? len : 0))
		return -errno;
	if (super)
		return send(self->fan.tx, self->data, all, 0) == all ? 0 : -errno;
	for (int i = 0; i < all; i += len)
		if (send(self->fan.tx, self->data + i, len, 0) != len)
			return -errno;
	return 0;
}

static void all_arrive(struct __test_metadata *_metadata, FIXTURE_DATA(device) *self, int len,
		       int head)
{
	__u8 got[2048], want[HEAD];

	for (int i = 0; i < HEAD; i++)
		want[i] = i;
	for (int i = 0; i < DATAGRAMS; i++) {
		ASSERT_EQ(len, recv(self->rx, got, sizeof(got), 0)) {
			TH_LOG("%d of %d bytes, %d in front", i, len, head);
		}
		EXPECT_MEM(want, got, head);
		EXPECT_MEM(self->data + i * len + head, got + head, len - head);
	}
}

TEST_F(device, all_arrives)
{
	static const int lens[] = { 12, 64, 257, 1400 };
	__u64 cnt = 0;

	ASSERT_EQ(0, fan_set(&self->fan, 0, variant->address));
	self->fan.orders->len = VNP_SEND_REST;
	for (size_t l = 0; l < ARRAY_SIZE(lens); l++)
		for (int head = 0; head <= HEAD; head += HEAD)
			for (int super = 0; super < 2; super++) {
				self->fan.orders->params = head > 0;
				self->fan.orders->head_len = head;
				self->fan.orders->off = head;
				ASSERT_EQ(0, send_all(self, lens[l], super));
				all_arrive(_metadata, self, lens[l], head);
				cnt += DATAGRAMS;
			}
	EXPECT_TRUE(fan_settled(&self->fan, 0, cnt));
	EXPECT_EQ(cnt, fan_peer(&self->fan, 0).sent);
}

/*
 * ---- Peers, routes and namespaces that disappear -----------------------------
 */

FIXTURE(fault) {
	struct fan fan;
	int rx;
};

FIXTURE_SETUP(fault)
{
	ASSERT_EQ(0, fan_open(&self->fan));
	ASSERT_EQ(0, setns(self->fan.there, CLONE_NEWNET));
	for (int i = 0; i < 2; i++)
		ASSERT_EQ(0, ip_batch("link add w%d type veth peer name v%d netns /proc/%d/fd/%d\nlink set w%d up\naddr add 10.7.%d.2/24 dev w%d\n",
				      i, i, getpid(), self->fan.here, i, i, i));
	ASSERT_EQ(0, ip_batch("addr add 10.8.0.1/32 dev lo\n"));
	ASSERT_EQ(0, setns(self->fan.here, CLONE_NEWNET));
	for (int i = 0; i < 2; i++)
		ASSERT_EQ(0, ip_batch("link set v%d up\naddr add 10.7.%d.1/24 dev v%d\n", i, i, i));
	self->rx = fan_receiver(&self->fan, "0.0.0.0");
	ASSERT_OK(self->rx);
}

FIXTURE_TEARDOWN(fault)
{
	close(self->rx);
	fan_close(&self->fan);
}

/* SENDS() - send a datagram: it must arrive at the receiver, once */
#define SENDS(byte) ({								\
	char ___data[8];							\
										\
	ASSERT_EQ(0, fan_send(&self->fan, byte, 1));				\
	ASSERT_EQ(1, recv(self->rx, ___data, sizeof(___data), 0));		\
	EXPECT_EQ((byte)[0], ___data[0]);					\
})

/* A host that does not exist, an unused port, a route that is deleted: the last peer gets all. */
TEST_F(fault, unreachable)
{
	struct vnp_peer peer;

	self->fan.orders->peers = 4;
	ASSERT_EQ(0, fan_set(&self->fan, 0, "10.7.0.99"));
	ASSERT_EQ(0, fan_set(&self->fan, 1, "127.0.0.1"));
	ASSERT_EQ(0, fan_set(&self->fan, 2, "10.7.1.9"));
	ASSERT_EQ(0, fan_set(&self->fan, 3, "10.7.0.2"));
	ASSERT_EQ(0, ip_batch("link set v1 down\n"));
	for (int i = 0; i < 100; i++)
		SENDS("u");
	for (__u32 i = 0; i < 4; i++)
		EXPECT_TRUE(fan_settled(&self->fan, i, 100));
	peer = fan_peer(&self->fan, 1);
	EXPECT_EQ(100, peer.sent);
	EXPECT_LT(0, peer.unreachable);
	peer = fan_peer(&self->fan, 2);
	EXPECT_EQ(100, peer.errors[VNP_ERROR_ROUTE]);
	peer = fan_peer(&self->fan, 3);
	EXPECT_EQ(100, peer.sent);
	EXPECT_EQ(0, peer.unreachable);
}

TEST_F(fault, interface_down_and_up)
{
	ASSERT_EQ(0, fan_set(&self->fan, 0, "10.7.0.2"));
	SENDS("a");
	for (int i = 1; i <= 3; i++) {
		ASSERT_EQ(0, ip_batch("link set v0 down\n"));
		ASSERT_EQ(0, fan_send(&self->fan, "x", 1));
		EXPECT_TRUE(fan_settled(&self->fan, 0, 2 * i));
		EXPECT_EQ(i, fan_peer(&self->fan, 0).errors[VNP_ERROR_ROUTE]);
		ASSERT_EQ(0, ip_batch("link set v0 up\n"));
		SENDS("b");
	}
}

/* The cached route is replaced when another one is better. */
TEST_F(fault, route_changes)
{
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	char data[8];

	ASSERT_EQ(0, ip_batch("route add 10.8.0.1/32 via 10.7.0.2\n"));
	ASSERT_EQ(0, fan_set(&self->fan, 0, "10.8.0.1"));
	for (int i = 0; i < 6; i++) {
		ASSERT_EQ(0, ip_batch("route replace 10.8.0.1/32 via 10.7.%d.2\n", i & 1));
		ASSERT_EQ(0, fan_send(&self->fan, "r", 1));
		ASSERT_EQ(1, recvfrom(self->rx, data, sizeof(data), 0, (void *)&from, &len));
		/* The source address is that of the route. */
		EXPECT_EQ(inet_addr(i & 1 ? "10.7.1.1" : "10.7.0.1"), from.sin_addr.s_addr);
	}
}

/* A datagram is sent in 64 fragments, not in more. */
TEST_F(fault, fragments)
{
	static char data[65507], got[65536];

	ASSERT_EQ(0, fan_set(&self->fan, 0, "10.7.0.2"));
	ASSERT_EQ(0, sock_set(self->fan.relay, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT));
	ASSERT_EQ(0, sock_set(self->fan.relay, SOL_SOCKET, SO_SNDBUF, 1 << 20));
	/* Each fragment has 1000 bytes; the UDP header counts. */
	ASSERT_EQ(0, if_mtu("v0", 1020));
	ASSERT_EQ(0, fan_send(&self->fan, data, 64 * 1000 - 8));
	ASSERT_EQ(64 * 1000 - 8, recv(self->rx, got, sizeof(got), 0));
	ASSERT_EQ(0, fan_send(&self->fan, data, 64 * 1000 - 7));
	EXPECT_TRUE(fan_settled(&self->fan, 0, 2));
	EXPECT_EQ(1, fan_peer(&self->fan, 0).errors[VNP_ERROR_LENGTH]);
	SENDS("s");
}

/* sender() - a process that sends to the relay until it is killed, and has no other descriptors */
static pid_t sender(const struct fan *fan, int rx)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	close(fan->there);
	close(rx);
	for (;;)
		send(fan->tx, "d", 1, 0);
}

/* The namespace of the receivers is deleted, and with it the devices on this side. */
TEST_F(fault, receivers_die)
{
	struct vnp_link_info before, now;
	pid_t pid;

	ASSERT_EQ(0, fan_set(&self->fan, 0, "10.7.0.2"));
	SENDS("d");
	pid = sender(&self->fan, self->rx);
	ASSERT_LT(0, pid);
	close(self->rx);
	close(self->fan.there);
	do {
		sched_yield();
	} while (!fan_peer(&self->fan, 0).errors[VNP_ERROR_ROUTE]);
	ASSERT_EQ(0, link_info(self->fan.link, &before));
	do {
		sched_yield();
		ASSERT_EQ(0, link_info(self->fan.link, &now));
	} while (now.packets < before.packets + 100);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	EXPECT_GT(0, fan_set(&self->fan, 0, "10.7.0.2"));
	self->rx = self->fan.there = -1;
}

/* The namespace of the relay is deleted while datagrams are being sent. */
TEST(relays_die)
{
	for (int i = 0; i < 5; i++) {
		pid_t pid = fork();

		ASSERT_LE(0, pid);
		if (!pid) {
			static char data[1400];
			struct fan fan;

			if (fan_open(&fan) || ip_batch("addr add 10.7.0.1/24 dev lo\n") ||
			    fan_set(&fan, 0, "10.7.0.1") || fan_set(&fan, 1, "10.7.0.2"))
				_exit(1);
			fan.orders->peers = 2;
			for (int k = 0; k < 50; k++)
				send(fan.tx, data, sizeof(data), 0);
			_exit(0);
		}
		EXPECT_EQ(0, finish(pid));
	}
}

/*
 * ---- Limits -------------------------------------------------------------------
 */

TEST(members)
{
	const struct vnp_peer peer = peer_ip4("127.0.0.1", PORT);
	struct { __u32 group, member; } key = { .group = 1 };
	int dev = device_open();
	struct map map;

	ASSERT_OK(dev);
	ASSERT_OK(map_create(dev, &map, VNP_MAP_GROUPS, sizeof(key), sizeof(peer), 4096, 0));
	for (; key.member < VNP_GROUP_MEMBERS_MAX; key.member++)
		ASSERT_EQ(0, map_update(&map, &key, &peer, VNP_MAP_NOEXIST)) {
			TH_LOG("member %u", key.member);
		}
	EXPECT_EQ(-ENOSPC, map_update(&map, &key, &peer, VNP_MAP_NOEXIST));
	key.member = 7;
	EXPECT_EQ(0, map_update(&map, &key, &peer, VNP_MAP_EXIST));
	EXPECT_EQ(0, map_delete(&map, &key));
	key.member = VNP_GROUP_MEMBERS_MAX;
	EXPECT_EQ(0, map_update(&map, &key, &peer, VNP_MAP_NOEXIST));
	close(map.fd);
	close(dev);
}

FIXTURE(limit) {
	struct fan fan;
	char before[32];
};

FIXTURE_VARIANT(limit) {
	const char *parameter;
	const char *value;
	int len;		/* bytes of a datagram, of which two are sent to two peers */
	int sent;		/* to both together */
	int together;		/* the same for DATAGRAMS in a super-packet */
};

/* A burst is a quarter of the limit for a second. */
FIXTURE_VARIANT_ADD(limit, fanout) { "send_fanout", "1", 10, 2, DATAGRAMS };
FIXTURE_VARIANT_ADD(limit, rate) { "send_rate", "8", 10, 2, 2 };
FIXTURE_VARIANT_ADD(limit, bytes) { "send_bytes", "12000", 1000, 3, 3 };

#define PARAMETERS	"/sys/module/vnp/parameters/"

/*
 * become_new_user() - with all capabilities: the account of a user who was there before has what was
 * left by the limits of that time
 */
static int become_new_user(void)
{
	if (prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP) || seteuid(100000 + getpid()))
		return -errno;
	return 0;
}

static const char *parameter(const char *name)
{
	static char path[64];

	snprintf(path, sizeof(path), PARAMETERS "%s", name);
	return path;
}

FIXTURE_SETUP(limit)
{
	if (!as_root())
		return;
	ASSERT_LT(0, read_text(parameter(variant->parameter), self->before,
			       sizeof(self->before)));
	ASSERT_LT(0, write_text(parameter(variant->parameter), variant->value));
	ASSERT_EQ(0, fan_open(&self->fan));
	/* A link is charged to the user who creates it. */
	ASSERT_EQ(0, link_detach(self->fan.link));
	close(self->fan.link);
	ASSERT_EQ(0, become_new_user());
	self->fan.link = object_link(self->fan.obj, "send", self->fan.relay, 0);
	ASSERT_OK(self->fan.link);
}

FIXTURE_TEARDOWN(limit)
{
	if (!self->fan.obj)
		return;
	write_text(parameter(variant->parameter), self->before);
	fan_close(&self->fan);
}

TEST_F(limit, is_counted)
{
	static char data[1000];
	struct vnp_peer peer[2];
	struct vnp_link_info info;

	if (!self->fan.obj)
		SKIP(return, "sets parameters of the module");
	self->fan.orders->peers = 2;
	ASSERT_EQ(0, fan_set(&self->fan, 0, "127.0.0.1"));
	ASSERT_EQ(0, fan_set(&self->fan, 1, "127.0.0.1"));
	for (int i = 0; i < 2; i++)
		ASSERT_EQ(0, fan_send(&self->fan, data, variant->len));
	for (__u32 i = 0; i < 2; i++) {
		EXPECT_TRUE(fan_settled(&self->fan, i, 2));
		peer[i] = fan_peer(&self->fan, i);
	}
	EXPECT_EQ(variant->sent, peer[0].sent + peer[1].sent);
	EXPECT_EQ(4 - variant->sent,
		  peer[0].errors[VNP_ERROR_RATE] + peer[1].errors[VNP_ERROR_RATE]);
	EXPECT_EQ(-EDQUOT, self->fan.orders->ret[1]);
	ASSERT_EQ(0, link_info(self->fan.link, &info));
	EXPECT_EQ(4 - variant->sent, info.errors[VNP_ERROR_RATE]);
	EXPECT_EQ(2, info.verdicts[VNP_DROP]);
}

/* In the middle of datagrams that arrive together */
TEST_F(limit, is_counted_together)
{
	static char data[DATAGRAMS * 1000];
	const int len = variant->len, all = 2 * DATAGRAMS;
	struct vnp_peer peer[2];
	struct vnp_link_info info;

	if (!self->fan.obj)
		SKIP(return, "sets parameters of the module");
	/* Otherwise what arrives through lo is segmented before the link gets it. */
	ASSERT_EQ(0, sock_set(self->fan.relay, SOL_UDP, UDP_GRO, 1));
	ASSERT_EQ(0, sock_set(self->fan.tx, SOL_UDP, UDP_SEGMENT, len));
	self->fan.orders->peers = 2;
	ASSERT_EQ(0, fan_set(&self->fan, 0, "127.0.0.1"));
	ASSERT_EQ(0, fan_set(&self->fan, 1, "127.0.0.1"));
	ASSERT_EQ(DATAGRAMS * len, send(self->fan.tx, data, DATAGRAMS * len, 0));
	ASSERT_EQ(0, link_settle(self->fan.link, DATAGRAMS, &info));
	for (__u32 i = 0; i < 2; i++) {
		EXPECT_TRUE(fan_settled(&self->fan, i, DATAGRAMS));
		peer[i] = fan_peer(&self->fan, i);
	}
	EXPECT_EQ(variant->together, peer[0].sent + peer[1].sent);
	EXPECT_EQ(all - variant->together,
		  peer[0].errors[VNP_ERROR_RATE] + peer[1].errors[VNP_ERROR_RATE]);
	EXPECT_EQ(-EDQUOT, self->fan.orders->ret[1]);
	EXPECT_EQ(all - variant->together, info.errors[VNP_ERROR_RATE]);
	EXPECT_EQ(DATAGRAMS, info.verdicts[VNP_DROP]);
}

TEST_HARNESS_MAIN
