// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The number domain with 64 bit words: exact results for typical code of packet parsers,
 * and random samples of every operation and jump, near critical numbers.
 * narrow/scalar_test.c tests all numbers, with words of a few bits.
 *
 *	gcc -Wall -g -fsanitize=address,undefined -Iuapi -I. \
 *		-o build/selftests/unit/scalar_test selftests/unit/scalar_test.c \
 *		vm/analysis/scalar*.c -lcmocka
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "vm/analysis/scalar.h"

static void show(const char *what, const struct vnp_scalar *s)
{
	print_error("%s: value %#llx mask %#llx, %llu..%llu, %lld..%lld", what,
		    (unsigned long long)s->value, (unsigned long long)s->mask,
		    (unsigned long long)s->umin, (unsigned long long)s->umax,
		    (long long)s->smin, (long long)s->smax);
	print_error(", half %u..%u, %d..%d\n", s->umin32, s->umax32, s->smin32, s->smax32);
}

/* Tests of precision */

static struct vnp_scalar signed_range(s64 smin, s64 smax)
{
	struct vnp_scalar s = vnp_scalar_unknown();

	s.smin = smin;
	s.smax = smax;
	assert_true(vnp_scalar_normalize(&s));
	return s;
}

static struct vnp_scalar signed_range32(s32 smin, s32 smax)
{
	struct vnp_scalar s = vnp_scalar_unknown();

	s.smin32 = smin;
	s.smax32 = smax;
	assert_true(vnp_scalar_normalize(&s));
	return s;
}

static struct vnp_scalar alu(u8 op, struct vnp_scalar a, struct vnp_scalar b)
{
	return vnp_scalar_alu(op, 0, true, &a, &b);
}

static struct vnp_scalar alu32(u8 op, struct vnp_scalar a, struct vnp_scalar b)
{
	return vnp_scalar_alu(op, 0, false, &a, &b);
}

static struct vnp_scalar alu_imm(u8 op, struct vnp_scalar a, s32 imm)
{
	return alu(op, a, vnp_scalar_const((s64)imm));
}

static struct vnp_scalar alu32_imm(u8 op, struct vnp_scalar a, s32 imm)
{
	return alu32(op, a, vnp_scalar_const((s64)imm));
}

/* What is known of @a after a comparison with @imm had this result */
static struct vnp_scalar where(struct vnp_scalar a, u8 op, s64 imm, bool taken)
{
	struct vnp_scalar b = vnp_scalar_const(imm);

	assert_true(vnp_scalar_branch(op, true, taken, &a, &b));
	return a;
}

static struct vnp_scalar where32(struct vnp_scalar a, u8 op, s32 imm, bool taken)
{
	struct vnp_scalar b = vnp_scalar_const((s64)imm);

	assert_true(vnp_scalar_branch(op, false, taken, &a, &b));
	return a;
}

static void assert_range(struct vnp_scalar s, u64 umin, u64 umax)
{
	if (s.umin != umin || s.umax != umax) {
		show("is", &s);
		fail_msg("expected %llu..%llu", (unsigned long long)umin,
			 (unsigned long long)umax);
	}
}

static void assert_signed_range(struct vnp_scalar s, s64 smin, s64 smax)
{
	if (s.smin != smin || s.smax != smax) {
		show("is", &s);
		fail_msg("expected %lld..%lld", (long long)smin, (long long)smax);
	}
}

static void assert_const(struct vnp_scalar s, u64 v)
{
	struct vnp_scalar c = vnp_scalar_const(v);

	if (!vnp_scalar_equal(&s, &c)) {
		show("is", &s);
		fail_msg("expected %llu", (unsigned long long)v);
	}
}

