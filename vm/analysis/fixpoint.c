// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Iterating the states to a fixpoint.
 *
 * States are kept where paths join, at root blocks.  The tree of blocks below a root is
 * walked from the root's state each time; its states are not kept.
 *
 * Ascending: the first root, in the order of the graph, whose state has grown is
 * walked, so that inner loops converge first.  At loop headers states are widened, so
 * that this ends.
 *
 * Sweeps: then all roots are walked once, in order.  Only the states of loop headers
 * are kept from before, all others are what flows into them in this sweep.  The first
 * sweeps descend (narrowing): they replace the headers' states, too, by what flows into
 * them, which recovers precision that widening has cost.  The next ones check: what
 * flows into a header must be within its state.  If it is not, as some operation was not
 * monotone, the state grows and the check is repeated.  The last sweep is the check
 * again, with the report switched on.  So the result depends on nothing but one sweep in
 * which no state has changed.
 */
#include "vm/analysis/cfg.h"
#include "vm/analysis/loop_cost.h"
#include "vm/report/log.h"
#include "vm/analysis/update.h"
#include "vm/analysis/join.h"
#include "vm/analysis/saved.h"
#include "vm/analysis/thresholds.h"
#include "vm/verify/verify.h"

/* The smaller branch is walked first, so at most log2(n) blocks of a tree of n wait */
#define FIX_WAITING_MAX	20

/*
 * How often the state of a loop header grows without widening; after that, until FIX_STEPS, to the
 * next threshold; then, until FIX_COARSE, to the next coarse one
 */
#define FIX_EXACT	2
#define FIX_STEPS	12
#define FIX_COARSE	20

/*
 * When frugal, how often it grows to one of very few thresholds; after that, numbers that grow
 * become unknown
 */
#define FIX_FEW		2

#define FIX_SWEEPS_DOWN	2
#define FIX_SWEEPS_MAX	64

/*
 * Work (struct vnp_cost): an instruction, without what is counted where it is done; an
 * ALU instruction; a conditional jump; a join of two states; memory for a state, by
 * cell
 */
#define FIX_WORK_INSN	40
#define FIX_WORK_ALU	100
#define FIX_WORK_BRANCH	20
#define FIX_WORK_JOIN	20
#define FIX_WORK_ALLOC	3

/* Work between two calls of vnp_relax(): half a millisecond */
#define FIX_WORK_RELAX	100000

enum fix_mode {
	FIX_UP,
	FIX_DOWN,
	FIX_CHECK,
};

struct fix_waiting {
	u32 block;
	struct vnp_state *state;
};

/**
 * struct fix - the iteration
 * @v:		the verification it is for
 * @code:	its program
 * @cfg:	its graph
 * @mode:	what to do with a state that flows into a root
 * @pool:	memory of the saved states
 * @in:		state at the start of each root block
 * @next:	descending: what flows into each header
 * @grown:	how often each header's state grew
 * @dirty:	ascending: a bit for each place in the order that must be walked
 * @first_dirty: no bit is set before this place
 * @moved:	checking: a header's state grew
 * @spent:	work spent on each root and the tree below it
 * @root:	the root that is walked
 * @unrelaxed:	work since the last vnp_relax()
 * @spare:	unused states
 * @joined:	a saved state, unpacked for a join
 * @waiting:	blocks of the tree that are still to be walked
 * @waiting_cnt: how many
 * @join:	scratch memory
 * @thresholds:	for widening: what the program compares with
 * @coarse:	a few that suit any program
 * @few:	the same, even fewer
 * @none:	none
 */
struct fix {
	struct vnp_verify *v;
	struct vnp_code *code;
	const struct vnp_cfg *cfg;
	enum fix_mode mode;
	struct vnp_saved_pool pool;
	struct vnp_saved **in;
	struct vnp_saved **next;
	u8 *grown;
	u64 *dirty;
	u32 first_dirty;
	bool moved;
	u32 *spent;
	u32 root;
	u32 unrelaxed;
	struct vnp_state *spare;
	struct vnp_state *joined;
	struct fix_waiting waiting[FIX_WAITING_MAX];
	u32 waiting_cnt;
	struct vnp_join join;
	struct vnp_thresholds thresholds;
	struct vnp_thresholds coarse;
	struct vnp_thresholds few;
	struct vnp_thresholds none;
};

