// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Joins, loops and widening: what is proven, and soundness in graphs of any shape.
 */
#include <errno.h>
#include <string.h>

#include "vm_util.h"

#define UNKNOWN(REG, OFF)	BPF_LDX_MEM(BPF_W, REG, R1, OFF)
#define LEN			offsetof(struct vnp_ctx, len)
#define TTL			offsetof(struct vnp_ctx, ttl)

static void numbers_join(void **state)
{
	(void)state;
	/* 3 or 12: an index into 16 bytes */
	assert_accepted("0 guarded", UNKNOWN(R2, LEN), BPF_MOV64_IMM(R3, 3),
			BPF_JMP_IMM(BPF_JEQ, R2, 0, 1), BPF_MOV64_IMM(R3, 12),
			BPF_LD_MAP_VALUE(R4, MAP_RDONLY, 0), BPF_ALU64_REG(BPF_ADD, R4, R3),
			BPF_LDX_MEM(BPF_W, R0, R4, 0), BPF_EXIT_INSN());
	assert_accepted("1 guarded", UNKNOWN(R2, LEN), BPF_MOV64_IMM(R3, 3),
			BPF_JMP_IMM(BPF_JEQ, R2, 0, 1), BPF_MOV64_IMM(R3, 13),
			BPF_LD_MAP_VALUE(R4, MAP_RDONLY, 0), BPF_ALU64_REG(BPF_ADD, R4, R3),
			BPF_LDX_MEM(BPF_W, R0, R4, 0), BPF_EXIT_INSN());
}

static void pointers_join(void **state)
{
	(void)state;
	/* 12 bytes were checked before the pointer was moved by 4 or 8 */
	assert_accepted("0 guarded", UNKNOWN(R5, LEN), LOAD_DATA(R2), LOAD_DATA_END(R3),
			BPF_MOV64_REG(R4, R2), BPF_ALU64_IMM(BPF_ADD, R4, 12),
			BPF_JMP_REG(BPF_JGT, R4, R3, 5),
			BPF_JMP_IMM(BPF_JEQ, R5, 0, 2),
			BPF_ALU64_IMM(BPF_ADD, R2, 4), BPF_JMP_A(1),
			BPF_ALU64_IMM(BPF_ADD, R2, 8),
			BPF_LDX_MEM(BPF_W, R0, R2, 0), RETURN(0));
	/* two pointers that moved by the same number are still related */
	assert_accepted("0 guarded", UNKNOWN(R5, LEN), LOAD_DATA(R2), LOAD_DATA_END(R3),
			BPF_MOV64_REG(R4, R2), BPF_JMP_IMM(BPF_JEQ, R5, 0, 3),
			BPF_ALU64_IMM(BPF_ADD, R2, 4), BPF_ALU64_IMM(BPF_ADD, R4, 4),
			BPF_JMP_A(2),
			BPF_ALU64_IMM(BPF_ADD, R2, 8), BPF_ALU64_IMM(BPF_ADD, R4, 8),
			BPF_ALU64_IMM(BPF_ADD, R4, 4), BPF_JMP_REG(BPF_JGT, R4, R3, 1),
			BPF_LDX_MEM(BPF_W, R0, R2, 0), RETURN(0));
	/* two that moved by different numbers are not */
	assert_accepted("1 guarded", UNKNOWN(R5, LEN), LOAD_DATA(R2), LOAD_DATA_END(R3),
			BPF_MOV64_REG(R4, R2), BPF_JMP_IMM(BPF_JEQ, R5, 0, 3),
			BPF_ALU64_IMM(BPF_ADD, R2, 8), BPF_ALU64_IMM(BPF_ADD, R4, 4),
			BPF_JMP_A(2),
			BPF_ALU64_IMM(BPF_ADD, R2, 4), BPF_ALU64_IMM(BPF_ADD, R4, 8),
			BPF_ALU64_IMM(BPF_ADD, R4, 4), BPF_JMP_REG(BPF_JGT, R4, R3, 1),
			BPF_LDX_MEM(BPF_W, R0, R2, 0), RETURN(0));
}

