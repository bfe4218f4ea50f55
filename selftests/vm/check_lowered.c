// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The checker: a separate abstract interpreter of lowered instructions. It shares
 * nothing with verify/, harden/ and lower/ but the domain of numbers (scalar.c) and the
 * descriptions of objects: helpers, maps, fields of the context.
 *
 * It follows both successors of each conditional jump, and derives nothing from the
 * condition.  A pointer has a window: accesses to [lo, hi) from it are inside its object,
 * or within VNP_SPEC_NULL of 0.  Only the instructions of a mask enlarge windows; AX is
 * followed symbolically:
 *
 *	AX = PLACE		the payload's start or end, R10, a map value's start,
 *				the context
 *	AX -= r			DISTANCE of r from it
 *	AX -= k
 *	AX s>>= 63		SIGN of PLACE - r - k
 *	r |= AX			r + k is not after PLACE, or r is -1
 *	r &= AX			r + k is after PLACE, or r is 0; valid only if the former
 *				was done to the same r
 *
 * A register that may be anywhere must be masked so on both sides, with kl - 1 >= kh:
 * then the upper distance is exact if the lower mask passes (lower/mask.c).  In the
 * payload, whose length is not known, a second lower mask with k >= kh does that.
 *
 * As loads may be executed before earlier stores, a slot of the stack may have any value
 * that any instruction stores there.  Old contents of the stack are excluded only if a
 * barrier follows the first stores.
 *
 * Directly after a barrier nothing is speculative, and what the verifier has proven holds:
 * an access there need not be proven again.
 *
 * States and slots ascend until they converge, and then descend as in fixpoint.c, to
 * recover the precision that widening has cost.  Meanwhile accesses that are not proven are
 * assumed to be valid, so that one that will be proven later does not degrade others.  The
 * result is that of one more pass, which assumes nothing, and in which no state may grow.
 */
#include "selftests/vm/check.h"
#include "selftests/vm/check_lowered.h"
#include "vm/analysis/live.h"
#include "vm/report/log.h"

/* Number of descending passes */
#define CHECK_DOWN	2

int check_refuse(const struct check *c, const char *what)
{
	if (!c->final)
		return 0;
	vnp_log_print(c->log, VNP_LOG_NORMAL,
		      "not proven against speculation: lowered instruction %u, made for instruction %u: %s.\n",
		      c->at, c->low->origin[c->at], what);
	return -EACCES;
}

static void check_trust(struct check *c, u32 n, u8 kind)
{
	struct check_val val = val_of_kind(kind, kind == VNP_REG_MAP_VALUE ?
					   VNP_MAPS_MAX : 0), *reg = check_reg(c, n);

	if (n != VNP_REG_FP && val.kind != CHECK_ANY && val.kind != reg->kind)
		*reg = val;
}

static bool check_wants_number(u8 arg)
{
	return arg == VNP_ARG_SCALAR || arg == VNP_ARG_SIZE || arg == VNP_ARG_SIZE_OR_0;
}

static void check_trust_args(struct check *c, const struct vnp_helper *helper)
{
	u32 i;

	for (i = 0; i < VNP_HELPER_ARGS_MAX; i++)
		if (check_wants_number(helper->arg[i]))
			check_trust(c, i + 1, VNP_REG_SCALAR);
}

/* Values of unknown kind get the kinds that the verifier has found */
static void check_barrier(struct check *c)
{
	const struct vnp_insn_aux *aux = &c->code->aux[c->low->origin[c->at]];
	const struct bpf_insn *insn = &c->code->insns[c->low->origin[c->at]];
	u32 reads = vnp_live_reads(insn);

	c->state.moved = false;
	if (vnp_insn_is_call(insn)) {
		check_trust_args(c, vnp_helper_get(insn->imm));
		return;
	}
	if (reads & BIT(insn->dst_reg))
		check_trust(c, insn->dst_reg, aux->dst_kind);
	if (reads & BIT(insn->src_reg))
		check_trust(c, insn->src_reg, aux->src_kind);
	if (vnp_insn_is_atomic(insn) && insn->imm == BPF_CMPXCHG)
		check_trust(c, BPF_REG_0, VNP_REG_SCALAR);
}

static int check_compare(struct check *c, const struct bpf_insn *insn)
{
	const struct check_val *a = check_reg(c, insn->dst_reg), *b;
	bool equal = BPF_OP(insn->code) == BPF_JEQ || BPF_OP(insn->code) == BPF_JNE;

	b = vnp_insn_uses_x(insn) ? check_reg(c, insn->src_reg) : NULL;
	if (equal || (a->kind == CHECK_NUM && (!b || b->kind == CHECK_NUM)))
		return 0;
	if (b && a->kind == b->kind && a->kind != CHECK_ANY)
		return 0;
	return check_refuse(c, "the comparison may reveal where objects are");
}

