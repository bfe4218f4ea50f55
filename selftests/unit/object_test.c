// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The library without a kernel: reading valid and damaged ELF objects, loading them into
 * this process, and executing them.
 */
#define _GNU_SOURCE	/* memmem() */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vnp/libvnp.h"

/* The library's messages, line by line */
static char printed[8192];

static void remember(void *ctx, enum vnp_print_level level, const char *line)
{
	size_t len = strlen(printed);

	(void)ctx, (void)level;
	snprintf(printed + len, sizeof(printed) - len, "%s\n", line);
}

static const struct vnp_open_opts opts = {
	.sz = sizeof(opts),
	.print = remember,
};

static const struct vnp_load_opts in_user = {
	.sz = sizeof(in_user),
	.flags = VNP_LOAD_F_USER,
};

/* The objects are in the directory of the test */
static const char *path_of(const char *name)
{
	static char path[2 * PATH_MAX];
	char self[PATH_MAX] = "";

	assert_true(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	snprintf(path, sizeof(path), "%s/%s.bpf.o", dirname(self), name);
	return path;
}

static char *file_read(const char *name, size_t *len)
{
	FILE *file = fopen(path_of(name), "re");
	char *bytes = malloc(1 << 20);

	assert_non_null(file);
	assert_non_null(bytes);
	*len = fread(bytes, 1, 1 << 20, file);
	fclose(file);
	return bytes;
}

static struct vnp_object *object_open(const char *name)
{
	struct vnp_object *obj;

	printed[0] = 0;
	assert_int_equal(0, vnp_object_open_file(path_of(name), &opts, &obj));
	return obj;
}

static struct vnp_object *object_load(const char *name)
{
	struct vnp_object *obj = object_open(name);

	assert_int_equal(0, vnp_object_load(obj, &in_user));
	return obj;
}

/* R0 of a program that must not fault */
static __u64 program_run(struct vnp_object *obj, const char *name, __u32 len)
{
	static const char zeroes[64];
	struct vnp_run_opts run = {
		.sz = sizeof(run), .data_in = zeroes, .data_in_len = len,
	};

	assert_int_equal(0, vnp_program_run(vnp_object_find_program(obj, name), &run));
	assert_int_equal(VNP_FAULT_NONE, run.fault);
	return run.retval;
}

static void map_check(const struct vnp_object *obj, const char *name, __u32 type,
		      __u32 key, __u32 value, __u32 entries, __u32 flags)
{
	struct vnp_map_info info = { .size = sizeof(info) };
	struct vnp_map *map = vnp_object_find_map(obj, name);

	assert_non_null(map);
	assert_string_equal(name, vnp_map_name(map));
	assert_int_equal(0, vnp_map_get_info(map, &info));
	assert_int_equal(type, info.type);
	assert_int_equal(key, info.key_size);
	assert_int_equal(value, info.value_size);
	assert_int_equal(entries, info.max_entries);
	assert_int_equal(flags, info.flags);
}

static void test_maps(void **state)
{
	struct vnp_object *obj = object_load("object");

	(void)state;
	map_check(obj, "table", VNP_MAP_HASH, 8, 8, 7, 0);
	map_check(obj, "large", VNP_MAP_ARRAY, 4, 5000, 3, VNP_MAP_F_MMAP);
	map_check(obj, "a_name_that_is_longer_than_the_kernels",
		  VNP_MAP_PERCPU_ARRAY, 4, 4, 2, 0);
	map_check(obj, ".bss", VNP_MAP_ARRAY, 4, 4, 1, VNP_MAP_F_MMAP);
	map_check(obj, ".data", VNP_MAP_ARRAY, 4, 4, 1, VNP_MAP_F_MMAP);
	map_check(obj, ".data.hot", VNP_MAP_ARRAY, 4, 8, 1, VNP_MAP_F_MMAP);
	map_check(obj, ".rodata.squares", VNP_MAP_ARRAY, 4, 5, 1,
		  VNP_MAP_F_RDONLY_PROG);
	vnp_object_close(obj);
}

static void test_programs(void **state)
{
	static const char *const names[] = { "globals", "count", "others" };
	static const char *const first_lines[] = {
		"zeroed += constant", "struct key key", "int others",
	};
	struct vnp_object *obj = object_open("object");
	struct vnp_program *prog = NULL;
	struct vnp_source_line line;
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		prog = vnp_object_next_program(obj, prog);
		assert_non_null(prog);
		assert_string_equal(names[i], vnp_program_name(prog));
		assert_ptr_equal(prog, vnp_object_find_program(obj, names[i]));
		/* Instructions of C lines are relative to the program's beginning */
		assert_int_equal(0, vnp_program_source(prog, 0, &line));
		assert_non_null(strstr(line.file, "object.bpf.c"));
		assert_non_null(strstr(line.text, first_lines[i]));
	}
	assert_null(vnp_object_next_program(obj, prog));
	assert_null(vnp_object_find_program(obj, "glob"));
	assert_int_equal(-1, vnp_program_fd(prog));
	vnp_object_close(obj);
}

