// SPDX-License-Identifier: GPL-2.0
/*
 * A socket whose datagrams are merged because it has a link: neither the application nor
 * others who see the socket or its datagrams notice a difference.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/udp.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include "bpf.h"
#include "burst.h"
#include "faulting.h"
#include "harness.h"
#include "insn.h"
#include "object.h"
#include "../progs/orders.h"

FIXTURE(sock) {
	struct vnp_object *obj;
	struct wire wire;
	struct flow flow;
	int link;
	__u32 seq;
	struct burst sent;
	struct burst want;
	struct counts counts;
};

FIXTURE_VARIANT(sock) {
	enum flow_kind kind;
};

FIXTURE_VARIANT_ADD(sock, ip4) { FLOW_IP4 };
FIXTURE_VARIANT_ADD(sock, ip6) { FLOW_IP6 };

FIXTURE_SETUP(sock)
{
	pin(0);
	self->link = -1;
	ASSERT_EQ(0, object_load("orders", &self->obj));
	ASSERT_EQ(0, path_setup(&self->wire, WIRE_GSO));
	ASSERT_EQ(0, path_flow(&self->flow, &self->wire, WIRE_GSO, variant->kind));
}

FIXTURE_TEARDOWN(sock)
{
	vnp_object_close(self->obj);
	flow_close(&self->flow);
	close(self->link);
}

/*
 * deliver_orders() - a burst with these orders.  Return: number of packets received, or
 * negative
 */
static int deliver_orders(int tx, int rx, struct burst *sent, struct burst *want,
			  __u32 *seq, const char *orders, bool gro)
{
	struct counts counts = { 0 };
	int err;

	burst_fill_equal(sent, seq, orders, 200);
	burst_expect(want, sent, false, false, &counts);
	err = burst_send(tx, sent, WIRE_GSO);
	return err ? err : burst_recv(rx, want, gro);
}

#define DELIVER(orders, gro)						\
	deliver_orders(self->flow.tx, self->flow.rx, &self->sent, &self->want,	\
		 &self->seq, orders, gro)
#define LINK()								\
	({								\
		self->link = object_link(self->obj, "read_only", self->flow.rx, 0); \
		ASSERT_OK(self->link);					\
	})
#define GRO()		sock_int(self->flow.rx, SOL_UDP, UDP_GRO)
#define SET_GRO(value)	sock_set(self->flow.rx, SOL_UDP, UDP_GRO, value)

TEST_F(sock, gro_never_asked)
{
	EXPECT_EQ(0, GRO());
	LINK();
	EXPECT_EQ(0, GRO());
	EXPECT_EQ(4, DELIVER("PPPP", false));
	EXPECT_EQ(0, link_detach(self->link));
	EXPECT_EQ(0, GRO());
	EXPECT_EQ(4, DELIVER("PPPP", false));
}

TEST_F(sock, gro_asked_before)
{
	ASSERT_EQ(0, SET_GRO(1));
	EXPECT_EQ(1, DELIVER("PPPP", true));
	LINK();
	EXPECT_EQ(1, GRO());
	EXPECT_EQ(1, DELIVER("PPPP", true));
	EXPECT_EQ(0, link_detach(self->link));
	EXPECT_EQ(1, GRO());
	EXPECT_EQ(1, DELIVER("PPPP", true));
}

TEST_F(sock, gro_asked_while_linked)
{
	LINK();
	EXPECT_EQ(4, DELIVER("PPPP", false));
	ASSERT_EQ(0, SET_GRO(1));
	EXPECT_EQ(1, GRO());
	EXPECT_EQ(1, DELIVER("PPPP", true));
	EXPECT_EQ(0, link_detach(self->link));
	EXPECT_EQ(1, GRO());
	EXPECT_EQ(1, DELIVER("PPPP", true));
}

TEST_F(sock, gro_refused_while_linked)
{
	ASSERT_EQ(0, SET_GRO(1));
	LINK();
	ASSERT_EQ(0, SET_GRO(0));
	EXPECT_EQ(0, GRO());
	EXPECT_EQ(4, DELIVER("PPPP", false));
	EXPECT_EQ(2, DELIVER("PDPD", false));
	EXPECT_EQ(0, link_detach(self->link));
	EXPECT_EQ(0, GRO());
	EXPECT_EQ(4, DELIVER("PPPP", false));
}

