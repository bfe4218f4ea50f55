// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* The second interpretation: values, and their joins. */
#include "vm/arith.h"
#include "vm/analysis/join.h"
#include "vm/harden/spec_impl.h"

void vnp_spec_set_unknown(struct vnp_reg *reg, u32 size)
{
	struct vnp_scalar num = vnp_scalar_unknown();

	num = vnp_scalar_truncate(&num, size);
	vnp_reg_set_scalar(reg, &num);
}

void vnp_spec_set_kind(struct vnp_reg *reg, u8 kind)
{
	kind = vnp_spec_kind(kind);
	if (kind < VNP_REG_SCALAR) {
		vnp_reg_forget(reg, VNP_REG_CONFLICT);
		return;
	}
	vnp_spec_set_pointer(reg, kind, VNP_SPEC_LO_NONE, VNP_SPEC_HI_NONE);
	reg->num = vnp_scalar_unknown();
	reg->map = VNP_MAPS_MAX;
}

void vnp_spec_anchor(struct vnp_reg *reg, s64 lo, s64 hi)
{
	reg->num = vnp_scalar_const(0);
	reg->off = lo > VNP_SPEC_NULL ? VNP_SPEC_LO_NONE : max_t(s64, lo, -VNP_SPEC_NULL);
	reg->range = hi < -VNP_SPEC_NULL ? VNP_SPEC_HI_NONE : min_t(s64, hi, VNP_SPEC_NULL);
}

bool vnp_spec_is_near(const struct vnp_reg *reg)
{
	return vnp_spec_num_is_near(&reg->num);
}

static bool spec_is_zero(const struct vnp_reg *reg)
{
	return reg->kind == VNP_REG_SCALAR && vnp_scalar_is_const(&reg->num) &&
	       !reg->num.value;
}

/* NULL is harmless, and so are addresses next to it */
static bool spec_join_zero(struct vnp_reg *a, const struct vnp_reg *b)
{
	struct vnp_reg pointer = spec_is_zero(a) ? *b : *a;
	bool fits;

	if (!spec_is_zero(a) && !spec_is_zero(b))
		return false;
	if (!vnp_spec_has_anchor(&pointer) && pointer.kind != VNP_REG_CTX &&
	    pointer.kind != VNP_REG_STACK)
		return false;
	/* moving one end of the range to the object keeps NULL harmless */
	fits = vnp_spec_is_near(&pointer) && pointer.num.smin >= -VNP_SPEC_NULL &&
	       pointer.num.smin <= VNP_SPEC_NULL;
	*a = pointer;
	a->maybe_null = pointer.kind == VNP_REG_CTX;
	if (fits && !vnp_spec_has_anchor(&pointer))
		return true;
	if (vnp_spec_has_anchor(a) && vnp_spec_is_near(&pointer))
		vnp_spec_anchor(a, vnp_sat_sub(pointer.off, pointer.num.smin),
				vnp_sat_sub(pointer.range, pointer.num.smax));
	else
		vnp_spec_set_kind(a, pointer.kind);
	return true;
}

static void spec_join_num(struct vnp_reg *a, const struct vnp_reg *b,
			  const struct vnp_thresholds *thresholds)
{
	struct vnp_scalar num;

	if (vnp_scalar_within(&b->num, &a->num))
		return;
	num = vnp_scalar_join(&a->num, &b->num);
	if (thresholds && !thresholds->cnt)
		num = vnp_scalar_unknown();
	else if (thresholds)
		num = vnp_scalar_widen(&a->num, &num, thresholds->value, thresholds->cnt);
	a->num = num;
}

static void spec_join_window(struct vnp_reg *a, const struct vnp_reg *b, bool widen)
{
	if (b->off > a->off)
		a->off = widen ? VNP_SPEC_LO_NONE : b->off;
	if (b->range < a->range)
		a->range = widen ? VNP_SPEC_HI_NONE : b->range;
}

static bool spec_equal(const struct vnp_reg *a, const struct vnp_reg *b)
{
	return a->kind == b->kind && a->map == b->map && a->off == b->off &&
	       a->range == b->range && a->maybe_null == b->maybe_null &&
	       vnp_scalar_equal(&a->num, &b->num);
}

bool vnp_spec_join_reg(struct vnp_reg *a, const struct vnp_reg *b,
		       const struct vnp_thresholds *thresholds)
{
	struct vnp_reg old = *a;

	if (spec_equal(a, b))
		return false;
	if (a->kind == VNP_REG_UNSET || b->kind == VNP_REG_UNSET) {
		vnp_reg_forget(a, VNP_REG_UNSET);
	} else if (a->kind != b->kind) {
		if (!spec_join_zero(a, b))
			vnp_reg_forget(a, VNP_REG_CONFLICT);
	} else if (vnp_spec_has_anchor(a)) {
		if (a->map != b->map)
			a->map = VNP_MAPS_MAX;
		spec_join_num(a, b, thresholds);
		spec_join_window(a, b, thresholds);
	} else if (a->kind == VNP_REG_SCALAR || a->kind == VNP_REG_STACK) {
		spec_join_num(a, b, thresholds);
	} else if (a->kind == VNP_REG_CTX) {
		spec_join_num(a, b, thresholds);
		a->maybe_null |= b->maybe_null;
	} else {
		vnp_reg_forget(a, VNP_REG_CONFLICT);
	}
	return !spec_equal(&old, a);
}

bool vnp_spec_join(struct vnp_join *j, struct vnp_state *to,
		   const struct vnp_state *from, u32 root,
		   const struct vnp_thresholds *thresholds)
{
	bool changed = false;
	u32 i;

	(void)root;
	j->work += VNP_REG_CNT;
	for (i = 0; i < VNP_REG_FP; i++)
		changed |= vnp_spec_join_reg(vnp_state_reg(to, i), &from->cells[i].reg,
					     thresholds);
	return changed;
}
