/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Execute programs of selftests/progs, compiled by each compiler at each level */
#ifndef _VNP_UNIT_COMPILED_H
#define _VNP_UNIT_COMPILED_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "vnp/libvnp.h"

/* Modes of execution, as bits: as compiled or lowered; trusted or hardened */
#define COMPILED_LOWERED	1
#define COMPILED_HARDEN		2
#define COMPILED_MODES		4

/**
 * compiled_each() - check all objects that were compiled from a file
 * @name:	of selftests/progs/NAME.bpf.c
 * @check:	called for each object in each mode
 *
 * Return: number of objects; a third of them for each level, O1, O2, and Os.
 */
__u32 compiled_each(const char *name, void (*check)(struct vnp_object *obj, __u32 mode));

/**
 * compiled_run() - execute one program
 * @obj:	its object
 * @mode:	as passed to @check
 * @name:	of the program
 * @payload:	the datagram
 * @len:	its bytes
 * @direct:	number of directly readable bytes; 0: all
 *
 * Return: the results: retval and fault.
 */
struct vnp_run_opts compiled_run(struct vnp_object *obj, __u32 mode, const char *name,
				 const void *payload, __u32 len, __u32 direct);

/* In a function with @obj and @mode: return value of a program that must not fault */
#define assert_verdict(verdict, ...)					\
	do {								\
		struct vnp_run_opts opts = compiled_run(obj, mode, __VA_ARGS__); \
									\
		assert_int_equal(opts.fault, 0);			\
		assert_int_equal(opts.retval, verdict);			\
	} while (0)

#endif /* _VNP_UNIT_COMPILED_H */
