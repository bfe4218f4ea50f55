// SPDX-License-Identifier: GPL-2.0
/*
 * vnp_send() to TCP connections: receivers get what programs have sent, byte by byte, and one that
 * does not read delays and changes nothing for the others.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include "faulting.h"
#define LIGHT_LEAVES_OUT	"ip4"
#include "harness.h"
#include "net.h"
#include "object.h"
#include "stream.h"
#include "../progs/sockets.h"

/* Connections: one of them does not read, in some tests */
#define CONNS		8

/* Bytes of a header that a program puts in front */
#define FRAME		4

/* Longer than the longest datagram */
#define LEN_MAX		65536

/* Datagrams that are numbered, for a receiver that does not read */
#define NUMBERED	1000
#define NUMBERED_MAX	2000

#define QUEUE		VNP_SOCKET_QUEUE_MIN

FIXTURE(sockets) {
	struct vnp_object *obj;
	struct vnp_map *map;
	struct vnp_map *members;
	struct socket_orders *orders;
	struct flow flow;
	int link;
	struct conn conns[CONNS];
	__u64 published;
	struct vnp_connection info;
	__u8 sent[LEN_MAX];
	__u8 want[LEN_MAX];
	__u8 got[LEN_MAX];
};

FIXTURE_VARIANT(sockets) {
	enum flow_kind kind;
};

FIXTURE_VARIANT_ADD(sockets, ip4) { FLOW_IP4 };
FIXTURE_VARIANT_ADD(sockets, ip6) { FLOW_IP6 };
FIXTURE_VARIANT_ADD(sockets, mapped) { FLOW_MAPPED };

FIXTURE_SETUP(sockets)
{
	pin(0);
	ASSERT_EQ(0, object_load("sockets", &self->obj));
	self->map = vnp_object_find_map(self->obj, "sockets");
	self->members = vnp_object_find_map(self->obj, "members");
	self->orders = object_globals(self->obj, ".bss");
	ASSERT_NE(NULL, self->orders);
	ASSERT_EQ(0, flow_open(&self->flow, variant->kind));
	self->link = object_link(self->obj, "to_sockets", self->flow.rx, 0);
	ASSERT_OK(self->link);
	for (int i = 0; i < CONNS; i++)
		ASSERT_EQ(0, conn_open(&self->conns[i], variant->kind, 0));
	*self->orders = (struct socket_orders) { .framed = 1 };
}

FIXTURE_TEARDOWN(sockets)
{
	for (int i = 0; i < CONNS; i++)
		conn_close(&self->conns[i]);
	close(self->link);
	flow_close(&self->flow);
	vnp_object_close(self->obj);
}

/* set() - set an entry.  Return: 0 or a negative errno */
static int set(FIXTURE_DATA(sockets) *self, __u32 key, int fd, __u32 policy, __u32 bytes)
{
	return vnp_map_update_socket(self->map, &key, fd, policy, bytes, VNP_MAP_ANY);
}

#define SET(key, policy, bytes)							\
	ASSERT_EQ(0, set(self, key, self->conns[key].tx, policy, bytes))

/* SET_ALL() - entries for the first connections, to which programs then send */
#define SET_ALL(cnt) ({								\
	for (int ___i = 0; ___i < (cnt); ___i++)				\
		SET(___i, VNP_SOCKET_DROP_NEWEST, 0);				\
	self->orders->sockets = (cnt);						\
})

#define READ(key) ({								\
	const __u32 ___key = (key);						\
										\
	ASSERT_EQ(0, vnp_map_lookup(self->map, &___key, &self->info));		\
})

/* READ_UNTIL() - read an entry until something is true of it, which the test waits for */
#define READ_UNTIL(key, cond) ({						\
	for (int ___i = 0; ___i < 1000000; ___i++) {				\
		READ(key);							\
		if (cond)							\
			break;							\
		sched_yield();							\
	}									\
	EXPECT_TRUE(cond);							\
})

/* publish() - have the program execute on a datagram.  Return: 0 or a negative errno */
static int publish(FIXTURE_DATA(sockets) *self, const void *data, int len)
{
	struct vnp_link_info info;

	if (flow_send(&self->flow, data, len) != len)
		return -errno;
	return link_settle(self->link, ++self->published, &info);
}

/* frame() - what a receiver gets of a datagram.  Return: its length */
static int frame(const FIXTURE_DATA(sockets) *self, __u8 *to, const __u8 *from, int len)
{
	const __be32 head = htonl(len - self->orders->skip);
	int at = 0;

	if (self->orders->framed) {
		memcpy(to, &head, FRAME);
		at = FRAME;
	}
	memcpy(to + at, from + self->orders->skip, len - self->orders->skip);
	return at + len - self->orders->skip;
}

/* GETS() - a receiver gets these bytes next */
#define GETS(key, bytes, len) ({						\
	if (len)								\
		ASSERT_EQ(len, recv(self->conns[key].rx, self->got, len, MSG_WAITALL)); \
	EXPECT_MEM(bytes, self->got, len);					\
})

/* ARRIVES() - a datagram of @len bytes is published, and so many receivers get it */
#define ARRIVES(bytes, cnt) ({							\
	const int ___len = (bytes);						\
	int ___want;								\
										\
	fill_random(self->sent, ___len, self->published);			\
	ASSERT_EQ(0, publish(self, self->sent, ___len));			\
	___want = frame(self, self->want, self->sent, ___len);			\
	for (int ___n = 0; ___n < (cnt); ___n++) {				\
		ASSERT_EQ(0, self->orders->ret[___n]);				\
		GETS(___n, self->want, ___want);				\
	}									\
})

/*
 * ---- Bytes --------------------------------------------------------------------
 */

static const int lengths[] = {
	0, 1, 2, 3, 4, 5, 64, 255, 1400, 1472, 4096, 16380, 16384, 32768, 65000, 65500,
};

TEST_F(sockets, lengths)
{
	__u64 cnt = 0, bytes = 0;

	SET_ALL(2);
	for (int framed = 0; framed < 2; framed++)
		for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
			self->orders->framed = framed;
			ARRIVES(lengths[i], 2);
			EXPECT_EQ(0, self->orders->ret[1]);
			cnt++;
			bytes += lengths[i] + (framed ? FRAME : 0);
		}
	for (int i = 0; i < 2; i++) {
		READ_UNTIL(i, self->info.sent == cnt);
		EXPECT_EQ(bytes, self->info.bytes);
		EXPECT_EQ(0, self->info.queued);
		EXPECT_EQ(0, self->info.queued_bytes);
		EXPECT_EQ(0, self->info.error);
		for (int e = 0; e < VNP_ERROR_SLOTS; e++)
			EXPECT_EQ(0, self->info.errors[e]);
	}
}

