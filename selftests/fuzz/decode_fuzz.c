// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Fuzzes the first passes, which process unverified instructions: decoding, inlining of
 * functions, and construction of the control-flow graph; also line info.
 *
 * Input: number of line info entries, bytes of strings, the entries, the strings, then
 * instructions.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "vm/analysis/cfg.h"
#include "vm/code.h"
#include "vm/isa/decode.h"
#include "vm/isa/disasm.h"
#include "vm/frame.h"
#include "vm/transform/inline.h"
#include "vm/isa/insn.h"
#include "vm/report/log.h"

#define INSNS_MAX	1024

static u64 map_value[8];

static const struct vnp_map_desc maps[] = {
	{ .type = VNP_MAP_HASH, .key_size = 4, .value_size = 16, .max_entries = 8 },
	{ .type = VNP_MAP_ARRAY, .key_size = 4, .value_size = sizeof(map_value),
	  .max_entries = 1, .value = map_value },
};

/* The bytes of an input that were not consumed yet */
struct cursor {
	const uint8_t *data;
	size_t left;
};

/* Consume up to @cnt elements of @size bytes, and copy them to a new buffer */
static void *take(struct cursor *c, size_t size, size_t cnt, u32 *taken)
{
	void *copy;

	*taken = min_t(size_t, cnt, c->left / size);
	copy = malloc(*taken * size + 1);
	fuzz_check(copy, "no memory");
	memcpy(copy, c->data, *taken * size);
	c->data += *taken * size;
	c->left -= *taken * size;
	return copy;
}

static void disasm_all(const struct bpf_insn *insns, u32 cnt)
{
	char text[VNP_DISASM_LEN];
	u32 i, len;

	for (i = 0; i < cnt; i += len) {
		if (i + vnp_insn_len(&insns[i]) > cnt)
			break;
		len = vnp_disasm(&insns[i], text);
		fuzz_check(len == vnp_insn_len(&insns[i]) && *text &&
			   strlen(text) < sizeof(text), "insn %u: invalid disassembly", i);
	}
}

/* Invariants that later passes do not check again */
static void check_insns(const struct vnp_code *code)
{
	u32 i;

	for (i = 0; i < code->insn_cnt; i += vnp_insn_len(&code->insns[i])) {
		const struct bpf_insn *insn = &code->insns[i];

		fuzz_check(vnp_op_table[insn->code].known, "insn %u: invalid opcode", i);
		/* these have a mask in dst_reg */
		fuzz_check(vnp_insn_is_enter(insn) || vnp_insn_is_leave(insn) ||
			   (insn->dst_reg <= VNP_REG_FP && insn->src_reg <= VNP_REG_FP),
			   "insn %u: invalid register", i);
		fuzz_check(vnp_code_origin(code, i) < code->loaded_cnt,
			   "insn %u: its origin is out of range", i);
		fuzz_check(!vnp_insn_is_branch(insn) ||
			   (u64)vnp_insn_target(insn, i) < code->insn_cnt,
			   "insn %u: its target is out of range", i);
	}
	fuzz_check(i == code->insn_cnt, "the last instruction is truncated");
}

static void check_graph(const struct vnp_code *code)
{
	const struct vnp_cfg *cfg = code->cfg;
	u32 i, next = 0;

	for (i = 0; i < cfg->block_cnt; i++) {
		const struct vnp_block *block = &cfg->blocks[i];

		fuzz_check(block->first == next && block->last >= next,
			   "block %u: does not begin where the previous one ends", i);
		next = block->last + vnp_insn_len(&code->insns[block->last]);
		fuzz_check(block->pos == VNP_BLOCK_NONE ||
			   (block->pos < cfg->order_cnt && cfg->order[block->pos] == i),
			   "block %u: wrong position in the order", i);
	}
	fuzz_check(next == code->insn_cnt, "the last block does not end with the program");
}

static bool build(struct vnp_code *code)
{
	if (vnp_decode(code) || vnp_inline(code) || vnp_cfg_build(code))
		return false;
	check_insns(code);
	check_graph(code);
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cursor c = { .data = data, .left = size };
	char text[300] = "";
	struct vnp_log log = {
		.buf = text, .size = sizeof(text), .level = VNP_LOG_STATES,
	};
	struct vnp_code_attr attr = {
		.type = VNP_PROG_DATAGRAM,
		.maps = maps,
		.map_cnt = ARRAY_SIZE(maps),
		.log = &log,
	};
	void *lines, *strings, *insns;
	struct vnp_code *code = NULL;
	bool accepted = false;
	u32 line_cnt, strings_len;

	if (size < 2)
		return fuzz_result(false);
	line_cnt = data[0] % 32;
	strings_len = data[1];
	c.data += 2;
	c.left -= 2;
	lines = take(&c, sizeof(struct vnp_line_info), line_cnt,
		     &attr.source.line_info_cnt);
	strings = take(&c, 1, strings_len, &attr.source.strings_len);
	insns = take(&c, sizeof(struct bpf_insn), INSNS_MAX, &attr.insn_cnt);
	attr.source.line_info = lines;
	attr.source.strings = strings;
	attr.insns = insns;

	disasm_all(insns, attr.insn_cnt);
	if (!vnp_code_create(&attr, &code))
		accepted = build(code);
	fuzz_check(accepted || log.len, "refused without a message");
	vnp_code_destroy(code);
	free(insns);
	free(strings);
	free(lines);
	return fuzz_result(accepted);
}
