// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Conditional jumps: which comparisons are allowed, and what each successor learns.
 */
#include "vm/arith.h"
#include "vm/analysis/update.h"
#include "vm/analysis/constraint.h"
#include "vm/verify/verify.h"

static bool jump_is_zero(const struct vnp_reg *reg)
{
	return reg->kind == VNP_REG_SCALAR && vnp_scalar_is_const(&reg->num) &&
	       !reg->num.value;
}

static bool jump_is_equality(const struct bpf_insn *insn)
{
	return BPF_OP(insn->code) == BPF_JEQ || BPF_OP(insn->code) == BPF_JNE;
}

static void jump_immediate(const struct bpf_insn *insn, struct vnp_reg *imm)
{
	struct vnp_scalar num = vnp_scalar_const((s64)insn->imm);

	vnp_reg_set_scalar(imm, &num);
}

/* Two pointers whose order does not reveal where objects are in memory */
static bool jump_may_compare(const struct vnp_reg *a, const struct vnp_reg *b)
{
	if (vnp_reg_is_packet(a) || vnp_reg_is_packet(b))
		return vnp_reg_is_packet(a) && vnp_reg_is_packet(b);
	if (a->kind != b->kind || a->map != b->map || a->site != b->site ||
	    a->maybe_null || b->maybe_null)
		return false;
	return a->kind == VNP_REG_STACK || a->kind == VNP_REG_CTX ||
	       (a->kind == VNP_REG_MAP_VALUE && a->site != VNP_SITE_NONE);
}

static int jump_refuse(struct vnp_verify *v, const struct vnp_reg *a,
		       const struct vnp_reg *b)
{
	if (a->kind == VNP_REG_CONFLICT || b->kind == VNP_REG_CONFLICT)
		return vnp_verify_refuse(v,
			"compares a value that is of different kinds on different paths here: use it before the paths join, or use two variables");
	if (a->kind == VNP_REG_VOID || b->kind == VNP_REG_VOID)
		return vnp_verify_refuse(v,
			"compares a pointer into the payload, which may have moved since: read ctx->data again");
	return vnp_verify_refuse(v,
		"this comparison would reveal where objects are in memory: pointers can be compared with NULL (== and !=), and with pointers to the same object");
}

/*
 * A pointer to which any number was added may have wrapped.  Whether it has depends on
 * the address of the object.
 */
static int jump_refuse_far(struct vnp_verify *v, const struct vnp_reg *a,
			   const struct vnp_reg *b)
{
	if (vnp_num_is_small(&a->num) && vnp_num_is_small(&b->num))
		return 0;
	return vnp_verify_refuse(v,
		"this comparison would reveal where objects are in memory, as the pointer may have been moved by any number: compare the number first");
}

int vnp_verify_cond(struct vnp_verify *v)
{
	const struct bpf_insn *insn = vnp_verify_current(v);
	const struct vnp_reg *a = vnp_state_reg(v->state, insn->dst_reg), *b;
	struct vnp_reg imm;

	jump_immediate(insn, &imm);
	b = vnp_insn_uses_x(insn) ? vnp_state_reg(v->state, insn->src_reg) : &imm;

	if (a->kind == VNP_REG_SCALAR && b->kind == VNP_REG_SCALAR)
		return 0;
	if (!vnp_insn_is64(insn) || BPF_OP(insn->code) == BPF_JSET)
		return jump_refuse(v, a, b);
	if (jump_is_equality(insn) &&
	    ((vnp_reg_is_pointer(a) && jump_is_zero(b)) ||
	     (vnp_reg_is_pointer(b) && jump_is_zero(a))))
		return jump_refuse_far(v, a, b);
	if (vnp_reg_is_pointer(a) && vnp_reg_is_pointer(b) && jump_may_compare(a, b))
		return jump_is_equality(insn) ? 0 : jump_refuse_far(v, a, b);
	return jump_refuse(v, a, b);
}

