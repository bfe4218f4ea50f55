/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel's kselftest_harness.h, from Debian's linux-source package, with additions
 * for all tests here.  Only to be included by *_test.c, once each.
 */
#ifndef _VNP_TEST_HARNESS_H
#define _VNP_TEST_HARNESS_H

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
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

/*
 * ---- Tests that need two CPUs -------------------------------------------
 *
 * They are left out on one CPU.  With VNP_SMP=only the others are: a guest with two CPUs is
 * slow, so it only executes what needs them.
 */

static const struct __test_metadata *smp_tests[64];
static size_t smp_cnt;

static inline void smp_add(const struct __test_metadata *test)
{
	if (smp_cnt == ARRAY_SIZE(smp_tests))
		abort();
	smp_tests[smp_cnt++] = test;
}

/* TEST_F_SMP() - TEST_F() for threads that race, or for memory of each CPU */
#define TEST_F_SMP(fixture_name, test_name)				\
	static struct __test_metadata _##fixture_name##_##test_name##_object; \
	static void __attribute__((constructor))			\
	_smp_##fixture_name##_##test_name(void)				\
	{								\
		smp_add(&_##fixture_name##_##test_name##_object);	\
	}								\
	TEST_F(fixture_name, test_name)

static inline bool is_smp(const struct __test_metadata *test)
{
	for (size_t i = 0; i < smp_cnt; i++) {
		if (smp_tests[i] == test)
			return true;
	}
	return false;
}

/* choose_smp() - tests for this number of CPUs */
static inline void choose_smp(void)
{
	const bool two_cpus = sysconf(_SC_NPROCESSORS_ONLN) > 1;

	if (two_cpus && !getenv("VNP_SMP"))
		return;
	for (struct __fixture_metadata *f = __fixture_list; f; f = f->next) {
		struct __test_metadata **test = &f->tests;

		while (*test) {
			if (is_smp(*test) == two_cpus)
				test = &(*test)->next;
			else
				*test = (*test)->next;
		}
	}
}

/* Exact names of variants that leave_out_variants() leaves out, too: a test may define them. */
#ifndef LIGHT_LEAVES_OUT
#define LIGHT_LEAVES_OUT	NULL
#endif

static inline bool is_left_out(const char *variant)
{
	static const char *const names[] = { LIGHT_LEAVES_OUT, NULL };

	for (size_t i = 0; names[i]; i++)
		if (!strcmp(variant, names[i]))
			return true;
	return strstr(variant, "mapped");
}

/*
 * leave_out_variants() - with VNP_LIGHT, which is for a slow kernel, leave out variants of which
 * others execute nearly all of the code: those with IPv4 addresses on IPv6 sockets, and the test's
 */
static inline void leave_out_variants(void)
{
	for (struct __fixture_metadata *f = __fixture_list; f; f = f->next) {
		struct __fixture_variant_metadata **variant = &f->variant;

		while (*variant) {
			if (is_left_out((*variant)->name))
				*variant = (*variant)->next;
			else
				variant = &(*variant)->next;
		}
	}
}

/* set_timeout() - of each test, in seconds: for tests that a variable makes longer */
static inline void set_timeout(int seconds)
{
	for (struct __fixture_metadata *f = __fixture_list; f; f = f->next)
		for (struct __test_metadata *test = f->tests; test; test = test->next)
			test->timeout = seconds;
}

static inline void choose_tests(void)
{
	const char *timeout = getenv("VNP_TEST_TIMEOUT");

	choose_smp();
	if (timeout)
		set_timeout(atoi(timeout));
	if (getenv("VNP_LIGHT"))
		leave_out_variants();
}

/* When main() calls it, all tests are registered. */
#define test_harness_run(argc, argv)	(choose_tests(), test_harness_run(argc, argv))

#endif /* _VNP_TEST_HARNESS_H */
