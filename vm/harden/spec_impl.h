/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What the files of the second interpretation share: values that hold on mispredicted
 * paths, too.
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
 * its end one with [VNP_SPEC_LO_NONE, 0); a pointer that was masked is an anchor that has
 * what the mask has checked.
 *
 *	spec.c		the program as a whole, in rounds
 *	spec_insn.c	what instructions do
 *	spec_access.c	what accesses need: masks and barriers
 *	spec_stack.c	the stack
 *	spec_value.c	values and their joins
 *
 * Layer: between verify.h and spec.h.
 */
#ifndef _VNP_VM_HARDEN_SPEC_IMPL_H
#define _VNP_VM_HARDEN_SPEC_IMPL_H

#include "vm/harden/spec.h"
#include "vm/verify/verify.h"

struct vnp_join;
struct vnp_thresholds;

/* No bound is known on this side */
#define VNP_SPEC_LO_NONE	S32_MAX
#define VNP_SPEC_HI_NONE	S32_MIN

#define VNP_SPEC_BOTH	(VNP_GUARD_LOW | VNP_GUARD_HIGH)

/**
 * struct vnp_spec - state of the interpretation
 * @v:		must be the first
 * @slot:	join of all that is stored to each slot of the stack, and of 0
 * @read:	bit n: slot n is read
 * @waits:	the current instruction follows a barrier
 * @voids:	some helper moves the payload
 * @given_up:	a slot that changes becomes unknown
 * @changed:	a slot changed in this round
 */
struct vnp_spec {
	struct vnp_verify v;
	struct vnp_reg slot[VNP_SLOT_CNT];
	u64 read;
	bool waits;
	bool voids;
	bool given_up;
	bool changed;
};

static inline struct vnp_spec *vnp_spec_of(struct vnp_verify *v)
{
	return (struct vnp_spec *)v;
}

/* The kinds that matter here: the ends of the payload are pointers into it */
static inline u8 vnp_spec_kind(u8 kind)
{
	return kind == VNP_REG_PACKET_END ? VNP_REG_PACKET : kind;
}

static inline bool vnp_spec_has_anchor(const struct vnp_reg *reg)
{
	return reg->kind == VNP_REG_PACKET || reg->kind == VNP_REG_MAP_VALUE;
}

static inline void vnp_spec_set_pointer(struct vnp_reg *reg, u8 kind, s32 lo, s32 hi)
{
	vnp_reg_set_pointer(reg, kind);
	reg->off = lo;
	reg->range = hi;
}

/* Is a pointer so near its anchor that sums do not overflow */
static inline bool vnp_spec_num_is_near(const struct vnp_scalar *num)
{
	return num->smin >= -(1LL << 40) && num->smax <= 1LL << 40;
}

/* ---- Values: spec_value.c --------------------------------------------------- */

/* vnp_spec_set_unknown() - a number of @size bytes */
void vnp_spec_set_unknown(struct vnp_reg *reg, u32 size);

/* vnp_spec_set_kind() - the least known value of a kind */
void vnp_spec_set_kind(struct vnp_reg *reg, u8 kind);

/* vnp_spec_anchor() - make a pointer its own anchor, with [lo, hi) */
void vnp_spec_anchor(struct vnp_reg *reg, s64 lo, s64 hi);

/* vnp_spec_is_near() - is a pointer so near its anchor that sums do not overflow */
bool vnp_spec_is_near(const struct vnp_reg *reg);

/* vnp_spec_join_reg() - @a becomes the join of both; true if that changed it */
bool vnp_spec_join_reg(struct vnp_reg *a, const struct vnp_reg *b,
		       const struct vnp_thresholds *thresholds);

/* vnp_spec_join() - struct vnp_verify_ops::join */
bool vnp_spec_join(struct vnp_join *j, struct vnp_state *to,
		   const struct vnp_state *from, u32 root,
		   const struct vnp_thresholds *thresholds);

/* ---- Accesses: spec_access.c ------------------------------------------------ */

/* vnp_spec_barrier() - the current instruction needs a barrier before it */
void vnp_spec_barrier(struct vnp_verify *v);

