// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Functions: calls, frames, saved and clobbered registers, and refusals.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vm_util.h"

#define CALL(OFF)	BPF_RAW_INSN(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_CALL, 0, OFF)
#define UNKNOWN(REG, OFF)	BPF_LDX_MEM(BPF_W, REG, R1, OFF)
#define LEN		offsetof(struct vnp_ctx, len)
#define EXIT		BPF_EXIT_INSN()

static void functions_are_called(void **state)
{
	(void)state;
	/* f(20) + 2, and f(g(3)) */
	assert_returns(42, 0, BPF_MOV64_IMM(R1, 20), CALL(2),
		       BPF_ALU64_IMM(BPF_ADD, R0, 2), EXIT,
		       BPF_MOV64_REG(R0, R1), BPF_ALU64_IMM(BPF_MUL, R0, 2), EXIT);
	assert_returns(12, 0, BPF_MOV64_IMM(R1, 3), CALL(1), EXIT, CALL(1), EXIT,
		       BPF_MOV64_REG(R0, R1), BPF_ALU64_IMM(BPF_MUL, R0, 4), EXIT);
	/* two exits, and a goto at the end of a function */
	assert_returns(7, 0, UNKNOWN(R1, LEN), CALL(1), EXIT,
		       BPF_JMP_IMM(BPF_JEQ, R1, 0, 2), BPF_MOV64_IMM(R0, 5), EXIT,
		       BPF_MOV64_IMM(R0, 7), BPF_JMP_A(-3));
	/* the last one is never called, so it may be invalid */
	assert_returns(1, 0, CALL(1), EXIT, RETURN(1), BPF_MOV64_REG(R0, R9), EXIT);
	/* a recursive one is also fine if it is never called */
	assert_returns(1, 0, CALL(1), EXIT, RETURN(1), CALL(-1), EXIT);
}

static void callee_saved_registers(void **state)
{
	(void)state;
	assert_returns(10, 0, BPF_MOV64_IMM(R6, 1), BPF_MOV64_IMM(R7, 2),
		       BPF_MOV64_IMM(R8, 3), BPF_MOV64_IMM(R9, 4), CALL(5),
		       BPF_MOV64_REG(R0, R6), BPF_ALU64_REG(BPF_ADD, R0, R7),
		       BPF_ALU64_REG(BPF_ADD, R0, R8), BPF_ALU64_REG(BPF_ADD, R0, R9), EXIT,
		       BPF_MOV64_IMM(R6, 100), BPF_MOV64_IMM(R8, 100),
		       BPF_MOV64_IMM(R9, 100), CALL(2), BPF_MOV64_REG(R0, R6), EXIT,
		       BPF_MOV64_IMM(R7, 200), BPF_MOV64_IMM(R6, 200), EXIT);
	/* saved registers can be pointers, whose bounds stay known */
	assert_accepted("2 accesses proven, 0 guarded", LOAD_DATA(R6),
			BPF_MOV64_IMM(R1, 0), CALL(2), BPF_MOV64_IMM(R0, 0), EXIT,
			BPF_MOV64_IMM(R6, 0), BPF_STX_MEM(BPF_DW, R10, R6, -8), EXIT);
	/* an unset register can be saved by the callee, but stays unset */
	assert_returns(3, 0, CALL(2), BPF_MOV64_IMM(R0, 3), EXIT,
		       BPF_MOV64_IMM(R6, 1), EXIT);
	assert_refused("r6 was never set", CALL(2), BPF_MOV64_REG(R0, R6), EXIT,
		       BPF_MOV64_IMM(R6, 1), EXIT);
}

