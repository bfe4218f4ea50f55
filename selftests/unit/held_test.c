// SPDX-License-Identifier: GPL-2.0
/*
 * The helpers that hold messages, in test executions without a link (VNP_PROG_RUN): in the
 * reference interpreter, and lowered.
 */
#include "vm_util.h"

/* Arguments of the helpers; R1 is the context, saved in R6. */
#define BEGIN			BPF_MOV64_REG(R6, R1)
#define HOLD(message, order, from)					\
	BPF_MOV64_REG(R1, R6), BPF_MOV64_IMM(R2, message),		\
	BPF_MOV64_IMM(R3, order), BPF_MOV64_IMM(R4, from), BPF_CALL_HELPER(hold)
#define HELD(message, len)						\
	BPF_MOV64_REG(R1, R6), BPF_MOV64_IMM(R2, message),		\
	BPF_MOV64_REG(R3, R10), BPF_ALU64_IMM(BPF_ADD, R3, -(len)),	\
	BPF_MOV64_IMM(R4, len), BPF_CALL_HELPER(held)
#define END(how, message)						\
	BPF_MOV64_REG(R1, R6), BPF_MOV64_IMM(R2, message), BPF_CALL_HELPER(how)
#define FIELD(len, name)						\
	BPF_LDX_MEM(BPF_W, R0, R10, (int)offsetof(struct vnp_held, name) - (len))

static void holding(void **state)
{
	(void)state;
	assert_returns(0, 100, BEGIN, HOLD(7, 3, 10), BPF_EXIT_INSN());
	assert_returns(0, 100, BEGIN, HOLD(7, 3, 100), BPF_EXIT_INSN());
	assert_returns(-EINVAL, 100, BEGIN, HOLD(7, 3, 101), BPF_EXIT_INSN());
	assert_returns(-EBUSY, 100, BEGIN, HOLD(7, 3, 0), HOLD(8, 3, 0), BPF_EXIT_INSN());
	/* after a failure the datagram can still be held */
	assert_returns(0, 100, BEGIN, HOLD(7, 3, 101), HOLD(8, 3, 0), BPF_EXIT_INSN());
}

static void held_info(void **state)
{
	(void)state;
	assert_returns(-ENOENT, 100, BEGIN, HELD(7, 24), BPF_EXIT_INSN());
	assert_returns(0, 100, BEGIN, HELD(7, 24), FIELD(24, fragments), BPF_EXIT_INSN());
	assert_returns(-ENOENT, 100, BEGIN, HOLD(7, 3, 10), HELD(8, 24), BPF_EXIT_INSN());
	assert_returns(0, 100, BEGIN, HOLD(7, 3, 10), HELD(7, 24), BPF_EXIT_INSN());
	assert_returns(90, 100, BEGIN, HOLD(7, 3, 10), HELD(7, 24), FIELD(24, bytes),
		       BPF_EXIT_INSN());
	assert_returns(1, 100, BEGIN, HOLD(7, 3, 10), HELD(7, 24), FIELD(24, fragments),
		       BPF_EXIT_INSN());
	assert_returns(3, 100, BEGIN, HOLD(7, 3, 10), HELD(7, 24), FIELD(24, first),
		       BPF_EXIT_INSN());
	assert_returns(3, 100, BEGIN, HOLD(7, 3, 10), HELD(7, 24), FIELD(24, last),
		       BPF_EXIT_INSN());
	assert_returns(1, 100, BEGIN, HOLD(7, 3, 10), HELD(7, 24), FIELD(24, contiguous),
		       BPF_EXIT_INSN());
	/* a smaller and a larger buffer than struct vnp_held */
	assert_returns(90, 100, BEGIN, HOLD(7, 3, 10), HELD(7, 8), FIELD(8, bytes),
		       BPF_EXIT_INSN());
	assert_returns(0, 100, BEGIN, HOLD(7, 3, 10), HELD(7, 40),
		       BPF_LDX_MEM(BPF_DW, R0, R10, -8), BPF_EXIT_INSN());
}

static void release_and_discard(void **state)
{
	(void)state;
	assert_returns(-ENOENT, 100, BEGIN, END(release, 7), BPF_EXIT_INSN());
	assert_returns(-ENOENT, 100, BEGIN, END(release_each, 7), BPF_EXIT_INSN());
	assert_returns(-ENOENT, 100, BEGIN, END(discard, 7), BPF_EXIT_INSN());
	assert_returns(0, 100, BEGIN, HOLD(7, 3, 0), END(release, 7), BPF_EXIT_INSN());
	assert_returns(0, 100, BEGIN, HOLD(7, 3, 0), END(release_each, 7), BPF_EXIT_INSN());
	assert_returns(0, 100, BEGIN, HOLD(7, 3, 0), END(discard, 7), BPF_EXIT_INSN());
	assert_returns(-ENOENT, 100, BEGIN, HOLD(7, 3, 0), END(release, 7), HELD(7, 24),
		       BPF_EXIT_INSN());
	/* a datagram can be held only once, even after its message was discarded */
	assert_returns(-EBUSY, 100, BEGIN, HOLD(7, 3, 0), END(discard, 7), HOLD(7, 3, 0),
		       BPF_EXIT_INSN());
}

/* Programs of type packet cannot hold datagrams. */
static void types(void **state)
{
	(void)state;
	vm_type = VNP_PROG_PACKET;
	assert_refused("cannot call vnp_hold", BEGIN, HOLD(7, 3, 0), BPF_EXIT_INSN());
	assert_refused("cannot call vnp_release", BEGIN, END(release, 7), BPF_EXIT_INSN());
	vm_type = 0;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(holding),
		cmocka_unit_test(held_info),
		cmocka_unit_test(release_and_discard),
		cmocka_unit_test(types),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
