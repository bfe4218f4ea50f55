// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * One round, after the verifier has refused a use of a value of different kinds:
 *
 *	split_probe()	verifies once more, up to the use, and finds the kind of the
 *			value on each edge into the block where the kinds join
 *	split_trace()	follows the value from there to all its uses
 *	split_choose()	chooses the blocks to copy: those from the join to the uses
 *	split_rewrite()	writes the new program
 *
 * A loop between the join and a use is copied as a whole, as each of its blocks leads
 * to the use; so is a loop that begins at the join.  Edges from other blocks into the
 * middle of the copied blocks lead to the first copy.
 */
#include "vm/analysis/cfg.h"
#include "vm/frame.h"
#include "vm/transform/inline.h"
#include "vm/analysis/live.h"
#include "vm/report/log.h"
#include "vm/transform/split.h"
#include "vm/analysis/join.h"
#include "vm/verify/verify.h"

/* A program may grow to twice its size plus this, in so many rounds */
#define SPLIT_GROWTH	4096U
#define SPLIT_ROUNDS	64

/* Copies of a block per round; further kinds share the last one */
#define SPLIT_COPIES	8

/* Work (struct vnp_cost) of following values through an instruction */
#define SPLIT_WORK_INSN	4

/* Internal return values, explained by split_explain() */
#define SPLIT_LOOP	1	/* the kinds differ between iterations of a loop only */
#define SPLIT_LARGE	2
#define SPLIT_LONG	3

/* struct split_values - registers and slots that hold the value on some path */
struct split_values {
	u64 slots;
	u32 regs;
	bool reached;
};

/**
 * struct split - state of a round
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
struct split {
	struct vnp_verify v;
	struct vnp_code *code;
	const struct vnp_cfg *cfg;
	u32 join;
	u32 cell;
	u8 *edge;
	struct vnp_reg kind[SPLIT_COPIES];
	u32 kind_cnt;
	struct split_values *in;
	bool *uses;
	bool *copied;
	u32 *at;
	u32 cnt;
	struct bpf_insn *insns;
	struct vnp_inlined *out;
};

/* ---- Kinds ---------------------------------------------------------------- */

static struct split *split_of(struct vnp_verify *v)
{
	return (struct split *)v;
}

/* Does the edge come from before the loop that may begin at @join */
static bool split_enters(const struct split *s, u32 from)
{
	return !vnp_cfg_goes_back(s->cfg, from, s->join);
}

static u32 split_kind(struct split *s, const struct vnp_reg *reg)
{
	u32 i;

	for (i = 0; i < s->kind_cnt; i++)
		if (vnp_reg_join_kind(&s->kind[i], reg))
			return i;
	if (s->kind_cnt == SPLIT_COPIES)
		return SPLIT_COPIES - 1;
	s->kind[s->kind_cnt] = *reg;
	return s->kind_cnt++;
}

static void split_flow(struct vnp_verify *v, u32 from, u32 k, u32 to,
		       const struct vnp_state *state)
{
	struct split *s = split_of(v);

	if (v->report && to == s->join && split_enters(s, from))
		s->edge[2 * from + k] = split_kind(s, &state->cells[s->cell].reg);
}

static const struct vnp_verify_ops split_ops = {
	.insn = vnp_verify_insn,
	.cond = vnp_verify_cond,
	.branch = vnp_verify_branch,
	.exit = vnp_verify_exit,
	.flow = split_flow,
	.join = vnp_state_join,
};

/* Verification stops here, when all edges into @join from before it were seen */
static int split_probe(struct split *s)
{
	struct vnp_code *code = s->code;
	struct vnp_log *log = code->log;
	int err;

	s->v.ops = &split_ops;
	s->v.code = code;
	s->v.type = vnp_type_get(code->type);
	vnp_cost_init(&s->v.cost, code->insn_cnt);
	code->log = NULL;
	err = vnp_fixpoint(&s->v);
	code->log = log;
	code->work += s->v.cost.spent;
	if (err == -E2BIG)
		return SPLIT_LONG;
	if (err && err != -EACCES)
		return err;
	return s->kind_cnt > 1 ? 0 : SPLIT_LOOP;
}

/* ---- Uses ----------------------------------------------------------------- */

