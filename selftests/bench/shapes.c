// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "shapes.h"

#include <stddef.h>
#include <string.h>
#include <linux/vnp.h>

#include "selftests/unit/insn_macros.h"

#define EMIT(T, ...) do {						\
	const struct bpf_insn _insns[] = { __VA_ARGS__ };		\
	memcpy(&(T)->insns[(T)->cnt], _insns, sizeof(_insns));		\
	(T)->cnt += sizeof(_insns) / sizeof(_insns[0]);			\
} while (0)

/* Arithmetic, and accesses to the payload, the stack and the context */
static void straight_block(struct text *t, __u32 i)
{
	EMIT(t, BPF_LDX_MEM(BPF_B, R3, R7, i % 64), BPF_ALU64_REG(BPF_ADD, R0, R3),
	     BPF_ALU64_IMM(BPF_AND, R3, 7), BPF_STX_MEM(BPF_DW, R10, R0, -8),
	     BPF_MOV64_REG(R4, R7), BPF_ALU64_REG(BPF_ADD, R4, R3),
	     BPF_LDX_MEM(BPF_H, R5, R4, 2), BPF_ALU64_REG(BPF_XOR, R0, R5),
	     BPF_LDX_MEM(BPF_W, R2, R6, t->len_off), BPF_ALU64_REG(BPF_SUB, R0, R2));
}

/* The same, with a check before each access, as the kernel's verifier requires */
static void checked_block(struct text *t, __u32 i)
{
	EMIT(t, BPF_LDX_MEM(BPF_B, R3, R7, i % 64), BPF_ALU64_REG(BPF_ADD, R0, R3),
	     BPF_ALU64_IMM(BPF_AND, R3, 63), BPF_STX_MEM(BPF_DW, R10, R0, -8),
	     BPF_MOV64_REG(R4, R7), BPF_ALU64_REG(BPF_ADD, R4, R3),
	     BPF_MOV64_REG(R5, R4), BPF_ALU64_IMM(BPF_ADD, R5, 2),
	     BPF_JMP_REG(BPF_JGT, R5, R9, 2), BPF_LDX_MEM(BPF_H, R5, R4, 0),
	     BPF_ALU64_REG(BPF_XOR, R0, R5));
}

/* Two paths that join with different numbers, one of which was compared before */
static void branchy_block(struct text *t, __u32 i)
{
	EMIT(t, BPF_LDX_MEM(BPF_B, R3, R7, i % 64), BPF_JMP_IMM(BPF_JGT, R3, i % 200, 3),
	     BPF_ALU64_IMM(BPF_ADD, R0, 3), BPF_STX_MEM(BPF_DW, R10, R3, -16),
	     BPF_JMP_A(2), BPF_MOV64_REG(R8, R3), BPF_ALU64_IMM(BPF_AND, R8, 31),
	     BPF_JMP_IMM(BPF_JGE, R8, 60, 3), BPF_MOV64_REG(R4, R7),
	     BPF_ALU64_REG(BPF_ADD, R4, R8), BPF_LDX_MEM(BPF_B, R0, R4, 0));
}

/* for (i = 0; i < n && i < 16; i++) sum += payload[i] */
static void loops_block(struct text *t, __u32 i)
{
	EMIT(t, BPF_MOV64_IMM(R3, 0), BPF_LDX_MEM(BPF_B, R5, R7, i % 64),
	     BPF_JMP_REG(BPF_JGE, R3, R5, 6), BPF_MOV64_REG(R4, R7),
	     BPF_ALU64_REG(BPF_ADD, R4, R3), BPF_LDX_MEM(BPF_B, R2, R4, 0),
	     BPF_ALU64_REG(BPF_ADD, R0, R2), BPF_ALU64_IMM(BPF_ADD, R3, 1),
	     BPF_JMP_IMM(BPF_JLT, R3, 16, -7));
}

