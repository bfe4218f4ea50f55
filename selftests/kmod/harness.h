/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel's kselftest_harness.h, from Debian's linux-source package, with what
 * every test here adds to it.  For *_test.c only, once each.
 */
#ifndef _VNP_TEST_HARNESS_H
#define _VNP_TEST_HARNESS_H

#include <kselftest_harness.h>
#include "common.h"

/* A kernel with all its checkers on, in an emulated machine, takes its time. */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT	300

/* EXPECT_OK() - a call that returns a negative errno when it fails did not */
#define EXPECT_OK(seen)		EXPECT_LE(0, seen)
#define ASSERT_OK(seen)		ASSERT_LE(0, seen)

/* EXPECT_MEM() - two pieces of memory hold the same bytes */
#define EXPECT_MEM(expected, seen, len)	\
	EXPECT_EQ(-1, mem_differ(expected, seen, len))
#define ASSERT_MEM(expected, seen, len)	\
	ASSERT_EQ(-1, mem_differ(expected, seen, len))

#endif /* _VNP_TEST_HARNESS_H */
