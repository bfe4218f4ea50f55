// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Control-flow graphs: the order of the blocks, loops, what a jump back costs, and
 * which registers are live.
 */
#include <stdlib.h>
#include <string.h>

#include "random_program.h"
#include "vm/analysis/cfg.h"
#include "vm/analysis/cost.h"
#include "vm/isa/decode.h"
#include "vm_util.h"

static struct vnp_code code;
static struct vnp_call call;
static struct vnp_map_desc map = { .key_size = 4, .value_size = 8, .max_entries = 1 };

static const struct vnp_cfg *build(const struct bpf_insn *insns, __u32 cnt)
{
	vnp_cfg_destroy(code.cfg);
	free(code.insns);
	free(code.aux);
	memset(&code, 0, sizeof(code));
	code.insns = malloc(cnt * sizeof(*insns));
	memcpy(code.insns, insns, cnt * sizeof(*insns));
	code.insn_cnt = cnt;
	code.aux = calloc(cnt, sizeof(*code.aux));
	assert_int_equal(vnp_decode(&code), 0);
	assert_int_equal(vnp_cfg_build(&code), 0);
	/* as if all blocks were reachable */
	for (__u32 i = 0; i < cnt; i++) {
		code.aux[i].reached = true;
		code.aux[i].flags = VNP_AUX_TAKEN | VNP_AUX_FALLS;
	}
	code.calls = &call;
	code.maps = &map;
	code.budget = UINT32_MAX;
	assert_int_equal(vnp_cost_settle(&code), 0);
	return code.cfg;
}

static int teardown(void **state)
{
	(void)state;
	vnp_cfg_destroy(code.cfg);
	free(code.insns);
	free(code.aux);
	memset(&code, 0, sizeof(code));
	return 0;
}

/* The blocks in order, each by its first instruction */
static void assert_order(const struct vnp_cfg *cfg, __u32 cnt, const __u32 *first)
{
	__u32 i;

	assert_int_equal(cfg->order_cnt, cnt);
	for (i = 0; i < cnt; i++) {
		assert_int_equal(cfg->blocks[cfg->order[i]].first, first[i]);
		assert_int_equal(cfg->blocks[cfg->order[i]].pos, i);
	}
}

#define ORDER(...)	sizeof((__u32[]){ __VA_ARGS__ }) / sizeof(__u32),	\
			(const __u32[]){ __VA_ARGS__ }

static void straight(void **state)
{
	const struct vnp_cfg *cfg = build(PROG(BPF_LD_IMM64(R0, 1), RETURN(0)));

	(void)state;
	assert_order(cfg, ORDER(0));
	assert_int_equal(cfg->blocks[0].last, 3);
	assert_int_equal(cfg->head_cnt, 0);
}

static void branch(void **state)
{
	const struct vnp_cfg *cfg = build(PROG(
		BPF_JMP_IMM(BPF_JEQ, R1, 0, 2), BPF_MOV64_IMM(R0, 0), BPF_JMP_A(1),
		BPF_MOV64_IMM(R0, 1), BPF_EXIT_INSN()));

	(void)state;
	assert_int_equal(cfg->order_cnt, 4);
	assert_int_equal(cfg->order[0], 0);
	assert_int_equal(cfg->blocks[cfg->order[3]].first, 4);
	assert_true(cfg->blocks[cfg->order[3]].root);
	assert_int_equal(cfg->blocks[cfg->order[3]].pred_cnt, 2);
	assert_false(cfg->blocks[cfg->order[1]].root);
	assert_int_equal(cfg->blocks[0].tree, 3);
	assert_int_equal(cfg->blocks[0].live, BIT(R1));
}

static void dead_code(void **state)
{
	const struct vnp_cfg *cfg = build(PROG(
		BPF_JMP_A(2), BPF_MOV64_IMM(R0, 1), BPF_JMP_A(-2), RETURN(0)));

	(void)state;
	assert_order(cfg, ORDER(0, 3));
	assert_int_equal(cfg->blocks[1].pos, VNP_BLOCK_NONE);
	assert_int_equal(cfg->blocks[2].pred_cnt, 1);
	assert_int_equal(cfg->head_cnt, 0);
}