TEST_F(sockets, ranges)
{
	SET_ALL(2);
	for (int framed = 0; framed < 2; framed++)
		for (size_t i = 1; i < ARRAY_SIZE(lengths); i++) {
			self->orders->framed = framed;
			self->orders->skip = lengths[i] / 3;
			ARRIVES(lengths[i], 2);
		}
}

/* So many, of any length, that the ring of the smallest queue is passed many times */
TEST_F(sockets, around_the_ring)
{
	SET(0, VNP_SOCKET_DROP_NEWEST, QUEUE);
	self->orders->sockets = 1;
	for (int i = 0; i < 500; i++) {
		ARRIVES(i * 7 % 4000, 1);
		/* The receiver may have got the bytes before their room is free. */
		READ_UNTIL(0, !self->info.queued);
	}
}

/* Those that are published together are in the queue together. */
TEST_F(sockets, bursts)
{
	int at = 0;

	SET_ALL(CONNS);
	for (int i = 0; i < 200; i++) {
		fill_random(self->sent, i, i);
		ASSERT_EQ(i, flow_send(&self->flow, self->sent, i));
		at += frame(self, self->want + at, self->sent, i);
	}
	for (int i = 0; i < CONNS; i++)
		GETS(i, self->want, at);
}

TEST_F(sockets, shown)
{
	struct sockaddr_storage addr;
	__u64 cookie;
	socklen_t len = sizeof(cookie);

	SET(0, VNP_SOCKET_DROP_OLDEST, 5000);
	READ(0);
	EXPECT_EQ(-1, self->info.fd);
	EXPECT_EQ(VNP_SOCKET_DROP_OLDEST, self->info.policy);
	EXPECT_EQ(8192, self->info.queue_bytes);
	EXPECT_EQ(0, self->info.error);
	ASSERT_EQ(0, sock_addr(self->conns[0].tx, &addr));
	EXPECT_EQ(addr.ss_family, self->info.family);
	EXPECT_EQ(sock_port(self->conns[0].tx), (int)self->info.local_port);
	EXPECT_EQ(sock_port(self->conns[0].rx), (int)self->info.remote_port);
	if (addr.ss_family == AF_INET) {
		EXPECT_EQ(htonl(INADDR_LOOPBACK), self->info.remote_ip4);
	} else {
		EXPECT_MEM(&((struct sockaddr_in6 *)&addr)->sin6_addr, self->info.local_ip6, 16);
	}
	ASSERT_EQ(0, getsockopt(self->conns[0].tx, SOL_SOCKET, SO_COOKIE, &cookie, &len));
	EXPECT_EQ(cookie, self->info.cookie);
	/* What was read can be written, with a descriptor. */
	self->info.fd = self->conns[0].tx;
	ASSERT_EQ(0, vnp_map_update(self->map, &(__u32){ 0 }, &self->info, VNP_MAP_EXIST));
}

/* The application's own bytes are before or after a datagram. */
TEST_F(sockets, written_by_application)
{
	SET_ALL(1);
	for (int i = 0; i < 20; i++) {
		ARRIVES(3000, 1);
		ASSERT_EQ(3, send(self->conns[0].tx, "own", 3, 0));
		GETS(0, "own", 3);
	}
}

/* A socket whose peer has an IPv4 address is made one of IPv4. */
TEST_F(sockets, addrform)
{
	const int inet = AF_INET;

	if (variant->kind != FLOW_MAPPED)
		SKIP(return, "the peer's address is not mapped");
	SET_ALL(1);
	ARRIVES(100, 1);
	ASSERT_EQ(0, setsockopt(self->conns[0].tx, IPPROTO_IPV6, IPV6_ADDRFORM, &inet,
				sizeof(inet)));
	ARRIVES(200, 1);
	READ(0);
	EXPECT_EQ(0, self->info.error);
	EXPECT_EQ(2, self->info.sent);
}

/* A socket is both: what it receives is seen by a program, and others send to it. */
TEST_F(sockets, with_a_link)
{
	__u8 message[200];
	const int len = message_make(message, MSG_PASS, sizeof(message), 1);
	const __u32 key = 0;
	int err = conn_link(&self->conns[0], 0, VNP_EOF_DELIVER);

	if (err == -EOPNOTSUPP)
		SKIP(return, "TCP sockets cannot be linked");
	ASSERT_EQ(0, err);
	/* The linked end is the one that is sent to. */
	ASSERT_EQ(0, set(self, 0, self->conns[0].rx, VNP_SOCKET_DROP_NEWEST, 0));
	self->orders->sockets = 1;
	for (int i = 0; i < 3; i++) {
		fill_random(self->sent, 1000, i);
		ASSERT_EQ(0, publish(self, self->sent, 1000));
		frame(self, self->want, self->sent, 1000);
		ASSERT_EQ(1004, recv(self->conns[0].tx, self->got, 1004, MSG_WAITALL));
		EXPECT_MEM(self->want, self->got, 1004);
		ASSERT_EQ(0, conn_put(&self->conns[0], message, len));
		GETS(0, message, len);
	}
	/* In either order */
	if (variant->kind == FLOW_IP6)
		ASSERT_EQ(0, vnp_map_delete(self->map, &key));
	ASSERT_EQ(0, link_detach(self->conns[0].link));
	ASSERT_EQ(0, conn_put(&self->conns[0], message, len));
	GETS(0, message, len);
	ASSERT_EQ(0, set(self, 0, self->conns[0].rx, VNP_SOCKET_DROP_NEWEST, 0));
	ASSERT_EQ(0, conn_link(&self->conns[0], 0, VNP_EOF_DELIVER));
}

/*
 * ---- Entries --------------------------------------------------------------------
 */

