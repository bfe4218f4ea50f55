// SPDX-License-Identifier: GPL-2.0
/*
 * Other filters of a socket's datagrams: a BPF program of its cgroup, its own filter.  A
 * link's program sees exactly what they pass, and each of them sees each datagram once.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "bpf.h"
#include "burst.h"
#include "harness.h"
#include "insn.h"
#include "object.h"
#include "../progs/orders.h"

#define CGROUP		"/sys/fs/cgroup"
#define DENIED		'X'	/* the order of a datagram that a filter denies */
#define UDP_HEADER	8
#define MERGE_NS	50000000L	/* longer than sending a burst takes, also on slow kernels */
#define MAX_LEN		0xffff	/* what a socket filter returns to keep all of it */

/* The filter that is attached */
enum filter_kind {
	SOCKET_CLASSIC,
	SOCKET_EBPF,
	CGROUP_EBPF,
};

FIXTURE(filter) {
	struct vnp_object *obj;
	struct wire wire;
	struct flow flow;
	int link;
	int counter;		/* number of the filter's executions, in a map of the kernel; or -1 */
	int prog;
	enum net_path path;
	__u32 seq;
	struct burst sent;
	struct burst want;
};

FIXTURE_VARIANT(filter) {
	enum flow_kind kind;
	enum filter_kind filter;
	enum net_path path;
};

FIXTURE_VARIANT_ADD(filter, classic_ip4) { FLOW_IP4, SOCKET_CLASSIC, WIRE_GSO };
FIXTURE_VARIANT_ADD(filter, socket_ip4) { FLOW_IP4, SOCKET_EBPF, WIRE_GSO };
FIXTURE_VARIANT_ADD(filter, cgroup_ip4) { FLOW_IP4, CGROUP_EBPF, WIRE_GSO };
FIXTURE_VARIANT_ADD(filter, classic_ip6) { FLOW_IP6, SOCKET_CLASSIC, WIRE_GSO };
FIXTURE_VARIANT_ADD(filter, socket_ip6) { FLOW_IP6, SOCKET_EBPF, WIRE_GSO };
FIXTURE_VARIANT_ADD(filter, cgroup_ip6) { FLOW_IP6, CGROUP_EBPF, WIRE_GSO };
FIXTURE_VARIANT_ADD(filter, classic_mapped) { FLOW_MAPPED, SOCKET_CLASSIC, WIRE_GSO };
FIXTURE_VARIANT_ADD(filter, socket_mapped) { FLOW_MAPPED, SOCKET_EBPF, WIRE_GSO };
FIXTURE_VARIANT_ADD(filter, cgroup_mapped) { FLOW_MAPPED, CGROUP_EBPF, WIRE_GSO };
FIXTURE_VARIANT_ADD(filter, classic_ip4_single) { FLOW_IP4, SOCKET_CLASSIC, WIRE_SINGLE };
FIXTURE_VARIANT_ADD(filter, cgroup_ip4_single) { FLOW_IP4, CGROUP_EBPF, WIRE_SINGLE };
FIXTURE_VARIANT_ADD(filter, classic_ip6_single) { FLOW_IP6, SOCKET_CLASSIC, WIRE_SINGLE };
FIXTURE_VARIANT_ADD(filter, cgroup_ip6_single) { FLOW_IP6, CGROUP_EBPF, WIRE_SINGLE };
FIXTURE_VARIANT_ADD(filter, classic_mapped_single) { FLOW_MAPPED, SOCKET_CLASSIC, WIRE_SINGLE };
FIXTURE_VARIANT_ADD(filter, cgroup_mapped_single) { FLOW_MAPPED, CGROUP_EBPF, WIRE_SINGLE };
FIXTURE_VARIANT_ADD(filter, classic_ip4_lo) { FLOW_IP4, SOCKET_CLASSIC, LO_GSO };
FIXTURE_VARIANT_ADD(filter, cgroup_ip4_lo) { FLOW_IP4, CGROUP_EBPF, LO_GSO };
FIXTURE_VARIANT_ADD(filter, classic_ip6_lo) { FLOW_IP6, SOCKET_CLASSIC, LO_GSO };
FIXTURE_VARIANT_ADD(filter, cgroup_ip6_lo) { FLOW_IP6, CGROUP_EBPF, LO_GSO };
FIXTURE_VARIANT_ADD(filter, classic_mapped_lo) { FLOW_MAPPED, SOCKET_CLASSIC, LO_GSO };
FIXTURE_VARIANT_ADD(filter, cgroup_mapped_lo) { FLOW_MAPPED, CGROUP_EBPF, LO_GSO };

