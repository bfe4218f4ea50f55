// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "vm/arith.h"
#include "vm/analysis/fact.h"
#include "vm/analysis/state.h"

static bool fact_is_number(const struct vnp_reg *reg)
{
	return !reg->maybe_null &&
	       (reg->kind == VNP_REG_SCALAR || vnp_reg_is_packet(reg));
}

/* ---- What single cells know of numbers -------------------------------------- */

/* Ids that the facts of one state and a question about them can name */
#define FACT_VIEW_MAX	(2 + 3 * VNP_FACT_CNT + 3)

/* Work (struct vnp_state) of filling a view */
#define FACT_WORK_FILL(cells)	(4 + (cells) / 4)

/* Likewise, of a question about so many facts */
static u32 fact_work_bound(u32 facts)
{
	return 1 + facts * (facts + 2) / 8;
}

static u8 *fact_chain(struct vnp_fact_view *view, u32 id)
{
	return &view->first[(u32)((u64)id * 0x9e3779b1U) >> 26];
}

/* Index of an id in @view->num; @view->cnt if it is not there */
static u32 fact_find(struct vnp_fact_view *view, u32 id)
{
	u32 n = *fact_chain(view, id);

	while (n && view->num[n - 1].id != id)
		n = view->num[n - 1].next;
	return n ? n - 1 : view->cnt;
}

static u32 fact_add(struct vnp_fact_view *view, u32 id)
{
	u32 n = fact_find(view, id);
	u8 *chain = fact_chain(view, id);

	if (n < view->cnt)
		return n;
	view->num[n] = (struct vnp_fact_num){
		.id = id, .next = *chain, .lives = false,
		.min = -VNP_FACT_NONE, .max = VNP_FACT_NONE, .left = -VNP_FACT_NONE,
	};
	*chain = ++view->cnt;
	return n;
}

/* Translate the state's facts to indices; their ids were added before */
static void fact_view_refresh(struct vnp_fact_view *view)
{
	const struct vnp_state *state = view->state;
	u32 i;

	view->fact_cnt = state->fact_cnt;
	for (i = 0; i < state->fact_cnt; i++) {
		view->fact[i].a = fact_find(view, state->fact[i].a);
		view->fact[i].b = fact_find(view, state->fact[i].b);
		view->fact[i].c = fact_find(view, state->fact[i].c);
		view->fact[i].most = state->fact[i].most;
	}
}

static void fact_view_add_facts(struct vnp_fact_view *view, const struct vnp_state *state)
{
	u32 i;

	for (i = 0; i < state->fact_cnt; i++) {
		fact_add(view, state->fact[i].a);
		fact_add(view, state->fact[i].b);
		fact_add(view, state->fact[i].c);
	}
}

/* 0 is at VNP_FACT_ZERO, the payload's length at VNP_FACT_LEN */
static void fact_view_begin(struct vnp_fact_view *view, const struct vnp_state *state,
			    struct vnp_fact_num *num)
{
	struct vnp_fact_num *zero = &num[VNP_FACT_ZERO], *len = &num[VNP_FACT_LEN];

	view->state = state;
	view->num = num;
	view->cnt = 0;
	memset(view->first, 0, sizeof(view->first));
	fact_add(view, 0);
	fact_add(view, VNP_ID_LEN);
	zero->lives = true;
	zero->min = 0;
	zero->max = 0;
	len->lives = true;
	len->min = max(state->range, 0);
	len->max = VNP_PACKET_MAX;
	len->left = 0;
	zero->left = state->range;
	fact_view_add_facts(view, state);
}

static void fact_num_learn(struct vnp_fact_num *num, const struct vnp_reg *reg)
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

/* All ids were added: look at each cell once.  Returns the work that is */
static u32 fact_view_fill(struct vnp_fact_view *view)
{
	const struct vnp_state *state = view->state;
	u32 cell, n;

	vnp_cell_for_each(state->used, cell) {
		const struct vnp_reg *reg = &state->cells[cell].reg;

		if (!reg->id || reg->id == VNP_ID_LEN || !fact_is_number(reg))
			continue;
		n = fact_find(view, reg->id);
		if (n < view->cnt)
			fact_num_learn(&view->num[n], reg);
	}
	fact_view_refresh(view);
	return FACT_WORK_FILL(vnp_state_cells(state)) + view->cnt / 2;
}

