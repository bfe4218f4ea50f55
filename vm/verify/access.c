// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Is an access inside its object, or does it need a guard? */
#include "vm/arith.h"
#include "vm/frame.h"
#include "vm/analysis/update.h"
#include "vm/analysis/constraint.h"
#include "vm/verify/verify.h"

void vnp_verify_note(struct vnp_verify *v, struct vnp_access *where,
		     const struct vnp_access *access)
{
	struct vnp_code *code = v->code;
	u32 base = access->base;

	v->owed &= ~access->guards;
	if (!v->report || (!access->kind && !access->guards))
		return;
	*where = *access;
	code->access_cnt++;
	code->guard_cnt += !!access->guards;
	if (access->kind == VNP_REG_MAP_VALUE && base < code->insn_cnt &&
	    (access->guards & (VNP_GUARD_LOW | VNP_GUARD_HIGH)))
		code->aux[base].flags |= VNP_AUX_SAVES_BASE;
}

void vnp_verify_guard(struct vnp_verify *v, struct vnp_access *access, u8 guards)
{
	access->guards |= guards;
	v->owed |= guards;
}

void vnp_verify_not_null(struct vnp_verify *v, struct vnp_reg *reg,
			 struct vnp_access *access)
{
	if (!reg->maybe_null)
		return;
	vnp_verify_guard(v, access, VNP_GUARD_NULL);
	access->null = reg->null;
	vnp_state_set_null(v->state, reg, false);
}

/* Narrow the variable part to @min..@max; false: execution always stops at a guard */
static int access_narrow(struct vnp_verify *v, struct vnp_reg *reg, s64 min, s64 max)
{
	struct vnp_scalar num = reg->num;
	struct vnp_scalar lo = vnp_scalar_const(min), hi = vnp_scalar_const(max);

	if (!vnp_scalar_branch(BPF_JSGE, true, true, &num, &lo) ||
	    !vnp_scalar_branch(BPF_JSLE, true, true, &num, &hi)) {
		if (v->report)
			v->code->aux[v->insn].flags |= VNP_AUX_FAULTS;
		return VNP_VERIFY_STOP;
	}
	vnp_state_narrow(v->state, reg, &num);
	return 0;
}

/*
 * The guards compare the distance between pointer and base.  It is exact, but for a
 * variable part so large that it wraps: then one guard may pass where the other faults,
 * and both are needed (lower/guard.c has the argument).
 */
static u8 access_guards(const struct vnp_reg *reg, bool low, bool high)
{
	if (reg->num.smax > S64_MAX / 2)
		low = true;
	if (reg->num.smin < S64_MIN / 2)
		high = true;
	return (low ? VNP_GUARD_LOW : 0) | (high ? VNP_GUARD_HIGH : 0);
}

/* An access at @at of the variable part, to an object of @lo..@hi */
static int access_object(struct vnp_verify *v, struct vnp_reg *reg, s64 at, s64 lo,
			 s64 hi, u32 min, u32 max, struct vnp_access *access)
{
	vnp_verify_guard(v, access, access_guards(reg, reg->num.smin < lo - at,
						  reg->num.smax > hi - at - max));
	if (!(access->guards & (VNP_GUARD_LOW | VNP_GUARD_HIGH)))
		return 0;
	return access_narrow(v, reg, lo - at, hi - at - min);
}

static int access_map_value(struct vnp_verify *v, u32 n, struct vnp_reg *reg, s64 at,
			    u32 min, u32 max, struct vnp_access *access)
{
	u32 size = v->code->maps[reg->map].value_size;
	int err;

	access->map = reg->map;
	access->base = reg->site;
	err = access_object(v, reg, at, 0, size, min, max, access);
	if ((access->guards & (VNP_GUARD_LOW | VNP_GUARD_HIGH)) &&
	    reg->site == VNP_SITE_NONE)
		return vnp_verify_refuse(v,
			"r%u may point outside the value, and it is not known of which look-up, so it cannot be checked when running: bound its offset to the %u bytes of the value",
			n, size);
	return err;
}

