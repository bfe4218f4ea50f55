// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Guards: for each kind a program that needs it, which faults or not depending on the
 * payload, and one that does not need it.
 */
#include <string.h>

#include "vm_util.h"

/* ---- The packet ---------------------------------------------------------- */

static void packet_high(void **state)
{
	(void)state;
	/* the length of the payload is not checked */
#define UNCHECKED	LOAD_DATA(R2), BPF_LDX_MEM(BPF_W, R0, R2, 4), BPF_EXIT_INSN()
	assert_accepted("1 access proven, 1 guarded: insn 1;",
			UNCHECKED);
	assert_returns(0, 8, UNCHECKED);
	assert_faults(VNP_FAULT_PACKET, 1, 7, UNCHECKED);
	assert_faults(VNP_FAULT_PACKET, 1, 0, UNCHECKED);

	/* checked, by each form of comparison */
#define CHECKED(OP, A, B, TO_FAR, NEAR, N)				\
	LOAD_DATA(R2), LOAD_DATA_END(R3), BPF_MOV64_REG(R4, R2),	\
	BPF_ALU64_IMM(BPF_ADD, R4, N), BPF_JMP_REG(OP, A, B, TO_FAR),	\
	NEAR, RETURN(7)
#define READ	BPF_LDX_MEM(BPF_W, R0, R2, 4), BPF_EXIT_INSN()
	assert_accepted("3 accesses proven, 0 guarded",
			CHECKED(BPF_JGT, R4, R3, 2, READ, 8));
	assert_accepted("3 accesses proven, 0 guarded",
			CHECKED(BPF_JLT, R3, R4, 2, READ, 8));
	assert_accepted("3 accesses proven, 0 guarded",
			CHECKED(BPF_JGE, R4, R3, 2, READ, 7));
	assert_accepted("3 accesses proven, 0 guarded",
			CHECKED(BPF_JLE, R3, R4, 2, READ, 7));
	assert_accepted("3 accesses proven, 0 guarded",
			CHECKED(BPF_JLE, R4, R3, 3, BPF_JMP_A(0), 8), READ);
	assert_returns(0, 8, CHECKED(BPF_JGT, R4, R3, 2, READ, 8));
	assert_returns(7, 7, CHECKED(BPF_JGT, R4, R3, 2, READ, 8));

	/* one byte too few was checked */
	assert_accepted("1 guarded", CHECKED(BPF_JGT, R4, R3, 2, READ, 7));
	assert_accepted("1 guarded", CHECKED(BPF_JGE, R4, R3, 2, READ, 6));
	assert_faults(VNP_FAULT_PACKET, 5, 7, CHECKED(BPF_JGT, R4, R3, 2, READ, 7));
}

static void packet_left(void **state)
{
	(void)state;
	/* if (data_end - data >= 8) */
#define LEFT(OP, N)							\
	LOAD_DATA(R2), LOAD_DATA_END(R3), BPF_ALU64_REG(BPF_SUB, R3, R2), \
	BPF_JMP_IMM(OP, R3, N, 2), BPF_LDX_MEM(BPF_W, R0, R2, 4),	\
	BPF_EXIT_INSN(), RETURN(7)
	assert_accepted("3 accesses proven, 0 guarded", LEFT(BPF_JLT, 8));
	assert_accepted("3 accesses proven, 0 guarded", LEFT(BPF_JSLT, 8));
	assert_accepted("3 accesses proven, 0 guarded", LEFT(BPF_JLE, 7));
	assert_accepted("1 guarded", LEFT(BPF_JLE, 6));
	assert_returns(0, 8, LEFT(BPF_JLT, 8));
	assert_returns(7, 7, LEFT(BPF_JLT, 8));
}

static void packet_low(void **state)
{
	(void)state;
	/* an offset before the payload always faults */
#define BEFORE	LOAD_DATA(R2), BPF_LDX_MEM(BPF_B, R0, R2, -1), BPF_EXIT_INSN()
	assert_accepted("ends with a fault, whatever", BEFORE);
	assert_faults(VNP_FAULT_PACKET, 1, 100, BEFORE);
}

