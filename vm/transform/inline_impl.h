/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What the files of inlining share: the functions of a program.
 *
 *	inline.c	finds them, and how large each is with all that it calls
 *	inline_write.c	writes the copies
 */
#ifndef _VNP_VM_TRANSFORM_INLINE_IMPL_H
#define _VNP_VM_TRANSFORM_INLINE_IMPL_H

#include "vm/code.h"
#include "vm/isa/insn.h"

/**
 * struct vnp_inline_func - a function
 * @first:	first instruction
 * @end:	first that is not its
 * @mark:	enum inline_mark
 * @saves:	which of R6 to R9 it uses
 * @locals:	bytes of its variables, a multiple of 8
 * @size:	instructions with all that it calls; if they exceed VNP_INSN_MAX, not all are
 *		counted
 * @frames:	copies of functions in these, including itself
 * @height:	depth of calls from here, including itself
 */
struct vnp_inline_func {
	u32 first;
	u32 end;
	u8 mark;
	u32 saves;
	u32 locals;
	u32 size;
	u32 frames;
	u32 height;
};

/* struct vnp_inline_at - a function that is being walked: at @insn, with the copy at @to */
struct vnp_inline_at {
	u32 func;
	u32 insn;
	u32 to;
	u32 frame;
};

/**
 * struct vnp_inline_pass - state of the pass
 * @code:	the program
 * @func_of:	by instruction: function that begins there; also marks targets
 * @target:	by instruction: some branch leads there
 * @at:		by instruction: its distance from the start of a copy
 * @funcs:	the functions, by place
 * @func_cnt:	how many
 * @stack:	functions that are being walked, the program itself first
 * @depth:	how many
 * @insns:	the new program
 * @out:	likewise
 * @frame_cnt:	frames so far
 */
struct vnp_inline_pass {
	struct vnp_code *code;
	u32 *func_of;
	bool *target;
	u32 *at;
	struct vnp_inline_func *funcs;
	u32 func_cnt;
	struct vnp_inline_at *stack;
	u32 depth;
	struct bpf_insn *insns;
	struct vnp_inlined *out;
	u32 frame_cnt;
};

static inline bool vnp_inline_is_call(const struct bpf_insn *insn)
{
	return vnp_insn_is_call(insn) && insn->src_reg == BPF_PSEUDO_CALL;
}

static inline struct vnp_inline_func *vnp_inline_callee(const struct vnp_inline_pass *p, u32 call)
{
	return &p->funcs[p->func_of[(s64)call + 1 + p->code->insns[call].imm]];
}

/* R10 is copied or added to a register: the offset of the frame must be added, too */
static inline bool vnp_inline_takes_fp(const struct bpf_insn *insn)
{
	return insn->src_reg == VNP_REG_FP && !insn->off &&
	       (insn->code == (BPF_ALU64 | BPF_MOV | BPF_X) ||
		insn->code == (BPF_ALU64 | BPF_ADD | BPF_X));
}

/* The register with the address of a load or store; 0xff: it is none */
static inline u8 vnp_inline_address(const struct bpf_insn *insn)
{
	switch (BPF_CLASS(insn->code)) {
	case BPF_LDX:
		return insn->src_reg;
	case BPF_ST:
	case BPF_STX:
		return insn->dst_reg;
	default:
		return 0xff;
	}
}

/**
 * vnp_inline_write() - write the new program
 * @p:		what inline.c has found; gets @insns and @out
 *
 * Return: 0, -E2BIG (the log says why), -ENOMEM.
 */
int vnp_inline_write(struct vnp_inline_pass *p);

#endif /* _VNP_VM_TRANSFORM_INLINE_IMPL_H */