/* Number of the slot that is loaded or stored as a whole through R10, or -1 */
static int split_slot(const struct bpf_insn *insn, u32 address)
{
	if (address != VNP_REG_FP || BPF_SIZE(insn->code) != BPF_DW ||
	    BPF_MODE(insn->code) != BPF_MEM || insn->off & 7 ||
	    insn->off > -8 || insn->off < -VNP_STACK_MAX)
		return -1;
	return -insn->off / 8 - 1;
}

static void split_set_reg(struct split_values *values, u32 reg, bool holds)
{
	values->regs = (values->regs & ~BIT(reg)) | (u32)holds << reg;
}

static void split_set_slot(struct split_values *values, u32 slot, bool holds)
{
	values->slots = (values->slots & ~BIT_ULL(slot)) | (u64)holds << slot;
}

/* An instruction that copies a register or slot; false if it does not */
static bool split_copy(struct split_values *values, const struct bpf_insn *insn)
{
	int slot;

	switch (BPF_CLASS(insn->code)) {
	case BPF_ALU64:
		if (insn->code != (BPF_ALU64 | BPF_MOV | BPF_X) || insn->off)
			return false;
		split_set_reg(values, insn->dst_reg, values->regs >> insn->src_reg & 1);
		return true;
	case BPF_LDX:
		slot = split_slot(insn, insn->src_reg);
		if (slot >= 0)
			split_set_reg(values, insn->dst_reg, values->slots >> slot & 1);
		return slot >= 0;
	case BPF_STX:
		slot = split_slot(insn, insn->dst_reg);
		if (slot >= 0)
			split_set_slot(values, slot, values->regs >> insn->src_reg & 1);
		return slot >= 0;
	default:
		return false;
	}
}

/* Entering a function saves registers, leaving it restores them */
static void split_frame(const struct split *s, struct split_values *values, u32 i)
{
	const struct bpf_insn *insn = &s->code->insns[i];
	const struct vnp_frame *frame = vnp_code_frame(s->code, i);
	u32 saves = vnp_insn_saves(insn), reg;

	vnp_frame_for_each_saved(saves, reg) {
		u32 slot = vnp_frame_save_slot(frame, saves, reg);

		if (vnp_insn_is_enter(insn))
			split_set_slot(values, slot, values->regs >> reg & 1);
		else
			split_set_reg(values, reg, values->slots >> slot & 1);
	}
	if (vnp_insn_is_enter(insn))
		values->regs &= ~saves;
}

/* The result of arithmetic, or of a look-up, is of the kind of its operand */
static bool split_derives(const struct bpf_insn *insn)
{
	if (vnp_insn_is_call(insn))
		return vnp_helper_get(insn->imm)->ret != VNP_RET_SCALAR;
	return insn->code == (BPF_ALU64 | BPF_ADD | BPF_X) ||
	       insn->code == (BPF_ALU64 | BPF_ADD | BPF_K) ||
	       insn->code == (BPF_ALU64 | BPF_SUB | BPF_X) ||
	       insn->code == (BPF_ALU64 | BPF_SUB | BPF_K);
}

/* Follow the value through instruction @i; true if it is used there */
static bool split_step(const struct split *s, struct split_values *values, u32 i)
{
	const struct bpf_insn *insn = &s->code->insns[i];
	bool used;

	if (vnp_insn_is_enter(insn) || vnp_insn_is_leave(insn)) {
		split_frame(s, values, i);
		return false;
	}
	if (split_copy(values, insn))
		return false;
	used = vnp_live_reads(insn) & values->regs;
	values->regs &= ~vnp_live_writes(insn);
	if (used && split_derives(insn))
		split_set_reg(values, vnp_insn_is_call(insn) ? BPF_REG_0 : insn->dst_reg,
			      true);
	return used;
}

/* Returns whether @to grew */
static bool split_join(struct split_values *to, const struct split_values *from)
{
	struct split_values old = *to;

	to->slots |= from->slots;
	to->regs |= from->regs;
	to->reached = true;
	return to->slots != old.slots || to->regs != old.regs || !old.reached;
}

/* Can a successor be reached from @join without a new iteration of an outer loop */
static bool split_follows(const struct split *s, u32 to)
{
	return to != VNP_BLOCK_NONE && s->cfg->blocks[to].pos >= s->cfg->blocks[s->join].pos;
}

