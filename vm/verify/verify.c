// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "vm/analysis/join.h"
#include "vm/analysis/bound.h"
#include "vm/analysis/cfg.h"
#include "vm/analysis/cost.h"
#include "vm/analysis/live.h"
#include "vm/harden/spec.h"
#include "vm/verify/verify.h"

/* All registers that are read were set on each path to here */
static int verify_reads(struct vnp_verify *v)
{
	static const char calls[] =
		", or not since a helper was called: calls do not keep r1 to r5";
	u32 reads = vnp_live_reads(&v->code->insns[v->insn]), i;

	for (i = 0; i < VNP_REG_CNT; i++) {
		if (!(reads >> i & 1) ||
		    vnp_state_reg(v->state, i)->kind != VNP_REG_UNSET)
			continue;
		return vnp_verify_refuse(v,
			"r%u was never set on some path to here%s; if the C has no such fault, compile it with -O2: at -O1 clang copies registers that are not set yet",
			i, i && i <= BPF_REG_5 ? calls : "");
	}
	return 0;
}

static int verify_ld_imm64(struct vnp_verify *v)
{
	const struct bpf_insn *insn = &v->code->insns[v->insn];
	struct vnp_reg *dst = vnp_state_reg(v->state, insn->dst_reg);
	struct vnp_scalar num = vnp_scalar_const(vnp_insn_imm64(insn));

	switch (insn->src_reg) {
	case BPF_PSEUDO_MAP_IDX:
		vnp_reg_set_pointer(dst, VNP_REG_MAP_HANDLE);
		dst->map = insn->imm;
		break;
	case BPF_PSEUDO_MAP_IDX_VALUE:
		vnp_reg_set_pointer(dst, VNP_REG_MAP_VALUE);
		dst->map = insn->imm;
		dst->site = VNP_SITE_MAP;
		dst->off = insn[1].imm;
		break;
	default:
		vnp_reg_set_scalar(dst, &num);
	}
	return 0;
}

int vnp_verify_exit(struct vnp_verify *v)
{
	const struct vnp_reg *ret = vnp_state_reg(v->state, BPF_REG_0);

	if (ret->kind != VNP_REG_SCALAR)
		return vnp_verify_refuse(v, "would return a pointer, not a number");
	if (v->report && ret->num.umax > U32_MAX)
		v->code->wide_ret = true;
	if (v->report && !vnp_type_returns(v->type, ret->num.umin, ret->num.umax))
		v->code->odd_ret = true;
	return 0;
}

static void verify_note_kinds(const struct vnp_verify *v)
{
	const struct bpf_insn *insn = &v->code->insns[v->insn];
	struct vnp_insn_aux *aux = &v->code->aux[v->insn];

	aux->reached = true;
	aux->dst_kind = vnp_state_reg(v->state, insn->dst_reg)->kind;
	/* src_reg of a pseudo instruction is not a register */
	if (!vnp_insn_is_ld_imm64(insn))
		aux->src_kind = vnp_state_reg(v->state, insn->src_reg)->kind;
}

static int verify_one(struct vnp_verify *v)
{
	const struct bpf_insn *insn = &v->code->insns[v->insn];

	switch (BPF_CLASS(insn->code)) {
	case BPF_LD:
		return verify_ld_imm64(v);
	case BPF_ALU:
	case BPF_ALU64:
		return vnp_verify_alu(v);
	case BPF_LDX:
	case BPF_ST:
	case BPF_STX:
		return vnp_verify_memory(v);
	default:
		if (vnp_insn_is_call(insn))
			return vnp_verify_call(v);
		vnp_verify_frame(v);
		return 0;
	}
}

int vnp_verify_insn(struct vnp_verify *v)
{
	int err;

	vnp_verify_print(v);
	if (v->report)
		verify_note_kinds(v);
	err = verify_reads(v);
	if (err)
		return err;
	v->owed = 0;
	err = verify_one(v);
	if (err < 0 || !WARN_ON_ONCE(v->owed))
		return err;
	return vnp_verify_refuse(v,
		"BUG in the verifier: it relies on a guard that it did not request");
}

static int verify_number_calls(struct vnp_code *code)
{
	u32 i;

	code->call_cnt = 0;
	for (i = 0; i < code->insn_cnt; i++)
		if (vnp_insn_is_call(&code->insns[i]))
			code->aux[i].call = code->call_cnt++;
	code->calls = vnp_alloc(max(code->call_cnt, 1U), sizeof(*code->calls));
	return code->calls ? 0 : -ENOMEM;
}

static void verify_finish(struct vnp_code *code)
{
	u32 i;

	for (i = 0; i < code->insn_cnt; i++)
		if (!code->aux[i].reached)
			memset(&code->aux[i], 0, sizeof(code->aux[i]));
}

static const struct vnp_verify_ops verify_ops = {
	.insn = vnp_verify_insn,
	.cond = vnp_verify_cond,
	.branch = vnp_verify_branch,
	.exit = vnp_verify_exit,
	.head = vnp_bound_note,
	.join = vnp_state_join,
};

int vnp_verify(struct vnp_code *code)
{
	struct vnp_verify v = {
		.ops = &verify_ops,
		.code = code,
		.type = vnp_type_get(code->type),
	};
	int err;

	vnp_cost_init(&v.cost, code->insn_cnt);
	v.bounds = vnp_alloc(max(code->cfg->head_cnt, 1U), sizeof(*v.bounds));
	if (!v.bounds)
		return -ENOMEM;
	err = verify_number_calls(code);
	if (!err)
		err = vnp_fixpoint(&v);
	code->work = v.cost.spent;
	if (!err) {
		verify_finish(code);
		err = vnp_cost_settle(code);
	}
	if (!err)
		err = vnp_bound_settle(code, v.bounds);
	vnp_free(v.bounds);
	if (err)
		return err;
	return code->harden ? vnp_spec(code) : 0;
}
