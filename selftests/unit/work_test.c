// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The maximum cost of verification, in units of work (struct vnp_cost), which are the
 * same on each machine.  "make verify-cost" measures the time.
 */
#include "vm_util.h"

#include <stdlib.h>
#include <string.h>

#include "selftests/bench/worst.h"
#include "vm/verify/verify.h"

/* The messages when precision is reduced, and when the limit is reached */
#define REDUCED	"verification takes long, so it goes on with less precision"
#define REFUSED	"verification takes too long and was given up"
#define LOOP	"the loop that begins here took"

static struct text text;

static int make(__u64 *work)
{
	struct vnp_code *code;
	int err = vm_make(text.insns, text.cnt, &code);

	/* a refused program has no code */
	*work = err ? 0 : code->work;
	if (!err)
		vm_free(code);
	return err;
}

/* The limit of both interpretations, and the excess before it is checked */
static __u64 limit(void)
{
	struct vnp_cost cost;

	vnp_cost_init(&cost, text.cnt);
	return (vm_harden ? 2 : 1) * cost.max * 11 / 10;
}

/*
 * Work per instruction of programs of 1,000 instructions, and of 4,000 if trusted; all are
 * accepted
 */
static const struct most {
	const char *name;
	__u64 trusted;
	__u64 hardened;
} most[WORST_CNT] = {
	{ "counters", 560, 1300 },
	{ "histogram", 2950, 12900 },
	{ "copies", 1780, 1940 },
	{ "relations", 300, 470 },
	{ "opposites", 570, 1240 },
	{ "deep", 6200, 7000 },
	{ "tangled", 7600, 8300 },
};

static void check_worst(__u32 i, __u32 size)
{
	__u64 work, per_insn;

	text.max = size;
	worst[i].make(&text);
	assert_string_equal(worst[i].name, most[i].name);
	assert_int_equal(make(&work), 0);
	per_insn = vm_harden ? most[i].hardened : most[i].trusted;
	print_message("# %-10s %5u%s %10llu, %llu an instruction\n", worst[i].name,
		      text.cnt, vm_harden ? " hardened" : "         ", work,
		      work / text.cnt);
	assert_in_range(work / text.cnt, 1, per_insn);
	assert_in_range(work, 1, limit());
}

static void worst_programs(void **state)
{
	__u32 i;

	(void)state;
	for (i = 0; i < WORST_CNT; i++) {
		check_worst(i, 1000);
		check_worst(i, 4000);
		vm_harden = true;
		check_worst(i, 1000);
		vm_harden = false;
	}
}

/* 856 instructions that are verified quickly and must not be refused */
static void a_histogram(void **state)
{
	__u64 work;

	(void)state;
	worst_histogram(&text, 48, 200);
	assert_int_equal(make(&work), 0);
	assert_null(strstr(vm_log, REDUCED));
	assert_in_range(work, 1, 3700000);
}

/* Too much work is refused quickly, with the reason */
static void refusals_name_loops(void **state)
{
	char *loop;
	__u64 work;

	(void)state;
	text.max = 10000;
	worst[5].make(&text);
	assert_int_equal(make(&work), -E2BIG);
	loop = strstr(vm_log, REFUSED);
	assert_non_null(loop);
	assert_non_null(strstr(loop, LOOP));
	assert_non_null(strstr(loop, " % of it, loops inside not counted.\n"));
}

/* After code that reduces the precision: sum up the payload */
static void append_sum(void)
{
	const struct bpf_insn sum[] = {
		BPF_MOV64_IMM(R0, 0), BPF_MOV64_IMM(R5, 0), BPF_MOV64_REG(R4, R8),
		BPF_JMP_REG(BPF_JGE, R4, R9, 6), BPF_JMP_IMM(BPF_JGE, R5, 1000, 5),
		BPF_LDX_MEM(BPF_B, R1, R4, 0), BPF_ALU64_REG(BPF_ADD, R0, R1),
		BPF_ALU64_IMM(BPF_ADD, R4, 1), BPF_ALU64_IMM(BPF_ADD, R5, 1),
		BPF_JMP_A(-7), BPF_ALU64_IMM(BPF_AND, R0, 0xff), BPF_EXIT_INSN(),
	};

	memcpy(&text.insns[text.cnt - 2], sum, sizeof(sum));
	text.cnt += ARRAY_SIZE(sum) - 2;
}

/* With reduced precision results are sound, and a loop over the payload can still be proven */
static void reduced_precision_is_sound(void **state)
{
	struct vm_result r;
	__u8 payload[100];
	__u32 i, len;

	(void)state;
	text.max = 4000;
	worst[5].make(&text);
	append_sum();
	/* replaces the number in the first slot: skip the loops if the payload is short */
	text.insns[4] = BPF_LDX_MEM(BPF_W, R0, R6, offsetof(struct vnp_ctx, len));
	text.insns[5] = BPF_JMP_IMM(BPF_JLT, R0, 100, (int)text.cnt - 12 - 6);
	for (len = 0; len < sizeof(payload); len += 99) {
		__u8 sum = 0;

		for (i = 0; i < len; i++)
			sum += payload[i] = 7 * i + len;
		r = vm_run(text.insns, text.cnt, payload, len);
		assert_int_equal(r.fault, VNP_FAULT_NONE);
		assert_int_equal(r.retval, sum);
	}
	assert_non_null(strstr(vm_log, REDUCED));
}

static int setup(void **state)
{
	(void)state;
	text.insns = calloc(TEXT_MAX, sizeof(*text.insns));
	return !text.insns;
}

static int teardown(void **state)
{
	(void)state;
	free(text.insns);
	return 0;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(worst_programs),
		cmocka_unit_test(a_histogram),
		cmocka_unit_test(refusals_name_loops),
		cmocka_unit_test(reduced_precision_is_sound),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
