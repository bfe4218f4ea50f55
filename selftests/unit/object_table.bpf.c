// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Reads from the section in which recent clang places jump tables: object_test.c */
#include <vnp/program.h>

static volatile const __u64 table[2] SEC(".jumptables");

SEC("vnp/datagram")
int switches(struct vnp_ctx *ctx)
{
	return table[ctx->len & 1];
}
