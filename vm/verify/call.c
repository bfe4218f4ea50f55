// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Calls of helpers: checks the arguments against the table, and what is known after the
 * call.
 */
#include "vm/isa/format.h"
#include "vm/map_traits.h"
#include "vm/report/log.h"
#include "vm/analysis/update.h"
#include "vm/verify/verify.h"

/* A call being verified; arguments are numbered from 0, argument n is in Rn+1 */
struct call {
	struct vnp_verify *v;
	u32 id;				/* enum vnp_helper_id */
	const struct vnp_helper *helper;
	struct vnp_call *found;		/* gets the findings */
	u32 map;			/* the map argument */
};

/* Bytes a memory argument has at least and at most */
struct call_size {
	u32 min;
	u32 max;
};

static struct vnp_reg *call_arg(const struct call *c, u32 n)
{
	return vnp_state_reg(c->v->state, n + 1);
}

/* Argument @n is not what the helper takes. */
static int call_mismatch(const struct call *c, u32 n, const char *want)
{
	char text[VNP_REG_TEXT_LEN];

	if (!c->v->report)
		return -EACCES;
	vnp_reg_print(call_arg(c, n), text);
	return vnp_verify_refuse(c->v, "argument %u of vnp_%s must be %s, but is: %s", n + 1,
				 c->helper->name, want, text);
}

static int call_map(struct call *c, u32 n)
{
	const struct vnp_reg *reg = call_arg(c, n);
	const struct vnp_map_traits *traits;
	const struct vnp_map_desc *map;

	if (reg->kind != VNP_REG_MAP_HANDLE)
		return call_mismatch(c, n, "a map");
	c->map = reg->map;
	c->found->map = reg->map;
	map = &c->v->code->maps[c->map];
	traits = vnp_map_traits_get(map->type);
	if (!traits || !vnp_map_traits_take(traits, c->id))
		return vnp_verify_refuse(c->v,
			"vnp_%s cannot use map %u, which is of type %s",
			c->helper->name, c->map, traits ? traits->name : "unknown");
	if (c->helper->writes_map && map->flags & VNP_MAP_F_RDONLY_PROG)
		return vnp_verify_refuse(c->v,
			"vnp_%s of map %u, which is read-only (VNP_MAP_F_RDONLY_PROG)",
			c->helper->name, c->map);
	return 0;
}

static int call_keys(struct call *c, u32 n)
{
	const struct vnp_reg *reg = call_arg(c, n);
	const struct vnp_map_desc *map;

	if (reg->kind != VNP_REG_MAP_HANDLE)
		return call_mismatch(c, n, "a map");
	c->found->keys = reg->map;
	map = &c->v->code->maps[reg->map];
	if (map->type != VNP_MAP_KEYS)
		return vnp_verify_refuse(c->v,
			"argument %u of vnp_%s must be a map of type keys, which map %u is not",
			n + 1, c->helper->name, reg->map);
	if (map->key_size > VNP_SEAL_KEY_MAX)
		return vnp_verify_refuse(c->v,
			"vnp_%s cannot use map %u, whose keys have %u bytes: it takes at most %u",
			c->helper->name, reg->map, map->key_size, VNP_SEAL_KEY_MAX);
	return 0;
}

static int call_scalar(struct call *c, u32 n)
{
	if (call_arg(c, n)->kind == VNP_REG_SCALAR)
		return 0;
	return call_mismatch(c, n, "a number");
}

static int call_ctx(struct call *c, u32 n)
{
	const struct vnp_reg *reg = call_arg(c, n);

	if (reg->kind == VNP_REG_CTX && !reg->off && vnp_reg_is_fixed(reg))
		return 0;
	return call_mismatch(c, n, "the context");
}

/* A number that must be at least 1, or may be 0, and at most VNP_SIZE_MAX */
static int call_size(struct call *c, u32 n, bool or_zero, struct call_size *size,
		     struct vnp_access *access)
{
	struct vnp_reg *reg = call_arg(c, n);
	struct vnp_scalar num = reg->num, limit = vnp_scalar_const(VNP_SIZE_MAX);
	struct vnp_scalar zero = vnp_scalar_const(0);
	bool may_be;
	int err;

	/* in case the guards of the size always fault */
	access->kind = call_arg(c, n - 1)->kind;
	access->reg = n;
	err = call_scalar(c, n);
	if (err)
		return err;
	if (num.umax > VNP_SIZE_MAX)
		vnp_verify_guard(c->v, access, VNP_GUARD_SIZE);
	may_be = vnp_scalar_branch(BPF_JLE, true, true, &num, &limit);
	if (may_be && !or_zero && vnp_scalar_has(&num, 0)) {
		vnp_verify_guard(c->v, access, VNP_GUARD_EMPTY);
		may_be = vnp_scalar_branch(BPF_JNE, true, true, &num, &zero);
	}
	if (!may_be)
		return VNP_VERIFY_STOP;
	vnp_state_narrow(c->v->state, reg, &num);
	size->min = num.umin;
	size->max = num.umax;
	c->found->size_max = max(c->found->size_max, size->max);
	return 0;
}

