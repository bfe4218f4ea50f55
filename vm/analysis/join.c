// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The join of two states, with widening.
 */
#include "vm/analysis/join.h"

/* Work (struct vnp_state) of joining cells, and numbers that differ */
#define JOIN_WORK_CELL	1
#define JOIN_WORK_NUM	2

static bool join_made_here(const struct vnp_join *j, u32 id)
{
	return id >= j->first_id && id - j->first_id < VNP_CELL_CNT;
}

/*
 * An id that this join made in an earlier iteration does not name the same number as
 * the one it makes now: it is treated as any other.
 */
static u32 join_id(struct vnp_join *j, u32 a, u32 b, s64 delta)
{
	struct vnp_join_group *g;
	u32 i;

	if (a == b && !delta && !join_made_here(j, a))
		return a;
	if (j->coarse)
		return 0;
	j->work += 1 + j->group_cnt / 8;
	for (i = 0; i < j->group_cnt; i++) {
		g = &j->group[i];
		if (g->a == a && g->b == b && g->delta == delta)
			return g->id;
	}
	g = &j->group[j->group_cnt++];
	g->a = a;
	g->b = b;
	g->delta = delta;
	g->id = j->first_id + j->cell;
	return g->id;
}

static struct vnp_scalar join_num(struct vnp_join *j, const struct vnp_scalar *a,
				  const struct vnp_scalar *b)
{
	struct vnp_scalar num;

	if (vnp_scalar_within(b, a))
		return *a;
	if (j->coarse)
		return vnp_scalar_unknown();
	num = vnp_scalar_join(a, b);
	j->work += JOIN_WORK_NUM;
	if (!j->thresholds)
		return num;
	j->work += j->thresholds->cnt;
	return vnp_scalar_widen(a, &num, j->thresholds->value, j->thresholds->cnt);
}

/* A scalar as an id's number and a constant; a constant has id 0 */
static bool join_term(const struct vnp_reg *reg, s64 *plus)
{
	*plus = reg->id ? reg->plus : (s64)reg->num.value;
	return reg->id || (vnp_scalar_is_const(&reg->num) && *plus <= VNP_OFF_MAX &&
			   *plus >= -VNP_OFF_MAX);
}

/* The join of two constants gets an id only at loop headers */
static void join_scalar_ids(struct vnp_join *j, struct vnp_reg *a,
			    const struct vnp_reg *b)
{
	s64 a_plus, b_plus;
	bool known = join_term(a, &a_plus) && join_term(b, &b_plus);

	if (known && (j->head || a->id || b->id))
		a->id = join_id(j, a->id, b->id, b_plus - a_plus);
	else
		a->id = 0;
	a->plus = a->id ? a_plus : 0;
}

static void join_scalars(struct vnp_join *j, struct vnp_reg *a, const struct vnp_reg *b)
{
	join_scalar_ids(j, a, b);
	a->num = join_num(j, &a->num, &b->num);
	if (a->left == b->left && a->derived == b->derived && a->site == b->site &&
	    a->off == b->off && a->range == b->range && !join_made_here(j, a->site))
		return;
	a->left = false;
	a->derived = VNP_DERIVED_NONE;
	a->site = 0;
	a->off = 0;
	a->range = 0;
}

/* @delta: how much greater the constant offset of @b is */
static void join_packets(struct vnp_join *j, struct vnp_reg *a, const struct vnp_reg *b,
			 const struct vnp_scalar *b_num, s64 delta)
{
	s64 range_a = vnp_state_range(j->to, a), range_b = vnp_state_range(j->from, b);
	bool known = (a->id || vnp_reg_is_fixed(a)) && (b->id || vnp_reg_is_fixed(b));
	bool had = !vnp_reg_is_fixed(a);

	a->id = known ? join_id(j, a->id, b->id, delta) : 0;
	a->num = join_num(j, &a->num, b_num);
	if (vnp_reg_is_fixed(a)) {
		a->range = VNP_RANGE_NONE;
		return;
	}
	if (range_b == VNP_RANGE_NONE || range_b - delta < -VNP_OFF_MAX)
		range_b = VNP_RANGE_NONE;
	else
		range_b -= delta;
	/* a range that shrinks in each iteration would take many iterations to converge */
	if (range_b < range_a)
		range_a = had && j->thresholds ? VNP_RANGE_NONE : range_b;
	a->range = range_a;
}

