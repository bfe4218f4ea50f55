// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Splitting: the new program. */
#include "vm/frame.h"
#include "vm/transform/split_impl.h"

/* struct split_place - a block of the new program */
struct split_place {
	u32 copy;
	u32 block;
};

/* Target of an edge from a copy of a block */
static struct split_place split_target(const struct vnp_split *s, struct split_place from, u32 k)
{
	u32 to = s->cfg->blocks[from.block].succ[k];
	struct split_place place = { .block = to };

	if (to == s->join && s->cfg->blocks[from.block].pos != VNP_BLOCK_NONE &&
	    vnp_split_enters(s, from.block))
		place.copy = s->edge[2 * from.block + k];
	else if (s->copied[from.block] && s->copied[to])
		place.copy = from.copy;
	return place;
}

/* First the original order, then further copies of the copied blocks; false: the end */
static bool split_next(const struct vnp_split *s, struct split_place *place)
{
	do {
		if (++place->block < s->cfg->block_cnt)
			continue;
		place->block = 0;
		if (++place->copy == s->kind_cnt)
			return false;
	} while (place->copy && !s->copied[place->block]);
	return true;
}

/* Is a goto needed, as the block that follows is another one */
static bool split_wants_goto(const struct vnp_split *s, struct split_place place,
			     struct split_place *to)
{
	struct split_place next = place;

	if (s->cfg->blocks[place.block].succ[0] == VNP_BLOCK_NONE)
		return false;
	*to = split_target(s, place, 0);
	return !split_next(s, &next) || next.copy != to->copy || next.block != to->block;
}

static u32 *split_at(const struct vnp_split *s, struct split_place place)
{
	return &s->at[place.copy * s->cfg->block_cnt + place.block];
}

/* Instructions from the start of a block to the start of the next */
static u32 split_block_len(const struct vnp_split *s, u32 n)
{
	const struct vnp_block *block = &s->cfg->blocks[n];

	return block->last + vnp_insn_len(&s->code->insns[block->last]) - block->first;
}

static int split_lay_out(struct vnp_split *s, u32 max)
{
	struct split_place place = {}, to;

	s->cnt = 0;
	do {
		*split_at(s, place) = s->cnt;
		s->cnt += split_block_len(s, place.block) +
			  split_wants_goto(s, place, &to);
		if (s->cnt > max)
			return VNP_SPLIT_LARGE;
	} while (split_next(s, &place));
	return 0;
}

/* Write instruction @to, a copy of instruction @from */
static void split_put(struct vnp_split *s, u32 to, u32 from, struct bpf_insn insn)
{
	s->insns[to] = insn;
	s->out->origin[to] = vnp_code_origin(s->code, from);
	if (s->out->frame_of)
		s->out->frame_of[to] = s->code->inlined->frame_of[from];
}

static void split_put_goto(struct vnp_split *s, u32 at, u32 from, struct bpf_insn insn,
			   struct split_place to)
{
	insn.code = BPF_JMP32 | BPF_JA;
	insn.off = 0;
	insn.imm = (s32)*split_at(s, to) - (s32)at - 1;
	split_put(s, at, from, insn);
}

/* The jump at the end of a block */
static int split_put_jump(struct vnp_split *s, u32 at, struct split_place place)
{
	u32 from = s->cfg->blocks[place.block].last;
	struct split_place to = split_target(s, place, 1);
	struct bpf_insn insn = s->code->insns[from];
	s32 distance = (s32)*split_at(s, to) - (s32)at - 1;

	if (vnp_insn_is_ja(&insn)) {
		split_put_goto(s, at, from, insn, to);
		return 0;
	}
	if (distance < S16_MIN || distance > S16_MAX)
		return VNP_SPLIT_LARGE;
	insn.off = distance;
	split_put(s, at, from, insn);
	return 0;
}

static int split_write_block(struct vnp_split *s, struct split_place place)
{
	const struct vnp_block *block = &s->cfg->blocks[place.block];
	u32 at = *split_at(s, place), len = split_block_len(s, place.block), i;
	struct split_place to;
	int err = 0;

	for (i = 0; i < len; i++)
		split_put(s, at + i, block->first + i, s->code->insns[block->first + i]);
	if (block->succ[1] != VNP_BLOCK_NONE)
		err = split_put_jump(s, at + len - 1, place);
	if (split_wants_goto(s, place, &to))
		split_put_goto(s, at + len, block->last, (struct bpf_insn){}, to);
	return err;
}

static int split_write_alloc(struct vnp_split *s)
{
	const struct vnp_inlined *inlined = s->code->inlined;

	s->insns = vnp_alloc(s->cnt, sizeof(*s->insns));
	s->out = vnp_alloc(1, sizeof(*s->out));
	if (!s->insns || !s->out)
		return -ENOMEM;
	s->out->origin = vnp_alloc(s->cnt, sizeof(u32));
	if (!s->out->origin)
		return -ENOMEM;
	if (!inlined || !inlined->frames)
		return 0;
	s->out->frame_of = vnp_alloc(s->cnt, sizeof(u32));
	return s->out->frame_of ? 0 : -ENOMEM;
}

int vnp_split_rewrite(struct vnp_split *s, u32 max)
{
	struct split_place place = {};
	int err;

	s->at = vnp_alloc((size_t)s->kind_cnt * s->cfg->block_cnt, sizeof(u32));
	if (!s->at)
		return -ENOMEM;
	err = split_lay_out(s, max);
	if (!err)
		err = split_write_alloc(s);
	if (err)
		return err;
	do {
		err = split_write_block(s, place);
	} while (!err && split_next(s, &place));
	return err;
}
