// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Executes lowered instructions like native code, without checks of memory. What JITs
 * do not support, or do differently on different machines, is an error here.
 */
#include "vm/arith.h"
#include "vm/code.h"
#include "vm/isa/eval.h"
#include "vm/isa/insn.h"
#include "vm/interp/interp.h"
#include "vm/report/log.h"
#include "vm/lower/lower.h"
#include "vm/exec.h"

struct machine {
	struct vnp_code *code;
	u64 reg[VNP_REG_AX + 1];
	u32 pc;
};

static int machine_bug(const struct machine *m, const char *what)
{
	vnp_log_print(m->code->log, VNP_LOG_NORMAL,
		      "BUG in lowering: lowered instruction %u: %s.\n", m->pc, what);
	return -EFAULT;
}

/* "AX s>>= 63" before an instruction: it is the end of a mask (vm/lower/mask.c). */
static bool machine_masks(const struct machine *m, const struct bpf_insn *insn)
{
	return m->pc && insn->src_reg == VNP_REG_AX && vnp_insn_uses_x(insn) &&
	       insn[-1].code == (BPF_ALU64 | BPF_ARSH | BPF_K) &&
	       insn[-1].dst_reg == VNP_REG_AX && insn[-1].imm == 63;
}

static int machine_alu(struct machine *m, const struct bpf_insn *insn)
{
	u64 *dst = &m->reg[insn->dst_reg], before = *dst;
	u64 src = (s64)insn->imm;
	bool is64 = vnp_insn_is64(insn);
	u8 op = BPF_OP(insn->code);

	if (op == BPF_END) {
		if (is64)
			return machine_bug(m, "bswap, which old JITs do not know");
		*dst = vnp_eval_swap(*dst, insn->imm, vnp_insn_swaps(insn));
		return 0;
	}
	if (insn->off)
		return machine_bug(m, "a v4 operation, which old JITs do not know");
	if (vnp_insn_uses_x(insn))
		src = m->reg[insn->src_reg];
	if ((op == BPF_DIV || op == BPF_MOD) && !(is64 ? src : (u32)src))
		return machine_bug(m, "division by zero");
	if ((op == BPF_LSH || op == BPF_RSH || op == BPF_ARSH) &&
	    src >= (is64 ? 64 : 32))
		return machine_bug(m, "shift by the width or more");
	*dst = vnp_eval_alu(op, 0, is64, *dst, src);
	if (*dst != before && machine_masks(m, insn))
		return machine_bug(m, "a mask changes a pointer that no branch mispredicted");
	return 0;
}

/* x86's 32-bit cmpxchg writes to R0 only if it fails; other fetches clear the upper half */
static void machine_atomic(struct machine *m, const struct bpf_insn *insn, u64 at)
{
	u64 r0 = m->reg[BPF_REG_0];
	u64 old = vnp_eval_atomic(insn, at, m->reg[insn->src_reg], r0);

	if (vnp_insn_is_cmpxchg32(insn) && old == (u32)r0)
		return;
	if (insn->imm == BPF_CMPXCHG)
		m->reg[BPF_REG_0] = old;
	else if (insn->imm & BPF_FETCH)
		m->reg[insn->src_reg] = old;
}

static int machine_memory(struct machine *m, const struct bpf_insn *insn)
{
	u32 size = vnp_insn_size(insn);
	u64 at = vnp_wrap_add(m->reg[insn->dst_reg], insn->off);

	if (insn->code == VNP_BARRIER) {
		m->code->executed += VNP_BARRIER_COST - 1;
		return 0;
	}
	switch (BPF_CLASS(insn->code)) {
	case BPF_LDX:
		if (BPF_MODE(insn->code) != BPF_MEM)
			return machine_bug(m, "a v4 load, which old JITs do not know");
		m->reg[insn->dst_reg] =
			vnp_eval_load(vnp_wrap_add(m->reg[insn->src_reg], insn->off),
				      size);
		return 0;
	case BPF_ST:
		vnp_eval_store(at, size, (s64)insn->imm);
		return 0;
	default:
		break;
	}
	if (vnp_insn_is_atomic(insn))
		machine_atomic(m, insn, at);
	else
		vnp_eval_store(at, size, m->reg[insn->src_reg]);
	return 0;
}

