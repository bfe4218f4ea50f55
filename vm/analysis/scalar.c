// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * What is known of a number.
 *
 * Internally there are two representations: struct known for the bits, and struct spans
 * for the ranges.  An operation is computed on each separately, then
 * vnp_scalar_normalize() tightens each by the other.  The kernel does the same with
 * four ranges (kernel/bpf/verifier.c, adjust_scalar_min_max_vals() and
 * reg_bounds_sync()), and its soundness bugs were rules that hold in one order or at
 * one width and were applied to another.  So here each rule is written once, for whole
 * words.  The lower half of a word is handled as the word it becomes when it is
 * sign-extended: that keeps both the signed and the unsigned order of halves.
 */
#include "vm/analysis/scalar.h"

/* The unit test compiles this file with narrow words too, to try them all. */
#ifndef WORD_BITS
#define WORD_BITS	64
#define HALF_BITS	32
#endif

/* Rounds of vnp_scalar_normalize(); it is sound to stop after any */
#define ROUNDS_MAX	4

#define SIGN_BIT	((u64)1 << (WORD_BITS - 1))

/* struct known - the words that have the bits of @value where @mask has 0 */
struct known {
	u64 value;
	u64 mask;
};

/*
 * struct span - the words from @lo to @hi; none if @lo > @hi
 *
 * As an "arc", the result of an operation, one with @lo > @hi is instead the
 * words from @lo to the greatest and on from 0 to @hi.
 */
struct span {
	u64 lo;
	u64 hi;
};

#define NO_SPAN		((struct span){ .lo = U64_MAX, .hi = 0 })
#define ALL_WORDS	((struct span){ .lo = 0, .hi = U64_MAX })

/*
 * struct spans - an unsigned and a signed range at once
 *
 * Words in sign[0] have a clear sign bit, those in sign[1] have it set.  So within each
 * the unsigned and the signed order agree, and together they describe exactly what the
 * two ranges can.
 */
struct spans {
	struct span sign[2];
};

#define NO_SPANS	((struct spans){ .sign = { NO_SPAN, NO_SPAN } })

/* ones() - a word with the lowest @bits bits set */
static u64 ones(unsigned int bits)
{
	return bits ? U64_MAX >> (WORD_BITS - bits) : 0;
}

/* known_of() - the bits of a number (WORD_BITS) or its lower half (HALF_BITS) */
static struct known known_of(const struct vnp_scalar *s, unsigned int bits)
{
	if (bits == WORD_BITS)
		return (struct known){ s->value, s->mask };
	return (struct known){ (s32)s->value, (s32)s->mask };
}

static struct known known_make(u64 value, u64 mask)
{
	return (struct known){ value & ~mask, mask };
}

/* known_span() - the leading bits that all members of a span share */
static struct known known_span(struct span s)
{
	return known_make(s.lo, ones(fls64(s.lo ^ s.hi)));
}

static struct known known_join(struct known a, struct known b)
{
	return known_make(a.value, a.mask | b.mask | (a.value ^ b.value));
}

/*
 * known_ceil() - the least member that is not less than @x
 *
 * If there is none the result is less than @x, as a carry left the word.
 */
static u64 known_ceil(struct known k, u64 x)
{
	u64 differ = (x ^ k.value) & ~k.mask;
	u64 below = ones(fls64(differ));

	if (!differ)
		return x;
	/*
	 * @below is the first differing bit and all lower ones.  If @x has 0
	 * there, the members that agree with it above are greater already.
	 */
	if ((x & differ) < (k.value & differ))
		return (x & k.mask & ~below) | k.value;
	/* Else count the free bits above up by one; the ones pass the carry on. */
	return (((x | ~k.mask | below) + 1) & k.mask) | k.value;
}

/* known_floor() - the greatest member not above @x; if there is none, one above */
static u64 known_floor(struct known k, u64 x)
{
	k.value = ~(k.value | k.mask);
	return ~known_ceil(k, ~x);
}

static bool span_empty(struct span s)
{
	return s.lo > s.hi;
}

static void span_cover(struct span *s, u64 lo, u64 hi)
{
	s->lo = min(s->lo, lo);
	s->hi = max(s->hi, hi);
}

/*
 * span_shrink() - move the ends inwards
 *
 * An end that would move outwards has wrapped around: there is no member.
 */
