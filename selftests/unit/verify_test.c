// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Programs that the verifier refuses, with its messages, and similar ones that are
 * accepted.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "vm/report/log.h"
#include "vm_util.h"

#define LOOKUP(MAP)							\
	BPF_ST_MEM(BPF_DW, R10, -8, 1), BPF_LD_MAP(R1, MAP),		\
	BPF_MOV64_REG(R2, R10), BPF_ALU64_IMM(BPF_ADD, R2, -8),		\
	BPF_CALL_HELPER(map_lookup)

/* a number unknown to the verifier */
#define UNKNOWN(REG)	BPF_LDX_MEM(BPF_W, REG, R1, offsetof(struct vnp_ctx, len))

static void registers_never_set(void **state)
{
	(void)state;
	assert_refused("r0 was never set", BPF_EXIT_INSN());
	assert_refused("r3 was never set", BPF_MOV64_REG(R0, R3), BPF_EXIT_INSN());
	assert_refused("r7 was never set", BPF_ALU64_IMM(BPF_ADD, R7, 1), RETURN(0));
	assert_refused("r7 was never set", BPF_LDX_MEM(BPF_B, R0, R7, 0), RETURN(0));
	assert_refused("r7 was never set", BPF_STX_MEM(BPF_B, R10, R7, -1), RETURN(0));
	assert_refused("r7 was never set", BPF_JMP_IMM(BPF_JEQ, R7, 0, 0), RETURN(0));
	/* on one of two paths */
	assert_refused("compile it with -O2", BPF_MOV64_REG(R0, R7), BPF_EXIT_INSN());
	assert_refused("r7 was never set on some path to here",
		       UNKNOWN(R2), BPF_JMP_IMM(BPF_JEQ, R2, 0, 1), BPF_MOV64_IMM(R7, 0),
		       BPF_MOV64_REG(R0, R7), BPF_EXIT_INSN());
	/* calls clobber R1 to R5 */
	assert_refused("calls do not keep r1 to r5", BPF_CALL_HELPER(time_ns),
		       BPF_LDX_MEM(BPF_W, R0, R1, 16), BPF_EXIT_INSN());
	assert_refused("r1 was never set", BPF_MOV64_REG(R6, R1),
		       BPF_CALL_HELPER(time_ns), BPF_MOV64_IMM(R2, 0),
		       BPF_CALL_HELPER(pull), RETURN(0));
	/* it is not read on a path that is possible */
	assert_returns(1, 0, BPF_MOV64_IMM(R2, 5), BPF_JMP_IMM(BPF_JEQ, R2, 5, 1),
		       BPF_MOV64_REG(R2, R9), RETURN(1));
}

static void pointers_to_numbers(void **state)
{
	(void)state;
#define MAKES	"would turn a pointer into a number"
	assert_refused("would return a pointer", BPF_MOV64_REG(R0, R1), BPF_EXIT_INSN());
	assert_refused("would return a pointer", LOAD_DATA(R0), BPF_EXIT_INSN());
	assert_refused(MAKES, BPF_ALU64_IMM(BPF_AND, R1, 7), RETURN(0));
	assert_refused(MAKES, BPF_ALU64_IMM(BPF_MUL, R1, 1), RETURN(0));
	assert_refused(MAKES, BPF_ALU64_REG(BPF_XOR, R1, R1), RETURN(0));
	assert_refused(MAKES, BPF_NEG64(R1), RETURN(0));
	assert_refused(MAKES, BPF_ENDIAN(BPF_TO_BE, R1, 64), RETURN(0));
	assert_refused(MAKES, BPF_MOV32_REG(R2, R1), RETURN(0));
	assert_refused(MAKES, BPF_MOV32_REG(R2, R10), RETURN(0));
	assert_refused(MAKES, BPF_MOVSX64_REG(R2, R1, 32), RETURN(0));
	assert_refused(MAKES, BPF_ALU32_IMM(BPF_ADD, R1, 4), RETURN(0));
	assert_refused(MAKES, BPF_MOV64_IMM(R2, 0), BPF_ALU64_REG(BPF_SUB, R2, R1),
		       RETURN(0));
	assert_refused(MAKES, BPF_MOV64_REG(R2, R1), BPF_ALU64_REG(BPF_ADD, R2, R1),
		       RETURN(0));
	assert_refused(MAKES, BPF_LD_MAP(R1, MAP_HASH), BPF_ALU64_IMM(BPF_ADD, R1, 8),
		       RETURN(0));
}

static void differences(void **state)
{
	(void)state;
	assert_refused("the difference of these two", LOAD_DATA(R2),
		       BPF_ALU64_REG(BPF_SUB, R2, R10), RETURN(0));
	assert_refused("the difference of these two", LOAD_DATA(R2),
		       BPF_LD_MAP_VALUE(R3, MAP_DATA, 0),
		       BPF_ALU64_REG(BPF_SUB, R2, R3), RETURN(0));
	assert_refused("the difference of these two", LOOKUP(MAP_ARRAY),
		       BPF_JMP_IMM(BPF_JEQ, R0, 0, 10), BPF_MOV64_REG(R6, R0),
		       LOOKUP(MAP_ARRAY),
		       BPF_JMP_IMM(BPF_JEQ, R0, 0, 2), BPF_ALU64_REG(BPF_SUB, R6, R0),
		       BPF_MOV64_IMM(R0, 0), RETURN(0));
	/* with pointers to the same object, the differences are numbers */
	assert_returns(24, 24, LOAD_DATA(R2), LOAD_DATA_END(R0),
		       BPF_ALU64_REG(BPF_SUB, R0, R2), BPF_EXIT_INSN());
	assert_returns(24, 24, LOAD_DATA(R2), LOAD_DATA_END(R0),
		       BPF_ALU32_REG(BPF_SUB, R0, R2), BPF_EXIT_INSN());
	assert_returns(24, 24, LOAD_DATA(R2), LOAD_DATA_END(R3), BPF_MOV32_REG(R0, R3),
		       BPF_ALU32_REG(BPF_SUB, R0, R2), BPF_EXIT_INSN());
	assert_returns((__u32)-24, 24, LOAD_DATA(R2), LOAD_DATA_END(R3),
		       BPF_MOV32_REG(R0, R2), BPF_ALU32_REG(BPF_SUB, R0, R3),
		       BPF_EXIT_INSN());
	assert_returns(-24ULL, 24, LOAD_DATA(R0), LOAD_DATA_END(R2),
		       BPF_ALU64_REG(BPF_SUB, R0, R2), BPF_EXIT_INSN());
	assert_returns(8, 0, BPF_MOV64_REG(R0, R10), BPF_MOV64_REG(R2, R10),
		       BPF_ALU64_IMM(BPF_ADD, R2, -8), BPF_ALU64_REG(BPF_SUB, R0, R2),
		       BPF_EXIT_INSN());
	/* half of a pointer cannot be used for anything else */
	assert_refused("would return a pointer", LOAD_DATA(R2), BPF_MOV32_REG(R0, R2),
		       BPF_EXIT_INSN());
	assert_refused("would return a pointer", LOAD_DATA(R2), BPF_MOV32_REG(R0, R2),
		       BPF_ALU32_IMM(BPF_ADD, R0, 1), BPF_EXIT_INSN());
	assert_refused(MAKES, LOAD_DATA(R2), BPF_MOV32_REG(R0, R2),
		       BPF_ALU32_IMM(BPF_MUL, R0, 1), BPF_EXIT_INSN());
	assert_refused("only the lower half", LOAD_DATA(R2), BPF_MOV32_REG(R2, R2),
		       BPF_LDX_MEM(BPF_B, R0, R2, 0), BPF_EXIT_INSN());
	assert_refused("this comparison", LOAD_DATA(R2), BPF_MOV32_REG(R2, R2),
		       BPF_JMP_IMM(BPF_JGT, R2, 5, 0), RETURN(0));
}

