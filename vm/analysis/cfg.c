// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Building the control-flow graph.  All of it is linear in the size of the
 * program, or nearly (the union-find of cfg_find_loops()), and none of it recurses.
 */
#include "vm/analysis/cfg.h"
#include "vm/code.h"
#include "vm/isa/insn.h"
#include "vm/analysis/live.h"

#define NONE	VNP_BLOCK_NONE

/* Scratch data of building the graph; arrays are indexed by block unless noted */
struct cfg_build {
	struct vnp_code *code;
	struct vnp_cfg *cfg;
	u32 *block_of;		/* by instruction: the block that begins there */
	u32 *pred;		/* predecessors, those of block b from pred_at[b] */
	u32 *pred_at;
	u32 *by_pre;		/* by preorder number of the search */
	u32 *by_post;		/* by postorder number */
	u32 *pre;		/* preorder number */
	u32 *pre_last;		/* the greatest below it in the search tree */
	u32 *loop;		/* head of the innermost loop around it */
	u32 *rep;		/* union-find: outermost loop collapsed so far */
	u32 *stack;
	u32 *next;		/* next in the list of the same loop's members */
	u32 *child;		/* of a loop's head: first member */
};

static void cfg_build_free(struct cfg_build *b)
{
	vnp_free(b->block_of);
	vnp_free(b->pred);
	vnp_free(b->by_pre);
}

/* @pred has two elements for each block; all others share one allocation */
static int cfg_build_alloc(struct cfg_build *b)
{
	u32 n = b->cfg->block_cnt;
	u32 **part[] = { &b->by_post, &b->pre, &b->pre_last, &b->loop, &b->rep,
			 &b->stack, &b->next, &b->child, &b->pred_at };
	u32 *p, i;

	b->pred = vnp_alloc(2 * (size_t)n, sizeof(u32));
	p = vnp_alloc((ARRAY_SIZE(part) + 1) * (size_t)n + 1, sizeof(u32));
	b->by_pre = p;
	if (!b->pred || !p)
		return -ENOMEM;
	for (i = 0; i < ARRAY_SIZE(part); i++) {
		p += n;
		*part[i] = p;
	}
	return 0;
}

/* An instruction begins a block if it is a jump target or follows a jump. */
static void cfg_mark_leaders(struct cfg_build *b)
{
	const struct vnp_code *code = b->code;
	u32 i, next;

	b->block_of[0] = 1;
	for (i = 0; i < code->insn_cnt; i = next) {
		const struct bpf_insn *insn = &code->insns[i];

		next = i + vnp_insn_len(insn);
		if (vnp_insn_is_branch(insn))
			b->block_of[vnp_insn_target(insn, i)] = 1;
		else if (!vnp_insn_is_exit(insn))
			continue;
		if (next < code->insn_cnt)
			b->block_of[next] = 1;
	}
	for (i = 0; i < code->insn_cnt; i++)
		b->cfg->block_cnt += b->block_of[i];
}

static void cfg_make_blocks(struct cfg_build *b)
{
	const struct vnp_code *code = b->code;
	struct vnp_block *block = b->cfg->blocks - 1;
	u32 i;

	for (i = 0; i < code->insn_cnt; i += vnp_insn_len(&code->insns[i])) {
		if (b->block_of[i]) {
			block++;
			block->first = i;
			b->block_of[i] = block - b->cfg->blocks;
		}
		block->last = i;
	}
}

static void cfg_link_blocks(struct cfg_build *b)
{
	const struct vnp_code *code = b->code;
	u32 n;

	for (n = 0; n < b->cfg->block_cnt; n++) {
		struct vnp_block *block = &b->cfg->blocks[n];
		const struct bpf_insn *insn = &code->insns[block->last];

		block->pos = NONE;
		block->succ[0] = NONE;
		block->succ[1] = NONE;
		if (vnp_insn_is_branch(insn))
			block->succ[1] =
				b->block_of[vnp_insn_target(insn, block->last)];
		/* the decoder has checked that the program does not run off its end */
		if (!vnp_insn_is_exit(insn) && !vnp_insn_is_ja(insn))
			block->succ[0] = n + 1;
	}
}

/*
 * Depth-first search from the entry: preorder and postorder numbers of what can be
 * reached.  The stack is a path of the search tree; @pos counts the successors of a
 * block that were visited, and gets its final meaning later.
 */
static void cfg_search(struct cfg_build *b)
{
	struct vnp_block *blocks = b->cfg->blocks;
	u32 depth = 0, pre = 0, post = 0;

	b->by_pre[pre] = 0;
	b->pre[0] = pre++;
	blocks[0].pos = 0;
	b->stack[depth++] = 0;
	while (depth) {
		u32 n = b->stack[depth - 1], to;

		if (blocks[n].pos == 2) {
			b->by_post[post++] = n;
			b->pre_last[n] = pre - 1;
			depth--;
			continue;
		}
		to = blocks[n].succ[blocks[n].pos++];
		if (to == NONE)
			continue;
		blocks[to].pred_cnt++;
		if (blocks[to].pos != NONE)
			continue;
		b->by_pre[pre] = to;
		b->pre[to] = pre++;
		blocks[to].pos = 0;
		b->stack[depth++] = to;
	}
	b->cfg->order_cnt = pre;
}

static void cfg_list_preds(struct cfg_build *b)
{
	struct vnp_block *blocks = b->cfg->blocks;
	u32 i, k, at = 0;

	for (i = 0; i < b->cfg->block_cnt; i++) {
		at += blocks[i].pred_cnt;
		b->pred_at[i] = at;	/* the end; it is filled downwards */
	}
	b->pred_at[i] = at;
	for (i = 0; i < b->cfg->order_cnt; i++) {
		u32 from = b->by_pre[i];

		for (k = 0; k < 2; k++)
			if (blocks[from].succ[k] != NONE)
				b->pred[--b->pred_at[blocks[from].succ[k]]] = from;
	}
}

