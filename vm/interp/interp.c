// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The reference interpreter.  Each value carries its origin: the object that a pointer
 * points into, or that it is a number.  So every access is checked against the real
 * object, and every guard against the verifier's findings.
 */
#include "vm/arith.h"
#include "vm/analysis/cost.h"
#include "vm/code.h"
#include "vm/isa/eval.h"
#include "vm/frame.h"
#include "vm/isa/insn.h"
#include "vm/interp/interp.h"
#include "vm/analysis/live.h"
#include "vm/report/log.h"
#include "vm/exec.h"
#include "vm/analysis/state.h"
#include "vm/analysis/type.h"

/* The program ended at a guard */
#define INTERP_FAULT	1

/**
 * struct value - a register, or a pointer saved on the stack
 * @v:		its bits
 * @kind:	enum vnp_reg_kind; PACKET_END is PACKET, too
 * @base:	map value: where it begins
 * @size:	map value: how long it is
 * @epoch:	packet: value of struct interp::epoch when the pointer was made
 */
struct value {
	u64 v;
	u8 kind;
	u64 base;
	u64 size;
	u32 epoch;
};

/**
 * struct interp - an execution
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
struct interp {
	struct vnp_code *code;
	const struct vnp_type *type;
	struct vnp_exec *exec;
	struct value reg[VNP_REG_CNT];
	u64 stack[VNP_SLOT_CNT];
	struct value saved[VNP_SLOT_CNT];
	u64 whole;
	bool secret[VNP_STACK_MAX];
	u32 epoch;
	u32 insn;
	s64 left;
	s64 prepaid;
	u64 spent;
};

static __printf(2, 3) int interp_bug(struct interp *t, const char *fmt, ...)
{
	va_list args;

	vnp_log_print(t->code->log, VNP_LOG_NORMAL, "BUG in the verifier: ");
	va_start(args, fmt);
	vnp_log_insn_v(t->code, t->insn, fmt, args);
	va_end(args);
	return -EFAULT;
}

static int interp_fault(struct interp *t, enum vnp_fault fault)
{
	t->exec->fault = VNP_EXEC_FAULT(fault, vnp_code_origin(t->code, t->insn));
	return INTERP_FAULT;
}

static void interp_set_number(struct value *reg, u64 v)
{
	memset(reg, 0, sizeof(*reg));
	reg->kind = VNP_REG_SCALAR;
	reg->v = v;
}

static u64 interp_stack_top(const struct interp *t)
{
	return (uintptr_t)(t->stack + VNP_SLOT_CNT);
}

/* The object that a value points into now: @base and @size */
static int interp_object(struct interp *t, const struct value *ptr, u64 *base, u64 *size)
{
	const struct vnp_ctx *ctx = &t->exec->ctx;

	switch (ptr->kind) {
	case VNP_REG_CTX:
		*base = (uintptr_t)ctx;
		*size = sizeof(*ctx);
		return 0;
	case VNP_REG_PACKET:
		if (ptr->epoch != t->epoch)
			return interp_bug(t, "uses a pointer from before the payload moved");
		*base = (uintptr_t)ctx->data;
		*size = (uintptr_t)ctx->data_end - (uintptr_t)ctx->data;
		return 0;
	case VNP_REG_STACK:
		*size = vnp_code_reach(t->code, t->insn, t->code->stack_size);
		*base = interp_stack_top(t) - *size;
		return 0;
	case VNP_REG_MAP_VALUE:
		*base = ptr->base;
		*size = ptr->size;
		return 0;
	default:
		return interp_bug(t, "uses a value as a pointer that is not one");
	}
}

