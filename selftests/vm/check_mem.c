// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Accesses to memory, the values of the stack's slots, and calls.
 */
#include "vm/arith.h"
#include "vm/exec.h"
#include "selftests/vm/check.h"

/* Is a load or store of @size bytes at @off from the register proven */
static bool check_inside(const struct check *c, const struct check_val *ptr, s64 off,
			 s64 size)
{
	s64 lo = off, hi = off + size;

	switch (ptr->kind) {
	case CHECK_STACK:
		if (ptr->num.smin < -VNP_STACK_MAX - off || ptr->num.smax > -hi)
			return false;
		/* at an unknown offset, the access must be in the program's own stack */
		return ptr->num.smin + lo >= (vnp_scalar_is_const(&ptr->num) ?
			-(s64)c->low->stack_size : -(s64)c->code->stack_size);
	case CHECK_PACKET:
	case CHECK_VALUE:
		return lo >= ptr->lo && hi <= ptr->hi;
	default:
		return false;
	}
}

/*
 * After the access the pointer is good: after a barrier by the verifier's findings.
 * Elsewhere that is an assumption, which is refused once all has converged.
 */
static int check_access(struct check *c, u32 n, s64 off, s64 size,
			const struct vnp_access *access)
{
	struct check_val *ptr = check_reg(c, n);
	int err = 0;

	if (check_inside(c, ptr, off, size))
		return 0;
	if (!c->fresh || !access->kind)
		err = check_refuse(c, "the access may be outside");
	if (err || !access->kind)
		return err;
	if (access->kind == VNP_REG_STACK) {
		if (ptr->kind != CHECK_STACK)
			*ptr = val_of_kind(VNP_REG_STACK, 0);
		ptr->num = vnp_scalar_unknown();
		ptr->num.smin = max_t(s64, access->lo, -(s64)c->code->stack_size) - off;
		ptr->num.smax = access->hi - off - size;
		if (!vnp_scalar_normalize(&ptr->num))
			ptr->num = vnp_scalar_unknown();
		return 0;
	}
	if (!val_is_windowed(ptr))
		*ptr = val_of_kind(access->kind, access->map);
	ptr->place = PLACE_NONE;
	ptr->capped = false;
	ptr->far = 0;
	ptr->lo = min(ptr->lo, off);
	ptr->hi = max(ptr->hi, off + size);
	val_clip(ptr);
	return 0;
}

/* Join @val into the slot, or when descending, into its new value */
static void check_put(struct check *c, u32 slot, struct check_val val)
{
	struct check_val *old = c->down ? &c->next_slot[slot] : &c->slot[slot], new;
	bool widen = !c->down && c->slot_rounds[slot] > CHECK_ROUNDS;

	/*
	 * a load that is executed before the move would return the old address of the
	 * payload
	 */
	if (val.kind == CHECK_PACKET && c->voids)
		val = val_any();
	val.capped = false;
	val.far = 0;
	new = val_join(old, &val, widen ? U16_MAX : 0);
	if (val_equal(&new, old))
		return;
	*old = new;
	if (c->down)
		return;
	if (++c->slot_changes[slot] == CHECK_ROUNDS)
		c->slot_order[slot] = c->ordered++;
	if (c->slot_round[slot] != c->rounds) {
		c->slot_round[slot] = c->rounds;
		c->slot_rounds[slot]++;
	}
	if (c->slot_rounds[slot] > CHECK_ROUNDS_MAX)
		val_give_up(old);
	c->changed = true;
}

/* Index of the slot at this offset; VNP_SLOT_CNT if the access is not exactly one slot */
u32 check_slot(const struct check_val *ptr, s64 off, u32 size)
{
	s64 at;

	if (size != 8 || !vnp_scalar_is_const(&ptr->num) ||
	    ptr->num.smin < -VNP_STACK_MAX - off || ptr->num.smin > -8 - off)
		return VNP_SLOT_CNT;
	at = ptr->num.smin + off;
	return at & 7 ? VNP_SLOT_CNT : -at / 8 - 1;
}

