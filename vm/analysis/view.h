/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * A state seen by id: what its cells know of the number that each id stands for, and
 * what follows from that and from its constraints.
 *
 * Layer: above state.h, below constraint.h.
 */
#ifndef _VNP_VM_ANALYSIS_VIEW_H
#define _VNP_VM_ANALYSIS_VIEW_H

#include "vm/analysis/state.h"

/**
 * struct vnp_view_num - what the cells of a state know of an id's number
 * @id:		the id
 * @min:	it is no less
 * @max:	it is no greater
 * @left:	data + number + @left <= data_end
 * @next:	1 + index of the next id of the same hash; 0: none
 * @lives:	a cell has it
 */
struct vnp_view_num {
	s64 min;
	s64 max;
	s64 left;
	u32 id;
	u8 next;
	bool lives;
};

/* Indices that every view has: the number 0, and the payload's length */
#define VNP_VIEW_ZERO	0
#define VNP_VIEW_LEN	1

/* struct vnp_view_term - a constraint, its ids as indices of a view */
struct vnp_view_term {
	u8 a;
	u8 b;
	u8 c;
	s32 most;
};

/**
 * struct vnp_view - a state indexed by id, for constraint.c
 *
 * It is filled in one pass over the cells, not one for each id that is asked for.
 *
 * @state:	the state, whose cells must not change while the view is used
 * @num:	its numbers; room for them is the owner's
 * @cnt:	how many
 * @first:	by hash of the id: 1 + index of the first; 0: none
 * @constraint:	its constraints
 * @constraint_cnt:	how many
 */
struct vnp_view {
	const struct vnp_state *state;
	struct vnp_view_num *num;
	u32 cnt;
	u8 first[64];
	struct vnp_view_term constraint[VNP_CONSTRAINT_CNT];
	u32 constraint_cnt;
};

/* Ids that the constraints of one state and a question about them can name */
#define VNP_VIEW_MAX	(2 + 3 * VNP_CONSTRAINT_CNT + 3)

/* vnp_view_is_number() - can the id of @reg stand for a number */
static inline bool vnp_view_is_number(const struct vnp_reg *reg)
{
	return !reg->maybe_null &&
	       (reg->kind == VNP_REG_SCALAR || vnp_reg_is_packet(reg));
}

/* vnp_view_work() - work (struct vnp_state) of a query about this many constraints */
static inline u32 vnp_view_work(u32 constraints)
{
	return 1 + constraints * (constraints + 2) / 8;
}

/**
 * vnp_view_begin() - start to fill a view
 * @view:	the view
 * @state:	of this state
 * @num:	room for its numbers: VNP_VIEW_MAX, or as many as are added
 *
 * It has 0, the payload's length, and the ids of the state's constraints.  Others are
 * added before vnp_view_fill().
 */
void vnp_view_begin(struct vnp_view *view, const struct vnp_state *state,
		    struct vnp_view_num *num);

/* vnp_view_add() - add an id, which may be there already; returns its index */
u32 vnp_view_add(struct vnp_view *view, u32 id);

/* vnp_view_add_state() - add the ids that the constraints of @state name */
void vnp_view_add_state(struct vnp_view *view, const struct vnp_state *state);

/* vnp_view_fill() - all ids were added: read each cell once.  Returns the work */
u32 vnp_view_fill(struct vnp_view *view);

/* vnp_view_refresh() - the constraints of the state changed, but not their ids */
void vnp_view_refresh(struct vnp_view *view);

/* vnp_view_find() - index of an id; @view->cnt if it was not added */
u32 vnp_view_find(struct vnp_view *view, u32 id);

/*
 * The least known m with @a + @b <= @c + m, or VNP_CONSTRAINT_NONE, for indices:
 * vnp_view_direct() follows from one constraint and single numbers, vnp_view_bound()
 * from two constraints, too.
 */
s64 vnp_view_direct(const struct vnp_view *view, u32 a, u32 b, u32 c);
s64 vnp_view_bound(const struct vnp_view *view, u32 a, u32 b, u32 c);

#endif /* _VNP_VM_ANALYSIS_VIEW_H */