/* A socket has one queue, however many entries it has. */
TEST_F(sockets, shared)
{
	const __u32 first = 0;

	ASSERT_EQ(0, set(self, 0, self->conns[0].tx, VNP_SOCKET_DROP_NEWEST, 0));
	ASSERT_EQ(0, set(self, 1, self->conns[0].tx, VNP_SOCKET_DROP_NEWEST, VNP_SOCKET_QUEUE));
	EXPECT_EQ(-EBUSY, set(self, 2, self->conns[0].tx, VNP_SOCKET_DROP_OLDEST, 0));
	EXPECT_EQ(-EBUSY, set(self, 2, self->conns[0].tx, VNP_SOCKET_DROP_NEWEST, QUEUE));
	self->orders->sockets = 2;
	ASSERT_EQ(0, publish(self, "twice", 5));
	GETS(0, "\0\0\0\5twice\0\0\0\5twice", 18);
	READ_UNTIL(0, self->info.sent == 2);
	READ(1);
	EXPECT_EQ(2, self->info.sent);
	ASSERT_EQ(0, vnp_map_delete(self->map, &first));
	ASSERT_EQ(0, publish(self, "once", 4));
	EXPECT_EQ(-ENOENT, self->orders->ret[0]);
	GETS(0, "\0\0\0\4once", 8);
}

TEST_F(sockets, groups)
{
	struct socket_member key;

	ASSERT_EQ(0, link_update(self->link, object_prog(self->obj, "to_group"), -1));
	for (int i = 0; i < CONNS; i++) {
		key = (struct socket_member) { 'a' + i % 2, i };
		ASSERT_EQ(0, vnp_map_update_socket(self->members, &key, self->conns[i].tx,
						   VNP_SOCKET_DROP_NEWEST, QUEUE, VNP_MAP_NOEXIST));
	}
	/* One that is also in the other group, and one that has ended */
	key = (struct socket_member) { 'b', 0 };
	ASSERT_EQ(0, vnp_map_update_socket(self->members, &key, self->conns[0].tx,
					   VNP_SOCKET_DROP_NEWEST, QUEUE, VNP_MAP_NOEXIST));
	ASSERT_EQ(0, shutdown(self->conns[2].tx, SHUT_WR));
	ASSERT_EQ(0, publish(self, "a", 1));
	EXPECT_EQ(3, self->orders->ret[0]);
	ASSERT_EQ(0, publish(self, "b", 1));
	EXPECT_EQ(5, self->orders->ret[0]);
	ASSERT_EQ(0, publish(self, "c", 1));
	EXPECT_EQ(0, self->orders->ret[0]);
	GETS(0, "\0\0\0\1a\0\0\0\1b", 10);
	GETS(1, "\0\0\0\1b", 5);
	EXPECT_EQ(0, recv(self->conns[2].rx, self->got, 1, 0));
	GETS(4, "\0\0\0\1a", 5);
}

/* An entry gets another socket while datagrams arrive: each is sent to one of both. */
TEST_F(sockets, replaced)
{
	int at[2] = {};

	self->orders->sockets = 1;
	for (int i = 0; i < 200; i++) {
		__u32 num = htonl(i);

		ASSERT_EQ(0, set(self, 0, self->conns[i % 2].tx, VNP_SOCKET_DROP_NEWEST, 0));
		ASSERT_EQ(0, publish(self, &num, sizeof(num)));
		ASSERT_EQ(0, self->orders->ret[0]);
		/* What is in the queue of a socket without an entry is dropped. */
		READ_UNTIL(0, !self->info.queued);
		at[i % 2]++;
	}
	for (int k = 0; k < 2; k++)
		for (int i = 0; i < at[k]; i++) {
			__u32 want[2] = { htonl(4), htonl(2 * i + k) };

			GETS(k, want, 8);
		}
}

TEST_F(sockets, refused)
{
	const __u32 key = 0;
	struct vnp_connection conn = { .fd = self->conns[0].tx };
	int pair[2], idle = socket(AF_INET, SOCK_STREAM, 0), dev = device_open();
	struct map map;

	EXPECT_EQ(-EBADF, set(self, 0, -1, 0, 0));
	EXPECT_EQ(-EBADF, set(self, 0, 9999, 0, 0));
	EXPECT_EQ(-ENOTSOCK, set(self, 0, self->link, 0, 0));
	EXPECT_EQ(-ENOTCONN, set(self, 0, self->flow.rx, 0, 0));
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	EXPECT_EQ(-EOPNOTSUPP, set(self, 0, pair[0], 0, 0));
	EXPECT_EQ(-ENOTCONN, set(self, 0, idle, 0, 0));
	ASSERT_EQ(0, listen(idle, 1));
	EXPECT_EQ(-EOPNOTSUPP, set(self, 0, idle, 0, 0));
	EXPECT_EQ(-EINVAL, set(self, 0, conn.fd, VNP_SOCKET_DISCONNECT + 1, 0));
	EXPECT_EQ(-EINVAL, set(self, 0, conn.fd, 0, VNP_SOCKET_QUEUE_MIN - 1));
	EXPECT_EQ(-EINVAL, set(self, 0, conn.fd, 0, VNP_SOCKET_QUEUE_MAX + 1));
	EXPECT_EQ(-EINVAL, set(self, 0, conn.fd, 0, ~0U));
	conn.flags = 1;
	EXPECT_EQ(-EINVAL, vnp_map_update(self->map, &key, &conn, VNP_MAP_ANY));
	conn.flags = 0;
	conn.reserved[1] = 1;
	EXPECT_EQ(-EINVAL, vnp_map_update(self->map, &key, &conn, VNP_MAP_ANY));
	conn.reserved[1] = 0;
	EXPECT_EQ(-EINVAL, vnp_map_update(self->map, &key, &conn, 3));
	EXPECT_EQ(-ENOENT, vnp_map_update(self->map, &key, &conn, VNP_MAP_EXIST));
	ASSERT_EQ(0, vnp_map_update(self->map, &key, &conn, VNP_MAP_NOEXIST));
	EXPECT_EQ(-EEXIST, vnp_map_update(self->map, &key, &conn, VNP_MAP_NOEXIST));
	/* The attempts have changed nothing: the socket still has its one entry. */
	ASSERT_EQ(0, vnp_map_delete(self->map, &key));
	EXPECT_EQ(-ENOENT, vnp_map_delete(self->map, &key));
	EXPECT_EQ(-ENOENT, vnp_map_lookup(self->map, &key, &self->info));
	ASSERT_EQ(0, set(self, 0, conn.fd, VNP_SOCKET_DROP_OLDEST, QUEUE));

	EXPECT_EQ(-EINVAL, map_create(dev, &map, VNP_MAP_SOCKETS, 3, sizeof(conn), 1, 0));
	EXPECT_EQ(-EINVAL, map_create(dev, &map, VNP_MAP_SOCKETS, 4, sizeof(conn) + 8, 1, 0));
	EXPECT_EQ(-EINVAL, map_create(dev, &map, VNP_MAP_SOCKETS, 4, sizeof(conn), 1,
				      VNP_MAP_F_SOCKET));
	ASSERT_OK(map_create(dev, &map, VNP_MAP_SOCKETS, 4, sizeof(conn), 1, 0));
	ASSERT_EQ(0, map_freeze(&map));
	EXPECT_EQ(-EPERM, map_update(&map, &key, &conn, VNP_MAP_ANY));
	close(map.fd);
	close(dev);
	close(pair[0]);
	close(pair[1]);
	close(idle);
}

