/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What <linux/bpf.h> of Linux 6.1 lacks of RFC 9669, and predicates on instructions for
 * all of vm/.
 */
#ifndef _VNP_VM_ISA_INSN_H
#define _VNP_VM_ISA_INSN_H

#include "vm/env.h"

/* BPF_LDX mode: load and extend the sign */
#ifndef BPF_MEMSX
#define BPF_MEMSX	0x80
#endif

/* BPF_STX | BPF_ATOMIC: operations of the immediate, Linux 6.15 and later */
#ifndef BPF_LOAD_ACQ
#define BPF_LOAD_ACQ	0x100
#define BPF_STORE_REL	0x110
#endif

/* BPF_ST mode: a speculation barrier; Linux 5.14 and later, for JITs only */
#ifndef BPF_NOSPEC
#define BPF_NOSPEC	0xc0
#endif
#define VNP_BARRIER	(BPF_ST | BPF_NOSPEC)

/* how many other instructions take as long: 13 to 16 ns were measured */
#define VNP_BARRIER_COST	40

/* scratch register of a lowering pass; no program can name it */
#define VNP_REG_AX	11

/* registers a program has: R0 to R9, and the frame pointer R10 */
#define VNP_REG_CNT	11
#define VNP_REG_FP	10

#define VNP_LD_IMM64	(BPF_LD | BPF_DW | BPF_IMM)

static inline bool vnp_insn_is_ld_imm64(const struct bpf_insn *insn)
{
	return insn->code == VNP_LD_IMM64;
}

/* vnp_insn_len() - slots it takes */
static inline u32 vnp_insn_len(const struct bpf_insn *insn)
{
	return vnp_insn_is_ld_imm64(insn) ? 2 : 1;
}

static inline u64 vnp_insn_imm64(const struct bpf_insn *insn)
{
	return (u64)(u32)insn[1].imm << 32 | (u32)insn[0].imm;
}

static inline bool vnp_insn_is_alu(const struct bpf_insn *insn)
{
	return BPF_CLASS(insn->code) == BPF_ALU ||
	       BPF_CLASS(insn->code) == BPF_ALU64;
}

/* a jump of any kind, calls and exits included */
static inline bool vnp_insn_is_jump_class(const struct bpf_insn *insn)
{
	return BPF_CLASS(insn->code) == BPF_JMP ||
	       BPF_CLASS(insn->code) == BPF_JMP32;
}

static inline bool vnp_insn_is_exit(const struct bpf_insn *insn)
{
	return insn->code == (BPF_JMP | BPF_EXIT);
}

static inline bool vnp_insn_is_call(const struct bpf_insn *insn)
{
	return insn->code == (BPF_JMP | BPF_CALL);
}

/*
 * src_reg of a goto, in place of a call or of a function's exit (inline.h); the decoder
 * accepts no program with them
 */
#define VNP_INSN_ENTER	1
#define VNP_INSN_LEAVE	2

/* goto, or gotol */
static inline bool vnp_insn_is_ja(const struct bpf_insn *insn)
{
	return vnp_insn_is_jump_class(insn) && BPF_OP(insn->code) == BPF_JA;
}

static inline bool vnp_insn_is_enter(const struct bpf_insn *insn)
{
	return vnp_insn_is_ja(insn) && insn->src_reg == VNP_INSN_ENTER;
}

static inline bool vnp_insn_is_leave(const struct bpf_insn *insn)
{
	return vnp_insn_is_ja(insn) && insn->src_reg == VNP_INSN_LEAVE;
}

/* vnp_insn_saves() - of one that enters or leaves: bit n: Rn is saved */
static inline u32 vnp_insn_saves(const struct bpf_insn *insn)
{
	return (u32)insn->dst_reg << BPF_REG_6;
}

static inline bool vnp_insn_is_cond(const struct bpf_insn *insn)
{
	return vnp_insn_is_jump_class(insn) && BPF_OP(insn->code) != BPF_JA &&
	       BPF_OP(insn->code) != BPF_CALL && BPF_OP(insn->code) != BPF_EXIT;
}

/* can an instruction other than the next follow it */
static inline bool vnp_insn_is_branch(const struct bpf_insn *insn)
{
	return vnp_insn_is_ja(insn) || vnp_insn_is_cond(insn);
}

/* vnp_insn_target() - index a branch at index @i jumps to; may be out of range */
static inline s64 vnp_insn_target(const struct bpf_insn *insn, u32 i)
{
	if (insn->code == (BPF_JMP32 | BPF_JA))
		return (s64)i + 1 + insn->imm;
	return (s64)i + 1 + insn->off;
}

static inline bool vnp_insn_is_atomic(const struct bpf_insn *insn)
{
	return BPF_CLASS(insn->code) == BPF_STX &&
	       BPF_MODE(insn->code) == BPF_ATOMIC;
}

/* vnp_insn_size() - bytes a load or store moves */
static inline u32 vnp_insn_size(const struct bpf_insn *insn)
{
	switch (BPF_SIZE(insn->code)) {
	case BPF_B:
		return 1;
	case BPF_H:
		return 2;
	case BPF_W:
		return 4;
	default:
		return 8;
	}
}

/*
 * vnp_insn_is_cmpxchg32() - a 32-bit cmpxchg; is_cmpxchg_insn() of the kernel's verifier.
 * On x86-64 it writes EAX only if it fails: if it succeeds the upper half of R0 stays
 * as it was.  All other instructions with a 32-bit result clear the upper half in
 * the JITs of x86-64 and arm64.
 */
static inline bool vnp_insn_is_cmpxchg32(const struct bpf_insn *insn)
{
	return insn->code == (BPF_STX | BPF_ATOMIC | BPF_W) &&
	       insn->imm == BPF_CMPXCHG;
}

static inline bool vnp_insn_uses_x(const struct bpf_insn *insn)
{
	return BPF_SRC(insn->code) == BPF_X;
}

/* vnp_insn_swaps() - BPF_END: does it swap on this machine, or only truncate */
static inline bool vnp_insn_swaps(const struct bpf_insn *insn)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return BPF_CLASS(insn->code) == BPF_ALU64 ||
	       BPF_SRC(insn->code) == BPF_TO_BE;
#else
	return BPF_CLASS(insn->code) == BPF_ALU64 ||
	       BPF_SRC(insn->code) == BPF_TO_LE;
#endif
}

/* vnp_insn_is64() - works on 64 bits: an ALU operation or a conditional jump */
static inline bool vnp_insn_is64(const struct bpf_insn *insn)
{
	return BPF_CLASS(insn->code) == BPF_ALU64 ||
	       BPF_CLASS(insn->code) == BPF_JMP;
}

#endif /* _VNP_VM_ISA_INSN_H */
