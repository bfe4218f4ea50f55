// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Constraints on numbers (vm/analysis/constraint.h): bounds derived from constraints,
 * compared with all numbers that the constraints allow; loops of parsers, which need no
 * guards; and random programs that move pointers, lengths and counters together, on random
 * payloads, where the interpreter detects accesses that a wrong constraint allows. In the
 * environment, CONSTRAINT_PROGRAMS=N and CONSTRAINT_SEED=N set the number of random
 * programs and the first seed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "random_program.h"
#include "vm/analysis/constraint.h"
#include "vm/analysis/state.h"
#include "vm/verify/verify.h"
#include "vm_util.h"

static __u64 from_env(const char *name, __u64 otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 0) : otherwise;
}

/* ---- Bounds, by trying all numbers ----------------------------------------- */

#define IDS	4	/* 1..IDS; number 0 is 0, and number IDS + 1 is the length */
#define TOP	5

struct world {
	struct vnp_state *state;
	int min[IDS + 2];
	int max[IDS + 2];
	int left[IDS + 2];	/* of packet pointers: number + left <= length of the payload */
	int value[IDS + 2];
};

static u32 id_of(u32 i)
{
	return i == IDS + 1 ? VNP_ID_LEN : i;
}

static u32 index_of(u32 id)
{
	return id == VNP_ID_LEN ? IDS + 1 : id;
}

static void world_make(struct world *w, __u64 *random)
{
	struct vnp_scalar num;
	u32 i;

	vnp_state_init(w->state, VNP_PACKET_MAX);
	memset(w->max, 0, sizeof(w->max));
	memset(w->min, 0, sizeof(w->min));
	for (i = 1; i <= IDS; i++) {
		struct vnp_reg *reg = vnp_state_reg(w->state, i);

		w->min[i] = random_next(random) % TOP;
		w->max[i] = w->min[i] + random_next(random) % (TOP - w->min[i]);
		w->left[i] = S32_MIN;
		num = vnp_scalar_range(w->min[i], w->max[i]);
		if (i % 2) {
			vnp_reg_set_pointer(reg, VNP_REG_PACKET);
			reg->num = num;
			if (random_next(random) % 2)
				reg->range = w->left[i] = random_next(random) % TOP;
		} else {
			vnp_reg_set_scalar(reg, &num);
		}
		reg->id = i;
	}
	w->state->range = random_next(random) % TOP;
	w->min[IDS + 1] = w->state->range;
	w->max[IDS + 1] = 2 * TOP;
	for (i = random_next(random) % 5; i; i--)
		vnp_constraint_learn(w->state, id_of(1 + random_next(random) % IDS),
				     id_of(random_next(random) % (IDS + 1)),
			       id_of(random_next(random) % (IDS + 2)),
			       (int)(random_next(random) % 12) - 5);
}

/* Do the numbers satisfy the state? */
static bool world_allows(const struct world *w)
{
	u32 i;

	for (i = 1; i <= IDS; i++)
		if (w->left[i] != S32_MIN && w->value[i] + w->left[i] > w->value[IDS + 1])
			return false;
	for (i = 0; i < w->state->constraint_cnt; i++) {
		const struct vnp_constraint *f = &w->state->constraint[i];

		if (w->value[index_of(f->a)] + w->value[index_of(f->b)] >
		    w->value[index_of(f->c)] + f->most)
			return false;
	}
	return true;
}

/* The next numbers within the ranges; false after the last ones */
static bool world_next(struct world *w)
{
	u32 i;

	for (i = 1; i <= IDS + 1; i++) {
		if (w->value[i]++ < w->max[i])
			return true;
		w->value[i] = w->min[i];
	}
	return false;
}

