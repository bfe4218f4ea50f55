// SPDX-License-Identifier: GPL-2.0
/*
 * An ordinary user tries to monopolize a CPU's softirqs: with the most expensive programs
 * and packets, and the default limits of the module.  The guest fails a test in which RCU
 * stalls or a CPU locks up.
 */
#include <arpa/inet.h>
#include <linux/udp.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include "harness.h"
#include "insn.h"

#define SHARE		"/sys/module/vnp/parameters/softirq_share"
#define BURST		"/sys/module/vnp/parameters/softirq_burst_us"
#define CEILING		"/sys/module/vnp/parameters/budget_max"
#define BUDGET		262144
#define MIB		(1 << 20)
#define ATTACK_NS	1500000000ULL
#define MEMBERS		100
#define SEGMENTS	64
#define GROUP		"239.1.2.3"

#ifndef SOL_UDP
#define SOL_UDP		17
#endif

/* ---- Programs: they use their budget in the most expensive way ---- */

static int load_with(int dev, __u32 budget, const struct bpf_insn *insns, __u32 cnt,
		     const int *maps, __u32 map_cnt)
{
	struct vnp_prog_load attr = prog_attr(insns, cnt);

	attr.budget = budget;
	attr.map_fds = (uintptr_t)maps;
	attr.map_cnt = map_cnt;
	return do_ioctl(dev, VNP_PROG_LOAD, &attr);
}

/* With the largest budget that a user may ask for */
static int load(int dev, const struct bpf_insn *insns, __u32 cnt, const int *maps,
		__u32 map_cnt)
{
	return load_with(dev, BUDGET, insns, cnt, maps, map_cnt);
}

static int loops_with(int dev, __u32 budget)
{
	const struct bpf_insn insns[] = { JA(-1), MOV_IMM(R0, 0), EXIT() };

	return load_with(dev, budget, insns, ARRAY_SIZE(insns), NULL, 0);
}

static int loops(int dev)
{
	return loops_with(dev, BUDGET);
}

/* A hash map's values are replaced, 1 MiB each */
static int updates(int dev)
{
	const struct bpf_insn insns[] = {
		ST(BPF_W, FP, -4, 0),
		LD_MAP(R1, 0), MOV_REG(R2, FP), ALU64_IMM(BPF_ADD, R2, -4),
		LD_VALUE(R3, 1, 0), MOV_IMM(R4, 0), CALL(map_update),
		JA(-9), MOV_IMM(R0, 0), EXIT(),
	};
	struct map maps[2];
	int fds[2];

	if (map_create(dev, &maps[0], VNP_MAP_HASH, 4, MIB, 1, 0) < 0 ||
	    map_create(dev, &maps[1], VNP_MAP_ARRAY, 4, MIB, 1, 0) < 0)
		return -ENOMEM;
	fds[0] = maps[0].fd;
	fds[1] = maps[1].fd;
	return load(dev, insns, ARRAY_SIZE(insns), fds, 2);
}

/* No payload has these bytes, so 1 MiB is cleared */
static int clears(int dev)
{
	const struct bpf_insn insns[] = {
		MOV_REG(R6, R1),
		MOV_REG(R1, R6), MOV_IMM(R2, MIB), LD_VALUE(R3, 0, 0),
		MOV_IMM(R4, MIB), CALL(load_bytes),
		JA(-7), MOV_IMM(R0, 0), EXIT(),
	};
	struct map map;

	if (map_create(dev, &map, VNP_MAP_ARRAY, 4, MIB, 1, 0) < 0)
		return -ENOMEM;
	return load(dev, insns, ARRAY_SIZE(insns), &map.fd, 1);
}

/* Calls in a row */
static int calls(int dev, __u32 cnt)
{
	struct bpf_insn *insns = calloc(cnt + 2, sizeof(*insns));
	int prog;

	if (!insns)
		return -ENOMEM;
	for (__u32 i = 0; i < cnt; i++)
		insns[i] = CALL(time_ns);
	insns[cnt] = MOV_IMM(R0, 0);
	insns[cnt + 1] = EXIT();
	prog = load(dev, insns, cnt + 2, NULL, 0);
	free(insns);
	return prog;
}

/* As many of them as the budget allows */
static int straight(int dev)
{
	return calls(dev, (BUDGET - 500) / 51);
}

/* ---- Packets ------------------------------------------------------------ */

/* A socket in the group; the first one chooses the port */
static int member(__u16 port)
{
	struct ip_mreq mreq = {
		.imr_multiaddr.s_addr = inet_addr(GROUP),
		.imr_interface.s_addr = htonl(INADDR_LOOPBACK),
	};
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_port = htons(port) };
	int sock = socket(AF_INET, SOCK_DGRAM, 0);

	if (sock < 0 || sock_set(sock, SOL_SOCKET, SO_REUSEADDR, 1) < 0 ||
	    bind(sock, (void *)&addr, sizeof(addr)) ||
	    setsockopt(sock, IPPROTO_IP, IP_ADD_MEMBERSHIP, &mreq, sizeof(mreq)))
		return -errno;
	return sock;
}