/*
 * ---- UDP ----------------------------------------------------------------------
 */

/* connect_to() - connect a UDP socket.  Return: 0 or a negative errno */
static int connect_to(int sock, const struct sockaddr_storage *addr)
{
	return connect(sock, (const void *)addr, sizeof(*addr)) ? -errno : 0;
}

/* udp_open() - flow->rx is connected to flow->tx, which receives, and times out */
static int udp_open(struct flow *flow, enum flow_kind kind)
{
	const struct timeval timeout = { .tv_sec = 5 };
	int err = flow_open(flow, kind);

	if (err)
		return err;
	if (setsockopt(flow->tx, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)))
		return -errno;
	return connect_to(flow->rx, &flow->tx_addr);
}

/* UDP_GETS() - the peer of a UDP socket gets the latest datagram, from the socket's address */
#define UDP_GETS(udp, len) ({							\
	const int ___want = frame(self, self->want, self->sent, len);		\
	struct sockaddr_storage ___from = {};					\
	socklen_t ___size = sizeof(___from);					\
										\
	ASSERT_EQ(___want, recvfrom((udp)->tx, self->got, LEN_MAX, 0, (void *)&___from, \
				    &___size));					\
	EXPECT_MEM(self->want, self->got, ___want);				\
	EXPECT_MEM(&(udp)->rx_addr, &___from, ___size);				\
})

/* Each datagram is one, with or without bytes in front; entries of UDP and of TCP do not differ. */
TEST_F(sockets, udp)
{
	static const int lens[] = { 0, 1, 64, 256, 257, 1400, 16000, 65000 };
	struct flow udp;
	__u64 sent = 0, bytes = 0;

	ASSERT_EQ(0, udp_open(&udp, variant->kind));
	SET_ALL(2);
	ASSERT_EQ(0, set(self, 1, udp.rx, 0, 0));
	for (size_t i = 0; i < ARRAY_SIZE(lens); i++)
		for (__u32 framed = 0; framed < 2; framed++, sent++) {
			self->orders->framed = framed;
			ARRIVES(lens[i], 1);
			EXPECT_EQ(0, self->orders->ret[1]);
			UDP_GETS(&udp, lens[i]);
			bytes += lens[i] + FRAME * framed;
		}
	READ(1);
	EXPECT_EQ(-1, self->info.fd);
	EXPECT_EQ(0, self->info.error);
	EXPECT_EQ(0, self->info.queue_bytes);
	EXPECT_EQ(sent, self->info.sent);
	EXPECT_EQ(bytes, self->info.bytes);
	EXPECT_EQ(variant->kind == FLOW_IP6 ? AF_INET6 : AF_INET, (int)self->info.family);
	EXPECT_EQ(sock_port(udp.rx), (int)self->info.local_port);
	EXPECT_EQ(sock_port(udp.tx), (int)self->info.remote_port);
	EXPECT_NE(0, self->info.cookie);
	/* Any number of entries */
	SET_ALL(1);
	for (int i = 1; i < 4; i++)
		ASSERT_EQ(0, set(self, i, udp.rx, 0, 0));
	self->orders->sockets = 4;
	ARRIVES(100, 1);
	for (int i = 1; i < 4; i++)
		UDP_GETS(&udp, 100);
	flow_close(&udp);
}

TEST_F(sockets, udp_refused)
{
	const struct sockaddr_in group = {
		.sin_family = AF_INET,
		.sin_port = htons(9),
		.sin_addr.s_addr = inet_addr("224.0.0.1"),
	};
	const struct in_addr lo = { htonl(INADDR_LOOPBACK) };
	struct flow udp;
	int sock;

	ASSERT_EQ(0, udp_open(&udp, variant->kind));
	EXPECT_EQ(-ENOTCONN, set(self, 0, udp.tx, 0, 0));
	EXPECT_EQ(-EINVAL, set(self, 0, udp.rx, VNP_SOCKET_DROP_OLDEST, 0));
	EXPECT_EQ(-EINVAL, set(self, 0, udp.rx, 0, VNP_SOCKET_QUEUE));
	sock = socket(AF_INET, SOCK_DGRAM, 0);
	ASSERT_LE(0, sock);
	ASSERT_EQ(0, setsockopt(sock, IPPROTO_IP, IP_MULTICAST_IF, &lo, sizeof(lo)));
	ASSERT_EQ(0, connect(sock, (const void *)&group, sizeof(group)));
	EXPECT_EQ(-EOPNOTSUPP, set(self, 0, sock, 0, 0));
	ASSERT_EQ(0, shutdown(udp.rx, SHUT_WR));
	EXPECT_EQ(-EPIPE, set(self, 0, udp.rx, 0, 0));
	close(sock);
	flow_close(&udp);
}

/* Nothing is sent while the socket is connected to nobody, or to someone else. */
TEST_F(sockets, udp_disconnected)
{
	const struct sockaddr unspec = { .sa_family = AF_UNSPEC };
	struct flow udp, other;

	ASSERT_EQ(0, udp_open(&udp, variant->kind));
	ASSERT_EQ(0, flow_open(&other, variant->kind));
	ASSERT_EQ(0, set(self, 0, udp.rx, 0, 0));
	self->orders->sockets = 1;
	ASSERT_EQ(0, connect(udp.rx, &unspec, sizeof(unspec)));
	ARRIVES(100, 0);
	READ(0);
	EXPECT_EQ(ENOTCONN, (int)self->info.error);
	EXPECT_EQ(1, self->info.errors[VNP_ERROR_ROUTE]);
	ASSERT_EQ(0, connect_to(udp.rx, &other.tx_addr));
	ARRIVES(100, 0);
	READ(0);
	EXPECT_EQ(ENOTCONN, (int)self->info.error);
	EXPECT_EQ(2, self->info.errors[VNP_ERROR_ROUTE]);
	EXPECT_EQ(0, self->info.sent);
	/* As before, but disconnecting has released the port. */
	ASSERT_EQ(0, connect_to(udp.rx, &udp.tx_addr));
	((struct sockaddr_in *)&udp.rx_addr)->sin_port = htons(sock_port(udp.rx));
	ARRIVES(100, 0);
	UDP_GETS(&udp, 100);
	READ(0);
	EXPECT_EQ(0, self->info.error);
	EXPECT_EQ(1, self->info.sent);
	EXPECT_EQ(-1, recv(other.tx, self->got, LEN_MAX, MSG_DONTWAIT));
	flow_close(&other);
	flow_close(&udp);
}

