// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Decoding: valid opcodes, their fields, and the targets of jumps.
 */
#include <stdio.h>
#include <string.h>

#include "vm/isa/decode.h"
#include "vm_util.h"

/* The opcodes of RFC 9669, written down from its tables, not from vm/isa/decode.c */
static const __u8 opcodes[] = {
	0x04, 0x05, 0x06, 0x07, 0x0c, 0x0f, 0x14, 0x15, 0x16, 0x17, 0x18, 0x1c,
	0x1d, 0x1e, 0x1f, 0x24, 0x25, 0x26, 0x27, 0x2c, 0x2d, 0x2e, 0x2f, 0x34,
	0x35, 0x36, 0x37, 0x3c, 0x3d, 0x3e, 0x3f, 0x44, 0x45, 0x46, 0x47, 0x4c,
	0x4d, 0x4e, 0x4f, 0x54, 0x55, 0x56, 0x57, 0x5c, 0x5d, 0x5e, 0x5f, 0x61,
	0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x69, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e,
	0x6f, 0x71, 0x72, 0x73, 0x74, 0x75, 0x76, 0x77, 0x79, 0x7a, 0x7b, 0x7c,
	0x7d, 0x7e, 0x7f, 0x81, 0x84, 0x85, 0x87, 0x89, 0x91, 0x94, 0x95, 0x97,
	0x9c, 0x9f, 0xa4, 0xa5, 0xa6, 0xa7, 0xac, 0xad, 0xae, 0xaf, 0xb4, 0xb5,
	0xb6, 0xb7, 0xbc, 0xbd, 0xbe, 0xbf, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7, 0xcc,
	0xcd, 0xce, 0xcf, 0xd4, 0xd5, 0xd6, 0xd7, 0xdb, 0xdc, 0xdd, 0xde,
};

static void opcodes_are_those_of_the_rfc(void **state)
{
	__u32 code;

	(void)state;
	for (code = 0; code < 256; code++)
		if (vnp_op_table[code].known != !!memchr(opcodes, code, sizeof(opcodes)))
			fail_msg("opcode 0x%02x", code);
}

/* Is a well-formed program that begins with @insn decoded? */
static bool decodes(struct bpf_insn insn)
{
	struct bpf_insn insns[] = {
		insn,
		BPF_RAW_INSN(0, 0, 0, 0, 0),
		BPF_MOV64_IMM(R0, 0),
		BPF_EXIT_INSN(),
	};
	struct vnp_code code = { .insns = insns, .insn_cnt = 4 };

	if (insn.code != (BPF_LD | BPF_DW | BPF_IMM))
		insns[1] = BPF_MOV64_IMM(R0, 0);
	return !vnp_decode(&code);
}

/* A valid instruction with this opcode */
static struct bpf_insn valid(__u8 code)
{
	struct bpf_insn insn = { .code = code };

	if (code == 0xd4 || code == 0xdc || code == 0xd7)
		insn.imm = 16;
	if (code == 0x85)
		insn.imm = VNP_HELPER_time_ns;
	return insn;
}

static void unknown_opcodes_are_refused(void **state)
{
	__u32 code;

	(void)state;
	for (code = 0; code < 256; code++)
		assert_int_equal(decodes(valid(code)),
				 !!memchr(opcodes, code, sizeof(opcodes)));
}

/* Which fields an opcode uses, by its class, as the RFC defines them */
static bool uses_dst(__u8 code)
{
	return code != 0x05 && code != 0x06 && code != 0x85 && code != 0x95;
}

static bool uses_src(__u8 code)
{
	__u8 class = code & 7;

	if (class == 1 || class == 3)
		return true;
	if (code == 0xdc || code == 0xd4 || code == 0x18 || code == 0x85)
		return false;
	return (class == 4 || class == 5 || class == 6 || class == 7) && code & 8;
}

static bool uses_off(__u8 code)
{
	__u8 class = code & 7, op = code & 0xf0;

	if (class >= 1 && class <= 3)
		return true;
	if (class == 5 || class == 6)
		return code != 0x85 && code != 0x95 && code != 0x06;
	/* signed division, sign-extending moves */
	return class && (op == 0x30 || op == 0x90 || (op == 0xb0 && code & 8));
}

static bool uses_imm(__u8 code)
{
	__u8 class = code & 7, op = code & 0xf0;

	if (code == 0x18 || code == 0x06 || code == 0x85 || class == 2)
		return true;
	if (code == 0xc3 || code == 0xdb || op == 0xd0)
		return class == 3 || class == 4 || class == 7 || !(code & 8);
	if (class == 1 || class == 3 || op == 0x80 || code == 0x05 || code == 0x95)
		return false;
	return !(code & 8);
}

