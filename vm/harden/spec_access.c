// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* The second interpretation: which accesses need a mask, which instructions a barrier. */
#include "vm/arith.h"
#include "vm/harden/spec_impl.h"

void vnp_spec_barrier(struct vnp_verify *v)
{
	struct vnp_insn_aux *aux = &v->code->aux[v->insn];

	vnp_spec_of(v)->waits = true;
	if (!v->report || aux->flags & VNP_AUX_BARRIER)
		return;
	aux->flags |= VNP_AUX_BARRIER;
	v->code->barrier_cnt++;
}

void vnp_spec_expect(struct vnp_verify *v, u32 n, u8 kind)
{
	struct vnp_reg *reg = vnp_state_reg(v->state, n);

	if (reg->kind == vnp_spec_kind(kind))
		return;
	vnp_spec_barrier(v);
	if (v->report)
		v->code->aux[v->insn].flags |= VNP_AUX_BARRIER_FIRST;
	vnp_spec_set_kind(reg, kind);
}

u8 vnp_spec_sides_of(const struct vnp_reg *reg, s64 at, s64 size, s64 lo, s64 hi)
{
	u8 sides = 0;

	if (!vnp_spec_is_near(reg))
		return VNP_SPEC_BOTH | VNP_MASK_FAR;
	/* a harmless pointer that was decremented is known to be bad by its end only */
	if (vnp_sat_add(reg->num.smin, at) < lo)
		sides = VNP_SPEC_BOTH;
	if (vnp_sat_add(reg->num.smax, at + size) > hi)
		sides |= VNP_GUARD_HIGH;
	return sides;
}

u8 vnp_spec_sides(const struct vnp_code *code, const struct vnp_reg *reg, s64 at,
		  s64 size)
{
	bool stack = reg->kind == VNP_REG_STACK;

	return vnp_spec_sides_of(reg, at, size, stack ? -(s64)code->stack_size : reg->off,
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

void vnp_spec_choose_ctx(const struct vnp_verify *v, struct vnp_access *access)
{
	if (v->report &&
	    (access->kind == VNP_REG_PACKET || access->kind == VNP_REG_CTX))
		access->ctx_reg = spec_ctx_reg(v);
}

void vnp_spec_note_mask(struct vnp_verify *v, struct vnp_access *access, u8 sides)
{
	struct vnp_code *code = v->code;

	/* execution always ends at its guards */
	if (!v->report || code->aux[v->insn].flags & VNP_AUX_FAULTS)
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
 * offsets must be harmless.  If the mask sets the pointer to 0, the last byte of the access must be
 * harmless, too, which it is not with a large offset or size.
 */
static bool spec_can_mask(const struct vnp_code *code, const struct vnp_access *access,
			  s64 end)
{
	if (end > VNP_SPEC_NULL)
		return false;
	if (access->kind != VNP_REG_MAP_VALUE || access->base == VNP_SITE_MAP)
		return true;
	return access->base != VNP_SITE_NONE &&
	       code->maps[access->map].value_size <= VNP_SPEC_NULL;
}

void vnp_spec_believe_place(const struct vnp_code *code, struct vnp_reg *reg,
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

void vnp_spec_believe(const struct vnp_code *code, struct vnp_reg *reg,
		      const struct vnp_access *access, s64 at, s64 size, u8 sides)
{
	s64 low = at, high = at + size;

	if (reg->kind == VNP_REG_STACK) {
		vnp_spec_believe_place(code, reg, access, at, size, sides);
		return;
	}
	if (vnp_spec_is_near(reg)) {
		low = min(low, vnp_sat_sub(reg->off, reg->num.smin));
		high = max(high, vnp_sat_sub(reg->range, reg->num.smax));
	}
	vnp_spec_anchor(reg, low, high);
}

void vnp_spec_access(struct vnp_verify *v, u32 n, s64 at, s64 size,
		     struct vnp_access *access)
{
	struct vnp_reg *reg = vnp_state_reg(v->state, n);
	u8 sides = vnp_spec_sides(v->code, reg, at, size);

	vnp_spec_choose_ctx(v, access);
	if (!sides)
		return;
	if (!vnp_spec_of(v)->waits && spec_can_mask(v->code, access, at + size)) {
		vnp_spec_note_mask(v, access, sides);
	} else {
		vnp_spec_barrier(v);
		sides = VNP_SPEC_BOTH;
	}
	vnp_spec_believe(v->code, reg, access, at, size, sides);
}
