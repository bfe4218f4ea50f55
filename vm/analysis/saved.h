/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Saved states: only the cells of which something is known.  A large program has
 * thousands of joins, and most registers are dead there.
 *
 * Layer: above state.h.
 */
#ifndef _VNP_VM_ANALYSIS_SAVED_H
#define _VNP_VM_ANALYSIS_SAVED_H

#include "vm/env.h"
#include "vm/analysis/state.h"

/* Bytes that the states of one program may take together */
#define VNP_SAVED_MAX	(64U << 20)

/**
 * struct vnp_saved - a saved state
 * @used:	as in struct vnp_state
 * @range:	likewise
 * @constraint_cnt:	likewise
 * @constraint:	likewise
 * @regs:	bit n: Rn is set, and among @cells; R10 never is
 * @room:	cells that fit
 * @cells:	registers, then used slots
 */
struct vnp_saved {
	u64 used;
	s32 range;
	u32 constraint_cnt;
	struct vnp_constraint constraint[VNP_CONSTRAINT_CNT];
	u32 regs;
	u32 room;
	struct vnp_cell cells[];
};

/* struct vnp_saved_pool - memory that saved states take; zeroed by the owner at first */
struct vnp_saved_pool {
	size_t bytes;
};

/**
 * vnp_saved_put() - save a state
 * @pool:	counts its memory
 * @saved:	where; a state there is replaced, NULL is fine
 * @state:	the state
 *
 * Return: 0, -ENOMEM, -E2BIG (more than VNP_SAVED_MAX).
 */
int vnp_saved_put(struct vnp_saved_pool *pool, struct vnp_saved **saved,
		  const struct vnp_state *state);

/* vnp_saved_get() - restore a saved state to @state */
void vnp_saved_get(const struct vnp_saved *saved, struct vnp_state *state);

/* vnp_saved_free() - free it and set it to NULL; NULL is fine */
void vnp_saved_free(struct vnp_saved_pool *pool, struct vnp_saved **saved);

#endif /* _VNP_VM_ANALYSIS_SAVED_H */