/* Guards read from the context where the payload is, or need its address */
static void access_choose_ctx(const struct vnp_verify *v, struct vnp_access *access)
{
	u32 i;

	access->ctx_reg = VNP_CTX_REG_NONE;
	for (i = 0; i < VNP_REG_FP; i++) {
		const struct vnp_reg *reg = vnp_state_reg(v->state, i);

		if (reg->kind == VNP_REG_CTX && !reg->off && vnp_reg_is_fixed(reg))
			access->ctx_reg = i;
	}
}

static void access_need_packet(struct vnp_verify *v, struct vnp_access *access)
{
	access_choose_ctx(v, access);
	if (!v->report)
		return;
	if (access->guards & VNP_GUARD_LOW)
		v->code->ctx_fields |= BIT_ULL(v->type->data_off / 8);
	if (access->guards & VNP_GUARD_HIGH)
		v->code->ctx_fields |= BIT_ULL(v->type->data_end_off / 8);
}

/* What constraints tell of the payload after the pointer */
static void access_apply_constraints(struct vnp_verify *v, struct vnp_reg *reg, s64 need)
{
	struct vnp_state *state = v->state;
	s64 range;

	if (!state->constraint_cnt)
		return;
	vnp_constraint_apply(state, reg);
	if (vnp_reg_is_fixed(reg))
		state->range = min_t(s64, vnp_constraint_room(state), VNP_OFF_MAX);
	if (vnp_state_range(state, reg) >= need || !reg->id ||
	    !vnp_num_is_small(&reg->num))
		return;
	range = -vnp_constraint_bound(state, reg->id, 0, VNP_ID_LEN);
	if (range >= need)
		vnp_state_learn_range(state, reg, min_t(s64, range, VNP_OFF_MAX));
}

static int access_packet(struct vnp_verify *v, struct vnp_reg *reg, s64 at, u32 min,
			 u32 max, struct vnp_access *access)
{
	s64 range, need = at + max;
	u32 len = v->type->packet_max;
	int err;

	access_apply_constraints(v, reg, need);
	range = vnp_state_range(v->state, reg);
	vnp_verify_guard(v, access,
			 access_guards(reg, reg->num.smin < -at, range < need &&
				       reg->num.smax > v->state->range - need));
	if (!(access->guards & (VNP_GUARD_LOW | VNP_GUARD_HIGH)))
		return 0;

	access_need_packet(v, access);
	err = access_narrow(v, reg, -at, (s64)len - at - min);
	if (!err && at + min <= VNP_OFF_MAX)
		vnp_state_learn_range(v->state, reg, at + min);
	return err;
}

/* Counted from the end: data + state->range <= data_end is all that is known */
static int access_packet_end(struct vnp_verify *v, struct vnp_reg *reg, s64 at, u32 min,
			     u32 max, struct vnp_access *access)
{
	u32 len = v->type->packet_max;

	access->kind = VNP_REG_PACKET;
	vnp_verify_guard(v, access,
			 access_guards(reg, reg->num.smin < -at - v->state->range,
				       reg->num.smax > -at - (s64)max));
	if (!(access->guards & (VNP_GUARD_LOW | VNP_GUARD_HIGH)))
		return 0;

	access_need_packet(v, access);
	return access_narrow(v, reg, -(s64)len - at, -at - (s64)min);
}

/*
 * How deep the access reaches into the stack.  Where a guard decides, only the constant
 * part is used, but some accesses must pass the guard.
 */
static void access_note_depth(struct vnp_verify *v, const struct vnp_reg *reg, s64 at,
			      const struct vnp_access *access)
{
	s64 low = access->guards & VNP_GUARD_LOW ? min_t(s64, reg->num.smax, 0) :
						   reg->num.smin;
	u32 depth;

	/* A refused pointer may have any offset: the sum must not wrap. */
	if (!v->report || low < -2 * (s64)VNP_OFF_MAX || low > 2 * (s64)VNP_OFF_MAX)
		return;
	low += at;
	if (low >= 0 || low < -VNP_STACK_MAX)
		return;
	depth = round_up((u32)-low, 8);
	v->code->stack_size = max(v->code->stack_size, depth);
}