static bool split_trace_block(struct split *s, u32 n)
{
	const struct vnp_block *block = &s->cfg->blocks[n];
	struct split_values values = s->in[n];
	bool grew = false;
	u32 i, k;

	for (i = block->first; i <= block->last; i += vnp_insn_len(&s->code->insns[i]))
		s->uses[n] |= split_step(s, &values, i);
	for (k = 0; k < 2; k++)
		if (split_follows(s, block->succ[k]))
			grew |= split_join(&s->in[block->succ[k]], &values);
	s->code->work += SPLIT_WORK_INSN * (block->last - block->first + 1);
	return grew;
}

static int split_trace(struct split *s)
{
	struct split_values *in = &s->in[s->join];
	bool grew = true;
	u32 i;

	in->reached = true;
	if (s->cell < VNP_REG_CNT)
		in->regs = BIT(s->cell);
	else
		in->slots = BIT_ULL(s->cell - VNP_REG_CNT);
	while (grew) {
		grew = false;
		for (i = s->cfg->blocks[s->join].pos; i < s->cfg->order_cnt; i++)
			if (s->in[s->cfg->order[i]].reached)
				grew |= split_trace_block(s, s->cfg->order[i]);
		if (vnp_relax())
			return -EINTR;
	}
	return 0;
}

static u32 split_block_of(const struct split *s, u32 insn)
{
	u32 lo = 0, hi = s->cfg->block_cnt - 1, mid;

	while (lo < hi) {
		mid = hi - (hi - lo) / 2;
		if (s->cfg->blocks[mid].first <= insn)
			lo = mid;
		else
			hi = mid - 1;
	}
	return lo;
}

/* Mark all blocks between @join and a use */
static int split_choose(struct split *s)
{
	const struct vnp_block *blocks = s->cfg->blocks;
	bool grew = true;
	u32 i, k, n;

	s->uses[split_block_of(s, s->code->conflict.insn)] = true;
	while (grew) {
		grew = false;
		for (i = s->cfg->order_cnt; i > blocks[s->join].pos; ) {
			bool leads;

			n = s->cfg->order[--i];
			leads = s->uses[n];
			for (k = 0; k < 2; k++)
				if (split_follows(s, blocks[n].succ[k]))
					leads |= s->copied[blocks[n].succ[k]];
			if (!leads || !s->in[n].reached || s->copied[n])
				continue;
			s->copied[n] = true;
			grew = true;
		}
		s->code->work += SPLIT_WORK_INSN * s->cfg->order_cnt;
		if (vnp_relax())
			return -EINTR;
	}
	return s->copied[split_block_of(s, s->code->conflict.insn)] ? 0 : SPLIT_LOOP;
}

/* ---- The new program ------------------------------------------------------ */

/* struct split_place - a block of the new program */
struct split_place {
	u32 copy;
	u32 block;
};

/* Target of an edge from a copy of a block */
static struct split_place split_target(const struct split *s, struct split_place from, u32 k)
{
	u32 to = s->cfg->blocks[from.block].succ[k];
	struct split_place place = { .block = to };

	if (to == s->join && s->cfg->blocks[from.block].pos != VNP_BLOCK_NONE &&
	    split_enters(s, from.block))
		place.copy = s->edge[2 * from.block + k];
	else if (s->copied[from.block] && s->copied[to])
		place.copy = from.copy;
	return place;
}

/* First the original order, then further copies of the copied blocks; false: the end */
static bool split_next(const struct split *s, struct split_place *place)
{
	do {
		if (++place->block < s->cfg->block_cnt)
			continue;
		place->block = 0;
		if (++place->copy == s->kind_cnt)
			return false;
	} while (place->copy && !s->copied[place->block]);
	return true;
}

/* Is a goto needed, as the block that follows is another one */
static bool split_wants_goto(const struct split *s, struct split_place place,
			     struct split_place *to)
{
	struct split_place next = place;

	if (s->cfg->blocks[place.block].succ[0] == VNP_BLOCK_NONE)
		return false;
	*to = split_target(s, place, 0);
	return !split_next(s, &next) || next.copy != to->copy || next.block != to->block;
}

static u32 *split_at(const struct split *s, struct split_place place)
{
	return &s->at[place.copy * s->cfg->block_cnt + place.block];
}

/* Instructions from the start of a block to the start of the next */
static u32 split_block_len(const struct split *s, u32 n)
{
	const struct vnp_block *block = &s->cfg->blocks[n];

	return block->last + vnp_insn_len(&s->code->insns[block->last]) - block->first;
}

