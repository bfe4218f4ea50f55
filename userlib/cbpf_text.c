// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/* Classic instructions as text, as printed by tcpdump -d. */
#include <stdio.h>

#include "cbpf.h"
#include "internal.h"
#include "vm/env.h"

static void text_operand(const struct sock_filter *insn, char *text, size_t len)
{
	__s32 k = insn->k;

	switch (BPF_MODE(insn->code)) {
	case BPF_IMM:
		snprintf(text, len, "#0x%x", insn->k);
		break;
	case BPF_ABS:
		snprintf(text, len, k < 0 ? "[%d]" : "[%u]", k);
		break;
	case BPF_IND:
		snprintf(text, len, k < 0 ? "[x - %u]" : "[x + %u]", k < 0 ? -insn->k : insn->k);
		break;
	case BPF_MEM:
		snprintf(text, len, "M[%u]", insn->k);
		break;
	case BPF_LEN:
		snprintf(text, len, "#pktlen");
		break;
	default:
		snprintf(text, len, k < 0 ? "4*([%d]&0xf)" : "4*([%u]&0xf)", k);
	}
}

static void text_load(const struct sock_filter *insn, char *text, size_t len)
{
	const char *name = BPF_CLASS(insn->code) == BPF_LD ? "ld" : "ldx";
	char operand[24];

	text_operand(insn, operand, sizeof(operand));
	snprintf(text, len, "%s%s %s", name,
		 BPF_SIZE(insn->code) == BPF_B ? "b" :
		 BPF_SIZE(insn->code) == BPF_H ? "h" : "", operand);
}

static void text_alu(const struct sock_filter *insn, char *text, size_t len)
{
	static const char *const names[] = {
		"add", "sub", "mul", "div", "or", "and", "lsh", "rsh", "neg", "mod", "xor",
	};
	const char *name = names[BPF_OP(insn->code) >> 4];

	if (BPF_OP(insn->code) == BPF_NEG)
		snprintf(text, len, "neg");
	else if (BPF_SRC(insn->code) == BPF_X)
		snprintf(text, len, "%s x", name);
	else
		snprintf(text, len, "%s #0x%x", name, insn->k);
}

static void text_jump(const struct sock_filter *insn, __u32 at, char *text, size_t len)
{
	static const char *const names[] = { "ja", "jeq", "jgt", "jge", "jset" };
	const char *name = names[BPF_OP(insn->code) >> 4];

	if (BPF_OP(insn->code) == BPF_JA)
		snprintf(text, len, "ja %u", at + 1 + insn->k);
	else if (BPF_SRC(insn->code) == BPF_X)
		snprintf(text, len, "%s x jt %u jf %u", name, at + 1 + insn->jt,
			 at + 1 + insn->jf);
	else
		snprintf(text, len, "%s #0x%x jt %u jf %u", name, insn->k,
			 at + 1 + insn->jt, at + 1 + insn->jf);
}

void vnp_cbpf_text(const struct sock_filter *insn, __u32 at, char *text, size_t len)
{
	switch (BPF_CLASS(insn->code)) {
	case BPF_LD:
	case BPF_LDX:
		text_load(insn, text, len);
		break;
	case BPF_ST:
	case BPF_STX:
		snprintf(text, len, "%s M[%u]",
			 BPF_CLASS(insn->code) == BPF_ST ? "st" : "stx", insn->k);
		break;
	case BPF_ALU:
		text_alu(insn, text, len);
		break;
	case BPF_JMP:
		text_jump(insn, at, text, len);
		break;
	case BPF_RET:
		if (BPF_RVAL(insn->code) == BPF_A)
			snprintf(text, len, "ret");
		else
			snprintf(text, len, "ret #%u", insn->k);
		break;
	default:
		snprintf(text, len,
			 BPF_MISCOP(insn->code) == BPF_TAX ? "tax" : "txa");
	}
}
