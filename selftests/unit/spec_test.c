// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Hardening of untrusted users' programs: which accesses get a mask or a barrier; blinding
 * of constants; and the checker of lowered code refuses code from which a mask or a barrier
 * was removed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "random_program.h"
#include "selftests/vm/check_lowered.h"
#include "vm/isa/insn.h"
#include "vm/report/dump.h"
#include "vm_util.h"

static int hardened(void **state)
{
	(void)state;
	vm_harden = true;
	return 0;
}

static int trusted(void **state)
{
	(void)state;
	vm_harden = false;
	return 0;
}

/* ---- Bounds --------------------------------------------------------------- */

#define CHECKED_READ(N, OFF)						\
	LOAD_DATA(R2), LOAD_DATA_END(R3), BPF_MOV64_REG(R4, R2),	\
	BPF_ALU64_IMM(BPF_ADD, R4, N), BPF_JMP_REG(BPF_JGT, R4, R3, 2),	\
	BPF_LDX_MEM(BPF_W, R0, R2, OFF), BPF_EXIT_INSN(), RETURN(7)

static void bounds_by_a_branch(void **state)
{
	(void)state;
	assert_accepted("hardened: 1 access masked, 0 ", CHECKED_READ(8, 4));
	/* a mask serves all accesses that it covers */
	assert_accepted("hardened: 1 access masked, 0 ",
			LOAD_DATA(R2), BPF_LDX_MEM(BPF_W, R0, R2, 4),
			BPF_LDX_MEM(BPF_W, R3, R2, 0), BPF_EXIT_INSN());
	/* an index that a branch has bounded */
	assert_accepted("hardened: 1 access masked, 0 ",
			BPF_LDX_MEM(BPF_W, R3, R1, offsetof(struct vnp_ctx, ifindex)),
			BPF_JMP_IMM(BPF_JGT, R3, 60, 4), BPF_LD_MAP_VALUE(R2, MAP_DATA, 0),
			BPF_ALU64_REG(BPF_ADD, R2, R3), BPF_LDX_MEM(BPF_B, R0, R2, 0),
			RETURN(0));
}

/* A masked bad pointer is harmless only if no memory is mapped where it points to */
static void too_far_from_null(void **state)
{
	(void)state;
	assert_accepted("hardened: 1 access masked, 0 ", LOAD_DATA(R2),
			BPF_LDX_MEM(BPF_DW, R0, R2, 32768 - 8), RETURN(0));
	assert_accepted("hardened: 0 accesses masked, 1 instruction after", LOAD_DATA(R2),
			BPF_LDX_MEM(BPF_DW, R0, R2, 32768 - 7), RETURN(0));
	assert_accepted("hardened: 0 accesses masked, 1 instruction after", LOAD_DATA(R2),
			BPF_LDX_MEM(BPF_H, R0, R2, 32767), RETURN(0));
}

static void bounds_by_construction(void **state)
{
	(void)state;
	assert_accepted("hardened: 0 accesses masked, 0 ",
			BPF_LDX_MEM(BPF_W, R3, R1, offsetof(struct vnp_ctx, ifindex)),
			BPF_ALU64_IMM(BPF_AND, R3, 63), BPF_LD_MAP_VALUE(R2, MAP_DATA, 0),
			BPF_ALU64_REG(BPF_ADD, R2, R3), BPF_LDX_MEM(BPF_B, R0, R2, 0),
			RETURN(0));
	/* a failed lookup returns NULL, where nothing is mapped */
	assert_accepted("hardened: 0 accesses masked, 0 ",
			BPF_ST_MEM(BPF_W, R10, -4, 0), BPF_MOV64_REG(R2, R10),
			BPF_ALU64_IMM(BPF_ADD, R2, -4), BPF_LD_MAP(R1, MAP_ARRAY),
			BPF_CALL_HELPER(map_lookup), BPF_LDX_MEM(BPF_DW, R3, R0, 8),
			RETURN(0));
}

