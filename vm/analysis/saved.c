// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "vm/analysis/saved.h"

/* Allocate room for some more cells: a join may add slots */
#define SAVED_SPARE	4U

static size_t saved_bytes(u32 room)
{
	return sizeof(struct vnp_saved) + room * sizeof(struct vnp_cell);
}

void vnp_saved_free(struct vnp_saved_pool *pool, struct vnp_saved **saved)
{
	if (!*saved)
		return;
	pool->bytes -= saved_bytes((*saved)->room);
	vnp_free(*saved);
	*saved = NULL;
}

static int saved_alloc(struct vnp_saved_pool *pool, struct vnp_saved **saved, u32 cnt)
{
	u32 room = min_t(u32, cnt + SAVED_SPARE, VNP_CELL_CNT);

	if (*saved && (*saved)->room >= cnt)
		return 0;
	vnp_saved_free(pool, saved);
	if (pool->bytes + saved_bytes(room) > VNP_SAVED_MAX)
		return -E2BIG;
	*saved = vnp_alloc(1, saved_bytes(room));
	if (!*saved)
		return -ENOMEM;
	(*saved)->room = room;
	pool->bytes += saved_bytes(room);
	return 0;
}

static bool saved_says(const struct vnp_state *state, u32 cell)
{
	return cell >= VNP_REG_CNT || (cell != VNP_REG_FP &&
				       state->cells[cell].reg.kind != VNP_REG_UNSET);
}

int vnp_saved_put(struct vnp_saved_pool *pool, struct vnp_saved **saved,
		  const struct vnp_state *state)
{
	u32 cell, cnt = 0;
	int err;

	vnp_cell_for_each(state->used, cell)
		cnt += saved_says(state, cell);
	err = saved_alloc(pool, saved, cnt);
	if (err)
		return err;

	(*saved)->used = state->used;
	(*saved)->range = state->range;
	(*saved)->constraint_cnt = state->constraint_cnt;
	memcpy((*saved)->constraint, state->constraint, sizeof(state->constraint));
	(*saved)->regs = 0;
	cnt = 0;
	vnp_cell_for_each(state->used, cell) {
		if (!saved_says(state, cell))
			continue;
		if (cell < VNP_REG_CNT)
			(*saved)->regs |= BIT(cell);
		(*saved)->cells[cnt++] = state->cells[cell];
	}
	return 0;
}

void vnp_saved_get(const struct vnp_saved *saved, struct vnp_state *state)
{
	u32 cell, cnt = 0;

	vnp_state_reset_slots(state, state->used & ~saved->used);
	state->used = saved->used;
	state->range = saved->range;
	state->constraint_cnt = saved->constraint_cnt;
	memcpy(state->constraint, saved->constraint, sizeof(state->constraint));
	vnp_cell_for_each(saved->used, cell) {
		if (cell < VNP_REG_CNT && !(saved->regs >> cell & 1)) {
			if (cell != VNP_REG_FP)
				vnp_reg_forget(&state->cells[cell].reg,
					       VNP_REG_UNSET);
			continue;
		}
		state->cells[cell] = saved->cells[cnt++];
	}
}