/* a - b - 1 is a + ~b, and a number can be added before */
static void complements(void **state)
{
	(void)state;
#define PAYLOAD		LOAD_DATA(R2), LOAD_DATA_END(R3)
	assert_returns(23, 24, PAYLOAD, BPF_ALU64_IMM(BPF_XOR, R2, -1),
		       BPF_ALU64_REG(BPF_ADD, R2, R3), BPF_MOV64_REG(R0, R2),
		       BPF_EXIT_INSN());
	assert_returns(23, 24, PAYLOAD, BPF_ALU64_IMM(BPF_XOR, R2, -1),
		       BPF_MOV64_REG(R0, R3), BPF_ALU64_REG(BPF_ADD, R0, R2),
		       BPF_EXIT_INSN());
	assert_returns(24, 24, PAYLOAD, BPF_ALU64_IMM(BPF_NEG, R2, 0),
		       BPF_MOV64_REG(R0, R3), BPF_ALU64_REG(BPF_ADD, R0, R2),
		       BPF_EXIT_INSN());
	/* ~p + 4 is ~(p - 4) */
	assert_returns(27, 24, PAYLOAD, BPF_ALU64_IMM(BPF_XOR, R2, -1),
		       BPF_ALU64_IMM(BPF_ADD, R2, 4), BPF_MOV64_REG(R0, R3),
		       BPF_ALU64_REG(BPF_ADD, R0, R2), BPF_EXIT_INSN());
	assert_returns(-26ULL, 24, PAYLOAD, BPF_ALU64_IMM(BPF_XOR, R3, -1),
		       BPF_MOV64_REG(R0, R2), BPF_ALU64_IMM(BPF_SUB, R3, 1),
		       BPF_ALU64_REG(BPF_ADD, R0, R3), BPF_EXIT_INSN());
	/* in 32 bits, moved by a number whose lower half is negative */
	assert_returns(26, 24, PAYLOAD, BPF_MOV32_IMM(R4, -3),
		       BPF_ALU32_REG(BPF_ADD, R2, R4), BPF_ALU32_IMM(BPF_XOR, R2, -1),
		       BPF_ALU32_REG(BPF_ADD, R2, R3), BPF_MOV64_REG(R0, R2),
		       BPF_EXIT_INSN());
	assert_returns(24 - 7 - 24, 24, PAYLOAD, UNKNOWN(R4),
		       BPF_ALU32_IMM(BPF_ADD, R4, 7), BPF_ALU32_REG(BPF_ADD, R4, R2),
		       BPF_ALU32_REG(BPF_SUB, R3, R4), BPF_MOVSX64_REG(R0, R3, 32),
		       BPF_EXIT_INSN());
	/* neither the sum of two nor the upper half of a truncated one is a number */
	assert_refused(MAKES, PAYLOAD, BPF_ALU64_IMM(BPF_XOR, R2, -1),
		       BPF_ALU64_REG(BPF_SUB, R3, R2), RETURN(0));
	assert_refused(MAKES, PAYLOAD, BPF_ALU32_REG(BPF_ADD, R3, R2), RETURN(0));
	assert_refused(MAKES, PAYLOAD, BPF_ALU64_IMM(BPF_XOR, R2, -1),
		       BPF_ALU64_IMM(BPF_XOR, R3, -1), BPF_ALU64_REG(BPF_ADD, R2, R3),
		       RETURN(0));
	assert_refused(MAKES, PAYLOAD, BPF_ALU32_IMM(BPF_XOR, R2, -1),
		       BPF_ALU64_REG(BPF_ADD, R2, R3), RETURN(0));
	assert_refused(MAKES, PAYLOAD, BPF_ALU64_IMM(BPF_XOR, R2, -2), RETURN(0));
	assert_refused("would return a pointer", LOAD_DATA(R0),
		       BPF_ALU64_IMM(BPF_XOR, R0, -1), BPF_EXIT_INSN());
#undef PAYLOAD
}

/* A length of 64 bits compared with the remaining bytes, which are not negative */
static void left_is_not_negative(void **state)
{
	(void)state;
	assert_accepted("0 guarded", LOAD_DATA(R2), LOAD_DATA_END(R3),
			BPF_MOV64_REG(R4, R2), BPF_ALU64_IMM(BPF_ADD, R4, 8),
			BPF_JMP_REG(BPF_JGT, R4, R3, 8),
			BPF_LDX_MEM(BPF_DW, R5, R2, 0), BPF_MOV64_REG(R2, R3),
			BPF_ALU64_REG(BPF_SUB, R2, R4), BPF_JMP_REG(BPF_JGT, R5, R2, 4),
			BPF_ALU64_REG(BPF_ADD, R4, R5), BPF_MOV64_REG(R2, R4),
			BPF_ALU64_IMM(BPF_ADD, R2, 1), BPF_JMP_REG(BPF_JGT, R2, R3, 0),
			RETURN(0));
}

