/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What is known at one point of a program: the abstract state.
 *
 * A state has cells: the registers, and the slots of 8 bytes of the stack.  Each holds a
 * value of a kind.  A state stands for all concrete states that match it, so to forget
 * something about a cell is always sound.
 *
 * Ids tell that cells depend on the same unknown number.  Scalars with the same id
 * differ by constants; so do pointers into the context; packet pointers with the same
 * id differ by constants, and if a scalar has that id, too, it is what was added to the
 * start of the payload.  An id is named after the place that made it, so that a program
 * has finitely many: an instruction (two ids: what it makes, and what it gives an id),
 * or a cell of a root block where states join.  When a place makes its id again, the id
 * stands for another number, and it is first removed from the cells that still have it.
 *
 * Layer: above code.h; view.h, constraint.h, update.h and join.h are above it, in this
 * order.
 */
#ifndef _VNP_VM_ANALYSIS_STATE_H
#define _VNP_VM_ANALYSIS_STATE_H

#include "vm/code.h"
#include "vm/env.h"
#include "vm/isa/insn.h"
#include "vm/analysis/scalar.h"

#define VNP_SLOT_CNT	(VNP_STACK_MAX / 8)
#define VNP_CELL_CNT	(VNP_REG_CNT + VNP_SLOT_CNT)

/**
 * enum vnp_reg_kind - kinds of value
 * @VNP_REG_UNSET:	not written on some path to here
 * @VNP_REG_CONFLICT:	of different kinds on different paths to here
 * @VNP_REG_VOID:	pointed into the payload before it moved
 * @VNP_REG_SCALAR:	a number
 * @VNP_REG_HALF:	lower half of a pointer into the payload, or the complement of
 *			one (VNP_HALF_*): compilers subtract such pointers in 32 bits,
 *			and write a - b - 1 as a + ~b.  No other use is allowed
 * @VNP_REG_CTX:	points into the context
 * @VNP_REG_PACKET:	into the payload, from its start
 * @VNP_REG_PACKET_END:	likewise, from its end
 * @VNP_REG_STACK:	into the stack, from R10
 * @VNP_REG_MAP_VALUE:	into a map's value, from its start
 * @VNP_REG_MAP_HANDLE:	is a map, for a helper
 */
enum vnp_reg_kind {
	VNP_REG_UNSET,
	VNP_REG_CONFLICT,
	VNP_REG_VOID,
	VNP_REG_SCALAR,
	VNP_REG_HALF,
	VNP_REG_CTX,
	VNP_REG_PACKET,
	VNP_REG_PACKET_END,
	VNP_REG_STACK,
	VNP_REG_MAP_VALUE,
	VNP_REG_MAP_HANDLE,
};

/* "The payload has at least this many bytes" if nothing at all is known */
#define VNP_RANGE_NONE	S32_MIN

/* The id of the payload's length */
#define VNP_ID_LEN	U32_MAX

/* Ids of what an instruction makes, of what it gives an id, and those after these */
#define VNP_ID_MADE(insn)	(2 * (insn) + 1)
#define VNP_ID_GIVEN(insn)	(2 * (insn) + 2)
#define VNP_ID_JOINED		VNP_ID_MADE(VNP_INSN_MAX)

/* Constant offsets of pointers are within this; larger ones count as variable */
#define VNP_OFF_MAX	(1 << 28)

/*
 * struct vnp_reg::derived - intermediate results of code that yields the number of id
 * @site plus @off again, or one at most @range above it
 */
#define VNP_DERIVED_NONE	0
#define VNP_DERIVED_QUOTIENT	1	/* that number, divided by @range */
#define VNP_DERIVED_SHIFTED	2	/* that number plus @off, shifted left by 32 */
#define VNP_DERIVED_FILLED	3	/* that number plus @off, or up to @range above it */

/* struct vnp_reg::site of a half */
#define VNP_HALF_COMPLEMENT	BIT(0)	/* all bits are inverted */
#define VNP_HALF_WHOLE		BIT(1)	/* it has its upper half */

