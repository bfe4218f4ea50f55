// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Arithmetic.  The kernel's JITs rely on its verifier to have patched programs: native division by
 * zero traps, shifts by the width or more depend on the machine, and old JITs lack instructions of
 * ISA version 4.  So all that is done here, with BPF_REG_AX as the only scratch register.
 */
#include "vm/lower/emit.h"

/* The class of an instruction's width */
static u8 alu_class(bool is64)
{
	return is64 ? BPF_ALU64 : BPF_ALU;
}

static u8 alu_jump_class(bool is64)
{
	return is64 ? BPF_JMP : BPF_JMP32;
}

void vnp_lower_extend(struct vnp_lower *l, bool is64, u8 reg, u32 bits)
{
	u32 by = (is64 ? 64 : 32) - bits;

	vnp_emit_k(l, alu_class(is64) | BPF_LSH, reg, by);
	vnp_emit_k(l, alu_class(is64) | BPF_ARSH, reg, by);
}

static void alu_move(struct vnp_lower *l, const struct bpf_insn *insn)
{
	struct bpf_insn move = *insn;

	move.off = 0;
	vnp_emit(l, move);
	if (insn->off)
		vnp_lower_extend(l, vnp_insn_is64(insn), insn->dst_reg, insn->off);
}

/* bswap: the conversion that swaps on this machine */
static void alu_swap(struct vnp_lower *l, const struct bpf_insn *insn)
{
	struct bpf_insn swap = *insn;

	if (vnp_insn_is64(insn)) {
		swap.code = BPF_ALU | BPF_END | BPF_TO_BE;
		if (!vnp_insn_swaps(&swap))
			swap.code = BPF_ALU | BPF_END | BPF_TO_LE;
	}
	vnp_emit(l, swap);
}

static void alu_shift(struct vnp_lower *l, const struct bpf_insn *insn)
{
	bool is64 = vnp_insn_is64(insn);
	struct bpf_insn shift = *insn;
	u32 mask = is64 ? 63 : 31;

	if (!vnp_insn_uses_x(insn)) {
		shift.imm &= mask;
		vnp_emit(l, shift);
		return;
	}
	vnp_emit_x(l, BPF_ALU | BPF_MOV, VNP_REG_AX, insn->src_reg);
	vnp_emit_k(l, BPF_ALU | BPF_AND, VNP_REG_AX, mask);
	shift.src_reg = VNP_REG_AX;
	vnp_emit(l, shift);
}

/* Result of a division by zero: 0, or for the modulo the dividend */
static void alu_divide_by_zero(struct vnp_lower *l, const struct bpf_insn *insn)
{
	u8 class = alu_class(vnp_insn_is64(insn)), dst = insn->dst_reg;

	if (BPF_OP(insn->code) == BPF_DIV)
		vnp_emit_k(l, class | BPF_MOV, dst, 0);
	else
		vnp_emit_x(l, class | BPF_MOV, dst, dst);
}

/* x / x and x % x, signed: 1 and 0; if x is 0 both are 0 */
static void alu_divide_self(struct vnp_lower *l, const struct bpf_insn *insn)
{
	bool is64 = vnp_insn_is64(insn);
	u8 dst = insn->dst_reg;
	u32 zero;

	if (BPF_OP(insn->code) == BPF_MOD) {
		vnp_emit_k(l, alu_class(is64) | BPF_MOV, dst, 0);
		return;
	}
	if (!is64)
		vnp_emit_x(l, BPF_ALU | BPF_MOV, dst, dst);
	zero = vnp_emit_skip(l, alu_jump_class(is64) | BPF_JEQ | BPF_K, dst, 0, 0);
	vnp_emit_k(l, alu_class(is64) | BPF_MOV, dst, 1);
	vnp_emit_land(l, zero);
}

/*
 * dst = dst OP |src|, dst not being negative.  AX is set right before it is used: the
 * kernel's blinding of constants overwrites it at each instruction that has an
 * immediate and does not name AX.
 */
