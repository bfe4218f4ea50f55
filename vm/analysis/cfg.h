/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The control-flow graph of a decoded program.
 *
 * All later passes use its order of blocks: a topological order, except for the edges
 * that close loops, with the blocks of a loop in a row, its header first.  A worklist
 * that always takes the first block that has changed makes inner loops converge before
 * what follows them is visited, which is Bourdoncle's recursive strategy ("Efficient
 * chaotic iteration strategies with widenings", 1993).
 *
 * Correctness does not depend on the graph: in any order, each cycle has an edge that
 * goes back.  The target of such an edge is called a loop header, or head; an
 * irreducible graph merely has more of them.
 */
#ifndef _VNP_VM_ANALYSIS_CFG_H
#define _VNP_VM_ANALYSIS_CFG_H

#include "vm/env.h"

struct vnp_code;

#define VNP_BLOCK_NONE	U32_MAX

/**
 * struct vnp_block - instructions that are always executed together
 * @first:	first instruction
 * @last:	last instruction; the only one that may jump
 * @succ:	successors: [0] the next block, [1] the target of the jump
 * @pos:	index in the order; VNP_BLOCK_NONE if nothing leads here
 * @pred_cnt:	edges that lead here
 * @head:	one of them goes back: it is a loop header
 * @number:	of a head: among heads
 * @root:	the entry, or a block where paths join.  Each other block is in the tree
 *		below one root
 * @tree:	blocks of the tree that begins here, without further roots
 * @live:	bit n: Rn may be read from here on before it is written
 */
struct vnp_block {
	u32 first;
	u32 last;
	u32 succ[2];
	u32 pos;
	u32 pred_cnt;
	u32 tree;
	u32 number;
	u16 live;
	bool head;
	bool root;
};

/**
 * struct vnp_cfg - the graph
 * @blocks:	by first instruction
 * @block_cnt:	how many
 * @order:	blocks by @pos; the entry is the first
 * @order_cnt:	blocks that can be reached
 * @head_cnt:	how many of them are heads
 */
struct vnp_cfg {
	struct vnp_block *blocks;
	u32 block_cnt;
	u32 *order;
	u32 order_cnt;
	u32 head_cnt;
};

/**
 * vnp_cfg_build() - make the graph of a program
 * @code:	decoded; @code->cfg is filled in
 *
 * Return: 0, -ENOMEM.
 */
int vnp_cfg_build(struct vnp_code *code);

/* vnp_cfg_destroy() - free it; NULL is fine */
void vnp_cfg_destroy(struct vnp_cfg *cfg);

/**
 * vnp_cfg_goes_back() - is an edge one that goes back in the order
 * @cfg:	the graph
 * @from:	a block that can be reached
 * @to:		a block that follows it
 */
static inline bool vnp_cfg_goes_back(const struct vnp_cfg *cfg, u32 from, u32 to)
{
	return cfg->blocks[to].pos <= cfg->blocks[from].pos;
}

#endif /* _VNP_VM_ANALYSIS_CFG_H */
