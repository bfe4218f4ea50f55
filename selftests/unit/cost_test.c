// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The cost of hardening: each program of samples/ and of the other tests is lowered for a
 * trusted and for an untrusted user.  Prints the number of instructions, and of those
 * executed, with a barrier counted as VNP_BARRIER_COST.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <glob.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "userlib/user_exec.h"
#include "selftests/vm/check_lowered.h"
#include "vm/code.h"
#include "vm/interp/interp.h"

struct cost {
	__u32 lowered;
	__u32 masks;
	__u32 barriers;
	__u64 executed;
	__u64 retval;
};

/* A DNS query for example.com, for dnsguard and the tests' parsers */
static const __u8 query[] =
	"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"
	"\x07" "example" "\x03" "com" "\x00" "\x00\x01\x00\x01";

static __u64 executed(struct vnp_program *prog, __u64 *retval)
{
	struct vnp_run_opts opts = {
		.sz = sizeof(opts),
		.data_in = (void *)query,
		.data_in_len = sizeof(query) - 1,
	};
	struct vnp_user_exec user = {};

	assert_int_equal(vnp_user_exec_init(&user, prog->type, &opts,
					   &prog->print), 0);
	assert_int_equal(vnp_interp_exec_lowered(prog->code, &user.exec), 0);
	*retval = user.exec.retval;
	vnp_user_exec_destroy(&user);
	return prog->code->executed;
}

static void measure(struct vnp_program *prog, struct cost *cost)
{
	const struct vnp_code *code = prog->code;

	*cost = (struct cost){
		.lowered = code->lowered.cnt,
		.masks = code->mask_cnt,
		.barriers = code->barrier_cnt,
	};
	cost->executed = executed(prog, &cost->retval);
	if (code->harden)
		assert_int_equal(vnp_check_lowered(code, NULL), 0);
}

/* Some objects of the tests have programs that must be refused */
static void no_print(void *ctx, enum vnp_print_level level, const char *line)
{
	(void)ctx, (void)level, (void)line;
}

static int load(const char *path, __u32 flags, struct vnp_object **obj)
{
	struct vnp_open_opts quiet = { .sz = sizeof(quiet), .print = no_print };
	struct vnp_load_opts opts = {
		.sz = sizeof(opts),
		.flags = VNP_LOAD_F_USER,
		.prog_flags = flags,
	};

	assert_int_equal(vnp_object_open_file(path, &quiet, obj), 0);
	return vnp_object_load(*obj, &opts);
}

static void compare(char *path, struct cost *sum)
{
	struct vnp_program *p, *q;
	struct vnp_object *a, *b;
	struct cost t, u;

	bool loaded = !load(path, 0, &a);

	assert_int_equal(loaded, !load(path, VNP_PROG_F_HARDEN, &b));
	for (p = a->programs, q = b->programs; p && loaded; p = p->next, q = q->next) {
		measure(p, &t);
		measure(q, &u);
		printf("# %-26.26s %6zu %7u %8u %6u %8u %9llu %9llu\n", p->name,
		       p->insn_cnt, t.lowered, u.lowered, u.masks, u.barriers,
		       t.executed, u.executed);
		sum[0].lowered += t.lowered;
		sum[1].lowered += u.lowered;
		sum[0].executed += t.executed;
		sum[1].executed += u.executed;
	}
	vnp_object_close(a);
	vnp_object_close(b);
}

static void table(void **state)
{
	static const char * const where[] = {
		"%s/../../samples/*/*.bpf.o", "%s/parse.bpf.o", "%s/../progs/*.bpf.o",
	};
	char self[PATH_MAX] = "", pattern[2 * PATH_MAX];
	struct cost sum[2] = {};
	glob_t found = {};
	size_t i;

	(void)state;
	assert_true(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	dirname(self);
	for (i = 0; i < sizeof(where) / sizeof(where[0]); i++) {
		snprintf(pattern, sizeof(pattern), where[i], self);
		glob(pattern, i ? GLOB_APPEND : 0, NULL, &found);
	}
	printf("# %-26s %6s %7s %8s %6s %8s %9s %9s\n", "program", "insns", "trusted",
	       "hardened", "masks", "barriers", "executed", "hardened");
	for (i = 0; i < found.gl_pathc; i++)
		if (!strstr(found.gl_pathv[i], ".v2."))
			compare(found.gl_pathv[i], sum);
	printf("# %-26s %6s %7u %8u %6s %8s %9llu %9llu\n", "all", "", sum[0].lowered,
	       sum[1].lowered, "", "", sum[0].executed, sum[1].executed);
	globfree(&found);
	assert_true(sum[0].lowered > 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
