// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include <endian.h>
#include <stddef.h>
#include <string.h>

#include "insn_macros.h"
#include "operation.h"

#define TABLE_MAX	8000

static const __s32 imms[] = {
	0, 1, -1, 2, -2, 3, 7, 8, 16, 31, 32, 33, 63, 64, 65, 127, 128, -128, -129, 255,
	0x7fff, 0xffff, 0x7fffffff, -0x7fffffff, -0x80000000,
};

static const __u64 values[] = {
	0, 1, -1, 31, 32, 63, 64, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000,
	0x8000000000000000, 0x7fffffffffffffff, 0xffffffff80000000, 0x123456789abcdef0,
};

bool op_input(__u32 n, struct op_input *in)
{
	__u32 a = n % ARRAY_SIZE(values), b = n / ARRAY_SIZE(values);

	if (b >= ARRAY_SIZE(values))
		return false;
	in->dst = values[a];
	in->src = values[b];
	/* what is equal in a cmpxchg: all, the lower half, the upper half, or nothing */
	switch ((a + b) % 4) {
	case 0:
		in->r0 = in->dst;
		break;
	case 1:
		in->r0 = in->dst ^ 0xabcdef0100000000;
		break;
	case 2:
		in->r0 = in->dst ^ 1;
		break;
	default:
		in->r0 = ~in->dst;
	}
	return true;
}

/*
 * ---- The table ----------------------------------------------------------
 */

static struct op table[TABLE_MAX];
static __u32 table_cnt;

static void add(struct bpf_insn insn, __u8 at, bool first)
{
	table[table_cnt++] = (struct op){ .insn = insn, .at = at, .first = first };
}

/* With immediates; registers alternate */
static void add_imms(__u8 code, __s16 off)
{
	static __u32 reg;
	__u32 i;

	for (i = 0; i < ARRAY_SIZE(imms); i++)
		add(BPF_RAW_INSN(code, reg++ % 10, 0, off, imms[i]), 0, true);
}

/* With pairs of registers: all, or a few */
static void add_pairs(__u8 code, __s16 off, __s32 imm, bool all)
{
	__u32 dst, by;

	for (dst = 0; dst < 10; dst++)
		for (by = 0; by < 10; by++)
			if (all || by == 0 || by == 1 || by == 5)
				add(BPF_RAW_INSN(code, dst, (dst + by) % 10, off, imm), 0,
				    dst == 1 && by == 1);
}

static void add_alu(__u8 class)
{
	static const __u8 ops[] = {
		BPF_ADD, BPF_SUB, BPF_MUL, BPF_DIV, BPF_OR, BPF_AND, BPF_LSH, BPF_RSH,
		BPF_MOD, BPF_XOR, BPF_MOV, BPF_ARSH,
	};
	__u32 i;

	/* JITs use certain registers for shifts, products and quotients */
	for (i = 0; i < sizeof(ops); i++) {
		add_imms(class | ops[i] | BPF_K, 0);
		add_pairs(class | ops[i] | BPF_X, 0, 0,
			  ops[i] != BPF_ADD && ops[i] != BPF_SUB && ops[i] != BPF_OR &&
			  ops[i] != BPF_AND && ops[i] != BPF_XOR && ops[i] != BPF_MOV);
	}
	add_imms(class | BPF_DIV | BPF_K, 1);
	add_imms(class | BPF_MOD | BPF_K, 1);
	add_pairs(class | BPF_DIV | BPF_X, 1, 0, true);
	add_pairs(class | BPF_MOD | BPF_X, 1, 0, true);
	for (i = 8; i <= (class == BPF_ALU ? 16 : 32); i *= 2)
		add_pairs(class | BPF_MOV | BPF_X, i, 0, false);
	for (i = 0; i < 10; i++)
		add(BPF_RAW_INSN(class | BPF_NEG, i, 0, 0, 0), 0, !i);
}

static void add_swaps(void)
{
	__u32 reg, bits;

	for (reg = 0; reg < 10; reg++) {
		for (bits = 16; bits <= 64; bits *= 2) {
			add(BPF_ENDIAN(BPF_TO_BE, reg, bits), 0, !reg);
			add(BPF_ENDIAN(BPF_TO_LE, reg, bits), 0, !reg);
			add(BPF_BSWAP(reg, bits), 0, !reg);
		}
	}
}

