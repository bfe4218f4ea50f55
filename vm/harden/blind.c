// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Constant blinding.
 *
 * An immediate of a program is an immediate of native code, four bytes that an attacker
 * chose in executable memory: an attacker who can jump there executes them as
 * instructions.  So for untrusted users it is emitted as two numbers, a random one and the
 * immediate xor the random one, as the kernel does with its own programs under
 * net.core.bpf_jit_harden.
 *
 * Left as they are: immediates of one byte, shifts by a constant, and what goes to AX,
 * which lowering chose: sums of an instruction's offset, a size of at most 2^24, and
 * costs.  They depend on nothing but an instruction's offset and a map's size, which
 * the kernel does not blind either.
 */
#include "vm/lower/emit.h"

/* splitmix64 */
u32 vnp_blind_random(struct vnp_lower *l)
{
	u64 x = l->code->key += 0x9e3779b97f4a7c15ULL;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	return (x ^ x >> 31) >> 32;
}

static bool blind_wants(const struct bpf_insn *insn)
{
	if (insn->dst_reg == VNP_REG_AX || insn->imm == (s8)insn->imm)
		return false;
	switch (BPF_CLASS(insn->code)) {
	case BPF_ST:
		return insn->code != VNP_BARRIER;
	case BPF_JMP:
	case BPF_JMP32:
		return vnp_insn_is_cond(insn) && !vnp_insn_uses_x(insn);
	case BPF_ALU:
	case BPF_ALU64:
		switch (BPF_OP(insn->code)) {
		case BPF_NEG:
		case BPF_END:
		case BPF_LSH:
		case BPF_RSH:
		case BPF_ARSH:
			return false;
		default:
			return !vnp_insn_uses_x(insn);
		}
	default:
		return false;
	}
}

bool vnp_blind(struct vnp_lower *l, struct bpf_insn insn, struct bpf_insn out[3])
{
	u32 random;

	if (!blind_wants(&insn))
		return false;
	random = vnp_blind_random(l);
	out[0] = VNP_EMIT(BPF_ALU64 | BPF_MOV | BPF_K, VNP_REG_AX, 0, 0,
			  insn.imm ^ random);
	out[1] = VNP_EMIT(BPF_ALU64 | BPF_XOR | BPF_K, VNP_REG_AX, 0, 0, random);
	if (BPF_CLASS(insn.code) == BPF_ST)
		insn.code = (insn.code & ~0x07) | BPF_STX;
	else
		insn.code |= BPF_X;
	insn.src_reg = VNP_REG_AX;
	insn.imm = 0;
	out[2] = insn;
	return true;
}