static void world_check(struct world *w)
{
	s64 bound[IDS + 2][IDS + 2][IDS + 2], room = vnp_constraint_room(w->state);
	u32 a, b, c;

	for (a = 1; a <= IDS; a++)
		for (b = 0; b <= IDS; b++)
			for (c = 0; c <= IDS + 1; c++)
				bound[a][b][c] = vnp_constraint_bound(w->state, id_of(a),
								      id_of(b), id_of(c));
	memcpy(w->value, w->min, sizeof(w->value));
	do {
		if (!world_allows(w))
			continue;
		assert_true(w->value[IDS + 1] >= room);
		for (a = 1; a <= IDS; a++)
			for (b = 0; b <= IDS; b++)
				for (c = 0; c <= IDS + 1; c++)
					assert_true(w->value[a] + w->value[b] -
						    w->value[c] <= bound[a][b][c]);
	} while (world_next(w));
}

static void bounds_hold(void **state)
{
	__u64 worlds = from_env("CONSTRAINT_PROGRAMS", 300), random = from_env("CONSTRAINT_SEED", 1);
	struct world w = { .state = calloc(1, sizeof(*w.state)) };

	(void)state;
	assert_non_null(w.state);
	while (worlds--) {
		world_make(&w, &random);
		world_check(&w);
	}
	free(w.state);
}

/*
 * R2 += R3 or R2 -= R3, where R3 has the id that the same instruction made when it was last
 * executed: the new R2 gets this id, and is not related to the old R2
 */
static void execute_again(struct vnp_reg *dst, const struct bpf_insn *insn)
{
	static struct vnp_state s;
	struct bpf_insn insns[1] = { *insn };
	struct vnp_insn_aux aux[1] = {};
	struct vnp_code code = { .insns = insns, .insn_cnt = 1, .aux = aux };
	struct vnp_verify v = {
		.code = &code, .type = vnp_type_get(VNP_PROG_DATAGRAM), .state = &s,
	};
	struct vnp_reg *src = vnp_state_reg(&s, BPF_REG_3);
	struct vnp_scalar num = vnp_scalar_const(-10), zero = vnp_scalar_const(0);

	vnp_state_init(&s, VNP_PACKET_MAX);
	*vnp_state_reg(&s, BPF_REG_2) = *dst;
	/* -10 or 0 */
	num = vnp_scalar_join(&num, &zero);
	vnp_reg_set_scalar(src, &num);
	src->id = VNP_ID_MADE(0);
	assert_int_equal(vnp_verify_alu(&v), 0);
	*dst = *vnp_state_reg(&s, BPF_REG_2);
	assert_int_equal(dst->id, VNP_ID_MADE(0));
	/* nothing is known of R2's old number */
	assert_true(vnp_constraint_bound(&s, 1000, 0, dst->id) > 0);
	assert_true(vnp_constraint_bound(&s, dst->id, 0, 1000) > 0);
}

/* The new id of an instruction no longer names the old number */
static void new_ids_replace_old_ones(void **state)
{
	struct vnp_scalar num = vnp_scalar_range(100, 200);
	struct vnp_reg number, pointer;
	__u32 i;

	(void)state;
	for (i = 0; i < 2; i++) {
		struct bpf_insn insn = BPF_ALU64_REG(i ? BPF_SUB : BPF_ADD, BPF_REG_2,
						     BPF_REG_3);

		vnp_reg_set_scalar(&number, &num);
		number.id = 1000;
		execute_again(&number, &insn);
		vnp_reg_set_pointer(&pointer, VNP_REG_PACKET);
		pointer.num = num;
		pointer.id = 1000;
		execute_again(&pointer, &insn);
	}
}

static void known_bounds(void **state)
{
	struct vnp_state *s = calloc(1, sizeof(*s));
	struct vnp_scalar num = vnp_scalar_range(0, 1000);
	u32 i;

	(void)state;
	assert_non_null(s);
	vnp_state_init(s, VNP_PACKET_MAX);
	for (i = 1; i <= IDS; i++) {
		vnp_reg_set_scalar(vnp_state_reg(s, i), &num);
		vnp_state_reg(s, i)->id = i;
	}
	assert_int_equal(vnp_constraint_bound(s, 1, 0, 0), 1000);
	/* 1 <= 2 - 1, 2 + 3 <= length, so 1 + 3 <= length - 1 */
	vnp_constraint_learn(s, 1, 0, 2, -1);
	vnp_constraint_learn(s, 2, 3, VNP_ID_LEN, 0);
	assert_int_equal(vnp_constraint_bound(s, 1, 3, VNP_ID_LEN), -1);
	assert_int_equal(vnp_constraint_bound(s, 3, 1, VNP_ID_LEN), -1);
	/* an upper bound of number 2 also holds for lower numbers */
	vnp_constraint_below(s, 2, 4, 10);
	assert_int_equal(vnp_constraint_bound(s, 1, 0, 4), 9);
	/* 2 is another number now */
	vnp_constraint_forget(s, 2);
	assert_int_equal(vnp_constraint_bound(s, 1, 3, VNP_ID_LEN), 2000);
	assert_int_equal(vnp_constraint_bound(s, 1, 0, 4), 9);
	free(s);
}