static void span_shrink(struct span *s, u64 lo, u64 hi)
{
	if (lo < s->lo || hi > s->hi)
		*s = NO_SPAN;
	else
		*s = (struct span){ lo, hi };
}

/*
 * span_shrink_low() - move the ends to words whose lower half is in an arc
 * @s:		whole words
 * @lo:		first of the arc
 * @hi:		last of the arc
 *
 * A half is in the arc if it is no farther from @lo than @hi is.
 */
static void span_shrink_low(struct span *s, u32 lo, u32 hi)
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

/* spans_add_range() - include consecutive words, which do not wrap */
static void spans_add_range(struct spans *s, u64 lo, u64 hi, unsigned int bits)
{
	u64 last = ones(bits - 1);	/* of sign[0]; the next is its complement */

	if (!(lo & SIGN_BIT))
		span_cover(&s->sign[0], lo, min(hi, last));
	if (hi & SIGN_BIT)
		span_cover(&s->sign[1], max(lo, ~last), hi);
}

/*
 * spans_add() - include the words of an arc, or their lower halves
 *
 * 2^32 consecutive words have all lower halves, and fewer have an arc of them.
 */
static void spans_add(struct spans *s, struct span arc, unsigned int bits)
{
	if (bits == HALF_BITS && arc.hi - arc.lo >= U32_MAX)
		arc = (struct span){ S32_MIN, S32_MAX };
	else if (bits == HALF_BITS)
		arc = (struct span){ (s32)arc.lo, (s32)arc.hi };

	if (arc.lo <= arc.hi) {
		spans_add_range(s, arc.lo, arc.hi, bits);
	} else {
		spans_add_range(s, arc.lo, U64_MAX, bits);
		spans_add_range(s, 0, arc.hi, bits);
	}
}

static void spans_meet(struct spans *a, const struct spans *b)
{
	int i;

	for (i = 0; i < 2; i++) {
		a->sign[i].lo = max(a->sign[i].lo, b->sign[i].lo);
		a->sign[i].hi = min(a->sign[i].hi, b->sign[i].hi);
	}
}

/*
 * spans_least() - the least member
 * @s:		not empty
 * @bias:	0: in unsigned order; SIGN_BIT: in signed order, and the result
 *		has its sign bit inverted
 */
static u64 spans_least(const struct spans *s, u64 bias)
{
	u64 least = U64_MAX;
	int i;

	for (i = 0; i < 2; i++) {
		if (!span_empty(s->sign[i]))
			least = min(least, s->sign[i].lo ^ bias);
	}
	return least;
}

/* spans_greatest() - the greatest member; as spans_least() */
static u64 spans_greatest(const struct spans *s, u64 bias)
{
	u64 greatest = 0;
	int i;

	for (i = 0; i < 2; i++) {
		if (!span_empty(s->sign[i]))
			greatest = max(greatest, s->sign[i].hi ^ bias);
	}
	return greatest;
}

/*
 * spans_of() - the ranges of a number or, sign-extended, its lower half
 *
 * Within a half both ranges have the same order, so their intersection is simple.
 * Verification spends most time here, so arcs are not used.
 */
static struct spans spans_of(const struct vnp_scalar *s, unsigned int bits)
{
	bool word = bits == WORD_BITS;
	u64 umin = word ? s->umin : (u64)(s64)(s32)s->umin32;
	u64 umax = word ? s->umax : (u64)(s64)(s32)s->umax32;
	s64 smin = word ? s->smin : s->smin32;
	s64 smax = word ? s->smax : s->smax32;
	struct spans p = NO_SPANS;

	if (!(umin & SIGN_BIT) && smax >= 0) {
		p.sign[0].lo = smin >= 0 ? max_t(u64, umin, smin) : umin;
		p.sign[0].hi = umax & SIGN_BIT ? (u64)smax : min_t(u64, umax, smax);
	}
	if (umax & SIGN_BIT && smin < 0) {
		p.sign[1].lo = max_t(u64, umin, smin);
		p.sign[1].hi = smax < 0 ? min_t(u64, umax, smax) : umax;
	}
	return p;
}

/* spans_store() - make them the ranges of @s; false: they are empty */
static bool spans_store(const struct spans *p, unsigned int bits,
			struct vnp_scalar *s)
{
	u64 umin = spans_least(p, 0);
	u64 umax = spans_greatest(p, 0);
	u64 smin = spans_least(p, SIGN_BIT) ^ SIGN_BIT;
	u64 smax = spans_greatest(p, SIGN_BIT) ^ SIGN_BIT;

