// SPDX-License-Identifier: GPL-2.0
/*
 * Guards: each kind has a program that needs it and a twin that does not; a fault ends
 * the program exactly there, is counted by kind with its line, and has the link's effect
 * on the datagram.
 */
#include "harness.h"
#include "insn.h"
#include "object.h"
#include "../progs/faults.h"

#define LEN	20	/* bytes of payload */

/*
 * Does this index make the program fault?
 */

static bool behind_packet(__u8 index)
{
	return index >= LEN;
}

static bool around_packet(__u8 index)
{
	return index > 16 || 16 - index >= LEN;
}

static bool not_in_table(__u8 index)
{
	return index != 3 && index != 7;
}

static bool behind_array(__u8 index)
{
	return index >= INDEXED_LEN;
}

/* The end of the last numeric field without a gap before it */
static bool behind_numbers(__u8 index)
{
	return index > (offsetof(struct vnp_ctx, tos) -
			offsetof(struct vnp_ctx, remote_ip6)) / sizeof(__u32);
}

static bool always(__u8 index)
{
	return true;
}

FIXTURE(guard) {
	struct vnp_object *obj;
	struct vnp_program *prog;
	struct vnp_program *twin;
	__u8 payload[LEN];
	int dev;
};

/**
 * @prog:	a program that can fault
 * @twin:	one like it that cannot
 * @fault:	the kind
 * @faults:	does this index make it fault?
 * @prog_flags:	to load it with
 */
FIXTURE_VARIANT(guard) {
	const char *prog;
	const char *twin;
	enum vnp_fault fault;
	bool (*faults)(__u8 index);
	__u32 prog_flags;
};

#define GUARD(name, ...)						\
FIXTURE_VARIANT_ADD(guard, name) { __VA_ARGS__ };			\
FIXTURE_VARIANT_ADD(guard, name##_hardened) {				\
	__VA_ARGS__, .prog_flags = VNP_PROG_F_HARDEN,			\
}

GUARD(packet, "packet_unchecked", "packet_checked", VNP_FAULT_PACKET, behind_packet);
GUARD(packet_write, "packet_written", "packet_checked", VNP_FAULT_PACKET,
      behind_packet);
GUARD(packet_low, "packet_before", "packet_checked", VNP_FAULT_PACKET,
      around_packet);
GUARD(null, "lookup_untested", "lookup_tested", VNP_FAULT_NULL, not_in_table);
GUARD(map, "map_unbounded", "map_bounded", VNP_FAULT_MAP, behind_array);
GUARD(stack, "stack_unbounded", "stack_bounded", VNP_FAULT_STACK, behind_array);
GUARD(context, "context_unbounded", "context_bounded", VNP_FAULT_CONTEXT,
      behind_numbers);
GUARD(budget, "loop_for_ever", "no_loop", VNP_FAULT_BUDGET, always);
GUARD(budget_bare, "loop_bare", "no_loop", VNP_FAULT_BUDGET, always);

FIXTURE_SETUP(guard)
{
	struct vnp_load_opts opts = {
		.sz = sizeof(opts),
		.prog_flags = variant->prog_flags,
	};
	const __u32 keys[] = { 3, 7 };
	const __u64 value = 0;

	self->dev = device_open();
	ASSERT_OK(self->dev);
	ASSERT_EQ(0, object_open("faults", &self->obj));
	ASSERT_EQ(0, object_choose(self->obj, variant->prog, variant->twin, NULL));
	ASSERT_EQ(0, vnp_object_load(self->obj, &opts));
	self->prog = vnp_object_find_program(self->obj, variant->prog);
	self->twin = vnp_object_find_program(self->obj, variant->twin);
	ASSERT_NE(NULL, self->prog);
	ASSERT_NE(NULL, self->twin);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		ASSERT_EQ(0, vnp_map_update(vnp_object_find_map(self->obj, "table"),
					    &keys[i], &value, VNP_MAP_ANY));
	}
	fill_random(self->payload, LEN, 5);
	pin(0);
}

FIXTURE_TEARDOWN(guard)
{
	vnp_object_close(self->obj);
}

/* run() - execute a program with an index; its changes go to @out */
static int run(const struct vnp_program *prog, const __u8 *payload, __u8 index,
	       void *out, struct vnp_prog_run *run)
{
	__u8 data[LEN];

	memcpy(data, payload, LEN);
	((struct order *)data)->index = index;
	*run = (struct vnp_prog_run) {
		.data_out = (uintptr_t)out,
		.data_out_len = LEN,
	};
	return prog_run(vnp_program_fd(prog), data, LEN, run);
}

