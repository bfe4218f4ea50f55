/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Where the instructions of a program come from, and the stack frames of its functions,
 * once transform/inline.h has replaced calls by what they call.
 *
 * Layer: data and accessors, right above code.h; messages need them, too.
 */
#ifndef _VNP_VM_FRAME_H
#define _VNP_VM_FRAME_H

#include "vm/code.h"
#include "vm/env.h"
#include "vm/isa/insn.h"

/**
 * struct vnp_frame - a copy of a function; the program itself is the first
 * @caller:	index of the frame it is called from
 * @call:	the call, as loaded
 * @base:	bytes of the stack above it
 * @locals:	where its variables end and saved registers begin, from R10
 * @end:	where these end
 */
struct vnp_frame {
	u32 caller;
	u32 call;
	u16 base;
	u16 locals;
	u16 end;
};

/**
 * struct vnp_inlined - where instructions come from
 * @origin:	for each, the instruction as loaded
 * @frame_of:	for each, index of the frame; NULL: there are no functions
 * @frames:	the frames; likewise
 */
struct vnp_inlined {
	u32 *origin;
	u32 *frame_of;
	struct vnp_frame *frames;
};

/* vnp_code_origin() - the instruction as loaded */
static inline u32 vnp_code_origin(const struct vnp_code *code, u32 insn)
{
	return code->inlined ? code->inlined->origin[insn] : insn;
}

/* vnp_code_frame() - the frame of an instruction, if there are functions */
static inline const struct vnp_frame *
vnp_code_frame(const struct vnp_code *code, u32 insn)
{
	const struct vnp_inlined *inlined = code->inlined;

	if (!inlined || !inlined->frames)
		return NULL;
	return &inlined->frames[inlined->frame_of[insn]];
}

/* vnp_code_reach() - how deep into the stack an instruction may reach */
static inline u32 vnp_code_reach(const struct vnp_code *code, u32 insn, u32 whole)
{
	const struct vnp_frame *frame = vnp_code_frame(code, insn);

	return frame ? frame->locals : whole;
}

/* vnp_frame_slots() - bit n: the 8 bytes at R10 - 8(n + 1) belong to the frame */
static inline u64 vnp_frame_slots(const struct vnp_frame *frame)
{
	u32 cnt = (frame->end - frame->base) / 8;

	return cnt ? U64_MAX >> (64 - cnt) << frame->base / 8 : 0;
}

/* vnp_frame_save_slot() - number of the slot that saves R@reg, one of @saves */
static inline u32 vnp_frame_save_slot(const struct vnp_frame *frame, u32 saves, u32 reg)
{
	return frame->locals / 8 + hweight32(saves & (BIT(reg) - 1));
}

/* vnp_frame_next_saved() - the first of R@reg to R9 that is saved, or R10 */
static inline u32 vnp_frame_next_saved(u32 saves, u32 reg)
{
	while (reg <= BPF_REG_9 && !(saves >> reg & 1))
		reg++;
	return reg;
}

#define vnp_frame_for_each_saved(saves, reg)				\
	for ((reg) = vnp_frame_next_saved(saves, BPF_REG_6);		\
	     (reg) <= BPF_REG_9;					\
	     (reg) = vnp_frame_next_saved(saves, (reg) + 1))

#endif /* _VNP_VM_FRAME_H */
