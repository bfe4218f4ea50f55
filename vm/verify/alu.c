// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Arithmetic: moves, and what is done to pointers. */
#include "vm/arith.h"
#include "vm/analysis/update.h"
#include "vm/analysis/constraint.h"
#include "vm/verify/verify.h"

static int alu_refuse(struct vnp_verify *v, const struct vnp_reg *reg)
{
	switch (reg->kind) {
	case VNP_REG_CONFLICT:
		return vnp_verify_refuse(v,
			"calculates with a value that is of different kinds on different paths here: use it before the paths join, or use two variables");
	case VNP_REG_VOID:
		return vnp_verify_refuse(v,
			"calculates with a pointer into the payload, which may have moved since: read ctx->data again");
	default:
		return vnp_verify_refuse(v,
			"would turn a pointer into a number: pointers can be moved by 64 bit additions and subtractions, nothing else");
	}
}

static bool alu_can_halve(const struct vnp_reg *reg)
{
	return reg->kind == VNP_REG_HALF ||
	       (vnp_reg_is_packet(reg) && !reg->maybe_null);
}

/* A pointer into the payload as a value that can only be subtracted */
static struct vnp_reg alu_half(const struct vnp_reg *reg)
{
	struct vnp_reg half = *reg;

	if (half.kind != VNP_REG_HALF) {
		half.map = half.kind;
		half.kind = VNP_REG_HALF;
		half.site = VNP_HALF_WHOLE;
	}
	return half;
}

static int alu_move(struct vnp_verify *v, struct vnp_reg *dst, struct vnp_reg *src)
{
	const struct bpf_insn *insn = vnp_verify_current(v);
	bool is64 = vnp_insn_is64(insn);
	struct vnp_scalar num;

	/* a 32-bit move of a number that fits into 32 bits is a copy */
	if (!insn->off && (is64 || (src->kind == VNP_REG_SCALAR &&
				    src->num.umax <= U32_MAX))) {
		vnp_state_share(v->state, src, v->insn);
		*dst = *src;
		return 0;
	}
	if (!is64 && !insn->off && alu_can_halve(src)) {
		*dst = alu_half(src);
		dst->site &= ~VNP_HALF_WHOLE;
		return 0;
	}
	if (src->kind != VNP_REG_SCALAR)
		return alu_refuse(v, src);
	num = vnp_scalar_alu(BPF_MOV, insn->off, is64, &src->num, &src->num);
	vnp_reg_set_scalar(dst, &num);
	return 0;
}

/*
 * What is known to follow a packet pointer when it has been moved by @num: if
 * data + old + range <= data_end, and it moved by @most at most, then
 * data + new + (range - most) <= data_end.
 */
static s32 alu_moved_range(s32 range, const struct vnp_scalar *num, bool sub)
{
	s64 most;

	if (range == VNP_RANGE_NONE || num->smin < -VNP_OFF_MAX ||
	    num->smax > VNP_OFF_MAX)
		return VNP_RANGE_NONE;
	most = sub ? -num->smin : num->smax;
	if (range - most < -VNP_OFF_MAX)
		return VNP_RANGE_NONE;
	return min_t(s64, range - most, VNP_OFF_MAX);
}

/* data + (variable part) + @range <= data_end */
static void alu_set_range(const struct vnp_verify *v, struct vnp_reg *ptr, s64 range)
{
	struct vnp_scalar limit = vnp_scalar_const(vnp_sat_sub(v->type->packet_max, range));
	struct vnp_scalar num = ptr->num;

	if (range <= ptr->range || range < -VNP_OFF_MAX || range > VNP_OFF_MAX)
		return;
	ptr->range = range;
	if (vnp_scalar_branch(BPF_JSLE, true, true, &num, &limit))
		ptr->num = num;
}

/* *@ptr, a copy, had no variable part: now it is exactly the number of @num's id */
static bool alu_add_to_fixed(struct vnp_verify *v, struct vnp_reg *ptr,
			     struct vnp_reg *num)
{
	s64 off;

