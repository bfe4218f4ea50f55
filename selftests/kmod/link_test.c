// SPDX-License-Identifier: GPL-2.0
/*
 * Links: which sockets they accept, their information, updating and detaching them, and
 * that the socket is the same afterwards.
 */
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/udp.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/un.h>
#include "harness.h"
#include "object.h"
#include "../progs/tables.h"

FIXTURE(create) {
	int dev;
	int prog;
	int sock;
	struct vnp_link_create attr;
};

FIXTURE_SETUP(create)
{
	self->dev = device_open();
	ASSERT_OK(self->dev);
	self->prog = prog_verdict(self->dev, VNP_DROP);
	ASSERT_OK(self->prog);
	self->sock = udp_socket("127.0.0.1", 0);
	ASSERT_OK(self->sock);
}

FIXTURE_TEARDOWN(create)
{
}

TEST_F(create, prog_fd)
{
	struct map map;
	const int closed = dup(self->prog);

	close(closed);
	ASSERT_OK(map_create(self->dev, &map, VNP_MAP_ARRAY, 4, 8, 1, 0));
	const int fds[] = {
		-1, closed, INT32_MAX, INT32_MIN, self->dev, self->sock, map.fd,
		open("/dev/null", O_RDWR),
	};

	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		EXPECT_EQ(-EBADF, link_create(self->dev, fds[i], self->sock, 0));
	EXPECT_OK(link_create(self->dev, self->prog, self->sock, 0));
}

TEST_F(create, no_socket)
{
	int pipes[2];

	ASSERT_EQ(0, pipe(pipes));
	EXPECT_EQ(-EBADF, link_create(self->dev, self->prog, -1, 0));
	EXPECT_EQ(-EBADF, link_create(self->dev, self->prog, 1000, 0));
	EXPECT_EQ(-ENOTSOCK, link_create(self->dev, self->prog, self->dev, 0));
	EXPECT_EQ(-ENOTSOCK, link_create(self->dev, self->prog, self->prog, 0));
	EXPECT_EQ(-ENOTSOCK, link_create(self->dev, self->prog, pipes[0], 0));
	EXPECT_EQ(-ENOTSOCK, link_create(self->dev, self->prog,
					 open("/dev/null", O_RDWR), 0));
}

TEST_F(create, other_sockets)
{
	const struct {
		int family, type, protocol;
	} socks[] = {
		{ AF_INET, SOCK_STREAM, 0 },
		{ AF_INET6, SOCK_STREAM, 0 },
		{ AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE },
		{ AF_INET6, SOCK_DGRAM, IPPROTO_UDPLITE },
		{ AF_INET, SOCK_DGRAM, IPPROTO_ICMP },
		{ AF_UNIX, SOCK_DGRAM, 0 },
		{ AF_UNIX, SOCK_STREAM, 0 },
		{ AF_NETLINK, SOCK_RAW, NETLINK_ROUTE },
		{ AF_INET, SOCK_RAW, IPPROTO_UDP },
		{ AF_INET6, SOCK_RAW, IPPROTO_UDP },
		{ AF_PACKET, SOCK_DGRAM, 0 },
	};
	int tried = 0;

	for (size_t i = 0; i < ARRAY_SIZE(socks); i++) {
		int sock = socket(socks[i].family, socks[i].type, socks[i].protocol);

		/* Not all of them are available to every user and in every kernel. */
		if (sock < 0)
			continue;
		EXPECT_EQ(-EOPNOTSUPP, link_create(self->dev, self->prog, sock, 0)) {
			TH_LOG("socket %zu", i);
		}
		tried++;
	}
	EXPECT_LE(5, tried);
}

TEST_F(create, second_link)
{
	int first = link_create(self->dev, self->prog, self->sock, 0);
	int links;

	ASSERT_OK(first);
	links = obj_count(self->dev, VNP_OBJ_LINK);
	EXPECT_EQ(-EBUSY, link_create(self->dev, self->prog, self->sock, 0));
	EXPECT_EQ(-EBUSY, link_create(self->dev, self->prog, dup(self->sock), 0));
	EXPECT_EQ(links, obj_count(self->dev, VNP_OBJ_LINK));
	ASSERT_EQ(0, link_detach(first));
	EXPECT_OK(link_create(self->dev, self->prog, self->sock, 0));
}

