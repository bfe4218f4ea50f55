// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "userlib/user_map.h"
#include "userlib/user_exec.h"
#include "selftests/vm/check_lowered.h"
#include "vm/isa/disasm.h"
#include "vm/interp/interp.h"
#include "vm/report/log.h"
#include "vm/lower/lower.h"
#include "vm_util.h"

char vm_log[65536];
__u32 vm_budget;
__u32 vm_log_level = VNP_LOG_NORMAL;
struct vnp_source vm_source;
bool vm_harden;
bool vm_trusted;
__u64 vm_name;
__u32 vm_direct;
__u32 vm_type = VNP_PROG_DATAGRAM;

const struct vnp_map_create vm_maps[MAP_CNT] = {
	[MAP_HASH] = {
		.size = sizeof(struct vnp_map_create), .type = VNP_MAP_HASH,
		.key_size = 4, .value_size = 16, .max_entries = 8,
	},
	[MAP_ARRAY] = {
		.size = sizeof(struct vnp_map_create), .type = VNP_MAP_ARRAY,
		.key_size = 4, .value_size = 16, .max_entries = 8,
	},
	[MAP_DATA] = {
		.size = sizeof(struct vnp_map_create), .type = VNP_MAP_ARRAY,
		.key_size = 4, .value_size = 64, .max_entries = 1,
	},
	[MAP_RDONLY] = {
		.size = sizeof(struct vnp_map_create), .type = VNP_MAP_ARRAY,
		.key_size = 4, .value_size = 16, .max_entries = 1,
		.flags = VNP_MAP_F_RDONLY_PROG,
	},
};

/* A program with maps of its own */
struct vm {
	struct vnp_user_map *maps[MAP_CNT];
	struct vnp_map_desc desc[MAP_CNT];
	struct vnp_log log;
	struct vnp_code *code;
};

static void vm_dump_lowered(const struct vnp_code *code)
{
	const struct vnp_lowered *low = &code->lowered;
	char text[VNP_DISASM_LEN];
	__u32 i, len;

	for (i = 0; i < low->cnt; i += len) {
		len = vnp_disasm(&low->insns[i], text);
		print_message("%4u (%u): %s\n", i, low->origin[i], text);
	}
}

static int vm_create(struct vm *vm, const struct bpf_insn *insns, __u32 cnt)
{
	struct vnp_code_attr attr = {
		.type = vm_type,
		.harden = vm_harden,
		.budget = vm_budget,
		.insns = insns,
		.insn_cnt = cnt,
		.maps = vm->desc,
		.map_cnt = MAP_CNT,
		.source = vm_source,
		.log = &vm->log,
	};
	__u32 i;
	int err;

	memset(vm, 0, sizeof(*vm));
	for (i = 0; i < MAP_CNT; i++) {
		assert_int_equal(vnp_user_map_create(&vm_maps[i], &vm->maps[i]), 0);
		vnp_user_map_desc(vm->maps[i], &vm->desc[i]);
	}
	vm->log.buf = vm_log;
	vm->log.size = sizeof(vm_log);
	vm->log.level = vm_log_level;
	vm_log[0] = 0;
	err = vnp_code_create(&attr, &vm->code);
	if (!err)
		err = vnp_code_check(vm->code);
	if (!err)
		err = vnp_lower(vm->code);
	if (!err && vm_harden && vnp_check_lowered(vm->code, &vm->log)) {
		vm_dump_lowered(vm->code);
		fail_msg("program %llu: %s", vm_name, vm_log);
	}
	return err;
}

static void vm_destroy(struct vm *vm)
{
	__u32 i;

	vnp_code_destroy(vm->code);
	for (i = 0; i < MAP_CNT; i++)
		vnp_user_map_free(vm->maps[i]);
}

int vm_make(const struct bpf_insn *insns, __u32 cnt, struct vnp_code **code)
{
	struct vm vm;
	int err = vm_create(&vm, insns, cnt);
	__u32 i;

	/* the map handles become stale, which is fine as the program is not executed */
	for (i = 0; i < MAP_CNT; i++)
		vnp_user_map_free(vm.maps[i]);
	if (err) {
		vnp_code_destroy(vm.code);
		vm.code = NULL;
	} else {
		vm.code->log = NULL;
	}
	*code = vm.code;
	return err;
}