static void add_jumps(__u8 class)
{
	static const __u8 ops[] = {
		BPF_JEQ, BPF_JNE, BPF_JSET, BPF_JGT, BPF_JGE, BPF_JLT, BPF_JLE, BPF_JSGT,
		BPF_JSGE, BPF_JSLT, BPF_JSLE,
	};
	__u32 i;

	for (i = 0; i < sizeof(ops); i++) {
		add_imms(class | ops[i] | BPF_K, 0);
		add_pairs(class | ops[i] | BPF_X, 0, 0, false);
	}
}

/* Offsets of one byte, of more, and the largest: registers alternate here too */
static __s16 far_off(__u32 n)
{
	static const __s16 offs[] = { 0, 1, 127, 128, -128, -129, 0x7ff0, -0x7ff0 };

	return offs[n % ARRAY_SIZE(offs)];
}

static __u32 size_of(__u8 code)
{
	switch (BPF_SIZE(code)) {
	case BPF_B:
		return 1;
	case BPF_H:
		return 2;
	case BPF_W:
		return 4;
	default:
		return 8;
	}
}

/* Memory operations: one register points there, the other is a different one */
static void add_memory(__u8 code, __s32 imm, bool all)
{
	__u32 first = table_cnt, dst, by, n = 0;

	for (dst = 0; dst < 10; dst++) {
		for (by = BPF_CLASS(code) == BPF_LDX ? 0 : 1; by < 10; by++) {
			__u32 size = size_of(code), at = size * (n % (8 / size));

			if (!all && by > 1 && by != 5)
				continue;
			/* the value compared with R0 is not a pointer */
			if (!dst && BPF_MODE(code) == BPF_ATOMIC && imm == BPF_CMPXCHG)
				continue;
			add(BPF_RAW_INSN(code, dst, (dst + by) % 10, far_off(n++), imm), at,
			    table_cnt == first);
		}
	}
}

static void add_stores(__u8 size)
{
	__u32 i, bytes = size_of(size);

	for (i = 0; i < ARRAY_SIZE(imms); i++)
		add(BPF_RAW_INSN(BPF_ST | BPF_MEM | size, i % 10, 0, far_off(i), imms[i]),
		    bytes * (i % (8 / bytes)), true);
	add_memory(BPF_STX | BPF_MEM | size, 0, false);
	add_memory(BPF_LDX | BPF_MEM | size, 0, false);
	if (size != BPF_DW)
		add_memory(BPF_LDX | BPF_MEMSX | size, 0, false);
}

static void add_atomics(__u8 size)
{
	static const __s32 ops[] = {
		BPF_ADD, BPF_OR, BPF_AND, BPF_XOR, BPF_ADD | BPF_FETCH,
		BPF_OR | BPF_FETCH, BPF_AND | BPF_FETCH, BPF_XOR | BPF_FETCH,
		BPF_XCHG, BPF_CMPXCHG,
	};
	__u32 i;

	for (i = 0; i < ARRAY_SIZE(ops); i++)
		add_memory(BPF_STX | BPF_ATOMIC | size, ops[i], true);
}

const struct op *op_table(__u32 *cnt)
{
	if (!table_cnt) {
		add_alu(BPF_ALU);
		add_alu(BPF_ALU64);
		add_swaps();
		add_jumps(BPF_JMP);
		add_jumps(BPF_JMP32);
		add_stores(BPF_B);
		add_stores(BPF_H);
		add_stores(BPF_W);
		add_stores(BPF_DW);
		add_atomics(BPF_W);
		add_atomics(BPF_DW);
	}
	*cnt = table_cnt;
	return table;
}

__u32 op_firsts(__u32 *at, struct op *ops)
{
	__u32 cnt, n = 0;

	op_table(&cnt);
	for (; *at < cnt && n < OPS_MAX; ++*at)
		if (table[*at].first)
			ops[n++] = table[*at];
	return n;
}

/*
 * ---- Programs -----------------------------------------------------------
 */

/* Properties of an instruction that determine the code around it */
static bool is_load(const struct bpf_insn *insn)
{
	return BPF_CLASS(insn->code) == BPF_LDX;
}

static bool is_store(const struct bpf_insn *insn)
{
	return BPF_CLASS(insn->code) == BPF_STX || BPF_CLASS(insn->code) == BPF_ST;
}

