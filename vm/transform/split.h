/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Splitting of joins of values of different kinds.
 *
 * In compiled code a register can point into different objects on two paths that join,
 * and be used afterwards.  Where the verifier refuses such a use, the blocks from the
 * join to the use are copied for each kind, each path leads to the copy for its kind,
 * and the result is verified from the start like any other program.  So no proof depends
 * on this pass: it must only preserve the program's semantics.  Programs without such a
 * use are verified once and not changed.
 *
 * Layer: above verify.h.
 */
#ifndef _VNP_VM_TRANSFORM_SPLIT_H
#define _VNP_VM_TRANSFORM_SPLIT_H

struct vnp_code;

/**
 * vnp_split_verify() - verify a program, and copy blocks where that helps
 * @code:	decoded, calls replaced.  If blocks were copied, it has @insns, @aux and
 *		@inlined anew; it has @cfg, as vnp_verify() left it
 *
 * Return: as vnp_verify().
 */
int vnp_split_verify(struct vnp_code *code);

#endif /* _VNP_VM_TRANSFORM_SPLIT_H */
