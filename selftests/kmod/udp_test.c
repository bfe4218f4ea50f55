// SPDX-License-Identifier: GPL-2.0
/*
 * A linked UDP socket is an ordinary socket: passed datagrams arrive unchanged, dropped
 * ones wake nobody, and programs see every datagram correctly.
 */
#include <arpa/inet.h>
#include <linux/errqueue.h>
#include <linux/filter.h>
#include <linux/udp.h>
#include <net/if.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <time.h>
#include "harness.h"
#include "wire.h"
#include "object.h"
#include "../progs/ctx.h"

FIXTURE(udp) {
	struct vnp_object *obj;
	struct flow flow;
	int link;
	struct vnp_link_info info;
};

FIXTURE_VARIANT(udp) {
	enum flow_kind kind;
	bool connected;
};

FIXTURE_VARIANT_ADD(udp, ip4) { FLOW_IP4 };
FIXTURE_VARIANT_ADD(udp, ip6) { FLOW_IP6 };
FIXTURE_VARIANT_ADD(udp, mapped) { FLOW_MAPPED };
FIXTURE_VARIANT_ADD(udp, ip4_connected) { FLOW_IP4, .connected = true };
FIXTURE_VARIANT_ADD(udp, ip6_connected) { FLOW_IP6, .connected = true };
FIXTURE_VARIANT_ADD(udp, mapped_connected) { FLOW_MAPPED, .connected = true };

FIXTURE_SETUP(udp)
{
	pin(0);
	ASSERT_EQ(0, object_open("verdict", &self->obj));
	ASSERT_EQ(0, object_choose(self->obj, "by_first_byte", NULL));
	ASSERT_EQ(0, vnp_object_load(self->obj, NULL));
	ASSERT_EQ(0, flow_open(&self->flow, variant->kind));
	if (variant->connected)
		ASSERT_EQ(0, connect(self->flow.rx, (void *)&self->flow.tx_addr,
				     sizeof(struct sockaddr_in6)));
	self->link = object_link(self->obj, "by_first_byte", self->flow.rx, 0);
	ASSERT_OK(self->link);
}

FIXTURE_TEARDOWN(udp)
{
	vnp_object_close(self->obj);
	flow_close(&self->flow);
	close(self->link);
}

/* use() - link another program of another object instead */
static int use(struct vnp_object **obj, int *link, const char *name,
	       const char *prog, int sock)
{
	int err = object_load(name, obj);

	if (err)
		return err;
	link_detach(*link);
	close(*link);
	*link = object_link(*obj, prog, sock, 0);
	return *link < 0 ? *link : 0;
}

