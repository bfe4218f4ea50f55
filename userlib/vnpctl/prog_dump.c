// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* prog dump: a program's instructions as text. */
#include "ctl.h"

/* An instruction of either kind of dump */
struct dump {
	struct bpf_insn *insns;
	struct vnp_lowered_insn *lowered;	/* NULL for loaded */
	__u32 cnt;
};

static int dump_lowered_read(const struct vnp_program *prog, struct dump *dump)
{
	void *buf;
	__u32 len, i;
	int err;

	err = vnp_program_dump(prog, VNP_DUMP_LOWERED, &buf, &len);
	if (err)
		return err;
	dump->lowered = buf;
	dump->cnt = len / sizeof(*dump->lowered);
	dump->insns = calloc(dump->cnt + 1, sizeof(*dump->insns));
	if (!dump->insns)
		return -ENOMEM;
	for (i = 0; i < dump->cnt; i++)
		dump->insns[i] = (struct bpf_insn){
			.code = dump->lowered[i].code,
			.dst_reg = dump->lowered[i].regs & 0xf,
			.src_reg = dump->lowered[i].regs >> 4,
			.off = dump->lowered[i].off,
			.imm = dump->lowered[i].imm,
		};
	return 0;
}

static int dump_read(const struct vnp_program *prog, bool xlated, struct dump *dump)
{
	void *buf;
	__u32 len;
	int err;

	if (xlated)
		return dump_lowered_read(prog, dump);
	err = vnp_program_dump(prog, VNP_DUMP_INSNS, &buf, &len);
	if (err)
		return err;
	dump->insns = buf;
	dump->cnt = len / sizeof(*dump->insns);
	return 0;
}

static void insn_json(struct json_object *list, const struct dump *dump, __u32 i,
		      const char *text, const struct vnp_source_line *src)
{
	struct json_object *obj = json_object_new_object();

	add_u64(obj, "insn", i);
	add_str(obj, "text", text);
	if (dump->lowered) {
		add_u64(obj, "origin", dump->lowered[i].origin);
		add_str(obj, "guard", fault_name(dump->lowered[i].guard));
	}
	if (src) {
		add_str(obj, "file", src->file);
		add_u64(obj, "line", src->line);
		add_str(obj, "source", src->text);
	}
	json_object_array_add(list, obj);
}

static void insn_print(const struct dump *dump, __u32 i, const char *text,
		       const struct vnp_source_line *src, bool linum)
{
	if (src && linum)
		printf("; %s [%s:%u]\n", src->text + strspn(src->text, " \t"),
		       src->file, src->line);
	else if (src)
		printf("; %s\n", src->text + strspn(src->text, " \t"));

	if (!dump->lowered)
		printf("%6u: %s\n", i, text);
	else if (dump->lowered[i].guard)
		printf("%6u: %5u: %-48s ! %s\n", i, dump->lowered[i].origin, text,
		       fault_name(dump->lowered[i].guard));
	else
		printf("%6u: %5u: %s\n", i, dump->lowered[i].origin, text);
}

static void dump_print(const struct vnp_program *prog, const struct dump *dump,
		       bool linum)
{
	struct json_object *list = json_object_new_array();
	struct vnp_source_line src, *known;
	const char *last = NULL;
	__u32 i, origin, len;
	char text[128];

	for (i = 0; i < dump->cnt; i += len) {
		len = vnp_insn_text(&dump->insns[i], text, sizeof(text));
		origin = dump->lowered ? dump->lowered[i].origin : i;
		known = vnp_program_source(prog, origin, &src) ? NULL : &src;
		if (settings.json)
			insn_json(list, dump, i, text, linum ? known : NULL);
		else	/* print a line of C before the first of its instructions */
			insn_print(dump, i, text, known && src.text != last ? known : NULL,
				   linum);
		last = known ? src.text : NULL;
	}
	if (settings.json)
		json_print(json_object_get(list));
	json_object_put(list);
}

int prog_dump(struct args *args)
{
	struct dump dump = {};
	struct prog_ref ref;
	bool xlated, linum;
	int err;

	xlated = args_take(args, "xlated");
	if (!xlated && !args_take(args, "loaded"))
		return error("Specify what to dump: xlated or loaded.");
	err = prog_ref_load(args, PROG_REF_ID | PROG_REF_RAW | PROG_REF_ONE, &ref);
	if (err)
		return err;

	linum = args_take(args, "linum");
	err = args_end(args);
	if (!err) {
		err = dump_read(ref.prog, xlated, &dump);
		if (err)
			failed(err, "Cannot dump program %s", vnp_program_name(ref.prog));
		else
			dump_print(ref.prog, &dump, linum);
	}
	free(dump.insns);
	free(dump.lowered);
	prog_ref_close(&ref);
	return err;
}
