// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The programs in the documentation, compiled by selftests/snippets as described there,
 * are accepted without warnings, for trusted and untrusted users.
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
#include <unistd.h>

#include "vnp/libvnp.h"

static void no_word(void *ctx, enum vnp_print_level level, const char *line)
{
	(void)ctx, (void)level;
	fail_msg("%s", line);
}

static void load(const char *path, __u32 flags)
{
	static const struct vnp_open_opts open_opts = {
		.sz = sizeof(open_opts), .print = no_word,
	};
	const struct vnp_load_opts load_opts = {
		.sz = sizeof(load_opts), .flags = VNP_LOAD_F_USER, .prog_flags = flags,
	};
	struct vnp_object *obj;

	printf("# %s\n", path);
	assert_int_equal(vnp_object_open_file(path, &open_opts, &obj), 0);
	assert_int_equal(vnp_object_load(obj, &load_opts), 0);
	vnp_object_close(obj);
}

static void accepted(void **state)
{
	char self[PATH_MAX] = "", pattern[2 * PATH_MAX];
	glob_t found = {};
	size_t i;

	(void)state;
	assert_true(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	snprintf(pattern, sizeof(pattern), "%s/snippets/*.bpf.o", dirname(self));
	assert_int_equal(glob(pattern, 0, NULL, &found), 0);
	for (i = 0; i < found.gl_pathc; i++) {
		load(found.gl_pathv[i], 0);
		load(found.gl_pathv[i], VNP_PROG_F_HARDEN);
	}
	assert_in_range(found.gl_pathc, 8, 100);
	globfree(&found);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
