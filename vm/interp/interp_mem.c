// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* The reference interpreter: memory. */
#include "vm/arith.h"
#include "vm/isa/eval.h"
#include "vm/isa/insn.h"
#include "vm/interp/interp_impl.h"
#include "vm/report/log.h"

int vnp_interp_bug(struct vnp_interp *t, const char *fmt, ...)
{
	va_list args;

	vnp_log_print(t->code->log, VNP_LOG_NORMAL, "BUG in the verifier: ");
	va_start(args, fmt);
	vnp_log_insn_v(t->code, t->insn, fmt, args);
	va_end(args);
	return -EFAULT;
}

/* The object that a value points into now: @base and @size */
static int interp_object(struct vnp_interp *t, const struct vnp_value *ptr, u64 *base, u64 *size)
{
	const struct vnp_ctx *ctx = &t->exec->ctx;

	switch (ptr->kind) {
	case VNP_REG_CTX:
		*base = (uintptr_t)ctx;
		*size = sizeof(*ctx);
		return 0;
	case VNP_REG_PACKET:
		if (ptr->epoch != t->epoch)
			return vnp_interp_bug(t, "uses a pointer from before the payload moved");
		*base = (uintptr_t)ctx->data;
		*size = (uintptr_t)ctx->data_end - (uintptr_t)ctx->data;
		return 0;
	case VNP_REG_STACK:
		*size = vnp_code_reach(t->code, t->insn, t->code->stack_size);
		*base = vnp_interp_stack_top(t) - *size;
		return 0;
	case VNP_REG_MAP_VALUE:
		*base = ptr->base;
		*size = ptr->size;
		return 0;
	default:
		return vnp_interp_bug(t, "uses a value as a pointer that is not one");
	}
}

int vnp_interp_access(struct vnp_interp *t, const struct vnp_access *access,
		      const struct vnp_value *ptr, s32 off, u64 size)
{
	u64 base = 0, len = 0;
	s64 at;
	int err;

	if (ptr->kind == VNP_REG_SCALAR && access->guards & VNP_GUARD_NULL &&
	    ptr->v == (u64)(s64)access->null)
		return vnp_interp_fault(t, VNP_FAULT_NULL);
	err = interp_object(t, ptr, &base, &len);
	if (err)
		return err;
	if (ptr->kind != access->kind)
		return vnp_interp_bug(t, "the pointer is of kind %u, not %u", ptr->kind,
				      access->kind);
	at = vnp_wrap_sub(vnp_wrap_add(ptr->v, off), base);
	if (at >= 0 && (u64)at <= len && size <= len - at)
		return 0;
	if (access->guards & (at < 0 ? VNP_GUARD_LOW : VNP_GUARD_HIGH))
		return vnp_interp_fault(t, vnp_access_fault(access));
	return vnp_interp_bug(t,
			      "an access that was proven: %llu bytes at offset %lld of %llu",
			      (unsigned long long)size, (long long)at,
			      (unsigned long long)len);
}

int vnp_interp_stack_see(struct vnp_interp *t, u64 addr, u64 size)
{
	u32 at = vnp_interp_stack_at(t, addr), i;

	for (i = at; i < at + size; i++)
		if (t->secret[i])
			return vnp_interp_bug(t, "reads only some bytes of a pointer on the stack");
	return 0;
}

void vnp_interp_stack_forget(struct vnp_interp *t, u64 addr, u64 size)
{
	u32 at = vnp_interp_stack_at(t, addr), i;

	for (i = at; i < at + size; i++) {
		t->secret[i] = false;
		t->whole &= ~BIT_ULL(vnp_interp_slot(i));
	}
}

int vnp_interp_stack_load(struct vnp_interp *t, u64 addr, u32 size, struct vnp_value *to)
{
	u32 at = vnp_interp_stack_at(t, addr);

	if (size == 8 && !(at % 8) && t->whole & BIT_ULL(vnp_interp_slot(at))) {
		*to = t->saved[vnp_interp_slot(at)];
		return 0;
	}
	vnp_interp_set_number(to, vnp_eval_load(addr, size));
	return vnp_interp_stack_see(t, addr, size);
}

int vnp_interp_stack_store(struct vnp_interp *t, u64 addr, u32 size,
			   const struct vnp_value *from)
{
	u32 at = vnp_interp_stack_at(t, addr), slot = vnp_interp_slot(at);

	vnp_interp_stack_forget(t, addr, size);
	vnp_eval_store(addr, size, from->v);
	if (from->kind == VNP_REG_SCALAR)
		return 0;
	if (size != 8 || at % 8)
		return vnp_interp_bug(t, "saves only some bytes of a pointer");
	t->saved[slot] = *from;
	t->whole |= BIT_ULL(slot);
	memset(&t->secret[at], true, 8);
	return 0;
}