static void copies_are_narrowed(void **state)
{
	(void)state;
	/* the copy is compared, the original is used; in a register, and saved */
	assert_accepted("0 guarded", UNKNOWN(R2, LEN), BPF_MOV64_REG(R3, R2),
			BPF_JMP_IMM(BPF_JGT, R3, 12, 4),
			BPF_LD_MAP_VALUE(R4, MAP_RDONLY, 0), BPF_ALU64_REG(BPF_ADD, R4, R2),
			BPF_LDX_MEM(BPF_W, R0, R4, 0), RETURN(0));
	assert_accepted("0 guarded", UNKNOWN(R2, LEN), BPF_STX_MEM(BPF_DW, R10, R2, -8),
			BPF_JMP_IMM(BPF_JGT, R2, 12, 5),
			BPF_LD_MAP_VALUE(R4, MAP_RDONLY, 0),
			BPF_LDX_MEM(BPF_DW, R3, R10, -8), BPF_ALU64_REG(BPF_ADD, R4, R3),
			BPF_LDX_MEM(BPF_W, R0, R4, 0), RETURN(0));
	/* a changed register is no longer a copy */
	assert_accepted("1 guarded", UNKNOWN(R2, LEN), BPF_MOV64_REG(R3, R2),
			BPF_ALU64_IMM(BPF_AND, R3, 15), BPF_JMP_IMM(BPF_JGT, R3, 12, 4),
			BPF_LD_MAP_VALUE(R4, MAP_RDONLY, 0), BPF_ALU64_REG(BPF_ADD, R4, R2),
			BPF_LDX_MEM(BPF_W, R0, R4, 0), RETURN(0));
}

/* An id made in each iteration must not relate old numbers to new ones */
static void old_copies_are_not_narrowed(void **state)
{
	(void)state;
	/* old = x; x = payload[i]; the copy that is compared is of the new x */
	assert_accepted("2 guarded: insn 5, insn 13;",
			LOAD_DATA(R2), BPF_MOV64_IMM(R6, 0), BPF_MOV64_IMM(R7, 0),
			BPF_MOV64_IMM(R8, 0),
			/* 4: */
			BPF_MOV64_REG(R7, R6),
			BPF_LDX_MEM(BPF_B, R3, R2, 0),
			BPF_MOV64_REG(R6, R3),
			BPF_JMP_IMM(BPF_JGT, R6, 12, 6),
			BPF_JMP_IMM(BPF_JEQ, R8, 0, 5),
			BPF_LD_MAP_VALUE(R4, MAP_RDONLY, 0),
			BPF_ALU64_REG(BPF_ADD, R4, R7), BPF_MOV64_IMM(R9, 0),
			BPF_LDX_MEM(BPF_W, R0, R4, 0),
			BPF_ALU64_IMM(BPF_ADD, R2, 1), BPF_ALU64_IMM(BPF_ADD, R8, 1),
			BPF_JMP_IMM(BPF_JLT, R8, 9, -13), RETURN(0));
}

/* for (i = 0; i < 16; i++) a[i] */
static void counted_loops(void **state)
{
	(void)state;
	assert_accepted("1 access proven, 0 guarded; 1 loop",
			BPF_MOV64_IMM(R2, 0),
			BPF_LD_MAP_VALUE(R3, MAP_RDONLY, 0), BPF_ALU64_REG(BPF_ADD, R3, R2),
			BPF_LDX_MEM(BPF_B, R0, R3, 0),
			BPF_ALU64_IMM(BPF_ADD, R2, 1), BPF_JMP_IMM(BPF_JLT, R2, 16, -6),
			RETURN(0));
	assert_accepted("0 guarded", BPF_MOV64_IMM(R2, 0),
			BPF_LD_MAP_VALUE(R3, MAP_RDONLY, 0), BPF_ALU64_REG(BPF_ADD, R3, R2),
			BPF_LDX_MEM(BPF_B, R0, R3, 0),
			BPF_ALU64_IMM(BPF_ADD, R2, 1), BPF_JMP_IMM(BPF_JNE, R2, 16, -6),
			RETURN(0));
	/* one iteration too many */
	assert_accepted("1 guarded", BPF_MOV64_IMM(R2, 0),
			BPF_LD_MAP_VALUE(R3, MAP_RDONLY, 0), BPF_ALU64_REG(BPF_ADD, R3, R2),
			BPF_LDX_MEM(BPF_B, R0, R3, 0),
			BPF_ALU64_IMM(BPF_ADD, R2, 1), BPF_JMP_IMM(BPF_JLE, R2, 16, -6),
			RETURN(0));
	/* the limit is a number of the payload, at most 16 */
	assert_accepted("0 guarded", UNKNOWN(R5, TTL), BPF_MOV64_IMM(R2, 0),
			BPF_JMP_REG(BPF_JGE, R2, R5, 6),
			BPF_JMP_IMM(BPF_JGE, R2, 16, 5),
			BPF_LD_MAP_VALUE(R3, MAP_RDONLY, 0), BPF_ALU64_REG(BPF_ADD, R3, R2),
			BPF_LDX_MEM(BPF_B, R0, R3, 0),
			BPF_ALU64_IMM(BPF_ADD, R2, 1), BPF_JMP_A(-8), RETURN(0));
}

