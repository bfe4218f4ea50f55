// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Emitting instructions: room for them, the common kinds, and the ends of faults.
 */
#include "vm/lower/emit.h"
#include "vm/frame.h"
#include "vm/report/log.h"
#include "vm/exec.h"

/*
 * The end of a fault is emitted at most this many instructions after the first jump to it
 */
#define EMIT_REACH	30000

/* Initial room for instructions, per instruction of the program */
#define EMIT_ROOM	2

/*
 * How large a program may become.  Some instructions become dozens (growth_test.c), but
 * they are few in most programs, and memory for native code is scarce.
 */
#define EMIT_GROWTH	8		/* for each instruction of the program... */
#define EMIT_SMALL	65536		/* ...unless it becomes no more than this */

static void *emit_grow(const void *old, u32 cnt, u32 room, size_t size)
{
	void *p = vnp_alloc(room, size);

	if (p && cnt)
		memcpy(p, old, cnt * size);
	return p;
}

/* On failure nothing changes */
static bool emit_set_room(struct vnp_lower *l, u32 room)
{
	struct vnp_lowered *out = l->out;
	struct bpf_insn *insns = emit_grow(out->insns, out->cnt, room, sizeof(*insns));
	u32 *origin = emit_grow(out->origin, out->cnt, room, sizeof(*origin));
	u32 *jump = emit_grow(l->jump, out->cnt, room, sizeof(*jump));
	u8 *guard = emit_grow(out->guard, out->cnt, room, 1);
	u8 *map = emit_grow(out->map, out->cnt, room, 1);

	if (insns && origin && jump && guard && map) {
		swap(out->insns, insns);
		swap(out->origin, origin);
		swap(l->jump, jump);
		swap(out->guard, guard);
		swap(out->map, map);
		l->room = room;
	} else {
		l->err = -ENOMEM;
	}
	vnp_free(insns);
	vnp_free(origin);
	vnp_free(jump);
	vnp_free(guard);
	vnp_free(map);
	return !l->err;
}

static u32 emit_max(const struct vnp_code *code)
{
	return max_t(u32, EMIT_GROWTH * code->insn_cnt, EMIT_SMALL);
}

/* What an instruction is, for emit_too_large() */
enum emit_kind { EMIT_DIVISION, EMIT_ACCESS, EMIT_CALL, EMIT_OTHER, EMIT_KINDS };

static enum emit_kind emit_kind(const struct bpf_insn *insn)
{
	switch (BPF_CLASS(insn->code)) {
	case BPF_ALU:
	case BPF_ALU64:
		return BPF_OP(insn->code) == BPF_DIV || BPF_OP(insn->code) == BPF_MOD ?
		       EMIT_DIVISION : EMIT_OTHER;
	case BPF_LDX:
	case BPF_ST:
	case BPF_STX:
		return EMIT_ACCESS;
	default:
		return vnp_insn_is_call(insn) ? EMIT_CALL : EMIT_OTHER;
	}
}

/* Count the kinds of instructions that grew, for the message */
static void emit_too_large(struct vnp_lower *l)
{
	static const char *const what[EMIT_KINDS] = {
		[EMIT_DIVISION] = "divisions",
		[EMIT_ACCESS] = "memory accesses with their guards",
		[EMIT_CALL] = "calls with their guards",
		[EMIT_OTHER] = "all others",
	};
	u32 cnt[EMIT_KINDS] = {}, most = EMIT_DIVISION, i;

	for (i = 0; i < l->out->cnt; i++)
		cnt[emit_kind(&l->code->insns[l->out->origin[i]])]++;
	for (i = 0; i < EMIT_KINDS; i++)
		if (cnt[i] > cnt[most])
			most = i;
	vnp_log_print(l->code->log, VNP_LOG_NORMAL,
		      "the program grows too much: it may become %u instructions, which its first %u of %u do already; %u of them are %s.\n",
		      emit_max(l->code), l->insn, l->code->insn_cnt, cnt[most],
		      what[most]);
	l->err = -E2BIG;
}