/* Check an access against its object, and the verifier's findings against that */
static int interp_access(struct interp *t, const struct vnp_access *access,
			 const struct value *ptr, s32 off, u64 size)
{
	u64 base = 0, len = 0;
	s64 at;
	int err;

	if (ptr->kind == VNP_REG_SCALAR && access->guards & VNP_GUARD_NULL &&
	    ptr->v == (u64)(s64)access->null)
		return interp_fault(t, VNP_FAULT_NULL);
	err = interp_object(t, ptr, &base, &len);
	if (err)
		return err;
	if (ptr->kind != access->kind)
		return interp_bug(t, "the pointer is of kind %u, not %u", ptr->kind,
				  access->kind);
	at = vnp_wrap_sub(vnp_wrap_add(ptr->v, off), base);
	if (at >= 0 && (u64)at <= len && size <= len - at)
		return 0;
	if (access->guards & (at < 0 ? VNP_GUARD_LOW : VNP_GUARD_HIGH))
		return interp_fault(t, vnp_access_fault(access));
	return interp_bug(t,
			  "an access that was proven: %llu bytes at offset %lld of %llu",
			  (unsigned long long)size, (long long)at,
			  (unsigned long long)len);
}

/* Index of the first byte of an access to the stack */
static u32 interp_stack_at(const struct interp *t, u64 addr)
{
	return addr - (uintptr_t)t->stack;
}

static u32 interp_slot(u32 at)
{
	return VNP_SLOT_CNT - 1 - at / 8;
}

/* Bytes of the stack are read as numbers */
static int interp_stack_see(struct interp *t, u64 addr, u64 size)
{
	u32 at = interp_stack_at(t, addr), i;

	for (i = at; i < at + size; i++)
		if (t->secret[i])
			return interp_bug(t, "reads only some bytes of a pointer on the stack");
	return 0;
}

/* Bytes of the stack become numbers */
static void interp_stack_forget(struct interp *t, u64 addr, u64 size)
{
	u32 at = interp_stack_at(t, addr), i;

	for (i = at; i < at + size; i++) {
		t->secret[i] = false;
		t->whole &= ~BIT_ULL(interp_slot(i));
	}
}

static int interp_stack_load(struct interp *t, u64 addr, u32 size, struct value *to)
{
	u32 at = interp_stack_at(t, addr);

	if (size == 8 && !(at % 8) && t->whole & BIT_ULL(interp_slot(at))) {
		*to = t->saved[interp_slot(at)];
		return 0;
	}
	interp_set_number(to, vnp_eval_load(addr, size));
	return interp_stack_see(t, addr, size);
}

static int interp_stack_store(struct interp *t, u64 addr, u32 size,
			      const struct value *from)
{
	u32 at = interp_stack_at(t, addr), slot = interp_slot(at);

	interp_stack_forget(t, addr, size);
	vnp_eval_store(addr, size, from->v);
	if (from->kind == VNP_REG_SCALAR)
		return 0;
	if (size != 8 || at % 8)
		return interp_bug(t, "saves only some bytes of a pointer");
	t->saved[slot] = *from;
	t->whole |= BIT_ULL(slot);
	memset(&t->secret[at], true, 8);
	return 0;
}

static int interp_context_load(struct interp *t, const struct value *ptr, s32 off,
			       u32 size, struct value *to)
{
	const struct vnp_access *access = &t->code->aux[t->insn].access;
	u64 at = vnp_wrap_sub(vnp_wrap_add(ptr->v, off), (uintptr_t)&t->exec->ctx);
	const struct vnp_field *field;

	if ((access->guards & VNP_GUARD_LOW && (s64)at < access->lo) ||
	    (access->guards & VNP_GUARD_HIGH && vnp_sat_add(at, size) > access->hi))
		return interp_fault(t, VNP_FAULT_CONTEXT);
	if (at >= sizeof(t->exec->ctx) || size > sizeof(t->exec->ctx) - at)
		return interp_bug(t, "reads outside the context");
	if (vnp_type_words(at, size) & ~t->code->ctx_fields)
		return interp_bug(t, "reads a field of the context that is not filled in");
	interp_set_number(to, vnp_eval_load(vnp_wrap_add(ptr->v, off), size));
	field = vnp_type_field(t->type, at);
	if (!field || !vnp_type_field(t->type, at + size - 1))
		return interp_bug(t, "reads where the context has no field");
	if (field->kind == VNP_FIELD_SCALAR)
		return 0;
	if (at != field->off || size != field->size)
		return interp_bug(t, "reads only some bytes of a pointer in the context");
	to->kind = VNP_REG_PACKET;
	to->epoch = t->epoch;
	return 0;
}

