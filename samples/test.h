/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What tests of samples have in common: their results, and the process that is tested */
#ifndef _VNP_SAMPLE_TEST_H
#define _VNP_SAMPLE_TEST_H

#include <stdio.h>
#include <sys/types.h>
#include <unistd.h>

/* test_plan() - before the first test: how many there are */
void test_plan(int cnt);

/* test_skip_all() - instead of a plan: why nothing is tested.  Return: the exit status */
int test_skip_all(const char *why);

/* test_bail_out() - why nothing more can be tested.  Return: the exit status */
int test_bail_out(const char *why);

/* report() - the result of a test */
void report(int ok, const char *what);

/* report_skip() - a test that cannot be executed */
void report_skip(const char *what, const char *why);

/* test_status() - the exit status: were there as many tests as planned, and all passed? */
int test_status(void);

/* test_path() - the path of a file in the directory of the test, valid until the next call */
const char *test_path(const char *self, const char *name);

/**
 * test_start() - start a program that is in the directory of the test; it ends with the test
 * @self:	argv[0] of the test
 * @args:	the program's name and arguments, up to NULL
 * @in:		out: a stream to its standard input.  NULL: it has that of the test
 * @out:	out: a stream of its standard output, of which one line has been read
 *
 * Return: its pid, once it has printed that line, or -1.
 */
pid_t test_start(const char *self, const char *const *args, FILE **in, FILE **out);

/*
 * sleeps_of() - number of voluntary context switches of a process or thread, once it sleeps.
 * Return: -1: it has ended, or does not sleep
 */
long sleeps_of(pid_t pid);

/* sleeps_of_threads() - those of all threads of a process, whether they sleep or not; or -1 */
long sleeps_of_threads(pid_t pid);

/* test_until() - wait until a condition is true, for 20 seconds at least.  Value: is it? */
#define test_until(cond)						\
	({								\
		int test_tries = 0;					\
									\
		while (!(cond) && ++test_tries < 2000)			\
			usleep(10000);					\
		test_tries < 2000;					\
	})

#endif /* _VNP_SAMPLE_TEST_H */
