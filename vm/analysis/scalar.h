/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What is known of a number: the abstract domain of the verifier.
 *
 * A struct vnp_scalar stands for a set of 64 bit words: those whose known bits agree,
 * which lie in the unsigned and in the signed range, and whose lower halves lie in the
 * two 32 bit ranges.  All are kept, as each can express what the others cannot;
 * vnp_scalar_normalize() tightens each by the others.
 *
 * Layer: below all of analysis/.
 *
 * Every function here is sound: its result holds each value that the
 * operation can have for members of its arguments.  selftests/unit tests this with
 * all sets on narrow words, and with samples on wide ones.
 *
 * Known bits ("tristate numbers") are those of kernel/bpf/tnum.c: Vishwanathan et al., "Sound,
 * Precise, and Fast Abstract Interpretation with Tristate Numbers", CGO 2022.
 *
 * Context: pure functions.
 */
#ifndef _VNP_VM_ANALYSIS_SCALAR_H
#define _VNP_VM_ANALYSIS_SCALAR_H

#include "vm/env.h"

/**
 * struct vnp_scalar - a set of 64 bit words
 * @value:	bits known to be one
 * @mask:	bits not known; value & mask == 0
 * @umin:	least as unsigned
 * @umax:	greatest as unsigned
 * @smin:	least as signed
 * @smax:	greatest as signed
 * @umin32:	the same of the lower half
 * @umax32:	the same of the lower half
 * @smin32:	the same of the lower half
 * @smax32:	the same of the lower half
 */
struct vnp_scalar {
	u64 value;
	u64 mask;
	u64 umin;
	u64 umax;
	s64 smin;
	s64 smax;
	u32 umin32;
	u32 umax32;
	s32 smin32;
	s32 smax32;
};

struct vnp_scalar vnp_scalar_const(u64 v);
struct vnp_scalar vnp_scalar_unknown(void);

/* vnp_scalar_range() - all of umin..umax, unsigned */
struct vnp_scalar vnp_scalar_range(u64 umin, u64 umax);

static inline bool vnp_scalar_is_const(const struct vnp_scalar *s)
{
	return !s->mask;
}

/* vnp_scalar_has() - is @v in the set */
bool vnp_scalar_has(const struct vnp_scalar *s, u64 v);

/*
 * vnp_scalar_normalize() - tighten bits and ranges by each other; false: the set is
 * empty
 */
bool vnp_scalar_normalize(struct vnp_scalar *s);

/* vnp_scalar_equal() - the same description */
bool vnp_scalar_equal(const struct vnp_scalar *a, const struct vnp_scalar *b);

/* vnp_scalar_within() - the bits and each range of @a are within those of @b */
bool vnp_scalar_within(const struct vnp_scalar *a, const struct vnp_scalar *b);

/* vnp_scalar_join() - a set that holds both */
struct vnp_scalar vnp_scalar_join(const struct vnp_scalar *a,
				  const struct vnp_scalar *b);

/**
 * vnp_scalar_widen() - extrapolate a growing set, so that growth ends
 * @old:	the set before
 * @new:	a set that holds @old
 * @thresholds:	ascending values at which bounds may stop (constants of the
 *		program's comparisons); the extremes of each width are implied
 * @threshold_cnt:	how many
 *
 * A bound that grew is set to the next threshold; if a bit became unknown, all bits above it become
 * unknown.  Chains are finite: at most @threshold_cnt + some constant.
 */
struct vnp_scalar vnp_scalar_widen(const struct vnp_scalar *old,
				   const struct vnp_scalar *new,
				   const u64 *thresholds, unsigned int threshold_cnt);

/**
 * vnp_scalar_alu() - the result of an operation
 * @op:		BPF_ADD ... BPF_ARSH, BPF_MOV; BPF_OP() of the opcode
 * @off:	the instruction's offset: 1 signed BPF_DIV and BPF_MOD; 8, 16, 32
 *		sign-extending BPF_MOV
 * @is64:	64 bit operation; else 32 bit, with the upper half zeroed
 * @dst:	left operand
 * @src:	right operand, an immediate being a constant already sign-extended.
 *		For BPF_NEG it is ignored
 *
 * Division by zero is 0, modulo zero leaves @dst, shifts take the lower 6 (5)
 * bits of their count, as in RFC 9669.
 */
struct vnp_scalar vnp_scalar_alu(u8 op, s16 off, bool is64,
				 const struct vnp_scalar *dst,
				 const struct vnp_scalar *src);

/**
 * vnp_scalar_swap() - BPF_END
 * @s:		the operand
 * @bits:	16, 32 or 64; the result is truncated to it
 * @swap:	bytes change their order (else only truncated)
 */
struct vnp_scalar vnp_scalar_swap(const struct vnp_scalar *s, unsigned int bits,
				  bool swap);

/* vnp_scalar_truncate() - zero-extended lower @bytes (1, 2, 4, 8) */
struct vnp_scalar vnp_scalar_truncate(const struct vnp_scalar *s, unsigned int bytes);

/* vnp_scalar_extend() - sign-extended lower @bytes (1, 2, 4, 8) */
struct vnp_scalar vnp_scalar_extend(const struct vnp_scalar *s, unsigned int bytes);

/**
 * vnp_scalar_branch() - learn from a conditional jump
 * @op:		BPF_JEQ ... BPF_JSLE, BPF_JSET; BPF_OP() of the opcode
 * @is64:	BPF_JMP; else BPF_JMP32
 * @taken:	the jump is taken
 * @a:		left operand; narrowed
 * @b:		right operand; narrowed
 *
 * Return: false if this path cannot be taken.
 */
bool vnp_scalar_branch(u8 op, bool is64, bool taken, struct vnp_scalar *a,
		       struct vnp_scalar *b);

#endif /* _VNP_VM_ANALYSIS_SCALAR_H */