/* A socket that another protocol of the kernel uses is refused. */
TEST_F(create, encapsulating_socket)
{
	ASSERT_OK(sock_set(self->sock, IPPROTO_UDP, UDP_ENCAP, UDP_ENCAP_L2TPINUDP));
	EXPECT_EQ(-EBUSY, link_create(self->dev, self->prog, self->sock, 0));
	EXPECT_EQ(UDP_ENCAP_L2TPINUDP, sock_int(self->sock, IPPROTO_UDP, UDP_ENCAP));
}

/* A locked filter means that datagrams must not be filtered otherwise. */
TEST_F(create, locked_filter)
{
	const int links = obj_count(self->dev, VNP_OBJ_LINK);

	ASSERT_OK(sock_set(self->sock, SOL_SOCKET, SO_LOCK_FILTER, 1));
	EXPECT_EQ(-EPERM, link_create(self->dev, self->prog, self->sock, 0));
	EXPECT_EQ(links, obj_count(self->dev, VNP_OBJ_LINK));
}

TEST_F(create, one_program_on_many_sockets)
{
	int socks[50], links[50];

	for (int i = 0; i < 50; i++) {
		socks[i] = udp_socket(i & 1 ? "::1" : "127.0.0.1", 0);
		links[i] = link_create(self->dev, self->prog, socks[i], 0);
		EXPECT_OK(links[i]);
	}
	for (int i = 0; i < 50; i += 2)
		EXPECT_EQ(0, link_detach(links[i]));
	for (int i = 0; i < 50; i++) {
		close(socks[i]);
		EXPECT_EQ(-ENOLINK, link_detach(links[i]));
	}
}

FIXTURE(linked) {
	int dev;
	struct vnp_object *obj;
	struct flow flow;
	int pass, drop;
	int link;
};

FIXTURE_VARIANT(linked) {
	enum flow_kind kind;
};

FIXTURE_VARIANT_ADD(linked, ip4) { FLOW_IP4 };
FIXTURE_VARIANT_ADD(linked, ip6) { FLOW_IP6 };
FIXTURE_VARIANT_ADD(linked, mapped) { FLOW_MAPPED };

FIXTURE_SETUP(linked)
{
	pin(0);
	self->dev = device_open();
	ASSERT_OK(self->dev);
	ASSERT_EQ(0, object_open("verdict", &self->obj));
	ASSERT_EQ(0, object_choose(self->obj, "pass", "drop", NULL));
	ASSERT_EQ(0, vnp_object_load(self->obj, NULL));
	self->pass = object_prog(self->obj, "pass");
	self->drop = object_prog(self->obj, "drop");
	ASSERT_EQ(0, flow_open(&self->flow, variant->kind));
	self->link = link_create(self->dev, self->drop, self->flow.rx, 0);
	ASSERT_OK(self->link);
}

FIXTURE_TEARDOWN(linked)
{
	vnp_object_close(self->obj);
	flow_close(&self->flow);
	close(self->link);
}

static __u32 prog_id(int fd)
{
	struct vnp_prog_info info;

	return prog_info(fd, &info) ? 0 : info.id;
}

TEST_F(linked, info)
{
	struct vnp_link_info info;
	__u64 cookie;
	socklen_t len = sizeof(cookie);

	ASSERT_EQ(0, getsockopt(self->flow.rx, SOL_SOCKET, SO_COOKIE, &cookie, &len));
	ASSERT_EQ(0, link_info(self->link, &info));
	EXPECT_EQ(sizeof(info), info.size);
	EXPECT_NE(0, info.id);
	EXPECT_EQ(0, info.flags);
	EXPECT_EQ(prog_id(self->drop), info.prog_id);
	EXPECT_EQ(geteuid(), info.uid);
	EXPECT_EQ(1, info.attached);
	EXPECT_EQ(variant->kind == FLOW_IP4 ? AF_INET : AF_INET6, info.family);
	EXPECT_EQ(sock_port(self->flow.rx), info.local_port);
	EXPECT_EQ(cookie, info.sock_cookie);
	EXPECT_EQ(0, info.packets + info.bytes + info.verdicts[VNP_PASS] + info.verdicts[VNP_DROP]);
	EXPECT_EQ(0, link_faults(&info));
	EXPECT_EQ(0, info.fault_prog_id + info.fault + info.fault_insn);
	EXPECT_EQ(0, info.reserved);
}

