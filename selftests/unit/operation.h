/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Every instruction that calculates, compares, loads or stores, with every operand of a table,
 * and what must come of it.  Expectations are the compiler's arithmetic, and share
 * nothing with vm/.
 *
 * A program has as many of them as fit.  Its operands come from the map of one entry that
 * it is given, struct op_memory; each operation leaves its results there, too.
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
 * struct op_input - what an operation starts with
 * @dst:	the destination register; or the memory, for what loads and stores
 * @src:	the source register
 * @r0:		R0, if it is none of these
 */
struct op_input {
	__u64 dst;
	__u64 src;
	__u64 r0;
};

/**
 * struct op_output - what it leaves; 0 where there is nothing
 * @dst:	the destination register; for what stores, the memory; 1 or 0 for a jump that is
 *		taken or not
 * @src:	the source register, if it has one that is no pointer
 * @r0:		R0, if it is none of these
 */
struct op_output {
	__u64 dst;
	__u64 src;
	__u64 r0;
};

/* The value of the map */
struct op_memory {
	struct op_input in;
	__u64 word;		/* what is loaded from and stored to */
	struct op_output out[OPS_MAX];
};

/**
 * struct op - an operation
 * @insn:	the instruction; jumps and pointers are made where it is used
 * @at:		for what loads and stores: bytes from the beginning of the word
 * @first:	the others of its kind differ from it by registers alone
 */
struct op {
	struct bpf_insn insn;
	__u8 at;
	bool first;
};

/* op_table() - all of them; *@cnt is how many */
const struct op *op_table(__u32 *cnt);

/*
 * op_firsts() - the next OPS_MAX of those that differ by more than registers, from index *@at
 * on, which is moved on; how many there are
 */
__u32 op_firsts(__u32 *at, struct op *ops);

/* op_input() - all that operations start with, one after the other; false behind the last */
bool op_input(__u32 n, struct op_input *in);

/**
 * op_program() - a program that does operations on what is in the map
 * @ops:	them
 * @cnt:	how many, at most OPS_MAX
 * @known:	NULL, or the operands, which are constants of the program then
 * @map:	index of the map
 * @insns:	where to, OP_INSNS_MAX
 *
 * Return: how many instructions it has.
 */
__u32 op_program(const struct op *ops, __u32 cnt, const struct op_input *known, __u32 map,
		 struct bpf_insn *insns);

/* op_expect() - what an operation leaves */
struct op_output op_expect(const struct op *op, const struct op_input *in);

#endif /* _VNP_UNIT_OPERATION_H */