TEST_F(udp, verdicts_by_content)
{
	static const char *const texts[] = {
		"pass 1", "Drop 2", "Drop 3", "pass 4", "Fault 5", "", "x", "D",
		"F", "pass 10",
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		ASSERT_EQ(strlen(texts[i]), flow_puts(&self->flow, texts[i]));
	EXPECT_EQ(1, flow_next_is(&self->flow, "pass 1"));
	EXPECT_EQ(1, flow_next_is(&self->flow, "pass 4"));
	EXPECT_EQ(1, flow_next_is(&self->flow, ""));
	EXPECT_EQ(1, flow_next_is(&self->flow, "x"));
	EXPECT_EQ(1, flow_next_is(&self->flow, "pass 10"));
	EXPECT_TRUE(flow_empty(&self->flow));
	ASSERT_EQ(0, link_info(self->link, &self->info));
	EXPECT_EQ(10, self->info.packets);
	EXPECT_EQ(6 + 6 + 6 + 6 + 7 + 0 + 1 + 1 + 1 + 7, self->info.bytes);
	EXPECT_EQ(5, self->info.verdicts[VNP_PASS]);
	EXPECT_EQ(3, self->info.verdicts[VNP_DROP]);
	EXPECT_EQ(2, self->info.faults[VNP_FAULT_VERDICT]);
	EXPECT_EQ(2, link_faults(&self->info));
}

/* Lengths around all boundaries, up to the maximum. */
TEST_F(udp, lengths)
{
	static const int lens[] = {
		0, 1, 2, 3, 7, 8, 9, 127, 128, 129, 1471, 1472, 1473, 4095, 4096,
		4097, 8191, 16384, 32768, 65000, 65507,
	};
	__u8 *sent = calloc(1, 65536), *got = calloc(1, 65536);

	fill_random(sent, 65536, 11);
	sent[0] = 'p';
	for (size_t i = 0; i < ARRAY_SIZE(lens); i++) {
		ASSERT_EQ(lens[i], flow_send(&self->flow, sent, lens[i]));
		ASSERT_EQ(lens[i], flow_recv(&self->flow, got, 65536));
		EXPECT_MEM(sent, got, lens[i]);
	}
	ASSERT_EQ(0, link_info(self->link, &self->info));
	EXPECT_EQ(ARRAY_SIZE(lens), self->info.verdicts[VNP_PASS]);
	free(sent);
	free(got);
}

TEST_F(udp, payload_rewritten)
{
	static const int lens[] = { 0, 1, 2, 3, 100, 1472, 1473, 9000, 65507 };
	__u8 *sent = calloc(1, 65536), *got = calloc(1, 65536);
	struct vnp_object *obj;

	ASSERT_EQ(0, use(&obj, &self->link, "bytes", "invert", self->flow.rx));
	fill_random(sent, 65536, 12);
	for (size_t i = 0; i < ARRAY_SIZE(lens); i++) {
		ASSERT_EQ(lens[i], flow_send(&self->flow, sent, lens[i]));
		ASSERT_EQ(lens[i], flow_recv(&self->flow, got, 65536));
		for (int j = 0; j < lens[i]; j++)
			ASSERT_EQ((__u8)~sent[j], got[j]);
	}
	ASSERT_EQ(0, link_info(self->link, &self->info));
	EXPECT_EQ(ARRAY_SIZE(lens), self->info.verdicts[VNP_PASS]);
	vnp_object_close(obj);
	free(sent);
	free(got);
}

/* set_marks() - set the header fields of the sender */
static void set_marks(const struct flow *flow, int ttl, int tos)
{
	if (flow->rx_addr.ss_family == AF_INET) {
		sock_set(flow->tx, IPPROTO_IP, IP_TTL, ttl);
		sock_set(flow->tx, IPPROTO_IP, IP_TOS, tos);
	} else {
		sock_set(flow->tx, IPPROTO_IPV6, IPV6_UNICAST_HOPS, ttl);
		sock_set(flow->tx, IPPROTO_IPV6, IPV6_TCLASS, tos);
	}
}

TEST_F(udp, context)
{
	static const __u8 none[16], loopback6[16] = { [15] = 1 };
	const bool ip6 = variant->kind == FLOW_IP6;
	const __u32 loopback = ip6 ? 0 : htonl(INADDR_LOOPBACK);
	const void *loopback6_or_none = ip6 ? loopback6 : none;
	struct vnp_object *obj;
	struct timespec now;
	struct seen *seen;

	ASSERT_EQ(0, use(&obj, &self->link, "ctx", "note", self->flow.rx));
	seen = object_globals(obj, ".bss");
	ASSERT_NE(NULL, seen);
	set_marks(&self->flow, 77, 0xb9);
	ASSERT_EQ(5, flow_puts(&self->flow, "hello"));
	ASSERT_EQ(1, flow_next_is(&self->flow, "hello"));
	clock_gettime(CLOCK_MONOTONIC, &now);

	EXPECT_EQ(5, seen->len);
	EXPECT_EQ(5, seen->direct);
	EXPECT_EQ(ip6 ? AF_INET6 : AF_INET, seen->family);
	EXPECT_EQ(loopback, seen->remote_ip4);
	EXPECT_EQ(loopback, seen->local_ip4);
	EXPECT_MEM(loopback6_or_none, seen->remote_ip6, 16);
	EXPECT_MEM(loopback6_or_none, seen->local_ip6, 16);
	EXPECT_EQ(sock_port(self->flow.tx), seen->remote_port);
	EXPECT_EQ(sock_port(self->flow.rx), seen->local_port);
	EXPECT_EQ(if_nametoindex("lo"), seen->ifindex);
	EXPECT_EQ(77, seen->ttl);
	EXPECT_EQ(0xb9, seen->tos);
	EXPECT_GE(now.tv_sec * 1000000000ULL + now.tv_nsec, seen->time);
	EXPECT_LE(now.tv_sec * 1000000000LL, (__s64)seen->time + 60000000000LL);
	vnp_object_close(obj);
}

/* Space for the control messages of a datagram */
struct control {
	char buf[512] __attribute__((aligned(8)));
	struct msghdr msg;
	struct iovec iov;
	char data[64];
};

static int recv_control(int sock, struct control *c, int flags)
{
	c->iov = (struct iovec) { c->data, sizeof(c->data) };
	c->msg = (struct msghdr) {
		.msg_iov = &c->iov,
		.msg_iovlen = 1,
		.msg_control = c->buf,
		.msg_controllen = sizeof(c->buf),
	};
	return recvmsg(sock, &c->msg, flags);
}

/* cmsg_find() - a control message's data, or NULL */
static void *cmsg_find(struct control *c, int level, int type)
{
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&c->msg);

	for (; cmsg; cmsg = CMSG_NXTHDR(&c->msg, cmsg)) {
		if (cmsg->cmsg_level == level && cmsg->cmsg_type == type)
			return CMSG_DATA(cmsg);
	}
	return NULL;
}

