// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include <stddef.h>
#include <stdbool.h>

#include <linux/vnp.h>

#include "insn_macros.h"
#include "random_program.h"

/* The generator's knowledge about a register */
enum kind {
	UNSET,
	NUMBER,
	PACKET,
	STACK,
	VALUE,		/* pointer to a map value; may be NULL */
};

#define SLOTS	8	/* slots of the stack that are written at the start */
#define FUNCS	3	/* the program itself is number 0; functions call higher numbers */
#define CALLS	8

struct gen {
	__u64 random;
	const __u8 *bytes;	/* make the decisions instead of @random, if not NULL */
	size_t left;		/* number of @bytes */
	bool parse;		/* call gen_parse() */
	bool index;		/* call gen_context() */
	bool wide;		/* call gen_wide() */
	bool attack;		/* call gen_attack() */
	bool kinds;		/* call gen_kinds() */
	struct bpf_insn *insns;
	__u32 cnt;
	enum kind kind[10];	/* R6 is always the context */
	__u32 depth;
	__u32 func;
	__u32 call[CALLS];	/* call instructions, whose imm is still the number of a function */
	__u32 call_cnt;
};

__u64 random_next(__u64 *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* The next bytes, then zeroes */
static __u32 next_bytes(struct gen *g, __u32 cnt)
{
	__u32 value = 0;

	while (cnt-- && g->left) {
		value = value << 8 | *g->bytes++;
		g->left--;
	}
	return value;
}

/* A number below @n, which is 256 at most */
static __u32 roll(struct gen *g, __u32 n)
{
	if (g->bytes)
		return next_bytes(g, 1) % n;
	return (random_next(&g->random) >> 11) % n;
}

static bool full(const struct gen *g)
{
	__u32 end = g->wide ? 25 : 5;

	return g->cnt + 40 + end * FUNCS > RANDOM_INSNS_MAX || (g->bytes && !g->left);
}

static void put(struct gen *g, struct bpf_insn insn)
{
	g->insns[g->cnt++] = insn;
}

static __s32 number(struct gen *g)
{
	static const __s32 some[] = {
		0, 1, -1, 2, 7, 8, 15, 16, 31, 32, 63, 64, 100, 127, 128, 255, 256,
		0x7fff, 0x8000, 0xffff, 0x10000, 0x7fffffff, -0x80000000, -8,
	};

	if (roll(g, 3))
		return some[roll(g, ARRAY_SIZE(some))];
	return g->bytes ? next_bytes(g, sizeof(__s32)) : random_next(&g->random);
}

/* Offset of an access: mostly small, sometimes far */
static __s16 offset(struct gen *g)
{
	return roll(g, 12) ? (int)roll(g, 8) : (int)roll(g, 80) - 40;
}

/* A register that can be written: any but R6 */
static __u32 any_reg(struct gen *g)
{
	__u32 reg = roll(g, 9);

	return reg < 6 ? reg : reg + 1;
}

/* A register of a kind, or -1 */
static int reg_of(struct gen *g, enum kind kind)
{
	__u32 first = roll(g, 10), i;

	for (i = 0; i < 10; i++)
		if ((first + i) % 10 != 6 && g->kind[(first + i) % 10] == kind)
			return (first + i) % 10;
	return -1;
}

static int number_reg(struct gen *g)
{
	int reg = reg_of(g, NUMBER);

	if (reg >= 0)
		return reg;
	reg = any_reg(g);
	put(g, BPF_MOV64_IMM(reg, number(g)));
	g->kind[reg] = NUMBER;
	return reg;
}

static __u8 size_code(struct gen *g)
{
	static const __u8 sizes[] = { BPF_B, BPF_H, BPF_W, BPF_DW };

	return sizes[roll(g, 4)];
}

static void gen_alu(struct gen *g)
{
	static const __u8 ops[] = {
		BPF_ADD, BPF_SUB, BPF_MUL, BPF_DIV, BPF_OR, BPF_AND, BPF_LSH,
		BPF_RSH, BPF_MOD, BPF_XOR, BPF_ARSH, BPF_MOV,
	};
	__u8 op = ops[roll(g, sizeof(ops))];
	__u8 class = roll(g, 2) ? BPF_ALU64 : BPF_ALU;
	int dst = number_reg(g), src = number_reg(g);
	struct bpf_insn insn;

	if (roll(g, 2))
		insn = BPF_RAW_INSN(class | op | BPF_K, dst, 0, 0, number(g));
	else
		insn = BPF_RAW_INSN(class | op | BPF_X, dst, src, 0, 0);
	if (op == BPF_DIV || op == BPF_MOD)
		insn.off = roll(g, 2);
	if (op == BPF_MOV && insn.code & BPF_X)
		insn.off = 8 * roll(g, 3);
	put(g, insn);
}

static void gen_unary(struct gen *g)
{
	int dst = number_reg(g);
	__s32 bits = 16 << roll(g, 3);

	switch (roll(g, 4)) {
	case 0:
		put(g, BPF_NEG64(dst));
		break;
	case 1:
		put(g, BPF_ENDIAN(BPF_TO_BE, dst, bits));
		break;
	case 2:
		put(g, BPF_ENDIAN(BPF_TO_LE, dst, bits));
		break;
	default:
		put(g, BPF_BSWAP(dst, bits));
	}
}

static void gen_pointer_to(struct gen *g, __u32 dst)
{
	switch (roll(g, 3)) {
	case 0:
		put(g, BPF_LDX_MEM(BPF_DW, dst, R6, offsetof(struct vnp_ctx, data)));
		g->kind[dst] = PACKET;
		break;
	case 1:
		put(g, BPF_MOV64_REG(dst, R10));
		put(g, BPF_ALU64_IMM(BPF_ADD, dst, -8 * (int)(1 + roll(g, SLOTS))));
		g->kind[dst] = STACK;
		break;
	default:
		put(g, BPF_RAW_INSN(BPF_LD | BPF_DW | BPF_IMM, dst,
				    BPF_PSEUDO_MAP_IDX_VALUE, 0, 2));
		put(g, BPF_RAW_INSN(0, 0, 0, 0, roll(g, 64)));
		g->kind[dst] = VALUE;
	}
}

static void gen_pointer(struct gen *g)
{
	gen_pointer_to(g, any_reg(g));
}

static int pointer_reg(struct gen *g)
{
	int reg = reg_of(g, PACKET + roll(g, 3));

	if (reg < 0)
		gen_pointer(g);
	return reg < 0 ? reg_of(g, PACKET) : reg;
}

static void gen_move_pointer(struct gen *g)
{
	int ptr = pointer_reg(g), num = number_reg(g);

	if (ptr < 0 || g->kind[num] != NUMBER || ptr == num)
		return;
	switch (roll(g, 12)) {
	case 0:
		put(g, BPF_ALU64_REG(BPF_ADD, ptr, num));
		break;
	case 1 ... 5:
		put(g, BPF_ALU64_IMM(BPF_AND, num, 15));
		put(g, BPF_ALU64_REG(roll(g, 9) ? BPF_ADD : BPF_SUB, ptr, num));
		break;
	case 6 ... 8:
		put(g, BPF_ALU64_IMM(BPF_ADD, ptr, (int)roll(g, 24) - 4));
		break;
	case 9:
		put(g, BPF_ALU64_REG(BPF_ADD, num, ptr));
		g->kind[num] = g->kind[ptr];
		break;
	default:
		num = any_reg(g);
		put(g, BPF_MOV64_REG(num, ptr));
		g->kind[num] = g->kind[ptr];
	}
}

static void gen_load(struct gen *g)
{
	int ptr = pointer_reg(g);
	__u32 dst = any_reg(g);
	__u8 size = size_code(g);

	if (ptr < 0)
		return;
	put(g, BPF_LDX_MEM(size, dst, ptr, offset(g)));
	if (roll(g, 4) == 0 && size != BPF_DW)
		g->insns[g->cnt - 1].code = BPF_LDX | BPF_MEMSX | size;
	g->kind[dst] = NUMBER;
}

static void gen_store(struct gen *g)
{
	int ptr = pointer_reg(g), num = number_reg(g);

	if (ptr < 0 || g->kind[num] != NUMBER)
		return;
	if (roll(g, 3) == 0)
		put(g, BPF_ST_MEM(size_code(g), ptr, offset(g), number(g)));
	else
		put(g, BPF_STX_MEM(size_code(g), ptr, num, offset(g)));
}

static void gen_atomic(struct gen *g)
{
	static const __s32 ops[] = {
		BPF_ADD, BPF_OR, BPF_AND, BPF_XOR, BPF_ADD | BPF_FETCH,
		BPF_OR | BPF_FETCH, BPF_AND | BPF_FETCH, BPF_XOR | BPF_FETCH,
		BPF_XCHG, BPF_CMPXCHG,
	};
	__s32 op = ops[roll(g, 10)];
	int num = number_reg(g);

	if (op == BPF_CMPXCHG && g->kind[0] != NUMBER)
		return;
	put(g, BPF_ATOMIC_OP(roll(g, 2) ? BPF_DW : BPF_W, op, R10, num,
			     -8 * (int)(1 + roll(g, SLOTS))));
}

/* Save a register and restore it; slots above SLOTS are for that */
static void gen_spill(struct gen *g)
{
	__u32 src = any_reg(g), dst = any_reg(g);
	__s16 off = -8 * (int)(SLOTS + 1 + roll(g, 4));

	if (g->kind[src] == UNSET)
		return;
	put(g, BPF_STX_MEM(BPF_DW, R10, src, off));
	if (roll(g, 2) || full(g))
		return;
	put(g, BPF_LDX_MEM(BPF_DW, dst, R10, off));
	g->kind[dst] = g->kind[src];
}

static void clobber(struct gen *g)
{
	__u32 i;

	for (i = 1; i < 6; i++)
		g->kind[i] = UNSET;
}

static void gen_lookup(struct gen *g)
{
	__u32 map = roll(g, 2), i;

	put(g, BPF_ST_MEM(BPF_W, R10, -8, roll(g, 10)));
	put(g, BPF_RAW_INSN(BPF_LD | BPF_DW | BPF_IMM, R1, BPF_PSEUDO_MAP_IDX, 0, map));
	put(g, BPF_RAW_INSN(0, 0, 0, 0, 0));
	put(g, BPF_MOV64_REG(R2, R10));
	put(g, BPF_ALU64_IMM(BPF_ADD, R2, -8));
	if (roll(g, 3) == 0) {
		put(g, BPF_MOV64_REG(R3, R10));
		put(g, BPF_ALU64_IMM(BPF_ADD, R3, -8 * SLOTS));
		put(g, BPF_MOV64_IMM(R4, roll(g, 3)));
		put(g, BPF_CALL_HELPER(map_update));
		clobber(g);
		g->kind[0] = NUMBER;
		return;
	}
	put(g, BPF_CALL_HELPER(map_lookup));
	clobber(g);
	g->kind[0] = VALUE;
	i = 7 + roll(g, 3);
	put(g, BPF_MOV64_REG(i, R0));
	g->kind[i] = VALUE;
	if (roll(g, 4)) {
		put(g, BPF_JMP_IMM(BPF_JNE, R0, 0, 2));
		put(g, BPF_MOV64_IMM(R0, 77));
		put(g, BPF_EXIT_INSN());
	}
}

static void gen_helper(struct gen *g)
{
	int num = number_reg(g);

	put(g, BPF_MOV64_REG(R4, num));
	put(g, BPF_MOV64_REG(R1, R6));
	put(g, BPF_MOV64_IMM(R2, roll(g, 32)));
	put(g, BPF_MOV64_REG(R3, R10));
	put(g, BPF_ALU64_IMM(BPF_ADD, R3, -8 * SLOTS));
	if (roll(g, 8))
		put(g, BPF_ALU64_IMM(BPF_AND, R4, 31));
	if (roll(g, 4))
		put(g, BPF_ALU64_IMM(BPF_OR, R4, 1));
	put(g, roll(g, 3) ? BPF_CALL_HELPER(load_bytes) : BPF_CALL_HELPER(store_bytes));
	clobber(g);
	g->kind[0] = NUMBER;
	if (g->insns[g->cnt - 1].imm == VNP_HELPER_store_bytes) {
		__u32 i;

		for (i = 0; i < 10; i++)
			if (g->kind[i] == PACKET)
				g->kind[i] = UNSET;
	}
}

/* A call of another function, with the context and a pointer into the frame */
static void gen_call(struct gen *g)
{
	if (g->func == FUNCS - 1 || g->call_cnt == CALLS)
		return;
	put(g, BPF_MOV64_REG(R1, R6));
	put(g, BPF_MOV64_REG(R2, R10));
	put(g, BPF_ALU64_IMM(BPF_ADD, R2, -8 * (1 + (int)roll(g, SLOTS))));
	g->call[g->call_cnt++] = g->cnt;
	put(g, BPF_RAW_INSN(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_CALL, 0,
			    g->func + 1 + roll(g, FUNCS - 1 - g->func)));
	clobber(g);
	g->kind[0] = NUMBER;
}

static void gen_block(struct gen *g, __u32 len);

static struct bpf_insn condition(struct gen *g)
{
	static const __u8 ops[] = {
		BPF_JEQ, BPF_JNE, BPF_JSET, BPF_JGT, BPF_JGE, BPF_JLT, BPF_JLE,
		BPF_JSGT, BPF_JSGE, BPF_JSLT, BPF_JSLE,
	};
	int a = number_reg(g), b = number_reg(g), ptr = reg_of(g, PACKET);
	__u8 class = roll(g, 2) ? BPF_JMP : BPF_JMP32;
	__u8 op = ops[roll(g, sizeof(ops))];

	if (ptr >= 0 && roll(g, 4) == 0) {
		/* is this much of the payload readable? */
		__u32 end = any_reg(g);

		if (end != (__u32)ptr) {
			put(g, BPF_LDX_MEM(BPF_DW, end, R6,
					   offsetof(struct vnp_ctx, data_end)));
			g->kind[end] = UNSET;
			put(g, BPF_ALU64_IMM(BPF_ADD, ptr, roll(g, 16)));
			op = ops[3 + roll(g, 4)];
			if (roll(g, 2))
				return BPF_JMP_REG(op, ptr, end, 0);
			return BPF_JMP_REG(op, end, ptr, 0);
		}
	}
	a = number_reg(g);
	b = g->kind[b] == NUMBER ? b : a;
	if (roll(g, 2))
		return BPF_RAW_INSN(class | op | BPF_K, a, 0, 0, number(g));
	return BPF_RAW_INSN(class | op | BPF_X, a, b, 0, 0);
}

/* At a join, registers of different kinds become unset; optionally, pointers are kept */
static void join_kinds(struct gen *g, const enum kind *other)
{
	__u32 i;

	for (i = 0; i < 10; i++)
		if (g->kind[i] != other[i] &&
		    (!g->kinds || g->kind[i] < PACKET || other[i] < PACKET))
			g->kind[i] = UNSET;
}

static void save(const struct gen *g, enum kind *kinds)
{
	__u32 i;

	for (i = 0; i < 10; i++)
		kinds[i] = g->kind[i];
}

static void gen_if(struct gen *g)
{
	struct bpf_insn cond = condition(g);
	enum kind before[10], after[10];
	__u32 at = g->cnt, over, i;

	put(g, cond);
	save(g, before);
	gen_block(g, 1 + roll(g, 6));
	save(g, after);
	for (i = 0; i < 10; i++)
		g->kind[i] = before[i];
	if (roll(g, 2)) {
		over = g->cnt;
		put(g, BPF_JMP_A(0));
		g->insns[at].off = g->cnt - at - 1;
		gen_block(g, 1 + roll(g, 6));
		g->insns[over].off = g->cnt - over - 1;
	} else {
		g->insns[at].off = g->cnt - at - 1;
	}
	join_kinds(g, after);
}

/* A lookup in one of two maps, selected at run time */
static void gen_either_map(struct gen *g)
{
	put(g, BPF_ST_MEM(BPF_W, R10, -8, roll(g, 10)));
	put(g, BPF_MOV64_REG(R2, R10));
	put(g, BPF_ALU64_IMM(BPF_ADD, R2, -8));
	put(g, BPF_LDX_MEM(BPF_W, R3, R6, offsetof(struct vnp_ctx, len)));
	put(g, BPF_RAW_INSN(BPF_LD | BPF_DW | BPF_IMM, R1, BPF_PSEUDO_MAP_IDX, 0, 0));
	put(g, BPF_RAW_INSN(0, 0, 0, 0, 0));
	put(g, BPF_JMP_IMM(BPF_JGT, R3, roll(g, 256), 2));
	put(g, BPF_RAW_INSN(BPF_LD | BPF_DW | BPF_IMM, R1, BPF_PSEUDO_MAP_IDX, 0, 1));
	put(g, BPF_RAW_INSN(0, 0, 0, 0, 0));
	put(g, BPF_CALL_HELPER(map_lookup));
	clobber(g);
	g->kind[0] = VALUE;
}

/*
 * A pointer that is of two or three kinds at a join, and is used: at once, from a slot, or
 * later
 */
static void gen_kinds(struct gen *g)
{
	__u32 reg = any_reg(g), i;
	__s16 off = -8 * (int)(SLOTS + 1 + roll(g, 4));

	if (!roll(g, 4)) {
		gen_either_map(g);
		return;
	}
	gen_pointer_to(g, reg);
	for (i = 1 + roll(g, 2); i; i--) {
		struct bpf_insn cond = condition(g);
		__u32 at = g->cnt;

		put(g, cond);
		gen_pointer_to(g, reg);
		g->insns[at].off = g->cnt - at - 1;
	}
	if (!roll(g, 3)) {
		put(g, BPF_STX_MEM(BPF_DW, R10, reg, off));
		put(g, BPF_LDX_MEM(BPF_DW, reg, R10, off));
	}
	if (roll(g, 2))
		put(g, BPF_LDX_MEM(size_code(g), any_reg(g), reg, offset(g)));
	else
		put(g, BPF_ST_MEM(size_code(g), reg, offset(g), number(g)));
	if (BPF_CLASS(g->insns[g->cnt - 1].code) == BPF_LDX)
		g->kind[g->insns[g->cnt - 1].dst_reg] = NUMBER;
}

/* A loop with a counter that the body does not change, or randomly does */
static void gen_loop(struct gen *g)
{
	__s16 slot = -8 * (SLOTS + 5 + (int)g->depth);
	struct bpf_insn cond;
	enum kind before[10];
	__u32 head, i;

	put(g, BPF_ST_MEM(BPF_DW, R10, slot, 0));
	/* registers that change their kind in the body are unknown at its start */
	for (i = 0; i < 10; i++)
		if (i != 6 && roll(g, 2))
			g->kind[i] = UNSET;
	save(g, before);
	head = g->cnt;
	gen_block(g, 1 + roll(g, 8));
	for (i = 0; i < 10; i++)
		if (before[i] != UNSET && g->kind[i] != before[i]) {
			/* restore it, roughly */
			if (before[i] == PACKET)
				put(g, BPF_LDX_MEM(BPF_DW, i, R6, 0));
			else if (before[i] == STACK)
				put(g, BPF_MOV64_REG(i, R10));
			else
				put(g, BPF_MOV64_IMM(i, 3));
			g->kind[i] = before[i] == VALUE ? NUMBER : before[i];
		}
	if (roll(g, 4) == 0) {
		cond = condition(g);
		if (g->cnt - head < 400) {
			cond.off = (int)head - (int)g->cnt - 1;
			put(g, cond);
		}
		return;
	}
	i = any_reg(g);
	put(g, BPF_LDX_MEM(BPF_DW, i, R10, slot));
	put(g, BPF_ALU64_IMM(BPF_ADD, i, 1));
	put(g, BPF_STX_MEM(BPF_DW, R10, i, slot));
	g->kind[i] = NUMBER;
	put(g, BPF_JMP_IMM(BPF_JLT, i, 1 + roll(g, 20), 0));
	g->insns[g->cnt - 1].off = (int)head - (int)g->cnt;
}

/* Mostly the right number, sometimes off by one or two */
static __s32 perturb(struct gen *g, __s32 right)
{
	return roll(g, 5) ? right : right + (int)roll(g, 5) - 2;
}

static __u8 perturb_class(struct gen *g)
{
	return roll(g, 6) ? BPF_ALU64 : BPF_ALU;
}

static __u8 perturb_op(struct gen *g, __u8 right)
{
	static const __u8 ops[] = {
		BPF_JGT, BPF_JGE, BPF_JLT, BPF_JLE, BPF_JSGT, BPF_JSGE, BPF_JSLT,
		BPF_JSLE, BPF_JEQ, BPF_JNE,
	};

	return roll(g, 4) ? right : ops[roll(g, sizeof(ops))];
}

/* Put a length into R8, from the payload or random */
static void gen_length(struct gen *g)
{
	if (roll(g, 3)) {
		put(g, BPF_LDX_MEM(roll(g, 2) ? BPF_B : BPF_H, R8, R7, perturb(g, 0)));
		if (!roll(g, 4))
			put(g, BPF_ENDIAN(BPF_TO_BE, R8, 16));
	} else {
		put(g, BPF_MOV64_REG(R8, number_reg(g)));
	}
	if (roll(g, 2))
		put(g, BPF_RAW_INSN(perturb_class(g) | BPF_AND | BPF_K, R8, 0, 0,
				    roll(g, 64)));
	if (!roll(g, 3))
		put(g, BPF_RAW_INSN(perturb_class(g) | BPF_ADD | BPF_K, R8, 0, 0,
				    (int)roll(g, 8) - 4));
	if (!roll(g, 4))
		put(g, BPF_RAW_INSN(perturb_class(g) | BPF_LSH | BPF_K, R8, 0, 0,
				    roll(g, 3)));
}

/* Check that R8 bytes are readable at R7. Return: the jump that is taken if they are not */
static __u32 gen_length_check(struct gen *g)
{
	if (roll(g, 3)) {
		__u32 first = roll(g, 2) ? R7 : R8;

		put(g, BPF_MOV64_REG(R4, first));
		put(g, BPF_ALU64_REG(BPF_ADD, R4, first == R7 ? R8 : R7));
		if (!roll(g, 3))
			put(g, BPF_ALU64_IMM(BPF_ADD, R4, (int)roll(g, 9) - 4));
		if (roll(g, 2))
			put(g, BPF_JMP_REG(perturb_op(g, BPF_JGT), R4, R9, 0));
		else
			put(g, BPF_JMP_REG(perturb_op(g, BPF_JLT), R9, R4, 0));
	} else {
		put(g, BPF_MOV64_REG(R4, R9));
		put(g, BPF_ALU64_REG(BPF_SUB, R4, R7));
		if (!roll(g, 3))
			put(g, BPF_ALU64_IMM(BPF_ADD, R4, (int)roll(g, 9) - 4));
		put(g, BPF_RAW_INSN((roll(g, 5) ? BPF_JMP : BPF_JMP32) |
				    perturb_op(g, BPF_JLT) | BPF_X, R4, R8, 0, 0));
	}
	return g->cnt - 1;
}

/* while (R8--) *R7++ */
static void gen_walk(struct gen *g)
{
	__s32 step = 1 + roll(g, 2);
	__u32 head = g->cnt, out;

	put(g, BPF_JMP_IMM(perturb_op(g, step == 1 ? BPF_JEQ : BPF_JLT), R8, step == 1 ? 0 : 2,
			   0));
	out = g->cnt - 1;
	put(g, BPF_LDX_MEM(roll(g, 4) ? BPF_B : BPF_H, R3, R7, perturb(g, 0)));
	if (roll(g, 2)) {
		put(g, BPF_ALU64_IMM(BPF_ADD, R7, perturb(g, step)));
		put(g, BPF_RAW_INSN(perturb_class(g) | BPF_SUB | BPF_K, R8, 0, 0,
				    perturb(g, step)));
	} else {
		put(g, BPF_RAW_INSN(perturb_class(g) | BPF_ADD | BPF_K, R8, 0, 0,
				    -perturb(g, step)));
		put(g, BPF_ALU64_IMM(BPF_ADD, R7, perturb(g, step)));
	}
	if (!roll(g, 5)) {
		/* skip a number of bytes that is in the payload */
		put(g, BPF_ALU64_IMM(BPF_AND, R3, 7));
		if (roll(g, 3))
			put(g, BPF_JMP_REG(perturb_op(g, BPF_JGT), R3, R8, 2));
		put(g, BPF_ALU64_REG(BPF_ADD, R7, R3));
		put(g, BPF_RAW_INSN(perturb_class(g) | BPF_SUB | BPF_X, R8, R3, 0, 0));
	}
	if (roll(g, 2)) {
		put(g, BPF_JMP_A((int)head - (int)g->cnt - 1));
	} else {
		put(g, BPF_JMP_IMM(perturb_op(g, BPF_JNE), R8, perturb(g, 0), 0));
		g->insns[g->cnt - 1].off = (int)head - (int)g->cnt;
	}
	g->insns[out].off = g->cnt - out - 1;
}

/* for (R5 = 0; R5 < R8; R5++) R7[R5] */
static void gen_index(struct gen *g)
{
	__s32 step = 1 + roll(g, 2);
	__u32 head, out;

	put(g, BPF_MOV64_IMM(R5, perturb(g, 0)));
	head = g->cnt;
	put(g, BPF_RAW_INSN((roll(g, 5) ? BPF_JMP : BPF_JMP32) | perturb_op(g, BPF_JGE) |
			    BPF_X, R5, R8, 0, 0));
	out = g->cnt - 1;
	put(g, BPF_MOV64_REG(R3, R7));
	put(g, BPF_ALU64_REG(BPF_ADD, R3, R5));
	put(g, BPF_LDX_MEM(BPF_B, R3, R3, perturb(g, 0)));
	put(g, BPF_RAW_INSN(perturb_class(g) | BPF_ADD | BPF_K, R5, 0, 0, perturb(g, step)));
	put(g, BPF_JMP_A((int)head - (int)g->cnt - 1));
	g->insns[out].off = g->cnt - out - 1;
}

/* Like a parser: check that a number of bytes is readable, and loop over them */
static void gen_parse(struct gen *g)
{
	__u32 out;

	put(g, BPF_LDX_MEM(BPF_DW, R7, R6, offsetof(struct vnp_ctx, data)));
	put(g, BPF_LDX_MEM(BPF_DW, R9, R6, offsetof(struct vnp_ctx, data_end)));
	g->kind[7] = PACKET;
	g->kind[9] = UNSET;
	if (!roll(g, 3))
		put(g, BPF_ALU64_IMM(BPF_ADD, R7, roll(g, 8)));
	gen_length(g);
	if (!roll(g, 3))
		put(g, BPF_ALU64_IMM(BPF_ADD, R7, 1));
	out = gen_length_check(g);
	if (roll(g, 3))
		gen_walk(g);
	else
		gen_index(g);
	g->insns[out].off = g->cnt - out - 1;
	clobber(g);
	g->kind[8] = NUMBER;
}

/*
 * Read a field of the context at an index, which is mostly bounded by an operation or a
 * branch
 */
static void gen_context(struct gen *g)
{
	static const __u8 sizes[] = { BPF_B, BPF_H, BPF_W, BPF_DW };
	__u32 shift = roll(g, 4), ptr = any_reg(g), dst = any_reg(g);
	int num = number_reg(g);

	if (g->kind[num] != NUMBER || ptr == (__u32)num)
		return;
	if (roll(g, 2)) {
		put(g, BPF_ALU64_IMM(BPF_AND, num, 15 >> shift));
	} else {
		put(g, BPF_JMP_IMM(BPF_JLE, num, 15 >> shift, 2));
		put(g, BPF_MOV64_IMM(R0, 78));
		put(g, BPF_EXIT_INSN());
	}
	put(g, BPF_MOV64_REG(ptr, num));
	put(g, BPF_ALU64_IMM(BPF_LSH, ptr, roll(g, 16) ? shift : roll(g, 64)));
	put(g, BPF_ALU64_REG(BPF_ADD, ptr, R6));
	g->kind[ptr] = UNSET;
	put(g, BPF_LDX_MEM(sizes[shift], dst, ptr,
			   roll(g, 12) ? 16 * (1 + roll(g, 4)) : roll(g, 100)));
	g->kind[dst] = NUMBER;
}

/*
 * Code like that of attacks on verifiers: values whose two halves differ, pointers moved
 * far away, sizes that may be negative or huge, atomic operations with every outcome.
 */

static __u64 wide_value(struct gen *g)
{
	static const __u64 some[] = {
		0x7fffffff, 0x80000000, 0xffffffff, 0x100000000, 0x100000001,
		0x1234ffffffff, 0x7fffffffffffffff, 0x8000000000000000,
		0xffffffff00000000, 0xffffffff80000000, 0xffffffff7fffffff,
	};

	if (roll(g, 2))
		return some[roll(g, ARRAY_SIZE(some))];
	return (__u64)number(g) << 32 | (__u32)number(g);
}

static void put_imm64(struct gen *g, __u32 dst, __u64 value)
{
	put(g, BPF_RAW_INSN(BPF_LD | BPF_DW | BPF_IMM, dst, 0, 0, (__u32)value));
	put(g, BPF_RAW_INSN(0, 0, 0, 0, value >> 32));
	g->kind[dst] = NUMBER;
}

/* A number unknown to the verifier: from the payload or a map, if it is readable */
static void wide_unknown(struct gen *g, __u32 dst)
{
	if (roll(g, 2)) {
		put(g, BPF_LDX_MEM(BPF_DW, dst, R6, offsetof(struct vnp_ctx, data)));
		put(g, BPF_LDX_MEM(size_code(g), dst, dst, roll(g, 8)));
	} else {
		put(g, BPF_RAW_INSN(BPF_LD | BPF_DW | BPF_IMM, dst,
				    BPF_PSEUDO_MAP_IDX_VALUE, 0, 2));
		put(g, BPF_RAW_INSN(0, 0, 0, 0, 8 * roll(g, 8)));
		put(g, BPF_LDX_MEM(BPF_DW, dst, dst, 0));
	}
	g->kind[dst] = NUMBER;
}

/* Bound a number by a branch, in 32 or 64 bits, or by a mask */
static void wide_bound(struct gen *g, __u32 reg)
{
	static const __u8 ops[] = {
		BPF_JEQ, BPF_JNE, BPF_JSET, BPF_JGT, BPF_JGE, BPF_JLT, BPF_JLE,
		BPF_JSGT, BPF_JSGE, BPF_JSLT, BPF_JSLE,
	};
	__u8 class = roll(g, 3) ? BPF_JMP : BPF_JMP32;

	if (roll(g, 3) == 0) {
		put(g, BPF_RAW_INSN((roll(g, 2) ? BPF_ALU64 : BPF_ALU) | BPF_AND | BPF_K,
				    reg, 0, 0, number(g)));
		return;
	}
	put(g, BPF_RAW_INSN(class | ops[roll(g, sizeof(ops))] | BPF_K, reg, 0, 2,
			    number(g)));
	put(g, BPF_MOV64_IMM(R0, 79));
	put(g, BPF_EXIT_INSN());
}

/* A number that was shifted, extended or truncated at its halves */
static void wide_halves(struct gen *g)
{
	static const __u8 shifts[] = { BPF_LSH, BPF_RSH, BPF_ARSH };
	__u32 dst = any_reg(g);
	int src = number_reg(g);

	switch (roll(g, 5)) {
	case 0:
		put_imm64(g, dst, wide_value(g));
		break;
	case 1:
		wide_unknown(g, dst);
		break;
	case 2:
		put(g, BPF_RAW_INSN(BPF_ALU64 | shifts[roll(g, 3)] | BPF_K, src, 0, 0,
				    31 + roll(g, 3)));
		break;
	case 3:
		put(g, BPF_MOV32_REG(dst, src));
		g->kind[dst] = NUMBER;
		break;
	default:
		put(g, BPF_MOVSX64_REG(dst, src, 8 << roll(g, 3)));
		g->kind[dst] = NUMBER;
	}
}

/* Put a pointer into @dst, mostly to 8 bytes. Return: false if there is none */
static bool wide_pointer(struct gen *g, __u32 dst)
{
	int ptr = pointer_reg(g);

	if (ptr < 0)
		return false;
	put(g, BPF_MOV64_REG(dst, ptr));
	g->kind[dst] = g->kind[ptr];
	return true;
}

/* An atomic operation on any object, sometimes with R0 equal to the memory, or nearly so */
static void wide_atomic(struct gen *g)
{
	static const __s32 ops[] = {
		BPF_ADD, BPF_OR, BPF_AND, BPF_XOR, BPF_ADD | BPF_FETCH,
		BPF_OR | BPF_FETCH, BPF_AND | BPF_FETCH, BPF_XOR | BPF_FETCH,
		BPF_XCHG, BPF_CMPXCHG, BPF_CMPXCHG, BPF_CMPXCHG,
	};
	__u8 size = roll(g, 2) ? BPF_DW : BPF_W;
	__s32 op = ops[roll(g, ARRAY_SIZE(ops))];
	__u32 ptr = 7 + roll(g, 3), src;
	__s16 off = size == BPF_DW ? 8 * (int)roll(g, 3) : 4 * (int)roll(g, 5);

	if (roll(g, 3) == 0) {
		ptr = R10;
		off = -8 * (int)(1 + roll(g, SLOTS)) + (size == BPF_W && roll(g, 2) ? 4 : 0);
	} else if (!wide_pointer(g, ptr)) {
		return;
	}
	if (op == BPF_CMPXCHG && roll(g, 4)) {
		put(g, BPF_LDX_MEM(roll(g, 4) ? size : BPF_W, R0, ptr, off));
		g->kind[0] = NUMBER;
		if (roll(g, 2)) {
			put_imm64(g, R1, wide_value(g) << 32);
			put(g, BPF_ALU64_REG(roll(g, 2) ? BPF_OR : BPF_XOR, R0, R1));
		}
	}
	src = number_reg(g);
	if (g->kind[src] != NUMBER || src == ptr || (op == BPF_CMPXCHG && g->kind[0] != NUMBER))
		return;
	put(g, BPF_ATOMIC_OP(size, op, ptr, src, off));
	if (op != BPF_CMPXCHG || roll(g, 2))
		return;
	put(g, BPF_ALU64_IMM(BPF_RSH, R0, 32));
}

/* An access far from its pointer, in one or more steps that may cancel out */
static void wide_far(struct gen *g)
{
	static const __s32 far[] = {
		1 << 15, -(1 << 15), 1 << 20, 1 << 28, 1 << 29, -(1 << 29), 1 << 30,
		0x7fffffff, -0x80000000, -0x7fffffff,
	};
	__u32 ptr = 7 + roll(g, 3), dst = any_reg(g), steps = 1 + roll(g, 3);
	__s32 by = far[roll(g, ARRAY_SIZE(far))];
	__s16 off = roll(g, 4) ? (int)roll(g, 8) : number(g);

	if (!wide_pointer(g, ptr))
		return;
	while (steps--)
		put(g, BPF_ALU64_IMM(roll(g, 6) ? BPF_ADD : BPF_SUB, ptr, by));
	if (roll(g, 2)) {
		int num = number_reg(g);

		if (g->kind[num] == NUMBER && num != (int)ptr) {
			wide_bound(g, num);
			put(g, BPF_ALU64_REG(roll(g, 4) ? BPF_ADD : BPF_SUB, ptr, num));
		}
	} else if (roll(g, 3)) {
		put(g, BPF_ALU64_IMM(BPF_SUB, ptr, by));
	}
	if (roll(g, 3)) {
		put(g, BPF_LDX_MEM(size_code(g), dst, ptr, off));
		g->kind[dst] = NUMBER;
	} else {
		put(g, BPF_ST_MEM(size_code(g), ptr, off, number(g)));
	}
}

/* Put memory for a helper into R@reg and its size, roughly bounded, into R@reg + 1 */
static void wide_memory(struct gen *g, __u32 reg)
{
	__u32 num = 7 + roll(g, 3);

	/* first results of lookups or loads, as R0 to R5 are clobbered later */
	if (roll(g, 3)) {
		if (g->kind[num] != NUMBER)
			wide_unknown(g, num);
		wide_bound(g, num);
		put(g, BPF_MOV64_REG(reg + 1, num));
	} else {
		put(g, BPF_MOV64_IMM(reg + 1, roll(g, 2) ? (int)roll(g, 70) : number(g)));
	}
	g->kind[reg + 1] = NUMBER;
	if (roll(g, 6) == 0) {
		put(g, BPF_MOV64_IMM(reg, 0));
		return;
	}
	num = 7 + roll(g, 3);
	if (g->kind[num] > NUMBER && roll(g, 2)) {
		put(g, BPF_MOV64_REG(reg, num));
		return;
	}
	put(g, BPF_MOV64_REG(reg, R10));
	put(g, BPF_ALU64_IMM(BPF_ADD, reg, -8 * SLOTS));
}

static void wide_helper(struct gen *g)
{
	__u32 helper = roll(g, 5), i;

	for (i = 0; i < 3; i++)
		g->kind[i] = UNSET;
	switch (helper) {
	case 0:
		wide_memory(g, R1);
		wide_memory(g, R3);
		put(g, BPF_MOV64_IMM(R5, number(g)));
		put(g, BPF_CALL_HELPER(csum_diff));
		break;
	case 1:
		put(g, BPF_MOV64_IMM(R2, number(g)));
		put(g, BPF_MOV64_REG(R1, R6));
		put(g, BPF_CALL_HELPER(pull));
		break;
	case 4:
		put(g, BPF_MOV64_IMM(R2, roll(g, 3) ? (int)roll(g, 32) - 16 : number(g)));
		put(g, BPF_MOV64_REG(R1, R6));
		put(g, roll(g, 2) ? BPF_CALL_HELPER(adjust_head) :
				    BPF_CALL_HELPER(adjust_tail));
		break;
	default:
		wide_memory(g, R3);
		put(g, BPF_MOV64_IMM(R2, roll(g, 3) ? (int)roll(g, 64) : number(g)));
		put(g, BPF_MOV64_REG(R1, R6));
		put(g, helper == 2 ? BPF_CALL_HELPER(load_bytes) :
				     BPF_CALL_HELPER(store_bytes));
	}
	clobber(g);
	g->kind[0] = NUMBER;
	for (i = 0; i < 10 && (helper == 1 || helper >= 3); i++)
		if (g->kind[i] == PACKET)
			g->kind[i] = UNSET;
}

/* A slot that is written partially, on one path only, or with different kinds */
static void wide_slot(struct gen *g)
{
	__s16 off = -8 * (int)(1 + roll(g, SLOTS + 4));
	__u32 src = any_reg(g), dst = any_reg(g);
	int num = number_reg(g);

	if (roll(g, 2) && g->kind[num] == NUMBER) {
		put(g, BPF_RAW_INSN((roll(g, 2) ? BPF_JMP : BPF_JMP32) |
				    (roll(g, 2) ? BPF_JGT : BPF_JSLT) | BPF_K, num, 0, 1,
				    number(g)));
	}
	if (g->kind[src] == UNSET || roll(g, 4) == 0)
		put(g, BPF_ST_MEM(size_code(g), R10, off + 4 * (int)roll(g, 2), number(g)));
	else if (g->kind[src] == NUMBER)
		put(g, BPF_STX_MEM(size_code(g), R10, src, off + 4 * (int)roll(g, 2)));
	else
		put(g, BPF_STX_MEM(BPF_DW, R10, src, off));
	if (roll(g, 2))
		return;
	put(g, BPF_LDX_MEM(roll(g, 2) ? BPF_DW : BPF_W, dst, R10,
			   off + 4 * (int)roll(g, 2) * (int)roll(g, 2)));
	g->kind[dst] = NUMBER;
}

static void gen_wide(struct gen *g)
{
	switch (roll(g, 8)) {
	case 0 ... 1:
		wide_halves(g);
		break;
	case 2 ... 3:
		wide_atomic(g);
		break;
	case 4:
		wide_far(g);
		break;
	case 5:
		wide_helper(g);
		break;
	case 6:
		wide_slot(g);
		break;
	default:
		wide_bound(g, number_reg(g));
	}
}

/* ---- Attacks, as no compiler generates them --------------------------------- */

/* Numbers whose sums with offsets and sizes do not fit, or whose halves differ */
static __u64 far_number(struct gen *g)
{
	static const __u64 some[] = {
		1ULL << 63, (1ULL << 63) - 1, 1ULL << 62, 3ULL << 62, -(1ULL << 62),
		1ULL << 32, (1ULL << 32) - 1, 0xffffffff00000000ULL, 1ULL << 31,
		-(1ULL << 31), 1ULL << 24, (1ULL << 24) + 1, -1ULL, 0x123400000000ULL,
	};

	return some[roll(g, ARRAY_SIZE(some))] + roll(g, 64) - 32;
}

/* Move a pointer far away; half of the time move it back */
static void gen_far_pointer(struct gen *g)
{
	int ptr = pointer_reg(g);
	__u32 by = any_reg(g);
	__u8 op = roll(g, 2) ? BPF_ADD : BPF_SUB;

	if (ptr < 0 || by == (__u32)ptr)
		return;
	put_imm64(g, by, far_number(g));
	put(g, BPF_ALU64_REG(op, ptr, by));
	if (roll(g, 2))
		put(g, BPF_ALU64_REG(op == BPF_ADD ? BPF_SUB : BPF_ADD, ptr, by));
	if (roll(g, 2))
		put(g, BPF_LDX_MEM(size_code(g), by, ptr, (int)roll(g, 80) - 40));
}

/* Put a 64-bit size into R@reg, from the payload or a register, compared or not */
static void gen_attack_size(struct gen *g, __u32 reg)
{
	static const __u8 ops[] = {
		BPF_JGT, BPF_JSGT, BPF_JSGE, BPF_JSLT, BPF_JSLE, BPF_JLT,
	};

	if (roll(g, 3)) {
		put(g, BPF_LDX_MEM(BPF_DW, reg, R6, offsetof(struct vnp_ctx, data)));
		put(g, BPF_LDX_MEM(roll(g, 4) ? BPF_DW : BPF_B, reg, reg, roll(g, 16)));
	} else if (roll(g, 2)) {
		put_imm64(g, reg, far_number(g));
	} else {
		put(g, BPF_MOV64_REG(reg, number_reg(g)));
	}
	if (roll(g, 3)) {
		put(g, BPF_JMP_IMM(ops[roll(g, sizeof(ops))], reg, roll(g, 3) ? 0 : 64, 2));
		put(g, BPF_MOV64_IMM(R0, 79));
		put(g, BPF_EXIT_INSN());
	}
	if (!roll(g, 3))
		put(g, BPF_ALU64_IMM(BPF_AND, reg, roll(g, 2) ? 28 : -8));
}

/* Put memory for a helper into R@reg: any pointer, NULL, or the end of the stack */
static void gen_attack_memory(struct gen *g, __u32 reg)
{
	int ptr = pointer_reg(g), num = number_reg(g);

	switch (roll(g, 5)) {
	case 0:
		put(g, BPF_MOV64_IMM(reg, 0));
		break;
	case 1:
		put(g, BPF_MOV64_REG(reg, R10));
		break;
	case 2:
		put(g, BPF_MOV64_REG(reg, R10));
		put(g, BPF_ALU64_REG(BPF_ADD, reg, num));
		break;
	default:
		put(g, BPF_MOV64_REG(reg, ptr < 0 ? R10 : ptr));
	}
}

/* Call a helper with a size from a register: R7 and R8 are clobbered */
static void gen_attack_call(struct gen *g)
{
	__u32 first = roll(g, 2) ? R1 : R3;

	gen_attack_size(g, R8);
	g->kind[8] = NUMBER;
	gen_attack_memory(g, R7);
	g->kind[7] = UNSET;
	switch (roll(g, 3)) {
	case 0:
		put(g, BPF_MOV64_REG(R1, R6));
		put(g, BPF_MOV64_IMM(R2, roll(g, 32)));
		/* not the payload, in which it would overlap what is read */
		put(g, BPF_MOV64_REG(R3, R10));
		put(g, BPF_ALU64_IMM(BPF_ADD, R3, -8 * (int)roll(g, SLOTS + 1)));
		put(g, BPF_MOV64_REG(R4, R8));
		put(g, BPF_CALL_HELPER(load_bytes));
		break;
	default:
		put(g, BPF_MOV64_REG(first, R7));
		put(g, BPF_MOV64_REG(first + 1, R8));
		put(g, BPF_MOV64_IMM(R1 + R3 - first, 0));
		put(g, BPF_MOV64_IMM(R2 + R4 - first - 1, 0));
		put(g, BPF_MOV64_IMM(R5, 0));
		put(g, BPF_CALL_HELPER(csum_diff));
	}
	clobber(g);
	g->kind[0] = NUMBER;
}

/* An atomic operation with the upper halves set, and one of its results as an offset */
static void gen_attack_atomic(struct gen *g)
{
	static const __s32 ops[] = {
		BPF_ADD | BPF_FETCH, BPF_OR | BPF_FETCH, BPF_AND | BPF_FETCH,
		BPF_XOR | BPF_FETCH, BPF_XCHG, BPF_CMPXCHG, BPF_CMPXCHG, BPF_CMPXCHG,
	};
	__s16 off = -8 * (int)(1 + roll(g, SLOTS));
	__s32 op = ops[roll(g, ARRAY_SIZE(ops))];
	__u32 old = op == BPF_CMPXCHG ? R0 : R1;

	put(g, BPF_ST_MEM(BPF_DW, R10, off, roll(g, 3)));
	put_imm64(g, R0, (__u64)(1 + roll(g, 64)) << 32 | roll(g, 3));
	put_imm64(g, R1, (__u64)roll(g, 64) << 32 | roll(g, 3));
	put(g, BPF_ATOMIC_OP(roll(g, 4) ? BPF_W : BPF_DW, op, R10, R1, off));
	if (roll(g, 3))
		put(g, BPF_ALU64_IMM(BPF_RSH, old, roll(g, 2) ? 32 : 24));
	put(g, BPF_MOV64_REG(R2, R10));
	put(g, BPF_ALU64_REG(BPF_ADD, R2, old));
	put(g, BPF_LDX_MEM(BPF_B, R1, R2, -8 * SLOTS));
	g->kind[2] = STACK;
}

/* A slot that is written on one path only, with any register */
static void gen_attack_slot(struct gen *g)
{
	__u32 src = any_reg(g), dst = any_reg(g);
	__s16 off = -8 * (int)(SLOTS + 9 + roll(g, 4));
	int num = number_reg(g);

	if (g->kind[src] == UNSET)
		return;
	put(g, BPF_JMP_IMM(BPF_JGT, num, roll(g, 128), 1));
	put(g, BPF_STX_MEM(BPF_DW, R10, src, off));
	put(g, BPF_LDX_MEM(BPF_DW, dst, R10, off));
	if (roll(g, 2)) {
		put(g, BPF_JMP_IMM(roll(g, 2) ? BPF_JNE : BPF_JEQ, dst, 0, 2));
		put(g, BPF_MOV64_IMM(R0, 80));
		put(g, BPF_EXIT_INSN());
	}
	g->kind[dst] = g->kind[src];
}

static void gen_attack(struct gen *g)
{
	switch (roll(g, 4)) {
	case 0:
		gen_far_pointer(g);
		break;
	case 1:
		gen_attack_call(g);
		break;
	case 2:
		gen_attack_atomic(g);
		break;
	default:
		gen_attack_slot(g);
	}
}

static void gen_one(struct gen *g)
{
	if (g->wide && !roll(g, 3)) {
		gen_wide(g);
		return;
	}
	if (g->attack && !roll(g, 8)) {
		gen_attack(g);
		return;
	}
	if (g->kinds && !roll(g, 10)) {
		gen_kinds(g);
		return;
	}
	if (g->index && !roll(g, 12)) {
		gen_context(g);
		return;
	}
	switch (roll(g, g->parse ? 25 : 23)) {
	case 0 ... 5:
		gen_alu(g);
		break;
	case 6:
		gen_unary(g);
		break;
	case 7:
		gen_pointer(g);
		break;
	case 8 ... 9:
		gen_move_pointer(g);
		break;
	case 10 ... 12:
		gen_load(g);
		break;
	case 13 ... 14:
		gen_store(g);
		break;
	case 15:
		gen_atomic(g);
		break;
	case 16:
		gen_spill(g);
		break;
	case 17:
		gen_lookup(g);
		break;
	case 18:
		gen_helper(g);
		break;
	case 19 ... 20:
		if (g->depth < 4) {
			g->depth++;
			gen_if(g);
			g->depth--;
		}
		break;
	case 21:
		gen_call(g);
		break;
	case 22:
		if (g->depth < 3) {
			g->depth++;
			gen_loop(g);
			g->depth--;
		}
		break;
	default:
		gen_parse(g);
	}
}

static void gen_block(struct gen *g, __u32 len)
{
	while (len-- && !full(g))
		gen_one(g);
}

/* Make the return value depend on all registers */
static void wide_exit(struct gen *g)
{
	__u32 i;

	for (i = 1; i < 10; i++) {
		if (g->kind[i] != NUMBER)
			continue;
		put(g, BPF_ALU64_IMM(BPF_MUL, R0, 31));
		put(g, BPF_ALU64_REG(BPF_XOR, R0, i));
	}
}

static void gen_func(struct gen *g, __u32 len)
{
	__u32 i;

	put(g, BPF_MOV64_REG(R6, R1));
	for (i = 0; i < 10; i++)
		g->kind[i] = UNSET;
	if (g->func)
		g->kind[2] = STACK;
	gen_block(g, len);
	put(g, BPF_MOV64_REG(R0, number_reg(g)));
	if (g->wide)
		wide_exit(g);
	put(g, BPF_EXIT_INSN());
}

static __u32 gen_program(struct gen *g)
{
	struct bpf_insn *insns = g->insns;
	__u32 start[FUNCS], i;

	gen_func(g, 4 + roll(g, 40));
	start[0] = 0;
	while (g->call_cnt && ++g->func < FUNCS) {
		start[g->func] = g->cnt;
		gen_func(g, 1 + roll(g, 12));
	}
	for (i = 0; i < g->call_cnt; i++)
		insns[g->call[i]].imm = start[insns[g->call[i]].imm] - g->call[i] - 1;
	return g->cnt;
}

/*
 * Bits of the seed select optional contents, beginning with bit 2: some tests depend on the
 * lower bits.
 */
__u32 random_program(__u64 seed, struct bpf_insn *insns)
{
	struct gen g = {
		.random = seed * 0x9e3779b97f4a7c15ULL + 1,
		.parse = seed & 4,
		.index = seed & 8,
		.attack = seed & 16,
		.kinds = seed & 32,
		.insns = insns,
	};

	return gen_program(&g);
}

__u32 random_wide_program(__u64 seed, struct bpf_insn *insns)
{
	struct gen g = {
		.random = seed * 0x9e3779b97f4a7c15ULL + 1,
		.parse = seed & 4,
		.index = seed & 8,
		.kinds = seed & 32,
		.wide = true,
		.insns = insns,
	};

	return gen_program(&g);
}

__u32 random_program_of(const void *bytes, size_t len, __u32 with, struct bpf_insn *insns)
{
	struct gen g = {
		.bytes = bytes, .left = len, .parse = with & RANDOM_PARSE,
		.index = with & RANDOM_INDEX, .attack = with & RANDOM_ATTACK,
		.kinds = with & RANDOM_KINDS, .insns = insns,
	};

	return gen_program(&g);
}

void random_payload(void *payload, size_t len, __u64 *random)
{
	static const __u64 edges[] = {
		0, 1, -1, 7, 8, 64, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000,
		0x100000001, 1ULL << 63, (1ULL << 63) - 1, -8, 0xffffffff80000000,
		1ULL << 62, 3ULL << 62, 1ULL << 48, -(1ULL << 47), 1ULL << 24,
	};
	__u32 kind = random_next(random) >> 13;
	size_t i;

	for (i = 0; i < len; i += 8) {
		__u64 word = random_next(random);
		__s64 by = (__s64)(word >> 40 & 127) - 64;

		if (kind % 4 == 1)
			word &= 0x0707070707070707;
		else if (kind % 4 >= 2)
			word = edges[(word >> 17) % ARRAY_SIZE(edges)];
		if (kind % 4 == 3)
			word += by;
		memcpy((__u8 *)payload + i, &word, len - i < 8 ? len - i : 8);
	}
}

void random_mutate(struct bpf_insn *insns, __u32 cnt, __u64 *random)
{
	struct bpf_insn *insn = &insns[random_next(random) % cnt];
	const struct bpf_insn *other = &insns[random_next(random) % cnt];

	switch (random_next(random) % 8) {
	case 0:
		insn->dst_reg = other->dst_reg;
		break;
	case 1:
		insn->src_reg = other->src_reg;
		break;
	case 2:
		insn->off = other->off;
		break;
	case 3:
		insn->imm = other->imm;
		break;
	case 4:
		*insn = *other;
		break;
	case 5:
		insn->off += (int)(random_next(random) % 9) - 4;
		break;
	case 6:
		insn->imm = (__u32)insn->imm + random_next(random) % 9 - 4;
		break;
	default:
		insn->code ^= 1 << random_next(random) % 8;
	}
}