	if (span_empty(p->sign[0]) && span_empty(p->sign[1]))
		return false;
	if (bits == WORD_BITS) {
		s->umin = umin;
		s->umax = umax;
		s->smin = smin;
		s->smax = smax;
	} else {
		s->umin32 = umin;
		s->umax32 = umax;
		s->smin32 = smin;
		s->smax32 = smax;
	}
	return true;
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

/* learn_known() - intersect the lowest @bits bits of @s with these; false: it is empty */
static bool learn_known(struct vnp_scalar *s, struct known k, unsigned int bits)
{
	k.mask |= ~ones(bits);
	if ((s->value ^ k.value) & ~(s->mask | k.mask))
		return false;
	s->value |= k.value & ~k.mask;
	s->mask &= k.mask;
	return true;
}

/* learn_spans() - intersect @s with these ranges; false: it is empty */
static bool learn_spans(struct vnp_scalar *s, const struct spans *p,
			unsigned int bits)
{
	struct spans both = spans_of(s, bits);

	spans_meet(&both, p);
	return spans_store(&both, bits, s);
}

/* ranges learn from known bits, and those of a word from those of its half */
static bool narrow_spans(struct vnp_scalar *s, unsigned int bits)
{
	struct known k = known_of(s, bits);
	struct spans p = spans_of(s, bits);
	int i;

	for (i = 0; i < 2; i++) {
		span_shrink(&p.sign[i], known_ceil(k, p.sign[i].lo),
			    known_floor(k, p.sign[i].hi));
		span_shrink_low(&p.sign[i], s->umin32, s->umax32);
		span_shrink_low(&p.sign[i], s->smin32, s->smax32);
	}
	return spans_store(&p, bits, s);
}

/* the ranges of the lower half learn from those of the word */
static bool narrow_half(struct vnp_scalar *s)
{
	struct spans word = spans_of(s, WORD_BITS);
	struct spans half = NO_SPANS;
	int i;

	for (i = 0; i < 2; i++) {
		if (!span_empty(word.sign[i]))
			spans_add(&half, word.sign[i], HALF_BITS);
	}
	return learn_spans(s, &half, HALF_BITS);
}

/* known bits learn from ranges */
static bool narrow_known(struct vnp_scalar *s, unsigned int bits)
{
	struct spans p = spans_of(s, bits);
	struct known k;

	if (span_empty(p.sign[0]))
		k = known_span(p.sign[1]);
	else if (span_empty(p.sign[1]))
		k = known_span(p.sign[0]);
	else
		k = known_join(known_span(p.sign[0]), known_span(p.sign[1]));
	return learn_known(s, k, bits);
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
	struct known k = known_join(known_of(a, WORD_BITS), known_of(b, WORD_BITS));

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
 * @bound:	in the order that inverting the bits @flip makes of the unsigned one
 * @other:	same
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
	u64 bound = (new ^ flip) & ones(bits);
	u64 limit;

	if (bound <= ((old ^ flip) & ones(bits)))
		return old;
	limit = next_threshold(&implied, bound, ones(bits), flip, ones(bits));
	return next_threshold(thresholds, bound, limit, flip, ones(bits)) ^ flip;
}

/* widen_known() - a bit that becomes unknown takes the higher ones with it */
static struct known widen_known(struct known old, struct known new)
{
	u64 mask = known_join(old, new).mask;
	u64 fresh = mask & ~old.mask;
	u64 first = fresh & -fresh;

	return known_make(old.value, first ? mask | -first : mask);
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
	const u64 low = ones(word - 1), low32 = ones(half - 1);
	const struct thresholds s = { thresholds, threshold_cnt };
	struct known k = widen_known(known_of(old, word), known_of(new, word));

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

/*
 * Operations.  They work on whole words.  On known bits, sums, differences and
 * products are those of Vishwanathan et al. (CGO 2022), which the kernel has in
 * kernel/bpf/tnum.c.
 */

/* Least and greatest sum differ in each bit that some carry may reach. */
static struct known known_add(struct known a, struct known b)
{
	u64 least = a.value + b.value;
	u64 most = least + a.mask + b.mask;

