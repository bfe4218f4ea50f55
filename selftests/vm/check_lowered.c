// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The checker: a separate abstract interpreter of lowered instructions. It shares
 * nothing with verify/, harden/ and lower/ but the domain of numbers (scalar.c) and the
 * descriptions of objects: helpers, maps, fields of the context.
 *
 * It follows both successors of each conditional jump and learns from none. A pointer
 * has a window: accesses to [lo, hi) from it are inside its object, or within
 * VNP_SPEC_NULL of 0. Only the instructions of a mask enlarge windows; AX is followed
 * symbolically:
 *
 *	AX = PLACE		the payload's start or end, R10, a map value's start,
 *				the context
 *	AX -= r			DISTANCE of r from it
 *	AX -= k
 *	AX s>>= 63		SIGN of PLACE - r - k
 *	r |= AX			r + k is not after PLACE, or r is -1
 *	r &= AX			r + k is after PLACE, or r is 0; valid only if the former was done to the same r
 *
 * A register that may be anywhere must be masked so on both sides, with kl - 1 >= kh:
 * then the upper distance is exact if the lower mask passes (lower/mask.c).  In the
 * payload, whose length is not known, a second lower mask with k >= kh does that.
 *
 * At any time a slot of the stack holds whatever any instruction stores there, as loads
 * may overtake stores. Old contents of the stack are excluded only if a barrier follows
 * the first stores.
 *
 * Right after a barrier the verifier's findings hold: an access there need not be
 * proven.
 *
 * States and slots ascend until they converge, and then descend as in fixpoint.c, to
 * recover the precision that widening has cost. Meanwhile accesses that are not proven
 * are assumed to be good, so that one that will be proven later does not degrade
 * others. The result is that of one more walk, which assumes nothing, and in which
 * nothing may grow.
 */
#include "vm/arith.h"
#include "selftests/vm/check_lowered.h"
#include "vm/code.h"
#include "vm/isa/insn.h"
#include "vm/analysis/live.h"
#include "vm/report/log.h"
#include "vm/exec.h"
#include "vm/analysis/scalar.h"
#include "vm/harden/spec.h"
#include "vm/analysis/state.h"
#include "vm/analysis/type.h"

#define CHECK_REGS	(VNP_REG_AX + 1)

/* Windows are within this, so that distances do not overflow */
#define CHECK_FAR	(1LL << 40)

/*
 * Changes of a register after which numbers are widened, and windows dropped. A pointer
 * that moves through the stack, or the context, may be masked later in the loop: it may
 * change often enough to reach the end.
 */
#define CHECK_CHANGES	16
#define CHECK_CHANGES_WINDOW	200
#define CHECK_CHANGES_STACK	VNP_STACK_MAX

/* Widening thresholds: distances should stay small as long as possible */
static const u64 check_thresholds[] = {
	U8_MAX, U16_MAX, 1 << 24, 1LL << 34, 1LL << 38,
	-1, -(1 << 4), -(1 << 8), -(1 << 16), -(1LL << 32), -(1LL << 34), -(1LL << 38),
};

/* Rounds in which a slot may change before it is widened; before it becomes unknown */
#define CHECK_ROUNDS	5
#define CHECK_ROUNDS_MAX	64

/* How often it descends */
#define CHECK_DOWN	2

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

static int check_refuse(const struct check *c, const char *what)
{
	if (!c->speak)
		return 0;
	vnp_log_print(c->log, VNP_LOG_NORMAL,
		      "not proven against speculation: lowered instruction %u, made for instruction %u: %s.\n",
		      c->at, c->low->origin[c->at], what);
	return -EACCES;
}

static struct check_val val_any(void)
{
	return (struct check_val){ .kind = CHECK_ANY };
}

static struct check_val val_num(struct vnp_scalar num)
{
	return (struct check_val){ .kind = CHECK_NUM, .num = num };
}

static struct check_val val_unknown(u32 bytes)
{
	struct vnp_scalar num = vnp_scalar_unknown();

	return val_num(vnp_scalar_truncate(&num, bytes));
}

/* A value of an enum vnp_reg_kind of which nothing else is known */
static struct check_val val_of_kind(u8 kind, u8 map)
{
	struct check_val val = {
		.map = map, .lo = S64_MAX, .hi = S64_MIN,
		.num = vnp_scalar_unknown(),
	};

	switch (kind) {
	case VNP_REG_SCALAR:
		return val_unknown(8);
	case VNP_REG_PACKET:
	case VNP_REG_PACKET_END:
		val.kind = CHECK_PACKET;
		return val;
	case VNP_REG_MAP_VALUE:
		val.kind = CHECK_VALUE;
		return val;
	case VNP_REG_STACK:
		val.kind = CHECK_STACK;
		return val;
	case VNP_REG_CTX:
		val.kind = CHECK_CTX;
		return val;
	default:
		return val_any();
	}
}

static bool val_is_windowed(const struct check_val *val)
{
	return val->kind == CHECK_PACKET || val->kind == CHECK_VALUE;
}

/* Is @num its distance from a fixed place */
static bool val_is_counted(const struct check_val *val)
{
	return val->kind == CHECK_STACK || val->kind == CHECK_CTX;
}

static bool val_is_near(const struct check_val *val)
{
	return val->lo <= CHECK_FAR && val->hi >= -CHECK_FAR;
}

static bool val_equal(const struct check_val *a, const struct check_val *b)
{
	return a->kind == b->kind && a->map == b->map && a->place == b->place &&
	       a->capped == b->capped && a->far == b->far && a->kh == b->kh &&
	       a->kl == b->kl && a->lo == b->lo && a->hi == b->hi &&
	       vnp_scalar_equal(&a->num, &b->num);
}

static bool val_is_zero(const struct check_val *val)
{
	return val->kind == CHECK_NUM && vnp_scalar_has(&val->num, 0) &&
	       vnp_scalar_is_const(&val->num);
}

/* Limit the window to offsets that are harmless from NULL */
static void val_clip(struct check_val *val)
{
	if (!val_is_near(val))
		return;
	val->lo = max_t(s64, val->lo, -VNP_SPEC_NULL);
	val->hi = min_t(s64, val->hi, VNP_SPEC_NULL);
}

/* No more than the kind is known */
static void val_give_up(struct check_val *val)
{
	if (val->kind == CHECK_NUM) {
		*val = val_unknown(8);
	} else if (val_is_windowed(val)) {
		val->place = PLACE_NONE;
		val->lo = S64_MAX;
		val->hi = S64_MIN;
	} else if (val_is_counted(val)) {
		val->place = PLACE_NONE;
		val->num = vnp_scalar_unknown();
	} else {
		*val = val_any();
	}
}

