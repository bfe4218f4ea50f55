// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "vm/code.h"
#include "vm/frame.h"
#include "vm/report/log.h"
#include "vm/report/report.h"
#include "vm/report/verdict.h"

/* How many places are named; further ones are only counted */
#define REPORT_PLACES	32

struct report {
	const struct vnp_code *code;
	const struct vnp_line_info *last;	/* the last named place */
	u32 places;				/* places named so far */
	u32 more;
};

static bool report_same_file(const struct report *r, const struct vnp_line_info *info)
{
	const char *strings = r->code->source.strings;

	return r->last && !strcmp(strings + r->last->file_off,
				  strings + info->file_off);
}

static void report_place(struct report *r, u32 insn)
{
	u32 at = vnp_code_origin(r->code, insn);
	const struct vnp_line_info *info = vnp_source_find(r->code, at);
	struct vnp_log *log = r->code->log;

	if (info && r->places && r->last && report_same_file(r, info) &&
	    info->line_col >> 10 == r->last->line_col >> 10)
		return;
	if (r->places == REPORT_PLACES) {
		r->more++;
		return;
	}
	vnp_log_print(log, VNP_LOG_NORMAL, r->places++ ? ", " : ": ");
	if (!info)
		vnp_log_print(log, VNP_LOG_NORMAL, "insn %u", at);
	else
		vnp_log_print(log, VNP_LOG_NORMAL, "%s:%u",
			      report_same_file(r, info) ? "" :
			      vnp_source_file(r->code, info), info->line_col >> 10);
	if (info)
		r->last = info;
}

static bool report_is_guarded(const struct vnp_code *code, u32 insn)
{
	const struct vnp_insn_aux *aux = &code->aux[insn];
	u8 guards = aux->access.guards;
	u32 i;

	if (aux->reached && code->insns[insn].code == (BPF_JMP | BPF_CALL))
		for (i = 0; i < VNP_HELPER_ARGS_MAX; i++)
			guards |= code->calls[aux->call].arg[i].guards;
	return guards;
}

static void report_list(struct report *r, bool loops)
{
	const struct vnp_code *code = r->code;
	u32 i;

	r->places = 0;
	r->more = 0;
	for (i = 0; i < code->insn_cnt; i++) {
		u8 pays = code->aux[i].flags & (VNP_AUX_PAYS_TAKEN | VNP_AUX_PAYS_FALLS);

		if (loops ? pays : report_is_guarded(code, i))
			report_place(r, i);
	}
	if (r->more)
		vnp_log_print(code->log, VNP_LOG_NORMAL, " and %u more", r->more);
}

static void report_doomed(const struct vnp_code *code)
{
	u32 i;

	for (i = 0; i < code->insn_cnt; i++)
		if (code->aux[i].flags & VNP_AUX_FAULTS)
			vnp_log_insn(code, i,
				     "an execution that gets here ends with a fault, whatever the payload");
}

void vnp_report(const struct vnp_code *code)
{
	struct report r = { .code = code };

	if (!code->log)
		return;
	vnp_log_print(code->log, VNP_LOG_NORMAL, "%u access%s proven, %u guarded",
		      code->access_cnt - code->guard_cnt,
		      code->access_cnt - code->guard_cnt == 1 ? "" : "es",
		      code->guard_cnt);
	report_list(&r, false);
	if (code->bound_cnt)
		vnp_log_print(code->log, VNP_LOG_NORMAL, "; %u loop%s bounded, %u metered",
			      code->bound_cnt, code->bound_cnt == 1 ? "" : "s",
			      code->loop_cnt);
	else
		vnp_log_print(code->log, VNP_LOG_NORMAL, "; %u loop%s metered",
			      code->loop_cnt, code->loop_cnt == 1 ? "" : "s");
	report_list(&r, true);
	vnp_log_print(code->log, VNP_LOG_NORMAL, "; stack %u bytes.\n",
		      code->stack_size);
	if (code->harden)
		vnp_log_print(code->log, VNP_LOG_NORMAL,
			      "hardened: %u access%s masked, %u instruction%s after a barrier.\n",
			      code->mask_cnt, code->mask_cnt == 1 ? "" : "es",
			      code->barrier_cnt, code->barrier_cnt == 1 ? "" : "s");
	report_doomed(code);
	vnp_verdict_report(code);
}