/* for (i..) for (j = 0; j < i; j++) a[j] */
static void nested_loops(void **state)
{
	(void)state;
	assert_accepted("0 guarded; 2 loops", BPF_MOV64_IMM(R2, 1),
			/* 1: */
			BPF_MOV64_IMM(R4, 0),
			/* 2: */
			BPF_LD_MAP_VALUE(R3, MAP_RDONLY, 0), BPF_ALU64_REG(BPF_ADD, R3, R4),
			BPF_LDX_MEM(BPF_B, R0, R3, 0), BPF_ALU64_IMM(BPF_ADD, R4, 1),
			BPF_JMP_REG(BPF_JLT, R4, R2, -6),
			BPF_ALU64_IMM(BPF_ADD, R2, 1), BPF_JMP_IMM(BPF_JLE, R2, 16, -9),
			RETURN(0));
}

/* DNS labels: a length, that many bytes, repeatedly; reading each length is proven */
static void walks_over_the_packet(void **state)
{
	(void)state;
#define LABELS								\
	LOAD_DATA(R2), LOAD_DATA_END(R3), BPF_MOV64_IMM(R0, 0),		\
	/* 3: */							\
	BPF_MOV64_REG(R4, R2), BPF_ALU64_IMM(BPF_ADD, R4, 1),		\
	BPF_JMP_REG(BPF_JGT, R4, R3, 6), BPF_LDX_MEM(BPF_B, R5, R2, 0),	\
	BPF_JMP_IMM(BPF_JEQ, R5, 0, 4), BPF_ALU64_IMM(BPF_ADD, R0, 1),	\
	BPF_MOV64_REG(R2, R4), BPF_ALU64_REG(BPF_ADD, R2, R5),		\
	BPF_JMP_A(-9), BPF_EXIT_INSN()
	__u8 name[] = "\3www\7example\3org\0";
	struct vm_result r;

	assert_accepted("3 accesses proven, 0 guarded; 1 loop", LABELS);
	r = vm_run(PROG(LABELS), name, sizeof(name));
	assert_int_equal(r.retval, 3);
	r = vm_run(PROG(LABELS), name, 9);
	assert_int_equal(r.retval, 2);
	r = vm_run(PROG(LABELS), name, 0);
	assert_int_equal(r.retval, 0);
}

/* for (p = data; p + 4 <= end; p += 4) */
static void steps_over_the_packet(void **state)
{
	(void)state;
#define WORDS								\
	LOAD_DATA(R2), LOAD_DATA_END(R3), BPF_MOV64_IMM(R0, 0),		\
	/* 3: */							\
	BPF_MOV64_REG(R4, R2), BPF_ALU64_IMM(BPF_ADD, R4, 4),		\
	BPF_JMP_REG(BPF_JGT, R4, R3, 4), BPF_LDX_MEM(BPF_W, R5, R2, 0),	\
	BPF_ALU64_IMM(BPF_ADD, R0, 1), BPF_MOV64_REG(R2, R4),		\
	BPF_JMP_A(-7), BPF_EXIT_INSN()
	assert_accepted("3 accesses proven, 0 guarded; 1 loop", WORDS);
	assert_returns(25, 103, WORDS);
	/* the test is at the end, as in loops rotated by compilers */
	assert_accepted("3 accesses proven, 0 guarded; 1 loop",
			LOAD_DATA(R2), LOAD_DATA_END(R3), BPF_MOV64_IMM(R0, 0),
			BPF_MOV64_REG(R4, R2), BPF_ALU64_IMM(BPF_ADD, R4, 4),
			BPF_JMP_REG(BPF_JGT, R4, R3, 5),
			/* 6: */
			BPF_LDX_MEM(BPF_W, R5, R2, 0),
			BPF_ALU64_IMM(BPF_ADD, R0, 1), BPF_ALU64_IMM(BPF_ADD, R2, 4),
			BPF_ALU64_IMM(BPF_ADD, R4, 4), BPF_JMP_REG(BPF_JLE, R4, R3, -5),
			BPF_EXIT_INSN());
}

