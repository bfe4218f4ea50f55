// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * A program for each published class of bugs in eBPF verifiers: here it is refused, or
 * harmless.  Harmless means that it faults at a guard or does what C says, in the
 * reference interpreter, which checks each access against the real objects, and lowered,
 * trusted and hardened (vm_run()).
 *
 * The programs are based on descriptions of the bugs, for VNP's maps and payload.
 */
#include <string.h>

#include "vm_util.h"

/* R4: 8 bytes of the payload, unknown to the verifier.  Uses R2 */
#define UNKNOWN		LOAD_DATA(R2), BPF_LDX_MEM(BPF_DW, R4, R2, 0)

/* A byte at R4 in a map's value of 64, which a buggy verifier believes to be in bounds */
#define INDEX_MAP	BPF_LD_MAP_VALUE(R5, MAP_DATA, 0),		\
			BPF_ALU64_REG(BPF_ADD, R5, R4),			\
			BPF_LDX_MEM(BPF_B, R0, R5, 0), BPF_EXIT_INSN()

static struct vm_result run(const struct bpf_insn *insns, __u32 cnt, __u64 number)
{
	__u8 payload[16] = {};

	memcpy(payload, &number, sizeof(number));
	return vm_run(insns, cnt, payload, sizeof(payload));
}

/* With this number in R4, the program faults at the guard of a map value */
#define assert_guard_faults(NUMBER, ...)				\
	assert_int_equal(run(PROG(__VA_ARGS__), NUMBER).fault, VNP_FAULT_MAP)

/* With this number in R4, the program executes to its end and returns RETVAL */
#define assert_executes(RETVAL, NUMBER, ...) do {			\
	struct vm_result _r = run(PROG(__VA_ARGS__), NUMBER);		\
									\
	assert_int_equal(_r.fault, VNP_FAULT_NONE);			\
	assert_int_equal(_r.retval, RETVAL);				\
} while (0)

/* CVE-2020-8835: a 32 bit jump was taken to bound the upper half, too */
static void bounds32_tell_of_all_bits(void **state)
{
	(void)state;
#define BOUND32	UNKNOWN, BPF_JMP32_IMM(BPF_JGT, R4, 63, 5), INDEX_MAP, RETURN(7)
	assert_accepted("1 access proven, 2 guarded", BOUND32);
	assert_guard_faults(1ULL << 32, BOUND32);
	assert_executes(0, 63, BOUND32);
	assert_executes(7, 64, BOUND32);
}

/*
 * CVE-2021-31440: bounds of 64 bits were used for the lower half although they do not fit
 * into it
 */
static void bounds64_tell_of_lower_half(void **state)
{
	(void)state;
#define BOUND64	UNKNOWN, BPF_LD_IMM64(R5, 1ULL << 32), BPF_JMP_REG(BPF_JGT, R4, R5, 6), \
		BPF_MOV32_REG(R4, R4), INDEX_MAP, RETURN(7)
	assert_accepted("2 guarded", BOUND64);
	assert_guard_faults(0xffffffff, BOUND64);
	assert_executes(0, 1ULL << 32, BOUND64);
	assert_executes(7, (1ULL << 32) + 1, BOUND64);
}

/* CVE-2017-16995: a 32 bit move of -1 was compared as if sign-extended */
static void moves32_extend_sign(void **state)
{
	(void)state;
	assert_returns(1, 0, BPF_MOV32_IMM(R4, -1), BPF_LD_IMM64(R5, 0xffffffff),
		       BPF_MOV64_IMM(R0, 0), BPF_JMP_REG(BPF_JNE, R4, R5, 1),
		       BPF_MOV64_IMM(R0, 1), BPF_EXIT_INSN());
#define MOVE32	BPF_MOV32_IMM(R4, -1), BPF_JMP_IMM(BPF_JEQ, R4, -1, 5), INDEX_MAP, RETURN(7)
	assert_accepted("ends with a fault", MOVE32);
	assert_guard_faults(0, MOVE32);
}