struct setter {
	int sock;
	const void *value;
	int ret;
};

static void *set_gro(void *arg)
{
	struct setter *setter = arg;

	setter->ret = setsockopt(setter->sock, SOL_UDP, UDP_GRO, setter->value, sizeof(int));
	return NULL;
}

/* The call began with one link, and ends with another: nothing is merged for this one, either. */
TEST_F(sock, gro_refused_while_links_change)
{
	struct setter setter = { .sock = self->flow.rx };
	struct faulting faulting;
	pthread_t thread;

	if (faulting_open(&faulting, 1))
		SKIP(return, "userfaultfd() is not permitted");
	setter.value = faulting.page;
	LINK();
	ASSERT_EQ(0, pthread_create(&thread, NULL, set_gro, &setter));
	ASSERT_EQ(0, faulting_await(&faulting, 1));
	EXPECT_EQ(0, link_detach(self->link));
	close(self->link);
	LINK();
	ASSERT_EQ(0, faulting_fill(&faulting, 0));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, setter.ret);
	EXPECT_EQ(0, GRO());
	EXPECT_EQ(1, DELIVER("DDDP", false));
	EXPECT_EQ(4, DELIVER("PPPP", false));
	EXPECT_EQ(0, GRO());
	faulting_close(&faulting);
}

/* received_there() - datagrams that applications in the receiver's namespace have received */
static long received_there(const struct wire *wire, bool ip6)
{
	long cnt = setns(wire->there, CLONE_NEWNET) ? -1 : netns_received(ip6);

	return setns(wire->here, CLONE_NEWNET) ? -1 : cnt;
}

/* Datagrams that were merged are counted when the application receives them, and not before. */
TEST_F(sock, counted_once)
{
	const bool ip6 = variant->kind == FLOW_IP6;
	long before;

	LINK();
	/* Merging begins. */
	EXPECT_EQ(1, DELIVER("DDDP", false));
	before = received_there(&self->wire, ip6);
	EXPECT_LE(0, before);
	EXPECT_EQ(8, DELIVER("PPPPPPPP", false));
	EXPECT_EQ(before + 8, received_there(&self->wire, ip6));
}

/* getsockopt() truncates the value to the caller's buffer, like the kernel's own. */
TEST_F(sock, gro_answer)
{
	int value = -1;
	socklen_t len = 1;

	LINK();
	EXPECT_EQ(0, getsockopt(self->flow.rx, SOL_UDP, UDP_GRO, &value, &len));
	EXPECT_EQ(1, len);
	EXPECT_EQ((int)0xffffff00, value);
	len = -1;
	EXPECT_EQ(-1, getsockopt(self->flow.rx, SOL_UDP, UDP_GRO, &value, &len));
	EXPECT_EQ(EINVAL, errno);
	len = sizeof(value);
	EXPECT_EQ(-1, getsockopt(self->flow.rx, SOL_UDP, UDP_GRO, NULL, &len));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(0, sock_set(self->flow.rx, SOL_UDP, UDP_SEGMENT, 100));
	EXPECT_EQ(100, sock_int(self->flow.rx, SOL_UDP, UDP_SEGMENT));
	EXPECT_EQ(-ENOPROTOOPT, sock_set(self->flow.rx, SOL_UDP, 999, 1));
}

/* UDP_ENCAP, which would replace the hook, is refused, and changes nothing. */
TEST_F(sock, encap_refused)
{
	LINK();
	EXPECT_EQ(-EBUSY, sock_set(self->flow.rx, SOL_UDP, UDP_ENCAP, 99));
	EXPECT_EQ(0, sock_set(self->flow.rx, SOL_UDP, UDP_ENCAP, 0));
	EXPECT_EQ(0, GRO());
	EXPECT_EQ(3, DELIVER("PPDP", false));
	EXPECT_EQ(0, link_detach(self->link));
	EXPECT_EQ(4, DELIVER("PPPP", false));
}