/* Join a pointer with NULL; false if the result is not a pointer */
static bool val_or_null(struct check_val *val)
{
	switch (val->kind) {
	case CHECK_PACKET:
	case CHECK_VALUE:
		val_clip(val);
		val->capped = false;
		if (val->place != PLACE_VALUE)
			val->place = PLACE_NONE;
		if (!val_is_near(val))
			val_give_up(val);
		return true;
	case CHECK_STACK:
	case CHECK_CTX:
		/* moving one end of the range to the object keeps NULL harmless */
		val->place = PLACE_NONE;
		if (val->num.smin < -VNP_SPEC_NULL || val->num.smin > VNP_SPEC_NULL ||
		    val->num.smax > CHECK_FAR)
			val_give_up(val);
		return true;
	default:
		return false;
	}
}

static struct check_val val_join_kinds(const struct check_val *a,
				       const struct check_val *b)
{
	struct check_val val = val_is_zero(a) ? *b : *a;

	if ((!val_is_zero(a) && !val_is_zero(b)) || !val_or_null(&val))
		return val_any();
	return val;
}

/* Widen the ends that moved to the next power of 2, which may be far away */
static void val_widen_window(struct check_val *val, const struct check_val *old)
{
	if (val->lo == old->lo && val->hi == old->hi)
		return;
	if (val_is_near(val) && val->lo > old->lo)
		val->lo = val->lo > 0 ? 1LL << fls64(val->lo) : 0;
	if (val_is_near(val) && val->hi < old->hi)
		val->hi = val->hi < 0 ? -(1LL << fls64(-val->hi)) : 0;
	if (!val_is_near(val)) {
		val->lo = S64_MAX;
		val->hi = S64_MIN;
	}
}

/* Join of @a and @b; @grown: how often it changed already */
static struct check_val val_join(const struct check_val *a, const struct check_val *b,
				 u32 grown)
{
	struct check_val val = *a;

	if (val_equal(a, b))
		return val;
	if (a->kind != b->kind)
		return val_join_kinds(a, b);
	if (a->map != b->map && a->kind != CHECK_VALUE)
		return val_any();
	if (a->map != b->map) {
		val.map = VNP_MAPS_MAX;
		val.place = PLACE_NONE;
	}
	if (a->place != b->place)
		val.place = PLACE_NONE;
	val.capped = a->capped && b->capped;
	val.far = 0;
	val.lo = max(a->lo, b->lo);
	val.hi = min(a->hi, b->hi);
	if (val_is_windowed(a) && grown > CHECK_CHANGES_WINDOW)
		val_widen_window(&val, a);
	if (!vnp_scalar_within(&b->num, &a->num)) {
		val.num = vnp_scalar_join(&a->num, &b->num);
		if (grown > (val_is_counted(a) ? CHECK_CHANGES_STACK : CHECK_CHANGES))
			val.num = vnp_scalar_widen(&a->num, &val.num, check_thresholds,
						   ARRAY_SIZE(check_thresholds));
	}
	return val;
}

/* Changes are counted by register, as others may be loop counters */
static bool state_join(struct check_state *to, const struct check_state *from)
{
	bool changed = false;
	u32 i;

	for (i = 0; i < CHECK_REGS; i++) {
		struct check_val val = val_join(&to->reg[i], &from->reg[i],
						to->grown[i]);

		if (val_equal(&val, &to->reg[i]))
			continue;
		to->reg[i] = val;
		to->grown[i] = min(to->grown[i] + 1, (int)U16_MAX);
		changed = true;
	}
	if (from->moved && !to->moved) {
		to->moved = true;
		changed = true;
	}
	if (to->sym && (to->sym != from->sym || to->of != from->of || to->k != from->k ||
			!val_equal(&to->from, &from->from))) {
		to->sym = SYM_NONE;
		changed = true;
	}
	return changed;
}

/*
 * Tighten numbers after joins and widening. The state kept at a join is not changed, or
 * it would not converge.
 */
static void state_settle(struct check_state *s)
{
	struct vnp_scalar num;
	u32 i;

	for (i = 0; i < CHECK_REGS; i++) {
		num = s->reg[i].num;
		if (vnp_scalar_normalize(&num))
			s->reg[i].num = num;
	}
}

/* ---- Masks ----------------------------------------------------------------- */

static struct check_val *check_reg(struct check *c, u32 n)
{
	return &c->state.reg[n];
}

static void check_set(struct check *c, u32 n, struct check_val val)
{
	c->state.reg[n] = val;
	if (n == VNP_REG_AX || c->state.of == n)
		c->state.sym = SYM_NONE;
}

/* AX becomes the distance of @of from the place it points to */
static bool mask_begins(struct check *c, const struct bpf_insn *insn)
{
	struct check_state *s = &c->state;
	const struct check_val *ax = &s->reg[VNP_REG_AX];
	const struct check_val *r = &s->reg[insn->src_reg];
	bool knows = ax->place || ax->kind == CHECK_STACK;

	if (insn->code != (BPF_ALU64 | BPF_SUB | BPF_X) ||
	    insn->dst_reg != VNP_REG_AX || insn->src_reg >= VNP_REG_FP ||
	    !knows || !vnp_scalar_is_const(&ax->num) || ax->num.smin < -CHECK_FAR ||
	    ax->num.smin > CHECK_FAR || ax->kind != r->kind ||
	    (ax->map != r->map && r->map != VNP_MAPS_MAX))
		return false;
	s->from = *ax;
	s->k = 0;
	s->reg[VNP_REG_AX] = val_unknown(8);
	s->of = insn->src_reg;
	s->sym = SYM_DISTANCE;
	return true;
}

static bool mask_goes_on(struct check *c, const struct bpf_insn *insn)
{
	struct check_state *s = &c->state;

	if (insn->dst_reg != VNP_REG_AX || s->sym != SYM_DISTANCE)
		return false;
	if (insn->code == (BPF_ALU64 | BPF_SUB | BPF_K)) {
		s->k += insn->imm;
		return true;
	}
	if (insn->code != (BPF_ALU64 | BPF_ARSH | BPF_K) || insn->imm != 63)
		return false;
	s->sym = SYM_SIGN;
	return true;
}

