// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "vm/analysis/cfg.h"
#include "vm/code.h"
#include "vm/analysis/cost.h"
#include "vm/frame.h"
#include "vm/isa/insn.h"
#include "vm/report/log.h"
#include "vm/analysis/state.h"
#include "vm/analysis/type.h"

/*
 * Relative to an instruction whose operands are in registers or the L1 cache.  Other CPUs
 * may use the same cache line, so an atomic operation can be as slow as main memory.
 */
#define COST_DIVISION	2
#define COST_FAR	8

/* Maps with more bytes of values than this may be in main memory */
#define COST_CACHE	(256U << 10)

/* A key is hashed and compared: this many bytes cost one unit */
#define COST_KEY_BYTES	4

/* A member of a group is looked at: a load from main memory of 80 ns */
#define COST_MEMBER	20

static u32 cost_bytes(u32 bytes)
{
	return bytes >> VNP_COST_SHIFT;
}

static bool cost_is_packet(const struct vnp_helper *helper)
{
	return helper->bytes == VNP_COST_PACKET || helper->bytes == VNP_COST_RESIZE ||
	       helper->bytes == VNP_COST_CRYPT;
}

bool vnp_cost_is_metered(const struct vnp_code *code, const struct vnp_helper *helper,
			 const struct vnp_call *call)
{
	if (helper->bytes == VNP_COST_CRYPT && code->type == VNP_PROG_MESSAGE)
		return false;
	return cost_is_packet(helper) ||
	       (helper->bytes == VNP_COST_SIZE && call->size_max > VNP_COST_SMALL);
}

static bool cost_has_key(enum vnp_cost_kind kind)
{
	return kind == VNP_COST_KEY || kind == VNP_COST_VALUE || kind == VNP_COST_MEMBERS ||
	       kind == VNP_COST_CRYPT;
}

static u32 cost_call(const struct vnp_code *code, u32 insn)
{
	const struct vnp_helper *helper = vnp_helper_get(code->insns[insn].imm);
	const struct vnp_call *call = &code->calls[code->aux[insn].call];
	u32 cost = helper->cost;

	if (cost_has_key(helper->bytes))
		cost += code->maps[call->map].key_size / COST_KEY_BYTES;
	switch (helper->bytes) {
	case VNP_COST_VALUE:
		cost += cost_bytes(code->maps[call->map].value_size);
		break;
	case VNP_COST_MEMBERS:
		cost += COST_MEMBER * min_t(u32, code->maps[call->map].max_entries,
					    VNP_GROUP_MEMBERS_MAX);
		break;
	case VNP_COST_SIZE:
		if (!vnp_cost_is_metered(code, helper, call))
			cost += cost_bytes(call->size_max);
		break;
	case VNP_COST_RESIZE:
		cost += cost_bytes(call->size_max);
		break;
	default:
		break;
	}
	return cost;
}

/* Do the values of the maps exceed a cache */
static bool cost_is_far(const struct vnp_code *code)
{
	u64 size = 0;
	u32 i;

	for (i = 0; i < code->map_cnt; i++)
		size += (u64)code->maps[i].value_size * code->maps[i].max_entries;
	return size > COST_CACHE;
}

u32 vnp_cost_insn(const struct vnp_code *code, u32 insn)
{
	const struct bpf_insn *at = &code->insns[insn];
	u8 op = BPF_OP(at->code);

	if (vnp_insn_is_call(at))
		return 1 + cost_call(code, insn);
	if (vnp_insn_is_enter(at))
		return 1 + hweight64(vnp_frame_slots(vnp_code_frame(code, insn)));
	if (vnp_insn_is_alu(at))
		return op == BPF_DIV || op == BPF_MOD ? COST_DIVISION : 1;
	if (vnp_insn_is_atomic(at))
		return COST_FAR;
	if (code->far && code->aux[insn].access.kind == VNP_REG_MAP_VALUE)
		return COST_FAR;
	return 1;
}