static void packet_variable(void **state)
{
	(void)state;
	/* data[data[0]] */
#define INDEX								\
	LOAD_DATA(R2), BPF_LDX_MEM(BPF_B, R3, R2, 0),			\
	BPF_ALU64_REG(BPF_ADD, R2, R3), BPF_LDX_MEM(BPF_B, R0, R2, 4),	\
	BPF_EXIT_INSN()
	__u8 payload[64] = { 10, [14] = 77 };
	struct vm_result r;

	assert_accepted("1 access proven, 2 guarded: insn 1, insn 3", INDEX);
	r = vm_run(PROG(INDEX), payload, 15);
	assert_int_equal(r.retval, 77);
	r = vm_run(PROG(INDEX), payload, 14);
	assert_int_equal(r.fault, VNP_FAULT_PACKET);
	assert_int_equal(r.insn, 3);

	/* p = data + x; if (p + 5 <= end) p[4] */
	assert_accepted("5 accesses proven, 0 guarded",
			LOAD_DATA_END(R5), LOAD_DATA(R2),
			BPF_LDX_MEM(BPF_W, R3, R1, offsetof(struct vnp_ctx, ttl)),
			BPF_ALU64_REG(BPF_ADD, R2, R3), BPF_MOV64_REG(R4, R2),
			BPF_ALU64_IMM(BPF_ADD, R4, 5), BPF_JMP_REG(BPF_JGT, R4, R5, 2),
			BPF_LDX_MEM(BPF_B, R0, R2, 4), BPF_EXIT_INSN(),
			LOAD_DATA_END(R0), RETURN(0));
	/* adding the same x again has the same bound */
	assert_accepted("0 guarded",
			LOAD_DATA_END(R5), LOAD_DATA(R2), LOAD_DATA(R6),
			BPF_LDX_MEM(BPF_W, R3, R1, offsetof(struct vnp_ctx, ttl)),
			BPF_ALU64_REG(BPF_ADD, R2, R3),
			BPF_ALU64_IMM(BPF_ADD, R2, 5), BPF_JMP_REG(BPF_JGT, R2, R5, 3),
			BPF_ALU64_REG(BPF_ADD, R6, R3),
			BPF_LDX_MEM(BPF_B, R0, R6, 4), BPF_EXIT_INSN(), RETURN(0));
	/* any number, forward and backward */
#define FAR(IMM)							\
	LOAD_DATA(R2), BPF_LD_IMM64(R3, IMM), BPF_ALU64_REG(BPF_ADD, R2, R3), \
	BPF_LDX_MEM(BPF_B, R0, R2, 0), BPF_EXIT_INSN()
	assert_faults(VNP_FAULT_PACKET, 4, 64, FAR(0x7fffffffffffffffULL));
	assert_faults(VNP_FAULT_PACKET, 4, 64, FAR(0x8000000000000000ULL));
	assert_faults(VNP_FAULT_PACKET, 4, 64, FAR(-1ULL));
	assert_faults(VNP_FAULT_PACKET, 4, 64, FAR(64));
	assert_returns(0, 64, FAR(63));
}

/* p + *(u64 *)data for all kinds of numbers: only the guard prevents wrong accesses */
static void packet_any_distance(void **state)
{
	static const __u64 by[] = {
		0, 1, 7, 8, 9, 31, 32, 33, 0x7fffffff, 0x80000000, 0xffffffff,
		0x100000000, 0x7fffffffffffffff, 0x8000000000000000,
		0x8000000000000001, -1ULL, -8ULL, -9ULL, -0x80000000ULL,
		0x7fffffffffffff00, 0x8000000000010000, -0x10000ULL,
	};
	__u8 payload[40] = {};
	__u32 i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(by); i++) {
		struct vm_result r;

		memcpy(payload, &by[i], 8);
		r = vm_run(PROG(LOAD_DATA(R2), BPF_LDX_MEM(BPF_DW, R3, R2, 0),
				BPF_ALU64_REG(BPF_ADD, R2, R3),
				BPF_LDX_MEM(BPF_DW, R0, R2, 0),
				BPF_MOV64_IMM(R0, 1), BPF_EXIT_INSN()),
			   payload, sizeof(payload));
		assert_int_equal(r.fault, by[i] <= 32 ? VNP_FAULT_NONE : VNP_FAULT_PACKET);
	}
}

static void packet_end(void **state)
{
	(void)state;
	/* the last byte */
#define LAST	LOAD_DATA_END(R2), BPF_LDX_MEM(BPF_B, R0, R2, -1), BPF_EXIT_INSN()
	assert_accepted("1 guarded", LAST);
	assert_returns(0, 1, LAST);
	assert_faults(VNP_FAULT_PACKET, 1, 0, LAST);
	assert_faults(VNP_FAULT_PACKET, 1, 9, LOAD_DATA_END(R2),
		      BPF_LDX_MEM(BPF_B, R0, R2, 0), BPF_EXIT_INSN());
}

static void packet_end_or_before(void **state)
{
	/* if (data + n < end) end = data + n; then all bytes before end are readable */
#define NEARER								\
	LOAD_DATA_END(R5), LOAD_DATA(R2), LOAD_DATA(R4),		\
	BPF_LDX_MEM(BPF_W, R3, R1, offsetof(struct vnp_ctx, ttl)),	\
	BPF_ALU64_REG(BPF_ADD, R4, R3), BPF_JMP_REG(BPF_JGE, R4, R5, 1), \
	BPF_MOV64_REG(R5, R4), BPF_JMP_REG(BPF_JGE, R2, R5, 2),		\
	BPF_LDX_MEM(BPF_B, R0, R2, 0), BPF_EXIT_INSN(), RETURN(7)

	(void)state;
	assert_accepted("5 accesses proven, 0 guarded", NEARER);
	assert_returns(7, 0, NEARER);
	assert_returns(7, 8, NEARER);
}