	if (vnp_scalar_is_const(&num->num))
		return false;
	vnp_state_share(v->state, num, v->insn);
	off = (s64)ptr->off + num->plus;
	if (off > VNP_OFF_MAX || off < -VNP_OFF_MAX)
		return false;
	ptr->id = num->id;
	ptr->off = off;
	ptr->num = vnp_reg_id_num(num);
	ptr->range = alu_moved_range(v->state->range, &ptr->num, false);
	if (ptr->kind != VNP_REG_PACKET)
		return true;
	ptr->range = max(ptr->range, vnp_state_shared_range(v->state, num->id));
	alu_set_range(v, ptr, -vnp_constraint_bound(v->state, num->id, 0, VNP_ID_LEN));
	return true;
}

/*
 * The variable part of *@ptr, a copy, is the sum of the numbers of @id and of @num's
 * id.  @id is stale if this instruction makes it again.
 */
static void alu_relate_sum(struct vnp_verify *v, struct vnp_reg *ptr, u32 id,
			   struct vnp_reg *num, bool sub)
{
	bool reused = num == vnp_state_reg(v->state, vnp_verify_current(v)->dst_reg);
	s64 room = -VNP_CONSTRAINT_NONE;
	struct vnp_reg by;
	u32 sum;

	if (id == VNP_ID_GIVEN(v->insn) && !num->id) {
		ptr->id = vnp_state_mint(v->state, v->insn);
		return;
	}
	vnp_state_share(v->state, num, v->insn);
	if (!sub)
		room = vnp_sat_sub(-vnp_constraint_bound(v->state, id, num->id, VNP_ID_LEN),
				   num->plus);
	/* making the id removes it from the cells that this instruction gave it before */
	by = *num;
	sum = vnp_state_mint(v->state, v->insn);
	ptr->id = sum;
	alu_set_range(v, ptr, room);
	if (id == sum || by.id == sum)
		return;
	/* its lower bound is no longer known */
	if (!sub && reused)
		vnp_constraint_learn(v->state, id, 0, sum, -by.num.smin);
	if (sub)
		vnp_constraint_learn(v->state, sum, by.id, id, -(s64)by.plus);
	else
		vnp_constraint_learn(v->state, id, by.id, sum, -(s64)by.plus);
}

/* The variable part of *@ptr, a copy, changes by the number in @num */
static void alu_add_variable(struct vnp_verify *v, struct vnp_reg *ptr,
			     struct vnp_reg *num, bool sub)
{
	bool fixed = vnp_reg_is_fixed(ptr), known = ptr->id || fixed;
	s32 range = vnp_state_range(v->state, ptr);

	vnp_constraint_apply(v->state, num);
	known &= vnp_num_is_small(&ptr->num) && vnp_num_is_small(&num->num) &&
		 (num->id || !vnp_scalar_is_const(&num->num));
	if (vnp_reg_is_packet(ptr) && fixed && !sub && alu_add_to_fixed(v, ptr, num))
		return;
	ptr->num = vnp_scalar_alu(sub ? BPF_SUB : BPF_ADD, 0, true, &ptr->num,
				  &num->num);
	/* a pointer into the context has the id of its old number, which changes now */
	if (ptr->kind == VNP_REG_CTX)
		ptr->id = 0;
	if (!vnp_reg_is_packet(ptr))
		return;
	ptr->range = alu_moved_range(range, &num->num, sub);
	if (known && ptr->kind == VNP_REG_PACKET)
		alu_relate_sum(v, ptr, ptr->id, num, sub);
	else
		ptr->id = vnp_state_mint(v->state, v->insn);
}

/* @ptr +/- @num, both registers or operands; the sum goes to @dst */
static int alu_move_pointer(struct vnp_verify *v, struct vnp_reg *dst,
			    struct vnp_reg *ptr, struct vnp_reg *num, bool sub)
{
	const struct bpf_insn *insn = vnp_verify_current(v);
	struct vnp_access access = {
		.kind = ptr->kind,
		.reg = ptr == dst ? insn->dst_reg : insn->src_reg,
	};
	struct vnp_reg sum;

