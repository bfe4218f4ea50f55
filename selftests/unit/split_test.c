// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Values of different kinds join and are used: blocks are copied for each kind.  Tested
 * with hand-written instructions and compiled programs: selftests/progs/two_kinds.bpf.c, by
 * all compilers.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compiled.h"
#include "random_program.h"
#include "vm_util.h"
#include "userlib/internal.h"
#include "selftests/vm/check_lowered.h"
#include "vm/isa/decode.h"
#include "vm/frame.h"
#include "vm/transform/inline.h"
#include "vm/interp/interp.h"
#include "vm/lower/lower.h"

#define CALL(OFF)	BPF_RAW_INSN(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_CALL, 0, OFF)
#define EXIT		BPF_EXIT_INSN()
#define LEN(DST)	BPF_LDX_MEM(BPF_W, DST, R1, offsetof(struct vnp_ctx, len))

/*
 * R6 = R10 - 8, which contains 5, if the payload has more than 100 bytes; else the address
 * of a map value, which is 0
 */
#define PICK								\
	BPF_ST_MEM(BPF_DW, R10, -8, 5), LEN(R2), BPF_LD_MAP_VALUE(R6, MAP_DATA, 0), \
	BPF_JMP_IMM(BPF_JLE, R2, 100, 2), BPF_MOV64_REG(R6, R10),	\
	BPF_ALU64_IMM(BPF_ADD, R6, -8)
#define PICK_LEN	7

#define assert_picked(...)						\
	do {								\
		assert_returns(0, 100, __VA_ARGS__);			\
		assert_returns(5, 101, __VA_ARGS__);			\
	} while (0)

static void memory_of_two_kinds(void **state)
{
	(void)state;
	assert_picked(PICK, BPF_LDX_MEM(BPF_DW, R0, R6, 0), EXIT);
	/* moved before it is used, and compared */
	assert_picked(PICK, BPF_ALU64_IMM(BPF_ADD, R6, 4), BPF_LDX_MEM(BPF_DW, R0, R6, -4),
		      EXIT);
	assert_returns(1, 0, PICK, BPF_MOV64_IMM(R0, 1), BPF_JMP_IMM(BPF_JNE, R6, 0, 1),
		       BPF_MOV64_IMM(R0, 0), EXIT);
	/* a write through the pointer changes only the object that it points to */
	assert_returns(7, 101, PICK, BPF_ST_MEM(BPF_DW, R6, 0, 7),
		       BPF_LDX_MEM(BPF_DW, R0, R10, -8), EXIT);
	assert_returns(5, 100, PICK, BPF_ST_MEM(BPF_DW, R6, 0, 7),
		       BPF_LDX_MEM(BPF_DW, R0, R10, -8), EXIT);
}

static void numbers_are_no_pointers(void **state)
{
	(void)state;
#define EITHER	LEN(R2), BPF_MOV64_IMM(R3, 5),				\
		BPF_JMP_IMM(BPF_JEQ, R2, 0, 1), BPF_MOV64_REG(R3, R10)
	assert_refused("r3 is a number, not a pointer", EITHER,
		       BPF_LDX_MEM(BPF_B, R0, R3, -1), EXIT);
	assert_refused("was copied for each kind", EITHER,
		       BPF_LDX_MEM(BPF_B, R0, R3, -1), EXIT);
	assert_refused("would return a pointer", EITHER, BPF_MOV64_REG(R0, R3), EXIT);
	assert_returns(1, 0, EITHER, BPF_JMP_IMM(BPF_JNE, R3, 0, 2), RETURN(0), RETURN(1));
}

