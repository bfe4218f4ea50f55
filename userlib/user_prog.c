// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/* Programs without a kernel: verified, lowered and executed by vm/ in this process. */
#include <sys/random.h>

#include "user_map.h"
#include "user_exec.h"
#include "vm/code.h"
#include "vm/report/dump.h"
#include "vm/interp/interp.h"
#include "vm/report/log.h"
#include "vm/lower/lower.h"

/* Verify and lower; the report goes to @log */
static int code_make(const struct vnp_program *prog,
		     const struct vnp_load_opts *opts, struct vnp_log *log,
		     struct vnp_code **code)
{
	struct vnp_map_desc maps[prog->map_cnt + 1];
	struct vnp_code_attr attr = {
		.type = prog->type,
		.harden = OPTS_GET(opts, prog_flags) & VNP_PROG_F_HARDEN,
		.budget = prog->budget ?: VNP_BUDGET_DEFAULT,
		.insns = prog->insns,
		.insn_cnt = prog->insn_cnt,
		.maps = maps,
		.map_cnt = prog->map_cnt,
		.log = log,
	};
	__u32 i;
	int err;

	if (getrandom(&attr.key, sizeof(attr.key), 0) != sizeof(attr.key))
		return -EIO;
	if (prog->source.line_cnt)
		attr.source = (struct vnp_source){
			.line_info = prog->source.lines,
			.line_info_cnt = prog->source.line_cnt,
			.strings = prog->source.strings,
			.strings_len = prog->source.strings_len,
		};
	for (i = 0; i < prog->map_cnt; i++)
		vnp_user_map_desc(prog->maps[i]->user, &maps[i]);

	*code = NULL;
	err = vnp_code_create(&attr, code);
	if (!err)
		err = vnp_code_check(*code);
	if (!err)
		err = vnp_lower(*code);
	if (err) {
		vnp_code_destroy(*code);
		*code = NULL;
	} else {
		(*code)->log = NULL;
	}
	return err;
}

static int load_once(struct vnp_program *prog, const struct vnp_load_opts *opts,
		     __u32 log_size, __u32 *log_len)
{
	struct vnp_log log = {
		.size = log_size,
		.level = OPTS_GET(opts, log_level) ?: VNP_LOG_NORMAL,
	};
	int err;

	vnp_code_destroy(prog->code);
	prog->code = NULL;
	free(prog->log);
	prog->log = calloc(1, log_size);
	if (!prog->log)
		return -ENOMEM;
	log.buf = prog->log;
	err = code_make(prog, opts, &log, &prog->code);
	*log_len = log.len + 1;
	return err;
}

int vnp_user_program_load(struct vnp_program *prog, const struct vnp_load_opts *opts)
{
	__u64 start = vnp_now_ns(CLOCK_MONOTONIC);
	__u32 log_len = 0;
	int err;

	if (OPTS_GET(opts, prog_flags) & ~VNP_PROG_F_HARDEN)
		return -EINVAL;

	err = load_once(prog, opts, LOG_FIRST, &log_len);
	if (log_len > LOG_FIRST)
		err = load_once(prog, opts, min(log_len, VNP_LOG_SIZE_MAX), &log_len);

	prog->load_time = vnp_now_ns(CLOCK_BOOTTIME);
	prog->verify_ns = vnp_now_ns(CLOCK_MONOTONIC) - start;
	if (err == -EACCES)
		vnp_program_refused(prog);
	else if (err)
		vnp_error(&prog->print, "Program %s cannot be loaded: %s.%s%s",
			  prog->name, strerror(-err), *prog->log ? " " : "", prog->log);
	else
		vnp_program_warn(prog);
	return err;
}

void vnp_user_program_unload(struct vnp_program *prog)
{
	vnp_code_destroy(prog->code);
	prog->code = NULL;
}

int vnp_user_program_info(const struct vnp_program *prog, struct vnp_prog_info *info)
{
	const struct vnp_code *code = prog->code;
	struct vnp_prog_info full = {
		.type = code->type,
		.insn_cnt = code->loaded_cnt,
		.lowered_cnt = code->lowered.cnt,
		.stack_size = code->lowered.stack_size,
		.budget = code->budget,
		.hardened = code->harden,
		.access_cnt = code->access_cnt,
		.guard_cnt = code->guard_cnt,
		.loop_cnt = code->loop_cnt,
		.map_cnt = code->map_cnt,
		.load_time = prog->load_time,
		.verify_ns = prog->verify_ns,
	};

	vnp_name_set(full.name, "", prog->name);
	return vnp_info_copy(info, &full, sizeof(full));
}

