// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Every arithmetic operation and conditional jump on interesting numbers, by both
 * interpreters, compared with results computed here.
 */
#include <stdio.h>
#include <string.h>

#include "vm_util.h"

static const __u64 numbers[] = {
	0, 1, 2, 3, 7, 31, 32, 33, 63, 64, 65, 100, 0x7f, 0x80, 0xff, 0x7fff, 0x8000,
	0xffff, 0x7fffffff, 0x80000000, 0x80000001, 0xfffffffe, 0xffffffff,
	0x100000000, 0x123456789abcdef0, 0x7fffffffffffffff, 0x8000000000000000,
	0x8000000000000001, 0xfffffffffffffff9, -2ULL, -1ULL,
};

#define NUMBERS	(ARRAY_SIZE(numbers))

/* The arguments are in the payload, so the verifier does not know them */
#define ARGUMENTS							\
	LOAD_DATA(R2), BPF_LDX_MEM(BPF_DW, R6, R2, 0), BPF_LDX_MEM(BPF_DW, R7, R2, 8)

static __u64 run2(struct bpf_insn insn, __u64 a, __u64 b)
{
	__u64 payload[2] = { a, b };
	struct vm_result r = vm_run(PROG(ARGUMENTS, insn, BPF_MOV64_REG(R0, R6),
					 BPF_EXIT_INSN()), payload, 16);

	assert_int_equal(r.fault, 0);
	return r.retval;
}

/* Arithmetic as RFC 9669, section 4.1, defines it */
static __u64 expect64(__u8 op, bool is_signed, __u64 a, __u64 b)
{
	switch (op) {
	case BPF_ADD: return a + b;
	case BPF_SUB: return a - b;
	case BPF_MUL: return a * b;
	case BPF_OR: return a | b;
	case BPF_AND: return a & b;
	case BPF_XOR: return a ^ b;
	case BPF_LSH: return a << (b & 63);
	case BPF_RSH: return a >> (b & 63);
	case BPF_ARSH: return (__s64)a >> (b & 63);
	case BPF_MOV: return b;
	case BPF_DIV:
		if (!b)
			return 0;
		if (is_signed)
			return b == -1ULL ? -a : (__u64)((__s64)a / (__s64)b);
		return a / b;
	default:
		if (!b)
			return a;
		if (is_signed)
			return b == -1ULL ? 0 : (__u64)((__s64)a % (__s64)b);
		return a % b;
	}
}

static __u64 expect32(__u8 op, bool is_signed, __u32 a, __u32 b)
{
	switch (op) {
	case BPF_LSH: return a << (b & 31);
	case BPF_RSH: return a >> (b & 31);
	case BPF_ARSH: return (__u32)((__s32)a >> (b & 31));
	case BPF_DIV:
	case BPF_MOD:
		if (is_signed)
			return (__u32)expect64(op, true, (__s64)(__s32)a, (__s64)(__s32)b);
	}
	return (__u32)expect64(op, false, a, b);
}

static const __u8 ops[] = {
	BPF_ADD, BPF_SUB, BPF_MUL, BPF_DIV, BPF_OR, BPF_AND, BPF_LSH, BPF_RSH,
	BPF_MOD, BPF_XOR, BPF_ARSH, BPF_MOV,
};

#define PAIRS	(NUMBERS * NUMBERS)

/* The result of an operation on two numbers */
typedef __u64 (*expect_fn)(__u8 op, bool is_signed, __u64 a, __u64 b);

static __u64 expect_half(__u8 op, bool is_signed, __u64 a, __u64 b)
{
	return expect32(op, is_signed, a, b);
}

/*
 * Test each number in R6 with each number in R7 or, if that is not used, in imm.  Return:
 * number of pairs
 */
static __u32 fill_args(struct bpf_insn insn, __u64 (*args)[2])
{
	const bool reg = BPF_SRC(insn.code) == BPF_X;
	const __u32 n = reg ? PAIRS : NUMBERS;
	__u32 i;

	for (i = 0; i < n; i++) {
		args[i][0] = numbers[i % NUMBERS];
		args[i][1] = reg ? numbers[i / NUMBERS] : (__u64)(__s64)insn.imm;
	}
	return n;
}

