// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Growth of a program by lowering: the maximum for each kind of instruction, for a
 * trusted user and for an untrusted one, including the exits of faults; and the limit for
 * a program.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "random_program.h"
#include "vm/lower/lower.h"
#include "vm_util.h"

/* Maximum number of lowered instructions for one instruction */
#define GROWTH_MAX	52

/* Number of random programs whose instructions are measured */
#define RANDOM_PROGRAMS	300

/* an unknown number */
#define UNKNOWN(DST)	BPF_LDX_MEM(BPF_DW, DST, R1, offsetof(struct vnp_ctx, tstamp))

struct kind {
	const char *name;
	__u32 at;		/* index of the measured instruction */
	__u32 trusted;		/* number of lowered instructions for it */
	__u32 hardened;
	struct bpf_insn insns[24];
};

/* length() - number of instructions, without trailing zeroes */
static __u32 length(const struct kind *kind)
{
	__u32 cnt = ARRAY_SIZE(kind->insns);

	while (!kind->insns[cnt - 1].code)
		cnt--;
	return cnt;
}

/* lowered_cnt() - number of lowered instructions for instruction @at */
static __u32 lowered_cnt(const struct vnp_code *code, __u32 at)
{
	__u32 n = 0, i;

	for (i = 0; i < code->lowered.cnt; i++)
		n += code->lowered.origin[i] == at;
	return n;
}

static void measure(const struct kind *kind, bool harden, __u32 want)
{
	struct vnp_code *code;
	__u32 got;

	vm_harden = harden;
	if (vm_make(kind->insns, length(kind), &code))
		fail_msg("%s is refused:\n%s", kind->name, vm_log);
	got = lowered_cnt(code, kind->at);
	vm_free(code);
	if (got != want)
		fail_msg("%s: %u lowered instructions, not %u", kind->name, got, want);
	assert_true(got <= GROWTH_MAX);
}

#define KIND(NAME, AT, TRUSTED, HARDENED, ...)				\
	{ NAME, AT, TRUSTED, HARDENED, { __VA_ARGS__ } }

static const struct kind kinds[] = {
	KIND("move", 1, 1, 1, UNKNOWN(R0), BPF_MOV64_REG(R2, R0), BPF_EXIT_INSN()),
	KIND("add a constant", 1, 1, 3,
	     UNKNOWN(R0), BPF_ALU64_IMM(BPF_ADD, R0, 0x12345678), BPF_EXIT_INSN()),
	KIND("64 bit constant", 1, 2, 7, BPF_MOV64_IMM(R0, 0),
	     BPF_LD_IMM64(R0, 0x123456789abcdefULL), BPF_EXIT_INSN()),
	KIND("sign-extending move", 1, 3, 3,
	     UNKNOWN(R0), BPF_MOVSX64_REG(R0, R0, 8), BPF_EXIT_INSN()),
	KIND("shift by a register", 2, 3, 3,
	     UNKNOWN(R0), UNKNOWN(R2), BPF_ALU64_REG(BPF_LSH, R0, R2), BPF_EXIT_INSN()),
	KIND("division by a register", 2, 4, 4,
	     UNKNOWN(R0), UNKNOWN(R2), BPF_ALU64_REG(BPF_DIV, R0, R2), BPF_EXIT_INSN()),
	KIND("signed division by a register", 2, 17, 17, UNKNOWN(R0), UNKNOWN(R2),
	     BPF_RAW_INSN(BPF_ALU64 | BPF_DIV | BPF_X, R0, R2, 1, 0), BPF_EXIT_INSN()),
	KIND("signed division by a constant", 1, 9, 11, UNKNOWN(R0),
	     BPF_RAW_INSN(BPF_ALU64 | BPF_DIV | BPF_K, R0, 0, 1, -0x12345678), BPF_EXIT_INSN()),
	KIND("signed modulo by a register", 2, 15, 15, UNKNOWN(R0), UNKNOWN(R2),
	     BPF_RAW_INSN(BPF_ALU64 | BPF_MOD | BPF_X, R0, R2, 1, 0), BPF_EXIT_INSN()),
	KIND("jump on a constant", 1, 1, 3, UNKNOWN(R0),
	     BPF_JMP_IMM(BPF_JEQ, R0, 0x12345678, 1), BPF_MOV64_IMM(R0, 1), BPF_EXIT_INSN()),
	KIND("jump back", 1, 12, 14, UNKNOWN(R0), BPF_JMP_IMM(BPF_JSET, R0, 0x12345678, -2),
	     RETURN(1)),
	KIND("packet", 1, 9, 12, LOAD_DATA(R2), BPF_LDX_MEM(BPF_W, R0, R2, 4), BPF_EXIT_INSN()),
	KIND("packet, at any offset", 3, 14, 27, LOAD_DATA(R2), UNKNOWN(R3),
	     BPF_ALU64_REG(BPF_ADD, R2, R3), BPF_LDX_MEMSX(BPF_W, R0, R2, 4), BPF_EXIT_INSN()),
	KIND("packet, at any offset, constant", 3, 12, 27, LOAD_DATA(R2), UNKNOWN(R3),
	     BPF_ALU64_REG(BPF_ADD, R2, R3), BPF_ST_MEM(BPF_W, R2, 4, 0x12345678), RETURN(0)),
	KIND("map value, at any offset", 4, 11, 22, BPF_LD_MAP_VALUE(R2, MAP_DATA, 0), UNKNOWN(R3),
	     BPF_ALU64_REG(BPF_ADD, R2, R3), BPF_ST_MEM(BPF_W, R2, 4, 0x12345678), RETURN(0)),
	KIND("stack, at any offset", 4, 11, 18, BPF_ST_MEM(BPF_DW, R10, -8, 0),
	     BPF_MOV64_REG(R2, R10), UNKNOWN(R3),
	     BPF_ALU64_REG(BPF_ADD, R2, R3), BPF_ST_MEM(BPF_B, R2, -8, 1), RETURN(0)),
	KIND("helper with two sizes", 10, 16, 21,
	     LOAD_DATA(R6), UNKNOWN(R3), UNKNOWN(R7), BPF_MOV64_REG(R2, R6),
	     BPF_ALU64_REG(BPF_ADD, R2, R3), BPF_MOV64_REG(R4, R7), BPF_MOV64_REG(R1, R2),
	     BPF_MOV64_REG(R2, R3), BPF_MOV64_REG(R3, R1), BPF_MOV64_IMM(R5, 0),
	     BPF_CALL_HELPER(csum_diff), BPF_EXIT_INSN()),
	KIND("look-up with any key", 6, 14, 29, LOAD_DATA(R2), UNKNOWN(R3),
	     BPF_ALU64_REG(BPF_ADD, R2, R3), BPF_MOV64_REG(R2, R2),
	     BPF_LD_MAP(R1, MAP_HASH), BPF_CALL_HELPER(map_lookup), RETURN(0)),
	KIND("update with any key and value", 8, 22, 52, LOAD_DATA(R2), UNKNOWN(R3), UNKNOWN(R4),
	     BPF_ALU64_REG(BPF_ADD, R2, R3), BPF_MOV64_REG(R3, R2),
	     BPF_ALU64_REG(BPF_ADD, R3, R4),
	     BPF_LD_MAP(R1, MAP_HASH), BPF_CALL_HELPER(map_update), RETURN(0)),
};

