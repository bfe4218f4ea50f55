/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Programs of selftests/progs as each compiler makes them at each level, and what they return */
#ifndef _VNP_UNIT_COMPILED_H
#define _VNP_UNIT_COMPILED_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "vnp/libvnp.h"

/* How a program is executed: as it was written, or lowered; for either kind of user */
#define COMPILED_LOWERED	1
#define COMPILED_HARDEN		2
#define COMPILED_WAYS		4

/**
 * compiled_each() - check all objects that were made of a file
 * @name:	of selftests/progs/NAME.bpf.c
 * @check:	called with each, loaded anew in each way
 *
 * Return: how many there are; a third of them is of each level, O1, O2, and Os.
 */
__u32 compiled_each(const char *name, void (*check)(struct vnp_object *obj, __u32 way));

/**
 * compiled_run() - execute one program
 * @obj:	its object
 * @way:	as @check was given it
 * @name:	of the program
 * @payload:	the datagram
 * @len:	its bytes
 * @direct:	how many of them can be read directly; 0: all
 *
 * Return: what came of it: retval and fault.
 */
struct vnp_run_opts compiled_run(struct vnp_object *obj, __u32 way, const char *name,
				 const void *payload, __u32 len, __u32 direct);

/* In a function with obj and way: what a program returns, without a fault */
#define assert_verdict(verdict, ...)					\
	do {								\
		struct vnp_run_opts opts = compiled_run(obj, way, __VA_ARGS__); \
									\
		assert_int_equal(opts.fault, 0);			\
		assert_int_equal(opts.retval, verdict);			\
	} while (0)

#endif /* _VNP_UNIT_COMPILED_H */