static int interp_load(struct interp *t, const struct bpf_insn *insn)
{
	const struct value *ptr = &t->reg[insn->src_reg];
	u32 size = vnp_insn_size(insn);
	u64 addr = vnp_wrap_add(ptr->v, insn->off);
	struct value to;
	int err;

	if (ptr->kind == VNP_REG_CTX) {
		err = interp_context_load(t, ptr, insn->off, size, &to);
	} else {
		err = interp_access(t, &t->code->aux[t->insn].access, ptr, insn->off,
				    size);
		if (err)
			return err;
		if (ptr->kind == VNP_REG_STACK)
			err = interp_stack_load(t, addr, size, &to);
		else
			interp_set_number(&to, vnp_eval_load(addr, size));
	}
	if (err)
		return err;
	if (BPF_MODE(insn->code) == BPF_MEMSX)
		to.v = vnp_eval_extend(to.v, size);
	t->reg[insn->dst_reg] = to;
	return 0;
}

static int interp_store(struct interp *t, const struct bpf_insn *insn)
{
	const struct value *ptr = &t->reg[insn->dst_reg];
	u32 size = vnp_insn_size(insn);
	u64 addr = vnp_wrap_add(ptr->v, insn->off);
	struct value from;
	int err;

	interp_set_number(&from, (s64)insn->imm);
	if (BPF_CLASS(insn->code) == BPF_STX)
		from = t->reg[insn->src_reg];
	err = interp_access(t, &t->code->aux[t->insn].access, ptr, insn->off, size);
	if (err)
		return err;
	if (ptr->kind == VNP_REG_STACK)
		return interp_stack_store(t, addr, size, &from);
	if (ptr->kind == VNP_REG_CTX || from.kind != VNP_REG_SCALAR)
		return interp_bug(t, "stores a pointer, or into the context");
	vnp_eval_store(addr, size, from.v);
	return 0;
}

static int interp_atomic(struct interp *t, const struct bpf_insn *insn)
{
	const struct value *ptr = &t->reg[insn->dst_reg];
	u32 size = vnp_insn_size(insn);
	u64 addr = vnp_wrap_add(ptr->v, insn->off), old;
	int err;

	err = interp_access(t, &t->code->aux[t->insn].access, ptr, insn->off, size);
	if (!err && ptr->kind == VNP_REG_STACK)
		err = interp_stack_see(t, addr, size);
	if (err)
		return err;
	if (addr % size)
		return interp_bug(t, "an atomic operation that is not aligned");
	if (t->reg[insn->src_reg].kind != VNP_REG_SCALAR)
		return interp_bug(t, "an atomic operation on a pointer");
	old = vnp_eval_atomic(insn, addr, t->reg[insn->src_reg].v, t->reg[0].v);
	if (insn->imm == BPF_CMPXCHG)
		interp_set_number(&t->reg[BPF_REG_0], old);
	else if (insn->imm & BPF_FETCH)
		interp_set_number(&t->reg[insn->src_reg], old);
	return 0;
}

static bool interp_is_pointer(const struct value *reg)
{
	return reg->kind != VNP_REG_SCALAR;
}

/* A pointer into the payload, or the lower half of one */
static bool interp_is_half(const struct value *reg)
{
	return reg->kind == VNP_REG_PACKET || reg->kind == VNP_REG_HALF;
}

/*
 * The same for results that are halves or complements of pointers into the payload, and
 * differences of these.
 */
static u32 interp_half_kind(const struct bpf_insn *insn, const struct value *a,
			    const struct value *b)
{
	bool a_is = interp_is_half(a), b_is = interp_is_half(b);

	switch (BPF_OP(insn->code)) {
	case BPF_MOV:
		return b_is ? VNP_REG_HALF : 0;
	case BPF_NEG:
		return a_is ? VNP_REG_HALF : 0;
	case BPF_XOR:
		return a_is && !interp_is_pointer(b) && b->v == U64_MAX ? VNP_REG_HALF : 0;
	case BPF_ADD:
		if (b_is && !interp_is_pointer(a))
			return VNP_REG_HALF;
		fallthrough;
	case BPF_SUB:
		if (a_is && !interp_is_pointer(b))
			return VNP_REG_HALF;
		return a_is && b_is ? VNP_REG_SCALAR : 0;
	default:
		return 0;
	}
}