static int interp_context_load(struct vnp_interp *t, const struct vnp_value *ptr, s32 off,
			       u32 size, struct vnp_value *to)
{
	const struct vnp_access *access = &t->code->aux[t->insn].access;
	u64 at = vnp_wrap_sub(vnp_wrap_add(ptr->v, off), (uintptr_t)&t->exec->ctx);
	const struct vnp_field *field;

	if ((access->guards & VNP_GUARD_LOW && (s64)at < access->lo) ||
	    (access->guards & VNP_GUARD_HIGH && vnp_sat_add(at, size) > access->hi))
		return vnp_interp_fault(t, VNP_FAULT_CONTEXT);
	if (at >= sizeof(t->exec->ctx) || size > sizeof(t->exec->ctx) - at)
		return vnp_interp_bug(t, "reads outside the context");
	if (vnp_type_words(at, size) & ~t->code->ctx_fields)
		return vnp_interp_bug(t, "reads an uninitialized field of the context");
	vnp_interp_set_number(to, vnp_eval_load(vnp_wrap_add(ptr->v, off), size));
	field = vnp_type_field(t->type, at);
	if (!field || !vnp_type_field(t->type, at + size - 1))
		return vnp_interp_bug(t, "reads where the context has no field");
	if (field->kind == VNP_FIELD_SCALAR)
		return 0;
	if (at != field->off || size != field->size)
		return vnp_interp_bug(t, "reads only some bytes of a pointer in the context");
	to->kind = VNP_REG_PACKET;
	to->epoch = t->epoch;
	return 0;
}

int vnp_interp_load(struct vnp_interp *t, const struct bpf_insn *insn)
{
	const struct vnp_value *ptr = &t->reg[insn->src_reg];
	u32 size = vnp_insn_size(insn);
	u64 addr = vnp_wrap_add(ptr->v, insn->off);
	struct vnp_value to;
	int err;

	if (ptr->kind == VNP_REG_CTX) {
		err = interp_context_load(t, ptr, insn->off, size, &to);
	} else {
		err = vnp_interp_access(t, &t->code->aux[t->insn].access, ptr, insn->off,
					size);
		if (err)
			return err;
		if (ptr->kind == VNP_REG_STACK)
			err = vnp_interp_stack_load(t, addr, size, &to);
		else
			vnp_interp_set_number(&to, vnp_eval_load(addr, size));
	}
	if (err)
		return err;
	if (BPF_MODE(insn->code) == BPF_MEMSX)
		to.v = vnp_eval_extend(to.v, size);
	t->reg[insn->dst_reg] = to;
	return 0;
}

int vnp_interp_store(struct vnp_interp *t, const struct bpf_insn *insn)
{
	const struct vnp_value *ptr = &t->reg[insn->dst_reg];
	u32 size = vnp_insn_size(insn);
	u64 addr = vnp_wrap_add(ptr->v, insn->off);
	struct vnp_value from;
	int err;

	vnp_interp_set_number(&from, (s64)insn->imm);
	if (BPF_CLASS(insn->code) == BPF_STX)
		from = t->reg[insn->src_reg];
	err = vnp_interp_access(t, &t->code->aux[t->insn].access, ptr, insn->off, size);
	if (err)
		return err;
	if (ptr->kind == VNP_REG_STACK)
		return vnp_interp_stack_store(t, addr, size, &from);
	if (ptr->kind == VNP_REG_CTX || from.kind != VNP_REG_SCALAR)
		return vnp_interp_bug(t, "stores a pointer, or into the context");
	vnp_eval_store(addr, size, from.v);
	return 0;
}

int vnp_interp_atomic(struct vnp_interp *t, const struct bpf_insn *insn)
{
	const struct vnp_value *ptr = &t->reg[insn->dst_reg];
	u32 size = vnp_insn_size(insn);
	u64 addr = vnp_wrap_add(ptr->v, insn->off), old;
	int err;

	err = vnp_interp_access(t, &t->code->aux[t->insn].access, ptr, insn->off, size);
	if (!err && ptr->kind == VNP_REG_STACK)
		err = vnp_interp_stack_see(t, addr, size);
	if (err)
		return err;
	if (addr % size)
		return vnp_interp_bug(t, "an atomic operation that is not aligned");
	if (t->reg[insn->src_reg].kind != VNP_REG_SCALAR)
		return vnp_interp_bug(t, "an atomic operation on a pointer");
	old = vnp_eval_atomic(insn, addr, t->reg[insn->src_reg].v, t->reg[0].v);
	if (insn->imm == BPF_CMPXCHG)
		vnp_interp_set_number(&t->reg[BPF_REG_0], old);
	else if (insn->imm & BPF_FETCH)
		vnp_interp_set_number(&t->reg[insn->src_reg], old);
	return 0;
}