static int check_insn(struct check *c, const struct bpf_insn *insn)
{
	switch (BPF_CLASS(insn->code)) {
	case BPF_LD:
		return check_ld_imm64(c, insn);
	case BPF_ALU:
	case BPF_ALU64:
		return check_alu(c, insn);
	case BPF_LDX:
		return check_load(c, insn);
	case BPF_ST:
	case BPF_STX:
		if (insn->code != VNP_BARRIER)
			return check_store(c, insn);
		check_barrier(c);
		return 0;
	default:
		if (vnp_insn_is_call(insn))
			return check_call(c, insn);
		return vnp_insn_is_cond(insn) ? check_compare(c, insn) : 0;
	}
}

static int check_flow(struct check *c, u32 to)
{
	struct check_state **in;

	if (to >= c->low->cnt)
		return check_refuse(c, "continues after the last instruction");
	in = c->down && c->head[to] ? &c->next[to] : &c->in[to];
	if (!*in) {
		*in = vnp_alloc(1, sizeof(**in));
		if (!*in)
			return -ENOMEM;
		**in = c->state;
		memset((*in)->grown, 0, sizeof((*in)->grown));
	} else if (!state_join(*in, &c->state)) {
		return 0;
	}
	c->dirty[to] = true;
	c->first = min(c->first, to);
	return 0;
}

/* Interpret from a join up to the next ones */
static int check_block(struct check *c, u32 from)
{
	const struct bpf_insn *insn;
	int err;

	c->state = *c->in[from];
	state_settle(&c->state);
	c->fresh = false;
	for (c->at = from; c->at < c->low->cnt; ) {
		insn = &c->low->insns[c->at];
		if (vnp_insn_is_exit(insn))
			return 0;
		err = check_insn(c, insn);
		if (err)
			return err;
		/* a blinded constant may be loaded between barrier and access */
		if (!vnp_insn_is_alu(insn) || insn->dst_reg != VNP_REG_AX)
			c->fresh = insn->code == VNP_BARRIER;
		if (vnp_insn_is_branch(insn)) {
			err = check_flow(c, vnp_insn_target(insn, c->at));
			if (err || vnp_insn_is_ja(insn))
				return err;
		}
		c->at += vnp_insn_len(insn);
		if (c->at < c->low->cnt && c->target[c->at])
			return check_flow(c, c->at);
	}
	c->at = c->low->cnt - 1;
	return check_refuse(c, "continues after the last instruction");
}

static int check_walk(struct check *c)
{
	u32 i;
	int err;

	for (i = 0; i < c->low->cnt; i++) {
		c->dirty[i] = c->in[i];
		if (c->in[i])
			memset(c->in[i]->grown, 0, sizeof(c->in[i]->grown));
	}
	c->first = 0;
	while (c->first < c->low->cnt) {
		i = c->first++;
		if (!c->dirty[i])
			continue;
		c->dirty[i] = false;
		err = check_block(c, i);
		if (err)
			return err;
	}
	return 0;
}

/* Initial values of slots: what is stored before the first barrier, in straight-line code */
static void check_enter_slots(struct check *c, struct check_val *slots)
{
	const struct vnp_lowered *low = c->low;
	u32 i, end = 0, slot;

	while (end < low->cnt && low->insns[end].code != VNP_BARRIER &&
	       !vnp_insn_is_jump_class(&low->insns[end]))
		end++;
	for (i = 0; i < VNP_SLOT_CNT; i++)
		slots[i] = val_any();
	if (end == low->cnt || low->insns[end].code != VNP_BARRIER)
		return;
	for (i = 0; i < end; i += vnp_insn_len(&low->insns[i])) {
		const struct bpf_insn *insn = &low->insns[i];

		if (BPF_CLASS(insn->code) != BPF_ST && BPF_CLASS(insn->code) != BPF_STX)
			continue;
		slot = check_slot(&c->state.reg[VNP_REG_FP], insn->off,
				  vnp_insn_size(insn));
		if (insn->dst_reg != VNP_REG_FP || slot == VNP_SLOT_CNT)
			continue;
		/* until then R1 is unchanged: only AX is written */
		slots[slot] = val_num(vnp_scalar_const(0));
		if (BPF_CLASS(insn->code) == BPF_STX && insn->src_reg == BPF_REG_1)
			slots[slot] = c->state.reg[BPF_REG_1];
	}
}