/* ---- Loops that need no guard ---------------------------------------------- */

/*
 * R2 data, R3 data_end, R4 and R5 numbers of one byte; jumps to FAR if the payload is
 * empty
 */
#define BEGIN(FAR)							\
	LOAD_DATA(R2), LOAD_DATA_END(R3), BPF_MOV64_REG(R0, R2),	\
	BPF_ALU64_IMM(BPF_ADD, R0, 2), BPF_JMP_REG(BPF_JGT, R0, R3, FAR + 2), \
	BPF_LDX_MEM(BPF_B, R4, R2, 0), BPF_LDX_MEM(BPF_B, R5, R2, 1)

static void lengths(void **state)
{
	(void)state;
	/* if (p + n <= end) while (n) { n--; *p++; } */
	assert_accepted(" 0 guarded", BEGIN(9),
			BPF_MOV64_REG(R0, R2), BPF_ALU64_REG(BPF_ADD, R0, R4),
			BPF_JMP_REG(BPF_JGT, R0, R3, 6), BPF_JMP_IMM(BPF_JEQ, R4, 0, 5),
			BPF_LDX_MEM(BPF_B, R0, R2, 0), BPF_ALU64_IMM(BPF_ADD, R2, 1),
			BPF_ALU64_IMM(BPF_SUB, R4, 1), BPF_JMP_IMM(BPF_JNE, R4, 0, -4),
			BPF_JMP_A(0), RETURN(0));
	/* one byte less was checked */
	assert_accepted(" 1 guarded: insn 12", BEGIN(10),
			BPF_MOV64_REG(R0, R2), BPF_ALU64_REG(BPF_ADD, R0, R4),
			BPF_ALU64_IMM(BPF_SUB, R0, 1),
			BPF_JMP_REG(BPF_JGT, R0, R3, 6), BPF_JMP_IMM(BPF_JEQ, R4, 0, 5),
			BPF_LDX_MEM(BPF_B, R0, R2, 0), BPF_ALU64_IMM(BPF_ADD, R2, 1),
			BPF_ALU64_IMM(BPF_SUB, R4, 1), BPF_JMP_IMM(BPF_JNE, R4, 0, -4),
			BPF_JMP_A(0), RETURN(0));
}

static void counters(void **state)
{
	(void)state;
	/* if (p + n <= end) for (i = 0; i < n; i++) p[i] */
#define COUNT(OP, OFF)							\
	BEGIN(10),							\
	BPF_MOV64_REG(R0, R2), BPF_ALU64_REG(BPF_ADD, R0, R4),		\
	BPF_JMP_REG(BPF_JGT, R0, R3, 7), BPF_MOV64_IMM(R5, 0),		\
	BPF_JMP_REG(OP, R5, R4, 5), BPF_MOV64_REG(R0, R2),		\
	BPF_ALU64_REG(BPF_ADD, R0, R5), BPF_LDX_MEM(BPF_B, R0, R0, OFF), \
	BPF_ALU64_IMM(BPF_ADD, R5, 1), BPF_JMP_A(-6), RETURN(0)
	assert_accepted(" 0 guarded", COUNT(BPF_JGE, 0));
	assert_accepted(" 0 guarded", COUNT(BPF_JSGE, 0));
	assert_accepted(" 1 guarded: insn 14", COUNT(BPF_JGT, 0));
	assert_accepted(" 1 guarded: insn 14", COUNT(BPF_JGE, 1));
}

