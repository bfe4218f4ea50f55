// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "vm/analysis/cost.h"
#include "vm/isa/decode.h"
#include "vm/lower/emit.h"
#include "vm/frame.h"
#include "vm/report/log.h"
#include "vm/lower/lower.h"
#include "vm/exec.h"

static s32 lower_take_slot(struct vnp_lower *l)
{
	l->stack_size += 8;
	return -(s32)l->stack_size;
}

/* Slots for lowering, below those of the program */
static int lower_take_slots(struct vnp_lower *l)
{
	struct vnp_code *code = l->code;
	u32 i;

	l->stack_size = code->stack_size;
	if (code->guard_cnt || code->loop_cnt || code->meter_cnt || code->wide_ret ||
	    code->mask_cnt)
		l->ctx_slot = lower_take_slot(l);
	if (code->loop_cnt || code->meter_cnt)
		l->budget_slot = lower_take_slot(l);
	for (i = 0; i < code->insn_cnt && l->stack_size <= VNP_STACK_MAX; i++) {
		if (!(code->aux[i].flags & VNP_AUX_SAVES_BASE))
			continue;
		l->base[l->base_cnt].insn = i;
		l->base[l->base_cnt++].slot = lower_take_slot(l);
	}
	if (l->stack_size <= VNP_STACK_MAX)
		return 0;
	vnp_log_print(code->log, VNP_LOG_NORMAL,
		      "the stack is too small: the program uses %u of %u bytes, and its guards need more than is left.\n",
		      code->stack_size, VNP_STACK_MAX);
	return -E2BIG;
}

static void lower_entry(struct vnp_lower *l)
{
	const struct vnp_code *code = l->code;
	const struct vnp_frame *frame = vnp_code_frame(code, 0);
	u32 i;

	if (l->ctx_slot)
		vnp_emit_save(l, l->ctx_slot, BPF_REG_1);
	if (l->budget_slot) {
		vnp_emit_k(l, BPF_ALU | BPF_MOV, VNP_REG_AX,
			   code->budget - code->prepaid);
		vnp_emit_save(l, l->budget_slot, VNP_REG_AX);
	}
	/* the slots that functions zero are zeroed before the barrier, too */
	vnp_emit_zero(l, frame && !code->harden ? vnp_frame_slots(frame) : U64_MAX);
	if (!code->harden)
		return;
	/* a load that overtakes a store finds this, nothing older */
	for (i = 0; i < l->base_cnt; i++)
		vnp_emit_zero_slot(l, l->base[i].slot);
	if (l->ctx_slot || l->base_cnt || code->zero_slots)
		vnp_lower_barrier(l);
}

/* A jump to an instruction of the program; resolved when all are emitted */
static void lower_goto(struct vnp_lower *l, struct bpf_insn insn, u32 target)
{
	u32 at = vnp_emit(l, insn);

	if (!l->err)
		l->jump[at] = target + 1;
}

static u8 lower_inverse(u8 code)
{
	static const u8 inverse[16] = {
		[BPF_JEQ >> 4] = BPF_JNE, [BPF_JNE >> 4] = BPF_JEQ,
		[BPF_JGT >> 4] = BPF_JLE, [BPF_JLE >> 4] = BPF_JGT,
		[BPF_JGE >> 4] = BPF_JLT, [BPF_JLT >> 4] = BPF_JGE,
		[BPF_JSGT >> 4] = BPF_JSLE, [BPF_JSLE >> 4] = BPF_JSGT,
		[BPF_JSGE >> 4] = BPF_JSLT, [BPF_JSLT >> 4] = BPF_JSGE,
	};

	return (code & ~0xf0) | inverse[BPF_OP(code) >> 4];
}

/*
 * An inverted conditional jump over an unconditional one, which is charged if @cost is
 * not 0
 */
static void lower_branch_over(struct vnp_lower *l, const struct bpf_insn *insn,
			      u32 cost, u32 target)
{
	struct bpf_insn jump = VNP_EMIT(BPF_JMP | BPF_JA, 0, 0, 0, 0);
	u32 over, taken;

	if (BPF_OP(insn->code) == BPF_JSET) {
		/* BPF_JSET has no inverse */
		taken = vnp_emit(l, *insn);
		over = vnp_emit(l, jump);
		vnp_emit_land(l, taken);
	} else {
		over = vnp_emit_skip(l, lower_inverse(insn->code), insn->dst_reg,
				     insn->src_reg, insn->imm);
	}
	if (cost)
		vnp_lower_charge(l, cost);
	lower_goto(l, jump, target);
	vnp_emit_land(l, over);
}

/*
 * The kernel's blinding of constants takes 2 from the offset of a conditional jump backwards
 * that has an immediate, up to Linux 6.12 without looking whether the result fits 16
 * bits: it must fit, whatever the instructions in between have grown to.  Unconditional
 * jumps are checked by bpf_adj_branches().
 */
