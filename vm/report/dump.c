// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "vm/report/dump.h"
#include "vm/code.h"
#include "vm/frame.h"
#include "vm/isa/insn.h"

/* Say which map, in the form that VNP_PROG_LOAD takes. */
static void dump_map(const struct vnp_code *code, u32 i,
		     struct vnp_lowered_insn *out)
{
	const struct bpf_insn *insn = &code->lowered.insns[i];
	u32 index = code->lowered.map[i] - 1;
	const struct vnp_map_desc *map = &code->maps[index];
	u64 addr = vnp_insn_imm64(insn);

	out[0].imm = index;
	if (addr == (unsigned long)map->handle) {
		out[0].regs = insn->dst_reg | BPF_PSEUDO_MAP_IDX << 4;
		out[1].imm = 0;
	} else {
		out[0].regs = insn->dst_reg | BPF_PSEUDO_MAP_IDX_VALUE << 4;
		out[1].imm = addr - (unsigned long)map->value;
	}
}

static bool dump_is_blinded(const struct bpf_insn *insn)
{
	const u8 class = BPF_CLASS(insn[0].code);

	return vnp_insn_is_alu(&insn[0]) && insn[0].code == (class | BPF_MOV | BPF_K) &&
	       insn[1].code == (class | BPF_XOR | BPF_K) &&
	       insn[0].dst_reg == VNP_REG_AX && insn[1].dst_reg == VNP_REG_AX;
}

/*
 * An immediate that is blinded is loaded into AX as two numbers.  A user who knew them would know
 * which bytes are in executable memory: show the immediate itself, and 0.
 */
static void dump_unblind(const struct vnp_lowered *low, struct vnp_lowered_insn *out)
{
	u32 i;

	for (i = 0; i + 1 < low->cnt; i++) {
		if (!dump_is_blinded(&low->insns[i]))
			continue;
		out[i].imm ^= out[i + 1].imm;
		out[i + 1].imm = 0;
	}
}

void vnp_lowered_dump(const struct vnp_code *code, struct vnp_lowered_insn *out)
{
	const struct vnp_lowered *low = &code->lowered;
	u32 i;

	for (i = 0; i < low->cnt; i++) {
		const struct bpf_insn *insn = &low->insns[i];

		out[i] = (struct vnp_lowered_insn){
			.code = insn->code,
			.regs = insn->dst_reg | insn->src_reg << 4,
			.off = insn->off,
			.imm = insn->imm,
			.origin = vnp_code_origin(code, low->origin[i]),
			.guard = low->guard[i],
		};
	}
	for (i = 0; i < low->cnt; i += vnp_insn_len(&low->insns[i]))
		if (low->map[i])
			dump_map(code, i, &out[i]);
	if (code->harden)
		dump_unblind(low, out);
}