/* Datagrams received before the link was created stay in the queue. */
TEST_F(linked, queue_before_attach)
{
	ASSERT_EQ(0, link_detach(self->link));
	ASSERT_EQ(5, flow_puts(&self->flow, "early"));
	self->link = link_create(self->dev, self->drop, self->flow.rx, 0);
	ASSERT_OK(self->link);
	ASSERT_EQ(4, flow_puts(&self->flow, "late"));
	EXPECT_EQ(1, flow_next_is(&self->flow, "early"));
	EXPECT_TRUE(flow_empty(&self->flow));
}

TEST_F(linked, detach)
{
	struct vnp_link_info info;

	ASSERT_EQ(7, flow_puts(&self->flow, "dropped"));
	ASSERT_EQ(0, link_settle(self->link, 1, &info));
	ASSERT_EQ(0, link_detach(self->link));
	ASSERT_EQ(6, flow_puts(&self->flow, "passed"));
	EXPECT_EQ(1, flow_next_is(&self->flow, "passed"));
	ASSERT_EQ(0, link_info(self->link, &info));
	EXPECT_EQ(0, info.attached);
	EXPECT_EQ(0, info.prog_id);
	EXPECT_EQ(1, info.packets);
	EXPECT_EQ(1, info.verdicts[VNP_DROP]);
	EXPECT_EQ(7, info.bytes);
	EXPECT_EQ(-ENOLINK, link_detach(self->link));
	EXPECT_EQ(-ENOLINK, link_update(self->link, self->pass, -1));
}

TEST_F(linked, update)
{
	struct vnp_link_info info;

	ASSERT_EQ(3, flow_puts(&self->flow, "one"));
	ASSERT_EQ(0, link_update(self->link, self->pass, -1));
	ASSERT_EQ(3, flow_puts(&self->flow, "two"));
	EXPECT_EQ(1, flow_next_is(&self->flow, "two"));
	ASSERT_EQ(0, link_update(self->link, self->drop, self->pass));
	ASSERT_EQ(5, flow_puts(&self->flow, "three"));
	ASSERT_EQ(0, link_settle(self->link, 3, &info));
	EXPECT_TRUE(flow_empty(&self->flow));
	EXPECT_EQ(2, info.verdicts[VNP_DROP]);
	EXPECT_EQ(1, info.verdicts[VNP_PASS]);
	EXPECT_EQ(prog_id(self->drop), info.prog_id);
}

TEST_F(linked, update_arguments)
{
	struct vnp_link_info info;

	EXPECT_EQ(-EBADF, link_update(self->link, -1, -1));
	EXPECT_EQ(-EBADF, link_update(self->link, self->dev, -1));
	EXPECT_EQ(-EBADF, link_update(self->link, self->flow.rx, -1));
	EXPECT_EQ(-EBADF, link_update(self->link, self->pass, 1000));
	EXPECT_EQ(-EBADF, link_update(self->link, self->pass, self->dev));
	EXPECT_EQ(-EEXIST, link_update(self->link, self->pass, self->pass));
	ASSERT_EQ(0, link_info(self->link, &info));
	EXPECT_EQ(prog_id(self->drop), info.prog_id);
	EXPECT_EQ(0, link_update(self->link, self->drop, self->drop));
}

/* The descriptor is only a handle: another one can be opened by the id. */
TEST_F(linked, closing_the_descriptor)
{
	struct vnp_link_info info;
	int again;

	ASSERT_EQ(0, link_info(self->link, &info));
	close(self->link);
	ASSERT_EQ(3, flow_puts(&self->flow, "one"));
	again = obj_open(self->dev, VNP_OBJ_LINK, info.id);
	ASSERT_OK(again);
	ASSERT_EQ(0, link_settle(again, 1, &info));
	EXPECT_EQ(1, info.verdicts[VNP_DROP]);
	ASSERT_EQ(0, link_detach(again));
	ASSERT_EQ(3, flow_puts(&self->flow, "two"));
	EXPECT_EQ(1, flow_next_is(&self->flow, "two"));
	self->link = again;
}

