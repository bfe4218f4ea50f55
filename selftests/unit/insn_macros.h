/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * An assembler of macros.  Names are the same as in the kernel's include/linux/filter.h,
 * where they exist.
 */
#ifndef _VNP_UNIT_INSN_MACROS_H
#define _VNP_UNIT_INSN_MACROS_H

#include <linux/bpf.h>

#include "vm/isa/insn.h"

#define BPF_RAW_INSN(CODE, DST, SRC, OFF, IMM)				\
	((struct bpf_insn){ .code = (CODE), .dst_reg = (DST),		\
			    .src_reg = (SRC), .off = (OFF), .imm = (IMM) })

#define R0	BPF_REG_0
#define R1	BPF_REG_1
#define R2	BPF_REG_2
#define R3	BPF_REG_3
#define R4	BPF_REG_4
#define R5	BPF_REG_5
#define R6	BPF_REG_6
#define R7	BPF_REG_7
#define R8	BPF_REG_8
#define R9	BPF_REG_9
#define R10	BPF_REG_10

#define BPF_ALU64_REG(OP, DST, SRC)					\
	BPF_RAW_INSN(BPF_ALU64 | (OP) | BPF_X, DST, SRC, 0, 0)
#define BPF_ALU32_REG(OP, DST, SRC)					\
	BPF_RAW_INSN(BPF_ALU | (OP) | BPF_X, DST, SRC, 0, 0)
#define BPF_ALU64_IMM(OP, DST, IMM)					\
	BPF_RAW_INSN(BPF_ALU64 | (OP) | BPF_K, DST, 0, 0, IMM)
#define BPF_ALU32_IMM(OP, DST, IMM)					\
	BPF_RAW_INSN(BPF_ALU | (OP) | BPF_K, DST, 0, 0, IMM)

#define BPF_MOV64_REG(DST, SRC)	BPF_ALU64_REG(BPF_MOV, DST, SRC)
#define BPF_MOV32_REG(DST, SRC)	BPF_ALU32_REG(BPF_MOV, DST, SRC)
#define BPF_MOV64_IMM(DST, IMM)	BPF_ALU64_IMM(BPF_MOV, DST, IMM)
#define BPF_MOV32_IMM(DST, IMM)	BPF_ALU32_IMM(BPF_MOV, DST, IMM)
#define BPF_MOVSX64_REG(DST, SRC, BITS)					\
	BPF_RAW_INSN(BPF_ALU64 | BPF_MOV | BPF_X, DST, SRC, BITS, 0)
#define BPF_MOVSX32_REG(DST, SRC, BITS)					\
	BPF_RAW_INSN(BPF_ALU | BPF_MOV | BPF_X, DST, SRC, BITS, 0)
#define BPF_NEG64(DST)		BPF_RAW_INSN(BPF_ALU64 | BPF_NEG, DST, 0, 0, 0)
#define BPF_ENDIAN(TYPE, DST, BITS)					\
	BPF_RAW_INSN(BPF_ALU | BPF_END | (TYPE), DST, 0, 0, BITS)
#define BPF_BSWAP(DST, BITS)						\
	BPF_RAW_INSN(BPF_ALU64 | BPF_END, DST, 0, 0, BITS)

#define BPF_LD_IMM64_RAW(DST, SRC, LOW, HIGH)				\
	BPF_RAW_INSN(BPF_LD | BPF_DW | BPF_IMM, DST, SRC, 0, LOW),	\
	BPF_RAW_INSN(0, 0, 0, 0, HIGH)
#define BPF_LD_IMM64(DST, IMM)						\
	BPF_LD_IMM64_RAW(DST, 0, (__u32)(IMM), ((__u64)(IMM)) >> 32)
#define BPF_LD_MAP(DST, INDEX)						\
	BPF_LD_IMM64_RAW(DST, BPF_PSEUDO_MAP_IDX, INDEX, 0)
#define BPF_LD_MAP_VALUE(DST, INDEX, OFF)				\
	BPF_LD_IMM64_RAW(DST, BPF_PSEUDO_MAP_IDX_VALUE, INDEX, OFF)

#define BPF_LDX_MEM(SIZE, DST, SRC, OFF)				\
	BPF_RAW_INSN(BPF_LDX | BPF_MEM | (SIZE), DST, SRC, OFF, 0)
#define BPF_LDX_MEMSX(SIZE, DST, SRC, OFF)				\
	BPF_RAW_INSN(BPF_LDX | BPF_MEMSX | (SIZE), DST, SRC, OFF, 0)
#define BPF_STX_MEM(SIZE, DST, SRC, OFF)				\
	BPF_RAW_INSN(BPF_STX | BPF_MEM | (SIZE), DST, SRC, OFF, 0)
#define BPF_ST_MEM(SIZE, DST, OFF, IMM)					\
	BPF_RAW_INSN(BPF_ST | BPF_MEM | (SIZE), DST, 0, OFF, IMM)
#define BPF_ATOMIC_OP(SIZE, OP, DST, SRC, OFF)				\
	BPF_RAW_INSN(BPF_STX | BPF_ATOMIC | (SIZE), DST, SRC, OFF, OP)

#define BPF_JMP_REG(OP, DST, SRC, OFF)					\
	BPF_RAW_INSN(BPF_JMP | (OP) | BPF_X, DST, SRC, OFF, 0)
#define BPF_JMP_IMM(OP, DST, IMM, OFF)					\
	BPF_RAW_INSN(BPF_JMP | (OP) | BPF_K, DST, 0, OFF, IMM)
#define BPF_JMP32_REG(OP, DST, SRC, OFF)				\
	BPF_RAW_INSN(BPF_JMP32 | (OP) | BPF_X, DST, SRC, OFF, 0)
#define BPF_JMP32_IMM(OP, DST, IMM, OFF)				\
	BPF_RAW_INSN(BPF_JMP32 | (OP) | BPF_K, DST, 0, OFF, IMM)
#define BPF_JMP_A(OFF)		BPF_RAW_INSN(BPF_JMP | BPF_JA, 0, 0, OFF, 0)
#define BPF_JMP32_A(IMM)	BPF_RAW_INSN(BPF_JMP32 | BPF_JA, 0, 0, 0, IMM)
#define BPF_CALL_HELPER(NAME)						\
	BPF_RAW_INSN(BPF_JMP | BPF_CALL, 0, 0, 0, VNP_HELPER_##NAME)
#define BPF_EXIT_INSN()		BPF_RAW_INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)

/* data and data_end of the context in R1 */
#define LOAD_DATA(DST)							\
	BPF_LDX_MEM(BPF_DW, DST, R1, offsetof(struct vnp_ctx, data))
#define LOAD_DATA_END(DST)						\
	BPF_LDX_MEM(BPF_DW, DST, R1, offsetof(struct vnp_ctx, data_end))

/* "return IMM;" */
#define RETURN(IMM)		BPF_MOV64_IMM(R0, IMM), BPF_EXIT_INSN()

#endif /* _VNP_UNIT_INSN_MACROS_H */
