/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What the files of the reference interpreter share: an execution.
 *
 *	interp.c	what instructions do, but for
 *	interp_mem.c	accesses to memory
 */
#ifndef _VNP_VM_INTERP_INTERP_IMPL_H
#define _VNP_VM_INTERP_INTERP_IMPL_H

#include "vm/code.h"
#include "vm/exec.h"
#include "vm/frame.h"
#include "vm/analysis/state.h"
#include "vm/analysis/type.h"

/* The program ended at a guard */
#define VNP_INTERP_FAULT	1

/**
 * struct vnp_value - a register, or a pointer saved on the stack
 * @v:		its bits
 * @kind:	enum vnp_reg_kind; PACKET_END is PACKET, too
 * @base:	map value: where it begins
 * @size:	map value: how long it is
 * @epoch:	packet: value of struct vnp_interp::epoch when the pointer was made
 */
struct vnp_value {
	u64 v;
	u8 kind;
	u64 base;
	u64 size;
	u32 epoch;
};

/**
 * struct vnp_interp - an execution
 * @code:	the program
 * @type:	its type
 * @exec:	what the program is given
 * @reg:	registers
 * @stack:	VNP_STACK_MAX bytes
 * @saved:	pointers saved in slots of the stack
 * @whole:	bit n: slot n is @saved
 * @secret:	for each byte of the stack: it belongs to a pointer
 * @epoch:	how often the payload moved
 * @insn:	the current instruction
 * @left:	the budget
 * @prepaid:	what is left of the cost of bounded loops, which was charged in advance
 * @spent:	what the instructions cost that were executed
 */
struct vnp_interp {
	struct vnp_code *code;
	const struct vnp_type *type;
	struct vnp_exec *exec;
	struct vnp_value reg[VNP_REG_CNT];
	u64 stack[VNP_SLOT_CNT];
	struct vnp_value saved[VNP_SLOT_CNT];
	u64 whole;
	bool secret[VNP_STACK_MAX];
	u32 epoch;
	u32 insn;
	s64 left;
	s64 prepaid;
	u64 spent;
};

static inline int vnp_interp_fault(struct vnp_interp *t, enum vnp_fault fault)
{
	t->exec->fault = VNP_EXEC_FAULT(fault, vnp_code_origin(t->code, t->insn));
	return VNP_INTERP_FAULT;
}

static inline void vnp_interp_set_number(struct vnp_value *reg, u64 v)
{
	memset(reg, 0, sizeof(*reg));
	reg->kind = VNP_REG_SCALAR;
	reg->v = v;
}

static inline u64 vnp_interp_stack_top(const struct vnp_interp *t)
{
	return (uintptr_t)(t->stack + VNP_SLOT_CNT);
}

/* Index of the first byte of an access to the stack */
static inline u32 vnp_interp_stack_at(const struct vnp_interp *t, u64 addr)
{
	return addr - (uintptr_t)t->stack;
}

static inline u32 vnp_interp_slot(u32 at)
{
	return VNP_SLOT_CNT - 1 - at / 8;
}

/* vnp_interp_bug() - the verifier is wrong about the current instruction.  Return: -EFAULT */
int vnp_interp_bug(struct vnp_interp *t, const char *fmt, ...) __printf(2, 3);

/* What follows returns 0, VNP_INTERP_FAULT or -EFAULT. */

/*
 * vnp_interp_access() - check an access against its object, and the verifier's findings
 * against that
 */
int vnp_interp_access(struct vnp_interp *t, const struct vnp_access *access,
		      const struct vnp_value *ptr, s32 off, u64 size);

/* vnp_interp_stack_see() - bytes of the stack are read as numbers */
int vnp_interp_stack_see(struct vnp_interp *t, u64 addr, u64 size);

/* vnp_interp_stack_forget() - bytes of the stack become numbers */
void vnp_interp_stack_forget(struct vnp_interp *t, u64 addr, u64 size);

/* vnp_interp_stack_load(), vnp_interp_stack_store() - a value, with its origin */
int vnp_interp_stack_load(struct vnp_interp *t, u64 addr, u32 size, struct vnp_value *to);
int vnp_interp_stack_store(struct vnp_interp *t, u64 addr, u32 size,
			   const struct vnp_value *from);

/* Instructions */
int vnp_interp_load(struct vnp_interp *t, const struct bpf_insn *insn);
int vnp_interp_store(struct vnp_interp *t, const struct bpf_insn *insn);
int vnp_interp_atomic(struct vnp_interp *t, const struct bpf_insn *insn);

#endif /* _VNP_VM_INTERP_INTERP_IMPL_H */
