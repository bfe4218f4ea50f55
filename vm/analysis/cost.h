/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What a program costs, in units of its budget.
 *
 * A unit is one instruction of the program.  What can take much longer counts for several:
 * atomic operations, divisions, and accesses to values of large maps, which may miss the
 * caches.  A call counts for its helper's instructions and for the bytes the helper
 * touches.
 *
 * Everything that is executed is charged.  The longest path without a jump back is charged
 * in advance, as are loops with a known number of iterations (bound.h); other loops are
 * charged at each jump back, and a call that processes an unknown number of bytes is
 * charged before it is made.  A change of the payload's length is charged twice: for its
 * maximum in advance, and for the payload before the call.  The cost does not depend on how
 * the program is lowered.
 */
#ifndef _VNP_VM_ANALYSIS_COST_H
#define _VNP_VM_ANALYSIS_COST_H

#include "vm/env.h"
#include "vm/helper.h"

struct vnp_call;
struct vnp_code;

/* Bytes that a helper copies or clears for one unit: 1 << this */
#define VNP_COST_SHIFT	5

/* Units for a byte that is encrypted or authenticated: 1 << this */
#define VNP_COST_CRYPT_SHIFT	2

/* A call whose size is known to be at most this is charged for its maximum, in advance. */
#define VNP_COST_SMALL	512

/**
 * vnp_cost_is_metered() - is a call charged for its bytes when it is made
 * @code:	the program
 * @helper:	what is called
 * @call:	verified
 *
 * Decrypting a long message of a stream would exceed any budget.  Instead the caller of the program
 * limits how many bytes one execution may encrypt, decrypt and authenticate, and charges them to
 * the account.
 */
bool vnp_cost_is_metered(const struct vnp_code *code, const struct vnp_helper *helper,
			 const struct vnp_call *call);

/* vnp_cost_bytes() - what a metered call is charged for bytes */
static inline u64 vnp_cost_bytes(const struct vnp_helper *helper, u64 bytes)
{
	return helper->bytes == VNP_COST_CRYPT ? bytes << VNP_COST_CRYPT_SHIFT :
						 bytes >> VNP_COST_SHIFT;
}

/**
 * vnp_cost_insn() - what an instruction costs, without what a metered call is charged
 * @code:	verified
 * @insn:	its index
 */
u32 vnp_cost_insn(const struct vnp_code *code, u32 insn);

/**
 * vnp_cost_settle() - find what the program costs
 * @code:	verified: @path, @prepaid, @loop_cnt and @meter_cnt are filled in, and
 *		the cost of each jump back (struct vnp_insn_aux::cost)
 *
 * Return: 0, -EACCES (more than the budget; the log says so), -ENOMEM.
 */
int vnp_cost_settle(struct vnp_code *code);

#endif /* _VNP_VM_ANALYSIS_COST_H */
