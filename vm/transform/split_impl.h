/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What the files of splitting share: a round.
 *
 *	split.c		finds what to copy
 *	split_write.c	writes the new program
 */
#ifndef _VNP_VM_TRANSFORM_SPLIT_IMPL_H
#define _VNP_VM_TRANSFORM_SPLIT_IMPL_H

#include "vm/analysis/cfg.h"
#include "vm/verify/verify.h"

struct vnp_inlined;

/* Copies of a block per round; further kinds share the last one */
#define VNP_SPLIT_COPIES	8

/* Internal return values, explained by split_explain() */
#define VNP_SPLIT_LOOP	1	/* the kinds differ between iterations of a loop only */
#define VNP_SPLIT_LARGE	2
#define VNP_SPLIT_LONG	3

/* struct vnp_split_values - registers and slots that hold the value on some path */
struct vnp_split_values {
	u64 slots;
	u32 regs;
	bool reached;
};

/**
 * struct vnp_split - state of a round
 * @v:		of split_probe(); must be the first
 * @code:	the program
 * @cfg:	its graph
 * @join:	block where the kinds join
 * @cell:	the cell of struct vnp_state that has them
 * @edge:	by 2 * block + successor: number of the kind on this edge into @join
 * @kind:	a value of each kind
 * @kind_cnt:	how many
 * @in:		by block: what holds the value at its start
 * @uses:	by block: the value is used there
 * @copied:	by block: it is copied
 * @at:		by copy and block: where that is in the new program
 * @cnt:	instructions of the new program
 * @insns:	the new program
 * @out:	where its instructions come from
 */
struct vnp_split {
	struct vnp_verify v;
	struct vnp_code *code;
	const struct vnp_cfg *cfg;
	u32 join;
	u32 cell;
	u8 *edge;
	struct vnp_reg kind[VNP_SPLIT_COPIES];
	u32 kind_cnt;
	struct vnp_split_values *in;
	bool *uses;
	bool *copied;
	u32 *at;
	u32 cnt;
	struct bpf_insn *insns;
	struct vnp_inlined *out;
};

/* Does the edge come from before the loop that may begin at @join */
static inline bool vnp_split_enters(const struct vnp_split *s, u32 from)
{
	return !vnp_cfg_goes_back(s->cfg, from, s->join);
}

/**
 * vnp_split_rewrite() - write the new program
 * @s:		what to copy; gets @cnt, @insns and @out
 * @max:	instructions that it may have
 *
 * Return: 0, %VNP_SPLIT_LARGE, -ENOMEM.
 */
int vnp_split_rewrite(struct vnp_split *s, u32 max);

#endif /* _VNP_VM_TRANSFORM_SPLIT_IMPL_H */
