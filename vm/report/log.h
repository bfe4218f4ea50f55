/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The report for the program's author: sentences, which name the instruction, and with
 * line info the line of C.
 *
 * Layer: above frame.h and isa/disasm.h.
 */
#ifndef _VNP_VM_REPORT_LOG_H
#define _VNP_VM_REPORT_LOG_H

#include "vm/env.h"

struct vnp_code;

/**
 * struct vnp_log - a report being written
 * @buf:	where to; may be NULL when @size is 0
 * @size:	bytes at @buf
 * @level:	VNP_LOG_*
 * @len:	bytes the report has so far, without NUL; may exceed @size: more is
 *		counted, but not written
 */
struct vnp_log {
	char *buf;
	u32 size;
	u32 level;
	u32 len;
};

/* vnp_log_print() - append, if @log is there and its level is at least @level */
void vnp_log_print(struct vnp_log *log, u32 level, const char *fmt, ...)
	__printf(3, 4);

/* vnp_log_rewind() - drop what was appended since it was @len long; NULL is fine */
void vnp_log_rewind(struct vnp_log *log, u32 len);

/**
 * vnp_log_insn() - append a sentence about an instruction
 * @code:	the program; its log may be NULL
 * @insn:	index of the instruction
 * @fmt:	the sentence, without a full stop or newline
 *
 * Appends "insn 12 (dns.bpf.c:57): SENTENCE.", then the source line and the
 * disassembled instruction, each on a line of its own.
 */
void vnp_log_insn(const struct vnp_code *code, u32 insn, const char *fmt, ...)
	__printf(3, 4);

/**
 * vnp_log_warn() - vnp_log_insn() for code that is accepted but is likely a mistake
 * @code:	the program; its log may be NULL
 * @insn:	index of the instruction
 * @fmt:	as vnp_log_insn()
 *
 * The sentence begins with "warning: ", which libvnp looks for.
 */
void vnp_log_warn(const struct vnp_code *code, u32 insn, const char *fmt, ...)
	__printf(3, 4);

/* vnp_log_insn_v() - vnp_log_insn() with the arguments in a list */
void vnp_log_insn_v(const struct vnp_code *code, u32 insn, const char *fmt,
		    va_list args) __printf(3, 0);

/* vnp_log_disasm() - append the instruction, on a line of its own */
void vnp_log_disasm(const struct vnp_code *code, u32 level, u32 insn);

/**
 * vnp_source_find() - line info of an instruction
 * @code:	the program
 * @insn:	index of the instruction
 *
 * Return: the entry, owned by @code, or NULL.
 */
const struct vnp_line_info *vnp_source_find(const struct vnp_code *code, u32 insn);

/* vnp_source_file() - file name of an entry, without its folders */
const char *vnp_source_file(const struct vnp_code *code,
			    const struct vnp_line_info *info);

#endif /* _VNP_VM_REPORT_LOG_H */
