// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "vm/code.h"
#include "vm/isa/disasm.h"
#include "vm/frame.h"
#include "vm/report/log.h"

static bool log_wants(const struct vnp_log *log, u32 level)
{
	return log && log->level >= level;
}

static __printf(2, 0) void log_vprint(struct vnp_log *log, const char *fmt,
				      va_list args)
{
	u32 room = log->len < log->size ? log->size - log->len : 0;
	int n;

	n = vsnprintf(room ? log->buf + log->len : NULL,
		      min_t(u32, room, INT_MAX), fmt, args);
	if (n > 0 && (u32)n <= (u32)INT_MAX - log->len)
		log->len += n;
}

void vnp_log_print(struct vnp_log *log, u32 level, const char *fmt, ...)
{
	va_list args;

	if (!log_wants(log, level))
		return;
	va_start(args, fmt);
	log_vprint(log, fmt, args);
	va_end(args);
}

void vnp_log_rewind(struct vnp_log *log, u32 len)
{
	if (!log)
		return;
	log->len = len;
	if (len < log->size)
		log->buf[len] = 0;
}

const struct vnp_line_info *vnp_source_find(const struct vnp_code *code, u32 insn)
{
	const struct vnp_line_info *info = code->source.line_info;
	u32 lo = 0, hi = code->source.line_info_cnt, mid;

	/* the first entry after @insn is at @hi */
	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (info[mid].insn_off <= insn)
			lo = mid + 1;
		else
			hi = mid;
	}
	return hi ? &info[hi - 1] : NULL;
}

const char *vnp_source_file(const struct vnp_code *code,
			    const struct vnp_line_info *info)
{
	const char *path = code->source.strings + info->file_off;
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static void log_source_text(const struct vnp_code *code, const char *text)
{
	while (*text == ' ' || *text == '\t')
		text++;
	if (*text)
		vnp_log_print(code->log, VNP_LOG_NORMAL, "    %s\n", text);
}

/* @at: as loaded */
static void log_disasm(const struct vnp_code *code, u32 level, u32 at)
{
	struct bpf_insn pair[2] = { code->loaded[at] };
	char text[VNP_DISASM_LEN];

	/* a program that is being refused may end within a pair */
	if (at + 1 < code->loaded_cnt)
		pair[1] = code->loaded[at + 1];
	vnp_disasm(pair, text);
	vnp_log_print(code->log, level, "    %u: %s\n", at, text);
}

void vnp_log_disasm(const struct vnp_code *code, u32 level, u32 insn)
{
	log_disasm(code, level, vnp_code_origin(code, insn));
}

/* @at: as loaded */
static void log_place(const struct vnp_code *code, u32 at)
{
	const struct vnp_line_info *info = vnp_source_find(code, at);

	vnp_log_print(code->log, VNP_LOG_NORMAL, "insn %u", at);
	if (info)
		vnp_log_print(code->log, VNP_LOG_NORMAL, " (%s:%u)",
			      vnp_source_file(code, info), info->line_col >> 10);
}

/* The chain of calls to the function, innermost first */
static void log_callers(const struct vnp_code *code, u32 insn)
{
	const struct vnp_inlined *inlined = code->inlined;
	u32 frame = inlined && inlined->frames ? inlined->frame_of[insn] : 0;

	for (; frame; frame = inlined->frames[frame].caller) {
		vnp_log_print(code->log, VNP_LOG_NORMAL, "    called from ");
		log_place(code, inlined->frames[frame].call);
		vnp_log_print(code->log, VNP_LOG_NORMAL, "\n");
	}
}

void vnp_log_insn_v(const struct vnp_code *code, u32 insn, const char *fmt,
		    va_list args)
{
	u32 at = vnp_code_origin(code, insn);
	const struct vnp_line_info *info = vnp_source_find(code, at);

	if (!log_wants(code->log, VNP_LOG_NORMAL))
		return;

	log_place(code, at);
	vnp_log_print(code->log, VNP_LOG_NORMAL, ": ");
	log_vprint(code->log, fmt, args);
	vnp_log_print(code->log, VNP_LOG_NORMAL, ".\n");

	if (info)
		log_source_text(code, code->source.strings + info->text_off);
	log_disasm(code, VNP_LOG_NORMAL, at);
	log_callers(code, insn);
}

void vnp_log_insn(const struct vnp_code *code, u32 insn, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vnp_log_insn_v(code, insn, fmt, args);
	va_end(args);
}

void vnp_log_warn(const struct vnp_code *code, u32 insn, const char *fmt, ...)
{
	va_list args;

	vnp_log_print(code->log, VNP_LOG_NORMAL, "warning: ");
	va_start(args, fmt);
	vnp_log_insn_v(code, insn, fmt, args);
	va_end(args);
}
