/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * struct vnp_code: a program, and all that the passes find out about it.
 *
 *	vnp_code_create()	copies the user's program
 *	  vnp_decode()		every instruction is valid	decode.c
 *	  vnp_inline()		calls are replaced by what they call	inline.c
 *	  vnp_cfg_build()	basic blocks, their order, back edges	cfg.c
 *	  vnp_verify()		what holds at each instruction; which
 *				accesses need a guard			verify.c
 *				The last two are called by vnp_split_verify(),
 *				which splits joins of values of different
 *				kinds, and begins again			split.c
 *	  vnp_lower()		the instructions for the JIT, guards
 *				put in					lower.c
 *	vnp_code_destroy()
 *
 * vnp_code_check() does all but the last.  The reference interpreter (interp.c) executes
 * what they accept, without lowering.
 *
 * Layer: data, above helper.h; code.c is above all passes.
 *
 * Ownership: a vnp_code belongs to one thread; nothing in it is shared while it
 * is being built, and nothing changes after vnp_lower().
 */
#ifndef _VNP_VM_CODE_H
#define _VNP_VM_CODE_H

#include "env.h"
#include "helper.h"
#include <linux/vnp.h>

/* Limits, which struct vnp_feature reports */
#define VNP_INSN_MAX		65536
#define VNP_MAPS_MAX		64
#define VNP_STACK_MAX		512
#define VNP_BUDGET_DEFAULT	(1U << 16)
#define VNP_BUDGET_MAX		(1U << 18)	/* more: CAP_SYS_ADMIN, unless raised */
#define VNP_STRINGS_MAX		(1U << 22)	/* bytes for line info to refer to */

struct vnp_cfg;
struct vnp_inlined;
struct vnp_log;

/**
 * struct vnp_map_desc - a map, as vm/ needs it
 * @type:	enum vnp_map_type
 * @flags:	VNP_MAP_F_*
 * @key_size:	bytes
 * @value_size:	bytes
 * @max_entries: entries at most
 * @handle:	what helpers get for it: the object of the module or the library
 * @value:	address of the first value of a VNP_MAP_ARRAY, which never
 *		moves; NULL for the others
 * @constant:	programs and ioctls cannot change its values any more
 */
struct vnp_map_desc {
	u32 type;
	u32 flags;
	u32 key_size;
	u32 value_size;
	u32 max_entries;
	void *handle;
	void *value;
	bool constant;
};

/**
 * struct vnp_source - source lines of instructions, for messages
 * @line_info:	sorted by insn_off, offsets inside @strings
 * @line_info_cnt: entries of @line_info; 0: nothing is known
 * @strings:	ends with NUL
 */
struct vnp_source {
	const struct vnp_line_info *line_info;
	u32 line_info_cnt;
	const char *strings;
	u32 strings_len;
};

/*
 * What the verifier found out about an instruction, read by lowering and by
 * the interpreter.  A guard is a check in front of the instruction that ends
 * the program with a fault.
 */
#define VNP_GUARD_NULL		BIT(0)	/* the pointer may be a failed look-up's */
#define VNP_GUARD_LOW		BIT(1)	/* may begin before the object */
#define VNP_GUARD_HIGH		BIT(2)	/* may end after the object */
#define VNP_GUARD_SIZE		BIT(3)	/* helper: the size may exceed VNP_SIZE_MAX */
#define VNP_GUARD_EMPTY		BIT(4)	/* helper: the size may be 0 */

/*
 * struct vnp_access::masks only: the pointer may be so far away that distances overflow
 */
#define VNP_MASK_FAR		BIT(5)

/* A larger size argument of a helper faults: no object is as large */
#define VNP_SIZE_MAX		(1U << 24)

/* struct vnp_access::base, if it is not an instruction */
#define VNP_SITE_NONE		U32_MAX		/* not known */
#define VNP_SITE_MAP		(U32_MAX - 1)	/* struct vnp_map_desc::value */

/* struct vnp_access::ctx_reg */
#define VNP_CTX_REG_NONE	U8_MAX

/**
 * struct vnp_access - a memory access, or pointer arithmetic that needs a guard
 * @guards:	VNP_GUARD_*
 * @kind:	enum vnp_reg_kind of the pointer; 0: no access
 * @map:	for a map value, or a map's handle: index of the map
 * @reg:	register with the pointer
 * @ctx_reg:	for a guarded access to the packet, or a guarded or masked one to the
 *		context: a register that holds the context, or %VNP_CTX_REG_NONE
 * @masks:	%VNP_GUARD_LOW and %VNP_GUARD_HIGH: sides on which only a branch keeps
 *		the access inside (spec.h); %VNP_MASK_FAR
 * @lo:		to the stack: it begins at R10 + @lo or above, after its guards; to the
 *		context: likewise from its start
 * @hi:		to the stack: it ends at R10 + @hi at most; to the context: likewise
 * @null:	value of the pointer if the look-up failed: NULL plus a constant
 * @base:	for an access to a map value: the look-up call that made
 *		the pointer, or %VNP_SITE_MAP
 */
