// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "vm/analysis/cfg.h"
#include "vm/code.h"
#include "vm/isa/insn.h"
#include "vm/analysis/live.h"

/* R0 to R5 do not survive a call */
#define CALL_CLOBBERS	0x3fU

static u32 live_call_reads(const struct bpf_insn *insn)
{
	const struct vnp_helper *helper = vnp_helper_get(insn->imm);
	u32 i, reads = 0;

	for (i = 0; i < VNP_HELPER_ARGS_MAX; i++)
		if (helper->arg[i] != VNP_ARG_NONE)
			reads |= BIT(i + 1);
	return reads;
}

u32 vnp_live_reads(const struct bpf_insn *insn)
{
	u32 dst = BIT(insn->dst_reg), src = BIT(insn->src_reg);

	switch (BPF_CLASS(insn->code)) {
	case BPF_LDX:
		return src;
	case BPF_ST:
		return dst;
	case BPF_STX:
		if (vnp_insn_is_atomic(insn) && insn->imm == BPF_CMPXCHG)
			return dst | src | BIT(BPF_REG_0);
		return dst | src;
	case BPF_ALU:
	case BPF_ALU64:
		if (BPF_OP(insn->code) == BPF_MOV)
			return vnp_insn_uses_x(insn) ? src : 0;
		if (BPF_OP(insn->code) == BPF_END)
			return dst;
		return vnp_insn_uses_x(insn) ? dst | src : dst;
	case BPF_JMP:
	case BPF_JMP32:
		if (vnp_insn_is_cond(insn))
			return vnp_insn_uses_x(insn) ? dst | src : dst;
		if (vnp_insn_is_call(insn))
			return live_call_reads(insn);
		return vnp_insn_is_exit(insn) ? BIT(BPF_REG_0) : 0;
	default:
		return 0;
	}
}

u32 vnp_live_writes(const struct bpf_insn *insn)
{
	switch (BPF_CLASS(insn->code)) {
	case BPF_LD:
	case BPF_LDX:
	case BPF_ALU:
	case BPF_ALU64:
		return BIT(insn->dst_reg);
	case BPF_STX:
		if (!vnp_insn_is_atomic(insn) || !(insn->imm & BPF_FETCH))
			return 0;
		return insn->imm == BPF_CMPXCHG ? BIT(BPF_REG_0) : BIT(insn->src_reg);
	case BPF_JMP:
	case BPF_JMP32:
		if (vnp_insn_is_enter(insn))
			return vnp_insn_saves(insn) | BIT(BPF_REG_0);
		if (vnp_insn_is_leave(insn))
			return vnp_insn_saves(insn) | (CALL_CLOBBERS & ~BIT(BPF_REG_0));
		return vnp_insn_is_call(insn) ? CALL_CLOBBERS : 0;
	default:
		return 0;
	}
}

/*
 * Registers that the caller may read later are live at an enter; saving does not require that they
 * are set, so vnp_live_reads() does not include them
 */
static u32 live_wants(const struct bpf_insn *insn)
{
	return vnp_insn_is_enter(insn) ? vnp_insn_saves(insn) : vnp_live_reads(insn);
}

/* @gen: read before written, @kill: written, of each block */
static void live_summarise(const struct vnp_code *code, u16 *gen, u16 *kill)
{
	const struct vnp_cfg *cfg = code->cfg;
	u32 n, i;

	for (n = 0; n < cfg->block_cnt; n++) {
		const struct vnp_block *block = &cfg->blocks[n];

		for (i = block->first; i <= block->last;
		     i += vnp_insn_len(&code->insns[i])) {
			gen[n] |= live_wants(&code->insns[i]) & ~kill[n];
			kill[n] |= vnp_live_writes(&code->insns[i]);
		}
	}
}

static u32 live_at_end(const struct vnp_cfg *cfg, const struct vnp_block *block)
{
	u32 k, live = 0;

	for (k = 0; k < 2; k++)
		if (block->succ[k] != VNP_BLOCK_NONE)
			live |= cfg->blocks[block->succ[k]].live;
	return live;
}

int vnp_live_find(struct vnp_code *code, const u32 *pred, const u32 *pred_at)
{
	struct vnp_cfg *cfg = code->cfg;
	u16 *gen = vnp_alloc(cfg->block_cnt, sizeof(*gen));
	u16 *kill = vnp_alloc(cfg->block_cnt, sizeof(*kill));
	u32 *todo = vnp_alloc(cfg->block_cnt, sizeof(*todo));
	bool *waits = vnp_alloc(cfg->block_cnt, sizeof(*waits));
	u32 cnt = 0, i, n;
	int err = -ENOMEM;

	if (!gen || !kill || !todo || !waits)
		goto free_scratch;

	live_summarise(code, gen, kill);
	while (cnt < cfg->order_cnt) {
		todo[cnt] = cfg->order[cnt];
		waits[todo[cnt++]] = true;
	}
	/* the sets only grow, so each block is visited a few dozen times at most */
	while (cnt) {
		struct vnp_block *block;
		u32 live;

		n = todo[--cnt];
		waits[n] = false;
		block = &cfg->blocks[n];
		live = gen[n] | (live_at_end(cfg, block) & ~kill[n]);
		if (live == block->live)
			continue;
		block->live = live;
		for (i = pred_at[n]; i < pred_at[n + 1]; i++) {
			if (waits[pred[i]])
				continue;
			waits[pred[i]] = true;
			todo[cnt++] = pred[i];
		}
	}
	err = 0;

free_scratch:
	vnp_free(gen);
	vnp_free(kill);
	vnp_free(todo);
	vnp_free(waits);
	return err;
}