/*
 * The kind of a result: 64 bit sums and differences of a pointer and a number point,
 * differences of two do not.  The lower half of a pointer into the payload may be used
 * for a difference only. 0: the operation is not allowed.
 */
static u32 interp_alu_kind(const struct bpf_insn *insn, const struct value *a,
			   const struct value *b)
{
	bool is64 = vnp_insn_is64(insn), sub = BPF_OP(insn->code) == BPF_SUB;

	if (!interp_is_pointer(a) && !interp_is_pointer(b))
		return VNP_REG_SCALAR;
	if (!is64 || a->kind == VNP_REG_HALF || b->kind == VNP_REG_HALF ||
	    BPF_OP(insn->code) == BPF_XOR || BPF_OP(insn->code) == BPF_NEG)
		return interp_half_kind(insn, a, b);
	if (interp_is_pointer(a) && interp_is_pointer(b))
		return sub && a->kind == b->kind ? VNP_REG_SCALAR : 0;
	if (!sub && BPF_OP(insn->code) != BPF_ADD)
		return 0;
	return interp_is_pointer(a) ? a->kind : b->kind;
}

static int interp_alu(struct interp *t, const struct bpf_insn *insn)
{
	const struct vnp_access *access = &t->code->aux[t->insn].access;
	struct value *dst = &t->reg[insn->dst_reg], src;
	u8 op = BPF_OP(insn->code);
	u32 kind;
	u64 v;

	interp_set_number(&src, (s64)insn->imm);
	if (vnp_insn_uses_x(insn) && op != BPF_END)
		src = t->reg[insn->src_reg];
	if (op == BPF_MOV && vnp_insn_is64(insn) && !insn->off) {
		*dst = src;
		return 0;
	}
	if (access->guards & VNP_GUARD_NULL &&
	    t->reg[access->reg].kind == VNP_REG_SCALAR)
		return interp_fault(t, VNP_FAULT_NULL);

	if (op == BPF_END)
		v = vnp_eval_swap(dst->v, insn->imm, vnp_insn_swaps(insn));
	else
		v = vnp_eval_alu(op, insn->off, vnp_insn_is64(insn), dst->v, src.v);
	if (op == BPF_MOV)
		interp_set_number(dst, 0);
	kind = interp_alu_kind(insn, dst, &src);
	if (!kind)
		return interp_bug(t, "turns a pointer into a number");
	if (interp_is_pointer(&src))
		*dst = src;
	dst->kind = kind;
	dst->v = v;
	return 0;
}

/* The map in R1, or NULL */
static const struct vnp_map_desc *interp_map(const struct interp *t)
{
	u32 i;

	for (i = 0; i < t->code->map_cnt; i++)
		if (t->reg[1].kind == VNP_REG_MAP_HANDLE &&
		    t->reg[1].v == (uintptr_t)t->code->maps[i].handle)
			return &t->code->maps[i];
	return NULL;
}

/* Size of the memory that an argument points to */
static u64 interp_arg_size(const struct interp *t, u32 kind, u32 n)
{
	const struct vnp_map_desc *map = interp_map(t);

	switch (kind) {
	case VNP_ARG_MAP_KEY:
		return map ? map->key_size : 0;
	case VNP_ARG_MAP_VALUE:
		return map ? map->value_size : 0;
	default:
		return t->reg[n + 2].v;
	}
}