/* @r + k is not after the place, or it is -1 now */
static void mask_high(struct check *c, struct check_val *r)
{
	const struct check_state *s = &c->state;
	struct vnp_scalar num = r->num, most;

	if (val_is_counted(&s->from)) {
		most = vnp_scalar_const(s->from.num.smin - s->k);
		/* always after: it is -1 now, which is as harmless as any place inside */
		r->num = vnp_scalar_branch(BPF_JSLE, true, true, &num, &most) ?
			 num : most;
	} else {
		if (s->from.place == PLACE_VALUE)
			r->hi = max_t(s64, r->hi,
				      s->k + c->code->maps[r->map].value_size);
		else if (s->from.place == PLACE_END)
			r->hi = max(r->hi, s->k);
		else
			return;
		val_clip(r);
	}
	r->capped = true;
}

/* @r + k is after the place, or it is 0 now: an access at @r + k - 1 is inside */
static void mask_low(struct check *c, struct check_val *r)
{
	const struct check_state *s = &c->state;
	struct vnp_scalar num = r->num, least;

	if (!r->capped)
		return;
	if (val_is_counted(&s->from)) {
		least = vnp_scalar_const(s->from.num.smin - s->k + 1);
		r->num = vnp_scalar_branch(BPF_JSGE, true, true, &num, &least) ?
			 num : least;
		return;
	}
	if (s->from.place == PLACE_END)
		return;
	r->lo = min(r->lo, s->k - 1);
	val_clip(r);
}

/* Both sides were checked: set the window, or the distance from the place */
static void mask_grant(const struct check *c, struct check_val *r)
{
	struct vnp_scalar num;

	if (val_is_counted(r)) {
		num = vnp_scalar_unknown();
		num.smin = 1 - (s64)r->kl;
		num.smax = -(s64)r->kh;
		if (vnp_scalar_normalize(&num))
			r->num = num;
	} else {
		r->lo = (s64)r->kl - 1;
		r->hi = r->kh;
		if (r->kind == CHECK_VALUE)
			r->hi += c->code->maps[r->map].value_size;
		val_clip(r);
	}
	r->far = 0;
}

/* A mask on @r, which may be anywhere */
static void mask_far(struct check *c, struct check_val *r, bool high)
{
	const struct check_state *s = &c->state;
	bool packet = r->kind == CHECK_PACKET, end = s->from.place == PLACE_END;

	if (s->k != (s32)s->k || (val_is_counted(r) && s->from.num.value) ||
	    (packet && high != end))
		return;
	if (high) {
		r->kh = s->k;
		r->far = FAR_HIGH;
		return;
	}
	if (!(r->far & FAR_HIGH))
		return;
	if (!(r->far & FAR_LOW)) {
		r->kl = s->k;
		r->far |= FAR_LOW;
	} else if (s->k >= r->kh) {
		mask_grant(c, r);
		return;
	}
	if (!packet && r->kl - 1 >= r->kh)
		mask_grant(c, r);
}

static bool mask_ends(struct check *c, const struct bpf_insn *insn)
{
	struct check_state *s = &c->state;
	struct check_val *r = check_reg(c, insn->dst_reg);
	bool high = insn->code == (BPF_ALU64 | BPF_OR | BPF_X);
	bool near;

	if (insn->src_reg != VNP_REG_AX || s->sym != SYM_SIGN ||
	    s->of != insn->dst_reg ||
	    (!high && insn->code != (BPF_ALU64 | BPF_AND | BPF_X)))
		return false;
	/* with NULL instead of the object its size must be harmless */
	if (s->from.place == PLACE_VALUE && !s->from.capped &&
	    c->code->maps[s->from.map].value_size > VNP_SPEC_NULL)
		return false;
	r->map = s->from.map;
	near = val_is_counted(r) ? r->num.smin >= -CHECK_FAR &&
	       r->num.smax <= CHECK_FAR : val_is_near(r);
	if (!near)
		mask_far(c, r, high);
	else if (high)
		mask_high(c, r);
	else
		mask_low(c, r);
	r->place = PLACE_NONE;
	s->sym = SYM_NONE;
	return true;
}

/* ---- Arithmetic ------------------------------------------------------------ */

static struct check_val check_moved(const struct check_val *ptr,
				    const struct vnp_scalar *by, bool sub)
{
	struct check_val val = *ptr;
	s64 min = by->smin, max = by->smax;

	if (val.place != PLACE_CTX || !vnp_scalar_is_const(by))
		val.place = PLACE_NONE;
	val.capped = false;
	val.far = 0;
	val.num = vnp_scalar_alu(sub ? BPF_SUB : BPF_ADD, 0, true, &ptr->num, by);
	if (!val_is_windowed(ptr))
		return val;
	val.num = ptr->num;
	if (sub) {
		min = vnp_sat_sub(0, by->smax);
		max = vnp_sat_sub(0, by->smin);
	}
	val.lo = vnp_sat_sub(ptr->lo, min);
	val.hi = vnp_sat_sub(ptr->hi, max);
	if (!val_is_near(&val) || min < -CHECK_FAR || max > CHECK_FAR) {
		val.lo = S64_MAX;
		val.hi = S64_MIN;
	}
	return val;
}

static bool check_is_packet(const struct check_val *val)
{
	return val->kind == CHECK_PACKET || val->kind == CHECK_HALF;
}

static int check_drop(struct check *c, const struct bpf_insn *insn, const char *what)
{
	check_set(c, insn->dst_reg, val_any());
	return check_refuse(c, what);
}

/* The kind of the result of arithmetic on halves or complements */
static enum check_kind check_half_kind(const struct bpf_insn *insn,
				       const struct check_val *dst,
				       const struct check_val *src)
{
	u8 op = BPF_OP(insn->code);
	bool is64 = vnp_insn_is64(insn), dst_is = check_is_packet(dst);
	bool cut = !is64 || dst->kind == CHECK_HALF;
	bool ones = src->kind == CHECK_NUM && vnp_scalar_is_const(&src->num) &&
		    (is64 ? src->num.value == U64_MAX : (u32)src->num.value == U32_MAX);

	if (dst_is && (op == BPF_NEG || (op == BPF_XOR && ones)))
		return CHECK_COMPLEMENT;
	if (op != BPF_ADD && op != BPF_SUB)
		return CHECK_ANY;
	if (src->kind == CHECK_NUM && dst->kind == CHECK_COMPLEMENT)
		return CHECK_COMPLEMENT;
	if (src->kind == CHECK_NUM && dst_is && cut)
		return CHECK_HALF;
	if (op == BPF_SUB)
		return dst_is && check_is_packet(src) && !is64 ? CHECK_NUM : CHECK_ANY;
	if (dst->kind == CHECK_NUM && src->kind == CHECK_COMPLEMENT)
		return CHECK_COMPLEMENT;
	if (dst->kind == CHECK_NUM && check_is_packet(src) &&
	    (!is64 || src->kind == CHECK_HALF))
		return CHECK_HALF;
	return (dst_is && src->kind == CHECK_COMPLEMENT) ||
	       (dst->kind == CHECK_COMPLEMENT && check_is_packet(src)) ?
		CHECK_NUM : CHECK_ANY;
}