/* remote_ip6[i]: the context is not an array, and next to it is the kernel's stack */
#define IP6	offsetof(struct vnp_ctx, remote_ip6)
#define TOS	offsetof(struct vnp_ctx, tos)
#define INDEX(JUMP, K, AWAY, SHIFT)					\
	BPF_LDX_MEM(BPF_W, R3, R1, offsetof(struct vnp_ctx, ifindex)),	\
	BPF_JMP_IMM(JUMP, R3, K, AWAY), BPF_ALU64_IMM(BPF_LSH, R3, SHIFT),	\
	BPF_MOV64_REG(R2, R1), BPF_ALU64_REG(BPF_ADD, R2, R3)

static void index_of_a_field(void **state)
{
	(void)state;
	assert_accepted("hardened: 0 accesses masked, 0 ",
			BPF_LDX_MEM(BPF_W, R3, R1, offsetof(struct vnp_ctx, ifindex)),
			BPF_ALU64_IMM(BPF_AND, R3, 12), BPF_ALU64_REG(BPF_ADD, R1, R3),
			BPF_LDX_MEM(BPF_W, R0, R1, IP6), RETURN(0));
	/* bounded by a branch; the mask also covers later accesses */
	assert_accepted("hardened: 1 access masked, 0 ", INDEX(BPF_JGT, 3, 4, 2),
			BPF_LDX_MEM(BPF_W, R0, R2, IP6), RETURN(0));
	assert_accepted("hardened: 1 access masked, 0 ", INDEX(BPF_JGT, 2, 5, 2),
			BPF_LDX_MEM(BPF_W, R0, R2, IP6), BPF_LDX_MEM(BPF_W, R0, R2, IP6 + 4),
			RETURN(0));
	/* with any 64-bit index */
	assert_accepted("hardened: 1 access masked, 0 ", BPF_LD_MAP_VALUE(R2, MAP_DATA, 0),
			BPF_LDX_MEM(BPF_DW, R3, R2, 0), BPF_JMP_IMM(BPF_JGT, R3, 15, 2),
			BPF_ALU64_REG(BPF_ADD, R1, R3), BPF_LDX_MEM(BPF_B, R0, R1, IP6),
			RETURN(0));
	/* tos or tstamp: a mask would allow what is between them */
	assert_accepted("hardened: 0 accesses masked, 1 instruction after",
			INDEX(BPF_JSET, ~8, 4, 0), BPF_LDX_MEM(BPF_W, R0, R2, TOS), RETURN(0));
	/* data, if the branch is predicted correctly */
	assert_accepted("hardened: 0 accesses masked, 1 instruction after",
			INDEX(BPF_JNE, 0, 4, 3), BPF_LDX_MEM(BPF_DW, R0, R2, 0), RETURN(0));
	vm_harden = false;
	assert_returns(0, 4, INDEX(BPF_JGT, 3, 5, 2), BPF_LDX_MEM(BPF_W, R0, R2, IP6),
		       BPF_EXIT_INSN(), RETURN(7));
}

/* A load that overtakes a store may read another field, which must be initialized */
static void field_that_is_not_read(void **state)
{
	struct vnp_code *code;

	(void)state;
	assert_int_equal(0, vm_make(PROG(
		BPF_MOV64_REG(R2, R1), BPF_ALU64_IMM(BPF_ADD, R2, TOS),
		BPF_STX_MEM(BPF_DW, R10, R2, -8), BPF_ALU64_IMM(BPF_SUB, R2, 4),
		BPF_STX_MEM(BPF_DW, R10, R2, -8), BPF_LDX_MEM(BPF_DW, R2, R10, -8),
		BPF_LDX_MEM(BPF_W, R0, R2, 0), RETURN(0)), &code));
	assert_int_equal(code->mask_cnt + code->barrier_cnt, 0);
	assert_true(code->ctx_fields & BIT_ULL(TOS / 8));
	code->ctx_fields &= ~BIT_ULL(TOS / 8);
	assert_int_equal(vnp_check_lowered(code, NULL), -EACCES);
	vm_free(code);
	vm_harden = false;
	assert_int_equal(0, vm_make(PROG(
		BPF_MOV64_REG(R2, R1), BPF_ALU64_IMM(BPF_ADD, R2, TOS),
		BPF_STX_MEM(BPF_DW, R10, R2, -8), BPF_ALU64_IMM(BPF_SUB, R2, 4),
		BPF_STX_MEM(BPF_DW, R10, R2, -8), BPF_LDX_MEM(BPF_DW, R2, R10, -8),
		BPF_LDX_MEM(BPF_W, R0, R2, 0), RETURN(0)), &code));
	assert_false(code->ctx_fields & BIT_ULL(TOS / 8));
	vm_free(code);
}

