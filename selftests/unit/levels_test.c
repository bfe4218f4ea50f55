// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * What clang makes of C at -O1, -O2 and -Os is accepted: every program of the tree, for
 * trusted and untrusted users, but for the two below.
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

/*
 * One that another test wants to be refused; and one that loops over addresses in the
 * context, which -O1 and -Os do not unroll (programs.rst, Limits)
 */
static const char * const refused[] = { "writes_constant", "note" };

static bool skips(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		if (!strcmp(name, refused[i]))
			return true;
	return false;
}

/* Why it is refused is printed by the library */
static __u32 load(const char *path, __u32 flags)
{
	struct vnp_load_opts opts = {
		.sz = sizeof(opts), .flags = VNP_LOAD_F_USER, .prog_flags = flags,
	};
	struct vnp_object *obj;
	struct vnp_program *p;
	__u32 cnt = 0;

	assert_int_equal(vnp_object_open_file(path, NULL, &obj), 0);
	for (p = obj->programs; p; p = p->next) {
		p->autoload = !skips(p->name);
		cnt += p->autoload;
	}
	if (vnp_object_load(obj, &opts))
		fail_msg("%s is refused", path);
	vnp_object_close(obj);
	return cnt;
}

static void accepts(const char *level)
{
	static const char * const where[] = {
		"%s/../../levels/%s/samples/*/*.bpf.o",
		"%s/../../levels/%s/selftests/progs/*.bpf.o",
		"%s/../../levels/%s/selftests/bench/processor/*.bpf.o",
		"%s/../../levels/%s/selftests/unit/parse.bpf.o",
	};
	char self[PATH_MAX] = "", pattern[2 * PATH_MAX];
	glob_t found = {};
	__u32 programs = 0;
	size_t i;

	assert_true(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	dirname(self);
	for (i = 0; i < sizeof(where) / sizeof(where[0]); i++) {
		snprintf(pattern, sizeof(pattern), where[i], self, level);
		assert_int_equal(glob(pattern, i ? GLOB_APPEND : 0, NULL, &found), 0);
	}
	for (i = 0; i < found.gl_pathc; i++) {
		programs += load(found.gl_pathv[i], 0);
		load(found.gl_pathv[i], VNP_PROG_F_HARDEN);
	}
	globfree(&found);
	printf("# -%s: %u programs\n", level, programs);
	assert_true(programs > 50);
}

static void level_1(void **state)
{
	(void)state;
	accepts("O1");
}

static void level_2(void **state)
{
	(void)state;
	accepts("O2");
}

static void level_s(void **state)
{
	(void)state;
	accepts("Os");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(level_1),
		cmocka_unit_test(level_2),
		cmocka_unit_test(level_s),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
