// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "vm/analysis/bound.h"
#include "vm/analysis/cfg.h"
#include "vm/code.h"
#include "vm/isa/insn.h"
#include "vm/analysis/live.h"
#include "vm/verify/verify.h"

/* Visits per instruction, which limits how deep loops may be nested */
#define BOUND_WORK	16

/* The number of iterations is not known */
#define BOUND_NEVER	U32_MAX

/**
 * struct bound_loop - all loops with one head
 * @last:	place in the order of the last block that jumps back to it
 * @cost:	what one iteration costs at most; 0: nothing jumps back
 * @iterations:	iterations in one execution, at most
 * @free:	its jumps back are not metered
 */
struct bound_loop {
	u32 last;
	u32 cost;
	u32 iterations;
	bool free;
};

/**
 * struct bound_block - a block in the region of a loop
 * @edges:	edges from inside the region to it
 * @passed:	registers that this iteration has changed by a constant, on every path
 */
struct bound_block {
	u32 edges;
	u16 passed;
};

/**
 * struct bound - the search
 * @code:	the program
 * @cfg:	its graph
 * @bounds:	ranges at heads
 * @loops:	by number of the head
 * @open:	numbers of the heads whose loops may enclose the current block
 * @open_cnt:	how many
 * @blocks:	by block
 * @work:	instructions that may still be visited
 * @left:	what loops may still take from the budget
 */
struct bound {
	struct vnp_code *code;
	const struct vnp_cfg *cfg;
	const struct vnp_bound *bounds;
	struct bound_loop *loops;
	u32 *open;
	u32 open_cnt;
	struct bound_block *blocks;
	u64 work;
	u32 left;
};

/**
 * struct bound_steps - what the region of a loop does to registers
 * @up:		some are increased by constants
 * @down:	some are decreased
 * @other:	some are changed otherwise, or not on all paths through inner loops
 * @each:	those that every iteration changes
 * @least:	by how much at least
 */
struct bound_steps {
	u16 up;
	u16 down;
	u16 other;
	u16 each;
	u32 least[VNP_BOUND_REGS];
};

void vnp_bound_note(struct vnp_verify *v, u32 block)
{
	struct vnp_bound *bound = &v->bounds[v->code->cfg->blocks[block].number];
	u32 n;

	for (n = 0; n < VNP_BOUND_REGS; n++) {
		const struct vnp_reg *reg = vnp_state_reg(v->state, n);
		s64 values;

		if (reg->kind != VNP_REG_SCALAR || !vnp_num_is_small(&reg->num))
			continue;
		/*
		 * a count that does not fit is too large for a loop that is not metered
		 */
		values = reg->num.smax - reg->num.smin + 1;
		if (values <= U32_MAX)
			bound->values[n] = values;
	}
}

/* The loop that a metered edge closes; NULL if the edge is not metered */
static struct bound_loop *bound_closes(const struct bound *b, u32 block, u32 k)
{
	const struct vnp_block *from = &b->cfg->blocks[block];
	u16 pays = k ? VNP_AUX_PAYS_TAKEN : VNP_AUX_PAYS_FALLS;

	if (!(b->code->aux[from->last].flags & pays))
		return NULL;
	return &b->loops[b->cfg->blocks[from->succ[k]].number];
}

static void bound_find_loops(struct bound *b)
{
	struct bound_loop *loop;
	u32 i, k, n;

	for (i = 0; i < b->cfg->order_cnt; i++) {
		n = b->cfg->order[i];
		for (k = 0; k < 2; k++) {
			loop = bound_closes(b, n, k);
			if (!loop)
				continue;
			loop->last = i;
			loop->cost = max(loop->cost,
					 b->code->aux[b->cfg->blocks[n].last].cost);
		}
	}
}

/*
 * How often the loop at @pos is entered at most.  To enter it again, an execution must
 * jump back from @pos or after it to before @pos.  A jump to @pos from after the loop's
 * last block is excluded by bound_is_closed().
 */
