// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Decoding: each instruction is one of RFC 9669, its unused fields are zero, and
 * jumps lead to instructions.
 *
 * Later passes rely on all of it: they index tables by register numbers and jump
 * targets, and handle no unknown opcodes.
 */
#include "vm/code.h"
#include "vm/isa/decode.h"
#include "vm/helper.h"
#include "vm/isa/insn.h"
#include "vm/report/log.h"

#define OP(d, s, o, i)							\
	{ 1, VNP_OP_REG_##d, VNP_OP_REG_##s, VNP_OP_OFF_##o, VNP_OP_IMM_##i }

/* dst OP= imm and dst OP= src, in 32 and 64 bits */
#define ALU(op, off)							\
	[BPF_ALU | (op) | BPF_K]	= OP(WRITE, ZERO, off, ANY),	\
	[BPF_ALU | (op) | BPF_X]	= OP(WRITE, READ, off, ZERO),	\
	[BPF_ALU64 | (op) | BPF_K]	= OP(WRITE, ZERO, off, ANY),	\
	[BPF_ALU64 | (op) | BPF_X]	= OP(WRITE, READ, off, ZERO)

/* if dst OP imm and if dst OP src, in 32 and 64 bits */
#define COND(op)							\
	[BPF_JMP | (op) | BPF_K]	= OP(READ, ZERO, JUMP, ANY),	\
	[BPF_JMP | (op) | BPF_X]	= OP(READ, READ, JUMP, ZERO),	\
	[BPF_JMP32 | (op) | BPF_K]	= OP(READ, ZERO, JUMP, ANY),	\
	[BPF_JMP32 | (op) | BPF_X]	= OP(READ, READ, JUMP, ZERO)

#define LOAD(mode, size)						\
	[BPF_LDX | (mode) | (size)]	= OP(WRITE, READ, ANY, ZERO)

#define STORE(size)							\
	[BPF_ST | BPF_MEM | (size)]	= OP(READ, ZERO, ANY, ANY),	\
	[BPF_STX | BPF_MEM | (size)]	= OP(READ, READ, ANY, ZERO)

#define ATOMIC(size)							\
	[BPF_STX | BPF_ATOMIC | (size)]	= OP(READ, READ, ANY, ATOMIC)

const struct vnp_op vnp_op_table[256] = {
	ALU(BPF_ADD, ZERO),
	ALU(BPF_SUB, ZERO),
	ALU(BPF_MUL, ZERO),
	ALU(BPF_DIV, SIGNED),
	ALU(BPF_OR, ZERO),
	ALU(BPF_AND, ZERO),
	ALU(BPF_LSH, ZERO),
	ALU(BPF_RSH, ZERO),
	ALU(BPF_MOD, SIGNED),
	ALU(BPF_XOR, ZERO),
	ALU(BPF_ARSH, ZERO),

	[BPF_ALU | BPF_NEG]		= OP(WRITE, ZERO, ZERO, ZERO),
	[BPF_ALU64 | BPF_NEG]		= OP(WRITE, ZERO, ZERO, ZERO),

	[BPF_ALU | BPF_MOV | BPF_K]	= OP(WRITE, ZERO, ZERO, ANY),
	[BPF_ALU | BPF_MOV | BPF_X]	= OP(WRITE, READ, EXTEND32, ZERO),
	[BPF_ALU64 | BPF_MOV | BPF_K]	= OP(WRITE, ZERO, ZERO, ANY),
	[BPF_ALU64 | BPF_MOV | BPF_X]	= OP(WRITE, READ, EXTEND64, ZERO),

	[BPF_ALU | BPF_END | BPF_TO_LE]	= OP(WRITE, ZERO, ZERO, BITS),
	[BPF_ALU | BPF_END | BPF_TO_BE]	= OP(WRITE, ZERO, ZERO, BITS),
	[BPF_ALU64 | BPF_END]		= OP(WRITE, ZERO, ZERO, BITS),

	[BPF_JMP | BPF_JA]		= OP(ZERO, ZERO, JUMP, ZERO),
	[BPF_JMP32 | BPF_JA]		= OP(ZERO, ZERO, ZERO, JUMP),
	[BPF_JMP | BPF_CALL]		= OP(ZERO, PSEUDO, ZERO, ANY),
	[BPF_JMP | BPF_EXIT]		= OP(ZERO, ZERO, ZERO, ZERO),

	COND(BPF_JEQ),
	COND(BPF_JNE),
	COND(BPF_JSET),
	COND(BPF_JGT),
	COND(BPF_JGE),
	COND(BPF_JLT),
	COND(BPF_JLE),
	COND(BPF_JSGT),
	COND(BPF_JSGE),
	COND(BPF_JSLT),
	COND(BPF_JSLE),

	[VNP_LD_IMM64]			= OP(WRITE, PSEUDO, ZERO, ANY),

	LOAD(BPF_MEM, BPF_B),
	LOAD(BPF_MEM, BPF_H),
	LOAD(BPF_MEM, BPF_W),
	LOAD(BPF_MEM, BPF_DW),
	LOAD(BPF_MEMSX, BPF_B),
	LOAD(BPF_MEMSX, BPF_H),
	LOAD(BPF_MEMSX, BPF_W),

	STORE(BPF_B),
	STORE(BPF_H),
	STORE(BPF_W),
	STORE(BPF_DW),

	ATOMIC(BPF_W),
	ATOMIC(BPF_DW),
};

static int decode_opcode(const struct vnp_code *code, u32 i)
{
	const struct bpf_insn *insn = &code->insns[i];

	if (vnp_op_table[insn->code].known)
		return 0;

	if (BPF_CLASS(insn->code) == BPF_LD &&
	    (BPF_MODE(insn->code) == BPF_ABS || BPF_MODE(insn->code) == BPF_IND))
		vnp_log_insn(code, i,
			     "legacy packet loads are not supported: read through ctx->data, or with vnp_load_bytes()");
	else if (insn->code == (BPF_JMP | BPF_JA | BPF_X))
		vnp_log_insn(code, i,
			     "jump tables are not supported: compile with -fno-jump-tables, or -mcpu=v3");
	else
		vnp_log_insn(code, i, "opcode 0x%02x does not exist", insn->code);
	return -EACCES;
}

static int decode_reg(const struct vnp_code *code, u32 i, const char *field,
		      u32 rule, u32 reg)
{
	switch (rule) {
	case VNP_OP_REG_ZERO:
		if (!reg)
			return 0;
		vnp_log_insn(code, i, "%s is %u, but this opcode requires 0",
			     field, reg);
		return -EACCES;
	case VNP_OP_REG_WRITE:
		if (reg == VNP_REG_FP) {
			vnp_log_insn(code, i,
				     "r10 is the frame pointer and cannot be written");
			return -EACCES;
		}
		fallthrough;
	case VNP_OP_REG_READ:
		if (reg < VNP_REG_CNT)
			return 0;
		vnp_log_insn(code, i, "%s: there is no register r%u", field, reg);
		return -EACCES;
	default:
		return 0;	/* pseudo sources: decode_ld_imm64(), decode_call() */
	}
}

static bool decode_off_ok(u32 rule, s32 off)
{
	switch (rule) {
	case VNP_OP_OFF_ZERO:
		return !off;
	case VNP_OP_OFF_SIGNED:
		return !off || off == 1;
	case VNP_OP_OFF_EXTEND32:
		return !off || off == 8 || off == 16;
	case VNP_OP_OFF_EXTEND64:
		return !off || off == 8 || off == 16 || off == 32;
	default:
		return true;
	}
}

static bool decode_imm_ok(u32 rule, s32 imm)
{
	switch (rule) {
	case VNP_OP_IMM_ZERO:
		return !imm;
	case VNP_OP_IMM_BITS:
		return imm == 16 || imm == 32 || imm == 64;
	case VNP_OP_IMM_ATOMIC:
		switch (imm) {
		case BPF_ADD:
		case BPF_OR:
		case BPF_AND:
		case BPF_XOR:
		case BPF_ADD | BPF_FETCH:
		case BPF_OR | BPF_FETCH:
		case BPF_AND | BPF_FETCH:
		case BPF_XOR | BPF_FETCH:
		case BPF_XCHG:
		case BPF_CMPXCHG:
			return true;
		}
		return false;
	default:
		return true;
	}
}

/* Ordered loads and stores, which clang emits for -mcpu=v4 */
static void decode_refuse_ordered(const struct vnp_code *code, u32 i)
{
	if (code->insns[i].imm == BPF_LOAD_ACQ)
		vnp_log_insn(code, i,
			     "load-acquire is not supported: read with __sync_fetch_and_add(p, 0), which is ordered, too");
	else
		vnp_log_insn(code, i,
			     "store-release is not supported: write with __sync_lock_test_and_set(p, value), which is ordered, too; __sync_lock_release(p) is the same with 0");
}

static int decode_fields(const struct vnp_code *code, u32 i)
{
	const struct bpf_insn *insn = &code->insns[i];
	const struct vnp_op *op = &vnp_op_table[insn->code];

	if (decode_reg(code, i, "dst_reg", op->dst, insn->dst_reg) ||
	    decode_reg(code, i, "src_reg", op->src, insn->src_reg))
		return -EACCES;

	if (!decode_off_ok(op->off, insn->off)) {
		vnp_log_insn(code, i, "offset %d is not valid for this opcode",
			     insn->off);
		return -EACCES;
	}
	if (op->imm == VNP_OP_IMM_ATOMIC &&
	    (insn->imm == BPF_LOAD_ACQ || insn->imm == BPF_STORE_REL)) {
		decode_refuse_ordered(code, i);
		return -EACCES;
	}
	if (!decode_imm_ok(op->imm, insn->imm)) {
		vnp_log_insn(code, i, "immediate 0x%x is not valid for this opcode",
			     insn->imm);
		return -EACCES;
	}
	return 0;
}

static int decode_map_value(const struct vnp_code *code, u32 i, u32 off)
{
	const struct vnp_map_desc *map = &code->maps[code->insns[i].imm];

	if (map->type != VNP_MAP_ARRAY || map->max_entries != 1 || !map->value) {
		vnp_log_insn(code, i,
			     "only an array of one entry has an address that can be loaded, and map %d is not one",
			     code->insns[i].imm);
		return -EACCES;
	}
	if (off >= map->value_size) {
		vnp_log_insn(code, i,
			     "offset %u is outside the value of map %d, which has %u bytes",
			     off, code->insns[i].imm, map->value_size);
		return -EACCES;
	}
	return 0;
}

static int decode_ld_imm64(const struct vnp_code *code, u32 i)
{
	const struct bpf_insn *insn = &code->insns[i];

	if (i + 1 == code->insn_cnt || insn[1].code || insn[1].dst_reg ||
	    insn[1].src_reg || insn[1].off) {
		vnp_log_insn(code, i,
			     "a 64 bit immediate load takes two slots, and the second one is malformed");
		return -EACCES;
	}

	switch (insn->src_reg) {
	case 0:
		return 0;
	case BPF_PSEUDO_MAP_IDX:
	case BPF_PSEUDO_MAP_IDX_VALUE:
		break;
	default:
		vnp_log_insn(code, i,
			     "src_reg %u: a 64 bit immediate load can name a map by its index (5, 6), nothing else",
			     insn->src_reg);
		return -EACCES;
	}

	if ((u32)insn->imm >= code->map_cnt) {
		vnp_log_insn(code, i, "there is no map %u, the program came with %u",
			     (u32)insn->imm, code->map_cnt);
		return -EACCES;
	}
	if (insn->src_reg == BPF_PSEUDO_MAP_IDX_VALUE)
		return decode_map_value(code, i, insn[1].imm);
	if (insn[1].imm) {
		vnp_log_insn(code, i,
			     "the second immediate of a map's handle must be 0");
		return -EACCES;
	}
	return 0;
}

/* @verb: what the instruction does with its target */
static int decode_target(const struct vnp_code *code, u32 i, s64 to, const char *verb)
{
	if (to < 0 || to >= code->insn_cnt) {
		vnp_log_insn(code, i, "%s instruction %lld, outside the program", verb,
			     (long long)to);
		return -EACCES;
	}
	/*
	 * Opcode 0 is valid in the second slot of a pair only: elsewhere it is refused
	 * itself.
	 */
	if (!code->insns[to].code) {
		vnp_log_insn(code, i, "%s instruction %lld, the second half of a 64 bit immediate load",
			     verb, (long long)to);
		return -EACCES;
	}
	return 0;
}

static void decode_refuse_helper(const struct vnp_code *code, u32 i, s32 id)
{
	const char *name = vnp_bpf_helper_name(id);
	const char *counterpart = vnp_bpf_helper_counterpart(id);

	if (!name)
		vnp_log_insn(code, i, "there is no helper %d", id);
	else if (counterpart)
		vnp_log_insn(code, i,
			     "calls the kernel's helper %s (%d): include <vnp/program.h> and use %s",
			     name, id, counterpart);
	else
		vnp_log_insn(code, i,
			     "calls the kernel's helper %s (%d), and VNP has none like it: <vnp/program.h> lists its own",
			     name, id);
}

static int decode_call(const struct vnp_code *code, u32 i)
{
	const struct bpf_insn *insn = &code->insns[i];

	switch (insn->src_reg) {
	case 0:
		if (vnp_helper_get(insn->imm))
			return 0;
		decode_refuse_helper(code, i, insn->imm);
		return -EACCES;
	case BPF_PSEUDO_CALL:
		return decode_target(code, i, (s64)i + 1 + insn->imm, "calls");
	default:
		vnp_log_insn(code, i,
			     "src_reg %u: a call can name a helper (0) or a function of the program (1), nothing else",
			     insn->src_reg);
		return -EACCES;
	}
}

static int decode_insn(const struct vnp_code *code, u32 i)
{
	const struct bpf_insn *insn = &code->insns[i];
	int err;

	err = decode_opcode(code, i);
	if (err)
		return err;
	err = decode_fields(code, i);
	if (err)
		return err;

	if (vnp_insn_is_ld_imm64(insn))
		return decode_ld_imm64(code, i);
	if (vnp_insn_is_call(insn))
		return decode_call(code, i);
	if (vnp_insn_is_branch(insn))
		return decode_target(code, i, vnp_insn_target(insn, i), "jumps to");
	return 0;
}

int vnp_decode(const struct vnp_code *code)
{
	u32 i, last = 0;
	int err;

	for (i = 0; i < code->insn_cnt; i += vnp_insn_len(&code->insns[i])) {
		err = decode_insn(code, i);
		if (err)
			return err;
		last = i;
	}

	if (!vnp_insn_is_exit(&code->insns[last]) &&
	    !vnp_insn_is_ja(&code->insns[last])) {
		vnp_log_insn(code, last,
			     "the program runs off its end: the last instruction must be an exit or a goto");
		return -EACCES;
	}
	return 0;
}