static void packet_guard_refines(void **state)
{
	(void)state;
	/* the second access relies on the guard of the first */
	assert_accepted("1 guarded: insn 1",
			LOAD_DATA(R2), BPF_LDX_MEM(BPF_W, R0, R2, 4),
			BPF_LDX_MEM(BPF_W, R0, R2, 0), BPF_EXIT_INSN());
	/* data is still guarded after it was loaded again */
	assert_accepted("1 guarded: insn 1",
			LOAD_DATA(R2), BPF_LDX_MEM(BPF_W, R0, R2, 4), LOAD_DATA(R3),
			BPF_LDX_MEM(BPF_W, R0, R3, 0), BPF_EXIT_INSN());
}

static void packet_spilled(void **state)
{
	(void)state;
	assert_accepted("0 guarded",
			LOAD_DATA(R2), LOAD_DATA_END(R3),
			BPF_STX_MEM(BPF_DW, R10, R2, -8),
			BPF_STX_MEM(BPF_DW, R10, R3, -16),
			BPF_ALU64_IMM(BPF_ADD, R2, 4),
			BPF_LDX_MEM(BPF_DW, R4, R10, -16),
			BPF_JMP_REG(BPF_JGT, R2, R4, 2),
			BPF_LDX_MEM(BPF_DW, R5, R10, -8),
			BPF_LDX_MEM(BPF_W, R0, R5, 0),
			BPF_MOV64_IMM(R0, 0), BPF_EXIT_INSN());
}

/* ---- Lookups -------------------------------------------------------------- */

#define LOOKUP(MAP, KEY)						\
	BPF_ST_MEM(BPF_W, R10, -4, KEY), BPF_LD_MAP(R1, MAP),		\
	BPF_MOV64_REG(R2, R10), BPF_ALU64_IMM(BPF_ADD, R2, -4),		\
	BPF_CALL_HELPER(map_lookup)

static void null_untested(void **state)
{
	(void)state;
#define UNTESTED(KEY)							\
	LOOKUP(MAP_ARRAY, KEY), BPF_LDX_MEM(BPF_W, R0, R0, 4), BPF_EXIT_INSN()
	assert_accepted("1 guarded: insn 6", UNTESTED(3));
	assert_returns(0, 0, UNTESTED(3));
	assert_faults(VNP_FAULT_NULL, 6, 0, UNTESTED(8));

#define TESTED(OP, KEY)							\
	LOOKUP(MAP_ARRAY, KEY), BPF_JMP_IMM(OP, R0, 0, 2),		\
	BPF_LDX_MEM(BPF_W, R0, R0, 4), BPF_EXIT_INSN(), RETURN(5)
	assert_accepted("0 guarded", TESTED(BPF_JEQ, 3));
	assert_returns(0, 0, TESTED(BPF_JEQ, 3));
	assert_returns(5, 0, TESTED(BPF_JEQ, 8));

	/* the guard of the first access covers the second */
	assert_accepted("1 guarded: insn 6",
			LOOKUP(MAP_ARRAY, 1), BPF_LDX_MEM(BPF_W, R1, R0, 4),
			BPF_LDX_MEM(BPF_W, R0, R0, 0), BPF_EXIT_INSN());
}

static void null_copies(void **state)
{
	(void)state;
	/* testing a copy tests the other */
	assert_accepted("0 guarded",
			LOOKUP(MAP_HASH, 1), BPF_MOV64_REG(R6, R0),
			BPF_JMP_IMM(BPF_JEQ, R6, 0, 1),
			BPF_LDX_MEM(BPF_W, R6, R0, 0), RETURN(0));
	/* but not the result of another lookup */
	assert_accepted("1 guarded",
			LOOKUP(MAP_HASH, 1), BPF_MOV64_REG(R6, R0),
			LOOKUP(MAP_HASH, 1), BPF_JMP_IMM(BPF_JEQ, R6, 0, 1),
			BPF_LDX_MEM(BPF_W, R6, R0, 0), RETURN(0));
	/* nor the result of the same lookup in the previous iteration */
	assert_accepted("1 guarded: insn 10",
			BPF_MOV64_IMM(R7, 0), BPF_MOV64_IMM(R6, 0),
			LOOKUP(MAP_HASH, 1),
			BPF_JMP_IMM(BPF_JEQ, R0, 0, 4),
			BPF_JMP_IMM(BPF_JEQ, R7, 0, 1),
			BPF_LDX_MEM(BPF_W, R2, R6, 0),
			BPF_MOV64_REG(R6, R0), BPF_ALU64_IMM(BPF_ADD, R7, 1),
			BPF_JMP_IMM(BPF_JLT, R7, 3, -12), RETURN(0));
}

