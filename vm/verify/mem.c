// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Memory: loads, stores and atomic operations. */
#include "vm/arith.h"
#include "vm/analysis/update.h"
#include "vm/verify/verify.h"

static struct vnp_scalar mem_extend(const struct bpf_insn *insn,
				    const struct vnp_scalar *num)
{
	u32 size = vnp_insn_size(insn);

	return BPF_MODE(insn->code) == BPF_MEMSX ? vnp_scalar_extend(num, size) :
						   vnp_scalar_truncate(num, size);
}

/* The greatest number that a load of @size bytes at @at of the context can give */
static u64 mem_context_max(const struct vnp_verify *v, s64 at, u32 size)
{
	const struct vnp_field *field = vnp_type_field(v->type, at);

	if (size != field->unit || (at - field->off) % field->unit)
		return U64_MAX;
	return field->max ? field->max : v->type->packet_max;
}

/* What a load of @size bytes at @at of the context gives */
static int mem_context_value(struct vnp_verify *v, s64 at, u32 size,
			     struct vnp_reg *to)
{
	const struct vnp_field *field = NULL;
	struct vnp_scalar num;
	u32 i;

	for (i = 0; i < size; i++) {
		field = vnp_type_field(v->type, at + i);
		if (!field)
			return vnp_verify_refuse(v,
				"the context has no field at byte %lld",
				(long long)at + i);
		if (field->kind == VNP_FIELD_SCALAR)
			continue;
		if (at != field->off || size != field->size)
			return vnp_verify_refuse(v,
				"reads only some bytes of a pointer in the context: data and data_end are read as 8 bytes");
	}

	if (field->kind == VNP_FIELD_PACKET) {
		vnp_reg_set_pointer(to, VNP_REG_PACKET);
	} else if (field->kind == VNP_FIELD_PACKET_END) {
		vnp_reg_set_pointer(to, VNP_REG_PACKET_END);
	} else {
		num = vnp_scalar_range(0, mem_context_max(v, at, size));
		vnp_reg_set_scalar(to, &num);
	}
	return 0;
}

/* What a load of @size bytes gives at any of the offsets that @at can be */
static int mem_context_values(struct vnp_verify *v, const struct vnp_scalar *at, u32 size,
			      struct vnp_reg *to, u64 *words)
{
	struct vnp_scalar num;
	u64 max = 0;
	s64 i;

	if ((at->value | at->mask) & (size - 1))
		return vnp_verify_refuse(v,
			"reads %u bytes of the context at an offset that varies, which must be a multiple of that",
			size);
	if (!vnp_type_numbers(v->type, at, size, words, &i))
		return vnp_verify_refuse(v,
			"reads %u bytes of the context at an offset that may be %lld, where there is no number to read: bound the index, so that each offset is in a field",
			size, (long long)i);
	for (i = at->smin; i <= at->smax; i++)
		if (vnp_scalar_has(at, i))
			max = max(max, mem_context_max(v, i, size));
	num = vnp_scalar_range(0, max);
	vnp_reg_set_scalar(to, &num);
	return 0;
}

static int mem_load_context(struct vnp_verify *v, const struct bpf_insn *insn,
			    struct vnp_reg *to)
{
	struct vnp_reg *ctx = vnp_state_reg(v->state, insn->src_reg);
	struct vnp_access access = { .kind = VNP_REG_CTX, .reg = insn->src_reg };
	u32 size = vnp_insn_size(insn);
	struct vnp_scalar at;
	u64 words;
	int err;

	err = vnp_verify_context(v, ctx, insn->off, size, &access);
	if (err) {
		vnp_verify_note(v, &v->code->aux[v->insn].access, &access);
		return err;
	}
	at = vnp_verify_context_at(ctx, insn->off);
	if (vnp_scalar_is_const(&at)) {
		err = mem_context_value(v, at.smin, size, to);
		words = err ? 0 : vnp_type_words(at.smin, size);
	} else {
		err = mem_context_values(v, &at, size, to, &words);
	}
	if (err)
		return err;
	access.lo = at.smin;
	access.hi = at.smax + size;
	vnp_verify_note(v, &v->code->aux[v->insn].access, &access);
	if (v->report)
		v->code->ctx_fields |= words;
	return 0;
}

static int mem_load(struct vnp_verify *v, const struct bpf_insn *insn)
{
	struct vnp_reg *ptr = vnp_state_reg(v->state, insn->src_reg);
	struct vnp_scalar num = vnp_scalar_unknown();
	u32 size = vnp_insn_size(insn);
	struct vnp_access access = {};
	struct vnp_reg to;
	int err;

	vnp_reg_set_scalar(&to, &num);
	if (ptr->kind == VNP_REG_CTX) {
		err = mem_load_context(v, insn, &to);
	} else {
		err = vnp_verify_bounds(v, insn->src_reg, insn->off, size, size,
					&access);
		if (err >= 0)
			vnp_verify_note(v, &v->code->aux[v->insn].access, &access);
		if (!err && ptr->kind == VNP_REG_STACK)
			err = vnp_verify_stack_load(v, ptr, insn->off, size, &to);
	}
	if (err)
		return err;
	if (to.kind == VNP_REG_SCALAR && size < 8) {
		num = mem_extend(insn, &to.num);
		vnp_reg_set_scalar(&to, &num);
	}
	*vnp_state_reg(v->state, insn->dst_reg) = to;
	return 0;
}

