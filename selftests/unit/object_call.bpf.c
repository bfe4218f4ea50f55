// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Calls a function: object_test.c sees it refused. */
#include <vnp/program.h>

static __attribute__((noinline)) int twice(volatile int *n)
{
	return 2 * *n;
}

SEC("vnp/datagram")
int calls(struct vnp_ctx *ctx)
{
	volatile int n = ctx->len;

	return twice(&n);
}