static void alu_divide_magnitude(struct vnp_lower *l, const struct bpf_insn *insn)
{
	bool is64 = vnp_insn_is64(insn);
	u8 class = alu_class(is64);
	u32 positive;

	if (vnp_insn_uses_x(insn)) {
		vnp_emit_x(l, class | BPF_MOV, VNP_REG_AX, insn->src_reg);
		positive = vnp_emit_skip(l, alu_jump_class(is64) | BPF_JSGE | BPF_K,
					 VNP_REG_AX, 0, 0);
		vnp_emit_k(l, class | BPF_NEG, VNP_REG_AX, 0);
		vnp_emit_land(l, positive);
	} else {
		/* after a 32 bit move 2^31 is positive */
		vnp_emit_imm32(l, VNP_REG_AX,
			       insn->imm < 0 ? (u32)-(s64)insn->imm : (u32)insn->imm);
	}
	vnp_emit_x(l, class | BPF_OP(insn->code), insn->dst_reg, VNP_REG_AX);
}

/*
 * Signed division: of magnitudes, then the sign is corrected.  Magnitudes are unsigned,
 * so the least number, which has no positive counterpart, is handled, too.  The
 * remainder has the sign of the dividend.
 */
static void alu_divide_signed(struct vnp_lower *l, const struct bpf_insn *insn)
{
	bool is64 = vnp_insn_is64(insn);
	u8 class = alu_class(is64), jump = alu_jump_class(is64);
	u8 dst = insn->dst_reg;
	u32 negative, done;

	negative = vnp_emit_skip(l, jump | BPF_JSLT | BPF_K, dst, 0, 0);
	alu_divide_magnitude(l, insn);
	done = vnp_emit_skip(l, BPF_JMP | BPF_JA, 0, 0, 0);
	vnp_emit_land(l, negative);
	vnp_emit_k(l, class | BPF_NEG, dst, 0);
	alu_divide_magnitude(l, insn);
	vnp_emit_k(l, class | BPF_NEG, dst, 0);
	vnp_emit_land(l, done);

	if (BPF_OP(insn->code) == BPF_MOD)
		return;
	if (vnp_insn_uses_x(insn)) {
		done = vnp_emit_skip(l, jump | BPF_JSGE | BPF_K, insn->src_reg, 0, 0);
		vnp_emit_k(l, class | BPF_NEG, dst, 0);
		vnp_emit_land(l, done);
	} else if (insn->imm < 0) {
		vnp_emit_k(l, class | BPF_NEG, dst, 0);
	}
}

static void alu_divide_nonzero(struct vnp_lower *l, const struct bpf_insn *insn)
{
	if (insn->off)
		alu_divide_signed(l, insn);
	else
		vnp_emit(l, *insn);
}

static void alu_divide(struct vnp_lower *l, const struct bpf_insn *insn, bool safe)
{
	u8 jump = alu_jump_class(vnp_insn_is64(insn));
	u32 zero, done;

	if (!vnp_insn_uses_x(insn) && !insn->imm) {
		alu_divide_by_zero(l, insn);
		return;
	}
	if (insn->off && vnp_insn_uses_x(insn) && insn->dst_reg == insn->src_reg) {
		alu_divide_self(l, insn);
		return;
	}
	if (safe || !vnp_insn_uses_x(insn)) {
		alu_divide_nonzero(l, insn);
		return;
	}
	zero = vnp_emit_skip(l, jump | BPF_JEQ | BPF_K, insn->src_reg, 0, 0);
	alu_divide_nonzero(l, insn);
	done = vnp_emit_skip(l, BPF_JMP | BPF_JA, 0, 0, 0);
	vnp_emit_land(l, zero);
	alu_divide_by_zero(l, insn);
	vnp_emit_land(l, done);
}

void vnp_lower_alu(struct vnp_lower *l, const struct bpf_insn *insn)
{
	bool safe = l->code->aux[l->insn].flags & VNP_AUX_SAFE;

	switch (BPF_OP(insn->code)) {
	case BPF_MOV:
		alu_move(l, insn);
		break;
	case BPF_END:
		alu_swap(l, insn);
		break;
	case BPF_LSH:
	case BPF_RSH:
	case BPF_ARSH:
		if (safe)
			vnp_emit(l, *insn);
		else
			alu_shift(l, insn);
		break;
	case BPF_DIV:
	case BPF_MOD:
		alu_divide(l, insn, safe);
		break;
	default:
		vnp_emit(l, *insn);
	}
}