static int interp_arg_memory(struct interp *t, const struct vnp_helper *helper,
			     const struct vnp_access *access, u32 n, u64 size)
{
	const struct value *ptr = &t->reg[n + 1];
	int err;

	if (access->guards & VNP_GUARD_SIZE && size > VNP_SIZE_MAX)
		return interp_fault(t, vnp_access_fault(access));
	if (access->guards & VNP_GUARD_EMPTY && !size)
		return interp_fault(t, vnp_access_fault(access));
	if (access->kind == VNP_REG_SCALAR) {
		if (!size)
			return 0;
		return access->guards & VNP_GUARD_NULL ?
		       interp_fault(t, VNP_FAULT_NULL) :
		       interp_bug(t, "NULL is given to a helper");
	}
	if (!access->kind && !size)
		return 0;
	err = interp_access(t, access, ptr, 0, size);
	if (err || ptr->kind != VNP_REG_STACK)
		return err;
	if (helper->arg[n] != VNP_ARG_MEM_WRITE)
		return interp_stack_see(t, ptr->v, size);
	interp_stack_forget(t, ptr->v, size);
	return 0;
}

static int interp_arg(struct interp *t, const struct vnp_helper *helper, u32 n)
{
	const struct vnp_call *call = &t->code->calls[t->code->aux[t->insn].call];
	const struct value *arg = &t->reg[n + 1];
	u32 kind = helper->arg[n];

	if (arg->kind == VNP_REG_UNSET)
		return interp_bug(t, "argument %u was never set", n + 1);
	switch (kind) {
	case VNP_ARG_MAP_KEY:
	case VNP_ARG_MAP_VALUE:
	case VNP_ARG_MEM_READ:
	case VNP_ARG_MEM_READ_OR_NULL:
	case VNP_ARG_MEM_WRITE:
		return interp_arg_memory(t, helper, &call->arg[n], n,
					 interp_arg_size(t, kind, n));
	case VNP_ARG_CTX:
		return arg->v == (uintptr_t)&t->exec->ctx ? 0 :
		       interp_bug(t, "argument %u is not the context", n + 1);
	case VNP_ARG_MAP:
		return interp_map(t) ? 0 :
		       interp_bug(t, "argument %u is not a map", n + 1);
	default:
		return !interp_is_pointer(arg) ? 0 :
		       interp_bug(t, "argument %u is a pointer, not a number", n + 1);
	}
}

static int interp_charge_bytes(struct interp *t, const struct vnp_helper *helper)
{
	const struct vnp_call *call = &t->code->calls[t->code->aux[t->insn].call];
	u64 bytes;
	s64 cost;

	if (!vnp_cost_is_metered(helper, call)) {
		if (helper->bytes == VNP_COST_SIZE && t->reg[4].v > call->size_max)
			return interp_bug(t, "a size exceeds what was proven");
		return 0;
	}
	bytes = helper->bytes == VNP_COST_SIZE ? t->reg[4].v : t->exec->ctx.len;
	cost = bytes >> VNP_COST_SHIFT;
	t->left -= cost;
	if (t->left < 0)
		return interp_fault(t, VNP_FAULT_BUDGET);
	t->spent += cost;
	return 0;
}

static int interp_call(struct interp *t, const struct bpf_insn *insn)
{
	const struct vnp_helper *helper = vnp_helper_get(insn->imm);
	const struct vnp_map_desc *map = interp_map(t);
	u64 ret;
	u32 i;
	int err;

	for (i = 0; i < VNP_HELPER_ARGS_MAX && helper->arg[i] != VNP_ARG_NONE; i++) {
		err = interp_arg(t, helper, i);
		if (err)
			return err;
	}
	err = interp_charge_bytes(t, helper);
	if (err)
		return err;
	ret = helper->fn(t->reg[1].v, t->reg[2].v, t->reg[3].v, t->reg[4].v,
			 t->reg[5].v);
	for (i = BPF_REG_0; i <= BPF_REG_5; i++)
		memset(&t->reg[i], 0, sizeof(t->reg[i]));
	interp_set_number(&t->reg[BPF_REG_0], ret);
	if (helper->ret == VNP_RET_MAP_VALUE_OR_NULL && ret) {
		t->reg[BPF_REG_0].kind = VNP_REG_MAP_VALUE;
		t->reg[BPF_REG_0].base = ret;
		t->reg[BPF_REG_0].size = map->value_size;
	}
	t->epoch += helper->moves_packet;
	return 0;
}

