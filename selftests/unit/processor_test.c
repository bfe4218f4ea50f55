// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The programs of selftests/bench/processor have the same results as the same C compiled
 * for this machine: for a good packet, each truncated one, and each with one byte
 * changed; in the reference interpreter and lowered, trusted and hardened.  They do not
 * fault.  The number of guards in them and the samples is checked.
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

#include "selftests/bench/processor/inputs.h"
#include "selftests/bench/processor/programs.h"
#include "userlib/user_exec.h"
#include "vm/code.h"
#include "vm/interp/interp.h"

/* Modes of execution: by each interpreter, trusted and hardened */
enum { REFERENCE, LOWERED, REFERENCE_HARDENED, LOWERED_HARDENED, MODES };

static const char * const mode_names[] = {
	"reference", "lowered", "reference, hardened", "lowered, hardened",
};

struct subject {
	const char *name;
	__u32 (*native)(void *ctx, __u8 *data, __u8 *end);
	const void *input;
	__u32 len;
	__u32 result;
	struct vnp_object *obj[MODES];
};

#define NATIVE(name)							\
static __u32 native_##name(void *ctx, __u8 *data, __u8 *end)		\
{									\
	return name(ctx, data, end);					\
}
PROCESSOR_MAPPER(NATIVE)

#define SUBJECT(_name, _result, _input)					\
	{ #_name, native_##_name, _input, sizeof(_input) - 1, _result, {} },
static struct subject subjects[] = { PROCESSOR_INPUTS(SUBJECT) };

#define SUBJECTS	(sizeof(subjects) / sizeof(subjects[0]))

static void fill(struct vnp_object *obj)
{
	struct vnp_map *map;
	__u32 key = 0;

#define FILL(_map, _fill)						\
	map = vnp_object_find_map(obj, #_map);				\
	_fill(array_get(_map, 0));					\
	if (map)							\
		assert_int_equal(vnp_map_update(map, &key, array_get(_map, 0), \
						VNP_MAP_ANY), 0);
	PROCESSOR_FILL_MAPPER(FILL)
}

static void subject_load(struct subject *s)
{
	char self[PATH_MAX] = "", path[2 * PATH_MAX];
	__u32 i;

	assert_true(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	snprintf(path, sizeof(path), "%s/../bench/processor/%s.bpf.o", dirname(self),
		 s->name);
	for (i = 0; i < MODES; i++) {
		struct vnp_load_opts opts = {
			.sz = sizeof(opts),
			.flags = VNP_LOAD_F_USER,
			.prog_flags = i >= REFERENCE_HARDENED ? VNP_PROG_F_HARDEN : 0,
		};

		assert_int_equal(vnp_object_open_file(path, NULL, &s->obj[i]), 0);
		assert_int_equal(vnp_object_load(s->obj[i], &opts), 0);
		fill(s->obj[i]);
	}
}

/* vnp_program_run() uses the reference interpreter; this also executes lowered code */
static __u64 subject_run(struct subject *s, __u32 mode, const void *data, __u32 len,
			 __u32 *fault)
{
	struct vnp_program *prog = s->obj[mode]->programs;
	struct vnp_run_opts opts = {
		.sz = sizeof(opts), .data_in = data, .data_in_len = len,
	};
	struct vnp_user_exec user;

	assert_int_equal(vnp_user_exec_init(&user, prog->type, &opts, &prog->print), 0);
	if (mode == LOWERED || mode == LOWERED_HARDENED)
		assert_int_equal(vnp_interp_exec_lowered(prog->code, &user.exec), 0);
	else
		assert_int_equal(vnp_interp_exec(prog->code, &user.exec), 0);
	*fault = user.exec.fault;
	vnp_user_exec_destroy(&user);
	return user.exec.retval;
}

/* Returns the common result */
static __u32 subject_compare(struct subject *s, __u8 *data, __u32 len)
{
	__u32 found = s->native(NULL, data, data + len), i, fault;
	__u64 result;

	for (i = 0; i < MODES; i++) {
		result = subject_run(s, i, data, len, &fault);
		if (fault || result != found)
			fail_msg("%s, %u bytes, %s: %llu, fault %u in %u; native: %u",
				 s->name, len, mode_names[i], result,
				 VNP_EXEC_FAULT_KIND(fault), VNP_EXEC_FAULT_INSN(fault),
				 found);
	}
	return found;
}

/* Changes of a byte that are likely to affect the result */
static __u8 changed(__u8 byte, __u32 how)
{
	static const __u8 other[] = { 0, 0xff, 0x7f };

	switch (how) {
	case 0:
		return byte + 1;
	case 1:
		return byte - 1;
	case 2:
		return byte ^ 0x80;
	default:
		return other[how - 3];
	}
}

static void agrees(void **state)
{
	struct subject *s = *state;
	__u8 data[1024], *packet;
	__u32 len, at, how, found;

	/* ends with the packet, so that the sanitizer detects reads beyond it */
	for (len = s->len + 1; len--;) {
		packet = data + sizeof(data) - len;
		memcpy(packet, s->input, len);
		found = subject_compare(s, packet, len);
		if (len == s->len)
			assert_int_equal(found, s->result);
	}
	packet = data + sizeof(data) - s->len;
	memcpy(packet, s->input, s->len);
	for (at = 0; at < s->len; at++)
		for (how = 0; how < 6; how++) {
			__u8 byte = packet[at];

			packet[at] = changed(byte, how);
			subject_compare(s, packet, s->len);
			packet[at] = byte;
		}
}

/* ---- Guards ---------------------------------------------------------------- */

/* Documentation/verifier.rst explains these guards; all other programs have none */
static const struct {
	const char *program;
	__u32 guards;
} guarded[] = {
	{ "run_rtp", 2 },
	{ "srelay", 1 },
};

static __u32 guards_allowed(const char *program)
{
	size_t i;

	for (i = 0; i < sizeof(guarded) / sizeof(guarded[0]); i++)
		if (!strcmp(program, guarded[i].program))
			return guarded[i].guards;
	return 0;
}

static void assert_guards(const char *path)
{
	struct vnp_load_opts opts = {
		.sz = sizeof(opts), .flags = VNP_LOAD_F_USER, .log_level = VNP_LOG_NORMAL,
	};
	struct vnp_object *obj;
	struct vnp_program *p;

	assert_int_equal(vnp_object_open_file(path, NULL, &obj), 0);
	assert_int_equal(vnp_object_load(obj, &opts), 0);
	for (p = obj->programs; p; p = p->next)
		if (p->code->guard_cnt != guards_allowed(p->name))
			fail_msg("%s: %u guards, not %u: %s", p->name, p->code->guard_cnt,
				 guards_allowed(p->name), vnp_program_log(p));
	vnp_object_close(obj);
}

static void guards(void **state)
{
	static const char * const where[] = {
		"%s/../bench/processor/*.bpf.o", "%s/../../samples/*/*.bpf.o",
	};
	char self[PATH_MAX] = "", pattern[2 * PATH_MAX];
	glob_t found = {};
	size_t i;

	(void)state;
	assert_true(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	dirname(self);
	for (i = 0; i < sizeof(where) / sizeof(where[0]); i++) {
		snprintf(pattern, sizeof(pattern), where[i], self);
		glob(pattern, i ? GLOB_APPEND : 0, NULL, &found);
	}
	assert_true(found.gl_pathc > SUBJECTS);
	for (i = 0; i < found.gl_pathc; i++)
		assert_guards(found.gl_pathv[i]);
	globfree(&found);
}

static int setup(void **state)
{
	subject_load(*state);
	return 0;
}

static int teardown(void **state)
{
	struct subject *s = *state;
	__u32 i;

	for (i = 0; i < MODES; i++)
		vnp_object_close(s->obj[i]);
	return 0;
}

int main(void)
{
	struct CMUnitTest tests[SUBJECTS + 1] = {
		[SUBJECTS] = cmocka_unit_test(guards),
	};
	size_t i;

	for (i = 0; i < SUBJECTS; i++)
		tests[i] = (struct CMUnitTest){
			.name = subjects[i].name, .test_func = agrees,
			.setup_func = setup, .teardown_func = teardown,
			.initial_state = &subjects[i],
		};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
