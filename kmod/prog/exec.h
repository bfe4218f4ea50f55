/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One execution of a program.  Nothing is charged or counted here: executions are charged by
 * kmod/prog/account.h, and counted by kmod/path/dispatch.h.
 */
#ifndef _VNP_PROG_EXEC_H
#define _VNP_PROG_EXEC_H

#include <linux/filter.h>
#include "kmod/prog/prog.h"
#include "vm/exec.h"

/**
 * vnp_prog_call() - one execution of a program that is direct (@direct_max is set)
 * @prog:	the program
 * @exec:	with the fields of @prog->ctx_fields initialized, and fault 0
 *
 * This is bpf_prog_run() without run-time statistics: these are read by the kernel's id of a
 * program, and this one has none.  Native code does not use the instructions argument.
 *
 * Context: softirqs off, under RCU.
 * Return: R0; or @exec->fault if it is set, which differs from all verdicts.
 */
static __always_inline u32 vnp_prog_call(const struct vnp_prog *prog,
					 struct vnp_exec *exec)
{
	cant_migrate();
	return bpf_dispatcher_nop_func(exec, NULL, prog->func);
}

/* vnp_prog_exec() - one execution of any program, as vnp_prog_call() */
static __always_inline u64 vnp_prog_exec(const struct vnp_prog *prog,
					 struct vnp_exec *exec)
{
	u64 ret = vnp_prog_call(prog, exec);

	return unlikely(prog->wide_ret) && !exec->fault ? exec->retval : ret;
}

#endif /* _VNP_PROG_EXEC_H */