/* @left: the room after a packet pointer, which has a lower bound: learn that for the pointer */
static void jump_learn_left(struct vnp_verify *v, const struct vnp_reg *left)
{
	s64 bytes = vnp_sat_add(left->num.smin, left->off);
	struct vnp_state *state = v->state;
	u32 cell;

	if (left->num.smin < -VNP_OFF_MAX || left->num.smin > VNP_OFF_MAX)
		return;
	if (!left->site) {
		state->range = max_t(s64, state->range,
				     min_t(s64, bytes, VNP_OFF_MAX));
		return;
	}
	vnp_cell_for_each(state->used, cell) {
		struct vnp_reg *reg = &state->cells[cell].reg;

		if (reg->kind == VNP_REG_PACKET && reg->id == left->site) {
			vnp_state_learn_range(state, reg, bytes);
			return;
		}
	}
}

/* The same comparison with its operands in the other order */
static u8 jump_mirror(u8 op)
{
	switch (op) {
	case BPF_JGT:
		return BPF_JLT;
	case BPF_JGE:
		return BPF_JLE;
	case BPF_JSGT:
		return BPF_JSLT;
	case BPF_JSGE:
		return BPF_JSLE;
	default:
		return op;
	}
}

/* The comparison that holds when this one does not */
static u8 jump_inverse(u8 op)
{
	switch (op) {
	case BPF_JGT:
		return BPF_JLE;
	case BPF_JGE:
		return BPF_JLT;
	case BPF_JLT:
		return BPF_JGE;
	case BPF_JLE:
		return BPF_JGT;
	case BPF_JSGT:
		return BPF_JSLE;
	case BPF_JSGE:
		return BPF_JSLT;
	case BPF_JSLT:
		return BPF_JSGE;
	case BPF_JSLE:
		return BPF_JSGT;
	case BPF_JEQ:
		return BPF_JNE;
	case BPF_JNE:
		return BPF_JEQ;
	default:
		return op;
	}
}

/* The number in @a is at most that in @b, minus 1 if @strict */
static void jump_learn_below(struct vnp_verify *v, const struct vnp_reg *a,
			     const struct vnp_reg *b, bool strict)
{
	if (a->id && b->id)
		vnp_constraint_below(v->state, a->id, b->id,
				     (s64)b->plus - a->plus - strict);
}

/* Does this comparison compare the full numbers */
static bool jump_is_exact(const struct bpf_insn *insn, u8 op, const struct vnp_reg *a,
			  const struct vnp_reg *b)
{
	bool is_signed = op == BPF_JSLT || op == BPF_JSLE;

	if (!vnp_num_is_small(&a->num) || !vnp_num_is_small(&b->num))
		return false;
	if (vnp_insn_is64(insn))
		return is_signed || (a->num.smin >= 0 && b->num.smin >= 0);
	return a->num.smin >= 0 && b->num.smin >= 0 &&
	       (!is_signed || (a->num.smax <= S32_MAX && b->num.smax <= S32_MAX));
}

/* Both numbers were narrowed by the comparison: now relate them */
static void jump_relate(struct vnp_verify *v, struct vnp_reg *a, struct vnp_reg *b,
			bool taken)
{
	const struct bpf_insn *insn = vnp_verify_current(v);
	u8 op = BPF_OP(insn->code);
	u32 id;

	if (!taken)
		op = jump_inverse(op);
	if (op != jump_mirror(op)) {
		swap(a, b);
		op = jump_mirror(op);
	}
	if (op == BPF_JSET || op == BPF_JNE || !jump_is_exact(insn, op, a, b))
		return;
	vnp_state_share(v->state, a, v->insn);
	if (!b->id && !vnp_scalar_is_const(&b->num)) {
		id = vnp_state_mint(v->state, v->insn);
		b->id = id;
	}
	jump_learn_below(v, a, b, op == BPF_JLT || op == BPF_JSLT);
	if (op == BPF_JEQ)
		jump_learn_below(v, b, a, false);
}

/* What is below this number is below its maximum, too */
static void jump_learn_limit(struct vnp_verify *v, const struct vnp_reg *reg)
{
	if (reg->id && v->state->constraint_cnt && vnp_num_is_small(&reg->num))
		vnp_constraint_below(v->state, reg->id, 0, reg->num.smax - reg->plus);
}

