// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The syntax is that of llvm-objdump since LLVM 16 (numbers in hexadecimal),
 * except that helpers and maps are called by their names.
 */
#include "vm/isa/decode.h"
#include "vm/isa/disasm.h"
#include "vm/helper.h"
#include "vm/isa/insn.h"

/* R0 is r0 in a 64 bit operation and w0 in a 32 bit one; AX is r11 */
static char disasm_bank(const struct bpf_insn *insn)
{
	return vnp_insn_is64(insn) ? 'r' : 'w';
}

static const char *disasm_sign(s32 v)
{
	return v < 0 ? "-" : "+";
}

static u32 disasm_abs(s32 v)
{
	return v < 0 ? (u32)-(s64)v : (u32)v;
}

/* the right operand, "0x10" or "r2" */
static void disasm_operand(const struct bpf_insn *insn, char *text, u32 size)
{
	if (vnp_insn_uses_x(insn))
		snprintf(text, size, "%c%u", disasm_bank(insn), insn->src_reg);
	else
		snprintf(text, size, "%s0x%x", insn->imm < 0 ? "-" : "",
			 disasm_abs(insn->imm));
}

static const char *disasm_alu_op(const struct bpf_insn *insn)
{
	static const char * const ops[16] = {
		[BPF_ADD >> 4] = "+=", [BPF_SUB >> 4] = "-=",
		[BPF_MUL >> 4] = "*=", [BPF_DIV >> 4] = "/=",
		[BPF_OR >> 4] = "|=", [BPF_AND >> 4] = "&=",
		[BPF_LSH >> 4] = "<<=", [BPF_RSH >> 4] = ">>=",
		[BPF_MOD >> 4] = "%=", [BPF_XOR >> 4] = "^=",
		[BPF_MOV >> 4] = "=", [BPF_ARSH >> 4] = "s>>=",
	};

	if (insn->off && BPF_OP(insn->code) == BPF_DIV)
		return "s/=";
	if (insn->off && BPF_OP(insn->code) == BPF_MOD)
		return "s%=";
	return ops[BPF_OP(insn->code) >> 4];
}

static void disasm_swap(const struct bpf_insn *insn, char *text)
{
	const char *how;

	if (BPF_CLASS(insn->code) == BPF_ALU64)
		how = "bswap";
	else
		how = BPF_SRC(insn->code) == BPF_TO_BE ? "be" : "le";
	snprintf(text, VNP_DISASM_LEN, "r%u = %s%d r%u", insn->dst_reg, how,
		 insn->imm, insn->dst_reg);
}

static void disasm_alu(const struct bpf_insn *insn, char *text)
{
	char bank = disasm_bank(insn), operand[16];
	u32 dst = insn->dst_reg;

	if (BPF_OP(insn->code) == BPF_END) {
		disasm_swap(insn, text);
		return;
	}
	if (BPF_OP(insn->code) == BPF_NEG) {
		snprintf(text, VNP_DISASM_LEN, "%c%u = -%c%u", bank, dst, bank, dst);
		return;
	}
	disasm_operand(insn, operand, sizeof(operand));
	if (BPF_OP(insn->code) == BPF_MOV && insn->off)
		snprintf(text, VNP_DISASM_LEN, "%c%u = (s%d)%s", bank, dst,
			 insn->off, operand);
	else
		snprintf(text, VNP_DISASM_LEN, "%c%u %s %s", bank, dst,
			 disasm_alu_op(insn), operand);
}

static void disasm_jump(const struct bpf_insn *insn, char *text)
{
	static const char * const ops[16] = {
		[BPF_JEQ >> 4] = "==", [BPF_JGT >> 4] = ">",
		[BPF_JGE >> 4] = ">=", [BPF_JSET >> 4] = "&",
		[BPF_JNE >> 4] = "!=", [BPF_JSGT >> 4] = "s>",
		[BPF_JSGE >> 4] = "s>=", [BPF_JLT >> 4] = "<",
		[BPF_JLE >> 4] = "<=", [BPF_JSLT >> 4] = "s<",
		[BPF_JSLE >> 4] = "s<=",
	};
	char operand[16];

	if (insn->code == (BPF_JMP32 | BPF_JA)) {
		snprintf(text, VNP_DISASM_LEN, "gotol %s0x%x",
			 disasm_sign(insn->imm), disasm_abs(insn->imm));
		return;
	}
	if (vnp_insn_is_ja(insn)) {
		snprintf(text, VNP_DISASM_LEN, "goto %s0x%x",
			 disasm_sign(insn->off), disasm_abs(insn->off));
		return;
	}
	disasm_operand(insn, operand, sizeof(operand));
	snprintf(text, VNP_DISASM_LEN, "if %c%u %s %s goto %s0x%x",
		 disasm_bank(insn), insn->dst_reg, ops[BPF_OP(insn->code) >> 4],
		 operand, disasm_sign(insn->off), disasm_abs(insn->off));
}

static void disasm_call(const struct bpf_insn *insn, char *text)
{
	const struct vnp_helper *helper = vnp_helper_get(insn->imm);

	if (!insn->src_reg && helper)
		snprintf(text, VNP_DISASM_LEN, "call vnp_%s", helper->name);
	else
		snprintf(text, VNP_DISASM_LEN, "call %s0x%x",
			 insn->imm < 0 ? "-" : "", disasm_abs(insn->imm));
}

/* "r1 + 0x4" */
static void disasm_place(const struct bpf_insn *insn, u32 reg, char *text, u32 size)
{
	snprintf(text, size, "r%u %s 0x%x", reg, disasm_sign(insn->off),
		 disasm_abs(insn->off));
}