/* ---- What facts and cells know together -------------------------------------- */

static s64 fact_sum(s64 a, s64 b)
{
	return min_t(s64, vnp_sat_add(a, b), VNP_FACT_NONE);
}

/* @a - @c, by what is known of each, and by single facts; indices, as below */
static s64 fact_difference(const struct vnp_fact_view *view, u32 a, u32 c)
{
	const struct vnp_fact_num *num = view->num;
	s64 most = fact_sum(num[a].max, -num[c].min);
	u32 i;

	if (a == c)
		return 0;
	if (c == VNP_FACT_LEN)
		most = min(most, -num[a].left);
	for (i = 0; i < view->fact_cnt; i++) {
		const struct vnp_fact_term *f = &view->fact[i];

		if (f->c != c)
			continue;
		if (f->a == a)
			most = min(most, fact_sum(f->most, -num[f->b].min));
		else if (f->b == a)
			most = min(most, fact_sum(f->most, -num[f->a].min));
	}
	return most;
}

/* @a + @b - @c, by single facts and what is known of single numbers or differences */
static s64 fact_direct(const struct vnp_fact_view *view, u32 a, u32 b, u32 c)
{
	s64 most = fact_sum(fact_difference(view, a, c), view->num[b].max);
	u32 i;

	if (b == VNP_FACT_ZERO)
		return most;
	most = min(most, fact_sum(fact_difference(view, b, c), view->num[a].max));
	for (i = 0; i < view->fact_cnt; i++) {
		const struct vnp_fact_term *f = &view->fact[i];

		if (f->c != c || f->b == VNP_FACT_ZERO)
			continue;
		/* a + other <= c + most, and b - other is bounded; and so on */
		if (f->a == a)
			most = min(most, fact_sum(f->most, fact_difference(view, b, f->b)));
		if (f->b == a)
			most = min(most, fact_sum(f->most, fact_difference(view, b, f->a)));
		if (f->a == b)
			most = min(most, fact_sum(f->most, fact_difference(view, a, f->b)));
		if (f->b == b)
			most = min(most, fact_sum(f->most, fact_difference(view, a, f->a)));
	}
	return most;
}

static s64 fact_bound(const struct vnp_fact_view *view, u32 a, u32 b, u32 c)
{
	s64 most = fact_direct(view, a, b, c), other;
	u32 i;

	/* what is below something else is below what that is below */
	for (i = 0; i < view->fact_cnt; i++) {
		const struct vnp_fact_term *f = &view->fact[i];

		if (f->c == c || f->c == VNP_FACT_ZERO ||
		    (f->a != a && f->a != b && f->b != a))
			continue;
		if (f->b == VNP_FACT_ZERO && f->a == a)
			other = fact_direct(view, f->c, b, c);
		else if (f->b == VNP_FACT_ZERO && f->a == b)
			other = fact_direct(view, f->c, a, c);
		else if (b == VNP_FACT_ZERO)
			other = fact_sum(fact_difference(view, f->c, c),
					 -view->num[f->a == a ? f->b : f->a].min);
		else
			continue;
		most = min(most, fact_sum(f->most, other));
	}
	return most;
}

s64 vnp_fact_bound(struct vnp_state *state, u32 a, u32 b, u32 c)
{
	struct vnp_fact_num num[FACT_VIEW_MAX];
	struct vnp_fact_view view;

	if (state->frugal)
		return VNP_FACT_NONE;
	fact_view_begin(&view, state, num);
	a = fact_add(&view, a);
	b = fact_add(&view, b);
	c = fact_add(&view, c);
	state->work += fact_view_fill(&view) + fact_work_bound(view.fact_cnt);
	return fact_bound(&view, a, b, c);
}

/* A fact replaces one of its kind that says less, and if @evict, the oldest one */
static void fact_put(struct vnp_state *state, u32 a, u32 b, u32 c, s64 most, bool evict)
{
	u32 i;

	if (a < b)
		swap(a, b);
	for (i = 0; i < state->fact_cnt; i++) {
		struct vnp_fact *f = &state->fact[i];

		if (f->a == a && f->b == b && f->c == c) {
			f->most = min_t(s64, f->most, most);
			return;
		}
	}
	if (i == VNP_FACT_CNT) {
		if (!evict)
			return;
		i--;
		memmove(&state->fact[0], &state->fact[1], i * sizeof(state->fact[0]));
	}
	state->fact[i] = (struct vnp_fact){ .a = a, .b = b, .c = c, .most = most };
	state->fact_cnt = i + 1;
}