TEST_F(linked, closing_the_socket)
{
	struct vnp_link_info info;

	ASSERT_EQ(3, flow_puts(&self->flow, "one"));
	ASSERT_EQ(0, link_settle(self->link, 1, &info));
	close(self->flow.rx);
	ASSERT_EQ(0, link_info(self->link, &info));
	EXPECT_EQ(0, info.attached);
	EXPECT_EQ(0, info.prog_id);
	EXPECT_EQ(1, info.verdicts[VNP_DROP]);
	EXPECT_EQ(-ENOLINK, link_detach(self->link));
	EXPECT_EQ(-ENOLINK, link_update(self->link, self->pass, -1));
}

/* Without descriptor and socket the link and its id no longer exist. */
TEST_F(linked, end)
{
	struct vnp_link_info info;

	ASSERT_EQ(0, link_info(self->link, &info));
	close(self->link);
	EXPECT_EQ(1, obj_visible(self->dev, VNP_OBJ_LINK, info.id));
	close(self->flow.rx);
	EXPECT_EQ(0, obj_visible(self->dev, VNP_OBJ_LINK, info.id));
	EXPECT_EQ(-ENOENT, obj_open(self->dev, VNP_OBJ_LINK, info.id));
}

/* A program referenced only by a link exists and can be found. */
TEST_F(linked, keeps_the_program)
{
	int own = prog_by_first_byte(self->dev);
	__u32 id = prog_id(own);

	ASSERT_OK(own);
	ASSERT_EQ(0, link_update(self->link, own, -1));
	close(own);
	EXPECT_EQ(1, obj_visible(self->dev, VNP_OBJ_PROG, id));
	ASSERT_EQ(4, flow_puts(&self->flow, "Drop"));
	ASSERT_EQ(4, flow_puts(&self->flow, "pass"));
	EXPECT_EQ(1, flow_next_is(&self->flow, "pass"));
	ASSERT_EQ(0, link_detach(self->link));
	EXPECT_EQ(0, obj_visible(self->dev, VNP_OBJ_PROG, id));
}

TEST_F(linked, bound_and_connected_later)
{
	struct sockaddr_storage any = { .ss_family = AF_UNSPEC };
	struct vnp_link_info info;
	socklen_t len = self->flow.rx_addr.ss_family == AF_INET ?
			sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
	int sock = socket(self->flow.rx_addr.ss_family, SOCK_DGRAM, 0);
	int link = link_create(self->dev, self->drop, sock, 0);

	ASSERT_OK(link);
	ASSERT_EQ(0, link_info(link, &info));
	EXPECT_EQ(0, info.local_port);
	close(self->flow.rx);
	self->flow.rx = sock;
	ASSERT_EQ(0, bind(sock, (void *)&self->flow.rx_addr, len));
	ASSERT_EQ(3, flow_puts(&self->flow, "one"));
	ASSERT_EQ(0, link_settle(link, 1, &info));
	EXPECT_EQ(sock_port(sock), info.local_port);
	if (variant->kind != FLOW_MAPPED) {
		ASSERT_EQ(0, connect(sock, (void *)&self->flow.tx_addr, len));
		ASSERT_EQ(3, flow_puts(&self->flow, "two"));
		ASSERT_EQ(0, link_settle(link, 2, &info));
		ASSERT_EQ(0, connect(sock, (void *)&any, sizeof(any)));
		ASSERT_EQ(5, flow_puts(&self->flow, "three"));
		ASSERT_EQ(0, link_settle(link, 3, &info));
	}
	EXPECT_EQ(info.packets, info.verdicts[VNP_DROP]);
	EXPECT_TRUE(flow_empty(&self->flow));
}

/* The link exists as long as anyone has the socket open. */
TEST_F(linked, socket_in_two_processes)
{
	struct vnp_link_info info;
	int go[2];
	pid_t child;
	char byte;

	ASSERT_EQ(0, pipe(go));
	child = fork();
	if (!child) {
		close(go[1]);
		_exit(read(go[0], &byte, 1) != 0);
	}
	close(self->flow.rx);
	ASSERT_EQ(3, flow_puts(&self->flow, "one"));
	ASSERT_EQ(0, link_settle(self->link, 1, &info));
	EXPECT_EQ(1, info.attached);
	close(go[1]);
	EXPECT_EQ(0, finish(child));
	ASSERT_EQ(0, link_info(self->link, &info));
	EXPECT_EQ(0, info.attached);
}

