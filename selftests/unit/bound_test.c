// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Bounded loops, which need not be metered: which loops are detected as bounded, which must
 * not be, and the budget that remains for metered ones.  The reference interpreter checks
 * that none has more iterations than proven, here and for all random programs.
 */
#include "vm_util.h"

#define UNKNOWN(REG)	BPF_LDX_MEM(BPF_W, REG, R1, offsetof(struct vnp_ctx, len))

/* Passes several instructions as one argument of a macro */
#define ARGS(...)	__VA_ARGS__

#define assert_bounded(...)	assert_accepted("; 1 loop bounded, 0 metered", __VA_ARGS__)
#define assert_metered(...)	assert_accepted("; 1 loop metered", __VA_ARGS__)

/* Three instructions that are executed ten times: nine jumps back, which cost 27 */
#define TEN	BPF_MOV64_IMM(R0, 0), BPF_ALU64_IMM(BPF_ADD, R0, 1),	\
		BPF_MOV64_IMM(R1, 0), BPF_JMP_IMM(BPF_JLT, R0, 10, -3)

/* The same, with a counter that the verifier does not recognize */
#define TEN_BY(REG)							\
	BPF_MOV64_IMM(R0, 0), BPF_ALU64_REG(BPF_ADD, R0, REG),		\
	BPF_MOV64_IMM(R1, 0), BPF_JMP_IMM(BPF_JLT, R0, 10, -3)

static void counters(void **state)
{
	(void)state;
	assert_bounded(TEN, BPF_EXIT_INSN());
	assert_metered(BPF_MOV64_IMM(R2, 1), TEN_BY(R2), BPF_EXIT_INSN());
	/* a 32-bit counter, compared for equality */
	assert_bounded(BPF_MOV32_IMM(R2, 0), BPF_ALU32_IMM(BPF_ADD, R2, 1),
		       BPF_JMP_IMM(BPF_JNE, R2, 10, -2), RETURN(0));
	/* counting down to -1, by two kinds of instructions */
	assert_bounded(BPF_LDX_MEM(BPF_B, R2, R1, offsetof(struct vnp_ctx, ttl)),
		       BPF_ALU64_IMM(BPF_SUB, R2, 1), BPF_ALU64_IMM(BPF_ADD, R2, -2),
		       BPF_JMP_IMM(BPF_JSGE, R2, 0, -3), RETURN(0));
	/* stepped on both paths */
	assert_bounded(UNKNOWN(R6), BPF_MOV64_IMM(R2, 0), BPF_JMP_IMM(BPF_JEQ, R6, 0, 2),
		       BPF_ALU64_IMM(BPF_ADD, R2, 1), BPF_JMP_A(1),
		       BPF_ALU64_IMM(BPF_ADD, R2, 2), BPF_JMP_IMM(BPF_JLT, R2, 10, -5),
		       RETURN(0));
	/* more than half of the budget */
	assert_metered(BPF_MOV64_IMM(R2, 0), BPF_ALU64_IMM(BPF_ADD, R2, 1),
		       BPF_JMP_IMM(BPF_JLT, R2, 20000, -2), RETURN(0));
}

static void no_counters(void **state)
{
	(void)state;
	/* on one path only */
	assert_metered(UNKNOWN(R6), BPF_MOV64_IMM(R2, 0), BPF_JMP_IMM(BPF_JEQ, R6, 0, 1),
		       BPF_ALU64_IMM(BPF_ADD, R2, 1), BPF_JMP_IMM(BPF_JLT, R2, 10, -3),
		       RETURN(0));
	/* the counter goes up and down */
	assert_metered(UNKNOWN(R6), BPF_MOV64_IMM(R2, 0), BPF_JMP_IMM(BPF_JEQ, R6, 0, 2),
		       BPF_ALU64_IMM(BPF_ADD, R2, 1), BPF_JMP_A(3),
		       BPF_JMP_IMM(BPF_JEQ, R2, 0, 5),
		       BPF_ALU64_IMM(BPF_SUB, R2, 1), BPF_JMP_A(0),
		       BPF_JMP_IMM(BPF_JLT, R2, 10, -7), RETURN(0), RETURN(0));
	/* the counter is reset */
	assert_metered(UNKNOWN(R6), BPF_MOV64_IMM(R2, 0), BPF_JMP_IMM(BPF_JNE, R6, 7, 1),
		       BPF_MOV64_IMM(R2, 0), BPF_ALU64_IMM(BPF_ADD, R2, 1),
		       BPF_JMP_IMM(BPF_JLT, R2, 10, -4), RETURN(0));
	assert_faults(VNP_FAULT_BUDGET, 5, 7,
		      UNKNOWN(R6), BPF_MOV64_IMM(R2, 0), BPF_JMP_IMM(BPF_JNE, R6, 7, 1),
		      BPF_MOV64_IMM(R2, 0), BPF_ALU64_IMM(BPF_ADD, R2, 1),
		      BPF_JMP_IMM(BPF_JLT, R2, 10, -4), RETURN(0));
	/* the counter wraps around before the loop ends */
	assert_metered(BPF_MOV64_IMM(R2, 0), BPF_ALU32_IMM(BPF_SUB, R2, 1),
		       BPF_JMP_IMM(BPF_JGT, R2, 10, -2), RETURN(0));
	/* the counter is set by a call */
	assert_metered(BPF_MOV64_IMM(R0, 0), BPF_CALL_HELPER(random_u32),
		       BPF_ALU64_IMM(BPF_AND, R0, 7), BPF_ALU64_IMM(BPF_ADD, R0, 1),
		       BPF_JMP_IMM(BPF_JLT, R0, 9, -4), RETURN(0));
}

