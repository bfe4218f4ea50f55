// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* A global variable with an initialized pointer: object_test.c checks that it is refused. */
#include <vnp/program.h>

int number = 1;
int *volatile pointer = &number;

SEC("vnp/datagram")
int follows(struct vnp_ctx *ctx)
{
	(void)ctx;
	return *pointer;
}
