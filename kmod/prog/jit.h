/* SPDX-License-Identifier: GPL-2.0 */
/* The backend: native code from lowered instructions, by the kernel's own JIT. */
#ifndef _VNP_PROG_JIT_H
#define _VNP_PROG_JIT_H

#include <linux/types.h>

struct bpf_prog;
struct vnp_code;

/**
 * vnp_jit_compile() - generate native code
 * @code:	lowered code
 *
 * Context: process.
 * Return: the program, for vnp_jit_free(), or ERR_PTR: -ENOMEM, -EOPNOTSUPP (no JIT), or an
 * errno of bpf_prog_select_runtime().
 */
struct bpf_prog *vnp_jit_compile(const struct vnp_code *code);

/**
 * vnp_jit_bytes() - maximum memory that native code occupies
 * @bpf:	the native code
 *
 * Only on some architectures does the kernel put several programs into one page.
 */
u64 vnp_jit_bytes(const struct bpf_prog *bpf);

/* vnp_jit_free() - free it; it must not be executing.  Context: process */
void vnp_jit_free(struct bpf_prog *bpf);

#endif /* _VNP_PROG_JIT_H */