/* The state at the entry flows into the first instruction */
static int check_enter(struct check *c)
{
	u32 i;

	memset(&c->state, 0, sizeof(c->state));
	for (i = 0; i < CHECK_REGS; i++)
		c->state.reg[i] = val_any();
	c->state.reg[BPF_REG_1] = (struct check_val){
		.kind = CHECK_CTX, .place = PLACE_CTX, .num = vnp_scalar_const(0),
	};
	c->state.reg[VNP_REG_FP] = (struct check_val){
		.kind = CHECK_STACK, .num = vnp_scalar_const(0),
	};
	check_enter_slots(c, c->down ? c->next_slot : c->slot);
	return check_flow(c, 0);
}

/*
 * A slot whose value is computed from a loop counter in another slot changes whenever that
 * one does, but later.  So only the first is widened, and the others get more rounds to
 * converge: if a slot that is copied back to itself were widened, too, it would keep that
 * value.
 */
static void check_widen_slot(struct check *c)
{
	u32 i, first = VNP_SLOT_CNT;

	for (i = 0; i < VNP_SLOT_CNT; i++)
		if (c->slot_rounds[i] == CHECK_ROUNDS &&
		    (first == VNP_SLOT_CNT || c->slot_order[i] < c->slot_order[first]))
			first = i;
	if (first == VNP_SLOT_CNT)
		return;
	for (i = 0; i < VNP_SLOT_CNT; i++)
		if (c->slot_rounds[i] <= CHECK_ROUNDS)
			c->slot_rounds[i] = 0;
	c->slot_rounds[first] = CHECK_ROUNDS + 1;
}

/* Ascend: interpret the program until no state changes */
static int check_up(struct check *c)
{
	int err;

	do {
		c->changed = false;
		c->rounds++;
		err = check_walk(c);
		check_widen_slot(c);
	} while (!err && c->changed);
	return err;
}

/*
 * Descend: interpret the program once, in order, from the current states.  What flows into
 * loop headers, and what is stored, become their new values.
 */
static int check_down(struct check *c)
{
	u32 i;
	int err;

	c->down = true;
	for (i = 0; i < c->low->cnt; i++) {
		if (c->head[i])
			continue;
		vnp_free(c->in[i]);
		c->in[i] = NULL;
	}
	err = check_enter(c);
	for (i = 0; i < c->low->cnt && !err; i++)
		if (c->in[i])
			err = check_block(c, i);
	for (i = 0; i < c->low->cnt; i++) {
		if (!c->head[i])
			continue;
		vnp_free(c->in[i]);
		c->in[i] = c->next[i];
		c->next[i] = NULL;
	}
	memcpy(c->slot, c->next_slot, sizeof(c->slot));
	c->down = false;
	return err;
}

static int check_rounds(struct check *c)
{
	int err = check_up(c);
	u32 i;

	for (i = 0; i < CHECK_DOWN && !err; i++)
		err = check_down(c);
	/* operations need not be monotone */
	if (!err)
		err = check_up(c);
	if (err)
		return err;
	c->final = true;
	err = check_walk(c);
	if (!err && c->changed)
		err = check_refuse(c, "the slots of the stack do not converge");
	return err;
}

static int check_init(struct check *c)
{
	const struct vnp_lowered *low = c->low;
	u32 i;

	c->in = vnp_alloc(low->cnt, sizeof(*c->in));
	c->next = vnp_alloc(low->cnt, sizeof(*c->next));
	c->target = vnp_alloc(low->cnt, 1);
	c->head = vnp_alloc(low->cnt, 1);
	c->dirty = vnp_alloc(low->cnt, 1);
	if (!c->in || !c->next || !c->target || !c->head || !c->dirty)
		return -ENOMEM;
	for (i = 0; i < low->cnt; i += vnp_insn_len(&low->insns[i])) {
		const struct bpf_insn *insn = &low->insns[i];
		s64 to = vnp_insn_target(insn, i);

		if (vnp_insn_is_branch(insn) && to >= 0 && to < low->cnt) {
			c->target[to] = true;
			c->head[to] |= to <= i;
		}
		if (vnp_insn_is_call(insn))
			c->voids |= vnp_helper_get(insn->imm)->moves_packet;
	}
	return check_enter(c);
}

static void check_free(struct check *c)
{
	u32 i;

	for (i = 0; c->in && c->next && i < c->low->cnt; i++) {
		vnp_free(c->in[i]);
		vnp_free(c->next[i]);
	}
	vnp_free(c->in);
	vnp_free(c->next);
	vnp_free(c->target);
	vnp_free(c->head);
	vnp_free(c->dirty);
	vnp_free(c);
}

int vnp_check_lowered(const struct vnp_code *code, struct vnp_log *log)
{
	struct check *c = vnp_alloc(1, sizeof(*c));
	int err;

	if (!c)
		return -ENOMEM;
	c->code = code;
	c->low = &code->lowered;
	c->log = log;
	c->type = vnp_type_get(code->type);
	err = check_init(c);
	if (!err)
		err = check_rounds(c);
	check_free(c);
	return err;
}
