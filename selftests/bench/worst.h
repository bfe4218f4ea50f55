/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Programs designed to take as long as possible to verify.
 */
#ifndef _VNP_BENCH_WORST_H
#define _VNP_BENCH_WORST_H

#include "shapes.h"

#define WORST_CNT	7

/**
 * struct worst - a kind of worst-case programs
 * @name:	its name
 * @make:	generates a program of the size given in the text
 */
extern const struct worst {
	const char *name;
	void (*make)(struct text *t);
} worst[WORST_CNT];

/* worst_histogram() - a loop over @ifs conditions, each of which increments one of @counters */
void worst_histogram(struct text *t, __u32 counters, __u32 ifs);

#endif /* _VNP_BENCH_WORST_H */