/* A socket in flight between processes keeps its link. */
TEST_F(linked, socket_in_flight)
{
	struct vnp_link_info info;
	int pair[2], sock;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_DGRAM, 0, pair));
	ASSERT_OK(send_fd(pair[0], self->flow.rx));
	close(self->flow.rx);
	ASSERT_EQ(3, flow_puts(&self->flow, "one"));
	ASSERT_EQ(0, link_settle(self->link, 1, &info));
	sock = recv_fd(pair[1]);
	ASSERT_OK(sock);
	self->flow.rx = sock;
	ASSERT_EQ(0, link_detach(self->link));
	ASSERT_EQ(3, flow_puts(&self->flow, "two"));
	EXPECT_EQ(1, flow_next_is(&self->flow, "two"));
}

/* Options that encapsulation might affect */
static const struct {
	int level, name, value;
} options[] = {
	{ IPPROTO_IP, IP_MULTICAST_LOOP, 1 },
	{ IPPROTO_IP, IP_MULTICAST_LOOP, 0 },
	{ IPPROTO_IP, IP_MULTICAST_ALL, 0 },
	{ IPPROTO_IP, IP_PKTINFO, 1 },
	{ IPPROTO_IP, IP_RECVERR, 1 },
	{ IPPROTO_IP, IP_TTL, 77 },
	{ IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO },
	{ IPPROTO_UDP, UDP_GRO, 0 },
	{ IPPROTO_UDP, UDP_GRO, 1 },
	{ IPPROTO_UDP, UDP_SEGMENT, 1200 },
	{ IPPROTO_UDP, UDP_NO_CHECK6_TX, 1 },
	{ IPPROTO_UDP, UDP_NO_CHECK6_RX, 1 },
	{ SOL_SOCKET, SO_NO_CHECK, 1 },
	{ SOL_SOCKET, SO_RCVBUF, 5000 },
	{ SOL_SOCKET, SO_RCVLOWAT, 3 },
	{ SOL_SOCKET, SO_REUSEADDR, 1 },
	{ SOL_SOCKET, SO_TIMESTAMPNS, 1 },
	{ SOL_SOCKET, SO_PRIORITY, 5 },
	{ SOL_SOCKET, SO_RXQ_OVFL, 1 },
};

/* For IPv6 sockets in addition */
static const struct {
	int name, value;
} options6[] = {
	{ IPV6_MULTICAST_LOOP, 1 },
	{ IPV6_MULTICAST_LOOP, 0 },
	{ IPV6_MULTICAST_ALL, 0 },
	{ IPV6_RECVPKTINFO, 1 },
	{ IPV6_RECVERR, 1 },
	{ IPV6_UNICAST_HOPS, 78 },
};

/* expect_kept() - an option does not change, with the link and after it */
static void expect_kept(struct __test_metadata *_metadata, int dev, int prog,
			int sock, int level, int name, int value)
{
	int link, before;

	ASSERT_OK(sock_set(sock, level, name, value));
	before = sock_int(sock, level, name);
	link = link_create(dev, prog, sock, 0);
	ASSERT_OK(link);
	EXPECT_EQ(before, sock_int(sock, level, name)) {
		TH_LOG("linked: level %d option %d", level, name);
	}
	ASSERT_EQ(0, link_detach(link));
	EXPECT_EQ(before, sock_int(sock, level, name)) {
		TH_LOG("detached: level %d option %d", level, name);
	}
	EXPECT_EQ(0, sock_int(sock, IPPROTO_UDP, UDP_ENCAP));
	close(link);
}

TEST_F(linked, socket_options_stay)
{
	const int sock = self->flow.rx;

	ASSERT_EQ(0, link_detach(self->link));
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		expect_kept(_metadata, self->dev, self->drop, sock,
			    options[i].level, options[i].name, options[i].value);
	if (variant->kind == FLOW_IP4)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(options6); i++)
		expect_kept(_metadata, self->dev, self->drop, sock, IPPROTO_IPV6,
			    options6[i].name, options6[i].value);
}