static struct vnp_state *fix_take(struct fix *f)
{
	struct vnp_state *state = f->spare;

	if (state) {
		f->spare = state->next;
		return state;
	}
	state = vnp_alloc(1, sizeof(*state));
	if (state)
		vnp_state_init(state, f->v->type->packet_max);
	return state;
}

static void fix_give(struct fix *f, struct vnp_state *state)
{
	state->next = f->spare;
	f->spare = state;
}

static void fix_spend(struct fix *f, u32 work)
{
	f->v->cost.spent += work;
	f->spent[f->root] += work;
	f->unrelaxed += work;
}

/* Work that was counted where it was done */
static u32 fix_take_work(u32 *work)
{
	u32 done = *work;

	*work = 0;
	return done;
}

/* Precision must not change in the last sweep if its states were computed before */
static bool fix_may_change(const struct fix *f)
{
	return !f->v->report || !f->cfg->head_cnt;
}

static u32 fix_insn_work(const struct bpf_insn *insn)
{
	return vnp_insn_is_alu(insn) && BPF_OP(insn->code) != BPF_MOV ? FIX_WORK_ALU :
								       FIX_WORK_INSN;
}

static void fix_watch_cost(struct fix *f)
{
	struct vnp_cost *cost = &f->v->cost;

	if (cost->frugal || cost->spent < cost->max / 3 * 2 || !fix_may_change(f))
		return;
	cost->frugal = true;
	memset(f->grown, 0, f->cfg->block_cnt);
}

static int fix_relax(struct fix *f)
{
	if (f->unrelaxed < FIX_WORK_RELAX)
		return 0;
	f->unrelaxed = 0;
	return vnp_relax() ? -EINTR : 0;
}

static void fix_mark(struct fix *f, u32 block)
{
	u32 pos = f->cfg->blocks[block].pos;

	f->dirty[pos / 64] |= BIT_ULL(pos % 64);
	f->first_dirty = min(f->first_dirty, pos);
}

/* Take the first marked block and unmark it; VNP_BLOCK_NONE: none is marked */
static u32 fix_first_marked(struct fix *f)
{
	u32 word = f->first_dirty / 64, words = (f->cfg->order_cnt + 63) / 64, pos;

	while (word < words && !f->dirty[word])
		word++;
	if (word == words)
		return VNP_BLOCK_NONE;
	pos = word * 64 + __ffs64(f->dirty[word]);
	f->dirty[word] &= f->dirty[word] - 1;
	f->first_dirty = pos;
	return f->cfg->order[pos];
}

/* Thresholds for the state of loop header @block, by how often it grew; NULL: do not widen it */
static const struct vnp_thresholds *fix_thresholds(const struct fix *f, u32 block)
{
	u32 grown = f->grown[block];

	if (!f->cfg->blocks[block].head)
		return NULL;
	if (f->v->cost.frugal)
		return grown < FIX_FEW ? &f->few : &f->none;
	if (grown < FIX_EXACT)
		return NULL;
	if (grown < FIX_STEPS)
		return &f->thresholds;
	return grown < FIX_COARSE ? &f->coarse : &f->none;
}

/* Returns 1, or an error */
static int fix_put(struct fix *f, struct vnp_saved **where,
		   const struct vnp_state *state)
{
	int err = vnp_saved_put(&f->pool, where, state);

	if (err == -E2BIG)
		vnp_log_print(f->code->log, VNP_LOG_NORMAL,
			      "verification was given up: the states of the program take more than %u MiB.\n",
			      VNP_SAVED_MAX >> 20);
	return err ? err : 1;
}

