// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Entering and leaving functions (inline.h).
 */
#include "vm/frame.h"
#include "vm/verify/verify.h"

/*
 * R6 to R9 are moved to the frame, whether set or not: the function can read neither
 * the registers nor their slots, which hold no numbers.
 */
static void frame_enter(struct vnp_verify *v, const struct vnp_frame *frame, u32 saves)
{
	u32 reg;

	vnp_state_reset_slots(v->state, vnp_frame_slots(frame));
	vnp_frame_for_each_saved(saves, reg) {
		u32 slot = vnp_frame_save_slot(frame, saves, reg);
		struct vnp_cell *cell = vnp_state_slot(v->state, slot);

		cell->reg = *vnp_state_reg(v->state, reg);
		cell->unwritten = 0;
		vnp_state_touch(v->state, slot);
		vnp_reg_forget(vnp_state_reg(v->state, reg), VNP_REG_UNSET);
	}
	vnp_reg_forget(vnp_state_reg(v->state, BPF_REG_0), VNP_REG_UNSET);
}

/*
 * The frame is set to its state at the next entry, which the caller cannot observe, as it cannot
 * access slots that deep (vnp_code_reach()).  A saved pointer that was overwritten through a
 * pointer into the caller's frame is restored as unset.
 */
static void frame_leave(struct vnp_verify *v, const struct vnp_frame *frame, u32 saves)
{
	u32 reg;

	vnp_frame_for_each_saved(saves, reg) {
		struct vnp_reg *to = vnp_state_reg(v->state, reg);
		const struct vnp_cell *cell =
			vnp_state_slot(v->state,
				       vnp_frame_save_slot(frame, saves, reg));

		*to = cell->reg;
		if (cell->secret)
			vnp_reg_forget(to, VNP_REG_UNSET);
	}
	for (reg = BPF_REG_1; reg <= BPF_REG_5; reg++)
		vnp_reg_forget(vnp_state_reg(v->state, reg), VNP_REG_UNSET);
	vnp_state_reset_slots(v->state, vnp_frame_slots(frame));
}

void vnp_verify_frame(struct vnp_verify *v)
{
	const struct bpf_insn *insn = &v->code->insns[v->insn];
	const struct vnp_frame *frame = vnp_code_frame(v->code, v->insn);

	if (vnp_insn_is_enter(insn))
		frame_enter(v, frame, vnp_insn_saves(insn));
	else if (vnp_insn_is_leave(insn))
		frame_leave(v, frame, vnp_insn_saves(insn));
}