TEST_F(guard, only_where_needed)
{
	struct vnp_prog_info info, twin;
	const bool loop = variant->fault == VNP_FAULT_BUDGET;

	ASSERT_EQ(0, prog_info(vnp_program_fd(self->prog), &info));
	ASSERT_EQ(0, prog_info(vnp_program_fd(self->twin), &twin));
	EXPECT_EQ(loop ? 0 : 1, info.guard_cnt);
	EXPECT_LE(info.guard_cnt, info.access_cnt);
	EXPECT_EQ(loop ? 1 : 0, info.loop_cnt);
	EXPECT_EQ(0, twin.guard_cnt);
	EXPECT_EQ(0, twin.loop_cnt);
	EXPECT_EQ(!as_root() || variant->prog_flags, info.hardened);
}

TEST_F(guard, exactly_at_the_edge)
{
	struct vnp_prog_run r;
	__u8 out[LEN];

	for (int index = 0; index < 256; index++) {
		ASSERT_EQ(0, run(self->prog, self->payload, index, out, &r));
		ASSERT_EQ(variant->faults(index) ? variant->fault : 0, r.fault) {
			TH_LOG("index %d", index);
		}
		EXPECT_GE(r.fault ? 0 : VNP_PASS, r.retval);
	}
}

TEST_F(guard, twin_never_faults)
{
	struct vnp_prog_run r;
	__u8 out[LEN];

	for (int index = 0; index < 256; index++) {
		ASSERT_EQ(0, run(self->twin, self->payload, index, out, &r));
		ASSERT_EQ(VNP_FAULT_NONE, r.fault);
	}
}

TEST_F(guard, names_the_line)
{
	struct vnp_source_line line;
	struct vnp_prog_run r;
	__u8 out[LEN];

	ASSERT_EQ(0, run(self->prog, self->payload, 200, out, &r));
	ASSERT_EQ(variant->fault, r.fault);
	ASSERT_EQ(0, vnp_program_source(self->prog, r.fault_insn, &line));
	EXPECT_NE(NULL, strstr(line.text, "/* FAULT */")) {
		TH_LOG("line %u: %s", line.line, line.text);
	}
	EXPECT_NE(NULL, strstr(line.file, "faults.bpf.c"));
}

/* The write that faults does not happen. */
TEST_F(guard, nothing_written)
{
	struct vnp_prog_run r;
	__u8 out[LEN];

	ASSERT_EQ(0, run(self->prog, self->payload, 200, out, &r));
	ASSERT_EQ(variant->fault, r.fault);
	EXPECT_EQ(200, out[0]);
	EXPECT_MEM(self->payload + 1, out + 1, LEN - 1);
}

/* send_orders() - a datagram for each index */
static int send_orders(struct flow *flow, const __u8 *payload)
{
	__u8 data[LEN];

	memcpy(data, payload, LEN);
	for (int index = 0; index < 256; index++) {
		((struct order *)data)->index = index;
		if (flow_send(flow, data, LEN) != LEN)
			return -errno;
	}
	return 0;
}

/* count_faults() - number of 256 indices that fault */
static __u64 count_faults(bool (*faults)(__u8 index))
{
	__u64 n = 0;

	for (int index = 0; index < 256; index++)
		n += faults(index);
	return n;
}

TEST_F(guard, counted_on_the_link)
{
	const __u64 n = count_faults(variant->faults);
	struct vnp_link_info info;
	struct vnp_prog_info prog;
	struct vnp_source_line line;
	struct flow flow;
	int link;

	ASSERT_EQ(0, flow_open(&flow, FLOW_IP4));
	link = object_link(self->obj, variant->prog, flow.rx, 0);
	ASSERT_OK(link);
	ASSERT_EQ(0, send_orders(&flow, self->payload));
	ASSERT_EQ(0, link_settle(link, 256, &info));
	EXPECT_EQ(256, info.packets);
	EXPECT_EQ(256 * LEN, info.bytes);
	EXPECT_EQ(n, info.faults[variant->fault]);
	EXPECT_EQ(n, link_faults(&info));
	EXPECT_EQ(256 - n, info.verdicts[VNP_PASS] + info.verdicts[VNP_DROP]);
	ASSERT_EQ(0, prog_info(vnp_program_fd(self->prog), &prog));
	EXPECT_EQ(prog.id, info.fault_prog_id);
	EXPECT_EQ(variant->fault, info.fault);
	ASSERT_EQ(0, vnp_program_source(self->prog, info.fault_insn, &line));
	EXPECT_NE(NULL, strstr(line.text, "/* FAULT */"));
}

