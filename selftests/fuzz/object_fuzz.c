// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Fuzzes the library's ELF loader with BTF and line info, then the verifier and the
 * interpreter: a valid object is loaded into this process, for a trusted and an untrusted
 * user, and its programs are executed.
 *
 * Input: the ELF object.
 */
#include <string.h>

#include "fuzz.h"
#include "vm/env.h"
#include "vnp/libvnp.h"

#define ENTRIES_MAX	16

static char printed[1024];

static void remember(void *ctx, enum vnp_print_level level, const char *line)
{
	snprintf(printed, sizeof(printed), "%s", line);
}

/* Limit the size of maps: large allocations would only slow the fuzzer down */
static void shrink_maps(struct vnp_object *obj)
{
	struct vnp_map *map;

	for (map = vnp_object_next_map(obj, NULL); map;
	     map = vnp_object_next_map(obj, map)) {
		struct vnp_map_info info = { .size = sizeof(info) };

		if (!vnp_map_get_info(map, &info) && info.max_entries > ENTRIES_MAX)
			vnp_map_set_max_entries(map, ENTRIES_MAX);
	}
}

static void run_programs(struct vnp_object *obj)
{
	static const __u8 payload[64] = "\3www\7example\3org";
	struct vnp_program *prog;

	for (prog = vnp_object_next_program(obj, NULL); prog;
	     prog = vnp_object_next_program(obj, prog)) {
		struct vnp_run_opts opts = {
			.sz = sizeof(opts),
			.data_in = payload,
			.data_in_len = sizeof(payload),
		};

		fuzz_check(vnp_program_run(prog, &opts) != -EFAULT, "%s", printed);
	}
}

/* Return: true if the object was accepted */
static bool try_object(const uint8_t *data, size_t size, __u32 prog_flags)
{
	const struct vnp_open_opts open_opts = {
		.sz = sizeof(open_opts), .print = remember,
	};
	const struct vnp_load_opts load_opts = {
		.sz = sizeof(load_opts),
		.flags = VNP_LOAD_F_USER,
		.prog_flags = prog_flags,
	};
	struct vnp_object *obj;
	int err;

	printed[0] = 0;
	err = vnp_object_open_mem(data, size, &open_opts, &obj);
	fuzz_check(!err || *printed, "error %d without a message", err);
	if (err)
		return false;
	shrink_maps(obj);
	err = vnp_object_load(obj, &load_opts);
	if (!err)
		run_programs(obj);
	vnp_object_close(obj);
	return !err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bool accepted = try_object(data, size, 0);

	if (accepted)
		try_object(data, size, VNP_PROG_F_HARDEN);
	return fuzz_result(accepted);
}
