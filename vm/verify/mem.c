// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Memory: is an access inside its object, or does it need a guard; loads, stores and
 * atomic operations.
 */
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
static int mem_narrow(struct vnp_verify *v, struct vnp_reg *reg, s64 min, s64 max)
{
	struct vnp_scalar num = reg->num;
	struct vnp_scalar lo = vnp_scalar_const(min), hi = vnp_scalar_const(max);

	if (!vnp_scalar_branch(BPF_JSGE, true, true, &num, &lo) ||
	    !vnp_scalar_branch(BPF_JSLE, true, true, &num, &hi)) {
		if (v->report)
			v->code->aux[v->insn].flags |= VNP_AUX_DOOMED;
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
static u8 mem_guards(const struct vnp_reg *reg, bool low, bool high)
{
	if (reg->num.smax > S64_MAX / 2)
		low = true;
	if (reg->num.smin < S64_MIN / 2)
		high = true;
	return (low ? VNP_GUARD_LOW : 0) | (high ? VNP_GUARD_HIGH : 0);
}

/* An access at @at of the variable part, to an object of @lo..@hi */
static int mem_object(struct vnp_verify *v, struct vnp_reg *reg, s64 at, s64 lo,
		      s64 hi, u32 min, u32 max, struct vnp_access *access)
{
	vnp_verify_guard(v, access, mem_guards(reg, reg->num.smin < lo - at,
					       reg->num.smax > hi - at - max));
	if (!(access->guards & (VNP_GUARD_LOW | VNP_GUARD_HIGH)))
		return 0;
	return mem_narrow(v, reg, lo - at, hi - at - min);
}

static int mem_map_value(struct vnp_verify *v, u32 n, struct vnp_reg *reg, s64 at,
			 u32 min, u32 max, struct vnp_access *access)
{
	u32 size = v->code->maps[reg->map].value_size;
	int err;

	access->map = reg->map;
	access->base = reg->site;
	err = mem_object(v, reg, at, 0, size, min, max, access);
	if ((access->guards & (VNP_GUARD_LOW | VNP_GUARD_HIGH)) &&
	    reg->site == VNP_SITE_NONE)
		return vnp_verify_refuse(v,
			"r%u may point outside the value, and it is not known of which look-up, so it cannot be checked when running: bound its offset to the %u bytes of the value",
			n, size);
	return err;
}

/* Guards read from the context where the payload is, or need its address */
static void mem_choose_ctx(const struct vnp_verify *v, struct vnp_access *access)
{
	u32 i;

	access->ctx_reg = VNP_CTX_REG_NONE;
	for (i = 0; i < VNP_REG_FP; i++) {
		const struct vnp_reg *reg = vnp_state_reg(v->state, i);

		if (reg->kind == VNP_REG_CTX && !reg->off && vnp_reg_is_fixed(reg))
			access->ctx_reg = i;
	}
}

static void mem_need_packet(struct vnp_verify *v, struct vnp_access *access)
{
	mem_choose_ctx(v, access);
	if (!v->report)
		return;
	if (access->guards & VNP_GUARD_LOW)
		v->code->ctx_fields |= BIT_ULL(v->type->data_off / 8);
	if (access->guards & VNP_GUARD_HIGH)
		v->code->ctx_fields |= BIT_ULL(v->type->data_end_off / 8);
}

/* What constraints tell of the payload after the pointer */
static void mem_apply_constraints(struct vnp_verify *v, struct vnp_reg *reg, s64 need)
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
		vnp_state_learn_range(state, reg, min_t(s64, range, VNP_OFF_MAX),
				      v->type->packet_max);
}

static int mem_packet(struct vnp_verify *v, struct vnp_reg *reg, s64 at, u32 min,
		      u32 max, struct vnp_access *access)
{
	s64 range, need = at + max;
	u32 len = v->type->packet_max;
	int err;

	mem_apply_constraints(v, reg, need);
	range = vnp_state_range(v->state, reg);
	vnp_verify_guard(v, access,
			 mem_guards(reg, reg->num.smin < -at, range < need &&
				    reg->num.smax > v->state->range - need));
	if (!(access->guards & (VNP_GUARD_LOW | VNP_GUARD_HIGH)))
		return 0;

	mem_need_packet(v, access);
	err = mem_narrow(v, reg, -at, (s64)len - at - min);
	if (!err && at + min <= VNP_OFF_MAX)
		vnp_state_learn_range(v->state, reg, at + min, len);
	return err;
}

/* Counted from the end: data + state->range <= data_end is all that is known */
static int mem_packet_end(struct vnp_verify *v, struct vnp_reg *reg, s64 at, u32 min,
			  u32 max, struct vnp_access *access)
{
	u32 len = v->type->packet_max;

	access->kind = VNP_REG_PACKET;
	vnp_verify_guard(v, access,
			 mem_guards(reg, reg->num.smin < -at - v->state->range,
				    reg->num.smax > -at - (s64)max));
	if (!(access->guards & (VNP_GUARD_LOW | VNP_GUARD_HIGH)))
		return 0;

	mem_need_packet(v, access);
	return mem_narrow(v, reg, -(s64)len - at, -at - (s64)min);
}

/*
 * How deep the access reaches into the stack.  Where a guard decides, only the constant
 * part is used, but some accesses must pass the guard.
 */
static void mem_note_depth(struct vnp_verify *v, const struct vnp_reg *reg, s64 at,
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

static int mem_stack(struct vnp_verify *v, struct vnp_reg *reg, s64 at, u32 min,
		     u32 max, struct vnp_access *access)
{
	struct vnp_reg before = *reg;
	s32 reach = vnp_code_reach(v->code, v->insn, VNP_STACK_MAX);
	int err = mem_object(v, reg, at, -reach, 0, min, max, access);

	mem_note_depth(v, err ? &before : reg, at, access);
	if (err)
		return err;
	access->lo = clamp_t(s64, vnp_sat_add(reg->num.smin, at), -VNP_STACK_MAX, 0);
	access->hi = clamp_t(s64, vnp_sat_add(reg->num.smax, at + max),
			     -VNP_STACK_MAX, 0);
	return 0;
}

static int mem_refuse(struct vnp_verify *v, u32 n)
{
	switch (vnp_state_reg(v->state, n)->kind) {
	case VNP_REG_CONFLICT:
		return vnp_verify_refuse(v,
			"r%u is of different kinds on different paths here, so it cannot be used as a pointer",
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
			"r%u is the context, where no other memory can be used", n);
	case VNP_REG_HALF:
		return vnp_verify_refuse(v, "r%u is only the lower half of a pointer", n);
	default:
		return vnp_verify_refuse(v, "r%u is a number, not a pointer", n);
	}
}

int vnp_verify_bounds(struct vnp_verify *v, u32 n, s32 off, u32 min, u32 max,
		      struct vnp_access *access)
{
	struct vnp_reg *reg = vnp_state_reg(v->state, n);
	s64 at = (s64)reg->off + off;

	if (!vnp_reg_is_guardable(reg))
		return mem_refuse(v, n);
	access->kind = reg->kind;
	access->reg = n;
	vnp_verify_not_null(v, reg, access);
	switch (reg->kind) {
	case VNP_REG_PACKET:
		return mem_packet(v, reg, at, min, max, access);
	case VNP_REG_PACKET_END:
		return mem_packet_end(v, reg, at, min, max, access);
	case VNP_REG_STACK:
		return mem_stack(v, reg, at, min, max, access);
	default:
		return mem_map_value(v, n, reg, at, min, max, access);
	}
}

int vnp_verify_write(struct vnp_verify *v, u32 n)
{
	const struct vnp_reg *reg = vnp_state_reg(v->state, n);

	if (reg->kind == VNP_REG_MAP_VALUE &&
	    v->code->maps[reg->map].flags & VNP_MAP_F_RDONLY_PROG)
		return vnp_verify_refuse(v, "writes to map %u, which is read-only",
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

static struct vnp_scalar mem_extend(const struct bpf_insn *insn,
				    const struct vnp_scalar *num)
{
	u32 size = vnp_insn_size(insn);

	return BPF_MODE(insn->code) == BPF_MEMSX ? vnp_scalar_extend(num, size) :
						   vnp_scalar_truncate(num, size);
}

/* The greatest number that a load of @size bytes at @at of the context can give */
static u64 mem_context_max(const struct vnp_verify *v, s64 at, u32 size)
{
	const struct vnp_field *field = vnp_type_field(v->type, at);

	if (size != field->unit || (at - field->off) % field->unit)
		return U64_MAX;
	return field->max ? field->max : v->type->packet_max;
}

/* What a load of @size bytes at @at of the context gives */
static int mem_context_value(struct vnp_verify *v, s64 at, u32 size,
			     struct vnp_reg *to)
{
	const struct vnp_field *field = NULL;
	struct vnp_scalar num;
	u32 i;

	for (i = 0; i < size; i++) {
		field = vnp_type_field(v->type, at + i);
		if (!field)
			return vnp_verify_refuse(v,
				"the context has no field at byte %lld",
				(long long)at + i);
		if (field->kind == VNP_FIELD_SCALAR)
			continue;
		if (at != field->off || size != field->size)
			return vnp_verify_refuse(v,
				"reads only some bytes of a pointer in the context: data and data_end are read as 8 bytes");
	}

	if (field->kind == VNP_FIELD_PACKET) {
		vnp_reg_set_pointer(to, VNP_REG_PACKET);
	} else if (field->kind == VNP_FIELD_PACKET_END) {
		vnp_reg_set_pointer(to, VNP_REG_PACKET_END);
	} else {
		num = vnp_scalar_range(0, mem_context_max(v, at, size));
		vnp_reg_set_scalar(to, &num);
	}
	return 0;
}

static struct vnp_scalar mem_context_at(const struct vnp_reg *ctx, s32 off)
{
	struct vnp_scalar at = vnp_scalar_const((s64)ctx->off + off);

	return vnp_scalar_alu(BPF_ADD, 0, true, &at, &ctx->num);
}

/*
 * A pointer moves through a field in a loop that counts something else: one end of its
 * range is in a numeric field, the other is outside the context.  The guard limits it to
 * the adjacent numeric fields.
 */
static int mem_guard_context(struct vnp_verify *v, struct vnp_reg *ctx, s32 off, u32 size,
			     struct vnp_access *access)
{
	struct vnp_scalar at = mem_context_at(ctx, off);
	bool high = at.smax > (s64)sizeof(struct vnp_ctx) - size, low = at.smin < 0;
	s64 end = low ? at.smax : at.smin, by = (s64)ctx->off + off, lo, hi;

	if (vnp_scalar_is_const(&at) || low == high ||
	    !vnp_type_run(v->type, end, &lo, &hi) || hi - end < size)
		return 0;
	access->lo = lo;
	access->hi = hi;
	vnp_verify_guard(v, access, mem_guards(ctx, low, high));
	mem_choose_ctx(v, access);
	return mem_narrow(v, ctx, lo - by, hi - by - size);
}

/* What a load of @size bytes gives at any of the offsets that @at can be */
static int mem_context_values(struct vnp_verify *v, const struct vnp_scalar *at, u32 size,
			      struct vnp_reg *to, u64 *words)
{
	struct vnp_scalar num;
	u64 max = 0;
	s64 i;

	if ((at->value | at->mask) & (size - 1))
		return vnp_verify_refuse(v,
			"reads %u bytes of the context at an offset that varies, which must be a multiple of that",
			size);
	if (!vnp_type_numbers(v->type, at, size, words, &i))
		return vnp_verify_refuse(v,
			"reads %u bytes of the context at an offset that may be %lld, where there is no number to read: bound the index, so that each offset is in a field",
			size, (long long)i);
	for (i = at->smin; i <= at->smax; i++)
		if (vnp_scalar_has(at, i))
			max = max(max, mem_context_max(v, i, size));
	num = vnp_scalar_range(0, max);
	vnp_reg_set_scalar(to, &num);
	return 0;
}

static int mem_load_context(struct vnp_verify *v, const struct bpf_insn *insn,
			    struct vnp_reg *to)
{
	struct vnp_reg *ctx = vnp_state_reg(v->state, insn->src_reg);
	struct vnp_access access = { .kind = VNP_REG_CTX, .reg = insn->src_reg };
	u32 size = vnp_insn_size(insn);
	struct vnp_scalar at;
	u64 words;
	int err;

	err = mem_guard_context(v, ctx, insn->off, size, &access);
	if (err) {
		vnp_verify_note(v, &v->code->aux[v->insn].access, &access);
		return err;
	}
	at = mem_context_at(ctx, insn->off);
	if (vnp_scalar_is_const(&at)) {
		err = mem_context_value(v, at.smin, size, to);
		words = err ? 0 : vnp_type_words(at.smin, size);
	} else {
		err = mem_context_values(v, &at, size, to, &words);
	}
	if (err)
		return err;
	access.lo = at.smin;
	access.hi = at.smax + size;
	vnp_verify_note(v, &v->code->aux[v->insn].access, &access);
	if (v->report)
		v->code->ctx_fields |= words;
	return 0;
}

static int mem_load(struct vnp_verify *v, const struct bpf_insn *insn)
{
	struct vnp_reg *ptr = vnp_state_reg(v->state, insn->src_reg);
	struct vnp_scalar num = vnp_scalar_unknown();
	u32 size = vnp_insn_size(insn);
	struct vnp_access access = {};
	struct vnp_reg to;
	int err;

	vnp_reg_set_scalar(&to, &num);
	if (ptr->kind == VNP_REG_CTX) {
		err = mem_load_context(v, insn, &to);
	} else {
		err = vnp_verify_bounds(v, insn->src_reg, insn->off, size, size,
					&access);
		if (err >= 0)
			vnp_verify_note(v, &v->code->aux[v->insn].access, &access);
		if (!err && ptr->kind == VNP_REG_STACK)
			err = vnp_verify_stack_load(v, ptr, insn->off, size, &to);
	}
	if (err)
		return err;
	if (to.kind == VNP_REG_SCALAR && size < 8) {
		num = mem_extend(insn, &to.num);
		vnp_reg_set_scalar(&to, &num);
	}
	*vnp_state_reg(v->state, insn->dst_reg) = to;
	return 0;
}

/* The value a store puts there */
static struct vnp_reg mem_value(const struct vnp_verify *v, const struct bpf_insn *insn)
{
	struct vnp_scalar num = vnp_scalar_const((s64)insn->imm);
	struct vnp_reg *src = vnp_state_reg(v->state, insn->src_reg);
	struct vnp_reg value;

	if (BPF_CLASS(insn->code) == BPF_ST) {
		vnp_reg_set_scalar(&value, &num);
		return value;
	}
	if (vnp_insn_size(insn) == 8)
		vnp_state_share(v->state, src, v->insn);
	return *src;
}

static int mem_store(struct vnp_verify *v, const struct bpf_insn *insn)
{
	struct vnp_reg *ptr = vnp_state_reg(v->state, insn->dst_reg);
	u32 size = vnp_insn_size(insn);
	struct vnp_access access = {};
	struct vnp_reg value;
	int err;

	if (ptr->kind == VNP_REG_CTX)
		return vnp_verify_refuse(v, "the context is read-only");
	value = mem_value(v, insn);
	if (vnp_reg_is_guardable(ptr) && ptr->kind != VNP_REG_STACK &&
	    value.kind != VNP_REG_SCALAR)
		return vnp_verify_refuse(v,
			"would store a pointer where others can read it: pointers can be kept in registers and on the stack only");
	err = vnp_verify_write(v, insn->dst_reg);
	if (err)
		return err;
	err = vnp_verify_bounds(v, insn->dst_reg, insn->off, size, size, &access);
	if (err >= 0)
		vnp_verify_note(v, &v->code->aux[v->insn].access, &access);
	if (err || ptr->kind != VNP_REG_STACK)
		return err;
	/* the guard may have narrowed the value, too */
	return vnp_verify_stack_store(v, ptr, insn->off, size, &value);
}

static int mem_atomic_operands(struct vnp_verify *v, const struct bpf_insn *insn)
{
	struct vnp_reg *ptr = vnp_state_reg(v->state, insn->dst_reg);

	if (ptr->kind != VNP_REG_STACK && ptr->kind != VNP_REG_MAP_VALUE)
		return vnp_verify_refuse(v,
			"atomic operations work on map values and on the stack only");
	if (vnp_state_reg(v->state, insn->src_reg)->kind != VNP_REG_SCALAR)
		return vnp_verify_refuse(v,
			"the operand of an atomic operation must be a number, r%u is none",
			insn->src_reg);
	if (insn->imm == BPF_CMPXCHG &&
	    vnp_state_reg(v->state, BPF_REG_0)->kind != VNP_REG_SCALAR)
		return vnp_verify_refuse(v,
			"the value to compare with must be a number, r0 is none");
	return 0;
}

/* Map values begin at multiples of 8, and so does the stack */
static int mem_atomic_aligned(struct vnp_verify *v, const struct bpf_insn *insn)
{
	const struct vnp_reg *ptr = vnp_state_reg(v->state, insn->dst_reg);
	u64 low = (u64)vnp_insn_size(insn) - 1;

	if (!((ptr->num.value + (u64)((s64)ptr->off + insn->off)) & low) &&
	    !(ptr->num.mask & low))
		return 0;
	return vnp_verify_refuse(v,
		"an atomic operation on %u bytes wants an address that is a multiple of that",
		vnp_insn_size(insn));
}

static int mem_atomic(struct vnp_verify *v, const struct bpf_insn *insn)
{
	struct vnp_reg *ptr = vnp_state_reg(v->state, insn->dst_reg);
	struct vnp_scalar num = vnp_scalar_unknown();
	u32 size = vnp_insn_size(insn), result;
	struct vnp_access access = {};
	int err;

	err = mem_atomic_operands(v, insn);
	if (!err)
		err = mem_atomic_aligned(v, insn);
	if (!err)
		err = vnp_verify_write(v, insn->dst_reg);
	if (err)
		return err;
	err = vnp_verify_bounds(v, insn->dst_reg, insn->off, size, size, &access);
	if (err >= 0)
		vnp_verify_note(v, &v->code->aux[v->insn].access, &access);
	if (!err && ptr->kind == VNP_REG_STACK) {
		err = vnp_verify_stack_read(v, ptr, insn->off, size);
		if (!err)
			vnp_verify_stack_clobber(v, ptr, insn->off, size, size);
	}
	if (err || !(insn->imm & BPF_FETCH))
		return err;
	result = insn->imm == BPF_CMPXCHG ? BPF_REG_0 : insn->src_reg;
	num = vnp_scalar_truncate(&num, size);
	vnp_reg_set_scalar(vnp_state_reg(v->state, result), &num);
	return 0;
}

int vnp_verify_memory(struct vnp_verify *v)
{
	const struct bpf_insn *insn = &v->code->insns[v->insn];

	if (BPF_CLASS(insn->code) == BPF_LDX)
		return mem_load(v, insn);
	if (vnp_insn_is_atomic(insn))
		return mem_atomic(v, insn);
	return mem_store(v, insn);
}
