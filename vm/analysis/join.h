/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Joins of control-flow paths: the join of two states contains all values of both; with
 * widening.
 *
 * Layer: above constraint.h.  join.c joins cells and calls constraint_join.c.
 */
#ifndef _VNP_VM_ANALYSIS_JOIN_H
#define _VNP_VM_ANALYSIS_JOIN_H

#include "vm/analysis/state.h"
#include "vm/analysis/thresholds.h"
#include "vm/analysis/view.h"

/*
 * vnp_reg_join_kind() - make @a of the kind of its join with @b; false, and @a
 * unchanged, if that is %VNP_REG_CONFLICT
 */
bool vnp_reg_join_kind(struct vnp_reg *a, const struct vnp_reg *b);

/*
 * Cells that share an id in both states still depend on one number after the join, even
 * if it is a different one on each path: a group is such a pair of ids, and gets an id
 * of its own, named after its first cell.
 */
struct vnp_join_group {
	u32 a;
	u32 b;
	s64 delta;
	u32 id;
};

/* Ids that the constraints of two states, and groups, can name */
#define VNP_JOIN_NUMS	(2 + 2 * 3 * VNP_CONSTRAINT_CNT + VNP_CELL_CNT)

/**
 * struct vnp_join - scratch memory of vnp_state_join(), too much for a stack
 * @to:		as for vnp_state_join()
 * @from:	as for vnp_state_join()
 * @head:	they join at a loop header
 * @thresholds:	as for vnp_state_join()
 * @old:	if there are constraints: @to as it was
 * @root:	as for vnp_state_join()
 * @first_id:	the first of the ids that this join makes
 * @cell:	the current cell
 * @group:	groups so far
 * @group_cnt:	how many
 * @coarse:	what grows becomes unknown, and cells with different ids have none
 * @work:	as in struct vnp_state, of joins
 * @constraints_old:	view of @old, to look up bounds in
 * @constraints_from:	likewise
 * @constraints_to:	likewise
 * @num_old:	the numbers of these
 * @num_from:	likewise
 * @num_to:	likewise
 */
struct vnp_join {
	struct vnp_state *to;
	const struct vnp_state *from;
	const struct vnp_thresholds *thresholds;
	bool head;
	bool coarse;
	struct vnp_state old;
	u32 root;
	u32 first_id;
	u32 cell;
	struct vnp_join_group group[VNP_CELL_CNT];
	u32 group_cnt;
	u32 work;
	struct vnp_view constraints_old;
	struct vnp_view constraints_from;
	struct vnp_view constraints_to;
	struct vnp_view_num num_old[VNP_JOIN_NUMS];
	struct vnp_view_num num_from[VNP_JOIN_NUMS];
	struct vnp_view_num num_to[VNP_JOIN_NUMS];
};

/**
 * vnp_state_join() - extend @to so that it includes @from
 * @j:		scratch memory; @j->head and @j->coarse are the caller's to set
 * @to:		a state
 * @from:	another
 * @root:	number of the root block, for ids
 * @thresholds:	widen what grows to these; NULL: do not widen
 *
 * Return: whether @to changed.
 */
bool vnp_state_join(struct vnp_join *j, struct vnp_state *to,
		    const struct vnp_state *from, u32 root,
		    const struct vnp_thresholds *thresholds);

/**
 * vnp_constraint_join() - keep what holds on both paths, in terms of the ids that are left
 * @j:		its cells are joined; @j->old is what @j->to was before
 *
 * Return: whether the constraints of @j->to changed.
 */
bool vnp_constraint_join(struct vnp_join *j);

#endif /* _VNP_VM_ANALYSIS_JOIN_H */
