// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * vm/analysis/scalar*.c with words of 4 or 8 bits and halves of 2 or 4, so that every
 * member of every set can be tried.
 *
 * With words of 4 bits there are 65,535 non-empty sets, which are described by 3,175
 * different scalars, and 149,817,600 combinations of fields.  All of them and all pairs are
 * tested if VNP_TEST_FULL is set; otherwise an evenly spread sample, and all pairs with a
 * constant.  With words of 8 bits random sets are tested.
 *
 * A word is an unsigned _BitInt, for which clang is needed:
 *
 *	clang -Wall -O2 -g -fsanitize=address,undefined -Iuapi -I. \
 *		-DWORD_BITS=4 -o build/selftests/unit/scalar4_test \
 *		selftests/unit/narrow/scalar_test.c -lcmocka
 *
 * and the same with 8.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "vm/env.h"

#define HALF_BITS	(WORD_BITS / 2)

typedef unsigned _BitInt(WORD_BITS) uword_t;
typedef signed _BitInt(WORD_BITS) sword_t;
typedef unsigned _BitInt(HALF_BITS) uhalf_t;
typedef signed _BitInt(HALF_BITS) shalf_t;

#undef U64_MAX
#undef S64_MIN
#undef S64_MAX
#undef U32_MAX
#undef S32_MIN
#undef S32_MAX
#define U64_MAX		((uword_t)-1)
#define S64_MIN		((sword_t)(U64_MAX / 2 + 1))
#define S64_MAX		((sword_t)(U64_MAX / 2))
#define U32_MAX		((uhalf_t)-1)
#define S32_MIN		((shalf_t)(U32_MAX / 2 + 1))
#define S32_MAX		((shalf_t)(U32_MAX / 2))

#define u64 uword_t
#define s64 sword_t
#define u32 uhalf_t
#define s32 shalf_t
#include "vm/analysis/scalar.c"
#include "vm/analysis/scalar_alu.c"
#include "vm/analysis/scalar_branch.c"
#undef u64
#undef s64
#undef u32
#undef s32

#define WORDS		(1U << WORD_BITS)
#define HALVES		(1U << HALF_BITS)

struct set {
	struct vnp_scalar s;
	unsigned int cnt;
	uint8_t members[WORDS];
};

static struct set *sets;
static unsigned int set_cnt;

/* One of this many pairs is tested; a prime */
static unsigned int share;

/*
 * Some operations are not only sound but exact, which is tested with words of 4 bits: jumps
 * always, others if the right operand is constant.
 */
static const struct test_op {
	uint8_t op;
	int16_t off;
	bool exact;
	const char *name;
} alu_ops[] = {
	{ BPF_ADD, 0, true, "add" }, { BPF_SUB, 0, true, "sub" },
	{ BPF_MUL, 0, false, "mul" },
	{ BPF_DIV, 0, false, "div" }, { BPF_DIV, 1, false, "sdiv" },
	{ BPF_MOD, 0, false, "mod" }, { BPF_MOD, 1, false, "smod" },
	{ BPF_AND, 0, false, "and" }, { BPF_OR, 0, false, "or" },
	{ BPF_XOR, 0, false, "xor" }, { BPF_LSH, 0, false, "lsh" },
	{ BPF_RSH, 0, false, "rsh" }, { BPF_ARSH, 0, false, "arsh" },
	{ BPF_NEG, 0, true, "neg" }, { BPF_MOV, 0, true, "mov" },
	{ BPF_MOV, 1, true, "movsx1" }, { BPF_MOV, 2, true, "movsx2" },
	{ BPF_MOV, 3, true, "movsx3" },
}, jump_ops[] = {
	{ BPF_JEQ, 0, false, "jeq" }, { BPF_JNE, 0, false, "jne" },
	{ BPF_JSET, 0, false, "jset" },
	{ BPF_JGT, 0, true, "jgt" }, { BPF_JGE, 0, true, "jge" },
	{ BPF_JLT, 0, true, "jlt" }, { BPF_JLE, 0, true, "jle" },
	{ BPF_JSGT, 0, true, "jsgt" }, { BPF_JSGE, 0, true, "jsge" },
	{ BPF_JSLT, 0, true, "jslt" }, { BPF_JSLE, 0, true, "jsle" },
};

static uint64_t random_state = 1;

