// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * What the verifier reports: refusals, and the state at each instruction.
 */
#include "vm/analysis/live.h"
#include "vm/report/log.h"
#include "vm/verify/verify.h"

static void verify_print_reg(const struct vnp_verify *v, u32 level, u32 n)
{
	char text[VNP_REG_TEXT_LEN];

	vnp_reg_print(vnp_state_reg(v->state, n), text);
	vnp_log_print(v->code->log, level, "    r%u: %s\n", n, text);
}

/* If the instruction reads a value of different kinds, record that for splitting */
static void verify_note_conflict(const struct vnp_verify *v, const struct vnp_reg *reg)
{
	if (reg->kind != VNP_REG_CONFLICT)
		return;
	v->code->conflict = (struct vnp_conflict){
		.found = true, .insn = v->insn, .pos = reg->site, .cell = reg->off,
	};
}

int vnp_verify_refuse(const struct vnp_verify *v, const char *fmt, ...)
{
	u32 reads = vnp_live_reads(&v->code->insns[v->insn]), i;
	va_list args;

	if (!v->report)
		return -EACCES;
	va_start(args, fmt);
	vnp_log_insn_v(v->code, v->insn, fmt, args);
	va_end(args);
	for (i = 0; i < VNP_REG_CNT; i++) {
		if (!(reads >> i & 1))
			continue;
		verify_print_reg(v, VNP_LOG_NORMAL, i);
		verify_note_conflict(v, vnp_state_reg(v->state, i));
	}
	return -EACCES;
}

static void verify_print_slots(const struct vnp_verify *v)
{
	char text[VNP_REG_TEXT_LEN];
	u32 i;

	for (i = 0; i < VNP_SLOT_CNT; i++) {
		if (!(v->state->used >> i & 1))
			continue;
		vnp_reg_print(&vnp_state_slot(v->state, i)->reg, text);
		vnp_log_print(v->code->log, VNP_LOG_STATES, "    r10 - %u: %s\n",
			      (i + 1) * 8, text);
	}
}

void vnp_verify_print(const struct vnp_verify *v)
{
	const struct vnp_log *log = v->code->log;
	u32 i;

	if (!v->report || !log || log->level < VNP_LOG_STATES)
		return;
	/* Nobody can read more, and those of a large program take seconds to print. */
	if (log->len >= VNP_LOG_SIZE_MAX)
		return;
	for (i = 0; i < VNP_REG_FP; i++)
		if (vnp_state_reg(v->state, i)->kind != VNP_REG_UNSET)
			verify_print_reg(v, VNP_LOG_STATES, i);
	verify_print_slots(v);
	vnp_log_disasm(v->code, VNP_LOG_STATES, v->insn);
}