static void null_arithmetic(void **state)
{
	(void)state;
	/* NULL + 4 is just as invalid */
#define PLUS(KEY)							\
	LOOKUP(MAP_ARRAY, KEY), BPF_ALU64_IMM(BPF_ADD, R0, 4),		\
	BPF_LDX_MEM(BPF_W, R0, R0, 4), BPF_EXIT_INSN()
	assert_accepted("1 guarded: insn 7", PLUS(1));
	assert_returns(0, 0, PLUS(1));
	assert_faults(VNP_FAULT_NULL, 7, 0, PLUS(9));
	/* computed before the test, used after it */
	assert_accepted("0 guarded",
			LOOKUP(MAP_ARRAY, 1), BPF_MOV64_REG(R1, R0),
			BPF_ALU64_IMM(BPF_ADD, R1, 4), BPF_JMP_IMM(BPF_JEQ, R0, 0, 1),
			BPF_LDX_MEM(BPF_W, R0, R1, 4), RETURN(0));
	/* a variable is added: the guard is before the addition */
#define VARIABLE(KEY)							\
	BPF_LDX_MEM(BPF_W, R6, R1, offsetof(struct vnp_ctx, tos)),	\
	LOOKUP(MAP_ARRAY, KEY), BPF_ALU64_IMM(BPF_AND, R6, 3),		\
	BPF_ALU64_REG(BPF_ADD, R0, R6), BPF_LDX_MEM(BPF_W, R0, R0, 8),	\
	BPF_EXIT_INSN()
	assert_accepted("1 guarded: insn 8", VARIABLE(1));
	assert_returns(0, 0, VARIABLE(1));
	assert_faults(VNP_FAULT_NULL, 8, 0, VARIABLE(9));
}

/* cond ? value : NULL */
static void null_by_condition(void **state)
{
	(void)state;
	/* the payload selects one of them */
#define CHOOSE								\
	LOAD_DATA(R8), BPF_LDX_MEM(BPF_B, R8, R8, 0),			\
	BPF_MOV64_IMM(R6, 0), BPF_JMP_IMM(BPF_JEQ, R8, 0, 2),		\
	BPF_LD_MAP_VALUE(R6, MAP_DATA, 8)
	__u8 payload[1] = { 1 };
	struct vm_result r;

	assert_accepted("1 guarded: insn 1;", CHOOSE, BPF_MOV64_IMM(R0, 3),
			BPF_JMP_IMM(BPF_JEQ, R6, 0, 1),
			BPF_LDX_MEM(BPF_W, R0, R6, 0), BPF_EXIT_INSN());
	assert_accepted("2 guarded: insn 1, insn 6;", CHOOSE,
			BPF_LDX_MEM(BPF_W, R0, R6, 0), BPF_EXIT_INSN());
	r = vm_run(PROG(CHOOSE, BPF_LDX_MEM(BPF_W, R0, R6, 0), BPF_EXIT_INSN()),
		   payload, 1);
	assert_int_equal(r.fault, VNP_FAULT_NONE);
	payload[0] = 0;
	r = vm_run(PROG(CHOOSE, BPF_LDX_MEM(BPF_W, R0, R6, 0), BPF_EXIT_INSN()),
		   payload, 1);
	assert_int_equal(r.fault, VNP_FAULT_NULL);
}

/* ---- Map values ------------------------------------------------------------ */

/* R6 = the first 8 bytes of the payload */
#define LOAD_INDEX	LOAD_DATA(R2), BPF_LDX_MEM(BPF_DW, R6, R2, 0)

static void map_bounds(void **state)
{
	static const __u64 index[] = {
		0, 1, 12, 13, 16, -1ULL, 0x7fffffffffffffff, 0x8000000000000000,
		0x100000000, 0xffffffff00000000, -16ULL, -0x10000ULL,
	};
	__u8 payload[8];
	__u32 i;

	(void)state;
#define VALUE_INDEX							\
	LOAD_INDEX, LOOKUP(MAP_ARRAY, 1), BPF_JMP_IMM(BPF_JEQ, R0, 0, 2), \
	BPF_ALU64_REG(BPF_ADD, R0, R6), BPF_LDX_MEM(BPF_W, R0, R0, 0),	\
	RETURN(0)
#define DATA_INDEX							\
	LOAD_INDEX, BPF_LD_MAP_VALUE(R0, MAP_DATA, 48),			\
	BPF_ALU64_REG(BPF_ADD, R0, R6), BPF_STX_MEM(BPF_W, R0, R6, 0),	\
	RETURN(0)
	for (i = 0; i < ARRAY_SIZE(index); i++) {
		struct vm_result r;

		memcpy(payload, &index[i], 8);
		r = vm_run(PROG(VALUE_INDEX), payload, 8);
		assert_int_equal(r.fault, index[i] <= 12 ? VNP_FAULT_NONE : VNP_FAULT_MAP);
		r = vm_run(PROG(DATA_INDEX), payload, 8);
		assert_int_equal(r.fault, index[i] <= 12 || index[i] == -1ULL ||
				 index[i] == -16ULL ? VNP_FAULT_NONE : VNP_FAULT_MAP);
	}
	/* bounded, as an author would */
	assert_accepted("1 guarded: insn 1;",
			LOAD_INDEX, LOOKUP(MAP_ARRAY, 1),
			BPF_JMP_IMM(BPF_JEQ, R0, 0, 3),
			BPF_JMP_IMM(BPF_JGT, R6, 12, 2),
			BPF_ALU64_REG(BPF_ADD, R0, R6), BPF_LDX_MEM(BPF_W, R0, R0, 0),
			RETURN(0));
	/* always out of bounds */
	assert_faults(VNP_FAULT_MAP, 2, 0, BPF_LD_MAP_VALUE(R1, MAP_DATA, 60),
		      BPF_LDX_MEM(BPF_DW, R0, R1, 0), BPF_EXIT_INSN());
	assert_faults(VNP_FAULT_MAP, 2, 0, BPF_LD_MAP_VALUE(R1, MAP_DATA, 0),
		      BPF_LDX_MEM(BPF_B, R0, R1, -1), BPF_EXIT_INSN());
}

