/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#ifndef _VNP_VM_ISA_DECODE_H
#define _VNP_VM_ISA_DECODE_H

#include "vm/env.h"

struct vnp_code;

/* What the fields of an instruction may contain; 0: must be zero */

enum vnp_op_reg {
	VNP_OP_REG_ZERO,
	VNP_OP_REG_READ,	/* R0 to R10 */
	VNP_OP_REG_WRITE,	/* R0 to R9 */
	VNP_OP_REG_PSEUDO,	/* selects the meaning of the immediate */
};

enum vnp_op_off {
	VNP_OP_OFF_ZERO,
	VNP_OP_OFF_ANY,		/* of a memory access */
	VNP_OP_OFF_JUMP,	/* distance of a jump */
	VNP_OP_OFF_SIGNED,	/* 1: signed division */
	VNP_OP_OFF_EXTEND32,	/* 8, 16: sign-extending move */
	VNP_OP_OFF_EXTEND64,	/* 8, 16, 32 */
};

enum vnp_op_imm {
	VNP_OP_IMM_ZERO,
	VNP_OP_IMM_ANY,
	VNP_OP_IMM_JUMP,	/* distance of a jump */
	VNP_OP_IMM_BITS,	/* 16, 32, 64 */
	VNP_OP_IMM_ATOMIC,	/* which atomic operation */
};

/**
 * struct vnp_op - what an opcode requires of the other fields
 * @known:	it is an opcode
 * @dst:	enum vnp_op_reg
 * @src:	enum vnp_op_reg
 * @off:	enum vnp_op_off
 * @imm:	enum vnp_op_imm
 */
struct vnp_op {
	u8 known:1;
	u8 dst:2;
	u8 src:2;
	u8 off:3;
	u8 imm:3;
};

/* All opcodes, RFC 9669 with the conformance groups up to atomic64 and divmul64 */
extern const struct vnp_op vnp_op_table[256];

/**
 * vnp_decode() - is every instruction valid
 * @code:	the program
 *
 * Checks each instruction by itself and its place, reachable or not.
 *
 * Return: 0, -EACCES (the log says why).
 */
int vnp_decode(const struct vnp_code *code);

#endif /* _VNP_VM_ISA_DECODE_H */
