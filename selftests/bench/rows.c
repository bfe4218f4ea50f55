// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "bench.h"

#define ROWS_MAX	2000

static struct row rows[ROWS_MAX];
static int row_cnt;

void rows_begin(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	printf("\n");
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n%-18s %6s %13s %10s %10s %10s\n", "", "size", "instructions",
	       "arrival", "switches", "syscalls");
	fflush(stdout);
}

/* Optional fields */
static void print_figure(double value)
{
	if (value)
		printf(" %10.*f", value < 10 ? 3 : 1, value);
	else
		printf(" %10s", "");
}

void row_add(const struct row *row)
{
	if (row_cnt == ROWS_MAX)
		die("There are more rows than ROWS_MAX.");
	rows[row_cnt++] = *row;
	printf("%-18s %6d ", row->system, row->size);
	if (isnan(row->insns))
		printf("%13s", "refused");
	else
		printf("%13.*f", row->insns < 100 ? 2 : 1, row->insns);
	print_figure(row->arrival);
	print_figure(row->switches);
	print_figure(row->syscalls);
	printf("\n");
	fflush(stdout);
}

static void row_write(FILE *file, const struct row *row, const char *kernel)
{
	fprintf(file, "{\"workload\": \"%s\", \"system\": \"%s\", ", row->workload,
		row->system);
	if (row->kase)
		fprintf(file, "\"case\": \"%s\", ", row->kase);
	fprintf(file, "\"size\": %d, \"burst\": %d, \"unwanted\": %d, ", row->size,
		row->burst, row->unwanted);
	if (!strcmp(row->workload, "relay"))
		fprintf(file, "\"fanout\": %d, \"rewritten\": %d, ", row->fanout,
			row->rewritten);
	if (row->messages)
		fprintf(file, "\"messages\": %d, \"interrupts\": %d, ", row->messages,
			row->interrupts);
	if (isnan(row->insns))
		fprintf(file, "\"insns\": null, ");
	else
		fprintf(file, "\"insns\": %.*f, ", row->insns < 100 ? 3 : 1, row->insns);
	if (!strcmp(row->workload, "processor"))
		fprintf(file, "\"guards\": %d, \"masks\": %d, \"barriers\": %d, ",
			row->guards, row->masks, row->barriers);
	fprintf(file, "\"arrival\": %.1f, ", row->arrival);
	fprintf(file, "\"switches\": %.3f, \"syscalls\": %.3f, \"kernel\": \"%s\"}",
		row->switches, row->syscalls, kernel);
}

void rows_write(const char *path)
{
	FILE *file = fopen(path, "w");
	struct utsname name;
	int i;

	if (!file || uname(&name))
		die("%s cannot be written: %s.", path, strerror(errno));
	for (i = 0; i < row_cnt; i++) {
		fputs(i ? ",\n  " : "[\n  ", file);
		row_write(file, &rows[i], name.release);
	}
	fputs("\n]\n", file);
	if (fclose(file))
		die("%s cannot be written: %s.", path, strerror(errno));
}
