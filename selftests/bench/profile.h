/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Markers for plugin/profile.c, at which it begins and ends counting: nopl
 * 0x...(%rax,%rax,1), with operands that do not occur elsewhere.
 */
#ifndef _VNP_BENCH_PROFILE_H
#define _VNP_BENCH_PROFILE_H

#define PROFILE_MARK_LEN	8
#define PROFILE_MARK_BEGIN	"\x0f\x1f\x84\x00VNP1"
#define PROFILE_MARK_END	"\x0f\x1f\x84\x00VNP2"

static inline void profile_begin(void)
{
	asm volatile(".ascii \"\\x0f\\x1f\\x84\\x00VNP1\"" ::: "memory");
}

static inline void profile_end(void)
{
	asm volatile(".ascii \"\\x0f\\x1f\\x84\\x00VNP2\"" ::: "memory");
}

#endif /* _VNP_BENCH_PROFILE_H */
