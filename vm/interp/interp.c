// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The reference interpreter.  Each value carries its origin: the object that a pointer
 * points into, or that it is a number.  So every access is checked against the real
 * object, and every guard against the verifier's findings.
 */
#include "vm/analysis/cost.h"
#include "vm/isa/eval.h"
#include "vm/isa/insn.h"
#include "vm/interp/interp.h"
#include "vm/interp/interp_impl.h"
#include "vm/analysis/live.h"

static bool interp_is_pointer(const struct vnp_value *reg)
{
	return reg->kind != VNP_REG_SCALAR;
}

/* A pointer into the payload, or the lower half of one */
static bool interp_is_half(const struct vnp_value *reg)
{
	return reg->kind == VNP_REG_PACKET || reg->kind == VNP_REG_HALF;
}

/*
 * interp_alu_kind() for results that are halves or complements of pointers into the payload,
 * and for differences of these.
 */
static u32 interp_half_kind(const struct bpf_insn *insn, const struct vnp_value *a,
			    const struct vnp_value *b)
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
static u32 interp_alu_kind(const struct bpf_insn *insn, const struct vnp_value *a,
			   const struct vnp_value *b)
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

static int interp_alu(struct vnp_interp *t, const struct bpf_insn *insn)
{
	const struct vnp_access *access = &t->code->aux[t->insn].access;
	struct vnp_value *dst = &t->reg[insn->dst_reg], src;
	u8 op = BPF_OP(insn->code);
	u32 kind;
	u64 v;

	vnp_interp_set_number(&src, (s64)insn->imm);
	if (vnp_insn_uses_x(insn) && op != BPF_END)
		src = t->reg[insn->src_reg];
	if (op == BPF_MOV && vnp_insn_is64(insn) && !insn->off) {
		*dst = src;
		return 0;
	}
	if (access->guards & VNP_GUARD_NULL &&
	    t->reg[access->reg].kind == VNP_REG_SCALAR)
		return vnp_interp_fault(t, VNP_FAULT_NULL);

	if (op == BPF_END)
		v = vnp_eval_swap(dst->v, insn->imm, vnp_insn_swaps(insn));
	else
		v = vnp_eval_alu(op, insn->off, vnp_insn_is64(insn), dst->v, src.v);
	if (op == BPF_MOV)
		vnp_interp_set_number(dst, 0);
	kind = interp_alu_kind(insn, dst, &src);
	if (!kind)
		return vnp_interp_bug(t, "turns a pointer into a number");
	if (interp_is_pointer(&src))
		*dst = src;
	dst->kind = kind;
	dst->v = v;
	return 0;
}

/* The map whose handle this is, or NULL */
static const struct vnp_map_desc *interp_handle(const struct vnp_interp *t,
						const struct vnp_value *map)
{
	u32 i;

	for (i = 0; i < t->code->map_cnt; i++)
		if (map->kind == VNP_REG_MAP_HANDLE &&
		    map->v == (uintptr_t)t->code->maps[i].handle)
			return &t->code->maps[i];
	return NULL;
}

/* The map in R1 or, after the context, in R2; or NULL */
static const struct vnp_map_desc *interp_map(const struct vnp_interp *t)
{
	const struct vnp_value *map = &t->reg[1];

	if (map->kind == VNP_REG_CTX)
		map++;
	return interp_handle(t, map);
}

/* Size of the memory that an argument points to */
static u64 interp_arg_size(const struct vnp_interp *t, u32 kind, u32 n)
{
	const struct vnp_map_desc *map = interp_map(t);

	switch (kind) {
	case VNP_ARG_MAP_KEY:
		return map ? map->key_size : 0;
	case VNP_ARG_MAP_VALUE:
		return map ? map->value_size : 0;
	case VNP_ARG_SEAL:
		return sizeof(struct vnp_seal);
	default:
		return t->reg[n + 2].v;
	}
}