static void maps(void **state)
{
	(void)state;
	/* the array has an entry 0, the hash table has none */
#define LOOK_UP								\
	LEN(R3), BPF_ST_MEM(BPF_W, R10, -4, 0), BPF_MOV64_REG(R2, R10),	\
	BPF_ALU64_IMM(BPF_ADD, R2, -4), BPF_LD_MAP(R1, MAP_HASH),	\
	BPF_JMP_IMM(BPF_JGT, R3, 100, 2), BPF_LD_MAP(R1, MAP_ARRAY),	\
	BPF_CALL_HELPER(map_lookup)
	assert_returns(2, 100, LOOK_UP, BPF_JMP_IMM(BPF_JEQ, R0, 0, 2), RETURN(2), RETURN(1));
	assert_returns(1, 101, LOOK_UP, BPF_JMP_IMM(BPF_JEQ, R0, 0, 2), RETURN(2), RETURN(1));
	/* the result is of two kinds too; a fault names the instruction as loaded */
	assert_returns(0, 100, LOOK_UP, BPF_JMP_A(0), BPF_LDX_MEM(BPF_DW, R0, R0, 8), EXIT);
	assert_faults(VNP_FAULT_NULL, 11, 101, LOOK_UP, BPF_JMP_A(0),
		      BPF_LDX_MEM(BPF_DW, R0, R0, 8), EXIT);
}

static void null_that_was_moved(void **state)
{
	(void)state;
	assert_faults(VNP_FAULT_NULL, 11, 1, BPF_MOV64_REG(R7, R1),
		      BPF_ST_MEM(BPF_DW, R10, -8, 1), BPF_LD_MAP(R1, MAP_HASH),
		      BPF_MOV64_REG(R2, R10), BPF_ALU64_IMM(BPF_ADD, R2, -8),
		      BPF_CALL_HELPER(map_lookup),
		      BPF_LDX_MEM(BPF_W, R2, R7, offsetof(struct vnp_ctx, len)),
		      BPF_MOV64_REG(R6, R0), BPF_JMP_IMM(BPF_JEQ, R2, 0, 1),
		      BPF_ALU64_IMM(BPF_ADD, R6, 4), BPF_LDX_MEM(BPF_B, R0, R6, 0), EXIT);
}

/* NULL gets the kind that it joins with, in either order */
static void null_and_two_kinds(void **state)
{
	(void)state;
#define THREE								\
	BPF_ST_MEM(BPF_DW, R10, -8, 5), LEN(R2), BPF_MOV64_IMM(R6, 0),	\
	BPF_JMP_IMM(BPF_JLE, R2, 10, 6), BPF_LD_MAP_VALUE(R6, MAP_DATA, 0), \
	BPF_JMP_IMM(BPF_JLE, R2, 100, 3), BPF_MOV64_REG(R6, R10),	\
	BPF_ALU64_IMM(BPF_ADD, R6, -8), BPF_JMP_A(0),			\
	BPF_LDX_MEM(BPF_DW, R0, R6, 0), EXIT
	assert_picked(THREE);
	assert_faults(VNP_FAULT_NULL, 10, 10, THREE);
}

static void saved_on_the_stack(void **state)
{
	(void)state;
	assert_picked(PICK, BPF_STX_MEM(BPF_DW, R10, R6, -16), BPF_MOV64_IMM(R6, 0),
		      BPF_JMP_IMM(BPF_JEQ, R2, 3, 1), BPF_MOV64_IMM(R6, 1),
		      BPF_LDX_MEM(BPF_DW, R7, R10, -16), BPF_LDX_MEM(BPF_DW, R0, R7, 0),
		      EXIT);
	/* saved before the paths join */
	assert_picked(BPF_ST_MEM(BPF_DW, R10, -8, 5), LEN(R2),
		      BPF_LD_MAP_VALUE(R6, MAP_DATA, 0), BPF_STX_MEM(BPF_DW, R10, R6, -16),
		      BPF_JMP_IMM(BPF_JLE, R2, 100, 3), BPF_MOV64_REG(R6, R10),
		      BPF_ALU64_IMM(BPF_ADD, R6, -8), BPF_STX_MEM(BPF_DW, R10, R6, -16),
		      BPF_LDX_MEM(BPF_DW, R7, R10, -16), BPF_LDX_MEM(BPF_DW, R0, R7, 0),
		      EXIT);
}

