/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * All that vm/ needs from its environment, in the kernel and in user space.  No other
 * file of vm/ depends on which of them it is.
 *
 * Layer: below everything.
 *
 * Context: vm/ is called in process context, and may sleep in vnp_alloc().
 */
#ifndef _VNP_VM_ENV_H
#define _VNP_VM_ENV_H

#ifdef __KERNEL__

#include <linux/bitops.h>
#include <linux/bug.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/limits.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/types.h>
#include <uapi/linux/bpf.h>

/*
 * vnp_alloc() - zeroed memory for @n elements of @size bytes, or NULL
 *
 * The memory is charged to the caller's memory cgroup. __GFP_RETRY_MAYFAIL makes it
 * fail where the OOM killer would otherwise kill a process.
 */
static inline void *vnp_alloc(size_t n, size_t size)
{
	return kvcalloc(n, size, GFP_KERNEL_ACCOUNT | __GFP_NOWARN |
				 __GFP_RETRY_MAYFAIL);
}

static inline void vnp_free(const void *p)
{
	kvfree(p);
}

/*
 * vnp_relax() - called regularly during long work; true: stop, the process is being
 * killed
 *
 * Other signals are not acted on: with a periodic timer faster than the work, every
 * attempt would be interrupted and restarted.
 */
static inline bool vnp_relax(void)
{
	cond_resched();
	return fatal_signal_pending(current);
}

#else

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/types.h>
#include <linux/bpf.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int8_t s8;
typedef int16_t s16;
typedef int32_t s32;
typedef int64_t s64;

#define U8_MAX		UINT8_MAX
#define U16_MAX		UINT16_MAX
#define U32_MAX		UINT32_MAX
#define U64_MAX		UINT64_MAX
#define S16_MIN		INT16_MIN
#define S16_MAX		INT16_MAX
#define S32_MIN		INT32_MIN
#define S32_MAX		INT32_MAX
#define S64_MIN		INT64_MIN
#define S64_MAX		INT64_MAX

#define BIT(n)		(1UL << (n))
#define BIT_ULL(n)	(1ULL << (n))
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define likely(x)	__builtin_expect(!!(x), 1)
#define unlikely(x)	__builtin_expect(!!(x), 0)
#define __printf(a, b)	__attribute__((format(printf, a, b)))
#define fallthrough	__attribute__((fallthrough))

/* Cannot happen: tests abort here */
#define WARN_ON_ONCE(cond)						\
	({ bool __warn = (cond); if (__warn) abort(); __warn; })

/* the lowest bit that is set in a number that is not 0, and the number of bits that are set */
#define __ffs64(x)	((unsigned long)__builtin_ctzll(x))
#define hweight32(x)	((unsigned int)__builtin_popcount(x))
#define hweight64(x)	((unsigned long)__builtin_popcountll(x))

#define __vnp_cmp(op, x, y) \
	({ __typeof__(x) __x = (x); __typeof__(y) __y = (y); \
	   __x op __y ? __x : __y; })
#define min(x, y)	__vnp_cmp(<, x, y)
#define max(x, y)	__vnp_cmp(>, x, y)
#define min_t(t, x, y)	min((t)(x), (t)(y))
#define max_t(t, x, y)	max((t)(x), (t)(y))
#define clamp_t(t, x, lo, hi)	min_t(t, max_t(t, x, lo), hi)
#define swap(a, b) \
	do { __typeof__(a) __t = (a); (a) = (b); (b) = __t; } while (0)

#define __round_mask(x, y)	((__typeof__(x))((y) - 1))
#define round_up(x, y)		round_down((x) + __round_mask(x, y), y)
#define round_down(x, y)	((x) & ~__round_mask(x, y))

/* fls64() - the highest bit set, counted from 1; 0: none */
static inline int fls64(u64 x)
{
	return x ? 64 - __builtin_clzll(x) : 0;
}

static inline u64 div_u64_rem(u64 dividend, u32 divisor, u32 *rem)
{
	*rem = dividend % divisor;
	return dividend / divisor;
}

static inline void *vnp_alloc(size_t n, size_t size)
{
	return calloc(n, size);
}

static inline void vnp_free(const void *p)
{
	free((void *)p);
}

static inline bool vnp_relax(void)
{
	return false;
}

#endif /* __KERNEL__ */

#endif /* _VNP_VM_ENV_H */