static void test_globals(void **state)
{
	struct vnp_object *obj = object_load("object");
	const __u32 zero = 0;
	__u64 hot;
	__u32 val;

	(void)state;
	assert_int_equal(41 + 6, program_run(obj, "globals", 1));
	assert_int_equal(82 + 7, program_run(obj, "globals", 1));
	assert_int_equal(0, vnp_map_lookup(vnp_object_find_map(obj, ".bss"), &zero, &val));
	assert_int_equal(82, val);
	assert_int_equal(0, vnp_map_lookup(vnp_object_find_map(obj, ".data.hot"),
					   &zero, &hot));
	assert_int_equal(7 + 9 + 9, hot);

	/* constants do not change */
	assert_int_equal(-EPERM, vnp_map_update(vnp_object_find_map(obj, ".rodata"),
						&zero, &val, VNP_MAP_ANY));
	vnp_object_close(obj);
}

static void test_constant_set(void **state)
{
	struct vnp_object *obj = object_open("object");
	struct vnp_map *map = vnp_object_find_map(obj, ".rodata");
	__u32 *constants;
	size_t len = 0, i;

	(void)state;
	constants = vnp_map_initial_value(map, &len);
	assert_non_null(constants);
	for (i = 0; i < len / sizeof(*constants) && constants[i] != 41; i++)
		;
	assert_true(i < len / sizeof(*constants));
	constants[i] = 1000;
	assert_int_equal(0, vnp_object_load(obj, &in_user));
	assert_null(vnp_map_initial_value(map, &len));
	assert_int_equal(1000 + 6, program_run(obj, "globals", 1));
	vnp_object_close(obj);
}

static void test_hash(void **state)
{
	struct vnp_object *obj = object_open("object");
	struct vnp_map *map = vnp_object_find_map(obj, "table");
	struct { __u32 a; __u16 b, pad; } key = { 9, 2, 0 }, next;
	__u64 val = 0;
	int cnt = 0;

	(void)state;
	assert_int_equal(0, vnp_map_set_max_entries(map, 2));
	assert_int_equal(0, vnp_object_load(obj, &in_user));
	assert_int_equal(-EBUSY, vnp_map_set_max_entries(map, 3));
	assert_int_equal(-EBUSY, vnp_object_load(obj, &in_user));

	assert_int_equal(-ENOENT, vnp_map_next_key(map, NULL, &next));
	assert_int_equal(1, program_run(obj, "count", 9));
	assert_int_equal(2, program_run(obj, "count", 9));
	assert_int_equal(1, program_run(obj, "count", 10));
	assert_int_equal(0, vnp_map_lookup(map, &key, &val));
	assert_int_equal(2, val);

	key.a = 11;
	assert_int_equal(-ENOSPC, vnp_map_update(map, &key, &val, VNP_MAP_ANY));
	assert_int_equal(-ENOENT, vnp_map_update(map, &key, &val, VNP_MAP_EXIST));
	assert_int_equal(-ENOENT, vnp_map_delete(map, &key));
	key.a = 10;
	assert_int_equal(-EEXIST, vnp_map_update(map, &key, &val, VNP_MAP_NOEXIST));
	while (!vnp_map_next_key(map, cnt ? &next : NULL, &next))
		cnt++;
	assert_int_equal(2, cnt);
	assert_int_equal(0, vnp_map_delete(map, &key));
	assert_int_equal(-ENOENT, vnp_map_lookup(map, &key, &val));
	vnp_object_close(obj);
}