/* An iteration through the second entry of an inner loop skips the step. */
static void odd_graphs(void **state)
{
	(void)state;
#define TWO_ENTRIES							\
	UNKNOWN(R6), BPF_MOV64_IMM(R2, 0),				\
	/* 2: */							\
	BPF_JMP_IMM(BPF_JEQ, R6, 5, 2), BPF_ALU64_IMM(BPF_ADD, R2, 1),	\
	/* 4: */							\
	BPF_JMP_IMM(BPF_JEQ, R6, 7, -3),				\
	/* 5: */							\
	BPF_JMP_IMM(BPF_JEQ, R6, 9, -2), BPF_JMP_IMM(BPF_JLT, R2, 10, -5), RETURN(0)
	assert_accepted("; 3 loops metered", TWO_ENTRIES);
	assert_faults(VNP_FAULT_BUDGET, 6, 5, TWO_ENTRIES);
	/* a jump into the middle of the loop */
	assert_metered(UNKNOWN(R6), BPF_MOV64_IMM(R2, 0), BPF_JMP_IMM(BPF_JEQ, R6, 5, 1),
		       BPF_ALU64_IMM(BPF_ADD, R2, 1), BPF_JMP_IMM(BPF_JLT, R2, 10, -2),
		       RETURN(0));
}

static void nests(void **state)
{
	(void)state;
#define NEST(OUTER)							\
	/* 2: */							\
	BPF_MOV64_IMM(R3, 0),						\
	/* 3: */							\
	BPF_ALU64_IMM(BPF_ADD, R3, 1), BPF_JMP_IMM(BPF_JLT, R3, 10, -2), \
	OUTER, RETURN(0)
	assert_accepted("; 2 loops bounded, 0 metered", UNKNOWN(R6), BPF_MOV64_IMM(R2, 0),
			NEST(ARGS(BPF_ALU64_IMM(BPF_ADD, R2, 1),
				 BPF_JMP_IMM(BPF_JLT, R2, 10, -5))));
	/* the inner one alone is too long, because of how often it is entered */
	assert_accepted("; 1 loop bounded, 1 metered", UNKNOWN(R6), BPF_MOV64_IMM(R2, 0),
			NEST(ARGS(BPF_ALU64_IMM(BPF_ADD, R2, 1),
				 BPF_JMP_IMM(BPF_JLT, R2, 4000, -5))));
	/* it is not known how often it is entered */
	assert_accepted("; 2 loops metered", UNKNOWN(R6), BPF_MOV64_IMM(R2, 0),
			NEST(ARGS(BPF_ALU64_REG(BPF_ADD, R2, R6),
				 BPF_JMP_IMM(BPF_JLT, R2, 10, -5))));
}

static void budget(void **state)
{
	(void)state;
	/* the longest path costs 5, and half of the remaining budget covers the loop */
	vm_budget = 5 + 54;
	assert_bounded(TEN, BPF_EXIT_INSN());
	assert_returns(10, 0, TEN, BPF_EXIT_INSN());
	vm_budget = 5 + 53;
	assert_metered(TEN, BPF_EXIT_INSN());
	assert_returns(10, 0, TEN, BPF_EXIT_INSN());
	/* the remaining budget is exactly enough for the next one */
#define TWENTY	BPF_MOV64_IMM(R2, 1), TEN, TEN_BY(R2), BPF_EXIT_INSN()
	vm_budget = 10 + 54;
	assert_accepted("; 1 loop bounded, 1 metered", TWENTY);
	assert_returns(10, 0, TWENTY);
	vm_budget = 10 + 53;
	assert_accepted("; 2 loops metered", TWENTY);
	assert_faults(VNP_FAULT_BUDGET, 8, 0, TWENTY);
	/* the first of two gets the budget */
	vm_budget = 9 + 80;
	assert_accepted("; 1 loop bounded, 1 metered", TEN, TEN, BPF_EXIT_INSN());
	assert_returns(10, 0, TEN, TEN, BPF_EXIT_INSN());
	vm_budget = 0;
}

/* Deeply nested loops: the work for them is limited. */
static void deep(void **state)
{
	static struct bpf_insn insns[9002];
	const __u32 depth = 4500;
	__u32 i;

	(void)state;
	for (i = 0; i < depth; i++)
		insns[i] = (struct bpf_insn)BPF_ALU64_IMM(BPF_ADD, R1 + i % 4, 1);
	insns[0] = (struct bpf_insn)BPF_MOV64_IMM(R0, 0);
	for (i = 0; i < 4; i++)
		insns[1 + i] = (struct bpf_insn)BPF_MOV64_IMM(R1 + i, 0);
	for (i = 0; i < depth; i++)
		insns[depth + i] = (struct bpf_insn)
			BPF_JMP_IMM(BPF_JLT, R1 + i % 4, 5, -(int)(2 * i + 2));
	/* no jump back leads to where counters are set */
	for (i = depth - 6; i < depth; i++)
		insns[depth + i] = (struct bpf_insn)BPF_JMP_A(0);
	insns[2 * depth] = (struct bpf_insn)BPF_EXIT_INSN();
	vm_assert_accepted("metered", insns, 2 * depth + 1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(counters),
		cmocka_unit_test(no_counters),
		cmocka_unit_test(odd_graphs),
		cmocka_unit_test(nests),
		cmocka_unit_test(budget),
		cmocka_unit_test(deep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
