// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/* Programs: of an object, loaded into the kernel, opened by id. */
#include <unistd.h>

#include "internal.h"
#include "utf8.h"
#include "vm/isa/disasm.h"

struct vnp_program *vnp_program_new(const char *name, const struct vnp_printer *print)
{
	struct vnp_program *prog = calloc(1, sizeof(*prog));

	if (!prog)
		return NULL;
	prog->print = *print;
	prog->fd = -1;
	prog->autoload = true;
	prog->name = strdup(name);
	if (!prog->name) {
		free(prog);
		return NULL;
	}
	return prog;
}

void vnp_program_unload(struct vnp_program *prog)
{
	if (prog->fd >= 0)
		close(prog->fd);
	prog->fd = -1;
	vnp_user_program_unload(prog);
}

void vnp_program_free(struct vnp_program *prog)
{
	vnp_program_unload(prog);
	if (!prog->obj)
		free(prog->source.strings);
	free(prog->source.lines);
	free(prog->maps);
	free(prog->funcs);
	free(prog->insns);
	free(prog->log);
	free(prog->name);
	free(prog);
}

int vnp_program_add_func(struct vnp_program *prog, size_t shndx, size_t offset,
			 size_t cnt)
{
	struct vnp_func *funcs;

	funcs = realloc(prog->funcs, (prog->func_cnt + 1) * sizeof(*funcs));
	if (!funcs)
		return -ENOMEM;
	prog->funcs = funcs;
	funcs[prog->func_cnt++] = (struct vnp_func){
		.shndx = shndx, .offset = offset, .at = prog->insn_cnt, .cnt = cnt,
	};
	return 0;
}

static bool log_has_map(const char *log, __u32 map)
{
	char text[24];
	size_t len;

	len = snprintf(text, sizeof(text), "map %u", map);
	while ((log = strstr(log, text))) {
		log += len;
		if (*log < '0' || *log > '9')
			return true;
	}
	return false;
}

void vnp_program_refused(const struct vnp_program *prog)
{
	const char *line = vnp_program_log(prog);
	size_t len;
	__u32 i;

	vnp_error(&prog->print, "The verifier refuses program %s:", prog->name);
	while (*line) {
		len = strcspn(line, "\n");
		vnp_error(&prog->print, "%.*s", (int)len, line);
		line += len + (line[len] == '\n');
	}
	/* The verifier only knows their numbers. */
	for (i = 0; i < prog->map_cnt; i++)
		if (log_has_map(vnp_program_log(prog), i))
			vnp_error(&prog->print, "    map %u: %s", i, prog->maps[i]->name);
}

void vnp_program_warn(const struct vnp_program *prog)
{
	static const char mark[] = "warning: ";
	const char *line;
	size_t len;

	for (line = vnp_program_log(prog); *line; line += len + (line[len] == '\n')) {
		len = strcspn(line, "\n");
		if (!strncmp(line, mark, strlen(mark)))
			vnp_print(&prog->print, VNP_PRINT_WARNING, "Program %s, %.*s",
				  prog->name, (int)(len - strlen(mark)),
				  line + strlen(mark));
	}
}

/* The last line of the report says why. */
static void program_not_permitted(const struct vnp_program *prog)
{
	const char *log = vnp_program_log(prog), *line;
	size_t len = strlen(log);

	while (len && log[len - 1] == '\n')
		len--;
	for (line = log + len; line > log && line[-1] != '\n';)
		line--;
	vnp_error(&prog->print, "Program %s is not permitted: %.*s Set a lower budget (vnp_program_set_budget()), or ask root to raise the module's parameter budget_max.",
		  prog->name, (int)(log + len - line), line);
}

static int program_load_failed(const struct vnp_program *prog, int dev, int err)
{
	if (err == -EPERM && vnp_device_denied(dev, &prog->print))
		return err;
	if (err == -EACCES)
		vnp_program_refused(prog);
	else if (err == -EOPNOTSUPP)
		vnp_error(&prog->print, "The kernel cannot compile program %s: its JIT is off (sysctl net.core.bpf_jit_enable=1).",
			  prog->name);
	else if (err == -EPERM && *vnp_program_log(prog))
		program_not_permitted(prog);
	else
		vnp_error(&prog->print, "Program %s cannot be loaded: %s.%s%s", prog->name,
			  strerror(-err), *vnp_program_log(prog) ? " " : "",
			  vnp_program_log(prog));
	return err;
}