/* Join @state into the saved state at @where; 1 if that grew */
static int fix_join(struct fix *f, struct vnp_saved **where, u32 block,
		    const struct vnp_state *state, const struct vnp_thresholds *thresholds)
{
	bool grew;

	if (!*where) {
		fix_spend(f, FIX_WORK_ALLOC * vnp_state_cells(state));
		return fix_put(f, where, state);
	}
	vnp_saved_get(*where, f->joined);
	grew = f->v->cost.frugal && f->joined->constraint_cnt;
	if (grew)
		f->joined->constraint_cnt = 0;
	f->join.head = f->cfg->blocks[block].head;
	f->join.coarse = f->v->cost.frugal && thresholds == &f->none;
	grew |= f->v->ops->join(&f->join, f->joined, state, f->cfg->blocks[block].pos,
				thresholds);
	fix_spend(f, FIX_WORK_JOIN + vnp_state_cells(f->joined) + fix_take_work(&f->join.work));
	return grew ? fix_put(f, where, f->joined) : 0;
}

/* Join @state into the state of the root @block */
static int fix_flow(struct fix *f, u32 block, struct vnp_state *state)
{
	bool head = f->cfg->blocks[block].head;
	int grew;

	vnp_state_drop_dead(state, f->cfg->blocks[block].live);
	fix_spend(f, fix_take_work(&state->work));
	if (f->mode == FIX_DOWN && head)
		grew = fix_join(f, &f->next[block], block, state, NULL);
	else if (f->mode == FIX_UP || head)
		grew = fix_join(f, &f->in[block], block, state, fix_thresholds(f, block));
	else
		grew = fix_join(f, &f->in[block], block, state, NULL);
	if (grew <= 0)
		return grew;

	if (f->mode == FIX_UP)
		fix_mark(f, block);
	if (head && f->mode != FIX_DOWN) {
		f->moved = true;
		f->grown[block] = min(f->grown[block] + 1, (int)U8_MAX);
	}
	return 0;
}

/* Pass @state, whose ownership is taken, along an edge */
static int fix_edge(struct fix *f, u32 from, u32 k, struct vnp_state *state)
{
	const struct vnp_block *block = &f->cfg->blocks[from];
	u32 to = block->succ[k];
	int err;

	if (f->v->report)
		f->code->aux[block->last].flags |= k ? VNP_AUX_TAKEN : VNP_AUX_FALLS;
	if (f->cfg->blocks[to].root) {
		if (f->v->ops->flow)
			f->v->ops->flow(f->v, from, k, to, state);
		err = fix_flow(f, to, state);
		fix_give(f, state);
		return err;
	}
	f->waiting[f->waiting_cnt].block = to;
	f->waiting[f->waiting_cnt++].state = state;
	return 0;
}

/* Both successors of a conditional jump; takes ownership of the state */
static int fix_branch(struct fix *f, u32 from, struct vnp_state *state)
{
	const struct vnp_block *block = &f->cfg->blocks[from];
	const struct vnp_block *blocks = f->cfg->blocks;
	struct vnp_state *succ[2] = { state, fix_take(f) };
	/* the last one pushed is walked first */
	u32 first = blocks[block->succ[1]].tree > blocks[block->succ[0]].tree;
	u32 i, k;
	int err = 0;

	if (!succ[1]) {
		fix_give(f, state);
		return -ENOMEM;
	}
	vnp_state_copy(succ[1], state);
	fix_spend(f, FIX_WORK_BRANCH + vnp_state_cells(state) / 2);
	for (i = 0; i < 2; i++) {
		k = i ? !first : first;
		f->v->state = succ[k];
		succ[k]->frugal = f->v->cost.frugal;
		if (err || !f->v->ops->branch(f->v, k)) {
			fix_give(f, succ[k]);
			continue;
		}
		fix_spend(f, fix_take_work(&succ[k]->work));
		err = fix_edge(f, from, k, succ[k]);
	}
	return err;
}

