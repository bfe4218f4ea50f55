/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Handwritten programs, where the instructions are tested, or a few instructions are
 * enough.
 */
#ifndef _VNP_TEST_INSN_H
#define _VNP_TEST_INSN_H

#include <linux/bpf.h>
#include <linux/vnp.h>

#define INSN(c, d, s, o, i)	((struct bpf_insn) {			\
	.code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i) })

enum { R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, FP };

#define ALU64_IMM(op, d, i)	INSN(BPF_ALU64 | (op) | BPF_K, d, 0, 0, i)
#define ALU64_REG(op, d, s)	INSN(BPF_ALU64 | (op) | BPF_X, d, s, 0, 0)
#define MOV_IMM(d, i)		ALU64_IMM(BPF_MOV, d, i)
#define MOV_REG(d, s)		ALU64_REG(BPF_MOV, d, s)
#define LDX(sz, d, s, o)	INSN(BPF_LDX | BPF_MEM | (sz), d, s, o, 0)
#define STX(sz, d, s, o)	INSN(BPF_STX | BPF_MEM | (sz), d, s, o, 0)
#define ST(sz, d, o, i)		INSN(BPF_ST | BPF_MEM | (sz), d, 0, o, i)
#define JMP_IMM(op, d, i, o)	INSN(BPF_JMP | (op) | BPF_K, d, 0, o, i)
#define JMP_REG(op, d, s, o)	INSN(BPF_JMP | (op) | BPF_X, d, s, o, 0)
#define JA(o)			INSN(BPF_JMP | BPF_JA, 0, 0, o, 0)
#define CALL(name)		INSN(BPF_JMP | BPF_CALL, 0, 0, 0, VNP_HELPER_##name)
#define EXIT()			INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)

/* Two instructions each: the handle of a map; the address of a byte in one */
#define LD_MAP(d, idx)							\
	INSN(BPF_LD | BPF_DW | BPF_IMM, d, BPF_PSEUDO_MAP_IDX, 0, idx),	\
	INSN(0, 0, 0, 0, 0)
#define LD_VALUE(d, idx, off)						\
	INSN(BPF_LD | BPF_DW | BPF_IMM, d, BPF_PSEUDO_MAP_IDX_VALUE, 0, idx), \
	INSN(0, 0, 0, 0, off)

#define CTX(field)		((int)offsetof(struct vnp_ctx, field))

#endif /* _VNP_TEST_INSN_H */