/* CVE-2017-16996: bounds of a 32 bit result were those of its operands */
static void arithmetic32_wraps(void **state)
{
	(void)state;
#define WRAP32	UNKNOWN, BPF_ALU64_IMM(BPF_AND, R4, 1), BPF_ALU32_IMM(BPF_SUB, R4, 1), \
		INDEX_MAP
	assert_accepted("2 guarded", WRAP32);
	assert_guard_faults(0, WRAP32);
	assert_executes(0, 1, WRAP32);
}

/* CVE-2021-3490: 32 bit and, or and xor left bounds that did not fit the known bits */
static void bitwise32_keeps_bounds(void **state)
{
	(void)state;
#define BITWISE(OP, NUMBER)						\
	assert_guard_faults(NUMBER, UNKNOWN, BPF_LD_IMM64(R5, 0xffffffff00000001), \
		      BPF_ALU64_REG(OP, R4, R5),			\
		      BPF_ALU64_IMM(BPF_RSH, R4, 32), INDEX_MAP)
	BITWISE(BPF_AND, 64ULL << 32);
	BITWISE(BPF_OR, 0);
	BITWISE(BPF_XOR, 0);
}

/* CVE-2020-27194: the bounds of a 64 bit "or" were those of 32 bits */
static void or_keeps_lower_bounds(void **state)
{
	(void)state;
#define OR	UNKNOWN, BPF_LD_IMM64(R5, 0x600000000), BPF_JMP_REG(BPF_JGE, R4, R5, 8), \
		BPF_JMP_IMM(BPF_JEQ, R4, 0, 7), BPF_ALU64_IMM(BPF_OR, R4, 0),	\
		BPF_MOV32_REG(R4, R4), INDEX_MAP, RETURN(7)
	assert_accepted("2 guarded", OR);
	assert_guard_faults(0x500000040, OR);
	assert_executes(0, 0x500000001, OR);
}

/* CVE-2018-18445: a 32 bit shift to the right moved bits of the upper half down */
static void shifts32_see_upper_half(void **state)
{
	(void)state;
#define SHIFT32	BPF_LD_IMM64(R4, 0x100000000), BPF_ALU32_IMM(BPF_RSH, R4, 1), INDEX_MAP
	assert_accepted("1 access proven, 0 guarded", SHIFT32);
	assert_executes(0, 0, SHIFT32);
	assert_guard_faults(63ULL << 32, UNKNOWN, BPF_ALU64_IMM(BPF_RSH, R4, 31), INDEX_MAP);
}

/* Shifts by the width or more: machines differ, and so did verifiers */
static void shifts_out_of_range(void **state)
{
	(void)state;
	/* RFC 9669 takes the lower bits of the count: 1 << 70 is 1 << 6, which is outside */
	assert_returns(1, 0, BPF_MOV64_IMM(R0, 1), BPF_ALU64_IMM(BPF_LSH, R0, 64),
		       BPF_EXIT_INSN());
	assert_returns(1, 0, BPF_MOV64_IMM(R0, 1), BPF_ALU32_IMM(BPF_RSH, R0, 32),
		       BPF_EXIT_INSN());
#define SHIFT	UNKNOWN, BPF_MOV64_IMM(R5, 1), BPF_ALU64_REG(BPF_LSH, R5, R4),	\
		BPF_MOV64_REG(R4, R5), INDEX_MAP
	assert_accepted("2 guarded", SHIFT);
	assert_guard_faults(70, SHIFT);
	assert_executes(0, 64, SHIFT);
}