	sum = *ptr;
	if (!vnp_reg_add_constant(&sum, &num->num, sub)) {
		if (ptr->maybe_null) {
			vnp_verify_not_null(v, ptr, &access);
			vnp_verify_note(v, &v->code->aux[v->insn].access, &access);
			sum = *ptr;
		}
		alu_add_variable(v, &sum, num, sub);
	}
	*dst = sum;
	return 0;
}

static bool alu_same_object(const struct vnp_reg *a, const struct vnp_reg *b)
{
	bool a_packet = vnp_reg_is_packet(a), b_packet = vnp_reg_is_packet(b);

	if (a->maybe_null || b->maybe_null)
		return false;
	if (a_packet || b_packet)
		return a_packet && b_packet;
	if (a->kind != b->kind || a->map != b->map || a->site != b->site)
		return false;
	return a->kind == VNP_REG_STACK || a->kind == VNP_REG_CTX ||
	       (a->kind == VNP_REG_MAP_VALUE && a->site != VNP_SITE_NONE);
}

/* Distance of the bases of two packet pointers: @a - @b */
static struct vnp_scalar alu_base_distance(const struct vnp_verify *v,
					   const struct vnp_reg *a,
					   const struct vnp_reg *b)
{
	struct vnp_scalar len = vnp_scalar_range(0, v->type->packet_max);

	if (a->kind == VNP_REG_PACKET_END && b->kind == VNP_REG_PACKET)
		return len;
	if (a->kind == VNP_REG_PACKET && b->kind == VNP_REG_PACKET_END)
		return vnp_scalar_alu(BPF_NEG, 0, true, &len, &len);
	return vnp_scalar_const(0);
}

/* @num is data_end + @off - @b: at least what is known to follow @b */
static void alu_difference_min(const struct vnp_verify *v, struct vnp_scalar *num, s64 off,
			       const struct vnp_reg *b)
{
	s32 range = vnp_state_range(v->state, b);
	struct vnp_scalar least = vnp_scalar_const(off + range), old = *num;

	if (range != VNP_RANGE_NONE &&
	    !vnp_scalar_branch(BPF_JSGE, true, true, num, &least))
		*num = old;
}

static int alu_difference(struct vnp_verify *v, struct vnp_reg *dst,
			  const struct vnp_reg *a, const struct vnp_reg *b)
{
	struct vnp_scalar num, off = vnp_scalar_const((s64)a->off - b->off);
	struct vnp_reg left = *b;
	bool relates;

	if (!alu_same_object(a, b))
		return vnp_verify_refuse(v,
			"the difference of these two pointers would reveal where objects are in memory: only pointers to the same object can be subtracted");

	relates = a->kind == VNP_REG_PACKET_END && b->kind == VNP_REG_PACKET &&
		  vnp_reg_is_fixed(a) && (b->id || vnp_reg_is_fixed(b)) &&
		  vnp_num_is_small(&b->num);
	num = alu_base_distance(v, a, b);
	num = vnp_scalar_alu(BPF_ADD, 0, true, &num, &off);
	num = vnp_scalar_alu(BPF_ADD, 0, true, &num, &a->num);
	num = vnp_scalar_alu(BPF_SUB, 0, true, &num, &b->num);
	if (relates)
		alu_difference_min(v, &num, (s64)a->off - b->off, b);
	left.off -= a->off;
	vnp_reg_set_scalar(dst, &num);
	if (!relates)
		return 0;
	dst->left = true;
	dst->site = left.id;
	dst->off = left.off;
	dst->id = vnp_state_mint(v->state, v->insn);
	if (dst->id == left.id)
		dst->left = false;
	else
		vnp_constraint_learn(v->state, left.id, dst->id, VNP_ID_LEN, -(s64)left.off);
	return 0;
}