/**
 * vnp_spec_expect() - the instruction reads a register
 * @v:		the interpretation
 * @n:		the register
 * @kind:	its kind according to the verifier
 *
 * If it may be of another kind on a mispredicted path, a barrier is needed: the address
 * could be wrong, and a pointer used as a number would reveal where objects are in memory.
 */
void vnp_spec_expect(struct vnp_verify *v, u32 n, u8 kind);

/*
 * vnp_spec_sides_of() - which sides of an access to [at, at + size) of the pointer are
 * not inside [lo, hi)
 */
u8 vnp_spec_sides_of(const struct vnp_reg *reg, s64 at, s64 size, s64 lo, s64 hi);

/* vnp_spec_sides() - likewise, of one that is not to the context: which are not proven */
u8 vnp_spec_sides(const struct vnp_code *code, const struct vnp_reg *reg, s64 at,
		  s64 size);

/*
 * vnp_spec_choose_ctx() - the register from which guards and masks read the payload's
 * ends, or of which they need the address
 */
void vnp_spec_choose_ctx(const struct vnp_verify *v, struct vnp_access *access);

/* vnp_spec_note_mask() - the access needs a mask on these sides */
void vnp_spec_note_mask(struct vnp_verify *v, struct vnp_access *access, u8 sides);

/*
 * vnp_spec_believe_place() - the pointer is to stack or context where the verifier says,
 * on the sides checked
 */
void vnp_spec_believe_place(const struct vnp_code *code, struct vnp_reg *reg,
			    const struct vnp_access *access, s64 at, s64 size,
			    u8 sides);

/*
 * vnp_spec_believe() - after the access, which was checked on these sides, it is known to
 * be good
 */
void vnp_spec_believe(const struct vnp_code *code, struct vnp_reg *reg,
		      const struct vnp_access *access, s64 at, s64 size, u8 sides);

/* vnp_spec_access() - an access of a size that is known, through register @n */
void vnp_spec_access(struct vnp_verify *v, u32 n, s64 at, s64 size,
		     struct vnp_access *access);

/* ---- The stack: spec_stack.c, at @at from the object of @ptr ------------------ */

/* vnp_spec_put_numbers() - store an unknown number to these bytes */
void vnp_spec_put_numbers(struct vnp_verify *v, const struct vnp_reg *ptr, s64 at,
			  s64 size);

/* vnp_spec_is_slot() - is it a whole slot, and which is known */
bool vnp_spec_is_slot(const struct vnp_reg *ptr, s64 at, u32 size);

/* vnp_spec_store_slot() - store a register to a slot */
void vnp_spec_store_slot(struct vnp_verify *v, u32 slot, const struct vnp_reg *from);

/* vnp_spec_store() - store a register, or its lower bytes */
void vnp_spec_store(struct vnp_verify *v, const struct vnp_reg *ptr, s64 at,
		    u32 size, const struct vnp_reg *from);

/* vnp_spec_finds_numbers() - can a load return nothing but numbers */
bool vnp_spec_finds_numbers(struct vnp_verify *v, const struct vnp_reg *ptr, s64 at,
			    s64 size);

/* vnp_spec_load_stack() - what a load returns, as a value of 8 bytes before extension */
void vnp_spec_load_stack(struct vnp_verify *v, const struct vnp_reg *ptr, s64 at,
			 u32 size, struct vnp_reg *to);

/* ---- Instructions: spec_insn.c ---------------------------------------------- */

void vnp_spec_load(struct vnp_verify *v, const struct bpf_insn *insn);
void vnp_spec_ld_imm64(struct vnp_verify *v, const struct bpf_insn *insn);
void vnp_spec_alu(struct vnp_verify *v, const struct bpf_insn *insn);
void vnp_spec_call(struct vnp_verify *v, const struct bpf_insn *insn);

/* vnp_spec_write() - a store, or an atomic operation */
void vnp_spec_write(struct vnp_verify *v, const struct bpf_insn *insn);

/* vnp_spec_frame() - a goto that may enter or leave a function */
void vnp_spec_frame(struct vnp_verify *v, const struct bpf_insn *insn);

#endif /* _VNP_VM_HARDEN_SPEC_IMPL_H */
