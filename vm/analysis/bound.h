/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Loops with few iterations, which need not be metered.
 *
 * A loop has a counter if each iteration changes some register by constants of one
 * sign, and nothing else changes it.  If the register is known to be in a range at the
 * start of each iteration, the range divided by the least change bounds the number of
 * iterations.
 *
 * How often a loop is entered depends on the loops around it, which are processed first.
 * What such loops cost at most is taken from the budget at the start; their jumps back are
 * then free.  They may take half of the budget that remains after the longest path
 * (cost.h).
 */
#ifndef _VNP_VM_ANALYSIS_BOUND_H
#define _VNP_VM_ANALYSIS_BOUND_H

#include "vm/env.h"

struct vnp_code;
struct vnp_verify;

#define VNP_BOUND_REGS	10

/**
 * struct vnp_bound - what registers can be at the start of an iteration
 * @values:	size of the range of Rn; 0: it is not known, or Rn is no number
 */
struct vnp_bound {
	u32 values[VNP_BOUND_REGS];
};

/* vnp_bound_note() - record the ranges of @v->state at a loop header */
void vnp_bound_note(struct vnp_verify *v, u32 block);

/**
 * vnp_bound_settle() - find the loops that need not be metered
 * @code:	verified, its loops counted.  VNP_AUX_PAYS_* of the loops that are found
 *		become VNP_AUX_FREE_*, and @loop_cnt, @bound_cnt and @prepaid change
 *		accordingly
 * @bounds:	by the number of the head
 *
 * Return: 0, -ENOMEM.
 */
int vnp_bound_settle(struct vnp_code *code, const struct vnp_bound *bounds);

#endif /* _VNP_VM_ANALYSIS_BOUND_H */