static int split_lay_out(struct split *s, u32 max)
{
	struct split_place place = {}, to;

	s->cnt = 0;
	do {
		*split_at(s, place) = s->cnt;
		s->cnt += split_block_len(s, place.block) +
			  split_wants_goto(s, place, &to);
		if (s->cnt > max)
			return SPLIT_LARGE;
	} while (split_next(s, &place));
	return 0;
}

/* Write instruction @to, a copy of instruction @from */
static void split_put(struct split *s, u32 to, u32 from, struct bpf_insn insn)
{
	s->insns[to] = insn;
	s->out->origin[to] = vnp_code_origin(s->code, from);
	if (s->out->frame_of)
		s->out->frame_of[to] = s->code->inlined->frame_of[from];
}

static void split_put_goto(struct split *s, u32 at, u32 from, struct bpf_insn insn,
			   struct split_place to)
{
	insn.code = BPF_JMP32 | BPF_JA;
	insn.off = 0;
	insn.imm = (s32)*split_at(s, to) - (s32)at - 1;
	split_put(s, at, from, insn);
}

/* The jump at the end of a block */
static int split_put_jump(struct split *s, u32 at, struct split_place place)
{
	u32 from = s->cfg->blocks[place.block].last;
	struct split_place to = split_target(s, place, 1);
	struct bpf_insn insn = s->code->insns[from];
	s32 distance = (s32)*split_at(s, to) - (s32)at - 1;

	if (vnp_insn_is_ja(&insn)) {
		split_put_goto(s, at, from, insn, to);
		return 0;
	}
	if (distance < S16_MIN || distance > S16_MAX)
		return SPLIT_LARGE;
	insn.off = distance;
	split_put(s, at, from, insn);
	return 0;
}

static int split_write_block(struct split *s, struct split_place place)
{
	const struct vnp_block *block = &s->cfg->blocks[place.block];
	u32 at = *split_at(s, place), len = split_block_len(s, place.block), i;
	struct split_place to;
	int err = 0;

	for (i = 0; i < len; i++)
		split_put(s, at + i, block->first + i, s->code->insns[block->first + i]);
	if (block->succ[1] != VNP_BLOCK_NONE)
		err = split_put_jump(s, at + len - 1, place);
	if (split_wants_goto(s, place, &to))
		split_put_goto(s, at + len, block->last, (struct bpf_insn){}, to);
	return err;
}

static int split_write_alloc(struct split *s)
{
	const struct vnp_inlined *inlined = s->code->inlined;

	s->insns = vnp_alloc(s->cnt, sizeof(*s->insns));
	s->out = vnp_alloc(1, sizeof(*s->out));
	if (!s->insns || !s->out)
		return -ENOMEM;
	s->out->origin = vnp_alloc(s->cnt, sizeof(u32));
	if (!s->out->origin)
		return -ENOMEM;
	if (!inlined || !inlined->frames)
		return 0;
	s->out->frame_of = vnp_alloc(s->cnt, sizeof(u32));
	return s->out->frame_of ? 0 : -ENOMEM;
}

/* @max: instructions that the program may have */
static int split_rewrite(struct split *s, u32 max)
{
	struct split_place place = {};
	int err;

	s->at = vnp_alloc((size_t)s->kind_cnt * s->cfg->block_cnt, sizeof(u32));
	if (!s->at)
		return -ENOMEM;
	err = split_lay_out(s, max);
	if (!err)
		err = split_write_alloc(s);
	if (err)
		return err;
	do {
		err = split_write_block(s, place);
	} while (!err && split_next(s, &place));
	return err;
}

/* ---- Rounds --------------------------------------------------------------- */

/*
 * Replace the program by the new one.  @fresh is the program before verification, as
 * none of its findings may be kept.
 */
static int split_take(struct split *s, struct vnp_code *fresh)
{
	struct vnp_code *code = s->code;
	struct vnp_insn_aux *aux = vnp_alloc(s->cnt, sizeof(*aux));

	if (!aux)
		return -ENOMEM;
	if (code->inlined) {
		swap(s->out->frames, code->inlined->frames);
		vnp_free(code->insns);
	}
	vnp_inlined_free(code->inlined);
	vnp_free(code->aux);
	vnp_free(code->calls);
	vnp_cfg_destroy(code->cfg);
	fresh->work = code->work;
	fresh->insns = s->insns;
	fresh->insn_cnt = s->cnt;
	fresh->inlined = s->out;
	fresh->aux = aux;
	*code = *fresh;
	s->insns = NULL;
	s->out = NULL;
	return 0;
}