/* Bytes from R10 that an access touches; the whole stack if they may be outside */
static void check_span(const struct check_val *ptr, s64 off, s64 size, s64 *lo, s64 *hi)
{
	*lo = clamp_t(s64, vnp_sat_add(ptr->num.smin, off), -VNP_STACK_MAX, 0);
	*hi = clamp_t(s64, vnp_sat_add(ptr->num.smax, off + size), -VNP_STACK_MAX, 0);
}

/*
 * Visit the slots of bytes [lo, hi) from R10: store numbers if @store; false: some
 * holds no number
 */
static bool check_slots(struct check *c, s64 lo, s64 hi, bool store)
{
	bool numbers = true;
	s64 i;

	for (i = round_down(lo, 8); i < hi; i += 8) {
		numbers &= c->slot[-i / 8 - 1].kind == CHECK_NUM;
		if (store)
			check_put(c, -i / 8 - 1, val_unknown(8));
	}
	return numbers;
}

static bool check_finds_numbers(struct check *c, const struct check_val *ptr, s64 off,
				s64 size)
{
	s64 lo, hi;

	check_span(ptr, off, size, &lo, &hi);
	return check_slots(c, lo, hi, false);
}

/*
 * Directly after a barrier, the field is one of those that the verifier has found,
 * restricted by guards.  A constant offset is exact; if a guard excludes it, that always
 * faults, and this access is not reached.
 */
static void check_trust_ctx(const struct check *c, struct check_val *ptr, s64 off,
			    u32 size)
{
	const struct vnp_access *access =
		&c->code->aux[c->low->origin[c->at]].access;
	struct vnp_scalar lo = vnp_scalar_const(access->lo - off);
	struct vnp_scalar hi = vnp_scalar_const(access->hi - off - size);
	bool certain = ptr->kind == CHECK_CTX && vnp_scalar_is_const(&ptr->num);

	if (!c->fresh || access->kind != VNP_REG_CTX)
		return;
	if (certain && access->guards)
		certain = ptr->num.smin >= lo.smin && ptr->num.smin <= hi.smin;
	if (!certain) {
		*ptr = val_of_kind(VNP_REG_CTX, 0);
		vnp_scalar_branch(BPF_JSGE, true, true, &ptr->num, &lo);
		vnp_scalar_branch(BPF_JSLE, true, true, &ptr->num, &hi);
	}
	ptr->place = PLACE_CTX;
}

/* An access at a variable offset is to numeric fields only, which are initialized */
static int check_load_ctx_varying(const struct check *c, const struct vnp_scalar *at,
				  u32 size)
{
	u64 words;
	s64 bad;

	if (!vnp_type_numbers(c->type, at, size, &words, &bad))
		return c->fresh ? 0 :
		       check_refuse(c, "reads the context at an unknown offset");
	if (words & ~c->code->ctx_fields)
		return check_refuse(c, "may read an uninitialized field of the context");
	return 0;
}

static int check_load_ctx(struct check *c, const struct check_val *ctx, s64 off,
			  u32 size, struct check_val *to)
{
	struct vnp_scalar at = vnp_scalar_const(off);
	const struct vnp_field *field;

	at = vnp_scalar_alu(BPF_ADD, 0, true, &at, &ctx->num);
	if (!vnp_scalar_is_const(&at))
		return check_load_ctx_varying(c, &at, size);
	field = vnp_type_field(c->type, at.smin);
	if (!field || !vnp_type_field(c->type, at.smin + size - 1))
		return check_refuse(c, "reads the context where there is no field");
	if (vnp_type_words(at.smin, size) & ~c->code->ctx_fields)
		return check_refuse(c, "reads an uninitialized field of the context");
	if (field->kind == VNP_FIELD_SCALAR)
		return 0;
	if (c->state.moved) {
		*to = val_any();
		return 0;
	}
	*to = (struct check_val){
		.kind = CHECK_PACKET,
		.place = field->kind == VNP_FIELD_PACKET ? PLACE_DATA : PLACE_END,
		.num = vnp_scalar_const(0),
	};
	return 0;
}