static void each_kind(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		measure(&kinds[i], false, kinds[i].trusted);
		measure(&kinds[i], true, kinds[i].hardened);
	}
}

/* Instructions of random programs do not exceed those above. */
static void random_programs(void **state)
{
	struct bpf_insn insns[RANDOM_INSNS_MAX];
	struct vnp_code *code;
	__u32 cnt, at, most = 0;
	__u64 seed;

	(void)state;
	vm_harden = true;
	for (seed = 1; seed <= RANDOM_PROGRAMS; seed++) {
		cnt = random_program(seed, insns);
		if (vm_make(insns, cnt, &code))
			continue;
		/* the first instruction also has the entry of the program */
		for (at = 1; at < code->insn_cnt; at++)
			if (lowered_cnt(code, at) > most)
				most = lowered_cnt(code, at);
		vm_free(code);
	}
	assert_true(most > 8);
	assert_true(most <= GROWTH_MAX);
}

/* fill() - a program that repeats an instruction @cnt times and returns 0 */
static struct bpf_insn *fill(struct bpf_insn insn, __u32 cnt)
{
	struct bpf_insn *insns = calloc(cnt + 4, sizeof(*insns));
	__u32 i;

	assert_non_null(insns);
	insns[0] = UNKNOWN(R0);
	insns[1] = BPF_MOV64_REG(R2, R0);
	for (i = 0; i < cnt; i++)
		insns[2 + i] = insn;
	insns[cnt + 2] = BPF_MOV64_IMM(R0, 0);
	insns[cnt + 3] = BPF_EXIT_INSN();
	return insns;
}

/* lower_many() - lower an instruction @cnt times. Return: lowered length, or an error */
static int lower_many(struct bpf_insn insn, __u32 cnt)
{
	struct bpf_insn *insns = fill(insn, cnt);
	struct vnp_code *code;
	int ret = vm_make(insns, cnt + 4, &code);

	if (!ret)
		ret = code->lowered.cnt;
	vm_free(code);
	free(insns);
	return ret;
}

/* A program of 65,000 signed divisions would be 1.1 million instructions. */
static void limit(void **state)
{
	const struct bpf_insn sdiv =
		BPF_RAW_INSN(BPF_ALU64 | BPF_DIV | BPF_X, R0, R2, 1, 0);
	const struct bpf_insn add = BPF_ALU64_IMM(BPF_ADD, R0, 0x12345678);

	(void)state;
	vm_harden = true;
	/* it must not be refused because of its cost */
	vm_budget = 1 << 20;
	assert_int_equal(lower_many(sdiv, 65000), -E2BIG);
	assert_non_null(strstr(vm_log, "the program grows too much: it may become 520032 instructions"));
	assert_non_null(strstr(vm_log, " of them are divisions."));

	/* The limit is 65,536 lowered instructions. */
	assert_in_range(lower_many(sdiv, 3800), 17 * 3800, 65536);
	assert_int_equal(lower_many(sdiv, 3860), -E2BIG);
	/* Three lowered instructions for one are common. */
	assert_in_range(lower_many(add, 65000), 3 * 65000, 3 * 65000 + 8);
	vm_budget = 0;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_kind),
		cmocka_unit_test(random_programs),
		cmocka_unit_test(limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
