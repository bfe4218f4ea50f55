// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* The second interpretation: the program as a whole, in rounds. */
#include "vm/analysis/live.h"
#include "vm/harden/spec.h"
#include "vm/harden/spec_impl.h"

/*
 * Rounds after which slots that still change become unknown, and after which all slots
 * do
 */
#define SPEC_ROUNDS	4
#define SPEC_ROUNDS_MAX	8

/* A copy is allowed for any kind */
static bool spec_copies(const struct bpf_insn *insn)
{
	if (BPF_CLASS(insn->code) == BPF_ALU64)
		return BPF_OP(insn->code) == BPF_MOV && !insn->off;
	return false;
}

static void spec_expect_operands(struct vnp_verify *v, const struct bpf_insn *insn)
{
	const struct vnp_insn_aux *aux = &v->code->aux[v->insn];
	struct vnp_reg *dst = vnp_state_reg(v->state, insn->dst_reg);
	bool simple = BPF_CLASS(insn->code) == BPF_STX && !vnp_insn_is_atomic(insn);
	u32 reads = vnp_live_reads(insn);

	/* R10 never changes */
	reads &= ~BIT(VNP_REG_FP);
	if (reads & BIT(insn->dst_reg))
		vnp_spec_expect(v, insn->dst_reg, aux->dst_kind);
	/* a store of a whole slot is a copy, too */
	if (simple && dst->kind == VNP_REG_STACK &&
	    vnp_spec_is_slot(dst, insn->off, vnp_insn_size(insn)))
		return;
	if (reads & BIT(insn->src_reg))
		vnp_spec_expect(v, insn->src_reg, aux->src_kind);
	if (vnp_insn_is_atomic(insn) && insn->imm == BPF_CMPXCHG)
		vnp_spec_expect(v, BPF_REG_0, VNP_REG_SCALAR);
}

static void spec_one(struct vnp_verify *v, const struct bpf_insn *insn)
{
	vnp_spec_of(v)->waits = false;
	if (vnp_insn_is_call(insn))
		vnp_spec_call(v, insn);
	if (vnp_insn_is_ja(insn))
		vnp_spec_frame(v, insn);
	if (vnp_insn_is_jump_class(insn))
		return;
	if (!spec_copies(insn))
		spec_expect_operands(v, insn);
	switch (BPF_CLASS(insn->code)) {
	case BPF_LD:
		vnp_spec_ld_imm64(v, insn);
		break;
	case BPF_ALU:
	case BPF_ALU64:
		vnp_spec_alu(v, insn);
		break;
	case BPF_LDX:
		vnp_spec_load(v, insn);
		break;
	default:
		vnp_spec_write(v, insn);
	}
}

static int spec_insn(struct vnp_verify *v)
{
	spec_one(v, vnp_verify_current(v));
	return v->code->aux[v->insn].flags & VNP_AUX_FAULTS ? VNP_VERIFY_STOP : 0;
}

/* A comparison reveals something of its operands, if only by the successor */
static int spec_cond(struct vnp_verify *v)
{
	const struct bpf_insn *insn = vnp_verify_current(v);
	u8 both = VNP_AUX_TAKEN | VNP_AUX_FALLS;
	bool equal = BPF_OP(insn->code) == BPF_JEQ || BPF_OP(insn->code) == BPF_JNE;

	if ((v->code->aux[v->insn].flags & both) != both)
		return 0;
	if (!(equal && !vnp_insn_uses_x(insn) && !insn->imm))
		spec_expect_operands(v, insn);
	return 0;
}

static bool spec_branch(struct vnp_verify *v, bool taken)
{
	return v->code->aux[v->insn].flags & (taken ? VNP_AUX_TAKEN : VNP_AUX_FALLS);
}

/*
 * A verdict only selects what happens to a datagram, so a pointer instead of it reveals nothing.  A
 * result, such as the length of a message, is used in arithmetic and comparisons.
 */
static int spec_exit(struct vnp_verify *v)
{
	if (!v->type->verdicts)
		vnp_spec_expect(v, BPF_REG_0, VNP_REG_SCALAR);
	return 0;
}

/* The states were computed with older slots: another round follows */
static bool spec_unfinished(struct vnp_verify *v)
{
	return vnp_spec_of(v)->changed;
}

static const struct vnp_verify_ops spec_ops = {
	.insn = spec_insn,
	.cond = spec_cond,
	.branch = spec_branch,
	.exit = spec_exit,
	.join = vnp_spec_join,
	.unfinished = spec_unfinished,
};

static void spec_reset(struct vnp_code *code)
{
	u32 i, n;

	code->mask_cnt = 0;
	code->barrier_cnt = 0;
	for (i = 0; i < code->insn_cnt; i++) {
		code->aux[i].flags &= ~(VNP_AUX_BARRIER | VNP_AUX_BARRIER_FIRST);
		code->aux[i].access.masks = 0;
	}
	for (i = 0; i < code->call_cnt; i++)
		for (n = 0; n < VNP_HELPER_ARGS_MAX; n++)
			code->calls[i].arg[n].masks = 0;
}

static void spec_init(struct vnp_spec *s, struct vnp_code *code)
{
	struct vnp_scalar zero = vnp_scalar_const(0);
	const struct bpf_insn *insn;
	u32 i;

	s->v.ops = &spec_ops;
	s->v.code = code;
	s->v.type = vnp_type_get(code->type);
	vnp_cost_init(&s->v.cost, code->insn_cnt);
	for (i = 0; i < VNP_SLOT_CNT; i++)
		vnp_reg_set_scalar(&s->slot[i], &zero);
	for (i = 0; i < code->insn_cnt; i += vnp_insn_len(insn)) {
		insn = &code->insns[i];
		if (code->aux[i].reached && vnp_insn_is_call(insn))
			s->voids |= vnp_helper_get(insn->imm)->moves_packet;
	}
}

static void spec_begin_round(struct vnp_spec *s, u32 round)
{
	u32 i;

	s->given_up = round >= SPEC_ROUNDS;
	s->changed = false;
	s->v.report = false;
	if (round == SPEC_ROUNDS_MAX)
		for (i = 0; i < VNP_SLOT_CNT; i++)
			vnp_reg_forget(&s->slot[i], VNP_REG_CONFLICT);
	spec_reset(s->v.code);
}

int vnp_spec(struct vnp_code *code)
{
	struct vnp_spec *s = vnp_alloc(1, sizeof(*s));
	u32 round = 0;
	int err;

	if (!s)
		return -ENOMEM;
	spec_init(s, code);
	do {
		spec_begin_round(s, round++);
		err = vnp_fixpoint(&s->v);
	} while (!err && s->changed);
	code->work += s->v.cost.spent;
	if (!err)
		code->zero_slots |= s->read;
	vnp_free(s);
	return err;
}
