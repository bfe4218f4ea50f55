/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel's own bpf(2), for programs that filter before VNP's are executed.
 */
#ifndef _VNP_TEST_BPF_H
#define _VNP_TEST_BPF_H

#include <linux/bpf.h>

/* bpf_call() - 0, a descriptor, or a negative errno */
int bpf_call(int cmd, union bpf_attr *attr);

/* bpf_counter_create() - an array map of one number */
int bpf_counter_create(void);

/* BPF_COUNT() - instructions that increment it; they change R0 to R5, and 4 bytes of the stack */
#define BPF_COUNT(counter)						\
	ST(BPF_W, FP, -4, 0),						\
	MOV_REG(R2, FP),						\
	ALU64_IMM(BPF_ADD, R2, -4),					\
	INSN(BPF_LD | BPF_DW | BPF_IMM, R1, BPF_PSEUDO_MAP_FD, 0, counter), \
	INSN(0, 0, 0, 0, 0),						\
	INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_map_lookup_elem),	\
	JMP_IMM(BPF_JEQ, R0, 0, 2),					\
	MOV_IMM(R1, 1),							\
	INSN(BPF_STX | BPF_ATOMIC | BPF_DW, R0, R1, 0, BPF_ADD)

/* bpf_counter_read() - that number, or a negative errno */
long bpf_counter_read(int counter);

#endif /* _VNP_TEST_BPF_H */
