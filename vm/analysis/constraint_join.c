// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Which constraints hold after control-flow paths join.
 */
#include "vm/analysis/constraint.h"
#include "vm/analysis/join.h"

/* An id of the joined state, and its ids in the two states: to, and from + delta */
struct cj_name {
	u32 id;
	u32 to;
	u32 from;
	s64 delta;
};

static bool cj_made_here(const struct vnp_join *j, u32 id)
{
	return id >= j->first_id && id - j->first_id < VNP_CELL_CNT;
}

/* Names tried for one id: an id in several cells can have several */
#define CJ_NAMES	3

/* Names of the number that has this @id in @j->old, or else in @j->from */
static u32 cj_names(const struct vnp_join *j, u32 id, bool old, struct cj_name *name)
{
	u32 cnt = 0, i;

	for (i = 0; i < j->group_cnt && cnt < CJ_NAMES - 1 && id; i++) {
		const struct vnp_join_group *g = &j->group[i];

		if ((old ? g->a : g->b) == id)
			name[cnt++] = (struct cj_name){ g->id, g->a, g->b, g->delta };
	}
	if (!cj_made_here(j, id))
		name[cnt++] = (struct cj_name){ id, id, id, 0 };
	return cnt;
}

/* A bound that grew is raised to the next threshold, as for numbers (scalar.h) */
static s64 cj_widen(const struct vnp_join *j, s64 most)
{
	u32 i = 0;

	if (!j->thresholds)
		return most;
	while (i < j->thresholds->cnt && (s64)j->thresholds->value[i] < most)
		i++;
	return i < j->thresholds->cnt ? max_t(s64, j->thresholds->value[i], most) :
					VNP_CONSTRAINT_NONE;
}

/*
 * Where states are widened already, new constraints can only be about ids that are new,
 * too: a cell that had the same number on all paths so far has different ones now.
 */
static bool cj_is_new(const struct vnp_join *j, u32 id, u32 to)
{
	return cj_made_here(j, id) && !cj_made_here(j, to);
}

/* Bounds are looked up in the states before the join */
static s64 cj_bound(struct vnp_join *j, struct vnp_view *view, u32 a, u32 b,
		    u32 c)
{
	j->work += vnp_view_work(view->constraint_cnt);
	return vnp_view_bound(view, vnp_view_find(view, a), vnp_view_find(view, b),
			  vnp_view_find(view, c));
}

static bool cj_lives(struct vnp_join *j, u32 a, u32 b, u32 c)
{
	struct vnp_view *to = &j->constraints_to;

	return to->num[vnp_view_find(to, a)].lives && to->num[vnp_view_find(to, b)].lives &&
	       to->num[vnp_view_find(to, c)].lives;
}

static void cj_named(struct vnp_join *j, const struct vnp_constraint *f, bool old,
		     const struct cj_name *a, const struct cj_name *b,
			    const struct cj_name *c)
{
	s64 delta = a->delta + b->delta - c->delta, most;
	s64 own = old ? f->most : f->most + delta;

	if (!cj_lives(j, a->id, b->id, c->id))
		return;
	most = old ? cj_bound(j, &j->constraints_from, a->from, b->from, c->from) + delta :
		     cj_bound(j, &j->constraints_old, a->to, b->to, c->to);
	if (!old) {
		if (j->thresholds && !cj_is_new(j, a->id, a->to) &&
		    !cj_is_new(j, b->id, b->to) && !cj_is_new(j, c->id, c->to))
			return;
		most = max(most, own);
	} else {
		most = most <= own ? own : cj_widen(j, most);
	}
	if (most > VNP_OFF_MAX || most < -VNP_OFF_MAX)
		return;
	vnp_constraint_put(j->to, a->id, b->id, c->id, most, false);
}

