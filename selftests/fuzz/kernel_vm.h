/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Programs loaded into the kernel, with the maps of vm_util.h, to compare their native code
 * with the reference interpreter in this process (vm_open() there).
 */
#ifndef _VNP_FUZZ_KERNEL_VM_H
#define _VNP_FUZZ_KERNEL_VM_H

#include "../kmod/common.h"
#include "../unit/vm_util.h"

/**
 * struct kernel_vm - a loaded program
 * @prog:	its descriptor
 * @maps:	its maps, which no other program uses
 */
struct kernel_vm {
	int prog;
	int maps[MAP_CNT];
};

/*
 * kernel_vm_open() - load with VNP_PROG_F_* @flags and the budget vm_budget. Return: 0 or
 * an error
 */
int kernel_vm_open(struct kernel_vm *vm, int dev, const struct bpf_insn *insns, __u32 cnt,
		   __u32 flags);
void kernel_vm_close(struct kernel_vm *vm);

/**
 * kernel_vm_run() - execute it once
 * @vm:		loaded
 * @payload:	in: the payload; out: as the program has changed it
 * @len:	its length; the first vm_direct bytes are direct, all if that is 0
 * @result:	the results
 *
 * Return: 0 or a negative errno, also if the length of the payload changed.
 */
int kernel_vm_run(const struct kernel_vm *vm, void *payload, __u32 len,
		  struct vm_result *result);

/* kernel_vm_values() - contents of its maps */
void kernel_vm_values(const struct kernel_vm *vm, struct vm_values *values);

/*
 * is_nondeterministic() - does it call a helper whose result varies, or that has a side
 * effect?
 */
bool is_nondeterministic(const struct bpf_insn *insns, __u32 cnt);

#endif /* _VNP_FUZZ_KERNEL_VM_H */
