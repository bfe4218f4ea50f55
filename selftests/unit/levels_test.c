// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Programs compiled by clang at -O1, -O2 and -Os are accepted: every program of the tree,
 * for trusted and untrusted users, except the one below.  The checker also proves the
 * latter.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <glob.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "userlib/internal.h"
#include "selftests/vm/check_lowered.h"

/* A program that must be refused, as another test checks */
#define REFUSED	"writes_constant"

/* Number of programs; the library prints why one is refused */
static __u32 load(const char *path, __u32 flags, __u32 *refused)
{
	struct vnp_load_opts opts = {
		.sz = sizeof(opts), .flags = VNP_LOAD_F_USER, .prog_flags = flags,
	};
	struct vnp_object *obj;
	struct vnp_program *p;
	__u32 cnt = 0;

	assert_int_equal(vnp_object_open_file(path, NULL, &obj), 0);
	for (p = obj->programs; p; p = p->next) {
		p->autoload = strcmp(p->name, REFUSED);
		cnt += p->autoload;
		/* The kernel allows as much.  With its barriers, sealed.bpf.c needs more than 65536. */
		assert_int_equal(vnp_program_set_budget(p, 262144), 0);
	}
	if (vnp_object_load(obj, &opts)) {
		print_error("%s is refused\n", path);
		++*refused;
	}
	for (p = obj->programs; p; p = p->next)
		if (p->code && flags & VNP_PROG_F_HARDEN)
			assert_int_equal(vnp_check_lowered(p->code, NULL), 0);
	vnp_object_close(obj);
	return cnt;
}

static void accepts(const char *as)
{
	static const char * const where[] = {
		"%s/../../levels/%s/samples/*/*.bpf.o",
		"%s/../../levels/%s/selftests/progs/*.bpf.o",
		"%s/../../levels/%s/selftests/bench/processor/*.bpf.o",
		"%s/../../levels/%s/selftests/unit/parse.bpf.o",
		"%s/../../levels/%s/selftests/unit/context.bpf.o",
	};
	char self[PATH_MAX] = "", pattern[2 * PATH_MAX];
	glob_t found = {};
	__u32 programs = 0, refused = 0;
	size_t i;

	assert_true(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	dirname(self);
	for (i = 0; i < sizeof(where) / sizeof(where[0]); i++) {
		snprintf(pattern, sizeof(pattern), where[i], self, as);
		assert_int_equal(glob(pattern, i ? GLOB_APPEND : 0, NULL, &found), 0);
	}
	for (i = 0; i < found.gl_pathc; i++) {
		programs += load(found.gl_pathv[i], 0, &refused);
		load(found.gl_pathv[i], VNP_PROG_F_HARDEN, &refused);
	}
	globfree(&found);
	printf("# %s: %u programs\n", as, programs);
	assert_true(programs > 50);
	assert_int_equal(refused, 0);
}

/* Each directory of build/levels is a test: COMPILER-CPU-LEVEL */
static void accepted(void **state)
{
	accepts(*state);
}

int main(void)
{
	char self[PATH_MAX] = "", pattern[2 * PATH_MAX];
	struct CMUnitTest tests[64] = {};
	glob_t found = {};
	size_t i;
	int failed;

	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		return 1;
	snprintf(pattern, sizeof(pattern), "%s/../../levels/*-v[34]-O?", dirname(self));
	if (glob(pattern, 0, NULL, &found) || found.gl_pathc > 64)
		return 1;
	for (i = 0; i < found.gl_pathc; i++) {
		tests[i].name = basename(found.gl_pathv[i]);
		tests[i].test_func = accepted;
		tests[i].initial_state = (void *)tests[i].name;
	}
	failed = _cmocka_run_group_tests("levels", tests, found.gl_pathc, NULL, NULL);
	globfree(&found);
	return failed;
}