static int fix_leave(struct fix *f, u32 from, struct vnp_state *state)
{
	const struct bpf_insn *insn = &f->code->insns[f->cfg->blocks[from].last];
	int err;

	if (vnp_insn_is_cond(insn)) {
		err = f->v->ops->cond(f->v);
		if (!err)
			return fix_branch(f, from, state);
	} else if (vnp_insn_is_exit(insn)) {
		err = f->v->ops->exit(f->v);
	} else {
		return fix_edge(f, from, vnp_insn_is_ja(insn), state);
	}
	fix_give(f, state);
	return err;
}

/* Walk a block and pass its state, whose ownership is taken, to its successors */
static int fix_block(struct fix *f, u32 n, struct vnp_state *state)
{
	const struct vnp_block *block = &f->cfg->blocks[n];
	struct vnp_verify *v = f->v;
	int err = 0;
	u32 i;

	fix_watch_cost(f);
	v->state = state;
	state->frugal = v->cost.frugal;
	if (state->frugal)
		state->constraint_cnt = 0;
	if (v->report && block->head && v->ops->head)
		v->ops->head(v, n);
	for (i = block->first; i <= block->last && !err;
	     i += vnp_insn_len(&f->code->insns[i])) {
		v->insn = i;
		err = v->ops->insn(v);
		fix_spend(f, fix_insn_work(&f->code->insns[i]) +
			     fix_take_work(&state->work));
		if (!err)
			err = fix_relax(f);
	}
	if (!err)
		return fix_leave(f, n, state);
	fix_give(f, state);
	return err;
}

/* A refusal counts only in the last sweep; before, execution just stops there */
static int fix_result(const struct fix *f, int err)
{
	if (err == VNP_VERIFY_STOP || (err == -EACCES && !f->v->report))
		return 0;
	return err;
}

static void fix_log_frugal(const struct fix *f)
{
	vnp_log_print(f->code->log, VNP_LOG_NORMAL,
		      "verification takes long, so it goes on with less precision: there may be more guards than needed.\n");
	vnp_loop_cost_log(f->code, f->spent);
}

static int fix_refuse(struct fix *f)
{
	vnp_log_print(f->code->log, VNP_LOG_NORMAL,
		      "verification takes too long and was given up: the loops of the program are too deep, or change too much.\n");
	vnp_loop_cost_log(f->code, f->spent);
	return -E2BIG;
}

static int fix_root(struct fix *f, u32 root)
{
	struct vnp_state *state = fix_take(f);
	int err = 0;

	if (!state)
		return -ENOMEM;
	f->root = root;
	vnp_saved_get(f->in[root], state);
	f->waiting[0].block = root;
	f->waiting[0].state = state;
	f->waiting_cnt = 1;
	while (f->waiting_cnt) {
		struct fix_waiting w = f->waiting[--f->waiting_cnt];

		if (err)
			fix_give(f, w.state);
		else
			err = fix_result(f, fix_block(f, w.block, w.state));
	}
	if (!err && f->v->cost.spent >= f->v->cost.max)
		return fix_refuse(f);
	return err;
}

/* The state at the entry flows into the first block */
static int fix_enter(struct fix *f)
{
	struct vnp_state *state = fix_take(f);
	int err;

	if (!state)
		return -ENOMEM;
	/* the state may have been used before */
	vnp_state_init(state, f->v->type->packet_max);
	err = fix_flow(f, 0, state);
	fix_give(f, state);
	return err;
}

static int fix_up(struct fix *f)
{
	u32 block;
	int err;

	f->mode = FIX_UP;
	err = fix_enter(f);
	while (!err) {
		block = fix_first_marked(f);
		if (block == VNP_BLOCK_NONE)
			return 0;
		err = fix_root(f, block);
	}
	return err;
}

static void fix_forget_roots(struct fix *f)
{
	u32 i;

	for (i = 0; i < f->cfg->block_cnt; i++)
		if (!f->cfg->blocks[i].head)
			vnp_saved_free(&f->pool, &f->in[i]);
}

