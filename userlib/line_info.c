// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/*
 * C lines of instructions, from section .BTF.ext:
 *
 *	struct btf_ext_header (Linux, tools/lib/bpf/btf.h)
 *	...
 *	u32 record size
 *	  u32 section name, u32 number of records, then that many struct bpf_line_info,
 *	  for each section with code; insn_off is in bytes from its start
 *
 * The strings are those of section .BTF.
 */
#include <bpf/btf.h>

#include "elf_file.h"
#include "utf8.h"

struct ext_header {
	__u16 magic;
	__u8 version;
	__u8 flags;
	__u32 hdr_len;
	__u32 func_info_off;
	__u32 func_info_len;
	__u32 line_info_off;
	__u32 line_info_len;
};

#define EXT_MAGIC	0xeB9F

/* struct cursor - bytes not yet read */
struct cursor {
	const unsigned char *at;
	size_t left;
};

static bool cursor_take(struct cursor *c, void *to, size_t len)
{
	if (c->left < len)
		return false;
	memcpy(to, c->at, len);
	c->at += len;
	c->left -= len;
	return true;
}

static bool cursor_skip(struct cursor *c, size_t len)
{
	if (c->left < len)
		return false;
	c->at += len;
	c->left -= len;
	return true;
}

/* Does the line belong to the function, and come after the previous one? */
static bool line_fits(const struct vnp_func *func, const struct bpf_line_info *line)
{
	__u64 insn = line->insn_off / sizeof(struct bpf_insn);

	return insn >= func->offset + func->lines_end &&
	       insn - func->offset < func->cnt;
}

static int line_add(struct vnp_program *prog, struct vnp_func *func,
		    const struct bpf_line_info *line)
{
	__u32 insn = line->insn_off / sizeof(struct bpf_insn) - func->offset;
	struct vnp_line_info *lines = prog->source.lines;

	/* the array grows to powers of two */
	if (!(prog->source.line_cnt & (prog->source.line_cnt - 1))) {
		lines = realloc(lines, (2 * prog->source.line_cnt + 1) * sizeof(*lines));
		if (!lines)
			return -ENOMEM;
		prog->source.lines = lines;
	}
	lines[prog->source.line_cnt++] = (struct vnp_line_info){
		.insn_off = func->at + insn,
		.file_off = line->file_name_off,
		.text_off = line->line_off,
		.line_col = line->line_col,
	};
	func->lines_end = insn + 1;
	return 0;
}

/* A function may belong to several programs */
static int line_add_all(struct vnp_object *obj, size_t shndx,
			const struct bpf_line_info *line)
{
	struct vnp_program *prog;
	size_t i;
	int err;

	if (line->file_name_off >= obj->strings_len || line->line_off >= obj->strings_len)
		return 0;
	for (prog = obj->programs; prog; prog = prog->next) {
		for (i = 0; i < prog->func_cnt; i++) {
			struct vnp_func *func = &prog->funcs[i];

			if (func->shndx != shndx || !line_fits(func, line))
				continue;
			err = line_add(prog, func, line);
			if (err)
				return err;
		}
	}
	return 0;
}

static int line_compare(const void *a, const void *b)
{
	const struct vnp_line_info *la = a, *lb = b;

	return la->insn_off < lb->insn_off ? -1 : la->insn_off > lb->insn_off;
}

/* One section's records.  Positive: the section is truncated, nothing more to read */
static int records_read(struct vnp_object *obj, const struct vnp_elf *elf,
			struct cursor *c, __u32 rec_size)
{
	const struct vnp_section *sec = NULL;
	struct { __u32 name, cnt; } head;
	struct bpf_line_info line;
	int err;

	if (!cursor_take(c, &head, sizeof(head)))
		return 1;
	if (head.name < obj->strings_len)
		sec = vnp_elf_find(elf, obj->strings + head.name);

	while (head.cnt--) {
		if (!cursor_take(c, &line, sizeof(line)) ||
		    !cursor_skip(c, rec_size - sizeof(line)))
			return 1;
		if (!sec)
			continue;
		err = line_add_all(obj, sec - elf->sections, &line);
		if (err)
			return err;
	}
	return 0;
}

static int strings_read(struct vnp_object *obj, const struct btf *btf)
{
	const struct btf_header *hdr;
	__u32 len;

	hdr = btf__raw_data(btf, &len);
	if (!hdr)
		return -ENOMEM;
	obj->strings = malloc(hdr->str_len);
	if (!obj->strings)
		return -ENOMEM;
	memcpy(obj->strings, (const char *)hdr + hdr->hdr_len + hdr->str_off,
	       hdr->str_len);
	obj->strings_len = hdr->str_len;
	utf8_clean(obj->strings, obj->strings_len, false);
	return 0;
}

static bool line_section_find(const struct vnp_section *sec, struct cursor *c)
{
	struct ext_header hdr;

	*c = (struct cursor){ .at = sec->data, .left = sec->size };
	if (!cursor_take(c, &hdr, sizeof(hdr)) || hdr.magic != EXT_MAGIC ||
	    hdr.hdr_len < sizeof(hdr))
		return false;
	if (!cursor_skip(c, hdr.hdr_len - sizeof(hdr)) ||
	    !cursor_skip(c, hdr.line_info_off) || hdr.line_info_len > c->left)
		return false;
	c->left = hdr.line_info_len;
	return true;
}

int vnp_lines_read(struct vnp_object *obj, const struct vnp_elf *elf,
		   const struct btf *btf)
{
	const struct vnp_section *sec = vnp_elf_find(elf, ".BTF.ext");
	struct vnp_program *prog;
	struct cursor c;
	__u32 rec_size;
	int err;

	if (!btf || !sec || !line_section_find(sec, &c) ||
	    !cursor_take(&c, &rec_size, sizeof(rec_size)) ||
	    rec_size < sizeof(struct bpf_line_info))
		return 0;

	err = strings_read(obj, btf);
	while (!err && c.left)
		err = records_read(obj, elf, &c, rec_size);
	if (err < 0)
		return err;

	for (prog = obj->programs; prog; prog = prog->next) {
		/* functions come from different sections: their lines are not sorted */
		if (prog->source.line_cnt)
			qsort(prog->source.lines, prog->source.line_cnt,
			      sizeof(*prog->source.lines), line_compare);
		prog->source.strings = obj->strings;
		prog->source.strings_len = obj->strings_len;
	}
	return 0;
}
