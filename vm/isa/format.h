/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#ifndef _VNP_VM_ISA_FORMAT_H
#define _VNP_VM_ISA_FORMAT_H

#include "vm/env.h"

#define VNP_FORMAT_MAX		128	/* bytes of a format, with its NUL */
#define VNP_FORMAT_ARGS_MAX	12
#define VNP_FORMAT_LINE_MAX	512	/* enough bytes for any line */

/**
 * vnp_format_fits() - are these sizes within the limits of vnp_format()
 * @fmt_len:	bytes of the format
 * @args_len:	bytes of the numbers
 */
static inline bool vnp_format_fits(u32 fmt_len, u32 args_len)
{
	return fmt_len <= VNP_FORMAT_MAX &&
	       args_len <= VNP_FORMAT_ARGS_MAX * sizeof(u64);
}

/**
 * vnp_format() - what vnp_log() writes
 * @line:	where to put the text; ends with NUL
 * @size:	bytes at @line, at least 1; what does not fit is cut off
 * @fmt:	%d %i %u %x %c and %%, with l or ll.  A private copy: the program,
 *		or another CPU, must not be able to change it during the call
 * @fmt_len:	bytes at @fmt, the last one NUL
 * @args:	one number for each conversion
 * @args_len:	bytes of them
 *
 * Arguments that do not fit according to vnp_format_fits() are ignored.
 *
 * Bytes that are not printable ASCII become '?', so that a program cannot send
 * control sequences to a terminal; newlines at the end of @fmt are dropped.
 * Context: any.
 *
 * Return: length of the text without NUL, or -EINVAL (another conversion, more
 * or fewer of them than numbers, no NUL at the end): then @line says what is wrong.
 */
int vnp_format(char *line, u32 size, const char *fmt, u32 fmt_len,
	       const u64 *args, u32 args_len);

#endif /* _VNP_VM_ISA_FORMAT_H */
