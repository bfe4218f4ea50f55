// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/*
 * Refuses exactly the classic BPF that the kernel refuses (bpf_check_classic() in
 * net/core/filter.c).  Jumps only go forward, so a single pass from the first instruction
 * to the last is enough.
 */
#include <stdarg.h>
#include <stdio.h>

#include "cbpf.h"
#include "internal.h"

int vnp_cbpf_refuse(char why[VNP_CBPF_WHY], int err, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(why, VNP_CBPF_WHY, fmt, args);
	va_end(args);
	return err;
}

static bool code_known(__u16 code)
{
	switch (code) {
	case BPF_ALU | BPF_NEG:
	case BPF_LD | BPF_W | BPF_ABS:
	case BPF_LD | BPF_H | BPF_ABS:
	case BPF_LD | BPF_B | BPF_ABS:
	case BPF_LD | BPF_W | BPF_IND:
	case BPF_LD | BPF_H | BPF_IND:
	case BPF_LD | BPF_B | BPF_IND:
	case BPF_LD | BPF_W | BPF_LEN:
	case BPF_LD | BPF_IMM:
	case BPF_LD | BPF_MEM:
	case BPF_LDX | BPF_W | BPF_LEN:
	case BPF_LDX | BPF_B | BPF_MSH:
	case BPF_LDX | BPF_IMM:
	case BPF_LDX | BPF_MEM:
	case BPF_ST:
	case BPF_STX:
	case BPF_MISC | BPF_TAX:
	case BPF_MISC | BPF_TXA:
	case BPF_RET | BPF_K:
	case BPF_RET | BPF_A:
	case BPF_JMP | BPF_JA:
		return true;
	}
	if (code & ~(BPF_CLASS(~0) | BPF_OP(~0) | BPF_SRC(~0)))
		return false;
	switch (BPF_CLASS(code)) {
	case BPF_ALU:
		return BPF_OP(code) <= BPF_XOR && BPF_OP(code) != BPF_NEG;
	case BPF_JMP:
		return BPF_OP(code) >= BPF_JEQ && BPF_OP(code) <= BPF_JSET;
	default:
		return false;
	}
}

static int check_alu(const struct sock_filter *insn, __u32 at, char *why)
{
	if (BPF_SRC(insn->code) != BPF_K)
		return 0;
	switch (BPF_OP(insn->code)) {
	case BPF_DIV:
	case BPF_MOD:
		return insn->k ? 0 :
		       vnp_cbpf_refuse(why, -EINVAL, "Instruction %u divides by zero.", at);
	case BPF_LSH:
	case BPF_RSH:
		return insn->k < 32 ? 0 :
		       vnp_cbpf_refuse(why, -EINVAL,
				       "Instruction %u shifts 32 bits by %u: the limit is 31.",
				       at, insn->k);
	default:
		return 0;
	}
}

static int check_jump(const struct sock_filter *insn, __u32 at, size_t cnt, char *why)
{
	__u64 to = insn->k;

	if (BPF_OP(insn->code) != BPF_JA)
		to = insn->jt > insn->jf ? insn->jt : insn->jf;
	to += (__u64)at + 1;
	return to < cnt ? 0 :
	       vnp_cbpf_refuse(why, -EINVAL,
			       "Instruction %u jumps to %llu, beyond the last one (%zu).",
			       at, to, cnt - 1);
}

static bool uses_memory(__u16 code)
{
	return code == BPF_ST || code == BPF_STX || code == (BPF_LD | BPF_MEM) ||
	       code == (BPF_LDX | BPF_MEM);
}

static int check_insn(const struct sock_filter *insn, __u32 at, size_t cnt, char *why)
{
	if (!code_known(insn->code))
		return vnp_cbpf_refuse(why, -EINVAL,
				       "Instruction %u has code %u, which is not valid in classic BPF.",
				       at, insn->code);
	if (BPF_CLASS(insn->code) == BPF_ALU)
		return check_alu(insn, at, why);
	if (BPF_CLASS(insn->code) == BPF_JMP)
		return check_jump(insn, at, cnt, why);
	if (uses_memory(insn->code) && insn->k >= BPF_MEMWORDS)
		return vnp_cbpf_refuse(why, -EINVAL,
				       "Instruction %u uses M[%u]: M[%u] is the last.", at,
				       insn->k, BPF_MEMWORDS - 1);
	if (vnp_cbpf_is_ancillary(insn) &&
	    (insn->k % 4 || insn->k >= (__u32)(SKF_AD_OFF + SKF_AD_MAX)))
		return vnp_cbpf_refuse(why, -EINVAL,
				       "Instruction %u loads unknown ancillary data (SKF_AD_OFF + %u).",
				       at, insn->k - SKF_AD_OFF);
	return 0;
}

/*
 * Is every word of M[] written before it is read?  @written has a bit for each word
 * that is written on all paths to an instruction.  As in the kernel, a RET is treated as
 * continuing with the next instruction.
 */
static int check_memory(const struct sock_filter *insns, size_t cnt, __u16 *written,
			char *why)
{
	__u16 now = 0;
	size_t i;

	memset(written, 0xff, cnt * sizeof(*written));
	for (i = 0; i < cnt; i++) {
		const struct sock_filter *insn = &insns[i];

		now &= written[i];
		if (BPF_CLASS(insn->code) == BPF_ST || BPF_CLASS(insn->code) == BPF_STX) {
			now |= 1 << insn->k;
		} else if (uses_memory(insn->code) && !(now >> insn->k & 1)) {
			return vnp_cbpf_refuse(why, -EINVAL,
					       "Instruction %zu reads M[%u], which may not have been written.",
					       i, insn->k);
		} else if (insn->code == (BPF_JMP | BPF_JA)) {
			written[i + 1 + insn->k] &= now;
			now = 0xffff;
		} else if (BPF_CLASS(insn->code) == BPF_JMP) {
			written[i + 1 + insn->jt] &= now;
			written[i + 1 + insn->jf] &= now;
			now = 0xffff;
		}
	}
	return 0;
}

int vnp_cbpf_check(const struct sock_filter *insns, size_t cnt, char why[VNP_CBPF_WHY])
{
	__u16 written[BPF_MAXINSNS];
	size_t i;
	int err;

	if (!cnt || cnt > BPF_MAXINSNS)
		return vnp_cbpf_refuse(why, -EINVAL,
				       "A classic program must have 1 to %u instructions.",
				       BPF_MAXINSNS);
	for (i = 0; i < cnt; i++) {
		err = check_insn(&insns[i], i, cnt, why);
		if (err)
			return err;
	}
	if (BPF_CLASS(insns[cnt - 1].code) != BPF_RET)
		return vnp_cbpf_refuse(why, -EINVAL,
				       "The last instruction (%zu) is not a RET.", cnt - 1);
	return check_memory(insns, cnt, written, why);
}