static void comparisons(void **state)
{
	(void)state;
#define TELLS	"this comparison would reveal"
	/* data + any number may wrap: the comparison would leak the address of data */
#define MOVED	LOAD_DATA(R2), LOAD_DATA_END(R3), BPF_LD_MAP_VALUE(R4, MAP_DATA, 0), \
		BPF_LDX_MEM(BPF_DW, R4, R4, 0)
	assert_refused("moved by any number", MOVED, BPF_ALU64_REG(BPF_ADD, R2, R4),
		       BPF_JMP_REG(BPF_JGT, R2, R3, 0), RETURN(0));
	assert_refused("moved by any number", MOVED, BPF_ALU64_REG(BPF_ADD, R2, R4),
		       BPF_JMP_REG(BPF_JSLE, R3, R2, 0), RETURN(0));
	assert_refused("moved by any number", MOVED, BPF_ALU64_REG(BPF_ADD, R2, R4),
		       BPF_JMP_IMM(BPF_JEQ, R2, 0, 0), RETURN(0));
	assert_refused("moved by any number", MOVED, BPF_MOV64_REG(R5, R10),
		       BPF_ALU64_REG(BPF_ADD, R5, R4), BPF_JMP_REG(BPF_JLT, R5, R10, 0),
		       RETURN(0));
	/* the distance to the end does not */
	assert_accepted("0 guarded", MOVED, BPF_ALU64_REG(BPF_ADD, R2, R4),
			BPF_JMP_REG(BPF_JEQ, R2, R3, 0), RETURN(0));
	assert_accepted("0 guarded", MOVED,
			BPF_MOV32_REG(R4, R4), BPF_ALU64_REG(BPF_ADD, R2, R4),
			BPF_JMP_REG(BPF_JGT, R2, R3, 0), RETURN(0));
	assert_refused(TELLS, BPF_JMP_IMM(BPF_JGT, R1, 5, 0), RETURN(0));
	assert_refused(TELLS, BPF_JMP_IMM(BPF_JEQ, R1, 5, 0), RETURN(0));
	assert_refused(TELLS, BPF_JMP_IMM(BPF_JSET, R1, 0, 0), RETURN(0));
	assert_refused(TELLS, BPF_JMP_IMM(BPF_JGE, R1, 0, 0), RETURN(0));
	assert_refused(TELLS, BPF_JMP32_IMM(BPF_JEQ, R1, 0, 0), RETURN(0));
	assert_refused(TELLS, BPF_JMP_REG(BPF_JEQ, R1, R10, 0), RETURN(0));
	assert_refused(TELLS, UNKNOWN(R2), BPF_JMP_REG(BPF_JEQ, R1, R2, 0), RETURN(0));
	assert_refused(TELLS, LOAD_DATA(R2), BPF_JMP_REG(BPF_JLT, R2, R10, 0), RETURN(0));
	/* with NULL, and within an object */
	assert_returns(0, 0, BPF_MOV64_IMM(R2, 0), BPF_JMP_IMM(BPF_JNE, R1, 0, 0),
		       BPF_JMP_REG(BPF_JEQ, R2, R10, 0), RETURN(0));
	assert_returns(1, 0, BPF_MOV64_REG(R2, R10), BPF_ALU64_IMM(BPF_ADD, R2, -8),
		       BPF_JMP_REG(BPF_JLT, R2, R10, 2), RETURN(0), RETURN(1));
	assert_returns(1, 9, LOAD_DATA(R2), LOAD_DATA_END(R3),
		       BPF_JMP_REG(BPF_JSLT, R2, R3, 2), RETURN(0), RETURN(1));
}

static void memory(void **state)
{
	(void)state;
	assert_refused("r2 is a number, not a pointer", BPF_MOV64_IMM(R2, 8),
		       BPF_LDX_MEM(BPF_B, R0, R2, 0), BPF_EXIT_INSN());
	assert_refused("r2 is a number, not a pointer", BPF_MOV64_IMM(R2, 8),
		       BPF_ST_MEM(BPF_B, R2, 0, 0), RETURN(0));
	assert_refused("r1 is a map", BPF_LD_MAP(R1, MAP_HASH),
		       BPF_LDX_MEM(BPF_B, R0, R1, 0), BPF_EXIT_INSN());
	assert_refused("which is read-only", BPF_LD_MAP_VALUE(R1, MAP_RDONLY, 0),
		       BPF_ST_MEM(BPF_B, R1, 0, 0), RETURN(0));
	assert_refused("which is read-only", BPF_LD_MAP_VALUE(R1, MAP_RDONLY, 0),
		       BPF_MOV64_IMM(R2, 0),
		       BPF_ATOMIC_OP(BPF_DW, BPF_ADD, R1, R2, 0), RETURN(0));
	assert_returns(0, 0, BPF_LD_MAP_VALUE(R1, MAP_RDONLY, 0),
		       BPF_LDX_MEM(BPF_B, R0, R1, 0), BPF_EXIT_INSN());
}

static void the_context(void **state)
{
	(void)state;
	assert_refused("the context is read-only", BPF_ST_MEM(BPF_W, R1, 16, 0), RETURN(0));
	assert_refused("the context is read-only", BPF_MOV64_IMM(R2, 0),
		       BPF_STX_MEM(BPF_B, R1, R2, 16), RETURN(0));
	assert_refused("no field at byte 96", BPF_LDX_MEM(BPF_B, R0, R1, 96),
		       BPF_EXIT_INSN());
	assert_refused("no field at byte 96", BPF_LDX_MEM(BPF_DW, R0, R1, 92),
		       BPF_EXIT_INSN());
	assert_refused("no field at byte -1", BPF_LDX_MEM(BPF_B, R0, R1, -1),
		       BPF_EXIT_INSN());
	/* the padding after tos */
	assert_refused("no field at byte 84", BPF_LDX_MEM(BPF_W, R0, R1, 84),
		       BPF_EXIT_INSN());
	assert_refused("no field at byte 84", BPF_LDX_MEM(BPF_DW, R0, R1, 80),
		       BPF_EXIT_INSN());
	assert_refused("only some bytes of a pointer", BPF_LDX_MEM(BPF_W, R0, R1, 0),
		       BPF_EXIT_INSN());
	assert_refused("only some bytes of a pointer", BPF_LDX_MEM(BPF_W, R0, R1, 12),
		       BPF_EXIT_INSN());
	assert_refused("only some bytes of a pointer", BPF_LDX_MEM(BPF_DW, R0, R1, 12),
		       BPF_EXIT_INSN());
	assert_refused("atomic operations work on", BPF_MOV64_IMM(R2, 0),
		       BPF_ATOMIC_OP(BPF_W, BPF_ADD, R1, R2, 16), RETURN(0));
	/* accesses through a pointer to a field, and narrow reads of fields */
	assert_returns(20, 20, BPF_ALU64_IMM(BPF_ADD, R1, 20),
		       BPF_LDX_MEM(BPF_W, R0, R1, -4), BPF_EXIT_INSN());
	assert_returns(20, 20, BPF_LDX_MEM(BPF_H, R0, R1, 16), BPF_EXIT_INSN());
	assert_accepted("2 accesses proven", BPF_LDX_MEM(BPF_DW, R0, R1, 32),
			BPF_LDX_MEM(BPF_DW, R0, R1, 40), RETURN(0));
}

/* R2 = (R2 & MASK) << SHIFT, and R1 is moved by that */
#define INDEX(MASK, SHIFT)						\
	UNKNOWN(R2), BPF_ALU64_IMM(BPF_AND, R2, MASK),			\
	BPF_ALU64_IMM(BPF_LSH, R2, SHIFT), BPF_ALU64_REG(BPF_ADD, R1, R2)