/* (b & 0xf) << 2, the length of an IPv4 header; and (b >> 4) << 2, as in TCP */
static void header_length(void **state)
{
	struct vnp_scalar byte = vnp_scalar_range(0, 255), len;

	len = alu_imm(BPF_LSH, alu_imm(BPF_AND, byte, 0xf), 2);
	assert_range(len, 0, 60);
	assert_int_equal(len.mask, 0x3c);
	assert_int_equal(len.umax32, 60);
	len = where(len, BPF_JLT, 20, false);
	assert_range(len, 20, 60);
	assert_range(alu_imm(BPF_SUB, len, 20), 0, 40);

	len = alu32_imm(BPF_LSH, alu32_imm(BPF_RSH, byte, 4), 2);
	assert_range(len, 0, 60);
	assert_range(alu32_imm(BPF_AND, alu32_imm(BPF_RSH, byte, 2), 0x3c), 0, 60);
	assert_range(alu_imm(BPF_MUL, alu_imm(BPF_AND, byte, 0xf), 4), 0, 60);
}

static void length_minus_header(void **state)
{
	struct vnp_scalar len = vnp_scalar_range(0, U16_MAX);

	len = where(len, BPF_JGE, 8, true);
	assert_range(len, 8, U16_MAX);
	len = alu_imm(BPF_ADD, len, -8);
	assert_range(len, 0, U16_MAX - 8);
	assert_signed_range(len, 0, U16_MAX - 8);
	assert_int_equal(len.umax32, U16_MAX - 8);
	assert_range(alu32_imm(BPF_ADD, vnp_scalar_range(8, 1500), -8), 0, 1492);
	assert_signed_range(alu(BPF_SUB, vnp_scalar_range(1, 5), vnp_scalar_range(2, 3)),
			    -2, 3);
}

/* n = min(n, 64); n = max(n, 4); by branches, on an unknown number */
static void minimum_and_maximum(void **state)
{
	struct vnp_scalar n = vnp_scalar_unknown(), c64 = vnp_scalar_const(64);
	struct vnp_scalar c4 = vnp_scalar_const(4), less, m;

	less = where(n, BPF_JGT, 64, false);
	m = vnp_scalar_join(&less, &c64);
	assert_range(m, 0, 64);
	assert_int_equal(m.smax32, 64);
	less = where(m, BPF_JLT, 4, false);
	m = vnp_scalar_join(&less, &c4);
	assert_range(m, 4, 64);

	n = alu32(BPF_MOV, n, n);
	less = where32(n, BPF_JSGT, 64, false);
	assert_int_equal(less.smax32, 64);
	less = where32(less, BPF_JSLT, 0, false);
	assert_range(less, 0, 64);
}

static void add32_is_exact(void **state)
{
	struct vnp_scalar n = vnp_scalar_range(0, U32_MAX - 15);

	assert_range(alu32_imm(BPF_ADD, n, 15), 15, U32_MAX);
	assert_range(alu32_imm(BPF_ADD, n, 16), 0, U32_MAX);
	/* All sums wrap */
	n = vnp_scalar_range(U32_MAX - 3, U32_MAX);
	assert_range(alu32_imm(BPF_ADD, n, 4), 0, 3);
	/* Upper bits do not matter */
	n = signed_range32(5, 9);
	assert_range(alu32_imm(BPF_ADD, n, 1), 6, 10);
}

/* clang 14 extends by pairs of shifts */
static void shift_pairs_extend(void **state)
{
	struct vnp_scalar n = signed_range32(-5, 7), s;

	s = alu_imm(BPF_ARSH, alu_imm(BPF_LSH, n, 32), 32);
	assert_signed_range(s, -5, 7);
	assert_signed_range(vnp_scalar_extend(&n, 4), -5, 7);
	s = alu_imm(BPF_RSH, alu_imm(BPF_LSH, n, 32), 32);
	assert_range(s, 0, U32_MAX);
	assert_int_equal(s.smin32, -5);
	assert_int_equal(s.smax32, 7);

	n = vnp_scalar_range(5, 0x80000010);
	n = alu(BPF_ADD, n, alu_imm(BPF_LSH, vnp_scalar_unknown(), 32));
	assert_range(alu_imm(BPF_RSH, alu_imm(BPF_LSH, n, 32), 32), 5, 0x80000010);
	assert_range(vnp_scalar_truncate(&n, 4), 5, 0x80000010);

	n = vnp_scalar_range(0, 200);
	assert_range(alu_imm(BPF_RSH, alu_imm(BPF_LSH, n, 56), 56), 0, 200);
	assert_signed_range(alu_imm(BPF_ARSH, alu_imm(BPF_LSH, n, 56), 56), -128, 127);
	assert_signed_range(alu_imm(BPF_ARSH, alu_imm(BPF_LSH, n, 48), 48), 0, 200);
}

