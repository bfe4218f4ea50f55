// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* The library's messages for the mistakes in message.bpf.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "vnp/libvnp.h"

static char printed[4096];

static void remember(void *ctx, enum vnp_print_level level, const char *line)
{
	static const char *const levels[] = { "error", "warning", "info", "program" };
	size_t len = strlen(printed);

	(void)ctx;
	snprintf(printed + len, sizeof(printed) - len, "%s: %s\n", levels[level], line);
}

/* Load only this program.  Return: the object, or NULL with the error */
static struct vnp_object *load(const char *name, int *err)
{
	static const struct vnp_open_opts open_opts = {
		.sz = sizeof(open_opts), .print = remember,
	};
	static const struct vnp_load_opts load_opts = {
		.sz = sizeof(load_opts), .flags = VNP_LOAD_F_USER,
	};
	char self[PATH_MAX] = "", path[2 * PATH_MAX];
	struct vnp_program *prog;
	struct vnp_object *obj;

	printed[0] = 0;
	assert_true(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	snprintf(path, sizeof(path), "%s/message.bpf.o", dirname(self));
	assert_int_equal(vnp_object_open_file(path, &open_opts, &obj), 0);
	for (prog = vnp_object_next_program(obj, NULL); prog;
	     prog = vnp_object_next_program(obj, prog))
		vnp_program_set_autoload(prog, !strcmp(vnp_program_name(prog), name));
	*err = vnp_object_load(obj, &load_opts);
	if (!*err)
		return obj;
	vnp_object_close(obj);
	return NULL;
}

static void assert_printed(const char *text)
{
	if (!strstr(printed, text))
		fail_msg("no message \"%s\", but:\n%s", text, printed);
}

static void assert_refused(const char *name, const char *text)
{
	int err;

	assert_null(load(name, &err));
	assert_int_equal(err, -EACCES);
	assert_printed(text);
}

static void helpers_of_the_kernel(void **state)
{
	(void)state;
	assert_refused("kernel_helper",
		       "calls the kernel's helper bpf_get_prandom_u32 (7): include <vnp/program.h> and use vnp_random_u32().");
	assert_refused("kernel_helper_only",
		       "calls the kernel's helper bpf_get_smp_processor_id (8), and VNP has none like it: <vnp/program.h> lists its own.");
}

static void formats(void **state)
{
	(void)state;
	assert_refused("bad_conversion", "vnp_printk() has no conversion %p");
	assert_refused("bad_count", "vnp_printk() is given 1 numbers for 2 conversions");
}

/* A format that is not known at load time is reported in the program's log */
static void formats_at_run_time(void **state)
{
	struct vnp_run_opts run = { .sz = sizeof(run) };
	struct vnp_object *obj;
	int err;

	(void)state;
	obj = load("bad_sometimes", &err);
	assert_int_equal(err, 0);
	assert_string_equal(printed, "");
	assert_int_equal(vnp_program_run(vnp_object_find_program(obj, "bad_sometimes"),
					 &run), 0);
	assert_int_equal(run.fault, VNP_FAULT_NONE);
	assert_int_equal(run.retval, VNP_PASS);
	assert_printed("program: vnp_printk() has no conversion %s");
	vnp_object_close(obj);
}

static void assert_loads(const char *name)
{
	struct vnp_object *obj;
	int err;

	obj = load(name, &err);
	if (err)
		fail_msg("%s: %s", name, printed);
	vnp_object_close(obj);
}

static void verdicts(void **state)
{
	(void)state;
	assert_loads("never_verdict");
	assert_printed("warning: Program never_verdict, insn ");
	assert_printed("(message.bpf.c:52): this returns 99, which is no verdict");
	assert_printed("(message.bpf.c:52): this returns -1, which is no verdict");
	assert_loads("sometimes_verdict");
	assert_printed("this returns -1, which is no verdict");
	assert_loads("answers_message");
	assert_string_equal(printed, "");
	assert_loads("passes_number_on");
	assert_printed("this returns -7, which is no verdict");
	assert_loads("verdict_of_number");
	assert_string_equal(printed, "");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(helpers_of_the_kernel),
		cmocka_unit_test(formats),
		cmocka_unit_test(formats_at_run_time),
		cmocka_unit_test(verdicts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