static bool jump_numbers(struct vnp_verify *v, struct vnp_reg *a, struct vnp_reg *b,
			 bool taken)
{
	const struct bpf_insn *insn = vnp_verify_current(v);
	struct vnp_scalar na = a->num, nb = b->num;

	if (!vnp_scalar_branch(BPF_OP(insn->code), vnp_insn_is64(insn), taken, &na,
			       &nb))
		return false;
	vnp_state_narrow(v->state, a, &na);
	if (b != a)
		vnp_state_narrow(v->state, b, &nb);
	if (a->left)
		jump_learn_left(v, a);
	if (b->left)
		jump_learn_left(v, b);
	jump_learn_limit(v, a);
	jump_learn_limit(v, b);
	if (vnp_insn_uses_x(insn) && a != b)
		jump_relate(v, a, b, taken);
	return true;
}

/* Has the pointer no variable part */
static bool jump_is_plain(const struct vnp_reg *reg)
{
	return vnp_scalar_is_const(&reg->num) && !reg->num.value;
}

/* @reg is compared with 0, and is equal to it or not on this path */
static bool jump_null(struct vnp_verify *v, struct vnp_reg *reg, bool equal)
{
	/* the start of an empty payload may be NULL */
	if (!reg->maybe_null && jump_is_plain(reg) && !vnp_reg_is_packet(reg))
		return !equal;
	if (!reg->maybe_null || reg->null)
		return true;
	/*
	 * with a variable part it may be 0 by its offset, which says nothing of the
	 * others
	 */
	if (equal && !jump_is_plain(reg))
		reg->id = 0;
	vnp_state_set_null(v->state, reg, equal);
	return true;
}

/* @a + @strict <= @b: the room after @b is also after @a */
static void jump_learn_order(struct vnp_verify *v, struct vnp_reg *a,
			     const struct vnp_reg *b, bool strict)
{
	s64 bytes = (s64)a->off - b->off + strict, range = 0;

	if (a->kind != VNP_REG_PACKET || b->maybe_null || !vnp_num_is_small(&b->num))
		return;
	if (b->kind == VNP_REG_PACKET)
		range = vnp_state_range(v->state, b);
	else if (!vnp_reg_is_fixed(b))
		return;
	if (!a->maybe_null && a->id && b->id)
		vnp_constraint_below(v->state, a->id, b->id, -bytes);
	bytes += range;
	if (range != VNP_RANGE_NONE && bytes >= -VNP_OFF_MAX && bytes <= VNP_OFF_MAX)
		vnp_state_learn_range(v->state, a, bytes);
}

static void jump_packets(struct vnp_verify *v, struct vnp_reg *a, struct vnp_reg *b,
			 bool taken)
{
	u8 op = BPF_OP(vnp_verify_current(v)->code);

	if (!vnp_reg_is_packet(a) || !vnp_reg_is_packet(b))
		return;
	if (!taken)
		op = jump_inverse(op);
	if (op != jump_mirror(op)) {
		swap(a, b);
		op = jump_mirror(op);
	}
	if (op == BPF_JEQ)
		jump_learn_order(v, b, a, false);
	if (op == BPF_JEQ || op == BPF_JLE || op == BPF_JLT)
		jump_learn_order(v, a, b, op == BPF_JLT);
}

bool vnp_verify_branch(struct vnp_verify *v, bool taken)
{
	const struct bpf_insn *insn = vnp_verify_current(v);
	struct vnp_reg *a = vnp_state_reg(v->state, insn->dst_reg), *b, imm;

	jump_immediate(insn, &imm);
	b = vnp_insn_uses_x(insn) ? vnp_state_reg(v->state, insn->src_reg) : &imm;

	if (a->kind == VNP_REG_SCALAR && b->kind == VNP_REG_SCALAR)
		return jump_numbers(v, a, b, taken);
	if (jump_is_zero(a))
		swap(a, b);
	if (jump_is_zero(b))
		return jump_null(v, a, taken == (BPF_OP(insn->code) == BPF_JEQ));
	jump_packets(v, a, b, taken);
	return true;
}