/* The use is in a loop, which begins after the join, or with it */
static void loops(void **state)
{
	(void)state;
#define SUM								\
	BPF_LDX_MEM(BPF_DW, R4, R6, 0), BPF_ALU64_REG(BPF_ADD, R0, R4),	\
	BPF_ALU64_IMM(BPF_ADD, R3, 1), BPF_JMP_IMM(BPF_JLT, R3, 4, -4), EXIT
	assert_returns(20, 101, PICK, BPF_MOV64_IMM(R0, 0), BPF_MOV64_IMM(R3, 0), SUM);
	assert_returns(0, 100, PICK, BPF_MOV64_IMM(R0, 0), BPF_MOV64_IMM(R3, 0), SUM);
	assert_returns(20, 101, BPF_MOV64_IMM(R0, 0), BPF_MOV64_IMM(R3, 0), PICK, SUM);
	assert_returns(0, 100, BPF_MOV64_IMM(R0, 0), BPF_MOV64_IMM(R3, 0), PICK, SUM);
	/* all of it is in a loop */
	assert_returns(20, 101, BPF_MOV64_IMM(R0, 0), BPF_MOV64_IMM(R3, 0), PICK,
		       BPF_LDX_MEM(BPF_DW, R4, R6, 0), BPF_ALU64_REG(BPF_ADD, R0, R4),
		       BPF_ALU64_IMM(BPF_ADD, R3, 1),
		       BPF_JMP_IMM(BPF_JLT, R3, 4, -PICK_LEN - 4), EXIT);
	/* the kinds join in the loop, and the use is after the loop */
	assert_picked(BPF_MOV64_IMM(R3, 0), PICK, BPF_ALU64_IMM(BPF_ADD, R3, 1),
		      BPF_JMP_IMM(BPF_JLT, R3, 4, -2), BPF_LDX_MEM(BPF_DW, R0, R6, 0), EXIT);
}

static void kinds_that_change_in_a_loop(void **state)
{
	(void)state;
	assert_refused("r6 is of one kind when a loop begins and of another kind in a later",
		       BPF_ST_MEM(BPF_DW, R10, -8, 5), BPF_MOV64_IMM(R3, 0),
		       BPF_LD_MAP_VALUE(R6, MAP_DATA, 0), BPF_LDX_MEM(BPF_DW, R0, R6, 0),
		       BPF_MOV64_REG(R6, R10), BPF_ALU64_IMM(BPF_ADD, R6, -8),
		       BPF_ALU64_IMM(BPF_ADD, R3, 1), BPF_JMP_IMM(BPF_JLT, R3, 4, -5), EXIT);
	/* a loop that begins with the program */
	assert_refused("r1 is of one kind when a loop begins", LEN(R0),
		       BPF_LD_MAP_VALUE(R1, MAP_DATA, 0), BPF_JMP_IMM(BPF_JEQ, R0, 0, -4),
		       EXIT);
}

static void functions(void **state)
{
	(void)state;
	/* a pointer of the caller, used by the callee, and after the call */
	assert_picked(PICK, BPF_MOV64_REG(R1, R6), CALL(2), BPF_LDX_MEM(BPF_DW, R0, R6, 0),
		      EXIT, BPF_MOV64_IMM(R6, 0), BPF_STX_MEM(BPF_DW, R10, R6, -8),
		      BPF_LDX_MEM(BPF_DW, R0, R1, 0), EXIT);
	/* a pointer of the callee */
	assert_returns(6, 101, CALL(2), BPF_ALU64_IMM(BPF_ADD, R0, 1), EXIT, PICK,
		       BPF_LDX_MEM(BPF_DW, R0, R6, 0), EXIT);
	assert_returns(1, 100, CALL(2), BPF_ALU64_IMM(BPF_ADD, R0, 1), EXIT, PICK,
		       BPF_LDX_MEM(BPF_DW, R0, R6, 0), EXIT);
	/* a pointer that the function returns, used by its caller */
	assert_picked(BPF_ST_MEM(BPF_DW, R10, -8, 5), BPF_MOV64_REG(R2, R10),
		      BPF_ALU64_IMM(BPF_ADD, R2, -8), CALL(2), BPF_LDX_MEM(BPF_DW, R0, R0, 0),
		      EXIT, LEN(R3), BPF_MOV64_REG(R0, R2), BPF_JMP_IMM(BPF_JGT, R3, 100, 2),
		      BPF_LD_MAP_VALUE(R0, MAP_DATA, 0), EXIT);
}

