// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Entering and leaving functions (inline.h).
 */
#include "vm/lower/emit.h"
#include "vm/frame.h"

static s32 frame_slot(const struct vnp_frame *frame, u32 saves, u32 reg)
{
	return -8 * (s32)(vnp_frame_save_slot(frame, saves, reg) + 1);
}

void vnp_lower_frame(struct vnp_lower *l, const struct bpf_insn *insn)
{
	const struct vnp_frame *frame = vnp_code_frame(l->code, l->insn);
	u32 saves = vnp_insn_saves(insn), reg;
	u64 slots;

	if (vnp_insn_is_enter(insn)) {
		slots = vnp_frame_slots(frame);
		vnp_frame_for_each_saved(saves, reg) {
			vnp_emit_save(l, frame_slot(frame, saves, reg), reg);
			slots &= ~BIT_ULL(vnp_frame_save_slot(frame, saves, reg));
		}
		vnp_emit_zero(l, slots);
	} else if (vnp_insn_is_leave(insn)) {
		vnp_frame_for_each_saved(saves, reg)
			vnp_emit_load(l, reg, VNP_REG_FP, frame_slot(frame, saves, reg));
	}
}