/*
 * The program gets the same time as the socket, after the kernel has enabled timestamps,
 * which takes effect with a delay.
 */
TEST_F(udp, timestamps)
{
	struct vnp_object *obj;
	struct timespec *ts;
	struct control c;
	struct seen *seen;

	ASSERT_EQ(0, use(&obj, &self->link, "ctx", "note", self->flow.rx));
	seen = object_globals(obj, ".bss");
	ASSERT_NE(NULL, seen);
	ASSERT_OK(sock_set(self->flow.rx, SOL_SOCKET, SO_TIMESTAMPNS, 1));
	for (int try = 0; try < 10000 && !seen->tstamp; try++) {
		ASSERT_EQ(5, flow_puts(&self->flow, "hello"));
		ASSERT_EQ(5, recv_control(self->flow.rx, &c, 0));
	}
	ts = cmsg_find(&c, SOL_SOCKET, SCM_TIMESTAMPNS);
	ASSERT_NE(NULL, ts);
	EXPECT_EQ(ts->tv_sec * 1000000000ULL + ts->tv_nsec, seen->tstamp);
	EXPECT_NE(0, seen->tstamp);
	vnp_object_close(obj);
}

TEST_F(udp, control_messages)
{
	const bool ip6 = variant->kind == FLOW_IP6;
	const int rx = self->flow.rx;
	struct in6_pktinfo *info6;
	struct in_pktinfo *info;
	struct control c;

	sock_set(rx, IPPROTO_IP, IP_PKTINFO, 1);
	sock_set(rx, IPPROTO_IP, IP_RECVTTL, 1);
	sock_set(rx, IPPROTO_IP, IP_RECVTOS, 1);
	sock_set(rx, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
	sock_set(rx, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1);
	sock_set(rx, IPPROTO_IPV6, IPV6_RECVTCLASS, 1);
	set_marks(&self->flow, 66, 0x28);
	ASSERT_EQ(5, flow_puts(&self->flow, "hello"));
	ASSERT_EQ(5, recv_control(rx, &c, 0));
	if (ip6) {
		info6 = cmsg_find(&c, IPPROTO_IPV6, IPV6_PKTINFO);
		ASSERT_NE(NULL, info6);
		EXPECT_EQ(if_nametoindex("lo"), info6->ipi6_ifindex);
		EXPECT_MEM(&in6addr_loopback, &info6->ipi6_addr, 16);
		EXPECT_EQ(66, *(int *)cmsg_find(&c, IPPROTO_IPV6, IPV6_HOPLIMIT));
		EXPECT_EQ(0x28, *(int *)cmsg_find(&c, IPPROTO_IPV6, IPV6_TCLASS));
		return;
	}
	info = cmsg_find(&c, IPPROTO_IP, IP_PKTINFO);
	ASSERT_NE(NULL, info);
	EXPECT_EQ(if_nametoindex("lo"), info->ipi_ifindex);
	EXPECT_EQ(htonl(INADDR_LOOPBACK), info->ipi_addr.s_addr);
	EXPECT_EQ(66, *(int *)cmsg_find(&c, IPPROTO_IP, IP_TTL));
	EXPECT_EQ(0x28, *(__u8 *)cmsg_find(&c, IPPROTO_IP, IP_TOS));
}

TEST_F(udp, sender_is_known)
{
	struct sockaddr_storage from = { 0 };
	socklen_t len = sizeof(from);
	char byte;

	ASSERT_EQ(1, flow_puts(&self->flow, "x"));
	ASSERT_EQ(1, recvfrom(self->flow.rx, &byte, 1, 0, (void *)&from, &len));
	EXPECT_EQ(self->flow.tx_addr.ss_family, from.ss_family);
	EXPECT_MEM(&self->flow.tx_addr, &from, 8);
}

/* A linked socket sends as before, including GSO. */
TEST_F(udp, sends)
{
	socklen_t len = variant->kind == FLOW_IP4 ? sizeof(struct sockaddr_in) :
						     sizeof(struct sockaddr_in6);
	char data[1000] = "answer", got[2000];

	ASSERT_EQ(sizeof(data), sendto(self->flow.rx, data, sizeof(data), 0,
				       (void *)&self->flow.tx_addr, len));
	ASSERT_EQ(sizeof(data), recv(self->flow.tx, got, sizeof(got), 0));
	EXPECT_MEM(data, got, sizeof(data));
	ASSERT_OK(sock_set(self->flow.rx, IPPROTO_UDP, UDP_SEGMENT, 400));
	ASSERT_EQ(sizeof(data), sendto(self->flow.rx, data, sizeof(data), 0,
				       (void *)&self->flow.tx_addr, len));
	EXPECT_EQ(400, recv(self->flow.tx, got, sizeof(got), 0));
	EXPECT_EQ(400, recv(self->flow.tx, got, sizeof(got), 0));
	EXPECT_EQ(200, recv(self->flow.tx, got, sizeof(got), 0));
}

/* Datagrams sent as one packet are seen one by one. */
TEST_F(udp, segments)
{
	char data[16 * 500], got[1000];

	memset(data, 'p', sizeof(data));
	for (int i = 0; i < 16; i += 4)
		data[i * 500] = 'D';
	ASSERT_OK(sock_set(self->flow.tx, IPPROTO_UDP, UDP_SEGMENT, 500));
	ASSERT_EQ(sizeof(data), flow_send(&self->flow, data, sizeof(data)));
	for (int i = 0; i < 12; i++) {
		ASSERT_EQ(500, flow_recv(&self->flow, got, sizeof(got)));
		EXPECT_EQ('p', got[0]);
	}
	EXPECT_TRUE(flow_empty(&self->flow));
	ASSERT_EQ(0, link_info(self->link, &self->info));
	EXPECT_EQ(16, self->info.packets);
	EXPECT_EQ(4, self->info.verdicts[VNP_DROP]);
	EXPECT_EQ(sizeof(data), self->info.bytes);
}

/* The program sees exactly what the socket's own filter passes. */
TEST_F(udp, socket_filter)
{
	struct sock_filter insns[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 8),	/* first of the payload */
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 'q', 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, 0xffff),
	};
	struct sock_fprog filter = { ARRAY_SIZE(insns), insns };

	ASSERT_EQ(0, setsockopt(self->flow.rx, SOL_SOCKET, SO_ATTACH_FILTER,
				&filter, sizeof(filter)));
	ASSERT_EQ(5, flow_puts(&self->flow, "quiet"));
	ASSERT_EQ(5, flow_puts(&self->flow, "Drops"));
	ASSERT_EQ(5, flow_puts(&self->flow, "loud!"));
	EXPECT_EQ(1, flow_next_is(&self->flow, "loud!"));
	EXPECT_TRUE(flow_empty(&self->flow));
	ASSERT_EQ(0, link_info(self->link, &self->info));
	EXPECT_EQ(1, self->info.verdicts[VNP_PASS]);
	EXPECT_EQ(1, self->info.verdicts[VNP_DROP]);
}

