// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Guards.
 *
 * An access of size bytes at r + off must lie in [B, B + L).  All a guard computes
 * is the distance d = B - r in AX, modulo 2^64, compared as signed:
 *
 *	low:	d <= off		r + off >= B
 *	high:	d + L >= off + size	r + off + size <= B + L
 *
 * Both hold only if the access is inside, for any 64 bits of r.  Let d, a signed number
 * of 64 bits, pass both.  Then the address of the access is r + off = B + (off - d),
 * and
 *
 *	0 <= off - d <= L - size
 *
 * provided that neither the subtraction nor the addition of L has wrapped.  |off| is
 * below 2^15, and L and size below 2^32.  If d <= off, d + L is far from S64_MAX and
 * exact.  Then d >= off + size - L, so d is far from S64_MIN, and off - d is exact, too.
 * For the packet d + L is computed as (B + L) - r, which is the same modulo 2^64.
 *
 * If only one of the two is emitted the verifier has proven the other, and proven
 * that r is at most 2^62 away from the object (access_guards()), so d is exact anyway.
 *
 * A guard does not prevent speculative execution of the access after it: lower/mask.c
 * does that for untrusted users.
 */
#include "vm/lower/emit.h"
#include "vm/analysis/cost.h"
#include "vm/frame.h"
#include "vm/exec.h"
#include "vm/analysis/state.h"

static void guard_fault_x(struct vnp_lower *l, u8 op, u8 src, enum vnp_fault fault)
{
	vnp_emit_fault(l, BPF_JMP | op | BPF_X, VNP_REG_AX, src, 0, fault);
}

static void guard_fault_k(struct vnp_lower *l, u8 op, s32 imm, enum vnp_fault fault)
{
	vnp_emit_fault(l, BPF_JMP | op | BPF_K, VNP_REG_AX, 0, imm, fault);
}

static void guard_packet(struct vnp_lower *l, const struct vnp_access *access, s32 off,
			 u32 size, u8 size_reg)
{
	if (access->guards & VNP_GUARD_LOW) {
		vnp_lower_packet_distance(l, access, l->type->data_off);
		guard_fault_k(l, BPF_JSGT, off, VNP_FAULT_PACKET);
	}
	if (!(access->guards & VNP_GUARD_HIGH))
		return;
	vnp_lower_packet_distance(l, access, l->type->data_end_off);
	if (size_reg)
		guard_fault_x(l, BPF_JSLT, size_reg, VNP_FAULT_PACKET);
	else
		guard_fault_k(l, BPF_JSLT, off + (s32)size, VNP_FAULT_PACKET);
}

/* Start and length of the object are fixed: one distance serves both guards */
static void guard_object(struct vnp_lower *l, const struct vnp_access *access, s32 off,
			 u32 size, u8 size_reg, u32 len)
{
	enum vnp_fault fault = vnp_access_fault(access);

	vnp_emit_x(l, BPF_ALU64 | BPF_SUB, VNP_REG_AX, access->reg);
	if (access->guards & VNP_GUARD_LOW)
		guard_fault_k(l, BPF_JSGT, off, fault);
	if (!(access->guards & VNP_GUARD_HIGH))
		return;
	if (size_reg) {
		vnp_emit_k(l, BPF_ALU64 | BPF_ADD, VNP_REG_AX, len);
		guard_fault_x(l, BPF_JSLT, size_reg, fault);
	} else {
		guard_fault_k(l, BPF_JSLT, off + (s32)size - (s32)len, fault);
	}
}

static void guard_bounds(struct vnp_lower *l, const struct vnp_access *access, s32 off,
			 u32 size, u8 size_reg)
{
	u32 len = vnp_code_reach(l->code, l->insn, l->code->stack_size);

	switch (access->kind) {
	case VNP_REG_PACKET:
		guard_packet(l, access, off, size, size_reg);
		break;
	case VNP_REG_CTX:
		/* the object is the range from lo to hi that the verifier found */
		vnp_lower_context(l, access);
		vnp_emit_k(l, BPF_ALU64 | BPF_ADD, VNP_REG_AX, access->lo);
		guard_object(l, access, off, size, 0, access->hi - access->lo);
		break;
	case VNP_REG_STACK:
		vnp_emit_x(l, BPF_ALU64 | BPF_MOV, VNP_REG_AX, VNP_REG_FP);
		vnp_emit_k(l, BPF_ALU64 | BPF_SUB, VNP_REG_AX, len);
		guard_object(l, access, off, size, size_reg, len);
		break;
	case VNP_REG_MAP_VALUE:
		vnp_lower_map_base(l, access);
		guard_object(l, access, off, size, size_reg,
			     l->code->maps[access->map].value_size);
		break;
	}
}

