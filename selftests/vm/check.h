/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What the files of the checker share.
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
	CHECK_ANY,	/* unknown */
	CHECK_NUM,
	CHECK_HALF,	/* lower half of a pointer into the payload */
	CHECK_COMPLEMENT, /* all bits of one, or of its lower half, inverted */
	CHECK_CTX,
	CHECK_STACK,
	CHECK_PACKET,
	CHECK_VALUE,	/* into a map's value */
	CHECK_HANDLE,	/* a map */
};

/* The exact place that a pointer points to, for masks */
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
 * @capped:	it is not after its object, or -1
 * @far:	it may be anywhere, but was masked on these sides: FAR_*
 * @kh:		the k of the upper mask
 * @kl:		the k of the lower mask
 * @lo:		packet, value: accesses from here on are not before the object
 * @hi:		packet, value: accesses up to here are not after it
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
 * @moved:	the payload was moved: a load of its address may overtake that
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
 * @log:	for what is wrong
 * @type:	type of the program
 * @state:	current state
 * @at:		current lowered instruction
 * @fresh:	the previous instruction was a barrier
 * @in:		by lowered instruction: state kept at joins
 * @next:	descending: what flows into each loop header
 * @target:	by lowered instruction: something jumps here
 * @head:	by lowered instruction: one of these jumps goes back
 * @dirty:	by lowered instruction: must be walked from here
 * @first:	nothing before this is dirty
 * @slot:	what is stored to each slot
 * @next_slot:	descending: the new value
 * @slot_round:	the last round that changed it
 * @slot_rounds: how many rounds did; after CHECK_ROUNDS it is widened
 * @slot_changes: how often it changed
 * @slot_order:	in which order slots reached CHECK_ROUNDS changes
 * @ordered:	how many slots have
 * @changed:	a slot changed
 * @rounds:	how often all was walked
 * @voids:	some helper moves the payload
 * @down:	descending
 * @speak:	converged: report what is wrong
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
	bool speak;
};

/* Rounds in which a slot may change before it is widened; before it becomes unknown */
#define CHECK_ROUNDS	5
#define CHECK_ROUNDS_MAX	64

/* ---- check_lowered.c ---- */

int check_refuse(const struct check *c, const char *what);

/* ---- check_val.c ---- */

/* No more than the kind is known */
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
/* Is @num its distance from a fixed place */
bool val_is_counted(const struct check_val *val);

/* ---- check_alu.c ---- */

int check_alu(struct check *c, const struct bpf_insn *insn);

/* ---- check_mem.c ---- */

/* Slot at this place, if it is a whole slot; else VNP_SLOT_CNT */
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
