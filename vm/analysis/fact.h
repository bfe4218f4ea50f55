/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Facts: what is known of numbers together, where each by itself may be anything.
 *
 * After "if (p + len > end) return", p and len can both be of any size, but
 * their sum cannot; and while a loop takes from one what it gives to the other, it
 * stays so.  A fact is an inequality
 *
 *	a + b <= c + most
 *
 * between the numbers that ids stand for (state.h), as integers: it is only ever
 * learnt from values that are small enough for sums not to wrap.  Id 0 stands for 0,
 * VNP_ID_LEN for the payload's length.  A state has a few facts, the newest ones.
 *
 * Like all that a state knows, a fact may be forgotten at any time.
 *
 * Context: pure functions.
 */
#ifndef _VNP_VM_ANALYSIS_FACT_H
#define _VNP_VM_ANALYSIS_FACT_H

#include "vm/env.h"

struct vnp_join;
struct vnp_reg;
struct vnp_state;

#define VNP_FACT_CNT	8

/* struct vnp_fact - @a + @b <= @c + @most; @a is never 0 */
struct vnp_fact {
	u32 a;
	u32 b;
	u32 c;
	s32 most;
};

/* Nothing is known: no sum of small numbers is as great */
#define VNP_FACT_NONE	(S64_MAX / 4)

/**
 * struct vnp_fact_num - what the cells of a state know of an id's number
 * @id:		the id
 * @min:	it is no less
 * @max:	it is no greater
 * @left:	data + number + @left <= data_end
 * @next:	1 + index of the next id of the same hash; 0: none
 * @lives:	a cell has it
 */
struct vnp_fact_num {
	s64 min;
	s64 max;
	s64 left;
	u32 id;
	u8 next;
	bool lives;
};

/* Indices that every view has: the number 0, and the payload's length */
#define VNP_FACT_ZERO	0
#define VNP_FACT_LEN	1

/* struct vnp_fact_term - a fact, its ids as indices of a view */
struct vnp_fact_term {
	u8 a;
	u8 b;
	u8 c;
	s32 most;
};

/**
 * struct vnp_fact_view - a state as fact.c looks at it: by id
 *
 * Cells are looked at once to fill it, not once for each id that a question
 * leads to.
 *
 * @state:	the state, whose cells do not change meanwhile
 * @num:	its numbers; room for them is the owner's
 * @cnt:	how many
 * @first:	by hash of the id: 1 + index of the first; 0: none
 * @fact:	its facts
 * @fact_cnt:	how many
 */
struct vnp_fact_view {
	const struct vnp_state *state;
	struct vnp_fact_num *num;
	u32 cnt;
	u8 first[64];
	struct vnp_fact_term fact[VNP_FACT_CNT];
	u32 fact_cnt;
};

/* vnp_fact_bound() - the least known m with @a + @b <= @c + m, or VNP_FACT_NONE */
s64 vnp_fact_bound(struct vnp_state *state, u32 a, u32 b, u32 c);

/* vnp_fact_learn() - @a + @b <= @c + @most */
void vnp_fact_learn(struct vnp_state *state, u32 a, u32 b, u32 c, s64 most);

/* vnp_fact_below() - @id <= @above + @most, and so is what is below @id */
void vnp_fact_below(struct vnp_state *state, u32 id, u32 above, s64 most);

/* vnp_fact_forget() - @id will stand for another number */
void vnp_fact_forget(struct vnp_state *state, u32 id);

/* vnp_fact_drop_dead() - forget what is about ids that no cell has any more */
void vnp_fact_drop_dead(struct vnp_state *state);

/* vnp_fact_apply() - narrow @reg of @state by what facts say of its number */
void vnp_fact_apply(struct vnp_state *state, struct vnp_reg *reg);

/* vnp_fact_room() - the payload's least length that facts tell */
s64 vnp_fact_room(struct vnp_state *state);

/**
 * vnp_fact_join() - keep what holds on both ways, in terms of the ids that are left
 * @j:		its cells are joined; @j->old is what @j->to was before
 *
 * Return: whether the facts of @j->to are others now.
 */
bool vnp_fact_join(struct vnp_join *j);

#endif /* _VNP_VM_ANALYSIS_FACT_H */