int check_load(struct check *c, const struct bpf_insn *insn)
{
	struct check_val *ptr = check_reg(c, insn->src_reg);
	u32 size = vnp_insn_size(insn), slot;
	struct check_val to = val_unknown(size);
	int err;

	check_trust_ctx(c, ptr, insn->off, size);
	if (ptr->kind == CHECK_CTX) {
		err = check_load_ctx(c, ptr, insn->off, size, &to);
	} else {
		err = check_access(c, insn->src_reg, insn->off, size,
				   &c->code->aux[c->low->origin[c->at]].access);
		if (!err && ptr->kind == CHECK_STACK) {
			slot = check_slot(ptr, insn->off, size);
			if (slot < VNP_SLOT_CNT)
				to = c->slot[slot];
			else if (!check_finds_numbers(c, ptr, insn->off, size) &&
				 !c->fresh)
				to = val_any();
		}
	}
	check_set(c, insn->dst_reg, to);
	return err;
}

/* Lowering writes the fields after the context: the result of the execution */
static int check_store_ctx(struct check *c, const struct check_val *ctx, s64 off,
			   u32 size)
{
	if (vnp_scalar_is_const(&ctx->num) && !ctx->num.value &&
	    off >= (s64)sizeof(struct vnp_ctx) &&
	    off + size <= (s64)sizeof(struct vnp_exec))
		return 0;
	return check_refuse(c, "writes to the context");
}

/* Registers after an atomic operation; a 32-bit cmpxchg that succeeds keeps R0 */
static void check_fetched(struct check *c, const struct bpf_insn *insn)
{
	struct check_val old = val_unknown(vnp_insn_size(insn));

	if (vnp_insn_is_cmpxchg32(insn))
		old = val_join(&old, check_reg(c, BPF_REG_0), 0);
	if (insn->imm == BPF_CMPXCHG)
		check_set(c, BPF_REG_0, old);
	else if (insn->imm & BPF_FETCH)
		check_set(c, insn->src_reg, old);
}

int check_store(struct check *c, const struct bpf_insn *insn)
{
	struct check_val *ptr = check_reg(c, insn->dst_reg);
	struct check_val val = val_num(vnp_scalar_const((s64)insn->imm));
	bool atomic = vnp_insn_is_atomic(insn);
	u32 size = vnp_insn_size(insn), slot;
	s64 off = insn->off, lo, hi;
	int err;

	if (BPF_CLASS(insn->code) == BPF_STX)
		val = *check_reg(c, insn->src_reg);
	if (ptr->kind == CHECK_CTX)
		return check_store_ctx(c, ptr, off, size);
	err = check_access(c, insn->dst_reg, off, size,
			   &c->code->aux[c->low->origin[c->at]].access);
	if (err)
		return err;
	slot = ptr->kind == CHECK_STACK && !atomic ? check_slot(ptr, off, size) :
						     VNP_SLOT_CNT;
	if (slot < VNP_SLOT_CNT) {
		check_put(c, slot, val);
		return 0;
	}
	if (val.kind != CHECK_NUM)
		return check_refuse(c, "stores what may be a pointer");
	if (ptr->kind == CHECK_STACK) {
		check_span(ptr, off, size, &lo, &hi);
		if (!check_slots(c, lo, hi, true) && atomic && !c->fresh)
			return check_refuse(c, "changes what may be a pointer");
	}
	if (atomic)
		check_fetched(c, insn);
	return 0;
}

int check_ld_imm64(struct check *c, const struct bpf_insn *insn)
{
	u32 map = c->low->map[c->at];
	u64 imm = vnp_insn_imm64(insn);
	const struct vnp_map_desc *desc;
	struct check_val val = { .map = map - 1, .num = vnp_scalar_const(0) };
	s64 off;

	if (!map) {
		check_set(c, insn->dst_reg, val_num(vnp_scalar_const(imm)));
		return 0;
	}
	desc = &c->code->maps[map - 1];
	off = vnp_wrap_sub(imm, (uintptr_t)desc->value);
	if (imm == (uintptr_t)desc->handle) {
		val.kind = CHECK_HANDLE;
	} else if (desc->value && off >= 0 && off <= desc->value_size) {
		val.kind = CHECK_VALUE;
		val.place = off ? PLACE_NONE : PLACE_VALUE;
		/* it is not NULL */
		val.capped = !off;
		val.lo = -off;
		val.hi = desc->value_size - off;
	} else {
		return check_drop(c, insn, "an address that is not the map's");
	}
	check_set(c, insn->dst_reg, val);
	return 0;
}

/* ---- Calls ----------------------------------------------------------------- */