static void map_unknown_base(void **state)
{
	(void)state;
	/* the value of one lookup or the other */
	assert_refused("bound its offset to the 16 bytes",
		       LOAD_INDEX, LOOKUP(MAP_ARRAY, 1), BPF_MOV64_REG(R7, R0),
		       BPF_JMP_IMM(BPF_JGT, R6, 9, 7),
		       LOOKUP(MAP_ARRAY, 2), BPF_MOV64_REG(R7, R0),
		       BPF_JMP_IMM(BPF_JEQ, R7, 0, 3),
		       BPF_ALU64_REG(BPF_ADD, R7, R6), BPF_LDX_MEM(BPF_W, R0, R7, 0),
		       RETURN(0), RETURN(0));
	/* if the offset is bounded, either value is fine */
	assert_accepted("1 guarded: insn 1;",
			LOAD_INDEX, LOOKUP(MAP_ARRAY, 1), BPF_MOV64_REG(R7, R0),
			BPF_JMP_IMM(BPF_JGT, R6, 9, 7),
			LOOKUP(MAP_ARRAY, 2), BPF_MOV64_REG(R7, R0),
			BPF_JMP_IMM(BPF_JEQ, R7, 0, 3),
			BPF_ALU64_IMM(BPF_AND, R6, 7),
			BPF_ALU64_REG(BPF_ADD, R7, R6), BPF_LDX_MEM(BPF_W, R0, R7, 0),
			RETURN(0), RETURN(0));
}

/* ---- The stack ------------------------------------------------------------- */

static void stack_bounds(void **state)
{
	static const __u64 index[] = {
		0, 1, 15, 16, 17, -1ULL, 0x7fffffffffffffff, 0x8000000000000000,
		0x100000000, -16ULL, -17ULL, -0x10000ULL,
	};
	__u8 payload[8];
	__u32 i;

	(void)state;
	/* char a[16]; a[index] = 1 */
#define STACK_INDEX							\
	LOAD_INDEX, BPF_ST_MEM(BPF_DW, R10, -16, 0), BPF_MOV64_REG(R2, R10), \
	BPF_ALU64_IMM(BPF_ADD, R2, -16), BPF_ALU64_REG(BPF_ADD, R2, R6),\
	BPF_ST_MEM(BPF_B, R2, 0, 1), BPF_LDX_MEM(BPF_B, R0, R10, -16),	\
	BPF_EXIT_INSN()
	for (i = 0; i < ARRAY_SIZE(index); i++) {
		struct vm_result r;

		memcpy(payload, &index[i], 8);
		r = vm_run(PROG(STACK_INDEX), payload, 8);
		assert_int_equal(r.fault, index[i] < 16 ? VNP_FAULT_NONE : VNP_FAULT_STACK);
		assert_int_equal(r.retval, index[i] == 0);
	}
	assert_accepted("stack 16 bytes", STACK_INDEX);
	assert_accepted("1 guarded: insn 1;",
			LOAD_INDEX, BPF_ALU64_IMM(BPF_AND, R6, 15),
			BPF_MOV64_REG(R2, R10), BPF_ALU64_IMM(BPF_ADD, R2, -16),
			BPF_ALU64_REG(BPF_ADD, R2, R6), BPF_ST_MEM(BPF_B, R2, 0, 1),
			RETURN(0));
	assert_faults(VNP_FAULT_STACK, 0, 0, BPF_ST_MEM(BPF_DW, R10, -520, 0), RETURN(0));
	assert_faults(VNP_FAULT_STACK, 0, 0, BPF_ST_MEM(BPF_DW, R10, 0, 0), RETURN(0));
	assert_faults(VNP_FAULT_STACK, 0, 0, BPF_ST_MEM(BPF_DW, R10, -4, 0), RETURN(0));
	assert_accepted("stack 512 bytes", BPF_ST_MEM(BPF_DW, R10, -512, 0), RETURN(0));
}

/* ---- The context ----------------------------------------------------------- */

#define IP6	offsetof(struct vnp_ctx, remote_ip6)
#define TOS	offsetof(struct vnp_ctx, tos)