static int dump_copy(const void *from, size_t len, void **buf, __u32 *buf_len)
{
	*buf = calloc(1, len + 1);
	if (!*buf)
		return -ENOMEM;
	if (len)
		memcpy(*buf, from, len);
	*buf_len = len;
	return 0;
}

static int dump_lowered(const struct vnp_code *code, void **buf, __u32 *len)
{
	struct vnp_lowered_insn *insns;

	insns = calloc(code->lowered.cnt + 1, sizeof(*insns));
	if (!insns)
		return -ENOMEM;
	vnp_lowered_dump(code, insns);
	*buf = insns;
	*len = code->lowered.cnt * sizeof(*insns);
	return 0;
}

int vnp_user_program_dump(const struct vnp_program *prog, __u32 what, void **buf,
			  __u32 *len)
{
	const struct vnp_code *code = prog->code;
	__u32 no_ids[VNP_MAPS_MAX] = {};

	switch (what) {
	case VNP_DUMP_INSNS:
		return dump_copy(code->loaded,
				 code->loaded_cnt * sizeof(*code->loaded), buf, len);
	case VNP_DUMP_LOWERED:
		return dump_lowered(code, buf, len);
	case VNP_DUMP_LINE_INFO:
		return dump_copy(prog->source.lines,
				 prog->source.line_cnt * sizeof(*prog->source.lines),
				 buf, len);
	case VNP_DUMP_STRINGS:
		return dump_copy(prog->source.strings, prog->source.strings_len,
				 buf, len);
	case VNP_DUMP_MAP_IDS:
		return dump_copy(no_ids, code->map_cnt * sizeof(*no_ids), buf, len);
	default:
		return -EINVAL;
	}
}

/* One execution; map values that it replaced are freed after it */
static int exec_once(struct vnp_program *prog, struct vnp_user_exec *user)
{
	__u32 i;
	int err;

	user->exec.fault = 0;
	user->exec.retval = 0;
	user->held = (struct vnp_held_one){};
	user->unauthentic = false;
	err = vnp_interp_exec(prog->code, &user->exec);
	if (user->unauthentic) {
		user->exec.fault = 0;
		user->exec.retval = VNP_DROP;
	}
	for (i = 0; i < prog->map_cnt; i++)
		vnp_user_map_free_deferred(prog->maps[i]->user);
	return err;
}

static void exec_report(const struct vnp_user_exec *user, struct vnp_run_opts *opts)
{
	__u32 fault = user->exec.fault;

	opts->fault = VNP_EXEC_FAULT_KIND(fault);
	opts->fault_insn = fault ? VNP_EXEC_FAULT_INSN(fault) : 0;
	opts->retval = fault ? 0 : user->exec.retval;
	if (opts->data_out)
		vnp_user_exec_copy_out(user, opts->data_out,
				      min(opts->data_out_len, user->len));
	opts->data_out_len = user->len;
}

/* A bug of the verifier, as described by the interpreter */
static void exec_failed(const struct vnp_program *prog, const struct vnp_log *log)
{
	vnp_error(&prog->print, "Program %s did something that the verifier had excluded; please report this bug. %s",
		  prog->name, log->buf);
}

int vnp_user_program_run(struct vnp_program *prog, struct vnp_run_opts *opts)
{
	char text[1024] = "";
	struct vnp_log log = {
		.buf = text, .size = sizeof(text), .level = VNP_LOG_NORMAL,
	};
	const __u32 max = prog->type == VNP_PROG_PACKET ? VNP_PACKET_MAX :
							  VNP_RUN_DATAGRAM_MAX;
	__u32 repeat = opts->repeat ?: 1, i;
	struct vnp_user_exec user;
	__u64 start;
	int err;

	if (opts->data_in_len > max || repeat > VNP_RUN_REPEAT_MAX ||
	    opts->direct_len > opts->data_in_len ||
	    (opts->data_in_len && !opts->data_in))
		return -EINVAL;
	err = vnp_user_exec_init(&user, prog->type, opts, &prog->print);
	if (err)
		return err;

	prog->code->log = &log;
	start = vnp_now_ns(CLOCK_MONOTONIC);
	for (i = 0; i < repeat && !err; i++)
		err = exec_once(prog, &user);
	opts->ns = (vnp_now_ns(CLOCK_MONOTONIC) - start) / repeat;
	prog->code->log = NULL;

	if (err == -EFAULT)
		exec_failed(prog, &log);
	if (!err)
		exec_report(&user, opts);
	vnp_user_exec_destroy(&user);
	return err;
}