static bool check_halves(struct check *c, const struct bpf_insn *insn,
			 const struct check_val *dst, const struct check_val *src)
{
	enum check_kind kind = check_half_kind(insn, dst, src);

	if (kind == CHECK_ANY)
		return false;
	check_set(c, insn->dst_reg, kind == CHECK_NUM ?
		  val_unknown(vnp_insn_is64(insn) ? 8 : 4) :
		  (struct check_val){ .kind = kind });
	return true;
}

static int check_pointers(struct check *c, const struct bpf_insn *insn,
			  const struct check_val *dst, const struct check_val *src)
{
	bool sub = BPF_OP(insn->code) == BPF_SUB, is64 = vnp_insn_is64(insn);
	bool dst_points = dst->kind >= CHECK_CTX && dst->kind <= CHECK_VALUE;
	bool src_points = src->kind >= CHECK_CTX && src->kind <= CHECK_VALUE;

	/* a guard before a barrier: only its branch uses the result */
	if (insn->dst_reg == VNP_REG_AX && is64 && sub && dst_points &&
	    src->kind != CHECK_NUM) {
		check_set(c, VNP_REG_AX, val_unknown(8));
		return 0;
	}
	if (dst->kind == CHECK_ANY || src->kind == CHECK_ANY)
		return check_drop(c, insn,
				   "calculates with what may be a pointer or a number");
	if (check_halves(c, insn, dst, src))
		return 0;
	if (is64 && sub && dst_points && dst->kind == src->kind)
		check_set(c, insn->dst_reg, val_unknown(8));
	else if (is64 && dst_points && src->kind == CHECK_NUM &&
		 (sub || BPF_OP(insn->code) == BPF_ADD))
		check_set(c, insn->dst_reg, check_moved(dst, &src->num, sub));
	else if (is64 && src_points && dst->kind == CHECK_NUM &&
		 BPF_OP(insn->code) == BPF_ADD)
		check_set(c, insn->dst_reg, check_moved(src, &dst->num, false));
	else
		return check_drop(c, insn, "turns a pointer into a number");
	return 0;
}

static int check_move(struct check *c, const struct bpf_insn *insn,
		      const struct check_val *src)
{
	bool is64 = vnp_insn_is64(insn);
	struct check_val val = *src;

	if (src->kind == CHECK_NUM)
		val = val_num(vnp_scalar_alu(BPF_MOV, 0, is64, &src->num, &src->num));
	else if (!is64 && (check_is_packet(src) || src->kind == CHECK_COMPLEMENT))
		val = (struct check_val){
			.kind = src->kind == CHECK_COMPLEMENT ? src->kind : CHECK_HALF,
		};
	else if (!is64)
		return check_drop(c, insn, "cuts a pointer in half");
	check_set(c, insn->dst_reg, val);
	return 0;
}

/* May it divide by zero, speculatively: then the transient result is unknown */
static bool check_divides_by_zero(const struct bpf_insn *insn, const struct vnp_scalar *by)
{
	struct vnp_scalar num = vnp_scalar_truncate(by, vnp_insn_is64(insn) ? 8 : 4);
	bool divides = BPF_OP(insn->code) == BPF_DIV || BPF_OP(insn->code) == BPF_MOD;

	return divides && vnp_scalar_has(&num, 0);
}

static int check_alu(struct check *c, const struct bpf_insn *insn)
{
	struct check_val imm = val_num(vnp_scalar_const((s64)insn->imm)), *src = &imm;
	struct check_val *dst = check_reg(c, insn->dst_reg);
	struct vnp_scalar num;

	if (mask_begins(c, insn) || mask_goes_on(c, insn) || mask_ends(c, insn))
		return 0;
	if (BPF_OP(insn->code) == BPF_END) {
		if (dst->kind != CHECK_NUM)
			return check_drop(c, insn, "swaps the bytes of a pointer");
		num = vnp_scalar_swap(&dst->num, insn->imm, vnp_insn_swaps(insn));
		check_set(c, insn->dst_reg, val_num(num));
		return 0;
	}
	if (vnp_insn_uses_x(insn))
		src = check_reg(c, insn->src_reg);
	if (BPF_OP(insn->code) == BPF_MOV)
		return check_move(c, insn, src);
	if (dst->kind != CHECK_NUM || src->kind != CHECK_NUM)
		return check_pointers(c, insn, dst, src);
	num = vnp_scalar_alu(BPF_OP(insn->code), 0, vnp_insn_is64(insn), &dst->num,
			     &src->num);
	if (src == dst && (BPF_OP(insn->code) == BPF_SUB || BPF_OP(insn->code) == BPF_XOR))
		num = vnp_scalar_const(0);
	if (check_divides_by_zero(insn, &src->num)) {
		check_set(c, insn->dst_reg, val_unknown(vnp_insn_is64(insn) ? 8 : 4));
		return 0;
	}
	check_set(c, insn->dst_reg, val_num(num));
	return 0;
}

/* ---- Memory ---------------------------------------------------------------- */

/* Is a load or store of @size bytes at @off from the register proven */
static bool check_inside(const struct check *c, const struct check_val *ptr, s64 off,
			 s64 size)
{
	s64 lo = off, hi = off + size;

	switch (ptr->kind) {
	case CHECK_STACK:
		if (ptr->num.smin < -VNP_STACK_MAX - off || ptr->num.smax > -hi)
			return false;
		/* a place that varies must be in the program's own stack */
		return ptr->num.smin + lo >= (vnp_scalar_is_const(&ptr->num) ?
			-(s64)c->low->stack_size : -(s64)c->code->stack_size);
	case CHECK_PACKET:
	case CHECK_VALUE:
		return lo >= ptr->lo && hi <= ptr->hi;
	default:
		return false;
	}
}

/*
 * After the access the pointer is good: after a barrier by the verifier's findings.
 * Elsewhere that is an assumption, which is refused once all has converged.
 */