static unsigned int random_below(unsigned int n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (random_state >> 20) % n;
}

static void show(const char *what, const struct vnp_scalar *s)
{
	print_error("%s: value %u mask %u, %u..%u, %d..%d, half %u..%u, %d..%d\n", what,
		    (int)s->value, (int)s->mask, (int)s->umin, (int)s->umax,
		    (int)s->smin, (int)s->smax, (int)s->umin32, (int)s->umax32,
		    (int)s->smin32, (int)s->smax32);
}

static void set_add(const struct vnp_scalar *s)
{
	struct set *set;
	unsigned int i;

	for (i = 0; i < set_cnt; i++) {
		if (vnp_scalar_equal(&sets[i].s, s))
			return;
	}
	sets = realloc(sets, (set_cnt + 1) * sizeof(*sets));
	assert_non_null(sets);
	set = &sets[set_cnt++];
	*set = (struct set){ .s = *s };
	for (i = 0; i < WORDS; i++) {
		if (vnp_scalar_has(s, i))
			set->members[set->cnt++] = i;
	}
}

/* The scalar that describes the set @words: bit n is set if the 4-bit word n is a member */
static struct vnp_scalar describe(uint32_t words)
{
	struct vnp_scalar s, c;
	unsigned int i, n = 0;

	for (i = 0; i < 16; i++) {
		c = vnp_scalar_const(i);
		if (words & BIT(i))
			s = n++ ? vnp_scalar_join(&s, &c) : c;
	}
	return s;
}

static bool is_best(const struct vnp_scalar *s, uint32_t words)
{
	struct vnp_scalar best = describe(words);

	return WORD_BITS > 4 || vnp_scalar_equal(s, &best);
}

static void two_of(unsigned int n, unsigned int *least, unsigned int *greatest)
{
	unsigned int a = random_below(n), b = random_below(n);

	*least = min(a, b);
	*greatest = max(a, b);
}

/* Random fields; each is unknown half of the time */
static struct vnp_scalar draw(void)
{
	struct vnp_scalar s = vnp_scalar_unknown();
	unsigned int a, b;

	if (random_below(2)) {
		s.mask = random_below(WORDS) | random_below(WORDS);
		s.value = random_below(WORDS) & ~s.mask;
	}
	two_of(WORDS, &a, &b);
	if (random_below(2)) {
		s.umin = a;
		s.umax = b;
	}
	two_of(WORDS, &a, &b);
	if (random_below(2)) {
		s.smin = (int)a - (int)WORDS / 2;
		s.smax = (int)b - (int)WORDS / 2;
	}
	two_of(HALVES, &a, &b);
	if (random_below(2)) {
		s.umin32 = a;
		s.umax32 = b;
	}
	two_of(HALVES, &a, &b);
	if (random_below(2)) {
		s.smin32 = (int)a - (int)HALVES / 2;
		s.smax32 = (int)b - (int)HALVES / 2;
	}
	return s;
}

static int setup(void **state)
{
	bool full = getenv("VNP_TEST_FULL");
	struct vnp_scalar s;
	unsigned int i;

	share = full ? 1 : WORD_BITS == 4 ? 499 : 7;
	if (WORD_BITS == 4) {
		for (i = 1; i <= UINT16_MAX; i++) {
			s = describe(i);
			set_add(&s);
		}
		return 0;
	}
	for (i = 0; i < WORDS; i += 15) {
		s = vnp_scalar_const(i);
		set_add(&s);
	}
	while (set_cnt < (full ? 1000 : 200)) {
		s = draw();
		if (vnp_scalar_normalize(&s))
			set_add(&s);
	}
	return 0;
}

static int teardown(void **state)
{
	free(sets);
	return 0;
}

/* pair_next() - the next pair to test */
static bool pair_next(struct set **a, struct set **b)
{
	struct set *end = sets + set_cnt;

	while (*a < end) {
		if (++*b == end) {
			*b = sets;
			++*a;
		}
		if (*a < end && (!((*a - sets + *b - sets) % share) || (*b)->cnt == 1))
			return true;
	}
	return false;
}

#define for_each_pair(a, b) \
	for (a = sets, b = sets - 1; pair_next(&a, &b);)

static unsigned int cut(unsigned int v, unsigned int bits)
{
	return v & ((1U << bits) - 1);
}