static void extension(void **state)
{
	struct vnp_scalar n = vnp_scalar_unknown(), s;

	assert_signed_range(vnp_scalar_alu(BPF_MOV, 8, true, &n, &n), -128, 127);
	assert_signed_range(vnp_scalar_alu(BPF_MOV, 16, true, &n, &n), S16_MIN, S16_MAX);
	assert_signed_range(vnp_scalar_alu(BPF_MOV, 32, true, &n, &n), S32_MIN, S32_MAX);
	s = vnp_scalar_alu(BPF_MOV, 8, false, &n, &n);
	assert_range(s, 0, U32_MAX);
	assert_int_equal(s.smin32, -128);
	assert_int_equal(s.smax32, 127);
	assert_signed_range(vnp_scalar_extend(&s, 4), -128, 127);
	assert_range(vnp_scalar_truncate(&n, 1), 0, 255);
	assert_range(vnp_scalar_truncate(&n, 2), 0, U16_MAX);
	assert_range(vnp_scalar_truncate(&n, 8), 0, U64_MAX);
	n = vnp_scalar_range(3, 100);
	assert_range(vnp_scalar_truncate(&n, 1), 3, 100);
	assert_signed_range(vnp_scalar_extend(&n, 1), 3, 100);
}

static void byte_order(void **state)
{
	struct vnp_scalar n = vnp_scalar_unknown(), c = vnp_scalar_const(0x12345678);

	assert_range(vnp_scalar_swap(&n, 16, true), 0, U16_MAX);
	assert_range(vnp_scalar_swap(&n, 32, true), 0, U32_MAX);
	assert_range(vnp_scalar_swap(&n, 16, false), 0, U16_MAX);
	assert_const(vnp_scalar_swap(&c, 16, true), 0x7856);
	assert_const(vnp_scalar_swap(&c, 32, true), 0x78563412);
	assert_const(vnp_scalar_swap(&c, 64, true), 0x7856341200000000);
	assert_const(vnp_scalar_swap(&c, 16, false), 0x5678);
	/* Known bits are moved with their bytes */
	n = vnp_scalar_range(0, 255);
	assert_int_equal(vnp_scalar_swap(&n, 16, true).mask, 0xff00);
}

/* In a loop with the condition i != 64, i < 64 is known */
static void not_equal_excludes_bounds(void **state)
{
	struct vnp_scalar i = vnp_scalar_range(0, 64), s;

	assert_range(where(i, BPF_JNE, 64, true), 0, 63);
	assert_range(where(i, BPF_JEQ, 64, false), 0, 63);
	assert_range(where(i, BPF_JNE, 0, true), 1, 64);
	assert_range(where(i, BPF_JNE, 30, true), 0, 64);
	assert_range(where32(i, BPF_JNE, 64, true), 0, 63);
	assert_signed_range(where(signed_range(-1, 9), BPF_JNE, -1, true), 0, 9);
	assert_const(where(i, BPF_JEQ, 5, true), 5);
	/* Bounds are rounded to multiples */
	s = alu_imm(BPF_AND, i, ~3);
	assert_range(where(s, BPF_JNE, 64, true), 0, 60);
	assert_range(where(s, BPF_JLT, 63, true), 0, 60);
}

static void impossible_branches(void **state)
{
	struct vnp_scalar a = vnp_scalar_range(5, 9), b = vnp_scalar_range(9, 20);
	struct vnp_scalar c = vnp_scalar_const(8), old = a;

	assert_false(vnp_scalar_branch(BPF_JGT, true, true, &a, &b));
	assert_false(vnp_scalar_branch(BPF_JLE, true, false, &a, &b));
	assert_false(vnp_scalar_branch(BPF_JSGT, false, true, &a, &b));
	assert_false(vnp_scalar_branch(BPF_JNE, true, true, &c, &c));
	assert_false(vnp_scalar_branch(BPF_JSET, true, false, &c, &c));
	assert_true(vnp_scalar_equal(&a, &old));
	assert_true(vnp_scalar_branch(BPF_JGE, true, true, &a, &b));
	assert_const(a, 9);
	assert_const(b, 9);
}