static void registers_are_unset_in_callees(void **state)
{
	(void)state;
	assert_refused("r6 was never set", BPF_MOV64_IMM(R6, 1), CALL(1), EXIT,
		       BPF_MOV64_REG(R0, R6), EXIT);
	assert_refused("r6 was never set", BPF_MOV64_IMM(R6, 1), CALL(1), EXIT,
		       BPF_MOV64_REG(R0, R6), BPF_MOV64_IMM(R6, 2), EXIT);
	assert_refused("called from insn 1", BPF_MOV64_IMM(R6, 1), CALL(1), EXIT,
		       BPF_MOV64_REG(R0, R6), EXIT);
	assert_refused("r0 was never set", BPF_MOV64_IMM(R0, 1), CALL(1), EXIT,
		       BPF_ALU64_IMM(BPF_ADD, R0, 1), EXIT);
	assert_refused("r1 was never set", BPF_MOV64_IMM(R1, 1), CALL(2),
		       BPF_MOV64_REG(R0, R1), EXIT, RETURN(1));
	assert_refused("r0 was never set", CALL(1), EXIT, BPF_JMP_A(0), EXIT);
}

static void frames_are_separate(void **state)
{
	(void)state;
	assert_returns(5, 0, BPF_ST_MEM(BPF_DW, R10, -8, 5), CALL(2),
		       BPF_LDX_MEM(BPF_DW, R0, R10, -8), EXIT,
		       BPF_ST_MEM(BPF_DW, R10, -8, 6), CALL(1), EXIT,
		       BPF_ST_MEM(BPF_DW, R10, -8, 7), EXIT);
	/* the frame is zeroed at each call, not only the first; also if calls alternate */
	assert_returns(2, 0, CALL(6), BPF_MOV64_REG(R6, R0), CALL(7),
		       CALL(3), BPF_ALU64_REG(BPF_ADD, R6, R0), BPF_MOV64_REG(R0, R6), EXIT,
		       BPF_LDX_MEM(BPF_DW, R0, R10, -8), BPF_ALU64_IMM(BPF_ADD, R0, 1),
		       EXIT,
		       BPF_ST_MEM(BPF_DW, R10, -8, 9), BPF_ST_MEM(BPF_DW, R10, -16, 9),
		       EXIT);
	/*
	 * and in a loop: reads 0 in each of 3 iterations, although each of them overwrites
	 * it
	 */
	assert_returns(3, 0, BPF_MOV64_IMM(R6, 0), BPF_MOV64_IMM(R7, 0), CALL(5),
		       BPF_ALU64_REG(BPF_ADD, R7, R0), BPF_ALU64_IMM(BPF_ADD, R6, 1),
		       BPF_JMP_IMM(BPF_JNE, R6, 3, -4), BPF_MOV64_REG(R0, R7), EXIT,
		       BPF_LDX_MEM(BPF_DW, R0, R10, -8), BPF_ALU64_IMM(BPF_ADD, R0, 1),
		       BPF_STX_MEM(BPF_DW, R10, R0, -8), EXIT);
}

static void pointers_reach_the_caller(void **state)
{
	(void)state;
	/* the address of a variable of the caller, of its own, and both */
	assert_returns(9, 0, BPF_ST_MEM(BPF_DW, R10, -8, 4), BPF_MOV64_REG(R1, R10),
		       BPF_ALU64_IMM(BPF_ADD, R1, -8), CALL(2),
		       BPF_LDX_MEM(BPF_DW, R0, R10, -8), EXIT,
		       BPF_ST_MEM(BPF_DW, R10, -8, 5), BPF_MOV64_REG(R2, R10),
		       BPF_ALU64_IMM(BPF_ADD, R2, -8), CALL(1), EXIT,
		       BPF_LDX_MEM(BPF_DW, R3, R1, 0), BPF_LDX_MEM(BPF_DW, R4, R2, 0),
		       BPF_ALU64_REG(BPF_ADD, R3, R4), BPF_STX_MEM(BPF_DW, R1, R3, 0), EXIT);
	/* added to a number */
	assert_returns(5, 0, CALL(1), EXIT, BPF_ST_MEM(BPF_DW, R10, -8, 5),
		       BPF_MOV64_IMM(R1, -8), BPF_ALU64_REG(BPF_ADD, R1, R10),
		       BPF_LDX_MEM(BPF_DW, R0, R1, 0), EXIT);
	/* a function's frame is not valid after its return */
	assert_faults(VNP_FAULT_STACK, 1, 0, CALL(3),
		      BPF_LDX_MEM(BPF_DW, R0, R0, 0), BPF_MOV64_IMM(R0, 0), EXIT,
		      BPF_ST_MEM(BPF_DW, R10, -8, 5), BPF_MOV64_REG(R0, R10),
		      BPF_ALU64_IMM(BPF_ADD, R0, -8), EXIT);
	assert_refused("its own frame", CALL(1), EXIT,
		       BPF_LDX_MEM(BPF_DW, R0, R10, 0), EXIT);
	assert_refused("its own frame", CALL(1), EXIT,
		       BPF_STX_MEM(BPF_DW, R10, R10, -8), EXIT);
}

