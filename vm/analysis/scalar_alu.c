// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Operations.  They work on whole words.  On known bits, sums, differences and
 * products are those of Vishwanathan et al. (CGO 2022), which the kernel has in
 * kernel/bpf/tnum.c.
 */
#include "vm/analysis/spans.h"

/* Least and greatest sum differ in each bit that some carry may reach. */
static struct vnp_known known_add(struct vnp_known a, struct vnp_known b)
{
	u64 least = a.value + b.value;
	u64 most = least + a.mask + b.mask;

	return vnp_known_make(least, (least ^ most) | a.mask | b.mask);
}

/* As for the sum: least minus most and most minus least bound all borrows. */
static struct vnp_known known_sub(struct vnp_known a, struct vnp_known b)
{
	u64 least = a.value - b.value - b.mask;
	u64 most = a.value - b.value + a.mask;

	return vnp_known_make(most, (least ^ most) | a.mask | b.mask);
}

/* Long multiplication; where a bit of @a is unknown, both with and without. */
static struct vnp_known known_mul(struct vnp_known a, struct vnp_known b)
{
	struct vnp_known sum = { 0, 0 };
	struct vnp_known more;

	while (a.value | a.mask) {
		more = known_add(sum, b);
		if (a.value & 1)
			sum = more;
		else if (a.mask & 1)
			sum = vnp_known_join(sum, more);
		a = (struct vnp_known){ a.value >> 1, a.mask >> 1 };
		b = (struct vnp_known){ b.value << 1, b.mask << 1 };
	}
	return sum;
}

static struct vnp_known known_and(struct vnp_known a, struct vnp_known b)
{
	u64 possible = (a.value | a.mask) & (b.value | b.mask);
	u64 sure = a.value & b.value;

	return (struct vnp_known){ sure, possible & ~sure };
}

static struct vnp_known known_or(struct vnp_known a, struct vnp_known b)
{
	u64 sure = a.value | b.value;

	return (struct vnp_known){ sure, (a.mask | b.mask) & ~sure };
}

static struct vnp_known known_xor(struct vnp_known a, struct vnp_known b)
{
	return vnp_known_make(a.value ^ b.value, a.mask | b.mask);
}

/* Shifts: @b is one count. */
static struct vnp_known known_lsh(struct vnp_known a, struct vnp_known b)
{
	return (struct vnp_known){ a.value << b.value, a.mask << b.value };
}

static struct vnp_known known_rsh(struct vnp_known a, struct vnp_known b)
{
	return (struct vnp_known){ a.value >> b.value, a.mask >> b.value };
}

/* What is copied down is the sign bit, known or not. */
static struct vnp_known known_arsh(struct vnp_known a, struct vnp_known b)
{
	return (struct vnp_known){ (s64)a.value >> b.value, (s64)a.mask >> b.value };
}

/*
 * On spans, each argument is one span of a struct vnp_spans: not empty, and of one sign.
 * The result is an arc.
 */

/*
 * n and m consecutive words have n + m - 1 consecutive sums.  That is not more than all
 * words, as those of one sign are half of them.
 */
static struct vnp_span span_add(struct vnp_span a, struct vnp_span b)
{
	return (struct vnp_span){ a.lo + b.lo, a.hi + b.hi };
}

static struct vnp_span span_neg(struct vnp_span a)
{
	return (struct vnp_span){ -a.hi, -a.lo };
}

static struct vnp_span span_sub(struct vnp_span a, struct vnp_span b)
{
	return span_add(a, span_neg(b));
}

/* Inverting all bits reverses both orders. */
static struct vnp_span span_not(struct vnp_span a)
{
	return (struct vnp_span){ ~a.hi, ~a.lo };
}

static bool span_negative(struct vnp_span a)
{
	return a.lo & VNP_SIGN_BIT;
}

/* Absolute values; that of the least number is its own, read as unsigned. */
static struct vnp_span span_abs(struct vnp_span a)
{
	return span_negative(a) ? span_neg(a) : a;
}