	return known_make(least, (least ^ most) | a.mask | b.mask);
}

/* As for the sum: least minus most and most minus least bound all borrows. */
static struct known known_sub(struct known a, struct known b)
{
	u64 least = a.value - b.value - b.mask;
	u64 most = a.value - b.value + a.mask;

	return known_make(most, (least ^ most) | a.mask | b.mask);
}

/* Long multiplication; where a bit of @a is unknown, both with and without. */
static struct known known_mul(struct known a, struct known b)
{
	struct known sum = { 0, 0 };
	struct known more;

	while (a.value | a.mask) {
		more = known_add(sum, b);
		if (a.value & 1)
			sum = more;
		else if (a.mask & 1)
			sum = known_join(sum, more);
		a = (struct known){ a.value >> 1, a.mask >> 1 };
		b = (struct known){ b.value << 1, b.mask << 1 };
	}
	return sum;
}

static struct known known_and(struct known a, struct known b)
{
	u64 possible = (a.value | a.mask) & (b.value | b.mask);
	u64 sure = a.value & b.value;

	return (struct known){ sure, possible & ~sure };
}

static struct known known_or(struct known a, struct known b)
{
	u64 sure = a.value | b.value;

	return (struct known){ sure, (a.mask | b.mask) & ~sure };
}

static struct known known_xor(struct known a, struct known b)
{
	return known_make(a.value ^ b.value, a.mask | b.mask);
}

/* Shifts: @b is one count. */
static struct known known_lsh(struct known a, struct known b)
{
	return (struct known){ a.value << b.value, a.mask << b.value };
}

static struct known known_rsh(struct known a, struct known b)
{
	return (struct known){ a.value >> b.value, a.mask >> b.value };
}

/* What is copied down is the sign bit, known or not. */
static struct known known_arsh(struct known a, struct known b)
{
	return (struct known){ (s64)a.value >> b.value, (s64)a.mask >> b.value };
}

/*
 * On spans, each argument is one span of a struct spans: not empty, and of one sign.
 * The result is an arc.
 */

/*
 * n and m consecutive words have n + m - 1 consecutive sums.  That is not more than all
 * words, as those of one sign are half of them.
 */
static struct span span_add(struct span a, struct span b)
{
	return (struct span){ a.lo + b.lo, a.hi + b.hi };
}

static struct span span_neg(struct span a)
{
	return (struct span){ -a.hi, -a.lo };
}

static struct span span_sub(struct span a, struct span b)
{
	return span_add(a, span_neg(b));
}

/* Inverting all bits reverses both orders. */
static struct span span_not(struct span a)
{
	return (struct span){ ~a.hi, ~a.lo };
}

static bool span_negative(struct span a)
{
	return a.lo & SIGN_BIT;
}

/* Absolute values; that of the least number is its own, read as unsigned. */
static struct span span_abs(struct span a)
{
	return span_negative(a) ? span_neg(a) : a;
}

/* Multiply absolute values: modulo 2^64 the sign can be applied afterwards. */
static struct span span_mul(struct span a, struct span b)
{
	bool negative = span_negative(a) != span_negative(b);
	struct span r;

	a = span_abs(a);
	b = span_abs(b);
	if (a.hi && b.hi > U64_MAX / a.hi)
		return ALL_WORDS;
	r = (struct span){ a.lo * b.lo, a.hi * b.hi };
	return negative ? span_neg(r) : r;
}

/* Decreases with the divisor, apart from division by zero, which is zero. */
static struct span span_div(struct span a, struct span b)
{
	if (!b.hi)
		return (struct span){ 0, 0 };
	if (!b.lo)
		return (struct span){ 0, a.hi };
	return (struct span){ a.lo / b.hi, a.hi / b.lo };
}

/* Less than the divisor, and not more than @a, which it is for a divisor of 0. */
static struct span span_mod(struct span a, struct span b)
{
	if (!b.hi || a.hi < b.lo)
		return a;
	if (!b.lo)
		return (struct span){ 0, a.hi };
	if (b.lo == b.hi && a.lo / b.lo == a.hi / b.lo)
		return (struct span){ a.lo % b.lo, a.hi % b.lo };
	return (struct span){ 0, min(a.hi, b.hi - 1) };
}

/* Rounds towards zero, so it is the quotient of the absolute values. */
static struct span span_sdiv(struct span a, struct span b)
{
	bool negative = span_negative(a) != span_negative(b);
	struct span r = span_div(span_abs(a), span_abs(b));