/* Would fact_put() without @evict keep such a fact? */
static bool fact_has_room(const struct vnp_state *state, u32 a, u32 b, u32 c)
{
	u32 i;

	if (a < b)
		swap(a, b);
	for (i = 0; i < state->fact_cnt; i++)
		if (state->fact[i].a == a && state->fact[i].b == b &&
		    state->fact[i].c == c)
			return true;
	return state->fact_cnt < VNP_FACT_CNT;
}

/* Learn a fact about ids that @view has */
static void fact_learn(struct vnp_state *state, struct vnp_fact_view *view, u32 a, u32 b,
		       u32 c, s64 most)
{
	/* what is on both sides goes */
	if (c && (a == c || b == c)) {
		a = a == c ? b : a;
		b = 0;
		c = 0;
	}
	/* ranges know what is about one number alone */
	if (!(a | b) || (!c && !(a && b)) || most > VNP_OFF_MAX || most < -VNP_OFF_MAX)
		return;
	state->work += fact_work_bound(state->fact_cnt);
	if (fact_direct(view, fact_find(view, a), fact_find(view, b),
			fact_find(view, c)) <= most)
		return;
	fact_put(state, a, b, c, most, true);
	fact_view_refresh(view);
}

void vnp_fact_learn(struct vnp_state *state, u32 a, u32 b, u32 c, s64 most)
{
	struct vnp_fact_num num[FACT_VIEW_MAX];
	struct vnp_fact_view view;

	if (state->frugal)
		return;
	fact_view_begin(&view, state, num);
	fact_add(&view, a);
	fact_add(&view, b);
	fact_add(&view, c);
	state->work += fact_view_fill(&view);
	fact_learn(state, &view, a, b, c, most);
}

void vnp_fact_below(struct vnp_state *state, u32 id, u32 above, s64 most)
{
	struct vnp_fact_num num[FACT_VIEW_MAX];
	struct vnp_fact old[VNP_FACT_CNT];
	struct vnp_fact_view view;
	u32 cnt = state->fact_cnt, i;

	if (state->frugal)
		return;
	memcpy(old, state->fact, sizeof(old));
	fact_view_begin(&view, state, num);
	fact_add(&view, id);
	fact_add(&view, above);
	state->work += fact_view_fill(&view);
	fact_learn(state, &view, id, 0, above, most);
	for (i = 0; i < cnt; i++)
		if (old[i].c == id)
			fact_learn(state, &view, old[i].a, old[i].b, above,
				   old[i].most + most);
}

static void fact_remove(struct vnp_state *state, u32 i)
{
	state->fact_cnt--;
	memmove(&state->fact[i], &state->fact[i + 1],
		(state->fact_cnt - i) * sizeof(state->fact[0]));
}

void vnp_fact_forget(struct vnp_state *state, u32 id)
{
	u32 i = state->fact_cnt;

	while (i > 0) {
		const struct vnp_fact *f = &state->fact[--i];

		if (f->a == id || f->b == id || f->c == id)
			fact_remove(state, i);
	}
}

/* A packet pointer knows it, too */
static bool fact_is_range(const struct vnp_fact_view *view, const struct vnp_fact_term *f)
{
	return f->b == VNP_FACT_ZERO && f->c == VNP_FACT_LEN &&
	       view->num[f->a].left >= -f->most;
}

void vnp_fact_drop_dead(struct vnp_state *state)
{
	struct vnp_fact_num num[FACT_VIEW_MAX];
	struct vnp_fact_view view;
	u32 i = state->fact_cnt;

	if (!i)
		return;
	fact_view_begin(&view, state, num);
	state->work += fact_view_fill(&view);
	while (i > 0) {
		const struct vnp_fact_term *f = &view.fact[--i];

		if (!num[f->a].lives || !num[f->b].lives || !num[f->c].lives ||
		    fact_is_range(&view, f))
			fact_remove(state, i);
	}
}