static void test_arrays(void **state)
{
	struct vnp_object *obj = object_load("object");
	struct vnp_map *large = vnp_object_find_map(obj, "large");
	struct vnp_map *percpu;
	__u32 i = 1, next, *values;
	char value[5000] = {};
	void *addr;
	size_t len;

	(void)state;
	value[0] = 99;
	assert_int_equal(0, vnp_map_update(large, &i, value, VNP_MAP_ANY));
	assert_int_equal(99, program_run(obj, "others", 1));
	assert_non_null(strstr(printed, "1 of 99\n"));
	assert_int_equal(-EINVAL, vnp_map_delete(large, &i));
	i = 3;
	assert_int_equal(-ENOENT, vnp_map_lookup(large, &i, value));
	assert_int_equal(0, vnp_map_next_key(large, &i, &next));
	assert_int_equal(0, next);
	assert_int_equal(-EOPNOTSUPP, vnp_map_mmap(large, true, &addr, &len));

	percpu = vnp_object_find_map(obj, "a_name_that_is_longer_than_the_kernels");
	values = calloc(1, vnp_map_value_len(percpu));
	assert_non_null(values);
	i = 1;
	assert_int_equal(0, vnp_map_lookup(percpu, &i, values));
	assert_int_equal(1, values[0]);
	free(values);
	vnp_object_close(obj);
}

/* Functions of several sections, each once in each program, and their C lines */
static void test_functions(void **state)
{
	static const char *const lines[] = {
		"return beside(n)", "return global(n) + twice", "return twice(&m)",
		"return 2 * *n",
	};
	struct vnp_object *obj = object_load("object_call");
	struct vnp_program *prog = vnp_object_find_program(obj, "calls");
	struct vnp_prog_info info = { .size = sizeof(info) };
	struct vnp_source_line line;
	__u32 i, found = 0, seen[4] = {};
	size_t k;

	(void)state;
	assert_int_equal(0, vnp_program_get_info(prog, &info));
	for (i = 0; i < info.insn_cnt; i++) {
		/* some instructions are generated by the compiler, and have no line */
		if (vnp_program_source(prog, i, &line))
			continue;
		for (k = 0; k < 4; k++)
			seen[k] += !!strstr(line.text, lines[k]);
	}
	for (k = 0; k < 4; k++)
		found += !!seen[k];
	assert_int_equal(4, found);
	/* 2 n + 1, 2 n and 2 n of the payload's length */
	assert_int_equal(6 * 10 + 1, program_run(obj, "calls", 10));
	assert_null(vnp_object_find_program(obj, "beside"));
	assert_null(vnp_object_find_program(obj, "global"));
	vnp_object_close(obj);
}

static void refuse(const char *name, int err, const char *why)
{
	struct vnp_object *obj;

	printed[0] = 0;
	assert_int_equal(err, vnp_object_open_file(path_of(name), &opts, &obj));
	assert_non_null(strstr(printed, why));
}