static bool is_jump(const struct bpf_insn *insn)
{
	return BPF_CLASS(insn->code) == BPF_JMP || BPF_CLASS(insn->code) == BPF_JMP32;
}

static bool is_swap(const struct bpf_insn *insn)
{
	return (BPF_CLASS(insn->code) == BPF_ALU || BPF_CLASS(insn->code) == BPF_ALU64) &&
	       BPF_OP(insn->code) == BPF_END;
}

/* Does it read a number from its source register? */
static bool has_src(const struct bpf_insn *insn)
{
	if (is_load(insn) || is_swap(insn))
		return false;
	return BPF_CLASS(insn->code) == BPF_STX ||
	       (BPF_CLASS(insn->code) != BPF_ST && BPF_SRC(insn->code) == BPF_X);
}

static bool has_r0(const struct bpf_insn *insn)
{
	bool src = has_src(insn) || is_load(insn);

	return insn->dst_reg && !(src && !insn->src_reg);
}

/* A program under construction */
struct maker {
	struct bpf_insn *insns;
	__u32 cnt;
	__u32 map;
	const struct op_input *known;
};

static void put(struct maker *m, struct bpf_insn insn)
{
	m->insns[m->cnt++] = insn;
}

/* The address of a byte of the map's value */
static void put_address(struct maker *m, __u32 reg, __u32 off)
{
	put(m, BPF_RAW_INSN(BPF_LD | BPF_DW | BPF_IMM, reg, BPF_PSEUDO_MAP_IDX_VALUE, 0,
			    m->map));
	put(m, BPF_RAW_INSN(0, 0, 0, 0, off));
}

/* An operand; @ptr points to the beginning of the value */
static void put_operand(struct maker *m, __u32 reg, __u32 ptr, __u32 off)
{
	__u64 value;

	if (!m->known) {
		put(m, BPF_LDX_MEM(BPF_DW, reg, ptr, off));
		return;
	}
	memcpy(&value, (const char *)m->known + off, sizeof(value));
	put(m, BPF_RAW_INSN(BPF_LD | BPF_DW | BPF_IMM, reg, 0, 0, (__u32)value));
	put(m, BPF_RAW_INSN(0, 0, 0, 0, value >> 32));
}

/* A register that points into the word, minus the instruction's offset */
static void put_pointer(struct maker *m, const struct op *op, __u32 reg)
{
	put_address(m, reg, offsetof(struct op_memory, word));
	put(m, BPF_ALU64_IMM(BPF_ADD, reg, op->at - op->insn.off));
}

static void put_result(struct maker *m, __u32 ptr, __u32 off, bool there, __u32 reg)
{
	if (there)
		put(m, BPF_STX_MEM(BPF_DW, ptr, reg, off));
	else
		put(m, BPF_ST_MEM(BPF_DW, ptr, off, 0));
}

static void put_operands(struct maker *m, const struct op *op, __u32 ptr)
{
	const struct bpf_insn *insn = &op->insn;
	bool memory = is_load(insn) || is_store(insn);

	put_address(m, ptr, 0);
	if (memory) {
		put_operand(m, R0, ptr, offsetof(struct op_input, dst));
		put(m, BPF_STX_MEM(BPF_DW, ptr, R0, offsetof(struct op_memory, word)));
	}
	if (has_r0(insn))
		put_operand(m, R0, ptr, offsetof(struct op_input, r0));
	if (has_src(insn))
		put_operand(m, insn->src_reg, ptr, offsetof(struct op_input, src));
	if (is_load(insn))
		put_pointer(m, op, insn->src_reg);
	else if (is_store(insn))
		put_pointer(m, op, insn->dst_reg);
	else
		put_operand(m, insn->dst_reg, ptr, offsetof(struct op_input, dst));
}