static int interp_arg_memory(struct vnp_interp *t, const struct vnp_helper *helper,
			     const struct vnp_access *access, u32 n, u64 size)
{
	const struct vnp_value *ptr = &t->reg[n + 1];
	int err;

	if (access->guards & VNP_GUARD_SIZE && size > VNP_SIZE_MAX)
		return vnp_interp_fault(t, vnp_access_fault(access));
	if (access->guards & VNP_GUARD_EMPTY && !size)
		return vnp_interp_fault(t, vnp_access_fault(access));
	if (access->kind == VNP_REG_SCALAR) {
		if (!size)
			return 0;
		return access->guards & VNP_GUARD_NULL ?
		       vnp_interp_fault(t, VNP_FAULT_NULL) :
		       vnp_interp_bug(t, "NULL is given to a helper");
	}
	if (!access->kind && !size)
		return 0;
	err = vnp_interp_access(t, access, ptr, 0, size);
	if (err || ptr->kind != VNP_REG_STACK)
		return err;
	if (helper->arg[n] != VNP_ARG_MEM_WRITE)
		return vnp_interp_stack_see(t, ptr->v, size);
	vnp_interp_stack_forget(t, ptr->v, size);
	return 0;
}

static int interp_arg(struct vnp_interp *t, const struct vnp_helper *helper, u32 n)
{
	const struct vnp_call *call = &t->code->calls[t->code->aux[t->insn].call];
	const struct vnp_value *arg = &t->reg[n + 1];
	const struct vnp_map_desc *map;
	u32 kind = helper->arg[n];

	if (arg->kind == VNP_REG_UNSET)
		return vnp_interp_bug(t, "argument %u was never set", n + 1);
	switch (kind) {
	case VNP_ARG_MAP_KEY:
	case VNP_ARG_MAP_VALUE:
	case VNP_ARG_SEAL:
	case VNP_ARG_MEM_READ:
	case VNP_ARG_MEM_READ_OR_NULL:
	case VNP_ARG_MEM_WRITE:
		return interp_arg_memory(t, helper, &call->arg[n], n,
					 interp_arg_size(t, kind, n));
	case VNP_ARG_CTX:
		return arg->v == (uintptr_t)&t->exec->ctx ? 0 :
		       vnp_interp_bug(t, "argument %u is not the context", n + 1);
	case VNP_ARG_MAP:
		return interp_map(t) ? 0 :
		       vnp_interp_bug(t, "argument %u is not a map", n + 1);
	case VNP_ARG_KEYS:
		map = interp_handle(t, arg);
		return map && map->type == VNP_MAP_KEYS ? 0 :
		       vnp_interp_bug(t, "argument %u is not a map of keys", n + 1);
	default:
		return !interp_is_pointer(arg) ? 0 :
		       vnp_interp_bug(t, "argument %u is a pointer, not a number", n + 1);
	}
}

/* The bytes that a call was charged for in advance by what was proven of a number */
static u64 interp_size(const struct vnp_interp *t, const struct vnp_helper *helper)
{
	s64 delta = (s32)t->reg[2].v;

	switch (helper->bytes) {
	case VNP_COST_SIZE:
		return t->reg[4].v;
	case VNP_COST_RESIZE:
		return min_t(u64, delta < 0 ? -delta : delta, t->type->packet_max);
	default:
		return 0;
	}
}

static int interp_charge_bytes(struct vnp_interp *t, const struct vnp_helper *helper)
{
	const struct vnp_call *call = &t->code->calls[t->code->aux[t->insn].call];
	u64 bytes;
	s64 cost;

	if (interp_size(t, helper) > call->size_max)
		return vnp_interp_bug(t, "a size exceeds what was proven");
	if (!vnp_cost_is_metered(t->code, helper, call))
		return 0;
	bytes = helper->bytes == VNP_COST_SIZE ? t->reg[4].v : t->exec->ctx.len;
	cost = vnp_cost_bytes(helper, bytes);
	t->left -= cost;
	if (t->left < 0)
		return vnp_interp_fault(t, VNP_FAULT_BUDGET);
	t->spent += cost;
	return 0;
}

