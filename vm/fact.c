// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "arith.h"
#include "fact.h"
#include "state.h"

/* What single cells know of a number */
struct fact_num {
	s64 min;
	s64 max;
	s64 left;	/* data + number + left <= data_end */
};

static bool fact_is_number(const struct vnp_reg *reg)
{
	return !reg->maybe_null &&
	       (reg->kind == VNP_REG_SCALAR || vnp_reg_is_packet(reg));
}

static struct fact_num fact_num(const struct vnp_state *state, u32 id)
{
	struct fact_num num = { -VNP_FACT_NONE, VNP_FACT_NONE, -VNP_FACT_NONE };
	u32 cell;

	if (!id || id == VNP_ID_LEN) {
		num.min = id ? max(state->range, 0) : 0;
		num.max = id ? VNP_PACKET_MAX : 0;
		num.left = id ? 0 : state->range;
		return num;
	}
	vnp_cell_for_each(state->used, cell) {
		const struct vnp_reg *reg = &state->cells[cell].reg;
		s64 plus = reg->kind == VNP_REG_SCALAR ? reg->plus : 0;

		if (reg->id != id || !fact_is_number(reg) ||
		    !vnp_num_is_small(&reg->num))
			continue;
		num.min = max_t(s64, num.min, reg->num.smin - plus);
		num.max = min_t(s64, num.max, reg->num.smax - plus);
		if (reg->kind == VNP_REG_PACKET && reg->range != VNP_RANGE_NONE)
			num.left = max_t(s64, num.left, reg->range);
	}
	return num;
}

static s64 fact_sum(s64 a, s64 b)
{
	return min_t(s64, vnp_sat_add(a, b), VNP_FACT_NONE);
}

/* @a - @c, by what is known of each, and by single facts */
static s64 fact_difference(const struct vnp_state *state, u32 a, u32 c)
{
	struct fact_num x = fact_num(state, a), y = fact_num(state, c);
	s64 most = fact_sum(x.max, -y.min);
	u32 i;

	if (a == c)
		return 0;
	if (c == VNP_ID_LEN)
		most = min(most, -x.left);
	for (i = 0; i < state->fact_cnt; i++) {
		const struct vnp_fact *f = &state->fact[i];

		if (f->c != c)
			continue;
		if (f->a == a)
			most = min(most, fact_sum(f->most,
						  -fact_num(state, f->b).min));
		else if (f->b == a)
			most = min(most, fact_sum(f->most,
						  -fact_num(state, f->a).min));
	}
	return most;
}

/* @a + @b - @c, by single facts and what is known of single numbers or differences */
static s64 fact_direct(const struct vnp_state *state, u32 a, u32 b, u32 c)
{
	s64 most = fact_sum(fact_difference(state, a, c), fact_num(state, b).max);
	u32 i;

	if (!b)
		return most;
	most = min(most, fact_sum(fact_difference(state, b, c), fact_num(state, a).max));
	for (i = 0; i < state->fact_cnt; i++) {
		const struct vnp_fact *f = &state->fact[i];

		if (f->c != c || !f->b)
			continue;
		/* a + other <= c + most, and b - other is bounded; and so on */
		if (f->a == a)
			most = min(most, fact_sum(f->most, fact_difference(state, b, f->b)));
		if (f->b == a)
			most = min(most, fact_sum(f->most, fact_difference(state, b, f->a)));
		if (f->a == b)
			most = min(most, fact_sum(f->most, fact_difference(state, a, f->b)));
		if (f->b == b)
			most = min(most, fact_sum(f->most, fact_difference(state, a, f->a)));
	}
	return most;
}

