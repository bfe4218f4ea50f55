/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Values of different kinds that meet.
 *
 * Compilers let paths meet with a register that is a pointer into one object on one
 * path and into another object on another path, and use it afterwards.  Where the
 * verifier refuses such a use, the blocks from the meeting point up to the use are
 * copied, once for each kind, each path is sent to the copy for its kind, and what
 * results is verified from the start like any other program.  So nothing that
 * the verifier proves depends on this pass: it must only leave the program's meaning
 * as it is.  Programs without such a use are verified once, and are left alone.
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
