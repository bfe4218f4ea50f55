/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Constraints: what is known of several numbers together, each of which may be
 * anything.
 *
 * After "if (p + len > end) return", p and len can both be of any size, but their sum
 * cannot; and a loop that adds to one what it subtracts from the other keeps that.  A
 * constraint is an inequality
 *
 *	a + b <= c + most
 *
 * between the numbers that ids stand for (state.h), as integers: it is only ever learnt
 * from values that are small enough for sums not to wrap.  Id 0 stands for 0,
 * VNP_ID_LEN for the payload's length.  A state keeps the newest few.
 *
 * As any fact in a state, a constraint can be dropped at any time.
 *
 * Context: pure functions.
 *
 * Layer: above state.h and view.h, below update.h and join.h.
 */
#ifndef _VNP_VM_ANALYSIS_CONSTRAINT_H
#define _VNP_VM_ANALYSIS_CONSTRAINT_H

#include "vm/analysis/state.h"

/* vnp_constraint_bound() - the least known m with @a + @b <= @c + m, or VNP_CONSTRAINT_NONE */
s64 vnp_constraint_bound(struct vnp_state *state, u32 a, u32 b, u32 c);

/* vnp_constraint_learn() - @a + @b <= @c + @most */
void vnp_constraint_learn(struct vnp_state *state, u32 a, u32 b, u32 c, s64 most);

/*
 * vnp_constraint_below() - learn @id <= @above + @most, and what follows from it for the sums
 * that are bounded by @id
 */
void vnp_constraint_below(struct vnp_state *state, u32 id, u32 above, s64 most);

/* vnp_constraint_forget() - @id will stand for another number */
void vnp_constraint_forget(struct vnp_state *state, u32 id);

/* vnp_constraint_drop_dead() - forget constraints on ids that no cell has any more */
void vnp_constraint_drop_dead(struct vnp_state *state);

/* vnp_constraint_apply() - narrow the number of @reg by the constraints of @state */
void vnp_constraint_apply(struct vnp_state *state, struct vnp_reg *reg);

/*
 * vnp_constraint_room() - the least length of the payload that follows from constraints
 */
s64 vnp_constraint_room(struct vnp_state *state);

/**
 * vnp_constraint_put() - keep a constraint, without asking whether others imply it
 * @state:	the state
 * @a:		@a + @b <= @c + @most; @a and @b are ordered here
 * @b:		likewise
 * @c:		likewise
 * @most:	likewise
 * @evict:	if there is no room, replace the oldest one
 *
 * It replaces one of the same ids that says less.
 */
void vnp_constraint_put(struct vnp_state *state, u32 a, u32 b, u32 c, s64 most,
			bool evict);

/* vnp_constraint_has_room() - would vnp_constraint_put() without @evict keep it */
bool vnp_constraint_has_room(const struct vnp_state *state, u32 a, u32 b, u32 c);

#endif /* _VNP_VM_ANALYSIS_CONSTRAINT_H */
