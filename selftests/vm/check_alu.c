// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Masks, whose meaning is followed symbolically (check_lowered.c), and arithmetic.
 */
#include "vm/arith.h"
#include "selftests/vm/check.h"

/* ---- Masks ----------------------------------------------------------------- */

/* AX becomes the distance of @of from the position it points to */
static bool mask_begins(struct check *c, const struct bpf_insn *insn)
{
	struct check_state *s = &c->state;
	const struct check_val *ax = &s->reg[VNP_REG_AX];
	const struct check_val *r = &s->reg[insn->src_reg];
	bool knows = ax->place || ax->kind == CHECK_STACK;

	if (insn->code != (BPF_ALU64 | BPF_SUB | BPF_X) ||
	    insn->dst_reg != VNP_REG_AX || insn->src_reg >= VNP_REG_FP ||
	    !knows || !vnp_scalar_is_const(&ax->num) || ax->num.smin < -CHECK_FAR ||
	    ax->num.smin > CHECK_FAR || ax->kind != r->kind ||
	    (ax->map != r->map && r->map != VNP_MAPS_MAX))
		return false;
	s->from = *ax;
	s->k = 0;
	s->reg[VNP_REG_AX] = val_unknown(8);
	s->of = insn->src_reg;
	s->sym = SYM_DISTANCE;
	return true;
}

static bool mask_goes_on(struct check *c, const struct bpf_insn *insn)
{
	struct check_state *s = &c->state;

	if (insn->dst_reg != VNP_REG_AX || s->sym != SYM_DISTANCE)
		return false;
	if (insn->code == (BPF_ALU64 | BPF_SUB | BPF_K)) {
		s->k += insn->imm;
		return true;
	}
	if (insn->code != (BPF_ALU64 | BPF_ARSH | BPF_K) || insn->imm != 63)
		return false;
	s->sym = SYM_SIGN;
	return true;
}

/* @r + k is not after the position, or @r is -1 now */
static void mask_high(struct check *c, struct check_val *r)
{
	const struct check_state *s = &c->state;
	struct vnp_scalar num = r->num, most;

	if (val_is_counted(&s->from)) {
		most = vnp_scalar_const(s->from.num.smin - s->k);
		/* always after: @r is -1 now, which is as harmless as any address inside */
		r->num = vnp_scalar_branch(BPF_JSLE, true, true, &num, &most) ?
			 num : most;
	} else {
		if (s->from.place == PLACE_VALUE)
			r->hi = max_t(s64, r->hi,
				      s->k + c->code->maps[r->map].value_size);
		else if (s->from.place == PLACE_END)
			r->hi = max(r->hi, s->k);
		else
			return;
		val_clip(r);
	}
	r->capped = true;
}

/* @r + k is after the position, or @r is 0 now: an access at @r + k - 1 is inside */
static void mask_low(struct check *c, struct check_val *r)
{
	const struct check_state *s = &c->state;
	struct vnp_scalar num = r->num, least;

	if (!r->capped)
		return;
	if (val_is_counted(&s->from)) {
		least = vnp_scalar_const(s->from.num.smin - s->k + 1);
		r->num = vnp_scalar_branch(BPF_JSGE, true, true, &num, &least) ?
			 num : least;
		return;
	}
	if (s->from.place == PLACE_END)
		return;
	r->lo = min(r->lo, s->k - 1);
	val_clip(r);
}

/* Both sides were checked: set the window, or the distance from the position */
static void mask_grant(const struct check *c, struct check_val *r)
{
	struct vnp_scalar num;

	if (val_is_counted(r)) {
		num = vnp_scalar_unknown();
		num.smin = 1 - (s64)r->kl;
		num.smax = -(s64)r->kh;
		if (vnp_scalar_normalize(&num))
			r->num = num;
	} else {
		r->lo = (s64)r->kl - 1;
		r->hi = r->kh;
		if (r->kind == CHECK_VALUE)
			r->hi += c->code->maps[r->map].value_size;
		val_clip(r);
	}
	r->far = 0;
}

/* A mask on @r, which may be anywhere */
static void mask_far(struct check *c, struct check_val *r, bool high)
{
	const struct check_state *s = &c->state;
	bool packet = r->kind == CHECK_PACKET, end = s->from.place == PLACE_END;

	if (s->k != (s32)s->k || (val_is_counted(r) && s->from.num.value) ||
	    (packet && high != end))
		return;
	if (high) {
		r->kh = s->k;
		r->far = FAR_HIGH;
		return;
	}
	if (!(r->far & FAR_HIGH))
		return;
	if (!(r->far & FAR_LOW)) {
		r->kl = s->k;
		r->far |= FAR_LOW;
	} else if (s->k >= r->kh) {
		mask_grant(c, r);
		return;
	}
	if (!packet && r->kl - 1 >= r->kh)
		mask_grant(c, r);
}

