// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The second interpretation: values that hold on mispredicted paths, too.
 *
 * It uses the verifier's fixpoint iteration, with these meanings of struct vnp_reg:
 *
 *	scalar		@num
 *	context		@num: distance from its start; @maybe_null: or the pointer is harmless
 *	stack		@num: distance from R10
 *	packet, map	an anchor + @num; accesses to [@off, @range) from the anchor are good
 *
 * Or, for the last two, the pointer is a harmless number (spec.h), and so is all
 * within [@off, @range) of it.  The start of the payload is an anchor with [0, 0),
 * its end one with [SPEC_NONE, 0); a pointer that was masked is an anchor that has
 * what the mask has checked.
 */
#include "vm/arith.h"
#include "vm/frame.h"
#include "vm/analysis/live.h"
#include "vm/analysis/join.h"
#include "vm/harden/spec.h"
#include "vm/verify/verify.h"

/* No bound is known on this side */
#define SPEC_LO_NONE	S32_MAX
#define SPEC_HI_NONE	S32_MIN

#define SPEC_BOTH	(VNP_GUARD_LOW | VNP_GUARD_HIGH)

/*
 * Rounds after which slots that still change become unknown, and after which all slots
 * do
 */
#define SPEC_ROUNDS	4
#define SPEC_ROUNDS_MAX	8

/* Work (struct vnp_state) for each slot that an access may touch */
#define SPEC_WORK_SLOT	2

/**
 * struct spec - state of the interpretation
 * @v:		must be the first
 * @slot:	join of all that is stored to each slot of the stack, and of 0
 * @read:	bit n: slot n is read
 * @waits:	the current instruction follows a barrier
 * @voids:	some helper moves the payload
 * @given_up:	a slot that changes becomes unknown
 * @changed:	a slot changed in this round
 */
struct spec {
	struct vnp_verify v;
	struct vnp_reg slot[VNP_SLOT_CNT];
	u64 read;
	bool waits;
	bool voids;
	bool given_up;
	bool changed;
};

static struct spec *spec_of(struct vnp_verify *v)
{
	return (struct spec *)v;
}

/* The kinds that matter here: the ends of the payload are pointers into it */
static u8 spec_kind(u8 kind)
{
	return kind == VNP_REG_PACKET_END ? VNP_REG_PACKET : kind;
}

static bool spec_has_anchor(const struct vnp_reg *reg)
{
	return reg->kind == VNP_REG_PACKET || reg->kind == VNP_REG_MAP_VALUE;
}

static void spec_set_pointer(struct vnp_reg *reg, u8 kind, s32 lo, s32 hi)
{
	vnp_reg_set_pointer(reg, kind);
	reg->off = lo;
	reg->range = hi;
}

static void spec_set_unknown(struct vnp_reg *reg, u32 size)
{
	struct vnp_scalar num = vnp_scalar_unknown();

	num = vnp_scalar_truncate(&num, size);
	vnp_reg_set_scalar(reg, &num);
}

/* The least known value of a kind */
static void spec_set_kind(struct vnp_reg *reg, u8 kind)
{
	kind = spec_kind(kind);
	if (kind < VNP_REG_SCALAR) {
		vnp_reg_forget(reg, VNP_REG_CONFLICT);
		return;
	}
	spec_set_pointer(reg, kind, SPEC_LO_NONE, SPEC_HI_NONE);
	reg->num = vnp_scalar_unknown();
	reg->map = VNP_MAPS_MAX;
}

/* ---- Joins ----------------------------------------------------------------- */

/* Make a pointer its own anchor, with [lo, hi) */
static void spec_anchor(struct vnp_reg *reg, s64 lo, s64 hi)
{
	reg->num = vnp_scalar_const(0);
	reg->off = lo > VNP_SPEC_NULL ? SPEC_LO_NONE : max_t(s64, lo, -VNP_SPEC_NULL);
	reg->range = hi < -VNP_SPEC_NULL ? SPEC_HI_NONE : min_t(s64, hi, VNP_SPEC_NULL);
}

/* Is a pointer so near its anchor that sums do not overflow */
static bool spec_num_is_near(const struct vnp_scalar *num)
{
	return num->smin >= -(1LL << 40) && num->smax <= 1LL << 40;
}

static bool spec_is_near(const struct vnp_reg *reg)
{
	return spec_num_is_near(&reg->num);
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
	if (!spec_has_anchor(&pointer) && pointer.kind != VNP_REG_CTX &&
	    pointer.kind != VNP_REG_STACK)
		return false;
	/* moving one end of the range to the object keeps NULL harmless */
	fits = spec_is_near(&pointer) && pointer.num.smin >= -VNP_SPEC_NULL &&
	       pointer.num.smin <= VNP_SPEC_NULL;
	*a = pointer;
	a->maybe_null = pointer.kind == VNP_REG_CTX;
	if (fits && !spec_has_anchor(&pointer))
		return true;
	if (spec_has_anchor(a) && spec_is_near(&pointer))
		spec_anchor(a, vnp_sat_sub(pointer.off, pointer.num.smin),
			    vnp_sat_sub(pointer.range, pointer.num.smax));
	else
		spec_set_kind(a, pointer.kind);
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
		a->off = widen ? SPEC_LO_NONE : b->off;
	if (b->range < a->range)
		a->range = widen ? SPEC_HI_NONE : b->range;
}