/* Multiply absolute values: modulo 2^64 the sign can be applied afterwards. */
static struct vnp_span span_mul(struct vnp_span a, struct vnp_span b)
{
	bool negative = span_negative(a) != span_negative(b);
	struct vnp_span r;

	a = span_abs(a);
	b = span_abs(b);
	if (a.hi && b.hi > U64_MAX / a.hi)
		return VNP_ALL_WORDS;
	r = (struct vnp_span){ a.lo * b.lo, a.hi * b.hi };
	return negative ? span_neg(r) : r;
}

/* The quotient decreases as the divisor grows, except that division by zero is zero. */
static struct vnp_span span_div(struct vnp_span a, struct vnp_span b)
{
	if (!b.hi)
		return (struct vnp_span){ 0, 0 };
	if (!b.lo)
		return (struct vnp_span){ 0, a.hi };
	return (struct vnp_span){ a.lo / b.hi, a.hi / b.lo };
}

/* The remainder is less than the divisor, and at most @a; for a divisor of 0 it is @a. */
static struct vnp_span span_mod(struct vnp_span a, struct vnp_span b)
{
	if (!b.hi || a.hi < b.lo)
		return a;
	if (!b.lo)
		return (struct vnp_span){ 0, a.hi };
	if (b.lo == b.hi && a.lo / b.lo == a.hi / b.lo)
		return (struct vnp_span){ a.lo % b.lo, a.hi % b.lo };
	return (struct vnp_span){ 0, min(a.hi, b.hi - 1) };
}

/* Rounds towards zero, so it is the quotient of the absolute values. */
static struct vnp_span span_sdiv(struct vnp_span a, struct vnp_span b)
{
	bool negative = span_negative(a) != span_negative(b);
	struct vnp_span r = span_div(span_abs(a), span_abs(b));

	return negative ? span_neg(r) : r;
}

/* Has the sign of the dividend, whatever that of the divisor. */
static struct vnp_span span_smod(struct vnp_span a, struct vnp_span b)
{
	struct vnp_span r = span_mod(span_abs(a), span_abs(b));

	return span_negative(a) ? span_neg(r) : r;
}

/*
 * Clearing the same bits in all words keeps their order, if they are the last of
 * those in which the words differ (as in rounding down) or none of them.  Otherwise
 * the result is bounded by the bits known from both spans, and by both operands.
 */
static struct vnp_span span_and(struct vnp_span a, struct vnp_span b)
{
	u64 cleared = ~b.lo & vnp_ones(fls64(a.lo ^ a.hi));
	struct vnp_known k = known_and(vnp_known_span(a), vnp_known_span(b));

	if (b.lo == b.hi && !(cleared & (cleared + 1)))
		return (struct vnp_span){ a.lo & b.lo, a.hi & b.lo };
	return (struct vnp_span){ k.value, min(k.value | k.mask, min(a.hi, b.hi)) };
}

/* To set bits is to clear them in the complement. */
static struct vnp_span span_or(struct vnp_span a, struct vnp_span b)
{
	return span_not(span_and(span_not(a), span_not(b)));
}

/* Inverting all of the bits in which the words differ, or none, is monotone. */
static struct vnp_span span_xor(struct vnp_span a, struct vnp_span b)
{
	struct vnp_known k = known_xor(vnp_known_span(a), vnp_known_span(b));
	u64 differing = vnp_ones(fls64(a.lo ^ a.hi));
	u64 inverted = b.lo & differing;

	if (b.lo == b.hi && !inverted)
		return (struct vnp_span){ a.lo ^ b.lo, a.hi ^ b.lo };
	if (b.lo == b.hi && inverted == differing)
		return (struct vnp_span){ a.hi ^ b.lo, a.lo ^ b.lo };
	return (struct vnp_span){ k.value, k.value | k.mask };
}

/*
 * For a single count any bits may be shifted out, as long as the results wrap at most
 * once; for several counts they must be zeros.
 */
static struct vnp_span span_lsh(struct vnp_span a, struct vnp_span b)
{
	u64 length = b.lo == b.hi ? a.hi - a.lo : a.hi;

