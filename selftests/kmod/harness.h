/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel's kselftest_harness.h, from Debian's linux-source package, with additions
 * for all tests here.  Only to be included by *_test.c, once each.
 */
#ifndef _VNP_TEST_HARNESS_H
#define _VNP_TEST_HARNESS_H

#include <kselftest_harness.h>
#include "common.h"

/* A kernel with all checkers enabled, in an emulated machine, is slow. */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT	300

/* EXPECT_OK() - a call did not return a negative errno */
#define EXPECT_OK(seen)		EXPECT_LE(0, seen)
#define ASSERT_OK(seen)		ASSERT_LE(0, seen)

/* EXPECT_MEM() - two ranges of memory hold the same bytes */
#define EXPECT_MEM(expected, seen, len)	\
	EXPECT_EQ(-1, mem_differ(expected, seen, len))
#define ASSERT_MEM(expected, seen, len)	\
	ASSERT_EQ(-1, mem_differ(expected, seen, len))

#endif /* _VNP_TEST_HARNESS_H */
