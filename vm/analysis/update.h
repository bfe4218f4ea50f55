/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Changes of a state that also change its constraints: ids that are made and removed, registers
 * that become dead, and what comparisons tell about the payload's length.
 *
 * Layer: above constraint.h.
 */
#ifndef _VNP_VM_ANALYSIS_UPDATE_H
#define _VNP_VM_ANALYSIS_UPDATE_H

#include "vm/analysis/state.h"

/* vnp_state_drop_dead() - forget registers that are not in @live */
void vnp_state_drop_dead(struct vnp_state *state, u32 live);

/**
 * vnp_state_mint() - an id for what instruction @insn makes
 * @state:	the state; the id is removed from cells that it was made for before
 * @insn:	index of the instruction
 */
u32 vnp_state_mint(struct vnp_state *state, u32 insn);

/*
 * vnp_state_share() - give @reg an id if its value varies, before it is copied or
 * related to another value
 */
void vnp_state_share(struct vnp_state *state, struct vnp_reg *reg, u32 insn);

/**
 * vnp_state_learn_range() - data + num + @bytes <= data_end
 * @state:	the state
 * @reg:	a packet pointer of @state
 * @bytes:	counted from @reg without its constant offset
 */
void vnp_state_learn_range(struct vnp_state *state, struct vnp_reg *reg, s32 bytes);

#endif /* _VNP_VM_ANALYSIS_UPDATE_H */