	if (length > U64_MAX >> b.hi)
		return VNP_ALL_WORDS;
	return (struct vnp_span){ a.lo << b.lo, a.hi << b.hi };
}

static struct vnp_span span_rsh(struct vnp_span a, struct vnp_span b)
{
	return (struct vnp_span){ a.lo >> b.hi, a.hi >> b.lo };
}

/* Shift the complement of a negative number, which is not negative, and complement the result. */
static struct vnp_span span_arsh(struct vnp_span a, struct vnp_span b)
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
	struct vnp_known (*known)(struct vnp_known a, struct vnp_known b);
	struct vnp_span (*span)(struct vnp_span a, struct vnp_span b);
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
static struct vnp_known compute_shift(const struct operation *o, struct vnp_known a,
				      struct vnp_known count)
{
	struct vnp_known n = { count.value, 0 };
	struct vnp_known r = o->known(a, n);

	while (++n.value < WORD_BITS) {
		if (!((n.value ^ count.value) & ~count.mask))
			r = vnp_known_join(r, o->known(a, n));
	}
	return r;
}

static struct vnp_known compute_known(const struct operation *o,
				      const struct vnp_scalar *dst,
				      const struct vnp_scalar *src, unsigned int bits)
{
	struct vnp_known a = vnp_known_of(dst, bits);

	if (!o->known)
		return (struct vnp_known){ 0, U64_MAX };
	if (o->zero)
		a = (struct vnp_known){ a.value & vnp_ones(bits), a.mask & vnp_ones(bits) };
	if (o->shift)
		return compute_shift(o, a, vnp_known_of(src, WORD_BITS));
	return o->known(a, vnp_known_of(src, bits));
}

/* compute_operand() - the ranges of @s as @o reads it */
static struct vnp_spans compute_operand(const struct operation *o,
					const struct vnp_scalar *s, unsigned int bits)
{
	struct vnp_spans p = vnp_spans_of(s, bits);

	if (o->zero) {
		p.sign[1].lo &= vnp_ones(bits);
		p.sign[1].hi &= vnp_ones(bits);
	}
	return p;
}

/* compute_spans() - each span with each; the results are added to @r */
static bool compute_spans(const struct operation *o, const struct vnp_scalar *dst,
			  const struct vnp_scalar *src, unsigned int bits,
			  struct vnp_scalar *r)
{
	struct vnp_spans a = compute_operand(o, dst, bits);
	struct vnp_spans b = compute_operand(o, src, o->shift ? WORD_BITS : bits);
	struct vnp_spans word = VNP_NO_SPANS;
	struct vnp_spans half = VNP_NO_SPANS;
	struct vnp_span arc;
	int i;

	for (i = 0; i < 4; i++) {
		if (vnp_span_empty(a.sign[i / 2]) || vnp_span_empty(b.sign[i % 2]))
			continue;
		arc = o->span(a.sign[i / 2], b.sign[i % 2]);
		vnp_spans_add(&word, arc, WORD_BITS);
		vnp_spans_add(&half, arc, HALF_BITS);
	}
	return vnp_scalar_learn_spans(r, &half, HALF_BITS) &&
	       (bits == HALF_BITS || vnp_scalar_learn_spans(r, &word, WORD_BITS));
}

/* zero_upper() - the upper half after a 32 bit operation */
static void zero_upper(struct vnp_scalar *s)
{
	s->value &= vnp_ones(HALF_BITS);
	s->mask &= vnp_ones(HALF_BITS);
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
	struct vnp_known k = compute_known(o, dst, src, bits);
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
	struct vnp_spans half = vnp_spans_of(dst, HALF_BITS);
	struct vnp_scalar value = *dst;

	/*
	 * If the upper half is shifted out its value does not matter: use the
	 * sign-extended lower half, of which more may be known.
	 */
	if (op == BPF_LSH && count.umin >= HALF_BITS) {
		value = vnp_scalar_unknown();
		vnp_spans_store(&half, WORD_BITS, &value);
		vnp_scalar_learn_known(&value, vnp_known_of(dst, HALF_BITS), WORD_BITS);
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
	/* a number that is not 0 is at least as great as its lowest bit */
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