static u32 bound_entries(struct bound *b, u32 pos)
{
	u32 i, kept = 0;
	u64 cnt = 1;

	b->work -= min_t(u64, b->work, b->open_cnt);
	for (i = 0; i < b->open_cnt; i++) {
		const struct bound_loop *loop = &b->loops[b->open[i]];

		if (loop->last < pos)
			continue;
		b->open[kept++] = b->open[i];
		cnt += loop->iterations;
	}
	b->open_cnt = kept;
	return min_t(u64, cnt, BOUND_NEVER);
}

static bool bound_is_inside(const struct bound *b, u32 block, u32 head, u32 last)
{
	return block != VNP_BLOCK_NONE && b->cfg->blocks[block].pos <= last &&
	       b->cfg->blocks[block].pos >= b->cfg->blocks[head].pos;
}

/* Is the head the only entry of the region from there to @last? */
static bool bound_is_closed(struct bound *b, u32 head, u32 last)
{
	const struct vnp_cfg *cfg = b->cfg;
	u32 first = cfg->blocks[head].pos, i, k;

	b->work -= min_t(u64, b->work, last - first + 1);
	for (i = first; i <= last; i++)
		b->blocks[cfg->order[i]] = (struct bound_block){ .passed = U16_MAX };
	for (i = first; i <= last; i++)
		for (k = 0; k < 2; k++) {
			u32 to = cfg->blocks[cfg->order[i]].succ[k];

			if (bound_is_inside(b, to, head, last))
				b->blocks[to].edges++;
		}
	for (i = first + 1; i <= last; i++)
		if (b->blocks[cfg->order[i]].edges != cfg->blocks[cfg->order[i]].pred_cnt)
			return false;
	b->blocks[head].passed = 0;
	return true;
}

/* Bit of the register that an instruction changes by a constant; 0: there is none */
static u16 bound_step(const struct bound *b, u32 i, struct bound_steps *steps)
{
	const struct bpf_insn *insn = &b->code->insns[i];
	s64 by = insn->imm;
	u16 bit = BIT(insn->dst_reg);

	if (!(b->code->aux[i].flags & VNP_AUX_STEPS) || !by)
		return 0;
	if (BPF_OP(insn->code) == BPF_SUB)
		by = -by;
	if (by > 0)
		steps->up |= bit;
	else
		steps->down |= bit;
	steps->least[insn->dst_reg] = min_t(s64, steps->least[insn->dst_reg],
					    by > 0 ? by : -by);
	return bit;
}

static u16 bound_walk_block(struct bound *b, const struct vnp_block *block, u16 passed,
			    struct bound_steps *steps)
{
	u32 i;

	for (i = block->first; i <= block->last;
	     i += vnp_insn_len(&b->code->insns[i])) {
		u16 bit = bound_step(b, i, steps);

		passed |= bit;
		if (!bit)
			steps->other |= vnp_live_writes(&b->code->insns[i]);
	}
	b->work -= min_t(u64, b->work, block->last - block->first + 1);
	return passed;
}

/*
 * In this order all forward edges to a block are visited before it.  A register that an
 * edge back to an inner head has not changed may be unchanged at that head.
 */
static void bound_walk(struct bound *b, u32 head, u32 last, struct bound_steps *steps)
{
	const struct vnp_cfg *cfg = b->cfg;
	u32 i, k;

	memset(steps->least, 0xff, sizeof(steps->least));
	steps->each = U16_MAX;
	for (i = cfg->blocks[head].pos; i <= last; i++) {
		const struct vnp_block *block = &cfg->blocks[cfg->order[i]];
		u16 passed = b->blocks[cfg->order[i]].passed;

		if (!b->code->aux[block->first].reached)
			continue;
		passed = bound_walk_block(b, block, passed, steps);
		for (k = 0; k < 2; k++) {
			u32 to = block->succ[k];

			if (!bound_is_inside(b, to, head, last))
				continue;
			if (to == head)
				steps->each &= passed;
			else if (cfg->blocks[to].pos > i)
				b->blocks[to].passed &= passed;
			else
				steps->other |= b->blocks[to].passed & ~passed;
		}
	}
}

