// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Replacing calls by what they call.
 *
 * First the reachable functions are visited in depth-first order, callees before
 * callers, which finds recursion and the size of each function with all that it calls.
 * With the sizes the index of each copied instruction is known in advance, so nested
 * copies are written in a single pass.
 */
#include "vm/frame.h"
#include "vm/transform/inline.h"
#include "vm/transform/inline_impl.h"
#include "vm/analysis/live.h"
#include "vm/report/log.h"

/* How many calls of a recursion are named */
#define INLINE_NAMED_MAX	16

/* R6 to R9, which the callee must preserve */
#define INLINE_SAVED		0x3c0U

enum inline_mark {
	INLINE_NEW,
	INLINE_OPEN,
	INLINE_DONE,
};

static bool inline_uses_fp(const struct bpf_insn *insn)
{
	bool stored = BPF_CLASS(insn->code) == BPF_STX && insn->src_reg == VNP_REG_FP;

	if (vnp_insn_is_call(insn) || vnp_inline_takes_fp(insn))
		return false;
	if (vnp_inline_address(insn) == VNP_REG_FP)
		return stored || insn->off < S16_MIN + VNP_STACK_MAX ||
		       insn->off + (s32)vnp_insn_size(insn) > 0;
	return vnp_live_reads(insn) & BIT(VNP_REG_FP);
}

static int inline_check_jump(const struct vnp_inline_pass *p, const struct vnp_inline_func *f,
			     u32 i)
{
	s64 to = vnp_insn_target(&p->code->insns[i], i);

	if (to >= f->first && to < f->end)
		return 0;
	vnp_log_insn(p->code, i,
		     "jumps to instruction %lld, which belongs to another function",
		     (long long)to);
	return -EACCES;
}

static int inline_check_insn(const struct vnp_inline_pass *p, const struct vnp_inline_func *f,
			     u32 i)
{
	const struct bpf_insn *insn = &p->code->insns[i];

	if (vnp_insn_is_branch(insn))
		return inline_check_jump(p, f, i);
	if (!f->first || !inline_uses_fp(insn))
		return 0;
	vnp_log_insn(p->code, i,
		     "a function can use r10 to reach its own frame, which lies below, and copy it or add it to a number, nothing else");
	return -EACCES;
}

static int inline_check(const struct vnp_inline_pass *p, const struct vnp_inline_func *f)
{
	const struct bpf_insn *insns = p->code->insns;
	u32 i, last = f->first;
	int err;

	for (i = f->first; i < f->end; i += vnp_insn_len(&insns[i])) {
		err = inline_check_insn(p, f, i);
		if (err)
			return err;
		last = i;
	}
	if (vnp_insn_is_exit(&insns[last]) || vnp_insn_is_ja(&insns[last]))
		return 0;
	vnp_log_insn(p->code, last,
		     "runs into the next function: the last instruction of a function must be an exit or a goto");
	return -EACCES;
}

/**
 * struct inline_scan - which registers are R10 and a constant
 * @known:	bit n: Rn is
 * @off:	the constant
 * @depth:	how far below R10 any of them is used
 */
struct inline_scan {
	u32 known;
	s64 off[VNP_REG_CNT];
	s64 depth;
};

static void inline_scan_insn(struct inline_scan *s, const struct bpf_insn *insn)
{
	bool add = insn->code == (BPF_ALU64 | BPF_ADD | BPF_K);
	bool sub = insn->code == (BPF_ALU64 | BPF_SUB | BPF_K);
	bool move = insn->code == (BPF_ALU64 | BPF_MOV | BPF_X) && !insn->off;
	u8 address = vnp_inline_address(insn);

	if (address < VNP_REG_CNT && s->known >> address & 1)
		s->depth = max(s->depth, -(s->off[address] + insn->off));
	if ((add || sub) && s->known >> insn->dst_reg & 1) {
		s->off[insn->dst_reg] += add ? (s64)insn->imm : -(s64)insn->imm;
		s->depth = max(s->depth, -s->off[insn->dst_reg]);
	} else if (move && s->known >> insn->src_reg & 1) {
		s->off[insn->dst_reg] = s->off[insn->src_reg];
		s->known |= BIT(insn->dst_reg);
	} else {
		s->known &= ~vnp_live_writes(insn);
	}
}

/*
 * The size of a frame.  Compilers compute the address of a variable by a copy of R10
 * and an addition of a constant next to it.  For other code the frame may be too small:
 * accesses below it then get guards.
 */