/* make() - verify and lower, or fail; vm_free() frees it */
static struct vnp_code *make(const struct bpf_insn *insns, __u32 cnt)
{
	struct vnp_code *code;

	if (vm_make(insns, cnt, &code))
		fail_msg("refused:\n%s", vm_log);
	return code;
}

/* Nothing is copied for registers that are unused, or of one kind */
static void nothing_to_copy(void **state)
{
	const struct bpf_insn unused[] = {
		PICK, BPF_STX_MEM(BPF_DW, R10, R6, -16), BPF_MOV64_REG(R7, R6), RETURN(0),
	};
	struct vnp_code *code = make(unused, ARRAY_SIZE(unused));

	(void)state;
	assert_int_equal(code->insn_cnt, ARRAY_SIZE(unused));
	assert_ptr_equal(code->insns, code->loaded);
	assert_null(code->inlined);
	vm_free(code);
}

/* Many paths, but two kinds: two copies.  Each instruction has its origin */
static void one_copy_for_each_kind(void **state)
{
	const struct bpf_insn insns[] = {
		BPF_ST_MEM(BPF_DW, R10, -8, 5), LEN(R2),
		BPF_LD_MAP_VALUE(R6, MAP_DATA, 0),
		BPF_JMP_IMM(BPF_JEQ, R2, 1, 5), BPF_JMP_IMM(BPF_JEQ, R2, 2, 4),
		BPF_MOV64_REG(R6, R10), BPF_ALU64_IMM(BPF_ADD, R6, -8),
		BPF_JMP_IMM(BPF_JEQ, R2, 3, 1), BPF_JMP_IMM(BPF_JEQ, R2, 4, 0),
		BPF_LDX_MEM(BPF_DW, R0, R6, 0), EXIT,
	};
	struct vnp_code *code = make(insns, ARRAY_SIZE(insns));
	__u32 i, used = 0;

	(void)state;
	for (i = 0; i < code->insn_cnt; i++) {
		__u32 origin = vnp_code_origin(code, i);

		assert_true(origin < ARRAY_SIZE(insns));
		used += origin == ARRAY_SIZE(insns) - 2;
	}
	assert_int_equal(used, 2);
	vm_free(code);
}

/* put() - copy @cnt instructions.  Return: @cnt */
static __u32 put(struct bpf_insn *to, const struct bpf_insn *from, __u32 cnt)
{
	memcpy(to, from, cnt * sizeof(*to));
	return cnt;
}

/*
 * @cnt pointers of two kinds, each in its own slot, and used immediately or at the end
 */
static __u32 many(struct bpf_insn *insns, __u32 cnt, bool at_once)
{
	__u32 n = 0, i;

	n += put(insns, PROG(BPF_MOV64_REG(R9, R1), BPF_MOV64_IMM(R0, 0)));
	for (i = 0; i < cnt; i++) {
		__s16 off = -16 - 8 * (int)(i % 50);

		n += put(insns + n, PROG(BPF_MOV64_REG(R1, R9), PICK,
					 BPF_STX_MEM(BPF_DW, R10, R6, off)));
		insns[n - 4].imm = 10 * i;
		if (at_once)
			n += put(insns + n, PROG(BPF_LDX_MEM(BPF_DW, R7, R10, off),
						 BPF_LDX_MEM(BPF_DW, R7, R7, 0),
						 BPF_ALU64_REG(BPF_ADD, R0, R7)));
	}
	for (i = 0; i < cnt && !at_once; i++)
		n += put(insns + n, PROG(BPF_LDX_MEM(BPF_DW, R7, R10, -16 - 8 * (int)i),
					 BPF_LDX_MEM(BPF_DW, R7, R7, 0),
					 BPF_ALU64_REG(BPF_ADD, R0, R7)));
	return n + put(insns + n, PROG(EXIT));
}

