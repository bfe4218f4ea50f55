// SPDX-License-Identifier: GPL-2.0
/*
 * An ordinary user tries to monopolize a CPU's softirqs: with the most expensive programs
 * and packets, and the default limits of the module.  The guest fails a test in which RCU
 * stalls or a CPU locks up.
 */
#include <arpa/inet.h>
#include <linux/udp.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include "harness.h"
#include "insn.h"
#include "wire.h"

#define REFS		"/sys/module/vnp/refcnt"
#define SHARE		"/sys/module/vnp/parameters/softirq_share"
#define BURST		"/sys/module/vnp/parameters/softirq_burst_us"
#define CEILING		"/sys/module/vnp/parameters/budget_max"
#define BUDGET		262144
#define BUDGET_MAX	4194304	/* of root */
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
 * empty_account() - use up what the account of this CPU had under the limits before: only an
 * execution that is timed looks at these first
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

/*
 * ---- Accounts without time ---------------------------------------------------
 */

FIXTURE(empty) {
	int dev;
	__u64 refs;
};

/* references() - to the module.  Those of links are put when these are freed. */
static __u64 references(void)
{
	char text[32] = "";

	return read_text(REFS, text, sizeof(text)) < 0 ? 0 : strtoull(text, NULL, 10);
}

FIXTURE_SETUP(empty)
{
	if (!as_root())
		SKIP(return, "sets the module's parameters");
	ASSERT_OK(pin(0));
	ASSERT_OK(write_text(BURST, "0"));
	ASSERT_OK(write_text(SHARE, "0"));
	self->refs = references();
	self->dev = device_open();
	ASSERT_OK(self->dev);
}

FIXTURE_TEARDOWN(empty)
{
	write_text(BURST, "1000");
	write_text(SHARE, "100");
}

/* A user who closes everything and starts again has no more time than before. */
TEST_F(empty, debts_are_kept)
{
	struct vnp_link_info info;
	struct flow flow;
	int link;

	ASSERT_OK(empty_account(self->dev));
	close(self->dev);
	for (int i = 0; i < 2000 && references() != self->refs; i++)
		poll(NULL, 0, 5);
	ASSERT_EQ(self->refs, references());

	/* An execution begins when the account has its maximum duration: 16.8 ms, after 1.68 s. */
	ASSERT_OK(write_text(BURST, "1000000"));
	ASSERT_OK(write_text(SHARE, "1"));
	self->dev = device_open();
	ASSERT_OK(flow_open(&flow, FLOW_IP4));
	link = link_create(self->dev, loops_with(self->dev, BUDGET_MAX), flow.rx, 0);
	ASSERT_OK(link);
	ASSERT_EQ(1, flow_puts(&flow, "x"));
	ASSERT_OK(link_settle(link, 1, &info));
	EXPECT_EQ(1, info.faults[VNP_FAULT_THROTTLED]);
	ASSERT_OK(write_text(SHARE, "100"));
	ASSERT_EQ(1, flow_puts(&flow, "x"));
	ASSERT_OK(link_settle(link, 2, &info));
	EXPECT_EQ(1, info.faults[VNP_FAULT_BUDGET]);
	flow_close(&flow);
	close(link);
}

#define HOLDERS		100
#define HOLDER_AGE_MS	1000

/* holder() - a socket with a link that holds what it receives.  Return: the link */
static int holder(int dev, int sock)
{
	const struct bpf_insn insns[] = {
		MOV_IMM(R2, 1), MOV_IMM(R3, 0), MOV_IMM(R4, 0), CALL(hold),
		MOV_IMM(R0, VNP_HELD), EXIT(),
	};
	struct vnp_link_create attr = {
		.size = sizeof(attr),
		.flags = VNP_LINK_F_HOLD_EACH,
		.prog_fd = PROG_LOAD(dev, insns),
		.sock_fd = sock,
		.hold_age_ms = HOLDER_AGE_MS,
	};
	int link = do_ioctl(dev, VNP_LINK_CREATE, &attr);

	close(attr.prog_fd);
	return link;
}

/* holders_sum() - messages that all links hold, or have delivered as they were too old */
static __u64 holders_sum(const int *links, bool held)
{
	struct vnp_link_info info;
	__u64 sum = 0;

	for (int i = 0; i < HOLDERS; i++)
		if (!link_info(links[i], &info))
			sum += held ? info.held_messages : info.late;
	return sum;
}

/* holders_late() - wait until so many messages were delivered.  Return: when, or 0 */
static __u64 holders_late(const int *links, __u64 cnt)
{
	const __u64 end = clock_ns(CLOCK_MONOTONIC) + 20000000000ULL;

	while (clock_ns(CLOCK_MONOTONIC) < end) {
		if (holders_sum(links, false) >= cnt)
			return clock_ns(CLOCK_MONOTONIC);
		sched_yield();
	}
	return 0;
}

/*
 * Whatever the number of a user's links: while the account is empty, the worker that delivers what
 * they hold does so for one of them in each jiffy, which is a ms at least.
 */