/* for (p = remote_ip6, n = the payload's first byte; n; n--) *p++ */
#define CONTEXT_WALK(OFF, STEP)						\
	LOAD_DATA(R2), BPF_LDX_MEM(BPF_B, R4, R2, 0), BPF_MOV64_IMM(R0, 0), \
	BPF_ALU64_IMM(BPF_ADD, R1, OFF), BPF_JMP_IMM(BPF_JEQ, R4, 0, 6), \
	BPF_MOV64_REG(R5, R1), BPF_ALU64_IMM(BPF_ADD, R5, STEP),	\
	BPF_LDX_MEM(BPF_W, R3, R1, 0), BPF_MOV64_REG(R1, R5),		\
	BPF_ALU64_IMM(BPF_SUB, R4, 1), BPF_JMP_A(-7), BPF_EXIT_INSN()

static void context_walk(void **state)
{
	/*
	 * up to the end of tos, which is followed by padding; down to data_end; starting at
	 * len
	 */
	static const struct {
		__s32 off, step;
		__u32 iterations;
	} walks[] = { { IP6, 4, 13 }, { IP6, -4, 5 }, { 16, 8, 9 }, { TOS, -8, 9 } };
	__u8 payload[1];
	__u32 i, n;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(walks); i++) {
		const struct bpf_insn insns[] = {
			CONTEXT_WALK(walks[i].off, walks[i].step)
		};

		for (n = walks[i].iterations - 1; n < walks[i].iterations + 2; n++) {
			struct vm_result r;

			payload[0] = n;
			r = vm_run(insns, ARRAY_SIZE(insns), payload, 1);
			assert_int_equal(r.fault, n <= walks[i].iterations ?
					 VNP_FAULT_NONE : VNP_FAULT_CONTEXT);
		}
	}
	assert_accepted("2 guarded: insn 1, insn 7;", CONTEXT_WALK(IP6, 4));
}

static void context_index(void **state)
{
	static const __u64 index[] = {
		0, 1, 3, 12, 13, 14, 15, 1ULL << 30, 1ULL << 32, 1ULL << 61, 1ULL << 62,
		-1ULL, -4ULL, -9ULL,
	};
	__u8 payload[8];
	__u32 i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(index); i++) {
		struct vm_result r;

		memcpy(payload, &index[i], 8);
		/* remote_ip6[(u32)index] */
		r = vm_run(PROG(LOAD_INDEX, BPF_MOV32_REG(R6, R6), BPF_ALU64_IMM(BPF_LSH, R6, 2),
				BPF_ALU64_REG(BPF_ADD, R1, R6),
				BPF_LDX_MEM(BPF_W, R0, R1, IP6), RETURN(0)), payload, 8);
		assert_int_equal(r.fault, (__u32)index[i] < 13 ? VNP_FAULT_NONE :
								 VNP_FAULT_CONTEXT);
		/* tos minus half of the index */
		r = vm_run(PROG(LOAD_INDEX, BPF_ALU64_IMM(BPF_RSH, R6, 1),
				BPF_ALU64_REG(BPF_SUB, R1, R6),
				BPF_LDX_MEM(BPF_B, R0, R1, TOS), RETURN(0)), payload, 8);
		assert_int_equal(r.fault, index[i] / 2 <= TOS - 16 ? VNP_FAULT_NONE :
								     VNP_FAULT_CONTEXT);
	}
}

/* ---- Sizes of helpers' arguments -------------------------------------------- */

/* vnp_load_bytes(ctx, 0, stack - 64, R6); R6 = the payload's first 8 bytes */
#define LOAD_BYTES							\
	BPF_MOV64_IMM(R2, 0), BPF_MOV64_REG(R3, R10),			\
	BPF_ALU64_IMM(BPF_ADD, R3, -64), BPF_MOV64_REG(R4, R6),		\
	BPF_CALL_HELPER(load_bytes), BPF_EXIT_INSN()

static void helper_sizes(void **state)
{
	static const __u64 size[] = {
		0, 1, 64, 65, 0x1000000, 0x1000001, 0x80000000, 0x100000000,
		0x7fffffffffffffff, 0x8000000000000000, -1ULL, -64ULL,
	};
	__u8 payload[80] = {};
	__u32 i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(size); i++) {
		struct vm_result r;

		memcpy(payload, &size[i], 8);
		r = vm_run(PROG(LOAD_INDEX, LOAD_BYTES), payload, 80);
		assert_int_equal(r.fault, size[i] - 1 < 64 ? VNP_FAULT_NONE :
						     VNP_FAULT_STACK);
	}
	assert_accepted("1 guarded: insn 1;", LOAD_INDEX,
			BPF_ALU64_IMM(BPF_AND, R6, 63), BPF_ALU64_IMM(BPF_ADD, R6, 1),
			LOAD_BYTES);
}