static void many_kinds(void **state)
{
	struct bpf_insn insns[1024];
	struct vnp_code *code;
	__u32 cnt;

	(void)state;
	/* used one after the other: at most twice the size */
	cnt = many(insns, 30, true);
	vm_assert_returns(5 * 20, 200, insns, cnt);
	code = make(insns, cnt);
	assert_true(code->insn_cnt <= 2 * cnt);
	vm_free(code);
	/* used at the end, each may be of each kind: 2^n copies */
	cnt = many(insns, 4, false);
	vm_assert_returns(5 * 3, 21 + 8, insns, cnt);
	cnt = many(insns, 20, false);
	vm_assert_refused("the program would get too large", insns, cnt);
	vm_assert_refused("use it before the paths join", insns, cnt);
}

/* The copies are longer than a jump can skip */
static void too_large(void **state)
{
	struct bpf_insn *insns = calloc(40100, sizeof(*insns));
	__u32 n, i;

	(void)state;
	assert_non_null(insns);
	n = put(insns, PROG(PICK));
	for (i = 0; i < 40000; i++)
		insns[n++] = BPF_MOV64_IMM(R3, i);
	n += put(insns + n, PROG(BPF_LDX_MEM(BPF_DW, R0, R6, 0), EXIT));
	vm_assert_refused("r6 is of different kinds on the paths that join here", insns, n);
	vm_assert_refused("the program would get too large", insns, n);
	free(insns);
}

/* ---- Random programs ------------------------------------------------------- */

/* Number of random programs, and the minimum of those with copies */
#define RANDOM_PROGRAMS	200
#define RANDOM_SPLIT	20

/* before() - a program as it is before verification, with calls inlined */
static struct vnp_code *before(const struct bpf_insn *insns, __u32 cnt)
{
	struct vnp_map_desc maps[MAP_CNT] = {};
	struct vnp_code_attr attr = {
		.type = VNP_PROG_DATAGRAM, .insns = insns, .insn_cnt = cnt,
		.maps = maps, .map_cnt = MAP_CNT,
	};
	struct vnp_code *code;
	__u32 i;

	for (i = 0; i < MAP_CNT; i++) {
		maps[i].type = vm_maps[i].type;
		maps[i].key_size = vm_maps[i].key_size;
		maps[i].value_size = vm_maps[i].value_size;
		maps[i].max_entries = vm_maps[i].max_entries;
		/* not used, as the program is not executed */
		maps[i].value = maps[i].type == VNP_MAP_ARRAY ? maps : NULL;
	}
	assert_int_equal(vnp_code_create(&attr, &code), 0);
	assert_int_equal(vnp_decode(code), 0);
	assert_int_equal(vnp_inline(code), 0);
	return code;
}

/* The first instruction, starting at @i, that is not a goto; or a goto to itself */
static __u32 skip_gotos(const struct vnp_code *code, __u32 i)
{
	__u32 n;

	for (n = 0; n < code->insn_cnt; n++) {
		const struct bpf_insn *insn = &code->insns[i];

		if (!vnp_insn_is_ja(insn) || insn->src_reg)
			break;
		i = vnp_insn_target(insn, i);
	}
	return i;
}

