/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What the files of the lowering pass share: emitting instructions.
 *
 * Layer: above analysis/; it reads what verify/ and harden/ found.
 *
 *	lower.c		the program as a whole: slots, jumps
 *	lower/emit.c	instructions and their common kinds, the ends of faults
 *	lower/object.c	where the object of an access begins or ends
 *	lower/guard.c	checks in front of accesses
 *	lower/alu.c	arithmetic whose result differs in native code
 *	lower/frame.c	entering and leaving functions
 *
 * and for untrusted users
 *
 *	lower/mask.c	what keeps accesses inside even speculatively
 *	harden/blind.c	constants an attacker chose, made unrecognisable
 */
#ifndef _VNP_VM_LOWER_EMIT_H
#define _VNP_VM_LOWER_EMIT_H

#include "vm/code.h"
#include "vm/env.h"
#include "vm/isa/insn.h"
#include "vm/analysis/type.h"

/* A jump to a fault's end that is not emitted yet */
struct vnp_lower_fault {
	u32 at;		/* lowered index of the jump */
	u32 code;	/* VNP_EXEC_FAULT() */
};

/* Where a look-up call saves its result */
struct vnp_lower_base {
	u32 insn;
	s32 slot;
};

/**
 * struct vnp_lower - state of lowering
 * @code:	the program
 * @type:	its type
 * @out:	the result: @code->lowered
 * @room:	instructions that fit the arrays of @out
 * @start:	by instruction of the program: where it begins, in @out
 * @jump:	by index in @out: instruction of the program it jumps to, plus 1; or 0
 * @fault:	jumps to ends that are not emitted yet
 * @fault_cnt:	how many
 * @fault_room:	how many fit
 * @base:	slots of look-ups
 * @base_cnt:	how many
 * @ctx_slot:	offset from R10 of the saved context; 0: it is not saved
 * @budget_slot: offset from R10 of the remaining budget; 0: nothing is metered
 * @stack_size:	bytes of stack taken so far
 * @insn:	current instruction of the program
 * @guards:	lowered index at which its guards begin
 * @guard:	enum vnp_fault of the current guard
 * @err:	first error; nothing is emitted after it
 */
struct vnp_lower {
	struct vnp_code *code;
	const struct vnp_type *type;
	struct vnp_lowered *out;
	u32 room;
	u32 *start;
	u32 *jump;
	struct vnp_lower_fault *fault;
	u32 fault_cnt;
	u32 fault_room;
	struct vnp_lower_base base[VNP_STACK_MAX / 8];
	u32 base_cnt;
	s32 ctx_slot;
	s32 budget_slot;
	u32 stack_size;
	u32 insn;
	u32 guards;
	u8 guard;
	int err;
};

/* An instruction from its fields */
#define VNP_EMIT(_code, _dst, _src, _off, _imm)				\
	((struct bpf_insn){						\
		.code = (_code), .dst_reg = (_dst), .src_reg = (_src),	\
		.off = (_off), .imm = (_imm) })

/* vnp_emit() - append an instruction; returns its index */
u32 vnp_emit(struct vnp_lower *l, struct bpf_insn insn);

/* the common kinds; @op is an ALU operation with BPF_ALU or BPF_ALU64 */
void vnp_emit_k(struct vnp_lower *l, u8 op, u8 dst, s32 imm);
void vnp_emit_x(struct vnp_lower *l, u8 op, u8 dst, u8 src);

/*
 * vnp_emit_imm32(), vnp_emit_imm64() - load a constant of the program into a register,
 * blinded for untrusted users
 */
void vnp_emit_imm32(struct vnp_lower *l, u8 dst, u32 imm);
void vnp_emit_imm64(struct vnp_lower *l, u8 dst, u64 imm);

/* vnp_emit_load() - 8 bytes */
void vnp_emit_load(struct vnp_lower *l, u8 dst, u8 src, s32 off);

/* vnp_emit_save() - 8 bytes, to @slot bytes from R10 */
void vnp_emit_save(struct vnp_lower *l, s32 slot, u8 src);

/* vnp_emit_zero_slot() - 0 to 8 bytes, @slot bytes from R10 */
void vnp_emit_zero_slot(struct vnp_lower *l, s32 slot);