/* A load or store with order, written as the kernel does (kernel/bpf/disasm.c) */
static void disasm_ordered(const struct bpf_insn *insn, char *text)
{
	u32 bits = vnp_insn_size(insn) * 8;
	char bank = bits == 64 ? 'r' : 'w', place[24];

	if (insn->imm == BPF_LOAD_ACQ) {
		disasm_place(insn, insn->src_reg, place, sizeof(place));
		snprintf(text, VNP_DISASM_LEN, "%c%u = load_acquire((u%u *)(%s))", bank,
			 insn->dst_reg, bits, place);
	} else {
		disasm_place(insn, insn->dst_reg, place, sizeof(place));
		snprintf(text, VNP_DISASM_LEN, "store_release((u%u *)(%s), %c%u)", bits,
			 place, bank, insn->src_reg);
	}
}

static void disasm_atomic(const struct bpf_insn *insn, char *text)
{
	u32 bits = vnp_insn_size(insn) * 8, src = insn->src_reg;
	char bank = bits == 64 ? 'r' : 'w', place[24];
	const char *name, *op;

	if (insn->imm == BPF_LOAD_ACQ || insn->imm == BPF_STORE_REL) {
		disasm_ordered(insn, text);
		return;
	}
	disasm_place(insn, insn->dst_reg, place, sizeof(place));
	switch (insn->imm & ~BPF_FETCH) {
	case BPF_XCHG & ~BPF_FETCH:
		snprintf(text, VNP_DISASM_LEN, "%c%u = xchg%s(%s, %c%u)", bank, src,
			 bits == 64 ? "_64" : "32_32", place, bank, src);
		return;
	case BPF_CMPXCHG & ~BPF_FETCH:
		snprintf(text, VNP_DISASM_LEN, "%c0 = cmpxchg%s(%s, %c0, %c%u)",
			 bank, bits == 64 ? "_64" : "32_32", place, bank, bank, src);
		return;
	case BPF_OR:
		name = "or";
		op = "|=";
		break;
	case BPF_AND:
		name = "and";
		op = "&=";
		break;
	case BPF_XOR:
		name = "xor";
		op = "^=";
		break;
	case BPF_ADD:
		name = "add";
		op = "+=";
		break;
	default:
		snprintf(text, VNP_DISASM_LEN, "(atomic operation 0x%x)", insn->imm);
		return;
	}
	if (insn->imm & BPF_FETCH)
		snprintf(text, VNP_DISASM_LEN,
			 "%c%u = atomic_fetch_%s((u%u *)(%s), %c%u)", bank, src,
			 name, bits, place, bank, src);
	else
		snprintf(text, VNP_DISASM_LEN, "lock *(u%u *)(%s) %s %c%u", bits,
			 place, op, bank, src);
}

static void disasm_memory(const struct bpf_insn *insn, char *text)
{
	u32 bits = vnp_insn_size(insn) * 8;
	char place[24];

	if (BPF_CLASS(insn->code) == BPF_LDX) {
		disasm_place(insn, insn->src_reg, place, sizeof(place));
		snprintf(text, VNP_DISASM_LEN, "r%u = *(%c%u *)(%s)", insn->dst_reg,
			 BPF_MODE(insn->code) == BPF_MEMSX ? 's' : 'u', bits, place);
		return;
	}
	if (vnp_insn_is_atomic(insn)) {
		disasm_atomic(insn, text);
		return;
	}
	disasm_place(insn, insn->dst_reg, place, sizeof(place));
	if (BPF_CLASS(insn->code) == BPF_STX)
		snprintf(text, VNP_DISASM_LEN, "*(u%u *)(%s) = r%u", bits, place,
			 insn->src_reg);
	else
		snprintf(text, VNP_DISASM_LEN, "*(u%u *)(%s) = %s0x%x", bits, place,
			 insn->imm < 0 ? "-" : "", disasm_abs(insn->imm));
}

static void disasm_ld_imm64(const struct bpf_insn *insn, char *text)
{
	switch (insn->src_reg) {
	case BPF_PSEUDO_MAP_IDX:
		snprintf(text, VNP_DISASM_LEN, "r%u = map %d ll", insn->dst_reg,
			 insn->imm);
		break;
	case BPF_PSEUDO_MAP_IDX_VALUE:
		snprintf(text, VNP_DISASM_LEN, "r%u = map %d value + 0x%x ll",
			 insn->dst_reg, insn->imm, (u32)insn[1].imm);
		break;
	default:
		snprintf(text, VNP_DISASM_LEN, "r%u = 0x%llx ll", insn->dst_reg,
			 (unsigned long long)vnp_insn_imm64(insn));
	}
}

u32 vnp_disasm(const struct bpf_insn *insn, char *text)
{
	if (insn->code == VNP_BARRIER)
		snprintf(text, VNP_DISASM_LEN, "nospec");
	else if (!vnp_op_table[insn->code].known)
		snprintf(text, VNP_DISASM_LEN, "(opcode 0x%02x)", insn->code);
	else if (vnp_insn_is_ld_imm64(insn))
		disasm_ld_imm64(insn, text);
	else if (vnp_insn_is_exit(insn))
		snprintf(text, VNP_DISASM_LEN, "exit");
	else if (vnp_insn_is_call(insn))
		disasm_call(insn, text);
	else if (vnp_insn_is_jump_class(insn))
		disasm_jump(insn, text);
	else if (vnp_insn_is_alu(insn))
		disasm_alu(insn, text);
	else
		disasm_memory(insn, text);
	return vnp_insn_len(insn);
}
