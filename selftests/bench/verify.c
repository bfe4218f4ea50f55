// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * What verification costs: time and memory for programs of five shapes and of 100 to
 * 50,000 instructions, for trusted and for untrusted users.
 *
 * Usage: verify [-j]
 */
#include <errno.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "selftests/unit/insn_macros.h"
#include "vm/code.h"
#include "vm/log.h"
#include "vm/lower.h"

#define RUNS	3	/* the quickest counts: others had to wait for the machine */

#define LEN	offsetof(struct vnp_ctx, len)

/* ---- Memory ---------------------------------------------------------------- */

static size_t used, peak;

void *__real_calloc(size_t n, size_t size);
void __real_free(void *p);
void *__wrap_calloc(size_t n, size_t size);
void __wrap_free(void *p);

void *__wrap_calloc(size_t n, size_t size)
{
	void *p = __real_calloc(n, size);

	used += malloc_usable_size(p);
	if (used > peak)
		peak = used;
	return p;
}

void __wrap_free(void *p)
{
	used -= malloc_usable_size(p);
	__real_free(p);
}

/* ---- Programs -------------------------------------------------------------- */

struct text {
	struct bpf_insn *insns;
	__u32 cnt;
	__u32 max;
};

#define EMIT(T, ...) do {						\
	const struct bpf_insn _insns[] = { __VA_ARGS__ };		\
	memcpy(&(T)->insns[(T)->cnt], _insns, sizeof(_insns));		\
	(T)->cnt += sizeof(_insns) / sizeof(_insns[0]);			\
} while (0)

/* Arithmetic, and accesses to the payload, the stack and the context */
static void straight_piece(struct text *t, __u32 i)
{
	EMIT(t, BPF_LDX_MEM(BPF_B, R3, R7, i % 64), BPF_ALU64_REG(BPF_ADD, R0, R3),
	     BPF_ALU64_IMM(BPF_AND, R3, 7), BPF_STX_MEM(BPF_DW, R10, R0, -8),
	     BPF_MOV64_REG(R4, R7), BPF_ALU64_REG(BPF_ADD, R4, R3),
	     BPF_LDX_MEM(BPF_H, R5, R4, 2), BPF_ALU64_REG(BPF_XOR, R0, R5),
	     BPF_LDX_MEM(BPF_W, R2, R6, LEN), BPF_ALU64_REG(BPF_SUB, R0, R2));
}

/* Two ways that meet again with different numbers, one of them tested before */
static void branchy_piece(struct text *t, __u32 i)
{
	EMIT(t, BPF_LDX_MEM(BPF_B, R3, R7, i % 64), BPF_JMP_IMM(BPF_JGT, R3, i % 200, 3),
	     BPF_ALU64_IMM(BPF_ADD, R0, 3), BPF_STX_MEM(BPF_DW, R10, R3, -16),
	     BPF_JMP_A(2), BPF_MOV64_REG(R8, R3), BPF_ALU64_IMM(BPF_AND, R8, 31),
	     BPF_JMP_IMM(BPF_JGE, R8, 60, 3), BPF_MOV64_REG(R4, R7),
	     BPF_ALU64_REG(BPF_ADD, R4, R8), BPF_LDX_MEM(BPF_B, R0, R4, 0));
}

/* for (i = 0; i < n && i < 16; i++) sum += payload[i] */
static void loops_piece(struct text *t, __u32 i)
{
	EMIT(t, BPF_MOV64_IMM(R3, 0), BPF_LDX_MEM(BPF_B, R5, R7, i % 64),
	     BPF_JMP_REG(BPF_JGE, R3, R5, 6), BPF_MOV64_REG(R4, R7),
	     BPF_ALU64_REG(BPF_ADD, R4, R3), BPF_LDX_MEM(BPF_B, R2, R4, 0),
	     BPF_ALU64_REG(BPF_ADD, R0, R2), BPF_ALU64_IMM(BPF_ADD, R3, 1),
	     BPF_JMP_IMM(BPF_JLT, R3, 16, -7));
}

/* if (p + n <= end) while (n) { n--; *p++; } */
static void lengths_piece(struct text *t, __u32 i)
{
	EMIT(t, BPF_LDX_MEM(BPF_B, R3, R7, i % 64), BPF_MOV64_REG(R4, R7),
	     BPF_MOV64_REG(R2, R7), BPF_ALU64_REG(BPF_ADD, R2, R3),
	     BPF_JMP_REG(BPF_JGT, R2, R9, 5), BPF_JMP_IMM(BPF_JEQ, R3, 0, 4),
	     BPF_LDX_MEM(BPF_B, R5, R4, 0), BPF_ALU64_IMM(BPF_ADD, R4, 1),
	     BPF_ALU64_IMM(BPF_SUB, R3, 1), BPF_JMP_IMM(BPF_JNE, R3, 0, -4));
}