static int interp_call(struct vnp_interp *t, const struct bpf_insn *insn)
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
	vnp_interp_set_number(&t->reg[BPF_REG_0], ret);
	if (helper->ret == VNP_RET_MAP_VALUE_OR_NULL && ret) {
		t->reg[BPF_REG_0].kind = VNP_REG_MAP_VALUE;
		t->reg[BPF_REG_0].base = ret;
		t->reg[BPF_REG_0].size = map->value_size;
	}
	t->epoch += helper->moves_packet;
	return 0;
}

static void interp_ld_imm64(struct vnp_interp *t, const struct bpf_insn *insn)
{
	struct vnp_value *dst = &t->reg[insn->dst_reg];
	const struct vnp_map_desc *map;

	vnp_interp_set_number(dst, vnp_insn_imm64(insn));
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

/* Check that the registers that the instruction reads were set */
static int interp_reads(struct vnp_interp *t, const struct bpf_insn *insn)
{
	u32 reads = vnp_live_reads(insn), i;

	for (i = 0; i < VNP_REG_CNT; i++)
		if (reads >> i & 1 && t->reg[i].kind == VNP_REG_UNSET)
			return vnp_interp_bug(t, "reads r%u, which was never set", i);
	return 0;
}

static u64 interp_save_addr(const struct vnp_interp *t, u32 saves, u32 reg)
{
	const struct vnp_frame *frame = vnp_code_frame(t->code, t->insn);

	return vnp_interp_stack_top(t) - 8 * (vnp_frame_save_slot(frame, saves, reg) + 1);
}

/* A function is entered: R6 to R9, set or not, are saved for the caller */
static int interp_enter(struct vnp_interp *t, u32 saves)
{
	const struct vnp_frame *frame = vnp_code_frame(t->code, t->insn);
	u64 addr = vnp_interp_stack_top(t) - frame->end;
	u32 reg, size = frame->end - frame->base;
	int err;

	vnp_interp_stack_forget(t, addr, size);
	memset((void *)(uintptr_t)addr, 0, size);
	vnp_frame_for_each_saved(saves, reg) {
		err = vnp_interp_stack_store(t, interp_save_addr(t, saves, reg), 8,
					     &t->reg[reg]);
		if (err)
			return err;
		memset(&t->reg[reg], 0, sizeof(t->reg[reg]));
	}
	memset(&t->reg[BPF_REG_0], 0, sizeof(t->reg[BPF_REG_0]));
	return 0;
}

/* Does a slot hold some bytes of a pointer, but not all */
static bool interp_is_spoilt(const struct vnp_interp *t, u64 addr)
{
	u32 at = vnp_interp_stack_at(t, addr), i;

	if (t->whole & BIT_ULL(vnp_interp_slot(at)))
		return false;
	for (i = at; i < at + 8; i++)
		if (t->secret[i])
			return true;
	return false;
}

static void interp_leave(struct vnp_interp *t, u32 saves)
{
	u32 reg;

	vnp_frame_for_each_saved(saves, reg) {
		u64 addr = interp_save_addr(t, saves, reg);

		/* a pointer that was overwritten in part is unset */
		if (interp_is_spoilt(t, addr))
			memset(&t->reg[reg], 0, sizeof(t->reg[reg]));
		else
			vnp_interp_stack_load(t, addr, 8, &t->reg[reg]);
	}
	for (reg = BPF_REG_1; reg <= BPF_REG_5; reg++)
		memset(&t->reg[reg], 0, sizeof(t->reg[reg]));
}

/* Conditional jumps and gotos; the latter may enter or leave a function */
static int interp_frame(struct vnp_interp *t, const struct bpf_insn *insn)
{
	if (vnp_insn_is_enter(insn))
		return interp_enter(t, vnp_insn_saves(insn));
	if (vnp_insn_is_leave(insn))
		interp_leave(t, vnp_insn_saves(insn));
	return 0;
}

/* All but jumps and exits */
static int interp_insn(struct vnp_interp *t, const struct bpf_insn *insn)
{
	switch (BPF_CLASS(insn->code)) {
	case BPF_LD:
		interp_ld_imm64(t, insn);
		return 0;
	case BPF_LDX:
		return vnp_interp_load(t, insn);
	case BPF_ST:
		return vnp_interp_store(t, insn);
	case BPF_STX:
		return vnp_insn_is_atomic(insn) ? vnp_interp_atomic(t, insn) :
						  vnp_interp_store(t, insn);
	case BPF_ALU:
	case BPF_ALU64:
		return interp_alu(t, insn);
	default:
		return vnp_insn_is_call(insn) ? interp_call(t, insn) :
						interp_frame(t, insn);
	}
}

static bool interp_jumps(const struct vnp_interp *t, const struct bpf_insn *insn)
{
	u64 src = vnp_insn_uses_x(insn) ? t->reg[insn->src_reg].v : (u64)(s64)insn->imm;

	if (vnp_insn_is_ja(insn))
		return true;
	return vnp_insn_is_cond(insn) &&
	       vnp_eval_branch(BPF_OP(insn->code), vnp_insn_is64(insn),
			       t->reg[insn->dst_reg].v, src);
}

/* Continue with the next instruction or the target; charge a jump back */
static int interp_advance(struct vnp_interp *t, const struct bpf_insn *insn)
{
	const struct vnp_insn_aux *aux = &t->code->aux[t->insn];
	bool jumps = interp_jumps(t, insn);
	u16 flags = aux->flags;

	if (vnp_insn_is_branch(insn) &&
	    !(flags & (jumps ? VNP_AUX_TAKEN : VNP_AUX_FALLS)))
		return vnp_interp_bug(t, "takes a branch that was proven not to be taken");
	if (flags & (jumps ? VNP_AUX_PAYS_TAKEN : VNP_AUX_PAYS_FALLS)) {
		t->left -= aux->cost;
		if (t->left < 0)
			return vnp_interp_fault(t, VNP_FAULT_BUDGET);
	}
	if (flags & (jumps ? VNP_AUX_FREE_TAKEN : VNP_AUX_FREE_FALLS)) {
		t->prepaid -= aux->cost;
		if (t->prepaid < 0)
			return vnp_interp_bug(t, "iterates more often than was proven");
	}
	t->insn = jumps ? vnp_insn_target(insn, t->insn) : t->insn + vnp_insn_len(insn);
	return 0;
}

static int interp_exit(struct vnp_interp *t)
{
	if (interp_is_pointer(&t->reg[BPF_REG_0]))
		return vnp_interp_bug(t, "returns a pointer");
	if (t->reg[BPF_REG_0].v > U32_MAX && !t->code->wide_ret)
		return vnp_interp_bug(t, "returns more than 32 bits");
	t->exec->retval = t->reg[BPF_REG_0].v;
	return 0;
}

static int interp_loop(struct vnp_interp *t)
{
	int err;

	for (;;) {
		const struct bpf_insn *insn = &t->code->insns[t->insn];

		if (!t->code->aux[t->insn].reached)
			return vnp_interp_bug(t, "reaches an instruction that was proven unreachable");
		t->spent += vnp_cost_insn(t->code, t->insn);
		if (t->spent > t->code->budget)
			return vnp_interp_bug(t, "costs more than its budget");
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
	struct vnp_interp *t = vnp_alloc(1, sizeof(*t));
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
	t->reg[VNP_REG_FP].v = vnp_interp_stack_top(t);
	err = interp_loop(t);
	vnp_free(t);
	return err == VNP_INTERP_FAULT ? 0 : err;
}
