// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* The second interpretation: what loads from the stack may find. */
#include "vm/arith.h"
#include "vm/harden/spec_impl.h"

/* Work (struct vnp_state) for each slot that an access may touch */
#define SPEC_WORK_SLOT	2

static void spec_put(struct vnp_verify *v, u32 slot, const struct vnp_reg *value)
{
	struct vnp_spec *s = vnp_spec_of(v);
	struct vnp_reg *reg = &s->slot[slot], old = *reg;

	if (!vnp_spec_join_reg(reg, value, NULL))
		return;
	s->changed = true;
	if (!s->given_up)
		return;
	if (old.kind == value->kind)
		vnp_spec_set_kind(reg, old.kind);
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

void vnp_spec_put_numbers(struct vnp_verify *v, const struct vnp_reg *ptr, s64 at,
			  s64 size)
{
	struct vnp_reg value;
	s64 lo, hi, i;

	vnp_spec_set_unknown(&value, 8);
	spec_span(ptr, at, size, &lo, &hi);
	v->state->work += SPEC_WORK_SLOT * (hi - lo) / 8;
	for (i = round_down(lo, 8); i < hi; i += 8)
		spec_put(v, -i / 8 - 1, &value);
}

bool vnp_spec_is_slot(const struct vnp_reg *ptr, s64 at, u32 size)
{
	s64 lo = ptr->num.smin;

	return size == 8 && vnp_scalar_is_const(&ptr->num) &&
	       lo >= -VNP_STACK_MAX - at && lo <= -8 - at && !((lo + at) & 7);
}

static u32 spec_slot(const struct vnp_reg *ptr, s64 at)
{
	return -(ptr->num.smin + at) / 8 - 1;
}

void vnp_spec_store_slot(struct vnp_verify *v, u32 slot, const struct vnp_reg *from)
{
	struct vnp_reg value = *from;

	/*
	 * A load that overtakes the move may use the old address of the payload.  A
	 * register that a function saves may be unset: such slots hold no known kind.
	 */
	if ((value.kind == VNP_REG_PACKET && vnp_spec_of(v)->voids) ||
	    value.kind == VNP_REG_UNSET)
		vnp_reg_forget(&value, VNP_REG_CONFLICT);
	spec_put(v, slot, &value);
}

void vnp_spec_store(struct vnp_verify *v, const struct vnp_reg *ptr, s64 at,
		    u32 size, const struct vnp_reg *from)
{
	if (vnp_spec_is_slot(ptr, at, size))
		vnp_spec_store_slot(v, spec_slot(ptr, at), from);
	else
		vnp_spec_put_numbers(v, ptr, at, size);
}

bool vnp_spec_finds_numbers(struct vnp_verify *v, const struct vnp_reg *ptr, s64 at,
			    s64 size)
{
	struct vnp_spec *s = vnp_spec_of(v);
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

void vnp_spec_load_stack(struct vnp_verify *v, const struct vnp_reg *ptr, s64 at,
			 u32 size, struct vnp_reg *to)
{
	bool numbers = vnp_spec_finds_numbers(v, ptr, at, size);

	/* the verifier lets pointers be loaded only whole: this is a number */
	if (vnp_spec_is_slot(ptr, at, size))
		*to = vnp_spec_of(v)->slot[spec_slot(ptr, at)];
	else if (!numbers)
		vnp_spec_barrier(v);
}
