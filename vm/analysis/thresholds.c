// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "vm/arith.h"
#include "vm/code.h"
#include "vm/isa/insn.h"
#include "vm/analysis/thresholds.h"

/* Insert in order, once.  When there is no room it is left out. */
static void thresholds_add(struct vnp_thresholds *thresholds, u64 value)
{
	u32 lo = 0, hi = thresholds->cnt, mid;

	while (lo < hi) {
		mid = (lo + hi) / 2;
		if (thresholds->value[mid] < value)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (thresholds->cnt == VNP_THRESHOLDS_MAX ||
	    (lo < thresholds->cnt && thresholds->value[lo] == value))
		return;
	memmove(&thresholds->value[lo + 1], &thresholds->value[lo],
		(thresholds->cnt - lo) * sizeof(value));
	thresholds->value[lo] = value;
	thresholds->cnt++;
}

void vnp_thresholds_coarse(struct vnp_thresholds *thresholds)
{
	thresholds->cnt = 0;
	thresholds_add(thresholds, 0);
	thresholds_add(thresholds, U8_MAX);
	thresholds_add(thresholds, U16_MAX);
	/* a pointer in the payload to which less than the maximum length of a payload is added */
	thresholds_add(thresholds, 2 * U16_MAX);
	thresholds_add(thresholds, S32_MAX);
	thresholds_add(thresholds, U32_MAX);
}

void vnp_thresholds_few(struct vnp_thresholds *thresholds)
{
	thresholds->cnt = 0;
	thresholds_add(thresholds, 0);
	thresholds_add(thresholds, 2 * U16_MAX);
}

/* A bound may stop on either side of what it is compared with */
static void thresholds_add_around(struct vnp_thresholds *thresholds, u64 value)
{
	thresholds_add(thresholds, vnp_wrap_sub(value, 1));
	thresholds_add(thresholds, value);
	thresholds_add(thresholds, vnp_wrap_add(value, 1));
}

void vnp_thresholds_collect(struct vnp_thresholds *thresholds, const struct vnp_code *code)
{
	u32 i;

	vnp_thresholds_coarse(thresholds);
	for (i = 0; i < code->insn_cnt; i += vnp_insn_len(&code->insns[i])) {
		const struct bpf_insn *insn = &code->insns[i];

		if (vnp_insn_uses_x(insn))
			continue;
		/* an operand in a register was put there by a move */
		if (vnp_insn_is_cond(insn) ||
		    (vnp_insn_is_alu(insn) && BPF_OP(insn->code) == BPF_MOV))
			thresholds_add_around(thresholds, (s64)insn->imm);
	}
}
