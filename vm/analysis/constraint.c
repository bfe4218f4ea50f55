// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "vm/arith.h"
#include "vm/analysis/constraint.h"
#include "vm/analysis/view.h"

s64 vnp_constraint_bound(struct vnp_state *state, u32 a, u32 b, u32 c)
{
	struct vnp_view_num num[VNP_VIEW_MAX];
	struct vnp_view view;

	if (state->frugal)
		return VNP_CONSTRAINT_NONE;
	vnp_view_begin(&view, state, num);
	a = vnp_view_add(&view, a);
	b = vnp_view_add(&view, b);
	c = vnp_view_add(&view, c);
	state->work += vnp_view_fill(&view) + vnp_view_work(view.constraint_cnt);
	return vnp_view_bound(&view, a, b, c);
}

void vnp_constraint_put(struct vnp_state *state, u32 a, u32 b, u32 c, s64 most, bool evict)
{
	u32 i;

	if (a < b)
		swap(a, b);
	for (i = 0; i < state->constraint_cnt; i++) {
		struct vnp_constraint *f = &state->constraint[i];

		if (f->a == a && f->b == b && f->c == c) {
			f->most = min_t(s64, f->most, most);
			return;
		}
	}
	if (i == VNP_CONSTRAINT_CNT) {
		if (!evict)
			return;
		i--;
		memmove(&state->constraint[0], &state->constraint[1],
			i * sizeof(state->constraint[0]));
	}
	state->constraint[i] = (struct vnp_constraint){ .a = a, .b = b, .c = c, .most = most };
	state->constraint_cnt = i + 1;
}

bool vnp_constraint_has_room(const struct vnp_state *state, u32 a, u32 b, u32 c)
{
	u32 i;

	if (a < b)
		swap(a, b);
	for (i = 0; i < state->constraint_cnt; i++)
		if (state->constraint[i].a == a && state->constraint[i].b == b &&
		    state->constraint[i].c == c)
			return true;
	return state->constraint_cnt < VNP_CONSTRAINT_CNT;
}

/* Learn a constraint about ids that @view has */
static void constraint_learn(struct vnp_state *state, struct vnp_view *view, u32 a, u32 b,
			     u32 c, s64 most)
{
	/* an id that is on both sides cancels out */
	if (c && (a == c || b == c)) {
		a = a == c ? b : a;
		b = 0;
		c = 0;
	}
	/* bounds of a single number are kept as its range */
	if (!(a | b) || (!c && !(a && b)) || most > VNP_OFF_MAX || most < -VNP_OFF_MAX)
		return;
	state->work += vnp_view_work(state->constraint_cnt);
	if (vnp_view_direct(view, vnp_view_find(view, a), vnp_view_find(view, b),
			    vnp_view_find(view, c)) <= most)
		return;
	vnp_constraint_put(state, a, b, c, most, true);
	vnp_view_refresh(view);
}

void vnp_constraint_learn(struct vnp_state *state, u32 a, u32 b, u32 c, s64 most)
{
	struct vnp_view_num num[VNP_VIEW_MAX];
	struct vnp_view view;

	if (state->frugal)
		return;
	vnp_view_begin(&view, state, num);
	vnp_view_add(&view, a);
	vnp_view_add(&view, b);
	vnp_view_add(&view, c);
	state->work += vnp_view_fill(&view);
	constraint_learn(state, &view, a, b, c, most);
}

void vnp_constraint_below(struct vnp_state *state, u32 id, u32 above, s64 most)
{
	struct vnp_view_num num[VNP_VIEW_MAX];
	struct vnp_constraint old[VNP_CONSTRAINT_CNT];
	struct vnp_view view;
	u32 cnt = state->constraint_cnt, i;

	if (state->frugal)
		return;
	memcpy(old, state->constraint, sizeof(old));
	vnp_view_begin(&view, state, num);
	vnp_view_add(&view, id);
	vnp_view_add(&view, above);
	state->work += vnp_view_fill(&view);
	constraint_learn(state, &view, id, 0, above, most);
	for (i = 0; i < cnt; i++)
		if (old[i].c == id)
			constraint_learn(state, &view, old[i].a, old[i].b, above,
					 old[i].most + most);
}

static void constraint_remove(struct vnp_state *state, u32 i)
{
	state->constraint_cnt--;
	memmove(&state->constraint[i], &state->constraint[i + 1],
		(state->constraint_cnt - i) * sizeof(state->constraint[0]));
}

void vnp_constraint_forget(struct vnp_state *state, u32 id)
{
	u32 i = state->constraint_cnt;

	while (i > 0) {
		const struct vnp_constraint *f = &state->constraint[--i];

		if (f->a == id || f->b == id || f->c == id)
			constraint_remove(state, i);
	}
}

/* Does the range of a packet pointer imply the constraint, too? */
static bool constraint_is_range(const struct vnp_view *view, const struct vnp_view_term *f)
{
	return f->b == VNP_VIEW_ZERO && f->c == VNP_VIEW_LEN &&
	       view->num[f->a].left >= -f->most;
}

void vnp_constraint_drop_dead(struct vnp_state *state)
{
	struct vnp_view_num num[VNP_VIEW_MAX];
	struct vnp_view view;
	u32 i = state->constraint_cnt;

	if (!i)
		return;
	vnp_view_begin(&view, state, num);
	state->work += vnp_view_fill(&view);
	while (i > 0) {
		const struct vnp_view_term *f = &view.constraint[--i];

		if (!num[f->a].lives || !num[f->b].lives || !num[f->c].lives ||
		    constraint_is_range(&view, f))
			constraint_remove(state, i);
	}
}

void vnp_constraint_apply(struct vnp_state *state, struct vnp_reg *reg)
{
	s64 plus = reg->kind == VNP_REG_SCALAR ? reg->plus : 0, most;
	struct vnp_scalar num = reg->num, limit;

	if (!state->constraint_cnt || !reg->id || !vnp_view_is_number(reg) ||
	    !vnp_num_is_small(&reg->num))
		return;
	most = vnp_constraint_bound(state, reg->id, 0, 0) + plus;
	if (most >= reg->num.smax)
		return;
	limit = vnp_scalar_const(most);
	if (vnp_scalar_branch(BPF_JSLE, true, true, &num, &limit))
		vnp_state_narrow(state, reg, &num);
}

s64 vnp_constraint_room(struct vnp_state *state)
{
	struct vnp_view_num num[VNP_VIEW_MAX];
	struct vnp_view view;
	s64 room = state->range;
	u32 i;

	vnp_view_begin(&view, state, num);
	state->work += vnp_view_fill(&view);
	for (i = 0; i < view.constraint_cnt; i++) {
		const struct vnp_view_term *f = &view.constraint[i];

		if (f->c == VNP_VIEW_LEN)
			room = max(room, num[f->a].min + num[f->b].min - f->most);
	}
	return room;
}
