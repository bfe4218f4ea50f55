// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Where the object of an access begins or ends, in AX: guards and masks compute with it.
 */
#include "vm/lower/emit.h"
#include "vm/analysis/state.h"

u8 vnp_lower_ctx(struct vnp_lower *l, u8 reg)
{
	if (reg != VNP_CTX_REG_NONE)
		return reg;
	vnp_emit_load(l, VNP_REG_AX, VNP_REG_FP, l->ctx_slot);
	return VNP_REG_AX;
}

void vnp_lower_packet_distance(struct vnp_lower *l, const struct vnp_access *access,
			       u16 field)
{
	u8 ctx = vnp_lower_ctx(l, access->ctx_reg);

	vnp_emit_load(l, VNP_REG_AX, ctx, field);
	vnp_emit_x(l, BPF_ALU64 | BPF_SUB, VNP_REG_AX, access->reg);
}

void vnp_lower_context(struct vnp_lower *l, const struct vnp_access *access)
{
	u8 ctx = vnp_lower_ctx(l, access->ctx_reg);

	if (ctx != VNP_REG_AX)
		vnp_emit_x(l, BPF_ALU64 | BPF_MOV, VNP_REG_AX, ctx);
}

void vnp_lower_map_base(struct vnp_lower *l, const struct vnp_access *access)
{
	u32 i;

	if (access->base == VNP_SITE_MAP) {
		vnp_emit_address(l, VNP_REG_AX,
				 (uintptr_t)l->code->maps[access->map].value,
				 access->map);
		return;
	}
	for (i = 0; i < l->base_cnt; i++)
		if (l->base[i].insn == access->base)
			vnp_emit_load(l, VNP_REG_AX, VNP_REG_FP, l->base[i].slot);
}
