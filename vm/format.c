// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "arith.h"
#include "format.h"

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

/* @wide: with l or ll, all 64 bits count; without, the lower 32 */
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

int vnp_format(char *line, u32 size, const char *fmt, u32 fmt_len,
	       const u64 *args, u32 arg_cnt)
{
	struct format_out out = { .line = line, .size = size };
	u32 i, used = 0, end;

	line[0] = 0;
	if (!fmt_len || fmt_len > VNP_FORMAT_MAX || fmt[fmt_len - 1])
		return -EINVAL;
	end = strlen(fmt);
	while (end && fmt[end - 1] == '\n')
		end--;

	for (i = 0; i < end; i++) {
		u32 longs = 0;

		if (fmt[i] != '%') {
			format_put(&out, fmt[i]);
			continue;
		}
		i++;
		if (fmt[i] == '%') {
			format_put(&out, '%');
			continue;
		}
		while (fmt[i] == 'l' && longs < 2) {
			longs++;
			i++;
		}
		if (used == arg_cnt ||
		    format_arg(&out, fmt[i], longs, args[used]))
			return -EINVAL;
		used++;
	}
	line[out.len] = 0;
	return used == arg_cnt ? (int)out.len : -EINVAL;
}