static void check_insn(struct bpf_insn insn, expect_fn expect)
{
	const __u8 op = BPF_OP(insn.code);
	static struct vm_result results[PAIRS];
	static __u64 args[PAIRS][2];
	const __u32 n = fill_args(insn, args);
	__u32 i;

	vm_run_each(PROG(ARGUMENTS, insn, BPF_MOV64_REG(R0, R6), BPF_EXIT_INSN()), args, 16,
		    n, results);
	for (i = 0; i < n; i++) {
		assert_int_equal(results[i].fault, 0);
		assert_int_equal(results[i].retval,
				 expect(op, insn.off, args[i][0], args[i][1]));
	}
}

static void check_op(__u8 op, bool is_signed)
{
	struct bpf_insn insn = BPF_ALU64_REG(op, R6, R7);
	__u32 b;

	insn.off = is_signed;
	check_insn(insn, expect64);
	insn.code = BPF_ALU | op | BPF_X;
	check_insn(insn, expect_half);

	for (b = 0; b < NUMBERS; b++) {
		insn = BPF_ALU64_IMM(op, R6, (__s32)numbers[b]);
		insn.off = is_signed;
		check_insn(insn, expect64);
		insn.code = BPF_ALU | op | BPF_K;
		check_insn(insn, expect_half);
	}
}

static void binary_operations(void **state)
{
	__u32 i;

	(void)state;
	for (i = 0; i < sizeof(ops); i++)
		check_op(ops[i], false);
}

static void signed_division(void **state)
{
	(void)state;
	check_op(BPF_DIV, true);
	check_op(BPF_MOD, true);
}

/* Both operands in one register */
static void of_itself(void **state)
{
	__u32 i, a, off;

	(void)state;
	for (i = 0; i < sizeof(ops); i++) {
		for (a = 0; a < NUMBERS; a++) {
			for (off = 0; off < 2; off++) {
				struct bpf_insn insn = BPF_ALU64_REG(ops[i], R6, R6);
				__u64 n = numbers[a];

				if (off && ops[i] != BPF_DIV && ops[i] != BPF_MOD)
					continue;
				insn.off = off;
				assert_int_equal(run2(insn, n, 0),
						 expect64(ops[i], off, n, n));
				insn.code = BPF_ALU | ops[i] | BPF_X;
				assert_int_equal(run2(insn, n, 0),
						 expect32(ops[i], off, n, n));
			}
		}
	}
}

static void unary_operations(void **state)
{
	__u32 a;

	(void)state;
	for (a = 0; a < NUMBERS; a++) {
		__u64 n = numbers[a];

		assert_int_equal(run2(BPF_NEG64(R6), n, 0), -n);
		assert_int_equal(run2(BPF_RAW_INSN(BPF_ALU | BPF_NEG, R6, 0, 0, 0), n, 0),
				 (__u32)-n);
		assert_int_equal(run2(BPF_BSWAP(R6, 16), n, 0), __builtin_bswap16(n));
		assert_int_equal(run2(BPF_BSWAP(R6, 32), n, 0), __builtin_bswap32(n));
		assert_int_equal(run2(BPF_BSWAP(R6, 64), n, 0), __builtin_bswap64(n));
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
		assert_int_equal(run2(BPF_ENDIAN(BPF_TO_BE, R6, 32), n, 0),
				 __builtin_bswap32(n));
		assert_int_equal(run2(BPF_ENDIAN(BPF_TO_LE, R6, 16), n, 0), (__u16)n);
		assert_int_equal(run2(BPF_ENDIAN(BPF_TO_LE, R6, 64), n, 0), n);
#endif
		assert_int_equal(run2(BPF_MOVSX64_REG(R6, R7, 8), 5, n), (__s64)(__s8)n);
		assert_int_equal(run2(BPF_MOVSX64_REG(R6, R7, 16), 5, n), (__s64)(__s16)n);
		assert_int_equal(run2(BPF_MOVSX64_REG(R6, R7, 32), 5, n), (__s64)(__s32)n);
		assert_int_equal(run2(BPF_MOVSX32_REG(R6, R7, 8), 5, n),
				 (__u32)(__s32)(__s8)n);
		assert_int_equal(run2(BPF_MOVSX32_REG(R6, R7, 16), 5, n),
				 (__u32)(__s32)(__s16)n);
	}
}