/* i < n && n <= 64: both operands get bounds */
static void both_sides_learn(void **state)
{
	struct vnp_scalar i = vnp_scalar_unknown(), n = vnp_scalar_range(0, 64);

	assert_true(vnp_scalar_branch(BPF_JLT, true, true, &i, &n));
	assert_range(i, 0, 63);
	assert_range(n, 1, 64);
	i = vnp_scalar_range(0, 10);
	n = alu_imm(BPF_AND, vnp_scalar_range(5, 20), ~1);
	assert_true(vnp_scalar_branch(BPF_JEQ, true, true, &i, &n));
	assert_range(i, 4, 10);
	assert_true(vnp_scalar_equal(&i, &n));
	i = signed_range(-10, 10);
	n = signed_range(3, 20);
	assert_true(vnp_scalar_branch(BPF_JSGE, true, true, &i, &n));
	assert_signed_range(i, 3, 10);
	assert_signed_range(n, 3, 10);
}

static void bit_tests(void **state)
{
	struct vnp_scalar n = vnp_scalar_unknown(), s;

	s = where(n, BPF_JSET, 0x10, true);
	assert_int_equal(s.value, 0x10);
	s = where(n, BPF_JSET, 0x7, false);
	assert_int_equal(s.mask, ~7ULL);
	assert_range(where(n, BPF_JSET, 0xf0, true), 16, U64_MAX);
	/* Numbers below 2^16 have no bit above */
	assert_range(where(n, BPF_JSET, -0x10000, false), 0, U16_MAX);
	assert_signed_range(where(n, BPF_JSET, S64_MIN, false), 0, S64_MAX);
}

static void rounding(void **state)
{
	struct vnp_scalar n = vnp_scalar_range(5, 10), few = vnp_scalar_range(2, 4);

	assert_range(alu_imm(BPF_AND, alu_imm(BPF_ADD, n, 3), ~3), 8, 12);
	assert_range(alu32_imm(BPF_AND, alu32_imm(BPF_ADD, n, 3), ~3), 8, 12);
	assert_range(alu_imm(BPF_OR, n, 3), 7, 11);
	assert_signed_range(alu_imm(BPF_XOR, n, -1), -11, -6);
	assert_range(alu(BPF_LSH, vnp_scalar_const(1), vnp_scalar_range(0, 5)), 1, 32);
	assert_range(alu(BPF_RSH, vnp_scalar_range(64, 255), few), 4, 63);
	assert_range(alu_imm(BPF_AND, n, 0xff), 5, 10);
	assert_range(alu(BPF_AND, n, vnp_scalar_range(0, 4)), 0, 4);
	assert_range(alu(BPF_OR, n, vnp_scalar_range(0, 4)), 5, 15);
	assert_range(alu_imm(BPF_XOR, n, 0x10), 0x15, 0x1a);
	assert_range(alu(BPF_XOR, vnp_scalar_range(16, 19), few), 16, 23);
}

/* A helper's result that is negative for an error */
static void negative_results(void **state)
{
	struct vnp_scalar r = vnp_scalar_unknown();

	assert_range(where(r, BPF_JSLT, 0, false), 0, S64_MAX);
	assert_range(where(r, BPF_JSGT, -1, true), 0, S64_MAX);
	r = where32(r, BPF_JSLT, 0, false);
	assert_int_equal(r.umax32, S32_MAX);
	assert_range(vnp_scalar_extend(&r, 4), 0, S32_MAX);
	r = signed_range(S32_MIN, S32_MAX);
	assert_range(where32(r, BPF_JSGE, 0, true), 0, S32_MAX);
	assert_signed_range(where32(r, BPF_JSGE, -7, true), -7, S32_MAX);
	assert_signed_range(alu_imm(BPF_ARSH, r, 31), -1, 0);
}

