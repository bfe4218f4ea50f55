// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "vm/arith.h"
#include "vm/isa/format.h"

struct format_out {
	char *line;
	u32 size;
	u32 len;
};

static void format_put(struct format_out *out, char c)
{
	if (out->len + 1 < out->size)
		out->line[out->len++] = c >= ' ' && c <= '~' ? c : '?';
}

static void format_number(struct format_out *out, u64 v, bool negative, u32 base)
{
	char digits[20];
	u32 n = 0;

	do {
		digits[n++] = "0123456789abcdef"[v % base];
		v /= base;
	} while (v);
	if (negative)
		format_put(out, '-');
	while (n)
		format_put(out, digits[--n]);
}

/* @wide: with l or ll, 64 bits are printed; else the lower 32 */
static int format_arg(struct format_out *out, char conversion, bool wide, u64 v)
{
	s64 n = wide ? (s64)v : (s32)v;

	switch (conversion) {
	case 'd':
	case 'i':
		format_number(out, n < 0 ? vnp_wrap_sub(0, n) : (u64)n, n < 0, 10);
		return 0;
	case 'u':
		format_number(out, wide ? v : (u32)v, false, 10);
		return 0;
	case 'x':
		format_number(out, wide ? v : (u32)v, false, 16);
		return 0;
	case 'c':
		if (wide)
			return -EINVAL;
		format_put(out, v);
		return 0;
	default:
		return -EINVAL;
	}
}

/* The conversion at @fmt, up to its letter, as "%-5s" */
static void format_conversion(struct format_out *out, const char *fmt)
{
	do {
		format_put(out, *fmt++);
	} while (*fmt && !(*fmt >= 'a' && *fmt <= 'z' && *fmt != 'l' && *fmt != 'h') &&
		 !(*fmt >= 'A' && *fmt <= 'Z'));
	if (*fmt)
		format_put(out, *fmt);
}

static int format_refuse(struct format_out *out, const char *bad)
{
	char text[16];
	struct format_out conversion = { .line = text, .size = sizeof(text) };

	format_conversion(&conversion, bad);
	text[conversion.len] = 0;
	snprintf(out->line, out->size,
		 "vnp_printk() has no conversion %s: it has %%d, %%i, %%u and %%x, with l or ll, %%c and %%%%",
		 text);
	return -EINVAL;
}

/* @fmt begins with a '%'.  Return: bytes of the conversion, or 0: there is none such */
static u32 format_one(struct format_out *out, const char *fmt, u64 v)
{
	u32 len = 1, longs = 0;

	while (fmt[len] == 'l' && longs < 2) {
		longs++;
		len++;
	}
	return format_arg(out, fmt[len], longs, v) ? 0 : len + 1;
}

static int format_line(struct format_out *out, const char *fmt, u32 end,
		       const u64 *args, u32 arg_cnt)
{
	u32 i, len, used = 0;

	for (i = 0; i < end; i += len) {
		len = 1;
		if (fmt[i] != '%') {
			format_put(out, fmt[i]);
			continue;
		}
		if (fmt[i + 1] == '%') {
			format_put(out, '%');
			len = 2;
			continue;
		}
		len = format_one(out, fmt + i, used < arg_cnt ? args[used] : 0);
		if (!len)
			return format_refuse(out, fmt + i);
		used++;
	}
	if (used != arg_cnt) {
		snprintf(out->line, out->size,
			 "vnp_printk() is given %u numbers for %u conversions",
			 arg_cnt, used);
		return -EINVAL;
	}
	out->line[out->len] = 0;
	return out->len;
}

int vnp_format(char *line, u32 size, const char *fmt, u32 fmt_len,
	       const u64 *args, u32 args_len)
{
	struct format_out out = { .line = line, .size = size };
	u32 end;

	if (!vnp_format_fits(fmt_len, args_len)) {
		snprintf(line, size,
			 "vnp_printk() takes %u bytes of format and %u numbers at most",
			 VNP_FORMAT_MAX, VNP_FORMAT_ARGS_MAX);
		return -EINVAL;
	}
	if (args_len % sizeof(u64)) {
		snprintf(line, size, "vnp_log() is given %u bytes, and a number has 8",
			 args_len);
		return -EINVAL;
	}
	if (!fmt_len || fmt[fmt_len - 1]) {
		snprintf(line, size, "the format of vnp_log() does not end with NUL");
		return -EINVAL;
	}

	end = strlen(fmt);
	while (end && fmt[end - 1] == '\n')
		end--;
	return format_line(&out, fmt, end, args, args_len / sizeof(u64));
}