struct attack {
	int (*load)(int dev);
	int members;
	int segments;
};

struct attacker {
	int dev;
	int prog;
	int links[MEMBERS];
	int cnt;
	struct flow flow;
};

static int attacker_link(struct attacker *a, int sock)
{
	a->links[a->cnt] = sock < 0 ? sock : link_create(a->dev, a->prog, sock, 0);
	return a->links[a->cnt++];
}

static int attacker_join(struct attacker *a, int members)
{
	struct in_addr lo = { htonl(INADDR_LOOPBACK) };
	struct sockaddr_in *to = (void *)&a->flow.rx_addr;
	int sock = member(0);

	to->sin_addr.s_addr = inet_addr(GROUP);
	to->sin_port = htons(sock_port(sock));
	if (setsockopt(a->flow.tx, IPPROTO_IP, IP_MULTICAST_IF, &lo, sizeof(lo)))
		return -errno;
	while (attacker_link(a, sock) >= 0 && a->cnt < members)
		sock = member(ntohs(to->sin_port));
	return a->links[a->cnt - 1];
}

static int attacker_open(struct attacker *a, const struct attack *attack)
{
	a->cnt = 0;
	a->dev = device_open();
	a->prog = attack->load(a->dev);
	if (a->prog < 0)
		return a->prog;
	if (flow_open(&a->flow, FLOW_IP4) < 0 ||
	    (attack->segments &&
	     sock_set(a->flow.tx, SOL_UDP, UDP_SEGMENT, 16) < 0))
		return -EINVAL;
	return attack->members ? attacker_join(a, attack->members) :
				 attacker_link(a, a->flow.rx);
}

/*
 * Each datagram that arrived is counted exactly once, by its result.  More are sent to a
 * group than its members' programs can process: the stack may drop some before.
 */
static int attacker_check(const struct attacker *a, __u64 sent, bool whole)
{
	struct vnp_link_info info;
	__u64 ran = 0, throttled = 0, packets = 0;

	for (int i = 0; i < a->cnt; i++) {
		if (a->cnt == 1 ? link_settle(a->links[i], sent, &info) :
				  link_info(a->links[i], &info))
			return 3;
		if (info.packets > sent || info.verdicts[VNP_PASS] || info.errors[VNP_ERROR_MEMORY])
			return 4;
		packets += info.packets;
		throttled += info.faults[VNP_FAULT_THROTTLED];
		ran += whole ? info.verdicts[VNP_DROP] : info.faults[VNP_FAULT_BUDGET];
	}
	if (ran + throttled != packets)
		return 5;
	return !ran ? 6 : !throttled ? 7 : 0;
}

/*
 * The ordinary user.  A CPU's backlog holds 1,000 packets, and drops more without a counter
 * of ours, so what was sent is processed first once there are half as many.
 * Return: exit status
 */
static int attack_run(const struct attack *attack)
{
	const int size = 16 * (attack->segments ?: 1);
	__u8 data[16 * SEGMENTS] = { 0 };
	struct vnp_link_info info;
	struct attacker a;
	__u64 sent = 0, packets = 0, end;

	if (become("vnpuser") < 0 || attacker_open(&a, attack) < 0)
		return 2;
	end = clock_ns(CLOCK_MONOTONIC) + ATTACK_NS;
	while (clock_ns(CLOCK_MONOTONIC) < end) {
		if (flow_send(&a.flow, data, size) != size)
			return 8;
		sent += attack->segments ?: 1;
		if (!(++packets % 500) && a.cnt == 1 && link_settle(a.links[0], sent, &info))
			return 3;
	}
	return attacker_check(&a, sent, attack->load == straight);
}

/* ---- CPU time for others ------------------------------------------------ */

/* Datagrams per second that another user's socket sends to itself */
static __u64 served(struct flow *flow)
{
	__u64 start = clock_ns(CLOCK_MONOTONIC), cnt = 0;
	__u8 byte = 0;

	while (clock_ns(CLOCK_MONOTONIC) < start + ATTACK_NS) {
		if (flow_send(flow, &byte, 1) != 1 || flow_recv(flow, &byte, 1) != 1)
			return 0;
		cnt++;
	}
	return cnt * 1000000000ULL / (clock_ns(CLOCK_MONOTONIC) - start);
}

FIXTURE(stall) {
	struct flow flow;
};

FIXTURE_VARIANT(stall) {
	struct attack attack;
};