/* A loop that is entered at two places, where different bounds are known */
static void irreducible(void **state)
{
	(void)state;
#define TWO_ENTRIES							\
	UNKNOWN(R2, TTL), BPF_MOV64_IMM(R3, 0),				\
	BPF_JMP_IMM(BPF_JEQ, R2, 0, 2),					\
	/* 3: */							\
	BPF_MOV64_IMM(R4, 8), BPF_ALU64_IMM(BPF_ADD, R3, 1),		\
	/* 5: */							\
	BPF_ALU64_IMM(BPF_ADD, R3, 2), BPF_JMP_IMM(BPF_JGT, R3, 30, 1),	\
	BPF_JMP_A(-5),							\
	BPF_MOV64_REG(R0, R3), BPF_EXIT_INSN()
	assert_accepted("1 loop", TWO_ENTRIES);
	assert_returns(32, 0, TWO_ENTRIES);
	/* a register that is set before one entry only */
	assert_refused("r4 was never set", UNKNOWN(R2, TTL), BPF_MOV64_IMM(R3, 0),
		       BPF_JMP_IMM(BPF_JEQ, R2, 0, 2),
		       BPF_MOV64_IMM(R4, 8), BPF_ALU64_IMM(BPF_ADD, R3, 1),
		       BPF_ALU64_REG(BPF_ADD, R3, R4),
		       BPF_JMP_IMM(BPF_JGT, R3, 30, 1), BPF_JMP_A(-4),
		       RETURN(0));
}

static void dead_code(void **state)
{
	(void)state;
	/* must not be an error */
	assert_returns(1, 0, BPF_JMP_A(2), BPF_LDX_MEM(BPF_W, R0, R9, 0), BPF_JMP_A(-2),
		       RETURN(1));
	assert_returns(1, 0, BPF_MOV64_IMM(R2, 3), BPF_JMP_IMM(BPF_JLT, R2, 4, 1),
		       BPF_LDX_MEM(BPF_W, R0, R9, 0), RETURN(1));
	/* the path that is never taken is at the end */
	assert_returns(1, 0, BPF_MOV64_IMM(R2, 3), BPF_JMP_IMM(BPF_JGT, R2, 4, 2),
		       RETURN(1), BPF_JMP_A(-1));
}

/* A register changes its kind in each iteration */
static void changing_kinds(void **state)
{
	(void)state;
	assert_returns(3, 0, BPF_MOV64_IMM(R0, 0), BPF_MOV64_IMM(R2, 0),
		       /* 2: */
		       BPF_MOV64_REG(R2, R10), BPF_ALU64_IMM(BPF_ADD, R0, 1),
		       BPF_JMP_IMM(BPF_JEQ, R0, 2, 1), BPF_MOV64_IMM(R2, 7),
		       BPF_JMP_IMM(BPF_JLT, R0, 3, -5), BPF_EXIT_INSN());
	assert_refused("would return a pointer", BPF_MOV64_IMM(R6, 0),
		       BPF_MOV64_IMM(R0, 0),
		       /* 2: */
		       BPF_ALU64_IMM(BPF_ADD, R6, 1),
		       BPF_JMP_IMM(BPF_JLT, R6, 5, 1), BPF_EXIT_INSN(),
		       BPF_MOV64_REG(R0, R10), BPF_JMP_A(-5));
}

/* Deep nesting and long chains of branches: large, but verified quickly */
static void large_programs(void **state)
{
	static struct bpf_insn insns[VNP_INSN_MAX];
	struct vnp_code *code;
	__u32 i, n = 0;

	(void)state;
	/* 15,000 nested loops, by their jumps back */
	insns[n++] = UNKNOWN(R0, LEN);
	for (i = 0; i < 15000; i++)
		insns[n++] = BPF_ALU64_IMM(BPF_ADD, R0, 1);
	for (i = 0; i < 15000; i++) {
		insns[n] = BPF_JMP_IMM(BPF_JSGT, R0, i, 15000 - (int)i - (int)n);
		n++;
	}
	insns[n++] = BPF_EXIT_INSN();
	assert_int_equal(vm_make(insns, n, &code), 0);
	vm_free(code);

	/* the largest possible program, all branches */
	n = 0;
	insns[n++] = UNKNOWN(R0, LEN);
	while (n < VNP_INSN_MAX - 3) {
		insns[n] = BPF_JMP_IMM(BPF_JGT, R0, n, 1);
		insns[n + 1] = BPF_ALU64_IMM(BPF_ADD, R0, 3);
		n += 2;
	}
	while (n < VNP_INSN_MAX)
		insns[n++] = BPF_EXIT_INSN();
	assert_int_equal(vm_make(insns, n, &code), 0);
	vm_free(code);
}

/* A loop with more than 2^32 iterations: from -6 to 2^32 - 2 */
static void long_counters(void **state)
{
	(void)state;
#define COUNT_TO(END)							\
	BPF_MOV64_IMM(R1, -6), BPF_LD_IMM64(R2, END),			\
	BPF_ALU64_IMM(BPF_ADD, R1, 1), BPF_JMP_REG(BPF_JSLT, R1, R2, -2), RETURN(0)
	assert_accepted("1 loop bounded, 0 metered", COUNT_TO(5));
	assert_accepted("1 loop metered", COUNT_TO(0xffffffff));
}

