// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Bringing the states to rest.
 *
 * States are kept where ways meet, at root blocks; what hangs below a root is
 * walked as a tree, its states being made anew each time.
 *
 * Going up: always the first root whose state has grown is walked, in the order of
 * the graph, so that inner loops come to rest first.  At heads of loops the states
 * are widened, which ends it.
 *
 * Sweeps: then all roots are walked once, in order.  Only the heads' states are
 * kept from before, all others are what flows into them in this very sweep.  The
 * first sweeps go down: they make the heads' states anew, too, of what flows
 * into them, and so take back what widening gave away.  The next ones check: what
 * flows into a head must be in its state already.  If it is not, since
 * some operation was not monotone, the state grows and the check is repeated.
 * The last sweep is the check again, with the report switched on.  So the verdict
 * leans on nothing but one sweep that found the states at rest.
 */
#include "cfg.h"
#include "log.h"
#include "saved.h"
#include "steps.h"
#include "verify.h"

/* The smaller branch goes first, so a tree of n blocks has log2(n) waiting at most */
#define FIX_WAITING_MAX	20

/* Growths of a head's state that are exact; that rest at all steps; at coarse ones */
#define FIX_EXACT	2
#define FIX_STEPS	12
#define FIX_COARSE	20

#define FIX_SWEEPS_DOWN	2
#define FIX_SWEEPS_MAX	64

/*
 * Work that verification may cost, for each instruction of the program, and to begin
 * with: an instruction looked at is 1, two states that meet are some and 1 for each
 * cell there is to compare.
 */
#define FIX_WORK	200
#define FIX_WORK_MIN	100000
#define FIX_WORK_MEET	4

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
 * struct fix - the fixpoint under way
 * @v:		the verification it is for
 * @code:	its program
 * @cfg:	its graph
 * @mode:	what to do with a state that flows into a root
 * @pool:	account of the states put by
 * @in:		state at the start of each root block
 * @next:	going down: what flows into each head
 * @grown:	how often each head's state grew
 * @dirty:	going up: a bit for each place of the order that must be walked
 * @first_dirty: none before this place
 * @moved:	checking: a head's state was not at rest
 * @work:	what may still be spent
 * @spare:	states to use
 * @met:	a state put by, unpacked to be joined with
 * @waiting:	blocks of the tree that are still to be walked
 * @waiting_cnt: how many
 * @join:	scratch memory
 * @steps:	for widening: what the program compares with
 * @coarse:	a few that suit any program
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
	u64 work;
	struct vnp_state *spare;
	struct vnp_state *met;
	struct fix_waiting waiting[FIX_WAITING_MAX];
	u32 waiting_cnt;
	struct vnp_join join;
	struct vnp_steps steps;
	struct vnp_steps coarse;
	struct vnp_steps none;
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
		vnp_state_init(state);
	return state;
}

static void fix_give(struct fix *f, struct vnp_state *state)
{
	state->next = f->spare;
	f->spare = state;
}

static void fix_spend(struct fix *f, u32 work)
{
	f->work -= min_t(u64, f->work, work);
}

static void fix_mark(struct fix *f, u32 block)
{
	u32 pos = f->cfg->blocks[block].pos;

	f->dirty[pos / 64] |= BIT_ULL(pos % 64);
	f->first_dirty = min(f->first_dirty, pos);
}

/* The first block that is marked, unmarked now; VNP_BLOCK_NONE if none is */
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

/* How a head's state is widened that grew so often; NULL: it is not */
static const struct vnp_steps *fix_steps(const struct fix *f, u32 block)
{
	u32 grown = f->grown[block];

	if (!f->cfg->blocks[block].head || grown < FIX_EXACT)
		return NULL;
	if (grown < FIX_STEPS)
		return &f->steps;
	return grown < FIX_COARSE ? &f->coarse : &f->none;
}

/* @state flows into what is put by at @where; 1 if that grew */
static int fix_meet(struct fix *f, struct vnp_saved **where, u32 block,
		    const struct vnp_state *state, const struct vnp_steps *steps)
{
	int err;

	if (!*where) {
		err = vnp_saved_put(&f->pool, where, state);
		return err ? err : 1;
	}
	vnp_saved_get(*where, f->met);
	fix_spend(f, FIX_WORK_MEET + hweight64(f->met->used | state->used));
	f->join.head = f->cfg->blocks[block].head;
	if (!f->v->ops->join(&f->join, f->met, state, f->cfg->blocks[block].pos, steps))
		return 0;
	err = vnp_saved_put(&f->pool, where, f->met);
	return err ? err : 1;
}