static void join_conflict(const struct vnp_join *j, struct vnp_reg *a)
{
	vnp_reg_forget(a, VNP_REG_CONFLICT);
	a->site = j->root;
	a->off = j->cell;
}

static bool join_null(struct vnp_reg *a, const struct vnp_reg *b)
{
	if (a->maybe_null && b->maybe_null)
		return a->null == b->null;
	if (b->maybe_null)
		a->null = b->null;
	a->maybe_null |= b->maybe_null;
	return true;
}

/* Both are pointers of one kind that allows arithmetic */
static void join_pointers(struct vnp_join *j, struct vnp_reg *a, const struct vnp_reg *b)
{
	bool both_null = a->maybe_null && b->maybe_null;
	struct vnp_scalar delta = vnp_scalar_const((s64)b->off - a->off);
	struct vnp_scalar b_num = b->num;

	if (a->map != b->map || !join_null(a, b)) {
		join_conflict(j, a);
		return;
	}
	if (delta.value)
		b_num = vnp_scalar_alu(BPF_ADD, 0, true, &b->num, &delta);
	if (vnp_reg_is_packet(a)) {
		join_packets(j, a, b, &b_num, delta.value);
		return;
	}
	a->num = join_num(j, &a->num, &b_num);
	a->id = both_null && a->id && b->id ? join_id(j, a->id, b->id, 0) : 0;
	if (a->site != b->site)
		a->site = VNP_SITE_NONE;
}

static bool reg_is_zero(const struct vnp_reg *reg)
{
	return reg->kind == VNP_REG_SCALAR && vnp_scalar_is_const(&reg->num) &&
	       !reg->num.value;
}

/* NULL in C is the number 0: joined with a pointer it is a pointer that may be NULL */
static bool join_with_zero(struct vnp_reg *a, const struct vnp_reg *b)
{
	bool zero_first = reg_is_zero(a);
	const struct vnp_reg *pointer = zero_first ? b : a;

	if (!reg_is_zero(zero_first ? a : b) || !vnp_reg_is_guardable(pointer) ||
	    (pointer->maybe_null && pointer->null))
		return false;
	*a = *pointer;
	a->maybe_null = true;
	a->null = 0;
	a->id = 0;
	return true;
}

static bool reg_equal(const struct vnp_reg *a, const struct vnp_reg *b)
{
	return a->kind == b->kind && a->map == b->map &&
	       a->maybe_null == b->maybe_null && a->left == b->left &&
	       a->id == b->id && a->site == b->site && a->off == b->off &&
	       a->range == b->range && a->null == b->null &&
	       vnp_scalar_equal(&a->num, &b->num);
}

/* Express a pointer as an offset from the payload's start: data_end is data plus the length */
static void join_count_from_start(struct vnp_reg *reg, const struct vnp_state *state)
{
	struct vnp_scalar len = vnp_scalar_range(max(state->range, 0), state->packet_max);
	bool fixed = vnp_reg_is_fixed(reg);

	if (reg->kind != VNP_REG_PACKET_END)
		return;
	reg->kind = VNP_REG_PACKET;
	reg->num = vnp_scalar_alu(BPF_ADD, 0, true, &reg->num, &len);
	reg->id = fixed ? VNP_ID_LEN : 0;
	reg->range = fixed ? 0 : VNP_RANGE_NONE;
}

