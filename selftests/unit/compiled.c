// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "compiled.h"

#include <glob.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "userlib/internal.h"
#include "userlib/user_exec.h"
#include "vm/interp/interp.h"

struct vnp_run_opts compiled_run(struct vnp_object *obj, __u32 mode, const char *name,
				 const void *payload, __u32 len, __u32 direct)
{
	struct vnp_program *prog = vnp_object_find_program(obj, name);
	struct vnp_run_opts opts = {
		.sz = sizeof(opts), .data_in = payload, .data_in_len = len,
		.direct_len = direct,
	};
	struct vnp_printer print = {};
	struct vnp_user_exec user = {};

	assert_non_null(prog);
	if (!(mode & COMPILED_LOWERED)) {
		assert_int_equal(vnp_program_run(prog, &opts), 0);
		return opts;
	}
	assert_int_equal(vnp_user_exec_init(&user, VNP_PROG_DATAGRAM, &opts, &print), 0);
	assert_int_equal(vnp_interp_exec_lowered(prog->code, &user.exec), 0);
	opts.retval = user.exec.retval;
	opts.fault = VNP_EXEC_FAULT_KIND(user.exec.fault);
	vnp_user_exec_destroy(&user);
	return opts;
}

static void check_object(const char *path, __u32 mode,
			 void (*check)(struct vnp_object *obj, __u32 mode))
{
	struct vnp_load_opts opts = {
		.sz = sizeof(opts), .flags = VNP_LOAD_F_USER,
		.prog_flags = mode & COMPILED_HARDEN ? VNP_PROG_F_HARDEN : 0,
	};
	struct vnp_object *obj;

	assert_int_equal(vnp_object_open_file(path, NULL, &obj), 0);
	if (vnp_object_load(obj, &opts))
		fail_msg("%s is refused", path);
	check(obj, mode);
	vnp_object_close(obj);
}

__u32 compiled_each(const char *name, void (*check)(struct vnp_object *obj, __u32 mode))
{
	char self[PATH_MAX] = "", pattern[2 * PATH_MAX];
	glob_t found = {};
	__u32 mode;
	size_t i;

	assert_true(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	snprintf(pattern, sizeof(pattern), "%s/../../levels/*/selftests/progs/%s.bpf.o",
		 dirname(self), name);
	assert_int_equal(glob(pattern, 0, NULL, &found), 0);
	assert_true(found.gl_pathc >= 12);
	for (i = 0; i < found.gl_pathc; i++)
		for (mode = 0; mode < COMPILED_MODES; mode++)
			check_object(found.gl_pathv[i], mode, check);
	globfree(&found);
	return i;
}