/* CVE-2017-17853: a shift to the right left signed bounds; here, both kinds of it */
static void shifts_and_signs(void **state)
{
	(void)state;
	/* -64..-1 does not become -32..-1 by a logical one */
#define RSH	UNKNOWN, BPF_ALU64_IMM(BPF_OR, R4, -64), BPF_ALU64_IMM(BPF_RSH, R4, 1), \
		BPF_ALU64_IMM(BPF_ADD, R4, 32), INDEX_MAP
	assert_accepted("2 guarded", RSH);
	assert_guard_faults(0, RSH);
#define ARSH	UNKNOWN, BPF_ALU64_IMM(BPF_ARSH, R4, 58), INDEX_MAP
	assert_accepted("2 guarded", ARSH);
	assert_guard_faults(-1, ARSH);
	assert_executes(0, 5ULL << 58, ARSH);
}

/* CVE-2022-23222: arithmetic with a pointer that may be NULL */
static void null_arithmetic_before_test(void **state)
{
	(void)state;
	/* NULL + 8 is not NULL, but just as invalid */
#define OR_NULL	BPF_ST_MEM(BPF_W, R10, -4, 0), BPF_MOV64_REG(R2, R10),		\
		BPF_ALU64_IMM(BPF_ADD, R2, -4), BPF_LD_MAP(R1, MAP_HASH),	\
		BPF_CALL_HELPER(map_lookup), BPF_ALU64_IMM(BPF_ADD, R0, 8),	\
		BPF_JMP_IMM(BPF_JEQ, R0, 0, 2), BPF_LDX_MEM(BPF_DW, R0, R0, 0),	\
		BPF_EXIT_INSN(), RETURN(7)
	assert_accepted("1 guarded", OR_NULL);
	assert_faults(VNP_FAULT_NULL, 8, 0, OR_NULL);
	/* the pointer was copied, the copy is tested, and the original used */
	assert_faults(VNP_FAULT_NULL, 8, 0, BPF_ST_MEM(BPF_W, R10, -4, 0),
		      BPF_MOV64_REG(R2, R10), BPF_ALU64_IMM(BPF_ADD, R2, -4),
		      BPF_LD_MAP(R1, MAP_HASH), BPF_CALL_HELPER(map_lookup),
		      BPF_MOV64_REG(R6, R0), BPF_ALU64_IMM(BPF_ADD, R6, 8),
		      BPF_LDX_MEM(BPF_DW, R0, R6, -8), BPF_EXIT_INSN());
}

/*
 * CVE-2021-45402, and others without a number: conversions of pointers to numbers leak
 * them
 */
static void pointers_are_compared(void **state)
{
	(void)state;
	assert_refused("would reveal where", BPF_MOV64_IMM(R0, 0),
		       BPF_JMP_IMM(BPF_JGT, R10, 1 << 20, 0), BPF_EXIT_INSN());
	assert_refused("would reveal where", LOAD_DATA(R2), BPF_MOV64_IMM(R0, 0),
		       BPF_JMP_REG(BPF_JGT, R2, R10, 0), BPF_EXIT_INSN());
	assert_refused("a pointer, not a number", BPF_MOV64_REG(R0, R10), BPF_EXIT_INSN());
	assert_refused("a pointer into a number", BPF_MOV32_REG(R0, R10), BPF_EXIT_INSN());
	assert_refused("a pointer into a number", BPF_MOV64_REG(R0, R10),
		       BPF_ALU64_IMM(BPF_MOD, R0, 64), BPF_EXIT_INSN());
	assert_refused("others can read it", BPF_LD_MAP_VALUE(R2, MAP_DATA, 0),
		       BPF_STX_MEM(BPF_DW, R2, R10, 0), RETURN(0));
}

/* CVE-2021-3444: 32-bit modulo by zero leaves the register, truncated to 32 bits */
static void modulo_zero(void **state)
{
	(void)state;
#define MODULO	UNKNOWN, BPF_MOV64_IMM(R5, 0), BPF_ALU32_REG(BPF_MOD, R4, R5), INDEX_MAP
	assert_accepted("2 guarded", MODULO);
	assert_guard_faults(0x1000, MODULO);
	assert_executes(0, 0x7000000003f, MODULO);
}

