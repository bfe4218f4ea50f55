// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Each constant that is loaded is followed along all paths on which some register holds
 * it, until R0 has it at an exit.  Of jumps that compare it with another constant only
 * the right successor is followed.
 */
#include "vm/code.h"
#include "vm/isa/insn.h"
#include "vm/analysis/live.h"
#include "vm/report/log.h"
#include "vm/analysis/type.h"
#include "vm/report/verdict.h"

/* Instructions visited in total, per instruction of the program */
#define VERDICT_STEPS	32

/* How many constants are named at most */
#define VERDICT_WARNINGS	16

/**
 * struct verdict - constants being followed
 * @code:	the program
 * @value:	the constant
 * @seen:	for each instruction: the registers with which it was followed there
 * @todo:	instructions to visit, with the registers that hold the constant before
 *		each
 * @todo_cnt:	how many
 * @steps:	instructions that may still be visited
 */
struct verdict {
	const struct vnp_code *code;
	u64 value;
	u16 *seen;
	struct verdict_at {
		u32 insn;
		u16 regs;
	} *todo;
	u32 todo_cnt;
	u32 steps;
};

/* Registers that hold the constant after @insn, if @regs do before it */
static u16 verdict_regs(const struct bpf_insn *insn, u16 regs)
{
	u16 writes = vnp_live_writes(insn);

	if (vnp_insn_is_alu(insn) && BPF_OP(insn->code) == BPF_MOV &&
	    vnp_insn_uses_x(insn) && !insn->off && regs >> insn->src_reg & 1)
		return regs | BIT(insn->dst_reg);
	return regs & ~writes;
}

static void verdict_go(struct verdict *w, u32 insn, u16 regs)
{
	/* Each is pushed at most once per register, so there is room. */
	if (!regs || !(regs & ~w->seen[insn]))
		return;
	w->seen[insn] |= regs;
	w->todo[w->todo_cnt++] = (struct verdict_at){ insn, regs };
}

/* May this conditional jump go to that successor, if @regs hold the constant */
static bool verdict_may(const struct verdict *w, const struct verdict_at *at, bool taken)
{
	const struct bpf_insn *insn = &w->code->insns[at->insn];
	u16 flag = taken ? VNP_AUX_TAKEN : VNP_AUX_FALLS;
	struct vnp_scalar a, b;

	if (!(w->code->aux[at->insn].flags & flag))
		return false;
	if (vnp_insn_uses_x(insn) || !(at->regs >> insn->dst_reg & 1))
		return true;
	a = vnp_scalar_const(w->value);
	b = vnp_scalar_const((s64)insn->imm);
	return vnp_scalar_branch(BPF_OP(insn->code), vnp_insn_is64(insn), taken, &a, &b);
}

/* Follow the constant that @from loads.  Return: does it get to an exit in R0 */
static bool verdict_follow(struct verdict *w, u32 from)
{
	const struct bpf_insn *insns = w->code->insns;

	memset(w->seen, 0, w->code->insn_cnt * sizeof(*w->seen));
	w->steps -= min(w->steps, w->code->insn_cnt / VERDICT_STEPS);
	w->todo_cnt = 0;
	verdict_go(w, from + vnp_insn_len(&insns[from]), BIT(insns[from].dst_reg));
	while (w->todo_cnt && w->steps) {
		struct verdict_at at = w->todo[--w->todo_cnt];
		const struct bpf_insn *insn = &insns[at.insn];
		u16 regs = verdict_regs(insn, at.regs);

		w->steps--;
		if (vnp_insn_is_exit(insn)) {
			if (at.regs & BIT(BPF_REG_0))
				return true;
		} else if (vnp_insn_is_cond(insn)) {
			if (verdict_may(w, &at, true))
				verdict_go(w, vnp_insn_target(insn, at.insn), regs);
			if (verdict_may(w, &at, false))
				verdict_go(w, at.insn + 1, regs);
		} else if (vnp_insn_is_ja(insn)) {
			verdict_go(w, vnp_insn_target(insn, at.insn), regs);
		} else {
			verdict_go(w, at.insn + vnp_insn_len(insn), regs);
		}
	}
	return false;
}

/* Does @insn load a constant that is no verdict */
static bool verdict_loads(const struct vnp_type *type, const struct bpf_insn *insn,
			  u64 *value)
{
	if (vnp_insn_is_ld_imm64(insn) && !insn->src_reg)
		*value = vnp_insn_imm64(insn);
	else if (insn->code == (BPF_ALU64 | BPF_MOV | BPF_K))
		*value = (s64)insn->imm;
	else if (insn->code == (BPF_ALU | BPF_MOV | BPF_K))
		*value = (u32)insn->imm;
	else
		return false;
	return !vnp_type_returns(type, *value, *value);
}

static void verdict_warn(const struct verdict *w, u32 insn)
{
	long long value = w->value > U32_MAX ? (s64)w->value : (s32)w->value;

	vnp_log_warn(w->code, insn,
		     "this returns %lld, which is no verdict: where the program is linked, such an execution ends with a fault",
		     value);
}

static void verdict_follow_all(struct verdict *w)
{
	const struct vnp_code *code = w->code;
	const struct vnp_type *type = vnp_type_get(code->type);
	u32 i, named = 0;

	for (i = 0; i < code->insn_cnt && w->steps; i += vnp_insn_len(&code->insns[i])) {
		if (!code->aux[i].reached ||
		    !verdict_loads(type, &code->insns[i], &w->value) ||
		    !verdict_follow(w, i))
			continue;
		verdict_warn(w, i);
		if (++named == VERDICT_WARNINGS)
			return;
	}
}

void vnp_verdict_report(const struct vnp_code *code)
{
	struct verdict w = { .code = code, .steps = code->insn_cnt * VERDICT_STEPS };

	if (!code->log || !code->odd_ret)
		return;
	w.seen = vnp_alloc(code->insn_cnt, sizeof(*w.seen));
	w.todo = vnp_alloc((size_t)code->insn_cnt * VNP_REG_CNT, sizeof(*w.todo));
	if (w.seen && w.todo)
		verdict_follow_all(&w);
	vnp_free(w.todo);
	vnp_free(w.seen);
}