#define IP6	offsetof(struct vnp_ctx, remote_ip6)
#define TTL	offsetof(struct vnp_ctx, ttl)

static void the_context_at_an_index(void **state)
{
	(void)state;
	/* remote_ip6[len & 3], its bytes, and two of its elements at once */
	assert_accepted("2 accesses proven", INDEX(3, 2), BPF_LDX_MEM(BPF_W, R0, R1, IP6),
			RETURN(0));
	assert_accepted("2 accesses proven", INDEX(15, 0), BPF_LDX_MEM(BPF_B, R0, R1, IP6),
			RETURN(0));
	assert_accepted("2 accesses proven", INDEX(1, 3), BPF_LDX_MEM(BPF_DW, R0, R1, IP6),
			RETURN(0));
	/* bounded by a branch; and counted, as in a loop that clang does not unroll */
	assert_accepted("2 accesses proven", UNKNOWN(R2), BPF_JMP_IMM(BPF_JGT, R2, 3, 3),
			BPF_ALU64_IMM(BPF_LSH, R2, 2), BPF_ALU64_REG(BPF_ADD, R1, R2),
			BPF_LDX_MEM(BPF_W, R0, R1, IP6), RETURN(0));
	assert_accepted("1 access proven, 0 guarded; 1 loop bounded", BPF_MOV64_IMM(R2, 0),
			BPF_MOV64_REG(R4, R1), BPF_ALU64_REG(BPF_ADD, R4, R2),
			BPF_LDX_MEM(BPF_W, R5, R4, IP6), BPF_ALU64_IMM(BPF_ADD, R2, 4),
			BPF_JMP_IMM(BPF_JNE, R2, 16, -5), RETURN(0));
	/* one field or another, and the pointer is kept for a while */
	assert_accepted("5 accesses proven", UNKNOWN(R2), BPF_ALU64_IMM(BPF_ADD, R1, IP6),
			BPF_JMP_IMM(BPF_JGT, R2, 9, 1), BPF_ALU64_IMM(BPF_ADD, R1, 16),
			BPF_STX_MEM(BPF_DW, R10, R1, -8), BPF_LDX_MEM(BPF_DW, R3, R10, -8),
			BPF_LDX_MEM(BPF_W, R0, R3, 0), BPF_ALU64_IMM(BPF_SUB, R3, IP6),
			BPF_LDX_MEM(BPF_W, R0, R3, 16), RETURN(0));
	/* the value read: the maximum of the fields' ranges */
	assert_accepted("2 accesses proven", INDEX(1, 2), BPF_LDX_MEM(BPF_W, R0, R1, TTL),
			BPF_JMP_IMM(BPF_JLE, R0, U8_MAX, 1), BPF_MOV64_REG(R0, R9),
			BPF_EXIT_INSN());
	assert_refused("r9 was never set", INDEX(1, 2),
		       BPF_LDX_MEM(BPF_W, R0, R1, TTL - 4),
		       BPF_JMP_IMM(BPF_JLE, R0, U8_MAX, 1), BPF_MOV64_REG(R0, R9),
		       BPF_EXIT_INSN());
	assert_returns(8, 8, UNKNOWN(R2), BPF_ALU64_IMM(BPF_AND, R2, 4),
		       BPF_ALU64_REG(BPF_ADD, R1, R2), BPF_LDX_MEM(BPF_W, R0, R1, 16),
		       BPF_EXIT_INSN());
	assert_returns(12, 12, UNKNOWN(R2), BPF_ALU64_IMM(BPF_AND, R2, 4),
		       BPF_ALU64_IMM(BPF_XOR, R2, 4), BPF_ALU64_REG(BPF_ADD, R1, R2),
		       BPF_LDX_MEM(BPF_W, R0, R1, 16), BPF_EXIT_INSN());
}

static void the_context_out_of_bounds(void **state)
{
	(void)state;
#define MAY_BE	"reads 4 bytes of the context at an offset that may be "
	/* the padding after tos, data_end, and ranges that begin or end outside */
	assert_refused(MAY_BE "84, where there is no number to read: bound the index",
		       INDEX(3, 2), BPF_LDX_MEM(BPF_W, R0, R1, TTL), RETURN(0));
	assert_refused("r1: ctx + (0..12, bits 0xc unknown)", INDEX(3, 2),
		       BPF_LDX_MEM(BPF_W, R0, R1, TTL), RETURN(0));
	assert_refused(MAY_BE "12", INDEX(1, 2), BPF_LDX_MEM(BPF_W, R0, R1, 12), RETURN(0));
	assert_refused("may be 8", INDEX(1, 3), BPF_LDX_MEM(BPF_DW, R0, R1, 8), RETURN(0));
	assert_refused(MAY_BE "-4", INDEX(31, 2), BPF_LDX_MEM(BPF_W, R0, R1, -4),
		       RETURN(0));
	assert_refused(MAY_BE "84", INDEX(1, 3), BPF_ALU64_IMM(BPF_ADD, R1, 84),
		       BPF_LDX_MEM(BPF_W, R0, R1, 0), RETURN(0));
	assert_refused("which must be a multiple of that", INDEX(3, 1),
		       BPF_LDX_MEM(BPF_W, R0, R1, IP6), RETURN(0));
	assert_refused("which must be a multiple of that", INDEX(3, 2),
		       BPF_LDX_MEM(BPF_W, R0, R1, IP6 + 2), RETURN(0));
	/* far away and back by any number */
	assert_refused(MAY_BE, MOVED, BPF_ALU64_IMM(BPF_AND, R4, -4),
		       BPF_ALU64_REG(BPF_ADD, R1, R4), BPF_LDX_MEM(BPF_W, R0, R1, IP6),
		       RETURN(0));
	assert_refused("no field at byte 140737488355344", BPF_MOV64_IMM(R2, 1),
		       BPF_ALU64_IMM(BPF_LSH, R2, 47), BPF_ALU64_REG(BPF_ADD, R1, R2),
		       BPF_LDX_MEM(BPF_W, R0, R1, 16), RETURN(0));
	assert_refused("no field at byte 268435472", BPF_ALU64_IMM(BPF_ADD, R1, 1 << 28),
		       BPF_LDX_MEM(BPF_W, R0, R1, 16), RETURN(0));
	/* such a pointer cannot be used for anything else */
	assert_refused("the context is read-only", INDEX(3, 2),
		       BPF_ST_MEM(BPF_W, R1, IP6, 0), RETURN(0));
	assert_refused("argument 1 of vnp_pull must be the context", INDEX(3, 2),
		       BPF_MOV64_IMM(R2, 0), BPF_CALL_HELPER(pull), RETURN(0));
	assert_refused(TELLS, INDEX(3, 2), BPF_JMP_REG(BPF_JGT, R1, R10, 0), RETURN(0));
	assert_refused("moved by any number", MOVED, BPF_MOV64_REG(R3, R1),
		       BPF_ALU64_REG(BPF_ADD, R1, R4), BPF_JMP_REG(BPF_JGT, R1, R3, 0),
		       RETURN(0));
	assert_refused("moved by any number", MOVED, BPF_ALU64_REG(BPF_ADD, R1, R4),
		       BPF_JMP_IMM(BPF_JEQ, R1, 0, 0), RETURN(0));
	assert_refused("the difference of these two", INDEX(3, 2),
		       BPF_ALU64_REG(BPF_SUB, R1, R10), RETURN(0));
	/* offsets of pointers in the context are not secret */
	assert_returns(4, 0, BPF_MOV64_REG(R0, R1), BPF_ALU64_IMM(BPF_ADD, R0, 4),
		       BPF_JMP_REG(BPF_JGT, R1, R0, 2), BPF_ALU64_REG(BPF_SUB, R0, R1),
		       BPF_EXIT_INSN(), RETURN(0));
}

