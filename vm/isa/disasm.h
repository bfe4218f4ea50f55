/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#ifndef _VNP_VM_ISA_DISASM_H
#define _VNP_VM_ISA_DISASM_H

#include "vm/env.h"

/* Longest text of an instruction, with NUL */
#define VNP_DISASM_LEN		96

/**
 * vnp_disasm() - an instruction as text, in the syntax of llvm-objdump
 * @insn:	the instruction; of a 64 bit immediate load the first of two
 * @text:	where to, VNP_DISASM_LEN bytes
 *
 * Return: instructions taken, 1 or 2.
 */
u32 vnp_disasm(const struct bpf_insn *insn, char *text);

#endif /* _VNP_VM_ISA_DISASM_H */
