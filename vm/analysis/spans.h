/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What is known of a number, as the files of scalar.h calculate with it: struct vnp_known
 * for the bits, and struct vnp_spans for the ranges.
 *
 * An operation is computed on each separately, then vnp_scalar_normalize() tightens each
 * by the other.  The kernel does the same with four ranges (kernel/bpf/verifier.c,
 * adjust_scalar_min_max_vals() and reg_bounds_sync()), and its soundness bugs were rules
 * that hold in one order or at one width and were applied to another.  So here each rule
 * is written once, for whole words.  The lower half of a word is handled as the word it
 * becomes when it is sign-extended: that keeps both the signed and the unsigned order of
 * halves.
 *
 *	scalar.c		sets of numbers, joined and widened
 *	scalar_alu.c		operations
 *	scalar_branch.c		what comparisons tell
 *
 * Verification spends most time in these functions: that is why they are inline.
 */
#ifndef _VNP_VM_ANALYSIS_SPANS_H
#define _VNP_VM_ANALYSIS_SPANS_H

#include "vm/analysis/scalar.h"

/* The unit test compiles all this with narrow words too, to try them all. */
#ifndef WORD_BITS
#define WORD_BITS	64
#define HALF_BITS	32
#endif

#define VNP_SIGN_BIT	((u64)1 << (WORD_BITS - 1))

/* struct vnp_known - the words that have the bits of @value where @mask has 0 */
struct vnp_known {
	u64 value;
	u64 mask;
};

/*
 * struct vnp_span - the words from @lo to @hi; none if @lo > @hi
 *
 * As an "arc", the result of an operation, one with @lo > @hi is instead the
 * words from @lo to the greatest and on from 0 to @hi.
 */
struct vnp_span {
	u64 lo;
	u64 hi;
};

#define VNP_NO_SPAN		((struct vnp_span){ .lo = U64_MAX, .hi = 0 })
#define VNP_ALL_WORDS	((struct vnp_span){ .lo = 0, .hi = U64_MAX })

/*
 * struct vnp_spans - an unsigned and a signed range at once
 *
 * Words in sign[0] have a clear sign bit, those in sign[1] have it set.  So within each
 * the unsigned and the signed order agree, and together they describe exactly what the
 * two ranges can.
 */
struct vnp_spans {
	struct vnp_span sign[2];
};

#define VNP_NO_SPANS	((struct vnp_spans){ .sign = { VNP_NO_SPAN, VNP_NO_SPAN } })

/* vnp_ones() - a word with the lowest @bits bits set */
static inline u64 vnp_ones(unsigned int bits)
{
	return bits ? U64_MAX >> (WORD_BITS - bits) : 0;
}

/* vnp_known_of() - the bits of a number (WORD_BITS) or its lower half (HALF_BITS) */
static inline struct vnp_known vnp_known_of(const struct vnp_scalar *s, unsigned int bits)
{
	if (bits == WORD_BITS)
		return (struct vnp_known){ s->value, s->mask };
	return (struct vnp_known){ (s32)s->value, (s32)s->mask };
}

static inline struct vnp_known vnp_known_make(u64 value, u64 mask)
{
	return (struct vnp_known){ value & ~mask, mask };
}

/* vnp_known_span() - the leading bits that all members of a span share */
static inline struct vnp_known vnp_known_span(struct vnp_span s)
{
	return vnp_known_make(s.lo, vnp_ones(fls64(s.lo ^ s.hi)));
}

static inline struct vnp_known vnp_known_join(struct vnp_known a, struct vnp_known b)
{
	return vnp_known_make(a.value, a.mask | b.mask | (a.value ^ b.value));
}

static inline bool vnp_span_empty(struct vnp_span s)
{
	return s.lo > s.hi;
}

static inline void vnp_span_cover(struct vnp_span *s, u64 lo, u64 hi)
{
	s->lo = min(s->lo, lo);
	s->hi = max(s->hi, hi);
}

/* vnp_spans_add_range() - include consecutive words, which do not wrap */
static inline void vnp_spans_add_range(struct vnp_spans *s, u64 lo, u64 hi,
				       unsigned int bits)
{
	u64 last = vnp_ones(bits - 1);	/* of sign[0]; the next is its complement */

	if (!(lo & VNP_SIGN_BIT))
		vnp_span_cover(&s->sign[0], lo, min(hi, last));
	if (hi & VNP_SIGN_BIT)
		vnp_span_cover(&s->sign[1], max(lo, ~last), hi);
}

/*
 * vnp_spans_add() - include the words of an arc, or their lower halves
 *
 * 2^32 consecutive words have all lower halves, and fewer have an arc of them.
 */