/* No number: a slot that was saved with one size, and changed or read with another */
static void spills_of_other_sizes(void **state)
{
	(void)state;
	/* the upper half of the number is still there */
#define SPILL	UNKNOWN, BPF_STX_MEM(BPF_DW, R10, R4, -8), BPF_ST_MEM(BPF_W, R10, -8, 0), \
		BPF_LDX_MEM(BPF_DW, R4, R10, -8), INDEX_MAP
	assert_accepted("2 guarded", SPILL);
	assert_guard_faults(1ULL << 32, SPILL);
	assert_executes(0, 5, SPILL);
	/* a number saved with 4 bytes is read with 8 */
	assert_executes(0, 5, UNKNOWN, BPF_STX_MEM(BPF_W, R10, R4, -8),
		    BPF_LDX_MEM(BPF_DW, R4, R10, -8), INDEX_MAP);
	/* a pointer with some of its bytes replaced */
	assert_refused("some bytes of a pointer", BPF_STX_MEM(BPF_DW, R10, R1, -8),
		       BPF_ST_MEM(BPF_B, R10, -8, 0), BPF_LDX_MEM(BPF_DW, R0, R10, -8),
		       BPF_EXIT_INSN());
}

/* No number (find_good_pkt_pointers()): "<" and "<=" with the payload's end, off by one */
static void jumps_off_by_one(void **state)
{
	(void)state;
#define END(OP, N, FAR)							\
	LOAD_DATA(R2), LOAD_DATA_END(R3), BPF_MOV64_REG(R4, R2),	\
	BPF_ALU64_IMM(BPF_ADD, R4, N), BPF_JMP_REG(OP, R4, R3, FAR),	\
	BPF_LDX_MEM(BPF_B, R0, R2, 8), BPF_EXIT_INSN(), RETURN(7)
	assert_accepted("0 guarded", END(BPF_JGT, 9, 2));
	assert_accepted("1 guarded", END(BPF_JGT, 8, 2));
	assert_accepted("0 guarded", END(BPF_JGE, 8, 2));
	assert_accepted("1 guarded", END(BPF_JGE, 7, 2));
	assert_faults(VNP_FAULT_PACKET, 5, 8, END(BPF_JGT, 8, 2));
	assert_faults(VNP_FAULT_PACKET, 5, 8, END(BPF_JGE, 7, 2));
#define LIMIT(OP)	UNKNOWN, BPF_JMP_IMM(OP, R4, 64, 5), INDEX_MAP, RETURN(7)
	assert_accepted("1 guarded", LIMIT(BPF_JGE));
	assert_accepted("2 guarded", LIMIT(BPF_JGT));
	assert_guard_faults(64, LIMIT(BPF_JGT));
}

/*
 * CVE-2023-2163, CVE-2017-17864: states considered equal too early: one path reaches the
 * access with a number that the path verified first did not have
 */
static void states_are_pruned(void **state)
{
	(void)state;
#define PRUNE	UNKNOWN, BPF_MOV64_REG(R5, R4), BPF_MOV64_IMM(R4, 0),		\
		BPF_JMP_IMM(BPF_JEQ, R5, 0, 3), BPF_JMP_IMM(BPF_JEQ, R5, 1, 1),	\
		BPF_JMP_A(1), BPF_MOV64_IMM(R4, 1 << 20), INDEX_MAP
	assert_guard_faults(1, PRUNE);
	assert_executes(0, 0, PRUNE);
	assert_executes(0, 2, PRUNE);
	/* the number gets out of bounds in the second iteration only */
#define ITERATIONS	BPF_MOV64_IMM(R4, 0), BPF_MOV64_IMM(R3, 0),			\
		BPF_LD_MAP_VALUE(R5, MAP_DATA, 0), BPF_ALU64_REG(BPF_ADD, R5, R4), \
		BPF_LDX_MEM(BPF_B, R0, R5, 0), BPF_MOV64_REG(R4, R3),		\
		BPF_MOV64_IMM(R3, 64), BPF_JMP_IMM(BPF_JNE, R4, 65, -7), RETURN(0)
	assert_guard_faults(0, ITERATIONS);
}