s64 vnp_fact_bound(const struct vnp_state *state, u32 a, u32 b, u32 c)
{
	s64 most = fact_direct(state, a, b, c), other;
	u32 i;

	/* what is below something else is below what that is below */
	for (i = 0; i < state->fact_cnt; i++) {
		const struct vnp_fact *f = &state->fact[i];

		if (f->c == c || !f->c || (f->a != a && f->a != b && f->b != a))
			continue;
		if (!f->b && f->a == a)
			other = fact_direct(state, f->c, b, c);
		else if (!f->b && f->a == b)
			other = fact_direct(state, f->c, a, c);
		else if (!b)
			other = fact_sum(fact_difference(state, f->c, c),
					 -fact_num(state, f->a == a ? f->b : f->a).min);
		else
			continue;
		most = min(most, fact_sum(f->most, other));
	}
	return most;
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

void vnp_fact_learn(struct vnp_state *state, u32 a, u32 b, u32 c, s64 most)
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
	if (fact_direct(state, a, b, c) > most)
		fact_put(state, a, b, c, most, true);
}

void vnp_fact_below(struct vnp_state *state, u32 id, u32 above, s64 most)
{
	struct vnp_fact old[VNP_FACT_CNT];
	u32 cnt = state->fact_cnt, i;

	memcpy(old, state->fact, sizeof(old));
	vnp_fact_learn(state, id, 0, above, most);
	for (i = 0; i < cnt; i++)
		if (old[i].c == id)
			vnp_fact_learn(state, old[i].a, old[i].b, above,
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

static bool fact_id_lives(const struct vnp_state *state, u32 id)
{
	u32 cell;

	if (!id || id == VNP_ID_LEN)
		return true;
	vnp_cell_for_each(state->used, cell) {
		const struct vnp_reg *reg = &state->cells[cell].reg;

		if (reg->id == id && fact_is_number(reg))
			return true;
	}
	return false;
}

/* A packet pointer knows it, too */
static bool fact_is_range(const struct vnp_state *state, const struct vnp_fact *f)
{
	return !f->b && f->c == VNP_ID_LEN && fact_num(state, f->a).left >= -f->most;
}

void vnp_fact_drop_dead(struct vnp_state *state)
{
	u32 i = state->fact_cnt;

	while (i > 0) {
		const struct vnp_fact *f = &state->fact[--i];

		if (!fact_id_lives(state, f->a) || !fact_id_lives(state, f->b) ||
		    !fact_id_lives(state, f->c) || fact_is_range(state, f))
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

s64 vnp_fact_room(const struct vnp_state *state)
{
	s64 room = state->range;
	u32 i;

	for (i = 0; i < state->fact_cnt; i++) {
		const struct vnp_fact *f = &state->fact[i];

		if (f->c == VNP_ID_LEN)
			room = max(room, fact_num(state, f->a).min +
				   fact_num(state, f->b).min - f->most);
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

static void fact_join_named(struct vnp_join *j, const struct vnp_fact *f, bool old,
			    const struct fact_name *a, const struct fact_name *b,
			    const struct fact_name *c)
{
	s64 delta = a->delta + b->delta - c->delta;
	s64 most = old ? vnp_fact_bound(j->from, a->from, b->from, c->from) + delta :
			 vnp_fact_bound(&j->old, a->to, b->to, c->to);
	s64 own = old ? f->most : f->most + delta;

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
	if (fact_id_lives(j->to, a->id) && fact_id_lives(j->to, b->id) &&
	    fact_id_lives(j->to, c->id))
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
	s64 most = max(vnp_fact_bound(&j->old, g->a, h->a, limit),
		       vnp_fact_bound(j->from, g->b, h->b, limit));

	if (most <= VNP_OFF_MAX && most >= -VNP_OFF_MAX)
		fact_put(j->to, g->id, h->id, limit, most, false);
}

static void fact_join_sums(struct vnp_join *j)
{
	u32 i, k;

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

bool vnp_fact_join(struct vnp_join *j)
{
	const struct vnp_state *old = &j->old;
	u32 i;

	j->to->fact_cnt = 0;
	for (i = 0; i < old->fact_cnt; i++)
		fact_join_one(j, &old->fact[i], true);
	for (i = 0; i < j->from->fact_cnt; i++)
		fact_join_one(j, &j->from->fact[i], false);
	if (j->head)
		fact_join_sums(j);
	return j->to->fact_cnt != old->fact_cnt ||
	       memcmp(j->to->fact, old->fact, old->fact_cnt * sizeof(old->fact[0]));
}
