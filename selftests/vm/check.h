/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Shared by the files of the checker.
 *
 *	check_lowered.c	the program as a whole: iteration to a fixpoint
 *	check_val.c	values and states, and their joins
 *	check_alu.c	masks and arithmetic
 *	check_mem.c	memory, the stack's slots, calls
 */
#ifndef _VNP_VM_CHECK_H
#define _VNP_VM_CHECK_H

#include "vm/code.h"
#include "vm/analysis/scalar.h"
#include "vm/analysis/state.h"
#include "vm/analysis/type.h"
#include "vm/harden/spec.h"
#include "vm/isa/insn.h"

#define CHECK_REGS	(VNP_REG_AX + 1)

/* Windows are within this, so that distances do not overflow */
#define CHECK_FAR	(1LL << 40)

enum check_kind {
	CHECK_ANY,	/* unknown kind: nothing is known of the value */
	CHECK_NUM,
	CHECK_HALF,	/* lower half of a pointer into the payload */
	CHECK_COMPLEMENT, /* a pointer, or its lower half, with all bits inverted */
	CHECK_CTX,
	CHECK_STACK,
	CHECK_PACKET,
	CHECK_VALUE,	/* into a map's value */
	CHECK_HANDLE,	/* a map */
};

/* The exact position that a pointer points to, as far as masks use it */
enum check_place {
	PLACE_NONE,
	PLACE_DATA,
	PLACE_END,
	PLACE_VALUE,	/* the start of a value of its map, or NULL */
	PLACE_CTX,	/* in the context; @num is the distance from its start */
};

#define FAR_HIGH	BIT(0)
#define FAR_LOW		BIT(1)

enum check_sym {
	SYM_NONE,
	SYM_DISTANCE,
	SYM_SIGN,
};

/**
 * struct check_val - a value
 * @kind:	enum check_kind
 * @map:	value, handle: of which map; VNP_MAPS_MAX: unknown
 * @place:	enum check_place
 * @capped:	the pointer is not after its object, or it is -1
 * @far:	the pointer may be anywhere, but was masked on these sides: FAR_*
 * @kh:		the k of the upper mask
 * @kl:		the k of the lower mask
 * @lo:		packet, value: accesses at or above this offset are not before the object
 * @hi:		packet, value: accesses below this offset are not after it
 * @num:	the number; context and stack: distance from the start, from R10; if
 *		that is inside, the pointer may also be harmless
 */
struct check_val {
	u8 kind;
	u8 map;
	u8 place;
	bool capped;
	u8 far;
	s32 kh;
	s32 kl;
	s64 lo;
	s64 hi;
	struct vnp_scalar num;
};

/**
 * struct check_state - before an instruction
 * @reg:	registers
 * @moved:	the payload was moved: a load of its address may speculatively return the
 *		old one
 * @sym:	enum check_sym: what AX is
 * @of:		AX is the distance or its sign of this register...
 * @from:	...from this
 * @k:		minus this
 * @grown:	at a join: how often each register changed
 */
struct check_state {
	struct check_val reg[CHECK_REGS];
	u16 grown[CHECK_REGS];
	bool moved;
	u8 sym;
	u8 of;
	struct check_val from;
	s64 k;
};

/**
 * struct check - state of the check
 * @code:	program
 * @low:	its lowered instructions
 * @log:	messages about errors
 * @type:	type of the program
 * @state:	current state
 * @at:		current lowered instruction
 * @fresh:	the previous instruction was a barrier
 * @in:		by lowered instruction: state kept at joins
 * @next:	descending: what flows into each loop header
 * @target:	by lowered instruction: it is the target of a jump
 * @head:	by lowered instruction: it is the target of a jump back
 * @dirty:	by lowered instruction: must be interpreted again from here
 * @first:	no instruction before this one is dirty
 * @slot:	what is stored to each slot
 * @next_slot:	descending: the new value of each slot
 * @slot_round:	by slot: the last round that changed it
 * @slot_rounds: by slot: number of rounds that changed it; after CHECK_ROUNDS it is widened
 * @slot_changes: by slot: how often it changed
 * @slot_order:	slots in the order in which they reached CHECK_ROUNDS changes
 * @ordered:	number of slots in @slot_order
 * @changed:	a slot changed
 * @rounds:	number of passes over the program
 * @voids:	the program calls a helper that moves the payload
 * @down:	descending
 * @final:	converged: errors are reported in this pass
 */