/* The application's own filter sees each datagram that the program passed. */
TEST_F(sock, own_filter)
{
	struct sock_filter odd[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 8 + 4),	/* mark.seq */
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 1),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 1, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 100000),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog filter = { ARRAY_SIZE(odd), odd };
	struct burst *want = &self->want;

	ASSERT_EQ(0, setsockopt(self->flow.rx, SOL_SOCKET, SO_ATTACH_FILTER,
				&filter, sizeof(filter)));
	LINK();
	burst_fill_equal(&self->sent, &self->seq, "PPPPPDPDPPDDPPPPP", 333);
	for (int i = 0; i < self->sent.cnt; i++) {
		if (!(i & 1) || self->sent.data[i][0] == ORDER_DROP)
			continue;
		want->len[want->cnt] = self->sent.len[i];
		memcpy(want->data[want->cnt++], self->sent.data[i], self->sent.len[i]);
	}
	ASSERT_EQ(0, burst_send(self->flow.tx, &self->sent, WIRE_GSO));
	EXPECT_EQ(want->cnt, burst_recv(self->flow.rx, want, false));
}

/* The program changes bytes that others see too. */
TEST_F(sock, packet_socket)
{
	static const char orders[] = "PIPPIIIPDDIPPIPI";
	static struct arrival arrival;
	const int headers = variant->kind == FLOW_IP6 ? 48 : 28;
	struct counts counts = { 0 };
	int tap, pos = headers;

	tap = sniffer_open(self->wire.there,
		       variant->kind == FLOW_IP6 ? ETH_P_IPV6 : ETH_P_IP);
	ASSERT_OK(tap);
	self->link = object_link(self->obj, "write_direct", self->flow.rx, 0);
	ASSERT_OK(self->link);
	/* From now on the link has datagrams merged. */
	EXPECT_EQ(0, DELIVER("DD", false));
	ASSERT_EQ(0, link_settle(self->link, 2, &(struct vnp_link_info){ 0 }));
	burst_fill_equal(&self->sent, &self->seq, orders, 400);
	burst_expect(&self->want, &self->sent, true, false, &counts);
	ASSERT_EQ(0, burst_send(self->flow.tx, &self->sent, WIRE_GSO));
	EXPECT_EQ(self->want.cnt, burst_recv(self->flow.rx, &self->want, false));
	/* It is already merged, and complete. */
	do {
		ASSERT_EQ(0, burst_recv_one(tap, &arrival));
	} while (arrival.len < 400);
	ASSERT_EQ(headers + 16 * 400, arrival.len);
	for (int i = 0; i < 16; i++, pos += 400)
		EXPECT_MEM(self->sent.data[i], arrival.data + pos, 400);
	close(tap);
}

/* Each datagram has its control messages. */
TEST_F(sock, control_messages)
{
	char control[256] __attribute__((aligned(8)));
	struct sockaddr_storage from;
	char data[1500];

	ASSERT_OK(variant->kind == FLOW_IP6 ?
		  sock_set(self->flow.rx, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1) :
		  sock_set(self->flow.rx, IPPROTO_IP, IP_PKTINFO, 1));
	ASSERT_OK(sock_set(self->flow.rx, SOL_SOCKET, SO_TIMESTAMPNS, 1));
	LINK();
	burst_fill_equal(&self->sent, &self->seq, "PPDPPPDP", 100);
	ASSERT_EQ(0, burst_send(self->flow.tx, &self->sent, WIRE_GSO));
	for (int i = 0; i < 6; i++) {
		struct iovec iov = { data, sizeof(data) };
		struct msghdr msg = {
			.msg_name = &from,
			.msg_namelen = sizeof(from),
			.msg_iov = &iov,
			.msg_iovlen = 1,
			.msg_control = control,
			.msg_controllen = sizeof(control),
		};
		struct cmsghdr *cmsg;
		int seen = 0;

		ASSERT_EQ(100, recvmsg(self->flow.rx, &msg, 0));
		EXPECT_MEM(&self->flow.tx_addr, &from, msg.msg_namelen);
		for (cmsg = CMSG_FIRSTHDR(&msg); cmsg; cmsg = CMSG_NXTHDR(&msg, cmsg)) {
			seen |= cmsg->cmsg_level == SOL_SOCKET &&
				cmsg->cmsg_type == SCM_TIMESTAMPNS ? 1 : 0;
			if (cmsg->cmsg_level == IPPROTO_IP &&
			    cmsg->cmsg_type == IP_PKTINFO) {
				struct in_pktinfo *info = (void *)CMSG_DATA(cmsg);

				seen |= info->ipi_addr.s_addr ==
					inet_addr("10.9.0.1") ? 2 : 0;
			}
			if (cmsg->cmsg_level == IPPROTO_IPV6 &&
			    cmsg->cmsg_type == IPV6_PKTINFO) {
				struct in6_pktinfo *info = (void *)CMSG_DATA(cmsg);

				seen |= info->ipi6_addr.s6_addr[15] == 1 ? 2 : 0;
			}
		}
		EXPECT_EQ(3, seen);
	}
}