/* NULL stands for no memory: the size must be 0 */
static int call_null(struct call *c, u32 n, const struct call_size *size,
		     struct vnp_access *access)
{
	/* no memory is accessed: only the guards of the size remain */
	access->kind = VNP_REG_UNSET;
	if (!size->max)
		return 0;
	access->kind = VNP_REG_SCALAR;
	access->reg = n + 1;
	vnp_verify_guard(c->v, access, VNP_GUARD_NULL);
	return size->min ? VNP_VERIFY_STOP : 0;
}

static bool call_is_null(const struct vnp_reg *reg)
{
	return reg->kind == VNP_REG_SCALAR && vnp_scalar_is_const(&reg->num) &&
	       !reg->num.value;
}

/* The effect of the helper on memory that is in bounds */
static int call_touch(struct call *c, u32 n, const struct call_size *size)
{
	const struct vnp_reg *reg = call_arg(c, n);
	int err;

	if (c->helper->arg[n] == VNP_ARG_MEM_WRITE) {
		err = vnp_verify_write(c->v, n + 1);
		if (!err && reg->kind == VNP_REG_STACK)
			vnp_verify_stack_clobber(c->v, reg, 0, size->min, size->max);
		return err;
	}
	if (reg->kind == VNP_REG_STACK)
		return vnp_verify_stack_read(c->v, reg, 0, size->max);
	return 0;
}

static int call_memory(struct call *c, u32 n, const struct call_size *size,
		       struct vnp_access *access)
{
	const struct vnp_reg *reg = call_arg(c, n);
	int err;

	if (c->helper->arg[n] == VNP_ARG_MEM_READ_OR_NULL && call_is_null(reg))
		return call_null(c, n, size, access);
	if (c->helper->moves_packet && vnp_reg_is_packet(reg))
		return vnp_verify_refuse(c->v,
			"argument %u of vnp_%s must not point into the payload, which the helper moves: copy it to the stack first",
			n + 1, c->helper->name);
	if (!size->max && vnp_reg_is_guardable(reg)) {
		access->kind = VNP_REG_UNSET;
		return 0;
	}
	err = vnp_verify_bounds(c->v, n + 1, 0, size->min, size->max, access);
	return err ? err : call_touch(c, n, size);
}

/* A memory argument, and its size if that is the next argument */
static int call_memory_arg(struct call *c, u32 n)
{
	const struct vnp_map_desc *maps = c->v->code->maps;
	u32 next = n + 1 < VNP_HELPER_ARGS_MAX ? c->helper->arg[n + 1] : VNP_ARG_NONE;
	struct vnp_access access = {};
	struct call_size size;
	int err = 0;

	switch (c->helper->arg[n]) {
	case VNP_ARG_MAP_KEY:
		size.min = maps[c->map].key_size;
		size.max = size.min;
		break;
	case VNP_ARG_MAP_VALUE:
		size.min = maps[c->map].value_size;
		size.max = size.min;
		break;
	case VNP_ARG_SEAL:
		size.min = sizeof(struct vnp_seal);
		size.max = size.min;
		break;
	default:
		err = call_size(c, n + 1, next == VNP_ARG_SIZE_OR_0, &size, &access);
	}
	if (!err)
		err = call_memory(c, n, &size, &access);
	if (err == VNP_VERIFY_STOP && c->v->report)
		c->v->code->aux[c->v->insn].flags |= VNP_AUX_FAULTS;
	if (err >= 0)
		vnp_verify_note(c->v, &c->found->arg[n], &access);
	return err;
}

static int call_arg_check(struct call *c, u32 n)
{
	switch (c->helper->arg[n]) {
	case VNP_ARG_SCALAR:
		return call_scalar(c, n);
	case VNP_ARG_CTX:
		return call_ctx(c, n);
	case VNP_ARG_MAP:
		return call_map(c, n);
	case VNP_ARG_KEYS:
		return call_keys(c, n);
	case VNP_ARG_MAP_KEY:
	case VNP_ARG_MAP_VALUE:
	case VNP_ARG_SEAL:
	case VNP_ARG_MEM_READ:
	case VNP_ARG_MEM_READ_OR_NULL:
	case VNP_ARG_MEM_WRITE:
		return call_memory_arg(c, n);
	default:
		return 0;	/* sizes are checked with the preceding memory argument */
	}
}

