// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* prog run: execute a program on bytes, in the kernel or in this process. */
#include <fcntl.h>
#include <unistd.h>

#include "ctl.h"

/* struct execution - the arguments and the results; @max: bytes of payload */
struct execution {
	struct vnp_run_opts opts;
	void *data_in;
	const char *data_out;
	size_t max;
	unsigned char payload[VNP_PACKET_MAX];
};

/* The longest payload for this type of program */
static int exec_max(const struct vnp_program *prog, struct execution *exec)
{
	struct vnp_prog_info info = { .size = sizeof(info) };
	int err = vnp_program_get_info(prog, &info);

	exec->max = info.type == VNP_PROG_PACKET ? VNP_PACKET_MAX : VNP_RUN_DATAGRAM_MAX;
	return err ? failed(err, "Cannot read the information about the program") : 0;
}

static int exec_parse(struct args *args, struct execution *exec)
{
	const char *path;
	size_t len = 0;
	int err = 0;

	while (args->cnt && !err) {
		if (args_take(args, "data-in")) {
			path = args_want(args, "The file with the payload");
			free(exec->data_in);
			exec->data_in = NULL;
			err = path ? hex_read(path, &exec->data_in, &len) : -EINVAL;
		} else if (args_take(args, "data-out")) {
			exec->data_out = args_want(args, "The file for the payload");
			err = exec->data_out ? 0 : -EINVAL;
		} else if (args_take(args, "repeat")) {
			err = args_u32(args, "The number of executions", &exec->opts.repeat);
		} else if (args_take(args, "direct")) {
			err = args_u32(args, "The number of direct bytes",
				       &exec->opts.direct_len);
		} else {
			err = args_end(args);
		}
	}
	if (err)
		return err;

	if (len > exec->max)
		return error("A %s has at most %zu bytes, and these are %zu.",
			     exec->max == VNP_PACKET_MAX ? "packet" : "datagram", exec->max, len);
	if (exec->opts.direct_len > len)
		return error("%u bytes cannot be direct: the payload has %zu.",
			     exec->opts.direct_len, len);
	if (exec->opts.repeat > VNP_RUN_REPEAT_MAX)
		return error("A program can be executed at most %u times at once.",
			     VNP_RUN_REPEAT_MAX);
	exec->opts.data_in = exec->data_in;
	exec->opts.data_in_len = len;
	exec->opts.data_out = exec->payload;
	exec->opts.data_out_len = sizeof(exec->payload);
	return 0;
}

/* Lines the program logged in the kernel are read from its descriptor */
static struct json_object *exec_lines(const struct vnp_program *prog)
{
	struct json_object *lines = program_lines();
	char buf[4096 + 1], *line, *rest;
	int fd = vnp_program_fd(prog);
	ssize_t len;

	if (fd < 0 || fcntl(fd, F_SETFL, O_NONBLOCK))
		return lines;
	while ((len = read(fd, buf, sizeof(buf) - 1)) > 0) {
		buf[len] = 0;
		rest = buf;
		while ((line = strsep(&rest, "\n")))
			if (*line || rest)
				json_object_array_add(lines, json_object_new_string(line));
	}
	return lines;
}

/* The result of a program for streams is a length, not a verdict. */
static bool returns_length(const struct vnp_program *prog)
{
	return vnp_program_type(prog) == VNP_PROG_STREAM;
}

