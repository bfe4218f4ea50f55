/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#ifndef _VNP_VM_LOWER_LOWER_H
#define _VNP_VM_LOWER_LOWER_H

struct vnp_code;

/*
 * How far back a conditional jump with an immediate may go: blinding by the kernel turns an
 * instruction into up to four, and the jump must still reach.
 */
#define VNP_LOWER_BACK_MAX	8190

/**
 * vnp_lower() - make the instructions for the JIT
 * @code:	accepted by vnp_code_check()
 *
 * Inserts the guards, and replaces map indices by handles and addresses.  Sequences
 * of older instructions replace those that the JITs of Linux 5.14 do not have, and
 * those that native code does not execute as in RFC 9669 (division by zero, shifts
 * by too much).  BPF_REG_AX is the scratch register; the slots below the program's
 * own stack are used as memory.  Unreached instructions are left out.
 *
 * With struct vnp_code::harden it does what spec.h and Documentation/security.rst describe.
 *
 * It becomes at most 65,536 instructions, or eight for each that it has if that is
 * more: 524,288 in all.
 *
 * Return: 0, with @code->lowered filled in; -E2BIG (it grew too much, a jump got too far, or the
 * stack too small; the log says where), -EINTR, -ENOMEM; -EFAULT (a bug).
 */
int vnp_lower(struct vnp_code *code);

#endif /* _VNP_VM_LOWER_LOWER_H */