static void stores_of_pointers(void **state)
{
	(void)state;
#define OTHERS	"would store a pointer where others can read it"
	assert_refused(OTHERS, LOAD_DATA(R2), BPF_STX_MEM(BPF_DW, R2, R2, 0), RETURN(0));
	assert_refused(OTHERS, LOAD_DATA(R2), BPF_STX_MEM(BPF_B, R2, R1, 0), RETURN(0));
	assert_refused(OTHERS, BPF_LD_MAP_VALUE(R2, MAP_DATA, 0),
		       BPF_STX_MEM(BPF_DW, R2, R10, 0), RETURN(0));
	assert_refused("operand of an atomic", BPF_LD_MAP_VALUE(R2, MAP_DATA, 0),
		       BPF_ATOMIC_OP(BPF_DW, BPF_XCHG, R2, R10, 0), RETURN(0));
	assert_refused("value to compare with", BPF_LD_MAP_VALUE(R2, MAP_DATA, 0),
		       BPF_MOV64_REG(R0, R10), BPF_MOV64_IMM(R3, 0),
		       BPF_ATOMIC_OP(BPF_DW, BPF_CMPXCHG, R2, R3, 0), RETURN(0));
	/* memory that a helper copies to others */
	assert_refused("only some bytes of a pointer that was saved at r10 - 16",
		       BPF_STX_MEM(BPF_DW, R10, R10, -16), BPF_ST_MEM(BPF_DW, R10, -8, 0),
		       BPF_LD_MAP(R1, MAP_HASH), BPF_MOV64_REG(R2, R10),
		       BPF_ALU64_IMM(BPF_ADD, R2, -8), BPF_MOV64_REG(R3, R10),
		       BPF_ALU64_IMM(BPF_ADD, R3, -16), BPF_MOV64_IMM(R4, 0),
		       BPF_CALL_HELPER(map_update), RETURN(0));
}

static void the_stack(void **state)
{
	(void)state;
#define PART	"would read only some bytes of a pointer"
	assert_refused(PART, BPF_STX_MEM(BPF_DW, R10, R1, -8),
		       BPF_LDX_MEM(BPF_W, R0, R10, -8), BPF_EXIT_INSN());
	assert_refused(PART, BPF_STX_MEM(BPF_DW, R10, R1, -8),
		       BPF_LDX_MEM(BPF_DW, R0, R10, -12), BPF_EXIT_INSN());
	assert_refused(PART, BPF_STX_MEM(BPF_DW, R10, R1, -8), BPF_MOV64_IMM(R2, 0),
		       BPF_ATOMIC_OP(BPF_DW, BPF_ADD, R10, R2, -8), RETURN(0));
	/* half was overwritten, the other half remains */
	assert_refused(PART, BPF_STX_MEM(BPF_DW, R10, R1, -8),
		       BPF_ST_MEM(BPF_W, R10, -8, 0), BPF_LDX_MEM(BPF_DW, R0, R10, -8),
		       BPF_EXIT_INSN());
	assert_returns(7, 0, BPF_STX_MEM(BPF_DW, R10, R1, -8),
		       BPF_ST_MEM(BPF_W, R10, -8, 7), BPF_LDX_MEM(BPF_W, R0, R10, -8),
		       BPF_EXIT_INSN());
	/* at any of several slots, one of which has a pointer */
	assert_refused(PART, UNKNOWN(R3), BPF_ALU64_IMM(BPF_AND, R3, 15),
		       BPF_STX_MEM(BPF_DW, R10, R1, -8), BPF_ALU64_REG(BPF_ADD, R3, R10),
		       BPF_LDX_MEM(BPF_B, R0, R3, -16), BPF_EXIT_INSN());
	/* the pointer may have been overwritten */
	assert_refused(PART, UNKNOWN(R3), BPF_ALU64_IMM(BPF_AND, R3, 15),
		       BPF_STX_MEM(BPF_DW, R10, R1, -8), BPF_ALU64_REG(BPF_ADD, R3, R10),
		       BPF_ST_MEM(BPF_B, R3, -16, 0), BPF_LDX_MEM(BPF_DW, R0, R10, -8),
		       BPF_EXIT_INSN());
	assert_refused("can be saved on the stack only whole",
		       BPF_STX_MEM(BPF_W, R10, R1, -8), RETURN(0));
	assert_refused("can be saved on the stack only whole",
		       BPF_STX_MEM(BPF_DW, R10, R1, -12), RETURN(0));
	assert_refused("can be saved on the stack only whole", UNKNOWN(R3),
		       BPF_ALU64_IMM(BPF_AND, R3, 8), BPF_ALU64_REG(BPF_ADD, R3, R10),
		       BPF_STX_MEM(BPF_DW, R3, R1, -16), RETURN(0));
	/* bytes that were never written are zero */
	assert_returns(0, 0, BPF_LDX_MEM(BPF_DW, R0, R10, -512), BPF_EXIT_INSN());
	assert_returns(0x500, 0, BPF_ST_MEM(BPF_B, R10, -7, 5),
		       BPF_LDX_MEM(BPF_DW, R0, R10, -8), BPF_EXIT_INSN());
}

/* A pointer was saved on one path only: on the other the slot must be zeroed */
static void slots_written_on_one_path(void **state)
{
	(void)state;
#define ONE_PATH							\
	LOAD_DATA(R7), BPF_LDX_MEM(BPF_W, R3, R1, offsetof(struct vnp_ctx, len)), \
	BPF_JMP_IMM(BPF_JGT, R3, 100, 1), BPF_STX_MEM(BPF_DW, R10, R7, -8), \
	BPF_LDX_MEM(BPF_DW, R1, R10, -8),				\
	BPF_JMP_IMM(BPF_JEQ, R1, 0, 2), RETURN(2), RETURN(1)
	assert_returns(1, 101, ONE_PATH);
	assert_returns(2, 100, ONE_PATH);
}