void vnp_fact_apply(struct vnp_state *state, struct vnp_reg *reg)
{
	s64 plus = reg->kind == VNP_REG_SCALAR ? reg->plus : 0, most;
	struct vnp_scalar num = reg->num, limit;

	if (!state->fact_cnt || !reg->id || !fact_is_number(reg) ||
	    !vnp_num_is_small(&reg->num))
		return;
	most = vnp_fact_bound(state, reg->id, 0, 0) + plus;
	if (most >= reg->num.smax)
		return;
	limit = vnp_scalar_const(most);
	if (vnp_scalar_branch(BPF_JSLE, true, true, &num, &limit))
		vnp_state_narrow(state, reg, &num);
}

s64 vnp_fact_room(struct vnp_state *state)
{
	struct vnp_fact_num num[FACT_VIEW_MAX];
	struct vnp_fact_view view;
	s64 room = state->range;
	u32 i;

	fact_view_begin(&view, state, num);
	state->work += fact_view_fill(&view);
	for (i = 0; i < view.fact_cnt; i++) {
		const struct vnp_fact_term *f = &view.fact[i];

		if (f->c == VNP_FACT_LEN)
			room = max(room, num[f->a].min + num[f->b].min - f->most);
	}
	return room;
}

/* ---- Where ways meet ------------------------------------------------------- */

/* An id of the joined state, and what it is on either way: from + delta */
struct fact_name {
	u32 id;
	u32 to;
	u32 from;
	s64 delta;
};

static bool fact_made_here(const struct vnp_join *j, u32 id)
{
	return id >= j->first_id && id - j->first_id < VNP_CELL_CNT;
}

/* Names tried for one id: what is in several cells can have several */
#define FACT_NAMES	3

/* Names of what has this @id in @j->old, or else in @j->from */
static u32 fact_names(const struct vnp_join *j, u32 id, bool old, struct fact_name *name)
{
	u32 cnt = 0, i;

	for (i = 0; i < j->group_cnt && cnt < FACT_NAMES - 1 && id; i++) {
		const struct vnp_join_group *g = &j->group[i];

		if ((old ? g->a : g->b) == id)
			name[cnt++] = (struct fact_name){ g->id, g->a, g->b, g->delta };
	}
	if (!fact_made_here(j, id))
		name[cnt++] = (struct fact_name){ id, id, id, 0 };
	return cnt;
}

/* What grew goes on to the next step, as numbers do (scalar.h) */
static s64 fact_widen(const struct vnp_join *j, s64 most)
{
	u32 i = 0;

	if (!j->steps)
		return most;
	while (i < j->steps->cnt && (s64)j->steps->value[i] < most)
		i++;
	return i < j->steps->cnt ? max_t(s64, j->steps->value[i], most) : VNP_FACT_NONE;
}

/*
 * Where states are widened already, new facts can only be about ids that are new, too:
 * a cell that had the same number on all ways so far has different ones now.
 */
static bool fact_is_new(const struct vnp_join *j, u32 id, u32 to)
{
	return fact_made_here(j, id) && !fact_made_here(j, to);
}

/* Where states met, questions are put to what they were */
static s64 fact_join_bound(struct vnp_join *j, struct vnp_fact_view *view, u32 a, u32 b,
			   u32 c)
{
	j->work += fact_work_bound(view->fact_cnt);
	return fact_bound(view, fact_find(view, a), fact_find(view, b),
			  fact_find(view, c));
}

static bool fact_join_lives(struct vnp_join *j, u32 a, u32 b, u32 c)
{
	struct vnp_fact_view *to = &j->facts_to;

	return to->num[fact_find(to, a)].lives && to->num[fact_find(to, b)].lives &&
	       to->num[fact_find(to, c)].lives;
}

static void fact_join_named(struct vnp_join *j, const struct vnp_fact *f, bool old,
			    const struct fact_name *a, const struct fact_name *b,
			    const struct fact_name *c)
{
	s64 delta = a->delta + b->delta - c->delta, most;
	s64 own = old ? f->most : f->most + delta;

	if (!fact_join_lives(j, a->id, b->id, c->id))
		return;
	most = old ? fact_join_bound(j, &j->facts_from, a->from, b->from, c->from) + delta :
		     fact_join_bound(j, &j->facts_old, a->to, b->to, c->to);
	if (!old) {
		if (j->steps && !fact_is_new(j, a->id, a->to) &&
		    !fact_is_new(j, b->id, b->to) && !fact_is_new(j, c->id, c->to))
			return;
		most = max(most, own);
	} else {
		most = most <= own ? own : fact_widen(j, most);
	}
	if (most > VNP_OFF_MAX || most < -VNP_OFF_MAX)
		return;
	fact_put(j->to, a->id, b->id, c->id, most, false);
}