static u64 cost_block(const struct vnp_code *code, const struct vnp_block *block)
{
	u64 cost = 0;
	u32 i;

	for (i = block->first; i <= block->last; i += vnp_insn_len(&code->insns[i]))
		cost += vnp_cost_insn(code, i);
	return cost;
}

/* May block @n be followed by its successor @k */
static bool cost_goes(const struct vnp_code *code, u32 n, u32 k)
{
	const struct vnp_block *block = &code->cfg->blocks[n];

	if (block->succ[k] == VNP_BLOCK_NONE)
		return false;
	return !vnp_insn_is_branch(&code->insns[block->last]) ||
	       code->aux[block->last].flags & (k ? VNP_AUX_TAKEN : VNP_AUX_FALLS);
}

/* What a jump back costs: at least 1, as the jump itself is executed. */
static void cost_back(struct vnp_code *code, u32 n, u32 k, u64 end, u64 head)
{
	struct vnp_insn_aux *aux = &code->aux[code->cfg->blocks[n].last];
	u32 cost = min_t(u64, end > head ? end - head : 1, S32_MAX);

	aux->flags |= k ? VNP_AUX_PAYS_TAKEN : VNP_AUX_PAYS_FALLS;
	aux->cost = max(aux->cost, cost);
	code->loop_cnt++;
}

/*
 * Give each block a height: the cost of the longest path there whose edges all go
 * forward.  Along such an edge the height grows by at least the cost of the block
 * before it.  If each edge that goes back is charged the fall in height from the end of
 * its block, an execution costs no more than the greatest height of an exit and what it
 * was charged.  This holds for any graph; a loop that is entered only at its header is
 * charged for its longest iteration.
 *
 * All forward edges to a block come from earlier in the order, so heights are final
 * when they are used.
 */
static void cost_walk(struct vnp_code *code, u64 *height)
{
	const struct vnp_cfg *cfg = code->cfg;
	u64 path = 0;
	u32 i, k;

	for (i = 0; i < cfg->order_cnt; i++) {
		const struct vnp_block *block = &cfg->blocks[cfg->order[i]];
		u64 end;

		if (!code->aux[block->first].reached)
			continue;
		end = height[cfg->order[i]] + cost_block(code, block);
		path = max(path, end);
		for (k = 0; k < 2; k++) {
			u32 to = block->succ[k];

			if (!cost_goes(code, cfg->order[i], k))
				continue;
			if (vnp_cfg_goes_back(cfg, cfg->order[i], to))
				cost_back(code, cfg->order[i], k, end, height[to]);
			else
				height[to] = max(height[to], end);
		}
	}
	code->path = min_t(u64, path, U32_MAX);
}

/* Find calls that are charged when they are made, and the field of the context that this reads */
static void cost_find_metered(struct vnp_code *code)
{
	const struct vnp_helper *helper;
	u32 i;

	for (i = 0; i < code->insn_cnt; i += vnp_insn_len(&code->insns[i])) {
		if (!code->aux[i].reached || !vnp_insn_is_call(&code->insns[i]))
			continue;
		helper = vnp_helper_get(code->insns[i].imm);
		if (!vnp_cost_is_metered(code, helper, &code->calls[code->aux[i].call]))
			continue;
		code->meter_cnt++;
		if (cost_is_packet(helper))
			code->ctx_fields |= vnp_type_words(offsetof(struct vnp_ctx, len),
							   sizeof(u32));
	}
}

int vnp_cost_settle(struct vnp_code *code)
{
	u64 *height = vnp_alloc(code->cfg->block_cnt, sizeof(*height));

	if (!height)
		return -ENOMEM;
	code->far = cost_is_far(code);
	cost_walk(code, height);
	vnp_free(height);
	cost_find_metered(code);
	code->prepaid = code->path;
	if (code->path <= code->budget)
		return 0;
	vnp_log_print(code->log, VNP_LOG_NORMAL,
		      "the longest path through the program costs %u, more than its budget of %u: give it a larger one, or let it do less.\n",
		      code->path, code->budget);
	return -EACCES;
}
