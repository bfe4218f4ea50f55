/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What a program costs, in units of its budget.
 *
 * A unit is one instruction of the program.  What can take far longer than others counts
 * for several: atomic operations, divisions, and values of maps that no cache holds.
 * A call counts for its helper's instructions and for the bytes the helper touches.
 *
 * All of a program is paid for.  The longest path that goes back nowhere is prepaid, as
 * are loops whose length is known (bound.h); the other loops pay whenever they go back,
 * and a call whose bytes are known only when the program runs pays before it is made.
 * The cost is the same however the program is lowered.
 */
#ifndef _VNP_VM_ANALYSIS_COST_H
#define _VNP_VM_ANALYSIS_COST_H

#include "vm/env.h"

struct vnp_call;
struct vnp_code;
struct vnp_helper;

/* Bytes that a helper copies or clears for one unit: 1 << this */
#define VNP_COST_SHIFT	5

/* Calls that touch no more bytes than this pay for as many, whatever they touch. */
#define VNP_COST_SMALL	512

/**
 * vnp_cost_is_metered() - does a call pay for its bytes when it is made
 * @helper:	what is called
 * @call:	verified
 */
bool vnp_cost_is_metered(const struct vnp_helper *helper, const struct vnp_call *call);

/**
 * vnp_cost_insn() - what an instruction costs, but for what a call pays when it is made
 * @code:	verified
 * @insn:	its index
 */
u32 vnp_cost_insn(const struct vnp_code *code, u32 insn);

/**
 * vnp_cost_settle() - find what the program costs
 * @code:	verified: @path, @prepaid, @loop_cnt and @meter_cnt are filled in, and what
 *		going back costs (struct vnp_insn_aux::cost)
 *
 * Return: 0, -EACCES (more than the budget; the log says so), -ENOMEM.
 */
int vnp_cost_settle(struct vnp_code *code);

#endif /* _VNP_VM_ANALYSIS_COST_H */