static u32 inline_locals(const struct vnp_inline_pass *p, const struct vnp_inline_func *f)
{
	const struct bpf_insn *insns = p->code->insns;
	struct inline_scan s = {};
	u32 i;

	for (i = f->first; i < f->end; i += vnp_insn_len(&insns[i])) {
		if (p->target[i])
			s.known = 0;
		s.known |= BIT(VNP_REG_FP);
		inline_scan_insn(&s, &insns[i]);
	}
	return round_up((u32)min_t(s64, s.depth, VNP_STACK_MAX), 8);
}

static u32 inline_saves(const struct vnp_inline_pass *p, const struct vnp_inline_func *f)
{
	const struct bpf_insn *insns = p->code->insns;
	u32 i, used = 0;

	for (i = f->first; i < f->end; i += vnp_insn_len(&insns[i])) {
		used |= vnp_live_writes(&insns[i]);
		if (!vnp_insn_is_call(&insns[i]))
			used |= vnp_live_reads(&insns[i]);
	}
	return used & INLINE_SAVED;
}

/* How many instructions the one at @i becomes in a copy of @f */
static u32 inline_width(const struct vnp_inline_pass *p, const struct vnp_inline_func *f, u32 i)
{
	const struct bpf_insn *insn = &p->code->insns[i];

	if (vnp_inline_is_call(insn))
		return 1 + vnp_inline_callee(p, i)->size;
	if (f->first && vnp_inline_takes_fp(insn))
		return 2;
	return vnp_insn_len(insn);
}

static int inline_too_large(const struct vnp_inline_pass *p, u32 call)
{
	vnp_log_insn(p->code, call,
		     "the program gets more than %u instructions, as each call counts as a copy of the function: this one alone has %u with all that it calls; make it smaller, or call it in a loop",
		     VNP_INSN_MAX, vnp_inline_callee(p, call)->size);
	return -E2BIG;
}

static int inline_too_deep(const struct vnp_inline_pass *p, u32 call)
{
	vnp_log_insn(p->code, call,
		     "calls are too deep: more than %u functions would be active at once",
		     VNP_CALL_DEPTH);
	return -E2BIG;
}

/* The sizes of all that @f calls are known: compute that of @f */
static int inline_measure(struct vnp_inline_pass *p, struct vnp_inline_func *f)
{
	const struct bpf_insn *insns = p->code->insns;
	u32 i, call = U32_MAX;

	f->saves = f->first ? inline_saves(p, f) : 0;
	f->locals = inline_locals(p, f);
	f->frames = 1;
	f->height = 1;
	for (i = f->first; i < f->end; i += vnp_insn_len(&insns[i])) {
		p->at[i] = f->size;
		f->size += inline_width(p, f, i);
		if (!vnp_inline_is_call(&insns[i]))
			continue;
		call = i;
		if (f->size > VNP_INSN_MAX)
			break;
		f->frames += vnp_inline_callee(p, i)->frames;
		f->height = max(f->height, vnp_inline_callee(p, i)->height + 1);
		if (f->height > VNP_CALL_DEPTH)
			return inline_too_deep(p, i);
	}
	f->mark = INLINE_DONE;
	/* a function that calls none is reported at its call */
	return call != U32_MAX && f->size > VNP_INSN_MAX ? inline_too_large(p, call) : 0;
}

/* The current call of the function on top of the stack is recursive */
static int inline_circle(const struct vnp_inline_pass *p, u32 first)
{
	u32 i = p->depth, named = 0;

	while (i && p->stack[i - 1].func != first)
		i--;
	vnp_log_insn(p->code, p->stack[p->depth - 1].insn,
		     "recursion: the function at insn %u would call itself, through %u call%s",
		     p->funcs[first].first, p->depth - i + 1,
		     p->depth == i ? "" : "s");
	for (; i < p->depth && named < INLINE_NAMED_MAX; i++, named++)
		vnp_log_insn(p->code, p->stack[i - 1].insn,
			     "the function at insn %u calls the one at insn %u",
			     p->funcs[p->stack[i - 1].func].first,
			     p->funcs[p->stack[i].func].first);
	return -EACCES;
}

static int inline_open(struct vnp_inline_pass *p, u32 func)
{
	struct vnp_inline_func *f = &p->funcs[func];

	f->mark = INLINE_OPEN;
	p->stack[p->depth++] = (struct vnp_inline_at){ .func = func, .insn = f->first };
	return inline_check(p, f);
}