static int split_run(struct split *s, struct vnp_code *fresh, u32 max)
{
	u32 n = s->cfg->block_cnt;
	int err;

	s->edge = vnp_alloc(2 * (size_t)n, sizeof(*s->edge));
	s->in = vnp_alloc(n, sizeof(*s->in));
	s->uses = vnp_alloc(n, sizeof(*s->uses));
	s->copied = vnp_alloc(n, sizeof(*s->copied));
	if (!s->edge || !s->in || !s->uses || !s->copied)
		return -ENOMEM;
	err = split_probe(s);
	if (!err)
		err = split_trace(s);
	if (!err)
		err = split_choose(s);
	if (!err)
		err = split_rewrite(s, max);
	return err ? err : split_take(s, fresh);
}

/* One round; 0 if the program was changed */
static int split_round(struct vnp_code *code, struct vnp_code *fresh, u32 max)
{
	struct split *s = vnp_alloc(1, sizeof(*s));
	int err;

	if (!s)
		return -ENOMEM;
	s->code = code;
	s->cfg = code->cfg;
	s->join = code->cfg->order[code->conflict.pos];
	s->cell = code->conflict.cell;
	err = split_run(s, fresh, max);
	vnp_free(s->edge);
	vnp_free(s->in);
	vnp_free(s->uses);
	vnp_free(s->copied);
	vnp_free(s->at);
	vnp_free(s->insns);
	vnp_inlined_free(s->out);
	vnp_free(s);
	return err;
}

/* After the refusal, explain where the kinds join and why blocks are not copied */
static void split_explain(const struct vnp_code *code, int why, u32 max)
{
	u32 cell = code->conflict.cell;
	u32 first = code->cfg->blocks[code->cfg->order[code->conflict.pos]].first;
	char what[32];

	if (cell < VNP_REG_CNT)
		snprintf(what, sizeof(what), "r%u", cell);
	else
		snprintf(what, sizeof(what), "the slot at r10 - %u",
			 8 * (cell - VNP_REG_CNT + 1));
	if (why == SPLIT_LOOP)
		vnp_log_insn(code, first,
			     "%s is of one kind when a loop begins and of another kind in a later iteration: use a variable of its own for each kind",
			     what);
	else if (why == SPLIT_LARGE)
		vnp_log_insn(code, first,
			     "%s is of different kinds on the paths that join here, and with a copy of what follows for each the program would get too large (more than %u instructions, or a jump over more than %u): use it before the paths join",
			     what, max, S16_MAX);
	else
		vnp_log_insn(code, first,
			     "%s is of different kinds on the paths that join here, and to verify a copy of what follows for each would take too long: use it before the paths join",
			     what);
}

static int split_attempt(struct vnp_code *code)
{
	int err = vnp_cfg_build(code);

	return err ? err : vnp_verify(code);
}

int vnp_split_verify(struct vnp_code *code)
{
	u32 max = min_t(u32, VNP_INSN_MAX, 2 * code->insn_cnt + SPLIT_GROWTH);
	u32 told = code->log ? code->log->len : 0, round;
	struct vnp_code fresh = *code;
	struct vnp_cost limit;
	u64 work = 0;
	int err;

	vnp_cost_init(&limit, code->insn_cnt);
	for (round = 0; ; round++) {
		err = split_attempt(code);
		code->work += work;
		if (err != -EACCES || !code->conflict.found)
			break;
		/* a round takes as much work as the verification that was refused */
		err = round < SPLIT_ROUNDS && code->work < limit.max / 2 ?
		      split_round(code, &fresh, max) : SPLIT_LONG;
		if (err > 0)
			split_explain(code, err, max);
		if (err)
			return err < 0 ? err : -EACCES;
		work = code->work;
		vnp_log_rewind(code->log, told);
	}
	if (err == -EACCES && round)
		vnp_log_print(code->log, VNP_LOG_NORMAL,
			      "What follows a join of values of different kinds was copied for each kind; this is about one of the copies.\n");
	return err;
}
