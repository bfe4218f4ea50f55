// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* The second interpretation: what instructions do. */
#include "vm/arith.h"
#include "vm/frame.h"
#include "vm/harden/spec_impl.h"

/* Do @size bytes at each offset that the pointer may have lie in numeric fields */
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

/* An access to the context at an offset whose bounds do not hold on mispredicted paths */
static void spec_access_context(struct vnp_verify *v, struct vnp_reg *ctx, s64 off,
				u32 size)
{
	struct vnp_access *access = &v->code->aux[v->insn].access;
	u8 sides = vnp_spec_sides_of(ctx, off, size, access->lo, access->hi);
	bool varies = access->hi - access->lo > (s32)size;
	struct vnp_scalar num;

	vnp_spec_choose_ctx(v, access);
	if (sides & VNP_MASK_FAR)
		ctx->num = vnp_scalar_unknown();
	vnp_spec_believe_place(v->code, ctx, access, off, size, VNP_SPEC_BOTH);
	if (varies && sides && !vnp_spec_of(v)->waits &&
	    spec_reads_numbers(v, ctx, off, size)) {
		vnp_spec_note_mask(v, access, sides);
		ctx->maybe_null = true;
		return;
	}
	vnp_spec_barrier(v);
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
	if (!field)
		/* The verifier knows less of the offset here, and has a guard. */
		vnp_spec_barrier(v);
	else if (field->kind == VNP_FIELD_PACKET)
		vnp_spec_set_pointer(to, VNP_REG_PACKET, 0, 0);
	else if (field->kind == VNP_FIELD_PACKET_END)
		vnp_spec_set_pointer(to, VNP_REG_PACKET, VNP_SPEC_LO_NONE, 0);
}

void vnp_spec_load(struct vnp_verify *v, const struct bpf_insn *insn)
{
	struct vnp_reg *ptr = vnp_state_reg(v->state, insn->src_reg), to;
	u32 size = vnp_insn_size(insn);

	vnp_spec_set_unknown(&to, size);
	if (BPF_MODE(insn->code) == BPF_MEMSX)
		to.num = vnp_scalar_extend(&to.num, size);
	if (ptr->kind == VNP_REG_CTX) {
		spec_load_context(v, ptr, insn->off, size, &to);
	} else {
		vnp_spec_access(v, insn->src_reg, insn->off, size,
				&v->code->aux[v->insn].access);
		if (ptr->kind == VNP_REG_STACK)
			vnp_spec_load_stack(v, ptr, insn->off, size, &to);
	}
	*vnp_state_reg(v->state, insn->dst_reg) = to;
}

void vnp_spec_write(struct vnp_verify *v, const struct bpf_insn *insn)
{
	struct vnp_reg *ptr = vnp_state_reg(v->state, insn->dst_reg), value;
	u32 size = vnp_insn_size(insn);

	vnp_spec_set_unknown(&value, 8);
	if (BPF_CLASS(insn->code) == BPF_STX && !vnp_insn_is_atomic(insn))
		value = *vnp_state_reg(v->state, insn->src_reg);
	vnp_spec_access(v, insn->dst_reg, insn->off, size, &v->code->aux[v->insn].access);
	if (ptr->kind == VNP_REG_STACK) {
		if (vnp_insn_is_atomic(insn) &&
		    !vnp_spec_finds_numbers(v, ptr, insn->off, size))
			vnp_spec_barrier(v);
		vnp_spec_store(v, ptr, insn->off, size, &value);
	}
	if (!vnp_insn_is_atomic(insn) || !(insn->imm & BPF_FETCH))
		return;
	vnp_spec_set_unknown(vnp_state_reg(v->state, insn->imm == BPF_CMPXCHG ?
					   BPF_REG_0 : insn->src_reg), size);
}

