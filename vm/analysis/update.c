// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "vm/arith.h"
#include "vm/analysis/constraint.h"
#include "vm/analysis/update.h"

void vnp_state_drop_dead(struct vnp_state *state, u32 live)
{
	u32 i;

	for (i = 0; i < VNP_REG_FP; i++)
		if (!(live >> i & 1) && state->cells[i].reg.kind != VNP_REG_UNSET)
			vnp_reg_forget(&state->cells[i].reg, VNP_REG_UNSET);
	vnp_constraint_drop_dead(state);
}

/* Remove @id from all cells and constraints */
static void state_forget_id(struct vnp_state *state, u32 id)
{
	u32 cell;

	vnp_state_count_scan(state);

	vnp_constraint_forget(state, id);
	vnp_cell_for_each(state->used, cell) {
		struct vnp_reg *reg = &state->cells[cell].reg;

		if (reg->id == id) {
			reg->id = 0;
			if (reg->kind == VNP_REG_SCALAR)
				reg->plus = 0;
		}
		if (reg->kind == VNP_REG_SCALAR && reg->site == id) {
			reg->left = false;
			reg->derived = VNP_DERIVED_NONE;
		}
	}
}

u32 vnp_state_mint(struct vnp_state *state, u32 insn)
{
	u32 id = VNP_ID_MADE(insn), cell;

	state_forget_id(state, id);
	vnp_state_count_scan(state);
	vnp_cell_for_each(state->used, cell) {
		struct vnp_reg *reg = &state->cells[cell].reg;

		if (reg->kind == VNP_REG_MAP_VALUE && reg->site == insn)
			reg->site = VNP_SITE_NONE;
	}
	return id;
}

void vnp_state_share(struct vnp_state *state, struct vnp_reg *reg, u32 insn)
{
	bool needs_id;

	switch (reg->kind) {
	case VNP_REG_SCALAR:
		needs_id = !vnp_scalar_is_const(&reg->num);
		break;
	case VNP_REG_CTX:
	case VNP_REG_PACKET:
	case VNP_REG_PACKET_END:
		needs_id = !vnp_reg_is_fixed(reg);
		break;
	default:
		needs_id = reg->maybe_null;
	}
	if (!needs_id || reg->id)
		return;
	state_forget_id(state, VNP_ID_GIVEN(insn));
	reg->id = VNP_ID_GIVEN(insn);
}

static void learn_range_floor(struct vnp_state *state, const struct vnp_reg *reg,
			      s32 bytes)
{
	s64 floor = vnp_sat_add(reg->num.smin, bytes);

	/* num is at least smin, so the payload has at least these bytes */
	if (floor > state->range)
		state->range = min_t(s64, floor, VNP_OFF_MAX);
}

void vnp_state_learn_range(struct vnp_state *state, struct vnp_reg *reg, s32 bytes)
{
	struct vnp_scalar limit = vnp_scalar_const((s64)state->packet_max - bytes);
	struct vnp_scalar num = reg->num;
	u32 cell;

	if (!vnp_num_is_small(&reg->num))
		return;
	if (!reg->maybe_null) {
		learn_range_floor(state, reg, bytes);
		/* this outlives the register */
		if (reg->id && reg->id != VNP_ID_LEN)
			vnp_constraint_below(state, reg->id, VNP_ID_LEN, -(s64)bytes);
	}
	if (vnp_reg_is_fixed(reg))
		return;

	reg->range = max(reg->range, bytes);
	if (!reg->id)
		goto narrow;
	vnp_cell_for_each(state->used, cell) {
		struct vnp_reg *other = &state->cells[cell].reg;

		if (other->kind == VNP_REG_PACKET && other->id == reg->id)
			other->range = max(other->range, bytes);
	}
narrow:
	if (!reg->maybe_null &&
	    vnp_scalar_branch(BPF_JSLE, true, true, &num, &limit))
		vnp_state_narrow(state, reg, &num);
}
