// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/*
 * An object with one program, translated from classic BPF; its source lines are the classic
 * instructions.
 */
#include "cbpf.h"
#include "internal.h"
#include "vm/env.h"

#define TEXT_MAX	64

/* Classic instruction n is in line n + 2 of the output of tcpdump -ddd. */
static void lines_make(struct vnp_program *prog, const struct sock_filter *insns, size_t cnt,
		       const __u32 *start)
{
	struct vnp_source_info *src = &prog->source;
	__u32 i;

	for (i = 0; i < cnt; i++) {
		src->lines[i] = (struct vnp_line_info){
			.insn_off = i ? start[i] : 0,
			.text_off = src->strings_len,
			.line_col = (i + 2) << 10,
		};
		vnp_cbpf_text(&insns[i], i, src->strings + src->strings_len, TEXT_MAX);
		src->strings_len += strlen(src->strings + src->strings_len) + 1;
	}
	src->line_cnt = cnt;
}

/* The strings begin with the file's name. */
static int lines_add(struct vnp_object *obj, const struct sock_filter *insns, size_t cnt,
		     const __u32 *start)
{
	struct vnp_program *prog = obj->programs;
	size_t len = strlen(obj->name) + 1;

	prog->source.lines = calloc(cnt, sizeof(*prog->source.lines));
	obj->strings = malloc(len + cnt * TEXT_MAX);
	if (!prog->source.lines || !obj->strings)
		return -ENOMEM;
	memcpy(obj->strings, obj->name, len);
	prog->source.strings = obj->strings;
	prog->source.strings_len = len;
	lines_make(prog, insns, cnt, start);
	obj->strings_len = prog->source.strings_len;
	return 0;
}

VNP_API int vnp_object_open_cbpf(const struct sock_filter *insns, size_t insn_cnt,
				 enum vnp_dlt dlt, const struct vnp_open_opts *opts,
				 struct vnp_object **to)
{
	struct vnp_open_opts named = { .sz = sizeof(named) };
	char why[VNP_CBPF_WHY] = "";
	struct vnp_cbpf cbpf;
	struct vnp_object *obj;
	int err;

	if (!OPTS_VALID(opts))
		return -EINVAL;
	named.name = OPTS_GET(opts, name) ?: "cbpf";
	named.print = OPTS_GET(opts, print);
	named.print_ctx = OPTS_GET(opts, print_ctx);

	err = vnp_cbpf_translate(insns, insn_cnt, dlt, &cbpf, why);
	if (err) {
		const struct vnp_printer print = vnp_printer_get(&named);

		if (*why)
			vnp_error(&print, "%s", why);
		return err;
	}
	err = vnp_object_open_insns(cbpf.insns, cbpf.insn_cnt, VNP_PROG_PACKET, &named, &obj);
	if (!err) {
		err = lines_add(obj, insns, insn_cnt, cbpf.start);
		if (err)
			vnp_object_close(obj);
		else
			*to = obj;
	}
	vnp_cbpf_free(&cbpf);
	return err;
}
