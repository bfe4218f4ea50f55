// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "vm/analysis/cfg.h"
#include "vm/code.h"
#include "vm/report/log.h"
#include "vm/analysis/loop_cost.h"

/* How many loops messages name, the most expensive ones */
#define LOOPS_NAMED	3

/**
 * struct loop_cost - work spent on a loop, without the loops inside it
 * @head:	block it begins with
 * @last:	place in the order of the last block that jumps back to it
 * @cost:	work
 */
struct loop_cost {
	u32 head;
	u32 last;
	u64 cost;
};

static void loop_cost_find(const struct vnp_code *code, struct loop_cost *loops)
{
	const struct vnp_cfg *cfg = code->cfg;
	u32 i, k;

	for (i = 0; i < cfg->order_cnt; i++)
		for (k = 0; k < 2; k++) {
			u32 from = cfg->order[i], to = cfg->blocks[from].succ[k];

			if (to == VNP_BLOCK_NONE || !vnp_cfg_goes_back(cfg, from, to))
				continue;
			loops[cfg->blocks[to].number].head = to;
			loops[cfg->blocks[to].number].last = i;
		}
}

/* Add each block's work to the innermost loop around it; returns the sum */
static u64 loop_cost_share(const struct vnp_code *code, const u32 *spent,
			   struct loop_cost *loops, u32 *open)
{
	const struct vnp_cfg *cfg = code->cfg;
	u32 i, cnt = 0;
	u64 all = 0;

	for (i = 0; i < cfg->order_cnt; i++) {
		const struct vnp_block *block = &cfg->blocks[cfg->order[i]];

		while (cnt && loops[open[cnt - 1]].last < i)
			cnt--;
		if (block->head)
			open[cnt++] = block->number;
		if (cnt)
			loops[open[cnt - 1]].cost += spent[cfg->order[i]];
		all += spent[cfg->order[i]];
	}
	return all;
}

static void loop_cost_log(const struct vnp_code *code, struct loop_cost *loops, u64 all)
{
	struct loop_cost *most;
	u32 i, n, share;

	for (n = 0; n < LOOPS_NAMED; n++) {
		most = &loops[0];
		for (i = 1; i < code->cfg->head_cnt; i++)
			if (loops[i].cost > most->cost)
				most = &loops[i];
		share = all ? most->cost * 100 / all : 0;
		if (!share)
			break;
		vnp_log_insn(code, code->cfg->blocks[most->head].first,
			     "the loop that begins here took %u %% of it, loops inside not counted",
			     share);
		most->cost = 0;
	}
	if (code->cfg->head_cnt > n)
		vnp_log_print(code->log, VNP_LOG_NORMAL,
			      "Of %u loops in all, the others took less.\n", code->cfg->head_cnt);
}

void vnp_loop_cost_log(const struct vnp_code *code, const u32 *spent)
{
	u32 cnt = max(code->cfg->head_cnt, 1U);
	struct loop_cost *loops = vnp_alloc(cnt, sizeof(*loops));
	u32 *open = vnp_alloc(cnt, sizeof(*open));

	if (loops && open && code->cfg->head_cnt) {
		loop_cost_find(code, loops);
		loop_cost_log(code, loops, loop_cost_share(code, spent, loops, open));
	}
	vnp_free(loops);
	vnp_free(open);
}