struct vnp_access {
	u8 guards;
	u8 kind;
	u8 map;
	u8 reg;
	u8 ctx_reg;
	u8 masks;
	s16 lo;
	s16 hi;
	s32 null;
	u32 base;
};

/* struct vnp_insn_aux::flags */
#define VNP_AUX_TAKEN		BIT(0)	/* the jump may be taken */
#define VNP_AUX_FALLS		BIT(1)	/* the next instruction may follow */
#define VNP_AUX_PAYS_TAKEN	BIT(2)	/* taken, @cost is charged to the budget */
#define VNP_AUX_PAYS_FALLS	BIT(3)	/* falling through, likewise */
#define VNP_AUX_SAFE		BIT(4)	/* divisor not 0, shift below the width */
#define VNP_AUX_FAULTS		BIT(5)	/* a guard here always faults */
#define VNP_AUX_SAVES_BASE	BIT(6)	/* a look-up that is the base of some access */
#define VNP_AUX_BARRIER		BIT(7)	/* a speculation barrier before the instruction */
#define VNP_AUX_BARRIER_FIRST	BIT(8)	/* and one before its guards */
#define VNP_AUX_STEPS		BIT(9)	/* adds a constant to a number, without wrapping */
#define VNP_AUX_FREE_TAKEN	BIT(10)	/* taken, @cost was charged in advance */
#define VNP_AUX_FREE_FALLS	BIT(11)	/* falling through, likewise */

/**
 * struct vnp_insn_aux - the verifier's findings on one instruction
 * @reached:	some execution may reach it; if not, all else is zero
 * @flags:	VNP_AUX_*
 * @dst_kind:	enum vnp_reg_kind of the destination register before it
 * @src_kind:	likewise of the source register
 * @call:	for a call: index in struct vnp_code::calls
 * @cost:	units of the budget that its jump back takes
 * @access:	the access it makes
 */
struct vnp_insn_aux {
	bool reached;
	u16 flags;
	u8 dst_kind;
	u8 src_kind;
	u32 call;
	u32 cost;
	struct vnp_access access;
};

/**
 * struct vnp_call - the verifier's findings on a helper's arguments
 * @arg:	the memory that R1 to R5 point to
 * @map:	index of the map argument; 0 if there is none
 * @keys:	likewise, of %VNP_ARG_KEYS
 * @size_max:	the largest that a size argument can be; or of %VNP_COST_RESIZE the
 *		largest change of a length that is possible
 */
struct vnp_call {
	struct vnp_access arg[VNP_HELPER_ARGS_MAX];
	u32 map;
	u32 keys;
	u32 size_max;
};

/**
 * struct vnp_lowered - the instructions for the JIT
 * @insns:	call instructions carry helper ids in imm and src_reg 0: the module
 *		replaces them by fn - __bpf_call_base
 * @origin:	for each, the instruction of struct vnp_code::insns it was made for
 * @guard:	for each, the enum vnp_fault it guards against, or 0
 * @map:	for each, 1 + index of the map whose address it carries, or 0
 * @cnt:	how many
 * @stack_size:	bytes of stack, with the slots of the guards
 * @wide_ret:	R0 may not fit 32 bits: every exit stores it to
 *		struct vnp_exec::retval
 */
struct vnp_lowered {
	struct bpf_insn *insns;
	u32 *origin;
	u8 *guard;
	u8 *map;
	u32 cnt;
	u32 stack_size;
	bool wide_ret;
};

/**
 * struct vnp_conflict - the use of a value of different kinds, if one was refused
 * @found:	there is one; else the other members are not valid
 * @insn:	the instruction that uses it
 * @pos:	place in the order of the block where the kinds join
 * @cell:	the cell of struct vnp_state that has it there
 */
struct vnp_conflict {
	bool found;
	u32 insn;
	u32 pos;
	u32 cell;
};

