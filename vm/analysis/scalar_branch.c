// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Branches: each function makes both operands learn that a relation holds at the
 * width compared, or returns false: it cannot hold.
 */
#include "vm/analysis/spans.h"

static bool learn_equal(struct vnp_scalar *a, struct vnp_scalar *b,
			unsigned int bits)
{
	struct vnp_known ka = vnp_known_of(a, bits), kb = vnp_known_of(b, bits);
	struct vnp_spans pa = vnp_spans_of(a, bits), pb = vnp_spans_of(b, bits);
	struct vnp_spans la = vnp_spans_of(a, HALF_BITS), lb = vnp_spans_of(b, HALF_BITS);

	return vnp_scalar_learn_known(a, kb, bits) && vnp_scalar_learn_known(b, ka, bits) &&
	       vnp_scalar_learn_spans(a, &pb, bits) && vnp_scalar_learn_spans(b, &pa, bits) &&
	       vnp_scalar_learn_spans(a, &lb, HALF_BITS) &&
	       vnp_scalar_learn_spans(b, &la, HALF_BITS);
}

/* learn_not() - exclude @v from @s, which is possible only at the end of a span */
static bool learn_not(struct vnp_scalar *s, u64 v, unsigned int bits)
{
	struct vnp_spans p = vnp_spans_of(s, bits);
	struct vnp_span *span;
	int i;

	for (i = 0; i < 2; i++) {
		span = &p.sign[i];
		if (vnp_span_empty(*span))
			continue;
		if (span->lo == v && span->hi == v)
			*span = VNP_NO_SPAN;
		else if (span->lo == v)
			span->lo++;
		else if (span->hi == v)
			span->hi--;
	}
	return vnp_spans_store(&p, bits, s);
}

static bool learn_different(struct vnp_scalar *a, struct vnp_scalar *b,
			    unsigned int bits)
{
	struct vnp_known ka = vnp_known_of(a, bits), kb = vnp_known_of(b, bits);

	return (kb.mask || learn_not(a, kb.value, bits)) &&
	       (ka.mask || learn_not(b, ka.value, bits));
}

static bool learn_arc(struct vnp_scalar *s, u64 lo, u64 hi, unsigned int bits)
{
	struct vnp_spans p = VNP_NO_SPANS;

	vnp_spans_add(&p, (struct vnp_span){ lo, hi }, WORD_BITS);
	return vnp_scalar_learn_spans(s, &p, bits);
}

/*
 * learn_less() - @a is less than @b, or if not @strict, equal
 * @bias:	0: in unsigned order; VNP_SIGN_BIT: in signed order
 *
 * In either order the numbers not above another are an arc from the least on.
 */
static bool learn_less(struct vnp_scalar *a, struct vnp_scalar *b,
		       unsigned int bits, u64 bias, bool strict)
{
	struct vnp_spans pa = vnp_spans_of(a, bits), pb = vnp_spans_of(b, bits);
	u64 bottom = vnp_spans_least(&pa, bias);
	u64 top = vnp_spans_greatest(&pb, bias);

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
	u64 bias = is_signed ? VNP_SIGN_BIT : 0;

	/* The negation of less is greater or equal, and so on. */
	if (greater == taken)
		return learn_less(b, a, bits, bias, strict == taken);
	return learn_less(a, b, bits, bias, strict == taken);
}

/* learn_common() - some bit is set in both, at least the first that can be */
static bool learn_common(struct vnp_scalar *a, struct vnp_scalar *b,
			 unsigned int bits)
{
	struct vnp_known ka = vnp_known_of(a, bits), kb = vnp_known_of(b, bits);
	u64 possible = (ka.value | ka.mask) & (kb.value | kb.mask) & vnp_ones(bits);
	u64 first = possible & -possible;
	struct vnp_known bit = { possible, ~possible };

	if (!possible)
		return false;
	if (possible != first)
		return learn_arc(a, first, U64_MAX, bits) &&
		       learn_arc(b, first, U64_MAX, bits);
	return vnp_scalar_learn_known(a, bit, bits) && vnp_scalar_learn_known(b, bit, bits);
}

/* learn_disjoint() - no bit is set in both */
static bool learn_disjoint(struct vnp_scalar *a, struct vnp_scalar *b,
			   unsigned int bits)
{
	struct vnp_known ka = { 0, ~b->value }, kb = { 0, ~a->value };

	return vnp_scalar_learn_known(a, ka, bits) && vnp_scalar_learn_known(b, kb, bits);
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