FIXTURE_VARIANT_ADD(stall, loops) { { loops, 0, 0 } };
FIXTURE_VARIANT_ADD(stall, updates) { { updates, 0, 0 } };
FIXTURE_VARIANT_ADD(stall, clears) { { clears, 0, 0 } };
FIXTURE_VARIANT_ADD(stall, straight) { { straight, 0, 0 } };
FIXTURE_VARIANT_ADD(stall, super_packet) { { loops, 0, SEGMENTS } };
FIXTURE_VARIANT_ADD(stall, multicast) { { loops, MEMBERS, 0 } };

FIXTURE_SETUP(stall)
{
	if (!as_root())
		SKIP(return, "sets the module's parameters");
	ASSERT_OK(write_text(SHARE, "48"));
	ASSERT_OK(write_text(CEILING, "262144"));
	ASSERT_OK(flow_open(&self->flow, FLOW_IP4));
	ASSERT_OK(pin(0));
}

FIXTURE_TEARDOWN(stall)
{
	write_text(SHARE, "100");
	write_text(CEILING, "4194304");
}

/* Percent of what is served without the attack; negative: what is wrong */
static int served_beside(struct flow *flow, const struct attack *attack)
{
	__u64 alone = served(flow), beside;
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(attack_run(attack));
	beside = served(flow);
	status = finish(pid);
	if (!alone || status)
		return -status ?: -1;
	return 100 * beside / alone;
}

/*
 * All on one CPU.  The scheduler gives the attacker half of it, or more if ksoftirqd
 * works for it too; without limits others got almost nothing.  If the guest does not get
 * its CPUs while one of both is measured, the ratio says nothing: one of three suffices.
 */
TEST_F_SMP(stall, leaves_time_for_others)
{
	int percent = 0;

	for (int i = 0; i < 3 && percent >= 0 && percent < 5; i++) {
		percent = served_beside(&self->flow, &variant->attack);
		TH_LOG("%d percent of what is served alone", percent);
	}
	EXPECT_LE(5, percent);
}

TEST_F_SMP(stall, straight_line_is_refused)
{
	int dev = device_open();

	if (variant->attack.load != straight)
		return;
	EXPECT_OK(straight(dev));
	EXPECT_EQ(-EACCES, calls(dev, 65000));
}

/*
 * ---- What the datagrams of one packet may take ---------------------------
 */

#define SHARE_PERCENT	48
#define BURST_NS	1000000
#define UNIT_NS		4	/* VNP_ACCOUNT_UNIT_NS */

FIXTURE(packet) {
	int dev;
	struct flow flow;
};

FIXTURE_VARIANT(packet) {
	__u32 budget;
	bool whole;	/* it comes to the hook as one packet */
};

FIXTURE_VARIANT_ADD(packet, largest) { BUDGET, true };
FIXTURE_VARIANT_ADD(packet, default) { BUDGET / 4, true };
FIXTURE_VARIANT_ADD(packet, small) { BUDGET / 32, true };
FIXTURE_VARIANT_ADD(packet, segments) { BUDGET, false };

FIXTURE_SETUP(packet)
{
	if (!as_root())
		SKIP(return, "sets the module's parameters");
	ASSERT_OK(write_text(SHARE, "48"));
	self->dev = device_open();
	ASSERT_OK(self->dev);
	ASSERT_OK(flow_open(&self->flow, FLOW_IP4));
	ASSERT_OK(sock_set(self->flow.tx, SOL_UDP, UDP_SEGMENT, 16));
	ASSERT_OK(sock_set(self->flow.rx, SOL_UDP, UDP_GRO, variant->whole));
	ASSERT_OK(pin(0));
}

FIXTURE_TEARDOWN(packet)
{
	write_text(SHARE, "100");
}

/* shortest() - what an execution takes here at least, in ns */
static __u64 shortest(int prog)
{
	__u64 ns = ~0ULL;

	for (int i = 0; i < 50; i++) {
		struct vnp_prog_run run = { 0 };

		if (prog_run(prog, "", 1, &run) || run.fault != VNP_FAULT_BUDGET)
			return 0;
		ns = run.ns < ns ? run.ns : ns;
	}
	/* The minimum is not exact: leave some room. */
	return ns - ns / 8;
}

/*
 * Of 64 datagrams whose programs use their whole budgets, as many are executed as the account
 * allows to begin: the burst without the reserve, and the share of the time that passes, in
 * which the kernel also does other work. One more has begun before.
 */