/*
 * filter_load() - a program for bpf(2) that counts its executions and denies datagrams
 * with DENIED at @off, the beginning of the payload
 */
static int filter_load(int type, int attach_type, int counter, int off, int pass)
{
	const struct bpf_insn insns[] = {
		MOV_REG(R6, R1),
		BPF_COUNT(counter),
		ST(BPF_DW, FP, -16, 0),
		MOV_REG(R1, R6),
		MOV_IMM(R2, off),
		MOV_REG(R3, FP),
		ALU64_IMM(BPF_ADD, R3, -16),
		MOV_IMM(R4, 1),
		INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_skb_load_bytes),
		LDX(BPF_B, R1, FP, -16),
		MOV_IMM(R0, 0),
		JMP_IMM(BPF_JEQ, R1, DENIED, 1),
		MOV_IMM(R0, pass),
		EXIT(),
	};
	union bpf_attr attr = {
		.prog_type = type,
		.expected_attach_type = attach_type,
		.insns = (uintptr_t)insns,
		.insn_cnt = ARRAY_SIZE(insns),
		.license = (uintptr_t)"GPL",
	};

	return bpf_call(BPF_PROG_LOAD, &attr);
}

static int attach_classic(int sock, __u32 keep)
{
	struct sock_filter insns[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, UDP_HEADER),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, DENIED, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, keep),
	};
	const struct sock_fprog fprog = { ARRAY_SIZE(insns), insns };

	return setsockopt(sock, SOL_SOCKET, SO_ATTACH_FILTER, &fprog, sizeof(fprog));
}

static int attach_cgroup(int prog)
{
	const int cgroup = open(CGROUP, O_RDONLY | O_DIRECTORY);
	union bpf_attr attr = {
		.target_fd = cgroup,
		.attach_bpf_fd = prog,
		.attach_type = BPF_CGROUP_INET_INGRESS,
		.attach_flags = BPF_F_ALLOW_MULTI,
	};
	int err = cgroup < 0 ? -errno : bpf_call(BPF_PROG_ATTACH, &attr);

	close(cgroup);
	return err;
}

static void detach_cgroup(int prog)
{
	const int cgroup = open(CGROUP, O_RDONLY | O_DIRECTORY);
	union bpf_attr attr = {
		.target_fd = cgroup,
		.attach_bpf_fd = prog,
		.attach_type = BPF_CGROUP_INET_INGRESS,
	};

	bpf_call(BPF_PROG_DETACH, &attr);
	close(cgroup);
}

FIXTURE_SETUP(filter)
{
	pin(0);
	self->path = variant->path;
	self->prog = -1;
	self->counter = -1;
	ASSERT_EQ(0, object_load("orders", &self->obj));
	ASSERT_EQ(0, path_setup(&self->wire, variant->path));
	if (variant->path == WIRE_SINGLE)
		ASSERT_EQ(0, wire_merge(&self->wire, MERGE_NS));
	ASSERT_EQ(0, path_flow(&self->flow, &self->wire, variant->path,
			       variant->kind));
	self->link = object_link(self->obj, "read_only", self->flow.rx, 0);
	ASSERT_OK(self->link);
}

FIXTURE_TEARDOWN(filter)
{
	if (variant->filter == CGROUP_EBPF)
		detach_cgroup(self->prog);
	close(self->prog);
	close(self->counter);
	close(self->link);
	vnp_object_close(self->obj);
	flow_close(&self->flow);
}