TEST_F(empty, holds_once_per_jiffy)
{
	int tx = udp_socket("127.0.0.1", 0), links[HOLDERS];
	struct sockaddr_storage addr[HOLDERS];
	__u64 first, last;

	ASSERT_OK(write_text(SHARE, "100"));
	for (int i = 0; i < HOLDERS; i++) {
		int sock = udp_socket("127.0.0.1", 0);

		ASSERT_OK(sock_addr(sock, &addr[i]));
		links[i] = holder(self->dev, sock);
		ASSERT_OK(links[i]);
	}
	for (int i = 0; i < HOLDERS; i++)
		ASSERT_EQ(1, sendto(tx, "x", 1, 0, (void *)&addr[i], sizeof(struct sockaddr_in)));
	ASSERT_EQ(HOLDERS, holders_sum(links, true));
	ASSERT_OK(write_text(SHARE, "0"));
	ASSERT_OK(empty_account(self->dev));
	first = holders_late(links, 1);
	ASSERT_LT(0, first);
	last = holders_late(links, HOLDERS);
	ASSERT_LT(0, last);
	EXPECT_LE(HOLDERS * 800000ULL, last - first);
	TH_LOG("%d messages in %llu us", HOLDERS, (last - first) / 1000);
	for (int i = 0; i < HOLDERS; i++)
		close(links[i]);
	close(tx);
}

/* A program that writes to the payload, which is small */
static int writes(int dev)
{
	const struct bpf_insn insns[] = {
		LDX(BPF_DW, R2, R1, CTX(data)), LDX(BPF_DW, R3, R1, CTX(data_end)),
		MOV_REG(R4, R2), ALU64_IMM(BPF_ADD, R4, 1), JMP_REG(BPF_JGT, R4, R3, 1),
		ST(BPF_B, R2, 0, 1),
		MOV_IMM(R0, VNP_DROP), EXIT(),
	};

	return load_with(dev, 0, insns, ARRAY_SIZE(insns), NULL, 0);
}

/* As long as lo sends without page fragments: only linear data is copied. */
#define COPIED		15000

/* copies_run() - as another user, whose account is full.  Return: exit status */
static int copies_run(int dev)
{
	static const __u8 data[COPIED];
	__u64 dropped = 0, throttled = 0;
	struct vnp_link_info info;
	struct attacker a = { .dev = dev };

	if (setresuid(65534, 65534, 65534))
		return 2;
	a.prog = writes(dev);
	if (a.prog < 0 || flow_open(&a.flow, FLOW_IP4) < 0 || attacker_join(&a, MEMBERS) < 0)
		return 3;
	if (flow_send(&a.flow, data, COPIED) != COPIED)
		return 4;
	for (int i = 0; i < MEMBERS; i++) {
		if (link_settle(a.links[i], 1, &info))
			return 5;
		dropped += info.verdicts[VNP_DROP];
		throttled += info.faults[VNP_FAULT_THROTTLED];
	}
	if (dropped + throttled != MEMBERS)
		return 6;
	return !dropped ? 7 : throttled < MEMBERS / 10 ? 8 : 0;
}

/*
 * The members of a group get clones of one packet.  A program that writes needs a copy, for which
 * the account is charged: not all of them fit into 50 us.
 */
TEST_F(empty, copies_are_charged)
{
	pid_t pid;

	ASSERT_OK(write_text(BURST, "50"));
	ASSERT_OK(write_text(SHARE, "1"));
	pid = fork();
	ASSERT_OK(pid);
	if (!pid)
		_exit(copies_run(self->dev));
	EXPECT_EQ(0, finish(pid));
}

/*
 * ---- The cost of a reply that a tunnel sends again -----------------------------
 */

#define REPLIES		50
#define REPLY_LEN	65000

FIXTURE(nested) {
	struct wire wire;
	struct flow flow;
};

/* The receiver reaches the sender by a tunnel, whose packets leave in fragments of 48 bytes. */
FIXTURE_SETUP(nested)
{
	if (!as_root())
		SKIP(return, "sets the module's parameters");
	ASSERT_OK(pin(0));
	ASSERT_OK(write_text(SHARE, "10"));
	ASSERT_EQ(0, wire_new(&self->wire));
	ASSERT_EQ(0, wire_flow(&self->wire, &self->flow, FLOW_IP4));
	ASSERT_EQ(0, setns(self->wire.there, CLONE_NEWNET));
	ASSERT_EQ(0, ip_batch("link add d0 type dummy\n"
			      "link set d0 mtu 68 up\n"
			      "addr add 10.8.0.1/24 dev d0\n"
			      "link add t0 type ipip local 10.8.0.1 remote 10.8.0.2 nopmtudisc\n"
			      "link set t0 mtu 65515 up\n"
			      "route add 10.9.0.2/32 dev t0\n"));
	ASSERT_EQ(0, setns(self->wire.here, CLONE_NEWNET));
	ASSERT_OK(sock_set(self->flow.rx, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT));
}

FIXTURE_TEARDOWN(nested)
{
	write_text(SHARE, "100");
}

/* The account is charged what it takes, so most datagrams are not executed on. */
TEST_F(nested, replies_are_measured)
{
	static const __u8 data[REPLY_LEN];
	struct vnp_link_info info = { 0 };
	int dev = device_open(), link;

	link = link_create(dev, prog_verdict(dev, VNP_REPLY), self->flow.rx, 0);
	ASSERT_OK(link);
	for (int i = 1; i <= REPLIES; i++) {
		ASSERT_EQ(REPLY_LEN, flow_send(&self->flow, data, REPLY_LEN));
		ASSERT_OK(link_settle(link, i, &info));
	}
	for (int i = 0; i < VNP_ERROR_SLOTS; i++)
		EXPECT_EQ(0, info.errors[i]);
	EXPECT_LE(1, info.verdicts[VNP_REPLY]);
	EXPECT_LE(REPLIES / 2, info.faults[VNP_FAULT_THROTTLED]);
	TH_LOG("%llu of %d replies", info.verdicts[VNP_REPLY], REPLIES);
	flow_close(&self->flow);
	close(link);
	close(dev);
}

TEST_HARNESS_MAIN