/*
 * The payload of a message can be 64 times as long as that of a datagram: so the same accesses need
 * a guard.
 */
static void lengths_by_type(void **state)
{
	(void)state;
	/* if (p + len <= end) data[len >> 11] */
#define BY_LENGTH							\
	LOAD_DATA(R2), LOAD_DATA_END(R3),				\
	BPF_LDX_MEM(BPF_W, R4, R1, offsetof(struct vnp_ctx, len)),	\
	BPF_MOV64_REG(R5, R2), BPF_ALU64_REG(BPF_ADD, R5, R4),		\
	BPF_JMP_REG(BPF_JGT, R5, R3, 7), BPF_LD_MAP_VALUE(R6, MAP_DATA, 0), \
	BPF_MOV64_REG(R5, R6), BPF_ALU64_REG(BPF_ADD, R5, R4),		\
	BPF_ALU64_IMM(BPF_RSH, R4, 11), BPF_ALU64_REG(BPF_ADD, R6, R4),	\
	BPF_ST_MEM(BPF_B, R6, 0, 1), RETURN(0)
	/* data[((ttl ? end : p) - p) >> 11] */
#define BY_END								\
	LOAD_DATA(R2), LOAD_DATA_END(R3), BPF_MOV64_REG(R4, R2),	\
	BPF_LDX_MEM(BPF_W, R5, R1, offsetof(struct vnp_ctx, ttl)),	\
	BPF_JMP_IMM(BPF_JEQ, R5, 0, 1), BPF_MOV64_REG(R4, R3),		\
	BPF_ALU64_REG(BPF_SUB, R4, R2), BPF_ALU64_IMM(BPF_RSH, R4, 11),	\
	BPF_LD_MAP_VALUE(R6, MAP_DATA, 0), BPF_ALU64_REG(BPF_ADD, R6, R4), \
	BPF_ST_MEM(BPF_B, R6, 0, 1), RETURN(0)
	assert_accepted(" 0 guarded", BY_LENGTH);
	assert_accepted(" 0 guarded", BY_END);
	vm_type = VNP_PROG_MESSAGE;
	assert_accepted(" 1 guarded", BY_LENGTH);
	assert_accepted(" 1 guarded", BY_END);
	vm_type = VNP_PROG_DATAGRAM;
}

static void moduli(void **state)
{
	(void)state;
	/* stack[n - n / 7 * 7] */
#define MODULO(BY)							\
	BPF_LDX_MEM(BPF_W, R4, R1, offsetof(struct vnp_ctx, remote_ip4)), \
	BPF_MOV32_REG(R5, R4), BPF_ALU32_IMM(BPF_DIV, R5, 7),		\
	BPF_ALU32_IMM(BPF_MUL, R5, BY), BPF_ALU32_REG(BPF_SUB, R4, R5),	\
	BPF_MOV64_REG(R2, R10), BPF_ALU64_REG(BPF_ADD, R2, R4),		\
	BPF_ST_MEM(BPF_B, R2, -7, 0), RETURN(0)
	assert_accepted(" 0 guarded", MODULO(7));
	assert_accepted(" 1 guarded", MODULO(6));
}