/* Double the room for instructions, up to the limit */
static bool emit_make_room(struct vnp_lower *l)
{
	u32 room = l->room ? 2 * l->room : EMIT_ROOM * l->code->insn_cnt + 64;

	room = min(room, emit_max(l->code));
	if (room == l->room) {
		emit_too_large(l);
		return false;
	}
	return emit_set_room(l, room);
}

/* Return: its index */
static u32 emit_append(struct vnp_lower *l, struct bpf_insn insn)
{
	struct vnp_lowered *out = l->out;

	if (l->err || (out->cnt == l->room && !emit_make_room(l)))
		return 0;
	out->insns[out->cnt] = insn;
	out->origin[out->cnt] = l->insn;
	out->guard[out->cnt] = l->guard;
	return out->cnt++;
}

u32 vnp_emit(struct vnp_lower *l, struct bpf_insn insn)
{
	struct bpf_insn blinded[3];

	if (!l->code->harden || l->guard || !vnp_blind(l, insn, blinded))
		return emit_append(l, insn);
	emit_append(l, blinded[0]);
	emit_append(l, blinded[1]);
	return emit_append(l, blinded[2]);
}

void vnp_emit_k(struct vnp_lower *l, u8 op, u8 dst, s32 imm)
{
	vnp_emit(l, VNP_EMIT(op | BPF_K, dst, 0, 0, imm));
}

void vnp_emit_x(struct vnp_lower *l, u8 op, u8 dst, u8 src)
{
	vnp_emit(l, VNP_EMIT(op | BPF_X, dst, src, 0, 0));
}

void vnp_emit_imm32(struct vnp_lower *l, u8 dst, u32 imm)
{
	u32 random = l->code->harden ? vnp_blind_random(l) : 0;

	vnp_emit_k(l, BPF_ALU | BPF_MOV, dst, imm ^ random);
	if (random)
		vnp_emit_k(l, BPF_ALU | BPF_XOR, dst, random);
}

void vnp_emit_imm64(struct vnp_lower *l, u8 dst, u64 imm)
{
	vnp_emit_imm32(l, VNP_REG_AX, imm >> 32);
	vnp_emit_x(l, BPF_ALU64 | BPF_MOV, dst, VNP_REG_AX);
	vnp_emit_k(l, BPF_ALU64 | BPF_LSH, dst, 32);
	vnp_emit_imm32(l, VNP_REG_AX, imm);
	vnp_emit_x(l, BPF_ALU64 | BPF_OR, dst, VNP_REG_AX);
}

void vnp_emit_load(struct vnp_lower *l, u8 dst, u8 src, s32 off)
{
	vnp_emit(l, VNP_EMIT(BPF_LDX | BPF_MEM | BPF_DW, dst, src, off, 0));
}

void vnp_emit_save(struct vnp_lower *l, s32 slot, u8 src)
{
	vnp_emit(l, VNP_EMIT(BPF_STX | BPF_MEM | BPF_DW, VNP_REG_FP, src, slot, 0));
}

/*
 * The kernel's blinding of constants leaves an instruction alone if it names AX, and looks
 * at each half of a 64-bit immediate load by itself.  If only the first named AX, the
 * second would be replaced by instructions that belong to a blinded first one.  JITs
 * take nothing but the immediate from the second half.
 */
void vnp_emit_address(struct vnp_lower *l, u8 dst, u64 address, u32 map)
{
	u32 at = vnp_emit(l, VNP_EMIT(VNP_LD_IMM64, dst, 0, 0, (u32)address));

	vnp_emit(l, VNP_EMIT(0, dst == VNP_REG_AX ? dst : 0, 0, 0, address >> 32));
	if (!l->err)
		l->out->map[at] = map + 1;
}

u32 vnp_emit_skip(struct vnp_lower *l, u8 op, u8 dst, u8 src, s32 imm)
{
	return vnp_emit(l, VNP_EMIT(op, dst, src, 0, imm));
}

