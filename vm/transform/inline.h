/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Calls between functions of a program.
 *
 * A call is replaced by a copy of the function, so all later passes see one function
 * only, and each call is verified with what is known there.  A call becomes two gotos, marked in
 * src_reg, with the registers among R6 to R9 that the function uses in dst_reg:
 *
 *	enter	in place of the call.  R6 to R9 are saved in the frame and unset, the
 *		other slots of the frame are zero
 *	leave	in place of an exit.  R6 to R9 are restored, R1 to R5 are unset
 *
 * A frame lies at a fixed distance from R10, below that of its caller.  It has room for the
 * greatest constant offset from R10 that the function uses, and for the saved registers.
 */
#ifndef _VNP_VM_TRANSFORM_INLINE_H
#define _VNP_VM_TRANSFORM_INLINE_H

#include "vm/env.h"

struct vnp_code;
struct vnp_inlined;

/* Functions that may be active at once, the program itself among them */
#define VNP_CALL_DEPTH	8

/**
 * vnp_inline() - replace calls by what they call
 * @code:	decoded; if it has functions, gets @insns, @aux and @inlined anew
 *
 * Return: 0, -EACCES (recursion, jumps between functions; the log says where),
 * -E2BIG (a limit; likewise), -ENOMEM.
 */
int vnp_inline(struct vnp_code *code);

/* vnp_inlined_free() - NULL is fine */
void vnp_inlined_free(struct vnp_inlined *inlined);

#endif /* _VNP_VM_TRANSFORM_INLINE_H */