/* Speculatively, a helper may get the value of a field instead of the context */
static void context_or_a_field(void **state)
{
	(void)state;
	assert_accepted("hardened: 0 accesses masked, 1 instruction after",
			BPF_MOV64_REG(R2, R1), BPF_ALU64_IMM(BPF_ADD, R2, IP6),
			BPF_STX_MEM(BPF_DW, R10, R2, -8), BPF_STX_MEM(BPF_DW, R10, R1, -8),
			BPF_LDX_MEM(BPF_DW, R1, R10, -8), BPF_MOV64_IMM(R2, 0),
			BPF_CALL_HELPER(pull), RETURN(0));
}

/* The slot is 0 at first: a pointer moved back from far away may be below 0 */
static void null_minus_a_constant(void **state)
{
	(void)state;
	assert_accepted("hardened: 0 accesses masked, 1 instruction after",
			BPF_ALU64_IMM(BPF_ADD, R1, 1 << 28),
			BPF_STX_MEM(BPF_DW, R10, R1, -8), BPF_LDX_MEM(BPF_DW, R1, R10, -8),
			BPF_ALU64_IMM(BPF_SUB, R1, 1 << 28),
			BPF_LDX_MEM(BPF_W, R0, R1, 16), RETURN(0));
	/* but not as far as the kernel */
	assert_accepted("hardened: 0 accesses masked, 0 ",
			BPF_ALU64_IMM(BPF_ADD, R1, 1 << 12),
			BPF_STX_MEM(BPF_DW, R10, R1, -8), BPF_LDX_MEM(BPF_DW, R1, R10, -8),
			BPF_ALU64_IMM(BPF_SUB, R1, 1 << 12),
			BPF_LDX_MEM(BPF_W, R0, R1, 16), RETURN(0));
}

/* Spectre v1.1: an out of bounds store must not change a saved pointer */
static void store_over_a_pointer(void **state)
{
	(void)state;
	assert_accepted("hardened: 1 access masked, 0 ",
			BPF_STX_MEM(BPF_DW, R10, R1, -8),
			BPF_LDX_MEM(BPF_W, R3, R1, offsetof(struct vnp_ctx, ifindex)),
			BPF_JMP_IMM(BPF_JGT, R3, 7, 4),
			BPF_MOV64_REG(R2, R10), BPF_ALU64_IMM(BPF_ADD, R2, -32),
			BPF_ALU64_REG(BPF_ADD, R2, R3), BPF_ST_MEM(BPF_B, R2, 0, 1),
			BPF_LDX_MEM(BPF_DW, R1, R10, -8), LOAD_DATA(R2), RETURN(0));
}

/* Spectre v4: a slot that had a number before it gets a pointer */
static void load_overtakes_store(void **state)
{
	(void)state;
	assert_accepted("hardened: 0 accesses masked, 1 instruction after",
			BPF_LDX_MEM(BPF_DW, R3, R1, offsetof(struct vnp_ctx, tstamp)),
			BPF_STX_MEM(BPF_DW, R10, R3, -8), BPF_STX_MEM(BPF_DW, R10, R1, -8),
			BPF_LDX_MEM(BPF_DW, R1, R10, -8),
			BPF_LDX_MEM(BPF_W, R0, R1, offsetof(struct vnp_ctx, len)),
			BPF_EXIT_INSN());
}