/* Attach the variant's filter. */
static int attach(FIXTURE_DATA(filter) *self, const FIXTURE_VARIANT(filter) *variant)
{
	if (variant->filter == SOCKET_CLASSIC)
		return attach_classic(self->flow.rx, MAX_LEN);
	self->counter = bpf_counter_create();
	if (self->counter < 0)
		return self->counter;
	if (variant->filter == SOCKET_EBPF) {
		self->prog = filter_load(BPF_PROG_TYPE_SOCKET_FILTER, 0, self->counter,
					 UDP_HEADER, MAX_LEN);
		return self->prog < 0 ? self->prog :
		       sock_set(self->flow.rx, SOL_SOCKET, SO_ATTACH_BPF, self->prog);
	}
	self->prog = filter_load(BPF_PROG_TYPE_CGROUP_SKB, BPF_CGROUP_INET_INGRESS,
				 self->counter,
				 (variant->kind == FLOW_IP6 ? 40 : 20) + UDP_HEADER, 1);
	return self->prog < 0 ? self->prog : attach_cgroup(self->prog);
}

/* Begin merging: drop two datagrams that could have been merged. */
static int start_merging(FIXTURE_DATA(filter) *self)
{
	struct vnp_link_info info;

	burst_fill_equal(&self->sent, &self->seq, "DD", 200);
	return burst_send(self->flow.tx, &self->sent, self->path) ?:
	       link_settle(self->link, 2, &info);
}

/*
 * deliver_allowed() - send a burst with these orders; denied or dropped datagrams must not
 * arrive.  Return: number of packets that arrived, or negative
 */
static int deliver_allowed(FIXTURE_DATA(filter) *self, const char *orders, int len, bool gro)
{
	struct burst *want = &self->want, *sent = &self->sent;

	burst_fill_equal(sent, &self->seq, orders, len);
	want->cnt = 0;
	for (int i = 0; i < sent->cnt; i++) {
		if (orders[i] == DENIED || orders[i] == ORDER_DROP)
			continue;
		want->len[want->cnt] = len;
		memcpy(want->data[want->cnt++], sent->data[i], len);
	}
	return burst_send(self->flow.tx, sent, self->path) ?:
	       burst_recv(self->flow.rx, want, gro);
}

static __u64 link_packets(int link)
{
	struct vnp_link_info info;

	return link_info(link, &info) ? -1 : info.packets;
}

TEST_F(filter, denied_before_the_program)
{
	ASSERT_EQ(0, attach(self, variant));
	EXPECT_EQ(2, deliver_allowed(self, "XPXPX", 200, false));
	EXPECT_EQ(2, link_packets(self->link));
	EXPECT_EQ(3, sock_drops(self->flow.rx));
	if (self->counter >= 0)
		EXPECT_EQ(5, bpf_counter_read(self->counter));
}

TEST_F(filter, super_packets)
{
	ASSERT_EQ(0, start_merging(self));
	ASSERT_EQ(0, attach(self, variant));
	EXPECT_EQ(5, deliver_allowed(self, "XPDPXXDPPP", 300, false));
	EXPECT_EQ(2 + 7, link_packets(self->link));
	if (self->counter >= 0)
		EXPECT_EQ(10, bpf_counter_read(self->counter));
	/* All the same, and none */
	EXPECT_EQ(4, deliver_allowed(self, "PPPP", 300, false));
	EXPECT_EQ(2 + 7 + 4, link_packets(self->link));
}

/* With UDP_GRO, filters see the super-packet: these check its first datagram. */
TEST_F(filter, super_packets_wanted)
{
	ASSERT_EQ(0, sock_set(self->flow.rx, SOL_UDP, UDP_GRO, 1));
	ASSERT_EQ(0, attach(self, variant));
	EXPECT_EQ(1, deliver_allowed(self, "PPPP", 300, true));
	EXPECT_EQ(4, link_packets(self->link));
	/* One batch before the dropped datagrams, and one after */
	EXPECT_EQ(2, deliver_allowed(self, "PPDPPP", 300, true));
	EXPECT_EQ(10, link_packets(self->link));
	if (self->counter >= 0)
		EXPECT_EQ(2, bpf_counter_read(self->counter));
	EXPECT_EQ(0, deliver_allowed(self, "X", 300, true));
	EXPECT_EQ(10, link_packets(self->link));
}

