// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Typical C programs: parse.bpf.c is compiled, verified and executed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <linux/vnp.h>

#include "vnp/libvnp.h"

static char printed[8192];

static void remember(void *ctx, enum vnp_print_level level, const char *text)
{
	size_t len = strlen(printed);

	(void)ctx, (void)level;
	snprintf(printed + len, sizeof(printed) - len, "%s\n", text);
}

static struct vnp_object *object;

static int setup(void **state)
{
	static const struct vnp_open_opts open_opts = {
		.sz = sizeof(open_opts), .print = remember,
	};
	static const struct vnp_load_opts load_opts = {
		.sz = sizeof(load_opts), .flags = VNP_LOAD_F_USER,
		.log_level = VNP_LOG_NORMAL,
	};
	char self[PATH_MAX] = "", path[2 * PATH_MAX];
	int err;

	(void)state;
	assert_true(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	snprintf(path, sizeof(path), "%s/parse.bpf.o", dirname(self));
	assert_int_equal(vnp_object_open_file(path, &open_opts, &object), 0);
	err = vnp_object_load(object, &load_opts);
	if (err)
		fail_msg("%d: %s", err, printed);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	vnp_object_close(object);
	return 0;
}

static struct vnp_program *program(const char *name)
{
	struct vnp_program *prog = vnp_object_find_program(object, name);

	assert_non_null(prog);
	return prog;
}

static void assert_report(const char *name, const char *text)
{
	const char *log = vnp_program_log(program(name));

	if (!strstr(log, text))
		fail_msg("%s: expected \"%s\", but: %s", name, text, log);
}

static struct vnp_run_opts run(const char *name, const void *payload, __u32 len)
{
	struct vnp_run_opts opts = {
		.sz = sizeof(opts), .data_in = payload, .data_in_len = len,
	};

	assert_int_equal(vnp_program_run(program(name), &opts), 0);
	return opts;
}

static void labels(void **state)
{
	static const char name[] = "\3www\7example\3org\0";

	(void)state;
	assert_report("labels", " 0 guarded; 1 loop");
	assert_int_equal(run("labels", name, sizeof(name)).retval, 3);
	assert_int_equal(run("labels", name, 6).retval, 2);
	assert_int_equal(run("labels", name, 0).retval, 0);
}

static void options(void **state)
{
	static const __u8 tlv[] = { 1, 4, 0, 0, 7, 2, 9, 3, 0, 5, 200 };

	(void)state;
	assert_report("options", " 0 guarded; 1 loop");
	assert_int_equal(run("options", tlv, sizeof(tlv)).retval, 1 + 7 + 9);
	assert_int_equal(run("options", tlv, 3).retval, 0);
}

static void header(void **state)
{
	static const __u8 packet[] = { 1, 1, 0, 0, 0, 0, 0, 0, 9, 9, 9, 9, 3, 0, 0, 0,
				       0, 0, 0, 4 };

	(void)state;
	assert_report("header", " 0 guarded; 0 loops");
	assert_int_equal(run("header", packet, sizeof(packet)).retval, 9);
	assert_int_equal(run("header", packet, sizeof(packet) - 1).retval, 1);
	assert_int_equal(run("header", packet, 7).retval, 0);
}

static void count(void **state)
{
	__u8 payload[100] = { 5, 6, 7 };
	struct vnp_map *map = vnp_object_find_map(object, "counts");
	__u32 key = 0;
	__u64 value;

	(void)state;
	assert_report("count", " 0 guarded; 1 loop");
	assert_int_equal(run("count", payload, sizeof(payload)).retval, 32);
	assert_int_equal(run("count", payload, 3).retval, 35);
	assert_int_equal(vnp_map_lookup(map, &key, &value), 0);
	assert_int_equal(value, 29);
	map = vnp_object_find_map(object, "hosts");
	assert_int_equal(vnp_map_lookup(map, &key, &value), 0);
	assert_int_equal(value, 2);
}

static void sort(void **state)
{
	static const char text[] = "the quick brown fox";

	(void)state;
	assert_report("sort", " 0 guarded; ");
	assert_int_equal(run("sort", text, 16).retval, ' ' << 16 | 'k' << 8 | 'w');
	assert_int_equal((__s32)run("sort", text, 15).retval, -1);
}

static void careless(void **state)
{
	static const __u8 payload[] = { 1, 2 };

	(void)state;
	assert_report("careless", "parse.bpf.c:1");
	assert_int_equal(run("careless", payload, 0).fault, VNP_FAULT_PACKET);
	assert_int_equal(run("careless", payload, 2).fault, VNP_FAULT_NULL);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(labels),
		cmocka_unit_test(options),
		cmocka_unit_test(header),
		cmocka_unit_test(count),
		cmocka_unit_test(sort),
		cmocka_unit_test(careless),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