static void interp_ld_imm64(struct interp *t, const struct bpf_insn *insn)
{
	struct value *dst = &t->reg[insn->dst_reg];
	const struct vnp_map_desc *map;

	interp_set_number(dst, vnp_insn_imm64(insn));
	if (!insn->src_reg)
		return;
	map = &t->code->maps[insn->imm];
	if (insn->src_reg == BPF_PSEUDO_MAP_IDX) {
		dst->kind = VNP_REG_MAP_HANDLE;
		dst->v = (uintptr_t)map->handle;
	} else {
		dst->kind = VNP_REG_MAP_VALUE;
		dst->base = (uintptr_t)map->value;
		dst->size = map->value_size;
		dst->v = dst->base + (u32)insn[1].imm;
	}
}

/* No register is read that was never set */
static int interp_reads(struct interp *t, const struct bpf_insn *insn)
{
	u32 reads = vnp_live_reads(insn), i;

	for (i = 0; i < VNP_REG_CNT; i++)
		if (reads >> i & 1 && t->reg[i].kind == VNP_REG_UNSET)
			return interp_bug(t, "reads r%u, which was never set", i);
	return 0;
}

static u64 interp_save_addr(const struct interp *t, u32 saves, u32 reg)
{
	const struct vnp_frame *frame = vnp_code_frame(t->code, t->insn);

	return interp_stack_top(t) - 8 * (vnp_frame_save_slot(frame, saves, reg) + 1);
}

/* A function is entered: R6 to R9, set or not, are saved for the caller */
static int interp_enter(struct interp *t, u32 saves)
{
	const struct vnp_frame *frame = vnp_code_frame(t->code, t->insn);
	u64 addr = interp_stack_top(t) - frame->end;
	u32 reg, size = frame->end - frame->base;
	int err;

	interp_stack_forget(t, addr, size);
	memset((void *)(uintptr_t)addr, 0, size);
	vnp_frame_for_each_saved(saves, reg) {
		err = interp_stack_store(t, interp_save_addr(t, saves, reg), 8,
					 &t->reg[reg]);
		if (err)
			return err;
		memset(&t->reg[reg], 0, sizeof(t->reg[reg]));
	}
	memset(&t->reg[BPF_REG_0], 0, sizeof(t->reg[BPF_REG_0]));
	return 0;
}

/* Does a slot hold some bytes of a pointer, but not all */
static bool interp_is_spoilt(const struct interp *t, u64 addr)
{
	u32 at = interp_stack_at(t, addr), i;

	if (t->whole & BIT_ULL(interp_slot(at)))
		return false;
	for (i = at; i < at + 8; i++)
		if (t->secret[i])
			return true;
	return false;
}

static void interp_leave(struct interp *t, u32 saves)
{
	u32 reg;

	vnp_frame_for_each_saved(saves, reg) {
		u64 addr = interp_save_addr(t, saves, reg);

		/* a pointer that was overwritten in part is unset */
		if (interp_is_spoilt(t, addr))
			memset(&t->reg[reg], 0, sizeof(t->reg[reg]));
		else
			interp_stack_load(t, addr, 8, &t->reg[reg]);
	}
	for (reg = BPF_REG_1; reg <= BPF_REG_5; reg++)
		memset(&t->reg[reg], 0, sizeof(t->reg[reg]));
}

/* Conditional jumps and gotos; the latter may enter or leave a function */
static int interp_frame(struct interp *t, const struct bpf_insn *insn)
{
	if (vnp_insn_is_enter(insn))
		return interp_enter(t, vnp_insn_saves(insn));
	if (vnp_insn_is_leave(insn))
		interp_leave(t, vnp_insn_saves(insn));
	return 0;
}