static void inserted_bits(void **state)
{
	(void)state;
	/* (x << 8 | y) > 255 is compiled to x << 8 > 255 */
#define FILLED(CLASS, MOST)						\
	BPF_LDX_MEM(BPF_W, R4, R1, offsetof(struct vnp_ctx, remote_ip4)), \
	BPF_LDX_MEM(BPF_W, R5, R1, offsetof(struct vnp_ctx, ttl)),	\
	BPF_RAW_INSN(CLASS | BPF_LSH | BPF_K, R4, 0, 0, 8),		\
	BPF_MOV64_REG(R6, R4), BPF_RAW_INSN(CLASS | BPF_OR | BPF_X, R6, R5, 0, 0), \
	BPF_JMP_IMM(BPF_JGT, R4, MOST, 3), BPF_MOV64_REG(R2, R10),	\
	BPF_ALU64_REG(BPF_ADD, R2, R6), BPF_ST_MEM(BPF_B, R2, -256, 0), RETURN(0)
	assert_accepted(" 0 guarded", FILLED(BPF_ALU64, 255));
	assert_accepted(" 1 guarded", FILLED(BPF_ALU64, 256));
	assert_accepted(" 0 guarded", FILLED(BPF_ALU, 255));
	assert_accepted(" 1 guarded", FILLED(BPF_ALU, 256));
	/* any number, bounded only by a test of R4; with OR and others in between */
#define FILLED_ANY(SHIFT, TEST, ...)					\
	BPF_LD_MAP_VALUE(R3, MAP_DATA, 0),				\
	BPF_LDX_MEM(BPF_DW, R4, R3, 0), BPF_LDX_MEM(BPF_B, R5, R3, 8),	\
	BPF_ALU64_IMM(BPF_LSH, R4, SHIFT), BPF_MOV64_REG(R6, R4),	\
	__VA_ARGS__, BPF_JMP_IMM(TEST, R4, 255, 3),			\
	BPF_MOV64_REG(R2, R10), BPF_ALU64_REG(BPF_ADD, R2, R6),		\
	BPF_ST_MEM(BPF_B, R2, -256, 0), RETURN(0)
	assert_accepted(" 0 guarded",
			FILLED_ANY(8, BPF_JGT, BPF_ALU64_REG(BPF_OR, R6, R5)));
	/* in 32 bits, where the upper ones are dropped; or if bits are already set */
	assert_accepted(" 1 guarded",
			FILLED_ANY(8, BPF_JSGT, BPF_ALU32_REG(BPF_OR, R6, R5)));
	assert_accepted(" 1 guarded",
			FILLED_ANY(7, BPF_JGT, BPF_ALU64_REG(BPF_OR, R6, R5)));
	/* by then R4 is a different number */
	assert_accepted(" 1 guarded",
			FILLED_ANY(8, BPF_JGT, BPF_ALU64_REG(BPF_OR, R6, R5),
				   BPF_LDX_MEM(BPF_DW, R4, R3, 16)));
}

/* ---- Random programs ------------------------------------------------------- */

#define BODY_MAX	400

struct text {
	struct bpf_insn insns[BODY_MAX + 64];
	__u32 cnt;
	__u64 random;
};

static const __u8 numbers[] = { R4, R5, R7, R8 };
static const __u8 pointers[] = { R0, R1, R2 };

static __u32 below(struct text *t, __u32 n)
{
	return random_next(&t->random) % n;
}

static __u8 number(struct text *t)
{
	return numbers[below(t, 4)];
}

static __u8 pointer(struct text *t)
{
	return pointers[below(t, 3)];
}

#define EMIT(T, ...) do {						\
	const struct bpf_insn _insns[] = { __VA_ARGS__ };		\
	memcpy(&(T)->insns[(T)->cnt], _insns, sizeof(_insns));		\
	(T)->cnt += sizeof(_insns) / sizeof(_insns[0]);			\
} while (0)

