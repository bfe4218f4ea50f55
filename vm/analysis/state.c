// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * States: making and changing them.
 */
#include "vm/arith.h"
#include "vm/analysis/state.h"

void vnp_reg_forget(struct vnp_reg *reg, enum vnp_reg_kind kind)
{
	memset(reg, 0, sizeof(*reg));
	reg->kind = kind;
}

void vnp_reg_set_scalar(struct vnp_reg *reg, const struct vnp_scalar *num)
{
	struct vnp_scalar keep = *num;	/* may point into *reg */

	vnp_reg_forget(reg, VNP_REG_SCALAR);
	reg->num = keep;
}

void vnp_reg_set_pointer(struct vnp_reg *reg, enum vnp_reg_kind kind)
{
	vnp_reg_forget(reg, kind);
	reg->num = vnp_scalar_const(0);
	reg->range = VNP_RANGE_NONE;
}

bool vnp_reg_add_constant(struct vnp_reg *ptr, const struct vnp_scalar *num, bool sub)
{
	s64 by = num->value, off, null;

	if (!vnp_scalar_is_const(num) || by > 2 * VNP_OFF_MAX || by < -2 * VNP_OFF_MAX)
		return false;
	off = sub ? ptr->off - by : ptr->off + by;
	null = sub ? ptr->null - by : ptr->null + by;
	if (off > VNP_OFF_MAX || off < -VNP_OFF_MAX)
		return false;
	if (ptr->maybe_null) {
		if (null > VNP_OFF_MAX || null < -VNP_OFF_MAX)
			return false;
		ptr->null = null;
	}
	ptr->off = off;
	return true;
}

void vnp_state_reset_slots(struct vnp_state *state, u64 mask)
{
	struct vnp_scalar zero = vnp_scalar_const(0);
	u32 i;

	state->used &= ~mask;
	for (i = 0; mask; i++, mask >>= 1) {
		struct vnp_cell *slot = vnp_state_slot(state, i);

		if (!(mask & 1))
			continue;
		vnp_reg_set_scalar(&slot->reg, &zero);
		slot->unwritten = U8_MAX;
		slot->secret = 0;
	}
}

void vnp_state_init(struct vnp_state *state, u32 packet_max)
{
	memset(state, 0, sizeof(*state));
	state->packet_max = packet_max;
	vnp_state_reset_slots(state, U64_MAX);
	vnp_reg_set_pointer(vnp_state_reg(state, BPF_REG_1), VNP_REG_CTX);
	vnp_reg_set_pointer(vnp_state_reg(state, VNP_REG_FP), VNP_REG_STACK);
}

void vnp_state_copy(struct vnp_state *to, const struct vnp_state *from)
{
	u32 cell;

	vnp_cell_for_each(to->used | from->used, cell)
		to->cells[cell] = from->cells[cell];
	to->used = from->used;
	to->range = from->range;
	to->packet_max = from->packet_max;
	to->constraint_cnt = from->constraint_cnt;
	memcpy(to->constraint, from->constraint, sizeof(to->constraint));
}

void vnp_state_touch(struct vnp_state *state, u32 slot)
{
	state->used |= BIT_ULL(slot);
}

/* Work of narrowing a cell that differs from the number by a constant */
#define STATE_WORK_NARROW	40

/* is the id of @reg about its number */
static bool reg_id_is_number(const struct vnp_reg *reg)
{
	return reg->kind == VNP_REG_SCALAR || reg->kind == VNP_REG_CTX ||
	       vnp_reg_is_packet(reg);
}

struct vnp_scalar vnp_reg_id_num(const struct vnp_reg *reg)
{
	struct vnp_scalar plus;

	if (reg->kind != VNP_REG_SCALAR || !reg->plus)
		return reg->num;
	plus = vnp_scalar_const((s64)reg->plus);
	return vnp_scalar_alu(BPF_SUB, 0, true, &reg->num, &plus);
}

/* The number of @reg's id is one of @num */
static void reg_narrow(struct vnp_reg *reg, const struct vnp_scalar *num)
{
	struct vnp_scalar a = *num, b = reg->num, plus;

	if (reg->kind == VNP_REG_SCALAR && reg->plus) {
		plus = vnp_scalar_const((s64)reg->plus);
		a = vnp_scalar_alu(BPF_ADD, 0, true, &a, &plus);
	}
	if (vnp_scalar_branch(BPF_JEQ, true, true, &a, &b))
		reg->num = b;
}