static void join_regs(struct vnp_join *j, struct vnp_reg *a, const struct vnp_reg *b)
{
	struct vnp_reg start;

	if (a->kind == VNP_REG_UNSET || b->kind == VNP_REG_UNSET) {
		vnp_reg_forget(a, VNP_REG_UNSET);
		return;
	}
	if (a->kind == VNP_REG_CONFLICT)
		return;
	if (a->kind == VNP_REG_VOID || b->kind == VNP_REG_VOID) {
		vnp_reg_forget(a, VNP_REG_VOID);
		return;
	}
	if (a->kind != b->kind && vnp_reg_is_packet(a) && vnp_reg_is_packet(b)) {
		start = *b;
		join_count_from_start(&start, j->from);
		join_count_from_start(a, j->to);
		b = &start;
	}
	if (a->kind != b->kind) {
		if (!join_with_zero(a, b))
			join_conflict(j, a);
		return;
	}
	if (a->kind == VNP_REG_SCALAR)
		join_scalars(j, a, b);
	else if (a->kind == VNP_REG_CTX || vnp_reg_is_guardable(a))
		join_pointers(j, a, b);
	else if (!reg_equal(a, b) || join_made_here(j, a->id))
		join_conflict(j, a);
}

bool vnp_reg_join_kind(struct vnp_reg *a, const struct vnp_reg *b)
{
	if (a->kind != b->kind && !(vnp_reg_is_packet(a) && vnp_reg_is_packet(b)))
		return join_with_zero(a, b);
	if (a->kind == VNP_REG_CTX || vnp_reg_is_guardable(a))
		return a->map == b->map && join_null(a, b);
	return a->kind == VNP_REG_SCALAR || a->kind == VNP_REG_CONFLICT ||
	       reg_equal(a, b);
}

static bool cell_equal(const struct vnp_cell *a, const struct vnp_cell *b)
{
	return a->unwritten == b->unwritten && a->secret == b->secret &&
	       reg_equal(&a->reg, &b->reg);
}

/* the two are equal, and the join makes no new ids for them */
static bool join_is_noop(const struct vnp_join *j, const struct vnp_cell *a,
			 const struct vnp_cell *b)
{
	return !join_made_here(j, a->reg.id) &&
	       !(a->reg.kind == VNP_REG_SCALAR && join_made_here(j, a->reg.site)) &&
	       cell_equal(a, b);
}

static bool join_cell(struct vnp_join *j, u32 cell)
{
	struct vnp_cell *a = &j->to->cells[cell];
	const struct vnp_cell *b = &j->from->cells[cell];
	struct vnp_cell old = *a;

	if (join_is_noop(j, a, b))
		return false;
	j->cell = cell;
	join_regs(j, &a->reg, &b->reg);
	a->unwritten |= b->unwritten;
	a->secret = a->reg.kind == VNP_REG_SCALAR ? a->secret | b->secret : 0;
	return !cell_equal(&old, a);
}

bool vnp_state_join(struct vnp_join *j, struct vnp_state *to,
		    const struct vnp_state *from, u32 root,
		    const struct vnp_thresholds *thresholds)
{
	bool changed = false, relate;
	u32 cell;

	j->to = to;
	j->from = from;
	j->thresholds = thresholds;
	j->root = root;
	j->first_id = VNP_ID_JOINED + root * VNP_CELL_CNT;
	j->group_cnt = 0;

	relate = to->constraint_cnt || from->constraint_cnt || (j->head && !j->coarse);
	if (relate)
		vnp_state_copy(&j->old, to);

	to->used |= from->used;
	j->work += JOIN_WORK_CELL * vnp_state_cells(to);
	vnp_cell_for_each(to->used, cell)
		changed |= join_cell(j, cell);
	if (relate)
		changed |= vnp_constraint_join(j);

	if (from->range < to->range) {
		to->range = thresholds ? 0 : from->range;
		changed = true;
	}
	return changed;
}