static int extend_sign(unsigned int v, unsigned int bits)
{
	unsigned int sign = 1U << (bits - 1);

	return (int)(cut(v, bits) ^ sign) - (int)sign;
}

/* The instruction's result, by RFC 9669 with narrower words */
static unsigned int run_alu(const struct test_op *o, unsigned int bits,
			    unsigned int dst, unsigned int src)
{
	unsigned int a = cut(dst, bits), b = cut(src, bits), n = src % bits;
	int sa = extend_sign(a, bits), sb = extend_sign(b, bits);

	switch (o->op) {
	case BPF_ADD: return cut(a + b, bits);
	case BPF_SUB: return cut(a - b, bits);
	case BPF_MUL: return cut(a * b, bits);
	case BPF_AND: return a & b;
	case BPF_OR:  return a | b;
	case BPF_XOR: return a ^ b;
	case BPF_NEG: return cut(-a, bits);
	case BPF_LSH: return cut(a << n, bits);
	case BPF_RSH: return a >> n;
	case BPF_ARSH: return cut(sa >> n, bits);
	case BPF_DIV:
		if (!b)
			return 0;
		return o->off ? cut(sa / sb, bits) : a / b;
	case BPF_MOD:
		if (!b)
			return a;
		return o->off ? cut(sa % sb, bits) : a % b;
	default:
		return o->off ? cut(extend_sign(src, o->off), bits) : b;
	}
}

static bool run_jump(const struct test_op *o, unsigned int bits, unsigned int dst,
		     unsigned int src)
{
	unsigned int a = cut(dst, bits), b = cut(src, bits);
	int sa = extend_sign(a, bits), sb = extend_sign(b, bits);

	switch (o->op) {
	case BPF_JEQ: return a == b;
	case BPF_JNE: return a != b;
	case BPF_JSET: return a & b;
	case BPF_JGT: return a > b;
	case BPF_JGE: return a >= b;
	case BPF_JLT: return a < b;
	case BPF_JLE: return a <= b;
	case BPF_JSGT: return sa > sb;
	case BPF_JSGE: return sa >= sb;
	case BPF_JSLT: return sa < sb;
	default:      return sa <= sb;
	}
}

static void fail_pair(const char *name, unsigned int bits, const struct set *a,
		      const struct set *b)
{
	show("left", &a->s);
	show("right", &b->s);
	fail_msg("%s, %u bits", name, bits);
}

/* A result is normalized, and contains the results for all members of the operands. */
static bool alu_is_sound(const struct test_op *o, unsigned int bits,
			 const uint8_t (*table)[WORDS], const struct set *a,
			 const struct set *b)
{
	struct vnp_scalar again, r;
	bool seen[WORDS] = { false };
	uint32_t words = 0;
	unsigned int i, j;

	r = vnp_scalar_alu(o->op, o->off, bits == WORD_BITS, &a->s, &b->s);
	again = r;
	if (!vnp_scalar_normalize(&again) || !vnp_scalar_equal(&again, &r))
		return false;
	for (i = 0; i < a->cnt; i++) {
		for (j = 0; j < b->cnt; j++)
			seen[table[a->members[i]][b->members[j]]] = true;
	}
	for (i = 0; i < WORDS; i++) {
		if (seen[i] && !vnp_scalar_has(&r, i))
			return false;
		words |= (uint32_t)seen[i] << i % 32;
	}
	return !o->exact || b->cnt > 1 || is_best(&r, words);
}

static unsigned long check_alu(const struct test_op *o, unsigned int bits)
{
	static uint8_t table[WORDS][WORDS];
	unsigned long pairs = 0;
	unsigned int i, j;
	struct set *a, *b;

	for (i = 0; i < WORDS; i++) {
		for (j = 0; j < WORDS; j++)
			table[i][j] = run_alu(o, bits, i, j);
	}
	for_each_pair(a, b) {
		if (!alu_is_sound(o, bits, table, a, b))
			fail_pair(o->name, bits, a, b);
		pairs++;
	}
	return pairs;
}

static void operations_hold_results(void **state)
{
	unsigned long pairs = 0;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(alu_ops); i++) {
		pairs += check_alu(&alu_ops[i], WORD_BITS);
		pairs += check_alu(&alu_ops[i], HALF_BITS);
	}
	print_message("%lu pairs of sets\n", pairs);
}