/* @state flows into the root @block */
static int fix_flow(struct fix *f, u32 block, struct vnp_state *state)
{
	bool head = f->cfg->blocks[block].head;
	int grew;

	vnp_state_drop_dead(state, f->cfg->blocks[block].live);
	if (f->mode == FIX_DOWN && head)
		grew = fix_meet(f, &f->next[block], block, state, NULL);
	else if (f->mode == FIX_UP || head)
		grew = fix_meet(f, &f->in[block], block, state, fix_steps(f, block));
	else
		grew = fix_meet(f, &f->in[block], block, state, NULL);
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

/* @state, which is taken over, goes along an edge */
static int fix_edge(struct fix *f, u32 from, u32 k, struct vnp_state *state)
{
	const struct vnp_block *block = &f->cfg->blocks[from];
	u32 to = block->succ[k];
	int err;

	if (f->v->report)
		f->code->aux[block->last].flags |= k ? VNP_AUX_TAKEN : VNP_AUX_FALLS;
	if (f->cfg->blocks[to].root) {
		err = fix_flow(f, to, state);
		fix_give(f, state);
		return err;
	}
	f->waiting[f->waiting_cnt].block = to;
	f->waiting[f->waiting_cnt++].state = state;
	return 0;
}

/* Both ways of a conditional jump; the state is taken over */
static int fix_branch(struct fix *f, u32 from, struct vnp_state *state)
{
	const struct vnp_block *block = &f->cfg->blocks[from];
	const struct vnp_block *blocks = f->cfg->blocks;
	struct vnp_state *way[2] = { state, fix_take(f) };
	/* what is put on the stack last is walked first */
	u32 first = blocks[block->succ[1]].tree > blocks[block->succ[0]].tree;
	u32 i, k;
	int err = 0;

	if (!way[1]) {
		fix_give(f, state);
		return -ENOMEM;
	}
	vnp_state_copy(way[1], state);
	for (i = 0; i < 2; i++) {
		k = i ? !first : first;
		f->v->state = way[k];
		if (err || !f->v->ops->branch(f->v, k))
			fix_give(f, way[k]);
		else
			err = fix_edge(f, from, k, way[k]);
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

/* Walk a block, and send its state, which is taken over, to those that follow */
static int fix_block(struct fix *f, u32 n, struct vnp_state *state)
{
	const struct vnp_block *block = &f->cfg->blocks[n];
	struct vnp_verify *v = f->v;
	int err = 0;
	u32 i;

	v->state = state;
	if (v->report && block->head && v->ops->head)
		v->ops->head(v, n);
	for (i = block->first; i <= block->last && !err;
	     i += vnp_insn_len(&f->code->insns[i])) {
		v->insn = i;
		err = v->ops->insn(v);
		fix_spend(f, 1);
	}
	if (!err)
		return fix_leave(f, n, state);
	fix_give(f, state);
	return err;
}

/* A refusal means something only in the last sweep; before, nothing gets past it */
static int fix_result(const struct fix *f, int err)
{
	if (err == VNP_VERIFY_STOP || (err == -EACCES && !f->v->report))
		return 0;
	return err;
}

static int fix_root(struct fix *f, u32 root)
{
	struct vnp_state *state = fix_take(f);
	int err = 0;

	if (!state)
		return -ENOMEM;
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
	if (!err && vnp_relax())
		return -EINTR;
	if (!err && !f->work) {
		vnp_log_insn(f->code, f->cfg->blocks[root].first,
			     "verification takes too long and was given up here: the loops of the program are too deep or too many");
		return -E2BIG;
	}
	return err;
}

/* The state at the entry flows into the first block */
static int fix_enter(struct fix *f)
{
	struct vnp_state *state = fix_take(f);
	int err;

	if (!state)
		return -ENOMEM;
	/* a state that was used before knows its registers: make it as new */
	vnp_state_init(state);
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
		/* all that flows here came from before */
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

static int fix_rests(const struct fix *f)
{
	if (!f->moved)
		return 0;
	vnp_log_print(f->code->log, VNP_LOG_NORMAL,
		      "verification was given up: the states of the loops do not come to rest.\n");
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
	return fix_rests(f);
}

static int fix_run(struct fix *f)
{
	int err = 0;

	if (f->cfg->head_cnt) {
		err = fix_up(f);
		if (!err)
			err = fix_down(f);
		if (!err)
			err = fix_check(f);
	}
	if (err)
		return err;
	f->v->report = true;
	f->work = U64_MAX;
	err = fix_sweep(f, FIX_CHECK);
	return err ? err : fix_rests(f);
}

static int fix_alloc(struct fix *f)
{
	u32 n = f->cfg->block_cnt;

	f->in = vnp_alloc(n, sizeof(struct vnp_saved *));
	f->next = vnp_alloc(n, sizeof(struct vnp_saved *));
	f->grown = vnp_alloc(n, sizeof(u8));
	f->dirty = vnp_alloc(n / 64 + 1, sizeof(u64));
	f->met = fix_take(f);
	if (!f->in || !f->next || !f->grown || !f->dirty || !f->met)
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
	if (f->met)
		fix_give(f, f->met);
	while (f->spare)
		vnp_free(fix_take(f));
	vnp_free(f->in);
	vnp_free(f->next);
	vnp_free(f->grown);
	vnp_free(f->dirty);
	vnp_free(f);
}

int vnp_fixpoint_run(struct vnp_verify *v)
{
	struct fix *f = vnp_alloc(1, sizeof(*f));
	int err;

	if (!f)
		return -ENOMEM;
	f->v = v;
	f->code = v->code;
	f->cfg = v->code->cfg;
	f->work = FIX_WORK_MIN + (u64)FIX_WORK * v->code->insn_cnt;
	vnp_steps_coarse(&f->coarse);
	vnp_steps_collect(&f->steps, v->code);
	err = fix_alloc(f);
	if (!err)
		err = fix_run(f);
	if (err == -E2BIG && f->pool.bytes > VNP_SAVED_MAX / 2)
		vnp_log_print(v->code->log, VNP_LOG_NORMAL,
			      "verification was given up: the states of the program take more than %u MiB.\n",
			      VNP_SAVED_MAX >> 20);
	fix_free(f);
	return err;
}
