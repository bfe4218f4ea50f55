// SPDX-License-Identifier: GPL-2.0
/*
 * Measures the cost of processing a socket's datagrams, with VNP and with alternatives.
 *
 * Usage: bench FILE [WORKLOAD...]	prints tables, writes FILE, JSON
 *
 * Executed by "make bench" in a guest that counts instructions, with vnp_bench.ko loaded.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

static const struct workload {
	const char *name;
	void (*run)(void);
	bool is_extra;	/* only if requested by name */
} workloads[] = {
	{ "drop", bench_drop },
	{ "pass", bench_pass },
	{ "reply", bench_reply },
	{ "kvcache", bench_kvcache },
	{ "relay", bench_relay },
	{ "srelay", bench_srelay },
	{ "hold", bench_hold },
	{ "stream", bench_stream },
	{ "answer", bench_answer },
	{ "aead-open", bench_aead_open },
	{ "aead-forged", bench_aead_forged },
	{ "aead-timing", bench_aead_timing },
	{ "processor", bench_processor },
	{ "verify", bench_verify },
	{ "times", bench_times, true },
	{ "profile", bench_profile, true },
	{ "aead-profile", bench_aead_profile, true },
	{ "stream-profile", bench_stream_profile, true },
};

void die(const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	va_start(ap, fmt);
	fputs("bench: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputs("\n", stderr);
	va_end(ap);
	exit(1);
}

static int compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

double least(const double *values, int cnt)
{
	double value = values[0];

	while (cnt--)
		value = values[cnt] < value ? values[cnt] : value;
	return value;
}

double median(double *values, int cnt)
{
	qsort(values, cnt, sizeof(*values), compare);
	return values[cnt / 2];
}

static bool is_chosen(const struct workload *workload, char **names)
{
	if (!*names)
		return !workload->is_extra;
	while (*names && strcmp(*names, workload->name))
		names++;
	return *names;
}

static void check_names(char **names)
{
	size_t i;

	for (; *names; names++) {
		for (i = 0; i < ARRAY_SIZE(workloads); i++)
			if (!strcmp(*names, workloads[i].name))
				break;
		if (i == ARRAY_SIZE(workloads))
			die("There is no workload %s.", *names);
	}
}

int main(int argc, char **argv)
{
	size_t i;

	if (argc < 2)
		die("usage: bench FILE [WORKLOAD...]");
	check_names(argv + 2);
	rig_open();
	for (i = 0; i < ARRAY_SIZE(workloads); i++) {
		if (is_chosen(&workloads[i], argv + 2))
			workloads[i].run();
	}
	rows_write(argv[1]);
	return 0;
}
