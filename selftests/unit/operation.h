/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Every instruction that calculates, compares, loads or stores, with every operand of a
 * table, and the expected result, which is computed in C and shares no code with vm/.
 *
 * A program has as many of these instructions as fit.  Its operands and results are in a
 * map of one entry, struct op_memory.
 */
#ifndef _VNP_UNIT_OPERATION_H
#define _VNP_UNIT_OPERATION_H

#include <stdbool.h>
#include <linux/bpf.h>
#include <linux/types.h>

/* Operations and instructions of a program at most */
#define OPS_MAX		200
#define OP_INSNS_MAX	(OPS_MAX * 24 + 2)

/**
 * struct op_input - operands of an operation
 * @dst:	the destination register; for loads and stores, the memory
 * @src:	the source register
 * @r0:		R0, if it is not one of these
 */
struct op_input {
	__u64 dst;
	__u64 src;
	__u64 r0;
};

/**
 * struct op_output - results of an operation; 0 if unused
 * @dst:	the destination register; for stores, the memory; 1 or 0 for a jump that is
 *		taken or not
 * @src:	the source register, if it has one that is not a pointer
 * @r0:		R0, if it is not one of these
 */
struct op_output {
	__u64 dst;
	__u64 src;
	__u64 r0;
};

/* The value of the map */
struct op_memory {
	struct op_input in;
	__u64 word;		/* memory for loads and stores */
	struct op_output out[OPS_MAX];
};

/**
 * struct op - an operation
 * @insn:	the instruction; jumps and pointers are completed when it is used
 * @at:		for loads and stores: offset from the beginning of the word
 * @first:	the first of its kind: the others differ only in registers
 */
struct op {
	struct bpf_insn insn;
	__u8 at;
	bool first;
};

/* op_table() - all operations; *@cnt is their number */
const struct op *op_table(__u32 *cnt);

/*
 * op_firsts() - the next OPS_MAX of the operations that differ by more than registers,
 * starting at index *@at, which is advanced.  Return: their number
 */
__u32 op_firsts(__u32 *at, struct op *ops);

/* op_input() - iterate over all sets of operands; false after the last */
bool op_input(__u32 n, struct op_input *in);

/**
 * op_program() - a program that executes operations on the map's contents
 * @ops:	the operations
 * @cnt:	their number, at most OPS_MAX
 * @known:	NULL, or the operands, which are then constants of the program
 * @map:	index of the map
 * @insns:	out: space for OP_INSNS_MAX
 *
 * Return: how many instructions it has.
 */
__u32 op_program(const struct op *ops, __u32 cnt, const struct op_input *known, __u32 map,
		 struct bpf_insn *insns);

/* op_expect() - the expected results of an operation */
struct op_output op_expect(const struct op *op, const struct op_input *in);

#endif /* _VNP_UNIT_OPERATION_H */