static void put_op(struct maker *m, const struct op *op, __u32 n)
{
	const struct bpf_insn *insn = &op->insn;
	__u32 ptr = 9;

	while (ptr == insn->dst_reg || ptr == insn->src_reg)
		ptr--;
	put_operands(m, op, ptr);
	if (is_jump(insn)) {
		put_address(m, ptr, offsetof(struct op_memory, out[n]));
		put(m, *insn);
		m->insns[m->cnt - 1].off = 2;
		put(m, BPF_ST_MEM(BPF_DW, ptr, 0, 0));
		put(m, BPF_JMP_A(1));
		put(m, BPF_ST_MEM(BPF_DW, ptr, 0, 1));
	} else {
		put(m, *insn);
		put_address(m, ptr, offsetof(struct op_memory, out[n]));
		if (is_store(insn)) {
			put_address(m, insn->dst_reg, offsetof(struct op_memory, word));
			put(m, BPF_LDX_MEM(BPF_DW, insn->dst_reg, insn->dst_reg, 0));
		}
		put_result(m, ptr, 0, true, insn->dst_reg);
	}
	put_result(m, ptr, offsetof(struct op_output, src), has_src(insn), insn->src_reg);
	put_result(m, ptr, offsetof(struct op_output, r0), has_r0(insn), R0);
}

__u32 op_program(const struct op *ops, __u32 cnt, const struct op_input *known, __u32 map,
		 struct bpf_insn *insns)
{
	struct maker m = { .insns = insns, .map = map, .known = known };
	__u32 i;

	for (i = 0; i < cnt; i++)
		put_op(&m, &ops[i], i);
	put(&m, BPF_MOV64_IMM(R0, 0));
	put(&m, BPF_EXIT_INSN());
	return m.cnt;
}

/*
 * ---- Expectations -------------------------------------------------------
 */

static __u64 expect_alu64(__u8 op, __s16 off, __u64 a, __u64 b)
{
	__s64 sa = a, sb = b;

	switch (op) {
	case BPF_ADD:	return a + b;
	case BPF_SUB:	return a - b;
	case BPF_MUL:	return a * b;
	case BPF_OR:	return a | b;
	case BPF_AND:	return a & b;
	case BPF_XOR:	return a ^ b;
	case BPF_LSH:	return a << (b & 63);
	case BPF_RSH:	return a >> (b & 63);
	case BPF_ARSH:	return sa >> (b & 63);
	case BPF_NEG:	return 0 - a;
	case BPF_DIV:
		if (!b)
			return 0;
		return !off ? a / b : sb == -1 ? 0 - a : (__u64)(sa / sb);
	case BPF_MOD:
		if (!b)
			return a;
		return !off ? a % b : sb == -1 ? 0 : (__u64)(sa % sb);
	default:
		return off == 8 ? (__u64)(__s8)b : off == 16 ? (__u64)(__s16)b :
		       off == 32 ? (__u64)(__s32)b : b;
	}
}

static __u32 expect_alu32(__u8 op, __s16 off, __u32 a, __u32 b)
{
	__s32 sa = a, sb = b;

	switch (op) {
	case BPF_ADD:	return a + b;
	case BPF_SUB:	return a - b;
	case BPF_MUL:	return a * b;
	case BPF_OR:	return a | b;
	case BPF_AND:	return a & b;
	case BPF_XOR:	return a ^ b;
	case BPF_LSH:	return a << (b & 31);
	case BPF_RSH:	return a >> (b & 31);
	case BPF_ARSH:	return sa >> (b & 31);
	case BPF_NEG:	return 0 - a;
	case BPF_DIV:
		if (!b)
			return 0;
		return !off ? a / b : sb == -1 ? 0 - a : (__u32)(sa / sb);
	case BPF_MOD:
		if (!b)
			return a;
		return !off ? a % b : sb == -1 ? 0 : (__u32)(sa % sb);
	default:
		return off == 8 ? (__u32)(__s8)b : off == 16 ? (__u32)(__s16)b : b;
	}
}

static __u64 expect_swap(const struct bpf_insn *insn, __u64 v)
{
	if (BPF_CLASS(insn->code) == BPF_ALU64)
		return insn->imm == 16 ? __builtin_bswap16(v) :
		       insn->imm == 32 ? __builtin_bswap32(v) : __builtin_bswap64(v);
	if (BPF_SRC(insn->code) == BPF_TO_BE)
		return insn->imm == 16 ? htobe16(v) : insn->imm == 32 ? htobe32(v) : htobe64(v);
	return insn->imm == 16 ? htole16(v) : insn->imm == 32 ? htole32(v) : htole64(v);
}