/* How often a loop can jump back once it was entered */
static u32 bound_iterations(struct bound *b, u32 head, u32 last)
{
	const struct vnp_bound *bound = &b->bounds[b->cfg->blocks[head].number];
	struct bound_steps steps = {};
	u32 iterations = BOUND_NEVER, n;

	if (!bound_is_closed(b, head, last))
		return BOUND_NEVER;
	bound_walk(b, head, last, &steps);
	for (n = 0; n < VNP_BOUND_REGS; n++)
		if (((steps.up ^ steps.down) & steps.each & ~steps.other) >> n & 1 &&
		    bound->values[n])
			iterations = min(iterations, (bound->values[n] - 1) / steps.least[n]);
	return iterations;
}

/* @loop begins with the block at @pos in the order */
static void bound_look(struct bound *b, u32 pos, struct bound_loop *loop)
{
	u32 head = b->cfg->order[pos], entries = bound_entries(b, pos);
	u64 iterations = BOUND_NEVER;

	/* If even one iteration per entry exceeds what is left, the bound does not matter. */
	if (entries < b->left && b->work)
		iterations = bound_iterations(b, head, loop->last);
	if (iterations != BOUND_NEVER)
		iterations *= entries;
	loop->iterations = min_t(u64, iterations, BOUND_NEVER);
	b->open[b->open_cnt++] = b->cfg->blocks[head].number;
	if (loop->iterations == BOUND_NEVER || iterations * loop->cost > b->left)
		return;
	b->left -= iterations * loop->cost;
	loop->free = true;
}

static void bound_free_edges(struct bound *b)
{
	const struct bound_loop *loop;
	struct vnp_insn_aux *aux;
	u32 i, k;

	for (i = 0; i < b->cfg->order_cnt; i++)
		for (k = 0; k < 2; k++) {
			u32 n = b->cfg->order[i];

			loop = bound_closes(b, n, k);
			if (!loop || !loop->free)
				continue;
			aux = &b->code->aux[b->cfg->blocks[n].last];
			aux->flags &= ~(k ? VNP_AUX_PAYS_TAKEN : VNP_AUX_PAYS_FALLS);
			aux->flags |= k ? VNP_AUX_FREE_TAKEN : VNP_AUX_FREE_FALLS;
			b->code->loop_cnt--;
			b->code->bound_cnt++;
		}
}

static void bound_run(struct bound *b)
{
	u32 i;

	bound_find_loops(b);
	for (i = 0; i < b->cfg->order_cnt; i++) {
		const struct vnp_block *block = &b->cfg->blocks[b->cfg->order[i]];

		if (block->head && b->loops[block->number].cost)
			bound_look(b, i, &b->loops[block->number]);
	}
	bound_free_edges(b);
}

int vnp_bound_settle(struct vnp_code *code, const struct vnp_bound *bounds)
{
	struct bound b = {
		.code = code,
		.cfg = code->cfg,
		.bounds = bounds,
		.work = BOUND_WORK * (u64)code->insn_cnt,
		.left = (code->budget - code->path) / 2,
	};
	int err = -ENOMEM;

	if (!code->loop_cnt)
		return 0;
	b.loops = vnp_alloc(b.cfg->head_cnt, sizeof(*b.loops));
	b.open = vnp_alloc(b.cfg->head_cnt, sizeof(*b.open));
	b.blocks = vnp_alloc(b.cfg->block_cnt, sizeof(*b.blocks));
	if (b.loops && b.open && b.blocks) {
		bound_run(&b);
		code->prepaid += (code->budget - code->path) / 2 - b.left;
		err = 0;
	}
	vnp_free(b.loops);
	vnp_free(b.open);
	vnp_free(b.blocks);
	return err;
}
