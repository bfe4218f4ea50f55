/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* processor.h for programs of the kernel's own BPF, at tc */
#ifndef _VNP_BENCH_PROCESSOR_LINUX_H
#define _VNP_BENCH_PROCESSOR_LINUX_H

#include <stddef.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define PROCESSOR_ARRAY(map, _type, entries)				\
struct {								\
	__uint(type, BPF_MAP_TYPE_ARRAY);				\
	__uint(max_entries, entries);					\
	__type(key, __u32);						\
	__type(value, _type);						\
} map SEC(".maps")

#define PROCESSOR_HASH(map, _key, _type, entries)			\
struct {								\
	__uint(type, BPF_MAP_TYPE_HASH);				\
	__uint(max_entries, entries);					\
	__type(key, _key);						\
	__type(value, _type);						\
} map SEC(".maps")

#define array_get(map, index)						\
({									\
	__u32 ___index = (index);					\
									\
	bpf_map_lookup_elem(&(map), &___index);				\
})

#define hash_get(map, key)		bpf_map_lookup_elem(&(map), key)
#define hash_add(map, key, value)					\
	bpf_map_update_elem(&(map), key, value, BPF_NOEXIST)
#define time_ns()			bpf_ktime_get_ns()

#define PROCESSOR(name)							\
SEC("tc")								\
int run_##name(struct __sk_buff *ctx)					\
{									\
	return name(ctx, (void *)(long)ctx->data, (void *)(long)ctx->data_end);	\
}									\
									\
char LICENSE[] SEC("license") = "GPL";

#endif /* _VNP_BENCH_PROCESSOR_LINUX_H */