/**
 * struct vnp_code - a program
 * @type:	enum vnp_prog_type
 * @harden:	lower for an untrusted user
 * @budget:	what one execution may cost (cost.h); 0 became the default
 * @key:	random, for the blinding of constants; used up while lowering
 * @loaded:	the instructions as loaded; owned
 * @loaded_cnt:	how many
 * @insns:	the same, or with calls replaced by vnp_inline(), and blocks copied by
 *		vnp_split_verify(); owned
 * @insn_cnt:	how many
 * @inlined:	where these come from; NULL: they are @loaded; owned
 * @aux:	one for each instruction; owned
 * @calls:	one for each helper call; owned
 * @call_cnt:	how many
 * @maps:	what map indices mean; owned copy, the handles are borrowed
 * @map_cnt:	how many
 * @source:	owned copies
 * @cfg:	after vnp_cfg_build(); owned
 * @log:	borrowed, may be NULL
 * @work:	work that verification took (struct vnp_cost)
 * @conflict:	set if that is why it was refused
 * @stack_size:	bytes of stack the program itself uses, a multiple of 8
 * @zero_slots:	bit n: the 8 bytes at R10 - 8(n + 1) may be read before they are
 *		written
 * @ctx_fields:	bit n: the field at byte 8n..8n+7 of the context is read
 * @writes_packet: some instruction or helper changes the payload
 * @holds:	it calls a helper for messages that are held
 * @wide_ret:	R0 is not proven to fit 32 bits at every exit
 * @odd_ret:	it is not proven to be a verdict at every exit
 * @access_cnt:	memory accesses that are reached
 * @guard_cnt:	of these, how many are guarded
 * @loop_cnt:	metered back edges
 * @bound_cnt:	back edges of bounded loops, not metered (bound.h)
 * @meter_cnt:	metered calls: charged for their bytes when they are made
 * @far:	the values of its maps may be in main memory
 * @path:	cost of the longest path without a jump back
 * @prepaid:	@path and what bounded loops spend at most
 * @mask_cnt:	accesses that are masked
 * @barrier_cnt: instructions after a speculation barrier
 * @lowered:	after vnp_lower(); owned
 * @executed:	instructions that vnp_interp_exec_lowered() executed last, a barrier
 *		counted as VNP_BARRIER_COST
 */
struct vnp_code {
	u32 type;
	bool harden;
	u32 budget;
	u64 key;
	struct bpf_insn *loaded;
	u32 loaded_cnt;
	struct bpf_insn *insns;
	u32 insn_cnt;
	struct vnp_inlined *inlined;
	struct vnp_insn_aux *aux;
	struct vnp_call *calls;
	u32 call_cnt;
	struct vnp_map_desc *maps;
	u32 map_cnt;
	struct vnp_source source;
	struct vnp_cfg *cfg;
	struct vnp_log *log;
	u64 work;
	struct vnp_conflict conflict;

	u32 stack_size;
	u64 zero_slots;
	u64 ctx_fields;
	bool writes_packet;
	bool holds;
	bool wide_ret;
	bool odd_ret;
	u32 access_cnt;
	u32 guard_cnt;
	u32 loop_cnt;
	u32 bound_cnt;
	u32 meter_cnt;
	bool far;
	u32 path;
	u32 prepaid;
	u32 mask_cnt;
	u32 barrier_cnt;

	struct vnp_lowered lowered;
	u64 executed;
};

/**
 * struct vnp_code_attr - what vnp_code_create() makes a program of
 *
 * All is borrowed for the call, and trusted only to be readable memory: what it
 * says is checked.  @key must be a new random number for each untrusted program.
 */
struct vnp_code_attr {
	u32 type;
	bool harden;
	u32 budget;
	u64 key;
	const struct bpf_insn *insns;
	u32 insn_cnt;
	const struct vnp_map_desc *maps;
	u32 map_cnt;
	struct vnp_source source;
	struct vnp_log *log;
};

/**
 * vnp_code_check_counts() - check all counts against their limits
 * @attr:	its type and log, and all counts; pointers are not used
 *
 * vnp_code_create() does this, too.  Callers that copy arrays for it call this before.
 *
 * Return: 0, -EINVAL (the log says why).
 */
int vnp_code_check_counts(const struct vnp_code_attr *attr);

/**
 * vnp_code_create() - begin with a program
 * @attr:	what the user handed in
 * @code:	where to put it
 *
 * Return: 0, -EINVAL (a count, offset or type is out of range; the log says
 * which), -ENOMEM.
 */
int vnp_code_create(const struct vnp_code_attr *attr, struct vnp_code **code);

/**
 * vnp_code_check() - decode and verify
 * @code:	from vnp_code_create()
 *
 * Return: 0, -EACCES (refused; the log says why), -E2BIG (a limit; the log says
 * which), -ENOMEM, -EINTR (a fatal signal).
 */
int vnp_code_check(struct vnp_code *code);

/**
 * vnp_access_fault() - which fault the guards of an access end in
 * @access:	the access
 *
 * %VNP_GUARD_NULL ends in %VNP_FAULT_NULL; this is about the others.
 */
enum vnp_fault vnp_access_fault(const struct vnp_access *access);

/* vnp_code_destroy() - free it; NULL is fine */
void vnp_code_destroy(struct vnp_code *code);

#endif /* _VNP_VM_CODE_H */