/* CVE-2019-7308, CVE-2020-27170, -27171: arithmetic on pointers, off by one or unbounded, mispredicted */
static void speculative_arithmetic(void **state)
{
	struct vnp_code *code;

	(void)state;
	/* bounded by a branch alone: masked for users who are not trusted */
	vm_harden = true;
	assert_int_equal(vm_make(PROG(UNKNOWN, BPF_JMP_IMM(BPF_JGT, R4, 63, 5), INDEX_MAP,
				      RETURN(7)), &code), 0);
	assert_true(code->mask_cnt >= 1);
	vm_free(code);
	/* bounded without a branch: nothing is needed except for the load of the number */
	assert_int_equal(vm_make(PROG(UNKNOWN, BPF_ALU64_IMM(BPF_AND, R4, 63), INDEX_MAP),
				 &code), 0);
	assert_int_equal(code->mask_cnt, 1);
	vm_free(code);
	vm_harden = false;
}

/* CVE-2021-33624: an impossible path is not verified, but can be mispredicted */
static void speculative_dead_paths(void **state)
{
	struct vnp_code *code;
	__u32 i;

	(void)state;
#define DEAD	BPF_MOV64_IMM(R0, 0), BPF_MOV64_IMM(R4, 5),			\
		BPF_JMP_IMM(BPF_JEQ, R4, 5, 1), BPF_LDX_MEM(BPF_DW, R0, R0, 0),	\
		BPF_EXIT_INSN()
	vm_harden = true;
	assert_int_equal(vm_make(PROG(DEAD), &code), 0);
	/* unreachable code is not emitted */
	for (i = 0; i < code->lowered.cnt; i++) {
		assert_int_not_equal(BPF_CLASS(code->lowered.insns[i].code), BPF_JMP32);
		assert_true(BPF_CLASS(code->lowered.insns[i].code) != BPF_LDX);
		assert_false(vnp_insn_is_cond(&code->lowered.insns[i]));
	}
	vm_free(code);
	vm_harden = false;
	assert_returns(0, 0, DEAD);
}

/* CVE-2021-34556, -35477: a load overtakes the store that makes a slot harmless */
static void speculative_store_bypass(void **state)
{
	struct vnp_code *code;

	(void)state;
	vm_harden = true;
	assert_int_equal(vm_make(PROG(UNKNOWN, BPF_STX_MEM(BPF_DW, R10, R4, -8),
				      BPF_STX_MEM(BPF_DW, R10, R10, -8),
				      BPF_LDX_MEM(BPF_DW, R3, R10, -8),
				      BPF_ST_MEM(BPF_DW, R3, -16, 0), RETURN(0)),
				 &code), 0);
	/* the load may return the number: the store through it gets a barrier */
	assert_true(code->barrier_cnt >= 1);
	vm_free(code);
	vm_harden = false;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(bounds32_tell_of_all_bits),
		cmocka_unit_test(bounds64_tell_of_lower_half),
		cmocka_unit_test(moves32_extend_sign),
		cmocka_unit_test(arithmetic32_wraps),
		cmocka_unit_test(bitwise32_keeps_bounds),
		cmocka_unit_test(or_keeps_lower_bounds),
		cmocka_unit_test(shifts32_see_upper_half),
		cmocka_unit_test(shifts_out_of_range),
		cmocka_unit_test(shifts_and_signs),
		cmocka_unit_test(null_arithmetic_before_test),
		cmocka_unit_test(pointers_are_compared),
		cmocka_unit_test(modulo_zero),
		cmocka_unit_test(spills_of_other_sizes),
		cmocka_unit_test(jumps_off_by_one),
		cmocka_unit_test(states_are_pruned),
		cmocka_unit_test(speculative_arithmetic),
		cmocka_unit_test(speculative_dead_paths),
		cmocka_unit_test(speculative_store_bypass),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