/* The application gets ICMP errors, as of its own datagrams; closing the socket ends it. */
TEST_F(sockets, udp_unreachable_and_closed)
{
	struct flow udp;
	int err;
	socklen_t len = sizeof(err);

	ASSERT_EQ(0, udp_open(&udp, variant->kind));
	ASSERT_EQ(0, set(self, 0, udp.rx, 0, 0));
	self->orders->sockets = 1;
	close(udp.tx);
	ARRIVES(100, 0);
	ARRIVES(100, 0);
	READ(0);
	EXPECT_EQ(2, self->info.sent);
	ASSERT_EQ(0, getsockopt(udp.rx, SOL_SOCKET, SO_ERROR, &err, &len));
	EXPECT_EQ(ECONNREFUSED, err);
	close(udp.rx);
	ARRIVES(100, 0);
	READ(0);
	EXPECT_EQ(EPIPE, (int)self->info.error);
	EXPECT_EQ(2, self->info.sent);
	EXPECT_EQ(1, self->info.errors[VNP_ERROR_DENIED]);
	ASSERT_EQ(0, vnp_map_delete(self->map, &(__u32){ 0 }));
}

/* udp_in_namespace() - set an entry to a socket of a namespace that ends with this process */
static int udp_in_namespace(FIXTURE_DATA(sockets) *self, enum flow_kind kind)
{
	struct flow udp;
	int err = netns_new();

	if (!err)
		err = udp_open(&udp, kind);
	if (!err)
		err = set(self, 0, udp.rx, 0, 0);
	return err ? 1 : 0;
}

TEST_F(sockets, udp_namespace_ends)
{
	pid_t pid = fork();

	ASSERT_LE(0, pid);
	if (!pid)
		_exit(udp_in_namespace(self, variant->kind));
	EXPECT_EQ(0, finish(pid));
	self->orders->sockets = 1;
	ARRIVES(100, 0);
	READ(0);
	EXPECT_EQ(EPIPE, (int)self->info.error);
	EXPECT_EQ(0, self->info.sent);
	EXPECT_EQ(1, self->info.errors[VNP_ERROR_DENIED]);
	ASSERT_EQ(0, vnp_map_delete(self->map, &(__u32){ 0 }));
}

/* A thread that has the program executed all the time, on the other processor if there is one */
struct publisher {
	pthread_t thread;
	struct flow *flow;
	int len;
	atomic_bool stop;
	__u64 sent;
};

static void *publish_always(void *arg)
{
	static const __u8 data[LEN_MAX];
	struct publisher *p = arg;

	pin(1);
	while (!atomic_load(&p->stop))
		p->sent += flow_send(p->flow, data, p->len) == p->len;
	return NULL;
}

/* Entries change between UDP, TCP and none while the program sends to them. */
TEST_F_SMP(sockets, udp_replaced_under_traffic)
{
	struct publisher p = { .flow = &self->flow, .len = 64 };
	struct vnp_link_info info;
	const __u32 key = 0;
	struct flow udp;

	ASSERT_EQ(0, udp_open(&udp, variant->kind));
	self->orders->sockets = 1;
	ASSERT_EQ(0, pthread_create(&p.thread, NULL, publish_always, &p));
	for (int i = 0; i < 500; i++) {
		ASSERT_EQ(0, set(self, key, udp.rx, 0, 0));
		READ(key);
		if (i % 2)
			ASSERT_EQ(0, set(self, key, self->conns[0].tx, 0, QUEUE));
		if (i % 3)
			ASSERT_EQ(0, vnp_map_delete(self->map, &key));
	}
	atomic_store(&p.stop, true);
	ASSERT_EQ(0, pthread_join(p.thread, NULL));
	self->published += p.sent;
	ASSERT_EQ(0, link_settle(self->link, self->published, &info));
	while (recv(udp.tx, self->got, LEN_MAX, MSG_DONTWAIT) >= 0)
		;
	ASSERT_EQ(0, set(self, key, udp.rx, 0, 0));
	ARRIVES(100, 0);
	UDP_GETS(&udp, 100);
	READ(key);
	EXPECT_LE(1, self->info.sent);
	flow_close(&udp);
}

/* Something else that would send through the socket is refused, and refuses. */
TEST_F(sockets, other_uses)
{
	SET_ALL(1);
	if (setsockopt(self->conns[1].tx, IPPROTO_TCP, TCP_ULP, "tls", 4))
		SKIP(return, "no kTLS");
	EXPECT_EQ(-1, setsockopt(self->conns[0].tx, IPPROTO_TCP, TCP_ULP, "tls", 4));
	EXPECT_EQ(EEXIST, errno);
	EXPECT_EQ(-EBUSY, set(self, 1, self->conns[1].tx, 0, 0));
	ARRIVES(100, 1);
}

TEST_F(sockets, limited)
{
	const char *path = "/sys/module/vnp/parameters/sockets_user_bytes";
	struct vnp_feature feature = { .size = sizeof(feature) };
	char before[32];
	int err;

	ASSERT_OK(read_text(path, before, sizeof(before)));
	err = write_text(path, "16384");
	if (err == -EACCES)
		SKIP(return, "requires root");
	ASSERT_OK(err);
	ASSERT_EQ(0, vnp_feature_get(&feature, NULL));
	EXPECT_EQ(16384, feature.sockets_user_bytes);
	EXPECT_EQ(65536, feature.sockets_user_max);
	/* Those of other tests may not be freed yet. */
	do {
		err = set(self, 0, self->conns[0].tx, VNP_SOCKET_DROP_NEWEST, 4 * QUEUE);
	} while (err == -EDQUOT && !sched_yield());
	ASSERT_EQ(0, err);
	ASSERT_EQ(0, vnp_map_delete(self->map, &(__u32){ 0 }));
	do {
		err = set(self, 0, self->conns[0].tx, VNP_SOCKET_DROP_NEWEST, QUEUE);
	} while (err == -EDQUOT && !sched_yield());
	ASSERT_EQ(0, err);
	SET(1, VNP_SOCKET_DROP_NEWEST, QUEUE);
	EXPECT_EQ(-EDQUOT, set(self, 2, self->conns[2].tx, 0, 4 * QUEUE));
	SET(2, VNP_SOCKET_DROP_NEWEST, 2 * QUEUE);
	EXPECT_EQ(-EDQUOT, set(self, 3, self->conns[3].tx, 0, QUEUE));
	EXPECT_OK(write_text(path, before));
	SET(3, VNP_SOCKET_DROP_NEWEST, QUEUE);
}