/* group_join() - a socket that has joined @group.  Return: it, or negative */
static int group_join(const struct sockaddr_storage *group)
{
	const bool ip6 = group->ss_family == AF_INET6;
	struct group_req req = {
		.gr_interface = if_nametoindex("rx0"),
		.gr_group = *group,
	};
	int sock = socket(group->ss_family, SOCK_DGRAM, 0);

	if (sock_set(sock, SOL_SOCKET, SO_REUSEADDR, 1) ||
	    setsockopt(sock, ip6 ? IPPROTO_IPV6 : IPPROTO_IP, MCAST_JOIN_GROUP,
		       &req, sizeof(req)) ||
	    bind(sock, (void *)group, sizeof(*group)))
		return -errno;
	return sock;
}

/* group_connect() - a sender's socket to @group, through tx0 */
static int group_connect(int sock, const struct sockaddr_storage *group)
{
	const struct ip_mreqn mreq = { .imr_ifindex = if_nametoindex("tx0") };
	int err;

	if (group->ss_family == AF_INET6)
		err = sock_set(sock, IPPROTO_IPV6, IPV6_MULTICAST_IF, mreq.imr_ifindex);
	else
		err = setsockopt(sock, IPPROTO_IP, IP_MULTICAST_IF, &mreq, sizeof(mreq));
	return err ?: connect(sock, (void *)group, sizeof(*group));
}

static struct sockaddr_storage group_address(enum flow_kind kind)
{
	struct sockaddr_storage group = { 0 };
	struct sockaddr_in6 *to6 = (void *)&group;
	struct sockaddr_in *to4 = (void *)&group;

	group.ss_family = kind == FLOW_IP6 ? AF_INET6 : AF_INET;
	if (kind == FLOW_IP6)
		inet_pton(AF_INET6, "ff05::9:1", &to6->sin6_addr);
	else
		inet_pton(AF_INET, "239.9.0.1", &to4->sin_addr);
	to4->sin_port = htons(4711);
	return group;
}

/* Only the linked members of a group do not get dropped datagrams. */
TEST_F(sock, multicast)
{
	const struct sockaddr_storage group = group_address(variant->kind);
	struct counts counts = { 0 };
	int member[2];

	ASSERT_EQ(0, setns(self->wire.there, 0));
	for (int i = 0; i < 2; i++) {
		member[i] = group_join(&group);
		ASSERT_OK(member[i]);
	}
	/* GRO finds the socket that was bound last. */
	self->link = object_link(self->obj, "write_direct", member[1], 0);
	ASSERT_OK(self->link);
	ASSERT_EQ(0, setns(self->wire.here, 0));
	ASSERT_EQ(0, group_connect(self->flow.tx, &group));
	for (int i = 0; i < 10; i++) {
		burst_fill_equal(&self->sent, &self->seq, "PIPPIIIPDDIPPIPIDDPP", 400);
		burst_expect(&self->want, &self->sent, true, false, &counts);
		ASSERT_EQ(0, burst_send(self->flow.tx, &self->sent, WIRE_GSO));
		EXPECT_EQ(self->want.cnt, burst_recv(member[1], &self->want, false));
		EXPECT_EQ(self->sent.cnt, burst_recv(member[0], &self->sent, false));
	}
	close(member[0]);
	close(member[1]);
}