/* ICMP errors are reported as before. */
TEST_F(udp, port_unreachable)
{
	int closed = udp_socket(variant->kind == FLOW_IP6 ? "::1" : "127.0.0.1", 0);
	struct sockaddr_storage to = self->flow.tx_addr;
	char byte;

	((struct sockaddr_in *)&to)->sin_port = htons(sock_port(closed));
	close(closed);
	ASSERT_EQ(0, connect(self->flow.rx, (void *)&to, sizeof(struct sockaddr_in6)));
	ASSERT_EQ(1, send(self->flow.rx, "x", 1, 0));
	EXPECT_EQ(-1, recv(self->flow.rx, &byte, 1, 0));
	EXPECT_EQ(ECONNREFUSED, errno);
}

TEST_F(udp, error_queue)
{
	const bool sock6 = variant->kind != FLOW_IP4;
	struct sockaddr_storage to = self->flow.tx_addr;
	struct sock_extended_err *ee;
	struct pollfd pfd = { .fd = self->flow.rx };
	struct control c;

	close(self->flow.tx);
	sock_set(self->flow.rx, IPPROTO_IP, IP_RECVERR, 1);
	sock_set(self->flow.rx, IPPROTO_IPV6, IPV6_RECVERR, 1);
	ASSERT_EQ(3, sendto(self->flow.rx, "xyz", 3, 0, (void *)&to,
			    sizeof(struct sockaddr_in6)));
	EXPECT_EQ(1, poll(&pfd, 1, 10000));
	EXPECT_TRUE(pfd.revents & POLLERR);
	ASSERT_EQ(3, recv_control(self->flow.rx, &c, MSG_ERRQUEUE));
	ee = sock6 ? cmsg_find(&c, IPPROTO_IPV6, IPV6_RECVERR) :
		     cmsg_find(&c, IPPROTO_IP, IP_RECVERR);
	ASSERT_NE(NULL, ee);
	EXPECT_EQ(ECONNREFUSED, ee->ee_errno);
	EXPECT_EQ(variant->kind == FLOW_IP6 ? SO_EE_ORIGIN_ICMP6 :
					      SO_EE_ORIGIN_ICMP, ee->ee_origin);
}