static void conflicts(void **state)
{
	(void)state;
#define EITHER	UNKNOWN(R2), BPF_MOV64_IMM(R3, 5),			\
		BPF_JMP_IMM(BPF_JEQ, R2, 0, 1), BPF_MOV64_REG(R3, R10)
	/* blocks are copied for each kind, where one of them is refused (split_test.c) */
	assert_refused("r3 is a number", EITHER, BPF_LDX_MEM(BPF_B, R0, R3, -1),
		       BPF_EXIT_INSN());
	assert_refused("would turn a pointer into a number", EITHER,
		       BPF_ALU64_IMM(BPF_MUL, R3, 1), RETURN(0));
	assert_refused("would reveal where objects are", EITHER, BPF_JMP_IMM(BPF_JEQ, R3, 5, 0),
		       RETURN(0));
	assert_refused("would return a pointer", EITHER, BPF_MOV64_REG(R0, R3),
		       BPF_EXIT_INSN());
	/* this is fine as long as it is not read */
	assert_returns(0, 0, EITHER, BPF_MOV64_REG(R4, R3),
		       BPF_STX_MEM(BPF_DW, R10, R4, -8), RETURN(0));
	/* the kind differs in each iteration */
	assert_refused("r3 is of different kinds on different paths here, so it cannot be",
		       BPF_ST_MEM(BPF_DW, R10, -8, 0), BPF_MOV64_REG(R4, R10),
		       BPF_LD_MAP_VALUE(R3, MAP_DATA, 8), BPF_LDX_MEM(BPF_B, R0, R3, -8),
		       BPF_MOV64_REG(R3, R4), UNKNOWN(R2), BPF_JMP_IMM(BPF_JGT, R2, 5, -4),
		       RETURN(0));
}

static void moved_payload(void **state)
{
	(void)state;
#define PULL	BPF_MOV64_REG(R6, R1), LOAD_DATA(R7), BPF_MOV64_IMM(R2, 0),	\
		BPF_STX_MEM(BPF_DW, R10, R7, -8), BPF_CALL_HELPER(pull)
#define AGAIN	"may have moved since: read ctx->data again"
	assert_refused(AGAIN, PULL, BPF_LDX_MEM(BPF_B, R0, R7, 0), BPF_EXIT_INSN());
	assert_refused(AGAIN, PULL, BPF_LDX_MEM(BPF_DW, R7, R10, -8),
		       BPF_LDX_MEM(BPF_B, R0, R7, 0), BPF_EXIT_INSN());
	assert_refused(AGAIN, PULL, BPF_ALU64_IMM(BPF_ADD, R7, 1), RETURN(0));
	assert_refused(AGAIN, PULL, BPF_LDX_MEM(BPF_DW, R2, R6, 8),
		       BPF_JMP_REG(BPF_JEQ, R7, R2, 0), RETURN(0));
#define SHIFT	BPF_MOV64_REG(R6, R1), LOAD_DATA(R7), BPF_MOV64_IMM(R2, 4),	\
		BPF_CALL_HELPER(adjust_head)
	assert_refused(AGAIN, SHIFT, BPF_LDX_MEM(BPF_B, R0, R7, 0), BPF_EXIT_INSN());
	/* bounds that were known before are invalid, too */
	assert_accepted("1 guarded: insn 9", LOAD_DATA(R7), LOAD_DATA_END(R8),
			BPF_ALU64_REG(BPF_SUB, R8, R7), BPF_JMP_IMM(BPF_JLT, R8, 4, 6),
			BPF_MOV64_REG(R6, R1), BPF_MOV64_IMM(R2, 0),
			BPF_CALL_HELPER(pull), BPF_LDX_MEM(BPF_DW, R7, R6, 0),
			BPF_MOV64_IMM(R0, 0), BPF_LDX_MEM(BPF_B, R0, R7, 0), RETURN(0));
	assert_refused("must not point into the payload", LOAD_DATA(R3),
		       BPF_MOV64_IMM(R2, 0), BPF_MOV64_IMM(R4, 4),
		       BPF_CALL_HELPER(store_bytes), RETURN(0));
}

static void helpers(void **state)
{
	(void)state;
	assert_refused("argument 1 of vnp_pull must be the context, but is: number 0.\n",
		       BPF_MOV64_IMM(R1, 0), BPF_MOV64_IMM(R2, 0),
		       BPF_CALL_HELPER(pull), RETURN(0));
	assert_refused("argument 1 of vnp_pull must be the context, but is: ctx + 8.\n",
		       BPF_ALU64_IMM(BPF_ADD, R1, 8), BPF_MOV64_IMM(R2, 0),
		       BPF_CALL_HELPER(pull), RETURN(0));
	assert_refused("argument 2 of vnp_pull must be a number, but is: ctx.\n",
		       BPF_MOV64_REG(R2, R1), BPF_CALL_HELPER(pull), RETURN(0));
	assert_refused("argument 1 of vnp_map_lookup must be a map",
		       BPF_MOV64_REG(R2, R10), BPF_CALL_HELPER(map_lookup), RETURN(0));
	assert_refused("argument 1 of vnp_map_lookup must be a map", UNKNOWN(R3),
		       BPF_MOV64_REG(R2, R10), BPF_ALU64_IMM(BPF_ADD, R2, -4),
		       BPF_LD_MAP(R1, MAP_HASH), BPF_JMP_IMM(BPF_JEQ, R3, 0, 2),
		       BPF_LD_MAP_VALUE(R1, MAP_DATA, 0), BPF_CALL_HELPER(map_lookup),
		       RETURN(0));
	assert_refused("which is read-only", BPF_LD_MAP(R1, MAP_RDONLY),
		       BPF_MOV64_REG(R2, R10), BPF_ALU64_IMM(BPF_ADD, R2, -4),
		       BPF_MOV64_REG(R3, R2), BPF_MOV64_IMM(R4, 0),
		       BPF_CALL_HELPER(map_update), RETURN(0));
	assert_refused("r2 is the context", BPF_MOV64_REG(R2, R1),
		       BPF_LD_MAP(R1, MAP_HASH), BPF_CALL_HELPER(map_lookup), RETURN(0));
	assert_refused("r2 is a number", BPF_MOV64_IMM(R2, 0),
		       BPF_LD_MAP(R1, MAP_HASH), BPF_CALL_HELPER(map_lookup), RETURN(0));
	assert_refused("argument 4 of vnp_load_bytes must be a number",
		       BPF_MOV64_IMM(R2, 0), BPF_MOV64_REG(R3, R10),
		       BPF_ALU64_IMM(BPF_ADD, R3, -8), BPF_MOV64_REG(R4, R10),
		       BPF_CALL_HELPER(load_bytes), RETURN(0));
	assert_refused("which is read-only", BPF_LD_MAP_VALUE(R3, MAP_RDONLY, 0),
		       BPF_MOV64_IMM(R2, 0), BPF_MOV64_IMM(R4, 4),
		       BPF_CALL_HELPER(load_bytes), RETURN(0));
	/* a map value as key, and as the written value */
	assert_returns(0, 8, BPF_LD_MAP_VALUE(R3, MAP_DATA, 0), BPF_MOV64_IMM(R2, 0),
		       BPF_MOV64_IMM(R4, 8), BPF_CALL_HELPER(load_bytes),
		       BPF_LD_MAP(R1, MAP_HASH), BPF_LD_MAP_VALUE(R2, MAP_DATA, 0),
		       BPF_CALL_HELPER(map_lookup), RETURN(0));
}