/*
 * ---- A receiver that does not read ---------------------------------------------
 */

/* struct numbered - a datagram, as its receiver gets it */
struct numbered {
	__be32 len;
	__be32 number;
	__u8 data[NUMBERED_MAX];
};

/* numbered_len() - all have different lengths */
static int numbered_len(int number)
{
	return sizeof(__be32) + number * 13 % NUMBERED_MAX;
}

static int numbered_publish(FIXTURE_DATA(sockets) *self, int number)
{
	struct numbered datagram = { .number = htonl(number) };

	fill_random(datagram.data, NUMBERED_MAX, number);
	return publish(self, &datagram.number, numbered_len(number));
}

/* recv_all() - Return: @len, 0 at the end, or a negative errno */
static int recv_all(int sock, void *to, int len)
{
	int have = 0, n;

	while (have < len) {
		n = recv(sock, (char *)to + have, len - have, 0);
		if (n <= 0)
			return n ? -errno : have ? -EBADMSG : 0;
		have += n;
	}
	return len;
}

/* numbered_recv() - Return: the number of the next datagram, which is whole; or as above */
static int numbered_recv(int sock)
{
	struct numbered datagram, want;
	int ret = recv_all(sock, &datagram.len, sizeof(datagram.len)), number;

	if (ret <= 0)
		return ret ?: -EPIPE;
	if (ntohl(datagram.len) > sizeof(datagram) - FRAME)
		return -EBADMSG;
	ret = recv_all(sock, &datagram.number, ntohl(datagram.len));
	if (ret <= 0)
		return ret ?: -EBADMSG;
	number = ntohl(datagram.number);
	if (numbered_len(number) != (int)ntohl(datagram.len))
		return -EBADMSG;
	fill_random(want.data, NUMBERED_MAX, number);
	return mem_differ(want.data, datagram.data, numbered_len(number) - 4) < 0 ?
	       number : -EBADMSG;
}

/* STALL() - a connection that holds little; its receiver does not read */
#define STALL(key, policy, bytes) ({						\
	conn_close(&self->conns[key]);						\
	ASSERT_EQ(0, conn_open(&self->conns[key], variant->kind, 4096));	\
	ASSERT_EQ(0, sock_set(self->conns[key].tx, SOL_SOCKET, SO_SNDBUF, 4096)); \
	SET(key, policy, bytes);						\
	if (self->orders->sockets <= (key))					\
		self->orders->sockets = (key) + 1;				\
})

#define SUM(info)								\
	((info).sent + (info).queued + (info).errors[VNP_ERROR_SNDBUF] +	\
	 (info).errors[VNP_ERROR_DISCARDED])

TEST_F(sockets, drop_newest)
{
	int accepted = 0, before = -1, number;

	STALL(0, VNP_SOCKET_DROP_NEWEST, 4 * QUEUE);
	for (int i = 0; i < NUMBERED; i++) {
		ASSERT_EQ(0, numbered_publish(self, i));
		accepted += !self->orders->ret[0];
		if (self->orders->ret[0])
			EXPECT_EQ(-ENOBUFS, self->orders->ret[0]);
	}
	READ(0);
	EXPECT_LT(0, self->info.queued);
	EXPECT_LT(0, self->info.errors[VNP_ERROR_SNDBUF]);
	EXPECT_EQ(NUMBERED, SUM(self->info));
	EXPECT_EQ(NUMBERED - accepted, (int)self->info.errors[VNP_ERROR_SNDBUF]);
	/* The receiver gets all that were accepted. */
	for (int i = 0; i < accepted; i++) {
		number = numbered_recv(self->conns[0].rx);
		ASSERT_LT(before, number);
		before = number;
	}
	READ_UNTIL(0, !self->info.queued);
	EXPECT_EQ(accepted, (int)self->info.sent);
	ASSERT_EQ(0, numbered_publish(self, NUMBERED));
	EXPECT_EQ(NUMBERED, numbered_recv(self->conns[0].rx));
}

TEST_F(sockets, drop_oldest)
{
	int cnt = 0, before = -1, number;

	STALL(0, VNP_SOCKET_DROP_OLDEST, 4 * QUEUE);
	for (int i = 0; i < NUMBERED; i++) {
		ASSERT_EQ(0, numbered_publish(self, i));
		EXPECT_EQ(0, self->orders->ret[0]);
	}
	READ(0);
	EXPECT_LT(0, self->info.errors[VNP_ERROR_SNDBUF]);
	EXPECT_EQ(NUMBERED, SUM(self->info));
	/* The last one that was published arrives, and those before it that fit the queue. */
	for (; before != NUMBERED - 1; cnt++) {
		number = numbered_recv(self->conns[0].rx);
		ASSERT_LT(before, number);
		before = number;
	}
	READ_UNTIL(0, !self->info.queued);
	EXPECT_EQ(cnt, (int)self->info.sent);
	EXPECT_EQ(NUMBERED, SUM(self->info));
}

TEST_F(sockets, disconnect)
{
	int number, err;
	socklen_t len = sizeof(err);

	STALL(0, VNP_SOCKET_DISCONNECT, 4 * QUEUE);
	for (int i = 0; i < NUMBERED; i++)
		ASSERT_EQ(0, numbered_publish(self, i));
	READ(0);
	EXPECT_EQ(ECONNABORTED, (int)self->info.error);
	EXPECT_EQ(1, self->info.errors[VNP_ERROR_SNDBUF]);
	EXPECT_EQ(0, self->info.queued);
	EXPECT_EQ(NUMBERED, SUM(self->info));
	EXPECT_EQ(-ENOTCONN, self->orders->ret[0]);
	do {
		number = numbered_recv(self->conns[0].rx);
	} while (number >= 0);
	EXPECT_EQ(-ECONNRESET, number);
	ASSERT_EQ(0, getsockopt(self->conns[0].tx, SOL_SOCKET, SO_ERROR, &err, &len));
	EXPECT_EQ(ECONNABORTED, err);
	EXPECT_EQ(-ENOTCONN, set(self, 1, self->conns[0].tx, 0, 0));
}