/* Are both instructions equal, except for the targets of jumps? */
static void assert_same_insn(const struct vnp_code *a, __u32 i, const struct vnp_code *b,
			     __u32 k)
{
	struct bpf_insn x = a->insns[i], y = b->insns[k];

	if (vnp_insn_is_branch(&x) && vnp_insn_is_branch(&y)) {
		x.off = y.off;
		if (vnp_insn_is_ja(&x) && vnp_insn_is_ja(&y)) {
			x.code = y.code;
			x.imm = y.imm;
		}
	}
	assert_memory_equal(&x, &y, sizeof(x));
	if (vnp_insn_is_ld_imm64(&x))
		assert_memory_equal(&a->insns[i + 1], &b->insns[k + 1], sizeof(x));
	assert_int_equal(vnp_code_origin(a, i), vnp_code_origin(b, k));
	if (vnp_code_frame(a, i))
		assert_int_equal(a->inlined->frame_of[i], b->inlined->frame_of[k]);
}

/**
 * struct walk - parallel traversal of a program with copies and its original
 * @of:		for each instruction of the first: 1 + that of the second, or 0
 * @todo:	instructions of the first to visit
 * @cnt:	number of @todo
 */
struct walk {
	const struct vnp_code *split;
	const struct vnp_code *whole;
	__u32 *of;
	__u32 *todo;
	__u32 cnt;
};

static void walk_to(struct walk *w, __u32 i, __u32 k)
{
	i = skip_gotos(w->split, i);
	k = skip_gotos(w->whole, k);
	if (w->of[i]) {
		assert_int_equal(w->of[i], k + 1);
		return;
	}
	w->of[i] = k + 1;
	w->todo[w->cnt++] = i;
}

/* Both programs execute the same instructions on every path */
static void assert_same_meaning(const struct vnp_code *split, const struct vnp_code *whole)
{
	struct walk w = {
		.split = split, .whole = whole,
		.of = calloc(split->insn_cnt, sizeof(__u32)),
		.todo = calloc(split->insn_cnt, sizeof(__u32)),
	};

	walk_to(&w, 0, 0);
	while (w.cnt) {
		__u32 i = w.todo[--w.cnt], k = w.of[i] - 1;
		const struct bpf_insn *insn = &split->insns[i];

		assert_same_insn(split, i, whole, k);
		if (vnp_insn_is_branch(insn))
			walk_to(&w, vnp_insn_target(insn, i),
				vnp_insn_target(&whole->insns[k], k));
		if (!vnp_insn_is_ja(insn) && !vnp_insn_is_exit(insn))
			walk_to(&w, i + vnp_insn_len(insn), k + vnp_insn_len(insn));
	}
	free(w.of);
	free(w.todo);
}

static void random_programs(void **state)
{
	struct bpf_insn insns[RANDOM_INSNS_MAX];
	__u32 seed, split = 0;

	(void)state;
	for (seed = 0; seed < RANDOM_PROGRAMS; seed++) {
		/* programs with pointers of different kinds */
		__u32 cnt = random_program((seed / 32 * 2 + 1) * 32 + seed % 32, insns);
		struct vnp_code *code, *whole;

		if (vm_make(insns, cnt, &code))
			continue;
		whole = before(insns, cnt);
		split += code->insn_cnt != whole->insn_cnt;
		assert_same_meaning(code, whole);
		vm_free(whole);
		vm_free(code);
	}
	printf("# %u of %u programs have copies\n", split, RANDOM_PROGRAMS);
	assert_true(split >= RANDOM_SPLIT);
}

/* ---- Compiled programs ----------------------------------------------------- */

static void assert_counted(struct vnp_object *obj, __u32 slot, __u64 count)
{
	__u64 found;

	assert_int_equal(vnp_map_lookup(vnp_object_find_map(obj, "counts"), &slot, &found), 0);
	assert_int_equal(found, count);
}