void vnp_emit_land(struct vnp_lower *l, u32 at)
{
	if (!l->err)
		l->out->insns[at].off = l->out->cnt - at - 1;
}

void vnp_emit_fault(struct vnp_lower *l, u8 op, u8 dst, u8 src, s32 imm,
		    enum vnp_fault fault)
{
	u32 at = vnp_emit(l, VNP_EMIT(op, dst, src, 0, imm));
	struct vnp_lower_fault *list;
	u32 room = l->fault_room ? 2 * l->fault_room : 64;

	if (l->err)
		return;
	l->out->guard[at] = fault;
	if (l->fault_cnt == l->fault_room) {
		list = emit_grow(l->fault, l->fault_cnt, room, sizeof(*list));
		if (!list) {
			l->err = -ENOMEM;
			return;
		}
		vnp_free(l->fault);
		l->fault = list;
		l->fault_room = room;
	}
	l->fault[l->fault_cnt].at = at;
	l->fault[l->fault_cnt++].code = VNP_EXEC_FAULT(fault, l->insn);
}

/*
 * Each sets R0 to the fault and its instruction, and jumps to a common end, which writes
 * it to struct vnp_exec.  R0 is not a verdict then, so a caller that gets a verdict need
 * not check for faults.
 */
void vnp_emit_fault_ends(struct vnp_lower *l)
{
	u32 first = l->out->cnt, insn = l->insn, i, last = 0;

	for (i = 0; i < l->fault_cnt && !l->err; i++) {
		u32 code = l->fault[i].code;

		/* adjacent checks of one guard share an end */
		if (!i || code != l->fault[i - 1].code) {
			l->insn = VNP_EXEC_FAULT_INSN(code);
			l->guard = VNP_EXEC_FAULT_KIND(code);
			last = l->out->cnt;
			vnp_emit_k(l, BPF_ALU | BPF_MOV, BPF_REG_0,
				   VNP_EXEC_FAULT(l->guard,
						  vnp_code_origin(l->code, l->insn)));
			vnp_emit_skip(l, BPF_JMP | BPF_JA, 0, 0, 0);
		}
		if (!l->err)
			l->out->insns[l->fault[i].at].off =
				last - l->fault[i].at - 1;
	}
	for (i = first + 1; i < l->out->cnt && !l->err; i += 2)
		vnp_emit_land(l, i);
	l->fault_cnt = 0;

	vnp_emit_load(l, VNP_REG_AX, VNP_REG_FP, l->ctx_slot);
	vnp_emit(l, VNP_EMIT(BPF_STX | BPF_MEM | BPF_W, VNP_REG_AX, BPF_REG_0,
			     offsetof(struct vnp_exec, fault), 0));
	vnp_emit(l, VNP_EMIT(BPF_JMP | BPF_EXIT, 0, 0, 0, 0));
	l->insn = insn;
	l->guard = VNP_FAULT_NONE;
}

void vnp_emit_island(struct vnp_lower *l)
{
	u32 over;

	if (!l->fault_cnt ||
	    l->out->cnt - l->fault[0].at + 2 * l->fault_cnt < EMIT_REACH)
		return;
	over = vnp_emit_skip(l, BPF_JMP | BPF_JA, 0, 0, 0);
	vnp_emit_fault_ends(l);
	vnp_emit_land(l, over);
}

void vnp_emit_zero_slot(struct vnp_lower *l, s32 slot)
{
	vnp_emit(l, VNP_EMIT(BPF_ST | BPF_MEM | BPF_DW, VNP_REG_FP, 0, slot, 0));
}

void vnp_emit_zero(struct vnp_lower *l, u64 slots)
{
	u32 i;

	slots &= l->code->zero_slots;
	for (i = 0; i < l->code->stack_size / 8; i++)
		if (slots >> i & 1)
			vnp_emit_zero_slot(l, -8 * (s32)(i + 1));
}