/* vnp_emit_zero() - those slots among @slots that may be read before written */
void vnp_emit_zero(struct vnp_lower *l, u64 slots);

/* vnp_lower_frame() - the effects of a goto that enters or leaves a function */
void vnp_lower_frame(struct vnp_lower *l, const struct bpf_insn *insn);

/* vnp_emit_address() - 64 bit immediate that is an address of map @map */
void vnp_emit_address(struct vnp_lower *l, u8 dst, u64 address, u32 map);

/* vnp_emit_skip() - a jump to where vnp_emit_land() is called with its index */
u32 vnp_emit_skip(struct vnp_lower *l, u8 op, u8 dst, u8 src, s32 imm);
void vnp_emit_land(struct vnp_lower *l, u32 at);

/* vnp_emit_fault() - a jump that ends the program with a fault */
void vnp_emit_fault(struct vnp_lower *l, u8 op, u8 dst, u8 src, s32 imm,
		    enum vnp_fault fault);

/* vnp_emit_fault_ends() - what these jump to, those that are not emitted yet */
void vnp_emit_fault_ends(struct vnp_lower *l);

/*
 * vnp_emit_island() - likewise, between instructions, before the first jump is out of reach:
 * conditional jumps reach 2^15 instructions
 */
void vnp_emit_island(struct vnp_lower *l);

/* vnp_lower_ctx() - a register that holds the context; AX if @reg is none */
u8 vnp_lower_ctx(struct vnp_lower *l, u8 reg);

/**
 * vnp_lower_guard() - emit the guards of an access
 * @l:		lowering
 * @access:	the access
 * @off:	offset from the pointer
 * @size:	bytes
 * @size_reg:	register that holds the size, or 0 if @size does
 */
void vnp_lower_guard(struct vnp_lower *l, const struct vnp_access *access, s32 off,
		     u32 size, u8 size_reg);

/* vnp_lower_packet_distance() - AX = field of the context - pointer */
void vnp_lower_packet_distance(struct vnp_lower *l, const struct vnp_access *access,
			       u16 field);

/* vnp_lower_context() - AX = where the context begins */
void vnp_lower_context(struct vnp_lower *l, const struct vnp_access *access);

/* vnp_lower_map_base() - AX = where the map's value begins */
void vnp_lower_map_base(struct vnp_lower *l, const struct vnp_access *access);

/* vnp_lower_mask() - emit the bounds' guards of an access, and its masks */
void vnp_lower_mask(struct vnp_lower *l, const struct vnp_access *access, s32 off,
		    u32 size);

/* vnp_lower_barrier() - emit a speculation barrier */
void vnp_lower_barrier(struct vnp_lower *l);

/* vnp_lower_doom() - emit the end after guards of which one always faults */
void vnp_lower_doom(struct vnp_lower *l);

/**
 * vnp_blind() - blind the immediate of an instruction, if it needs that
 * @l:		lowering
 * @insn:	the instruction
 * @out:	out: what is emitted instead, if it needs that: two instructions load the immediate
 *		into AX, the third one takes it from there
 *
 * Return: whether it needs that.
 */
bool vnp_blind(struct vnp_lower *l, struct bpf_insn insn, struct bpf_insn out[3]);

/* vnp_blind_random() - another random number for each immediate */
u32 vnp_blind_random(struct vnp_lower *l);

/* vnp_lower_charge() - charge the budget */
void vnp_lower_charge(struct vnp_lower *l, u32 cost);

/* vnp_lower_charge_bytes() - likewise for the bytes of a metered call; clobbers R0 */
void vnp_lower_charge_bytes(struct vnp_lower *l, const struct vnp_helper *helper);

/* vnp_lower_alu() - emit what an arithmetic instruction becomes */
void vnp_lower_alu(struct vnp_lower *l, const struct bpf_insn *insn);

/* vnp_lower_extend() - sign-extend the lower @bits of a register in place */
void vnp_lower_extend(struct vnp_lower *l, bool is64, u8 reg, u32 bits);

#endif /* _VNP_VM_LOWER_EMIT_H */
