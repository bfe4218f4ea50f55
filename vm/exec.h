/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * struct vnp_exec: one execution of a program.  R1 points to its first member; lowered
 * code writes the others.  The module and the library embed it in what their helpers need.
 */
#ifndef _VNP_VM_EXEC_H
#define _VNP_VM_EXEC_H

#include "vm/env.h"
#include <linux/vnp.h>

/**
 * struct vnp_exec - one execution of a program
 * @ctx:	what the program sees
 * @retval:	R0, written at exit if struct vnp_lowered::wide_ret
 * @fault:	set by a guard to VNP_EXEC_FAULT(), like R0.  The caller of the program sets
 *		it to 0 before
 *
 * Context: on the stack of the caller of the program; one CPU only.
 */
struct vnp_exec {
	struct vnp_ctx ctx;
	u64 retval;
	u32 fault;
};

/* enum vnp_fault in the upper byte, the instruction's index below */
#define VNP_EXEC_FAULT(fault, insn)	((u32)(fault) << 24 | (insn))
#define VNP_EXEC_FAULT_KIND(f)		((f) >> 24)
#define VNP_EXEC_FAULT_INSN(f)		((f) & 0xffffff)

#endif /* _VNP_VM_EXEC_H */
