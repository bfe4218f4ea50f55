// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Executes lowered instructions like native code. Errors are: what JITs do not support or
 * do differently on different machines, and accesses that are not inside one object.
 *
 * Addresses of the kernel are negative numbers, those of a process are not. As distances
 * and comparisons that wrap depend on it, the program sees each object MACHINE_SHIFT bytes
 * after where it is.
 */
#include "vm/analysis/type.h"
#include "vm/arith.h"
#include "vm/code.h"
#include "vm/isa/eval.h"
#include "vm/isa/insn.h"
#include "vm/interp/interp.h"
#include "vm/report/log.h"
#include "vm/lower/lower.h"
#include "vm/exec.h"

#define MACHINE_SHIFT	(0xffffULL << 48)

struct machine_object {
	u64 base;
	u64 size;
};

/**
 * struct machine - an execution
 * @code:	the program
 * @exec:	the environment of the execution
 * @object:	objects that it may access, except for the payload; map values are added by
 *		lookups
 * @object_cnt:	number of @object
 * @object_room: room in @object
 * @reg:	registers, with addresses as the program sees them
 * @pc:		the current instruction
 */
struct machine {
	struct vnp_code *code;
	struct vnp_exec *exec;
	struct machine_object *object;
	u32 object_cnt;
	u32 object_room;
	u64 reg[VNP_REG_AX + 1];
	u32 pc;
};

static int machine_bug(const struct machine *m, const char *what)
{
	vnp_log_print(m->code->log, VNP_LOG_NORMAL,
		      "BUG in lowering: lowered instruction %u: %s.\n", m->pc, what);
	return -EFAULT;
}

static u64 machine_shift(const void *real)
{
	return vnp_wrap_add((uintptr_t)real, MACHINE_SHIFT);
}

static bool machine_holds(const struct machine_object *obj, u64 addr, u64 size)
{
	u64 at = vnp_wrap_sub(addr, obj->base);

	return at <= obj->size && size <= obj->size - at;
}

/* Where an address of the program really is; there must be @size bytes of one object */
static int machine_real(const struct machine *m, u64 *addr, u64 size)
{
	const struct vnp_ctx *ctx = &m->exec->ctx;
	struct machine_object payload = {
		.base = (uintptr_t)ctx->data,
		.size = (uintptr_t)ctx->data_end - (uintptr_t)ctx->data,
	};
	bool holds;
	u32 i;

	*addr = vnp_wrap_sub(*addr, MACHINE_SHIFT);
	holds = machine_holds(&payload, *addr, size);
	for (i = 0; i < m->object_cnt && !holds; i++)
		holds = machine_holds(&m->object[i], *addr, size);
	return holds ? 0 : machine_bug(m, "an access that is not inside an object");
}

