// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Arithmetic on numbers, and how the result is related to the operands. */
#include "vm/arith.h"
#include "vm/analysis/update.h"
#include "vm/analysis/constraint.h"
#include "vm/verify/verify.h"

/*
 * May lowering leave the instruction as it is?  Native division by 0 traps, and
 * native shifts by the width or more differ between machines.
 */
static bool number_is_safe(const struct bpf_insn *insn, const struct vnp_scalar *src)
{
	struct vnp_scalar low = vnp_scalar_truncate(src, vnp_insn_is64(insn) ? 8 : 4);

	switch (BPF_OP(insn->code)) {
	case BPF_DIV:
	case BPF_MOD:
		return !vnp_scalar_has(&low, 0);
	case BPF_LSH:
	case BPF_RSH:
	case BPF_ARSH:
		return src->umax < (vnp_insn_is64(insn) ? 64 : 32);
	default:
		return true;
	}
}

/* Does the operation not wrap: @by is added, or with @sub subtracted */
static bool number_is_exact(bool is64, const struct vnp_scalar *num,
			    const struct vnp_scalar *by, bool sub)
{
	s64 min, max;

	if (!vnp_num_is_small(num) || !vnp_num_is_small(by))
		return false;
	if (is64)
		return true;
	min = num->smin + (sub ? -by->smax : by->smin);
	max = num->smax + (sub ? -by->smin : by->smax);
	return num->smin >= 0 && min >= 0 && max <= (s64)U32_MAX;
}

/* @dst was the constant @old, to which @src was added */
static void number_relate_const(struct vnp_verify *v, struct vnp_reg *dst,
				const struct vnp_reg *old, struct vnp_reg *src)
{
	s64 plus;

	if (vnp_scalar_is_const(&src->num) || src == dst)
		return;
	vnp_state_share(v->state, src, v->insn);
	plus = vnp_sat_add(old->num.value, src->plus);
	if (plus > VNP_OFF_MAX || plus < -VNP_OFF_MAX)
		return;
	dst->id = src->id;
	dst->plus = plus;
}

/* @src was added to or subtracted from @old, which gave @dst: relate the three */
static void number_relate_numbers(struct vnp_verify *v, struct vnp_reg *dst,
				  const struct vnp_reg *old, struct vnp_reg *src, bool sub)
{
	s64 plus = sub ? (s64)old->plus - src->plus : (s64)old->plus + src->plus;
	u32 id, by;

	if (vnp_scalar_is_const(&src->num))
		plus = sub ? vnp_sat_sub(old->plus, src->num.value) :
			     vnp_sat_add(old->plus, src->num.value);
	if (!sub && vnp_scalar_is_const(&old->num) && !old->id) {
		number_relate_const(v, dst, old, src);
		return;
	}
	if (!old->id || plus > VNP_OFF_MAX || plus < -VNP_OFF_MAX || src == dst)
		return;
	if (old->id == VNP_ID_GIVEN(v->insn) && !src->id)
		return;
	if (vnp_scalar_is_const(&src->num)) {
		dst->id = old->id;
		dst->plus = plus;
		return;
	}
	vnp_state_share(v->state, src, v->insn);
	/* making the id removes it from the value that this instruction made last time */
	by = src->id;
	id = vnp_state_mint(v->state, v->insn);
	dst->id = id;
	if (id == old->id || id == by)
		return;
	if (sub)
		vnp_constraint_learn(v->state, id, by, old->id, plus);
	else
		vnp_constraint_learn(v->state, old->id, by, id, -plus);
}

/* The greatest difference @a - @b of the numbers of two ids */
static s64 number_most_above(const struct vnp_verify *v, const struct vnp_reg *a,
			     const struct vnp_reg *b)
{
	if (!v->state->constraint_cnt || !a->id || !b->id || !vnp_num_is_small(&a->num) ||
	    !vnp_num_is_small(&b->num))
		return VNP_CONSTRAINT_NONE;
	return vnp_constraint_bound(v->state, a->id, 0, b->id) + a->plus - b->plus;
}

/*
 * @a - @b of 32 or 64 bits, if constraints bound it better than ranges; false: they do
 * not
 */
static bool number_known_difference(const struct vnp_verify *v, const struct vnp_reg *a,
				    const struct vnp_reg *b, struct vnp_scalar *num)
{
	s64 max = number_most_above(v, a, b), min = -number_most_above(v, b, a);
	bool is64 = vnp_insn_is64(vnp_verify_current(v));

	if (max > (s64)U32_MAX || min < 0 || min > max ||
	    (!is64 && (a->num.smin < 0 || b->num.smin < 0)))
		return false;
	*num = vnp_scalar_range(min, max);
	return true;
}

/*
 * Setting bits that are clear adds their value, for any sign, and does not wrap.
 * Compilers test x << 8 instead of x << 8 | y.
 */