static void division(void **state)
{
	struct vnp_scalar n = signed_range(-10, 10), c = vnp_scalar_const(-3ULL);
	struct vnp_scalar u = vnp_scalar_unknown(), m1 = vnp_scalar_const(-1ULL);
	struct vnp_scalar hundred = vnp_scalar_range(0, 100);

	assert_signed_range(vnp_scalar_alu(BPF_DIV, 1, true, &n, &c), -3, 3);
	assert_signed_range(vnp_scalar_alu(BPF_MOD, 1, true, &n, &c), -2, 2);
	assert_range(alu_imm(BPF_MOD, u, 10), 0, 9);
	assert_range(alu32_imm(BPF_MOD, u, 10), 0, 9);
	assert_range(alu_imm(BPF_DIV, vnp_scalar_range(100, 1500), 20), 5, 75);
	assert_range(alu(BPF_DIV, hundred, vnp_scalar_range(0, 9)), 0, 100);
	assert_range(alu32_imm(BPF_DIV, u, 4), 0, U32_MAX / 4);
	assert_const(alu_imm(BPF_DIV, u, 0), 0);
	assert_range(alu_imm(BPF_MOD, vnp_scalar_range(3, 7), 0), 3, 7);
	/* The only quotient that is too large wraps */
	n = vnp_scalar_const(S64_MIN);
	assert_const(vnp_scalar_alu(BPF_DIV, 1, true, &n, &m1), S64_MIN);
	assert_const(vnp_scalar_alu(BPF_MOD, 1, true, &n, &m1), 0);
	n = vnp_scalar_const((u32)S32_MIN);
	assert_const(vnp_scalar_alu(BPF_DIV, 1, false, &n, &m1), (u32)S32_MIN);
}

/* for (i = 0; i < 64; i++): the header converges at the compared constant */
static void widening_converges(void **state)
{
	static const u64 steps[] = { 8, 64, 1500 };
	struct vnp_scalar head = vnp_scalar_const(0), body, next;
	int i;

	for (i = 0; i < 5; i++) {
		body = where(head, BPF_JLT, 64, true);
		body = alu_imm(BPF_ADD, body, 1);
		next = vnp_scalar_join(&head, &body);
		head = vnp_scalar_widen(&head, &next, steps, ARRAY_SIZE(steps));
	}
	assert_true(vnp_scalar_within(&body, &head));
	assert_range(head, 0, 64);
	assert_int_equal(head.smax32, 64);
	assert_range(where(head, BPF_JLT, 64, true), 0, 63);

	/* A bound may already be a threshold of widening, in either width */
	head = vnp_scalar_const(0);
	next = vnp_scalar_range(0, 8);
	head = vnp_scalar_widen(&head, &next, steps, ARRAY_SIZE(steps));
	assert_range(head, 0, 8);
	assert_int_equal(head.umax32, 8);
	assert_int_equal(head.umin32, 0);

	/* Without thresholds: the limits of each width */
	head = vnp_scalar_const(0);
	next = vnp_scalar_range(0, 65);
	head = vnp_scalar_widen(&head, &next, NULL, 0);
	assert_range(head, 0, S32_MAX);
	next = signed_range(-1, 65);
	head = vnp_scalar_widen(&head, &next, NULL, 0);
	assert_signed_range(head, S32_MIN, S32_MAX);
	/* Counting down converges at 0; multiples stay multiples */
	next = vnp_scalar_range(92, 100);
	head = vnp_scalar_const(100);
	head = vnp_scalar_widen(&head, &next, steps, ARRAY_SIZE(steps));
	assert_range(head, 64, 100);
	next = alu_imm(BPF_LSH, vnp_scalar_range(0, 1), 2);
	head = vnp_scalar_const(0);
	head = vnp_scalar_widen(&head, &next, steps, ARRAY_SIZE(steps));
	assert_int_equal(head.mask, ~3ULL);
	assert_range(head, 0, 8);
}

/* Random samples */

#define MEMBERS_MAX	24

struct sample {
	struct vnp_scalar s;
	unsigned int cnt;
	u64 members[MEMBERS_MAX];
};

