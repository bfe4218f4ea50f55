// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Inlining: the copies of functions. */
#include "vm/frame.h"
#include "vm/transform/inline_impl.h"
#include "vm/report/log.h"

static void inline_put(struct vnp_inline_pass *p, const struct vnp_inline_at *top, u32 to,
		       struct bpf_insn insn)
{
	p->insns[to] = insn;
	p->out->origin[to] = top->insn;
	p->out->frame_of[to] = top->frame;
}

/* The frame of a call, below that of the caller */
static int inline_add_frame(struct vnp_inline_pass *p, u32 caller, u32 call)
{
	const struct vnp_inline_func *f = vnp_inline_callee(p, call);
	struct vnp_frame *frame = &p->out->frames[p->frame_cnt];
	u32 base = p->out->frames[caller].end;
	u32 end = base + f->locals + 8 * hweight32(f->saves);

	if (end > VNP_STACK_MAX) {
		vnp_log_insn(p->code, call,
			     "the stack is too small: with the frame of this call, the program uses %u of %u bytes",
			     end, VNP_STACK_MAX);
		return -E2BIG;
	}
	frame->caller = caller;
	frame->call = call;
	frame->base = base;
	frame->locals = base + f->locals;
	frame->end = end;
	p->code->stack_size = max(p->code->stack_size, end);
	p->frame_cnt++;
	return 0;
}

static int inline_enter(struct vnp_inline_pass *p, struct vnp_inline_at *top)
{
	const struct vnp_inline_func *f = vnp_inline_callee(p, top->insn);
	struct vnp_inline_at *next = &p->stack[p->depth];
	u32 to = top->to + p->at[top->insn];
	int err;

	err = inline_add_frame(p, top->frame, top->insn);
	if (err)
		return err;
	inline_put(p, top, to, (struct bpf_insn){
		.code = BPF_JMP | BPF_JA,
		.dst_reg = f->saves >> BPF_REG_6,
		.src_reg = VNP_INSN_ENTER,
	});
	next->func = f - p->funcs;
	next->insn = f->first;
	next->to = to + 1;
	next->frame = p->frame_cnt - 1;
	p->out->frame_of[to] = next->frame;
	p->depth++;
	return 0;
}

static void inline_leave(struct vnp_inline_pass *p, const struct vnp_inline_at *top, u32 to)
{
	const struct vnp_inline_func *f = &p->funcs[top->func];

	inline_put(p, top, to, (struct bpf_insn){
		.code = BPF_JMP32 | BPF_JA,
		.dst_reg = f->saves >> BPF_REG_6,
		.src_reg = VNP_INSN_LEAVE,
		.imm = top->to + f->size - to - 1,
	});
}

static int inline_branch(struct vnp_inline_pass *p, const struct vnp_inline_at *top, u32 to)
{
	struct bpf_insn insn = p->code->insns[top->insn];
	u32 target = vnp_insn_target(&insn, top->insn);
	s32 distance = (s32)(top->to + p->at[target]) - (s32)to - 1;

	if (vnp_insn_is_ja(&insn)) {
		insn.code = BPF_JMP32 | BPF_JA;
		insn.off = 0;
		insn.imm = distance;
	} else if (distance >= S16_MIN && distance <= S16_MAX) {
		insn.off = distance;
	} else {
		vnp_log_insn(p->code, top->insn,
			     "jumps too far: with the functions that are called there are %d instructions in between, and a jump reaches %d",
			     distance, S16_MAX);
		return -E2BIG;
	}
	inline_put(p, top, to, insn);
	return 0;
}

/* Any other instruction; offsets from R10 become offsets from the frame */
static void inline_copy(struct vnp_inline_pass *p, const struct vnp_inline_at *top, u32 to)
{
	struct bpf_insn insn = p->code->insns[top->insn];
	u32 base = p->out->frames[top->frame].base;

	if (vnp_inline_address(&insn) == VNP_REG_FP)
		insn.off -= base;
	inline_put(p, top, to, insn);
	if (vnp_insn_is_ld_imm64(&insn))
		inline_put(p, top, to + 1, p->code->insns[top->insn + 1]);
	else if (top->frame && vnp_inline_takes_fp(&insn))
		inline_put(p, top, to + 1, (struct bpf_insn){
			.code = BPF_ALU64 | BPF_ADD | BPF_K,
			.dst_reg = insn.dst_reg,
			.imm = -(s32)base,
		});
}

static int inline_write_insn(struct vnp_inline_pass *p, struct vnp_inline_at *top)
{
	const struct bpf_insn *insn = &p->code->insns[top->insn];
	u32 to = top->to + p->at[top->insn];
	int err = 0;

	if (vnp_inline_is_call(insn))
		err = inline_enter(p, top);
	else if (vnp_insn_is_branch(insn))
		err = inline_branch(p, top, to);
	else if (vnp_insn_is_exit(insn) && top->frame)
		inline_leave(p, top, to);
	else
		inline_copy(p, top, to);
	top->insn += vnp_insn_len(insn);
	return err;
}

static int inline_write_alloc(struct vnp_inline_pass *p)
{
	const struct vnp_inline_func *f = &p->funcs[0];

	p->insns = vnp_alloc(f->size, sizeof(*p->insns));
	p->out = vnp_alloc(1, sizeof(*p->out));
	if (!p->insns || !p->out)
		return -ENOMEM;
	p->out->origin = vnp_alloc(f->size, sizeof(u32));
	p->out->frame_of = vnp_alloc(f->size, sizeof(u32));
	p->out->frames = vnp_alloc(f->frames, sizeof(struct vnp_frame));
	if (!p->out->origin || !p->out->frame_of || !p->out->frames)
		return -ENOMEM;
	return 0;
}

int vnp_inline_write(struct vnp_inline_pass *p)
{
	struct vnp_frame *frame;
	int err;

	err = inline_write_alloc(p);
	if (err)
		return err;
	frame = &p->out->frames[p->frame_cnt++];
	frame->locals = p->funcs[0].locals;
	frame->end = frame->locals;
	p->code->stack_size = frame->end;
	memset(p->stack, 0, sizeof(*p->stack));
	p->depth = 1;
	while (!err && p->depth) {
		struct vnp_inline_at *top = &p->stack[p->depth - 1];

		if (top->insn < p->funcs[top->func].end)
			err = inline_write_insn(p, top);
		else
			p->depth--;
	}
	return err;
}
