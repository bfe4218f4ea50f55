// SPDX-License-Identifier: GPL-2.0
#include "bpf.h"

#include <errno.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

int bpf_call(int cmd, union bpf_attr *attr)
{
	const int ret = syscall(SYS_bpf, cmd, attr, sizeof(*attr));

	return ret < 0 ? -errno : ret;
}

int bpf_counter_create(void)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_ARRAY,
		.key_size = sizeof(__u32),
		.value_size = sizeof(__u64),
		.max_entries = 1,
	};

	return bpf_call(BPF_MAP_CREATE, &attr);
}

long bpf_counter_read(int counter)
{
	__u32 key = 0;
	__u64 value = 0;
	union bpf_attr attr = {
		.map_fd = counter,
		.key = (uintptr_t)&key,
		.value = (uintptr_t)&value,
	};
	const int err = bpf_call(BPF_MAP_LOOKUP_ELEM, &attr);

	return err ?: (long)value;
}
