// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The slots of the stack.  Each holds a value of 8 bytes, a register that was saved
 * there, or a number that was written in several stores.  Bytes of pointers are secret,
 * and can only be loaded as the whole pointer.
 */
#include "vm/arith.h"
#include "vm/analysis/update.h"
#include "vm/verify/verify.h"

/* Bytes of the stack, as offsets from R10: within [-512, 0]; there are none if lo >= hi */
struct stack_span {
	s32 lo;
	s32 hi;
	bool fixed;	/* all of these bytes; else some of them */
};

static struct stack_span stack_span(const struct vnp_reg *ptr, s32 off, u32 max)
{
	s64 at = (s64)ptr->off + off;
	s64 lo = vnp_sat_add(ptr->num.smin, at);
	s64 hi = vnp_sat_add(ptr->num.smax, at + max);

	return (struct stack_span){
		.lo = clamp_t(s64, lo, -VNP_STACK_MAX, 0),
		.hi = clamp_t(s64, hi, -VNP_STACK_MAX, 0),
		.fixed = vnp_scalar_is_const(&ptr->num),
	};
}

static u32 stack_slot_of(s32 byte)
{
	return (u32)(-byte - 1) / 8;
}

/* Which bytes of @slot are in the span; bit 0 is the lowest address */
static u8 stack_mask(const struct stack_span *span, u32 slot)
{
	s32 start = -(s32)(slot + 1) * 8;
	u32 from = max(span->lo - start, 0), to = min(span->hi - start, 8);

	return (u8)((1U << to) - (1U << from));
}

/* The slot of the highest byte, and the one after that of the lowest: none if empty */
static u32 stack_first(const struct stack_span *span)
{
	return (u32)-span->hi / 8;
}

static u32 stack_end(const struct stack_span *span)
{
	return span->lo < span->hi ? stack_slot_of(span->lo) + 1 : 0;
}

/* Slots from the lowest address to the highest have descending numbers */
#define stack_for_each(span, slot)					\
	for ((slot) = stack_first(span); (slot) < stack_end(span); (slot)++)

/* Bits by which byte @byte of a slot is shifted in the slot's number */
static u32 stack_shift(u32 byte, u32 size)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	(void)size;
	return byte * 8;
#else
	return (8 - byte - size) * 8;
#endif
}

static struct vnp_scalar stack_alu(u8 op, const struct vnp_scalar *a, u64 b)
{
	struct vnp_scalar c = vnp_scalar_const(b);

	return vnp_scalar_alu(op, 0, true, a, &c);
}

/* The bytes of @mask are read: those that were not written on some path must be 0 */
static void stack_need_zero(struct vnp_verify *v, u32 slot, u8 mask)
{
	if (v->report && vnp_state_slot(v->state, slot)->unwritten & mask)
		v->code->zero_slots |= BIT_ULL(slot);
}

/* The bytes of @mask are read: 0 if that is allowed */
static int stack_see(struct vnp_verify *v, u32 slot, u8 mask)
{
	const struct vnp_cell *cell = vnp_state_slot(v->state, slot);

	if (cell->reg.kind != VNP_REG_SCALAR || cell->secret & mask)
		return vnp_verify_refuse(v,
			"would read only some bytes of a pointer that was saved at r10 - %u",
			(slot + 1) * 8);
	stack_need_zero(v, slot, mask);
	return 0;
}

int vnp_verify_stack_read(struct vnp_verify *v, const struct vnp_reg *ptr, s32 off,
			  u32 max)
{
	struct stack_span span = stack_span(ptr, off, max);
	u32 slot;
	int err;

	stack_for_each(&span, slot) {
		err = stack_see(v, slot, stack_mask(&span, slot));
		if (err)
			return err;
	}
	return 0;
}

/* A register that was saved, or 8 bytes of numbers */
static int stack_fill(struct vnp_verify *v, u32 slot, struct vnp_reg *to)
{
	struct vnp_cell *cell = vnp_state_slot(v->state, slot);
	int err;

	if (cell->reg.kind == VNP_REG_SCALAR) {
		err = stack_see(v, slot, U8_MAX);
		if (err)
			return err;
	}
	/* a pointer on one path may be the 0 of an unwritten slot on another */
	stack_need_zero(v, slot, U8_MAX);
	vnp_state_share(v->state, &cell->reg, v->insn);
	*to = cell->reg;
	return 0;
}