	return negative ? span_neg(r) : r;
}

/* Has the sign of the dividend, whatever that of the divisor. */
static struct span span_smod(struct span a, struct span b)
{
	struct span r = span_mod(span_abs(a), span_abs(b));

	return span_negative(a) ? span_neg(r) : r;
}

/*
 * Clearing the same bits in all words keeps their order, if they are the last of
 * those in which the words differ (as in rounding down) or none of them.  Else
 * there are the bits that the spans tell, and clearing makes nothing greater.
 */
static struct span span_and(struct span a, struct span b)
{
	u64 cleared = ~b.lo & ones(fls64(a.lo ^ a.hi));
	struct known k = known_and(known_span(a), known_span(b));

	if (b.lo == b.hi && !(cleared & (cleared + 1)))
		return (struct span){ a.lo & b.lo, a.hi & b.lo };
	return (struct span){ k.value, min(k.value | k.mask, min(a.hi, b.hi)) };
}

/* To set bits is to clear them in the complement. */
static struct span span_or(struct span a, struct span b)
{
	return span_not(span_and(span_not(a), span_not(b)));
}

/* Inverting all of the bits in which the words differ, or none, is monotone. */
static struct span span_xor(struct span a, struct span b)
{
	struct known k = known_xor(known_span(a), known_span(b));
	u64 differing = ones(fls64(a.lo ^ a.hi));
	u64 inverted = b.lo & differing;

	if (b.lo == b.hi && !inverted)
		return (struct span){ a.lo ^ b.lo, a.hi ^ b.lo };
	if (b.lo == b.hi && inverted == differing)
		return (struct span){ a.hi ^ b.lo, a.lo ^ b.lo };
	return (struct span){ k.value, k.value | k.mask };
}

/*
 * For a single count any bits may be shifted out, as long as the results wrap at most
 * once; for several counts they must be zeros.
 */
static struct span span_lsh(struct span a, struct span b)
{
	u64 length = b.lo == b.hi ? a.hi - a.lo : a.hi;

	if (length > U64_MAX >> b.hi)
		return ALL_WORDS;
	return (struct span){ a.lo << b.lo, a.hi << b.hi };
}

static struct span span_rsh(struct span a, struct span b)
{
	return (struct span){ a.lo >> b.hi, a.hi >> b.lo };
}

/* A negative number shifts as its complement does, and that has no sign. */
static struct span span_arsh(struct span a, struct span b)
{
	if (!span_negative(a))
		return span_rsh(a, b);
	return span_not(span_rsh(span_not(a), b));
}

/*
 * struct operation - how to compute with sets
 * @known:	on known bits; NULL: nothing is known
 * @span:	on ranges
 * @low:	the lower half of the result depends on lower halves alone
 * @zero:	at 32 bits, operands are zero-extended (others: sign-extended)
 * @shift:	the right operand is a count, and @known takes only constant ones
 */
struct operation {
	struct known (*known)(struct known a, struct known b);
	struct span (*span)(struct span a, struct span b);
	bool low;
	bool zero;
	bool shift;
};

static const struct operation operations[] = {
	[BPF_ADD >> 4]	= { .known = known_add, .span = span_add, .low = true },
	[BPF_SUB >> 4]	= { .known = known_sub, .span = span_sub, .low = true },
	[BPF_MUL >> 4]	= { .known = known_mul, .span = span_mul, .low = true },
	[BPF_DIV >> 4]	= { .span = span_div, .zero = true },
	[BPF_MOD >> 4]	= { .span = span_mod, .zero = true },
	[BPF_AND >> 4]	= { .known = known_and, .span = span_and, .low = true },
	[BPF_OR >> 4]	= { .known = known_or, .span = span_or, .low = true },
	[BPF_XOR >> 4]	= { .known = known_xor, .span = span_xor, .low = true },
	[BPF_LSH >> 4]	= {
		.known = known_lsh, .span = span_lsh, .low = true, .shift = true,
	},
	[BPF_RSH >> 4]	= {
		.known = known_rsh, .span = span_rsh, .zero = true, .shift = true,
	},
	[BPF_ARSH >> 4]	= { .known = known_arsh, .span = span_arsh, .shift = true },
};

static const struct operation operation_sdiv = { .span = span_sdiv };
static const struct operation operation_smod = { .span = span_smod };

static const struct operation *operation_find(u8 op, s16 off)
{
	if (op == BPF_DIV && off)
		return &operation_sdiv;
	if (op == BPF_MOD && off)
		return &operation_smod;
	return &operations[op >> 4];
}

/* Known bits of a shift: those that all possible counts agree on. */
static struct known compute_shift(const struct operation *o, struct known a,
				  struct known count)
{
	struct known n = { count.value, 0 };
	struct known r = o->known(a, n);