static void helper_null(void **state)
{
	(void)state;
	/* csum_diff(NULL, size, NULL, 0, 0) */
#define CSUM(LOAD)							\
	LOAD, BPF_MOV64_IMM(R1, 0), BPF_MOV64_REG(R2, R6),		\
	BPF_MOV64_IMM(R3, 0), BPF_MOV64_IMM(R4, 0), BPF_MOV64_IMM(R5, 0), \
	BPF_CALL_HELPER(csum_diff), RETURN(0)
	__u8 payload[8] = { 4 };
	struct vm_result r;

	assert_accepted("0 accesses proven, 0 guarded", CSUM(BPF_MOV64_IMM(R6, 0)));
	assert_accepted("ends with a fault", CSUM(BPF_MOV64_IMM(R6, 4)));
	assert_faults(VNP_FAULT_NULL, 6, 0, CSUM(BPF_MOV64_IMM(R6, 4)));
	r = vm_run(PROG(LOAD_INDEX, CSUM(BPF_ALU64_IMM(BPF_AND, R6, 7))), payload, 8);
	assert_int_equal(r.fault, VNP_FAULT_NULL);
	assert_int_equal(r.insn, 8);
	payload[0] = 0;
	r = vm_run(PROG(LOAD_INDEX, CSUM(BPF_ALU64_IMM(BPF_AND, R6, 7))), payload, 8);
	assert_int_equal(r.fault, VNP_FAULT_NONE);
}

/*
 * After a signed comparison the size is negative or 0, and a guard excludes negative
 * ones.  The guard must be emitted though no memory is accessed if the size is 0.
 */
static void helper_sizes_of_zero(void **state)
{
	static const __u64 sizes[] = { 4, 1ULL << 63, ~0ULL << 32 | 4, -8 };
	__u64 payload[2];
	struct vm_result r;
	size_t i;

	(void)state;
#define NOT_POSITIVE							\
	LOAD_DATA(R7), BPF_LDX_MEM(BPF_DW, R2, R7, 8),			\
	BPF_JMP_IMM(BPF_JSLE, R2, 0, 2), RETURN(1)
#define NOTHING(POINTER)						\
	NOT_POSITIVE, POINTER, BPF_MOV64_IMM(R3, 0), BPF_MOV64_IMM(R4, 0), \
	BPF_MOV64_IMM(R5, 0), BPF_CALL_HELPER(csum_diff), RETURN(0)
#define ANYWHERE							\
	BPF_LDX_MEM(BPF_DW, R8, R7, 0), BPF_MOV64_REG(R1, R10),		\
	BPF_ALU64_REG(BPF_ADD, R1, R8)
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		payload[0] = 0x123456789abcULL;
		payload[1] = sizes[i];
		r = vm_run(PROG(NOTHING(ANYWHERE)), payload, sizeof(payload));
		assert_int_equal(r.fault, i ? VNP_FAULT_NULL : VNP_FAULT_NONE);
		r = vm_run(PROG(NOTHING(BPF_MOV64_IMM(R1, 0))), payload,
			   sizeof(payload));
		assert_int_equal(r.fault, i ? VNP_FAULT_NULL : VNP_FAULT_NONE);
	}
	assert_returns(0, 16, NOTHING(ANYWHERE));
	assert_returns(0, 16, NOTHING(BPF_MOV64_IMM(R1, 0)));
	assert_accepted("2 guarded: insn 1, insn 11", NOTHING(ANYWHERE));
	/* a size that must not be 0, but can only be 0 after the guard against negative ones */
	assert_faults(VNP_FAULT_STACK, 10, 16, BPF_MOV64_REG(R6, R1), NOT_POSITIVE,
		      BPF_MOV64_REG(R4, R2), BPF_MOV64_REG(R1, R6),
		      BPF_MOV64_IMM(R2, 0), BPF_MOV64_REG(R3, R10),
		      BPF_CALL_HELPER(load_bytes), RETURN(0));
}

/* The end of the stack: a helper can only access 0 bytes there */
static void helper_end_of_the_stack(void **state)
{
	__u8 payload[1] = { 8 };
	struct vm_result r;

	(void)state;
#define END_OF_STACK							\
	LOAD_DATA(R2), BPF_LDX_MEM(BPF_B, R2, R2, 0),			\
	BPF_ALU64_IMM(BPF_AND, R2, 8), BPF_MOV64_REG(R1, R10),		\
	BPF_MOV64_IMM(R3, 0), BPF_MOV64_IMM(R4, 0), BPF_MOV64_IMM(R5, 0), \
	BPF_CALL_HELPER(csum_diff), RETURN(7)
	assert_returns(7, 1, END_OF_STACK);
	r = vm_run(PROG(END_OF_STACK), payload, 1);
	assert_int_equal(r.fault, VNP_FAULT_STACK);
}

static void helper_packet(void **state)
{
	(void)state;
	/* the key is in the payload */
#define KEY_IN_PACKET							\
	LOAD_DATA(R2), BPF_LD_MAP(R1, MAP_HASH), BPF_CALL_HELPER(map_lookup), \
	RETURN(1)
	assert_accepted("1 access proven, 1 guarded: insn 3", KEY_IN_PACKET);
	assert_returns(1, 4, KEY_IN_PACKET);
	assert_faults(VNP_FAULT_PACKET, 3, 3, KEY_IN_PACKET);
}

/* ---- The budget ------------------------------------------------------------- */

