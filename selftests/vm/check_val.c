// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Values and states of the checker, and their joins.
 */
#include "vm/arith.h"
#include "selftests/vm/check.h"

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

struct check_val val_any(void)
{
	return (struct check_val){ .kind = CHECK_ANY };
}

struct check_val val_num(struct vnp_scalar num)
{
	return (struct check_val){ .kind = CHECK_NUM, .num = num };
}

struct check_val val_unknown(u32 bytes)
{
	struct vnp_scalar num = vnp_scalar_unknown();

	return val_num(vnp_scalar_truncate(&num, bytes));
}

/* A value of an enum vnp_reg_kind of which nothing else is known */
struct check_val val_of_kind(u8 kind, u8 map)
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

bool val_is_windowed(const struct check_val *val)
{
	return val->kind == CHECK_PACKET || val->kind == CHECK_VALUE;
}

/* Is @num the distance from a fixed position? */
bool val_is_counted(const struct check_val *val)
{
	return val->kind == CHECK_STACK || val->kind == CHECK_CTX;
}

bool val_is_near(const struct check_val *val)
{
	return val->lo <= CHECK_FAR && val->hi >= -CHECK_FAR;
}

bool val_equal(const struct check_val *a, const struct check_val *b)
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
void val_clip(struct check_val *val)
{
	if (!val_is_near(val))
		return;
	val->lo = max_t(s64, val->lo, -VNP_SPEC_NULL);
	val->hi = min_t(s64, val->hi, VNP_SPEC_NULL);
}

/* Forget everything but the kind */
void val_give_up(struct check_val *val)
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

/* Widen each bound that moved to the next power of 2, which may be far away */
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
struct check_val val_join(const struct check_val *a, const struct check_val *b,
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
bool state_join(struct check_state *to, const struct check_state *from)
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
void state_settle(struct check_state *s)
{
	struct vnp_scalar num;
	u32 i;

	for (i = 0; i < CHECK_REGS; i++) {
		num = s->reg[i].num;
		if (vnp_scalar_normalize(&num))
			s->reg[i].num = num;
	}
}
