/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Typical packet processing programs, for comparison.  NAME.h contains a program in C, which
 * is compiled
 *
 *	as a program of VNP			vnp.h	NAME.bpf.c
 *	as a program of the kernel's own BPF	linux.h	with -DPROCESSOR_LINUX
 *	for this machine, in the kernel or not	native.h
 *
 * Each of these defines what the others do:
 *
 *	PROCESSOR_ARRAY(map, type, entries)	a map from 0..entries - 1, zero at first
 *	PROCESSOR_HASH(map, key, type, entries)	a map, empty at first
 *	array_get(map, index)			address of a value, or NULL
 *	hash_get(map, &key)			likewise
 *	hash_add(map, &key, &value)		a new entry; not 0 if there is no room
 *	time_ns()				a monotonic clock
 *	PROCESSOR(name)				makes a program of name()
 *
 * name(ctx, data, end) returns its result, or 0 if the payload is malformed or unwanted:
 * the verdict of a real program would be "!= 0".
 *
 * Tables that user space would fill have a function NAME_fill(), which is not compiled into
 * the programs.  Inputs are in inputs.h.
 */
#ifndef _VNP_BENCH_PROCESSOR_H
#define _VNP_BENCH_PROCESSOR_H

#include <linux/types.h>

#if defined(PROCESSOR_LINUX)
#include "linux.h"
#elif defined(__bpf__)
#include "vnp.h"
#else
#include "native.h"
#endif

/* Payload is not aligned */
#if defined(__bpf__) || defined(__KERNEL__)
#define PROCESSOR_UNALIGNED
#else
#define PROCESSOR_UNALIGNED	__attribute__((no_sanitize("alignment")))
#endif

PROCESSOR_UNALIGNED
static __always_inline __u32 get_be16(const void *p)
{
	return __builtin_bswap16(*(const __u16 *)p);
}

PROCESSOR_UNALIGNED
static __always_inline __u32 get_be32(const void *p)
{
	return __builtin_bswap32(*(const __u32 *)p);
}

/* FNV-1a */
#define HASH_SEED	0x811c9dc5

static __always_inline __u32 hash_byte(__u32 hash, __u8 byte)
{
	return (hash ^ byte) * 0x01000193;
}

#endif /* _VNP_BENCH_PROCESSOR_H */