/* How a thread can wait for a datagram */
enum wait { IN_RECV, IN_POLL, IN_EPOLL, IN_RECVMMSG };

struct waiter {
	pthread_t thread;
	enum wait how;
	int sock;
	atomic_int tid;
	int result;
};

static int wait_for_datagram(const struct waiter *w)
{
	struct pollfd pfd = { .fd = w->sock, .events = POLLIN };
	struct epoll_event event = { .events = EPOLLIN };
	char data[64];
	struct iovec iov = { data, sizeof(data) };
	struct mmsghdr msg = { .msg_hdr = { .msg_iov = &iov, .msg_iovlen = 1 } };
	int ep;

	switch (w->how) {
	case IN_POLL:
		return poll(&pfd, 1, -1);
	case IN_EPOLL:
		ep = epoll_create1(0);
		epoll_ctl(ep, EPOLL_CTL_ADD, w->sock, &event);
		return epoll_wait(ep, &event, 1, -1);
	case IN_RECVMMSG:
		return recvmmsg(w->sock, &msg, 1, MSG_WAITFORONE, NULL);
	default:
		return recv(w->sock, data, sizeof(data), 0) > 0;
	}
}

static void *wait_in_thread(void *arg)
{
	struct waiter *w = arg;

	w->tid = syscall(SYS_gettid);
	w->result = wait_for_datagram(w);
	return NULL;
}

FIXTURE(wakeup) {
	struct vnp_object *obj;
	struct flow flow;
	int link;
};

FIXTURE_VARIANT(wakeup) {
	enum wait how;
};

FIXTURE_VARIANT_ADD(wakeup, recv) { IN_RECV };
FIXTURE_VARIANT_ADD(wakeup, poll) { IN_POLL };
FIXTURE_VARIANT_ADD(wakeup, epoll) { IN_EPOLL };
FIXTURE_VARIANT_ADD(wakeup, recvmmsg) { IN_RECVMMSG };

FIXTURE_SETUP(wakeup)
{
	pin(0);
	ASSERT_EQ(0, object_load("verdict", &self->obj));
	ASSERT_EQ(0, flow_open(&self->flow, FLOW_IP4));
	self->link = object_link(self->obj, "by_first_byte", self->flow.rx, 0);
	ASSERT_OK(self->link);
}

FIXTURE_TEARDOWN(wakeup)
{
	vnp_object_close(self->obj);
	flow_close(&self->flow);
	close(self->link);
}