static bool mask_ends(struct check *c, const struct bpf_insn *insn)
{
	struct check_state *s = &c->state;
	struct check_val *r = check_reg(c, insn->dst_reg);
	bool high = insn->code == (BPF_ALU64 | BPF_OR | BPF_X);
	bool near;

	if (insn->src_reg != VNP_REG_AX || s->sym != SYM_SIGN ||
	    s->of != insn->dst_reg ||
	    (!high && insn->code != (BPF_ALU64 | BPF_AND | BPF_X)))
		return false;
	/* it may be NULL: accesses within the size of the object must be harmless there */
	if (s->from.place == PLACE_VALUE && !s->from.capped &&
	    c->code->maps[s->from.map].value_size > VNP_SPEC_NULL)
		return false;
	r->map = s->from.map;
	near = val_is_counted(r) ? r->num.smin >= -CHECK_FAR &&
	       r->num.smax <= CHECK_FAR : val_is_near(r);
	if (!near)
		mask_far(c, r, high);
	else if (high)
		mask_high(c, r);
	else
		mask_low(c, r);
	r->place = PLACE_NONE;
	s->sym = SYM_NONE;
	return true;
}

/* ---- Arithmetic ------------------------------------------------------------ */

static struct check_val check_moved(const struct check_val *ptr,
				    const struct vnp_scalar *by, bool sub)
{
	struct check_val val = *ptr;
	s64 min = by->smin, max = by->smax;

	if (val.place != PLACE_CTX || !vnp_scalar_is_const(by))
		val.place = PLACE_NONE;
	val.capped = false;
	val.far = 0;
	val.num = vnp_scalar_alu(sub ? BPF_SUB : BPF_ADD, 0, true, &ptr->num, by);
	if (!val_is_windowed(ptr))
		return val;
	val.num = ptr->num;
	if (sub) {
		min = vnp_sat_sub(0, by->smax);
		max = vnp_sat_sub(0, by->smin);
	}
	val.lo = vnp_sat_sub(ptr->lo, min);
	val.hi = vnp_sat_sub(ptr->hi, max);
	if (!val_is_near(&val) || min < -CHECK_FAR || max > CHECK_FAR) {
		val.lo = S64_MAX;
		val.hi = S64_MIN;
	}
	return val;
}

/* The kind of the result of arithmetic on halves or complements */
static enum check_kind check_half_kind(const struct bpf_insn *insn,
				       const struct check_val *dst,
				       const struct check_val *src)
{
	u8 op = BPF_OP(insn->code);
	bool is64 = vnp_insn_is64(insn), dst_is = check_is_packet(dst);
	bool cut = !is64 || dst->kind == CHECK_HALF;
	bool ones = src->kind == CHECK_NUM && vnp_scalar_is_const(&src->num) &&
		    (is64 ? src->num.value == U64_MAX : (u32)src->num.value == U32_MAX);

	if (dst_is && (op == BPF_NEG || (op == BPF_XOR && ones)))
		return CHECK_COMPLEMENT;
	if (op != BPF_ADD && op != BPF_SUB)
		return CHECK_ANY;
	if (src->kind == CHECK_NUM && dst->kind == CHECK_COMPLEMENT)
		return CHECK_COMPLEMENT;
	if (src->kind == CHECK_NUM && dst_is && cut)
		return CHECK_HALF;
	if (op == BPF_SUB)
		return dst_is && check_is_packet(src) && !is64 ? CHECK_NUM : CHECK_ANY;
	if (dst->kind == CHECK_NUM && src->kind == CHECK_COMPLEMENT)
		return CHECK_COMPLEMENT;
	if (dst->kind == CHECK_NUM && check_is_packet(src) &&
	    (!is64 || src->kind == CHECK_HALF))
		return CHECK_HALF;
	return (dst_is && src->kind == CHECK_COMPLEMENT) ||
	       (dst->kind == CHECK_COMPLEMENT && check_is_packet(src)) ?
		CHECK_NUM : CHECK_ANY;
}

static bool check_halves(struct check *c, const struct bpf_insn *insn,
			 const struct check_val *dst, const struct check_val *src)
{
	enum check_kind kind = check_half_kind(insn, dst, src);

	if (kind == CHECK_ANY)
		return false;
	check_set(c, insn->dst_reg, kind == CHECK_NUM ?
		  val_unknown(vnp_insn_is64(insn) ? 8 : 4) :
		  (struct check_val){ .kind = kind });
	return true;
}

