// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "vm/isa/eval.h"
#include "vm/isa/insn.h"

static u64 eval_divide(u8 op, bool is_signed, u32 bits, u64 a, u64 b)
{
	s64 sa = vnp_eval_extend(a, bits / 8), sb = vnp_eval_extend(b, bits / 8);

	if (!b)
		return op == BPF_DIV ? 0 : a;
	if (!is_signed)
		return op == BPF_DIV ? a / b : a % b;
	/* the only quotient that overflows */
	if (sb == -1)
		return op == BPF_DIV ? -(u64)sa : 0;
	return op == BPF_DIV ? sa / sb : sa % sb;
}

static u64 eval_shift_arithmetic(u64 v, u32 bits, u32 by)
{
	v = vnp_eval_extend(v, bits / 8);
	return v >> by | (v >> 63 && by ? ~0ULL << (64 - by) : 0);
}

u64 vnp_eval_alu(u8 op, s16 off, bool is64, u64 dst, u64 src)
{
	u32 bits = is64 ? 64 : 32, by = src & (bits - 1);
	u64 r, mask = is64 ? U64_MAX : U32_MAX;

	dst &= mask;
	src &= mask;
	switch (op) {
	case BPF_ADD:
		r = dst + src;
		break;
	case BPF_SUB:
		r = dst - src;
		break;
	case BPF_MUL:
		r = dst * src;
		break;
	case BPF_DIV:
	case BPF_MOD:
		r = eval_divide(op, off, bits, dst, src);
		break;
	case BPF_OR:
		r = dst | src;
		break;
	case BPF_AND:
		r = dst & src;
		break;
	case BPF_XOR:
		r = dst ^ src;
		break;
	case BPF_LSH:
		r = dst << by;
		break;
	case BPF_RSH:
		r = dst >> by;
		break;
	case BPF_ARSH:
		r = eval_shift_arithmetic(dst, bits, by);
		break;
	case BPF_NEG:
		r = -dst;
		break;
	default:
		r = off ? vnp_eval_extend(src, off / 8) : src;
	}
	return r & mask;
}

u64 vnp_eval_swap(u64 v, u32 bits, bool swap)
{
	if (swap)
		v = __builtin_bswap64(v) >> (64 - bits);
	return bits == 64 ? v : v & ((1ULL << bits) - 1);
}

u64 vnp_eval_extend(u64 v, u32 bytes)
{
	switch (bytes) {
	case 1:
		return (s64)(s8)v;
	case 2:
		return (s64)(s16)v;
	case 4:
		return (s64)(s32)v;
	default:
		return v;
	}
}

bool vnp_eval_branch(u8 op, bool is64, u64 a, u64 b)
{
	s64 sa = vnp_eval_extend(a, is64 ? 8 : 4), sb = vnp_eval_extend(b, is64 ? 8 : 4);

	if (!is64) {
		a = (u32)a;
		b = (u32)b;
	}
	switch (op) {
	case BPF_JEQ:
		return a == b;
	case BPF_JNE:
		return a != b;
	case BPF_JSET:
		return a & b;
	case BPF_JGT:
		return a > b;
	case BPF_JGE:
		return a >= b;
	case BPF_JLT:
		return a < b;
	case BPF_JLE:
		return a <= b;
	case BPF_JSGT:
		return sa > sb;
	case BPF_JSGE:
		return sa >= sb;
	case BPF_JSLT:
		return sa < sb;
	default:
		return sa <= sb;
	}
}

u64 vnp_eval_load(u64 addr, u32 bytes)
{
	const void *p = (const void *)(uintptr_t)addr;
	u16 v2;
	u32 v4;
	u64 v8;

	switch (bytes) {
	case 1:
		return *(const u8 *)p;
	case 2:
		memcpy(&v2, p, 2);
		return v2;
	case 4:
		memcpy(&v4, p, 4);
		return v4;
	default:
		memcpy(&v8, p, 8);
		return v8;
	}
}

void vnp_eval_store(u64 addr, u32 bytes, u64 v)
{
	void *p = (void *)(uintptr_t)addr;
	u16 v2 = v;
	u32 v4 = v;

	switch (bytes) {
	case 1:
		*(u8 *)p = v;
		break;
	case 2:
		memcpy(p, &v2, 2);
		break;
	case 4:
		memcpy(p, &v4, 4);
		break;
	default:
		memcpy(p, &v, 8);
	}
}

u64 vnp_eval_atomic(const struct bpf_insn *insn, u64 addr, u64 src, u64 r0)
{
	u32 bytes = vnp_insn_size(insn);
	u64 old = vnp_eval_load(addr, bytes), v;

	switch (insn->imm & ~BPF_FETCH) {
	case BPF_ADD:
		v = old + src;
		break;
	case BPF_OR:
		v = old | src;
		break;
	case BPF_AND:
		v = old & src;
		break;
	case BPF_XOR:
		v = old ^ src;
		break;
	case BPF_XCHG & ~BPF_FETCH:
		v = src;
		break;
	default:
		v = old == (bytes == 4 ? (u32)r0 : r0) ? src : old;
	}
	vnp_eval_store(addr, bytes, v);
	return old;
}