/* Loops as in loops_piece(), eight deep, the counters on the stack */
static void nested_piece(struct text *t, __u32 i)
{
	__u32 head[8], depth;

	(void)i;
	for (depth = 0; depth < 8; depth++) {
		EMIT(t, BPF_ST_MEM(BPF_DW, R10, -24 - 8 * (int)depth, 0));
		head[depth] = t->cnt;
	}
	EMIT(t, BPF_LDX_MEM(BPF_DW, R3, R10, -80), BPF_MOV64_REG(R4, R7),
	     BPF_ALU64_REG(BPF_ADD, R4, R3), BPF_LDX_MEM(BPF_B, R2, R4, 0),
	     BPF_ALU64_REG(BPF_ADD, R0, R2));
	while (depth--) {
		EMIT(t, BPF_LDX_MEM(BPF_DW, R3, R10, -24 - 8 * (int)depth),
		     BPF_ALU64_IMM(BPF_ADD, R3, 1),
		     BPF_STX_MEM(BPF_DW, R10, R3, -24 - 8 * (int)depth));
		EMIT(t, BPF_JMP_IMM(BPF_JLT, R3, 4, (int)head[depth] - (int)t->cnt - 1));
	}
}

static const struct shape {
	const char *name;
	void (*piece)(struct text *t, __u32 i);
	__u32 room;	/* instructions a piece takes at most */
} shapes[] = {
	{ "straight", straight_piece, 10 },
	{ "branchy", branchy_piece, 11 },
	{ "loops", loops_piece, 9 },
	{ "lengths", lengths_piece, 10 },
	{ "nested", nested_piece, 45 },
};

/* Behind a test that there are 96 bytes of payload */
static void text_make(struct text *t, const struct shape *shape)
{
	__u32 i;

	t->cnt = 0;
	EMIT(t, BPF_MOV64_REG(R6, R1), BPF_MOV64_IMM(R0, 0), BPF_MOV64_IMM(R8, 0),
	     BPF_LDX_MEM(BPF_DW, R7, R6, offsetof(struct vnp_ctx, data)),
	     BPF_LDX_MEM(BPF_DW, R3, R6, offsetof(struct vnp_ctx, data_end)),
	     BPF_MOV64_REG(R9, R3), BPF_MOV64_REG(R2, R7),
	     BPF_ALU64_IMM(BPF_ADD, R2, 96));
	EMIT(t, BPF_JMP_REG(BPF_JLE, R2, R3, 1), BPF_EXIT_INSN());
	for (i = 0; t->cnt + shape->room + 2 <= t->max; i++)
		shape->piece(t, i);
	EMIT(t, BPF_MOV64_IMM(R0, 0), BPF_EXIT_INSN());
}

/* ---- Measuring -------------------------------------------------------------- */

struct cost {
	double ms;
	size_t bytes;
	__u32 guards;
};

static double now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return ts.tv_sec * 1e3 + ts.tv_nsec / 1e6;
}

static int verify(const struct text *t, bool harden, struct cost *cost)
{
	static char text[4096];
	struct vnp_log log = { .buf = text, .size = sizeof(text), .level = VNP_LOG_NORMAL };
	struct vnp_code_attr attr = {
		.type = VNP_PROG_DATAGRAM, .harden = harden,
		.insns = t->insns, .insn_cnt = t->cnt, .log = &log,
	};
	struct vnp_code *code;
	double start = now_ms();
	int err;

	text[0] = 0;
	used = peak = 0;
	err = vnp_code_create(&attr, &code);
	if (!err)
		err = vnp_code_check(code);
	if (!err)
		err = vnp_lower(code);
	*cost = (struct cost){ .ms = now_ms() - start, .bytes = peak };
	if (err)
		fprintf(stderr, "verify: %s: %s\n", strerror(-err), text);
	else
		cost->guards = code->guard_cnt;
	vnp_code_destroy(code);
	return err;
}

static int measure(const struct text *t, bool harden, struct cost *best)
{
	struct cost cost;
	int i, err;

	for (i = 0; i < RUNS; i++) {
		err = verify(t, harden, &cost);
		if (err)
			return err;
		if (!i || cost.ms < best->ms)
			*best = cost;
	}
	return 0;
}

static void print_row(bool json, const char *shape, __u32 cnt, const struct cost cost[2])
{
	static bool more;

	if (!json) {
		printf("%-9s %7u %9.1f %9.1f %9.2f %9zu %7u\n", shape, cnt, cost[0].ms,
		       cost[1].ms, 1e3 * cost[0].ms / cnt, cost[1].bytes / 1024,
		       cost[0].guards);
		return;
	}
	printf("%s\n  {\"workload\": \"verify\", \"system\": \"vnp\", \"case\": \"%s\", \"size\": %u, \"ms\": %.3f, \"ms_hardened\": %.3f, \"bytes\": %zu}",
	       more ? "," : "[", shape, cnt, cost[0].ms, cost[1].ms, cost[1].bytes);
	more = true;
}

int main(int argc, char **argv)
{
	static const __u32 sizes[] = { 100, 1000, 10000, 50000 };
	bool json = argc > 1 && !strcmp(argv[1], "-j");
	struct text text = { .insns = calloc(1 << 16, sizeof(*text.insns)) };
	size_t i, k;

	if (!text.insns)
		return 1;
	if (!json)
		printf("%-9s %7s %9s %9s %9s %9s %7s\n", "program", "insns", "ms",
		       "hardened", "us/insn", "KiB", "guards");
	for (i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
		for (k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
			struct cost cost[2];

			text.max = sizes[k];
			text_make(&text, &shapes[i]);
			if (measure(&text, false, &cost[0]) ||
			    measure(&text, true, &cost[1]))
				return 1;
			print_row(json, shapes[i].name, text.cnt, cost);
		}
	if (json)
		printf("\n]\n");
	return 0;
}