/* if (p + n <= end) while (n) { n--; *p++; } */
static void lengths_block(struct text *t, __u32 i)
{
	EMIT(t, BPF_LDX_MEM(BPF_B, R3, R7, i % 64), BPF_MOV64_REG(R4, R7),
	     BPF_MOV64_REG(R2, R7), BPF_ALU64_REG(BPF_ADD, R2, R3),
	     BPF_JMP_REG(BPF_JGT, R2, R9, 5), BPF_JMP_IMM(BPF_JEQ, R3, 0, 4),
	     BPF_LDX_MEM(BPF_B, R5, R4, 0), BPF_ALU64_IMM(BPF_ADD, R4, 1),
	     BPF_ALU64_IMM(BPF_SUB, R3, 1), BPF_JMP_IMM(BPF_JNE, R3, 0, -4));
}

/* Loops as in loops_block(), nested eight deep, the counters on the stack */
static void nested_block(struct text *t, __u32 i)
{
	__u32 head[8], depth;

	(void)i;
	for (depth = 0; depth < 8; depth++) {
		EMIT(t, BPF_ST_MEM(BPF_DW, R10, -24 - 8 * (int)depth, 0));
		head[depth] = t->cnt;
	}
	EMIT(t, BPF_LDX_MEM(BPF_DW, R3, R10, -80), BPF_MOV64_REG(R4, R7),
	     BPF_ALU64_REG(BPF_ADD, R4, R3), BPF_LDX_MEM(BPF_B, R2, R4, 0),
	     BPF_ALU64_REG(BPF_ADD, R0, R2));
	while (depth--) {
		EMIT(t, BPF_LDX_MEM(BPF_DW, R3, R10, -24 - 8 * (int)depth),
		     BPF_ALU64_IMM(BPF_ADD, R3, 1),
		     BPF_STX_MEM(BPF_DW, R10, R3, -24 - 8 * (int)depth));
		EMIT(t, BPF_JMP_IMM(BPF_JLT, R3, 4, (int)head[depth] - (int)t->cnt - 1));
	}
}

const struct shape shapes[SHAPE_CNT] = {
	{ "straight", straight_block, 10 },
	{ "checked", checked_block, 11 },
	{ "branchy", branchy_block, 11 },
	{ "loops", loops_block, 9 },
	{ "lengths", lengths_block, 10 },
	{ "nested", nested_block, 45 },
};

/* The kernel's BPF has another context structure. */
static void prologue(struct text *t, bool kernel)
{
	EMIT(t, BPF_MOV64_REG(R6, R1), BPF_MOV64_IMM(R0, 0), BPF_MOV64_IMM(R8, 0));
	if (kernel)
		EMIT(t, BPF_LDX_MEM(BPF_W, R7, R6, offsetof(struct __sk_buff, data)),
		     BPF_LDX_MEM(BPF_W, R9, R6, offsetof(struct __sk_buff, data_end)));
	else
		EMIT(t, BPF_LDX_MEM(BPF_DW, R7, R6, offsetof(struct vnp_ctx, data)),
		     BPF_LDX_MEM(BPF_DW, R9, R6, offsetof(struct vnp_ctx, data_end)));
	t->len_off = kernel ? offsetof(struct __sk_buff, len) :
			      offsetof(struct vnp_ctx, len);
}

/* The blocks follow a check for 96 bytes of payload */
void text_make(struct text *t, const struct shape *shape, bool kernel)
{
	__u32 i;

	t->cnt = 0;
	prologue(t, kernel);
	EMIT(t, BPF_MOV64_REG(R2, R7), BPF_ALU64_IMM(BPF_ADD, R2, 96),
	     BPF_JMP_REG(BPF_JLE, R2, R9, 1), BPF_EXIT_INSN());
	for (i = 0; t->cnt + shape->room + 2 <= t->max; i++)
		shape->block(t, i);
	EMIT(t, BPF_MOV64_IMM(R0, 0), BPF_EXIT_INSN());
}