TEST_F(guard, dropped_or_passed)
{
	const __u64 n = count_faults(variant->faults);
	struct vnp_link_info info;
	struct flow flow;
	int link;

	for (__u32 flags = 0; flags <= VNP_LINK_F_FAULT_PASS; flags++) {
		ASSERT_EQ(0, flow_open(&flow, FLOW_IP4));
		ASSERT_OK(sock_set(flow.rx, SOL_SOCKET, SO_RCVBUF, 1 << 20));
		link = object_link(self->obj, variant->prog, flow.rx, flags);
		ASSERT_OK(link);
		ASSERT_EQ(0, send_orders(&flow, self->payload));
		ASSERT_EQ(0, link_settle(link, 256, &info));
		EXPECT_EQ(flags, info.flags);
		EXPECT_EQ(n, link_faults(&info));
		EXPECT_EQ(info.verdicts[VNP_PASS] + (flags ? n : 0), sock_drain(flow.rx));
		flow_close(&flow);
		close(link);
	}
}

FIXTURE(verdict) {
	struct vnp_object *obj;
	struct flow flow;
	int link;
};

FIXTURE_SETUP(verdict)
{
	ASSERT_EQ(0, object_open("faults", &self->obj));
	ASSERT_EQ(0, object_choose(self->obj, "verdict_given", NULL));
	ASSERT_EQ(0, vnp_object_load(self->obj, NULL));
	ASSERT_EQ(0, flow_open(&self->flow, FLOW_IP4));
	self->link = object_link(self->obj, "verdict_given", self->flow.rx, 0);
	ASSERT_OK(self->link);
	pin(0);
}

FIXTURE_TEARDOWN(verdict)
{
	vnp_object_close(self->obj);
	flow_close(&self->flow);
	close(self->link);
}

/* On a link a return value that is not a verdict is a fault, ... */
TEST_F(verdict, faults_on_a_link)
{
	struct order order = { 0 };
	struct vnp_link_info info;

	for (int verdict = 0; verdict < 256; verdict++) {
		order.verdict = verdict;
		ASSERT_EQ(sizeof(order),
			  flow_send(&self->flow, &order, sizeof(order)));
	}
	ASSERT_EQ(0, link_settle(self->link, 256, &info));
	EXPECT_EQ(1, info.verdicts[VNP_PASS]);
	EXPECT_EQ(1, info.verdicts[VNP_DROP]);
	EXPECT_EQ(1, info.verdicts[VNP_REPLY]);
	EXPECT_EQ(253, info.faults[VNP_FAULT_VERDICT]);
	EXPECT_EQ(253, link_faults(&info));
	EXPECT_EQ(VNP_FAULT_VERDICT, info.fault);
	EXPECT_EQ(1, sock_drain(self->flow.rx));
}

/* ... in a test execution it is the result. */
TEST_F(verdict, is_given_by_a_test_run)
{
	struct order order = { .verdict = 200 };
	struct vnp_prog_run r = { 0 };

	ASSERT_EQ(0, prog_run(object_prog(self->obj, "verdict_given"), &order,
			      sizeof(order), &r));
	EXPECT_EQ(200, r.retval);
	EXPECT_EQ(VNP_FAULT_NONE, r.fault);
}

/*
 * A pointer that is 2^63 bytes away, or nearly: there the distance to the end of the object
 * wraps. The kernel's addresses are negative numbers, which the tests of vm/ cannot have.
 */
#define FAR_READ(...)							\
	LDX(BPF_DW, R2, R1, CTX(data)), LDX(BPF_DW, R3, R2, 0),		\
	ST(BPF_DW, FP, -8, 0), ST(BPF_DW, FP, -16, 0), __VA_ARGS__,	\
	ALU64_REG(BPF_ADD, R2, R3), LDX(BPF_DW, R0, R2, 0), EXIT()

static int far_read_load(int dev, const struct map *map, const struct bpf_insn *insns,
			 __u32 cnt)
{
	struct vnp_prog_load attr = prog_attr(insns, cnt);

	attr.flags = VNP_PROG_F_HARDEN;
	attr.map_fds = (uintptr_t)&map->fd;
	attr.map_cnt = 1;
	return do_ioctl(dev, VNP_PROG_LOAD, &attr);
}