void vm_free(struct vnp_code *code)
{
	vnp_code_destroy(code);
}

static struct vm_result vm_run_one(struct vm *vm, bool lowered, void *payload,
				   __u32 len)
{
	struct vnp_run_opts opts = {
		.sz = sizeof(opts),
		.data_in = payload,
		.data_in_len = len,
		.direct_len = vm_direct < len ? vm_direct : 0,
	};
	struct vnp_printer print = {};
	struct vnp_user_exec user = {};
	struct vm_result result;
	int err;

	assert_int_equal(vnp_user_exec_init(&user, vm_type, &opts, &print), 0);
	if (lowered)
		err = vnp_interp_exec_lowered(vm->code, &user.exec);
	else
		err = vnp_interp_exec(vm->code, &user.exec);
	if (err)
		fail_msg("program %llu: %s interpreter: %d\n%s", vm_name,
			 lowered ? "lowered" : "reference", err, vm_log);
	result.retval = user.exec.retval;
	result.fault = VNP_EXEC_FAULT_KIND(user.exec.fault);
	result.insn = VNP_EXEC_FAULT_INSN(user.exec.fault);
	result.len = user.len;
	vnp_user_exec_copy_out(&user, payload, min(len, user.len));
	vnp_user_exec_destroy(&user);
	return result;
}

void vm_read_maps(const struct vm *vm, struct vm_values *values)
{
	__u32 i, key;

	memset(values, 0, sizeof(*values));
	for (i = 0; i < MAP_CNT; i++)
		for (key = 0; key < MAP_KEYS; key++)
			values->there[i][key] =
				!vnp_user_map_read(vm->maps[i], &key,
						   values->value[i][key]);
}

static void vm_compare_maps(const struct vm *a, const struct vm *b)
{
	struct vm_values va, vb;

	vm_read_maps(a, &va);
	vm_read_maps(b, &vb);
	assert_memory_equal(&va, &vb, sizeof(va));
}

static bool vm_accepts(struct vm *vm, const struct bpf_insn *insns, __u32 cnt)
{
	int err = vm_create(vm, insns, cnt);

	if (!err)
		return true;
	assert_true(err == -EACCES || err == -E2BIG);
	vm_destroy(vm);
	return false;
}

struct vm *vm_open(const struct bpf_insn *insns, __u32 cnt)
{
	struct vm *vm = malloc(sizeof(*vm));

	assert_non_null(vm);
	if (vm_accepts(vm, insns, cnt))
		return vm;
	free(vm);
	return NULL;
}

struct vm_result vm_interpret(struct vm *vm, void *payload, __u32 len)
{
	return vm_run_one(vm, false, payload, len);
}

void vm_close(struct vm *vm)
{
	vm_destroy(vm);
	free(vm);
}

/* struct vm_set - a program for the reference, and lowered for each kind of user */
struct vm_set {
	struct vm ref;
	struct vm lowered[2];
	bool there[2];
};

struct vm_set *vm_set_open(const struct bpf_insn *insns, __u32 cnt)
{
	struct vm_set *set = malloc(sizeof(*set));
	__u32 i;
	int err;

	assert_non_null(set);
	if (!vm_accepts(&set->ref, insns, cnt)) {
		free(set);
		return NULL;
	}
	for (i = 0; i < 2; i++) {
		set->there[i] = false;
		if (i && vm_trusted)
			break;
		vm_harden = i;
		err = vm_create(&set->lowered[i], insns, cnt);
		vm_harden = false;
		set->there[i] = !err;
		if (err && !(err == -E2BIG && i))
			fail_msg("program %llu: lowered: %d", vm_name, err);
		if (err)
			vm_destroy(&set->lowered[i]);
	}
	return set;
}

void vm_set_close(struct vm_set *set)
{
	__u32 i;

	for (i = 0; i < 2; i++)
		if (set->there[i])
			vm_destroy(&set->lowered[i]);
	vm_destroy(&set->ref);
	free(set);
}