/* Options set while there is a link still hold afterwards. */
TEST_F(linked, options_set_meanwhile)
{
	const int sock = self->flow.rx;

	for (int value = 0; value < 2; value++) {
		ASSERT_OK(sock_set(sock, IPPROTO_IP, IP_MULTICAST_LOOP, value));
		ASSERT_OK(sock_set(sock, IPPROTO_UDP, UDP_GRO, value));
		ASSERT_EQ(0, link_detach(self->link));
		EXPECT_EQ(value, sock_int(sock, IPPROTO_IP, IP_MULTICAST_LOOP));
		EXPECT_EQ(value, sock_int(sock, IPPROTO_UDP, UDP_GRO));
		self->link = link_create(self->dev, self->drop, sock, 0);
		ASSERT_OK(self->link);
	}
}

/*
 * expect_udplite_as_plain() - if UDP accepts options of UDP-Lite, UDP_ENCAP is refused
 * there too; otherwise a linked socket refuses them like any other
 */
static void expect_udplite_as_plain(struct __test_metadata *_metadata, int sock)
{
	const int plain = socket(sock_int(sock, SOL_SOCKET, SO_DOMAIN), SOCK_DGRAM, 0);
	const int names[] = { UDP_ENCAP, UDP_GRO };
	int set;

	ASSERT_OK(plain);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		EXPECT_EQ(sock_int(plain, IPPROTO_UDPLITE, names[i]),
			  sock_int(sock, IPPROTO_UDPLITE, names[i]));
	set = sock_set(plain, IPPROTO_UDPLITE, UDP_ENCAP, UDP_ENCAP_L2TPINUDP);
	EXPECT_EQ(set ? set : -EBUSY, sock_set(sock, IPPROTO_UDPLITE, UDP_ENCAP,
					      UDP_ENCAP_L2TPINUDP));
	close(plain);
}

/* expect_encap_refused() - a linked socket has no encapsulation, and refuses it */
static void expect_encap_refused(struct __test_metadata *_metadata, int sock)
{
	EXPECT_EQ(0, sock_int(sock, IPPROTO_UDP, UDP_ENCAP));
	EXPECT_EQ(0, sock_set(sock, IPPROTO_UDP, UDP_ENCAP, 0));
	for (int encap = 1; encap < 8; encap++)
		EXPECT_EQ(-EBUSY, sock_set(sock, IPPROTO_UDP, UDP_ENCAP, encap));
	expect_udplite_as_plain(_metadata, sock);
	EXPECT_EQ(0, sock_int(sock, IPPROTO_UDP, UDP_ENCAP));
}

/* While there is a link its program is executed: UDP_ENCAP cannot bypass it. */
TEST_F(linked, encap_refused)
{
	const __u32 flags[] = { 0, VNP_LINK_F_NO_MERGE };
	const int sock = self->flow.rx;
	struct vnp_link_info info;

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		ASSERT_EQ(0, link_detach(self->link));
		close(self->link);
		self->link = link_create(self->dev, self->drop, sock, flags[i]);
		ASSERT_OK(self->link);
		expect_encap_refused(_metadata, sock);
		EXPECT_EQ(4, flow_puts(&self->flow, "text"));
		ASSERT_EQ(0, link_settle(self->link, 1, &info));
		EXPECT_EQ(1, info.verdicts[VNP_DROP]);
		EXPECT_TRUE(flow_empty(&self->flow));
	}
	ASSERT_EQ(0, link_detach(self->link));
	EXPECT_EQ(0, sock_set(sock, IPPROTO_UDP, UDP_ENCAP, UDP_ENCAP_L2TPINUDP));
	EXPECT_EQ(UDP_ENCAP_L2TPINUDP, sock_int(sock, IPPROTO_UDP, UDP_ENCAP));
}

/* A socket converted to IPv4 keeps its link, and hides it as before. */
TEST_F(linked, addrform)
{
	struct vnp_link_info info;

	if (variant->kind != FLOW_MAPPED)
		return;
	ASSERT_EQ(0, connect(self->flow.rx, (void *)&self->flow.tx_addr,
			     sizeof(struct sockaddr_in6)));
	ASSERT_OK(sock_set(self->flow.rx, IPPROTO_IPV6, IPV6_ADDRFORM, AF_INET));
	expect_encap_refused(_metadata, self->flow.rx);
	EXPECT_EQ(4, flow_puts(&self->flow, "text"));
	ASSERT_EQ(0, link_settle(self->link, 1, &info));
	EXPECT_TRUE(flow_empty(&self->flow));
	ASSERT_EQ(0, link_detach(self->link));
	EXPECT_EQ(0, sock_int(self->flow.rx, IPPROTO_UDP, UDP_GRO));
	EXPECT_EQ(4, flow_puts(&self->flow, "text"));
	EXPECT_EQ(1, flow_next_is(&self->flow, "text"));
}