TEST(pointer_to_the_other_half)
{
	const struct bpf_insn packet[] = { FAR_READ(MOV_REG(R4, R2)) };
	const struct bpf_insn stack[] = { FAR_READ(MOV_REG(R2, FP)) };
	const struct bpf_insn value[] = { FAR_READ(LD_VALUE(R2, 0, 0)) };
	struct vnp_prog_run run = { 0 };
	__u64 data[4] = { 0 };
	int dev = device_open(), progs[3];
	struct map map;

	ASSERT_OK(dev);
	ASSERT_OK(map_create(dev, &map, VNP_MAP_ARRAY, 4, 64, 1, 0));
	progs[0] = far_read_load(dev, &map, packet, ARRAY_SIZE(packet));
	progs[1] = far_read_load(dev, &map, stack, ARRAY_SIZE(stack));
	progs[2] = far_read_load(dev, &map, value, ARRAY_SIZE(value));
	for (int i = 0; i < 3; i++) {
		ASSERT_OK(progs[i]);
		for (int k = -100; k <= 100; k++) {
			data[0] = (1ULL << 63) + k;
			ASSERT_EQ(0, prog_run(progs[i], data, sizeof(data), &run));
			EXPECT_NE(VNP_FAULT_NONE, run.fault);
		}
		close(progs[i]);
	}
	close(map.fd);
	close(dev);
}

FIXTURE(budget) {
	struct vnp_object *obj;
	struct vnp_program *prog;
};

FIXTURE_SETUP(budget)
{
	ASSERT_EQ(0, object_open("faults", &self->obj));
	self->prog = vnp_object_find_program(self->obj, "loop_for_ever");
	ASSERT_NE(NULL, self->prog);
}

FIXTURE_TEARDOWN(budget)
{
	vnp_object_close(self->obj);
}

/* An execution makes as many iterations as the budget allows, within one. */
TEST_F(budget, is_kept)
{
	const __u32 budgets[] = { 100, 5000, 65536, 1 << 20 };
	struct vnp_prog_run r = { 0 };
	struct vnp_prog_info info;
	__u8 data[LEN] = { 0 };
	struct traces *traces;
	__u64 per_iteration;

	for (size_t i = 0; i < ARRAY_SIZE(budgets); i++) {
		ASSERT_EQ(0, object_open("faults", &self->obj));
		self->prog = vnp_object_find_program(self->obj, "loop_for_ever");
		ASSERT_EQ(0, vnp_program_set_budget(self->prog, budgets[i]));
		ASSERT_EQ(0, vnp_object_load(self->obj, NULL));
		traces = object_globals(self->obj, ".bss");
		ASSERT_NE(NULL, traces);
		ASSERT_EQ(0, prog_run(vnp_program_fd(self->prog), data, LEN, &r));
		EXPECT_EQ(VNP_FAULT_BUDGET, r.fault);
		ASSERT_EQ(0, prog_info(vnp_program_fd(self->prog), &info));
		EXPECT_EQ(budgets[i], info.budget);

		/* The body is some six instructions. */
		per_iteration = budgets[i] / (traces->iterations ?: 1);
		EXPECT_GE(budgets[i], traces->iterations);
		EXPECT_GE(100, per_iteration);
	}
}

TEST_F(budget, default_is_that_of_feature)
{
	struct vnp_feature f = { .size = sizeof(f) };
	struct vnp_prog_info info;

	ASSERT_EQ(0, vnp_program_set_budget(self->prog, 0));
	ASSERT_EQ(0, vnp_object_load(self->obj, NULL));
	ASSERT_EQ(0, prog_info(vnp_program_fd(self->prog), &info));
	ASSERT_EQ(0, vnp_feature_get(&f, NULL));
	EXPECT_EQ(f.budget, info.budget);
}

/* More than the limit requires CAP_SYS_ADMIN. */
TEST_F(budget, ceiling)
{
	struct vnp_feature f = { .size = sizeof(f) };

	ASSERT_EQ(0, vnp_feature_get(&f, NULL));
	ASSERT_EQ(0, vnp_program_set_budget(self->prog, f.budget_max + 1));
	EXPECT_EQ(as_root() ? 0 : -EPERM, vnp_object_load(self->obj, NULL));
}

TEST_HARNESS_MAIN
