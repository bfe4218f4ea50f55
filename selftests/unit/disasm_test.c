// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Instructions as text, one of each kind, as printed by llvm-objdump since LLVM 16.
 */
#include <string.h>

#include "random_program.h"
#include "vm/isa/disasm.h"
#include "vm_util.h"

#define assert_text(text, ...)						\
	do {								\
		struct bpf_insn __insn[] = { __VA_ARGS__, {} };		\
		char __text[VNP_DISASM_LEN];				\
		__u32 __cnt = vnp_disasm(__insn, __text);		\
									\
		assert_string_equal(__text, text);			\
		assert_int_equal(__cnt, sizeof(__insn) / sizeof(*__insn) - 1);	\
	} while (0)

static void arithmetic(void **state)
{
	(void)state;
	assert_text("r1 += r2", BPF_ALU64_REG(BPF_ADD, R1, R2));
	assert_text("w1 -= w2", BPF_ALU32_REG(BPF_SUB, R1, R2));
	assert_text("r1 *= 0x10", BPF_ALU64_IMM(BPF_MUL, R1, 16));
	assert_text("w1 /= 0x3", BPF_ALU32_IMM(BPF_DIV, R1, 3));
	assert_text("r1 |= -0x1", BPF_ALU64_IMM(BPF_OR, R1, -1));
	assert_text("r1 &= 0xff", BPF_ALU64_IMM(BPF_AND, R1, 255));
	assert_text("r1 <<= r2", BPF_ALU64_REG(BPF_LSH, R1, R2));
	assert_text("w1 >>= 0x4", BPF_ALU32_IMM(BPF_RSH, R1, 4));
	assert_text("r1 s>>= 0x20", BPF_ALU64_IMM(BPF_ARSH, R1, 32));
	assert_text("r1 %= r2", BPF_ALU64_REG(BPF_MOD, R1, R2));
	assert_text("w1 ^= w1", BPF_ALU32_REG(BPF_XOR, R1, R1));
	assert_text("r1 = r10", BPF_MOV64_REG(R1, R10));
	assert_text("w1 = -0x80000000", BPF_MOV32_IMM(R1, -0x80000000));
	assert_text("r1 = -r1", BPF_NEG64(R1));
	assert_text("w9 = -w9", BPF_RAW_INSN(BPF_ALU | BPF_NEG, R9, 0, 0, 0));
	assert_text("r1 s/= r2", BPF_RAW_INSN(BPF_ALU64 | BPF_DIV | BPF_X, R1, R2, 1, 0));
	assert_text("w1 s%= -0x3", BPF_RAW_INSN(BPF_ALU | BPF_MOD | BPF_K, R1, 0, 1, -3));
	assert_text("r1 = (s8)r2", BPF_MOVSX64_REG(R1, R2, 8));
	assert_text("w1 = (s16)w2", BPF_MOVSX32_REG(R1, R2, 16));
	assert_text("r1 = be16 r1", BPF_ENDIAN(BPF_TO_BE, R1, 16));
	assert_text("r1 = le64 r1", BPF_ENDIAN(BPF_TO_LE, R1, 64));
	assert_text("r1 = bswap32 r1", BPF_BSWAP(R1, 32));
}

static void jumps(void **state)
{
	(void)state;
	assert_text("goto +0x5", BPF_JMP_A(5));
	assert_text("goto -0x1", BPF_JMP_A(-1));
	assert_text("gotol +0x12345", BPF_JMP32_A(0x12345));
	assert_text("gotol -0x80000000", BPF_JMP32_A(-0x80000000));
	assert_text("if r1 == 0x0 goto +0x1", BPF_JMP_IMM(BPF_JEQ, R1, 0, 1));
	assert_text("if w1 != w2 goto -0x8000", BPF_JMP32_REG(BPF_JNE, R1, R2, -0x8000));
	assert_text("if r1 > r2 goto +0x0", BPF_JMP_REG(BPF_JGT, R1, R2, 0));
	assert_text("if r1 >= 0x7 goto +0x0", BPF_JMP_IMM(BPF_JGE, R1, 7, 0));
	assert_text("if r1 < 0x7 goto +0x0", BPF_JMP_IMM(BPF_JLT, R1, 7, 0));
	assert_text("if r1 <= 0x7 goto +0x0", BPF_JMP_IMM(BPF_JLE, R1, 7, 0));
	assert_text("if r1 s> -0x7 goto +0x0", BPF_JMP_IMM(BPF_JSGT, R1, -7, 0));
	assert_text("if r1 s>= 0x7 goto +0x0", BPF_JMP_IMM(BPF_JSGE, R1, 7, 0));
	assert_text("if r1 s< 0x7 goto +0x0", BPF_JMP_IMM(BPF_JSLT, R1, 7, 0));
	assert_text("if w1 s<= 0x7 goto +0x0", BPF_JMP32_IMM(BPF_JSLE, R1, 7, 0));
	assert_text("if r1 & 0x7 goto +0x0", BPF_JMP_IMM(BPF_JSET, R1, 7, 0));
	assert_text("call vnp_map_lookup", BPF_CALL_HELPER(map_lookup));
	assert_text("call 0x3e7", BPF_RAW_INSN(BPF_JMP | BPF_CALL, 0, 0, 0, 999));
	assert_text("call -0x1", BPF_RAW_INSN(BPF_JMP | BPF_CALL, 0, 1, 0, -1));
	assert_text("exit", BPF_EXIT_INSN());
}