/* So far from the stack that distance plus offset overflow 64 bits */
static void far_from_the_stack(void **state)
{
	static const __u64 far[] = {
		1ULL << 63, (1ULL << 63) - 1, (1ULL << 63) + 1, 1ULL << 62, 3ULL << 62,
	};
	size_t i;

	(void)state;
#define FAR_LOAD(IMM, OFF)						\
	BPF_MOV64_REG(R5, R10), BPF_LD_IMM64(R4, IMM),			\
	BPF_ALU64_REG(BPF_ADD, R5, R4), BPF_LDX_MEM(BPF_DW, R0, R5, OFF), \
	BPF_EXIT_INSN()
#define FAR_STORE(IMM, OFF)						\
	BPF_MOV64_REG(R5, R10), BPF_LD_IMM64(R4, IMM),			\
	BPF_ALU64_REG(BPF_ADD, R5, R4), BPF_ST_MEM(BPF_DW, R5, OFF, 0),	\
	RETURN(0)
	for (i = 0; i < ARRAY_SIZE(far); i++) {
		assert_accepted("whatever the payload", FAR_LOAD(far[i], -32));
		assert_accepted("whatever the payload", FAR_LOAD(far[i], 32));
		assert_accepted("whatever the payload", FAR_STORE(far[i], -32));
		assert_accepted("whatever the payload", FAR_STORE(far[i], 32));
	}
}

/* A helper's memory that is not accessed, as the size is 0 after a guard */
static void size_zero_by_a_guard(void **state)
{
	(void)state;
	assert_accepted("hardened: 1 access masked, 1 instruction after a barrier",
			LOAD_DATA(R7), BPF_LDX_MEM(BPF_DW, R2, R7, 0),
			BPF_JMP_IMM(BPF_JSLE, R2, 0, 2), RETURN(1),
			BPF_MOV64_REG(R1, R10), BPF_MOV64_IMM(R3, 0),
			BPF_MOV64_IMM(R4, 0), BPF_MOV64_IMM(R5, 0),
			BPF_CALL_HELPER(csum_diff), RETURN(0));
}

/* After a branch R0 is NULL, a number; if the branch is mispredicted, it is a pointer */
static void pointer_taken_for_a_number(void **state)
{
	(void)state;
	assert_accepted("1 instruction after",
			BPF_ST_MEM(BPF_W, R10, -4, 0), BPF_MOV64_REG(R2, R10),
			BPF_ALU64_IMM(BPF_ADD, R2, -4), BPF_LD_MAP(R1, MAP_ARRAY),
			BPF_CALL_HELPER(map_lookup), BPF_JMP_IMM(BPF_JNE, R0, 0, 1),
			BPF_ALU64_IMM(BPF_MUL, R0, 3), RETURN(0));
}