/* In all variants together: a hundred times.  Each waits for RCU. */
TEST_F(linked, a_hundred_times)
{
	struct vnp_link_info info;
	int fds, links;

	ASSERT_EQ(0, link_detach(self->link));
	close(self->link);
	fds = fd_count();
	links = obj_count(self->dev, VNP_OBJ_LINK);
	for (int i = 0; i < 34; i++) {
		self->link = link_create(self->dev, self->drop, self->flow.rx, 0);
		ASSERT_OK(self->link);
		ASSERT_EQ(1, flow_puts(&self->flow, "x"));
		ASSERT_EQ(0, link_settle(self->link, 1, &info));
		ASSERT_EQ(0, link_detach(self->link));
		close(self->link);
	}
	EXPECT_EQ(fds, fd_count());
	EXPECT_EQ(links, obj_count(self->dev, VNP_OBJ_LINK));
	EXPECT_TRUE(flow_empty(&self->flow));
	ASSERT_EQ(4, flow_puts(&self->flow, "done"));
	EXPECT_EQ(1, flow_next_is(&self->flow, "done"));
	self->link = -1;
}

/* Detaching is safe while the program is being executed. */
FIXTURE(replace) {
	int dev;
	struct vnp_object *obj;
	struct flow flow;
	int link;
	int progs[2];
};

FIXTURE_SETUP(replace)
{
	self->dev = device_open();
	ASSERT_OK(self->dev);
	ASSERT_EQ(0, object_load("verdict", &self->obj));
	self->progs[0] = object_prog(self->obj, "sign_a");
	self->progs[1] = object_prog(self->obj, "sign_b");
	ASSERT_EQ(0, flow_open(&self->flow, FLOW_IP4));
	self->link = link_create(self->dev, self->progs[0], self->flow.rx, 0);
	ASSERT_OK(self->link);
}

FIXTURE_TEARDOWN(replace)
{
	vnp_object_close(self->obj);
	flow_close(&self->flow);
	close(self->link);
}

/**
 * struct traffic - two senders and a receiver
 * @stop:	to the senders
 * @sent:	datagrams
 * @received:	likewise; the difference always fits into the receive buffer, so that
 *		each must arrive
 * @signs:	received with each signature; 0: with none
 * @torn:	received with two different ones
 */
struct traffic {
	pthread_t threads[3];
	struct flow flow;
	atomic_int cpu;
	atomic_bool stop;
	atomic_long sent;
	atomic_long received;
	atomic_long signs[256];
	long torn;
};

#define BURST	64
#define LEN	100

static void *traffic_send(void *arg)
{
	struct traffic *t = arg;
	char data[LEN] = { 0 };
	struct flow flow = t->flow;

	pin(t->cpu++);
	flow.tx = udp_socket("127.0.0.1", 0);
	while (!t->stop) {
		if (t->sent - t->received >= BURST) {
			sched_yield();
			continue;
		}
		t->sent++;
		flow_send(&flow, data, sizeof(data));
	}
	close(flow.tx);
	return NULL;
}

/* A datagram of one byte marks the end of the senders. */
static void *traffic_receive(void *arg)
{
	struct traffic *t = arg;
	bool ended = false;
	__u8 data[LEN];
	int len;

	while (!ended || t->received < t->sent) {
		len = flow_recv(&t->flow, data, sizeof(data));
		if (len < 0)
			break;
		if (len == 1) {
			ended = true;
			continue;
		}
		t->torn += data[0] != data[LEN - 1];
		t->signs[data[0]]++;
		t->received++;
	}
	return NULL;
}

static int traffic_start(struct traffic *t, const struct flow *flow)
{
	memset(t, 0, sizeof(*t));
	t->flow = *flow;
	return pthread_create(&t->threads[0], NULL, traffic_receive, t) ||
	       pthread_create(&t->threads[1], NULL, traffic_send, t) ||
	       pthread_create(&t->threads[2], NULL, traffic_send, t);
}

