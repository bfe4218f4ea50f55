// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* What is known of a number: sets, joined and widened. */
#include "vm/analysis/spans.h"

/* Rounds of vnp_scalar_normalize(); it is sound to stop after any */
#define ROUNDS_MAX	4

/*
 * known_ceil() - the least member that is not less than @x
 *
 * If there is none the result is less than @x, as a carry left the word.
 */
static u64 known_ceil(struct vnp_known k, u64 x)
{
	u64 differ = (x ^ k.value) & ~k.mask;
	u64 below = vnp_ones(fls64(differ));

	if (!differ)
		return x;
	/*
	 * @below is the first differing bit and all lower ones.  If @x has 0
	 * there, the members that agree with it above are greater already.
	 */
	if ((x & differ) < (k.value & differ))
		return (x & k.mask & ~below) | k.value;
	/*
	 * Else increment the number that the free bits above form.  The other bits are set to 1, so
	 * that they propagate the carry.
	 */
	return (((x | ~k.mask | below) + 1) & k.mask) | k.value;
}

/* known_floor() - the greatest member not above @x; if there is none, one above */
static u64 known_floor(struct vnp_known k, u64 x)
{
	k.value = ~(k.value | k.mask);
	return ~known_ceil(k, ~x);
}

/*
 * span_shrink() - move the ends inwards
 *
 * An end that would move outwards has wrapped around: there is no member.
 */
static void span_shrink(struct vnp_span *s, u64 lo, u64 hi)
{
	if (lo < s->lo || hi > s->hi)
		*s = VNP_NO_SPAN;
	else
		*s = (struct vnp_span){ lo, hi };
}

/*
 * span_shrink_low() - move the ends to words whose lower half is in an arc
 * @s:		whole words
 * @lo:		first of the arc
 * @hi:		last of the arc
 *
 * A half is in the arc if it is no farther from @lo than @hi is.
 */
static void span_shrink_low(struct vnp_span *s, u32 lo, u32 hi)
{
	u32 length = hi - lo;
	u32 ahead = lo - (u32)s->lo;
	u32 beyond = (u32)s->hi - hi;
	u64 first = s->lo;
	u64 last = s->hi;

	if ((u32)-ahead > length)
		first += ahead;
	if ((u32)-beyond > length)
		last -= beyond;
	span_shrink(s, first, last);
}

struct vnp_scalar vnp_scalar_const(u64 v)
{
	return (struct vnp_scalar){
		.value = v,
		.umin = v, .umax = v, .smin = v, .smax = v,
		.umin32 = v, .umax32 = v, .smin32 = v, .smax32 = v,
	};
}

struct vnp_scalar vnp_scalar_unknown(void)
{
	return (struct vnp_scalar){
		.mask = U64_MAX,
		.umax = U64_MAX, .smin = S64_MIN, .smax = S64_MAX,
		.umax32 = U32_MAX, .smin32 = S32_MIN, .smax32 = S32_MAX,
	};
}

struct vnp_scalar vnp_scalar_range(u64 umin, u64 umax)
{
	struct vnp_scalar s = vnp_scalar_unknown();

	s.umin = umin;
	s.umax = umax;
	vnp_scalar_normalize(&s);
	return s;
}

bool vnp_scalar_has(const struct vnp_scalar *s, u64 v)
{
	return !((v ^ s->value) & ~s->mask) &&
	       s->umin <= v && v <= s->umax &&
	       s->smin <= (s64)v && (s64)v <= s->smax &&
	       s->umin32 <= (u32)v && (u32)v <= s->umax32 &&
	       s->smin32 <= (s32)v && (s32)v <= s->smax32;
}

bool vnp_scalar_equal(const struct vnp_scalar *a, const struct vnp_scalar *b)
{
	return a->value == b->value && a->mask == b->mask &&
	       a->umin == b->umin && a->umax == b->umax &&
	       a->smin == b->smin && a->smax == b->smax &&
	       a->umin32 == b->umin32 && a->umax32 == b->umax32 &&
	       a->smin32 == b->smin32 && a->smax32 == b->smax32;
}

bool vnp_scalar_within(const struct vnp_scalar *a, const struct vnp_scalar *b)
{
	return !((a->mask | (a->value ^ b->value)) & ~b->mask) &&
	       a->umin >= b->umin && a->umax <= b->umax &&
	       a->smin >= b->smin && a->smax <= b->smax &&
	       a->umin32 >= b->umin32 && a->umax32 <= b->umax32 &&
	       a->smin32 >= b->smin32 && a->smax32 <= b->smax32;
}

/* ranges learn from known bits, and those of a word from those of its half */
static bool narrow_spans(struct vnp_scalar *s, unsigned int bits)
{
	struct vnp_known k = vnp_known_of(s, bits);
	struct vnp_spans p = vnp_spans_of(s, bits);
	int i;

	for (i = 0; i < 2; i++) {
		span_shrink(&p.sign[i], known_ceil(k, p.sign[i].lo),
			    known_floor(k, p.sign[i].hi));
		span_shrink_low(&p.sign[i], s->umin32, s->umax32);
		span_shrink_low(&p.sign[i], s->smin32, s->smax32);
	}
	return vnp_spans_store(&p, bits, s);
}

/* the ranges of the lower half learn from those of the word */
static bool narrow_half(struct vnp_scalar *s)
{
	struct vnp_spans word = vnp_spans_of(s, WORD_BITS);
	struct vnp_spans half = VNP_NO_SPANS;
	int i;

	for (i = 0; i < 2; i++) {
		if (!vnp_span_empty(word.sign[i]))
			vnp_spans_add(&half, word.sign[i], HALF_BITS);
	}
	return vnp_scalar_learn_spans(s, &half, HALF_BITS);
}