void vnp_spec_ld_imm64(struct vnp_verify *v, const struct bpf_insn *insn)
{
	struct vnp_reg *dst = vnp_state_reg(v->state, insn->dst_reg);
	struct vnp_scalar num = vnp_scalar_const(vnp_insn_imm64(insn));
	s32 off = insn[1].imm;

	switch (insn->src_reg) {
	case BPF_PSEUDO_MAP_IDX:
		vnp_spec_set_kind(dst, VNP_REG_MAP_HANDLE);
		dst->map = insn->imm;
		break;
	case BPF_PSEUDO_MAP_IDX_VALUE:
		vnp_spec_set_pointer(dst, VNP_REG_MAP_VALUE, -off,
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
	if (vnp_spec_has_anchor(ptr) && !vnp_spec_num_is_near(&by->num))
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

/* Both operands are of the verifier's kinds. */
static void spec_binary(const struct vnp_verify *v, const struct bpf_insn *insn,
			struct vnp_reg *dst, const struct vnp_reg *src)
{
	bool sub = BPF_OP(insn->code) == BPF_SUB, is64 = vnp_insn_is64(insn);
	struct vnp_scalar num;

	if (spec_is_wild(v, insn, src)) {
		vnp_spec_set_unknown(dst, is64 ? 8 : 4);
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
		vnp_spec_set_unknown(dst, is64 ? 8 : 4);
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

void vnp_spec_alu(struct vnp_verify *v, const struct bpf_insn *insn)
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

	vnp_spec_choose_ctx(v, access);
	*size = min_t(u64, len->num.umax, VNP_SIZE_MAX);
	if (len->num.umax <= VNP_SIZE_MAX && !vnp_spec_sides(v->code, ptr, 0, *size))
		return;
	vnp_spec_barrier(v);
	if (ptr->kind != VNP_REG_STACK)
		return;
	vnp_spec_believe(v->code, ptr, access, 0, 0, VNP_SPEC_BOTH);
	if (ptr->num.smax >= -VNP_STACK_MAX && ptr->num.smax <= access->hi)
		*size = min_t(s64, *size, access->hi - ptr->num.smax);
}

static void spec_call_memory(struct vnp_verify *v, u32 n, u8 kind, struct vnp_access *access,
			     u32 map)
{
	struct vnp_reg *ptr = vnp_state_reg(v->state, n);
	s64 size;

	vnp_spec_expect(v, n, access->kind);
	if (kind == VNP_ARG_SEAL) {
		size = sizeof(struct vnp_seal);
		vnp_spec_access(v, n, 0, size, access);
	} else if (kind == VNP_ARG_MAP_KEY || kind == VNP_ARG_MAP_VALUE) {
		const struct vnp_map_desc *desc = &v->code->maps[map];

		size = kind == VNP_ARG_MAP_KEY ? desc->key_size : desc->value_size;
		vnp_spec_access(v, n, 0, size, access);
	} else {
		vnp_spec_expect(v, n + 1, VNP_REG_SCALAR);
		spec_call_sized(v, n, access, &size);
	}
	if (ptr->kind != VNP_REG_STACK)
		return;
	if (kind == VNP_ARG_MEM_WRITE)
		vnp_spec_put_numbers(v, ptr, 0, size);
	else if (!vnp_spec_finds_numbers(v, ptr, 0, size))
		vnp_spec_barrier(v);
}

/* Memory without a kind is not accessed: the verifier found that its size is 0 */
static void spec_call_untouched(struct vnp_verify *v, u32 n)
{
	const struct vnp_reg *size = vnp_state_reg(v->state, n + 1);

	vnp_spec_expect(v, n + 1, VNP_REG_SCALAR);
	if (size->num.umax)
		vnp_spec_barrier(v);
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
		vnp_spec_expect(v, i + 1, VNP_REG_SCALAR);
		break;
	case VNP_ARG_CTX:
		vnp_spec_expect(v, i + 1, VNP_REG_CTX);
		if (!vnp_scalar_is_const(&vnp_state_reg(v->state, i + 1)->num))
			vnp_spec_barrier(v);
		break;
	case VNP_ARG_MAP:
	case VNP_ARG_KEYS:
		vnp_spec_expect(v, i + 1, VNP_REG_MAP_HANDLE);
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

void vnp_spec_call(struct vnp_verify *v, const struct bpf_insn *insn)
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
		vnp_spec_set_unknown(ret, 8);
		return;
	}
	/* or NULL, with offsets that are harmless */
	size = min_t(u32, v->code->maps[call->map].value_size, VNP_SPEC_NULL);
	vnp_spec_set_pointer(ret, VNP_REG_MAP_VALUE, 0, size);
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
		vnp_spec_store_slot(v, vnp_frame_save_slot(frame, saves, reg),
				    vnp_state_reg(v->state, reg));
		vnp_reg_forget(vnp_state_reg(v->state, reg), VNP_REG_UNSET);
	}
}

static void spec_leave(struct vnp_verify *v, const struct vnp_frame *frame, u32 saves)
{
	struct vnp_spec *s = vnp_spec_of(v);
	u32 reg;

	vnp_frame_for_each_saved(saves, reg) {
		u32 slot = vnp_frame_save_slot(frame, saves, reg);

		s->read |= BIT_ULL(slot);
		*vnp_state_reg(v->state, reg) = s->slot[slot];
	}
}

void vnp_spec_frame(struct vnp_verify *v, const struct bpf_insn *insn)
{
	const struct vnp_frame *frame = vnp_code_frame(v->code, v->insn);

	if (vnp_insn_is_enter(insn))
		spec_enter(v, frame, vnp_insn_saves(insn));
	else if (vnp_insn_is_leave(insn))
		spec_leave(v, frame, vnp_insn_saves(insn));
}