/* Does the branch keep all members for which it is taken, and no others? */
static bool branch_is_sound(const struct test_op *o, unsigned int bits, bool taken,
			    const struct set *a, const struct set *b)
{
	struct vnp_scalar x = a->s, y = b->s;
	bool possible = vnp_scalar_branch(o->op, bits == WORD_BITS, taken, &x, &y);
	uint32_t left = 0, right = 0;
	unsigned int i, j;

	for (i = 0; i < a->cnt; i++) {
		for (j = 0; j < b->cnt; j++) {
			unsigned int p = a->members[i], q = b->members[j];

			if (run_jump(o, bits, p, q) != taken)
				continue;
			if (!possible || !vnp_scalar_has(&x, p) || !vnp_scalar_has(&y, q))
				return false;
			left |= 1U << p % 32;
			right |= 1U << q % 32;
		}
	}
	if (!vnp_scalar_within(&x, &a->s) || !vnp_scalar_within(&y, &b->s))
		return false;
	if (!o->exact && (o->op != BPF_JEQ || !taken))
		return true;
	return left ? is_best(&x, left) && is_best(&y, right) : !possible || WORD_BITS > 4;
}

static void branches(void **state)
{
	const struct test_op *o;
	unsigned long pairs = 0;
	struct set *a, *b;
	unsigned int i;

	for (i = 0; i < 4 * ARRAY_SIZE(jump_ops); i++) {
		unsigned int bits = i & 1 ? WORD_BITS : HALF_BITS;

		o = &jump_ops[i / 4];
		for_each_pair(a, b) {
			if (!branch_is_sound(o, bits, i & 2, a, b))
				fail_pair(o->name, bits, a, b);
			pairs++;
		}
	}
	print_message("%lu pairs of sets\n", pairs);
}

/* A register compared with itself: both operands are one scalar. */
static void branches_on_itself(void **state)
{
	struct vnp_scalar s;
	unsigned int i, j, k;
	bool possible;

	for (i = 0; i < 4 * ARRAY_SIZE(jump_ops); i++) {
		unsigned int bits = i & 1 ? WORD_BITS : HALF_BITS;
		const struct test_op *o = &jump_ops[i / 4];

		for (j = 0; j < set_cnt; j++) {
			s = sets[j].s;
			possible = vnp_scalar_branch(o->op, i & 1, i & 2, &s, &s);
			for (k = 0; k < sets[j].cnt; k++) {
				unsigned int v = sets[j].members[k];

				if (run_jump(o, bits, v, v) == !!(i & 2))
					assert_true(possible && vnp_scalar_has(&s, v));
			}
		}
	}
}

/* Truncation and extension to any width, not only to bytes */
static void extension(void **state)
{
	struct vnp_scalar z, s;
	unsigned int i, j, bits;

	for (bits = 1; bits <= WORD_BITS; bits++) {
		for (i = 0; i < set_cnt; i++) {
			z = extend(BPF_RSH, &sets[i].s, bits);
			s = extend(BPF_ARSH, &sets[i].s, bits);
			for (j = 0; j < sets[i].cnt; j++) {
				unsigned int v = sets[i].members[j];

				assert_true(vnp_scalar_has(&z, cut(v, bits)));
				assert_true(vnp_scalar_has(&s, extend_sign(v, bits)));
			}
		}
	}
}

static bool normalize_is_sound(const struct vnp_scalar *s)
{
	struct vnp_scalar n = *s, best;
	bool some = vnp_scalar_normalize(&n);
	unsigned int i, cnt = 0;
	uint32_t members = 0;

	for (i = 0; i < WORDS; i++) {
		if (!vnp_scalar_has(s, i))
			continue;
		if (!some || !vnp_scalar_has(&n, i))
			return false;
		members |= 1U << i % 32;
		cnt++;
	}
	if (some && !vnp_scalar_within(&n, s))
		return false;
	if (WORD_BITS > 4)
		return true;
	/* Words this narrow are always exact. */
	best = describe(members);
	return some ? cnt && vnp_scalar_equal(&n, &best) : !cnt;
}

static unsigned int digit(uint64_t *n, unsigned int base)
{
	unsigned int d = *n % base;

	*n /= base;
	return d;
}

