/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Arithmetic that may overflow.  All other sums in vm/ must not: tests and fuzzers use
 * sanitizers that stop at each overflow, signed or unsigned.
 *
 * Offsets and bounds: the sum saturates.  An offset outside all objects stays outside,
 * whatever is added next.
 *
 * Numbers of programs, and addresses: modulo 2^64, as machines calculate.
 */
#ifndef _VNP_VM_ARITH_H
#define _VNP_VM_ARITH_H

#include "env.h"

static inline s64 vnp_sat_add(s64 a, s64 b)
{
	s64 sum;

	if (__builtin_add_overflow(a, b, &sum))
		return b < 0 ? S64_MIN : S64_MAX;
	return sum;
}

static inline s64 vnp_sat_sub(s64 a, s64 b)
{
	s64 difference;

	if (__builtin_sub_overflow(a, b, &difference))
		return b < 0 ? S64_MAX : S64_MIN;
	return difference;
}

static inline u64 vnp_wrap_add(u64 a, u64 b)
{
	u64 sum;

	(void)__builtin_add_overflow(a, b, &sum);
	return sum;
}

static inline u64 vnp_wrap_sub(u64 a, u64 b)
{
	u64 difference;

	(void)__builtin_sub_overflow(a, b, &difference);
	return difference;
}

static inline u64 vnp_wrap_mul(u64 a, u64 b)
{
	u64 product;

	(void)__builtin_mul_overflow(a, b, &product);
	return product;
}

#endif /* _VNP_VM_ARITH_H */
