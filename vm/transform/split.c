// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * One round, after the verifier has refused a use of a value of different kinds:
 *
 *	split_probe()	verifies once more, up to the use, and finds the kind of the
 *			value on each edge into the block where the kinds join
 *	split_trace()	follows the value from there to all its uses
 *	split_choose()	chooses the blocks to copy: those from the join to the uses
 *	vnp_split_rewrite() writes the new program
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
#include "vm/transform/split_impl.h"
#include "vm/analysis/join.h"
#include "vm/verify/verify.h"

/* A program may grow to twice its size plus SPLIT_GROWTH, in at most SPLIT_ROUNDS rounds */
#define SPLIT_GROWTH	4096U
#define SPLIT_ROUNDS	64

/* Work (struct vnp_cost) of following values through an instruction */
#define SPLIT_WORK_INSN	4

/* ---- Kinds ---------------------------------------------------------------- */

static struct vnp_split *split_of(struct vnp_verify *v)
{
	return (struct vnp_split *)v;
}

static u32 split_kind(struct vnp_split *s, const struct vnp_reg *reg)
{
	u32 i;

	for (i = 0; i < s->kind_cnt; i++)
		if (vnp_reg_join_kind(&s->kind[i], reg))
			return i;
	if (s->kind_cnt == VNP_SPLIT_COPIES)
		return VNP_SPLIT_COPIES - 1;
	s->kind[s->kind_cnt] = *reg;
	return s->kind_cnt++;
}

static void split_flow(struct vnp_verify *v, u32 from, u32 k, u32 to,
		       const struct vnp_state *state)
{
	struct vnp_split *s = split_of(v);

	if (v->report && to == s->join && vnp_split_enters(s, from))
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
static int split_probe(struct vnp_split *s)
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
		return VNP_SPLIT_LONG;
	if (err && err != -EACCES)
		return err;
	return s->kind_cnt > 1 ? 0 : VNP_SPLIT_LOOP;
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

static void split_set_reg(struct vnp_split_values *values, u32 reg, bool holds)
{
	values->regs = (values->regs & ~BIT(reg)) | (u32)holds << reg;
}

static void split_set_slot(struct vnp_split_values *values, u32 slot, bool holds)
{
	values->slots = (values->slots & ~BIT_ULL(slot)) | (u64)holds << slot;
}

/* An instruction that copies a register or slot; false if it does not */
static bool split_copy(struct vnp_split_values *values, const struct bpf_insn *insn)
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
static void split_frame(const struct vnp_split *s, struct vnp_split_values *values, u32 i)
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
static bool split_step(const struct vnp_split *s, struct vnp_split_values *values, u32 i)
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
static bool split_join(struct vnp_split_values *to, const struct vnp_split_values *from)
{
	struct vnp_split_values old = *to;

	to->slots |= from->slots;
	to->regs |= from->regs;
	to->reached = true;
	return to->slots != old.slots || to->regs != old.regs || !old.reached;
}

/* Can a successor be reached from @join without a new iteration of an outer loop */
static bool split_follows(const struct vnp_split *s, u32 to)
{
	return to != VNP_BLOCK_NONE && s->cfg->blocks[to].pos >= s->cfg->blocks[s->join].pos;
}

static bool split_trace_block(struct vnp_split *s, u32 n)
{
	const struct vnp_block *block = &s->cfg->blocks[n];
	struct vnp_split_values values = s->in[n];
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

static int split_trace(struct vnp_split *s)
{
	struct vnp_split_values *in = &s->in[s->join];
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

static u32 split_block_of(const struct vnp_split *s, u32 insn)
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
static int split_choose(struct vnp_split *s)
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
	return s->copied[split_block_of(s, s->code->conflict.insn)] ? 0 : VNP_SPLIT_LOOP;
}

/* ---- Rounds --------------------------------------------------------------- */

/*
 * Replace the program by the new one.  @fresh is the program before verification, as
 * none of its findings may be kept.
 */
static int split_take(struct vnp_split *s, struct vnp_code *fresh)
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

static int split_run(struct vnp_split *s, struct vnp_code *fresh, u32 max)
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
		err = vnp_split_rewrite(s, max);
	return err ? err : split_take(s, fresh);
}

/* One round; 0 if the program was changed */
static int split_round(struct vnp_code *code, struct vnp_code *fresh, u32 max)
{
	struct vnp_split *s = vnp_alloc(1, sizeof(*s));
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
	if (why == VNP_SPLIT_LOOP)
		vnp_log_insn(code, first,
			     "%s is of one kind when a loop begins and of another kind in a later iteration: use a variable of its own for each kind",
			     what);
	else if (why == VNP_SPLIT_LARGE)
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
	u32 log_len = code->log ? code->log->len : 0, round;
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
		      split_round(code, &fresh, max) : VNP_SPLIT_LONG;
		if (err > 0)
			split_explain(code, err, max);
		if (err)
			return err < 0 ? err : -EACCES;
		work = code->work;
		vnp_log_rewind(code->log, log_len);
	}
	if (err == -EACCES && round)
		vnp_log_print(code->log, VNP_LOG_NORMAL,
			      "The code after a join of values of different kinds was copied for each kind; this message is about one of the copies.\n");
	return err;
}
