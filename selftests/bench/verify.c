// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Measures the cost of verification: time and memory for programs of six shapes with 100 to
 * 50,000 instructions, and for worst cases with up to 65,536; for trusted and untrusted
 * users.
 *
 * Usage: verify [-j]
 */
#include <errno.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "shapes.h"
#include "worst.h"
#include "vm/code.h"
#include "vm/report/log.h"
#include "vm/lower/lower.h"

#define RUNS	3	/* the minimum is used: other samples were disturbed */

/* ---- Memory ---------------------------------------------------------------- */

static size_t used, peak;

void *__real_calloc(size_t n, size_t size);
void __real_free(void *p);
void *__wrap_calloc(size_t n, size_t size);
void __wrap_free(void *p);

void *__wrap_calloc(size_t n, size_t size)
{
	void *p = __real_calloc(n, size);

	used += malloc_usable_size(p);
	if (used > peak)
		peak = used;
	return p;
}

void __wrap_free(void *p)
{
	used -= malloc_usable_size(p);
	__real_free(p);
}

/* ---- Measuring -------------------------------------------------------------- */

struct cost {
	double ms;
	size_t bytes;
	__u32 guards;
	bool refused;
};

static double now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return ts.tv_sec * 1e3 + ts.tv_nsec / 1e6;
}

static int verify(const struct text *t, bool harden, struct cost *cost)
{
	static char text[4096];
	struct vnp_log log = { .buf = text, .size = sizeof(text), .level = VNP_LOG_NORMAL };
	struct vnp_code_attr attr = {
		.type = VNP_PROG_DATAGRAM, .harden = harden,
		.insns = t->insns, .insn_cnt = t->cnt, .log = &log,
	};
	struct vnp_code *code;
	double start = now_ms();
	int err;

	text[0] = 0;
	used = peak = 0;
	err = vnp_code_create(&attr, &code);
	if (!err)
		err = vnp_code_check(code);
	if (!err)
		err = vnp_lower(code);
	*cost = (struct cost){ .ms = now_ms() - start, .bytes = peak };
	if (err == -E2BIG)
		cost->refused = true;
	else if (err)
		fprintf(stderr, "verify: %s: %s\n", strerror(-err), text);
	else
		cost->guards = code->guard_cnt;
	vnp_code_destroy(code);
	return err == -E2BIG ? 0 : err;
}

static int measure(const struct text *t, bool harden, struct cost *best)
{
	struct cost cost;
	int i, err;

	for (i = 0; i < RUNS; i++) {
		err = verify(t, harden, &cost);
		if (err)
			return err;
		if (!i || cost.ms < best->ms)
			*best = cost;
	}
	return 0;
}

static void print_row(bool json, const char *shape, __u32 cnt, const struct cost cost[2])
{
	static const char * const refused[] = { "", "  refused hardened", "  refused" };
	static bool more;

	if (!json) {
		printf("%-9s %7u %9.1f %9.1f %9.2f %9zu %7u%s\n", shape, cnt, cost[0].ms,
		       cost[1].ms, 1e3 * cost[0].ms / cnt, cost[1].bytes / 1024,
		       cost[0].guards, refused[cost[0].refused + cost[1].refused]);
		return;
	}
	printf("%s\n  {\"workload\": \"verify\", \"system\": \"vnp\", \"case\": \"%s\", \"size\": %u, \"ms\": %.3f, \"ms_hardened\": %.3f, \"bytes\": %zu}",
	       more ? "," : "[", shape, cnt, cost[0].ms, cost[1].ms, cost[1].bytes);
	more = true;
}

static int measure_both(bool json, const char *shape, const struct text *t)
{
	struct cost cost[2];
	int err;

	err = measure(t, false, &cost[0]);
	if (!err)
		err = measure(t, true, &cost[1]);
	if (!err)
		print_row(json, shape, t->cnt, cost);
	return err;
}

static int measure_all(bool json, struct text *t)
{
	static const __u32 sizes[] = { 100, 1000, 10000, 50000 };
	static const __u32 worst_sizes[] = { 1000, 10000, 65536 };
	size_t i, k;
	int err = 0;

	for (i = 0; i < SHAPE_CNT; i++)
		for (k = 0; k < ARRAY_SIZE(sizes) && !err; k++) {
			t->max = sizes[k];
			text_make(t, &shapes[i], false);
			err = measure_both(json, shapes[i].name, t);
		}
	for (i = 0; i < WORST_CNT; i++)
		for (k = 0; k < ARRAY_SIZE(worst_sizes) && !err; k++) {
			t->max = worst_sizes[k];
			worst[i].make(t);
			err = measure_both(json, worst[i].name, t);
		}
	return err;
}

int main(int argc, char **argv)
{
	bool json = argc > 1 && !strcmp(argv[1], "-j");
	struct text text = { .insns = calloc(TEXT_MAX, sizeof(*text.insns)) };
	int err;

	if (!text.insns)
		return 1;
	if (!json)
		printf("%-9s %7s %9s %9s %9s %9s %7s\n", "program", "insns", "ms",
		       "hardened", "us/insn", "KiB", "guards");
	err = measure_all(json, &text);
	if (json)
		printf("\n]\n");
	free(text.insns);
	return err ? 1 : 0;
}