/* Longer than a queue, which others have room for */
TEST_F(sockets, too_long)
{
	SET(0, VNP_SOCKET_DROP_OLDEST, QUEUE);
	SET(1, VNP_SOCKET_DROP_OLDEST, 2 * QUEUE);
	self->orders->sockets = 2;
	self->orders->framed = 0;
	ASSERT_EQ(0, publish(self, self->sent, QUEUE - 3));
	EXPECT_EQ(-ENOBUFS, self->orders->ret[0]);
	EXPECT_EQ(0, self->orders->ret[1]);
	ASSERT_EQ(0, publish(self, self->sent, QUEUE - 4));
	EXPECT_EQ(0, self->orders->ret[0]);
	GETS(0, self->sent, QUEUE - 4);
	READ_UNTIL(0, self->info.sent == 1);
	EXPECT_EQ(1, self->info.errors[VNP_ERROR_LENGTH]);
}

/* One of each policy does not read: all others get everything. */
TEST_F(sockets, others_are_not_delayed)
{
	const int readers = CONNS - 3;

	SET_ALL(readers);
	STALL(5, VNP_SOCKET_DROP_NEWEST, QUEUE);
	STALL(6, VNP_SOCKET_DROP_OLDEST, QUEUE);
	STALL(7, VNP_SOCKET_DISCONNECT, QUEUE);
	for (int i = 0; i < NUMBERED; i++) {
		ASSERT_EQ(0, numbered_publish(self, i));
		for (int k = 0; k < readers; k++)
			ASSERT_EQ(i, numbered_recv(self->conns[k].rx));
	}
	for (int k = 0; k < readers; k++) {
		READ_UNTIL(k, self->info.sent == NUMBERED);
	}
	for (int k = readers; k < CONNS; k++) {
		READ(k);
		EXPECT_LT(0, self->info.errors[VNP_ERROR_SNDBUF]);
		EXPECT_EQ(NUMBERED, SUM(self->info));
	}
}

/* What is sent continues when a receiver reads, without another datagram. */
TEST_F(sockets, continued)
{
	int i, cnt = 0;

	STALL(0, VNP_SOCKET_DROP_NEWEST, 1 << 20);
	for (i = 0; i < NUMBERED / 2; i++)
		ASSERT_EQ(0, numbered_publish(self, i));
	READ(0);
	EXPECT_LT(0, self->info.queued);
	EXPECT_EQ(NUMBERED / 2, SUM(self->info));
	EXPECT_EQ(0, self->info.errors[VNP_ERROR_SNDBUF]);
	for (; cnt < NUMBERED / 2; cnt++)
		ASSERT_EQ(cnt, numbered_recv(self->conns[0].rx));
	READ_UNTIL(0, self->info.sent == NUMBERED / 2);
}

/*
 * ---- The end of a connection -----------------------------------------------------
 */

TEST_F(sockets, removed)
{
	const __u32 key = 0;
	int number, cnt = 0;

	STALL(0, VNP_SOCKET_DROP_OLDEST, 4 * QUEUE);
	for (int i = 0; i < NUMBERED / 4; i++)
		ASSERT_EQ(0, numbered_publish(self, i));
	READ(0);
	EXPECT_LT(0, self->info.queued);
	ASSERT_EQ(0, vnp_map_delete(self->map, &key));
	/* What was not sent is dropped, and the application can use the socket. */
	ASSERT_EQ(0, shutdown(self->conns[0].tx, SHUT_WR));
	do {
		number = numbered_recv(self->conns[0].rx);
		cnt += number >= 0;
	} while (number >= 0);
	EXPECT_EQ(-EPIPE, number);
	EXPECT_LE(self->info.sent, cnt);
	EXPECT_GT(NUMBERED / 4, cnt);
}

TEST_F(sockets, shut_down)
{
	SET_ALL(1);
	ARRIVES(100, 1);
	ASSERT_EQ(0, shutdown(self->conns[0].tx, SHUT_WR));
	EXPECT_EQ(0, recv(self->conns[0].rx, self->got, 1, 0));
	ASSERT_EQ(0, publish(self, "late", 4));
	EXPECT_EQ(-ENOTCONN, self->orders->ret[0]);
	READ(0);
	EXPECT_EQ(EPIPE, (int)self->info.error);
	EXPECT_EQ(1, self->info.errors[VNP_ERROR_DISCARDED]);
	EXPECT_EQ(1, self->info.sent);
	EXPECT_EQ(-EPIPE, set(self, 1, self->conns[0].tx, 0, 0));
}

/* An entry does not keep the connection open. */
TEST_F(sockets, closed)
{
	SET_ALL(2);
	ARRIVES(100, 2);
	close(self->conns[0].tx);
	EXPECT_EQ(0, recv(self->conns[0].rx, self->got, 1, 0));
	READ(0);
	EXPECT_EQ(EPIPE, (int)self->info.error);
	EXPECT_EQ(1, self->info.sent);
	ASSERT_EQ(0, publish(self, "late", 4));
	EXPECT_EQ(-ENOTCONN, self->orders->ret[0]);
	EXPECT_EQ(0, self->orders->ret[1]);
	/* The slot can be used again. */
	ASSERT_EQ(0, conn_open(&self->conns[0], variant->kind, 0));
	SET(0, VNP_SOCKET_DROP_NEWEST, 0);
	GETS(1, "\0\0\0\4late", 8);
	ARRIVES(100, 2);
}