/* Merged datagrams fill the queue like single ones. */
TEST_F(sock, queue_memory)
{
	static const __u32 flags[] = { VNP_LINK_F_NO_MERGE, 0 };
	static const char orders[] = "PPDPPPPPPPPDDPPPPPPP";
	struct counts counts = { 0 };
	struct vnp_link_info info;
	int used[2];

	ASSERT_EQ(0, sock_set(self->flow.rx, SOL_SOCKET, SO_RCVBUFFORCE, RCVBUF));
	for (int len = 100; len <= 1400; len += 650) {
		for (int i = 0; i < 2; i++) {
			self->link = object_link(self->obj, "read_only", self->flow.rx,
						 flags[i]);
			ASSERT_OK(self->link);
			burst_fill_equal(&self->sent, &self->seq, orders, len);
			burst_expect(&self->want, &self->sent, false, false, &counts);
			ASSERT_EQ(0, burst_send(self->flow.tx, &self->sent, WIRE_GSO));
			ASSERT_EQ(0, link_settle(self->link, self->sent.cnt, &info));
			used[i] = sock_rmem(self->flow.rx);
			EXPECT_EQ(17, burst_recv(self->flow.rx, &self->want, false));
			EXPECT_EQ(0, link_detach(self->link));
			close(self->link);
		}
		EXPECT_LT(0, used[0]);
		EXPECT_LE(used[1], used[0] + used[0] / 4) {
			TH_LOG("%d bytes each: %d, not %d", len, used[1], used[0]);
		}
	}
	self->link = -1;
}

/* meminfo() - a value of /proc/meminfo in bytes, which must exist */
static long meminfo(const char *text, const char *name)
{
	return atol(strstr(text, name) + strlen(name)) << 10;
}

/* mem_lent() - bytes in pages that are neither free nor slab nor of files, or negative */
static long mem_lent(void)
{
	char text[4096];
	int err = read_text("/proc/meminfo", text, sizeof(text));

	return err < 0 ? err : meminfo(text, "MemTotal:") -
			       meminfo(text, "MemFree:") - meminfo(text, "Slab:") -
			       meminfo(text, "Cached:");
}

/* trace_drops() - switch the tracepoint for dropped packets on or off */
static int trace_drops(bool on)
{
	if (mount("trace", "/sys/kernel/tracing", "tracefs", 0, NULL) && errno != EBUSY)
		return -errno;
	return write_text("/sys/kernel/tracing/events/skb/kfree_skb/enable",
			  on ? "1" : "0");
}

/* exchange_bursts() - bursts are sent, and what the program passes is received */
static void exchange_bursts(struct __test_metadata *_metadata, FIXTURE_DATA(sock) *self,
			    const char *orders, int bursts, struct counts *counts)
{
	struct vnp_link_info info;

	while (bursts--) {
		burst_fill_equal(&self->sent, &self->seq, orders, 1300);
		burst_expect(&self->want, &self->sent, false, false, counts);
		ASSERT_EQ(0, burst_send(self->flow.tx, &self->sent, WIRE_GSO));
		ASSERT_EQ(self->want.cnt, burst_recv(self->flow.rx, &self->want, false));
		ASSERT_EQ(0, link_settle(self->link, counts->packets, &info));
	}
}

/*
 * Pages of datagrams are freed: of dropped super-packets, traced or not, and of
 * super-packets that are split.  The first ones make the kernel fill its caches; as others use
 * memory, too, one of three measurements suffices.
 */
TEST_F(sock, pages_are_given_back)
{
	static const char all[] = "DDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDD";
	static const char some[] = "DDDDPDDDDDDDDDDDDDDPDDDDDDDDDDDDDDDDDDDDDPPPDDDD";
	static const struct {
		const char *orders;
		bool traced;
	} cases[] = { { all }, { some }, { all, true } };
	const long sent = 100 * 48 * 1300;
	struct counts counts = { 0 };
	struct vnp_link_info info;

	LINK();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		long more = sent;

		ASSERT_LE(0, trace_drops(cases[i].traced));
		exchange_bursts(_metadata, self, cases[i].orders, 10, &counts);
		for (int tries = 0; tries < 3 && more >= sent / 2; tries++) {
			more = -mem_lent();
			ASSERT_GT(0, more);
			exchange_bursts(_metadata, self, cases[i].orders, 100, &counts);
			more += mem_lent();
		}
		EXPECT_GT(sent / 2, more);
	}
	ASSERT_EQ(0, link_info(self->link, &info));
	EXPECT_EQ(counts.drop, info.verdicts[VNP_DROP]);
	EXPECT_LE(0, trace_drops(false));
}