/* Likewise, but it is returned: only the length of a message is used like other numbers */
static void pointer_taken_for_a_length(void **state)
{
	static const struct {
		__u32 type;
		const char *report;
	} programs[] = {
		{ VNP_PROG_DATAGRAM, "0 instructions after" },
		{ VNP_PROG_STREAM, "1 instruction after" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(programs) / sizeof(*programs); i++) {
		vm_type = programs[i].type;
		assert_accepted(programs[i].report,
				BPF_ST_MEM(BPF_W, R10, -4, 0), BPF_MOV64_REG(R2, R10),
				BPF_ALU64_IMM(BPF_ADD, R2, -4), BPF_LD_MAP(R1, MAP_ARRAY),
				BPF_CALL_HELPER(map_lookup), BPF_JMP_IMM(BPF_JEQ, R0, 0, 1),
				BPF_MOV64_IMM(R0, 1), BPF_EXIT_INSN());
	}
	vm_type = VNP_PROG_DATAGRAM;
}

/*
 * Masks read the payload's end from the context: not through a register that is NULL then
 */
static void context_or_null(void **state)
{
	(void)state;
	assert_returns(0, 4, BPF_MOV64_REG(R6, R1), BPF_STX_MEM(BPF_DW, R10, R1, -8),
		       BPF_MOV64_IMM(R3, 0), BPF_STX_MEM(BPF_DW, R10, R3, -8),
		       BPF_LDX_MEM(BPF_DW, R1, R10, -8),
		       BPF_LDX_MEM(BPF_DW, R2, R6, offsetof(struct vnp_ctx, data)),
		       BPF_LDX_MEM(BPF_B, R3, R2, 3), BPF_MOV64_REG(R0, R1),
		       BPF_EXIT_INSN());
}

/* Memory for a helper whose size is only bounded by a branch */
static void size_by_a_branch(void **state)
{
	(void)state;
	assert_accepted("1 instruction after",
			BPF_LDX_MEM(BPF_W, R4, R1, offsetof(struct vnp_ctx, ifindex)),
			BPF_JMP_IMM(BPF_JGT, R4, 8, 5), BPF_JMP_IMM(BPF_JEQ, R4, 0, 4),
			BPF_MOV64_IMM(R2, 0), BPF_MOV64_REG(R3, R10),
			BPF_ALU64_IMM(BPF_ADD, R3, -8), BPF_CALL_HELPER(load_bytes),
			RETURN(0));
}

/* Division by a register is lowered to branches: its result is not trusted */
static void quotient_as_index(void **state)
{
	(void)state;
	assert_accepted("hardened: 1 access masked, 0 ",
			BPF_MOV64_IMM(R3, 60),
			BPF_RAW_INSN(BPF_ALU | BPF_DIV | BPF_K, R3, 0, 1, 4),
			BPF_LD_MAP_VALUE(R2, MAP_DATA, 0),
			BPF_ALU64_REG(BPF_ADD, R2, R3), BPF_LDX_MEM(BPF_B, R0, R2, 0),
			RETURN(0));
}

/* The transient result of a division by 0 is unknown */
static void divisor_by_a_branch(void **state)
{
	(void)state;
	assert_accepted("hardened: 1 access masked, 0 ",
			BPF_LDX_MEM(BPF_W, R4, R1, offsetof(struct vnp_ctx, ifindex)),
			BPF_MOV64_IMM(R3, 60), BPF_JMP_IMM(BPF_JEQ, R4, 0, 5),
			BPF_ALU64_REG(BPF_MOD, R3, R4), BPF_LD_MAP_VALUE(R2, MAP_DATA, 0),
			BPF_ALU64_REG(BPF_ADD, R2, R3), BPF_LDX_MEM(BPF_B, R0, R2, 0),
			RETURN(0));
	/* bounded without a branch: the divisor is never 0 */
	assert_accepted("hardened: 0 accesses masked, 0 ",
			BPF_LDX_MEM(BPF_W, R4, R1, offsetof(struct vnp_ctx, ifindex)),
			BPF_MOV64_IMM(R3, 60), BPF_ALU64_IMM(BPF_OR, R4, 1),
			BPF_ALU64_REG(BPF_MOD, R3, R4), BPF_LD_MAP_VALUE(R2, MAP_DATA, 0),
			BPF_ALU64_REG(BPF_ADD, R2, R3), BPF_LDX_MEM(BPF_B, R0, R2, 0),
			RETURN(0));
}

/* ---- Constants ------------------------------------------------------------ */

#define CONSTANT	0x0badcafe

/* A dump shows the constants, and not the numbers that are emitted for them */
static void dump_is_not_blinded(const struct vnp_code *code)
{
	struct vnp_lowered_insn *dump = calloc(code->lowered.cnt, sizeof(*dump));
	__u32 i, shown = 0;

	assert_non_null(dump);
	vnp_lowered_dump(code, dump);
	for (i = 0; i < code->lowered.cnt; i++) {
		const struct bpf_insn *insn = &code->lowered.insns[i];

		shown += dump[i].imm == CONSTANT;
		if (vnp_insn_is_alu(insn) && BPF_OP(insn->code) == BPF_XOR &&
		    insn->dst_reg == VNP_REG_AX)
			assert_int_equal(dump[i].imm, 0);
	}
	assert_true(shown >= 8);
	free(dump);
}

static void constants_are_blinded(void **state)
{
	struct vnp_code *code;
	__u32 i;

	(void)state;
	assert_int_equal(0, vm_make(PROG(
		BPF_MOV64_IMM(R0, CONSTANT), BPF_ALU32_IMM(BPF_XOR, R0, CONSTANT),
		BPF_ALU64_IMM(BPF_ADD, R0, CONSTANT),
		BPF_RAW_INSN(BPF_ALU | BPF_DIV | BPF_K, R0, 0, 1, CONSTANT),
		BPF_LD_IMM64(R2, CONSTANT | (__u64)CONSTANT << 32),
		BPF_ST_MEM(BPF_W, R10, -4, CONSTANT),
		BPF_JMP_IMM(BPF_JEQ, R2, CONSTANT, 0), BPF_EXIT_INSN()), &code));
	for (i = 0; i < code->lowered.cnt; i++)
		assert_int_not_equal(code->lowered.insns[i].imm, CONSTANT);
	dump_is_not_blinded(code);
	vm_free(code);
	vm_harden = false;
	assert_returns(CONSTANT + 1ULL, 0, BPF_MOV64_IMM(R0, CONSTANT),
		       BPF_ALU64_IMM(BPF_ADD, R0, 1), BPF_EXIT_INSN());
}

/* ---- The checker ----------------------------------------------------------- */

/* The role of an instruction that exists only in hardened programs */
enum role {
	ROLE_NONE, ROLE_ENTRY, ROLE_CALL, ROLE_BARRIER, ROLE_SHIFT, ROLE_OR, ROLE_AND, ROLE_CNT
};

static enum role role_of(const struct bpf_insn *insn)
{
	if (insn->code == VNP_BARRIER)
		return ROLE_BARRIER;
	if (insn->code == (BPF_ALU64 | BPF_ARSH | BPF_K) && insn->dst_reg == VNP_REG_AX)
		return ROLE_SHIFT;
	if (insn->src_reg != VNP_REG_AX || insn->dst_reg == VNP_REG_AX)
		return ROLE_NONE;
	if (insn->code == (BPF_ALU64 | BPF_OR | BPF_X))
		return ROLE_OR;
	return insn->code == (BPF_ALU64 | BPF_AND | BPF_X) ? ROLE_AND : ROLE_NONE;
}

/* Blinded constants are also or-ed and and-ed with AX: made by a xor just before */
static bool is_blinded(const struct vnp_code *code, __u32 i)
{
	return BPF_OP(code->lowered.insns[i - 1].code) == BPF_XOR;
}

struct counts {
	__u32 removed[ROLE_CNT];
	__u32 detected[ROLE_CNT];
};

/* Remove each mask and barrier, one at a time, and count which removals are detected */
static void remove_each(struct vnp_code *code, struct counts *counts)
{
	struct bpf_insn nothing = BPF_MOV64_REG(R9, R9), *insns = code->lowered.insns;
	__u32 i;

	for (i = 1; i < code->lowered.cnt; i += vnp_insn_len(&insns[i])) {
		enum role role = role_of(&insns[i]);
		struct bpf_insn insn = insns[i];

		if (role == ROLE_NONE || (role > ROLE_BARRIER && is_blinded(code, i)))
			continue;
		/* the first one follows the zeroing of the stack */
		if (role == ROLE_BARRIER && insns[i - 1].dst_reg == R10)
			role = ROLE_ENTRY;
		else if (role == ROLE_BARRIER && vnp_insn_is_call(&insns[i - 1]))
			role = ROLE_CALL;
		insns[i] = nothing;
		counts->removed[role]++;
		if (vnp_check_lowered(code, NULL))
			counts->detected[role]++;
		insns[i] = insn;
	}
}

static void removals_are_detected(void **state)
{
	static const char * const names[ROLE_CNT] = {
		[ROLE_ENTRY] = "entry", [ROLE_CALL] = "after call",
		[ROLE_BARRIER] = "barrier", [ROLE_SHIFT] = "mask: sign",
		[ROLE_OR] = "mask: high", [ROLE_AND] = "mask: low",
	};
	struct counts counts = {};
	__u32 i;
	__u64 seed;

	(void)state;
	for (seed = 1; seed <= 120; seed++) {
		struct bpf_insn insns[RANDOM_INSNS_MAX];
		struct vnp_code *code;

		vm_name = seed;
		if (vm_make(insns, random_program(seed, insns), &code))
			continue;
		assert_int_equal(vnp_check_lowered(code, NULL), 0);
		remove_each(code, &counts);
		vm_free(code);
	}
	for (i = ROLE_ENTRY; i < ROLE_CNT; i++) {
		printf("# %-10s %5u removed, %5u detected\n", names[i], counts.removed[i],
		       counts.detected[i]);
		assert_true(counts.removed[i] > 5);
	}
	assert_true(counts.detected[ROLE_SHIFT] * 100 >= counts.removed[ROLE_SHIFT] * 95);
	assert_true(counts.detected[ROLE_OR] * 100 >= counts.removed[ROLE_OR] * 95);
	assert_true(counts.detected[ROLE_AND] * 100 >= counts.removed[ROLE_AND] * 90);
	assert_true(counts.detected[ROLE_BARRIER] * 100 >= counts.removed[ROLE_BARRIER] * 80);
	assert_true(counts.detected[ROLE_ENTRY] * 100 >= counts.removed[ROLE_ENTRY] * 95);
}

/*
 * The checker must recover the precision that widening has cost.  R4 is a number of a
 * little more than 32 bits, which takes many iterations to find out.
 */
static void number_from_a_loop(void **state)
{
	(void)state;
	assert_accepted("hardened: 1 access masked, 0 ",
			BPF_MOV64_IMM(R4, 1), BPF_ENDIAN(BPF_TO_BE, R4, 32),
			BPF_ALU64_IMM(BPF_ADD, R4, 127), BPF_JMP_IMM(BPF_JGT, R4, 200, -3),
			LOAD_DATA(R2), BPF_ALU64_REG(BPF_ADD, R2, R4),
			BPF_LDX_MEM(BPF_B, R0, R2, 0), RETURN(0));
}

/* A slot with the context: a store that may be out of bounds must not make it unknown */
static void store_by_a_number_from_a_loop(void **state)
{
	(void)state;
	assert_accepted("hardened: 2 accesses masked, 0 ",
			LOAD_DATA(R2), BPF_MOV64_IMM(R1, 0), BPF_MOV64_IMM(R4, 1),
			BPF_LDX_MEM(BPF_B, R3, R2, 0), BPF_MOV64_REG(R5, R4),
			BPF_ALU64_IMM(BPF_RSH, R5, 20), BPF_ALU64_REG(BPF_ADD, R5, R10),
			BPF_ST_MEM(BPF_B, R5, -32, 1), BPF_ENDIAN(BPF_TO_BE, R4, 32),
			BPF_ALU64_IMM(BPF_ADD, R4, 127), BPF_JMP_REG(BPF_JGT, R4, R3, -8),
			RETURN(0));
}

/*
 * One slot is a counter, which is unbounded speculatively; another one is computed from it,
 * copied to a third slot and back, and must not be widened too.
 */
#define COUNT_UP							\
	BPF_LDX_MEM(BPF_DW, R3, R10, -8), BPF_ALU64_IMM(BPF_ADD, R3, 1), \
	BPF_STX_MEM(BPF_DW, R10, R3, -8), BPF_MOV64_IMM(R3, 0)
#define REMAINDER							\
	BPF_LDX_MEM(BPF_DW, R3, R10, -8), BPF_ALU64_IMM(BPF_MOD, R3, 100), \
	BPF_STX_MEM(BPF_DW, R10, R3, -16), BPF_MOV64_IMM(R3, 0)
#define COUNT_WITH(...)							\
	BPF_LDX_MEM(BPF_W, R5, R1, offsetof(struct vnp_ctx, ifindex)),	\
	BPF_ST_MEM(BPF_DW, R10, -8, 0), BPF_MOV64_IMM(R3, 0),		\
	__VA_ARGS__, BPF_JMP_IMM(BPF_JEQ, R5, 7, -9),			\
	BPF_LDX_MEM(BPF_DW, R3, R10, -16), BPF_STX_MEM(BPF_DW, R10, R3, -24), \
	BPF_LDX_MEM(BPF_DW, R3, R10, -24), BPF_STX_MEM(BPF_DW, R10, R3, -16), \
	BPF_LDX_MEM(BPF_DW, R4, R10, -16), BPF_ALU64_IMM(BPF_RSH, R4, 2), \
	BPF_LD_MAP_VALUE(R2, MAP_DATA, 39), BPF_ALU64_REG(BPF_ADD, R2, R4), \
	BPF_LDX_MEM(BPF_B, R0, R2, 0), RETURN(0)

static void slot_made_of_one_that_counts(void **state)
{
	(void)state;
	assert_accepted("hardened: 0 accesses masked, 0 ",
			COUNT_WITH(COUNT_UP, REMAINDER));
	assert_accepted("hardened: 0 accesses masked, 0 ",
			COUNT_WITH(REMAINDER, COUNT_UP));
}

/*
 * A pointer that is 2^63 bytes away, or nearly: there the distance from the end of the
 * object wraps. The guard must use the pointer as it was before the mask changed it.
 */
#define FAR_READ(...)							\
	LOAD_DATA(R2), BPF_LDX_MEM(BPF_DW, R3, R2, 0), __VA_ARGS__,	\
	BPF_ALU64_REG(BPF_ADD, R2, R3), BPF_LDX_MEM(BPF_DW, R0, R2, 0), BPF_EXIT_INSN()

static void assert_far_faults(const struct bpf_insn *insns, __u32 cnt)
{
	struct vm_set *set = vm_set_open(insns, cnt);
	struct vm_result result;
	__u64 word[4] = {};

	if (!set)
		print_error("%s", vm_log);
	assert_non_null(set);
	for (int k = -300; k <= 300; k++) {
		word[0] = (1ULL << 63) + k;
		result = vm_set_run(set, word, sizeof(word));
		assert_int_not_equal(VNP_FAULT_NONE, result.fault);
	}
	vm_set_close(set);
}

static void pointer_to_the_other_half(void **state)
{
	(void)state;
	assert_far_faults(PROG(FAR_READ(BPF_MOV64_REG(R4, R2))));
	assert_far_faults(PROG(FAR_READ(BPF_LD_MAP_VALUE(R2, MAP_DATA, 0))));
	assert_far_faults(PROG(FAR_READ(BPF_ST_MEM(BPF_DW, R10, -8, 0),
					BPF_ST_MEM(BPF_DW, R10, -16, 0),
					BPF_MOV64_REG(R2, R10))));
}

/* The checker refuses code that is not hardened */
static void trusted_code_is_not_proven(void **state)
{
	struct vnp_code *code;

	(void)state;
	vm_harden = false;
	assert_int_equal(0, vm_make(PROG(CHECKED_READ(8, 4)), &code));
	assert_int_equal(vnp_check_lowered(code, NULL), -EACCES);
	assert_int_equal(code->mask_cnt + code->barrier_cnt, 0);
	vm_free(code);
}

#define test(f)	cmocka_unit_test_setup_teardown(f, hardened, trusted)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		test(bounds_by_a_branch),
		test(too_far_from_null),
		test(bounds_by_construction),
		test(index_of_a_field),
		test(field_that_is_not_read),
		test(context_or_a_field),
		test(null_minus_a_constant),
		test(store_over_a_pointer),
		test(load_overtakes_store),
		test(far_from_the_stack),
		test(size_zero_by_a_guard),
		test(pointer_taken_for_a_number),
		test(pointer_taken_for_a_length),
		test(context_or_null),
		test(size_by_a_branch),
		test(quotient_as_index),
		test(divisor_by_a_branch),
		test(constants_are_blinded),
		test(removals_are_detected),
		test(number_from_a_loop),
		test(store_by_a_number_from_a_loop),
		test(slot_made_of_one_that_counts),
		test(pointer_to_the_other_half),
		test(trusted_code_is_not_proven),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
