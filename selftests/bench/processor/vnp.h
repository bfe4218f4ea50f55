/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* processor.h for programs of VNP */
#ifndef _VNP_BENCH_PROCESSOR_VNP_H
#define _VNP_BENCH_PROCESSOR_VNP_H

#include <vnp/program.h>

#define PROCESSOR_ARRAY(map, _type, entries)				\
struct {								\
	__uint(type, VNP_MAP_ARRAY);					\
	__uint(max_entries, entries);					\
	__type(key, __u32);						\
	__type(value, _type);						\
} map SEC(".maps")

#define PROCESSOR_HASH(map, _key, _type, entries)			\
struct {								\
	__uint(type, VNP_MAP_HASH);					\
	__uint(max_entries, entries);					\
	__type(key, _key);						\
	__type(value, _type);						\
} map SEC(".maps")

#define array_get(map, index)						\
({									\
	__u32 ___index = (index);					\
									\
	vnp_map_lookup(&(map), &___index);				\
})

#define hash_get(map, key)		vnp_map_lookup(&(map), key)
#define hash_add(map, key, value)					\
	vnp_map_update(&(map), key, value, VNP_MAP_NOEXIST)
#define time_ns()			vnp_time_ns()

#define PROCESSOR(name)							\
SEC("vnp/datagram")							\
int run_##name(struct vnp_ctx *ctx)					\
{									\
	return name(ctx, ctx->data, ctx->data_end);			\
}

#endif /* _VNP_BENCH_PROCESSOR_VNP_H */
