/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Loops that end by themselves, and soon: these need not be metered.
 *
 * A loop has a counter if in each turn some register is changed by constants of one
 * sign and by nothing else.  If its value is known to lie in a range whenever a turn
 * begins, then a turn can only follow another as often as a step fits into the range.
 *
 * How often a loop is entered depends on those around it, whose turns are known before.
 * What such loops cost at most is taken from the budget at the start; as long as they
 * leave half of what the longest path leaves (cost.h) for what is metered, their jumps
 * back are free.
 */
#ifndef _VNP_VM_ANALYSIS_BOUND_H
#define _VNP_VM_ANALYSIS_BOUND_H

#include "vm/env.h"

struct vnp_code;
struct vnp_verify;

#define VNP_BOUND_REGS	10

/**
 * struct vnp_bound - what registers can be where a turn of a loop begins
 * @values:	how many numbers lie between the least and the greatest that Rn can be,
 *		these two included; 0: that is not known, or no number
 */
struct vnp_bound {
	u32 values[VNP_BOUND_REGS];
};

/* vnp_bound_note() - write down the ranges that @v->state has at a head of loops */
void vnp_bound_note(struct vnp_verify *v, u32 block);

/**
 * vnp_bound_settle() - find the loops that need not be metered
 * @code:	verified, its loops counted: of those that are found, what pays
 *		(VNP_AUX_PAYS_*) does so no more, and @loop_cnt, @bound_cnt and @prepaid say
 *		the same
 * @bounds:	by the number of the head
 *
 * Return: 0, -ENOMEM.
 */
int vnp_bound_settle(struct vnp_code *code, const struct vnp_bound *bounds);

#endif /* _VNP_VM_ANALYSIS_BOUND_H */