static bool lower_blinds_too_far(const struct vnp_lower *l, const struct bpf_insn *insn,
				 u32 target)
{
	return target <= l->insn && vnp_insn_is_cond(insn) && !vnp_insn_uses_x(insn) &&
	       l->out->cnt - l->start[target] > VNP_LOWER_BACK_MAX;
}

static void lower_branch(struct vnp_lower *l, const struct bpf_insn *insn)
{
	const struct vnp_insn_aux *aux = &l->code->aux[l->insn];
	u8 pays = aux->flags & (VNP_AUX_PAYS_TAKEN | VNP_AUX_PAYS_FALLS);
	u32 target = vnp_insn_target(insn, l->insn);
	struct bpf_insn go = VNP_EMIT(BPF_JMP | BPF_JA, 0, 0, 0, 0);

	vnp_lower_frame(l, insn);
	if (vnp_insn_is_ja(insn) && target == l->insn + 1 && !pays)
		return;
	/* a successor that is never taken was not emitted */
	if (!(aux->flags & VNP_AUX_TAKEN))
		goto falls;
	if (aux->flags & VNP_AUX_FALLS) {
		if (pays == VNP_AUX_PAYS_TAKEN) {
			lower_branch_over(l, insn, aux->cost, target);
			return;
		}
		go = *insn;
	}
	if (pays & VNP_AUX_PAYS_TAKEN)
		vnp_lower_charge(l, aux->cost);
	if (lower_blinds_too_far(l, &go, target))
		lower_branch_over(l, &go, 0, target);
	else
		lower_goto(l, go, target);
	if (pays & VNP_AUX_PAYS_TAKEN)
		return;
falls:
	if (pays & VNP_AUX_PAYS_FALLS)
		vnp_lower_charge(l, aux->cost);
}

static void lower_ld_imm64(struct vnp_lower *l, const struct bpf_insn *insn)
{
	const struct vnp_map_desc *maps = l->code->maps;

	switch (insn->src_reg) {
	case BPF_PSEUDO_MAP_IDX:
		vnp_emit_address(l, insn->dst_reg, (uintptr_t)maps[insn->imm].handle,
				 insn->imm);
		break;
	case BPF_PSEUDO_MAP_IDX_VALUE:
		vnp_emit_address(l, insn->dst_reg,
				 (uintptr_t)maps[insn->imm].value + (u32)insn[1].imm,
				 insn->imm);
		break;
	default:
		if (l->code->harden) {
			vnp_emit_imm64(l, insn->dst_reg, vnp_insn_imm64(insn));
			return;
		}
		vnp_emit(l, insn[0]);
		vnp_emit(l, insn[1]);
	}
}

/* Guards are branches: what needed a barrier before them needs another one after them */
static void lower_wait(struct vnp_lower *l)
{
	const struct vnp_insn_aux *aux = &l->code->aux[l->insn];

	if (!(aux->flags & VNP_AUX_BARRIER))
		return;
	if (!(aux->flags & VNP_AUX_BARRIER_FIRST) || l->out->cnt != l->guards)
		vnp_lower_barrier(l);
}

/* Called between guards and access; true: the access is not emitted */
static bool lower_stops(struct vnp_lower *l)
{
	const struct vnp_insn_aux *aux = &l->code->aux[l->insn];

	if (l->code->harden && aux->flags & VNP_AUX_FAULTS) {
		vnp_lower_doom(l);
		return true;
	}
	lower_wait(l);
	return false;
}

static void lower_call(struct vnp_lower *l, const struct bpf_insn *insn)
{
	const struct vnp_insn_aux *aux = &l->code->aux[l->insn];
	const struct vnp_helper *helper = vnp_helper_get(insn->imm);
	const struct vnp_call *call = &l->code->calls[aux->call];
	u32 n, i;

	for (n = 0; n < VNP_HELPER_ARGS_MAX; n++) {
		if (helper->arg[n] == VNP_ARG_MAP_KEY)
			vnp_lower_guard(l, &call->arg[n], 0,
					l->code->maps[call->map].key_size, 0);
		else if (helper->arg[n] == VNP_ARG_MAP_VALUE)
			vnp_lower_guard(l, &call->arg[n], 0,
					l->code->maps[call->map].value_size, 0);
		else if (helper->arg[n] == VNP_ARG_SEAL)
			vnp_lower_guard(l, &call->arg[n], 0, sizeof(struct vnp_seal), 0);
		else
			vnp_lower_guard(l, &call->arg[n], 0, 0, n + 2);
	}
	/* a call after a guard that always faults is never made */
	if (!(aux->flags & VNP_AUX_FAULTS) && vnp_cost_is_metered(l->code, helper, call))
		vnp_lower_charge_bytes(l, helper);
	if (lower_stops(l))
		return;
	vnp_emit(l, *insn);
	/* a load that overtakes this would use the old address of the payload */
	if (l->code->harden && helper->moves_packet)
		vnp_lower_barrier(l);
	for (i = 0; i < l->base_cnt; i++)
		if (l->base[i].insn == l->insn)
			vnp_emit_save(l, l->base[i].slot, BPF_REG_0);
}