/* One attempt with a report of up to @log_size bytes */
static int program_load_once(struct vnp_program *prog, int dev,
			     struct vnp_prog_load *load, __u32 log_size)
{
	free(prog->log);
	prog->log = calloc(1, log_size);
	if (!prog->log)
		return -ENOMEM;
	load->log_buf = ptr_to_u64(prog->log);
	load->log_size = log_size;
	load->log_len = 0;
	return vnp_ioctl(dev, VNP_PROG_LOAD, load);
}

int vnp_program_load_kernel(struct vnp_program *prog, int dev,
			    const struct vnp_load_opts *opts)
{
	__s32 fds[prog->map_cnt + 1];
	struct vnp_prog_load load = {
		.size = sizeof(load),
		.flags = OPTS_GET(opts, prog_flags),
		.type = prog->type,
		.insn_cnt = prog->insn_cnt,
		.insns = ptr_to_u64(prog->insns),
		.map_fds = prog->map_cnt ? ptr_to_u64(fds) : 0,
		.map_cnt = prog->map_cnt,
		.budget = prog->budget,
		.line_info = ptr_to_u64(prog->source.lines),
		.line_info_cnt = prog->source.line_cnt,
		.log_level = OPTS_GET(opts, log_level) ?: VNP_LOG_NORMAL,
	};
	__u32 want, i;
	int fd;

	for (i = 0; i < prog->map_cnt; i++)
		fds[i] = prog->maps[i]->fd;
	if (load.line_info_cnt) {
		load.strings = ptr_to_u64(prog->source.strings);
		load.strings_len = prog->source.strings_len;
	}
	vnp_name_set(load.name, "", prog->name);

	fd = program_load_once(prog, dev, &load, LOG_FIRST);
	if (load.log_len > LOG_FIRST) {
		/* the report was truncated: load again with a larger buffer */
		if (fd >= 0)
			close(fd);
		want = load.log_len < VNP_LOG_SIZE_MAX ? load.log_len : VNP_LOG_SIZE_MAX;
		fd = program_load_once(prog, dev, &load, want);
	}
	if (fd < 0)
		return program_load_failed(prog, dev, fd);
	prog->fd = fd;
	vnp_program_warn(prog);
	return 0;
}

/* The C lines of a program that was opened by id */
static int program_source_get(struct vnp_program *prog)
{
	struct vnp_source_info *src = &prog->source;
	void *lines, *strings;
	__u32 len;
	int err;

	err = vnp_program_dump(prog, VNP_DUMP_LINE_INFO, &lines, &len);
	if (err)
		return err;
	src->lines = lines;
	src->line_cnt = len / sizeof(*src->lines);
	err = vnp_program_dump(prog, VNP_DUMP_STRINGS, &strings, &len);
	if (err)
		return err;
	src->strings = strings;
	src->strings_len = len;
	utf8_clean(src->strings, len, false);
	return 0;
}

VNP_API int vnp_program_open(__u32 id, const struct vnp_open_opts *opts,
			     struct vnp_program **to)
{
	struct vnp_prog_info info = { .size = sizeof(info) };
	struct vnp_program *prog;
	struct vnp_printer print;
	int fd, err;

	if (!OPTS_VALID(opts))
		return -EINVAL;
	print = vnp_printer_get(opts);
	fd = vnp_id_open(VNP_OBJ_PROG, id, &print);
	if (fd < 0)
		return fd;

	err = vnp_ioctl(fd, VNP_PROG_INFO, &info);
	if (err)
		goto err_close;
	info.name[VNP_NAME_LEN - 1] = 0;
	err = -ENOMEM;
	prog = vnp_program_new(info.name, &print);
	if (!prog)
		goto err_close;
	prog->fd = fd;
	prog->type = info.type;
	err = program_source_get(prog);
	if (err) {
		vnp_program_free(prog);
		return err;
	}
	*to = prog;
	return 0;

err_close:
	close(fd);
	return err;
}

VNP_API void vnp_program_close(struct vnp_program *prog)
{
	if (prog)
		vnp_program_free(prog);
}

VNP_API const char *vnp_program_name(const struct vnp_program *prog)
{
	return prog->name;
}