/* A saved pointer that is partially overwritten does not become a number */
static void saved_registers_do_not_leak(void **state)
{
	(void)state;
	assert_refused("r6 was never set", BPF_MOV64_REG(R6, R1), CALL(2),
		       BPF_MOV64_REG(R0, R6), EXIT,
		       BPF_MOV64_IMM(R6, 0), BPF_MOV64_REG(R1, R10), CALL(1), EXIT,
		       BPF_ST_MEM(BPF_DW, R10, -8, 0), BPF_ST_MEM(BPF_W, R1, -8, 0), EXIT);
	assert_refused("some bytes of a pointer", BPF_MOV64_REG(R6, R1), CALL(1), EXIT,
		       BPF_MOV64_IMM(R6, 0), BPF_MOV64_REG(R1, R10), CALL(1), EXIT,
		       BPF_ST_MEM(BPF_DW, R10, -8, 0), BPF_LDX_MEM(BPF_W, R0, R1, -8), EXIT);
}

static void recursion_is_refused(void **state)
{
	(void)state;
	assert_refused("would call itself, through 1 call", CALL(1), EXIT,
		       CALL(-1), EXIT);
	assert_refused("the function at insn 0 calls the one at insn 2", CALL(1), EXIT,
		       CALL(1), EXIT, CALL(-5), EXIT);
	assert_refused("through 3 calls", CALL(1), EXIT, CALL(1), EXIT, CALL(-5), EXIT);
	assert_refused("would call itself", CALL(-1), EXIT);
}

static __u32 chain(struct bpf_insn *prog, __u32 depth, __s16 frame)
{
	__u32 i, n = 0;

	for (i = 1; i < depth; i++) {
		prog[n++] = BPF_ST_MEM(BPF_DW, R10, -frame, i);
		prog[n++] = CALL(1);
		prog[n++] = EXIT;
	}
	prog[n++] = BPF_MOV64_IMM(R0, depth);
	prog[n++] = EXIT;
	return n;
}

static void assert_too_big(const char *text, const struct bpf_insn *prog, __u32 cnt)
{
	struct vnp_code *code;

	assert_int_equal(vm_make(prog, cnt, &code), -E2BIG);
	if (!strstr(vm_log, text))
		fail_msg("not refused for \"%s\" but for:\n%s", text, vm_log);
}

static void depth_is_bounded(void **state)
{
	struct bpf_insn prog[64];

	(void)state;
	vm_assert_returns(8, 0, prog, chain(prog, 8, 8));
	assert_too_big("calls are too deep", prog, chain(prog, 9, 8));
	vm_assert_returns(5, 0, prog, chain(prog, 5, 128));
	assert_too_big("uses 640 of 512 bytes", prog, chain(prog, 6, 128));
}

/* Each of 7 functions calls the next 16 times */
static void size_is_bounded(void **state)
{
	struct bpf_insn prog[256];
	__u32 i, k, n = 0;

	(void)state;
	for (i = 0; i < 7; i++) {
		for (k = 0; k < 16; k++, n++)
			prog[n] = CALL((i + 1) * 17 - n - 1);
		prog[n++] = EXIT;
	}
	prog[n++] = BPF_MOV64_IMM(R0, 0);
	prog[n++] = EXIT;
	assert_too_big("counts as a copy of the function", prog, n);
}