/* Walk the function on top of the stack to its next call, or to its end */
static int inline_search_step(struct vnp_inline_pass *p)
{
	struct vnp_inline_at *top = &p->stack[p->depth - 1];
	struct vnp_inline_func *f = &p->funcs[top->func];
	const struct bpf_insn *insns = p->code->insns;

	for (; top->insn < f->end; top->insn += vnp_insn_len(&insns[top->insn])) {
		const struct vnp_inline_func *callee;

		if (!vnp_inline_is_call(&insns[top->insn]))
			continue;
		callee = vnp_inline_callee(p, top->insn);
		if (callee->mark == INLINE_OPEN)
			return inline_circle(p, callee - p->funcs);
		if (callee->mark == INLINE_NEW)
			return inline_open(p, callee - p->funcs);
	}
	p->depth--;
	return inline_measure(p, f);
}

static int inline_search(struct vnp_inline_pass *p)
{
	int err;

	p->stack = vnp_alloc(p->func_cnt, sizeof(*p->stack));
	if (!p->stack)
		return -ENOMEM;
	err = inline_open(p, 0);
	while (!err && p->depth)
		err = inline_search_step(p);
	return err;
}

static int inline_find(struct vnp_inline_pass *p)
{
	const struct vnp_code *code = p->code;
	u32 i, n = 0;

	for (i = 0; i < code->insn_cnt; i += vnp_insn_len(&code->insns[i])) {
		const struct bpf_insn *insn = &code->insns[i];

		if (vnp_inline_is_call(insn))
			p->func_of[(s64)i + 1 + insn->imm] = 1;
		if (vnp_insn_is_branch(insn))
			p->target[vnp_insn_target(insn, i)] = true;
	}
	p->func_of[0] = 1;
	for (i = 0; i < code->insn_cnt; i++)
		p->func_cnt += p->func_of[i];
	p->funcs = vnp_alloc(p->func_cnt, sizeof(*p->funcs));
	if (!p->funcs)
		return -ENOMEM;
	for (i = 0; i < code->insn_cnt; i++) {
		if (!p->func_of[i])
			continue;
		p->func_of[i] = n;
		p->funcs[n].first = i;
		p->funcs[n].end = code->insn_cnt;
		if (n)
			p->funcs[n - 1].end = i;
		n++;
	}
	return 0;
}

/* Replace the program by the new one */
static int inline_take(struct vnp_inline_pass *p)
{
	struct vnp_code *code = p->code;
	struct vnp_insn_aux *aux = vnp_alloc(p->funcs[0].size, sizeof(*aux));

	if (!aux)
		return -ENOMEM;
	vnp_free(code->aux);
	code->aux = aux;
	code->insns = p->insns;
	code->insn_cnt = p->funcs[0].size;
	code->inlined = p->out;
	p->insns = NULL;
	p->out = NULL;
	return 0;
}

static int inline_run(struct vnp_inline_pass *p)
{
	u32 cnt = p->code->insn_cnt;
	int err;

	p->func_of = vnp_alloc(cnt, sizeof(u32));
	p->target = vnp_alloc(cnt, sizeof(bool));
	p->at = vnp_alloc(cnt, sizeof(u32));
	if (!p->func_of || !p->target || !p->at)
		return -ENOMEM;
	err = inline_find(p);
	if (!err)
		err = inline_search(p);
	if (!err)
		err = vnp_inline_write(p);
	return err ? err : inline_take(p);
}

static bool inline_wanted(const struct vnp_code *code)
{
	u32 i;

	for (i = 0; i < code->insn_cnt; i += vnp_insn_len(&code->insns[i]))
		if (vnp_inline_is_call(&code->insns[i]))
			return true;
	return false;
}

int vnp_inline(struct vnp_code *code)
{
	struct vnp_inline_pass p = { .code = code };
	int err;

	if (!inline_wanted(code))
		return 0;
	err = inline_run(&p);
	vnp_inlined_free(p.out);
	vnp_free(p.insns);
	vnp_free(p.stack);
	vnp_free(p.funcs);
	vnp_free(p.at);
	vnp_free(p.target);
	vnp_free(p.func_of);
	return err;
}

void vnp_inlined_free(struct vnp_inlined *inlined)
{
	if (!inlined)
		return;
	vnp_free(inlined->origin);
	vnp_free(inlined->frame_of);
	vnp_free(inlined->frames);
	vnp_free(inlined);
}
