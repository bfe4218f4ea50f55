/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The verifier: an abstract interpreter over the control-flow graph.
 *
 *	verify.c	the program as a whole; what one instruction does
 *	fixpoint.c	iterates the states of all blocks to a fixpoint
 *	verify/alu.c	arithmetic: moves and pointers
 *	verify/number.c	numbers
 *	verify/access.c	bounds of memory, and guards
 *	verify/mem.c	loads and stores
 *	verify/stack.c	the stack's slots
 *	verify/call.c	helpers
 *	verify/frame.c	entering and leaving functions
 *	verify/jump.c	what is learnt from a branch
 *	verify/refuse.c	refusals, and the state at each instruction, in words
 *
 * First the states are iterated to a fixpoint, without messages.  Then each instruction
 * is visited once more in the state that holds for all its executions: only this
 * refuses, and decides on guards.  Both use the same functions, which change the state
 * as the instruction does, and as a guard before it does.
 *
 * Layer: above analysis/, but for fixpoint.c and bound.c, which are given an interpreter
 * as struct vnp_verify.
 */
#ifndef _VNP_VM_VERIFY_VERIFY_H
#define _VNP_VM_VERIFY_VERIFY_H

#include "vm/code.h"
#include "vm/env.h"
#include "vm/analysis/state.h"
#include "vm/analysis/type.h"

/* Execution always ends at this instruction: a guard always faults */
#define VNP_VERIFY_STOP	1

/*
 * What a guard checks is known after it only if the guard is emitted.  So code that
 * learns from a guard calls vnp_verify_guard(), then records the access with
 * vnp_verify_note(), and vnp_verify_insn() checks that no guard was left out.
 */

struct vnp_join;
struct vnp_thresholds;
struct vnp_verify;

/**
 * struct vnp_verify_ops - an abstract interpreter
 * @insn:	the effect of an instruction that is no branch on the state
 * @cond:	may these operands be compared
 * @branch:	what is learnt on one path of a conditional jump; false: it is not taken
 * @exit:	may the program exit in this state
 * @head:	called once with the state at each loop header; may be NULL
 * @flow:	called for a state on an edge from a block to its k-th successor, a
 *		root; may be NULL
 * @join:	as vnp_state_join()
 * @unfinished:	asked after the ascending iteration: true if the result will not be
 *		used, so do not go on; may be NULL
 */
struct vnp_verify_ops {
	int (*insn)(struct vnp_verify *v);
	int (*cond)(struct vnp_verify *v);
	bool (*branch)(struct vnp_verify *v, bool taken);
	int (*exit)(struct vnp_verify *v);
	void (*head)(struct vnp_verify *v, u32 block);
	void (*flow)(struct vnp_verify *v, u32 from, u32 k, u32 to,
		     const struct vnp_state *state);
	bool (*join)(struct vnp_join *j, struct vnp_state *to,
		     const struct vnp_state *from, u32 root,
		     const struct vnp_thresholds *thresholds);
	bool (*unfinished)(struct vnp_verify *v);
};

/*
 * Limit of the work of verification, for any program and for each instruction; the
 * second interpretation may take as much again.  On a machine of 2026 a unit takes 4 to
 * 7 ns in expensive programs, so any program may take 60 ms, and one of 65,536
 * instructions 2 s at most.  The rounds of vnp_split_verify() before the last verification
 * are not included: it begins no round when half of the limit is spent.
 */
#define VNP_COST_MIN	16000000
#define VNP_COST_INSN	2000

/**
 * struct vnp_cost - work done
 * @spent:	so far
 * @max:	the limit, at which the program is refused.  From two thirds of it
 *		verification is frugal
 * @frugal:	no constraints, and at loop headers no numbers that ever changed
 */
struct vnp_cost {
	u64 spent;
	u64 max;
	bool frugal;
};

/* vnp_cost_init() - for a program of @insn_cnt instructions */
static inline void vnp_cost_init(struct vnp_cost *cost, u32 insn_cnt)
{
	*cost = (struct vnp_cost){
		.max = VNP_COST_MIN + (u64)VNP_COST_INSN * insn_cnt,
	};
}

/**
 * struct vnp_verify - state of a verification
 * @ops:	what instructions do
 * @code:	the program
 * @type:	its type
 * @insn:	the current instruction
 * @state:	the state before it, which is changed to the one after it
 * @bounds:	ranges at loop headers
 * @owed:	VNP_GUARD_* that the state relies on and that are not recorded yet
 * @report:	the states are final: report errors, record findings
 * @cost:	of all calls of vnp_fixpoint()
 */
struct vnp_verify {
	const struct vnp_verify_ops *ops;
	struct vnp_code *code;
	const struct vnp_type *type;
	u32 insn;
	struct vnp_state *state;
	struct vnp_bound *bounds;
	u8 owed;
	bool report;
	struct vnp_cost cost;
};

/**
 * vnp_verify() - verify a program
 * @code:	decoded, with its graph
 *
 * Return: 0, -EACCES (the log says why), -E2BIG (likewise), -ENOMEM, -EINTR.
 */
int vnp_verify(struct vnp_code *code);