static void fact_join_one(struct vnp_join *j, const struct vnp_fact *f, bool old)
{
	struct fact_name a[FACT_NAMES], b[FACT_NAMES], c[FACT_NAMES];
	u32 a_cnt = fact_names(j, f->a, old, a), b_cnt = fact_names(j, f->b, old, b);
	u32 c_cnt = fact_names(j, f->c, old, c), i, k, n;

	for (i = 0; i < a_cnt; i++)
		for (k = 0; k < b_cnt; k++)
			for (n = 0; n < c_cnt; n++)
				fact_join_named(j, f, old, &a[i], &b[k], &c[n]);
}

/*
 * Two numbers go against each other from turn to turn, so their sum stays: "while
 * (len--) *p++".  What is known of it on both ways, if not as a fact, becomes one.
 */
static void fact_join_sum(struct vnp_join *j, const struct vnp_join_group *g,
			  const struct vnp_join_group *h, u32 limit)
{
	s64 most;

	if (!fact_has_room(j->to, g->id, h->id, limit))
		return;
	most = max(fact_join_bound(j, &j->facts_old, g->a, h->a, limit),
		   fact_join_bound(j, &j->facts_from, g->b, h->b, limit));
	if (most <= VNP_OFF_MAX && most >= -VNP_OFF_MAX)
		fact_put(j->to, g->id, h->id, limit, most, false);
}

static void fact_join_sums(struct vnp_join *j)
{
	u32 i, k;

	j->work += j->group_cnt * j->group_cnt / 8;
	for (i = 0; i < j->group_cnt; i++)
		for (k = 0; k < i; k++) {
			const struct vnp_join_group *g = &j->group[i], *h = &j->group[k];

			if (!g->delta || g->delta != -h->delta ||
			    (j->steps && !fact_is_new(j, g->id, g->a) &&
			     !fact_is_new(j, h->id, h->a)))
				continue;
			fact_join_sum(j, g, h, VNP_ID_LEN);
			fact_join_sum(j, g, h, 0);
		}
}

/* Can there be numbers that go against each other? */
static bool fact_has_sums(const struct vnp_join *j)
{
	bool up = false, down = false;
	u32 i;

	for (i = 0; i < j->group_cnt && j->head; i++) {
		up |= j->group[i].delta > 0;
		down |= j->group[i].delta < 0;
	}
	return up && down;
}

static void fact_join_look(struct vnp_join *j)
{
	struct vnp_fact_view *old = &j->facts_old, *from = &j->facts_from;
	struct vnp_fact_view *to = &j->facts_to;
	u32 i;

	fact_view_begin(old, &j->old, j->num_old);
	fact_view_add_facts(old, j->from);
	fact_view_begin(from, j->from, j->num_from);
	fact_view_add_facts(from, &j->old);
	fact_view_begin(to, j->to, j->num_to);
	fact_view_add_facts(to, &j->old);
	fact_view_add_facts(to, j->from);
	for (i = 0; i < j->group_cnt; i++) {
		fact_add(old, j->group[i].a);
		fact_add(from, j->group[i].b);
		fact_add(to, j->group[i].id);
	}
	j->work += fact_view_fill(old) + fact_view_fill(from) + fact_view_fill(to);
}

bool vnp_fact_join(struct vnp_join *j)
{
	const struct vnp_state *old = &j->old;
	bool sums = fact_has_sums(j);
	u32 i;

	j->to->fact_cnt = 0;
	if (!old->fact_cnt && !j->from->fact_cnt && !sums)
		return false;
	fact_join_look(j);
	for (i = 0; i < old->fact_cnt; i++)
		fact_join_one(j, &old->fact[i], true);
	for (i = 0; i < j->from->fact_cnt; i++)
		fact_join_one(j, &j->from->fact[i], false);
	if (sums)
		fact_join_sums(j);
	return j->to->fact_cnt != old->fact_cnt ||
	       memcmp(j->to->fact, old->fact, old->fact_cnt * sizeof(old->fact[0]));
}