/* The blocks of a loop are contiguous, and its exit follows them */
static void loop_exits_last(void **state)
{
	/* 0: entry, 1: head, exits to 6; 3: body, exits to 6; 5: jump back */
	const struct vnp_cfg *cfg = build(PROG(
		BPF_MOV64_IMM(R0, 0),
		BPF_JMP_IMM(BPF_JGT, R0, 9, 4),
		BPF_ALU64_IMM(BPF_ADD, R0, 1),
		BPF_JMP_IMM(BPF_JEQ, R0, 5, 2),
		BPF_ALU64_IMM(BPF_ADD, R0, 1),
		BPF_JMP_A(-5),
		BPF_EXIT_INSN()));

	(void)state;
	assert_order(cfg, ORDER(0, 1, 2, 4, 6));
	assert_int_equal(cfg->head_cnt, 1);
	assert_true(cfg->blocks[cfg->order[1]].head);
	assert_true(code.aux[5].flags & VNP_AUX_PAYS_TAKEN);
	assert_int_equal(code.aux[5].cost, 5);
}

/* for (;;) { for (;;) { if (a) break; } if (b) break; } */
static void nested(void **state)
{
	const struct vnp_cfg *cfg = build(PROG(
		BPF_MOV64_IMM(R0, 0),
		BPF_ALU64_IMM(BPF_ADD, R0, 1),
		BPF_ALU64_IMM(BPF_ADD, R0, 2),
		BPF_JMP_IMM(BPF_JLT, R0, 9, -2),
		BPF_JMP_IMM(BPF_JLT, R0, 99, -4),
		BPF_EXIT_INSN()));

	(void)state;
	assert_order(cfg, ORDER(0, 1, 2, 4, 5));
	assert_int_equal(cfg->head_cnt, 2);
	assert_int_equal(code.aux[3].cost, 2);
	assert_int_equal(code.aux[4].cost, 4);
}

/* The loop's test is first, and the loop is entered by a jump to it */
static void rotated(void **state)
{
	const struct vnp_cfg *cfg = build(PROG(
		BPF_JMP_A(1),
		BPF_ALU64_IMM(BPF_ADD, R1, 1),
		BPF_JMP_IMM(BPF_JLT, R1, 9, -2),
		RETURN(0)));

	(void)state;
	assert_order(cfg, ORDER(0, 2, 1, 3));
	/* the body continues at the header, without a jump */
	assert_true(code.aux[1].flags & VNP_AUX_PAYS_FALLS);
	assert_int_equal(code.aux[1].cost, 2);
	assert_false(code.aux[2].flags & (VNP_AUX_PAYS_TAKEN | VNP_AUX_PAYS_FALLS));
}

static void rarely_executed_code_is_cheap(void **state)
{
	const struct vnp_cfg *cfg;
	struct bpf_insn insns[1000];
	__u32 i;

	(void)state;
	/* 0: loop { if (x) goto cold; back: ... }, cold is far after it */
	for (i = 0; i < 1000; i++)
		insns[i] = BPF_MOV64_IMM(R0, 0);
	insns[1] = BPF_JMP_IMM(BPF_JEQ, R1, 7, 995);
	insns[3] = BPF_JMP_IMM(BPF_JLT, R1, 9, -4);
	insns[996] = BPF_EXIT_INSN();
	insns[998] = BPF_JMP_A(-997);
	insns[999] = BPF_EXIT_INSN();
	cfg = build(insns, 1000);
	assert_int_equal(cfg->head_cnt, 1);
	assert_false(code.aux[998].flags & (VNP_AUX_PAYS_TAKEN | VNP_AUX_PAYS_FALLS));
	assert_int_equal(code.aux[3].cost, 6);
}

/* A loop with two entries */
static void irreducible(void **state)
{
	const struct vnp_cfg *cfg = build(PROG(
		BPF_JMP_IMM(BPF_JEQ, R1, 0, 1),
		BPF_MOV64_IMM(R0, 1),
		BPF_MOV64_IMM(R0, 2),
		BPF_JMP_IMM(BPF_JEQ, R1, 5, 1),
		BPF_JMP_IMM(BPF_JLT, R1, 9, -4),
		RETURN(0)));

	(void)state;
	assert_int_equal(cfg->order_cnt, 5);
	assert_true(cfg->head_cnt >= 1);
}

