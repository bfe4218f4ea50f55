// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "vm/arith.h"
#include "vm/analysis/view.h"

/* ---- What single cells know of numbers -------------------------------------- */

/* Work (struct vnp_state) of filling a view */
#define VIEW_WORK_FILL(cells)	(4 + (cells) / 4)

static u8 *view_chain(struct vnp_view *view, u32 id)
{
	return &view->first[(u32)((u64)id * 0x9e3779b1U) >> 26];
}

/* Index of an id in @view->num; @view->cnt if it is not there */
u32 vnp_view_find(struct vnp_view *view, u32 id)
{
	u32 n = *view_chain(view, id);

	while (n && view->num[n - 1].id != id)
		n = view->num[n - 1].next;
	return n ? n - 1 : view->cnt;
}

u32 vnp_view_add(struct vnp_view *view, u32 id)
{
	u32 n = vnp_view_find(view, id);
	u8 *chain = view_chain(view, id);

	if (n < view->cnt)
		return n;
	view->num[n] = (struct vnp_view_num){
		.id = id, .next = *chain, .lives = false,
		.min = -VNP_CONSTRAINT_NONE, .max = VNP_CONSTRAINT_NONE,
		.left = -VNP_CONSTRAINT_NONE,
	};
	*chain = ++view->cnt;
	return n;
}

/* Translate the state's constraints to indices; their ids were added before */
void vnp_view_refresh(struct vnp_view *view)
{
	const struct vnp_state *state = view->state;
	u32 i;

	view->constraint_cnt = state->constraint_cnt;
	for (i = 0; i < state->constraint_cnt; i++) {
		view->constraint[i].a = vnp_view_find(view, state->constraint[i].a);
		view->constraint[i].b = vnp_view_find(view, state->constraint[i].b);
		view->constraint[i].c = vnp_view_find(view, state->constraint[i].c);
		view->constraint[i].most = state->constraint[i].most;
	}
}

void vnp_view_add_state(struct vnp_view *view, const struct vnp_state *state)
{
	u32 i;

	for (i = 0; i < state->constraint_cnt; i++) {
		vnp_view_add(view, state->constraint[i].a);
		vnp_view_add(view, state->constraint[i].b);
		vnp_view_add(view, state->constraint[i].c);
	}
}

/* 0 is at VNP_VIEW_ZERO, the payload's length at VNP_VIEW_LEN */
void vnp_view_begin(struct vnp_view *view, const struct vnp_state *state,
		    struct vnp_view_num *num)
{
	struct vnp_view_num *zero = &num[VNP_VIEW_ZERO], *len = &num[VNP_VIEW_LEN];

	view->state = state;
	view->num = num;
	view->cnt = 0;
	memset(view->first, 0, sizeof(view->first));
	vnp_view_add(view, 0);
	vnp_view_add(view, VNP_ID_LEN);
	zero->lives = true;
	zero->min = 0;
	zero->max = 0;
	len->lives = true;
	len->min = max(state->range, 0);
	len->max = state->packet_max;
	len->left = 0;
	zero->left = state->range;
	vnp_view_add_state(view, state);
}

static void view_num_learn(struct vnp_view_num *num, const struct vnp_reg *reg)
{
	s64 plus = reg->kind == VNP_REG_SCALAR ? reg->plus : 0;

	num->lives = true;
	if (!vnp_num_is_small(&reg->num))
		return;
	num->min = max_t(s64, num->min, reg->num.smin - plus);
	num->max = min_t(s64, num->max, reg->num.smax - plus);
	if (reg->kind == VNP_REG_PACKET && reg->range != VNP_RANGE_NONE)
		num->left = max_t(s64, num->left, reg->range);
}

/* All ids were added: read each cell once.  Returns the work done */
u32 vnp_view_fill(struct vnp_view *view)
{
	const struct vnp_state *state = view->state;
	u32 cell, n;

	vnp_cell_for_each(state->used, cell) {
		const struct vnp_reg *reg = &state->cells[cell].reg;

		if (!reg->id || reg->id == VNP_ID_LEN || !vnp_view_is_number(reg))
			continue;
		n = vnp_view_find(view, reg->id);
		if (n < view->cnt)
			view_num_learn(&view->num[n], reg);
	}
	vnp_view_refresh(view);
	return VIEW_WORK_FILL(vnp_state_cells(state)) + view->cnt / 2;
}

/* ---- What constraints and cells know together -------------------------------------- */

static s64 view_sum(s64 a, s64 b)
{
	return min_t(s64, vnp_sat_add(a, b), VNP_CONSTRAINT_NONE);
}

/* @a - @c, by what is known of each, and by single constraints; indices, as below */
static s64 view_difference(const struct vnp_view *view, u32 a, u32 c)
{
	const struct vnp_view_num *num = view->num;
	s64 most = view_sum(num[a].max, -num[c].min);
	u32 i;

	if (a == c)
		return 0;
	if (c == VNP_VIEW_LEN)
		most = min(most, -num[a].left);
	for (i = 0; i < view->constraint_cnt; i++) {
		const struct vnp_view_term *f = &view->constraint[i];

		if (f->c != c)
			continue;
		if (f->a == a)
			most = min(most, view_sum(f->most, -num[f->b].min));
		else if (f->b == a)
			most = min(most, view_sum(f->most, -num[f->a].min));
	}
	return most;
}

/* @a + @b - @c, by single constraints and what is known of single numbers or differences */
s64 vnp_view_direct(const struct vnp_view *view, u32 a, u32 b, u32 c)
{
	s64 most = view_sum(view_difference(view, a, c), view->num[b].max);
	u32 i;

	if (b == VNP_VIEW_ZERO)
		return most;
	most = min(most, view_sum(view_difference(view, b, c), view->num[a].max));
	for (i = 0; i < view->constraint_cnt; i++) {
		const struct vnp_view_term *f = &view->constraint[i];

		if (f->c != c || f->b == VNP_VIEW_ZERO)
			continue;
		/* a + other <= c + most, and b - other is bounded; and so on */
		if (f->a == a)
			most = min(most, view_sum(f->most, view_difference(view, b, f->b)));
		if (f->b == a)
			most = min(most, view_sum(f->most, view_difference(view, b, f->a)));
		if (f->a == b)
			most = min(most, view_sum(f->most, view_difference(view, a, f->b)));
		if (f->b == b)
			most = min(most, view_sum(f->most, view_difference(view, a, f->a)));
	}
	return most;
}

s64 vnp_view_bound(const struct vnp_view *view, u32 a, u32 b, u32 c)
{
	s64 most = vnp_view_direct(view, a, b, c), other;
	u32 i;

	/* a constraint bounds @a or @b by @f->c, which is bounded in turn */
	for (i = 0; i < view->constraint_cnt; i++) {
		const struct vnp_view_term *f = &view->constraint[i];

		if (f->c == c || f->c == VNP_VIEW_ZERO ||
		    (f->a != a && f->a != b && f->b != a))
			continue;
		if (f->b == VNP_VIEW_ZERO && f->a == a)
			other = vnp_view_direct(view, f->c, b, c);
		else if (f->b == VNP_VIEW_ZERO && f->a == b)
			other = vnp_view_direct(view, f->c, a, c);
		else if (b == VNP_VIEW_ZERO)
			other = view_sum(view_difference(view, f->c, c),
					 -view->num[f->a == a ? f->b : f->a].min);
		else
			continue;
		most = min(most, view_sum(f->most, other));
	}
	return most;
}