static const struct test_op {
	u8 op;
	s16 off;
	const char *name;
} alu_ops[] = {
	{ BPF_ADD, 0, "add" }, { BPF_SUB, 0, "sub" }, { BPF_MUL, 0, "mul" },
	{ BPF_DIV, 0, "div" }, { BPF_DIV, 1, "sdiv" },
	{ BPF_MOD, 0, "mod" }, { BPF_MOD, 1, "smod" },
	{ BPF_AND, 0, "and" }, { BPF_OR, 0, "or" }, { BPF_XOR, 0, "xor" },
	{ BPF_LSH, 0, "lsh" }, { BPF_RSH, 0, "rsh" }, { BPF_ARSH, 0, "arsh" },
	{ BPF_NEG, 0, "neg" }, { BPF_MOV, 0, "mov" },
	{ BPF_MOV, 8, "movsx8" }, { BPF_MOV, 16, "movsx16" }, { BPF_MOV, 32, "movsx32" },
}, jump_ops[] = {
	{ BPF_JEQ, 0, "jeq" }, { BPF_JNE, 0, "jne" }, { BPF_JSET, 0, "jset" },
	{ BPF_JGT, 0, "jgt" }, { BPF_JGE, 0, "jge" },
	{ BPF_JLT, 0, "jlt" }, { BPF_JLE, 0, "jle" },
	{ BPF_JSGT, 0, "jsgt" }, { BPF_JSGE, 0, "jsge" },
	{ BPF_JSLT, 0, "jslt" }, { BPF_JSLE, 0, "jsle" },
};

static u64 random_state = 1;

static u64 random_word(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state * 0x2545f4914f6cdd1dULL;
}

static unsigned int random_below(unsigned int n)
{
	return (random_word() >> 32) % n;
}

/* Often near a power of two, in one half or in both */
static u64 random_number(void)
{
	u64 near = (1ULL << random_below(64)) + random_below(9) - 4;

	switch (random_below(6)) {
	case 0: return random_below(16);
	case 1: return -(u64)random_below(16);
	case 2: return near;
	case 3: return near << 32 | (u32)random_number();
	case 4: return (u32)near;
	default: return random_word() >> random_below(64);
	}
}

static void sample_add(struct sample *x, u64 v)
{
	if (x->cnt < MEMBERS_MAX && vnp_scalar_has(&x->s, v))
		x->members[x->cnt++] = v;
}

/* Some constraints are dropped, so that the others differ in precision. */
static void sample_loosen(struct vnp_scalar *s)
{
	const struct vnp_scalar all = vnp_scalar_unknown();
	unsigned int forget = random_below(16);

	if (forget & 1) {
		s->value = 0;
		s->mask = U64_MAX;
	}
	if (forget & 2) {
		s->umin = all.umin;
		s->umax = all.umax;
	}
	if (forget & 4) {
		s->smin = all.smin;
		s->smax = all.smax;
	}
	if (forget & 8) {
		s->umin32 = all.umin32;
		s->umax32 = all.umax32;
		s->smin32 = all.smin32;
		s->smax32 = all.smax32;
	}
}

static void sample_draw(struct sample *x)
{
	u64 seeds[4];
	unsigned int i, n = 1 + random_below(4);
	struct vnp_scalar c, old;

	x->cnt = 0;
	for (i = 0; i < n; i++) {
		seeds[i] = random_number();
		c = vnp_scalar_const(seeds[i]);
		x->s = i ? vnp_scalar_join(&x->s, &c) : c;
	}
	sample_loosen(&x->s);
	old = x->s;
	assert_true(vnp_scalar_normalize(&x->s));
	assert_true(vnp_scalar_within(&x->s, &old));
	for (i = 0; i < n; i++) {
		assert_true(vnp_scalar_has(&x->s, seeds[i]));
		sample_add(x, seeds[i]);
	}
	sample_add(x, x->s.umin);
	sample_add(x, x->s.umax);
	sample_add(x, x->s.smin);
	sample_add(x, x->s.smax);
	for (i = 0; i < 32; i++)
		sample_add(x, x->s.value | (random_number() & x->s.mask));
}

