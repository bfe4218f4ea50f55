// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * usage: NAME_replay FOLDER
 *
 * Try each file of a folder, the corpus of a target, once.
 */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuzz.h"

#define INPUT_MAX	(1U << 20)

/* The current input */
static char path[4096];

static void say(const char *text)
{
	if (write(STDERR_FILENO, text, strlen(text)) < 0)
		_exit(1);
}

static void died(int sig)
{
	say("the input was ");
	say(path);
	say("\n");
}

/* Errors found by the sanitizers call died(), too */
const char *__asan_default_options(void);
const char *__ubsan_default_options(void);

const char *__asan_default_options(void)
{
	return "abort_on_error=1:handle_abort=0";
}

const char *__ubsan_default_options(void)
{
	return "abort_on_error=1:print_stacktrace=1";
}

static void try_file(void)
{
	/* a buffer of exactly this size, so that the sanitizer detects accesses beyond it */
	static uint8_t buf[INPUT_MAX];
	FILE *file = fopen(path, "r");
	uint8_t *data;
	size_t len;

	fuzz_check(file, "cannot open it");
	len = fread(buf, 1, sizeof(buf), file);
	fuzz_check(feof(file) || len < sizeof(buf), "cannot read it, or it is too large");
	fclose(file);
	data = malloc(len ? len : 1);
	fuzz_check(data, "no memory");
	memcpy(data, buf, len);
	LLVMFuzzerTestOneInput(data, len);
	free(data);
}

/* Defined by libFuzzer; referenced by mutators of targets, which are not called here */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size)
{
	abort();
}

int main(int argc, char **argv)
{
	const struct dirent *entry;
	int files = 0;
	DIR *dir;

	if (argc != 2 || !(dir = opendir(argv[1]))) {
		fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
		return 2;
	}
	signal(SIGABRT, died);
	LLVMFuzzerInitialize(&argc, &argv);
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", argv[1], entry->d_name);
		try_file();
		files++;
	}
	closedir(dir);
	/* fail if nothing was accepted: such a corpus tests little */
	return files && fuzz_tally.accepted ? 0 : 1;
}