static bool expect_taken(__u8 op, __u64 a, __u64 b, __s64 sa, __s64 sb)
{
	switch (op) {
	case BPF_JEQ:	return a == b;
	case BPF_JNE:	return a != b;
	case BPF_JSET:	return a & b;
	case BPF_JGT:	return a > b;
	case BPF_JGE:	return a >= b;
	case BPF_JLT:	return a < b;
	case BPF_JLE:	return a <= b;
	case BPF_JSGT:	return sa > sb;
	case BPF_JSGE:	return sa >= sb;
	case BPF_JSLT:	return sa < sb;
	default:	return sa <= sb;
	}
}

static __u64 expect_load(const struct bpf_insn *insn, const void *from)
{
	bool is_signed = BPF_MODE(insn->code) == BPF_MEMSX;
	__u64 v8;
	__u32 v4;
	__u16 v2;
	__u8 v1;

	switch (BPF_SIZE(insn->code)) {
	case BPF_B:
		memcpy(&v1, from, 1);
		return is_signed ? (__u64)(__s8)v1 : v1;
	case BPF_H:
		memcpy(&v2, from, 2);
		return is_signed ? (__u64)(__s16)v2 : v2;
	case BPF_W:
		memcpy(&v4, from, 4);
		return is_signed ? (__u64)(__s32)v4 : v4;
	default:
		memcpy(&v8, from, 8);
		return v8;
	}
}

/* The lower bytes of a number; not tested on big-endian machines */
static void expect_store(void *to, __u32 size, __u64 v)
{
	v = htole64(v);
	memcpy(to, &v, size);
}

static void expect_atomic(const struct bpf_insn *insn, void *at, struct op_output *out)
{
	__u32 size = size_of(insn->code);
	__u64 mask = size == 4 ? 0xffffffff : ~0ULL;
	__u64 old = 0, *r0 = insn->src_reg ? &out->r0 : &out->src;

	memcpy(&old, at, size);
	if (insn->imm == BPF_CMPXCHG) {
		if (old == (*r0 & mask))
			expect_store(at, size, out->src);
		*r0 = old;
		return;
	}
	switch (insn->imm & ~BPF_FETCH) {
	case BPF_ADD:
		expect_store(at, size, old + out->src);
		break;
	case BPF_OR:
		expect_store(at, size, old | out->src);
		break;
	case BPF_AND:
		expect_store(at, size, old & out->src);
		break;
	case BPF_XOR:
		expect_store(at, size, old ^ out->src);
		break;
	default:
		expect_store(at, size, out->src);
	}
	if (insn->imm & BPF_FETCH)
		out->src = old;
}

static void expect_memory(const struct op *op, __u64 imm, struct op_output *out)
{
	const struct bpf_insn *insn = &op->insn;
	char *at = (char *)&out->dst + op->at;

	if (is_load(insn))
		out->dst = expect_load(insn, at);
	else if (BPF_CLASS(insn->code) == BPF_ST)
		expect_store(at, size_of(insn->code), imm);
	else if (BPF_MODE(insn->code) == BPF_MEM)
		expect_store(at, size_of(insn->code), out->src);
	else
		expect_atomic(insn, at, out);
}

struct op_output op_expect(const struct op *op, const struct op_input *in)
{
	const struct bpf_insn *insn = &op->insn;
	struct op_output out = {
		.dst = in->dst,
		.src = has_src(insn) ? in->src : 0,
		.r0 = has_r0(insn) ? in->r0 : 0,
	};
	__u64 b = has_src(insn) ? in->src : (__u64)(__s64)insn->imm;
	bool same = has_src(insn) && insn->src_reg == insn->dst_reg;

	if (same)
		b = in->dst;
	if (is_load(insn) || is_store(insn)) {
		expect_memory(op, b, &out);
		return out;
	}
	if (is_swap(insn))
		out.dst = expect_swap(insn, in->dst);
	else if (BPF_CLASS(insn->code) == BPF_ALU64)
		out.dst = expect_alu64(BPF_OP(insn->code), insn->off, in->dst, b);
	else if (BPF_CLASS(insn->code) == BPF_ALU)
		out.dst = expect_alu32(BPF_OP(insn->code), insn->off, in->dst, b);
	else if (BPF_CLASS(insn->code) == BPF_JMP)
		out.dst = expect_taken(BPF_OP(insn->code), in->dst, b, in->dst, b);
	else
		out.dst = expect_taken(BPF_OP(insn->code), (__u32)in->dst, (__u32)b,
				       (__s32)in->dst, (__s32)b);
	if (same)
		out.src = is_jump(insn) ? in->dst : out.dst;
	return out;
}