struct check {
	const struct vnp_code *code;
	const struct vnp_lowered *low;
	struct vnp_log *log;
	const struct vnp_type *type;
	struct check_state state;
	u32 at;
	bool fresh;
	struct check_state **in;
	struct check_state **next;
	bool *target;
	bool *head;
	bool *dirty;
	u32 first;
	struct check_val slot[VNP_SLOT_CNT];
	struct check_val next_slot[VNP_SLOT_CNT];
	u32 slot_round[VNP_SLOT_CNT];
	u32 slot_rounds[VNP_SLOT_CNT];
	u32 slot_changes[VNP_SLOT_CNT];
	u32 slot_order[VNP_SLOT_CNT];
	u32 ordered;
	bool changed;
	u32 rounds;
	bool voids;
	bool down;
	bool final;
};

/* Number of rounds in which a slot may change, before it is widened or becomes unknown */
#define CHECK_ROUNDS	5
#define CHECK_ROUNDS_MAX	64

/* ---- check_lowered.c ---- */

int check_refuse(const struct check *c, const char *what);

/* ---- check_val.c ---- */

/* Forget everything but the kind */
void val_give_up(struct check_val *val);
/*
 * Tighten numbers after joins and widening. The state kept at a join is not changed, or
 * it would not converge.
 */
void state_settle(struct check_state *s);
/* A value of an enum vnp_reg_kind of which nothing else is known */
struct check_val val_of_kind(u8 kind, u8 map);
struct check_val val_num(struct vnp_scalar num);
struct check_val val_unknown(u32 bytes);
bool val_equal(const struct check_val *a, const struct check_val *b);
struct check_val val_any(void);
bool val_is_windowed(const struct check_val *val);
/* Join of @a and @b; @grown: how often it changed already */
struct check_val val_join(const struct check_val *a, const struct check_val *b,
			  u32 grown);
/* Limit the window to offsets that are harmless from NULL */
void val_clip(struct check_val *val);
/* Changes are counted by register, as others may be loop counters */
bool state_join(struct check_state *to, const struct check_state *from);
bool val_is_near(const struct check_val *val);
/* Is @num the distance from a fixed position? */
bool val_is_counted(const struct check_val *val);

/* ---- check_alu.c ---- */

int check_alu(struct check *c, const struct bpf_insn *insn);

/* ---- check_mem.c ---- */

/* Index of the slot at this offset; VNP_SLOT_CNT if the access is not exactly one slot */
u32 check_slot(const struct check_val *ptr, s64 off, u32 size);
int check_ld_imm64(struct check *c, const struct bpf_insn *insn);
int check_call(struct check *c, const struct bpf_insn *insn);
int check_load(struct check *c, const struct bpf_insn *insn);
int check_store(struct check *c, const struct bpf_insn *insn);

static inline struct check_val *check_reg(struct check *c, u32 n)
{
	return &c->state.reg[n];
}

static inline void check_set(struct check *c, u32 n, struct check_val val)
{
	c->state.reg[n] = val;
	if (n == VNP_REG_AX || c->state.of == n)
		c->state.sym = SYM_NONE;
}

static inline bool check_is_packet(const struct check_val *val)
{
	return val->kind == CHECK_PACKET || val->kind == CHECK_HALF;
}

static inline int check_drop(struct check *c, const struct bpf_insn *insn, const char *what)
{
	check_set(c, insn->dst_reg, val_any());
	return check_refuse(c, what);
}

#endif /* _VNP_VM_CHECK_H */
