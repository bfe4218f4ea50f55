/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#ifndef _VNP_VM_ANALYSIS_STEPS_H
#define _VNP_VM_ANALYSIS_STEPS_H

#include "vm/env.h"

struct vnp_code;

#define VNP_STEPS_MAX	128

/**
 * struct vnp_steps - values for bounds to rest at when widening
 * @cnt:	how many
 * @value:	ascending
 */
struct vnp_steps {
	u32 cnt;
	u64 value[VNP_STEPS_MAX];
};

/* vnp_steps_coarse() - a few that suit any program */
void vnp_steps_coarse(struct vnp_steps *steps);

/* vnp_steps_few() - what pointers into the payload need, no more */
void vnp_steps_few(struct vnp_steps *steps);

/* vnp_steps_collect() - these, and those round what the program compares with */
void vnp_steps_collect(struct vnp_steps *steps, const struct vnp_code *code);

#endif /* _VNP_VM_ANALYSIS_STEPS_H */