static u64 run_move(const struct test_op *o, u64 src)
{
	switch (o->off) {
	case 8: return (s8)src;
	case 16: return (s16)src;
	case 32: return (s32)src;
	default: return src;
	}
}

/* Signed division; C's traps if the quotient is too large. */
static u64 run_division(const struct test_op *o, s64 a, s64 b)
{
	if (o->op == BPF_DIV)
		return b == -1 ? -(u64)a : (u64)(a / b);
	return b == -1 ? 0 : a % b;
}

/* The instruction's result, by RFC 9669; with 32 bits the upper half is arbitrary */
static u64 run_word(const struct test_op *o, bool is64, u64 dst, u64 src)
{
	u64 a = is64 ? dst : (u32)dst, b = is64 ? src : (u32)src;
	s64 sa = is64 ? (s64)a : (s32)a, sb = is64 ? (s64)b : (s32)b;
	unsigned int n = src & (is64 ? 63 : 31);

	switch (o->op) {
	case BPF_ADD: return a + b;
	case BPF_SUB: return a - b;
	case BPF_MUL: return a * b;
	case BPF_AND: return a & b;
	case BPF_OR:  return a | b;
	case BPF_XOR: return a ^ b;
	case BPF_NEG: return -a;
	case BPF_LSH: return a << n;
	case BPF_RSH: return a >> n;
	case BPF_ARSH: return sa >> n;
	case BPF_MOV: return run_move(o, src);
	default:
		if (!b)
			return o->op == BPF_DIV ? 0 : a;
		if (o->off)
			return run_division(o, sa, sb);
		return o->op == BPF_DIV ? a / b : a % b;
	}
}

static u64 run_alu(const struct test_op *o, bool is64, u64 dst, u64 src)
{
	u64 v = run_word(o, is64, dst, src);

	return is64 ? v : (u32)v;
}

