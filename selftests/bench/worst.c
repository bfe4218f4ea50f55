// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "worst.h"

#include <stddef.h>
#include <string.h>
#include <linux/vnp.h>

#include "selftests/unit/insn_macros.h"

#define EMIT(T, ...) do {						\
	const struct bpf_insn _insns[] = { __VA_ARGS__ };		\
	memcpy(&(T)->insns[(T)->cnt], _insns, sizeof(_insns));		\
	(T)->cnt += sizeof(_insns) / sizeof(_insns[0]);			\
} while (0)

/* Slots used by programs; lowering may use the others */
#define SLOTS	56

static int slot(__u32 n)
{
	return -8 * ((int)(n % SLOTS) + 1);
}

/* Pseudo-random numbers, the same in each execution */
static __u32 random_below(struct text *t, __u32 n)
{
	t->random = (__u32)(t->random * 1103515245ULL + 12345);
	return (t->random >> 16) % n;
}

static bool fits(const struct text *t, __u32 more)
{
	return t->cnt + more + 2 <= t->max;
}

static void begin(struct text *t)
{
	t->cnt = 0;
	t->random = 1;
	EMIT(t, BPF_MOV64_REG(R6, R1), BPF_MOV64_IMM(R7, 0),
	     BPF_LDX_MEM(BPF_DW, R8, R6, offsetof(struct vnp_ctx, data)),
	     BPF_LDX_MEM(BPF_DW, R9, R6, offsetof(struct vnp_ctx, data_end)));
}

static void end(struct text *t)
{
	EMIT(t, BPF_MOV64_IMM(R0, 0), BPF_EXIT_INSN());
}

/* Set slots [0, @cnt) to unknown bytes */
static void set_slots(struct text *t, __u32 cnt)
{
	__u32 i;

	for (i = 0; i < cnt; i++)
		EMIT(t, BPF_CALL_HELPER(random_u32), BPF_ALU64_IMM(BPF_AND, R0, 255),
		     BPF_STX_MEM(BPF_DW, R10, R0, slot(i)));
}

/* Jump back to @head, depending on a random number */
static void go_back(struct text *t, __u32 head)
{
	EMIT(t, BPF_CALL_HELPER(random_u32));
	EMIT(t, BPF_JMP_IMM(BPF_JNE, R0, 0, (int)head - (int)t->cnt - 1));
}

/* ---- Counters: copies of counters are incremented conditionally, in three loops ------- */

#define COUNTERS_BODY	1500

static void counters_body(struct text *t, __u32 size)
{
	__u32 first = t->cnt, i;

	for (i = 0; i < 16; i++)
		EMIT(t, BPF_LDX_MEM(BPF_DW, R1, R10, slot(i)),
		     BPF_STX_MEM(BPF_DW, R10, R1, slot(16 + i)),
		     BPF_STX_MEM(BPF_DW, R10, R1, slot(32 + i)));
	for (i = 0; t->cnt - first + 8 <= size; i++)
		EMIT(t, BPF_LDX_MEM(BPF_DW, R3, R10, slot(47)),
		     BPF_JMP_IMM(BPF_JEQ, R3, i % 200, 6),
		     BPF_LDX_MEM(BPF_DW, R1, R10, slot(16 + i % 8)),
		     BPF_ALU64_IMM(BPF_ADD, R1, 1),
		     BPF_STX_MEM(BPF_DW, R10, R1, slot(16 + i % 8)),
		     BPF_LDX_MEM(BPF_DW, R2, R10, slot(32 + i % 8)),
		     BPF_ALU64_IMM(BPF_ADD, R2, 2),
		     BPF_STX_MEM(BPF_DW, R10, R2, slot(32 + i % 8)));
}

static void counters(struct text *t)
{
	__u32 size = t->max / 2 < COUNTERS_BODY ? t->max / 2 : COUNTERS_BODY;

	begin(t);
	set_slots(t, 48);
	while (fits(t, size + 6)) {
		__u32 head = t->cnt;

		counters_body(t, size);
		go_back(t, head);
		go_back(t, head);
		go_back(t, head);
	}
	end(t);
}

/* ---- A histogram: one loop, which increments one of many counters -------- */

static void histogram_loop(struct text *t, __u32 counters, __u32 ifs)
{
	__u32 head, i;

	EMIT(t, BPF_MOV64_IMM(R6, 0));
	head = t->cnt;
	EMIT(t, BPF_CALL_HELPER(random_u32), BPF_ALU64_IMM(BPF_AND, R0, 255),
	     BPF_MOV64_REG(R7, R0));
	for (i = 0; i < ifs; i++)
		EMIT(t, BPF_JMP_IMM(BPF_JNE, R7, i, 3),
		     BPF_LDX_MEM(BPF_DW, R1, R10, slot(i % counters)),
		     BPF_ALU64_IMM(BPF_ADD, R1, 1),
		     BPF_STX_MEM(BPF_DW, R10, R1, slot(i % counters)));
	EMIT(t, BPF_ALU64_IMM(BPF_ADD, R6, 1));
	EMIT(t, BPF_JMP_IMM(BPF_JLT, R6, 1000, (int)head - (int)t->cnt - 1));
}

void worst_histogram(struct text *t, __u32 counters, __u32 ifs)
{
	__u32 i;

	begin(t);
	for (i = 0; i < counters; i++)
		EMIT(t, BPF_ST_MEM(BPF_DW, R10, slot(i), 0));
	histogram_loop(t, counters, ifs);
	end(t);
}

