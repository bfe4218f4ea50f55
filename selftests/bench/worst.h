/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Programs designed to take as long as possible to verify.
 */
#ifndef _VNP_BENCH_WORST_H
#define _VNP_BENCH_WORST_H

#include "shapes.h"

#define WORST_CNT	7

/**
 * struct worst - a kind of such programs
 * @name:	its name
 * @make:	fills a text up to its size
 */
extern const struct worst {
	const char *name;
	void (*make)(struct text *t);
} worst[WORST_CNT];

/* worst_histogram() - a loop over @ifs conditions, each with one of @counters to add to */
void worst_histogram(struct text *t, __u32 counters, __u32 ifs);

#endif /* _VNP_BENCH_WORST_H */
