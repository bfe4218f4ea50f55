/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What instructions compute, on numbers: RFC 9669 for interpreters and tests.
 */
#ifndef _VNP_VM_ISA_EVAL_H
#define _VNP_VM_ISA_EVAL_H

#include "vm/env.h"

/* vnp_eval_alu() - the arguments are those of vnp_scalar_alu() */
u64 vnp_eval_alu(u8 op, s16 off, bool is64, u64 dst, u64 src);

/* vnp_eval_swap() - the arguments are those of vnp_scalar_swap() */
u64 vnp_eval_swap(u64 v, u32 bits, bool swap);

/* vnp_eval_branch() - is the jump taken */
bool vnp_eval_branch(u8 op, bool is64, u64 a, u64 b);

/* vnp_eval_extend() - sign-extended lower @bytes */
u64 vnp_eval_extend(u64 v, u32 bytes);

/**
 * vnp_eval_load() - read memory
 * @addr:	where
 * @bytes:	1, 2, 4 or 8
 */
u64 vnp_eval_load(u64 addr, u32 bytes);

void vnp_eval_store(u64 addr, u32 bytes, u64 v);

/**
 * vnp_eval_atomic() - an atomic operation, executed as one step of one thread
 * @insn:	the instruction
 * @addr:	address it works on
 * @src:	operand
 * @r0:		what BPF_CMPXCHG compares with
 *
 * Return: what was there before.
 */
u64 vnp_eval_atomic(const struct bpf_insn *insn, u64 addr, u64 src, u64 r0);

#endif /* _VNP_VM_ISA_EVAL_H */