static void memory(void **state)
{
	(void)state;
	assert_text("r1 = *(u32 *)(r2 + 0x4)", BPF_LDX_MEM(BPF_W, R1, R2, 4));
	assert_text("r1 = *(u8 *)(r10 - 0x8)", BPF_LDX_MEM(BPF_B, R1, R10, -8));
	assert_text("r1 = *(s16 *)(r2 + 0x0)", BPF_LDX_MEMSX(BPF_H, R1, R2, 0));
	assert_text("*(u64 *)(r1 + 0x0) = r2", BPF_STX_MEM(BPF_DW, R1, R2, 0));
	assert_text("*(u16 *)(r1 - 0x2) = 0x5", BPF_ST_MEM(BPF_H, R1, -2, 5));
	assert_text("*(u64 *)(r1 + 0x0) = -0x1", BPF_ST_MEM(BPF_DW, R1, 0, -1));
	assert_text("lock *(u64 *)(r1 + 0x8) += r2",
		    BPF_ATOMIC_OP(BPF_DW, BPF_ADD, R1, R2, 8));
	assert_text("lock *(u32 *)(r1 + 0x8) ^= w2",
		    BPF_ATOMIC_OP(BPF_W, BPF_XOR, R1, R2, 8));
	assert_text("r2 = atomic_fetch_or((u64 *)(r1 + 0x8), r2)",
		    BPF_ATOMIC_OP(BPF_DW, BPF_OR | BPF_FETCH, R1, R2, 8));
	assert_text("w2 = atomic_fetch_and((u32 *)(r1 + 0x8), w2)",
		    BPF_ATOMIC_OP(BPF_W, BPF_AND | BPF_FETCH, R1, R2, 8));
	assert_text("r2 = xchg_64(r1 + 0x8, r2)",
		    BPF_ATOMIC_OP(BPF_DW, BPF_XCHG, R1, R2, 8));
	assert_text("w2 = xchg32_32(r1 + 0x8, w2)",
		    BPF_ATOMIC_OP(BPF_W, BPF_XCHG, R1, R2, 8));
	assert_text("r0 = cmpxchg_64(r1 + 0x8, r0, r2)",
		    BPF_ATOMIC_OP(BPF_DW, BPF_CMPXCHG, R1, R2, 8));
	assert_text("r2 = load_acquire((u64 *)(r1 + 0x8))",
		    BPF_ATOMIC_OP(BPF_DW, BPF_LOAD_ACQ, R2, R1, 8));
	assert_text("store_release((u32 *)(r1 - 0x4), w2)",
		    BPF_ATOMIC_OP(BPF_W, BPF_STORE_REL, R1, R2, -4));
	assert_text("(atomic operation 0x20)", BPF_ATOMIC_OP(BPF_W, 0x20, R1, R2, 0));
	assert_text("r1 = 0x123456789abcdef0 ll", BPF_LD_IMM64(R1, 0x123456789abcdef0));
	assert_text("r1 = map 3 ll", BPF_LD_MAP(R1, 3));
	assert_text("r1 = map 3 value + 0x10 ll", BPF_LD_MAP_VALUE(R1, 3, 16));
}

static void random_instructions(void **state)
{
	__u64 random = 1;
	__u32 i;

	(void)state;
	assert_text("(opcode 0x00)", BPF_RAW_INSN(0, 0, 0, 0, 0));
	assert_text("(opcode 0x8d)", BPF_RAW_INSN(0x8d, 0, 0, 0, 0));
	for (i = 0; i < 100000; i++) {
		__u64 bits[2] = { random_next(&random), random_next(&random) };
		char text[VNP_DISASM_LEN];
		struct bpf_insn insn[2];

		memcpy(insn, bits, sizeof(insn));
		memset(text, 'x', sizeof(text));
		vnp_disasm(insn, text);
		assert_non_null(memchr(text, 0, sizeof(text)));
		assert_int_not_equal(text[0], 0);
		/* the text was not truncated */
		assert_true(strlen(text) < sizeof(text) - 1);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(arithmetic),
		cmocka_unit_test(jumps),
		cmocka_unit_test(memory),
		cmocka_unit_test(random_instructions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
