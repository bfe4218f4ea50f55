/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#ifndef _VNP_VM_ANALYSIS_LIVE_H
#define _VNP_VM_ANALYSIS_LIVE_H

#include "vm/env.h"

struct vnp_code;

/* vnp_live_reads() - bit n: the instruction reads Rn */
u32 vnp_live_reads(const struct bpf_insn *insn);

/* vnp_live_writes() - bit n: it writes Rn, or leaves it unset */
u32 vnp_live_writes(const struct bpf_insn *insn);

/**
 * vnp_live_find() - which registers matter at the start of each block
 * @code:	with its graph, whose blocks' @live is filled in
 * @pred:	the blocks before block b are @pred[@pred_at[b]..@pred_at[b + 1])
 * @pred_at:	see above
 *
 * A join needs only what is read later, so no more is kept in states.
 *
 * Return: 0, -ENOMEM.
 */
int vnp_live_find(struct vnp_code *code, const u32 *pred, const u32 *pred_at);

#endif /* _VNP_VM_ANALYSIS_LIVE_H */