static void histograms(struct text *t)
{
	__u32 ifs = t->max < 1000 ? 30 : 200;

	begin(t);
	set_slots(t, 48);
	while (fits(t, 4 * ifs + 6))
		histogram_loop(t, 48, ifs);
	end(t);
}

/* ---- Copies: each comparison narrows all numbers that differ by a constant ------ */

static void copies(struct text *t)
{
	__u32 i;

	begin(t);
	set_slots(t, 1);
	for (i = 1; i < SLOTS; i++)
		EMIT(t, BPF_MOV64_REG(R1, R0), BPF_ALU64_IMM(BPF_ADD, R1, i),
		     BPF_STX_MEM(BPF_DW, R10, R1, slot(i)));
	for (i = 0; fits(t, 3); i++)
		EMIT(t, BPF_LDX_MEM(BPF_DW, R1, R10, slot(0)),
		     BPF_JMP_IMM(BPF_JGT, R1, 254 - i % 250, 1),
		     BPF_MOV64_IMM(R0, 0));
	end(t);
}

/*
 * ---- Relations: as many constraints as possible, and comparisons that use them
 * ------------
 */

static void relations(struct text *t)
{
	begin(t);
	set_slots(t, SLOTS);
	while (fits(t, 9)) {
		__u32 a = random_below(t, SLOTS), b = random_below(t, SLOTS);

		EMIT(t, BPF_LDX_MEM(BPF_DW, R1, R10, slot(a)),
		     BPF_LDX_MEM(BPF_DW, R2, R10, slot(b)),
		     BPF_JMP_REG(BPF_JGT, R1, R2, 1), BPF_MOV64_REG(R3, R1),
		     BPF_ALU64_REG(BPF_ADD, R1, R2), BPF_MOV64_REG(R4, R8),
		     BPF_ALU64_REG(BPF_ADD, R4, R1), BPF_JMP_REG(BPF_JGT, R4, R9, 1),
		     BPF_LDX_MEM(BPF_B, R3, R4, 0));
	}
	end(t);
}

/* ---- Opposites: the sum of any two of many counters may be constant -------------- */

static void opposites(struct text *t)
{
	__u32 n = t->max < 1000 ? 10 : SLOTS;

	begin(t);
	set_slots(t, n);
	while (fits(t, 3 * n + 2)) {
		__u32 head = t->cnt, i;

		for (i = 0; i < n; i++)
			EMIT(t, BPF_LDX_MEM(BPF_DW, R1, R10, slot(i)),
			     BPF_ALU64_IMM(BPF_ADD, R1, i % 2 ? 1 : -1),
			     BPF_STX_MEM(BPF_DW, R10, R1, slot(i)));
		go_back(t, head);
	}
	end(t);
}

/* ---- Deep: nested loops, and all of them use what the innermost one changes ----- */

#define DEPTH	50

static void deep_nest(struct text *t, __u32 depth)
{
	__u32 head[DEPTH], n;

	for (n = 0; n < depth; n++) {
		EMIT(t, BPF_ST_MEM(BPF_DW, R10, slot(n), 0));
		head[n] = t->cnt;
	}
	for (n = 0; n < 10; n++) {
		__u32 at = random_below(t, SLOTS);

		EMIT(t, BPF_LDX_MEM(BPF_DW, R1, R10, slot(at)),
		     BPF_JMP_IMM(BPF_JGT, R1, random_below(t, 300), 1),
		     BPF_ALU64_IMM(BPF_ADD, R1, 1),
		     BPF_STX_MEM(BPF_DW, R10, R1, slot(at)));
	}
	while (depth--) {
		EMIT(t, BPF_LDX_MEM(BPF_DW, R1, R10, slot(depth)),
		     BPF_ALU64_IMM(BPF_ADD, R1, 1),
		     BPF_STX_MEM(BPF_DW, R10, R1, slot(depth)));
		EMIT(t, BPF_JMP_IMM(BPF_JLT, R1, 1 + random_below(t, 999),
				    (int)head[depth] - (int)t->cnt - 1));
	}
}

static void deep(struct text *t)
{
	__u32 depth = t->max < 1000 ? 5 : DEPTH;

	begin(t);
	set_slots(t, t->max < 1000 ? 10 : SLOTS);
	while (fits(t, 5 * depth + 40))
		deep_nest(t, depth);
	end(t);
}

/*
 * ---- Tangled: jumps in both directions, loops with several entries
 * ------------------------
 */

#define TANGLE	5
#define REACH	200

static void tangled(struct text *t)
{
	__u32 first, blocks, i, to, at;

	begin(t);
	set_slots(t, t->max < 1000 ? 10 : SLOTS);
	first = t->cnt;
	blocks = (t->max - first - 2) / TANGLE;
	for (i = 0; i < blocks; i++) {
		at = random_below(t, SLOTS);
		to = (i > REACH ? i - REACH : 0) + random_below(t, 2 * REACH);
		to = first + TANGLE * (to < blocks ? to : blocks);
		EMIT(t, BPF_LDX_MEM(BPF_DW, R1, R10, slot(at)),
		     BPF_ALU64_IMM(BPF_ADD, R1, 1),
		     BPF_STX_MEM(BPF_DW, R10, R1, slot(at)),
		     BPF_CALL_HELPER(random_u32));
		EMIT(t, BPF_JMP_IMM(BPF_JEQ, R0, 0, (int)to - (int)t->cnt - 1));
	}
	end(t);
}

const struct worst worst[WORST_CNT] = {
	{ "counters", counters },
	{ "histogram", histograms },
	{ "copies", copies },
	{ "relations", relations },
	{ "opposites", opposites },
	{ "deep", deep },
	{ "tangled", tangled },
};