static void emit_arithmetic(struct text *t)
{
	__u8 class = below(t, 2) ? BPF_ALU64 : BPF_ALU, a = number(t), b = number(t);
	__u8 c = number(t);
	__s32 k = 1 + below(t, 3);

	switch (below(t, 9)) {
	case 0:
		EMIT(t, BPF_RAW_INSN(class | BPF_ADD | BPF_K, a, 0, 0, k));
		break;
	case 1:
		EMIT(t, BPF_RAW_INSN(class | BPF_ADD | BPF_K, a, 0, 0, -k));
		break;
	case 2:
		EMIT(t, BPF_RAW_INSN(class | BPF_MOV | BPF_X, a, b, 0, 0));
		break;
	case 3:
		EMIT(t, BPF_RAW_INSN(class | BPF_ADD | BPF_X, a, b, 0, 0));
		break;
	case 4:
		EMIT(t, BPF_RAW_INSN(class | BPF_SUB | BPF_X, a, b, 0, 0));
		break;
	case 5:
		EMIT(t, BPF_ALU64_IMM(BPF_AND, a, below(t, 2) ? 15 : 0xfc),
		     BPF_RAW_INSN(class | BPF_OR | BPF_K, a, 0, 0, below(t, 4)));
		break;
	case 6:
		EMIT(t, BPF_RAW_INSN(class | BPF_MOV | BPF_X, R9, a, 0, 0),
		     BPF_RAW_INSN(class | BPF_DIV | BPF_K, R9, 0, 0, k + 1),
		     BPF_RAW_INSN(class | BPF_MUL | BPF_K, R9, 0, 0, k + 1),
		     BPF_RAW_INSN(class | BPF_SUB | BPF_X, a, R9, 0, 0));
		break;
	case 7:
		EMIT(t, BPF_MOV64_REG(R9, b),
		     BPF_ALU64_IMM(BPF_LSH, R9, 4), BPF_ALU64_IMM(BPF_AND, a, 7 + 2 * k),
		     BPF_MOV64_REG(c, R9), BPF_RAW_INSN(class | BPF_OR | BPF_X, c, a, 0, 0),
		     BPF_JMP_IMM(BPF_JLE, R9, below(t, 48), 2), RETURN(0));
		break;
	default:
		EMIT(t, BPF_MOV64_REG(a, b), BPF_ALU64_IMM(BPF_LSH, a, 32),
		     BPF_ALU64_IMM(below(t, 2) ? BPF_RSH : BPF_ARSH, a, 32));
	}
}

static void emit_pointer(struct text *t)
{
	__u8 p = pointer(t), n = number(t);

	switch (below(t, 6)) {
	case 0:
		EMIT(t, BPF_ALU64_IMM(BPF_ADD, p, below(t, 4)));
		break;
	case 1:
		EMIT(t, BPF_ALU64_REG(BPF_ADD, p, n));
		break;
	case 2:
		EMIT(t, BPF_MOV64_REG(p, pointer(t)));
		break;
	case 3:
		EMIT(t, BPF_ALU64_REG(BPF_SUB, p, n));
		break;
	case 4:
		EMIT(t, BPF_MOV64_REG(n, pointer(t)), BPF_ALU64_REG(BPF_SUB, n, p));
		break;
	default:
		EMIT(t, BPF_MOV64_REG(p, pointer(t)), BPF_ALU64_REG(BPF_ADD, p, n));
	}
}

/* Loads from the payload make numbers; stores to the stack depend on their bounds */
static void emit_access(struct text *t)
{
	if (below(t, 3)) {
		EMIT(t, BPF_LDX_MEM(BPF_B, below(t, 2) ? R9 : number(t), pointer(t),
				    (int)below(t, 5) - 2));
		return;
	}
	EMIT(t, BPF_MOV64_REG(R9, R10), BPF_ALU64_REG(BPF_ADD, R9, number(t)),
	     BPF_ST_MEM(BPF_B, R9, -32, 1));
}

/* A comparison, whose target is patched later */
static __u32 emit_compare(struct text *t)
{
	static const __u8 ops[] = { BPF_JGT, BPF_JGE, BPF_JLT, BPF_JLE, BPF_JEQ, BPF_JNE,
				    BPF_JSGT, BPF_JSLE };
	__u8 op = ops[below(t, 8)], class = below(t, 2) ? BPF_JMP : BPF_JMP32;

	switch (below(t, 4)) {
	case 0:
		EMIT(t, BPF_RAW_INSN(class | op | BPF_X, number(t), number(t), 0, 0));
		break;
	case 1:
		EMIT(t, BPF_RAW_INSN(class | op | BPF_K, number(t), 0, 0, below(t, 40)));
		break;
	case 2:
		EMIT(t, BPF_JMP_REG(BPF_JGT, pointer(t), R3, 0));
		break;
	default:
		EMIT(t, BPF_JMP_REG(ops[below(t, 4)], pointer(t), pointer(t), 0));
	}
	return t->cnt - 1;
}

static void emit_body(struct text *t, __u32 depth);

