// SPDX-License-Identifier: GPL-2.0
#include "kmod/prog/jit.h"

#include <linux/err.h>
#include <linux/filter.h>

#include "kmod/core/memory.h"
#include "vm/code.h"
#include "vm/helper.h"
#include "vm/isa/insn.h"

/* The header and trapping instructions that the kernel adds around native code */
#define VNP_JIT_EXTRA	256

/*
 * The JIT adds imm to the address of __bpf_call_base, as it does for the kernel's own
 * helpers: modules are within the range of imm.
 */
static int vnp_jit_call_patch(struct bpf_insn *insn)
{
	const struct vnp_helper *helper = vnp_helper_get(insn->imm);
	s64 imm;

	if (!helper)
		return -EINVAL;
	imm = (unsigned long)helper->fn - (unsigned long)__bpf_call_base;
	if (imm != (s32)imm)
		return -EOPNOTSUPP;
	insn->imm = imm;
	return 0;
}

/* The scratch register, whose number is not the same in all kernels: 12 in Linux 7.2 */
static void vnp_jit_scratch_patch(struct bpf_insn *insn)
{
	if (insn->dst_reg == VNP_REG_AX)
		insn->dst_reg = BPF_REG_AX;
	if (insn->src_reg == VNP_REG_AX)
		insn->src_reg = BPF_REG_AX;
}

static int vnp_jit_patch(struct bpf_insn *insns, u32 cnt)
{
	u32 i;
	int ret;

	/* also the second half of a 64-bit immediate load, see vnp_emit_address() */
	for (i = 0; i < cnt; i++) {
		vnp_jit_scratch_patch(&insns[i]);
		if (insns[i].code != (BPF_JMP | BPF_CALL))
			continue;
		ret = vnp_jit_call_patch(&insns[i]);
		if (ret)
			return ret;
	}
	return 0;
}

struct bpf_prog *vnp_jit_compile(const struct vnp_code *code)
{
	const struct vnp_lowered *low = &code->lowered;
	struct bpf_prog *bpf;
	int ret;

	/* The kernel selects an interpreter by stack size first, even if built without any. */
	static_assert(VNP_STACK_MAX <= MAX_BPF_STACK);

	bpf = bpf_prog_alloc(bpf_prog_size(low->cnt), VNP_GFP_USER);
	if (!bpf)
		return ERR_PTR(-ENOMEM);
	bpf->len = low->cnt;
	/*
	 * JITs clear the branch history at the exit of programs that were converted from classic
	 * BPF, which have no type, if the task has no CAP_SYS_ADMIN: bpf(2) requires capabilities
	 * for all others.
	 */
	bpf->type = code->harden ? BPF_PROG_TYPE_UNSPEC : BPF_PROG_TYPE_SOCKET_FILTER;
	bpf->aux->stack_depth = low->stack_size;
	memcpy(bpf->insnsi, low->insns, array_size(low->cnt, sizeof(*low->insns)));

	ret = vnp_jit_patch(bpf->insnsi, bpf->len);
	if (ret)
		goto err_free;

	bpf = bpf_prog_select_runtime(bpf, &ret);
	if (ret && ret != -ENOTSUPP)
		goto err_free;
	if (!bpf->jited) {
		/*
		 * A requested JIT only fails for lack of memory, or if blinding moves the
		 * target of a jump out of its reach; the kernel does not tell which.
		 */
		ret = bpf->jit_requested ? -ENOMEM : -EOPNOTSUPP;
		goto err_free;
	}
	return bpf;

err_free:
	bpf_prog_free(bpf);
	return ERR_PTR(ret);
}

u64 vnp_jit_bytes(const struct bpf_prog *bpf)
{
	return PAGE_ALIGN((u64)bpf->jited_len + VNP_JIT_EXTRA);
}

void vnp_jit_free(struct bpf_prog *bpf)
{
	bpf_prog_free(bpf);
}