static bool expect_jump(__u8 op, __u64 a, __u64 b, __s64 sa, __s64 sb)
{
	switch (op) {
	case BPF_JEQ: return a == b;
	case BPF_JNE: return a != b;
	case BPF_JSET: return a & b;
	case BPF_JGT: return a > b;
	case BPF_JGE: return a >= b;
	case BPF_JLT: return a < b;
	case BPF_JLE: return a <= b;
	case BPF_JSGT: return sa > sb;
	case BPF_JSGE: return sa >= sb;
	case BPF_JSLT: return sa < sb;
	default: return sa <= sb;
	}
}

/* Is a jump on two numbers taken, as 64-bit or 32-bit comparison? */
static bool expect_cond(struct bpf_insn insn, __u64 a, __u64 b)
{
	const __u8 op = BPF_OP(insn.code);

	if (BPF_CLASS(insn.code) == BPF_JMP)
		return expect_jump(op, a, b, a, b);
	return expect_jump(op, (__u32)a, (__u32)b, (__s32)a, (__s32)b);
}

/* Forward, or back: a metered jump is inverted, which must not change its meaning */
static void check_jump(struct bpf_insn insn, bool back)
{
	static struct vm_result results[PAIRS];
	static __u64 args[PAIRS][2];
	const __u32 n = fill_args(insn, args);
	__u32 i;

	insn.off = back ? -3 : 2;
	if (back)
		vm_run_each(PROG(ARGUMENTS, BPF_MOV64_IMM(R8, 0), BPF_JMP_A(2), RETURN(1),
				 insn, RETURN(0)), args, 16, n, results);
	else
		vm_run_each(PROG(ARGUMENTS, insn, RETURN(0), RETURN(1)), args, 16, n,
			    results);
	for (i = 0; i < n; i++)
		assert_int_equal(results[i].retval, expect_cond(insn, args[i][0], args[i][1]));
}

static void conditional_jumps(void **state)
{
	static const __u8 conds[] = {
		BPF_JEQ, BPF_JNE, BPF_JSET, BPF_JGT, BPF_JGE, BPF_JLT, BPF_JLE,
		BPF_JSGT, BPF_JSGE, BPF_JSLT, BPF_JSLE,
	};
	__u32 i, y;

	(void)state;
	for (i = 0; i < sizeof(conds); i++) {
		check_jump(BPF_JMP_REG(conds[i], R6, R7, 0), false);
		check_jump(BPF_JMP32_REG(conds[i], R6, R7, 0), false);
		check_jump(BPF_JMP_REG(conds[i], R6, R7, 0), true);
		for (y = 0; y < NUMBERS; y += 2) {
			const __s32 b = numbers[y];

			check_jump(BPF_JMP_IMM(conds[i], R6, b, 0), false);
			check_jump(BPF_JMP32_IMM(conds[i], R6, b, 0), true);
		}
	}
}

/* Loops with every condition: taken several times, then not */
static void metered_jumps(void **state)
{
	(void)state;
	assert_returns(16, 0, BPF_MOV64_IMM(R0, 1),
		       BPF_ALU64_IMM(BPF_LSH, R0, 1),
		       BPF_JMP_IMM(BPF_JSET, R0, 15, -2), BPF_EXIT_INSN());
	assert_returns(3, 0, BPF_MOV64_IMM(R0, 0), BPF_ALU64_IMM(BPF_ADD, R0, 1),
		       BPF_JMP_IMM(BPF_JNE, R0, 3, -2), BPF_EXIT_INSN());
	assert_returns(3, 0, BPF_MOV64_IMM(R0, 0), BPF_ALU64_IMM(BPF_ADD, R0, 1),
		       BPF_JMP_IMM(BPF_JEQ, R0, 3, 1), BPF_JMP_A(-3), BPF_EXIT_INSN());
	/* gotol, forwards and back */
	assert_returns(5, 0, BPF_MOV64_IMM(R0, 0), BPF_JMP32_A(1), BPF_EXIT_INSN(),
		       BPF_ALU64_IMM(BPF_ADD, R0, 1),
		       BPF_JMP_IMM(BPF_JEQ, R0, 5, -3), BPF_JMP32_A(-3),
		       BPF_EXIT_INSN());
}