/* The pointer whose lower half this is, if it is one */
static struct vnp_reg alu_whole(const struct vnp_reg *reg)
{
	struct vnp_reg whole = *reg;

	if (reg->kind == VNP_REG_HALF) {
		whole.kind = reg->map;
		whole.map = 0;
		whole.site = 0;
	}
	return whole;
}

/*
 * The difference of two pointers, at least one of them truncated or complemented: a +
 * ~b is a - b - 1, and (u32)a - (u32)b is (u32)(a - b).
 */
static int alu_difference_halves(struct vnp_verify *v, struct vnp_reg *dst,
				 const struct vnp_reg *src)
{
	bool sub = BPF_OP(vnp_verify_current(v)->code) == BPF_SUB;
	struct vnp_reg a = alu_half(dst), b = alu_half(src), num;
	bool whole = vnp_insn_is64(vnp_verify_current(v)) && a.site & b.site & VNP_HALF_WHOLE;
	bool inverted = (a.site | b.site) & VNP_HALF_COMPLEMENT;
	int err;

	if (sub ? inverted : !((a.site ^ b.site) & VNP_HALF_COMPLEMENT))
		return alu_refuse(v, dst);
	if (!whole && vnp_insn_is64(vnp_verify_current(v)))
		return alu_refuse(v, a.site & VNP_HALF_WHOLE ? src : dst);
	if (a.site & VNP_HALF_COMPLEMENT)
		swap(a, b);
	a = alu_whole(&a);
	b = alu_whole(&b);
	a.off -= inverted;
	err = alu_difference(v, &num, &a, &b);
	if (err)
		return err;
	*dst = num;
	if (whole || num.num.umax <= U32_MAX)
		return 0;
	num.num = vnp_scalar_truncate(&num.num, 4);
	vnp_reg_set_scalar(dst, &num.num);
	return 0;
}

/* Add a number to a truncated or complemented pointer: ~p + n is ~(p - n) */
static int alu_move_half(struct vnp_verify *v, struct vnp_reg *dst,
			 const struct vnp_reg *ptr, const struct vnp_reg *by)
{
	const struct bpf_insn *insn = vnp_verify_current(v);
	struct vnp_reg half = alu_half(ptr);
	bool sub = (BPF_OP(insn->code) == BPF_SUB) ^ (half.site & VNP_HALF_COMPLEMENT);
	struct vnp_scalar num = by->num;

	/* only the lower half of the number matters */
	if (!vnp_insn_is64(insn)) {
		num = vnp_scalar_alu(BPF_MOV, 32, true, &num, &num);
		half.site &= ~VNP_HALF_WHOLE;
	}
	if (!vnp_reg_add_constant(&half, &num, sub)) {
		half.num = vnp_scalar_alu(sub ? BPF_SUB : BPF_ADD, 0, true, &half.num,
					  &num);
		half.id = 0;
		half.range = VNP_RANGE_NONE;
	}
	*dst = half;
	return 0;
}

/* ~p, or -p, which is ~(p - 1) */
static int alu_complement(struct vnp_verify *v, struct vnp_reg *dst)
{
	const struct bpf_insn *insn = vnp_verify_current(v);
	struct vnp_reg half = alu_half(dst);

	if (half.site & VNP_HALF_COMPLEMENT || half.off == -VNP_OFF_MAX)
		return alu_refuse(v, dst);
	half.off -= BPF_OP(insn->code) == BPF_NEG;
	half.site |= VNP_HALF_COMPLEMENT;
	if (!vnp_insn_is64(insn))
		half.site &= ~VNP_HALF_WHOLE;
	*dst = half;
	return 0;
}

