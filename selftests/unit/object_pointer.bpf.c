// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Has an initialized pointer in a global variable: object_test.c sees it refused. */
#include <vnp/program.h>

int number = 1;
int *volatile pointer = &number;

SEC("vnp/datagram")
int follows(struct vnp_ctx *ctx)
{
	(void)ctx;
	return *pointer;
}