/* The @n-th combination of fields, if it is valid */
static bool combine(uint64_t n, struct vnp_scalar *s)
{
	s->value = digit(&n, WORDS);
	s->mask = digit(&n, WORDS);
	s->umin = digit(&n, WORDS);
	s->umax = digit(&n, WORDS);
	s->smin = digit(&n, WORDS);
	s->smax = digit(&n, WORDS);
	s->umin32 = digit(&n, HALVES);
	s->umax32 = digit(&n, HALVES);
	s->smin32 = digit(&n, HALVES);
	s->smax32 = digit(&n, HALVES);
	return !(s->value & s->mask) && s->umin <= s->umax && s->smin <= s->smax &&
	       s->umin32 <= s->umax32 && s->smin32 <= s->smax32;
}

/* Normalizing keeps all members. */
static void normalization(void **state)
{
	const uint64_t combinations = 1ULL << 32;	/* for words of 4 bits */
	uint64_t n, step = share > 1 ? 1009 : 1;
	unsigned long cnt = 0;
	struct vnp_scalar s;

	for (n = 0; n < combinations; n += step) {
		if (WORD_BITS > 4) {
			s = draw();
			n += 0xffff;
		} else if (!combine(n, &s)) {
			continue;
		}
		cnt++;
		if (!normalize_is_sound(&s)) {
			show("not normal", &s);
			fail();
		}
	}
	print_message("%lu combinations\n", cnt);
}

static bool set_within(const struct set *a, const struct set *b)
{
	unsigned int i;

	for (i = 0; i < a->cnt; i++) {
		if (!vnp_scalar_has(&b->s, a->members[i]))
			return false;
	}
	return true;
}

/* "Within" is a partial order, in which a join is above both. */
static void order_and_join(void **state)
{
	struct vnp_scalar j, k;
	struct set *a, *b, *c;

	for_each_pair(a, b) {
		bool within = vnp_scalar_within(&a->s, &b->s);

		j = vnp_scalar_join(&a->s, &b->s);
		k = vnp_scalar_join(&b->s, &a->s);
		c = &sets[random_below(set_cnt)];
		if (!vnp_scalar_equal(&j, &k) || !vnp_scalar_within(&a->s, &j) ||
		    !vnp_scalar_within(&b->s, &j))
			fail_pair("join", WORD_BITS, a, b);
		if (within != vnp_scalar_equal(&j, &b->s) ||
		    (within && !set_within(a, b)) ||
		    (WORD_BITS == 4 && !within && set_within(a, b)))
			fail_pair("within", WORD_BITS, a, b);
		if (a != b && within && vnp_scalar_within(&b->s, &a->s))
			fail_pair("within, antisymmetry", WORD_BITS, a, b);
		if (within && vnp_scalar_within(&b->s, &c->s) &&
		    !vnp_scalar_within(&a->s, &c->s))
			fail_pair("within, transitivity", WORD_BITS, a, c);
	}
	for (a = sets; a < sets + set_cnt; a++)
		assert_true(vnp_scalar_within(&a->s, &a->s));
}

/* A growing set converges quickly. */
static void widening_ends(void **state)
{
	static const uword_t steps[] = { 1, 3, 6, 9, 13 };
	const unsigned int most = 8 * (ARRAY_SIZE(steps) + 7) + WORD_BITS;
	struct vnp_scalar s, grown, wide;
	unsigned int i, j, moves;

	for (i = 0; i < set_cnt; i++) {
		s = sets[i].s;
		moves = 0;
		for (j = 0; j < 1000; j++) {
			grown = vnp_scalar_join(&s, &sets[random_below(set_cnt)].s);
			wide = vnp_scalar_widen(&s, &grown, steps, random_below(6));
			assert_true(vnp_scalar_within(&grown, &wide));
			moves += !vnp_scalar_equal(&s, &wide);
			s = wide;
		}
		assert_in_range(moves, 0, most);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(normalization),
		cmocka_unit_test(operations_hold_results),
		cmocka_unit_test(branches),
		cmocka_unit_test(branches_on_itself),
		cmocka_unit_test(extension),
		cmocka_unit_test(order_and_join),
		cmocka_unit_test(widening_ends),
	};

	return cmocka_run_group_tests_name("vm/analysis/scalar.c, words of few bits", tests,
					   setup, teardown);
}