static void sign_extending_loads(void **state)
{
	__s64 n = -0x123456789abcdefLL;

	(void)state;
	assert_int_equal(vm_run(PROG(LOAD_DATA(R2), BPF_LDX_MEMSX(BPF_B, R0, R2, 0),
				     BPF_EXIT_INSN()), &n, 8).retval, (__s64)(__s8)n);
	assert_int_equal(vm_run(PROG(LOAD_DATA(R2), BPF_LDX_MEMSX(BPF_H, R0, R2, 0),
				     BPF_EXIT_INSN()), &n, 8).retval, (__s64)(__s16)n);
	assert_int_equal(vm_run(PROG(LOAD_DATA(R2), BPF_LDX_MEMSX(BPF_W, R0, R2, 0),
				     BPF_EXIT_INSN()), &n, 8).retval, (__s64)(__s32)n);
}

static void wide_return_values(void **state)
{
	(void)state;
	assert_returns(0x123456789, 0, BPF_LD_IMM64(R0, 0x123456789), BPF_EXIT_INSN());
	assert_returns(-1ULL, 0, BPF_MOV64_IMM(R0, -1), BPF_EXIT_INSN());
	assert_returns(0xffffffff, 0, BPF_MOV32_IMM(R0, -1), BPF_EXIT_INSN());
}

/*
 * The kernel's verifier can fill upper halves that it believes unread with random bits
 * (BPF_F_TEST_RND_HI32), by instructions after those with 32-bit results.  Lowering does
 * not add any: an upper half has what the machine leaves there.
 */
static void upper_halves_are_left_alone(void **state)
{
	static const __u8 ops[] = {
		BPF_ADD, BPF_SUB, BPF_MUL, BPF_AND, BPF_OR, BPF_XOR, BPF_MOV,
		BPF_LSH, BPF_RSH, BPF_ARSH,
	};
	struct bpf_insn insns[2 + 2 * ARRAY_SIZE(ops) + 2] = {
		BPF_LDX_MEM(BPF_W, R0, R1, offsetof(struct vnp_ctx, ifindex)),
		BPF_LDX_MEM(BPF_W, R2, R1, offsetof(struct vnp_ctx, len)),
	};
	__u32 cnt = 2, i;
	struct vnp_code *code;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(ops); i++) {
		insns[cnt++] = (struct bpf_insn)BPF_ALU32_IMM(ops[i], R0, 3);
		/* a count must be masked */
		if (ops[i] < BPF_LSH || ops[i] == BPF_MUL)
			insns[cnt++] = (struct bpf_insn)BPF_ALU32_REG(ops[i], R0, R2);
	}
	insns[cnt++] = (struct bpf_insn)BPF_ALU64_IMM(BPF_RSH, R0, 32);
	insns[cnt++] = (struct bpf_insn)BPF_EXIT_INSN();
	assert_int_equal(vm_make(insns, cnt, &code), 0);
	assert_int_equal(code->lowered.cnt, cnt);
	assert_memory_equal(code->lowered.insns, insns, cnt * sizeof(*insns));
	vm_free(code);
	assert_int_equal(vm_run(insns, cnt, "", 0).retval, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(binary_operations),
		cmocka_unit_test(signed_division),
		cmocka_unit_test(of_itself),
		cmocka_unit_test(unary_operations),
		cmocka_unit_test(conditional_jumps),
		cmocka_unit_test(metered_jumps),
		cmocka_unit_test(sign_extending_loads),
		cmocka_unit_test(wide_return_values),
		cmocka_unit_test(upper_halves_are_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