static bool spec_equal(const struct vnp_reg *a, const struct vnp_reg *b)
{
	return a->kind == b->kind && a->map == b->map && a->off == b->off &&
	       a->range == b->range && a->maybe_null == b->maybe_null &&
	       vnp_scalar_equal(&a->num, &b->num);
}

/* @a becomes the join of both; true if that changed it */
static bool spec_join_reg(struct vnp_reg *a, const struct vnp_reg *b,
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
	} else if (spec_has_anchor(a)) {
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

static bool spec_join(struct vnp_join *j, struct vnp_state *to,
		      const struct vnp_state *from, u32 root,
		      const struct vnp_thresholds *thresholds)
{
	bool changed = false;
	u32 i;

	(void)root;
	j->work += VNP_REG_CNT;
	for (i = 0; i < VNP_REG_FP; i++)
		changed |= spec_join_reg(vnp_state_reg(to, i), &from->cells[i].reg,
					 thresholds);
	return changed;
}

/* ---- What is needed -------------------------------------------------------- */

static void spec_barrier(struct vnp_verify *v)
{
	struct vnp_insn_aux *aux = &v->code->aux[v->insn];

	spec_of(v)->waits = true;
	if (!v->report || aux->flags & VNP_AUX_BARRIER)
		return;
	aux->flags |= VNP_AUX_BARRIER;
	v->code->barrier_cnt++;
}

/*
 * The instruction reads a register that is of @kind, according to the verifier.  If it
 * may be of another kind on a mispredicted path, a barrier is needed: the address could
 * be wrong, and a pointer used as a number would reveal where objects are in memory.
 */
static void spec_expect(struct vnp_verify *v, u32 n, u8 kind)
{
	struct vnp_reg *reg = vnp_state_reg(v->state, n);

	if (reg->kind == spec_kind(kind))
		return;
	spec_barrier(v);
	if (v->report)
		v->code->aux[v->insn].flags |= VNP_AUX_BARRIER_FIRST;
	spec_set_kind(reg, kind);
}

/* Which sides of an access to [at, at + size) of the pointer are not inside [lo, hi) */
static u8 spec_sides_of(const struct vnp_reg *reg, s64 at, s64 size, s64 lo, s64 hi)
{
	u8 sides = 0;

	if (!spec_is_near(reg))
		return SPEC_BOTH | VNP_MASK_FAR;
	/* a harmless pointer that was decremented is known to be bad by its end only */
	if (vnp_sat_add(reg->num.smin, at) < lo)
		sides = SPEC_BOTH;
	if (vnp_sat_add(reg->num.smax, at + size) > hi)
		sides |= VNP_GUARD_HIGH;
	return sides;
}

/* Likewise, of one that is not to the context: which are not proven */
static u8 spec_sides(const struct vnp_code *code, const struct vnp_reg *reg, s64 at,
		     s64 size)
{
	bool stack = reg->kind == VNP_REG_STACK;

	return spec_sides_of(reg, at, size, stack ? -(s64)code->stack_size : reg->off,
			     stack ? 0 : reg->range);
}

/* A register that holds the context on mispredicted paths, too */
static u8 spec_ctx_reg(const struct vnp_verify *v)
{
	u32 i;

	for (i = 0; i < VNP_REG_FP; i++) {
		const struct vnp_reg *reg = vnp_state_reg(v->state, i);

		if (reg->kind == VNP_REG_CTX && !reg->maybe_null &&
		    vnp_scalar_is_const(&reg->num) && !reg->num.value)
			return i;
	}
	return VNP_CTX_REG_NONE;
}

/* Guards and masks read the payload's ends from the context, or need its address */
static void spec_choose_ctx(const struct vnp_verify *v, struct vnp_access *access)
{
	if (v->report &&
	    (access->kind == VNP_REG_PACKET || access->kind == VNP_REG_CTX))
		access->ctx_reg = spec_ctx_reg(v);
}

static void spec_note_mask(struct vnp_verify *v, struct vnp_access *access, u8 sides)
{
	struct vnp_code *code = v->code;

	/* execution always ends at its guards */
	if (!v->report || code->aux[v->insn].flags & VNP_AUX_DOOMED)
		return;
	access->masks = sides;
	code->mask_cnt++;
	if (access->kind == VNP_REG_MAP_VALUE && access->base < code->insn_cnt)
		code->aux[access->base].flags |= VNP_AUX_SAVES_BASE;
	if (access->kind != VNP_REG_PACKET)
		return;
	code->ctx_fields |= BIT_ULL(v->type->data_end_off / 8);
	if (sides & VNP_GUARD_LOW)
		code->ctx_fields |= BIT_ULL(v->type->data_off / 8);
}

/*
 * Can a mask tell a bad pointer from a good one? Not if the base of the object is not
 * known.  After a look-up that failed, or was not executed, the base is NULL: then
 * offsets must be harmless.
 */
static bool spec_can_mask(const struct vnp_code *code, const struct vnp_access *access)
{
	if (access->kind != VNP_REG_MAP_VALUE || access->base == VNP_SITE_MAP)
		return true;
	return access->base != VNP_SITE_NONE &&
	       code->maps[access->map].value_size <= VNP_SPEC_NULL;
}

/* The pointer is to stack or context where the verifier says, on the sides checked */
static void spec_believe_place(const struct vnp_code *code, struct vnp_reg *reg,
			       const struct vnp_access *access, s64 at, s64 size,
			       u8 sides)
{
	s64 low = max_t(s64, access->lo, -(s64)code->stack_size) - at;
	struct vnp_scalar lo = vnp_scalar_const(low), num = reg->num;
	struct vnp_scalar hi = vnp_scalar_const(access->hi - at - size);

	if (sides & VNP_GUARD_LOW &&
	    !vnp_scalar_branch(BPF_JSGE, true, true, &num, &lo))
		return;
	if (sides & VNP_GUARD_HIGH &&
	    !vnp_scalar_branch(BPF_JSLE, true, true, &num, &hi))
		return;
	reg->num = num;
}

/* After the access, which was checked on these sides, it is known to be good */
static void spec_believe(const struct vnp_code *code, struct vnp_reg *reg,
			 const struct vnp_access *access, s64 at, s64 size, u8 sides)
{
	s64 low = at, high = at + size;

	if (reg->kind == VNP_REG_STACK) {
		spec_believe_place(code, reg, access, at, size, sides);
		return;
	}
	if (spec_is_near(reg)) {
		low = min(low, vnp_sat_sub(reg->off, reg->num.smin));
		high = max(high, vnp_sat_sub(reg->range, reg->num.smax));
	}
	spec_anchor(reg, low, high);
}

/* An access of a size that is known */
static void spec_access(struct vnp_verify *v, u32 n, s64 at, s64 size,
			struct vnp_access *access)
{
	struct vnp_reg *reg = vnp_state_reg(v->state, n);
	u8 sides = spec_sides(v->code, reg, at, size);

	spec_choose_ctx(v, access);
	if (!sides)
		return;
	if (!spec_of(v)->waits && spec_can_mask(v->code, access)) {
		spec_note_mask(v, access, sides);
	} else {
		spec_barrier(v);
		sides = SPEC_BOTH;
	}
	spec_believe(v->code, reg, access, at, size, sides);
}

/* ---- The stack ------------------------------------------------------------ */

static void spec_put(struct vnp_verify *v, u32 slot, const struct vnp_reg *value)
{
	struct spec *s = spec_of(v);
	struct vnp_reg *reg = &s->slot[slot], old = *reg;

	if (!spec_join_reg(reg, value, NULL))
		return;
	s->changed = true;
	if (!s->given_up)
		return;
	if (old.kind == value->kind)
		spec_set_kind(reg, old.kind);
	else
		vnp_reg_forget(reg, VNP_REG_CONFLICT);
}

/*
 * Bytes from R10 that an access touches; pointers may be anywhere while states still
 * change
 */
static void spec_span(const struct vnp_reg *ptr, s64 at, s64 size, s64 *lo, s64 *hi)
{
	*lo = clamp_t(s64, vnp_sat_add(ptr->num.smin, at), -VNP_STACK_MAX, 0);
	*hi = clamp_t(s64, vnp_sat_add(ptr->num.smax, at + size), -VNP_STACK_MAX, 0);
}

/* Store an unknown number to these bytes */
static void spec_put_numbers(struct vnp_verify *v, const struct vnp_reg *ptr, s64 at,
			     s64 size)
{
	struct vnp_reg value;
	s64 lo, hi, i;

	spec_set_unknown(&value, 8);
	spec_span(ptr, at, size, &lo, &hi);
	v->state->work += SPEC_WORK_SLOT * (hi - lo) / 8;
	for (i = round_down(lo, 8); i < hi; i += 8)
		spec_put(v, -i / 8 - 1, &value);
}

static bool spec_is_slot(const struct vnp_reg *ptr, s64 at, u32 size)
{
	s64 lo = ptr->num.smin;

	return size == 8 && vnp_scalar_is_const(&ptr->num) &&
	       lo >= -VNP_STACK_MAX - at && lo <= -8 - at && !((lo + at) & 7);
}

static u32 spec_slot(const struct vnp_reg *ptr, s64 at)
{
	return -(ptr->num.smin + at) / 8 - 1;
}

static void spec_store_slot(struct vnp_verify *v, u32 slot, const struct vnp_reg *from)
{
	struct vnp_reg value = *from;

	/*
	 * A load that overtakes the move may use the old address of the payload.  A
	 * register that a function saves may be unset: such slots hold no known kind.
	 */
	if ((value.kind == VNP_REG_PACKET && spec_of(v)->voids) ||
	    value.kind == VNP_REG_UNSET)
		vnp_reg_forget(&value, VNP_REG_CONFLICT);
	spec_put(v, slot, &value);
}

static void spec_store(struct vnp_verify *v, const struct vnp_reg *ptr, s64 at,
		       u32 size, const struct vnp_reg *from)
{
	if (spec_is_slot(ptr, at, size))
		spec_store_slot(v, spec_slot(ptr, at), from);
	else
		spec_put_numbers(v, ptr, at, size);
}

/* What a load can return: a number, or something unknown */
static bool spec_finds_numbers(struct vnp_verify *v, const struct vnp_reg *ptr, s64 at,
			       s64 size)
{
	struct spec *s = spec_of(v);
	bool numbers = true;
	s64 lo, hi, i;

	spec_span(ptr, at, size, &lo, &hi);
	v->state->work += SPEC_WORK_SLOT * (hi - lo) / 8;
	for (i = round_down(lo, 8); i < hi; i += 8) {
		u32 slot = -i / 8 - 1;

		s->read |= BIT_ULL(slot);
		numbers &= s->slot[slot].kind == VNP_REG_SCALAR;
	}
	return numbers;
}

static void spec_load_stack(struct vnp_verify *v, const struct vnp_reg *ptr, s64 at,
			    u32 size, struct vnp_reg *to)
{
	bool numbers = spec_finds_numbers(v, ptr, at, size);

	/* the verifier lets pointers be loaded only whole: this is a number */
	if (spec_is_slot(ptr, at, size))
		*to = spec_of(v)->slot[spec_slot(ptr, at)];
	else if (!numbers)
		spec_barrier(v);
}

/* ---- Instructions ---------------------------------------------------------- */

/* Is all that the pointer can be good for reading @size bytes, numbers all of them */
static bool spec_reads_numbers(struct vnp_verify *v, const struct vnp_reg *ctx, s64 off,
			       u32 size)
{
	struct vnp_scalar at = vnp_scalar_const(off);
	u64 words;
	s64 bad;

	at = vnp_scalar_alu(BPF_ADD, 0, true, &at, &ctx->num);
	if (!vnp_type_numbers(v->type, &at, size, &words, &bad))
		return false;
	/* fields must be filled in even if they are only read on mispredicted paths */
	if (v->report)
		v->code->ctx_fields |= words;
	return true;
}

/* An access to the context at an offset that only the verifier knows */
static void spec_access_context(struct vnp_verify *v, struct vnp_reg *ctx, s64 off,
				u32 size)
{
	struct vnp_access *access = &v->code->aux[v->insn].access;
	u8 sides = spec_sides_of(ctx, off, size, access->lo, access->hi);
	bool varies = access->hi - access->lo > (s32)size;
	struct vnp_scalar num;

	spec_choose_ctx(v, access);
	if (sides & VNP_MASK_FAR)
		ctx->num = vnp_scalar_unknown();
	spec_believe_place(v->code, ctx, access, off, size, SPEC_BOTH);
	if (varies && sides && !spec_of(v)->waits &&
	    spec_reads_numbers(v, ctx, off, size)) {
		spec_note_mask(v, access, sides);
		ctx->maybe_null = true;
		return;
	}
	spec_barrier(v);
	/* what the verifier knows of the value, but for its known bits */
	num = vnp_scalar_range(access->lo, access->hi - size);
	vnp_reg_set_pointer(ctx, VNP_REG_CTX);
	ctx->num = vnp_scalar_const(off);
	ctx->num = vnp_scalar_alu(BPF_SUB, 0, true, &num, &ctx->num);
}

static void spec_load_context(struct vnp_verify *v, struct vnp_reg *ctx, s64 off,
			      u32 size, struct vnp_reg *to)
{
	const struct vnp_field *field;

	if (!vnp_scalar_is_const(&ctx->num)) {
		if (!spec_reads_numbers(v, ctx, off, size))
			spec_access_context(v, ctx, off, size);
		if (!vnp_scalar_is_const(&ctx->num))
			return;
	}
	field = vnp_type_field(v->type, vnp_sat_add(ctx->num.smin, off));
	if (field && field->kind == VNP_FIELD_PACKET)
		spec_set_pointer(to, VNP_REG_PACKET, 0, 0);
	else if (field && field->kind == VNP_FIELD_PACKET_END)
		spec_set_pointer(to, VNP_REG_PACKET, SPEC_LO_NONE, 0);
}

static void spec_load(struct vnp_verify *v, const struct bpf_insn *insn)
{
	struct vnp_reg *ptr = vnp_state_reg(v->state, insn->src_reg), to;
	u32 size = vnp_insn_size(insn);

	spec_set_unknown(&to, size);
	if (BPF_MODE(insn->code) == BPF_MEMSX)
		to.num = vnp_scalar_extend(&to.num, size);
	if (ptr->kind == VNP_REG_CTX) {
		spec_load_context(v, ptr, insn->off, size, &to);
	} else {
		spec_access(v, insn->src_reg, insn->off, size,
			    &v->code->aux[v->insn].access);
		if (ptr->kind == VNP_REG_STACK)
			spec_load_stack(v, ptr, insn->off, size, &to);
	}
	*vnp_state_reg(v->state, insn->dst_reg) = to;
}

static void spec_write(struct vnp_verify *v, const struct bpf_insn *insn)
{
	struct vnp_reg *ptr = vnp_state_reg(v->state, insn->dst_reg), value;
	u32 size = vnp_insn_size(insn);

	spec_set_unknown(&value, 8);
	if (BPF_CLASS(insn->code) == BPF_STX && !vnp_insn_is_atomic(insn))
		value = *vnp_state_reg(v->state, insn->src_reg);
	spec_access(v, insn->dst_reg, insn->off, size, &v->code->aux[v->insn].access);
	if (ptr->kind == VNP_REG_STACK) {
		if (vnp_insn_is_atomic(insn) &&
		    !spec_finds_numbers(v, ptr, insn->off, size))
			spec_barrier(v);
		spec_store(v, ptr, insn->off, size, &value);
	}
	if (!vnp_insn_is_atomic(insn) || !(insn->imm & BPF_FETCH))
		return;
	spec_set_unknown(vnp_state_reg(v->state, insn->imm == BPF_CMPXCHG ?
				       BPF_REG_0 : insn->src_reg), size);
}

static void spec_ld_imm64(struct vnp_verify *v, const struct bpf_insn *insn)
{
	struct vnp_reg *dst = vnp_state_reg(v->state, insn->dst_reg);
	struct vnp_scalar num = vnp_scalar_const(vnp_insn_imm64(insn));
	s32 off = insn[1].imm;

	switch (insn->src_reg) {
	case BPF_PSEUDO_MAP_IDX:
		spec_set_kind(dst, VNP_REG_MAP_HANDLE);
		dst->map = insn->imm;
		break;
	case BPF_PSEUDO_MAP_IDX_VALUE:
		spec_set_pointer(dst, VNP_REG_MAP_VALUE, -off,
				 (s32)v->code->maps[insn->imm].value_size - off);
		dst->map = insn->imm;
		break;
	default:
		vnp_reg_set_scalar(dst, &num);
	}
}

static void spec_move_pointer(struct vnp_reg *dst, const struct vnp_reg *ptr,
			      const struct vnp_reg *by, bool sub)
{
	struct vnp_reg sum = *ptr;

	sum.num = vnp_scalar_alu(sub ? BPF_SUB : BPF_ADD, 0, true, &ptr->num, &by->num);
	/* a pointer that was far away may still be: the masks must decide */
	if (spec_has_anchor(ptr) && !spec_num_is_near(&by->num))
		sum.num = vnp_scalar_unknown();
	*dst = sum;
}

/*
 * Lowering emits branches for some divisions (lower/alu.c), which can be mispredicted,
 * too.  And a divisor that is not 0 only by a branch can be 0 speculatively: the
 * transient result of a division by zero depends on the machine, and some leak the
 * result of an earlier division of another program (CVE-2023-20588).
 */
static bool spec_is_wild(const struct vnp_verify *v, const struct bpf_insn *insn,
			 const struct vnp_reg *src)
{
	struct vnp_scalar by;

	if (BPF_OP(insn->code) != BPF_DIV && BPF_OP(insn->code) != BPF_MOD)
		return false;
	if (insn->off)
		return true;
	if (!vnp_insn_uses_x(insn))
		return false;
	if (!(v->code->aux[v->insn].flags & VNP_AUX_SAFE) || src->kind != VNP_REG_SCALAR)
		return true;
	by = vnp_scalar_truncate(&src->num, vnp_insn_is64(insn) ? 8 : 4);
	return vnp_scalar_has(&by, 0);
}

/* Are both operands of the verifier's kinds */
static void spec_binary(const struct vnp_verify *v, const struct bpf_insn *insn,
			struct vnp_reg *dst, const struct vnp_reg *src)
{
	bool sub = BPF_OP(insn->code) == BPF_SUB, is64 = vnp_insn_is64(insn);
	struct vnp_scalar num;

	if (spec_is_wild(v, insn, src)) {
		spec_set_unknown(dst, is64 ? 8 : 4);
	} else if (dst->kind == VNP_REG_SCALAR && src->kind == VNP_REG_SCALAR) {
		num = vnp_scalar_alu(BPF_OP(insn->code), insn->off, is64, &dst->num,
				     &src->num);
		if (vnp_insn_uses_x(insn) && insn->dst_reg == insn->src_reg &&
		    (sub || BPF_OP(insn->code) == BPF_XOR))
			num = vnp_scalar_const(0);
		vnp_reg_set_scalar(dst, &num);
	} else if ((src->kind == VNP_REG_SCALAR || dst->kind == VNP_REG_SCALAR) &&
		   (!is64 || (!sub && BPF_OP(insn->code) != BPF_ADD))) {
		vnp_reg_forget(dst, VNP_REG_HALF);
	} else if (src->kind == VNP_REG_SCALAR) {
		spec_move_pointer(dst, dst, src, sub);
	} else if (dst->kind == VNP_REG_SCALAR) {
		spec_move_pointer(dst, src, dst, false);
	} else {
		spec_set_unknown(dst, is64 ? 8 : 4);
	}
}

static void spec_move(const struct bpf_insn *insn, struct vnp_reg *dst,
		      const struct vnp_reg *src)
{
	bool is64 = vnp_insn_is64(insn);
	struct vnp_scalar num;

	if (src->kind == VNP_REG_SCALAR) {
		num = vnp_scalar_alu(BPF_MOV, insn->off, is64, &src->num, &src->num);
		vnp_reg_set_scalar(dst, &num);
	} else if (is64) {
		*dst = *src;
	} else {
		vnp_reg_forget(dst, VNP_REG_HALF);
	}
}

static void spec_alu(struct vnp_verify *v, const struct bpf_insn *insn)
{
	struct vnp_reg *dst = vnp_state_reg(v->state, insn->dst_reg);
	struct vnp_scalar num = vnp_scalar_const((s64)insn->imm);
	struct vnp_reg imm, *src = &imm;

	vnp_reg_set_scalar(&imm, &num);
	if (vnp_insn_uses_x(insn) && BPF_OP(insn->code) != BPF_END)
		src = vnp_state_reg(v->state, insn->src_reg);
	switch (BPF_OP(insn->code)) {
	case BPF_MOV:
		spec_move(insn, dst, src);
		break;
	case BPF_END:
		num = vnp_scalar_swap(&dst->num, insn->imm, vnp_insn_swaps(insn));
		vnp_reg_set_scalar(dst, &num);
		break;
	default:
		spec_binary(v, insn, dst, src);
	}
}

/* ---- Calls ---------------------------------------------------------------- */

/* Memory whose size is in a register: without a proof a barrier is needed */
static void spec_call_sized(struct vnp_verify *v, u32 n, struct vnp_access *access,
			    s64 *size)
{
	struct vnp_reg *ptr = vnp_state_reg(v->state, n);
	const struct vnp_reg *len = vnp_state_reg(v->state, n + 1);

	spec_choose_ctx(v, access);
	*size = min_t(u64, len->num.umax, VNP_SIZE_MAX);
	if (len->num.umax <= VNP_SIZE_MAX && !spec_sides(v->code, ptr, 0, *size))
		return;
	spec_barrier(v);
	if (ptr->kind != VNP_REG_STACK)
		return;
	spec_believe(v->code, ptr, access, 0, 0, SPEC_BOTH);
	if (ptr->num.smax >= -VNP_STACK_MAX && ptr->num.smax <= access->hi)
		*size = min_t(s64, *size, access->hi - ptr->num.smax);
}

static void spec_call_memory(struct vnp_verify *v, u32 n, u8 kind, struct vnp_access *access,
			     u32 map)
{
	struct vnp_reg *ptr = vnp_state_reg(v->state, n);
	s64 size;

	spec_expect(v, n, access->kind);
	if (kind == VNP_ARG_MAP_KEY || kind == VNP_ARG_MAP_VALUE) {
		const struct vnp_map_desc *desc = &v->code->maps[map];

		size = kind == VNP_ARG_MAP_KEY ? desc->key_size : desc->value_size;
		spec_access(v, n, 0, size, access);
	} else {
		spec_expect(v, n + 1, VNP_REG_SCALAR);
		spec_call_sized(v, n, access, &size);
	}
	if (ptr->kind != VNP_REG_STACK)
		return;
	if (kind == VNP_ARG_MEM_WRITE)
		spec_put_numbers(v, ptr, 0, size);
	else if (!spec_finds_numbers(v, ptr, 0, size))
		spec_barrier(v);
}

/* Memory without a kind is not accessed: the verifier found that its size is 0 */
static void spec_call_untouched(struct vnp_verify *v, u32 n)
{
	const struct vnp_reg *size = vnp_state_reg(v->state, n + 1);

	spec_expect(v, n + 1, VNP_REG_SCALAR);
	if (size->num.umax)
		spec_barrier(v);
}

static void spec_call_arg(struct vnp_verify *v, const struct vnp_helper *helper,
			  u32 i, struct vnp_call *call)
{
	switch (helper->arg[i]) {
	case VNP_ARG_NONE:
	case VNP_ARG_SIZE:
	case VNP_ARG_SIZE_OR_0:
		break;
	case VNP_ARG_SCALAR:
		spec_expect(v, i + 1, VNP_REG_SCALAR);
		break;
	case VNP_ARG_CTX:
		spec_expect(v, i + 1, VNP_REG_CTX);
		if (!vnp_scalar_is_const(&vnp_state_reg(v->state, i + 1)->num))
			spec_barrier(v);
		break;
	case VNP_ARG_MAP:
		spec_expect(v, i + 1, VNP_REG_MAP_HANDLE);
		break;
	default:
		if (call->arg[i].kind)
			spec_call_memory(v, i + 1, helper->arg[i], &call->arg[i],
					 call->map);
		else
			spec_call_untouched(v, i + 1);
	}
}

static void spec_move_packet(struct vnp_verify *v)
{
	u32 i;

	for (i = 0; i < VNP_REG_FP; i++) {
		struct vnp_reg *reg = vnp_state_reg(v->state, i);

		if (reg->kind == VNP_REG_PACKET || reg->kind == VNP_REG_HALF)
			vnp_reg_forget(reg, VNP_REG_VOID);
	}
}

static void spec_call(struct vnp_verify *v, const struct bpf_insn *insn)
{
	const struct vnp_helper *helper = vnp_helper_get(insn->imm);
	struct vnp_call *call = &v->code->calls[v->code->aux[v->insn].call];
	struct vnp_reg *ret = vnp_state_reg(v->state, BPF_REG_0);
	u32 i, size;

	for (i = 0; i < VNP_HELPER_ARGS_MAX; i++)
		spec_call_arg(v, helper, i, call);
	if (helper->moves_packet)
		spec_move_packet(v);
	for (i = BPF_REG_1; i <= BPF_REG_5; i++)
		vnp_reg_forget(vnp_state_reg(v->state, i), VNP_REG_UNSET);
	if (helper->ret == VNP_RET_SCALAR) {
		spec_set_unknown(ret, 8);
		return;
	}
	/* or NULL, with offsets that are harmless */
	size = min_t(u32, v->code->maps[call->map].value_size, VNP_SPEC_NULL);
	spec_set_pointer(ret, VNP_REG_MAP_VALUE, 0, size);
	ret->map = call->map;
}

/* ---- Functions -------------------------------------------------------------- */

/*
 * Entering a function saves registers.  It zeroes the other slots, and all slots may be
 * 0 anyway.
 */
static void spec_enter(struct vnp_verify *v, const struct vnp_frame *frame, u32 saves)
{
	u32 reg;

	vnp_frame_for_each_saved(saves, reg) {
		spec_store_slot(v, vnp_frame_save_slot(frame, saves, reg),
				vnp_state_reg(v->state, reg));
		vnp_reg_forget(vnp_state_reg(v->state, reg), VNP_REG_UNSET);
	}
}

static void spec_leave(struct vnp_verify *v, const struct vnp_frame *frame, u32 saves)
{
	struct spec *s = spec_of(v);
	u32 reg;

	vnp_frame_for_each_saved(saves, reg) {
		u32 slot = vnp_frame_save_slot(frame, saves, reg);

		s->read |= BIT_ULL(slot);
		*vnp_state_reg(v->state, reg) = s->slot[slot];
	}
}

static void spec_frame(struct vnp_verify *v, const struct bpf_insn *insn)
{
	const struct vnp_frame *frame = vnp_code_frame(v->code, v->insn);

	if (vnp_insn_is_enter(insn))
		spec_enter(v, frame, vnp_insn_saves(insn));
	else if (vnp_insn_is_leave(insn))
		spec_leave(v, frame, vnp_insn_saves(insn));
}

/* ---- The program ----------------------------------------------------------- */

/* A copy is allowed for any kind */
static bool spec_copies(const struct bpf_insn *insn)
{
	if (BPF_CLASS(insn->code) == BPF_ALU64)
		return BPF_OP(insn->code) == BPF_MOV && !insn->off;
	return false;
}

static void spec_expect_operands(struct vnp_verify *v, const struct bpf_insn *insn)
{
	const struct vnp_insn_aux *aux = &v->code->aux[v->insn];
	struct vnp_reg *dst = vnp_state_reg(v->state, insn->dst_reg);
	bool simple = BPF_CLASS(insn->code) == BPF_STX && !vnp_insn_is_atomic(insn);
	u32 reads = vnp_live_reads(insn);

	/* R10 never changes */
	reads &= ~BIT(VNP_REG_FP);
	if (reads & BIT(insn->dst_reg))
		spec_expect(v, insn->dst_reg, aux->dst_kind);
	/* a store of a whole slot is a copy, too */
	if (simple && dst->kind == VNP_REG_STACK &&
	    spec_is_slot(dst, insn->off, vnp_insn_size(insn)))
		return;
	if (reads & BIT(insn->src_reg))
		spec_expect(v, insn->src_reg, aux->src_kind);
	if (vnp_insn_is_atomic(insn) && insn->imm == BPF_CMPXCHG)
		spec_expect(v, BPF_REG_0, VNP_REG_SCALAR);
}

static void spec_one(struct vnp_verify *v, const struct bpf_insn *insn)
{
	spec_of(v)->waits = false;
	if (vnp_insn_is_call(insn))
		spec_call(v, insn);
	if (vnp_insn_is_ja(insn))
		spec_frame(v, insn);
	if (vnp_insn_is_jump_class(insn))
		return;
	if (!spec_copies(insn))
		spec_expect_operands(v, insn);
	switch (BPF_CLASS(insn->code)) {
	case BPF_LD:
		spec_ld_imm64(v, insn);
		break;
	case BPF_ALU:
	case BPF_ALU64:
		spec_alu(v, insn);
		break;
	case BPF_LDX:
		spec_load(v, insn);
		break;
	default:
		spec_write(v, insn);
	}
}

static int spec_insn(struct vnp_verify *v)
{
	spec_one(v, vnp_verify_current(v));
	return v->code->aux[v->insn].flags & VNP_AUX_DOOMED ? VNP_VERIFY_STOP : 0;
}

/* A comparison reveals something of its operands, if only by the successor */
static int spec_cond(struct vnp_verify *v)
{
	const struct bpf_insn *insn = vnp_verify_current(v);
	u8 both = VNP_AUX_TAKEN | VNP_AUX_FALLS;
	bool equal = BPF_OP(insn->code) == BPF_JEQ || BPF_OP(insn->code) == BPF_JNE;

	if ((v->code->aux[v->insn].flags & both) != both)
		return 0;
	if (!(equal && !vnp_insn_uses_x(insn) && !insn->imm))
		spec_expect_operands(v, insn);
	return 0;
}

static bool spec_branch(struct vnp_verify *v, bool taken)
{
	return v->code->aux[v->insn].flags & (taken ? VNP_AUX_TAKEN : VNP_AUX_FALLS);
}

/* The return value must be a number, not an address */
static int spec_exit(struct vnp_verify *v)
{
	(void)v;
	return 0;
}

/* The states were computed with older slots: another round follows */
static bool spec_unfinished(struct vnp_verify *v)
{
	return spec_of(v)->changed;
}

static const struct vnp_verify_ops spec_ops = {
	.insn = spec_insn,
	.cond = spec_cond,
	.branch = spec_branch,
	.exit = spec_exit,
	.join = spec_join,
	.unfinished = spec_unfinished,
};

static void spec_reset(struct vnp_code *code)
{
	u32 i, n;

	code->mask_cnt = 0;
	code->barrier_cnt = 0;
	for (i = 0; i < code->insn_cnt; i++) {
		code->aux[i].flags &= ~(VNP_AUX_BARRIER | VNP_AUX_BARRIER_FIRST);
		code->aux[i].access.masks = 0;
	}
	for (i = 0; i < code->call_cnt; i++)
		for (n = 0; n < VNP_HELPER_ARGS_MAX; n++)
			code->calls[i].arg[n].masks = 0;
}

static void spec_init(struct spec *s, struct vnp_code *code)
{
	struct vnp_scalar zero = vnp_scalar_const(0);
	const struct bpf_insn *insn;
	u32 i;

	s->v.ops = &spec_ops;
	s->v.code = code;
	s->v.type = vnp_type_get(code->type);
	vnp_cost_init(&s->v.cost, code->insn_cnt);
	for (i = 0; i < VNP_SLOT_CNT; i++)
		vnp_reg_set_scalar(&s->slot[i], &zero);
	for (i = 0; i < code->insn_cnt; i += vnp_insn_len(insn)) {
		insn = &code->insns[i];
		if (code->aux[i].reached && vnp_insn_is_call(insn))
			s->voids |= vnp_helper_get(insn->imm)->moves_packet;
	}
}

static void spec_begin_round(struct spec *s, u32 round)
{
	u32 i;

	s->given_up = round >= SPEC_ROUNDS;
	s->changed = false;
	s->v.report = false;
	if (round == SPEC_ROUNDS_MAX)
		for (i = 0; i < VNP_SLOT_CNT; i++)
			vnp_reg_forget(&s->slot[i], VNP_REG_CONFLICT);
	spec_reset(s->v.code);
}

int vnp_spec(struct vnp_code *code)
{
	struct spec *s = vnp_alloc(1, sizeof(*s));
	u32 round = 0;
	int err;

	if (!s)
		return -ENOMEM;
	spec_init(s, code);
	do {
		spec_begin_round(s, round++);
		err = vnp_fixpoint(&s->v);
	} while (!err && s->changed);
	code->work += s->v.cost.spent;
	if (!err)
		code->zero_slots |= s->read;
	vnp_free(s);
	return err;
}