static bool run_jump(const struct test_op *o, bool is64, u64 dst, u64 src)
{
	u64 a = is64 ? dst : (u32)dst, b = is64 ? src : (u32)src;
	s64 sa = is64 ? (s64)a : (s32)a, sb = is64 ? (s64)b : (s32)b;

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

static void fail_samples(const char *name, bool is64, const struct sample *a,
			 const struct sample *b)
{
	show("left", &a->s);
	show("right", &b->s);
	fail_msg("%s, %d bits", name, is64 ? 64 : 32);
}

static unsigned int rounds(void)
{
	return getenv("VNP_TEST_FULL") ? 100000000 : 500000;
}

static void operations_hold_results(void **state)
{
	unsigned int round, i, j;
	struct sample a, b;
	struct vnp_scalar r;

	for (round = rounds(); round; round--) {
		const struct test_op *o = &alu_ops[random_below(ARRAY_SIZE(alu_ops))];
		bool is64 = random_below(2);

		sample_draw(&a);
		sample_draw(&b);
		r = vnp_scalar_alu(o->op, o->off, is64, &a.s, &b.s);
		for (i = 0; i < a.cnt; i++) {
			for (j = 0; j < b.cnt; j++) {
				u64 v = run_alu(o, is64, a.members[i], b.members[j]);

				if (!vnp_scalar_has(&r, v))
					fail_samples(o->name, is64, &a, &b);
			}
		}
	}
}

/* Operations on constants are exact, so constants need not be folded separately. */
static void constants_stay_constant(void **state)
{
	unsigned int round, i;

	for (round = rounds() / 16; round; round--) {
		u64 a = random_number(), b = random_number();
		struct vnp_scalar x = vnp_scalar_const(a), y = vnp_scalar_const(b);

		for (i = 0; i < 2 * ARRAY_SIZE(alu_ops); i++) {
			const struct test_op *o = &alu_ops[i / 2];

			assert_const(vnp_scalar_alu(o->op, o->off, i & 1, &x, &y),
				     run_alu(o, i & 1, a, b));
		}
	}
}

static void branches_keep_members(void **state)
{
	unsigned int round, i, j;
	struct sample a, b;

	for (round = rounds(); round; round--) {
		const struct test_op *o = &jump_ops[random_below(ARRAY_SIZE(jump_ops))];
		bool is64 = random_below(2), taken = random_below(2), some;
		struct vnp_scalar x, y;

		sample_draw(&a);
		sample_draw(&b);
		x = a.s;
		y = b.s;
		some = vnp_scalar_branch(o->op, is64, taken, &x, &y);
		if (!vnp_scalar_within(&x, &a.s) || !vnp_scalar_within(&y, &b.s))
			fail_samples(o->name, is64, &a, &b);
		for (i = 0; i < a.cnt; i++) {
			for (j = 0; j < b.cnt; j++) {
				u64 p = a.members[i], q = b.members[j];

				if (run_jump(o, is64, p, q) == taken &&
				    !(some && vnp_scalar_has(&x, p) &&
				      vnp_scalar_has(&y, q)))
					fail_samples(o->name, is64, &a, &b);
			}
		}
	}
}

static u64 swap_bytes(u64 v, unsigned int bytes)
{
	u64 r = 0;

	for (; bytes; bytes--, v >>= 8)
		r = r << 8 | (v & 0xff);
	return r;
}

static void conversions_hold_results(void **state)
{
	unsigned int round, i, bytes;
	struct vnp_scalar z, s, e;
	struct sample a;

	for (round = rounds() / 4; round; round--) {
		sample_draw(&a);
		bytes = 1 << random_below(4);
		z = vnp_scalar_truncate(&a.s, bytes);
		s = vnp_scalar_extend(&a.s, bytes);
		e = vnp_scalar_swap(&a.s, bytes == 1 ? 16 : bytes * 8, true);
		for (i = 0; i < a.cnt; i++) {
			u64 v = a.members[i], top = v << (64 - bytes * 8);

			assert_true(vnp_scalar_has(&z, top >> (64 - bytes * 8)));
			assert_true(vnp_scalar_has(&s, (s64)top >> (64 - bytes * 8)));
			v = swap_bytes(v, bytes == 1 ? 2 : bytes);
			assert_true(vnp_scalar_has(&e, v));
		}
	}
}

/* A chain of widenings with random growth is short. */
static void widening_ends(void **state)
{
	u64 steps[8];
	const unsigned int most = 8 * (ARRAY_SIZE(steps) + 7) + 64;
	unsigned int round, i, moves;
	struct vnp_scalar s, next, wide;
	struct sample a;

	for (round = rounds() / 1000; round; round--) {
		for (i = 0; i < ARRAY_SIZE(steps); i++)
			steps[i] = random_number();
		sample_draw(&a);
		s = a.s;
		moves = 0;
		for (i = 0; i < 200; i++) {
			sample_draw(&a);
			next = vnp_scalar_join(&s, &a.s);
			assert_true(vnp_scalar_within(&s, &next));
			assert_true(vnp_scalar_within(&a.s, &next));
			wide = vnp_scalar_widen(&s, &next, steps, random_below(9));
			assert_true(vnp_scalar_within(&next, &wide));
			moves += !vnp_scalar_equal(&s, &wide);
			s = wide;
		}
		assert_in_range(moves, 0, most);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(header_length),
		cmocka_unit_test(length_minus_header),
		cmocka_unit_test(minimum_and_maximum),
		cmocka_unit_test(add32_is_exact),
		cmocka_unit_test(shift_pairs_extend),
		cmocka_unit_test(extension),
		cmocka_unit_test(byte_order),
		cmocka_unit_test(not_equal_excludes_bounds),
		cmocka_unit_test(impossible_branches),
		cmocka_unit_test(both_sides_learn),
		cmocka_unit_test(bit_tests),
		cmocka_unit_test(rounding),
		cmocka_unit_test(negative_results),
		cmocka_unit_test(division),
		cmocka_unit_test(widening_converges),
		cmocka_unit_test(operations_hold_results),
		cmocka_unit_test(constants_stay_constant),
		cmocka_unit_test(branches_keep_members),
		cmocka_unit_test(conversions_hold_results),
		cmocka_unit_test(widening_ends),
	};

	return cmocka_run_group_tests_name("vm/analysis/scalar.c", tests, NULL, NULL);
}