/* @len constant bytes at argument @n; NULL: they may not be constant */
static const void *call_constant(const struct call *c, u32 n, u64 len)
{
	const struct vnp_reg *reg = call_arg(c, n);
	const struct vnp_map_desc *map;

	if (reg->kind != VNP_REG_MAP_VALUE || reg->site != VNP_SITE_MAP ||
	    !vnp_reg_is_fixed(reg) || reg->off < 0)
		return NULL;
	map = &c->v->code->maps[reg->map];
	if (!map->constant || len > map->value_size ||
	    (u64)reg->off > map->value_size - len)
		return NULL;
	return (const char *)map->value + reg->off;
}

/* A constant format is checked now, others when vnp_log() is called */
static int call_format(const struct call *c)
{
	static const u64 args[VNP_FORMAT_ARGS_MAX];
	const struct vnp_scalar *fmt_len = &call_arg(c, 2)->num;
	const struct vnp_scalar *args_len = &call_arg(c, 4)->num;
	char line[VNP_FORMAT_LINE_MAX], fmt[VNP_FORMAT_MAX];
	const char *in_map;

	if (!vnp_scalar_is_const(fmt_len) || !vnp_scalar_is_const(args_len))
		return 0;
	in_map = call_constant(c, 1, fmt_len->value);
	if (!in_map)
		return 0;
	/* The value may change: user space may have pinned its pages before the map was frozen. */
	memcpy(fmt, in_map, min_t(u64, fmt_len->value, sizeof(fmt)));
	if (vnp_format(line, sizeof(line), fmt, fmt_len->value, args, args_len->value) >= 0)
		return 0;
	return vnp_verify_refuse(c->v, "%s", line);
}

/*
 * Maximum number of bytes by which R2 changes the payload's length; the helper fails for
 * more
 */
static u32 call_change(const struct call *c)
{
	const struct vnp_scalar *delta = &call_arg(c, 1)->num;
	const s64 down = -(s64)delta->smin32, up = delta->smax32;

	return min_t(s64, max(down, up), c->v->type->packet_max);
}

static void call_return(struct call *c)
{
	struct vnp_verify *v = c->v;
	struct vnp_reg *ret = vnp_state_reg(v->state, BPF_REG_0);
	struct vnp_scalar num = vnp_scalar_unknown();
	u32 i, id;

	for (i = BPF_REG_0; i <= BPF_REG_5; i++)
		vnp_reg_forget(vnp_state_reg(v->state, i), VNP_REG_UNSET);
	if (c->helper->ret == VNP_RET_SCALAR) {
		vnp_reg_set_scalar(ret, &num);
		return;
	}
	id = vnp_state_mint(v->state, v->insn);
	vnp_reg_set_pointer(ret, VNP_REG_MAP_VALUE);
	ret->map = c->map;
	ret->maybe_null = true;
	ret->id = id;
	ret->site = v->insn;
}

/* May programs of this type call it; if not, say which may */
static int call_type(const struct call *c)
{
	const struct vnp_type *type;
	char names[64] = "";
	u32 i, len = 0;

	if (c->helper->prog_types >> c->v->code->type & 1)
		return 0;
	for (i = 0; i < 32 && len < sizeof(names); i++) {
		type = c->helper->prog_types >> i & 1 ? vnp_type_get(i) : NULL;
		if (type)
			len += snprintf(names + len, sizeof(names) - len, "%s%s",
					len ? ", " : "", type->name);
	}
	return vnp_verify_refuse(c->v,
		"a program of type %s cannot call vnp_%s, which is for programs of type %s",
		c->v->type->name, c->helper->name, names);
}

int vnp_verify_call(struct vnp_verify *v)
{
	struct vnp_code *code = v->code;
	const u32 id = code->insns[v->insn].imm;
	struct call c = {
		.v = v,
		.id = id,
		.helper = vnp_helper_get(id),
		.found = &code->calls[code->aux[v->insn].call],
	};
	u32 n;
	int err;

	err = call_type(&c);
	if (err)
		return err;
	for (n = 0; n < VNP_HELPER_ARGS_MAX; n++) {
		err = call_arg_check(&c, n);
		if (err)
			return err;
	}
	if (c.helper->bytes == VNP_COST_RESIZE)
		c.found->size_max = max(c.found->size_max, call_change(&c));
	if (v->report && id == VNP_HELPER_log) {
		err = call_format(&c);
		if (err)
			return err;
	}
	if (c.helper->moves_packet)
		vnp_state_move_packet(v->state);
	if (v->report && c.helper->writes_packet)
		code->writes_packet = true;
	if (v->report && c.helper->holds)
		code->holds = true;
	call_return(&c);
	return 0;
}