/* The purpose of it all: a thousand datagrams are dropped, and the process sleeps. */
TEST_F(wakeup, only_for_what_passes)
{
	struct waiter w = { .how = variant->how, .sock = self->flow.rx };
	struct vnp_link_info info;
	long before;

	ASSERT_EQ(0, pthread_create(&w.thread, NULL, wait_in_thread, &w));
	while (!w.tid)
		sched_yield();
	ASSERT_EQ(0, thread_sleeps(w.tid));
	before = voluntary_switches(w.tid);
	ASSERT_LT(0, before);
	for (int i = 0; i < 1000; i++)
		ASSERT_EQ(4, flow_puts(&self->flow, "Drop"));
	ASSERT_EQ(0, link_settle(self->link, 1000, &info));
	EXPECT_EQ(1000, info.verdicts[VNP_DROP]);
	ASSERT_EQ(0, thread_sleeps(w.tid));
	EXPECT_EQ(before, voluntary_switches(w.tid));
	ASSERT_EQ(4, flow_puts(&self->flow, "pass"));
	pthread_join(w.thread, NULL);
	EXPECT_EQ(1, w.result);
}

/*
 * Datagrams for several sockets: each socket, and any packet socket, sees what was sent,
 * not the changes of another socket's program.
 */
FIXTURE(shared) {
	struct vnp_object *bytes;
	struct vnp_object *verdict;
	struct flow flow;
	int other;
	int link;
};

static int join_group(int sock)
{
	struct ip_mreqn group = {
		.imr_multiaddr.s_addr = inet_addr("239.1.2.3"),
		.imr_address.s_addr = htonl(INADDR_LOOPBACK),
	};

	return setsockopt(sock, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof(group));
}

/* shared_socket() - one of several on a port */
static int shared_socket(int option, const char *address, int port)
{
	struct sockaddr_in sin = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = inet_addr(address),
	};
	struct timeval patience = { .tv_sec = 30 };
	int sock = socket(AF_INET, SOCK_DGRAM, 0);

	sock_set(sock, SOL_SOCKET, option, 1);
	setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (bind(sock, (void *)&sin, sizeof(sin)))
		return -errno;
	return sock;
}

FIXTURE_SETUP(shared)
{
	struct in_addr lo = { htonl(INADDR_LOOPBACK) };
	struct sockaddr_in *to = (void *)&self->flow.rx_addr;

	pin(0);
	ASSERT_EQ(0, object_load("bytes", &self->bytes));
	ASSERT_EQ(0, object_load("verdict", &self->verdict));
	self->flow.rx = shared_socket(SO_REUSEADDR, "0.0.0.0", 0);
	ASSERT_OK(self->flow.rx);
	self->other = shared_socket(SO_REUSEADDR, "0.0.0.0", sock_port(self->flow.rx));
	ASSERT_OK(self->other);
	ASSERT_EQ(0, join_group(self->flow.rx));
	ASSERT_EQ(0, join_group(self->other));
	self->flow.tx = udp_socket("127.0.0.1", 0);
	ASSERT_EQ(0, setsockopt(self->flow.tx, IPPROTO_IP, IP_MULTICAST_IF, &lo,
				sizeof(lo)));
	*to = (struct sockaddr_in) {
		.sin_family = AF_INET,
		.sin_port = htons(sock_port(self->flow.rx)),
		.sin_addr.s_addr = inet_addr("239.1.2.3"),
	};
}

FIXTURE_TEARDOWN(shared)
{
	vnp_object_close(self->bytes);
	vnp_object_close(self->verdict);
	flow_close(&self->flow);
	close(self->other);
	close(self->link);
}

TEST_F(shared, multicast_dropped_by_one)
{
	struct vnp_link_info info;
	char data[64];

	self->link = object_link(self->verdict, "drop", self->flow.rx, 0);
	ASSERT_OK(self->link);
	for (int i = 0; i < 10; i++) {
		ASSERT_EQ(4, flow_puts(&self->flow, "text"));
		ASSERT_EQ(4, recv(self->other, data, sizeof(data), 0));
		EXPECT_MEM("text", data, 4);
	}
	ASSERT_EQ(0, link_settle(self->link, 10, &info));
	EXPECT_EQ(10, info.verdicts[VNP_DROP]);
	EXPECT_TRUE(flow_empty(&self->flow));
}

TEST_F(shared, multicast_rewritten_by_one)
{
	static const int lens[] = { 1, 64, 1400, 9000, 60000 };
	__u8 *sent = calloc(1, 65536), *got = calloc(1, 65536);

	self->link = object_link(self->bytes, "invert", self->flow.rx, 0);
	ASSERT_OK(self->link);
	fill_random(sent, 65536, 4);
	for (size_t i = 0; i < ARRAY_SIZE(lens); i++) {
		ASSERT_EQ(lens[i], flow_send(&self->flow, sent, lens[i]));
		ASSERT_EQ(lens[i], flow_recv(&self->flow, got, 65536));
		for (int j = 0; j < lens[i]; j++)
			ASSERT_EQ((__u8)~sent[j], got[j]);
		ASSERT_EQ(lens[i], recv(self->other, got, 65536, 0));
		ASSERT_MEM(sent, got, lens[i]);
	}
	free(sent);
	free(got);
}