static void cj_one(struct vnp_join *j, const struct vnp_constraint *f, bool old)
{
	struct cj_name a[CJ_NAMES], b[CJ_NAMES], c[CJ_NAMES];
	u32 a_cnt = cj_names(j, f->a, old, a), b_cnt = cj_names(j, f->b, old, b);
	u32 c_cnt = cj_names(j, f->c, old, c), i, k, n;

	for (i = 0; i < a_cnt; i++)
		for (k = 0; k < b_cnt; k++)
			for (n = 0; n < c_cnt; n++)
				cj_named(j, f, old, &a[i], &b[k], &c[n]);
}

/*
 * Two numbers change in opposite directions in each iteration, so their sum is
 * invariant: "while (len--) *p++".  A bound of the sum that holds on both paths becomes
 * a constraint.
 */
static void cj_sum(struct vnp_join *j, const struct vnp_join_group *g,
		   const struct vnp_join_group *h, u32 limit)
{
	s64 most;

	if (!vnp_constraint_has_room(j->to, g->id, h->id, limit))
		return;
	most = max(cj_bound(j, &j->constraints_old, g->a, h->a, limit),
		   cj_bound(j, &j->constraints_from, g->b, h->b, limit));
	if (most <= VNP_OFF_MAX && most >= -VNP_OFF_MAX)
		vnp_constraint_put(j->to, g->id, h->id, limit, most, false);
}

static void cj_sums(struct vnp_join *j)
{
	u32 i, k;

	j->work += j->group_cnt * j->group_cnt / 8;
	for (i = 0; i < j->group_cnt; i++)
		for (k = 0; k < i; k++) {
			const struct vnp_join_group *g = &j->group[i], *h = &j->group[k];

			if (!g->delta || g->delta != -h->delta ||
			    (j->thresholds && !cj_is_new(j, g->id, g->a) &&
			     !cj_is_new(j, h->id, h->a)))
				continue;
			cj_sum(j, g, h, VNP_ID_LEN);
			cj_sum(j, g, h, 0);
		}
}

/* Can there be numbers that change in opposite directions? */
static bool cj_has_sums(const struct vnp_join *j)
{
	bool up = false, down = false;
	u32 i;

	for (i = 0; i < j->group_cnt && j->head; i++) {
		up |= j->group[i].delta > 0;
		down |= j->group[i].delta < 0;
	}
	return up && down;
}

static void cj_look(struct vnp_join *j)
{
	struct vnp_view *old = &j->constraints_old, *from = &j->constraints_from;
	struct vnp_view *to = &j->constraints_to;
	u32 i;

	vnp_view_begin(old, &j->old, j->num_old);
	vnp_view_add_state(old, j->from);
	vnp_view_begin(from, j->from, j->num_from);
	vnp_view_add_state(from, &j->old);
	vnp_view_begin(to, j->to, j->num_to);
	vnp_view_add_state(to, &j->old);
	vnp_view_add_state(to, j->from);
	for (i = 0; i < j->group_cnt; i++) {
		vnp_view_add(old, j->group[i].a);
		vnp_view_add(from, j->group[i].b);
		vnp_view_add(to, j->group[i].id);
	}
	j->work += vnp_view_fill(old) + vnp_view_fill(from) + vnp_view_fill(to);
}

bool vnp_constraint_join(struct vnp_join *j)
{
	const struct vnp_state *old = &j->old;
	bool sums = cj_has_sums(j);
	u32 i;

	j->to->constraint_cnt = 0;
	if (!old->constraint_cnt && !j->from->constraint_cnt && !sums)
		return false;
	cj_look(j);
	for (i = 0; i < old->constraint_cnt; i++)
		cj_one(j, &old->constraint[i], true);
	for (i = 0; i < j->from->constraint_cnt; i++)
		cj_one(j, &j->from->constraint[i], false);
	if (sums)
		cj_sums(j);
	return j->to->constraint_cnt != old->constraint_cnt ||
	       memcmp(j->to->constraint, old->constraint,
		      old->constraint_cnt * sizeof(old->constraint[0]));
}