int vnp_verify_stack_load(struct vnp_verify *v, const struct vnp_reg *ptr, s32 off,
			  u32 size, struct vnp_reg *to)
{
	struct stack_span span = stack_span(ptr, off, size);
	u32 slot = stack_slot_of(span.lo);
	struct vnp_scalar num;
	int err;

	if (WARN_ON_ONCE(span.lo >= span.hi))
		return vnp_verify_refuse(v, "BUG in the verifier: a load outside the stack");
	if (span.fixed && size == 8 && !(span.lo & 7))
		return stack_fill(v, slot, to);

	err = vnp_verify_stack_read(v, ptr, off, size);
	if (err)
		return err;
	num = vnp_scalar_unknown();
	if (span.fixed && slot == stack_slot_of(span.hi - 1)) {
		num = stack_alu(BPF_RSH, &vnp_state_slot(v->state, slot)->reg.num,
				stack_shift(span.lo & 7, size));
		num = vnp_scalar_truncate(&num, size);
	}
	vnp_reg_set_scalar(to, &num);
	return 0;
}

/* Forget the number in the slot */
static void stack_spoil(struct vnp_verify *v, u32 slot)
{
	struct vnp_cell *cell = vnp_state_slot(v->state, slot);
	struct vnp_scalar num = vnp_scalar_unknown();

	if (cell->reg.kind != VNP_REG_SCALAR)
		cell->secret = U8_MAX;
	vnp_reg_set_scalar(&cell->reg, &num);
	vnp_state_touch(v->state, slot);
}

void vnp_verify_stack_clobber(struct vnp_verify *v, const struct vnp_reg *ptr,
			      s32 off, u32 min, u32 max)
{
	struct stack_span all = stack_span(ptr, off, max);
	struct stack_span sure = stack_span(ptr, off, min);
	u32 slot;

	stack_for_each(&all, slot)
		stack_spoil(v, slot);
	if (!sure.fixed || !min)
		return;
	stack_for_each(&sure, slot) {
		struct vnp_cell *cell = vnp_state_slot(v->state, slot);

		cell->secret &= ~stack_mask(&sure, slot);
		cell->unwritten &= ~stack_mask(&sure, slot);
	}
}

/* Store a number of less than 8 bytes into one slot */
static void stack_insert(struct vnp_verify *v, u32 slot, u32 byte, u32 size,
			 const struct vnp_scalar *from)
{
	struct vnp_cell *cell = vnp_state_slot(v->state, slot);
	u32 shift = stack_shift(byte, size);
	u64 bits = ((1ULL << size * 8) - 1) << shift;
	u8 mask = ((1U << size) - 1) << byte;
	struct vnp_scalar old = cell->reg.num, num;

	if (cell->reg.kind != VNP_REG_SCALAR) {
		old = vnp_scalar_unknown();
		cell->secret = U8_MAX;
	}
	num = vnp_scalar_truncate(from, size);
	num = stack_alu(BPF_LSH, &num, shift);
	old = stack_alu(BPF_AND, &old, ~bits);
	num = vnp_scalar_alu(BPF_OR, 0, true, &old, &num);
	vnp_reg_set_scalar(&cell->reg, &num);
	cell->secret &= ~mask;
	cell->unwritten &= ~mask;
	vnp_state_touch(v->state, slot);
}

int vnp_verify_stack_store(struct vnp_verify *v, const struct vnp_reg *ptr, s32 off,
			   u32 size, const struct vnp_reg *from)
{
	struct stack_span span = stack_span(ptr, off, size);
	u32 slot = stack_slot_of(span.lo);
	struct vnp_cell *cell;

	if (WARN_ON_ONCE(span.lo >= span.hi))
		return vnp_verify_refuse(v, "BUG in the verifier: a store outside the stack");
	if (span.fixed && size == 8 && !(span.lo & 7)) {
		cell = vnp_state_slot(v->state, slot);
		cell->reg = *from;
		cell->unwritten = 0;
		cell->secret = 0;
		vnp_state_touch(v->state, slot);
		return 0;
	}
	if (from->kind != VNP_REG_SCALAR)
		return vnp_verify_refuse(v,
			"a pointer can be saved on the stack only whole, at an offset that is known and a multiple of 8");
	if (span.fixed && slot == stack_slot_of(span.hi - 1))
		stack_insert(v, slot, span.lo & 7, size, &from->num);
	else
		vnp_verify_stack_clobber(v, ptr, off, size, size);
	return 0;
}