	while (++n.value < WORD_BITS) {
		if (!((n.value ^ count.value) & ~count.mask))
			r = known_join(r, o->known(a, n));
	}
	return r;
}

static struct known compute_known(const struct operation *o,
				  const struct vnp_scalar *dst,
				  const struct vnp_scalar *src, unsigned int bits)
{
	struct known a = known_of(dst, bits);

	if (!o->known)
		return (struct known){ 0, U64_MAX };
	if (o->zero)
		a = (struct known){ a.value & ones(bits), a.mask & ones(bits) };
	if (o->shift)
		return compute_shift(o, a, known_of(src, WORD_BITS));
	return o->known(a, known_of(src, bits));
}

/* compute_operand() - the ranges of @s as @o reads it */
static struct spans compute_operand(const struct operation *o,
				    const struct vnp_scalar *s, unsigned int bits)
{
	struct spans p = spans_of(s, bits);

	if (o->zero) {
		p.sign[1].lo &= ones(bits);
		p.sign[1].hi &= ones(bits);
	}
	return p;
}

/* compute_spans() - each span with each; the results are added to @r */
static bool compute_spans(const struct operation *o, const struct vnp_scalar *dst,
			  const struct vnp_scalar *src, unsigned int bits,
			  struct vnp_scalar *r)
{
	struct spans a = compute_operand(o, dst, bits);
	struct spans b = compute_operand(o, src, o->shift ? WORD_BITS : bits);
	struct spans word = NO_SPANS;
	struct spans half = NO_SPANS;
	struct span arc;
	int i;

	for (i = 0; i < 4; i++) {
		if (span_empty(a.sign[i / 2]) || span_empty(b.sign[i % 2]))
			continue;
		arc = o->span(a.sign[i / 2], b.sign[i % 2]);
		spans_add(&word, arc, WORD_BITS);
		spans_add(&half, arc, HALF_BITS);
	}
	return learn_spans(r, &half, HALF_BITS) &&
	       (bits == HALF_BITS || learn_spans(r, &word, WORD_BITS));
}

/* zero_upper() - the upper half after a 32 bit operation */
static void zero_upper(struct vnp_scalar *s)
{
	s->value &= ones(HALF_BITS);
	s->mask &= ones(HALF_BITS);
	s->umin = s->umin32;
	s->umax = s->umax32;
	s->smin = s->umin32;
	s->smax = s->umax32;
}

/* compute() - the result of an operation on sets that are not empty */
static struct vnp_scalar compute(const struct operation *o,
				 const struct vnp_scalar *dst,
				 const struct vnp_scalar *src, unsigned int bits)
{
	struct known k = compute_known(o, dst, src, bits);
	struct vnp_scalar r = vnp_scalar_unknown();
	bool some = compute_spans(o, dst, src, bits, &r);

	r.value = k.value;
	r.mask = k.mask;
	if (bits == HALF_BITS)
		zero_upper(&r);
	else if (o->low)
		some = some && compute_spans(o, dst, src, HALF_BITS, &r);
	/* A set may turn out to be empty only now; then any result is correct. */
	if (!some || !vnp_scalar_normalize(&r))
		return vnp_scalar_unknown();
	return r;
}

/* shift() - the count is taken modulo the width */
static struct vnp_scalar shift(u8 op, const struct vnp_scalar *dst,
			       const struct vnp_scalar *src, unsigned int bits)
{
	struct vnp_scalar last = vnp_scalar_const(bits - 1);
	struct vnp_scalar count = compute(&operations[BPF_AND >> 4], src, &last,
					  WORD_BITS);
	struct spans half = spans_of(dst, HALF_BITS);
	struct vnp_scalar value = *dst;

	/*
	 * If the upper half is shifted out its value does not matter: use the
	 * sign-extended lower half, of which more may be known.
	 */
	if (op == BPF_LSH && count.umin >= HALF_BITS) {
		value = vnp_scalar_unknown();
		spans_store(&half, WORD_BITS, &value);
		learn_known(&value, known_of(dst, HALF_BITS), WORD_BITS);
	}
	return compute(&operations[op >> 4], &value, &count, bits);
}

/* extend() - shift the lowest @bits bits to the top and with @op back down */
static struct vnp_scalar extend(u8 op, const struct vnp_scalar *s, unsigned int bits)
{
	struct vnp_scalar count = vnp_scalar_const(WORD_BITS - bits);
	struct vnp_scalar top = shift(BPF_LSH, s, &count, WORD_BITS);