/* known bits learn from ranges */
static bool narrow_known(struct vnp_scalar *s, unsigned int bits)
{
	struct vnp_spans p = vnp_spans_of(s, bits);
	struct vnp_known k;

	if (vnp_span_empty(p.sign[0]))
		k = vnp_known_span(p.sign[1]);
	else if (vnp_span_empty(p.sign[1]))
		k = vnp_known_span(p.sign[0]);
	else
		k = vnp_known_join(vnp_known_span(p.sign[0]), vnp_known_span(p.sign[1]));
	return vnp_scalar_learn_known(s, k, bits);
}

bool vnp_scalar_normalize(struct vnp_scalar *s)
{
	struct vnp_scalar old;
	int i = 0;

	if (s->umin > s->umax || s->smin > s->smax ||
	    s->umin32 > s->umax32 || s->smin32 > s->smax32)
		return false;
	if (vnp_scalar_is_const(s)) {
		if (!vnp_scalar_has(s, s->value))
			return false;
		*s = vnp_scalar_const(s->value);
		return true;
	}
	do {
		old = *s;
		if (!narrow_spans(s, HALF_BITS) || !narrow_spans(s, WORD_BITS) ||
		    !narrow_half(s) ||
		    !narrow_known(s, WORD_BITS) || !narrow_known(s, HALF_BITS))
			return false;
	} while (!vnp_scalar_equal(&old, s) && ++i < ROUNDS_MAX);
	return true;
}

struct vnp_scalar vnp_scalar_join(const struct vnp_scalar *a,
				  const struct vnp_scalar *b)
{
	struct vnp_known k = vnp_known_join(vnp_known_of(a, WORD_BITS),
					    vnp_known_of(b, WORD_BITS));

	return (struct vnp_scalar){
		.value = k.value,
		.mask = k.mask,
		.umin = min(a->umin, b->umin),
		.umax = max(a->umax, b->umax),
		.smin = min(a->smin, b->smin),
		.smax = max(a->smax, b->smax),
		.umin32 = min(a->umin32, b->umin32),
		.umax32 = max(a->umax32, b->umax32),
		.smin32 = min(a->smin32, b->smin32),
		.smax32 = max(a->smax32, b->smax32),
	};
}

/* struct thresholds - where widened bounds may stop */
struct thresholds {
	const u64 *at;
	unsigned int cnt;
};

/*
 * next_threshold() - the least of @thresholds that is not below @bound, or @other
 * @bound:	a number; numbers are compared as unsigned after inverting the bits @flip
 * @other:	likewise
 * @mask:	the bits of a threshold that matter
 */
static u64 next_threshold(const struct thresholds *thresholds, u64 bound, u64 other, u64 flip,
			  u64 mask)
{
	unsigned int i;
	u64 at;

	for (i = 0; i < thresholds->cnt; i++) {
		at = (thresholds->at[i] ^ flip) & mask;
		if (at >= bound)
			other = min(other, at);
	}
	return other;
}

/*
 * widen_bound() - @old, or if @new is beyond it, the threshold where it stops
 * @flip:	0 for umax, all ones for umin, the sign bit and those above it for
 *		smax, those below it for smin: inverted, each is an upper bound
 */
static u64 widen_bound(u64 old, u64 new, u64 flip, unsigned int bits,
		       const struct thresholds *thresholds)
{
	static const u64 extremes[] = {
		0, S32_MAX, U32_MAX, (u64)S32_MIN, S64_MAX, (u64)S64_MIN,
	};
	static const struct thresholds implied = { extremes, ARRAY_SIZE(extremes) };
	u64 bound = (new ^ flip) & vnp_ones(bits);
	u64 limit;

	if (bound <= ((old ^ flip) & vnp_ones(bits)))
		return old;
	limit = next_threshold(&implied, bound, vnp_ones(bits), flip, vnp_ones(bits));
	return next_threshold(thresholds, bound, limit, flip, vnp_ones(bits)) ^ flip;
}

/* widen_known() - if a bit becomes unknown, all higher bits become unknown, too */
static struct vnp_known widen_known(struct vnp_known old, struct vnp_known new)
{
	u64 mask = vnp_known_join(old, new).mask;
	u64 fresh = mask & ~old.mask;
	u64 first = fresh & -fresh;

	return vnp_known_make(old.value, first ? mask | -first : mask);
}

/*
 * The result is not normalized: a bound that others tighten below its threshold would
 * grow to it again, and the chain would not end.
 */
struct vnp_scalar vnp_scalar_widen(const struct vnp_scalar *old,
				   const struct vnp_scalar *new,
				   const u64 *thresholds, unsigned int threshold_cnt)
{
	const unsigned int word = WORD_BITS, half = HALF_BITS;
	const u64 low = vnp_ones(word - 1), low32 = vnp_ones(half - 1);
	const struct thresholds s = { thresholds, threshold_cnt };
	struct vnp_known k = widen_known(vnp_known_of(old, word), vnp_known_of(new, word));

	return (struct vnp_scalar){
		.value = k.value,
		.mask = k.mask,
		.umin = widen_bound(old->umin, new->umin, U64_MAX, word, &s),
		.umax = widen_bound(old->umax, new->umax, 0, word, &s),
		.smin = widen_bound(old->smin, new->smin, low, word, &s),
		.smax = widen_bound(old->smax, new->smax, ~low, word, &s),
		.umin32 = widen_bound(old->umin32, new->umin32, U64_MAX, half, &s),
		.umax32 = widen_bound(old->umax32, new->umax32, 0, half, &s),
		.smin32 = widen_bound(old->smin32, new->smin32, low32, half, &s),
		.smax32 = widen_bound(old->smax32, new->smax32, ~low32, half, &s),
	};
}