static int check_access(struct check *c, u32 n, s64 off, s64 size,
			const struct vnp_access *access)
{
	struct check_val *ptr = check_reg(c, n);
	int err = 0;

	if (check_inside(c, ptr, off, size))
		return 0;
	if (!c->fresh || !access->kind)
		err = check_refuse(c, "the access may be outside");
	if (err || !access->kind)
		return err;
	if (access->kind == VNP_REG_STACK) {
		if (ptr->kind != CHECK_STACK)
			*ptr = val_of_kind(VNP_REG_STACK, 0);
		ptr->num = vnp_scalar_unknown();
		ptr->num.smin = max_t(s64, access->lo, -(s64)c->code->stack_size) - off;
		ptr->num.smax = access->hi - off - size;
		if (!vnp_scalar_normalize(&ptr->num))
			ptr->num = vnp_scalar_unknown();
		return 0;
	}
	if (!val_is_windowed(ptr))
		*ptr = val_of_kind(access->kind, access->map);
	ptr->place = PLACE_NONE;
	ptr->capped = false;
	ptr->far = 0;
	ptr->lo = min(ptr->lo, off);
	ptr->hi = max(ptr->hi, off + size);
	val_clip(ptr);
	return 0;
}

/* Join @val into the slot, or when descending, into its new value */
static void check_put(struct check *c, u32 slot, struct check_val val)
{
	struct check_val *old = c->down ? &c->next_slot[slot] : &c->slot[slot], new;
	bool widen = !c->down && c->slot_rounds[slot] > CHECK_ROUNDS;

	/* a load that overtakes the move would find the old address of the payload */
	if (val.kind == CHECK_PACKET && c->voids)
		val = val_any();
	val.capped = false;
	val.far = 0;
	new = val_join(old, &val, widen ? U16_MAX : 0);
	if (val_equal(&new, old))
		return;
	*old = new;
	if (c->down)
		return;
	if (++c->slot_changes[slot] == CHECK_ROUNDS)
		c->slot_order[slot] = c->ordered++;
	if (c->slot_round[slot] != c->rounds) {
		c->slot_round[slot] = c->rounds;
		c->slot_rounds[slot]++;
	}
	if (c->slot_rounds[slot] > CHECK_ROUNDS_MAX)
		val_give_up(old);
	c->changed = true;
}

/* Slot at this place, if it is a whole slot; else VNP_SLOT_CNT */
static u32 check_slot(const struct check_val *ptr, s64 off, u32 size)
{
	s64 at;

	if (size != 8 || !vnp_scalar_is_const(&ptr->num) ||
	    ptr->num.smin < -VNP_STACK_MAX - off || ptr->num.smin > -8 - off)
		return VNP_SLOT_CNT;
	at = ptr->num.smin + off;
	return at & 7 ? VNP_SLOT_CNT : -at / 8 - 1;
}

/* Bytes from R10 that an access touches; the whole stack if they may be outside */
static void check_span(const struct check_val *ptr, s64 off, s64 size, s64 *lo, s64 *hi)
{
	*lo = clamp_t(s64, vnp_sat_add(ptr->num.smin, off), -VNP_STACK_MAX, 0);
	*hi = clamp_t(s64, vnp_sat_add(ptr->num.smax, off + size), -VNP_STACK_MAX, 0);
}

/*
 * Visit the slots of bytes [lo, hi) from R10: store numbers if @store; false: some
 * holds no number
 */
static bool check_slots(struct check *c, s64 lo, s64 hi, bool store)
{
	bool numbers = true;
	s64 i;

	for (i = round_down(lo, 8); i < hi; i += 8) {
		numbers &= c->slot[-i / 8 - 1].kind == CHECK_NUM;
		if (store)
			check_put(c, -i / 8 - 1, val_unknown(8));
	}
	return numbers;
}

static bool check_finds_numbers(struct check *c, const struct check_val *ptr, s64 off,
				s64 size)
{
	s64 lo, hi;

	check_span(ptr, off, size, &lo, &hi);
	return check_slots(c, lo, hi, false);
}

/* Right after a barrier the verifier knows which fields it can be */
static void check_trust_ctx(const struct check *c, struct check_val *ptr, s64 off,
			      u32 size)
{
	const struct vnp_access *access =
		&c->code->aux[c->low->origin[c->at]].access;
	struct vnp_scalar lo = vnp_scalar_const(access->lo - off);
	struct vnp_scalar hi = vnp_scalar_const(access->hi - off - size);

	if (!c->fresh || access->kind != VNP_REG_CTX)
		return;
	if (ptr->kind != CHECK_CTX || !vnp_scalar_is_const(&ptr->num)) {
		*ptr = val_of_kind(VNP_REG_CTX, 0);
		vnp_scalar_branch(BPF_JSGE, true, true, &ptr->num, &lo);
		vnp_scalar_branch(BPF_JSLE, true, true, &ptr->num, &hi);
	}
	ptr->place = PLACE_CTX;
}

/* At an offset that varies there are only numeric fields, and they are filled in */
static int check_load_ctx_varying(const struct check *c, const struct vnp_scalar *at,
				  u32 size)
{
	u64 words;
	s64 bad;

	if (!vnp_type_numbers(c->type, at, size, &words, &bad))
		return c->fresh ? 0 :
		       check_refuse(c, "reads the context at an unknown offset");
	if (words & ~c->code->ctx_fields)
		return check_refuse(c, "may read a field of the context that is not filled in");
	return 0;
}

static int check_load_ctx(struct check *c, const struct check_val *ctx, s64 off,
			  u32 size, struct check_val *to)
{
	struct vnp_scalar at = vnp_scalar_const(off);
	const struct vnp_field *field;

	at = vnp_scalar_alu(BPF_ADD, 0, true, &at, &ctx->num);
	if (!vnp_scalar_is_const(&at))
		return check_load_ctx_varying(c, &at, size);
	field = vnp_type_field(c->type, at.smin);
	if (!field || !vnp_type_field(c->type, at.smin + size - 1))
		return check_refuse(c, "reads the context where there is no field");
	if (vnp_type_words(at.smin, size) & ~c->code->ctx_fields)
		return check_refuse(c, "reads a field of the context that is not filled in");
	if (field->kind == VNP_FIELD_SCALAR)
		return 0;
	if (c->state.moved) {
		*to = val_any();
		return 0;
	}
	*to = (struct check_val){
		.kind = CHECK_PACKET,
		.place = field->kind == VNP_FIELD_PACKET ? PLACE_DATA : PLACE_END,
		.num = vnp_scalar_const(0),
	};
	return 0;
}

