// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Atomic operations: each one, of both sizes, on a map's value and on the stack, with and
 * without the old value, does what C says; alike in the reference interpreter and
 * lowered (vm_run()).
 */
#include <string.h>

#include "vm_util.h"

/* The results: the 8 bytes in memory, the source register, and R0 */
struct outcome {
	__u64 memory;
	__u64 source;
	__u64 compared;
};

/* Different bytes in both halves, so that mix-ups are detected */
static const __u64 values[] = {
	0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000, 0x123456789abcdef0, ~0ULL,
};

#define VALUES	(sizeof(values) / sizeof(values[0]))

/*
 * R6: the payload, for the results; R7: the memory; R3: the operand; R0: the value that
 * cmpxchg compares with
 */
#define PROGRAM(POINTER, SIZE, OP)					\
	LOAD_DATA(R6), POINTER,						\
	BPF_LDX_MEM(BPF_DW, R2, R6, 0), BPF_STX_MEM(BPF_DW, R7, R2, 0),	\
	BPF_LDX_MEM(BPF_DW, R3, R6, 8), BPF_LDX_MEM(BPF_DW, R0, R6, 16), \
	BPF_ATOMIC_OP(SIZE, OP, R7, R3, 0),				\
	BPF_LDX_MEM(BPF_DW, R2, R7, 0), BPF_STX_MEM(BPF_DW, R6, R2, 0),	\
	BPF_STX_MEM(BPF_DW, R6, R3, 8), BPF_STX_MEM(BPF_DW, R6, R0, 16), \
	RETURN(0)

#define ON_MAP		BPF_LD_MAP_VALUE(R7, MAP_DATA, 0)
#define ON_STACK	BPF_MOV64_REG(R7, R10), BPF_ALU64_IMM(BPF_ADD, R7, -8)

static __u64 result_of(__s32 op, __u64 old, __u64 operand, __u64 compare)
{
	switch (op & ~BPF_FETCH) {
	case BPF_ADD:
		return old + operand;
	case BPF_OR:
		return old | operand;
	case BPF_AND:
		return old & operand;
	case BPF_XOR:
		return old ^ operand;
	case BPF_XCHG & ~BPF_FETCH:
		return operand;
	default:
		return old == compare ? operand : old;
	}
}

/* For 4 bytes this is the lower half: the tests only run on little-endian machines */
static struct outcome expected(__u8 size, __s32 op, const struct outcome *in)
{
	__u64 mask = size == BPF_DW ? ~0ULL : 0xffffffff;
	struct outcome out = *in;

	out.memory = (in->memory & ~mask) |
		     (result_of(op, in->memory & mask, in->source & mask,
				in->compared & mask) & mask);
	if (op == BPF_CMPXCHG)
		out.compared = in->memory & mask;
	else if (op & BPF_FETCH)
		out.source = in->memory & mask;
	return out;
}

static void check(const struct bpf_insn *insns, __u32 cnt, __u8 size, __s32 op)
{
	size_t i, k, n;

	for (i = 0; i < VALUES; i++)
		for (k = 0; k < VALUES; k++)
			for (n = 0; n < VALUES; n += op == BPF_CMPXCHG ? 1 : VALUES) {
				struct outcome run = { values[i], values[k], values[n] };
				struct outcome want = expected(size, op, &run);

				assert_int_equal(vm_run(insns, cnt, &run,
							sizeof(run)).fault,
						 VNP_FAULT_NONE);
				assert_memory_equal(&run, &want, sizeof(run));
			}
}

static void operations(void **state)
{
	static const __s32 ops[] = {
		BPF_ADD, BPF_OR, BPF_AND, BPF_XOR,
		BPF_ADD | BPF_FETCH, BPF_OR | BPF_FETCH, BPF_AND | BPF_FETCH,
		BPF_XOR | BPF_FETCH, BPF_XCHG, BPF_CMPXCHG,
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		check(PROG(PROGRAM(ON_MAP, BPF_W, ops[i])), BPF_W, ops[i]);
		check(PROG(PROGRAM(ON_MAP, BPF_DW, ops[i])), BPF_DW, ops[i]);
		check(PROG(PROGRAM(ON_STACK, BPF_W, ops[i])), BPF_W, ops[i]);
		check(PROG(PROGRAM(ON_STACK, BPF_DW, ops[i])), BPF_DW, ops[i]);
	}
}