	return shift(op, &top, &count, WORD_BITS);
}

struct vnp_scalar vnp_scalar_truncate(const struct vnp_scalar *s, unsigned int bytes)
{
	return extend(BPF_RSH, s, bytes * 8);
}

struct vnp_scalar vnp_scalar_extend(const struct vnp_scalar *s, unsigned int bytes)
{
	return extend(BPF_ARSH, s, bytes * 8);
}

struct vnp_scalar vnp_scalar_swap(const struct vnp_scalar *s, unsigned int bits,
				  bool swap)
{
	struct vnp_scalar r = vnp_scalar_unknown();
	struct vnp_scalar low = extend(BPF_RSH, s, bits);
	u64 may;

	if (!swap)
		return low;
	r.value = __builtin_bswap64(s->value) >> (WORD_BITS - bits);
	r.mask = __builtin_bswap64(s->mask) >> (WORD_BITS - bits);
	/* what is not 0 is as great as its lowest bit at least */
	may = r.value | r.mask;
	if (!vnp_scalar_has(&low, 0))
		r.umin = may & -may;
	vnp_scalar_normalize(&r);
	return r;
}

static struct vnp_scalar move(const struct vnp_scalar *src, s16 off, bool is64)
{
	struct vnp_scalar r = off ? extend(BPF_ARSH, src, off) : *src;

	if (!is64) {
		zero_upper(&r);
		vnp_scalar_normalize(&r);
	}
	return r;
}

struct vnp_scalar vnp_scalar_alu(u8 op, s16 off, bool is64,
				 const struct vnp_scalar *dst,
				 const struct vnp_scalar *src)
{
	unsigned int bits = is64 ? WORD_BITS : HALF_BITS;
	struct vnp_scalar zero = vnp_scalar_const(0);

	switch (op) {
	case BPF_MOV:
		return move(src, off, is64);
	case BPF_NEG:
		return compute(&operations[BPF_SUB >> 4], &zero, dst, bits);
	case BPF_LSH:
	case BPF_RSH:
	case BPF_ARSH:
		return shift(op, dst, src, bits);
	default:
		return compute(operation_find(op, off), dst, src, bits);
	}
}

/*
 * Branches: each function makes both operands learn that a relation holds at the
 * width compared, or returns false: it cannot hold.
 */

static bool learn_equal(struct vnp_scalar *a, struct vnp_scalar *b,
			unsigned int bits)
{
	struct known ka = known_of(a, bits), kb = known_of(b, bits);
	struct spans pa = spans_of(a, bits), pb = spans_of(b, bits);
	struct spans la = spans_of(a, HALF_BITS), lb = spans_of(b, HALF_BITS);

	return learn_known(a, kb, bits) && learn_known(b, ka, bits) &&
	       learn_spans(a, &pb, bits) && learn_spans(b, &pa, bits) &&
	       learn_spans(a, &lb, HALF_BITS) && learn_spans(b, &la, HALF_BITS);
}

/* learn_not() - exclude @v from @s, which is possible only at the end of a span */
static bool learn_not(struct vnp_scalar *s, u64 v, unsigned int bits)
{
	struct spans p = spans_of(s, bits);
	struct span *span;
	int i;

	for (i = 0; i < 2; i++) {
		span = &p.sign[i];
		if (span_empty(*span))
			continue;
		if (span->lo == v && span->hi == v)
			*span = NO_SPAN;
		else if (span->lo == v)
			span->lo++;
		else if (span->hi == v)
			span->hi--;
	}
	return spans_store(&p, bits, s);
}

static bool learn_different(struct vnp_scalar *a, struct vnp_scalar *b,
			    unsigned int bits)
{
	struct known ka = known_of(a, bits), kb = known_of(b, bits);

	return (kb.mask || learn_not(a, kb.value, bits)) &&
	       (ka.mask || learn_not(b, ka.value, bits));
}

static bool learn_arc(struct vnp_scalar *s, u64 lo, u64 hi, unsigned int bits)
{
	struct spans p = NO_SPANS;

	spans_add(&p, (struct span){ lo, hi }, WORD_BITS);
	return learn_spans(s, &p, bits);
}

/*
 * learn_less() - @a is less than @b, or if not @strict, equal
 * @bias:	0: in unsigned order; SIGN_BIT: in signed order
 *
 * In either order the numbers not above another are an arc from the least on.
 */
static bool learn_less(struct vnp_scalar *a, struct vnp_scalar *b,
		       unsigned int bits, u64 bias, bool strict)
{
	struct spans pa = spans_of(a, bits), pb = spans_of(b, bits);
	u64 bottom = spans_least(&pa, bias);
	u64 top = spans_greatest(&pb, bias);

	if (strict && (bottom == U64_MAX || top == 0))
		return false;
	return learn_arc(a, bias, (top - strict) ^ bias, bits) &&
	       learn_arc(b, (bottom + strict) ^ bias, ~bias, bits);
}

static bool learn_order(u8 op, bool taken, struct vnp_scalar *a,
			struct vnp_scalar *b, unsigned int bits)
{
	bool greater = op == BPF_JGT || op == BPF_JGE ||
		       op == BPF_JSGT || op == BPF_JSGE;
	bool strict = op == BPF_JGT || op == BPF_JLT ||
		      op == BPF_JSGT || op == BPF_JSLT;
	bool is_signed = op == BPF_JSGT || op == BPF_JSGE ||
			 op == BPF_JSLT || op == BPF_JSLE;
	u64 bias = is_signed ? SIGN_BIT : 0;