static int check_load(struct check *c, const struct bpf_insn *insn)
{
	struct check_val *ptr = check_reg(c, insn->src_reg);
	u32 size = vnp_insn_size(insn), slot;
	struct check_val to = val_unknown(size);
	int err;

	check_trust_ctx(c, ptr, insn->off, size);
	if (ptr->kind == CHECK_CTX) {
		err = check_load_ctx(c, ptr, insn->off, size, &to);
	} else {
		err = check_access(c, insn->src_reg, insn->off, size,
				   &c->code->aux[c->low->origin[c->at]].access);
		if (!err && ptr->kind == CHECK_STACK) {
			slot = check_slot(ptr, insn->off, size);
			if (slot < VNP_SLOT_CNT)
				to = c->slot[slot];
			else if (!check_finds_numbers(c, ptr, insn->off, size) &&
				 !c->fresh)
				to = val_any();
		}
	}
	check_set(c, insn->dst_reg, to);
	return err;
}

/* Lowering writes the fields after the context: the result of the execution */
static int check_store_ctx(struct check *c, const struct check_val *ctx, s64 off,
			   u32 size)
{
	if (vnp_scalar_is_const(&ctx->num) && !ctx->num.value &&
	    off >= (s64)sizeof(struct vnp_ctx) &&
	    off + size <= (s64)sizeof(struct vnp_exec))
		return 0;
	return check_refuse(c, "writes to the context");
}

/* Registers after an atomic operation; a 32-bit cmpxchg that succeeds keeps R0 */
static void check_fetched(struct check *c, const struct bpf_insn *insn)
{
	struct check_val old = val_unknown(vnp_insn_size(insn));

	if (vnp_insn_is_cmpxchg32(insn))
		old = val_join(&old, check_reg(c, BPF_REG_0), 0);
	if (insn->imm == BPF_CMPXCHG)
		check_set(c, BPF_REG_0, old);
	else if (insn->imm & BPF_FETCH)
		check_set(c, insn->src_reg, old);
}

static int check_store(struct check *c, const struct bpf_insn *insn)
{
	struct check_val *ptr = check_reg(c, insn->dst_reg);
	struct check_val val = val_num(vnp_scalar_const((s64)insn->imm));
	bool atomic = vnp_insn_is_atomic(insn);
	u32 size = vnp_insn_size(insn), slot;
	s64 off = insn->off, lo, hi;
	int err;

	if (BPF_CLASS(insn->code) == BPF_STX)
		val = *check_reg(c, insn->src_reg);
	if (ptr->kind == CHECK_CTX)
		return check_store_ctx(c, ptr, off, size);
	err = check_access(c, insn->dst_reg, off, size,
			   &c->code->aux[c->low->origin[c->at]].access);
	if (err)
		return err;
	slot = ptr->kind == CHECK_STACK && !atomic ? check_slot(ptr, off, size) :
						     VNP_SLOT_CNT;
	if (slot < VNP_SLOT_CNT) {
		check_put(c, slot, val);
		return 0;
	}
	if (val.kind != CHECK_NUM)
		return check_refuse(c, "stores what may be a pointer");
	if (ptr->kind == CHECK_STACK) {
		check_span(ptr, off, size, &lo, &hi);
		if (!check_slots(c, lo, hi, true) && atomic && !c->fresh)
			return check_refuse(c, "changes what may be a pointer");
	}
	if (atomic)
		check_fetched(c, insn);
	return 0;
}

static int check_ld_imm64(struct check *c, const struct bpf_insn *insn)
{
	u32 map = c->low->map[c->at];
	u64 imm = vnp_insn_imm64(insn);
	const struct vnp_map_desc *desc;
	struct check_val val = { .map = map - 1, .num = vnp_scalar_const(0) };
	s64 off;

	if (!map) {
		check_set(c, insn->dst_reg, val_num(vnp_scalar_const(imm)));
		return 0;
	}
	desc = &c->code->maps[map - 1];
	off = vnp_wrap_sub(imm, (uintptr_t)desc->value);
	if (imm == (uintptr_t)desc->handle) {
		val.kind = CHECK_HANDLE;
	} else if (desc->value && off >= 0 && off <= desc->value_size) {
		val.kind = CHECK_VALUE;
		val.place = off ? PLACE_NONE : PLACE_VALUE;
		/* it is not NULL */
		val.capped = !off;
		val.lo = -off;
		val.hi = desc->value_size - off;
	} else {
		return check_drop(c, insn, "an address that is not the map's");
	}
	check_set(c, insn->dst_reg, val);
	return 0;
}

/* ---- Calls ----------------------------------------------------------------- */

static int check_call_memory(struct check *c, u32 n, u8 kind, s64 size,
			     const struct vnp_access *access)
{
	struct check_val *ptr = check_reg(c, n);
	s64 lo, hi;
	int err;

	/* the verifier found that it is not accessed, as its size is 0 */
	if (!access->kind)
		return c->fresh ? 0 :
		       check_refuse(c, "a helper may access memory that only a branch protects");
	err = check_access(c, n, 0, size, access);
	if (err || ptr->kind != CHECK_STACK)
		return err;
	check_span(ptr, 0, size, &lo, &hi);
	if (c->fresh) {
		lo = max_t(s64, max_t(s64, lo, access->lo), -(s64)c->code->stack_size);
		hi = min_t(s64, hi, access->hi);
	}
	if (!check_slots(c, lo, hi, kind == VNP_ARG_MEM_WRITE) &&
	    kind != VNP_ARG_MEM_WRITE && !c->fresh)
		return check_refuse(c, "a helper may read a pointer");
	return 0;
}

static int check_call_arg(struct check *c, const struct vnp_helper *helper, u32 i,
			  const struct vnp_call *call)
{
	const struct check_val *arg = check_reg(c, i + 1);
	const struct vnp_map_desc *maps = c->code->maps;
	s64 size = 0;

	switch (helper->arg[i]) {
	case VNP_ARG_NONE:
	case VNP_ARG_SIZE:
	case VNP_ARG_SIZE_OR_0:
		return 0;
	case VNP_ARG_SCALAR:
		if (arg->kind == CHECK_NUM || c->fresh)
			return 0;
		return check_refuse(c, "a helper takes a pointer for a number");
	case VNP_ARG_CTX:
		if (arg->kind == CHECK_CTX && vnp_scalar_is_const(&arg->num) &&
		    !arg->num.value)
			return 0;
		if (c->fresh)
			return 0;
		return check_refuse(c, "a helper takes something else for the context");
	case VNP_ARG_MAP:
		if ((arg->kind == CHECK_HANDLE && arg->map == call->map) || c->fresh)
			return 0;
		return check_refuse(c, "a helper takes something else for a map");
	case VNP_ARG_MAP_KEY:
		size = maps[call->map].key_size;
		break;
	case VNP_ARG_MAP_VALUE:
		size = maps[call->map].value_size;
		break;
	default:
		size = S32_MAX;
		if (arg[1].kind == CHECK_NUM && arg[1].num.umax <= VNP_SIZE_MAX)
			size = arg[1].num.umax;
		if (!size)
			return 0;
	}
	return check_call_memory(c, i + 1, helper->arg[i], size, &call->arg[i]);
}