static void traffic_stop(struct traffic *t)
{
	t->stop = true;
	pthread_join(t->threads[1], NULL);
	pthread_join(t->threads[2], NULL);
	flow_puts(&t->flow, "e");
	pthread_join(t->threads[0], NULL);
}

/* traffic_flows() - wait until this many more datagrams have been received */
static void traffic_flows(struct traffic *t, long more)
{
	for (more += t->received; t->received < more;)
		sched_yield();
}

/*
 * Every datagram is processed by exactly one of the programs.  How many a program gets
 * before it is replaced depends on the scheduler, so this goes on until both got some.
 */
TEST_F_SMP(replace, under_traffic)
{
	struct vnp_link_info info;
	struct traffic t;

	ASSERT_EQ(0, traffic_start(&t, &self->flow));
	for (int n = 1; n <= 300 || t.signs['A'] <= 100 || t.signs['B'] <= 100; n++) {
		ASSERT_EQ(0, link_update(self->link, self->progs[n & 1],
					 self->progs[!(n & 1)]));
		traffic_flows(&t, n % 4);
	}
	traffic_stop(&t);
	EXPECT_EQ(t.sent, t.received);
	EXPECT_EQ(0, t.torn);
	EXPECT_EQ(t.sent, t.signs['A'] + t.signs['B']);
	ASSERT_EQ(0, link_info(self->link, &info));
	EXPECT_EQ(t.sent + 1, info.packets);
	EXPECT_EQ(t.sent + 1, info.verdicts[VNP_PASS]);
}

/*
 * While the link is attached and detached, every datagram arrives, signed or unchanged.
 */
TEST_F_SMP(replace, attach_and_detach_under_traffic)
{
	struct vnp_link_info info;
	__u64 packets = 0;
	struct traffic t;

	ASSERT_EQ(0, traffic_start(&t, &self->flow));
	for (int n = 0; n < 50; n++) {
		traffic_flows(&t, n % 4);
		ASSERT_EQ(0, link_detach(self->link));
		ASSERT_EQ(0, link_info(self->link, &info));
		packets += info.packets;
		close(self->link);
		traffic_flows(&t, n % 3);
		self->link = link_create(self->dev, self->progs[n & 1],
					 self->flow.rx, 0);
		ASSERT_OK(self->link);
	}
	traffic_stop(&t);
	ASSERT_EQ(0, link_info(self->link, &info));
	packets += info.packets - 1;
	EXPECT_EQ(t.sent, t.received);
	EXPECT_EQ(0, t.torn);
	EXPECT_EQ(t.sent, t.signs[0] + t.signs['A'] + t.signs['B']);
	EXPECT_EQ(packets, t.signs['A'] + t.signs['B']);
}

static atomic_bool stop;

/* send_drops() - a thread that sends, on a CPU of its own, until told to stop */
static void *send_drops(void *arg)
{
	struct flow flow = *(struct flow *)arg;

	pin(1);
	while (!stop)
		flow_puts(&flow, "D");
	return NULL;
}

/* After detaching, the program is no longer executed: its counters do not change. */
TEST_F_SMP(replace, nothing_runs_after_detach)
{
	volatile struct tally *tally;
	struct vnp_object *obj;
	pthread_t thread;
	__u64 then;

	ASSERT_EQ(0, object_load("tables", &obj));
	tally = object_globals(obj, ".bss");
	ASSERT_NE(NULL, tally);
	pin(0);
	ASSERT_EQ(0, pthread_create(&thread, NULL, send_drops, &self->flow));
	for (int i = 0; i < 50; i++) {
		link_detach(self->link);
		close(self->link);
		then = tally->shared;
		self->link = object_link(obj, "count", self->flow.rx, 0);
		ASSERT_OK(self->link);
		while (tally->shared < then + 3)
			sched_yield();
		ASSERT_EQ(0, link_detach(self->link));
		then = tally->shared;
		for (int try = 0; try < 20; try++)
			sched_yield();
		EXPECT_EQ(then, tally->shared);
	}
	stop = true;
	pthread_join(thread, NULL);
	vnp_object_close(obj);
}

TEST_HARNESS_MAIN