static void jumps_stay_in_the_function(void **state)
{
	(void)state;
	assert_refused("belongs to another function", CALL(1), EXIT,
		       BPF_JMP_A(-2), EXIT);
	assert_refused("belongs to another function", CALL(2), BPF_JMP_A(1), EXIT,
		       RETURN(0));
	assert_refused("runs into the next function", CALL(3), EXIT,
		       BPF_MOV64_IMM(R0, 0), BPF_JMP_IMM(BPF_JEQ, R0, 0, -3),
		       RETURN(0));
	assert_refused("calls instruction 9", CALL(8), EXIT);
	assert_refused("calls instruction 3, the second half", CALL(2), EXIT, BPF_LD_IMM64(R0, 1), EXIT);
	assert_refused("src_reg 2", BPF_RAW_INSN(BPF_JMP | BPF_CALL, 0, 2, 0, 0), EXIT);
}

static void faults_name_what_was_loaded(void **state)
{
	(void)state;
	/* the second call's copy has the same instruction */
	assert_faults(VNP_FAULT_PACKET, 6, 0, LOAD_DATA(R1), CALL(2),
		      BPF_MOV64_IMM(R0, 0), EXIT, CALL(1),
		      EXIT, BPF_LDX_MEM(BPF_B, R0, R1, 0), EXIT);
}

static void loops_and_calls(void **state)
{
	(void)state;
	/* a loop in a function that is called in a loop: 4 * (0 + 1 + 2) */
	assert_returns(12, 0, BPF_MOV64_IMM(R6, 4), BPF_MOV64_IMM(R7, 0), CALL(5),
		       BPF_ALU64_REG(BPF_ADD, R7, R0), BPF_ALU64_IMM(BPF_SUB, R6, 1),
		       BPF_JMP_IMM(BPF_JNE, R6, 0, -4), BPF_MOV64_REG(R0, R7), EXIT,
		       BPF_MOV64_IMM(R0, 0), BPF_MOV64_IMM(R6, 0),
		       BPF_ALU64_REG(BPF_ADD, R0, R6), BPF_ALU64_IMM(BPF_ADD, R6, 1),
		       BPF_JMP_IMM(BPF_JLT, R6, 3, -3), EXIT);
	/* the budget ends both loops */
	assert_faults(VNP_FAULT_BUDGET, 2, 0, CALL(1), EXIT, BPF_JMP_A(-1), EXIT);
	assert_faults(VNP_FAULT_BUDGET, 1, 0, CALL(2), BPF_JMP_A(-2), EXIT,
		      BPF_ST_MEM(BPF_DW, R10, -64, 1), BPF_MOV64_IMM(R6, 0), EXIT);
}

/* A function returns the result of a lookup; bounds are known across a call */
static void bounds_pass_through_calls(void **state)
{
	(void)state;
	assert_accepted("0 guarded", CALL(4), BPF_JMP_IMM(BPF_JEQ, R0, 0, 1),
			BPF_LDX_MEM(BPF_W, R0, R0, 12), BPF_MOV64_IMM(R0, 0), EXIT,
			BPF_ST_MEM(BPF_W, R10, -4, 1), BPF_LD_MAP(R1, MAP_HASH),
			BPF_MOV64_REG(R2, R10), BPF_ALU64_IMM(BPF_ADD, R2, -4),
			BPF_CALL_HELPER(map_lookup), EXIT);
	/* two call sites with pointers of different kinds */
	assert_accepted("0 guarded", BPF_ST_MEM(BPF_DW, R10, -8, 1),
			BPF_MOV64_REG(R1, R10), BPF_ALU64_IMM(BPF_ADD, R1, -8), CALL(4),
			BPF_LD_MAP_VALUE(R1, MAP_DATA, 0), CALL(1), EXIT,
			BPF_LDX_MEM(BPF_W, R0, R1, 0), EXIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(functions_are_called),
		cmocka_unit_test(callee_saved_registers),
		cmocka_unit_test(registers_are_unset_in_callees),
		cmocka_unit_test(frames_are_separate),
		cmocka_unit_test(pointers_reach_the_caller),
		cmocka_unit_test(saved_registers_do_not_leak),
		cmocka_unit_test(recursion_is_refused),
		cmocka_unit_test(depth_is_bounded),
		cmocka_unit_test(size_is_bounded),
		cmocka_unit_test(jumps_stay_in_the_function),
		cmocka_unit_test(faults_name_what_was_loaded),
		cmocka_unit_test(loops_and_calls),
		cmocka_unit_test(bounds_pass_through_calls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