static int check_call(struct check *c, const struct bpf_insn *insn)
{
	const struct vnp_helper *helper = vnp_helper_get(insn->imm);
	u32 i, origin = c->low->origin[c->at];
	const struct vnp_call *call = &c->code->calls[c->code->aux[origin].call];
	struct check_val ret = val_unknown(8);
	int err;

	for (i = 0; i < VNP_HELPER_ARGS_MAX; i++) {
		err = check_call_arg(c, helper, i, call);
		if (err)
			return err;
	}
	c->state.moved |= helper->moves_packet;
	for (i = 0; i < CHECK_REGS; i++) {
		if (i == VNP_REG_AX || i <= BPF_REG_5 ||
		    (helper->moves_packet && check_is_packet(check_reg(c, i))))
			check_set(c, i, val_any());
	}
	if (helper->ret == VNP_RET_MAP_VALUE_OR_NULL) {
		ret = (struct check_val){
			.kind = CHECK_VALUE, .map = call->map, .place = PLACE_VALUE,
			.hi = c->code->maps[call->map].value_size,
			.num = vnp_scalar_const(0),
		};
		val_clip(&ret);
	}
	check_set(c, BPF_REG_0, ret);
	return 0;
}

/* ---- The walk -------------------------------------------------------------- */

static void check_trust(struct check *c, u32 n, u8 kind)
{
	struct check_val val = val_of_kind(kind, kind == VNP_REG_MAP_VALUE ?
					   VNP_MAPS_MAX : 0), *reg = check_reg(c, n);

	if (n != VNP_REG_FP && val.kind != CHECK_ANY && val.kind != reg->kind)
		*reg = val;
}

static bool check_wants_number(u8 arg)
{
	return arg == VNP_ARG_SCALAR || arg == VNP_ARG_SIZE || arg == VNP_ARG_SIZE_OR_0;
}

static void check_trust_args(struct check *c, const struct vnp_helper *helper)
{
	u32 i;

	for (i = 0; i < VNP_HELPER_ARGS_MAX; i++)
		if (check_wants_number(helper->arg[i]))
			check_trust(c, i + 1, VNP_REG_SCALAR);
}

/* Values of unknown kind are now of the verifier's kinds */
static void check_barrier(struct check *c)
{
	const struct vnp_insn_aux *aux = &c->code->aux[c->low->origin[c->at]];
	const struct bpf_insn *insn = &c->code->insns[c->low->origin[c->at]];
	u32 reads = vnp_live_reads(insn);

	c->state.moved = false;
	if (vnp_insn_is_call(insn)) {
		check_trust_args(c, vnp_helper_get(insn->imm));
		return;
	}
	if (reads & BIT(insn->dst_reg))
		check_trust(c, insn->dst_reg, aux->dst_kind);
	if (reads & BIT(insn->src_reg))
		check_trust(c, insn->src_reg, aux->src_kind);
	if (vnp_insn_is_atomic(insn) && insn->imm == BPF_CMPXCHG)
		check_trust(c, BPF_REG_0, VNP_REG_SCALAR);
}

static int check_compare(struct check *c, const struct bpf_insn *insn)
{
	const struct check_val *a = check_reg(c, insn->dst_reg), *b;
	bool equal = BPF_OP(insn->code) == BPF_JEQ || BPF_OP(insn->code) == BPF_JNE;

	b = vnp_insn_uses_x(insn) ? check_reg(c, insn->src_reg) : NULL;
	if (equal || (a->kind == CHECK_NUM && (!b || b->kind == CHECK_NUM)))
		return 0;
	if (b && a->kind == b->kind && a->kind != CHECK_ANY)
		return 0;
	return check_refuse(c, "the comparison may reveal where objects are");
}

static int check_insn(struct check *c, const struct bpf_insn *insn)
{
	switch (BPF_CLASS(insn->code)) {
	case BPF_LD:
		return check_ld_imm64(c, insn);
	case BPF_ALU:
	case BPF_ALU64:
		return check_alu(c, insn);
	case BPF_LDX:
		return check_load(c, insn);
	case BPF_ST:
	case BPF_STX:
		if (insn->code != VNP_BARRIER)
			return check_store(c, insn);
		check_barrier(c);
		return 0;
	default:
		if (vnp_insn_is_call(insn))
			return check_call(c, insn);
		return vnp_insn_is_cond(insn) ? check_compare(c, insn) : 0;
	}
}

static int check_flow(struct check *c, u32 to)
{
	struct check_state **in;

	if (to >= c->low->cnt)
		return check_refuse(c, "continues after the last instruction");
	in = c->down && c->head[to] ? &c->next[to] : &c->in[to];
	if (!*in) {
		*in = vnp_alloc(1, sizeof(**in));
		if (!*in)
			return -ENOMEM;
		**in = c->state;
		memset((*in)->grown, 0, sizeof((*in)->grown));
	} else if (!state_join(*in, &c->state)) {
		return 0;
	}
	c->dirty[to] = true;
	c->first = min(c->first, to);
	return 0;
}

/* From a join to the next ones */
static int check_block(struct check *c, u32 from)
{
	const struct bpf_insn *insn;
	int err;

	c->state = *c->in[from];
	state_settle(&c->state);
	c->fresh = false;
	for (c->at = from; c->at < c->low->cnt; ) {
		insn = &c->low->insns[c->at];
		if (vnp_insn_is_exit(insn))
			return 0;
		err = check_insn(c, insn);
		if (err)
			return err;
		/* a blinded constant may be loaded between barrier and access */
		if (!vnp_insn_is_alu(insn) || insn->dst_reg != VNP_REG_AX)
			c->fresh = insn->code == VNP_BARRIER;
		if (vnp_insn_is_branch(insn)) {
			err = check_flow(c, vnp_insn_target(insn, c->at));
			if (err || vnp_insn_is_ja(insn))
				return err;
		}
		c->at += vnp_insn_len(insn);
		if (c->at < c->low->cnt && c->target[c->at])
			return check_flow(c, c->at);
	}
	c->at = c->low->cnt - 1;
	return check_refuse(c, "continues after the last instruction");
}

static int check_walk(struct check *c)
{
	u32 i;
	int err;

	for (i = 0; i < c->low->cnt; i++) {
		c->dirty[i] = c->in[i];
		if (c->in[i])
			memset(c->in[i]->grown, 0, sizeof(c->in[i]->grown));
	}
	c->first = 0;
	while (c->first < c->low->cnt) {
		i = c->first++;
		if (!c->dirty[i])
			continue;
		c->dirty[i] = false;
		err = check_block(c, i);
		if (err)
			return err;
	}
	return 0;
}

