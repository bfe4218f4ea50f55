/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * On which loops verification spent its work, for authors of expensive programs.
 *
 * Layer: above cfg.h and report/log.h, below fixpoint.c.
 */
#ifndef _VNP_VM_ANALYSIS_LOOP_COST_H
#define _VNP_VM_ANALYSIS_LOOP_COST_H

#include "vm/env.h"

struct vnp_code;

/**
 * vnp_loop_cost_log() - name the loops that took most of the work
 * @code:	the program, with its graph
 * @spent:	by block: work spent on it and on the blocks walked with it
 */
void vnp_loop_cost_log(const struct vnp_code *code, const u32 *spent);

#endif /* _VNP_VM_ANALYSIS_LOOP_COST_H */