static void self_loop(void **state)
{
	const struct vnp_cfg *cfg = build(PROG(BPF_JMP_A(-1), RETURN(0)));

	(void)state;
	assert_order(cfg, ORDER(0));
	assert_true(cfg->blocks[0].head);
	assert_int_equal(code.aux[0].cost, 1);
}

static void a_jump_to_the_next(void **state)
{
	const struct vnp_cfg *cfg = build(PROG(
		BPF_JMP_IMM(BPF_JEQ, R1, 0, 0), RETURN(0)));

	(void)state;
	assert_order(cfg, ORDER(0, 1));
	assert_int_equal(cfg->blocks[1].pred_cnt, 2);
	assert_true(cfg->blocks[1].root);
}

static void liveness(void **state)
{
	const struct vnp_cfg *cfg = build(PROG(
		BPF_MOV64_REG(R6, R1), BPF_MOV64_IMM(R7, 0),
		/* 2: */
		BPF_ALU64_REG(BPF_ADD, R7, R8),
		BPF_JMP_IMM(BPF_JLT, R7, 9, -2),
		/* 4: */
		BPF_MOV64_REG(R1, R6), BPF_MOV64_IMM(R2, 0),
		BPF_CALL_HELPER(pull),
		BPF_JMP_IMM(BPF_JEQ, R0, 0, 0),
		/* 8: */
		BPF_EXIT_INSN()));

	(void)state;
	assert_int_equal(cfg->blocks[0].live, BIT(R1) | BIT(R8));
	assert_int_equal(cfg->blocks[1].live, BIT(R6) | BIT(R7) | BIT(R8));
	assert_int_equal(cfg->blocks[2].live, BIT(R6));
	assert_int_equal(cfg->blocks[3].live, BIT(R0));
}

/* Properties of all orders, on random graphs */
static void check_order(const struct vnp_cfg *cfg)
{
	__u32 i, k, heads = 0;

	for (i = 0; i < cfg->order_cnt; i++) {
		const struct vnp_block *block = &cfg->blocks[cfg->order[i]];

		assert_int_equal(block->pos, i);
		heads += block->head;
		assert_true(block->root || block->pred_cnt == 1);
		for (k = 0; k < 2; k++) {
			const struct vnp_block *to;

			if (block->succ[k] == VNP_BLOCK_NONE)
				continue;
			to = &cfg->blocks[block->succ[k]];
			/* a successor of a reachable block is reachable */
			assert_true(to->pos < cfg->order_cnt);
			if (to->pos <= i) {
				assert_true(to->head);
				assert_true(code.aux[block->last].flags &
					    (k ? VNP_AUX_PAYS_TAKEN :
						 VNP_AUX_PAYS_FALLS));
				assert_true(code.aux[block->last].cost);
			}
		}
	}
	assert_int_equal(heads, cfg->head_cnt);
}

static void random_graphs(void **state)
{
	__u64 random = 1;
	__u32 n, i;

	(void)state;
	for (n = 0; n < 2000; n++) {
		struct bpf_insn insns[60];
		__u32 cnt = 2 + random_next(&random) % 58;

		for (i = 0; i < cnt; i++) {
			int to = random_next(&random) % cnt;

			if (random_next(&random) % 2)
				insns[i] = BPF_MOV64_IMM(R0, 0);
			else if (random_next(&random) % 4)
				insns[i] = BPF_JMP_IMM(BPF_JEQ, R1, 0, to - (int)i - 1);
			else
				insns[i] = BPF_JMP_A(to - (int)i - 1);
		}
		insns[cnt - 1] = BPF_EXIT_INSN();
		check_order(build(insns, cnt));
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(straight, teardown),
		cmocka_unit_test_teardown(branch, teardown),
		cmocka_unit_test_teardown(dead_code, teardown),
		cmocka_unit_test_teardown(loop_exits_last, teardown),
		cmocka_unit_test_teardown(nested, teardown),
		cmocka_unit_test_teardown(rotated, teardown),
		cmocka_unit_test_teardown(rarely_executed_code_is_cheap, teardown),
		cmocka_unit_test_teardown(irreducible, teardown),
		cmocka_unit_test_teardown(self_loop, teardown),
		cmocka_unit_test_teardown(a_jump_to_the_next, teardown),
		cmocka_unit_test_teardown(liveness, teardown),
		cmocka_unit_test_teardown(random_graphs, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