static void test_refused(void **state)
{
	(void)state;
	refuse("object_pointer", -EOPNOTSUPP, "initialized pointers");
	refuse("none", -ENOENT, "No such file");
	/* calls that clang generates: the message has the location, and what to do */
	refuse("object_memcmp", -EINVAL, "-fno-builtin");
	assert_non_null(strstr(printed, "object_memcmp.bpf.c:10:"));
	refuse("object_trap", -EINVAL, "__bpf_trap is not defined; clang calls it for");
	assert_non_null(strstr(printed, "object_trap.bpf.c:11:"));
	refuse("object_table", -EOPNOTSUPP, "-fno-jump-tables");
	assert_non_null(strstr(printed, "object_table.bpf.c:10:"));
}

/* The object with each occurrence of @from replaced */
static void refuse_patched(const char *from, const char *to, int err, const char *why)
{
	struct vnp_object *obj;
	char *elf, *at;
	size_t len;

	elf = file_read("object", &len);
	at = memmem(elf, len, from, strlen(from) + 1);
	assert_non_null(at);
	for (; at; at = memmem(elf, len, from, strlen(from) + 1))
		strcpy(at, to);
	printed[0] = 0;
	assert_int_equal(err, vnp_object_open_mem(elf, len, &opts, &obj));
	assert_non_null(strstr(printed, why));
	free(elf);
}

static void test_sections_refused(void **state)
{
	(void)state;
	refuse_patched("vnp/datagram", "xdp", -EINVAL, "Section \"xdp\"");
}

/* Truncated objects, or with one wrong byte, are refused or read without errors */
static void test_damaged(void **state)
{
	struct vnp_object *obj;
	size_t len, i;
	char *elf;

	(void)state;
	elf = file_read("object", &len);
	for (i = 0; i < len; i += 7) {
		printed[0] = 0;
		assert_int_not_equal(0, vnp_object_open_mem(elf, i, &opts, &obj));
		assert_int_not_equal(0, printed[0]);
	}
	for (i = 0; i < len; i++) {
		elf[i] ^= 0xff;
		if (!vnp_object_open_mem(elf, len, &opts, &obj)) {
			vnp_object_load(obj, &in_user);
			vnp_object_close(obj);
		}
		elf[i] ^= 0xff;
		printed[0] = 0;
	}
	free(elf);
}

static void test_opts(void **state)
{
	struct { struct vnp_open_opts known; __u64 tail; } newer = {
		.known = opts,
	};
	struct vnp_open_opts bad = { .sz = 4 };
	struct vnp_object *obj;

	(void)state;
	newer.known.sz = sizeof(newer);
	assert_int_equal(0, vnp_object_open_file(path_of("object"), &newer.known, &obj));
	assert_string_equal("object", vnp_object_name(obj));
	vnp_object_close(obj);
	newer.tail = 1;
	assert_int_equal(-EINVAL, vnp_object_open_file(path_of("object"), &newer.known,
						       &obj));
	assert_int_equal(-EINVAL, vnp_object_open_file(path_of("object"), &bad, &obj));
}

static void test_raw(void **state)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = 1 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	struct vnp_run_opts run = { .sz = sizeof(run) };
	struct vnp_object *obj;
	char text[16];

	(void)state;
	assert_int_equal(0, vnp_object_open_insns(insns, 2, VNP_PROG_DATAGRAM, &opts,
						  &obj));
	assert_int_equal(-ENOENT, vnp_program_run(vnp_object_next_program(obj, NULL),
						  &run));
	assert_int_equal(0, vnp_object_load(obj, &in_user));
	assert_int_equal(0, vnp_program_run(vnp_object_next_program(obj, NULL), &run));
	assert_int_equal(VNP_PASS, run.retval);
	vnp_object_close(obj);

	assert_int_equal(1, vnp_insn_text(&insns[1], text, sizeof(text)));
	assert_string_equal("exit", text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_maps),
		cmocka_unit_test(test_programs),
		cmocka_unit_test(test_globals),
		cmocka_unit_test(test_constant_set),
		cmocka_unit_test(test_hash),
		cmocka_unit_test(test_arrays),
		cmocka_unit_test(test_functions),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_sections_refused),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_opts),
		cmocka_unit_test(test_raw),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