/*
 * Bounded loops with a long jump back: with any condition, also one that cannot be
 * inverted
 */
static void far_jumps_back(void **state)
{
	static const struct { __u8 op; __s32 imm; __u64 sum; } loops[] = {
		{ BPF_JLT, 3, 3 }, { BPF_JNE, 2, 2 }, { BPF_JSLE, 4, 5 }, { BPF_JSET, 1, 2 },
	};
	static struct bpf_insn insns[VNP_INSN_MAX];
	struct vm_result r;
	__u8 payload[1];
	__u32 i, n, k;

	(void)state;
	for (k = 0; k < ARRAY_SIZE(loops); k++) {
		n = 0;
		insns[n++] = BPF_MOV64_IMM(R0, 0);
		insns[n++] = BPF_MOV64_IMM(R2, 0);
		for (i = 0; i < 12000; i++)
			insns[n++] = BPF_ALU64_IMM(BPF_XOR, R2, i);
		insns[n++] = BPF_ALU64_IMM(BPF_ADD, R0, 1);
		insns[n] = BPF_JMP_IMM(loops[k].op, R0, loops[k].imm, 1 - (int)n);
		n++;
		insns[n++] = BPF_EXIT_INSN();
		r = vm_run(insns, n, payload, 0);
		assert_int_equal(r.fault, 0);
		assert_int_equal(r.retval, loops[k].sum);
	}
}

/* More guards than a conditional jump can skip */
static void many_guards(void **state)
{
	static struct bpf_insn insns[20003];
	__u8 payload[1] = { 0 };
	struct vm_result r;
	__u32 n = 0;

	(void)state;
	insns[n++] = LOAD_DATA(R2);
	while (n < 20000) {
		insns[n++] = BPF_LDX_MEM(BPF_B, R3, R2, 0);
		insns[n++] = BPF_ALU64_REG(BPF_ADD, R2, R3);
	}
	insns[n++] = BPF_MOV64_IMM(R0, 9);
	insns[n++] = BPF_EXIT_INSN();
	r = vm_run(insns, n, payload, 1);
	assert_int_equal(r.retval, 9);
	payload[0] = 1;
	r = vm_run(insns, n, payload, 1);
	assert_int_equal(r.fault, VNP_FAULT_PACKET);
	assert_int_equal(r.insn, 3);
}

static void limits_have_messages(void **state)
{
	static struct bpf_insn insns[40000];
	struct vnp_code *code;
	__u32 n = 0;

	(void)state;
	/* a jump whose target gets out of range because of guards */
	insns[n++] = LOAD_DATA(R2);
	insns[n++] = BPF_LDX_MEM(BPF_B, R3, R2, 0);
	insns[n++] = BPF_JMP_IMM(BPF_JEQ, R3, 0, 30000);
	while (n < 30003) {
		insns[n++] = BPF_ALU64_REG(BPF_ADD, R2, R3);
		insns[n++] = BPF_LDX_MEM(BPF_B, R3, R2, 0);
	}
	insns[n++] = BPF_MOV64_IMM(R0, 0);
	insns[n++] = BPF_EXIT_INSN();
	assert_int_equal(vm_make(insns, n, &code), -E2BIG);
	assert_non_null(strstr(vm_log, "insn 2: jumps too far"));

	/* a stack without space for the guards */
	assert_int_equal(vm_make(PROG(BPF_ST_MEM(BPF_DW, R10, -512, 0), LOAD_DATA(R2),
				      BPF_LDX_MEM(BPF_B, R0, R2, 0), BPF_EXIT_INSN()),
				 &code), -E2BIG);
	assert_non_null(strstr(vm_log, "the stack is too small"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_join),
		cmocka_unit_test(pointers_join),
		cmocka_unit_test(copies_are_narrowed),
		cmocka_unit_test(old_copies_are_not_narrowed),
		cmocka_unit_test(counted_loops),
		cmocka_unit_test(nested_loops),
		cmocka_unit_test(walks_over_the_packet),
		cmocka_unit_test(steps_over_the_packet),
		cmocka_unit_test(irreducible),
		cmocka_unit_test(dead_code),
		cmocka_unit_test(changing_kinds),
		cmocka_unit_test(large_programs),
		cmocka_unit_test(long_counters),
		cmocka_unit_test(far_jumps_back),
		cmocka_unit_test(many_guards),
		cmocka_unit_test(limits_have_messages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
