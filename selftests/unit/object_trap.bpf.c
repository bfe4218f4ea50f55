// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Calls __bpf_trap(), as recent clang does for __builtin_trap(): object_test.c */
#include <vnp/program.h>

void __bpf_trap(void);

SEC("vnp/datagram")
int traps(struct vnp_ctx *ctx)
{
	if (ctx->len < 4)
		__bpf_trap();
	return VNP_PASS;
}