static int check_call_memory(struct check *c, u32 n, u8 kind, s64 size,
			     const struct vnp_access *access)
{
	struct check_val *ptr = check_reg(c, n);
	s64 lo, hi;
	int err;

	/* the verifier found that it is not accessed, as its size is 0 */
	if (!access->kind)
		return c->fresh ? 0 :
		       check_refuse(c, "a helper may access memory that only a branch has checked");
	err = check_access(c, n, 0, size, access);
	if (err || ptr->kind != CHECK_STACK)
		return err;
	check_span(ptr, 0, size, &lo, &hi);
	if (c->fresh) {
		lo = max_t(s64, max_t(s64, lo, access->lo), -(s64)c->code->stack_size);
		hi = min_t(s64, hi, access->hi);
	}
	if (!check_slots(c, lo, hi, kind == VNP_ARG_MEM_WRITE) &&
	    kind != VNP_ARG_MEM_WRITE && !c->fresh)
		return check_refuse(c, "a helper may read a pointer");
	return 0;
}

static int check_call_arg(struct check *c, const struct vnp_helper *helper, u32 i,
			  const struct vnp_call *call)
{
	const struct check_val *arg = check_reg(c, i + 1);
	const struct vnp_map_desc *maps = c->code->maps;
	s64 size = 0;

	switch (helper->arg[i]) {
	case VNP_ARG_NONE:
	case VNP_ARG_SIZE:
	case VNP_ARG_SIZE_OR_0:
		return 0;
	case VNP_ARG_SCALAR:
		if (arg->kind == CHECK_NUM || c->fresh)
			return 0;
		return check_refuse(c, "a helper gets a pointer instead of a number");
	case VNP_ARG_CTX:
		if (arg->kind == CHECK_CTX && vnp_scalar_is_const(&arg->num) &&
		    !arg->num.value)
			return 0;
		if (c->fresh)
			return 0;
		return check_refuse(c, "a helper gets something else instead of the context");
	case VNP_ARG_MAP:
		if ((arg->kind == CHECK_HANDLE && arg->map == call->map) || c->fresh)
			return 0;
		return check_refuse(c, "a helper gets something else instead of a map");
	case VNP_ARG_KEYS:
		if ((arg->kind == CHECK_HANDLE && arg->map == call->keys) || c->fresh)
			return 0;
		return check_refuse(c, "a helper gets something else instead of a map of keys");
	case VNP_ARG_SEAL:
		size = sizeof(struct vnp_seal);
		break;
	case VNP_ARG_MAP_KEY:
		size = maps[call->map].key_size;
		break;
	case VNP_ARG_MAP_VALUE:
		size = maps[call->map].value_size;
		break;
	default:
		size = S32_MAX;
		if (arg[1].kind == CHECK_NUM && arg[1].num.umax <= VNP_SIZE_MAX)
			size = arg[1].num.umax;
		if (!size)
			return 0;
	}
	return check_call_memory(c, i + 1, helper->arg[i], size, &call->arg[i]);
}

int check_call(struct check *c, const struct bpf_insn *insn)
{
	const struct vnp_helper *helper = vnp_helper_get(insn->imm);
	u32 i, origin = c->low->origin[c->at];
	const struct vnp_call *call = &c->code->calls[c->code->aux[origin].call];
	struct check_val ret = val_unknown(8);
	int err;

	for (i = 0; i < VNP_HELPER_ARGS_MAX; i++) {
		err = check_call_arg(c, helper, i, call);
		if (err)
			return err;
	}
	c->state.moved |= helper->moves_packet;
	for (i = 0; i < CHECK_REGS; i++) {
		if (i == VNP_REG_AX || i <= BPF_REG_5 ||
		    (helper->moves_packet && check_is_packet(check_reg(c, i))))
			check_set(c, i, val_any());
	}
	if (helper->ret == VNP_RET_MAP_VALUE_OR_NULL) {
		ret = (struct check_val){
			.kind = CHECK_VALUE, .map = call->map, .place = PLACE_VALUE,
			.hi = c->code->maps[call->map].value_size,
			.num = vnp_scalar_const(0),
		};
		val_clip(&ret);
	}
	check_set(c, BPF_REG_0, ret);
	return 0;
}