/* 32-bit arithmetic on pointers into the payload, and on its results */
static int alu_halves(struct vnp_verify *v, struct vnp_reg *dst, struct vnp_reg *src)
{
	u8 op = BPF_OP(vnp_verify_current(v)->code);

	if (op == BPF_XOR && alu_can_halve(dst) && src->kind == VNP_REG_SCALAR &&
	    vnp_scalar_is_const(&src->num) && src->num.value == U64_MAX)
		return alu_complement(v, dst);
	if (op != BPF_ADD && op != BPF_SUB)
		return alu_refuse(v, dst->kind == VNP_REG_SCALAR ? src : dst);
	if (alu_can_halve(dst) && alu_can_halve(src))
		return alu_difference_halves(v, dst, src);
	if (alu_can_halve(dst) && src->kind == VNP_REG_SCALAR)
		return alu_move_half(v, dst, dst, src);
	if (alu_can_halve(src) && dst->kind == VNP_REG_SCALAR && op == BPF_ADD)
		return alu_move_half(v, dst, src, dst);
	return alu_refuse(v, alu_can_halve(dst) || dst->kind == VNP_REG_SCALAR ? src : dst);
}

static int alu_pointers(struct vnp_verify *v, struct vnp_reg *dst, struct vnp_reg *src)
{
	const struct bpf_insn *insn = vnp_verify_current(v);
	bool sub = BPF_OP(insn->code) == BPF_SUB;
	bool dst_can = dst->kind == VNP_REG_CTX || vnp_reg_is_guardable(dst);
	bool src_can = src->kind == VNP_REG_CTX || vnp_reg_is_guardable(src);

	if (!vnp_insn_is64(insn) || dst->kind == VNP_REG_HALF ||
	    src->kind == VNP_REG_HALF || (!sub && BPF_OP(insn->code) != BPF_ADD))
		return alu_halves(v, dst, src);
	if (dst_can && src->kind == VNP_REG_SCALAR)
		return alu_move_pointer(v, dst, dst, src, sub);
	if (dst->kind == VNP_REG_SCALAR && src_can && !sub)
		return alu_move_pointer(v, dst, src, dst, false);
	if (dst_can && src_can && sub)
		return alu_difference(v, dst, dst, src);
	return alu_refuse(v, dst_can || dst->kind == VNP_REG_SCALAR ? src : dst);
}

/* Operations with one operand: negation, byte order */
static int alu_unary(struct vnp_verify *v, struct vnp_reg *dst)
{
	const struct bpf_insn *insn = vnp_verify_current(v);
	struct vnp_scalar num;

	if (BPF_OP(insn->code) == BPF_NEG && alu_can_halve(dst))
		return alu_complement(v, dst);
	if (dst->kind != VNP_REG_SCALAR)
		return alu_refuse(v, dst);
	if (BPF_OP(insn->code) == BPF_END)
		num = vnp_scalar_swap(&dst->num, insn->imm, vnp_insn_swaps(insn));
	else
		num = vnp_scalar_alu(BPF_NEG, 0, vnp_insn_is64(insn), &dst->num,
				     &dst->num);
	vnp_reg_set_scalar(dst, &num);
	return 0;
}

int vnp_verify_alu(struct vnp_verify *v)
{
	const struct bpf_insn *insn = vnp_verify_current(v);
	struct vnp_reg *dst = vnp_state_reg(v->state, insn->dst_reg);
	struct vnp_scalar num = vnp_scalar_const((s64)insn->imm);
	struct vnp_reg imm, *src = &imm;

	vnp_reg_set_scalar(&imm, &num);
	if (BPF_OP(insn->code) == BPF_NEG || BPF_OP(insn->code) == BPF_END)
		return alu_unary(v, dst);
	if (vnp_insn_uses_x(insn))
		src = vnp_state_reg(v->state, insn->src_reg);
	if (BPF_OP(insn->code) == BPF_MOV) {
		if (!vnp_insn_is64(insn) && src == &imm)
			imm.num = vnp_scalar_const((u32)insn->imm);
		return alu_move(v, dst, src);
	}
	if (dst->kind == VNP_REG_SCALAR && src->kind == VNP_REG_SCALAR)
		return vnp_verify_numbers(v, dst, src);
	return alu_pointers(v, dst, src);
}
