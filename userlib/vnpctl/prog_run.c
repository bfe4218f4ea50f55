// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* prog run: execute a program on bytes, in the kernel or in this process. */
#include <fcntl.h>
#include <unistd.h>

#include "ctl.h"

/* struct run - the arguments and the results; @max: bytes of payload */
struct run {
	struct vnp_run_opts opts;
	void *data_in;
	const char *data_out;
	size_t max;
	unsigned char payload[VNP_PACKET_MAX];
};

/* The longest payload for this type of program */
static int run_max(const struct vnp_program *prog, struct run *run)
{
	struct vnp_prog_info info = { .size = sizeof(info) };
	int err = vnp_program_get_info(prog, &info);

	run->max = info.type == VNP_PROG_PACKET ? VNP_PACKET_MAX : VNP_RUN_DATAGRAM_MAX;
	return err ? failed(err, "Cannot read the information about the program") : 0;
}

static int run_parse(struct args *args, struct run *run)
{
	const char *path;
	size_t len = 0;
	int err = 0;

	while (args->cnt && !err) {
		if (args_take(args, "data-in")) {
			path = args_want(args, "The file with the payload");
			free(run->data_in);
			run->data_in = NULL;
			err = path ? hex_read(path, &run->data_in, &len) : -EINVAL;
		} else if (args_take(args, "data-out")) {
			run->data_out = args_want(args, "The file for the payload");
			err = run->data_out ? 0 : -EINVAL;
		} else if (args_take(args, "repeat")) {
			err = args_u32(args, "The number of executions", &run->opts.repeat);
		} else if (args_take(args, "direct")) {
			err = args_u32(args, "The number of direct bytes",
				       &run->opts.direct_len);
		} else {
			err = args_end(args);
		}
	}
	if (err)
		return err;

	if (len > run->max)
		return error("A %s has at most %zu bytes, and these are %zu.",
			     run->max == VNP_PACKET_MAX ? "packet" : "datagram", run->max, len);
	if (run->opts.direct_len > len)
		return error("%u bytes cannot be direct: the payload has %zu.",
			     run->opts.direct_len, len);
	if (run->opts.repeat > VNP_RUN_REPEAT_MAX)
		return error("A program can be executed at most %u times at once.",
			     VNP_RUN_REPEAT_MAX);
	run->opts.data_in = run->data_in;
	run->opts.data_in_len = len;
	run->opts.data_out = run->payload;
	run->opts.data_out_len = sizeof(run->payload);
	return 0;
}

/* Lines the program logged in the kernel are read from its descriptor */
static struct json_object *run_lines(const struct vnp_program *prog)
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

static void run_json(const struct vnp_program *prog, const struct run *run)
{
	struct json_object *obj = json_object_new_object(), *source;
	const struct vnp_run_opts *opts = &run->opts;
	struct vnp_source_line src;
	const char *verdict = opts->fault ? NULL : verdict_name(opts->retval);

	add_u64(obj, "retval", opts->retval);
	json_object_object_add(obj, "verdict",
			       verdict ? json_object_new_string(verdict) : NULL);
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
	add_hex(obj, "data_out", run->payload, opts->data_out_len);
	json_object_object_add(obj, "log", run_lines(prog));
	json_print(obj);
}

static void run_print(const struct vnp_program *prog, const struct run *run)
{
	const struct vnp_run_opts *opts = &run->opts;
	struct json_object *lines = run_lines(prog);
	const char *verdict = opts->fault ? NULL : verdict_name(opts->retval);
	struct vnp_source_line src;
	size_t i;

	for (i = 0; i < json_object_array_length(lines); i++)
		printf("log      %s\n",
		       json_object_get_string(json_object_array_get_idx(lines, i)));
	json_object_put(lines);

	printf("retval   %llu (0x%llx)%s%s\n", opts->retval, opts->retval,
	       verdict ? ", " : "", verdict ? verdict : "");
	if (!opts->fault && !verdict)
		printf("         which is not a verdict: a link counts the fault \"%s\", and drops\n"
		       "         the datagram, or passes it with \"fault pass\"\n",
		       fault_name(VNP_FAULT_VERDICT));
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

static int run_do(struct prog_ref *ref, struct run *run)
{
	int err;

	progress_start("running");
	err = vnp_program_run(ref->prog, &run->opts);
	progress_stop();
	if (err)
		return failed(err, "Cannot run program %s", vnp_program_name(ref->prog));

	if (settings.json)
		run_json(ref->prog, run);
	else
		run_print(ref->prog, run);
	return run->data_out ? hex_write(run->data_out, run->payload,
					 run->opts.data_out_len) : 0;
}

int prog_run(struct args *args)
{
	struct run *run = calloc(1, sizeof(*run));
	struct prog_ref ref;
	int err;

	if (!run)
		return error("Out of memory.");
	run->opts.sz = sizeof(run->opts);
	err = prog_ref_load(args, PROG_REF_ID | PROG_REF_RAW | PROG_REF_ONE, &ref);
	if (!err) {
		err = run_max(ref.prog, run) ?: run_parse(args, run);
		if (!err)
			err = run_do(&ref, run);
		prog_ref_close(&ref);
	}
	free(run->data_in);
	free(run);
	return err;
}
