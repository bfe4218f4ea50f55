/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Shared by the fuzz targets.  A target is a file NAME_fuzz.c with
 * LLVMFuzzerTestOneInput(), and a folder corpus/NAME of initial inputs.  The Makefile
 * links it twice: with libFuzzer, which generates inputs, and with replay.c, which tries
 * those of the corpus.
 */
#ifndef _VNP_FUZZ_H
#define _VNP_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* LLVMFuzzerTestOneInput() - try an input; aborts if a check fails.  Return: 0 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* LLVMFuzzerInitialize() - called once, before the first input */
int LLVMFuzzerInitialize(int *argc, char ***argv);

/* The constant result of vnp_random_u32() */
#define FUZZ_RANDOM	0x9e3779b9

/* Statistics of the inputs, printed at the end */
struct fuzz_tally {
	uint64_t tried;
	uint64_t accepted;
};

extern struct fuzz_tally fuzz_tally;

/* fuzz_result() - count an input.  Return: 0, the result of LLVMFuzzerTestOneInput() */
int fuzz_result(bool accepted);

/* fuzz_check() - abort with a message if @ok does not hold */
#define fuzz_check(ok, ...)						\
	do { if (!(ok)) fuzz_abort(__FILE__, __LINE__, __VA_ARGS__); } while (0)
void fuzz_abort(const char *file, int line, const char *fmt, ...)
	__attribute__((noreturn, format(printf, 3, 4)));

#endif /* _VNP_FUZZ_H */
