// SPDX-License-Identifier: GPL-2.0
#include <string.h>
#include <unistd.h>
#include "kernel_vm.h"

static void maps_close(struct kernel_vm *vm, int cnt)
{
	while (cnt)
		close(vm->maps[--cnt]);
}

static int maps_make(struct kernel_vm *vm, int dev)
{
	for (int i = 0; i < MAP_CNT; i++) {
		struct vnp_map_create attr = vm_maps[i];

		vm->maps[i] = do_ioctl(dev, VNP_MAP_CREATE, &attr);
		if (vm->maps[i] >= 0)
			continue;
		maps_close(vm, i);
		return vm->maps[i];
	}
	return 0;
}

int kernel_vm_open(struct kernel_vm *vm, int dev, const struct bpf_insn *insns, __u32 cnt,
		   __u32 flags)
{
	struct vnp_prog_load attr = prog_attr(insns, cnt);
	int err = maps_make(vm, dev);

	if (err)
		return err;
	attr.flags = flags;
	attr.map_fds = (uintptr_t)vm->maps;
	attr.map_cnt = MAP_CNT;
	attr.budget = vm_budget;
	vm->prog = do_ioctl(dev, VNP_PROG_LOAD, &attr);
	if (vm->prog >= 0)
		return 0;
	maps_close(vm, MAP_CNT);
	return vm->prog;
}

void kernel_vm_close(struct kernel_vm *vm)
{
	close(vm->prog);
	maps_close(vm, MAP_CNT);
}

int kernel_vm_run(const struct kernel_vm *vm, void *payload, __u32 len,
		  struct vm_result *result)
{
	struct vnp_prog_run run = {
		.data_out = (uintptr_t)payload,
		.data_out_len = len,
		.direct_len = vm_direct < len ? vm_direct : 0,
	};
	int err = prog_run(vm->prog, payload, len, &run);

	if (err < 0)
		return err;
	*result = (struct vm_result){
		.retval = run.retval, .fault = run.fault, .insn = run.fault_insn,
		.len = run.data_out_len,
	};
	return 0;
}

void kernel_vm_values(const struct kernel_vm *vm, struct vm_values *values)
{
	memset(values, 0, sizeof(*values));
	for (int i = 0; i < MAP_CNT; i++) {
		struct map map = {
			.fd = vm->maps[i],
			.key_size = vm_maps[i].key_size,
			.value_len = vm_maps[i].value_size,
		};
		__u32 keys = vm_maps[i].type == VNP_MAP_ARRAY ?
			     vm_maps[i].max_entries : MAP_KEYS;

		for (__u32 key = 0; key < keys; key++)
			values->there[i][key] =
				!map_lookup(&map, &key, values->value[i][key]);
	}
}

bool is_nondeterministic(const struct bpf_insn *insns, __u32 cnt)
{
	for (__u32 i = 0; i < cnt; i++) {
		if (insns[i].code != (BPF_JMP | BPF_CALL) || insns[i].src_reg)
			continue;
		switch (insns[i].imm) {
		case VNP_HELPER_time_ns:
		case VNP_HELPER_random_u32:
		case VNP_HELPER_log:
			return true;
		}
	}
	return false;
}