static int access_stack(struct vnp_verify *v, struct vnp_reg *reg, s64 at, u32 min,
			u32 max, struct vnp_access *access)
{
	struct vnp_reg before = *reg;
	s32 reach = vnp_code_reach(v->code, v->insn, VNP_STACK_MAX);
	int err = access_object(v, reg, at, -reach, 0, min, max, access);

	access_note_depth(v, err ? &before : reg, at, access);
	if (err)
		return err;
	access->lo = clamp_t(s64, vnp_sat_add(reg->num.smin, at), -VNP_STACK_MAX, 0);
	access->hi = clamp_t(s64, vnp_sat_add(reg->num.smax, at + max),
			     -VNP_STACK_MAX, 0);
	return 0;
}

static int access_refuse(struct vnp_verify *v, u32 n)
{
	switch (vnp_state_reg(v->state, n)->kind) {
	case VNP_REG_CONFLICT:
		return vnp_verify_refuse(v,
			"r%u is of different kinds on different paths here, so it cannot be used as a pointer: use it before the paths join, or use two variables",
			n);
	case VNP_REG_VOID:
		return vnp_verify_refuse(v,
			"r%u pointed into the payload, which may have moved since: read ctx->data again",
			n);
	case VNP_REG_MAP_HANDLE:
		return vnp_verify_refuse(v,
			"r%u is a map: its values are reached with vnp_map_lookup()", n);
	case VNP_REG_CTX:
		return vnp_verify_refuse(v,
			"r%u is the context, which cannot be used as memory here: copy the field to a variable first",
			n);
	case VNP_REG_HALF:
		return vnp_verify_refuse(v, "r%u is only the lower half of a pointer", n);
	default:
		return vnp_verify_refuse(v,
			"r%u is a number, not a pointer: pointers come from ctx->data, vnp_map_lookup(), global variables and the stack",
			n);
	}
}

int vnp_verify_bounds(struct vnp_verify *v, u32 n, s32 off, u32 min, u32 max,
		      struct vnp_access *access)
{
	struct vnp_reg *reg = vnp_state_reg(v->state, n);
	s64 at = (s64)reg->off + off;

	if (!vnp_reg_is_guardable(reg))
		return access_refuse(v, n);
	access->kind = reg->kind;
	access->reg = n;
	vnp_verify_not_null(v, reg, access);
	switch (reg->kind) {
	case VNP_REG_PACKET:
		return access_packet(v, reg, at, min, max, access);
	case VNP_REG_PACKET_END:
		return access_packet_end(v, reg, at, min, max, access);
	case VNP_REG_STACK:
		return access_stack(v, reg, at, min, max, access);
	default:
		return access_map_value(v, n, reg, at, min, max, access);
	}
}

int vnp_verify_write(struct vnp_verify *v, u32 n)
{
	const struct vnp_reg *reg = vnp_state_reg(v->state, n);

	if (reg->kind == VNP_REG_MAP_VALUE &&
	    v->code->maps[reg->map].flags & VNP_MAP_F_RDONLY_PROG)
		return vnp_verify_refuse(v, "writes to map %u, which is read-only (VNP_MAP_F_RDONLY_PROG)",
					 reg->map);
	if (!vnp_reg_is_packet(reg))
		return 0;
	if (v->type->packet_rdonly)
		return vnp_verify_refuse(v,
			"writes to the packet, which a program of type %s may only read",
			v->type->name);
	if (v->report)
		v->code->writes_packet = true;
	return 0;
}

struct vnp_scalar vnp_verify_context_at(const struct vnp_reg *ctx, s32 off)
{
	struct vnp_scalar at = vnp_scalar_const((s64)ctx->off + off);

	return vnp_scalar_alu(BPF_ADD, 0, true, &at, &ctx->num);
}

int vnp_verify_context(struct vnp_verify *v, struct vnp_reg *ctx, s32 off, u32 size,
		       struct vnp_access *access)
{
	struct vnp_scalar at = vnp_verify_context_at(ctx, off);
	bool high = at.smax > vnp_type_end(v->type) - size, low = at.smin < 0;
	s64 end = low ? at.smax : at.smin, by = (s64)ctx->off + off, lo, hi;

	if (vnp_scalar_is_const(&at) || low == high ||
	    !vnp_type_run(v->type, end, &lo, &hi) || hi - end < size)
		return 0;
	access->lo = lo;
	access->hi = hi;
	vnp_verify_guard(v, access, access_guards(ctx, low, high));
	access_choose_ctx(v, access);
	return access_narrow(v, ctx, lo - by, hi - by - size);
}
