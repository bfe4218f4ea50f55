/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The verifier: an abstract interpreter over the control-flow graph.
 *
 *	verify.c	the program as a whole; what one instruction does
 *	fixpoint.c	brings the states of all blocks to rest
 *	verify/alu.c	numbers and pointer arithmetic
 *	verify/mem.c	bounds, loads and stores
 *	verify/stack.c	the stack's slots
 *	verify/call.c	helpers
 *	verify/frame.c	entering and leaving functions
 *	verify/jump.c	what a branch tells
 *
 * First the states are brought to rest, and nothing is said.  Then each
 * instruction is looked at once more in the state that holds for all its
 * executions: only this refuses, and decides on guards.  Both use the same
 * functions, which change the state as the instruction does; a guard they put in
 * front of it changes the state as the check that it is.
 */
#ifndef _VNP_VM_VERIFY_VERIFY_H
#define _VNP_VM_VERIFY_VERIFY_H

#include "vm/code.h"
#include "vm/env.h"
#include "vm/analysis/state.h"
#include "vm/analysis/type.h"

/* Nothing gets past this instruction: a guard always faults */
#define VNP_VERIFY_STOP	1

/*
 * What a guard checks is known behind it only if the guard is emitted.  So who learns
 * from a guard says so with vnp_verify_guard(), who has learnt writes the access down
 * with vnp_verify_note(), and vnp_verify_insn() looks that nothing was left out.
 */

struct vnp_join;
struct vnp_thresholds;
struct vnp_verify;

/**
 * struct vnp_verify_ops - an abstract interpreter
 * @insn:	what an instruction that is no branch does to the state
 * @cond:	may these operands be compared
 * @branch:	what a way at a conditional jump tells; false: it cannot go there
 * @exit:	may the program end so
 * @head:	the state at a head of loops, once; may be NULL
 * @flow:	a state goes along an edge, from a block to its k-th successor, which is a
 *		root; may be NULL
 * @join:	as vnp_state_join()
 * @unfinished:	asked when loops have grown to their full size: the states will
 *		not be those wanted, so do not go on; may be NULL
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
 * Work that verification may cost, and the second interpretation as much again: for
 * any program, and for each instruction.  On a machine of 2026 a unit takes 4 to 7 ns
 * where many are needed, so any program has 60 ms, and one of 65,536 instructions takes
 * 2 s at most.  What vnp_split_verify() does before the last verification comes on top:
 * it begins no round when half as much is spent.
 */
#define VNP_COST_MIN	16000000
#define VNP_COST_INSN	2000

/**
 * struct vnp_cost - account of work
 * @spent:	so far
 * @max:	when as much is spent the program is refused.  From two thirds of that on
 *		verification is frugal
 * @frugal:	no constraints, and where loops begin no numbers that ever changed
 */
struct vnp_cost {
	u64 spent;
	u64 max;
	bool frugal;
};

/* vnp_cost_init() - for a program of so many instructions */
static inline void vnp_cost_init(struct vnp_cost *cost, u32 insn_cnt)
{
	*cost = (struct vnp_cost){
		.max = VNP_COST_MIN + (u64)VNP_COST_INSN * insn_cnt,
	};
}

/**
 * struct vnp_verify - verification under way
 * @ops:	what instructions do
 * @code:	the program
 * @type:	its type
 * @insn:	the instruction at work on
 * @state:	the state in front of it, to be changed to the one behind it
 * @bounds:	what is found out at heads of loops
 * @owed:	VNP_GUARD_* that the state knows of and that are not written down yet
 * @report:	states are at rest: say what is wrong, write down what is found
 * @cost:	of all runs of vnp_fixpoint_run()
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
 * vnp_fixpoint_run() - bring the states to rest, then look at each instruction
 * @v:		@insn, @state and @report are its to set; @cost goes on from where it is
 *
 * Return: as vnp_verify().
 */
int vnp_fixpoint_run(struct vnp_verify *v);

/*
 * What instructions do to @v->state.  They return 0, VNP_VERIFY_STOP, or -EACCES,
 * having said why if @v->report.
 */

/* vnp_verify_insn() - one that is no branch and no exit */
int vnp_verify_insn(struct vnp_verify *v);
int vnp_verify_alu(struct vnp_verify *v);
int vnp_verify_memory(struct vnp_verify *v);
int vnp_verify_call(struct vnp_verify *v);
int vnp_verify_exit(struct vnp_verify *v);

/* vnp_verify_frame() - a goto that may enter or leave a function */
void vnp_verify_frame(struct vnp_verify *v);

/* vnp_verify_cond() - may these operands be compared; changes nothing */
int vnp_verify_cond(struct vnp_verify *v);

/**
 * vnp_verify_branch() - go one way at a conditional jump
 * @v:		@v->state is changed to the state on this way
 * @taken:	which way
 *
 * Return: false if it cannot go there.
 */
bool vnp_verify_branch(struct vnp_verify *v, bool taken);

/* vnp_verify_guard() - an access has guards, and the state will know what they check */
void vnp_verify_guard(struct vnp_verify *v, struct vnp_access *access, u8 guards);

/* vnp_verify_not_null() - put a null guard on a pointer if it wants one */
void vnp_verify_not_null(struct vnp_verify *v, struct vnp_reg *reg,
			 struct vnp_access *access);

/**
 * vnp_verify_bounds() - access memory: prove that it is inside, or guard it
 * @v:		the pointer gets narrower by what the guards check
 * @n:		register with the pointer
 * @off:	where from the pointer
 * @min:	bytes at least
 * @max:	bytes at most
 * @access:	what was found out
 */
int vnp_verify_bounds(struct vnp_verify *v, u32 n, s32 off, u32 min, u32 max,
		      struct vnp_access *access);

/* vnp_verify_write() - may this memory be written */
int vnp_verify_write(struct vnp_verify *v, u32 n);

/* vnp_verify_note() - write down an access, or guards without an access */
void vnp_verify_note(struct vnp_verify *v, struct vnp_access *where,
		     const struct vnp_access *access);

/*
 * The stack, accessed through a pointer whose bounds were seen to.  @max: bytes at
 * most; @off: where from the pointer.
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
 * @v:		silent if @v->report is not set
 * @fmt:	as vnp_log_insn(); the values of the registers that the instruction
 *		reads are added
 *
 * Return: -EACCES.
 */
int vnp_verify_refuse(const struct vnp_verify *v, const char *fmt, ...)
	__printf(2, 3);

#endif /* _VNP_VM_VERIFY_VERIFY_H */