static int check_pointers(struct check *c, const struct bpf_insn *insn,
			  const struct check_val *dst, const struct check_val *src)
{
	bool sub = BPF_OP(insn->code) == BPF_SUB, is64 = vnp_insn_is64(insn);
	bool dst_points = dst->kind >= CHECK_CTX && dst->kind <= CHECK_VALUE;
	bool src_points = src->kind >= CHECK_CTX && src->kind <= CHECK_VALUE;

	/* a guard before a barrier: only its branch uses the result */
	if (insn->dst_reg == VNP_REG_AX && is64 && sub && dst_points &&
	    src->kind != CHECK_NUM) {
		check_set(c, VNP_REG_AX, val_unknown(8));
		return 0;
	}
	if (dst->kind == CHECK_ANY || src->kind == CHECK_ANY)
		return check_drop(c, insn,
				   "calculates with what may be a pointer or a number");
	if (check_halves(c, insn, dst, src))
		return 0;
	if (is64 && sub && dst_points && dst->kind == src->kind)
		check_set(c, insn->dst_reg, val_unknown(8));
	else if (is64 && dst_points && src->kind == CHECK_NUM &&
		 (sub || BPF_OP(insn->code) == BPF_ADD))
		check_set(c, insn->dst_reg, check_moved(dst, &src->num, sub));
	else if (is64 && src_points && dst->kind == CHECK_NUM &&
		 BPF_OP(insn->code) == BPF_ADD)
		check_set(c, insn->dst_reg, check_moved(src, &dst->num, false));
	else
		return check_drop(c, insn, "turns a pointer into a number");
	return 0;
}

static int check_move(struct check *c, const struct bpf_insn *insn,
		      const struct check_val *src)
{
	bool is64 = vnp_insn_is64(insn);
	struct check_val val = *src;

	if (src->kind == CHECK_NUM)
		val = val_num(vnp_scalar_alu(BPF_MOV, 0, is64, &src->num, &src->num));
	else if (!is64 && (check_is_packet(src) || src->kind == CHECK_COMPLEMENT))
		val = (struct check_val){
			.kind = src->kind == CHECK_COMPLEMENT ? src->kind : CHECK_HALF,
		};
	else if (!is64)
		return check_drop(c, insn, "cuts a pointer in half");
	check_set(c, insn->dst_reg, val);
	return 0;
}

/* May it divide by zero, speculatively: then the transient result is unknown */
static bool check_divides_by_zero(const struct bpf_insn *insn, const struct vnp_scalar *by)
{
	struct vnp_scalar num = vnp_scalar_truncate(by, vnp_insn_is64(insn) ? 8 : 4);
	bool divides = BPF_OP(insn->code) == BPF_DIV || BPF_OP(insn->code) == BPF_MOD;

	return divides && vnp_scalar_has(&num, 0);
}

int check_alu(struct check *c, const struct bpf_insn *insn)
{
	struct check_val imm = val_num(vnp_scalar_const((s64)insn->imm)), *src = &imm;
	struct check_val *dst = check_reg(c, insn->dst_reg);
	struct vnp_scalar num;

	if (mask_begins(c, insn) || mask_goes_on(c, insn) || mask_ends(c, insn))
		return 0;
	if (BPF_OP(insn->code) == BPF_END) {
		if (dst->kind != CHECK_NUM)
			return check_drop(c, insn, "swaps the bytes of a pointer");
		num = vnp_scalar_swap(&dst->num, insn->imm, vnp_insn_swaps(insn));
		check_set(c, insn->dst_reg, val_num(num));
		return 0;
	}
	if (vnp_insn_uses_x(insn))
		src = check_reg(c, insn->src_reg);
	if (BPF_OP(insn->code) == BPF_MOV)
		return check_move(c, insn, src);
	if (dst->kind != CHECK_NUM || src->kind != CHECK_NUM)
		return check_pointers(c, insn, dst, src);
	num = vnp_scalar_alu(BPF_OP(insn->code), 0, vnp_insn_is64(insn), &dst->num,
			     &src->num);
	if (src == dst && (BPF_OP(insn->code) == BPF_SUB || BPF_OP(insn->code) == BPF_XOR))
		num = vnp_scalar_const(0);
	if (check_divides_by_zero(insn, &src->num)) {
		check_set(c, insn->dst_reg, val_unknown(vnp_insn_is64(insn) ? 8 : 4));
		return 0;
	}
	check_set(c, insn->dst_reg, val_num(num));
	return 0;
}