TEST_F(sockets, reset)
{
	const struct linger now = { .l_onoff = 1 };
	int err;
	socklen_t len = sizeof(err);

	STALL(0, VNP_SOCKET_DROP_NEWEST, 0);
	for (int i = 0; i < 50; i++)
		ASSERT_EQ(0, numbered_publish(self, i));
	READ(0);
	EXPECT_LT(0, self->info.queued);
	ASSERT_EQ(0, setsockopt(self->conns[0].rx, SOL_SOCKET, SO_LINGER, &now, sizeof(now)));
	close(self->conns[0].rx);
	READ_UNTIL(0, self->info.error);
	EXPECT_EQ(ECONNRESET, (int)self->info.error);
	EXPECT_EQ(0, self->info.queued);
	EXPECT_EQ(50, SUM(self->info));
	/* The application still gets the error. */
	ASSERT_EQ(0, getsockopt(self->conns[0].tx, SOL_SOCKET, SO_ERROR, &err, &len));
	EXPECT_EQ(ECONNRESET, err);
}

TEST_F(sockets, receiver_killed)
{
	pid_t pid;

	SET_ALL(2);
	ARRIVES(100, 2);
	pid = fork();
	if (!pid) {
		pause();
		_exit(0);
	}
	ASSERT_LT(0, pid);
	close(self->conns[0].rx);
	kill(pid, SIGKILL);
	finish(pid);
	/* The first datagram after that is answered by a reset. */
	for (int i = 0; i < 1000 && !self->info.error; i++) {
		ASSERT_EQ(0, publish(self, "late", 4));
		READ(0);
		GETS(1, "\0\0\0\4late", 8);
	}
	EXPECT_EQ(EPIPE, (int)self->info.error);
}

/* When the map is freed, so are its entries, whose queues are not empty. */
TEST_F(sockets, left_behind)
{
	int err;

	STALL(0, VNP_SOCKET_DROP_OLDEST, 0);
	for (int i = 0; i < 100; i++)
		ASSERT_EQ(0, numbered_publish(self, i));
	READ(0);
	EXPECT_LT(0, self->info.queued);
	vnp_object_close(self->obj);
	ASSERT_EQ(0, link_detach(self->link));
	close(self->link);
	ASSERT_EQ(0, object_load("sockets", &self->obj));
	self->map = vnp_object_find_map(self->obj, "sockets");
	do {
		err = set(self, 0, self->conns[0].tx, VNP_SOCKET_DISCONNECT, QUEUE);
	} while (err == -EBUSY && !sched_yield());
	EXPECT_EQ(0, err);
}

/*
 * ---- The application keeps the socket locked ------------------------------------
 */

TEST_F(sockets, locked)
{
	struct faulting_sender sender = { .sock = self->conns[0].tx, .len = 1 };
	struct faulting faulting;
	pthread_t thread;
	void *ret;

	if (faulting_open(&faulting, 1))
		SKIP(return, "userfaultfd() is not permitted");
	sender.page = faulting.page;
	for (int i = 0; i < CONNS; i++)
		SET(i, i == 1 ? VNP_SOCKET_DISCONNECT : VNP_SOCKET_DROP_NEWEST, 0);
	ASSERT_EQ(0, pthread_create(&thread, NULL, faulting_send, &sender));
	ASSERT_EQ(0, faulting_await(&faulting, 1));
	self->orders->sockets = CONNS;
	for (int i = 0; i < 100; i++) {
		fill_random(self->sent, 100, i);
		ASSERT_EQ(0, publish(self, self->sent, 100));
		frame(self, self->want, self->sent, 100);
		for (int k = 1; k < CONNS; k++)
			GETS(k, self->want, 104);
	}
	READ(0);
	EXPECT_EQ(100, self->info.queued);
	ASSERT_EQ(0, faulting_fill(&faulting, '!'));
	ASSERT_EQ(0, pthread_join(thread, &ret));
	EXPECT_EQ(1, (intptr_t)ret);
	GETS(0, "!", 1);
	for (int i = 0; i < 100; i++) {
		fill_random(self->sent, 100, i);
		frame(self, self->want, self->sent, 100);
		GETS(0, self->want, 104);
	}
	faulting_close(&faulting);
}

/* link_answers() - a link with a queue of @bytes for answers.  Return: descriptor */
static int link_answers(int sock, __u32 bytes)
{
	struct vnp_link_create attr = {
		.size = sizeof(attr),
		.flags = VNP_LINK_F_MESSAGE,
		.sock_fd = sock,
		.reply_bytes = bytes,
	};
	int dev = device_open(), prog = -1, message = -1;
	int ret = stream_progs(dev, &prog, &message);

	attr.prog_fd = prog;
	attr.message_fd = message;
	ret = ret ?: do_ioctl(dev, VNP_LINK_CREATE, &attr);
	close(message);
	close(prog);
	close(dev);
	return ret;
}

#define DEEP	(4U << 20)

/* write_byte() - a call that must first send a queue, which is filled all the time */
static void *write_byte(void *arg)
{
	const int *sock = arg;

	return (void *)(intptr_t)send(*sock, "x", 1, MSG_NOSIGNAL);
}

/*
 * A call that writes to a linked socket sends what is queued first.  That is not more than the
 * queue, however much is queued meanwhile.
 */
TEST_F(sockets, write_under_traffic)
{
	struct publisher p = { .flow = &self->flow, .len = 60000 };
	struct conn *conn = &self->conns[0];
	pthread_t writer;
	__u64 before;
	void *ret;

	ASSERT_EQ(0, sock_set(conn->tx, SOL_SOCKET, SO_SNDBUF, 32768));
	ASSERT_EQ(0, sock_set(conn->rx, SOL_SOCKET, SO_RCVBUF, 32768));
	conn->link = link_answers(conn->tx, DEEP);
	ASSERT_OK(conn->link);
	for (int i = 0; i < 16; i++)
		ASSERT_EQ(0, set(self, i, conn->tx, VNP_SOCKET_DROP_NEWEST, DEEP));
	self->orders->sockets = 16;
	ASSERT_EQ(0, pthread_create(&p.thread, NULL, publish_always, &p));
	READ_UNTIL(0, self->info.queued_bytes > DEEP / 2);
	before = self->info.bytes;
	ASSERT_EQ(0, pthread_create(&writer, NULL, write_byte, &conn->tx));
	/* Until there is room, and the call has begun to send */
	do {
		recv(conn->rx, self->got, 4096, MSG_DONTWAIT);
		READ(0);
	} while (self->info.bytes < before + DEEP / 4);
	ASSERT_EQ(0, pthread_join(writer, &ret));
	EXPECT_EQ(1, (intptr_t)ret);
	READ(0);
	EXPECT_GT(2 * DEEP, self->info.bytes - before);
	atomic_store(&p.stop, true);
	ASSERT_EQ(0, pthread_join(p.thread, NULL));
}

TEST_HARNESS_MAIN