/* The same for a value made of that number by setting low bits */
static void reg_narrow_filled(struct vnp_reg *reg, const struct vnp_scalar *num)
{
	struct vnp_scalar more = vnp_scalar_range(0, reg->range), a, b = reg->num;
	struct vnp_scalar plus = vnp_scalar_const((s64)reg->off);

	a = vnp_scalar_alu(BPF_ADD, 0, true, num, &plus);
	a = vnp_scalar_alu(BPF_ADD, 0, true, &a, &more);
	if (vnp_scalar_branch(BPF_JEQ, true, true, &a, &b))
		reg->num = b;
}

/* @reg was @was, and @other has its id; @num are those that the id stands for now */
static void reg_narrow_equal(struct vnp_state *state, struct vnp_reg *other,
			     const struct vnp_reg *was, const struct vnp_reg *reg,
			     const struct vnp_scalar *num)
{
	/* most have the same number, so the result is known */
	if (other->kind == VNP_REG_SCALAR && was->kind == VNP_REG_SCALAR &&
	    other->plus == was->plus && vnp_scalar_equal(&other->num, &was->num)) {
		other->num = reg->num;
		state->work++;
		return;
	}
	reg_narrow(other, num);
	state->work += STATE_WORK_NARROW;
}

void vnp_state_narrow(struct vnp_state *state, struct vnp_reg *reg,
		      const struct vnp_scalar *num)
{
	struct vnp_reg was = *reg;
	struct vnp_scalar of_id;
	u32 id = reg->id, cell;

	reg->num = *num;
	if (!id || !reg_id_is_number(reg) || state->frugal)
		return;
	vnp_state_count_scan(state);
	of_id = vnp_reg_id_num(reg);
	vnp_cell_for_each(state->used, cell) {
		struct vnp_reg *other = &state->cells[cell].reg;

		if (other->id == id && other != reg && reg_id_is_number(other))
			reg_narrow_equal(state, other, &was, reg, &of_id);
		if (other->kind == VNP_REG_SCALAR && other->derived == VNP_DERIVED_FILLED &&
		    other->site == id) {
			reg_narrow_filled(other, &of_id);
			state->work += STATE_WORK_NARROW;
		}
	}
}

static void reg_set_null(struct vnp_reg *reg, bool null)
{
	struct vnp_scalar num = vnp_scalar_const((s64)reg->null);

	if (null) {
		vnp_reg_set_scalar(reg, &num);
		return;
	}
	reg->maybe_null = false;
	if (!reg_id_is_number(reg))
		reg->id = 0;
}

void vnp_state_set_null(struct vnp_state *state, struct vnp_reg *reg, bool null)
{
	u32 id = reg_id_is_number(reg) ? 0 : reg->id, cell;

	reg_set_null(reg, null);
	if (!id)
		return;
	vnp_cell_for_each(state->used, cell) {
		struct vnp_reg *other = &state->cells[cell].reg;

		if (other->maybe_null && other->id == id && !reg_id_is_number(other))
			reg_set_null(other, null);
	}
}

/*
 * Are addresses with this offset from the payload's start far from the ends of
 * the address space, so that comparing them compares the offsets?  No kernel has
 * payload within 8 GiB of an end.  In user space, the interpreter checks each access.
 */
bool vnp_num_is_small(const struct vnp_scalar *num)
{
	return num->smin >= S32_MIN && num->smax <= (s64)U32_MAX;
}

s32 vnp_state_range(const struct vnp_state *state, const struct vnp_reg *reg)
{
	return vnp_reg_is_fixed(reg) ? state->range : reg->range;
}

s32 vnp_state_shared_range(const struct vnp_state *state, u32 id)
{
	s32 range = VNP_RANGE_NONE;
	u32 cell;

	vnp_cell_for_each(state->used, cell) {
		const struct vnp_reg *reg = &state->cells[cell].reg;

		if (reg->kind == VNP_REG_PACKET && reg->id == id)
			range = max(range, reg->range);
	}
	return range;
}

void vnp_state_move_packet(struct vnp_state *state)
{
	u32 cell;

	state->range = 0;
	state->constraint_cnt = 0;
	vnp_cell_for_each(state->used, cell) {
		struct vnp_reg *reg = &state->cells[cell].reg;

		reg->left = false;
		if (vnp_reg_is_packet(reg) || reg->kind == VNP_REG_HALF)
			vnp_reg_forget(reg, VNP_REG_VOID);
	}
}