VNP_API __u32 vnp_program_type(const struct vnp_program *prog)
{
	return prog->type;
}

VNP_API int vnp_program_fd(const struct vnp_program *prog)
{
	return prog->fd;
}

VNP_API int vnp_program_set_autoload(struct vnp_program *prog, bool autoload)
{
	if (!prog->obj || prog->obj->loaded)
		return -EBUSY;
	prog->autoload = autoload;
	return 0;
}

VNP_API int vnp_program_set_budget(struct vnp_program *prog, __u32 budget)
{
	if (!prog->obj || prog->obj->loaded)
		return -EBUSY;
	prog->budget = budget;
	return 0;
}

VNP_API const char *vnp_program_log(const struct vnp_program *prog)
{
	return prog->log ? prog->log : "";
}

VNP_API int vnp_program_get_info(const struct vnp_program *prog,
				 struct vnp_prog_info *info)
{
	if (prog->code)
		return vnp_user_program_info(prog, info);
	return prog->fd < 0 ? -ENOENT : vnp_ioctl(prog->fd, VNP_PROG_INFO, info);
}

VNP_API int vnp_program_dump(const struct vnp_program *prog, __u32 what, void **to,
			     __u32 *len)
{
	struct vnp_prog_dump dump = { .size = sizeof(dump), .what = what };
	void *buf;
	int err;

	if (prog->code)
		return vnp_user_program_dump(prog, what, to, len);
	if (prog->fd < 0)
		return -ENOENT;

	err = vnp_ioctl(prog->fd, VNP_PROG_DUMP, &dump);
	if (err)
		return err;
	buf = calloc(1, (size_t)dump.len + 1);
	if (!buf)
		return -ENOMEM;
	dump.buf = dump.len ? ptr_to_u64(buf) : 0;
	err = vnp_ioctl(prog->fd, VNP_PROG_DUMP, &dump);
	if (err) {
		free(buf);
		return err;
	}
	*to = buf;
	*len = dump.len;
	return 0;
}

VNP_API int vnp_program_source(const struct vnp_program *prog, __u32 insn,
			       struct vnp_source_line *line)
{
	const struct vnp_source_info *src = &prog->source;
	const struct vnp_line_info *info = NULL;
	__u32 i;

	for (i = 0; i < src->line_cnt && src->lines[i].insn_off <= insn; i++)
		info = &src->lines[i];
	/* line 0: generated by the compiler */
	if (!info || !(info->line_col >> 10) || info->file_off >= src->strings_len ||
	    info->text_off >= src->strings_len)
		return -ENOENT;

	line->file = src->strings + info->file_off;
	line->text = src->strings + info->text_off;
	line->line = info->line_col >> 10;
	line->column = info->line_col & 0x3ff;
	return 0;
}

static int program_run_kernel(struct vnp_program *prog, struct vnp_run_opts *opts)
{
	struct vnp_prog_run run = {
		.size = sizeof(run),
		.data_in = ptr_to_u64(opts->data_in),
		.data_out = ptr_to_u64(opts->data_out),
		.data_in_len = opts->data_in_len,
		.data_out_len = opts->data_out_len,
		.repeat = opts->repeat,
		.direct_len = opts->direct_len,
	};
	int err;

	err = vnp_ioctl(prog->fd, VNP_PROG_RUN, &run);
	if (err)
		return err;
	opts->data_out_len = run.data_out_len;
	opts->retval = run.retval;
	opts->fault = run.fault;
	opts->fault_insn = run.fault_insn;
	opts->ns = run.ns;
	return 0;
}

VNP_API int vnp_program_run(struct vnp_program *prog, struct vnp_run_opts *opts)
{
	/* all fields of the first version are required */
	if (!opts || opts->sz < sizeof(*opts) || !OPTS_VALID(opts))
		return -EINVAL;
	if (prog->code)
		return vnp_user_program_run(prog, opts);
	return prog->fd < 0 ? -ENOENT : program_run_kernel(prog, opts);
}

VNP_API int vnp_insn_text(const struct bpf_insn *insn, char *text, size_t len)
{
	char whole[VNP_DISASM_LEN];
	int cnt = vnp_disasm(insn, whole);

	if (len) {
		strncpy(text, whole, len - 1);
		text[len - 1] = 0;
	}
	return cnt;
}