static void atomics(void **state)
{
	(void)state;
	assert_refused("needs an address that is a multiple", BPF_MOV64_IMM(R2, 1),
		       BPF_ATOMIC_OP(BPF_DW, BPF_ADD, R10, R2, -12), RETURN(0));
	assert_refused("needs an address that is a multiple", UNKNOWN(R3),
		       BPF_ALU64_IMM(BPF_AND, R3, 15), BPF_MOV64_IMM(R2, 1),
		       BPF_LD_MAP_VALUE(R4, MAP_DATA, 0), BPF_ALU64_REG(BPF_ADD, R4, R3),
		       BPF_ATOMIC_OP(BPF_W, BPF_ADD, R4, R2, 0), RETURN(0));
	assert_accepted("0 guarded", UNKNOWN(R3),
			BPF_ALU64_IMM(BPF_AND, R3, 12), BPF_MOV64_IMM(R2, 1),
			BPF_LD_MAP_VALUE(R4, MAP_DATA, 0),
			BPF_ALU64_REG(BPF_ADD, R4, R3),
			BPF_ATOMIC_OP(BPF_W, BPF_ADD, R4, R2, 0), RETURN(0));
	assert_refused("work on map values and on the stack only", LOAD_DATA(R3),
		       BPF_MOV64_IMM(R2, 1), BPF_ATOMIC_OP(BPF_W, BPF_ADD, R3, R2, 0),
		       RETURN(0));
	assert_returns(5, 0, BPF_ST_MEM(BPF_DW, R10, -8, 5), BPF_MOV64_IMM(R0, 9),
		       BPF_ATOMIC_OP(BPF_DW, BPF_XCHG, R10, R0, -8), BPF_EXIT_INSN());
	assert_returns(14, 0, BPF_ST_MEM(BPF_DW, R10, -8, 5), BPF_MOV64_IMM(R2, 9),
		       BPF_ATOMIC_OP(BPF_DW, BPF_ADD, R10, R2, -8),
		       BPF_LDX_MEM(BPF_DW, R0, R10, -8), BPF_EXIT_INSN());
}

/* A refusal has the line of C and the relevant registers */
/* A program that sees the IP packet may read all of it and write nothing. */
static void packets_are_read_only(void **state)
{
	(void)state;
	vm_type = VNP_PROG_PACKET;
	assert_refused("writes to the packet", LOAD_DATA(R2),
		       BPF_ST_MEM(BPF_B, R2, 0, 1), RETURN(0));
	assert_refused("writes to the packet", LOAD_DATA_END(R2), BPF_MOV64_IMM(R3, 1),
		       BPF_STX_MEM(BPF_W, R2, R3, -4), RETURN(0));
	assert_refused("a program of type packet cannot call vnp_store_bytes, which is for programs of type datagram", BPF_MOV64_IMM(R2, 0),
		       BPF_MOV64_REG(R3, R10), BPF_ALU64_IMM(BPF_ADD, R3, -8),
		       BPF_ST_MEM(BPF_DW, R3, 0, 0), BPF_MOV64_IMM(R4, 8),
		       BPF_CALL_HELPER(store_bytes), RETURN(0));
	assert_refused("a program of type packet cannot call vnp_adjust_head, which is for programs of type datagram",
		       BPF_MOV64_IMM(R2, 4), BPF_CALL_HELPER(adjust_head), RETURN(0));
	assert_refused("a program of type packet cannot call vnp_adjust_tail, which is for programs of type datagram",
		       BPF_MOV64_IMM(R2, 4), BPF_CALL_HELPER(adjust_tail), RETURN(0));
	assert_refused("writes to the packet", LOAD_DATA(R3), BPF_MOV64_IMM(R2, 0),
		       BPF_MOV64_IMM(R4, 8), BPF_CALL_HELPER(load_bytes), RETURN(0));
	/* it can be longer than a datagram's payload, by an IPv6 header */
	assert_accepted("1 access proven", BPF_LDX_MEM(BPF_W, R2, R1,
						       offsetof(struct vnp_ctx, len)),
			BPF_JMP_IMM(BPF_JLE, R2, 65535 + 40, 1),
			BPF_LDX_MEM(BPF_DW, R0, R9, 0), RETURN(0));
	assert_refused("r9", BPF_LDX_MEM(BPF_W, R2, R1, offsetof(struct vnp_ctx, len)),
		       BPF_JMP_IMM(BPF_JLE, R2, 65535 + 39, 1),
		       BPF_LDX_MEM(BPF_DW, R0, R9, 0), RETURN(0));
	vm_type = VNP_PROG_DATAGRAM;
}

static void messages_have_sources(void **state)
{
	static const char strings[] = "\0/home/me/relay.bpf.c\0\tlong x = *p;";
	static const struct vnp_line_info lines[] = {
		{ .insn_off = 0, .file_off = 1, .text_off = 0, .line_col = 10 << 10 },
		{ .insn_off = 1, .file_off = 1, .text_off = 22, .line_col = 57 << 10 | 11 },
	};

	(void)state;
	vm_source.line_info = lines;
	vm_source.line_info_cnt = 2;
	vm_source.strings = strings;
	vm_source.strings_len = sizeof(strings);
	assert_refused("insn 2 (relay.bpf.c:57): r2 is a number, not a pointer: pointers come from ctx->data, vnp_map_lookup(), global variables and the stack.\n"
		       "    long x = *p;\n"
		       "    2: r0 = *(u8 *)(r2 + 0x4)\n"
		       "    r2: number 8\n",
		       BPF_MOV64_IMM(R2, 8), BPF_MOV64_IMM(R3, 8),
		       BPF_LDX_MEM(BPF_B, R0, R2, 4), BPF_EXIT_INSN());
	assert_accepted("2 accesses proven, 2 guarded: relay.bpf.c:57; 0 loops metered; stack 0 bytes.\n",
			LOAD_DATA(R2), BPF_LDX_MEM(BPF_B, R0, R2, 8),
			BPF_LDX_MEM(BPF_B, R0, R2, 9), LOAD_DATA(R2), RETURN(0));
	memset(&vm_source, 0, sizeof(vm_source));
}

