// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "vm/arith.h"
#include "vm/code.h"
#include "vm/isa/insn.h"
#include "vm/analysis/steps.h"

/* Insert in order, once.  When it is full the rest is left out. */
static void steps_add(struct vnp_steps *steps, u64 value)
{
	u32 lo = 0, hi = steps->cnt, mid;

	while (lo < hi) {
		mid = (lo + hi) / 2;
		if (steps->value[mid] < value)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (steps->cnt == VNP_STEPS_MAX ||
	    (lo < steps->cnt && steps->value[lo] == value))
		return;
	memmove(&steps->value[lo + 1], &steps->value[lo],
		(steps->cnt - lo) * sizeof(value));
	steps->value[lo] = value;
	steps->cnt++;
}

void vnp_steps_coarse(struct vnp_steps *steps)
{
	steps->cnt = 0;
	steps_add(steps, 0);
	steps_add(steps, U8_MAX);
	steps_add(steps, U16_MAX);
	/* a pointer in the payload that goes on by less than another payload */
	steps_add(steps, 2 * U16_MAX);
	steps_add(steps, S32_MAX);
	steps_add(steps, U32_MAX);
}

void vnp_steps_few(struct vnp_steps *steps)
{
	steps->cnt = 0;
	steps_add(steps, 0);
	steps_add(steps, 2 * U16_MAX);
}

/* A bound rests on either side of what it is compared with */
static void steps_add_around(struct vnp_steps *steps, u64 value)
{
	steps_add(steps, vnp_wrap_sub(value, 1));
	steps_add(steps, value);
	steps_add(steps, vnp_wrap_add(value, 1));
}

void vnp_steps_collect(struct vnp_steps *steps, const struct vnp_code *code)
{
	u32 i;

	vnp_steps_coarse(steps);
	for (i = 0; i < code->insn_cnt; i += vnp_insn_len(&code->insns[i])) {
		const struct bpf_insn *insn = &code->insns[i];

		if (vnp_insn_uses_x(insn))
			continue;
		/* an operand in a register was put there by a move */
		if (vnp_insn_is_cond(insn) ||
		    (vnp_insn_is_alu(insn) && BPF_OP(insn->code) == BPF_MOV))
			steps_add_around(steps, (s64)insn->imm);
	}
}
