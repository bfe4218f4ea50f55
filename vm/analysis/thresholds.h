/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Widening thresholds: a bound that grows when paths join is set to the next of them, so that
 * iteration converges.
 *
 * Layer: above code.h.
 */
#ifndef _VNP_VM_ANALYSIS_THRESHOLDS_H
#define _VNP_VM_ANALYSIS_THRESHOLDS_H

#include "vm/env.h"

struct vnp_code;

#define VNP_THRESHOLDS_MAX	128

/**
 * struct vnp_thresholds - values at which widened bounds stop
 * @cnt:	how many
 * @value:	ascending
 */
struct vnp_thresholds {
	u32 cnt;
	u64 value[VNP_THRESHOLDS_MAX];
};

/* vnp_thresholds_coarse() - a few that suit any program */
void vnp_thresholds_coarse(struct vnp_thresholds *thresholds);

/* vnp_thresholds_few() - what pointers into the payload need, no more */
void vnp_thresholds_few(struct vnp_thresholds *thresholds);

/* vnp_thresholds_collect() - these, and those next to what the program compares with */
void vnp_thresholds_collect(struct vnp_thresholds *thresholds, const struct vnp_code *code);

#endif /* _VNP_VM_ANALYSIS_THRESHOLDS_H */
