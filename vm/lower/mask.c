// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Masks: they keep accesses inside even if a guard, or a branch of the program, was
 * mispredicted.
 *
 * As in a guard, AX is the distance X - r of the register from a place X. A mask
 * continues without a branch:
 *
 *	high:	AX -= kh		negative iff the access ends after the object
 *		AX s>>= 63		all ones then, else 0
 *		r |= AX			-1, or as it was
 *
 *	low:	AX -= kl		negative iff it begins inside or after
 *		AX s>>= 63
 *		r &= AX			0, or as it was
 *
 *			X (high)	kh			X (low)	   kl
 *	packet		data_end	off + size		data	   off + 1
 *	map value	base		off + size - length	base	   off + 1
 *	stack		R10		off + size - hi		R10	   off - lo + 1
 *	context		its start	off + size - hi		its start  off - lo + 1
 *
 * If the access is in bounds, which the verifier or the guards before ensure, both keep r,
 * so later computations with r do not change.  If it is not, then the access goes to off -
 * 1 or off: within VNP_SPEC_NULL of 0.
 *
 * spec_access.c asks for one side only if r is at most 2^40 away from its object, or from 0,
 * so the distance does not overflow.  It asks for both sides where the lower one is not
 * known, as an r that was made harmless and then decremented by more than VNP_SPEC_NULL
 * passes the lower one: it wraps to an address after the object.
 *
 * If r may be anywhere (VNP_MASK_FAR), let i = r + off - start be the offset of the
 * access in its object, of length L.  AX on the low side is -i - 1, the complement of
 * i, so it is negative iff 0 <= i < 2^63, whatever r is.  On the high side it is L -
 * size - i, exact for those i if L >= size.  The payload can be shorter than an access,
 * and so can the range of the stack or the context that the verifier allows; then L -
 * size - i would wrap for i > 2^63 - size, so the low side is checked for the last
 * byte, too: i + size - 1 < 2^63.
 */
#include "vm/lower/emit.h"
#include "vm/analysis/state.h"

struct mask_side {
	u8 guard;	/* VNP_GUARD_LOW or _HIGH */
	u8 jump;	/* the guard's comparison with... */
	s32 limit;	/* ...this ends in a fault */
	s32 sub;	/* kl or kh */
	u8 op;		/* what makes the pointer harmless */
	u16 field;	/* packet: where the context has X */
};

static void mask_distance(struct vnp_lower *l, const struct vnp_access *access,
			  const struct mask_side *side)
{
	switch (access->kind) {
	case VNP_REG_PACKET:
		vnp_lower_packet_distance(l, access, side->field);
		return;
	case VNP_REG_CTX:
		vnp_lower_context(l, access);
		break;
	case VNP_REG_STACK:
		vnp_emit_x(l, BPF_ALU64 | BPF_MOV, VNP_REG_AX, VNP_REG_FP);
		break;
	default:
		vnp_lower_map_base(l, access);
	}
	vnp_emit_x(l, BPF_ALU64 | BPF_SUB, VNP_REG_AX, access->reg);
}

/* AX is the distance; it stays so */
static void mask_guard(struct vnp_lower *l, const struct vnp_access *access,
		       const struct mask_side *side)
{
	if (access->guards & side->guard)
		vnp_emit_fault(l, BPF_JMP | side->jump | BPF_K, VNP_REG_AX, 0,
			       side->limit, vnp_access_fault(access));
}

/* AX is the distance already */
static void mask_finish(struct vnp_lower *l, const struct vnp_access *access,
			const struct mask_side *side)
{
	vnp_emit_k(l, BPF_ALU64 | BPF_SUB, VNP_REG_AX, side->sub);
	vnp_emit_k(l, BPF_ALU64 | BPF_ARSH, VNP_REG_AX, 63);
	vnp_emit_x(l, BPF_ALU64 | side->op, access->reg, VNP_REG_AX);
}

static void mask_one_side(struct vnp_lower *l, const struct vnp_access *access,
			  const struct mask_side *side)
{
	if (!((access->guards | access->masks) & side->guard))
		return;
	mask_distance(l, access, side);
	mask_guard(l, access, side);
	if (access->masks & side->guard)
		mask_finish(l, access, side);
}

/*
 * Where both sides have a guard r may be anywhere: AX -= kh wraps for an r that is nearly 2^63
 * bytes before X, so the upper mask sets r to -1.  The lower guard would accept -1, as it is above
 * any address of the kernel.  So the lower guard compares r first.
 */
static void mask_both_sides(struct vnp_lower *l, const struct vnp_access *access,
			    const struct mask_side *high, const struct mask_side *low)
{
	if (access->kind == VNP_REG_PACKET) {
		mask_distance(l, access, low);
		mask_guard(l, access, low);
	}
	mask_distance(l, access, high);
	mask_guard(l, access, high);
	if (access->kind != VNP_REG_PACKET)
		mask_guard(l, access, low);
	if (access->masks & VNP_GUARD_HIGH)
		mask_finish(l, access, high);
	if (access->masks & VNP_GUARD_LOW) {
		mask_distance(l, access, low);
		mask_finish(l, access, low);
	}
}

void vnp_lower_mask(struct vnp_lower *l, const struct vnp_access *access, s32 off,
		    u32 size)
{
	const u8 both = VNP_GUARD_LOW | VNP_GUARD_HIGH;
	s32 lo = 0, hi = 0;
	struct mask_side low, high;

	if (access->kind == VNP_REG_STACK) {
		lo = max_t(s32, access->lo, -(s32)l->code->stack_size);
		hi = access->hi;
	} else if (access->kind == VNP_REG_CTX) {
		lo = access->lo;
		hi = access->hi;
	} else if (access->kind == VNP_REG_MAP_VALUE) {
		hi = l->code->maps[access->map].value_size;
	}
	high = (struct mask_side){
		.guard = VNP_GUARD_HIGH, .jump = BPF_JSLT, .op = BPF_OR,
		.limit = off + (s32)size - hi, .sub = off + (s32)size - hi,
		.field = l->type->data_end_off,
	};
	low = (struct mask_side){
		.guard = VNP_GUARD_LOW, .jump = BPF_JSGT, .op = BPF_AND,
		.limit = off - lo, .sub = off - lo + 1,
		.field = l->type->data_off,
	};
	if ((access->guards & both) == both) {
		mask_both_sides(l, access, &high, &low);
	} else {
		mask_one_side(l, access, &high);
		mask_one_side(l, access, &low);
	}
	if (access->masks & VNP_MASK_FAR &&
	    (access->kind == VNP_REG_PACKET || hi - lo < (s32)size)) {
		low.sub = off + (s32)size - lo;
		mask_distance(l, access, &low);
		mask_finish(l, access, &low);
	}
}

void vnp_lower_barrier(struct vnp_lower *l)
{
	vnp_emit(l, VNP_EMIT(VNP_BARRIER, 0, 0, 0, 0));
}

void vnp_lower_doom(struct vnp_lower *l)
{
	u8 fault = VNP_FAULT_NULL;

	/*
	 * one of the guards before it always faults: this is reached by misprediction
	 * only
	 */
	if (!l->err && l->fault_cnt)
		fault = l->out->guard[l->fault[l->fault_cnt - 1].at];
	vnp_emit_fault(l, BPF_JMP | BPF_JA, 0, 0, 0, fault);
}