TEST_F(filter, undone)
{
	ASSERT_EQ(0, attach(self, variant));
	ASSERT_EQ(0, link_detach(self->link));
	EXPECT_EQ(2, deliver_allowed(self, "XPXPX", 200, false));
	EXPECT_EQ(3, sock_drops(self->flow.rx));
	if (self->counter >= 0)
		EXPECT_EQ(5, bpf_counter_read(self->counter));
}

FIXTURE(trim) {
	int dev;
	struct flow flow;
};

FIXTURE_VARIANT(trim) {
	enum flow_kind kind;
};

FIXTURE_VARIANT_ADD(trim, ip4) { FLOW_IP4 };
FIXTURE_VARIANT_ADD(trim, ip6) { FLOW_IP6 };

FIXTURE_SETUP(trim)
{
	pin(0);
	self->dev = device_open();
	ASSERT_OK(self->dev);
	ASSERT_EQ(0, flow_open(&self->flow, variant->kind));
}

FIXTURE_TEARDOWN(trim)
{
	flow_close(&self->flow);
}

/* A filter can truncate a datagram: the program sees the truncated one. */
TEST_F(trim, seen_by_the_program)
{
	const struct bpf_insn is_cut[] = {
		LDX(BPF_W, R1, R1, CTX(len)),
		MOV_IMM(R0, VNP_DROP),
		JMP_IMM(BPF_JNE, R1, 5, 1),
		MOV_IMM(R0, VNP_PASS),
		EXIT(),
	};
	const int prog = PROG_LOAD(self->dev, is_cut);
	int link;

	ASSERT_OK(prog);
	ASSERT_EQ(0, attach_classic(self->flow.rx, UDP_HEADER + 5));
	link = link_create(self->dev, prog, self->flow.rx, 0);
	ASSERT_OK(link);
	ASSERT_OK(flow_puts(&self->flow, "abc"));
	ASSERT_OK(flow_puts(&self->flow, "Xbcdefgh"));
	ASSERT_OK(flow_puts(&self->flow, "abcdefgh"));
	EXPECT_EQ(1, flow_next_is(&self->flow, "abcde"));
	EXPECT_EQ(1, flow_empty(&self->flow));
	EXPECT_EQ(2, link_packets(link));
}

/* Datagrams queued after a filter have the data for control messages. */
TEST(pktinfo)
{
	union {
		char buf[256];
		struct cmsghdr align;
	} control;
	char data[8];
	struct iovec iov = { data, sizeof(data) };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.buf,
		.msg_controllen = sizeof(control.buf),
	};
	const int dev = device_open();
	struct in_pktinfo *info;
	struct cmsghdr *cmsg;
	struct flow flow;

	pin(0);
	ASSERT_EQ(0, flow_open(&flow, FLOW_IP4));
	ASSERT_EQ(0, attach_classic(flow.rx, MAX_LEN));
	ASSERT_OK(sock_set(flow.rx, IPPROTO_IP, IP_PKTINFO, 1));
	ASSERT_OK(link_create(dev, prog_verdict(dev, VNP_PASS), flow.rx, 0));
	ASSERT_OK(flow_puts(&flow, "abc"));
	ASSERT_EQ(3, recvmsg(flow.rx, &msg, 0));
	cmsg = CMSG_FIRSTHDR(&msg);
	ASSERT_NE(NULL, cmsg);
	EXPECT_EQ(IP_PKTINFO, cmsg->cmsg_type);
	info = (void *)CMSG_DATA(cmsg);
	EXPECT_NE(0, info->ipi_ifindex);
	EXPECT_EQ(htonl(INADDR_LOOPBACK), info->ipi_spec_dst.s_addr);
	EXPECT_EQ(htonl(INADDR_LOOPBACK), info->ipi_addr.s_addr);
}

static void __attribute__((constructor)) prepare(void)
{
	path_prepare();
	object_prepare("orders");
}

TEST_HARNESS_MAIN
