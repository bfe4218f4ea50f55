// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "fuzz.h"
#include "vm/env.h"

struct fuzz_tally fuzz_tally;

static void tally_print(void)
{
	fprintf(stderr, "accepted: %llu of %llu\n",
		(unsigned long long)fuzz_tally.accepted,
		(unsigned long long)fuzz_tally.tried);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	/* vm_util.c reports failures through cmocka, which calls exit() outside of a test */
	setenv("CMOCKA_TEST_ABORT", "1", 1);
	return atexit(tally_print);
}

int fuzz_result(bool accepted)
{
	fuzz_tally.tried++;
	fuzz_tally.accepted += accepted;
	return 0;
}

void fuzz_abort(const char *file, int line, const char *fmt, ...)
{
	va_list args;

	fprintf(stderr, "%s:%d: ", file, line);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	abort();
}

/*
 * Results must be reproducible, and the same for both interpreters: the linker replaces
 * functions with varying results by these (--wrap).
 */
u64 __wrap_vnp_helper_time_ns(u64 r1, u64 r2, u64 r3, u64 r4, u64 r5);
u64 __wrap_vnp_helper_random_u32(u64 r1, u64 r2, u64 r3, u64 r4, u64 r5);
ssize_t __wrap_getrandom(void *to, size_t len, unsigned int flags);

u64 __wrap_vnp_helper_time_ns(u64 r1, u64 r2, u64 r3, u64 r4, u64 r5)
{
	return 1234567890123456789ULL;
}

u64 __wrap_vnp_helper_random_u32(u64 r1, u64 r2, u64 r3, u64 r4, u64 r5)
{
	return FUZZ_RANDOM;
}

ssize_t __wrap_getrandom(void *to, size_t len, unsigned int flags)
{
	memset(to, 0x5a, len);
	return len;
}
