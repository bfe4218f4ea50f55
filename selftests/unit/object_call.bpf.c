// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Calls functions of several sections: object_test.c checks that they are linked. */
#include <vnp/program.h>

#define noinline __attribute__((noinline))

__u32 calls_seen;

static noinline int twice(volatile int *n)
{
	calls_seen++;
	return 2 * *n;
}

noinline int global(int n)
{
	volatile int m = n;

	return twice(&m) + 1;
}

SEC("vnp/datagram")
int other(struct vnp_ctx *ctx)
{
	return global(ctx->ttl);
}

static noinline SEC("vnp/datagram") int beside(int n)
{
	return global(n) + twice(&n);
}

SEC("vnp/datagram")
int calls(struct vnp_ctx *ctx)
{
	volatile int n = ctx->len;

	return beside(n) + twice(&n);
}