/* Initial values of slots: what is stored before the first barrier, without a jump */
static void check_enter_slots(struct check *c, struct check_val *slots)
{
	const struct vnp_lowered *low = c->low;
	u32 i, end = 0, slot;

	while (end < low->cnt && low->insns[end].code != VNP_BARRIER &&
	       !vnp_insn_is_jump_class(&low->insns[end]))
		end++;
	for (i = 0; i < VNP_SLOT_CNT; i++)
		slots[i] = val_any();
	if (end == low->cnt || low->insns[end].code != VNP_BARRIER)
		return;
	for (i = 0; i < end; i += vnp_insn_len(&low->insns[i])) {
		const struct bpf_insn *insn = &low->insns[i];

		if (BPF_CLASS(insn->code) != BPF_ST && BPF_CLASS(insn->code) != BPF_STX)
			continue;
		slot = check_slot(&c->state.reg[VNP_REG_FP], insn->off,
				  vnp_insn_size(insn));
		if (insn->dst_reg != VNP_REG_FP || slot == VNP_SLOT_CNT)
			continue;
		/* until then R1 is unchanged: only AX is written */
		slots[slot] = val_num(vnp_scalar_const(0));
		if (BPF_CLASS(insn->code) == BPF_STX && insn->src_reg == BPF_REG_1)
			slots[slot] = c->state.reg[BPF_REG_1];
	}
}

/* The state at the entry flows into the first instruction */
static int check_enter(struct check *c)
{
	u32 i;

	memset(&c->state, 0, sizeof(c->state));
	for (i = 0; i < CHECK_REGS; i++)
		c->state.reg[i] = val_any();
	c->state.reg[BPF_REG_1] = (struct check_val){
		.kind = CHECK_CTX, .place = PLACE_CTX, .num = vnp_scalar_const(0),
	};
	c->state.reg[VNP_REG_FP] = (struct check_val){
		.kind = CHECK_STACK, .num = vnp_scalar_const(0),
	};
	check_enter_slots(c, c->down ? c->next_slot : c->slot);
	return check_flow(c, 0);
}

/*
 * A slot whose value is computed from a counting slot changes whenever that one does,
 * but later. So only the first is widened, and the others get more rounds to converge:
 * if a slot that is copied back to itself were widened, too, it would keep that value.
 */
static void check_widen_slot(struct check *c)
{
	u32 i, first = VNP_SLOT_CNT;

	for (i = 0; i < VNP_SLOT_CNT; i++)
		if (c->slot_rounds[i] == CHECK_ROUNDS &&
		    (first == VNP_SLOT_CNT || c->slot_order[i] < c->slot_order[first]))
			first = i;
	if (first == VNP_SLOT_CNT)
		return;
	for (i = 0; i < VNP_SLOT_CNT; i++)
		if (c->slot_rounds[i] <= CHECK_ROUNDS)
			c->slot_rounds[i] = 0;
	c->slot_rounds[first] = CHECK_ROUNDS + 1;
}

/* Ascend: walk all until nothing changes */
static int check_up(struct check *c)
{
	int err;

	do {
		c->changed = false;
		c->rounds++;
		err = check_walk(c);
		check_widen_slot(c);
	} while (!err && c->changed);
	return err;
}

/*
 * Descend: walk all once, in order, from the current states. What flows into loop
 * headers, and what is stored, become their new values.
 */
static int check_down(struct check *c)
{
	u32 i;
	int err;

	c->down = true;
	for (i = 0; i < c->low->cnt; i++) {
		if (c->head[i])
			continue;
		vnp_free(c->in[i]);
		c->in[i] = NULL;
	}
	err = check_enter(c);
	for (i = 0; i < c->low->cnt && !err; i++)
		if (c->in[i])
			err = check_block(c, i);
	for (i = 0; i < c->low->cnt; i++) {
		if (!c->head[i])
			continue;
		vnp_free(c->in[i]);
		c->in[i] = c->next[i];
		c->next[i] = NULL;
	}
	memcpy(c->slot, c->next_slot, sizeof(c->slot));
	c->down = false;
	return err;
}

static int check_rounds(struct check *c)
{
	int err = check_up(c);
	u32 i;

	for (i = 0; i < CHECK_DOWN && !err; i++)
		err = check_down(c);
	/* operations need not be monotone */
	if (!err)
		err = check_up(c);
	if (err)
		return err;
	c->speak = true;
	err = check_walk(c);
	if (!err && c->changed)
		err = check_refuse(c, "the slots of the stack do not converge");
	return err;
}

static int check_init(struct check *c)
{
	const struct vnp_lowered *low = c->low;
	u32 i;

	c->in = vnp_alloc(low->cnt, sizeof(*c->in));
	c->next = vnp_alloc(low->cnt, sizeof(*c->next));
	c->target = vnp_alloc(low->cnt, 1);
	c->head = vnp_alloc(low->cnt, 1);
	c->dirty = vnp_alloc(low->cnt, 1);
	if (!c->in || !c->next || !c->target || !c->head || !c->dirty)
		return -ENOMEM;
	for (i = 0; i < low->cnt; i += vnp_insn_len(&low->insns[i])) {
		const struct bpf_insn *insn = &low->insns[i];
		s64 to = vnp_insn_target(insn, i);

		if (vnp_insn_is_branch(insn) && to >= 0 && to < low->cnt) {
			c->target[to] = true;
			c->head[to] |= to <= i;
		}
		if (vnp_insn_is_call(insn))
			c->voids |= vnp_helper_get(insn->imm)->moves_packet;
	}
	return check_enter(c);
}

static void check_free(struct check *c)
{
	u32 i;

	for (i = 0; c->in && c->next && i < c->low->cnt; i++) {
		vnp_free(c->in[i]);
		vnp_free(c->next[i]);
	}
	vnp_free(c->in);
	vnp_free(c->next);
	vnp_free(c->target);
	vnp_free(c->head);
	vnp_free(c->dirty);
	vnp_free(c);
}

int vnp_check_lowered(const struct vnp_code *code, struct vnp_log *log)
{
	struct check *c = vnp_alloc(1, sizeof(*c));
	int err;

	if (!c)
		return -ENOMEM;
	c->code = code;
	c->low = &code->lowered;
	c->log = log;
	c->type = vnp_type_get(code->type);
	err = check_init(c);
	if (!err)
		err = check_rounds(c);
	check_free(c);
	return err;
}