static void budget(void **state)
{
	(void)state;
	/* an endless loop */
	assert_faults(VNP_FAULT_BUDGET, 0, 0, BPF_JMP_A(-1), RETURN(0));
	assert_faults(VNP_FAULT_BUDGET, 1, 0, BPF_MOV64_IMM(R0, 0),
		      BPF_JMP_IMM(BPF_JEQ, R0, 0, -1), BPF_EXIT_INSN());

	/* a loop of 3 instructions, 10 times: 9 jumps back */
#define TEN	BPF_MOV64_IMM(R0, 0), BPF_ALU64_IMM(BPF_ADD, R0, 1),	\
		BPF_MOV64_IMM(R1, 0), BPF_JMP_IMM(BPF_JLT, R0, 10, -3), BPF_EXIT_INSN()
	vm_budget = 5 + 27;
	assert_accepted("1 loop metered: insn 3", TEN);
	assert_returns(10, 0, TEN);
	vm_budget = 5 + 26;
	assert_faults(VNP_FAULT_BUDGET, 3, 0, TEN);
	vm_budget = 0;

	/* the budget is charged once for code without jumps back, at the program's entry */
#define STRAIGHT	BPF_JMP_A(1), BPF_JMP_A(1), BPF_JMP_A(-2), RETURN(0)
	vm_budget = 5;
	assert_returns(0, 0, STRAIGHT);
	vm_budget = 4;
	assert_refused("the longest path through the program costs 5", STRAIGHT);
	/* the longer of two paths */
	vm_budget = 3;
#define FORKS	BPF_JMP_IMM(BPF_JEQ, R1, 0, 1), BPF_MOV64_IMM(R0, 0), RETURN(0)
	assert_refused("the longest path through the program costs 4", FORKS);
	vm_budget = 0;
	/* calls are charged by their cost */
	vm_budget = 56 + 105;
	assert_faults(VNP_FAULT_BUDGET, 3, 0, BPF_MOV64_IMM(R6, 0),
		      BPF_CALL_HELPER(time_ns), BPF_ALU64_IMM(BPF_ADD, R6, 1),
		      BPF_JMP_IMM(BPF_JLT, R6, 3, -3), RETURN(0));
	vm_budget = 56 + 106;
	assert_returns(0, 0, BPF_MOV64_IMM(R6, 0),
		       BPF_CALL_HELPER(time_ns), BPF_ALU64_IMM(BPF_ADD, R6, 1),
		       BPF_JMP_IMM(BPF_JLT, R6, 3, -3), RETURN(0));
	vm_budget = 0;
}

/*
 * The cost of a change of length is that of the bytes it may add, and of the payload's
 * length at that time.
 */
static void resize_budget(void **state)
{
	(void)state;
#define BY(delta)	BPF_MOV64_IMM(R2, delta), BPF_CALL_HELPER(adjust_head), RETURN(0)
	vm_budget = 304 + 2 + 96 / 32;
	assert_returns(0, 96, BY(-64));
	vm_budget--;
	assert_faults(VNP_FAULT_BUDGET, 1, 96, BY(-64));
	vm_budget = 304 + 1;
	assert_refused("the longest path through the program costs 306", BY(-64));
	assert_refused("the longest path through the program costs 306", BY(64));
	/* limited to the maximum of a datagram; only the lower 32 bits of the register count */
	assert_refused("the longest path through the program costs 2351", BY(INT_MIN));
	assert_refused("the longest path through the program costs 306",
		       BPF_MOV32_IMM(R2, -64), BPF_CALL_HELPER(adjust_tail), RETURN(0));
#undef BY
	/* the bound of a branch is used */
	vm_budget = 307;
	assert_refused("the longest path through the program costs 308",
		       BPF_LDX_MEM(BPF_W, R2, R1, offsetof(struct vnp_ctx, len)),
		       BPF_JMP_IMM(BPF_JGT, R2, 96, 1), BPF_CALL_HELPER(adjust_tail),
		       RETURN(0));
	vm_budget = 0;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(packet_high),
		cmocka_unit_test(packet_left),
		cmocka_unit_test(packet_low),
		cmocka_unit_test(packet_variable),
		cmocka_unit_test(packet_any_distance),
		cmocka_unit_test(packet_end),
		cmocka_unit_test(packet_end_or_before),
		cmocka_unit_test(packet_guard_refines),
		cmocka_unit_test(packet_spilled),
		cmocka_unit_test(null_untested),
		cmocka_unit_test(null_copies),
		cmocka_unit_test(null_arithmetic),
		cmocka_unit_test(null_by_condition),
		cmocka_unit_test(map_bounds),
		cmocka_unit_test(map_unknown_base),
		cmocka_unit_test(stack_bounds),
		cmocka_unit_test(context_walk),
		cmocka_unit_test(context_index),
		cmocka_unit_test(helper_sizes),
		cmocka_unit_test(helper_null),
		cmocka_unit_test(helper_sizes_of_zero),
		cmocka_unit_test(helper_end_of_the_stack),
		cmocka_unit_test(helper_packet),
		cmocka_unit_test(budget),
		cmocka_unit_test(resize_budget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
