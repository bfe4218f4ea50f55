/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The reference interpreter: runs a checked program as the author wrote it and
 * asks the real objects at every access, so that it can tell when the verifier
 * was wrong.  User space only; slow on purpose.
 */
#ifndef _VNP_VM_INTERP_INTERP_H
#define _VNP_VM_INTERP_INTERP_H

#include "vm/env.h"

struct vnp_code;
struct vnp_exec;

/**
 * vnp_interp_exec() - run a checked program
 * @code:	accepted by vnp_code_check(); need not be lowered
 * @exec:	ctx filled in, fault zero.  retval and fault are set
 *
 * Return: 0: it ran to its end or to a guard (see @exec->fault); -EFAULT: it made
 * an access that the verifier had called safe and that is not, or used a
 * register that was never set: a bug in vm/, the log of @code tells; -ENOMEM.
 */
int vnp_interp_exec(struct vnp_code *code, struct vnp_exec *exec);

/**
 * vnp_interp_exec_lowered() - run the lowered instructions
 * @code:	after vnp_lower()
 * @exec:	as above
 *
 * For tests: what the JIT will do, instruction by instruction, with no check of
 * memory but that of the address sanitizer.
 *
 * Return: 0, -ENOMEM, -EFAULT (the code does what native code must not: a division
 * by zero, an instruction newer than the oldest JIT).
 */
int vnp_interp_exec_lowered(struct vnp_code *code, struct vnp_exec *exec);

#endif /* _VNP_VM_INTERP_INTERP_H */
