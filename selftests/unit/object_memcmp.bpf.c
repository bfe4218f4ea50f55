// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Calls memcmp(), as clang does for comparisons that it does not inline: object_test.c */
#include <vnp/program.h>

int memcmp(const void *a, const void *b, unsigned long len);

SEC("vnp/datagram")
int compares(struct vnp_ctx *ctx)
{
	return memcmp(ctx->remote_ip6, ctx->local_ip6, ctx->len);
}