/*
 * ---- Super-packets that others have changed -------------------------------
 */

/*
 * xdp_attach() - have generic XDP make all packets of br0 linear, which were merged before, and count
 * them.  Return: descriptor
 */
static int xdp_attach(const struct wire *wire, int counter)
{
	const struct bpf_insn insns[] = {
		BPF_COUNT(counter),
		MOV_IMM(R0, XDP_PASS),
		EXIT(),
	};
	union bpf_attr load = {
		.prog_type = BPF_PROG_TYPE_XDP,
		.insns = (uintptr_t)insns,
		.insn_cnt = ARRAY_SIZE(insns),
		.license = (uintptr_t)"GPL",
	};
	union bpf_attr attr = { .link_create.attach_type = BPF_XDP };
	int prog = bpf_call(BPF_PROG_LOAD, &load), err;

	if (prog < 0 || setns(wire->there, CLONE_NEWNET))
		return prog < 0 ? prog : -errno;
	attr.link_create.prog_fd = prog;
	attr.link_create.target_ifindex = if_nametoindex("br0");
	attr.link_create.flags = XDP_FLAGS_SKB_MODE;
	err = bpf_call(BPF_LINK_CREATE, &attr);
	close(prog);
	return setns(wire->here, CLONE_NEWNET) ? -errno : err;
}

/*
 * A super-packet in linear memory is still as many datagrams, also for the shortest path.  A device
 * with generic XDP does not merge, but those below it do: it is a bridge here.
 */
TEST_F(sock, linear_super_packets)
{
	const int dev = device_open(), counter = bpf_counter_create();
	struct counts counts = { 0 };
	struct vnp_link_info info;
	int xdp;

	flow_close(&self->flow);
	ASSERT_EQ(0, wire_new(&self->wire));
	ASSERT_LE(0, wire_merge(&self->wire, 0));
	ASSERT_EQ(0, setns(self->wire.there, CLONE_NEWNET));
	if (ip_batch("link add br0 type bridge forward_delay 0\n"
		     "link set br0 up\n"
		     "link set rx0 master br0\n"))
		SKIP(return, "the kernel has no bridges");
	ASSERT_EQ(0, setns(self->wire.here, CLONE_NEWNET));
	ASSERT_EQ(0, path_flow(&self->flow, &self->wire, WIRE_GSO, variant->kind));
	self->link = link_create(dev, prog_by_first_byte(dev), self->flow.rx, 0);
	ASSERT_OK(self->link);
	xdp = xdp_attach(&self->wire, counter);
	ASSERT_OK(xdp);
	for (int i = 0; i < 10; i++) {
		burst_fill_equal(&self->sent, &self->seq, "PDPPDDPPPPDPPDPDDDPP", 200);
		burst_expect(&self->want, &self->sent, false, false, &counts);
		ASSERT_EQ(0, burst_send(self->flow.tx, &self->sent, WIRE_GSO));
		EXPECT_EQ(self->want.cnt, burst_recv(self->flow.rx, &self->want, false));
	}
	ASSERT_EQ(0, link_settle(self->link, counts.packets, &info));
	EXPECT_EQ(counts.packets, info.packets);
	EXPECT_EQ(counts.pass, info.verdicts[VNP_PASS]);
	EXPECT_EQ(counts.drop, info.verdicts[VNP_DROP]);
	/* They were merged. */
	EXPECT_GT(counts.packets / 2, bpf_counter_read(counter));
	close(xdp);
	close(counter);
	close(dev);
}

/*
 * ---- During a stream of super-packets -------------------------------------
 */

#define ORDERS	"PPPPDDPIPPDDPPPP"

/* More datagrams than a queue holds: after reading this many it has been emptied once. */
#define QUEUE	1000