static void lower_exit(struct vnp_lower *l, const struct bpf_insn *insn)
{
	u8 ctx;

	if (l->code->wide_ret) {
		ctx = vnp_lower_ctx(l, VNP_CTX_REG_NONE);
		vnp_emit(l, VNP_EMIT(BPF_STX | BPF_MEM | BPF_DW, ctx, BPF_REG_0,
				     offsetof(struct vnp_exec, retval), 0));
	}
	vnp_emit(l, *insn);
}

static void lower_memory(struct vnp_lower *l, const struct bpf_insn *insn)
{
	struct bpf_insn simple = *insn;
	u32 size = vnp_insn_size(insn);

	vnp_lower_guard(l, &l->code->aux[l->insn].access, insn->off, size, 0);
	if (lower_stops(l))
		return;
	if (BPF_CLASS(insn->code) == BPF_LDX && BPF_MODE(insn->code) == BPF_MEMSX) {
		simple.code = BPF_LDX | BPF_MEM | BPF_SIZE(insn->code);
		vnp_emit(l, simple);
		vnp_lower_extend(l, true, insn->dst_reg, size * 8);
		return;
	}
	vnp_emit(l, simple);
	/* what opt_subreg_zext_lo32_rnd_hi32() of the kernel's verifier does */
	if (vnp_insn_is_cmpxchg32(insn))
		vnp_emit_x(l, BPF_ALU | BPF_MOV, BPF_REG_0, BPF_REG_0);
}

static void lower_insn(struct vnp_lower *l)
{
	const struct bpf_insn *insn = &l->code->insns[l->insn];
	const struct vnp_insn_aux *aux = &l->code->aux[l->insn];

	if (aux->flags & VNP_AUX_BARRIER_FIRST)
		vnp_lower_barrier(l);
	l->guards = l->out->cnt;
	switch (BPF_CLASS(insn->code)) {
	case BPF_LD:
		lower_ld_imm64(l, insn);
		break;
	case BPF_ALU:
	case BPF_ALU64:
		vnp_lower_guard(l, &aux->access, 0, 0, 0);
		lower_wait(l);
		vnp_lower_alu(l, insn);
		break;
	case BPF_JMP:
	case BPF_JMP32:
		if (vnp_insn_is_call(insn))
			lower_call(l, insn);
		else if (vnp_insn_is_exit(insn))
			lower_exit(l, insn);
		else
			lower_branch(l, insn);
		break;
	default:
		lower_memory(l, insn);
	}
	if (!vnp_insn_is_branch(insn) && aux->flags & VNP_AUX_PAYS_FALLS)
		vnp_lower_charge(l, aux->cost);
}

static int lower_resolve(struct vnp_lower *l)
{
	u32 i;

	for (i = 0; i < l->out->cnt; i++) {
		s64 distance;

		if (!l->jump[i])
			continue;
		distance = (s64)l->start[l->jump[i] - 1] - i - 1;
		if (distance < S16_MIN || distance > S16_MAX) {
			vnp_log_insn(l->code, l->out->origin[i],
				     "jumps too far: with its guards the program has %lld instructions in between, and a jump reaches %d",
				     (long long)distance, S16_MAX);
			return -E2BIG;
		}
		l->out->insns[i].off = distance;
	}
	return 0;
}

static int lower_run(struct vnp_lower *l)
{
	const struct vnp_code *code = l->code;
	u32 i;
	int err;

	err = lower_take_slots(l);
	if (err)
		return err;
	lower_entry(l);
	for (i = 0; i < code->insn_cnt && !l->err; i++) {
		if (!code->aux[i].reached)
			continue;
		l->insn = i;
		l->start[i] = l->out->cnt;
		lower_insn(l);
		vnp_emit_island(l);
		if (i % 1024 == 0 && vnp_relax())
			l->err = -EINTR;
	}
	if (l->fault_cnt)
		vnp_emit_fault_ends(l);
	if (l->err)
		return l->err;
	l->out->stack_size = l->stack_size;
	l->out->wide_ret = code->wide_ret;
	return lower_resolve(l);
}

int vnp_lower(struct vnp_code *code)
{
	struct vnp_lower *l = vnp_alloc(1, sizeof(*l));
	int err = -ENOMEM;

	if (!l)
		return -ENOMEM;
	l->code = code;
	l->type = vnp_type_get(code->type);
	l->out = &code->lowered;
	l->start = vnp_alloc(code->insn_cnt, sizeof(*l->start));
	if (l->start)
		err = lower_run(l);
	vnp_free(l->start);
	vnp_free(l->jump);
	vnp_free(l->fault);
	vnp_free(l);
	return err;
}