TEST_F_SMP(packet, costs_one_budget_and_the_share)
{
	const __u64 worst = (__u64)variant->budget * UNIT_NS;
	const __u64 reserve = worst < BURST_NS / 2 ? worst : BURST_NS / 2;
	const int prog = loops_with(self->dev, variant->budget);
	const __u8 data[16 * SEGMENTS] = { 0 };
	const __u64 ns = shortest(prog);
	__u64 executed, most, passed;
	struct vnp_link_info info;
	int link;

	ASSERT_LT(0, ns);
	link = link_create(self->dev, prog, self->flow.rx, 0);
	ASSERT_OK(link);
	passed = clock_ns(CLOCK_MONOTONIC);
	ASSERT_EQ(sizeof(data), flow_send(&self->flow, data, sizeof(data)));
	ASSERT_OK(link_settle(link, SEGMENTS, &info));
	passed = clock_ns(CLOCK_MONOTONIC) - passed;
	most = variant->budget + (BURST_NS - reserve + passed * SHARE_PERCENT / 100) *
	       variant->budget / ns;
	EXPECT_EQ(SEGMENTS, info.packets);
	executed = info.faults[VNP_FAULT_BUDGET];
	EXPECT_EQ(SEGMENTS, executed + info.faults[VNP_FAULT_THROTTLED]);
	EXPECT_LE(1, executed);
	EXPECT_LE(executed * variant->budget, most);
	TH_LOG("%llu of %d budgets of %u executed, %llu units of at most %llu; %llu ns each",
	       executed, SEGMENTS, variant->budget, executed * variant->budget, most, ns);
}

/* The limit also applies to the default budget: with a limit of 0 no program loads. */
TEST(ceiling_of_nothing)
{
	int dev = device_open();

	if (!as_root())
		SKIP(return, "sets the module's parameters");
	ASSERT_OK(dev);
	ASSERT_OK(write_text(CEILING, "0"));
	EXPECT_EQ(-EACCES, prog_verdict(dev, VNP_DROP));
	ASSERT_OK(write_text(CEILING, "4194304"));
	EXPECT_OK(prog_verdict(dev, VNP_DROP));
}

FIXTURE(limit) {
	int dev;
	struct flow flow;
};

/*
 * empty_account() - leave nothing of what the account of this CPU had under the limits
 * before: only an execution that is timed looks at these first
 */
static int empty_account(int dev)
{
	struct vnp_link_info info;
	struct flow flow;
	int prog, link, err;

	err = flow_open(&flow, FLOW_IP4);
	if (err)
		return err;
	prog = straight(dev);
	link = link_create(dev, prog, flow.rx, 0);
	err = link < 0 ? link : flow_puts(&flow, "x");
	if (err == 1)
		err = link_settle(link, 1, &info);
	close(link);
	close(prog);
	flow_close(&flow);
	return err;
}

/* A user with a share of 0: all of the user's datagrams get the fault */
FIXTURE_SETUP(limit)
{
	if (!as_root())
		SKIP(return, "sets the module's parameters");
	ASSERT_OK(pin(0));
	ASSERT_OK(write_text(BURST, "0"));
	ASSERT_OK(write_text(SHARE, "0"));
	self->dev = device_open();
	ASSERT_OK(self->dev);
	ASSERT_OK(empty_account(self->dev));
	ASSERT_OK(flow_open(&self->flow, FLOW_IP4));
}

FIXTURE_TEARDOWN(limit)
{
	write_text(BURST, "1000");
	write_text(SHARE, "100");
}

FIXTURE_VARIANT(limit) {
	bool pass;
	bool timed;
};

FIXTURE_VARIANT_ADD(limit, light_dropped) { false, false };
FIXTURE_VARIANT_ADD(limit, light_passed) { true, false };
FIXTURE_VARIANT_ADD(limit, timed_dropped) { false, true };
FIXTURE_VARIANT_ADD(limit, timed_passed) { true, true };

TEST_F_SMP(limit, is_a_fault)
{
	int prog = variant->timed ? straight(self->dev) :
				    prog_verdict(self->dev, VNP_DROP);
	int link = link_create(self->dev, prog, self->flow.rx,
			       variant->pass ? VNP_LINK_F_FAULT_PASS : 0);
	struct vnp_link_info info;

	ASSERT_OK(link);
	ASSERT_EQ(1, flow_puts(&self->flow, "x"));
	ASSERT_OK(link_settle(link, 1, &info));
	EXPECT_EQ(1, info.packets);
	EXPECT_EQ(1, info.bytes);
	EXPECT_EQ(1, info.faults[VNP_FAULT_THROTTLED]);
	EXPECT_EQ(VNP_FAULT_THROTTLED, info.fault);
	EXPECT_EQ(0, info.verdicts[VNP_DROP]);
	if (variant->pass)
		EXPECT_EQ(1, flow_next_is(&self->flow, "x"));
	EXPECT_EQ(1, flow_empty(&self->flow));

	/* the administrator may raise the limit at any time */
	ASSERT_OK(write_text(SHARE, "100"));
	ASSERT_EQ(1, flow_puts(&self->flow, "y"));
	ASSERT_OK(link_settle(link, 2, &info));
	EXPECT_EQ(1, info.verdicts[VNP_DROP]);
}

TEST_HARNESS_MAIN