void vnp_lower_guard(struct vnp_lower *l, const struct vnp_access *access, s32 off,
		     u32 size, u8 size_reg)
{
	enum vnp_fault fault = vnp_access_fault(access);
	u32 before = l->fault_cnt;

	if (access->guards & VNP_GUARD_SIZE)
		vnp_emit_fault(l, BPF_JMP | BPF_JGT | BPF_K, size_reg, 0,
			       VNP_SIZE_MAX, fault);
	if (access->guards & VNP_GUARD_EMPTY)
		vnp_emit_fault(l, BPF_JMP | BPF_JEQ | BPF_K, size_reg, 0, 0, fault);
	if (access->guards & VNP_GUARD_NULL) {
		/* NULL in place of memory requires a size of 0 */
		if (access->kind == VNP_REG_SCALAR)
			vnp_emit_fault(l, BPF_JMP | BPF_JNE | BPF_K, size_reg, 0, 0,
				       VNP_FAULT_NULL);
		else
			vnp_emit_fault(l, BPF_JMP | BPF_JEQ | BPF_K, access->reg, 0,
				       access->null, VNP_FAULT_NULL);
	}
	if (access->masks)
		vnp_lower_mask(l, access, off, size);
	else if (access->guards & (VNP_GUARD_LOW | VNP_GUARD_HIGH))
		guard_bounds(l, access, off, size, size_reg);
	/* the verifier relies on each of them */
	if (!l->err && WARN_ON_ONCE(l->fault_cnt - before != hweight32(access->guards)))
		l->err = -EFAULT;
}

/* AX is the remaining budget */
static void charge_end(struct vnp_lower *l)
{
	vnp_emit_save(l, l->budget_slot, VNP_REG_AX);
	guard_fault_k(l, BPF_JSLT, 0, VNP_FAULT_BUDGET);
	l->guard = VNP_FAULT_NONE;
}

void vnp_lower_charge(struct vnp_lower *l, u32 cost)
{
	l->guard = VNP_FAULT_BUDGET;
	vnp_emit_load(l, VNP_REG_AX, VNP_REG_FP, l->budget_slot);
	vnp_emit_k(l, BPF_ALU64 | BPF_SUB, VNP_REG_AX, cost);
	charge_end(l);
}

/*
 * R0 is free: the call will write it.  The context is loaded from where it was saved,
 * as R1 may speculatively be something else.
 */
void vnp_lower_charge_bytes(struct vnp_lower *l, const struct vnp_helper *helper)
{
	l->guard = VNP_FAULT_BUDGET;
	if (helper->bytes == VNP_COST_SIZE)
		vnp_emit_x(l, BPF_ALU64 | BPF_MOV, BPF_REG_0, BPF_REG_4);
	else
		vnp_emit(l, VNP_EMIT(BPF_LDX | BPF_MEM | BPF_W, BPF_REG_0,
				     vnp_lower_ctx(l, VNP_CTX_REG_NONE),
				     offsetof(struct vnp_ctx, len), 0));
	if (helper->bytes == VNP_COST_CRYPT)
		vnp_emit_k(l, BPF_ALU64 | BPF_LSH, BPF_REG_0, VNP_COST_CRYPT_SHIFT);
	else
		vnp_emit_k(l, BPF_ALU64 | BPF_RSH, BPF_REG_0, VNP_COST_SHIFT);
	vnp_emit_load(l, VNP_REG_AX, VNP_REG_FP, l->budget_slot);
	vnp_emit_x(l, BPF_ALU64 | BPF_SUB, VNP_REG_AX, BPF_REG_0);
	charge_end(l);
}