static void unused_fields_must_be_zero(void **state)
{
	__u32 i;

	(void)state;
	for (i = 0; i < sizeof(opcodes); i++) {
		struct bpf_insn insn = valid(opcodes[i]);
		__u8 code = opcodes[i];

		insn.dst_reg = 1;
		assert_int_equal(decodes(insn), uses_dst(code));
		insn = valid(code);
		insn.src_reg = 7;
		assert_int_equal(decodes(insn), uses_src(code));
		insn = valid(code);
		insn.off = 1;
		/* an offset of 1 is invalid for moves, and the target for jumps */
		assert_int_equal(decodes(insn), uses_off(code) && (code | 8) != 0xbc &&
				 (code | 8) != 0xbf);
		insn = valid(code);
		insn.imm = insn.imm ? insn.imm * 2 : 1;
		if (code != 0x85 && code != 0xc3 && code != 0xdb)
			assert_int_equal(decodes(insn), uses_imm(code));
	}
}

static void register_numbers(void **state)
{
	__u32 i;

	(void)state;
	for (i = 0; i < sizeof(opcodes); i++) {
		struct bpf_insn insn = valid(opcodes[i]);

		insn.dst_reg = 11;
		assert_false(decodes(insn));
		insn = valid(opcodes[i]);
		insn.src_reg = 11;
		assert_false(decodes(insn));
	}
	assert_refused("no register r11", BPF_MOV64_REG(11, R1), RETURN(0));
	assert_refused("no register r15", BPF_MOV64_REG(R1, 15), RETURN(0));
}

static void offsets_of_v4(void **state)
{
	__s16 off;

	(void)state;
	for (off = -1; off < 70; off++) {
		bool extends = !off || off == 8 || off == 16;
		struct bpf_insn insn = BPF_MOVSX64_REG(R1, R2, off);

		assert_int_equal(decodes(insn), extends || off == 32);
		insn = BPF_MOVSX32_REG(R1, R2, off);
		assert_int_equal(decodes(insn), extends);
		insn = BPF_ALU64_REG(BPF_DIV, R1, R2);
		insn.off = off;
		assert_int_equal(decodes(insn), !off || off == 1);
	}
}

static void widths_of_byte_swaps(void **state)
{
	__s32 bits;

	(void)state;
	for (bits = -1; bits < 130; bits++) {
		bool ok = bits == 16 || bits == 32 || bits == 64;

		assert_int_equal(decodes(BPF_ENDIAN(BPF_TO_LE, R1, bits)), ok);
		assert_int_equal(decodes(BPF_ENDIAN(BPF_TO_BE, R1, bits)), ok);
		assert_int_equal(decodes(BPF_BSWAP(R1, bits)), ok);
	}
}

static void atomic_operations(void **state)
{
	__s32 imm;

	(void)state;
	for (imm = -1; imm < 0x200; imm++) {
		bool ok = imm == 0x00 || imm == 0x40 || imm == 0x50 || imm == 0xa0 ||
			  imm == 0x01 || imm == 0x41 || imm == 0x51 || imm == 0xa1 ||
			  imm == 0xe1 || imm == 0xf1;

		assert_int_equal(decodes(BPF_ATOMIC_OP(BPF_W, imm, R1, R2, 0)), ok);
		assert_int_equal(decodes(BPF_ATOMIC_OP(BPF_DW, imm, R1, R2, 0)), ok);
	}
}

static void messages(void **state)
{
	(void)state;
	assert_refused("legacy packet loads", BPF_RAW_INSN(0x20, 0, 0, 0, 0), RETURN(0));
	assert_refused("legacy packet loads", BPF_RAW_INSN(0x50, 0, 1, 0, 0), RETURN(0));
	assert_refused("opcode 0x8d does not exist", BPF_RAW_INSN(0x8d, 0, 0, 0, 0), RETURN(0));
	assert_refused("-fno-jump-tables", BPF_RAW_INSN(0x0d, R1, 0, 0, 0), RETURN(0));
	assert_refused("load-acquire is not supported",
		       BPF_RAW_INSN(0xdb, R2, R10, -8, 0x100), RETURN(0));
	assert_refused("store-release is not supported",
		       BPF_RAW_INSN(0xc3, R10, R2, -8, 0x110), RETURN(0));
	assert_refused("r10 is the frame pointer", BPF_MOV64_IMM(R10, 0), RETURN(0));
	assert_refused("src_reg is 3", BPF_RAW_INSN(0xb7, R0, 3, 0, 0), RETURN(0));
	assert_refused("offset 5 is not valid", BPF_RAW_INSN(0xb7, R0, 0, 5, 0), RETURN(0));
	assert_refused("immediate 0x7 is not valid", BPF_RAW_INSN(0xbf, R0, R1, 0, 7),
		       RETURN(0));
	assert_refused("runs off its end", BPF_MOV64_IMM(R0, 0));
	assert_refused("calls instruction 3, outside",
		       BPF_RAW_INSN(BPF_JMP | BPF_CALL, 0, 1, 0, 2), RETURN(0));
	assert_refused("a call can name a helper (0) or a function",
		       BPF_RAW_INSN(BPF_JMP | BPF_CALL, 0, 2, 0, 1), RETURN(0));
}

/* A call of the helper with this number */
#define CALL_ID(id)	BPF_RAW_INSN(BPF_JMP | BPF_CALL, 0, 0, 0, id)