/* All but jumps and exits */
static int interp_insn(struct interp *t, const struct bpf_insn *insn)
{
	switch (BPF_CLASS(insn->code)) {
	case BPF_LD:
		interp_ld_imm64(t, insn);
		return 0;
	case BPF_LDX:
		return interp_load(t, insn);
	case BPF_ST:
		return interp_store(t, insn);
	case BPF_STX:
		return vnp_insn_is_atomic(insn) ? interp_atomic(t, insn) :
						  interp_store(t, insn);
	case BPF_ALU:
	case BPF_ALU64:
		return interp_alu(t, insn);
	default:
		return vnp_insn_is_call(insn) ? interp_call(t, insn) :
						interp_frame(t, insn);
	}
}

static bool interp_jumps(const struct interp *t, const struct bpf_insn *insn)
{
	u64 src = vnp_insn_uses_x(insn) ? t->reg[insn->src_reg].v : (u64)(s64)insn->imm;

	if (vnp_insn_is_ja(insn))
		return true;
	return vnp_insn_is_cond(insn) &&
	       vnp_eval_branch(BPF_OP(insn->code), vnp_insn_is64(insn),
			       t->reg[insn->dst_reg].v, src);
}

/* Continue with the next instruction or the target; charge a jump back */
static int interp_advance(struct interp *t, const struct bpf_insn *insn)
{
	const struct vnp_insn_aux *aux = &t->code->aux[t->insn];
	bool jumps = interp_jumps(t, insn);
	u16 flags = aux->flags;

	if (vnp_insn_is_branch(insn) &&
	    !(flags & (jumps ? VNP_AUX_TAKEN : VNP_AUX_FALLS)))
		return interp_bug(t, "takes a branch that was proven not to be taken");
	if (flags & (jumps ? VNP_AUX_PAYS_TAKEN : VNP_AUX_PAYS_FALLS)) {
		t->left -= aux->cost;
		if (t->left < 0)
			return interp_fault(t, VNP_FAULT_BUDGET);
	}
	if (flags & (jumps ? VNP_AUX_FREE_TAKEN : VNP_AUX_FREE_FALLS)) {
		t->prepaid -= aux->cost;
		if (t->prepaid < 0)
			return interp_bug(t, "iterates more often than was proven");
	}
	t->insn = jumps ? vnp_insn_target(insn, t->insn) : t->insn + vnp_insn_len(insn);
	return 0;
}

static int interp_exit(struct interp *t)
{
	if (interp_is_pointer(&t->reg[BPF_REG_0]))
		return interp_bug(t, "returns a pointer");
	if (t->reg[BPF_REG_0].v > U32_MAX && !t->code->wide_ret)
		return interp_bug(t, "returns more than 32 bits");
	t->exec->retval = t->reg[BPF_REG_0].v;
	return 0;
}

static int interp_loop(struct interp *t)
{
	int err;

	for (;;) {
		const struct bpf_insn *insn = &t->code->insns[t->insn];

		if (!t->code->aux[t->insn].reached)
			return interp_bug(t, "reaches an instruction that was proven unreachable");
		t->spent += vnp_cost_insn(t->code, t->insn);
		if (t->spent > t->code->budget)
			return interp_bug(t, "costs more than its budget");
		err = interp_reads(t, insn);
		if (err)
			return err;
		if (vnp_insn_is_exit(insn))
			return interp_exit(t);
		err = interp_insn(t, insn);
		if (!err)
			err = interp_advance(t, insn);
		if (err)
			return err;
	}
}

int vnp_interp_exec(struct vnp_code *code, struct vnp_exec *exec)
{
	struct interp *t = vnp_alloc(1, sizeof(*t));
	int err;

	if (!t)
		return -ENOMEM;
	t->code = code;
	t->type = vnp_type_get(code->type);
	t->exec = exec;
	t->left = code->budget - code->prepaid;
	t->prepaid = code->prepaid - code->path;
	exec->retval = 0;
	t->reg[BPF_REG_1].kind = VNP_REG_CTX;
	t->reg[BPF_REG_1].v = (uintptr_t)&exec->ctx;
	t->reg[VNP_REG_FP].kind = VNP_REG_STACK;
	t->reg[VNP_REG_FP].v = interp_stack_top(t);
	err = interp_loop(t);
	vnp_free(t);
	return err == INTERP_FAULT ? 0 : err;
}