static void states_are_logged(void **state)
{
	(void)state;
	vm_log_level = VNP_LOG_STATES;
	assert_accepted("    r1: ctx\n    0: r2 = *(u64 *)(r1 + 0x0)\n"
			"    r1: ctx\n    r2: data\n    1: r0 = 0x5\n"
			"    r0: number 5\n    r1: ctx\n    r2: data\n"
			"    2: *(u64 *)(r10 - 0x8) = r2\n"
			"    r0: number 5\n    r1: ctx\n    r2: data\n"
			"    r10 - 8: data\n    3: exit\n",
			LOAD_DATA(R2), BPF_MOV64_IMM(R0, 5),
			BPF_STX_MEM(BPF_DW, R10, R2, -8), BPF_EXIT_INSN());
	vm_log_level = VNP_LOG_NORMAL;
}

/* The log is truncated to its buffer, but its full length is returned */
static void log_is_truncated(void **state)
{
	const struct bpf_insn insns[] = { BPF_MOV64_REG(R0, R9), BPF_EXIT_INSN() };
	char buf[16] = "", whole[256] = "";
	struct vnp_log small = { .buf = buf, .size = 10, .level = VNP_LOG_NORMAL };
	struct vnp_log large = { .buf = whole, .size = 256, .level = VNP_LOG_NORMAL };
	struct vnp_log none = { .level = VNP_LOG_NORMAL };
	struct vnp_log *logs[] = { &small, &large, &none, NULL };
	__u32 i;

	(void)state;
	for (i = 0; i < 4; i++) {
		struct vnp_code_attr attr = {
			.type = VNP_PROG_DATAGRAM, .insns = insns, .insn_cnt = 2,
			.log = logs[i],
		};
		struct vnp_code *code;

		assert_int_equal(vnp_code_create(&attr, &code), 0);
		assert_int_equal(vnp_code_check(code), -EACCES);
		vnp_code_destroy(code);
	}
	assert_int_equal(large.len, strlen(whole));
	assert_int_equal(small.len, large.len);
	assert_int_equal(none.len, large.len);
	assert_memory_equal(buf, whole, 9);
	assert_int_equal(buf[9], 0);
	assert_int_equal(buf[10], 0);
}

/* Each map type determines which helpers accept it: an unknown type has none */
static void map_types_are_named(void **state)
{
	const struct bpf_insn insns[] = { LOOKUP(0), RETURN(0) };
	struct vnp_map_desc map = { .type = 63, .key_size = 4, .value_size = 8 };
	struct vnp_log log = {
		.buf = vm_log, .size = sizeof(vm_log), .level = VNP_LOG_NORMAL,
	};
	const struct vnp_code_attr attr = {
		.type = VNP_PROG_DATAGRAM, .insns = insns, .insn_cnt = ARRAY_SIZE(insns),
		.maps = &map, .map_cnt = 1, .log = &log,
	};
	struct vnp_code *code;

	(void)state;
	assert_int_equal(vnp_code_create(&attr, &code), 0);
	assert_int_equal(vnp_code_check(code), -EACCES);
	vnp_code_destroy(code);
	assert_non_null(strstr(vm_log,
			       "vnp_map_lookup cannot use map 0, which is of type unknown"));
}

static int create(const struct vnp_code_attr *attr)
{
	struct vnp_code *code;
	int err = vnp_code_create(attr, &code);

	if (!err)
		vnp_code_destroy(code);
	return err;
}

static void arguments_are_checked(void **state)
{
	const struct bpf_insn insns[] = { RETURN(0) };
	struct vnp_map_desc map = { .key_size = 4, .value_size = 8 };
	const struct vnp_line_info good[] = { { .insn_off = 0 }, { .insn_off = 1 } };
	const struct vnp_line_info equal[] = { { .insn_off = 1 }, { .insn_off = 1 } };
	const struct vnp_line_info beyond[] = { { .insn_off = 0 }, { .insn_off = 2 } };
	const struct vnp_line_info file[] = { { .file_off = 2 } };
	const struct vnp_line_info text[] = { { .text_off = 2 } };
	const struct vnp_code_attr ok = {
		.type = VNP_PROG_DATAGRAM, .insns = insns, .insn_cnt = 2,
		.maps = &map, .map_cnt = 1,
		.source = {
			.line_info = good, .line_info_cnt = 2,
			.strings = "a", .strings_len = 2,
		},
	};
	struct vnp_code_attr attr;

	(void)state;
#define assert_invalid(FIELD, VALUE)					\
	do {								\
		attr = ok;						\
		attr.FIELD = (VALUE);					\
		assert_int_equal(create(&attr), -EINVAL);		\
	} while (0)
	assert_int_equal(create(&ok), 0);
	assert_invalid(type, 0);
	assert_invalid(type, VNP_PROG_MESSAGE + 1);
	assert_invalid(type, -1);
	assert_invalid(insn_cnt, 0);
	assert_invalid(insn_cnt, VNP_INSN_MAX + 1);
	assert_invalid(map_cnt, VNP_MAPS_MAX + 1);
	assert_invalid(source.strings_len, 1);
	assert_invalid(source.strings_len, 0);
	assert_invalid(source.strings_len, VNP_STRINGS_MAX + 1);
	assert_invalid(source.line_info_cnt, 3);
	assert_invalid(source.line_info, equal);
	assert_invalid(source.line_info, beyond);
	attr = ok;
	attr.source.line_info_cnt = 1;
	attr.source.line_info = file;
	assert_int_equal(create(&attr), -EINVAL);
	attr.source.line_info = text;
	assert_int_equal(create(&attr), -EINVAL);
	map.key_size = 0;
	assert_int_equal(create(&ok), -EINVAL);
	map.key_size = 513;
	assert_int_equal(create(&ok), -EINVAL);
	map.key_size = 4;
	map.value_size = (1 << 20) + 1;
	assert_int_equal(create(&ok), -EINVAL);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(registers_never_set),
		cmocka_unit_test(pointers_to_numbers),
		cmocka_unit_test(differences),
		cmocka_unit_test(complements),
		cmocka_unit_test(left_is_not_negative),
		cmocka_unit_test(comparisons),
		cmocka_unit_test(memory),
		cmocka_unit_test(the_context),
		cmocka_unit_test(the_context_at_an_index),
		cmocka_unit_test(the_context_out_of_bounds),
		cmocka_unit_test(stores_of_pointers),
		cmocka_unit_test(the_stack),
		cmocka_unit_test(slots_written_on_one_path),
		cmocka_unit_test(conflicts),
		cmocka_unit_test(moved_payload),
		cmocka_unit_test(helpers),
		cmocka_unit_test(atomics),
		cmocka_unit_test(packets_are_read_only),
		cmocka_unit_test(messages_have_sources),
		cmocka_unit_test(states_are_logged),
		cmocka_unit_test(log_is_truncated),
		cmocka_unit_test(map_types_are_named),
		cmocka_unit_test(arguments_are_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