static void unknown_helpers(void **state)
{
	(void)state;
	assert_refused("there is no helper 0.", CALL_ID(0), RETURN(0));
	assert_refused("there is no helper -1.", CALL_ID(-1), RETURN(0));
	assert_refused("there is no helper 4095.", CALL_ID(4095), RETURN(0));
	assert_refused("there is no helper 65536.", CALL_ID(VNP_HELPER_BASE), RETURN(0));
	assert_refused("there is no helper 65557.", CALL_ID(VNP_HELPER_discard + 1),
		       RETURN(0));
	assert_refused("there is no helper -65535.",
		       CALL_ID(-VNP_HELPER_BASE + 1), RETURN(0));
}

static void helpers_of_the_kernel_are_refused_by_name(void **state)
{
	__s32 id;

	(void)state;
	assert_refused("calls the kernel's helper bpf_map_lookup_elem (1): include <vnp/program.h> and use vnp_map_lookup().",
		       CALL_ID(1), RETURN(0));
	assert_refused("bpf_get_prandom_u32 (7): include <vnp/program.h> and use vnp_random_u32().",
		       CALL_ID(7), RETURN(0));
	assert_refused("calls the kernel's helper bpf_get_smp_processor_id (8), and VNP has none like it",
		       CALL_ID(8), RETURN(0));
	for (id = 1; id < __BPF_FUNC_MAX_ID; id++)
		assert_refused("calls the kernel's helper bpf_", CALL_ID(id), RETURN(0));
}

static void jumps_lead_to_instructions(void **state)
{
	(void)state;
	assert_refused("outside the program", BPF_JMP_A(2), RETURN(0));
	assert_refused("outside the program", BPF_JMP_A(-2), RETURN(0));
	assert_refused("outside the program", BPF_JMP32_A(0x7fffffff), RETURN(0));
	assert_refused("outside the program", BPF_JMP32_A(-0x80000000), RETURN(0));
	assert_refused("the second half of", BPF_JMP_A(1), BPF_LD_IMM64(R0, 0),
		       BPF_EXIT_INSN());
	assert_refused("the second half of", BPF_LD_IMM64(R0, 0),
		       BPF_JMP_IMM(BPF_JEQ, R0, 0, -2), BPF_EXIT_INSN());
}

static void loads_of_64_bits(void **state)
{
	(void)state;
	assert_refused("takes two slots",
		       BPF_RAW_INSN(BPF_LD | BPF_DW | BPF_IMM, R0, 0, 0, 0));
	assert_refused("takes two slots",
		       BPF_RAW_INSN(BPF_LD | BPF_DW | BPF_IMM, R0, 0, 0, 0),
		       BPF_EXIT_INSN());
	assert_refused("takes two slots",
		       BPF_RAW_INSN(BPF_LD | BPF_DW | BPF_IMM, R0, 0, 0, 0),
		       BPF_RAW_INSN(0, 1, 0, 0, 0), RETURN(0));
	assert_refused("can name a map by its index", BPF_LD_IMM64_RAW(R1, 1, 3, 0),
		       RETURN(0));
	assert_refused("there is no map 64", BPF_LD_MAP(R1, 64), RETURN(0));
	assert_refused("there is no map 4294967295", BPF_LD_MAP(R1, -1), RETURN(0));
	assert_refused("second immediate", BPF_LD_IMM64_RAW(R1, 5, 0, 1), RETURN(0));
	assert_refused("array of one entry", BPF_LD_MAP_VALUE(R1, MAP_HASH, 0),
		       RETURN(0));
	assert_refused("array of one entry", BPF_LD_MAP_VALUE(R1, MAP_ARRAY, 0),
		       RETURN(0));
	assert_refused("outside the value", BPF_LD_MAP_VALUE(R1, MAP_DATA, 64),
		       RETURN(0));
	assert_refused("outside the value", BPF_LD_MAP_VALUE(R1, MAP_DATA, -1),
		       RETURN(0));
	assert_accepted("0 accesses", BPF_LD_MAP_VALUE(R1, MAP_DATA, 63), RETURN(0));
	assert_refused("opcode 0x00 does not exist", BPF_LD_IMM64(R0, 0), BPF_RAW_INSN(0, 0, 0, 0, 0),
		       BPF_EXIT_INSN());
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(opcodes_are_those_of_the_rfc),
		cmocka_unit_test(unknown_opcodes_are_refused),
		cmocka_unit_test(unused_fields_must_be_zero),
		cmocka_unit_test(register_numbers),
		cmocka_unit_test(offsets_of_v4),
		cmocka_unit_test(widths_of_byte_swaps),
		cmocka_unit_test(atomic_operations),
		cmocka_unit_test(messages),
		cmocka_unit_test(unknown_helpers),
		cmocka_unit_test(helpers_of_the_kernel_are_refused_by_name),
		cmocka_unit_test(jumps_lead_to_instructions),
		cmocka_unit_test(loads_of_64_bits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