	/* The negation of less is greater or equal, and so on. */
	if (greater == taken)
		return learn_less(b, a, bits, bias, strict == taken);
	return learn_less(a, b, bits, bias, strict == taken);
}

/* learn_common() - some bit is set in both, at least the first that can be */
static bool learn_common(struct vnp_scalar *a, struct vnp_scalar *b,
			 unsigned int bits)
{
	struct known ka = known_of(a, bits), kb = known_of(b, bits);
	u64 possible = (ka.value | ka.mask) & (kb.value | kb.mask) & ones(bits);
	u64 first = possible & -possible;
	struct known bit = { possible, ~possible };

	if (!possible)
		return false;
	if (possible != first)
		return learn_arc(a, first, U64_MAX, bits) &&
		       learn_arc(b, first, U64_MAX, bits);
	return learn_known(a, bit, bits) && learn_known(b, bit, bits);
}

/* learn_disjoint() - no bit is set in both */
static bool learn_disjoint(struct vnp_scalar *a, struct vnp_scalar *b,
			   unsigned int bits)
{
	struct known ka = { 0, ~b->value }, kb = { 0, ~a->value };

	return learn_known(a, ka, bits) && learn_known(b, kb, bits);
}

static bool learn_branch(u8 op, bool taken, struct vnp_scalar *a,
			 struct vnp_scalar *b, unsigned int bits)
{
	switch (op) {
	case BPF_JEQ:
		return taken ? learn_equal(a, b, bits) : learn_different(a, b, bits);
	case BPF_JNE:
		return taken ? learn_different(a, b, bits) : learn_equal(a, b, bits);
	case BPF_JSET:
		return taken ? learn_common(a, b, bits) : learn_disjoint(a, b, bits);
	default:
		return learn_order(op, taken, a, b, bits);
	}
}

/* Works on copies, as @a and @b may be the same. */
bool vnp_scalar_branch(u8 op, bool is64, bool taken, struct vnp_scalar *a,
		       struct vnp_scalar *b)
{
	unsigned int bits = is64 ? WORD_BITS : HALF_BITS;
	struct vnp_scalar x = *a, y = *b;

	if (!learn_branch(op, taken, &x, &y, bits) ||
	    !vnp_scalar_normalize(&x) || !vnp_scalar_normalize(&y))
		return false;
	*a = x;
	*b = y;
	return true;
}