/* The value a store puts there */
static struct vnp_reg mem_value(const struct vnp_verify *v, const struct bpf_insn *insn)
{
	struct vnp_scalar num = vnp_scalar_const((s64)insn->imm);
	struct vnp_reg *src = vnp_state_reg(v->state, insn->src_reg);
	struct vnp_reg value;

	if (BPF_CLASS(insn->code) == BPF_ST) {
		vnp_reg_set_scalar(&value, &num);
		return value;
	}
	if (vnp_insn_size(insn) == 8)
		vnp_state_share(v->state, src, v->insn);
	return *src;
}

static int mem_store(struct vnp_verify *v, const struct bpf_insn *insn)
{
	struct vnp_reg *ptr = vnp_state_reg(v->state, insn->dst_reg);
	u32 size = vnp_insn_size(insn);
	struct vnp_access access = {};
	struct vnp_reg value;
	int err;

	if (ptr->kind == VNP_REG_CTX)
		return vnp_verify_refuse(v, "the context is read-only: copy the field to a variable, and change that");
	value = mem_value(v, insn);
	if (vnp_reg_is_guardable(ptr) && ptr->kind != VNP_REG_STACK &&
	    value.kind != VNP_REG_SCALAR)
		return vnp_verify_refuse(v,
			"would store a pointer where others can read it: pointers can be kept in registers and on the stack only, so store an offset or an index");
	err = vnp_verify_write(v, insn->dst_reg);
	if (err)
		return err;
	err = vnp_verify_bounds(v, insn->dst_reg, insn->off, size, size, &access);
	if (err >= 0)
		vnp_verify_note(v, &v->code->aux[v->insn].access, &access);
	if (err || ptr->kind != VNP_REG_STACK)
		return err;
	/* the guard may have narrowed the value, too */
	return vnp_verify_stack_store(v, ptr, insn->off, size, &value);
}

static int mem_atomic_operands(struct vnp_verify *v, const struct bpf_insn *insn)
{
	struct vnp_reg *ptr = vnp_state_reg(v->state, insn->dst_reg);

	if (ptr->kind != VNP_REG_STACK && ptr->kind != VNP_REG_MAP_VALUE)
		return vnp_verify_refuse(v,
			"atomic operations work on map values and on the stack only");
	if (vnp_state_reg(v->state, insn->src_reg)->kind != VNP_REG_SCALAR)
		return vnp_verify_refuse(v,
			"the operand of an atomic operation must be a number, r%u is none",
			insn->src_reg);
	if (insn->imm == BPF_CMPXCHG &&
	    vnp_state_reg(v->state, BPF_REG_0)->kind != VNP_REG_SCALAR)
		return vnp_verify_refuse(v,
			"the value to compare with must be a number, r0 is none");
	return 0;
}

/* Map values begin at multiples of 8, and so does the stack */
static int mem_atomic_aligned(struct vnp_verify *v, const struct bpf_insn *insn)
{
	const struct vnp_reg *ptr = vnp_state_reg(v->state, insn->dst_reg);
	u64 at = vnp_wrap_add(ptr->num.value, (s64)ptr->off + insn->off);
	u64 low = (u64)vnp_insn_size(insn) - 1;

	if (!(at & low) && !(ptr->num.mask & low))
		return 0;
	return vnp_verify_refuse(v,
		"an atomic operation on %u bytes needs an address that is a multiple of that",
		vnp_insn_size(insn));
}

static int mem_atomic(struct vnp_verify *v, const struct bpf_insn *insn)
{
	struct vnp_reg *ptr = vnp_state_reg(v->state, insn->dst_reg);
	struct vnp_scalar num = vnp_scalar_unknown();
	u32 size = vnp_insn_size(insn), result;
	struct vnp_access access = {};
	int err;

	err = mem_atomic_operands(v, insn);
	if (!err)
		err = mem_atomic_aligned(v, insn);
	if (!err)
		err = vnp_verify_write(v, insn->dst_reg);
	if (err)
		return err;
	err = vnp_verify_bounds(v, insn->dst_reg, insn->off, size, size, &access);
	if (err >= 0)
		vnp_verify_note(v, &v->code->aux[v->insn].access, &access);
	if (!err && ptr->kind == VNP_REG_STACK) {
		err = vnp_verify_stack_read(v, ptr, insn->off, size);
		if (!err)
			vnp_verify_stack_clobber(v, ptr, insn->off, size, size);
	}
	if (err || !(insn->imm & BPF_FETCH))
		return err;
	result = insn->imm == BPF_CMPXCHG ? BPF_REG_0 : insn->src_reg;
	num = vnp_scalar_truncate(&num, size);
	vnp_reg_set_scalar(vnp_state_reg(v->state, result), &num);
	return 0;
}

int vnp_verify_memory(struct vnp_verify *v)
{
	const struct bpf_insn *insn = &v->code->insns[v->insn];

	if (BPF_CLASS(insn->code) == BPF_LDX)
		return mem_load(v, insn);
	if (vnp_insn_is_atomic(insn))
		return mem_atomic(v, insn);
	return mem_store(v, insn);
}