/**
 * struct vnp_reg - a value
 * @kind:	enum vnp_reg_kind
 * @map:	map value, map handle: index of the map; half: kind of the pointer
 * @derived:	scalar: VNP_DERIVED_*
 * @maybe_null:	packet, stack, map value: or it is no pointer but the number @null
 * @left:	scalar: it is data_end - (packet pointer with id @site and offset
 *		@off)
 * @id:		see above; of a stack or map value pointer that may be NULL: all
 *		with the same id are NULL, or none is.  0: none
 * @site:	map value: what made the pointer, as struct vnp_access::base; half:
 *		VNP_HALF_*; conflict: number of the root where the kinds joined
 * @off:	pointer: constant part of its offset; conflict: the cell in which they
 *		joined
 * @range:	packet with variable part: data + @num + @range <= data_end, or
 *		VNP_RANGE_NONE
 * @null:	what NULL became by adding constants, if @maybe_null
 * @plus:	scalar with an id: it is the id's number plus this, modulo 2^64
 * @num:	scalar: the number; pointer: variable part of its offset, signed
 */
struct vnp_reg {
	u8 kind;
	union {
		u8 map;
		u8 derived;
	};
	bool maybe_null;
	bool left;
	u32 id;
	u32 site;
	s32 off;
	s32 range;
	union {
		s32 null;
		s32 plus;
	};
	struct vnp_scalar num;
};

/**
 * struct vnp_cell - a register or a slot of the stack
 * @reg:	its value.  A slot that holds a number known by bytes has it as the
 *		number that a load of 8 bytes gives
 * @unwritten:	slot, bit n: byte n may not have been written; it is 0 then
 * @secret:	slot with a scalar, bit n: byte n may be part of a pointer
 */
struct vnp_cell {
	struct vnp_reg reg;
	u8 unwritten;
	u8 secret;
};

/* How many constraints a state has at most (constraint.h) */
#define VNP_CONSTRAINT_CNT	8

/* Nothing is known: no sum of small numbers is as great */
#define VNP_CONSTRAINT_NONE	(S64_MAX / 4)

/* struct vnp_constraint - @a + @b <= @c + @most; @a is never 0 */
struct vnp_constraint {
	u32 a;
	u32 b;
	u32 c;
	s32 most;
};

/**
 * struct vnp_state - a state
 * @cells:	registers, then slots; slot n is the 8 bytes at R10 - 8(n + 1)
 * @used:	bit n: slot n differs from one that was never written
 * @range:	data + @range <= data_end
 * @packet_max:	data_end <= data + @packet_max: that of the program's type, the same in all states
 * @constraint:	constraints, the oldest one first
 * @constraint_cnt:	how many
 * @frugal:	verification takes long: derive only what is cheap to compute.  Set by
 *		fixpoint.c, not a property of the program's state
 * @work:	work done on this state, counted for fixpoint.c, in units of some 10 ns
 * @next:	link of a list of states
 */
struct vnp_state {
	struct vnp_cell cells[VNP_CELL_CNT];
	u64 used;
	s32 range;
	u32 packet_max;
	u32 constraint_cnt;
	struct vnp_constraint constraint[VNP_CONSTRAINT_CNT];
	bool frugal;
	u32 work;
	struct vnp_state *next;
};

/* vnp_state_cells() - registers and used slots */
static inline u32 vnp_state_cells(const struct vnp_state *state)
{
	return VNP_REG_CNT + hweight64(state->used);
}

static inline struct vnp_reg *vnp_state_reg(struct vnp_state *state, u32 reg)
{
	return &state->cells[reg].reg;
}

static inline struct vnp_cell *vnp_state_slot(struct vnp_state *state, u32 slot)
{
	return &state->cells[VNP_REG_CNT + slot];
}

static inline bool vnp_reg_is_pointer(const struct vnp_reg *reg)
{
	return reg->kind >= VNP_REG_CTX;
}

/* points to memory to which accesses can be guarded, and allows arithmetic */
static inline bool vnp_reg_is_guardable(const struct vnp_reg *reg)
{
	return reg->kind >= VNP_REG_PACKET && reg->kind <= VNP_REG_MAP_VALUE;
}