/* A block that is skipped conditionally, or repeated */
static void emit_block(struct text *t, __u32 depth)
{
	__u32 start = t->cnt, at;

	if (below(t, 2)) {
		at = emit_compare(t);
		emit_body(t, depth + 1);
		t->insns[at].off = t->cnt - at - 1;
		return;
	}
	emit_body(t, depth + 1);
	if (below(t, 2)) {
		/* while (--n) */
		EMIT(t, BPF_ALU64_IMM(BPF_SUB, R4, 1), BPF_JMP_IMM(BPF_JNE, R4, 0, 0));
		at = t->cnt - 1;
	} else {
		at = emit_compare(t);
	}
	t->insns[at].off = (int)start - (int)at - 1;
}

static void emit_body(struct text *t, __u32 depth)
{
	__u32 n = 2 + below(t, 5), at;

	while (n-- && t->cnt < BODY_MAX) {
		switch (below(t, depth < 3 ? 12 : 10)) {
		case 0 ... 2:
			emit_arithmetic(t);
			break;
		case 3 ... 4:
			emit_pointer(t);
			break;
		case 5 ... 7:
			emit_access(t);
			break;
		case 8 ... 9:
			/* compare, and return if it is true, or only compare */
			at = emit_compare(t);
			EMIT(t, BPF_JMP_A(2), RETURN(0));
			t->insns[at].off = 1;
			if (below(t, 2)) {
				t->insns[at].off = 0;
				t->insns[at + 1] = BPF_JMP_A(0);
				t->cnt = at + 2;
			}
			break;
		default:
			emit_block(t, depth);
		}
	}
}

static void emit_program(struct text *t, __u64 seed)
{
	__u32 i;

	t->cnt = 0;
	t->random = seed * 0x9e3779b97f4a7c15ULL | 1;
	EMIT(t, BEGIN(2), BPF_LDX_MEM(BPF_B, R7, R2, 0), BPF_LDX_MEM(BPF_B, R8, R2, 1),
	     BPF_JMP_A(2), RETURN(0));
	t->insns[4].off = 5;
	for (i = 0; i < 4; i++)
		if (below(t, 2))
			EMIT(t, BPF_ALU64_IMM(BPF_AND, numbers[i], 31));
	EMIT(t, BPF_MOV64_REG(R0, R2), BPF_MOV64_REG(R1, R2));
	for (i = 0; i < 4; i++)
		emit_body(t, 0);
	EMIT(t, RETURN(0));
}

static void random_programs(void **state)
{
	__u64 programs = from_env("CONSTRAINT_PROGRAMS", 1500);
	__u64 first = from_env("CONSTRAINT_SEED", 1), seed;
	__u32 accepted = 0, faults = 0, run, i;
	struct vm_result result;
	static struct text t;

	(void)state;
	vm_budget = 5000;
	for (seed = first; seed < first + programs; seed++) {
		vm_name = seed;
		/* hardening and its proof take twice the time of everything else */
		vm_trusted = seed % 3;
		emit_program(&t, seed);
		for (run = 0; run < 3; run++) {
			__u8 payload[64];
			__u32 len = below(&t, sizeof(payload));

			for (i = 0; i < len; i++)
				payload[i] = random_next(&t.random) >> (run * 3 + 56) & 31;
			if (!vm_try(t.insns, t.cnt, payload, len, &result))
				break;
			accepted += !run;
			faults += !!result.fault;
		}
	}
	vm_budget = 0;
	vm_trusted = false;
	printf("# %u of %llu accepted, %u of %u executions ended with a fault\n", accepted,
	       programs, faults, 3 * accepted);
	assert_true(accepted > programs / 2);
	assert_true(faults < 3 * accepted / 10 * 9);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(bounds_hold),
		cmocka_unit_test(new_ids_replace_old_ones),
		cmocka_unit_test(known_bounds),
		cmocka_unit_test(lengths),
		cmocka_unit_test(counters),
		cmocka_unit_test(lengths_by_type),
		cmocka_unit_test(moduli),
		cmocka_unit_test(inserted_bits),
		cmocka_unit_test(random_programs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