/*
 * read_queue() - receive what has arrived: whole datagrams of one size, single ones if not
 * @gro, not sent before @seq, which is updated; NULL: in any order.  The sender may be
 * faster than the receiver.  Return: their number; negative: what is wrong
 */
static int read_queue(int sock, __u32 *seq, bool gro)
{
	static struct arrival arrival;
	struct mark mark;
	int cnt = 0;

	while (cnt < QUEUE &&
	       recv(sock, &mark, 1, MSG_PEEK | MSG_DONTWAIT) > 0 &&
	       !burst_recv_one(sock, &arrival)) {
		if (arrival.len % 200 || (!gro && arrival.len != 200))
			return -arrival.len;
		for (int pos = 0; pos < arrival.len; pos += 200, cnt++) {
			memcpy(&mark, arrival.data + pos, sizeof(mark));
			if (mark.len != 200)
				return -1;
			if (arrival.data[pos + 199] != (__u8)mark.seq)
				return -2;
			if (!seq)
				continue;
			if (mark.seq < *seq)
				return -3;
			*seq = mark.seq + 1;
		}
	}
	return cnt;
}

/* Programs are attached, replaced and detached. */
static void come_and_go(struct __test_metadata *_metadata,
			FIXTURE_DATA(sock) *self, bool gro)
{
	static const char *const names[] = { "read_only", "write_direct", "read_headers", "apply" };
	struct vnp_link_info info;
	struct burst_sender sender = { self->flow.tx, WIRE_GSO, ORDERS, 200 };
	__u32 seq = 0;

	ASSERT_EQ(0, SET_GRO(gro));
	pin(1);
	ASSERT_EQ(0, burst_sender_start(&sender));
	for (int i = 0; i < 12; i++) {
		self->link = object_link(self->obj, names[i % 4], self->flow.rx, 0);
		ASSERT_OK(self->link);
		for (int j = 1; j < 4; j++) {
			ASSERT_EQ(0, link_settle(self->link, 50 * j, &info));
			ASSERT_OK(read_queue(self->flow.rx, &seq, gro));
			ASSERT_EQ(0, link_update(self->link, object_prog(self->obj,
						 names[(i + j) % 4]), -1));
		}
		EXPECT_EQ(gro, GRO());
		ASSERT_EQ(0, link_detach(self->link));
		EXPECT_EQ(gro, GRO());
		/* Datagrams that were being merged may have been reordered. */
		ASSERT_OK(read_queue(self->flow.rx, NULL, gro));
		close(self->link);
	}
	EXPECT_LT(0, seq);
	burst_sender_stop(&sender);
	self->link = -1;
}

TEST_F_SMP(sock, programs_come_and_go)
{
	come_and_go(_metadata, self, false);
}

TEST_F_SMP(sock, programs_come_and_go_gro)
{
	come_and_go(_metadata, self, true);
}

/* Linked sockets are closed, and the next one takes the port. */
TEST_F_SMP(sock, sockets_end)
{
	const char *address = variant->kind == FLOW_IP6 ? "fd09::1" : "10.9.0.1";
	const int port = sock_port(self->flow.rx);
	struct vnp_link_info info;
	struct burst_sender sender = { self->flow.tx, WIRE_GSO, ORDERS, 200 };

	pin(1);
	ASSERT_EQ(0, burst_sender_start(&sender));
	ASSERT_EQ(0, setns(self->wire.there, 0));
	for (int i = 0; i < 12; i++) {
		self->link = object_link(self->obj, i % 2 ? "write_direct" : "read_only",
					 self->flow.rx, 0);
		ASSERT_OK(self->link);
		ASSERT_EQ(0, link_settle(self->link, 50, &info));
		close(self->flow.rx);
		ASSERT_EQ(0, link_info(self->link, &info));
		EXPECT_EQ(0, info.attached);
		close(self->link);
		self->flow.rx = udp_socket(address, port);
		ASSERT_OK(self->flow.rx);
	}
	burst_sender_stop(&sender);
	self->link = -1;
}

static void __attribute__((constructor)) prepare(void)
{
	path_prepare();
	object_prepare("orders");
}

TEST_HARNESS_MAIN