/* Multicast of a linked socket is looped back to its own machine. */
TEST_F(shared, multicast_sent_by_a_linked_socket)
{
	struct in_addr lo = { htonl(INADDR_LOOPBACK) };
	char data[64];

	self->link = object_link(self->verdict, "drop", self->flow.rx, 0);
	ASSERT_OK(self->link);
	ASSERT_EQ(0, setsockopt(self->flow.rx, IPPROTO_IP, IP_MULTICAST_IF, &lo,
				sizeof(lo)));
	ASSERT_EQ(3, sendto(self->flow.rx, "own", 3, 0, (void *)&self->flow.rx_addr,
			    sizeof(struct sockaddr_in)));
	ASSERT_EQ(3, recv(self->other, data, sizeof(data), 0));
	EXPECT_MEM("own", data, 3);
}

/* One of two sockets with SO_REUSEPORT has a link. */
TEST_F(shared, reuseport)
{
	const int port = 20000 + getpid() % 10000;
	struct flow flow = { 0 };
	struct vnp_link_info info;
	int linked = shared_socket(SO_REUSEPORT, "127.0.0.1", port), got = 0;
	char data[64];

	flow.rx = shared_socket(SO_REUSEPORT, "127.0.0.1", port);
	ASSERT_OK(linked);
	ASSERT_OK(flow.rx);
	sock_addr(flow.rx, &flow.rx_addr);
	self->link = object_link(self->verdict, "drop", linked, 0);
	ASSERT_OK(self->link);
	for (int i = 0; i < 64; i++) {
		flow.tx = udp_socket("127.0.0.1", 0);
		ASSERT_EQ(4, flow_puts(&flow, "text"));
		close(flow.tx);
	}
	do {
		while (recv(flow.rx, data, sizeof(data), MSG_DONTWAIT) == 4)
			got++;
		ASSERT_EQ(0, link_info(self->link, &info));
		sched_yield();
	} while (got + info.packets < 64);
	EXPECT_EQ(64, got + info.verdicts[VNP_DROP]);
	EXPECT_LT(0, got);
	EXPECT_LT(0, info.verdicts[VNP_DROP]);
}

/* Checksums, in a network where they are not offloaded. */
FIXTURE(wire) {
	struct wire wire;
	struct flow flow;
	struct vnp_object *obj;
	int link;
};

FIXTURE_VARIANT(wire) {
	enum flow_kind kind;
	bool offload;
};

FIXTURE_VARIANT_ADD(wire, ip4) { FLOW_IP4, true };
FIXTURE_VARIANT_ADD(wire, ip6) { FLOW_IP6, true };
FIXTURE_VARIANT_ADD(wire, ip4_checksums) { FLOW_IP4, false };
FIXTURE_VARIANT_ADD(wire, ip6_checksums) { FLOW_IP6, false };

FIXTURE_SETUP(wire)
{
	pin(0);
	ASSERT_EQ(0, object_load("bytes", &self->obj));
	ASSERT_EQ(0, wire_new(&self->wire));
	ASSERT_EQ(0, if_checksum("tx0", variant->offload));
	ASSERT_EQ(0, wire_flow(&self->wire, &self->flow, variant->kind));
	self->link = object_link(self->obj, "invert", self->flow.rx, 0);
	ASSERT_OK(self->link);
}

FIXTURE_TEARDOWN(wire)
{
	vnp_object_close(self->obj);
	flow_close(&self->flow);
	close(self->link);
}

TEST_F(wire, payload_rewritten)
{
	static const int lens[] = {
		0, 1, 2, 3, 100, 1452, 1453, 1472, 1473, 2960, 9000, 60000, 65507,
	};
	__u8 *sent = calloc(1, 65536), *got = calloc(1, 65536);

	fill_random(sent, 65536, 13);
	for (size_t i = 0; i < ARRAY_SIZE(lens); i++) {
		ASSERT_EQ(lens[i], flow_send(&self->flow, sent, lens[i]));
		ASSERT_EQ(lens[i], flow_recv(&self->flow, got, 65536));
		for (int j = 0; j < lens[i]; j++)
			ASSERT_EQ((__u8)~sent[j], got[j]);
	}
	free(sent);
	free(got);
}