/**
 * vnp_fixpoint() - iterate the states to a fixpoint, then visit each instruction
 * @v:		sets @insn, @state and @report, and adds to @cost
 *
 * Return: as vnp_verify().
 */
int vnp_fixpoint(struct vnp_verify *v);

/* vnp_verify_current() - the current instruction */
static inline const struct bpf_insn *vnp_verify_current(const struct vnp_verify *v)
{
	return &v->code->insns[v->insn];
}

/*
 * What instructions do to @v->state.  They return 0, VNP_VERIFY_STOP, or -EACCES, with
 * a message if @v->report.
 */

/* vnp_verify_insn() - an instruction that is no branch and no exit */
int vnp_verify_insn(struct vnp_verify *v);
int vnp_verify_alu(struct vnp_verify *v);
int vnp_verify_memory(struct vnp_verify *v);
int vnp_verify_call(struct vnp_verify *v);
int vnp_verify_exit(struct vnp_verify *v);

/* vnp_verify_numbers() - an operation of vnp_verify_alu() with two numbers */
int vnp_verify_numbers(struct vnp_verify *v, struct vnp_reg *dst, struct vnp_reg *src);

/* vnp_verify_frame() - a goto that may enter or leave a function */
void vnp_verify_frame(struct vnp_verify *v);

/* vnp_verify_cond() - may these operands be compared; changes nothing */
int vnp_verify_cond(struct vnp_verify *v);

/**
 * vnp_verify_branch() - follow one path of a conditional jump
 * @v:		@v->state is changed to the state on this path
 * @taken:	which path
 *
 * Return: false if the path cannot be taken.
 */
bool vnp_verify_branch(struct vnp_verify *v, bool taken);

/*
 * vnp_verify_guard() - add guards to an access, as the state will rely on what they
 * check
 */
void vnp_verify_guard(struct vnp_verify *v, struct vnp_access *access, u8 guards);

/* vnp_verify_not_null() - add a null guard to a pointer that may be NULL */
void vnp_verify_not_null(struct vnp_verify *v, struct vnp_reg *reg,
			 struct vnp_access *access);

/**
 * vnp_verify_bounds() - access memory: prove that it is inside, or guard it
 * @v:		the pointer is narrowed by what the guards check
 * @n:		register with the pointer
 * @off:	offset from the pointer
 * @min:	bytes at least
 * @max:	bytes at most
 * @access:	gets the findings
 */
int vnp_verify_bounds(struct vnp_verify *v, u32 n, s32 off, u32 min, u32 max,
		      struct vnp_access *access);

/* vnp_verify_context_at() - where in the context an access through a pointer is */
struct vnp_scalar vnp_verify_context_at(const struct vnp_reg *ctx, s32 off);

/**
 * vnp_verify_context() - guard an access to the context whose place varies
 * @v:		the pointer is narrowed by what the guards check
 * @ctx:	the pointer
 * @off:	offset from the pointer
 * @size:	bytes
 * @access:	gets the findings
 *
 * For a pointer that a loop moves through a field, while the loop's condition is on another
 * register: one end of its range is in a numeric field, the other is outside the context.  The
 * guard limits it to the adjacent numeric fields.  All else is left as it is.
 */
int vnp_verify_context(struct vnp_verify *v, struct vnp_reg *ctx, s32 off, u32 size,
		       struct vnp_access *access);

/* vnp_verify_write() - may this memory be written */
int vnp_verify_write(struct vnp_verify *v, u32 n);

/* vnp_verify_note() - record an access, or guards without an access */
void vnp_verify_note(struct vnp_verify *v, struct vnp_access *where,
		     const struct vnp_access *access);

/*
 * The stack, accessed through a pointer whose bounds were checked.  @max: bytes at most;
 * @off: offset from the pointer.
 */

/* vnp_verify_stack_load() - into @to; as a value of 8 bytes before extension */
int vnp_verify_stack_load(struct vnp_verify *v, const struct vnp_reg *ptr, s32 off,
			  u32 size, struct vnp_reg *to);

int vnp_verify_stack_store(struct vnp_verify *v, const struct vnp_reg *ptr, s32 off,
			   u32 size, const struct vnp_reg *from);

/* vnp_verify_stack_read() - a helper reads it */
int vnp_verify_stack_read(struct vnp_verify *v, const struct vnp_reg *ptr, s32 off,
			  u32 max);

/* vnp_verify_stack_clobber() - something is written, @min bytes at least */
void vnp_verify_stack_clobber(struct vnp_verify *v, const struct vnp_reg *ptr,
			      s32 off, u32 min, u32 max);

/**
 * vnp_verify_refuse() - say why the program is refused
 * @v:		without a message if @v->report is not set
 * @fmt:	as vnp_log_insn(); the values of the registers that the instruction
 *		reads are added
 *
 * Return: -EACCES.
 */
int vnp_verify_refuse(const struct vnp_verify *v, const char *fmt, ...)
	__printf(2, 3);

/* vnp_verify_print() - the state before the current instruction, at %VNP_LOG_STATES */
void vnp_verify_print(const struct vnp_verify *v);

#endif /* _VNP_VM_VERIFY_VERIFY_H */