static inline void vnp_spans_add(struct vnp_spans *s, struct vnp_span arc,
				 unsigned int bits)
{
	if (bits == HALF_BITS && arc.hi - arc.lo >= U32_MAX)
		arc = (struct vnp_span){ S32_MIN, S32_MAX };
	else if (bits == HALF_BITS)
		arc = (struct vnp_span){ (s32)arc.lo, (s32)arc.hi };

	if (arc.lo <= arc.hi) {
		vnp_spans_add_range(s, arc.lo, arc.hi, bits);
	} else {
		vnp_spans_add_range(s, arc.lo, U64_MAX, bits);
		vnp_spans_add_range(s, 0, arc.hi, bits);
	}
}

static inline void vnp_spans_meet(struct vnp_spans *a, const struct vnp_spans *b)
{
	int i;

	for (i = 0; i < 2; i++) {
		a->sign[i].lo = max(a->sign[i].lo, b->sign[i].lo);
		a->sign[i].hi = min(a->sign[i].hi, b->sign[i].hi);
	}
}

/*
 * vnp_spans_least() - the least member
 * @s:		not empty
 * @bias:	0: in unsigned order; VNP_SIGN_BIT: in signed order, and the result
 *		has its sign bit inverted
 */
static inline u64 vnp_spans_least(const struct vnp_spans *s, u64 bias)
{
	u64 least = U64_MAX;
	int i;

	for (i = 0; i < 2; i++) {
		if (!vnp_span_empty(s->sign[i]))
			least = min(least, s->sign[i].lo ^ bias);
	}
	return least;
}

/* vnp_spans_greatest() - the greatest member; as vnp_spans_least() */
static inline u64 vnp_spans_greatest(const struct vnp_spans *s, u64 bias)
{
	u64 greatest = 0;
	int i;

	for (i = 0; i < 2; i++) {
		if (!vnp_span_empty(s->sign[i]))
			greatest = max(greatest, s->sign[i].hi ^ bias);
	}
	return greatest;
}

/*
 * vnp_spans_of() - the ranges of a number or, sign-extended, its lower half
 *
 * Within a half both ranges have the same order, so their intersection is simple.
 * Verification spends most time here, so arcs are not used.
 */
static inline struct vnp_spans vnp_spans_of(const struct vnp_scalar *s, unsigned int bits)
{
	bool word = bits == WORD_BITS;
	u64 umin = word ? s->umin : (u64)(s64)(s32)s->umin32;
	u64 umax = word ? s->umax : (u64)(s64)(s32)s->umax32;
	s64 smin = word ? s->smin : s->smin32;
	s64 smax = word ? s->smax : s->smax32;
	struct vnp_spans p = VNP_NO_SPANS;

	if (!(umin & VNP_SIGN_BIT) && smax >= 0) {
		p.sign[0].lo = smin >= 0 ? max_t(u64, umin, smin) : umin;
		p.sign[0].hi = umax & VNP_SIGN_BIT ? (u64)smax : min_t(u64, umax, smax);
	}
	if (umax & VNP_SIGN_BIT && smin < 0) {
		p.sign[1].lo = max_t(u64, umin, smin);
		p.sign[1].hi = smax < 0 ? min_t(u64, umax, smax) : umax;
	}
	return p;
}

/* vnp_spans_store() - make them the ranges of @s; false: they are empty */
static inline bool vnp_spans_store(const struct vnp_spans *p, unsigned int bits,
				   struct vnp_scalar *s)
{
	u64 umin = vnp_spans_least(p, 0);
	u64 umax = vnp_spans_greatest(p, 0);
	u64 smin = vnp_spans_least(p, VNP_SIGN_BIT) ^ VNP_SIGN_BIT;
	u64 smax = vnp_spans_greatest(p, VNP_SIGN_BIT) ^ VNP_SIGN_BIT;

	if (vnp_span_empty(p->sign[0]) && vnp_span_empty(p->sign[1]))
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

/*
 * vnp_scalar_learn_known() - intersect the lowest @bits bits of @s with these; false: it
 * is empty
 */
static inline bool vnp_scalar_learn_known(struct vnp_scalar *s, struct vnp_known k,
					  unsigned int bits)
{
	k.mask |= ~vnp_ones(bits);
	if ((s->value ^ k.value) & ~(s->mask | k.mask))
		return false;
	s->value |= k.value & ~k.mask;
	s->mask &= k.mask;
	return true;
}

/* vnp_scalar_learn_spans() - intersect @s with these ranges; false: it is empty */
static inline bool vnp_scalar_learn_spans(struct vnp_scalar *s, const struct vnp_spans *p,
					  unsigned int bits)
{
	struct vnp_spans both = vnp_spans_of(s, bits);

	vnp_spans_meet(&both, p);
	return vnp_spans_store(&both, bits, s);
}

#endif /* _VNP_VM_ANALYSIS_SPANS_H */