static u32 cfg_rep(struct cfg_build *b, u32 n)
{
	while (b->rep[n] != n) {
		b->rep[n] = b->rep[b->rep[n]];
		n = b->rep[n];
	}
	return n;
}

static bool cfg_is_below(const struct cfg_build *b, u32 n, u32 ancestor)
{
	return b->pre[n] >= b->pre[ancestor] && b->pre[n] <= b->pre_last[ancestor];
}

/*
 * Push the predecessors of @n that belong to the loop of @head and are not in it yet.
 * Blocks that are not below the head are entries of an irreducible loop and left out:
 * the order is then worse, but still correct.
 */
static u32 cfg_push_preds(struct cfg_build *b, u32 n, u32 head, u32 depth)
{
	u32 i;

	for (i = b->pred_at[n]; i < b->pred_at[n + 1]; i++) {
		u32 from = cfg_rep(b, b->pred[i]);

		if (from == head || !cfg_is_below(b, from, head))
			continue;
		b->loop[from] = head;
		b->rep[from] = head;
		b->stack[depth++] = from;
	}
	return depth;
}

/*
 * The loop-nesting forest, after Tarjan ("Testing flow graph reducibility",
 * 1974): innermost loops first, each collapsed into its head once it is known.
 */
static void cfg_find_loops(struct cfg_build *b)
{
	u32 i, n, depth;

	for (i = 0; i < b->cfg->order_cnt; i++) {
		n = b->by_pre[i];
		b->rep[n] = n;
		b->loop[n] = NONE;
		b->child[n] = NONE;
	}
	for (i = b->cfg->order_cnt; i > 0; ) {
		u32 head = b->by_pre[--i];

		depth = cfg_push_preds(b, head, head, 0);
		while (depth) {
			n = b->stack[--depth];
			depth = cfg_push_preds(b, n, head, depth);
		}
	}
}

/*
 * The order: reverse postorder, but the members of a loop follow its head at
 * once.  It is the walk over a forest in which a loop's members are its head's
 * children, in reverse postorder.
 */
static void cfg_make_order(struct cfg_build *b)
{
	struct vnp_cfg *cfg = b->cfg;
	u32 i, n, pos = 0, top = NONE;

	for (i = 0; i < cfg->order_cnt; i++) {
		u32 *list;

		n = b->by_post[i];
		list = b->loop[n] == NONE ? &top : &b->child[b->loop[n]];
		b->next[n] = *list;
		*list = n;
	}

	n = top;
	for (;;) {
		cfg->order[pos] = n;
		cfg->blocks[n].pos = pos++;
		if (b->child[n] != NONE) {
			n = b->child[n];
			continue;
		}
		while (n != NONE && b->next[n] == NONE)
			n = b->loop[n];
		if (n == NONE)
			return;
		n = b->next[n];
	}
}

static void cfg_find_roots(struct vnp_cfg *cfg)
{
	u32 i, k;

	cfg->blocks[0].root = true;
	for (i = 0; i < cfg->order_cnt; i++) {
		u32 n = cfg->order[i];

		if (cfg->blocks[n].pred_cnt > 1)
			cfg->blocks[n].root = true;
		for (k = 0; k < 2; k++) {
			u32 to = cfg->blocks[n].succ[k];

			if (to == NONE || !vnp_cfg_goes_back(cfg, n, to))
				continue;
			if (!cfg->blocks[to].head)
				cfg->blocks[to].number = cfg->head_cnt++;
			cfg->blocks[to].head = true;
			cfg->blocks[to].root = true;
		}
	}

	/* a block that is not a root comes after its predecessor */
	for (i = cfg->order_cnt; i > 0; ) {
		struct vnp_block *block = &cfg->blocks[cfg->order[--i]];

		block->tree++;
		for (k = 0; k < 2; k++)
			if (block->succ[k] != NONE &&
			    !cfg->blocks[block->succ[k]].root)
				block->tree += cfg->blocks[block->succ[k]].tree;
	}
}

static int cfg_build(struct cfg_build *b)
{
	int err;

	cfg_mark_leaders(b);
	b->cfg->blocks = vnp_alloc(b->cfg->block_cnt, sizeof(*b->cfg->blocks));
	b->cfg->order = vnp_alloc(b->cfg->block_cnt, sizeof(*b->cfg->order));
	if (!b->cfg->blocks || !b->cfg->order)
		return -ENOMEM;
	err = cfg_build_alloc(b);
	if (err)
		return err;

	cfg_make_blocks(b);
	cfg_link_blocks(b);
	cfg_search(b);
	cfg_list_preds(b);
	cfg_find_loops(b);
	cfg_make_order(b);
	cfg_find_roots(b->cfg);
	return vnp_live_find(b->code, b->pred, b->pred_at);
}

int vnp_cfg_build(struct vnp_code *code)
{
	struct cfg_build b = { .code = code };
	int err = -ENOMEM;

	b.block_of = vnp_alloc(code->insn_cnt, sizeof(u32));
	b.cfg = vnp_alloc(1, sizeof(*b.cfg));
	if (b.block_of && b.cfg) {
		code->cfg = b.cfg;
		err = cfg_build(&b);
	} else {
		vnp_free(b.cfg);
	}
	cfg_build_free(&b);
	return err;
}

void vnp_cfg_destroy(struct vnp_cfg *cfg)
{
	if (!cfg)
		return;
	vnp_free(cfg->blocks);
	vnp_free(cfg->order);
	vnp_free(cfg);
}