/* Execute the lowered program on a copy of payload and maps: results must be the same */
static void vm_compare(struct vm_set *set, bool hardened, const struct vm_result *result,
		       void *copy, const void *after, __u32 len)
{
	struct vm *vm = &set->lowered[hardened];
	struct vm_result lowered = vm_run_one(vm, true, copy, len);

	if (result->fault != lowered.fault || result->insn != lowered.insn ||
	    result->retval != lowered.retval)
		fail_msg("program %llu: reference %llx fault %u at %u, lowered%s %llx fault %u at %u",
			 vm_name, result->retval, result->fault, result->insn,
			 hardened ? " hardened" : "", lowered.retval,
			 lowered.fault, lowered.insn);
	if (result->len != lowered.len || memcmp(after, copy, len)) {
		vm_dump_lowered(vm->code);
		fail_msg("program %llu: lowered%s, the payload differs", vm_name,
			 hardened ? " hardened" : "");
	}
	vm_compare_maps(&set->ref, vm);
}

struct vm_result vm_set_run(struct vm_set *set, void *payload, __u32 len)
{
	void *before = malloc(len + 1), *copy = malloc(len + 1);
	struct vm_result result;
	__u32 i;

	assert_non_null(before);
	assert_non_null(copy);
	memcpy(before, payload, len);
	result = vm_run_one(&set->ref, false, payload, len);
	for (i = 0; i < 2; i++) {
		if (!set->there[i])
			continue;
		memcpy(copy, before, len);
		vm_compare(set, i, &result, copy, payload, len);
	}
	free(copy);
	free(before);
	return result;
}

bool vm_try(const struct bpf_insn *insns, __u32 cnt, void *payload, __u32 len,
	    struct vm_result *result)
{
	struct vm_set *set = vm_set_open(insns, cnt);

	if (!set)
		return false;
	*result = vm_set_run(set, payload, len);
	vm_set_close(set);
	return true;
}

void vm_run_each(const struct bpf_insn *insns, __u32 cnt, void *payloads, __u32 len,
		 __u32 n, struct vm_result *results)
{
	struct vm_set *set = vm_set_open(insns, cnt);
	__u32 i;

	if (!set)
		fail_msg("refused:\n%s", vm_log);
	for (i = 0; i < n; i++)
		results[i] = vm_set_run(set, (char *)payloads + i * len, len);
	vm_set_close(set);
}

struct vm_result vm_run(const struct bpf_insn *insns, __u32 cnt, void *payload,
			__u32 len)
{
	struct vm_result result = {};

	if (!vm_try(insns, cnt, payload, len, &result))
		fail_msg("refused:\n%s", vm_log);
	return result;
}

void vm_assert_refused(const char *text, const struct bpf_insn *insns, __u32 cnt)
{
	struct vnp_code *code;
	int err = vm_make(insns, cnt, &code);

	vm_free(code);
	if (!err)
		fail_msg("accepted, but should be refused for \"%s\":\n%s", text, vm_log);
	assert_int_equal(err, -EACCES);
	if (!strstr(vm_log, text))
		fail_msg("should be refused for \"%s\", but:\n%s", text, vm_log);
}

void vm_assert_accepted(const char *text, const struct bpf_insn *insns, __u32 cnt)
{
	struct vnp_code *code;
	int err = vm_make(insns, cnt, &code);

	vm_free(code);
	if (err)
		fail_msg("refused with %d:\n%s", err, vm_log);
	if (!strstr(vm_log, text))
		fail_msg("the report does not contain \"%s\":\n%s", text, vm_log);
}

void vm_assert_returns(__u64 value, __u32 len, const struct bpf_insn *insns,
		       __u32 cnt)
{
	__u8 payload[2048] = {};
	struct vm_result result;

	assert_true(len <= sizeof(payload));
	result = vm_run(insns, cnt, payload, len);
	if (result.fault)
		fail_msg("fault %u in instruction %u", result.fault, result.insn);
	if (result.retval != value)
		fail_msg("returned 0x%llx, not 0x%llx", result.retval, value);
}

void vm_assert_faults(enum vnp_fault kind, __u32 insn, __u32 len,
		      const struct bpf_insn *insns, __u32 cnt)
{
	__u8 payload[2048] = {};
	struct vm_result result;

	assert_true(len <= sizeof(payload));
	result = vm_run(insns, cnt, payload, len);
	if (result.fault != kind || result.insn != insn)
		fail_msg("fault %u in instruction %u, not %u in %u\n%s", result.fault,
			 result.insn, kind, insn, vm_log);
}