static void check_programs(struct vnp_object *obj, __u32 mode)
{
	static const char text[128] = "0123456789a";
	const __u32 number = 0x33323130, len = 77, three = 3;
	__u8 there = 1, bytes[8] = { 0, 1, 2 };

	assert_int_equal(vnp_map_update(vnp_object_find_map(obj, "numbers"), &number, &there,
					VNP_MAP_ANY), 0);
	assert_verdict(VNP_PASS, "is_listed", text, 4, 0);
	assert_verdict(VNP_DROP, "is_listed", text + 1, 4, 0);
	assert_verdict(VNP_DROP, "is_listed", text, 16, 0);
	assert_int_equal(vnp_map_update(vnp_object_find_map(obj, "names"), text, &there,
					VNP_MAP_ANY), 0);
	assert_verdict(VNP_PASS, "is_listed", text, 16, 0);
	assert_verdict(VNP_DROP, "is_listed", text, 3, 0);

	assert_int_equal(vnp_map_update(vnp_object_find_map(obj, "slots"), &len, &three,
					VNP_MAP_ANY), 0);
	assert_verdict(VNP_PASS, "count_in_slot", text, 77, 0);
	assert_verdict(VNP_PASS, "count_in_slot", text, 78, 0);
	assert_verdict(VNP_PASS, "count_in_slot", text, 78, 0);
	assert_counted(obj, 3, 1);
	assert_counted(obj, 7, 2);

	assert_verdict(VNP_DROP, "is_odd", text + 1, 12, 0);
	assert_verdict(VNP_DROP, "is_odd", text, 12, 4);
	bytes[7] = 1;
	assert_verdict(VNP_DROP, "is_odd", bytes, 8, 0);

	bytes[7] = 5;
	assert_verdict(VNP_DROP, "adds_up", bytes, 8, 0);
	bytes[7] = 6;
	assert_verdict(VNP_PASS, "adds_up", bytes, 8, 0);
	assert_verdict(VNP_DROP, "adds_up", bytes, 8, 7);

	assert_verdict(VNP_DROP, "take_one", text, 4, 0);
	assert_verdict(VNP_PASS, "take_one", text, 5, 0);
	assert_verdict(VNP_DROP, "take_one", text, 3, 0);
	assert_verdict(VNP_PASS, "take_one", text, 3, 0);
	assert_counted(obj, 1, 2);
}

static void check_odd(struct vnp_object *obj, __u32 mode)
{
	static const char odd[13] = "-----------1";

	assert_verdict(VNP_PASS, "is_odd", odd, 12, 0);
	assert_verdict(VNP_PASS, "is_odd", odd, 12, 4);
	assert_verdict(VNP_DROP, "is_odd", odd, 11, 0);
}

/* @section: ".bss" or ".data", which begins with the variable */
static __u64 global(struct vnp_object *obj, const char *section)
{
	__u64 value[8];
	__u32 key = 0;

	assert_int_equal(vnp_map_lookup(vnp_object_find_map(obj, section), &key, value), 0);
	return value[0];
}

static void check_globals(struct vnp_object *obj, __u32 mode)
{
	static const char text[128];

	assert_verdict(VNP_PASS, "count_by_length", text, 100, 0);
	assert_verdict(VNP_PASS, "count_by_length", text, 101, 0);
	assert_verdict(VNP_PASS, "count_by_length", text, 102, 0);
	assert_int_equal(global(obj, ".bss"), 2);
	assert_int_equal(global(obj, ".data"), 6);
}

static void check_object(struct vnp_object *obj, __u32 mode)
{
	check_programs(obj, mode);
	check_odd(obj, mode);
	check_globals(obj, mode);
}

static void compiled(void **state)
{
	(void)state;
	compiled_each("two_kinds", check_object);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_of_two_kinds),
		cmocka_unit_test(numbers_are_no_pointers),
		cmocka_unit_test(maps),
		cmocka_unit_test(null_that_was_moved),
		cmocka_unit_test(null_and_two_kinds),
		cmocka_unit_test(saved_on_the_stack),
		cmocka_unit_test(loops),
		cmocka_unit_test(kinds_that_change_in_a_loop),
		cmocka_unit_test(functions),
		cmocka_unit_test(nothing_to_copy),
		cmocka_unit_test(one_copy_for_each_kind),
		cmocka_unit_test(many_kinds),
		cmocka_unit_test(too_large),
		cmocka_unit_test(random_programs),
		cmocka_unit_test(compiled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