static void machine_call(struct machine *m, const struct bpf_insn *insn)
{
	u32 i;

	m->reg[0] = vnp_helper_get(insn->imm)->fn(m->reg[1], m->reg[2], m->reg[3],
						  m->reg[4], m->reg[5]);
	/* a call clobbers these: detect code that relies on them */
	for (i = 1; i <= 5; i++)
		m->reg[i] = 0xdeadbeefdeadbeefULL;
	m->reg[VNP_REG_AX] = 0xdeadbeefdeadbeefULL;
}

static int machine_jump(struct machine *m, const struct bpf_insn *insn)
{
	u64 src = vnp_insn_uses_x(insn) ? m->reg[insn->src_reg] : (u64)(s64)insn->imm;

	if (vnp_insn_is_call(insn)) {
		machine_call(m, insn);
		return 0;
	}
	if (insn->code == (BPF_JMP32 | BPF_JA))
		return machine_bug(m, "gotol, which old JITs do not know");
	if (vnp_insn_is_cond(insn) && !vnp_insn_uses_x(insn) &&
	    insn->off < -VNP_LOWER_BACK_MAX - 1)
		return machine_bug(m, "a jump so far back that blinding may overflow its offset");
	if (vnp_insn_is_ja(insn) ||
	    vnp_eval_branch(BPF_OP(insn->code), vnp_insn_is64(insn),
			    m->reg[insn->dst_reg], src))
		m->pc = (s64)m->pc + insn->off;
	return 0;
}

/*
 * The kernel's blinding of constants loads immediates into AX first, except at
 * instructions that name AX: at all others AX is clobbered.
 */
static void machine_blind(struct machine *m, const struct bpf_insn *insn)
{
	if (insn->dst_reg != VNP_REG_AX && insn->src_reg != VNP_REG_AX)
		m->reg[VNP_REG_AX] = 0xdeadbeefdeadbeefULL;
}

static int machine_insn(struct machine *m, const struct bpf_insn *insn)
{
	machine_blind(m, insn);
	switch (BPF_CLASS(insn->code)) {
	case BPF_LD:
		if (insn->dst_reg == VNP_REG_AX && insn[1].dst_reg != VNP_REG_AX)
			return machine_bug(m, "half of it does not name AX and would be blinded");
		m->reg[insn->dst_reg] = vnp_insn_imm64(insn);
		m->pc++;
		return 0;
	case BPF_ALU:
	case BPF_ALU64:
		return machine_alu(m, insn);
	case BPF_JMP:
	case BPF_JMP32:
		return machine_jump(m, insn);
	default:
		return machine_memory(m, insn);
	}
}

int vnp_interp_exec_lowered(struct vnp_code *code, struct vnp_exec *exec)
{
	u32 size = code->lowered.stack_size;
	struct machine m = { .code = code };
	u8 *stack = vnp_alloc(size ? size : 1, 1);
	int err = 0;

	if (!stack)
		return -ENOMEM;
	/* a native stack has old contents */
	memset(stack, 0xa5, size);
	m.reg[BPF_REG_1] = (uintptr_t)&exec->ctx;
	m.reg[VNP_REG_FP] = (uintptr_t)stack + size;
	exec->retval = 0;
	code->executed = 0;

	while (!err && m.pc < code->lowered.cnt) {
		const struct bpf_insn *insn = &code->lowered.insns[m.pc];

		if (vnp_insn_is_exit(insn))
			break;
		err = machine_insn(&m, insn);
		m.pc++;
		code->executed++;
	}
	if (!err && m.pc >= code->lowered.cnt)
		err = machine_bug(&m, "runs off the end");
	if (!err && !code->lowered.wide_ret && !exec->fault)
		exec->retval = (u32)m.reg[BPF_REG_0];
	vnp_free(stack);
	return err;
}