static void number_relate_filled(const struct vnp_verify *v, struct vnp_reg *dst,
				 const struct vnp_reg *old, const struct vnp_scalar *by)
{
	bool is64 = vnp_insn_is64(vnp_verify_current(v));

	if (!old->id || by->umax > VNP_OFF_MAX || (!is64 && old->num.umax > U32_MAX) ||
	    ((old->num.value | old->num.mask) & (by->value | by->mask)))
		return;
	dst->derived = VNP_DERIVED_FILLED;
	dst->site = old->id;
	dst->off = old->plus;
	dst->range = by->umax;
}

/*
 * Compilers for eBPF express the modulo by x - x / c * c, and extend numbers by
 * shifting them left and right.
 */
static void number_relate_parts(struct vnp_verify *v, struct vnp_reg *dst,
				const struct vnp_reg *old, const struct vnp_scalar *by)
{
	const struct bpf_insn *insn = vnp_verify_current(v);
	bool fits = old->id && old->num.smin >= 0 && old->num.smax <= (s64)U32_MAX;
	s64 k = (s64)by->value;

	if (BPF_OP(insn->code) == BPF_OR)
		number_relate_filled(v, dst, old, by);
	if (!vnp_scalar_is_const(by) || k < 1 || k > VNP_OFF_MAX)
		return;
	switch (BPF_OP(insn->code)) {
	case BPF_DIV:
		if (!fits || old->plus || insn->off)
			return;
		dst->derived = VNP_DERIVED_QUOTIENT;
		dst->site = old->id;
		dst->range = k;
		break;
	case BPF_MUL:
		if (old->derived != VNP_DERIVED_QUOTIENT || old->range != k ||
		    old->site == VNP_ID_MADE(v->insn))
			return;
		dst->id = vnp_state_mint(v->state, v->insn);
		vnp_constraint_learn(v->state, dst->id, 0, old->site, 0);
		vnp_constraint_learn(v->state, old->site, 0, dst->id, k - 1);
		break;
	case BPF_LSH:
		if (!fits || old->num.smax > S32_MAX || k != 32 || !vnp_insn_is64(insn))
			return;
		dst->derived = VNP_DERIVED_SHIFTED;
		dst->site = old->id;
		dst->off = old->plus;
		break;
	case BPF_RSH:
	case BPF_ARSH:
		if (old->derived != VNP_DERIVED_SHIFTED || k != 32 || !vnp_insn_is64(insn))
			return;
		dst->id = old->site;
		dst->plus = old->off;
		break;
	}
}

/* A sum, a difference, or an or of disjoint bits */
static bool number_is_sum(u8 op, const struct vnp_scalar *a, const struct vnp_scalar *b)
{
	if (op == BPF_OR)
		return !((a->value | a->mask) & (b->value | b->mask));
	return op == BPF_ADD || op == BPF_SUB;
}

int vnp_verify_numbers(struct vnp_verify *v, struct vnp_reg *dst, struct vnp_reg *src)
{
	const struct bpf_insn *insn = vnp_verify_current(v);
	bool sub = BPF_OP(insn->code) == BPF_SUB;
	bool add = BPF_OP(insn->code) == BPF_ADD || sub;
	bool known, exact;
	struct vnp_scalar num, by;
	struct vnp_reg old;

	vnp_constraint_apply(v->state, dst);
	vnp_constraint_apply(v->state, src);
	old = *dst;
	by = src->num;
	exact = number_is_exact(vnp_insn_is64(insn), &old.num, &by, sub);
	known = sub && number_known_difference(v, dst, src, &num);
	if (v->report && number_is_safe(insn, &src->num))
		v->code->aux[v->insn].flags |= VNP_AUX_SAFE;
	if (v->report && add && exact && !vnp_insn_uses_x(insn))
		v->code->aux[v->insn].flags |= VNP_AUX_STEPS;

	if (!known)
		num = vnp_scalar_alu(BPF_OP(insn->code), insn->off,
				     vnp_insn_is64(insn), &dst->num, &src->num);
	/* x - x and x ^ x are how a register is often zeroed */
	if (vnp_insn_uses_x(insn) && insn->dst_reg == insn->src_reg &&
	    (sub || BPF_OP(insn->code) == BPF_XOR))
		num = vnp_scalar_const(0);
	vnp_reg_set_scalar(dst, &num);
	number_relate_parts(v, dst, &old, &by);
	if (number_is_sum(BPF_OP(insn->code), &old.num, &by) && (exact || known))
		number_relate_numbers(v, dst, &old, src, sub);

	/* the room after a pointer, minus 4, is the room after the pointer plus 4 */
	if (old.left && add && vnp_insn_is64(insn) &&
	    vnp_reg_add_constant(&old, &by, !sub)) {
		dst->left = true;
		dst->site = old.site;
		dst->off = old.off;
	}
	return 0;
}