static int fix_sweep(struct fix *f, enum fix_mode mode)
{
	u32 i;
	int err;

	f->mode = mode;
	f->moved = false;
	fix_forget_roots(f);
	err = fix_enter(f);
	for (i = 0; i < f->cfg->order_cnt && !err; i++) {
		u32 block = f->cfg->order[i];

		if (!f->in[block])
			continue;
		err = fix_root(f, block);
		/* all edges to it come from earlier blocks */
		if (!f->cfg->blocks[block].head)
			vnp_saved_free(&f->pool, &f->in[block]);
	}
	return err;
}

static int fix_down(struct fix *f)
{
	u32 i, n;
	int err;

	for (n = 0; n < FIX_SWEEPS_DOWN; n++) {
		err = fix_sweep(f, FIX_DOWN);
		if (err)
			return err;
		for (i = 0; i < f->cfg->block_cnt; i++) {
			if (!f->cfg->blocks[i].head)
				continue;
			vnp_saved_free(&f->pool, &f->in[i]);
			swap(f->in[i], f->next[i]);
		}
	}
	return 0;
}

static int fix_converged(const struct fix *f)
{
	if (!f->moved)
		return 0;
	vnp_log_print(f->code->log, VNP_LOG_NORMAL,
		      "verification was given up: the states of the loops do not converge.\n");
	return -E2BIG;
}

static int fix_check(struct fix *f)
{
	u32 n;
	int err;

	memset(f->grown, 0, f->cfg->block_cnt);
	for (n = 0; n < FIX_SWEEPS_MAX; n++) {
		err = fix_sweep(f, FIX_CHECK);
		if (err || !f->moved)
			return err;
	}
	return fix_converged(f);
}

static int fix_run(struct fix *f)
{
	int err = 0;

	if (f->cfg->head_cnt) {
		err = fix_up(f);
		if (!err && f->v->ops->unfinished && f->v->ops->unfinished(f->v))
			return 0;
		if (!err && !f->v->cost.frugal)
			err = fix_down(f);
		if (!err)
			err = fix_check(f);
	}
	if (err)
		return err;
	if (f->v->cost.frugal)
		fix_log_frugal(f);
	f->v->report = true;
	err = fix_sweep(f, FIX_CHECK);
	return err ? err : fix_converged(f);
}

static int fix_alloc(struct fix *f)
{
	u32 n = f->cfg->block_cnt;

	f->in = vnp_alloc(n, sizeof(struct vnp_saved *));
	f->next = vnp_alloc(n, sizeof(struct vnp_saved *));
	f->grown = vnp_alloc(n, sizeof(u8));
	f->spent = vnp_alloc(n, sizeof(u32));
	f->dirty = vnp_alloc(n / 64 + 1, sizeof(u64));
	f->joined = fix_take(f);
	if (!f->in || !f->next || !f->grown || !f->spent || !f->dirty || !f->joined)
		return -ENOMEM;
	return 0;
}

static void fix_free(struct fix *f)
{
	u32 i;

	for (i = 0; f->in && f->next && i < f->cfg->block_cnt; i++) {
		vnp_saved_free(&f->pool, &f->in[i]);
		vnp_saved_free(&f->pool, &f->next[i]);
	}
	if (f->joined)
		fix_give(f, f->joined);
	while (f->spare)
		vnp_free(fix_take(f));
	vnp_free(f->in);
	vnp_free(f->next);
	vnp_free(f->grown);
	vnp_free(f->spent);
	vnp_free(f->dirty);
	vnp_free(f);
}

int vnp_fixpoint(struct vnp_verify *v)
{
	struct fix *f = vnp_alloc(1, sizeof(*f));
	int err;

	if (!f)
		return -ENOMEM;
	f->v = v;
	f->code = v->code;
	f->cfg = v->code->cfg;
	vnp_thresholds_coarse(&f->coarse);
	vnp_thresholds_few(&f->few);
	vnp_thresholds_collect(&f->thresholds, v->code);
	err = fix_alloc(f);
	if (!err)
		err = fix_run(f);
	fix_free(f);
	return err;
}