static inline bool vnp_reg_is_packet(const struct vnp_reg *reg)
{
	return reg->kind == VNP_REG_PACKET || reg->kind == VNP_REG_PACKET_END;
}

/* has no variable part */
static inline bool vnp_reg_is_fixed(const struct vnp_reg *reg)
{
	return !reg->id && vnp_scalar_is_const(&reg->num) && !reg->num.value;
}

void vnp_reg_set_scalar(struct vnp_reg *reg, const struct vnp_scalar *num);

/* vnp_reg_set_pointer() - to the start of an object */
void vnp_reg_set_pointer(struct vnp_reg *reg, enum vnp_reg_kind kind);

/**
 * vnp_reg_add_constant() - move a pointer by a constant, which keeps what is known
 * @ptr:	the pointer, or what has an offset as one
 * @num:	by how much
 * @sub:	backwards
 *
 * Return: false: @num is no constant, or the offset would get too large.
 */
bool vnp_reg_add_constant(struct vnp_reg *ptr, const struct vnp_scalar *num, bool sub);

/* vnp_reg_forget() - nothing is known but the kind */
void vnp_reg_forget(struct vnp_reg *reg, enum vnp_reg_kind kind);

/* vnp_reg_print() - a value as text, for messages; @text has VNP_REG_TEXT_LEN bytes */
#define VNP_REG_TEXT_LEN	160
void vnp_reg_print(const struct vnp_reg *reg, char *text);

/* vnp_state_init() - as at the entry: R1 is the context, R10 the frame pointer */
void vnp_state_init(struct vnp_state *state, u32 packet_max);

/* vnp_state_copy() - like an assignment, but leaves out unused slots and @next */
void vnp_state_copy(struct vnp_state *to, const struct vnp_state *from);

/* vnp_state_reset_slots() - the slots of @mask were never written */
void vnp_state_reset_slots(struct vnp_state *state, u64 mask);

/* vnp_cell_next() - the next register or used slot from @cell on, or VNP_CELL_CNT */
static inline u32 vnp_cell_next(u64 used, u32 cell)
{
	if (cell < VNP_REG_CNT)
		return cell;
	used = cell < VNP_CELL_CNT ? used >> (cell - VNP_REG_CNT) : 0;
	return used ? cell + __ffs64(used) : VNP_CELL_CNT;
}

#define vnp_cell_for_each(used, cell)					\
	for ((cell) = 0; (cell) < VNP_CELL_CNT;				\
	     (cell) = vnp_cell_next(used, (cell) + 1))

/* vnp_state_count_scan() - count the work of iterating over all cells */
static inline void vnp_state_count_scan(struct vnp_state *state)
{
	state->work += 1 + vnp_state_cells(state) / 8;
}

/* vnp_state_touch() - @slot will be written to */
void vnp_state_touch(struct vnp_state *state, u32 slot);

/**
 * vnp_reg_id_num() - the number that @reg's id stands for: a scalar without @plus, the
 * variable part of a packet pointer
 */
struct vnp_scalar vnp_reg_id_num(const struct vnp_reg *reg);

/*
 * vnp_state_narrow() - @reg of @state is in @num; other cells with its id are narrowed
 * accordingly
 */
void vnp_state_narrow(struct vnp_state *state, struct vnp_reg *reg,
		      const struct vnp_scalar *num);

/* vnp_state_set_null() - @reg is NULL, or is not; and so are those with its id */
void vnp_state_set_null(struct vnp_state *state, struct vnp_reg *reg, bool null);

/* vnp_num_is_small() - an offset with which addresses in the payload do not wrap */
bool vnp_num_is_small(const struct vnp_scalar *num);

/* vnp_state_range() - what is known to follow the variable part of a packet pointer */
s32 vnp_state_range(const struct vnp_state *state, const struct vnp_reg *reg);

/* vnp_state_shared_range() - the best that is known of packet pointers with this id */
s32 vnp_state_shared_range(const struct vnp_state *state, u32 id);

/*
 * vnp_state_move_packet() - the payload has moved: pointers into it become
 * %VNP_REG_VOID
 */
void vnp_state_move_packet(struct vnp_state *state);

#endif /* _VNP_VM_ANALYSIS_STATE_H */