/* A fetched value is unknown: the verifier must not assume the operand */
static void fetched_is_unknown(void **state)
{
	(void)state;
#define FETCH(SIZE, SHIFT)						\
	BPF_MOV64_IMM(R3, 5), BPF_ST_MEM(BPF_DW, R10, -8, -1),		\
	BPF_ATOMIC_OP(SIZE, BPF_ADD | BPF_FETCH, R10, R3, -8),		\
	BPF_ALU64_IMM(BPF_RSH, R3, SHIFT), BPF_LD_MAP_VALUE(R2, MAP_DATA, 0), \
	BPF_ALU64_REG(BPF_ADD, R2, R3), BPF_LDX_MEM(BPF_B, R0, R2, 0), BPF_EXIT_INSN()
	assert_accepted("1 guarded", FETCH(BPF_DW, 57));
	assert_accepted("0 guarded", FETCH(BPF_DW, 58));
	assert_faults(VNP_FAULT_MAP, 7, 0, FETCH(BPF_DW, 57));
	assert_accepted("0 guarded", FETCH(BPF_W, 26));
	assert_accepted("1 guarded", FETCH(BPF_W, 25));
}

/*
 * On x86-64 a 32-bit cmpxchg that succeeds does not write to R0: lowering has to clear the
 * upper half, which the verifier takes for 0.  In this program R0 is an offset that needs
 * no guard if it is 0.
 */
static void cmpxchg_clears_the_upper_half(void **state)
{
	(void)state;
#define CMPXCHG32(HIGH)							\
	BPF_ST_MEM(BPF_DW, R10, -8, 0),					\
	BPF_MOV64_IMM(R0, HIGH), BPF_ALU64_IMM(BPF_LSH, R0, 32),	\
	BPF_MOV64_IMM(R1, 0),						\
	BPF_ATOMIC_OP(BPF_W, BPF_CMPXCHG, R10, R1, -8),			\
	BPF_ALU64_IMM(BPF_RSH, R0, 32)
	assert_returns(0, 0, CMPXCHG32(0x1234), BPF_EXIT_INSN());
	assert_returns(0, 0, CMPXCHG32(16), BPF_MOV64_REG(R2, R10),
		       BPF_ALU64_REG(BPF_ADD, R2, R0),
		       BPF_LDX_MEM(BPF_DW, R0, R2, -8), BPF_EXIT_INSN());
}

/* Add a constant to a number with some known bits: the 64-bit sum wraps */
static void sum_that_wraps(void **state)
{
	(void)state;
#define MOVED(BY)							\
	BPF_ST_MEM(BPF_DW, R10, -24, 5), BPF_ST_MEM(BPF_DW, R10, -16, 5), \
	BPF_MOV64_REG(R2, R10),						\
	BPF_LDX_MEM(BPF_W, R3, R1, offsetof(struct vnp_ctx, ifindex)),	\
	BPF_ALU64_IMM(BPF_AND, R3, 8), BPF_ALU64_IMM(BPF_OR, R3, -16),	\
	BPF_ALU64_REG(BPF_ADD, R2, R3), BPF_ALU64_IMM(BPF_ADD, R2, BY),	\
	BPF_MOV64_IMM(R0, 1), BPF_ATOMIC_OP(BPF_DW, BPF_ADD | BPF_FETCH, R2, R0, 0), \
	BPF_EXIT_INSN()
	assert_returns(5, 0, MOVED(-8));
	assert_refused("needs an address that is a multiple", MOVED(-4));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(operations),
		cmocka_unit_test(fetched_is_unknown),
		cmocka_unit_test(cmpxchg_clears_the_upper_half),
		cmocka_unit_test(sum_that_wraps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
