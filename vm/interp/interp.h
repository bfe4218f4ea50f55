/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The reference interpreter: executes a checked program without lowering it, and checks every
 * access against the real object, which detects mistakes of the verifier.  User space only; not
 * made to be fast.
 */
#ifndef _VNP_VM_INTERP_INTERP_H
#define _VNP_VM_INTERP_INTERP_H

#include "vm/env.h"

struct vnp_code;
struct vnp_exec;

/**
 * vnp_interp_exec() - execute a checked program
 * @code:	accepted by vnp_code_check(); need not be lowered
 * @exec:	ctx filled in, fault zero.  retval and fault are set
 *
 * Return: 0: it was executed to its end or to a guard (see @exec->fault); -EFAULT: it
 * made an access that the verifier had wrongly called safe, or used a register that was
 * never set: a bug in vm/, which the log of @code describes; -ENOMEM.
 */
int vnp_interp_exec(struct vnp_code *code, struct vnp_exec *exec);

/**
 * vnp_interp_exec_lowered() - execute the lowered instructions
 * @code:	after vnp_lower()
 * @exec:	as above
 *
 * For tests: what native code does, instruction by instruction, at addresses that are
 * negative numbers like those of the kernel.
 *
 * Return: 0, -ENOMEM, -EFAULT (the code does what native code must not: an access outside
 * all objects, a division by zero, an instruction newer than the oldest JIT).
 */
int vnp_interp_exec_lowered(struct vnp_code *code, struct vnp_exec *exec);

#endif /* _VNP_VM_INTERP_INTERP_H */