/* Add an object that neither moves nor is freed before the end */
static int machine_add_object(struct machine *m, u64 base, u64 size)
{
	struct machine_object *grown;
	u32 i;

	for (i = 0; i < m->object_cnt; i++)
		if (m->object[i].base == base && m->object[i].size == size)
			return 0;
	if (m->object_cnt == m->object_room) {
		m->object_room = 2 * m->object_room + 8;
		grown = vnp_alloc(m->object_room, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		if (m->object_cnt)
			memcpy(grown, m->object, m->object_cnt * sizeof(*grown));
		vnp_free(m->object);
		m->object = grown;
	}
	m->object[m->object_cnt].base = base;
	m->object[m->object_cnt++].size = size;
	return 0;
}

/*
 * Is there an "AX s>>= 63" before the instruction, which then is the end of a mask
 * (vm/lower/mask.c).
 */
static bool machine_masks(const struct machine *m, const struct bpf_insn *insn)
{
	return m->pc && insn->src_reg == VNP_REG_AX && vnp_insn_uses_x(insn) &&
	       insn[-1].code == (BPF_ALU64 | BPF_ARSH | BPF_K) &&
	       insn[-1].dst_reg == VNP_REG_AX && insn[-1].imm == 63;
}

static int machine_alu(struct machine *m, const struct bpf_insn *insn)
{
	u64 *dst = &m->reg[insn->dst_reg], before = *dst;
	u64 src = (s64)insn->imm;
	bool is64 = vnp_insn_is64(insn);
	u8 op = BPF_OP(insn->code);

	if (op == BPF_END) {
		if (is64)
			return machine_bug(m, "bswap, which old JITs do not know");
		*dst = vnp_eval_swap(*dst, insn->imm, vnp_insn_swaps(insn));
		return 0;
	}
	if (insn->off)
		return machine_bug(m, "a v4 operation, which old JITs do not know");
	if (vnp_insn_uses_x(insn))
		src = m->reg[insn->src_reg];
	if ((op == BPF_DIV || op == BPF_MOD) && !(is64 ? src : (u32)src))
		return machine_bug(m, "division by zero");
	if ((op == BPF_LSH || op == BPF_RSH || op == BPF_ARSH) &&
	    src >= (is64 ? 64 : 32))
		return machine_bug(m, "shift by the width or more");
	*dst = vnp_eval_alu(op, 0, is64, *dst, src);
	if (*dst != before && machine_masks(m, insn))
		return machine_bug(m, "a mask changes a pointer that no branch mispredicted");
	return 0;
}

/* x86's 32-bit cmpxchg writes to R0 only if it fails; other fetches clear the upper half */
static void machine_atomic(struct machine *m, const struct bpf_insn *insn, u64 at)
{
	u64 r0 = m->reg[BPF_REG_0];
	u64 old = vnp_eval_atomic(insn, at, m->reg[insn->src_reg], r0);

	if (vnp_insn_is_cmpxchg32(insn) && old == (u32)r0)
		return;
	if (insn->imm == BPF_CMPXCHG)
		m->reg[BPF_REG_0] = old;
	else if (insn->imm & BPF_FETCH)
		m->reg[insn->src_reg] = old;
}

static int machine_load(struct machine *m, const struct bpf_insn *insn, u32 size)
{
	const struct vnp_type *type = vnp_type_get(m->code->type);
	u64 addr = vnp_wrap_add(m->reg[insn->src_reg], insn->off);
	u64 *dst = &m->reg[insn->dst_reg], at;
	int err;

	if (BPF_MODE(insn->code) != BPF_MEM)
		return machine_bug(m, "a v4 load, which old JITs do not know");
	err = machine_real(m, &addr, size);
	if (err)
		return err;
	*dst = vnp_eval_load(addr, size);
	at = vnp_wrap_sub(addr, (uintptr_t)&m->exec->ctx);
	if (at == type->data_off || at == type->data_end_off)
		*dst = vnp_wrap_add(*dst, MACHINE_SHIFT);
	return 0;
}

static int machine_memory(struct machine *m, const struct bpf_insn *insn)
{
	u64 at = vnp_wrap_add(m->reg[insn->dst_reg], insn->off);
	u32 size = vnp_insn_size(insn);
	int err;

	if (insn->code == VNP_BARRIER) {
		m->code->executed += VNP_BARRIER_COST - 1;
		return 0;
	}
	if (BPF_CLASS(insn->code) == BPF_LDX)
		return machine_load(m, insn, size);
	err = machine_real(m, &at, size);
	if (err)
		return err;
	if (vnp_insn_is_atomic(insn))
		machine_atomic(m, insn, at);
	else if (BPF_CLASS(insn->code) == BPF_ST)
		vnp_eval_store(at, size, (s64)insn->imm);
	else
		vnp_eval_store(at, size, m->reg[insn->src_reg]);
	return 0;
}

static const struct vnp_map_desc *machine_handle(const struct machine *m, u64 handle)
{
	u32 i;

	for (i = 0; i < m->code->map_cnt; i++)
		if (handle == machine_shift(m->code->maps[i].handle))
			return &m->code->maps[i];
	return NULL;
}

/* The map whose handle is in R1 or, after the context, in R2; or NULL */
static const struct vnp_map_desc *machine_map(const struct machine *m)
{
	u64 handle = m->reg[BPF_REG_1];

	if (handle == machine_shift(&m->exec->ctx))
		handle = m->reg[BPF_REG_2];
	return machine_handle(m, handle);
}

/* An argument of a helper call: addresses are translated back */
static int machine_arg(const struct machine *m, const struct vnp_helper *helper, u32 n,
		       u64 *arg)
{
	const struct vnp_map_desc *map = machine_map(m);

	*arg = m->reg[BPF_REG_1 + n];
	switch (helper->arg[n]) {
	case VNP_ARG_CTX:
		if (*arg != machine_shift(&m->exec->ctx))
			return machine_bug(m, "a helper is not given the context");
		*arg = (uintptr_t)&m->exec->ctx;
		return 0;
	case VNP_ARG_MAP:
		if (!map)
			return machine_bug(m, "a helper is not given a map");
		*arg = (uintptr_t)map->handle;
		return 0;
	case VNP_ARG_KEYS:
		map = machine_handle(m, *arg);
		if (!map || map->type != VNP_MAP_KEYS)
			return machine_bug(m, "a helper is not given a map of keys");
		*arg = (uintptr_t)map->handle;
		return 0;
	case VNP_ARG_SEAL:
		return machine_real(m, arg, sizeof(struct vnp_seal));
	case VNP_ARG_MAP_KEY:
		return machine_real(m, arg, map->key_size);
	case VNP_ARG_MAP_VALUE:
		return machine_real(m, arg, map->value_size);
	case VNP_ARG_MEM_READ:
	case VNP_ARG_MEM_WRITE:
		return machine_real(m, arg, m->reg[BPF_REG_2 + n]);
	case VNP_ARG_MEM_READ_OR_NULL:
		/* if the size is 0, the pointer may be anything */
		return m->reg[BPF_REG_2 + n] ?
		       machine_real(m, arg, m->reg[BPF_REG_2 + n]) : 0;
	default:
		return 0;
	}
}

static int machine_call(struct machine *m, const struct bpf_insn *insn)
{
	const struct vnp_helper *helper = vnp_helper_get(insn->imm);
	const struct vnp_map_desc *map = machine_map(m);
	u64 arg[VNP_HELPER_ARGS_MAX], ret;
	int err = 0;
	u32 i;

	for (i = 0; i < VNP_HELPER_ARGS_MAX && !err; i++)
		err = machine_arg(m, helper, i, &arg[i]);
	if (err)
		return err;
	ret = helper->fn(arg[0], arg[1], arg[2], arg[3], arg[4]);
	if (helper->ret == VNP_RET_MAP_VALUE_OR_NULL && ret) {
		err = machine_add_object(m, ret, map->value_size);
		ret = vnp_wrap_add(ret, MACHINE_SHIFT);
	}
	m->reg[BPF_REG_0] = ret;
	/* a call clobbers these: detect code that relies on them */
	for (i = 1; i <= 5; i++)
		m->reg[i] = 0xdeadbeefdeadbeefULL;
	m->reg[VNP_REG_AX] = 0xdeadbeefdeadbeefULL;
	return err;
}

static int machine_jump(struct machine *m, const struct bpf_insn *insn)
{
	u64 src = vnp_insn_uses_x(insn) ? m->reg[insn->src_reg] : (u64)(s64)insn->imm;

	if (vnp_insn_is_call(insn))
		return machine_call(m, insn);
	if (insn->code == (BPF_JMP32 | BPF_JA))
		return machine_bug(m, "gotol, which old JITs do not know");
	if (vnp_insn_is_cond(insn) && !vnp_insn_uses_x(insn) &&
	    insn->off < -VNP_LOWER_BACK_MAX - 1)
		return machine_bug(m, "a jump so far back that blinding may overflow its offset");
	if (vnp_insn_is_ja(insn) ||
	    vnp_eval_branch(BPF_OP(insn->code), vnp_insn_is64(insn),
			    m->reg[insn->dst_reg], src))
		m->pc = (s64)m->pc + insn->off;
	return 0;
}

/*
 * The kernel's blinding of constants loads immediates into AX first, except at
 * instructions that name AX: at all others AX is clobbered.
 */
static void machine_blind(struct machine *m, const struct bpf_insn *insn)
{
	if (insn->dst_reg != VNP_REG_AX && insn->src_reg != VNP_REG_AX)
		m->reg[VNP_REG_AX] = 0xdeadbeefdeadbeefULL;
}

static int machine_insn(struct machine *m, const struct bpf_insn *insn)
{
	machine_blind(m, insn);
	switch (BPF_CLASS(insn->code)) {
	case BPF_LD:
		if (insn->dst_reg == VNP_REG_AX && insn[1].dst_reg != VNP_REG_AX)
			return machine_bug(m, "one half does not name AX and would be blinded");
		m->reg[insn->dst_reg] = vnp_insn_imm64(insn);
		/* the address of a map */
		if (m->code->lowered.map[m->pc])
			m->reg[insn->dst_reg] = vnp_wrap_add(m->reg[insn->dst_reg],
							     MACHINE_SHIFT);
		m->pc++;
		return 0;
	case BPF_ALU:
	case BPF_ALU64:
		return machine_alu(m, insn);
	case BPF_JMP:
	case BPF_JMP32:
		return machine_jump(m, insn);
	default:
		return machine_memory(m, insn);
	}
}

static int machine_start(struct machine *m, u8 *stack)
{
	u32 size = m->code->lowered.stack_size, i;
	int err;

	/* a native stack is not zeroed */
	memset(stack, 0xa5, size);
	m->reg[BPF_REG_1] = machine_shift(&m->exec->ctx);
	m->reg[VNP_REG_FP] = machine_shift(stack + size);
	err = machine_add_object(m, (uintptr_t)stack, size);
	if (!err)
		err = machine_add_object(m, (uintptr_t)m->exec, sizeof(*m->exec));
	for (i = 0; i < m->code->map_cnt && !err; i++)
		if (m->code->maps[i].value)
			err = machine_add_object(m, (uintptr_t)m->code->maps[i].value,
						 m->code->maps[i].value_size);
	return err;
}

int vnp_interp_exec_lowered(struct vnp_code *code, struct vnp_exec *exec)
{
	u32 size = code->lowered.stack_size;
	struct machine m = { .code = code, .exec = exec };
	u8 *stack = vnp_alloc(size ? size : 1, 1);
	int err;

	if (!stack)
		return -ENOMEM;
	exec->retval = 0;
	code->executed = 0;
	err = machine_start(&m, stack);

	while (!err && m.pc < code->lowered.cnt) {
		const struct bpf_insn *insn = &code->lowered.insns[m.pc];

		if (vnp_insn_is_exit(insn))
			break;
		err = machine_insn(&m, insn);
		m.pc++;
		code->executed++;
	}
	if (!err && m.pc >= code->lowered.cnt)
		err = machine_bug(&m, "runs off the end");
	if (!err && !code->lowered.wide_ret && !exec->fault)
		exec->retval = (u32)m.reg[BPF_REG_0];
	vnp_free(m.object);
	vnp_free(stack);
	return err;
}