/* The program gets the address of the other end. */
TEST_F(wire, context)
{
	struct vnp_object *obj;
	struct seen *seen;
	const __u8 there[16] = { 0xfd, 9, [15] = 1 }, here[16] = { 0xfd, 9, [15] = 2 };
	struct vnp_link_info info;

	ASSERT_EQ(0, use(&obj, &self->link, "ctx", "note", self->flow.rx));
	seen = object_globals(obj, ".bss");
	ASSERT_EQ(5, flow_puts(&self->flow, "hello"));
	ASSERT_EQ(0, link_settle(self->link, 1, &info));
	if (variant->kind == FLOW_IP6) {
		EXPECT_MEM(here, seen->remote_ip6, 16);
		EXPECT_MEM(there, seen->local_ip6, 16);
	} else {
		EXPECT_EQ(inet_addr("10.9.0.2"), seen->remote_ip4);
		EXPECT_EQ(inet_addr("10.9.0.1"), seen->local_ip4);
	}
	ASSERT_EQ(0, setns(self->wire.there, 0));
	EXPECT_EQ(if_nametoindex("rx0"), seen->ifindex);
	vnp_object_close(obj);
}

FIXTURE(raw) {
	struct vnp_object *obj;
	struct flow flow;
	int link;
};

FIXTURE_SETUP(raw)
{
	pin(0);
	ASSERT_EQ(0, object_load("verdict", &self->obj));
	ASSERT_EQ(0, netns_new());
	ASSERT_EQ(0, flow_open(&self->flow, FLOW_IP4));
	self->link = object_link(self->obj, "by_first_byte", self->flow.rx, 0);
	ASSERT_OK(self->link);
}

FIXTURE_TEARDOWN(raw)
{
	vnp_object_close(self->obj);
	flow_close(&self->flow);
	close(self->link);
}

/* udp_checksum() - of "text" to this port, as raw_udp() sends it */
static __u16 udp_checksum(int port)
{
	/* Two addresses, protocol, length twice, ports 9 and this, the payload */
	__u32 sum = 2 * (0x7f00 + 0x0001) + IPPROTO_UDP + 2 * 12 + 9 + port +
		    ('t' << 8 | 'e') + ('x' << 8 | 't');

	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons(~sum);
}

/* The program only sees datagrams with a valid checksum. */
TEST_F(raw, checksums)
{
	const int port = sock_port(self->flow.rx);
	const __u16 right = udp_checksum(port);
	struct vnp_link_info info;

	ASSERT_EQ(12, raw_udp(port, "text", 4, right));
	EXPECT_EQ(1, flow_next_is(&self->flow, "text"));
	ASSERT_EQ(12, raw_udp(port, "text", 4, 0));
	EXPECT_EQ(1, flow_next_is(&self->flow, "text"));
	ASSERT_EQ(12, raw_udp(port, "text", 4, right + 1));
	ASSERT_EQ(12, raw_udp(port, "Damn", 4, right));
	ASSERT_EQ(4, flow_puts(&self->flow, "last"));
	EXPECT_EQ(1, flow_next_is(&self->flow, "last"));
	ASSERT_EQ(0, link_info(self->link, &info));
	EXPECT_EQ(3, info.packets);
	EXPECT_EQ(3, info.verdicts[VNP_PASS]);
}

/* The payload is found after IP options too. */
TEST_F(raw, ip_options)
{
	static const __u8 nops[40] = { [0 ... 38] = 1 };
	struct vnp_link_info info;

	for (int len = 4; len <= 40; len += 4) {
		ASSERT_EQ(0, setsockopt(self->flow.tx, IPPROTO_IP, IP_OPTIONS,
					nops + 40 - len, len));
		ASSERT_EQ(4, flow_puts(&self->flow, "Drop"));
		ASSERT_EQ(4, flow_puts(&self->flow, "pass"));
		EXPECT_EQ(1, flow_next_is(&self->flow, "pass"));
	}
	ASSERT_EQ(0, link_info(self->link, &info));
	EXPECT_EQ(10, info.verdicts[VNP_DROP]);
	EXPECT_EQ(10, info.verdicts[VNP_PASS]);
}

TEST_HARNESS_MAIN