static void exec_json(const struct vnp_program *prog, const struct execution *exec)
{
	struct json_object *obj = json_object_new_object(), *source;
	const struct vnp_run_opts *opts = &exec->opts;
	struct vnp_source_line src;
	const char *verdict = opts->fault || returns_length(prog) ? NULL : verdict_name(opts->retval);

	add_u64(obj, "retval", opts->retval);
	json_object_object_add(obj, "verdict",
			       verdict ? json_object_new_string(verdict) : NULL);
	if (returns_length(prog))
		json_object_object_add(obj, "length", opts->fault ? NULL :
				       json_object_new_int((__s32)opts->retval));
	add_str(obj, "fault", fault_name(opts->fault));
	if (opts->fault) {
		add_u64(obj, "fault_insn", opts->fault_insn);
		if (!vnp_program_source(prog, opts->fault_insn, &src)) {
			source = json_object_new_object();
			add_str(source, "file", src.file);
			add_u64(source, "line", src.line);
			add_str(source, "text", src.text);
			json_object_object_add(obj, "fault_source", source);
		}
	}
	add_u64(obj, "ns", opts->ns);
	add_u64(obj, "repeat", opts->repeat ?: 1);
	add_hex(obj, "data_out", exec->payload, opts->data_out_len);
	json_object_object_add(obj, "log", exec_lines(prog));
	json_print(obj);
}

static void retval_print(const struct vnp_program *prog, const struct vnp_run_opts *opts)
{
	const char *verdict = verdict_name(opts->retval);
	const __s32 len = opts->retval;

	if (opts->fault) {
		printf("retval   none: the execution ended with a fault\n");
		return;
	}
	printf("retval   %llu (0x%llx)", opts->retval, opts->retval);
	if (returns_length(prog) && len > 0) {
		printf(": the message has %d bytes\n", len);
	} else if (returns_length(prog)) {
		puts(len ? ": this is no message" : ": more bytes are needed to know the length");
	} else if (verdict) {
		printf(", %s\n", verdict);
	} else {
		printf("\n         which is not a verdict: a link counts the fault \"%s\", and drops\n"
		       "         the datagram, or passes it with \"fault pass\"\n",
		       fault_name(VNP_FAULT_VERDICT));
	}
}

static void exec_print(const struct vnp_program *prog, const struct execution *exec)
{
	const struct vnp_run_opts *opts = &exec->opts;
	struct json_object *lines = exec_lines(prog);
	struct vnp_source_line src;
	size_t i;

	for (i = 0; i < json_object_array_length(lines); i++)
		printf("log      %s\n",
		       json_object_get_string(json_object_array_get_idx(lines, i)));
	json_object_put(lines);

	retval_print(prog, opts);
	printf("fault    %s", fault_name(opts->fault));
	if (opts->fault)
		printf(" at insn %u", opts->fault_insn);
	putchar('\n');
	if (opts->fault && !vnp_program_source(prog, opts->fault_insn, &src))
		printf("         %s:%u: %s\n", src.file, src.line,
		       src.text + strspn(src.text, " \t"));
	printf("time     %llu ns per execution, mean of %u\n", opts->ns, opts->repeat ?: 1);
	printf("payload  %u bytes\n", opts->data_out_len);
}

static int exec_do(struct prog_ref *ref, struct execution *exec)
{
	int err;

	progress_start("executing");
	err = vnp_program_run(ref->prog, &exec->opts);
	progress_stop();
	if (err)
		return failed(err, "Cannot execute program %s", vnp_program_name(ref->prog));

	if (settings.json)
		exec_json(ref->prog, exec);
	else
		exec_print(ref->prog, exec);
	/* The output in JSON has the payload, and nothing may follow it. */
	if (!exec->data_out || (settings.json && !strcmp(exec->data_out, "-")))
		return 0;
	return hex_write(exec->data_out, exec->payload, exec->opts.data_out_len);
}

int prog_run(struct args *args)
{
	struct execution *exec = calloc(1, sizeof(*exec));
	struct prog_ref ref;
	int err;

	if (!exec)
		return error("Out of memory.");
	exec->opts.sz = sizeof(exec->opts);
	err = prog_ref_load(args, PROG_REF_ID | PROG_REF_RAW | PROG_REF_ONE, &ref);
	if (!err) {
		err = exec_max(ref.prog, exec) ?: exec_parse(args, exec);
		if (!err)
			err = exec_do(&ref, exec);
		prog_ref_close(&ref);
	}
	free(exec->data_in);
	free(exec);
	return err;
}
